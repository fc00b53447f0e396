//! Values as Python prints them: `repr`.

use super::{CodeObject, Value};
use std::fmt::Write as _;

/// The longest text that is printed of one value, in bytes. Shared values make short input long.
const MAX_PRINTED: usize = 1 << 20;

/// `repr(value)`. Code objects are printed without their address.
pub(super) fn value(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// `repr` of a code object, without its address.
pub(super) fn code(code: &CodeObject) -> String {
    format!("<code object {}, file \"{}\", line {}>", code.name, code.filename, code.first_line)
}

fn write(value: &Value, text: &mut String) {
    if text.len() > MAX_PRINTED {
        return;
    }
    match value {
        Value::None => text.push_str("None"),
        Value::Ellipsis => text.push_str("Ellipsis"),
        Value::StopIteration => text.push_str("<class 'StopIteration'>"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Int(value) => text.push_str(&value.to_string()),
        Value::BigInt(digits) => text.push_str(&integer(digits)),
        Value::Float(value) => text.push_str(&float(*value)),
        Value::Complex(real, imaginary) => text.push_str(&complex(*real, *imaginary)),
        Value::Text(value) => string(value, text),
        Value::Bytes(value) => bytes(value, text),
        Value::Tuple(items) => {
            let close = if items.len() == 1 { ",)" } else { ")" };
            list("(", items, close, text);
        }
        Value::List(items) => list("[", items, "]", text),
        Value::Set(items) if items.is_empty() => text.push_str("set()"),
        Value::Set(items) => list("{", items, "}", text),
        Value::FrozenSet(items) if items.is_empty() => text.push_str("frozenset()"),
        Value::FrozenSet(items) => list("frozenset({", items, "})", text),
        Value::Dict(pairs) => {
            text.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write(key, text);
                text.push_str(": ");
                write(value, text);
            }
            text.push('}');
        }
        Value::Slice(parts) => list("slice(", parts.as_slice(), ")", text),
        Value::Code(nested) => text.push_str(&code(nested)),
        Value::Other(other) => text.push_str(other),
    }
}

fn list(open: &str, items: &[Value], close: &str, text: &mut String) {
    text.push_str(open);
    for (index, item) in items.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        write(item, text);
    }
    text.push_str(close);
}

fn quote(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

fn string(value: &str, text: &mut String) {
    let quote = quote(value.contains('\''), value.contains('"'));
    text.push(quote);
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if character == quote => text.extend(['\\', quote]),
            _ if (character < ' ')
                || ('\u{7f}'..='\u{a0}').contains(&character)
                || character == '\u{ad}' =>
            {
                let _ = write!(text, "\\x{:02x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text.push(quote);
}

fn bytes(value: &[u8], text: &mut String) {
    let quote = quote(value.contains(&b'\''), value.contains(&b'"'));
    text.extend(['b', quote]);
    for byte in value {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' if char::from(*byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push(quote);
}

/// Decimal digits as long as 128 bits do, the hexadecimal ones as they are otherwise.
fn integer(digits: &str) -> String {
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", digits),
    };
    let hexadecimal = magnitude.strip_prefix("0x").unwrap_or("none");
    match u128::from_str_radix(hexadecimal, 16) {
        Ok(value) => format!("{sign}{value}"),
        Err(_) => digits.to_owned(),
    }
}

/// The shortest digits that read back as the same number, with an exponent where Python has one.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value:?}").replace("e0", "");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn complex(real: f64, imaginary: f64) -> String {
    let short = |value: f64| float(value).trim_end_matches(".0").to_owned();
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", short(imaginary));
    }
    let sign = if imaginary.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}j)", short(real), short(imaginary))
}
