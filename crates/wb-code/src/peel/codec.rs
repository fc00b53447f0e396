//! Decoders, one function each: bytes in, bytes out, `None` when the input is not of that encoding.
//!
//! They are as lenient as Python's: white space is skipped, padding may be missing. Decompressors stop at a
//! limit and return what they have.

use std::io::Read;

/// The most that one decompression may yield, in bytes, whatever the budget says.
const MAX_DECOMPRESSED: u64 = 64 << 20;

/// Base64, standard or URL-safe alphabet, padded or not (RFC 4648, sections 4 and 5).
pub(crate) fn base64(data: &[u8]) -> Option<Vec<u8>> {
    bits(data, 6, |byte| match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    })
}

/// Base32 (RFC 4648, section 6), either case.
pub(crate) fn base32(data: &[u8]) -> Option<Vec<u8>> {
    bits(data, 5, |byte| match byte.to_ascii_uppercase() {
        letter @ b'A'..=b'Z' => Some(letter.wrapping_sub(b'A')),
        digit @ b'2'..=b'7' => Some(digit.wrapping_sub(b'2').wrapping_add(26)),
        _ => None,
    })
}

/// Base32 with the extended hexadecimal alphabet (RFC 4648, section 7), either case.
pub(crate) fn base32hex(data: &[u8]) -> Option<Vec<u8>> {
    bits(data, 5, |byte| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        letter @ b'A'..=b'V' => Some(letter.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    })
}

/// The most digits of base 58 that are read: the work grows with their square.
const MAX_BASE58: usize = 4096;

/// Base58 with the alphabet of Bitcoin.
pub(crate) fn base58(data: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if data.is_empty() || data.len() > MAX_BASE58 {
        return None;
    }
    // The number so far, the least byte first.
    let mut number: Vec<u8> = Vec::with_capacity(data.len());
    for byte in data {
        let mut carry = u32::try_from(ALPHABET.iter().position(|one| one == byte)?).ok()?;
        for place in &mut number {
            carry = carry.saturating_add(u32::from(*place).saturating_mul(58));
            *place = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        if carry > 0 {
            number.push(u8::try_from(carry).ok()?);
        }
    }
    let zeros = data.iter().take_while(|byte| **byte == b'1').count();
    number.extend(std::iter::repeat_n(0, zeros));
    number.reverse();
    Some(number)
}

/// Hexadecimal digits, with white space, `:` or `0x` between pairs.
pub(crate) fn hex(data: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?;
    let text = text.replace("0x", "").replace([':', ','], "");
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if digits % 2 != 0 {
        return None;
    }
    bits(text.as_bytes(), 4, |byte| {
        char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    })
}

/// Joins the values of digits of `width` bits. White space is skipped, `=` ends the digits; a remainder
/// shorter than a byte is dropped.
fn bits(data: &[u8], width: u32, value: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let kept: Vec<u8> = data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let end = kept.iter().position(|byte| *byte == b'=').unwrap_or(kept.len());
    let (digits, padding) = kept.split_at_checked(end)?;
    padding.iter().all(|byte| *byte == b'=').then(|| bits_of_all(digits, width, value))?
}

/// Joins the values of digits of `width` bits, each of which must be one.
fn bits_of_all(digits: &[u8], width: u32, value: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(digits.len());
    let mut buffer: u32 = 0;
    let mut held: u32 = 0;
    for byte in digits.iter().copied() {
        buffer = buffer.wrapping_shl(width) | u32::from(value(byte)?);
        held = held.saturating_add(width);
        if held >= 8 {
            held = held.saturating_sub(8);
            decoded.push(u8::try_from(buffer.wrapping_shr(held) & 0xff).ok()?);
        }
    }
    // A whole digit left over means that the last group is not a group.
    (held < width && !decoded.is_empty()).then_some(decoded)
}

/// Base85 as `base64.b85decode` reads it (RFC 1924 alphabet).
pub(crate) fn base85(data: &[u8]) -> Option<Vec<u8>> {
    digits_of_85(
        data,
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    )
}

/// Base85 as ZeroMQ writes it (`base64.z85decode`).
pub(crate) fn z85(data: &[u8]) -> Option<Vec<u8>> {
    digits_of_85(
        data,
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
    )
}

fn digits_of_85(data: &[u8], alphabet: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = data
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| {
            let position = alphabet.iter().position(|one| one == byte)?;
            u8::try_from(position).ok()
        })
        .collect();
    groups_of_five(&digits?)
}

/// Ascii85 as `base64.a85decode` reads it, with or without `<~ ~>`.
pub(crate) fn ascii85(data: &[u8]) -> Option<Vec<u8>> {
    let data = data.trim_ascii();
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let data = data.strip_suffix(b"~>").unwrap_or(data);
    let mut digits = Vec::with_capacity(data.len());
    for byte in data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'z' if digits.len() % 5 == 0 => digits.extend([0; 5]),
            b'!'..=b'u' => digits.push(byte.wrapping_sub(b'!')),
            _ => return None,
        }
    }
    groups_of_five(&digits)
}

fn groups_of_five(digits: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(digits.len());
    for group in digits.chunks(5) {
        if group.len() == 1 {
            return None;
        }
        let mut value: u32 = 0;
        for position in 0..5 {
            let digit = group.get(position).copied().unwrap_or(84);
            value = value.checked_mul(85)?.checked_add(u32::from(digit))?;
        }
        let bytes = value.to_be_bytes();
        decoded.extend(bytes.get(..group.len().saturating_sub(1)).unwrap_or_default());
    }
    (!decoded.is_empty()).then_some(decoded)
}

/// ROT13 of the letters.
pub(crate) fn rot13(data: &[u8]) -> Vec<u8> {
    data.iter()
        .map(|byte| match byte {
            b'a'..=b'm' | b'A'..=b'M' => byte.wrapping_add(13),
            b'n'..=b'z' | b'N'..=b'Z' => byte.wrapping_sub(13),
            other => *other,
        })
        .collect()
}

/// `%41` and `+` for a space.
pub(crate) fn percent(data: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(data.len());
    let mut at = 0_usize;
    while let Some(byte) = data.get(at).copied() {
        at = at.saturating_add(1);
        let pair = data.get(at..at.saturating_add(2)).unwrap_or_default();
        let value = std::str::from_utf8(pair).ok().filter(|_| byte == b'%');
        match value.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                at = at.saturating_add(2);
            }
            None => decoded.push(byte),
        }
    }
    decoded
}

/// Quoted-printable text (RFC 2045, section 6.7).
pub(crate) fn quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(data.len());
    let mut at = 0_usize;
    while let Some(byte) = data.get(at).copied() {
        let pair = data.get(at.saturating_add(1)..at.saturating_add(3)).unwrap_or_default();
        let digits = std::str::from_utf8(pair).ok().filter(|_| byte == b'=');
        let (value, length) = match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => (Some(value), 3),
            None if byte == b'=' && pair.starts_with(b"\n") => (None, 2),
            None if byte == b'=' && pair == b"\r\n" => (None, 3),
            None => (Some(byte), 1),
        };
        decoded.extend(value);
        at = at.saturating_add(length);
    }
    decoded
}

/// Uuencoded lines, with or without `begin` and `end`.
pub(crate) fn uuencode(data: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        let Some((count, digits)) = line.split_first() else { continue };
        if line.starts_with(b"begin ") || line == b"end" {
            continue;
        }
        let count = usize::from(count.checked_sub(b' ')? & 0x3f);
        // Blanks at the end of a line may have been cut off.
        let mut padded = digits.to_vec();
        padded.resize(count.div_ceil(3).saturating_mul(4).max(digits.len()), b' ');
        let bytes = bits_of_all(&padded, 6, |byte| {
            byte.checked_sub(b' ').filter(|value| *value <= 64).map(|value| value & 0x3f)
        })?;
        decoded.extend(bytes.get(..count)?);
    }
    (!decoded.is_empty()).then_some(decoded)
}

/// Backslash escapes of Python and JavaScript strings: `\x41`, `\u0041`, `\101`, `\n`.
pub(crate) fn escapes(data: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(data.len());
    let mut at = 0_usize;
    while let Some(byte) = data.get(at).copied() {
        at = at.saturating_add(1);
        if byte != b'\\' {
            decoded.push(byte);
            continue;
        }
        let kind = data.get(at).copied();
        let (skip, digits, radix) = match kind {
            Some(b'x') => (1, 2, 16),
            Some(b'u') => (1, 4, 16),
            Some(b'0'..=b'7') => (0, 3, 8),
            _ => (0, 0, 10),
        };
        let start = at.saturating_add(skip);
        let end = start.saturating_add(digits);
        let number = data
            .get(start..end)
            .filter(|digits| !digits.is_empty())
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, radix).ok());
        if let Some(number) = number {
            match u8::try_from(number).ok().filter(|_| digits != 4) {
                Some(byte) => decoded.push(byte),
                None => {
                    let character = char::from_u32(number).unwrap_or('\u{fffd}');
                    decoded.extend(character.encode_utf8(&mut [0; 4]).bytes());
                }
            }
            at = end;
            continue;
        }
        at = at.saturating_add(1);
        match kind {
            Some(b'n') => decoded.push(b'\n'),
            Some(b't') => decoded.push(b'\t'),
            Some(b'r') => decoded.push(b'\r'),
            Some(other) => decoded.push(other),
            None => decoded.push(b'\\'),
        }
    }
    decoded
}

/// UTF-16 with or without a byte order mark.
pub(crate) fn utf16(data: &[u8]) -> Option<Vec<u8>> {
    if data.len() < 4 || !data.len().is_multiple_of(2) {
        return None;
    }
    let big = data.starts_with(&[0xfe, 0xff])
        || (!data.starts_with(&[0xff, 0xfe]) && data.first() == Some(&0));
    let units = data.chunks_exact(2).map(|pair| {
        let pair: [u8; 2] = pair.try_into().unwrap_or_default();
        if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    });
    let text: Option<String> = char::decode_utf16(units).map(Result::ok).collect();
    Some(text?.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// Exclusive or with a key that repeats.
pub(crate) fn xor(data: &[u8], key: &[u8]) -> Vec<u8> {
    data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// A zlib stream (RFC 1950).
pub(crate) fn zlib(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    read(flate2::read::ZlibDecoder::new(data), limit)
}

/// A deflate stream without a header (RFC 1951).
pub(crate) fn deflate(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    read(flate2::read::DeflateDecoder::new(data), limit)
}

/// Gzip members, one or more (RFC 1952).
pub(crate) fn gzip(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    read(flate2::read::MultiGzDecoder::new(data), limit)
}

/// A bzip2 stream.
pub(crate) fn bz2(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    read(bzip2::read::MultiBzDecoder::new(data), limit)
}

/// An xz stream, or the older `.lzma` format.
pub(crate) fn lzma(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    const MEMORY_KIB: u32 = 64 << 10;
    if data.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        return read(lzma_rust2::XzReader::new_mem_limit(data, true, MEMORY_KIB), limit);
    }
    read(lzma_rust2::LzmaReader::new_mem_limit(data, MEMORY_KIB, None).ok()?, limit)
}

/// Reads to the end, to an error or to the limit; `None` when nothing came out.
fn read(reader: impl Read, limit: u64) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    // What came out before an error is evidence as well.
    let _ = reader.take(limit.min(MAX_DECOMPRESSED)).read_to_end(&mut decoded);
    (!decoded.is_empty()).then_some(decoded)
}
