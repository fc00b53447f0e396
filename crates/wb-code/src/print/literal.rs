//! Constants as Python literals, as `repr` writes them.

use wb_core::Constant;

/// Characters of a text, and bytes of a bytes object, that a readable literal shows.
const SHOWN_TEXT: usize = 2000;
const SHOWN_BYTES: usize = 120;

/// A constant as Python writes it. Long ones are cut when `readable`, with their length.
pub(crate) fn literal(constant: &Constant, readable: bool) -> String {
    match constant {
        Constant::None => "None".to_owned(),
        Constant::Bool(true) => "True".to_owned(),
        Constant::Bool(false) => "False".to_owned(),
        Constant::Int(value) => value.to_string(),
        Constant::BigInt(digits) => digits.clone(),
        Constant::Float(value) => float(*value),
        Constant::Text(value) if readable => cut_text(value),
        Constant::Text(value) => text(value),
        Constant::Bytes(value) if readable => cut_bytes(value, value.len() as u64),
        Constant::Bytes(value) => bytes(value),
        Constant::Blob { span, head } => cut_bytes(head, span.len),
        Constant::Other(value) => value.clone(),
    }
}

fn cut_text(value: &str) -> String {
    let odd = value.chars().take(SHOWN_TEXT).filter(|letter| !(' '..='~').contains(letter)).count();
    // Binary data in a text, as protocol 2 writes bytes, says little at any length.
    let binary = odd.saturating_mul(3) > value.chars().take(SHOWN_TEXT).count();
    let shown = if binary { SHOWN_BYTES } else { SHOWN_TEXT };
    let mut letters = value.char_indices();
    match letters.nth(shown) {
        None => text(value),
        Some((end, _)) => {
            let head = value.get(..end).unwrap_or(value);
            let count = value.chars().count();
            text(&format!("{head}\u{2026} ({count} characters)"))
        }
    }
}

fn cut_bytes(value: &[u8], len: u64) -> String {
    if value.len() <= SHOWN_BYTES && value.len() as u64 == len {
        return bytes(value);
    }
    let head = value.get(..SHOWN_BYTES.min(value.len())).unwrap_or(value);
    bytes(&[head, format!("... ({len} bytes)").as_bytes()].concat())
}

/// A text as `repr` writes it.
pub(crate) fn text(value: &str) -> String {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(value.len().saturating_add(2));
    out.push(quote);
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            ' '..='~' => out.push(letter),
            letter if letter > '\u{ff}' && is_printable(letter) => out.push(letter),
            '\u{a1}'..='\u{ff}' if letter != '\u{ad}' => out.push(letter),
            letter => out.push_str(&escape(u32::from(letter))),
        }
    }
    out.push(quote);
    out
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Whether Python's `str.isprintable` says so.
fn is_printable(letter: char) -> bool {
    // Behind another letter, combining marks are not escaped by Rust either.
    let text: String = ['a', letter].iter().collect();
    !text.escape_debug().skip(1).any(|part| part == '\\')
}

/// Bytes as `repr` writes them.
pub(crate) fn bytes(value: &[u8]) -> String {
    let quote = if value.contains(&b'\'') && !value.contains(&b'"') { '"' } else { '\'' };
    let mut out = String::with_capacity(value.len().saturating_add(3));
    out.push('b');
    out.push(quote);
    for byte in value {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => {
                if char::from(*byte) == quote {
                    out.push('\\');
                }
                out.push(char::from(*byte));
            }
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
    out
}

/// A bytearray as `repr` writes it: an apostrophe is escaped whatever the quotes are.
pub(crate) fn bytearray(value: &[u8]) -> String {
    let quoted = bytes(value);
    let inner = match quoted.strip_prefix("b\"") {
        Some(_) => quoted.replace('\'', "\\'"),
        None => quoted,
    };
    format!("bytearray({inner})")
}

/// A float as `repr` writes it, with infinities and NaN as calls that yield them.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "float('nan')".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "float('inf')".to_owned() } else { "float('-inf')".to_owned() };
    }
    finite(value)
}

/// A float as `repr` writes it.
pub(crate) fn repr_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    finite(value)
}

/// Shortest digits that read back the same; with an exponent below 1e-4 and from 1e16 on.
fn finite(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}
