//! Whether bytes mean something: known magic numbers, or text that has the structure of code, commands or
//! URLs. Taking an encoding off is right only if the result means more than what was there before.

use crate::pickle;
use wb_core::Bytes;

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meaning {
    /// Nothing that can be told.
    None,
    /// Printable text without the structure of code.
    Prose,
    /// Text with the structure of code, a command or a URL.
    Code,
    /// A known binary structure.
    Structure,
}

/// What `data` looks like.
pub(crate) fn meaning(data: &[u8]) -> Meaning {
    if is_structure(data) {
        return Meaning::Structure;
    }
    let Some(text) = printable(data) else { return Meaning::None };
    if has_code(text) {
        return Meaning::Code;
    }
    let letters =
        text.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '\n')).count();
    let all = text.chars().count();
    if all >= 8 && letters.saturating_mul(10) >= all.saturating_mul(7) {
        Meaning::Prose
    } else {
        Meaning::None
    }
}

/// The text, when nearly nothing in it is a control character.
pub(crate) fn printable(data: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(data).ok()?;
    let odd = text
        .chars()
        .filter(|one| {
            (one.is_control() && !matches!(one, '\n' | '\r' | '\t')) || *one == '\u{fffd}'
        })
        .count();
    (!text.is_empty() && odd.saturating_mul(50) <= text.len()).then_some(text)
}

/// Whether `data` begins with a magic number whose structure holds, or is a pickle.
pub(crate) fn is_structure(data: &[u8]) -> bool {
    let at = |index: usize| data.get(index).copied();
    let zip = data.starts_with(b"PK\x03\x04") && data.len() >= 30;
    let gzip = data.starts_with(&[0x1f, 0x8b, 8]) && data.len() >= 18;
    let elf = data.starts_with(b"\x7fELF") && matches!(at(4), Some(1 | 2));
    let pe = data.starts_with(b"MZ")
        && Bytes::new(data)
            .u32_le(0x3c)
            .and_then(|offset| usize::try_from(offset).ok())
            .and_then(|offset| data.get(offset..))
            .is_some_and(|header| header.starts_with(b"PE\0\0"));
    let mach_o = matches!(data.get(..4), Some([0xcf | 0xce, 0xfa, 0xed, 0xfe]));
    let xz = data.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]);
    let bz2 = data.starts_with(b"BZh") && data.get(4..10) == Some(b"1AY&SY");
    let pickle = data.first() == Some(&0x80)
        && matches!(at(1), Some(2..=5))
        && pickle::is_pickle(Bytes::new(data));
    zip || gzip || elf || pe || mach_o || xz || bz2 || pickle || is_zlib(data) || is_marshal(data)
}

/// A zlib header: method 8, window at most 32 KiB, check bits (RFC 1950, section 2.2).
pub(crate) fn is_zlib(data: &[u8]) -> bool {
    match data {
        [cmf, flags, ..] if data.len() >= 8 => {
            let check = u16::from_be_bytes([*cmf, *flags]);
            matches!(cmf, 0x58 | 0x68 | 0x78 | 0x48 | 0x38) && check % 31 == 0 && flags & 0x20 == 0
        }
        _ => false,
    }
}

/// A marshalled code object: the type byte with the reference bit, and small counts behind it.
pub(crate) fn is_marshal(data: &[u8]) -> bool {
    data.len() > 40
        && matches!(data.first(), Some(0xe3 | 0x63))
        && Bytes::new(data).u32_le(1).is_some_and(|arguments| arguments < 256)
        && Bytes::new(data).u32_le(5).is_some_and(|count| count < 256)
}

/// Whether text has the structure of code, of a command line or of a URL.
pub(crate) fn has_code(text: &str) -> bool {
    // Separated by `¦`; the longer ones tell enough by themselves.
    const CODE: &str = "http://¦https://¦ftp://¦ws://¦wss://¦import ¦exec(¦eval(¦os.¦sys.¦subprocess¦socket.¦\
        def ¦lambda ¦lambda:¦print(¦curl ¦wget ¦bash -¦/bin/¦sh -c¦powershell¦#!/¦__import__¦\
        getattr(¦chr(¦b64decode¦$(¦| sh¦|sh¦&& ¦/etc/¦/tmp/¦/dev/¦nslookup ¦ping -¦base64 -¦\
        open(¦<script¦function(¦function (¦return ¦.join(¦echo ¦rm -¦chmod ¦python -¦python3 -¦\
        cmd.exe¦cmd /c¦Invoke-¦IEX¦system(¦popen(¦nc -¦{{¦{%¦.decode(¦compile(¦marshal";
    let mut sample = text.len().min(1 << 16);
    while !text.is_char_boundary(sample) {
        sample = sample.saturating_sub(1);
    }
    let sample = text.get(..sample).unwrap_or_default();
    let mut hits = 0_u32;
    for token in CODE.split('¦') {
        if sample.contains(token) {
            hits = hits.saturating_add(if token.len() >= 4 { 2 } else { 1 });
        }
    }
    hits >= 2 || is_call(sample)
}

/// `name(...)` or `name.name(...)` and nothing else, or an assignment.
fn is_call(text: &str) -> bool {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return false };
    !name.is_empty()
        && rest.ends_with(')')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}
