//! Strings and bytes that are something of their own: pickles, compressed data, executables.

use super::opcode::{self as op, Step};
use wb_core::Bytes;

/// The shortest data that is looked at.
const SHORTEST: usize = 12;
/// The shortest text that is taken for an encoding of something.
const SHORTEST_ENCODED: usize = 24;

/// Magic numbers of what is worth keeping although no op uses it.
const MAGIC: &[&[u8]] = &[
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"PK\x03\x04",
    b"#!/",
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
];

/// How the same begins in base64 (gzip, bzip2, xz, ELF, PE, zip, marshalled code).
const BASE64: &[&[u8]] =
    &[b"H4sI", b"Qlpo", b"/Td6WF", b"f0VM", b"TVqQ", b"UEsD", b"4wAAAAAA", b"4wEAAAAA"];

/// How the same begins in hexadecimal.
const HEX: &[&[u8]] = &[
    b"7801",
    b"785e",
    b"789c",
    b"78da",
    b"1f8b08",
    b"425a68",
    b"7f454c46",
    b"4d5a90",
    b"e300000000",
];

/// Whether `step` pushes a string that is itself a pickle, compressed data or an executable, in the
/// open or in base64 or hexadecimal.
#[inline]
pub(super) fn is_embedded(step: &Step<'_>) -> bool {
    if step.data.len() < SHORTEST {
        return false;
    }
    match step.code {
        op::BINBYTES
        | op::SHORT_BINBYTES
        | op::BINBYTES8
        | op::BYTEARRAY8
        | op::BINSTRING
        | op::SHORT_BINSTRING => is_binary(step.data) || is_encoded(step.data),
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 | op::UNICODE => {
            is_script(step.data) || is_encoded(step.data)
        }
        op::STRING => {
            let inner = step.data.get(1..).unwrap_or(&[]);
            is_encoded(inner.strip_suffix(b"'").unwrap_or(inner))
                || super::text::unquote(step.data).is_some_and(|data| is_binary(&data))
        }
        _ => false,
    }
}

fn is_binary(data: &[u8]) -> bool {
    begins_binary(data) || is_reversed(data) || holds_stream(data)
}

/// A pickle from its STOP to its PROTO.
fn is_reversed(data: &[u8]) -> bool {
    let [b'.', .., 2..=5, 0x80] = data else { return false };
    let forwards: Vec<u8> = data.iter().rev().copied().take(1 << 20).collect();
    super::is_pickle(Bytes::new(&forwards))
}

/// Whether a pickle that does something stands behind other bytes.
fn holds_stream(data: &[u8]) -> bool {
    super::streams::framed_stream(Bytes::new(data), usize::MAX).is_some()
}

fn begins_binary(data: &[u8]) -> bool {
    let pickle = match data {
        [0x80, 2..=5, ..] => true,
        [b'c' | b'(', ..] => data.contains(&b'\n'),
        _ => false,
    };
    (pickle && super::is_pickle(Bytes::new(data)))
        || MAGIC.iter().any(|magic| data.starts_with(magic))
        || is_portable_executable(data)
        || is_marshalled_code(data)
}

/// Text in which a pickle of protocol 0 or a script stands.
fn is_script(data: &[u8]) -> bool {
    match data {
        [b'#', b'!', b'/', ..] => true,
        [b'c' | b'(', ..] => data.contains(&b'\n') && super::is_pickle(Bytes::new(data)),
        _ => false,
    }
}

/// `MZ`, with the PE header where the DOS header says.
fn is_portable_executable(data: &[u8]) -> bool {
    let bytes = Bytes::new(data);
    bytes.starts_with(b"MZ")
        && bytes
            .u32_le(0x3c)
            .and_then(|at| bytes.array::<4>(usize::try_from(at).ok()?))
            .is_some_and(|magic| &magic == b"PE\0\0")
}

/// A marshalled code object: its type byte and a small number of arguments.
fn is_marshalled_code(data: &[u8]) -> bool {
    matches!(data, [0x63 | 0xe3, _, 0, 0, 0, _, 0, 0, 0, ..]) && data.len() > 40
}

/// Text that begins like base64 or hexadecimal digits of something known, and has no other letters.
fn is_encoded(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    if data.len() < SHORTEST_ENCODED {
        return false;
    }
    let mut backwards = [0_u8; 16];
    for (to, from) in backwards.iter_mut().zip(data.iter().rev().skip_while(|byte| **byte == b'='))
    {
        *to = *from;
    }
    begins_encoded(data, data) || begins_encoded(&backwards, data)
}

/// Whether `data` begins like digits of something known, and all of `whole` are such digits.
fn begins_encoded(data: &[u8], whole: &[u8]) -> bool {
    let begins = |prefixes: &[&[u8]]| {
        prefixes.iter().any(|prefix| {
            data.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        })
    };
    let sample = whole.get(..256.min(whole.len())).unwrap_or(whole);
    let digits = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\n' | b'\r')
    };
    let base64 = BASE64.iter().any(|prefix| data.starts_with(prefix))
        || is_zlib_in_base64(data)
        || is_pickle_in_base64(data);
    let base32 = data.starts_with(b"QAB") || data.starts_with(b"QAC");
    let in_base32 = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7' | b'=' | b'\n' | b'\r');
    (base64 && sample.iter().all(digits))
        || (base32 && sample.iter().all(in_base32))
        || ((begins(HEX) || is_pickle_in_hex(data))
            && sample.iter().all(|b| b.is_ascii_hexdigit() || b.is_ascii_whitespace()))
}

/// Whether base64 digits begin with a header of zlib: `78 01`, `78 5e`, `78 9c` or `78 da`, whose last four bits
/// share a digit with what follows.
fn is_zlib_in_base64(data: &[u8]) -> bool {
    matches!(
        data,
        [b'e', b'A', b'E'..=b'H', ..]
            | [b'e', b'F', b'4'..=b'7', ..]
            | [b'e', b'J', b'w'..=b'z', ..]
            | [b'e', b'N', b'o'..=b'r', ..]
    )
}

/// Whether hexadecimal digits begin with PROTO and an opcode.
fn is_pickle_in_hex(data: &[u8]) -> bool {
    let Some(digits @ [b'8', b'0', b'0', b'2'..=b'5', ..]) = data.get(..6) else { return false };
    let code = data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok();
    code.and_then(|bytes| bytes.last().copied()).is_some_and(|code| op::info(code).is_some())
}

/// Whether base64 digits begin with PROTO and an opcode.
fn is_pickle_in_base64(data: &[u8]) -> bool {
    let [b'g', b'A', third @ b'I'..=b'X', fourth, ..] = data else { return false };
    let head = data_encoding::BASE64.decode(&[b'g', b'A', *third, *fourth]);
    matches!(head.as_deref(), Ok([0x80, 2..=5, code]) if op::info(*code).is_some())
}
