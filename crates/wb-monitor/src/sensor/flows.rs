//! Connections as connection tracking tells them, until their socket says whose they are. [`Flows`] gives each
//! connection once: with its socket where one is found, and without where its socket is gone. It touches no
//! kernel.

use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Connections that wait, and that were told and have not ended, at the most; each.
const MOST: usize = 64 << 10;

/// How long a connection waits for its socket: a list of sockets comes every second.
const WAIT: SignedDuration = SignedDuration::from_secs(1);

/// One direction of a connection, from the side that began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tuple {
    pub(crate) udp: bool,
    pub(crate) from: IpAddr,
    pub(crate) from_port: u16,
    pub(crate) to: IpAddr,
    pub(crate) to_port: u16,
}

/// What the end of a socket is the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A connection that waited since then.
    Waited(Timestamp),
    /// A connection that was told before, with the process that it was told with.
    Told(Option<u32>),
    /// A connection that was refused, and told then.
    Refused,
    /// A connection that tracking did not tell.
    Unknown,
}

/// The connections.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    waiting: HashMap<Tuple, Timestamp>,
    told: HashMap<Tuple, Option<u32>>,
    refused: HashSet<Tuple>,
}

impl Flows {
    /// A connection began. Returns whether it is kept: with too many of them it is told by the end of its socket,
    /// if it has one.
    pub(crate) fn begun(&mut self, tuple: Tuple, time: Timestamp) -> bool {
        let room = self.waiting.len() < MOST && self.told.len() < MOST;
        if room {
            self.waiting.entry(tuple).or_insert(time);
        }
        room
    }

    /// A connection was told in another way: it is not told again.
    pub(crate) fn tell(&mut self, tuple: Tuple, pid: Option<u32>) {
        if self.told.len() < MOST {
            self.told.insert(tuple, pid);
        }
    }

    /// A connection was refused, and is told: its socket's end does not tell it again. Returns whether this is kept.
    pub(crate) fn refuse(&mut self, tuple: Tuple) -> bool {
        let room = self.refused.len() < MOST;
        if room {
            self.refused.insert(tuple);
        }
        room
    }

    /// The socket of a connection ended.
    pub(crate) fn ended(&mut self, tuple: &Tuple) -> Ended {
        if self.refused.remove(tuple) {
            return Ended::Refused;
        }
        if let Some(time) = self.waiting.remove(tuple) {
            return Ended::Waited(time);
        }
        self.told.remove(tuple).map_or(Ended::Unknown, Ended::Told)
    }

    /// A socket ended that sent datagrams to anybody: the connections that it began and that wait.
    pub(crate) fn ended_from(&mut self, from: IpAddr, port: u16) -> Vec<(Tuple, Timestamp)> {
        let own = |tuple: &Tuple| {
            tuple.udp && tuple.from_port == port && (from.is_unspecified() || from == tuple.from)
        };
        self.refused.retain(|tuple| !own(tuple));
        let found = self.waiting.extract_if(|tuple, _| own(tuple));
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(tuple, time)| (*time, *tuple));
        found
    }

    /// Ends of connections were lost: those that were told are no longer waited for, and may be told again.
    pub(crate) fn forget(&mut self) {
        self.told.clear();
        self.refused.clear();
    }

    /// Tracking forgot a connection. Returns the process it was told with, when it was and its socket had not
    /// ended.
    pub(crate) fn gone(&mut self, tuple: &Tuple) -> Option<Option<u32>> {
        self.told.remove(tuple)
    }

    /// Connections to be told now: those whose owner `owner` knows, and those that waited long enough.
    pub(crate) fn due<T>(
        &mut self,
        now: Timestamp,
        owner: &dyn Fn(&Tuple) -> Option<T>,
    ) -> Vec<(Tuple, Timestamp, Option<T>)> {
        let mut found = Vec::new();
        self.waiting.retain(|tuple, time| {
            let owner = owner(tuple);
            let due = owner.is_some() || now.duration_since(*time) >= WAIT;
            if due {
                found.push((*tuple, *time, owner));
            }
            !due
        });
        found.sort_by_key(|(tuple, time, _)| (*time, *tuple));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(udp: bool, from_port: u16) -> Tuple {
        let (from, to) = (IpAddr::from([192, 0, 2, 10]), IpAddr::from([192, 0, 2, 66]));
        Tuple { udp, from, from_port, to, to_port: 443 }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    #[test]
    fn a_short_connection_is_told_once_by_the_end_of_its_socket() {
        let mut flows = Flows::default();
        assert!(flows.begun(tuple(false, 40_000), at(0)));
        assert_eq!(flows.ended(&tuple(false, 40_000)), Ended::Waited(at(0)));
        assert!(flows.due(at(5000), &|_| Some(1)).is_empty(), "it was told");
        assert_eq!(flows.ended(&tuple(false, 40_000)), Ended::Unknown, "another one");
    }

    #[test]
    fn a_long_connection_is_told_with_its_owner_and_its_end_does_not_tell_it_again() {
        let mut flows = Flows::default();
        flows.begun(tuple(false, 40_000), at(0));
        let due = flows.due(at(100), &|_| Some(7));
        assert_eq!(due, [(tuple(false, 40_000), at(0), Some(7))]);
        flows.tell(tuple(false, 40_000), Some(7));
        assert_eq!(flows.ended(&tuple(false, 40_000)), Ended::Told(Some(7)));
        assert_eq!(flows.gone(&tuple(false, 40_000)), None, "its end was told");
    }

    #[test]
    fn a_refused_connection_is_not_told_again_as_one_that_passed() {
        let mut flows = Flows::default();
        assert!(flows.refuse(tuple(false, 40_000)) && flows.refuse(tuple(true, 40_001)));
        assert_eq!(flows.ended(&tuple(false, 40_000)), Ended::Refused);
        assert_eq!(flows.ended(&tuple(false, 40_000)), Ended::Unknown, "the next of that port");
        assert!(flows.ended_from(IpAddr::from([0, 0, 0, 0]), 40_001).is_empty());
        assert_eq!(flows.ended(&tuple(true, 40_001)), Ended::Unknown, "its socket is gone");
    }

    #[test]
    fn a_connection_without_a_socket_is_told_after_a_second_and_of_nobody() {
        let mut flows = Flows::default();
        flows.begun(tuple(true, 40_000), at(0));
        let nobody = |_: &Tuple| None::<u32>;
        assert!(flows.due(at(999), &nobody).is_empty());
        assert_eq!(flows.due(at(1000), &nobody), [(tuple(true, 40_000), at(0), None)]);
    }

    #[test]
    fn a_socket_that_sends_to_anybody_owns_what_came_from_its_port_and_nothing_else() {
        let mut flows = Flows::default();
        flows.begun(tuple(true, 40_000), at(0));
        flows.begun(tuple(true, 40_001), at(1));
        flows.begun(tuple(false, 40_000), at(2));
        let elsewhere = IpAddr::from([198, 51, 100, 1]);
        assert!(flows.ended_from(elsewhere, 40_000).is_empty(), "another address of the host");
        let any = IpAddr::from([0, 0, 0, 0]);
        assert_eq!(flows.ended_from(any, 40_000), [(tuple(true, 40_000), at(0))]);
    }
}
