//! The record that programs write and user space reads: fixed places, in the order of the processor.

use std::net::{IpAddr, Ipv6Addr};

/// A destination was given to connect or sendmsg.
pub(crate) const CONNECT: i32 = 1;
/// A process replaced its program.
pub(crate) const EXEC: i32 = 2;
/// A process was made.
pub(crate) const FORK: i32 = 3;
/// A process ended.
pub(crate) const EXIT: i32 = 4;
/// A name server answered.
pub(crate) const ANSWER: i32 = 5;

/// Bytes before arguments or packet.
pub(crate) const HEAD: i32 = 104;
/// Bytes kept of the arguments of a program.
pub(crate) const ARGUMENTS: i32 = 512;
/// Bytes kept of an answer.
pub(crate) const PACKET: i32 = 512;

/// Offsets in the record.
pub(crate) mod at {
    pub(crate) const KIND: i16 = 0;
    pub(crate) const TGID: i16 = 4;
    pub(crate) const TID: i16 = 8;
    pub(crate) const PARENT: i16 = 12;
    pub(crate) const TIME: i16 = 16;
    pub(crate) const CGROUP: i16 = 24;
    pub(crate) const COMM: i16 = 32;
    pub(crate) const USER: i16 = 48;
    pub(crate) const SERVICE: i16 = 52;
    pub(crate) const ADDRESS: i16 = 56;
    pub(crate) const PORT: i16 = 72;
    pub(crate) const FAMILY: i16 = 74;
    pub(crate) const PASSED: i16 = 76;
    pub(crate) const ALLOWED: i16 = 80;
    pub(crate) const PROTOCOL: i16 = 84;
    pub(crate) const HOOK: i16 = 88;
    pub(crate) const LENGTH: i16 = 92;
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// A destination was given to connect or sendmsg.
    Connect {
        who: Who,
        service: u32,
        address: IpAddr,
        port: u16,
        udp: bool,
        /// Whether it was on the list of what is allowed.
        allowed: bool,
        /// Whether it went through.
        passed: bool,
    },
    /// A process replaced its program; the arguments are empty when the kernel gave none.
    Exec { who: Who, arguments: Vec<String> },
    /// A process was made.
    Fork { who: Who },
    /// A process ended.
    Exit { who: Who },
    /// A name server answered.
    Answer { service: u32, time: u64, packet: Vec<u8> },
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) pid: u32,
    /// The parent; zero when the record does not say.
    pub(crate) parent: u32,
    /// Nanoseconds since the machine was started.
    pub(crate) time: u64,
    pub(crate) cgroup: u64,
    pub(crate) user: u32,
    /// The first fifteen bytes of the program's name.
    pub(crate) comm: String,
}

impl Kernel {
    /// When it was recorded, in nanoseconds since the machine was started.
    pub(crate) fn time(&self) -> u64 {
        match self {
            Self::Connect { who, .. }
            | Self::Exec { who, .. }
            | Self::Fork { who }
            | Self::Exit { who } => who.time,
            Self::Answer { time, .. } => *time,
        }
    }

    /// Reads a record; `None` when it is none of the above.
    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        let kind = word(record, at::KIND)?.cast_signed();
        let length = word(record, at::LENGTH)? as usize;
        let rest = |most: i32| {
            let from = HEAD.unsigned_abs() as usize;
            record.get(from..from + length.min(most.unsigned_abs() as usize))
        };
        Some(match kind {
            CONNECT => Self::Connect {
                who: who(record)?,
                service: word(record, at::SERVICE)?,
                address: Ipv6Addr::from(bytes::<16>(record, at::ADDRESS)?).to_canonical(),
                port: u16::from_be_bytes(bytes(record, at::PORT)?),
                udp: word(record, at::PROTOCOL)? == 17,
                allowed: word(record, at::ALLOWED)? != 0,
                passed: word(record, at::PASSED)? != 0,
            },
            EXEC => Self::Exec { who: who(record)?, arguments: arguments(rest(ARGUMENTS)?) },
            FORK => Self::Fork { who: who(record)? },
            EXIT => Self::Exit { who: who(record)? },
            ANSWER => Self::Answer {
                service: word(record, at::SERVICE)?,
                time: u64::from_ne_bytes(bytes(record, at::TIME)?),
                packet: rest(PACKET)?.to_vec(),
            },
            _ => return None,
        })
    }
}

fn who(record: &[u8]) -> Option<Who> {
    let comm = bytes::<16>(record, at::COMM)?;
    let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
    Some(Who {
        pid: word(record, at::TGID)?,
        parent: word(record, at::PARENT)?,
        time: u64::from_ne_bytes(bytes(record, at::TIME)?),
        cgroup: u64::from_ne_bytes(bytes(record, at::CGROUP)?),
        user: word(record, at::USER)?,
        comm: String::from_utf8_lossy(comm.get(..end)?).into_owned(),
    })
}

/// Arguments, each ended by a zero; the last may be cut.
fn arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn bytes<const N: usize>(record: &[u8], at: i16) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    record.get(at..at + N)?.try_into().ok()
}

fn word(record: &[u8], at: i16) -> Option<u32> {
    bytes(record, at).map(u32::from_ne_bytes)
}
