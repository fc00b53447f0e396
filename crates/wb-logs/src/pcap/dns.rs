//! Messages of the domain name system (RFC 1035, section 4).

use std::net::{Ipv4Addr, Ipv6Addr};
use wb_core::Bytes;

/// Answers kept per message.
const MOST_ANSWERS: usize = 64;

/// Labels of a name, and jumps of its compression, at the most.
const MOST_LABELS: usize = 128;

/// A question or the answer to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) is_answer: bool,
    pub(super) name: String,
    pub(super) kind: u16,
    /// `RCODE`.
    pub(super) code: u8,
    /// Addresses, names and text of the answer.
    pub(super) answers: Vec<String>,
}

/// Reads a message with one question, which is what resolvers ask and answer.
pub(super) fn read(data: &[u8]) -> Option<Message> {
    let bytes = Bytes::new(data);
    let word = |at: usize| bytes.array(at).map(u16::from_be_bytes);
    let flags = word(2)?;
    let opcode = flags >> 11 & 15;
    let (questions, answers) = (word(4)?, word(6)?);
    if opcode != 0 || questions != 1 || answers > 512 || word(8)? > 512 || word(10)? > 512 {
        return None;
    }
    let (name, mut at) = name(bytes, 12)?;
    let kind = word(at)?;
    let class = word(at.checked_add(2)?)?;
    // The highest bit of the class asks for a unicast answer in mDNS (RFC 6762).
    if class & 0x7fff != 1 && class != 255 {
        return None;
    }
    at = at.checked_add(4)?;
    let mut found = Vec::new();
    for _ in 0..answers.min(MOST_ANSWERS as u16) {
        let Some((answer, next)) = record(bytes, at) else { break };
        found.extend(answer);
        at = next;
    }
    let is_answer = flags & 0x8000 != 0;
    let code = u8::try_from(flags & 15).unwrap_or(0);
    Some(Message { id: word(0)?, is_answer, name, kind, code, answers: found })
}

/// The name of a type, as in queries: `A`, `TXT`, or its number.
pub(super) fn kind_name(kind: u16) -> String {
    const NAMES: &[(u16, &str)] = &[
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (10, "NULL"),
        (12, "PTR"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"),
        (43, "DS"),
        (46, "RRSIG"),
        (48, "DNSKEY"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (252, "AXFR"),
        (255, "ANY"),
    ];
    NAMES
        .iter()
        .find(|(number, _)| *number == kind)
        .map_or_else(|| kind.to_string(), |(_, name)| (*name).to_owned())
}

/// The name of a response code.
pub(super) fn code_name(code: u8) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "OTHER",
    }
}

/// A resource record: what it says, if that is of use, and where the next begins.
fn record(bytes: Bytes<'_>, at: usize) -> Option<(Option<String>, usize)> {
    let (_, at) = name(bytes, at)?;
    let kind = bytes.array(at).map(u16::from_be_bytes)?;
    let len = usize::from(bytes.array(at.checked_add(8)?).map(u16::from_be_bytes)?);
    let start = at.checked_add(10)?;
    let data = bytes.slice(start, len)?;
    let said = match kind {
        1 => data.array::<4>(0).map(|octets| Ipv4Addr::from(octets).to_string()),
        28 => data.array::<16>(0).map(|octets| Ipv6Addr::from(octets).to_string()),
        2 | 5 | 12 => name(bytes, start).map(|(name, _)| name),
        16 => Some(texts(data)),
        _ => None,
    };
    Some((said.filter(|said| !said.is_empty()), start.checked_add(len)?))
}

/// The strings of a TXT record, one after the other.
fn texts(data: Bytes<'_>) -> String {
    let mut cursor = data.cursor();
    let mut all = String::new();
    while let Some(len) = cursor.u8() {
        let Some(part) = cursor.take(usize::from(len)) else { break };
        push_printable(&mut all, part.as_slice());
    }
    all
}

/// The name at `at`, lower case, and where what follows it begins. Compression points back only, which
/// bounds it.
fn name(bytes: Bytes<'_>, at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut end = None;
    let mut at = at;
    for _ in 0..MOST_LABELS {
        let len = bytes.byte(at)?;
        match len {
            0 => {
                let end = end.or(at.checked_add(1))?;
                return Some((text, end));
            }
            1..=63 => {
                let label = bytes.slice(at.checked_add(1)?, usize::from(len))?;
                if !text.is_empty() {
                    text.push('.');
                }
                push_printable(&mut text, label.as_slice());
                at = at.checked_add(1)?.checked_add(usize::from(len))?;
            }
            192.. => {
                let pointer = bytes.array(at).map(u16::from_be_bytes)? & 0x3fff;
                let target = usize::from(pointer);
                end = end.or(at.checked_add(2));
                if target >= at || text.len() > 255 {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
    None
}

/// Adds bytes as text; what is not printable is written as `\DDD` (RFC 1035, section 5.1).
fn push_printable(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            0x21..=0x7e | b' ' => text.push(char::from(byte.to_ascii_lowercase())),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03HUB\x07example\0\0\x01\0\x01";

    #[test]
    fn a_question_is_read_and_compression_does_not_loop() {
        let message = read(QUERY).expect("whole");
        assert_eq!(
            (message.name.as_str(), message.kind, message.is_answer),
            ("hub.example", 1, false)
        );
        let mut looping = QUERY.to_vec();
        looping[12] = 0xc0;
        looping[13] = 12;
        assert_eq!(read(&looping), None);
        for end in 0..QUERY.len() {
            assert_eq!(read(&QUERY[..end]), None);
        }
    }
}
