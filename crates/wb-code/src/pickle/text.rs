//! Arguments of opcodes as values, read the way CPython's C unpickler reads them.

use super::opcode::{self as op, Step};
use std::borrow::Cow;
use wb_core::{Bytes, Constant, Span};

/// Bytes longer than this are named by their span instead of being kept.
const KEPT_BYTES: usize = 1 << 20;
/// Text longer than this is named by its span instead of being kept.
const KEPT_TEXT: usize = 16 << 20;
/// How many bytes of a blob are kept to show what it is.
const HEAD: usize = 256;

/// The constant that `step` pushes; `None` when the unpickler refuses its argument.
pub(super) fn constant(step: &Step<'_>, input: Bytes<'_>) -> Option<Constant> {
    Some(match step.code {
        op::NONE => Constant::None,
        op::NEWTRUE => Constant::Bool(true),
        op::NEWFALSE => Constant::Bool(false),
        op::BININT | op::BININT1 | op::BININT2 => Constant::Int(step.number),
        op::INT => int_line(step.data)?,
        op::LONG => long_line(step.data)?,
        op::LONG1 | op::LONG4 => little_endian(step.data),
        op::FLOAT => Constant::Float(float_line(step.data)?),
        op::BINFLOAT => Constant::Float(f64::from_be_bytes(step.data.try_into().ok()?)),
        op::UNICODE => text(raw_unicode_escape(step.data), step, input),
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => {
            text(utf8(step.data).into_owned(), step, input)
        }
        op::STRING => python2_string(&unquote(step.data)?, step, input),
        op::BINSTRING | op::SHORT_BINSTRING => python2_string(step.data, step, input),
        op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => {
            bytes(step.data, step, input)
        }
        _ => return None,
    })
}

/// Whether `step` pushes a constant that the unpickler accepts. The same answer as
/// `constant(...).is_some()` at a lower price, and `false` for text that is not UTF-8.
#[inline]
pub(super) fn is_valid_constant(step: &Step<'_>) -> bool {
    match step.code {
        op::INT => int_line(step.data).is_some(),
        op::LONG => long_line(step.data).is_some(),
        op::FLOAT => float_line(step.data).is_some(),
        op::STRING => quoted(step.data).is_some(),
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => is_utf8(step.data),
        _ => true,
    }
}

/// The text of a step that pushes text or bytes that read as text.
pub(super) fn text_of<'a>(step: &Step<'a>) -> Option<Cow<'a, str>> {
    match step.code {
        op::UNICODE => Some(raw_unicode_escape(step.data).into()),
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => Some(utf8(step.data)),
        op::STRING => String::from_utf8(unquote(step.data)?).ok().map(Cow::Owned),
        op::BINSTRING | op::SHORT_BINSTRING | op::BINBYTES | op::SHORT_BINBYTES => {
            std::str::from_utf8(step.data).ok().map(Cow::Borrowed)
        }
        _ => None,
    }
}

/// Text, or a blob when it is too long to keep.
fn text(value: String, step: &Step<'_>, input: Bytes<'_>) -> Constant {
    if value.len() > KEPT_TEXT {
        blob(value.as_bytes(), step, input)
    } else {
        Constant::Text(value)
    }
}

/// Bytes, or a blob when they are too long to keep.
fn bytes(data: &[u8], step: &Step<'_>, input: Bytes<'_>) -> Constant {
    if data.len() > KEPT_BYTES { blob(data, step, input) } else { Constant::Bytes(data.to_vec()) }
}

/// A Python 2 string: text where it reads as text, bytes otherwise. Which of the two it becomes in
/// Python 3 depends on the `encoding` the loader asks for.
fn python2_string(data: &[u8], step: &Step<'_>, input: Bytes<'_>) -> Constant {
    match std::str::from_utf8(data) {
        Ok(value) => text(value.to_owned(), step, input),
        Err(_) => bytes(data, step, input),
    }
}

fn blob(data: &[u8], step: &Step<'_>, input: Bytes<'_>) -> Constant {
    let whole = step.span(input);
    // Counted data stands at the end of its opcode; a quoted or escaped line has no exact span.
    let start = whole.end().saturating_sub(step.data.len() as u64);
    let head = data.get(..HEAD.min(data.len())).unwrap_or(data).to_vec();
    Constant::Blob { span: Span::new(start, step.data.len() as u64), head }
}

/// UTF-8 in which lone surrogates are allowed (`surrogatepass`), as [`utf8`] reads it.
fn is_utf8(data: &[u8]) -> bool {
    let mut rest = data;
    loop {
        match std::str::from_utf8(rest) {
            Ok(_) => return true,
            Err(error) => {
                let bad = rest.get(error.valid_up_to()..).unwrap_or(&[]);
                match bad {
                    [0xED, 0xA0..=0xBF, 0x80..=0xBF, tail @ ..] => rest = tail,
                    _ => return false,
                }
            }
        }
    }
}

/// Text from UTF-8; what is no Unicode scalar value becomes U+FFFD.
pub(super) fn utf8(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The argument of INT: C's `strtol` with base 0 first, then Python's `int(s, 0)`; the two-digit
/// lines `00` and `01` are booleans.
fn int_line(line: &[u8]) -> Option<Constant> {
    if line.is_empty() {
        return None;
    }
    match strtol(line) {
        Some(value @ (0 | 1)) if line.len() == 2 => Some(Constant::Bool(value == 1)),
        Some(value) => Some(Constant::Int(value)),
        None => python_int(line),
    }
}

/// The argument of LONG: a trailing `L` is optional.
fn long_line(line: &[u8]) -> Option<Constant> {
    python_int(line.strip_suffix(b"L").unwrap_or(line))
}

/// C's `strtol(line, &end, 0)` when it takes the whole line (up to a NUL) without overflow.
fn strtol(line: &[u8]) -> Option<i64> {
    let line = line.split(|byte| *byte == 0).next()?;
    let line = line.trim_ascii_start();
    let (negative, digits) = sign(line);
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    };
    if digits.is_empty() || matches!(digits.first(), Some(b'+' | b'-')) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { value.checked_neg()? } else { value }).ok()
}

/// Python's `int(line, 0)`: prefixes, underscores, blanks round it.
fn python_int(line: &[u8]) -> Option<Constant> {
    let line = line.split(|byte| *byte == 0).next()?.trim_ascii();
    let (negative, digits) = sign(line);
    let (radix, prefix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, "0x", rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, "0o", rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, "0b", rest),
        _ => (10, "", digits),
    };
    let digits: String =
        digits.iter().filter(|byte| **byte != b'_').map(|b| char::from(*b)).collect();
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let minus = if negative { "-" } else { "" };
    match i64::from_str_radix(&format!("{minus}{digits}"), radix) {
        Ok(value) => Some(Constant::Int(value)),
        Err(_) => Some(Constant::BigInt(format!("{minus}{prefix}{digits}"))),
    }
}

fn sign(line: &[u8]) -> (bool, &[u8]) {
    match line {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, line),
    }
}

/// The key of GET and PUT: Python's `int(line, 10)`, which takes blanks, signs and underscores.
pub(super) fn memo_key(line: &[u8]) -> Option<i64> {
    let line = line.split(|byte| *byte == 0).next()?.trim_ascii();
    let (negative, digits) = sign(line);
    let mut value: i64 = 0;
    let mut any = false;
    for byte in digits.iter().filter(|byte| **byte != b'_') {
        let digit = char::from(*byte).to_digit(10)?;
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
        any = true;
    }
    any.then_some(if negative { value.saturating_neg() } else { value })
}

/// The argument of FLOAT: no blanks, `inf` and `nan` in any case.
fn float_line(line: &[u8]) -> Option<f64> {
    let line = line.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// The value of LONG1 and LONG4: two's complement, little-endian.
pub(super) fn little_endian(data: &[u8]) -> Constant {
    let negative = data.last().is_some_and(|byte| byte & 0x80 != 0);
    if data.len() <= 8 {
        let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
        for (to, from) in wide.iter_mut().zip(data) {
            *to = *from;
        }
        return Constant::Int(i64::from_le_bytes(wide));
    }
    // The magnitude of a negative number is its complement plus one.
    let mut carry = negative;
    let mut magnitude: Vec<u8> = data
        .iter()
        .map(|byte| {
            let byte = if negative { !byte } else { *byte };
            let (sum, overflow) = byte.overflowing_add(u8::from(carry));
            carry = overflow;
            sum
        })
        .collect();
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    let minus = if negative { "-" } else { "" };
    if magnitude.len() <= 8 {
        let digits = super::integer::decimal(&magnitude);
        return match format!("{minus}{digits}").parse() {
            Ok(value) => Constant::Int(value),
            Err(_) => Constant::BigInt(format!("{minus}{digits}")),
        };
    }
    Constant::BigInt(format!("{minus}{}", super::integer::digits(&magnitude)))
}

/// What stands between the quotes of a STRING argument.
fn quoted(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => Some(inner),
        _ => None,
    }
}

/// The argument of STRING without quotes and escapes: Python's `codecs.escape_decode`.
pub(super) fn unquote(line: &[u8]) -> Option<Vec<u8>> {
    let mut rest = quoted(line)?;
    let mut out = Vec::with_capacity(rest.len().min(1 << 16));
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [escape, tail @ ..] = rest else { return None };
        rest = tail;
        match escape {
            b'\n' => {}
            b'a' => out.push(7),
            b'b' => out.push(8),
            b't' => out.push(9),
            b'n' => out.push(10),
            b'v' => out.push(11),
            b'f' => out.push(12),
            b'r' => out.push(13),
            b'\\' | b'\'' | b'"' => out.push(*escape),
            b'x' => {
                let (value, tail) = radix_escape(rest, 16, 2);
                if rest.len().saturating_sub(tail.len()) != 2 {
                    return None;
                }
                out.push(value.to_le_bytes().first().copied()?);
                rest = tail;
            }
            b'0'..=b'7' => {
                let from = [&[*escape], rest].concat();
                let (value, tail) = radix_escape(&from, 8, 3);
                out.push(value.to_le_bytes().first().copied()?);
                let used = from.len().saturating_sub(tail.len()).saturating_sub(1);
                rest = rest.get(used..).unwrap_or(&[]);
            }
            other => out.extend([b'\\', *other]),
        }
    }
    Some(out)
}

/// Up to `most` digits of `radix` at the start of `bytes`, and what follows them.
fn radix_escape(bytes: &[u8], radix: u32, most: usize) -> (u32, &[u8]) {
    let mut value: u32 = 0;
    let mut rest = bytes;
    for _ in 0..most {
        let [first, tail @ ..] = rest else { break };
        let Some(digit) = char::from(*first).to_digit(radix) else { break };
        value = value.wrapping_mul(radix).wrapping_add(digit);
        rest = tail;
    }
    (value, rest)
}

/// The argument of UNICODE: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode_escape(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len().min(1 << 16));
    let mut high: Option<u32> = None;
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let (unit, digits) = match (first, rest) {
            (b'\\', [b'u', tail @ ..]) => (escape(tail, 4), 4),
            (b'\\', [b'U', tail @ ..]) => (escape(tail, 8), 8),
            _ => (None, 0),
        };
        let Some(unit) = unit else {
            out.push(char::from(*first));
            if let (b'\\', [next, tail @ ..]) = (first, rest) {
                // A backslash takes the character behind it along, so `\\u0041` holds no escape.
                out.push(char::from(*next));
                rest = tail;
            }
            high = None;
            continue;
        };
        rest = rest.get(digits..).and_then(|rest| rest.get(1..)).unwrap_or(&[]);
        push_unit(&mut out, &mut high, unit);
    }
    out
}

/// Appends a code point. Surrogates that form a pair are joined, as narrow Python 2 wrote them.
fn push_unit(out: &mut String, high: &mut Option<u32>, unit: u32) {
    if let (Some(first), 0xDC00..=0xDFFF) = (*high, unit) {
        out.pop();
        let joined = 0x10000_u32
            .saturating_add(first.saturating_sub(0xD800) << 10)
            .saturating_add(unit.saturating_sub(0xDC00));
        out.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        *high = None;
        return;
    }
    *high = (0xD800..=0xDBFF).contains(&unit).then_some(unit);
    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
}

/// The value of exactly `count` hexadecimal digits at the start of `bytes`.
fn escape(bytes: &[u8], count: usize) -> Option<u32> {
    let digits = std::str::from_utf8(bytes.get(..count)?).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
    u32::from_str_radix(digits, 16).ok()
}
