//! Answers of name servers (RFC 1035): which addresses belong to which name.

use crate::observation::Answer;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A record of text.
pub(crate) const TEXT: u16 = 16;

/// Reads an answer; `None` when it is none, or broken before its first record. Records that cannot be read
/// end the list.
pub(crate) fn read(packet: &[u8]) -> Option<Answer> {
    let flags = half(packet, 2)?;
    // An answer, to one question.
    if flags & 0x8000 == 0 || half(packet, 4)? != 1 {
        return None;
    }
    let (name, mut at) = name(packet, 12)?;
    let mut answer = Answer { name, kind: half(packet, at)?, ..Answer::default() };
    at += 4;
    for _ in 0..half(packet, 6)?.min(64) {
        let Some((record, seconds, next)) = record(packet, at) else { break };
        at = next;
        let Some(address) = record else { continue };
        answer.seconds =
            if answer.addresses.is_empty() { seconds } else { answer.seconds.min(seconds) };
        answer.addresses.push(address);
    }
    Some(answer)
}

/// The record at `at`: its address if it has one, how long it holds, and where the next one begins.
fn record(packet: &[u8], at: usize) -> Option<(Option<IpAddr>, u32, usize)> {
    let (_, at) = name(packet, at)?;
    let kind = half(packet, at)?;
    let seconds = u32::from_be_bytes(packet.get(at + 4..at + 8)?.try_into().ok()?);
    let length = usize::from(half(packet, at + 8)?);
    let data = packet.get(at + 10..at + 10 + length)?;
    let address = match kind {
        1 => <[u8; 4]>::try_from(data).ok().map(|octets| Ipv4Addr::from(octets).into()),
        28 => <[u8; 16]>::try_from(data).ok().map(|octets| Ipv6Addr::from(octets).to_canonical()),
        _ => None,
    };
    Some((address, seconds, at + 10 + length))
}

/// The name at `at` in lower case, and where what follows begins. Pointers are followed a bounded number of
/// times.
fn name(packet: &[u8], at: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut after) = (String::new(), at, None);
    for _ in 0..128 {
        let length = *packet.get(at)?;
        match length {
            0 => return Some((name.to_ascii_lowercase(), after.unwrap_or(at + 1))),
            1..=63 => {
                let label = packet.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(label));
                at += 1 + usize::from(length);
            }
            192.. => {
                after = after.or(Some(at + 2));
                at = usize::from(half(packet, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

fn half(packet: &[u8], at: usize) -> Option<u16> {
    packet.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

/// Names kept at the most.
const MOST: usize = 16 << 10;

/// A name is remembered at least this long after the answer: programs keep addresses longer than they may.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Names of addresses, as the services' own name servers gave them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<IpAddr, (String, Timestamp)>,
}

impl Names {
    /// Remembers an answer.
    pub(crate) fn learn(&mut self, answer: &Answer, time: Timestamp) {
        let until = until(answer, time);
        if self.known.len() > MOST {
            self.known.retain(|_, (_, until)| *until > time);
        }
        for address in answer.addresses.iter().take(MOST.saturating_sub(self.known.len())) {
            self.known.insert(*address, (answer.name.clone(), until));
        }
    }

    /// The name of an address.
    pub(crate) fn of(&self, address: IpAddr, time: Timestamp) -> Option<&str> {
        self.known.get(&address).filter(|(_, until)| *until > time).map(|(name, _)| name.as_str())
    }
}

/// Until when the addresses of an answer count as the name's.
pub(crate) fn until(answer: &Answer, time: Timestamp) -> Timestamp {
    let lifetime = SignedDuration::from_secs(i64::from(answer.seconds)).max(KEPT);
    time.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cdn.hub.example`: a CNAME, then two addresses.
    fn answer() -> Vec<u8> {
        let mut packet = vec![0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0];
        packet.extend(b"\x03cdn\x03hub\x07example\0\0\x01\0\x01");
        packet.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x1e\0\x04\x01e\xc0\x10");
        packet.extend(b"\xc0\x2d\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07");
        packet.extend(b"\xc0\x2d\0\x01\0\x01\0\0\0\x14\0\x04\xc0\0\x02\x08");
        packet
    }

    #[test]
    fn addresses_belong_to_the_name_that_was_asked_for() {
        let read = read(&answer()).expect("an answer");
        assert_eq!((read.name.as_str(), read.kind, read.seconds), ("cdn.hub.example", 1, 20));
        let expected = [IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8])];
        assert_eq!(read.addresses, expected);
    }

    #[test]
    fn broken_answers_end_where_they_break() {
        let whole = answer();
        for length in 0..whole.len() {
            drop(read(whole.get(..length).expect("within")));
        }
        let mut looping = whole;
        looping[12] = 0xc0;
        looping[13] = 0x0c;
        assert_eq!(read(&looping), None);
    }
}
