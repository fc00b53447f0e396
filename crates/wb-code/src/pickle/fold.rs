//! Results of pure string functions, so that names which a pickle computes are known.

use std::collections::HashMap;
use wb_core::{Constant, OpKind, Program, ValueId};

/// Results longer than this are not computed.
const LONGEST: usize = 1 << 16;

/// A text or bytes that a call yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// What the call of `callee` with `arguments` yields, where `callee` is a pure string function.
pub(super) fn fold(
    program: &Program,
    folded: &HashMap<ValueId, Folded>,
    callee: ValueId,
    arguments: &[ValueId],
) -> Option<Folded> {
    let (function, bound) = function(program, folded, callee)?;
    let mut all = Vec::with_capacity(arguments.len().saturating_add(1));
    all.extend(bound);
    all.extend(arguments.iter().map(|argument| operand(program, folded, *argument)));
    let result = apply(&function, &all)?;
    let len = match &result {
        Folded::Text(text) => text.len(),
        Folded::Bytes(bytes) => bytes.len(),
    };
    (len <= LONGEST).then_some(result)
}

/// An argument, as far as it is known.
enum Operand {
    Text(String),
    Bytes(Vec<u8>),
    Int(i64),
    List(Vec<Folded>),
    Unknown,
}

/// The name of the function, and the string it is bound to when it is a method of one.
fn function(
    program: &Program,
    folded: &HashMap<ValueId, Folded>,
    callee: ValueId,
) -> Option<(String, Option<Operand>)> {
    match &program.op(callee)?.kind {
        OpKind::Import { module, name } => match module.as_str() {
            "builtins" | "__builtin__" => Some((name.clone(), None)),
            "operator" | "_operator" => Some((format!("operator.{name}"), None)),
            "codecs" | "_codecs" => Some((format!("codecs.{name}"), None)),
            _ => None,
        },
        OpKind::Call { callee, arguments, .. } => {
            let OpKind::Import { module, name } = &program.op(*callee)?.kind else { return None };
            let is_getattr =
                matches!(module.as_str(), "builtins" | "__builtin__") && name == "getattr";
            let ([of, attribute], true) = (arguments.as_slice(), is_getattr) else { return None };
            let Operand::Text(attribute) = operand(program, folded, *attribute) else {
                return None;
            };
            match operand(program, folded, *of) {
                text @ Operand::Text(_) => Some((format!("str.{attribute}"), Some(text))),
                bytes @ Operand::Bytes(_) => Some((format!("bytes.{attribute}"), Some(bytes))),
                _ => match &program.op(*of)?.kind {
                    OpKind::Import { name, .. } => Some((format!("{name}.{attribute}"), None)),
                    _ => None,
                },
            }
        }
        _ => None,
    }
}

fn operand(program: &Program, folded: &HashMap<ValueId, Folded>, value: ValueId) -> Operand {
    match folded.get(&value) {
        Some(Folded::Text(text)) => return Operand::Text(text.clone()),
        Some(Folded::Bytes(bytes)) => return Operand::Bytes(bytes.clone()),
        None => {}
    }
    match program.op(value).map(|op| &op.kind) {
        Some(OpKind::Constant(Constant::Text(text))) if text.len() <= LONGEST => {
            Operand::Text(text.clone())
        }
        Some(OpKind::Constant(Constant::Bytes(bytes))) if bytes.len() <= LONGEST => {
            Operand::Bytes(bytes.clone())
        }
        Some(OpKind::Constant(Constant::Int(value))) => Operand::Int(*value),
        Some(OpKind::Collect { items, total, .. }) if items.len() as u64 == *total => {
            let known = items.iter().map(|item| match operand(program, folded, *item) {
                Operand::Text(text) => Some(Folded::Text(text)),
                Operand::Bytes(bytes) => Some(Folded::Bytes(bytes)),
                Operand::Int(value) => {
                    u8::try_from(value).ok().map(|byte| Folded::Bytes(vec![byte]))
                }
                _ => None,
            });
            known.collect::<Option<Vec<_>>>().map_or(Operand::Unknown, Operand::List)
        }
        _ => Operand::Unknown,
    }
}

fn apply(function: &str, arguments: &[Operand]) -> Option<Folded> {
    use Operand::{Bytes, List, Text};
    Some(match (function, arguments) {
        ("str.join", [Text(separator), List(parts)]) => {
            let mut texts = Vec::new();
            for part in parts {
                let Folded::Text(text) = part else { return None };
                texts.push(text.as_str());
            }
            Folded::Text(texts.join(separator))
        }
        ("str.join", [Text(separator), Text(text)]) => {
            let letters: Vec<String> = text.chars().map(String::from).collect();
            Folded::Text(letters.join(separator))
        }
        ("str", [Text(text)]) | ("str.__str__" | "str.format", [Text(text)]) => {
            Folded::Text(text.clone())
        }
        ("str.replace", [Text(text), Text(from), Text(to)]) => {
            let grows = text.len().saturating_mul(to.len().max(1)) > LONGEST.saturating_mul(16);
            if grows {
                return None;
            }
            Folded::Text(text.replace(from.as_str(), to))
        }
        ("str.lower" | "str.casefold", [Text(text)]) => Folded::Text(text.to_lowercase()),
        ("str.upper", [Text(text)]) => Folded::Text(text.to_uppercase()),
        ("str.swapcase", [Text(text)]) => Folded::Text(swap_case(text)),
        ("str.strip", [Text(text)]) => Folded::Text(text.trim().to_owned()),
        ("str.strip", [Text(text), Text(set)]) => {
            Folded::Text(text.trim_matches(|letter| set.contains(letter)).to_owned())
        }
        (
            "str.__add__" | "operator.add" | "operator.concat" | "operator.__add__",
            [Text(a), Text(b)],
        ) => Folded::Text(format!("{a}{b}")),
        (
            "bytes.__add__" | "operator.add" | "operator.concat" | "operator.__add__",
            [Bytes(a), Bytes(b)],
        ) => Folded::Bytes([a.as_slice(), b].concat()),
        _ => return apply_bytes(function, arguments),
    })
}

/// The functions that take or yield bytes or numbers.
fn apply_bytes(function: &str, arguments: &[Operand]) -> Option<Folded> {
    use Operand::{Bytes, Int, List, Text};
    Some(match (function, arguments) {
        ("chr", [Int(code)]) => {
            Folded::Text(char::from_u32(u32::try_from(*code).ok()?)?.to_string())
        }
        ("bytes" | "bytearray", [List(parts)]) => {
            let mut bytes = Vec::new();
            for part in parts {
                let Folded::Bytes(byte) = part else { return None };
                bytes.extend_from_slice(byte);
            }
            Folded::Bytes(bytes)
        }
        ("bytes" | "bytearray", [Bytes(bytes)]) => Folded::Bytes(bytes.clone()),
        ("bytes.fromhex", [Text(text)]) => {
            let digits: String = text.split_ascii_whitespace().collect();
            Folded::Bytes(data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?)
        }
        ("bytes.decode", [Bytes(bytes)]) => Folded::Text(String::from_utf8(bytes.clone()).ok()?),
        ("str" | "bytes.decode" | "codecs.decode", [Bytes(bytes), Text(encoding)]) => {
            decode(bytes, encoding)?
        }
        ("codecs.decode", [Text(text), Text(encoding)]) => rotate(text, encoding)?,
        ("str.encode" | "codecs.encode", [Text(text), Text(encoding)]) => {
            match rotate(text, encoding) {
                Some(rotated) => rotated,
                None => Folded::Bytes(encode(text, encoding)?),
            }
        }
        ("str.encode", [Text(text)]) => Folded::Bytes(text.clone().into_bytes()),
        _ => return None,
    })
}

fn swap_case(text: &str) -> String {
    let swap = |letter: char| -> char {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}

/// An encoding's name without case and separators.
fn canonical(encoding: &str) -> String {
    encoding.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn decode(bytes: &[u8], encoding: &str) -> Option<Folded> {
    match canonical(encoding).as_str() {
        "utf8" | "ascii" | "usascii" => Some(Folded::Text(String::from_utf8(bytes.to_vec()).ok()?)),
        "latin1" | "iso88591" => Some(Folded::Text(bytes.iter().map(|b| char::from(*b)).collect())),
        "hex" | "hexcodec" => {
            Some(Folded::Bytes(data_encoding::HEXLOWER_PERMISSIVE.decode(bytes).ok()?))
        }
        "base64" | "base64codec" => {
            let digits: Vec<u8> =
                bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            Some(Folded::Bytes(data_encoding::BASE64.decode(&digits).ok()?))
        }
        _ => None,
    }
}

fn encode(text: &str, encoding: &str) -> Option<Vec<u8>> {
    match canonical(encoding).as_str() {
        "utf8" => Some(text.as_bytes().to_vec()),
        "ascii" => text.is_ascii().then(|| text.as_bytes().to_vec()),
        "latin1" | "iso88591" => {
            text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
        }
        _ => None,
    }
}

/// ROT13, the one text-to-text encoding of `codecs`.
fn rotate(text: &str, encoding: &str) -> Option<Folded> {
    matches!(canonical(encoding).as_str(), "rot13" | "rot").then_some(())?;
    let rotate = |letter: char| -> char {
        let base = match letter {
            'a'..='z' => b'a',
            'A'..='Z' => b'A',
            _ => return letter,
        };
        let offset = u32::from(letter).saturating_sub(u32::from(base)).saturating_add(13) % 26;
        char::from_u32(u32::from(base).saturating_add(offset)).unwrap_or(letter)
    };
    Some(Folded::Text(text.chars().map(rotate).collect()))
}
