//! Calls that take an encoding off: what the modules `base64`, `binascii`, `zlib`, `codecs` and their kin do with
//! known data. Each adds the name of a layer to the value.

use super::value::Value;
use crate::peel::codec;
use wb_core::{Collection, Constant};

/// Text and bytes longer than this are not computed.
pub(super) const MAX_LENGTH: usize = 16 << 20;

pub(super) fn base64(name: &str, first: &Value) -> Option<Value> {
    let bytes = first.as_bytes()?;
    let (layer, data) = match name {
        "b64decode" | "standard_b64decode" | "urlsafe_b64decode" | "decodebytes"
        | "decodestring" => {
            // Python leaves out what is not of the alphabet.
            let kept: Vec<u8> = bytes
                .iter()
                .copied()
                .filter(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte))
                .collect();
            ("base64", codec::base64(&kept)?)
        }
        "b32decode" => ("base32", codec::base32(bytes)?),
        "b32hexdecode" => ("base32hex", codec::base32hex(bytes)?),
        "b16decode" => ("base16", codec::hex(bytes)?),
        "b85decode" => ("base85", codec::base85(bytes)?),
        "a85decode" => ("ascii85", codec::ascii85(bytes)?),
        "z85decode" => ("z85", codec::z85(bytes)?),
        _ => return None,
    };
    decoded(first, layer, data, false)
}

pub(super) fn binary(
    module: &str,
    name: &str,
    first: &Value,
    arguments: &[Value],
) -> Option<Value> {
    let bytes = first.as_bytes()?;
    let limit = u64::try_from(MAX_LENGTH).unwrap_or(u64::MAX);
    let (layer, data) = match (module, name) {
        ("binascii", "unhexlify" | "a2b_hex") => ("hex", codec::hex(bytes)?),
        ("binascii", "a2b_base64") => ("base64", codec::base64(bytes)?),
        ("binascii", "a2b_uu") => ("uuencode", codec::uuencode(bytes)?),
        ("binascii", "a2b_qp") | ("quopri", "decodestring") => {
            ("quoted-printable", codec::quoted_printable(bytes))
        }
        ("zlib", "decompress") => {
            let raw = arguments.get(1).and_then(Value::as_int).is_some_and(|bits| bits < 0);
            let wrapped = arguments.get(1).and_then(Value::as_int).is_some_and(|bits| bits > 15);
            if raw {
                ("deflate", codec::deflate(bytes, limit)?)
            } else if wrapped && bytes.starts_with(&[0x1f, 0x8b]) {
                ("gzip", codec::gzip(bytes, limit)?)
            } else {
                ("zlib", codec::zlib(bytes, limit)?)
            }
        }
        ("gzip", "decompress") => ("gzip", codec::gzip(bytes, limit)?),
        ("bz2", "decompress") => ("bz2", codec::bz2(bytes, limit)?),
        ("lzma", "decompress") => ("lzma", codec::lzma(bytes, limit)?),
        _ => return None,
    };
    decoded(first, layer, data, false)
}

/// `codecs.decode(value, codec)`, `value.decode(codec)` and their inverses.
pub(super) fn recode(value: &Value, codec: &str, decode: bool) -> Option<Value> {
    let bytes = value.as_bytes()?;
    let codec = codec.to_ascii_lowercase().replace(['-', ' '], "_");
    let limit = u64::try_from(MAX_LENGTH).unwrap_or(u64::MAX);
    let text = matches!(value.known()?.constant, Constant::Text(_));
    match codec.trim_end_matches("_codec") {
        "rot13" | "rot_13" => decoded(value, "rot13", codec::rot13(bytes), true),
        "hex" if decode => decoded(value, "hex", codec::hex(bytes)?, false),
        "base64" if decode => decoded(value, "base64", codec::base64(bytes)?, false),
        "zlib" | "zip" if decode => decoded(value, "zlib", codec::zlib(bytes, limit)?, false),
        "bz2" if decode => decoded(value, "bz2", codec::bz2(bytes, limit)?, false),
        "uu" if decode => decoded(value, "uuencode", codec::uuencode(bytes)?, false),
        "quopri" | "quotedprintable" | "quoted_printable" if decode => {
            decoded(value, "quoted-printable", codec::quoted_printable(bytes), false)
        }
        "unicode_escape" | "string_escape" | "raw_unicode_escape" if decode => {
            decoded(value, "escapes", codec::escapes(bytes), true)
        }
        "utf_16" | "utf_16_le" | "utf_16_be" | "utf16" if decode => {
            decoded(value, "utf-16", codec::utf16(bytes)?, true)
        }
        "utf_8" | "utf8" | "ascii" | "latin1" | "latin_1" | "us_ascii" | "cp1252" | "utf_8_sig" => {
            Some(with(
                value,
                if decode {
                    Constant::Text(String::from_utf8_lossy(bytes).into_owned())
                } else if text {
                    Constant::Bytes(bytes.to_vec())
                } else {
                    return None;
                },
            ))
        }
        _ => None,
    }
}

/// `zlib.decompressobj().decompress(data)` and its kin.
pub(super) fn decompressed(receiver: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let Value::Result(made_by) = receiver else { return None };
    let module = match (made_by.dotted.as_str(), name) {
        ("zlib.decompressobj", "decompress") => "zlib",
        ("bz2.BZ2Decompressor", "decompress") => "bz2",
        ("lzma.LZMADecompressor", "decompress") => "lzma",
        _ => return None,
    };
    let data = arguments.first()?;
    binary(module, "decompress", data, std::slice::from_ref(data))
}

/// `str.maketrans(from, to, without)`: pairs of characters, by their numbers.
pub(super) fn make_table(arguments: &[Value]) -> Option<Value> {
    let number = |letter: char| Value::constant(Constant::Int(i64::from(u32::from(letter))));
    let text = |index: usize| arguments.get(index).and_then(Value::as_text);
    let mut pairs = Vec::new();
    for (from, to) in text(0)?.chars().zip(text(1)?.chars()).take(1 << 12) {
        pairs.extend([number(from), number(to)]);
    }
    for letter in text(2).unwrap_or_default().chars().take(1 << 12) {
        pairs.extend([number(letter), Value::constant(Constant::None)]);
    }
    Some(Value::collection(Collection::Dict, pairs))
}

/// `text.translate(table)` with a table of numbers or of letters.
pub(super) fn translated(value: &Value, table: &Value) -> Option<Value> {
    let mut letters = std::collections::BTreeMap::new();
    for pair in table.items()?.chunks_exact(2) {
        let [from, to] = pair else { continue };
        let from = letter(from)?;
        let to = match to.known().map(|known| &known.constant) {
            Some(Constant::None) => String::new(),
            Some(Constant::Text(text)) => text.clone(),
            _ => letter(to)?.to_string(),
        };
        letters.insert(from, to);
    }
    let mut out = String::new();
    for one in value.as_text()?.chars() {
        match letters.get(&one) {
            Some(text) => out.push_str(text),
            None => out.push(one),
        }
        if out.len() > MAX_LENGTH {
            return None;
        }
    }
    decoded(value, "letters exchanged", out.into_bytes(), true)
}

/// The letter that a number stands for, or a text of one letter.
fn letter(value: &Value) -> Option<char> {
    match value.as_int() {
        Some(number) => char::from_u32(u32::try_from(number).ok()?),
        None => value.as_text()?.chars().next(),
    }
}

/// A new constant with the layers of `value`.
pub(super) fn with(value: &Value, constant: Constant) -> Value {
    Value::layered(constant, value.layers().to_vec())
}

/// A constant with one more layer taken off; text when the codec yields text.
pub(super) fn decoded(value: &Value, layer: &str, data: Vec<u8>, text: bool) -> Option<Value> {
    if data.len() > MAX_LENGTH {
        return None;
    }
    let mut layers = value.layers().to_vec();
    layers.push(layer.to_owned());
    let constant = if text && matches!(value.known()?.constant, Constant::Text(_)) {
        Constant::Text(String::from_utf8_lossy(&data).into_owned())
    } else {
        Constant::Bytes(data)
    };
    Some(Value::layered(constant, layers))
}
