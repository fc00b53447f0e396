//! Calls that only compute: string methods, decoders, `chr`, `join`. Evaluated, so that names and code that
//! are put together at run time are seen as they would be.

use super::decode::{self, MAX_LENGTH, decoded, with};
use super::sequence;
use super::value::{Known, MAX_CHOICES, Value};
use crate::peel::codec;
use std::rc::Rc;
use wb_core::{Collection, Constant};

/// The name of the layer that numbers of characters are.
const CODES: &str = "character codes";

/// The value of `canonical(arguments)` when it only computes and all of it is known.
pub(super) fn function(canonical: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first()?;
    let (module, name) = canonical.rsplit_once('.')?;
    match module {
        "base64" => decode::base64(name, first),
        "binascii" | "zlib" | "gzip" | "bz2" | "lzma" | "quopri" => {
            decode::binary(module, name, first, arguments)
        }
        "codecs" | "_codecs" if matches!(name, "decode" | "encode") => {
            let codec = arguments.get(1)?.as_text()?;
            decode::recode(first, codec, name == "decode")
        }
        "urllib.parse" | "urllib" if name.starts_with("unquote") => {
            decoded(first, "percent", codec::percent(first.as_bytes()?), true)
        }
        "html" if name == "unescape" => Some(first.clone()),
        "operator" => operator(name, arguments),
        "builtins.str" if name == "maketrans" => decode::make_table(arguments),
        "builtins.str" | "builtins.bytes" | "builtins.bytearray" | "types.str" => {
            method(first, name, arguments.get(1..).unwrap_or_default()).or_else(|| {
                (name == "fromhex")
                    .then(|| decoded(first, "hex", codec::hex(first.as_bytes()?)?, false))?
            })
        }
        "builtins.dict" if name == "get" => first.entry(arguments.get(1)?.as_readable()?).cloned(),
        "builtins.list" | "builtins.tuple" if name == "__getitem__" => {
            item(first, arguments.get(1)?)
        }
        "builtins" => {
            builtin(name, first, arguments).or_else(|| sequence::function(canonical, arguments))
        }
        "itertools" => sequence::function(canonical, arguments),
        "random" | "secrets" if name == "choice" => chosen(first, &Value::Unknown),
        // Read back by `read` and `getvalue`.
        "io" | "_io" if matches!(name, "BytesIO" | "StringIO") => Some(first.clone()),
        "os.path" if name == "join" => join_paths(arguments),
        "os" if matches!(name, "fsdecode" | "fspath" | "fsencode") => Some(first.clone()),
        "textwrap" if name == "dedent" => Some(first.clone()),
        _ => None,
    }
}

fn builtin(name: &str, first: &Value, arguments: &[Value]) -> Option<Value> {
    match name {
        "str" | "bytes" | "bytearray" | "memoryview" | "list" | "tuple" | "iter" | "set" => {
            if let Some(items) = first.sequence()
                && matches!(name, "bytes" | "bytearray")
            {
                let bytes: Option<Vec<u8>> =
                    items.iter().map(|one| u8::try_from(one.as_int()?).ok()).collect();
                return Some(from_codes(Constant::Bytes(bytes?), items.len()));
            }
            match (&first.known().map(|known| &known.constant), name) {
                (Some(Constant::Int(value)), "str") => Some(Value::text(value.to_string())),
                (Some(Constant::Int(_)), _) => None,
                (Some(Constant::Bytes(bytes)), "str") if arguments.len() > 1 => {
                    Some(with(first, Constant::Text(String::from_utf8_lossy(bytes).into_owned())))
                }
                (Some(Constant::Text(text)), "bytes" | "bytearray") => {
                    Some(with(first, Constant::Bytes(text.clone().into_bytes())))
                }
                (Some(Constant::Text(text)), "list" | "tuple" | "iter") => {
                    let letters =
                        text.chars().take(1 << 16).map(|one| Value::text(one.to_string()));
                    Some(Value::collection(Collection::List, letters.collect()))
                }
                (Some(Constant::Bytes(bytes)), "list" | "tuple" | "iter") => {
                    let numbers = bytes
                        .iter()
                        .take(1 << 16)
                        .map(|one| Value::constant(Constant::Int(i64::from(*one))));
                    Some(Value::collection(Collection::List, numbers.collect()))
                }
                _ => Some(first.clone()),
            }
        }
        "chr" | "unichr" => {
            let character = char::from_u32(u32::try_from(first.as_int()?).ok()?)?;
            let constant = Constant::Text(character.to_string());
            Some(Value::Known(Rc::new(Known { constant, layers: Vec::new(), from_numbers: 1 })))
        }
        "ord" => {
            let text = first.as_readable()?;
            let code = u32::from(text.chars().next()?);
            Some(Value::constant(Constant::Int(i64::from(code))))
        }
        "int" => {
            let radix = arguments.get(1).and_then(Value::as_int).unwrap_or(10);
            let radix = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix))?;
            let value = match first.as_text() {
                Some(text) => {
                    i64::from_str_radix(text.trim().trim_start_matches("0x"), radix).ok()?
                }
                None => first.as_int()?,
            };
            Some(Value::constant(Constant::Int(value)))
        }
        "reversed" => slice(first, None, None, Some(-1)),
        "slice" => Some(Value::collection(Collection::FrozenSet, arguments.to_vec())),
        "repr" | "ascii" | "format" => first.as_text().map(Value::text),
        _ => None,
    }
}

/// `value.name(arguments)` of a constant.
pub(super) fn method(value: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let known = value.known()?;
    let text = value.as_readable();
    let same = |text: String| match known.constant {
        Constant::Bytes(_) => with(value, Constant::Bytes(text.into_bytes())),
        _ => with(value, Constant::Text(text)),
    };
    let argument = |index: usize| arguments.get(index).and_then(Value::as_readable);
    match name {
        "decode" | "encode" => {
            decode::recode(value, argument(0).unwrap_or("utf-8"), name == "decode")
        }
        "join" => join(text?, arguments.first()?),
        "replace" => {
            let (from, to) = (argument(0)?, argument(1)?);
            (!from.is_empty()).then(|| same(text.unwrap_or_default().replace(from, to)))
        }
        "lower" | "casefold" => Some(same(text?.to_lowercase())),
        "upper" => Some(same(text?.to_uppercase())),
        "swapcase" => Some(same(text?.chars().map(swapped).collect())),
        "strip" | "lstrip" | "rstrip" => {
            let set: Vec<char> = argument(0).unwrap_or(" \t\r\n").chars().collect();
            let text = text?;
            Some(same(
                match name {
                    "lstrip" => text.trim_start_matches(set.as_slice()),
                    "rstrip" => text.trim_end_matches(set.as_slice()),
                    _ => text.trim_matches(set.as_slice()),
                }
                .to_owned(),
            ))
        }
        "removeprefix" => Some(same(text?.strip_prefix(argument(0)?).unwrap_or(text?).to_owned())),
        "removesuffix" => Some(same(text?.strip_suffix(argument(0)?).unwrap_or(text?).to_owned())),
        "split" => {
            let text = text?;
            let parts: Vec<Value> = match argument(0) {
                Some(separator) if !separator.is_empty() => {
                    text.split(separator).map(|part| same(part.to_owned())).collect()
                }
                _ => text.split_whitespace().map(|part| same(part.to_owned())).collect(),
            };
            Some(Value::collection(Collection::List, parts))
        }
        "translate" => decode::translated(value, arguments.first()?),
        "format" => format_braces(text?, arguments),
        "__add__" | "concat" => add(value, arguments.first()?),
        "__mod__" => percent_format(value, arguments.first()?),
        "__getitem__" => item(value, arguments.first()?),
        "fromhex" => {
            decoded(arguments.first()?, "hex", codec::hex(argument(0)?.as_bytes())?, false)
        }
        "read" | "getvalue" | "tobytes" | "__str__" | "format_map" | "copy" => Some(value.clone()),
        _ => None,
    }
}

/// A letter in the other case.
fn swapped(letter: char) -> char {
    if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    }
}

/// `operator.NAME`.
fn operator(name: &str, arguments: &[Value]) -> Option<Value> {
    let (first, second) = (arguments.first()?, arguments.get(1)?);
    match name {
        "add" | "concat" | "iadd" | "iconcat" | "__add__" | "__concat__" => add(first, second),
        "mod" | "__mod__" => percent_format(first, second),
        "getitem" | "__getitem__" => item(first, second),
        "mul" => repeat(first, second),
        _ => None,
    }
}

/// An operator between two values, by its sign.
pub(super) fn binary(sign: &str, left: &Value, right: &Value) -> Option<Value> {
    let int = |value: Option<i64>| value.map(|value| Value::constant(Constant::Int(value)));
    let both = || Some((left.as_int()?, right.as_int()?));
    match sign {
        "+" | "~" => add(left, right),
        "%" => percent_format(left, right)
            .or_else(|| both().and_then(|(a, b)| int(a.checked_rem_euclid(b)))),
        "*" => repeat(left, right).or_else(|| both().and_then(|(a, b)| int(a.checked_mul(b)))),
        "-" => both().and_then(|(a, b)| int(a.checked_sub(b))),
        "^" => both().and_then(|(a, b)| int(Some(a ^ b))),
        "|" => both().and_then(|(a, b)| int(Some(a | b))),
        "&" => both().and_then(|(a, b)| int(Some(a & b))),
        "//" => both().and_then(|(a, b)| int(a.checked_div_euclid(b))),
        "<<" => {
            both().and_then(|(a, b)| int(a.checked_shl(u32::try_from(b).ok().filter(|b| *b < 32)?)))
        }
        ">>" => both().and_then(|(a, b)| int(a.checked_shr(u32::try_from(b).ok()?))),
        _ => None,
    }
}

/// `left + right`.
pub(super) fn add(left: &Value, right: &Value) -> Option<Value> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return left.checked_add(right).map(|sum| Value::constant(Constant::Int(sum)));
    }
    if let (Value::Items(left_items), Some(right)) = (left, right.sequence()) {
        let mut items = left_items.items.clone();
        if items.len().saturating_add(right.len()) > 1 << 16 {
            return None;
        }
        items.extend(right.iter().cloned());
        return Some(Value::collection(left_items.kind, items));
    }
    if left.as_bytes().is_some() && right.as_bytes().is_some() {
        return joined(&[left.clone(), right.clone()]);
    }
    // One side is text: so is the other, whatever it holds.
    let textual = |value: &Value| value.as_bytes().is_some() || matches!(value, Value::Joined(_));
    if textual(left) || textual(right) {
        return joined(&[left.clone(), right.clone()]);
    }
    None
}

/// Pieces put together: a constant when all are known, otherwise what is known of them.
pub(super) fn joined(pieces: &[Value]) -> Option<Value> {
    let mut flat: Vec<Value> = Vec::new();
    for piece in pieces {
        match piece {
            Value::Joined(inner) => flat.extend(inner.iter().cloned()),
            other => flat.push(other.clone()),
        }
    }
    if flat.len() > 4096 {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    let mut layers: Vec<String> = Vec::new();
    let mut numbers = 0_usize;
    let mut is_text = false;
    for piece in &flat {
        match piece.known().map(|known| &known.constant) {
            Some(Constant::Text(text)) => {
                is_text = true;
                bytes.extend_from_slice(text.as_bytes());
            }
            Some(Constant::Bytes(part)) => bytes.extend_from_slice(part),
            Some(Constant::Int(value)) => {
                is_text = true;
                bytes.extend(value.to_string().bytes());
            }
            _ => return Some(Value::Joined(flat.into())),
        }
        if bytes.len() > MAX_LENGTH {
            return None;
        }
        if layers.is_empty() {
            layers = piece.layers().to_vec();
        }
        let from_numbers = piece.known().map_or(0, |known| known.from_numbers);
        numbers = numbers.saturating_add(from_numbers);
    }
    // `chr(105) + chr(100)`: an encoding when it makes up most of the text.
    if layers.is_empty() && numbers >= 8 && numbers.saturating_mul(2) >= bytes.len() {
        layers.push(CODES.to_owned());
    }
    let constant = if is_text {
        Constant::Text(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        Constant::Bytes(bytes)
    };
    Some(Value::Known(Rc::new(Known { constant, layers, from_numbers: numbers })))
}

fn join(separator: &str, list: &Value) -> Option<Value> {
    let items: Vec<Value> = match list {
        Value::Items(items) if items.kind == Collection::Dict => {
            items.items.iter().step_by(2).cloned().collect()
        }
        Value::Items(items) => items.items.clone(),
        other => {
            let letters = other.as_text()?.chars().map(|one| Value::text(one.to_string()));
            letters.collect()
        }
    };
    let mut pieces = Vec::with_capacity(items.len().saturating_mul(2));
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 && !separator.is_empty() {
            pieces.push(Value::text(separator));
        }
        pieces.push(item);
    }
    if pieces.is_empty() {
        return Some(Value::text(""));
    }
    let letters = pieces.iter().all(|piece| piece.as_bytes().is_some_and(|text| text.len() == 1));
    let count = pieces.len();
    match joined(&pieces)? {
        Value::Known(known) if letters && known.layers.is_empty() => {
            Some(from_codes(known.constant.clone(), count))
        }
        other => Some(other),
    }
}

/// A constant put together from `count` single characters, which is an encoding when they are many.
fn from_codes(constant: Constant, count: usize) -> Value {
    let layers = if count >= 8 { vec![CODES.to_owned()] } else { Vec::new() };
    Value::layered(constant, layers)
}

fn join_paths(parts: &[Value]) -> Option<Value> {
    let mut path = String::new();
    for part in parts {
        let part = part.as_readable()?;
        if part.starts_with('/') {
            path.clear();
        } else if !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
    Some(Value::text(path))
}

/// `text.format(...)` with plain and numbered fields.
fn format_braces(text: &str, arguments: &[Value]) -> Option<Value> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut next = 0_usize;
    while let Some((before, after)) = rest.split_once('{') {
        pieces.push(Value::text(before));
        let (field, tail) = after.split_once('}')?;
        let name = field.split([':', '!']).next().unwrap_or_default();
        let index = name.parse::<usize>().unwrap_or(next);
        next = next.saturating_add(1);
        pieces.push(arguments.get(index).cloned().unwrap_or_default());
        rest = tail;
    }
    pieces.push(Value::text(rest));
    joined(&pieces)
}

/// `text % values` with fields without flags.
pub(super) fn percent_format(text: &Value, values: &Value) -> Option<Value> {
    let format = text.as_readable()?;
    let single = [values.clone()];
    let values = values.sequence().unwrap_or(&single);
    let mut values = values.iter();
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        pieces.push(Value::text(before));
        let kind = after.find(|one: char| one.is_ascii_alphabetic() || one == '%')?;
        let letter = after.get(kind..)?.chars().next()?;
        let value = if letter == '%' {
            Value::text("%")
        } else {
            let value = values.next().cloned().unwrap_or_default();
            match (letter, value.as_int()) {
                ('c', Some(code)) => {
                    let character = char::from_u32(u32::try_from(code).ok()?)?;
                    Value::text(character.to_string())
                }
                _ => value,
            }
        };
        pieces.push(value);
        rest = after.get(kind.saturating_add(1)..).unwrap_or_default();
    }
    pieces.push(Value::text(rest));
    joined(&pieces)
}

fn repeat(left: &Value, right: &Value) -> Option<Value> {
    let (text, count) = match (left.as_text(), right.as_int()) {
        (Some(text), Some(count)) => (text, count),
        _ => (right.as_text()?, left.as_int()?),
    };
    let count = usize::try_from(count).unwrap_or(0);
    (text.len().saturating_mul(count) <= 1 << 16).then(|| Value::text(text.repeat(count)))
}

/// `value[key]` of a constant or collection.
pub(super) fn item(value: &Value, key: &Value) -> Option<Value> {
    if let Some(bounds) = key.sequence() {
        let bound = |index: usize| bounds.get(index).and_then(Value::as_int);
        return match bounds.len() {
            1 => slice(value, None, bound(0), None),
            _ => slice(value, bound(0), bound(1), bound(2)),
        };
    }
    if let Some(text) = key.as_readable()
        && let Some(entry) = value.entry(text)
    {
        return Some(entry.clone());
    }
    let index = key.as_int()?;
    if let Some(items) = value.sequence() {
        return items.get(position(index, items.len())?).cloned();
    }
    match &value.known()?.constant {
        Constant::Text(text) => {
            let letters: Vec<char> = text.chars().take(1 << 20).collect();
            let letter = letters.get(position(index, letters.len())?)?;
            Some(with(value, Constant::Text(letter.to_string())))
        }
        Constant::Bytes(bytes) => {
            let byte = bytes.get(position(index, bytes.len())?)?;
            Some(Value::constant(Constant::Int(i64::from(*byte))))
        }
        _ => None,
    }
}

/// `value[key]` when it is one of a few: of an item of a short sequence by a key that is not known, or of an
/// item of each of several values.
pub(super) fn chosen(value: &Value, key: &Value) -> Option<Value> {
    if let Value::Either(values) = value {
        let items: Vec<Value> = values.iter().filter_map(|one| item(one, key)).collect();
        return (!items.is_empty()).then(|| Value::either(items));
    }
    let items = value.sequence().filter(|_| key.known().is_none())?;
    (2..=MAX_CHOICES).contains(&items.len()).then(|| Value::either(items.iter().cloned()))
}

fn position(index: i64, length: usize) -> Option<usize> {
    if index >= 0 {
        usize::try_from(index).ok()
    } else {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    }
}

/// `value[start:stop:step]`.
fn slice(value: &Value, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Option<Value> {
    fn pick<T: Clone>(
        items: &[T],
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    ) -> Option<Vec<T>> {
        let length = i64::try_from(items.len()).ok()?;
        let fix = |index: i64| {
            let index = if index < 0 { index.saturating_add(length) } else { index };
            index.clamp(if step < 0 { -1 } else { 0 }, length)
        };
        let (mut at, end) = if step > 0 {
            (start.map_or(0, fix), stop.map_or(length, fix))
        } else {
            let last = length.saturating_sub(1);
            (start.map_or(last, |index| fix(index).min(last)), stop.map_or(-1, fix))
        };
        let mut picked = Vec::new();
        while (step > 0 && at < end) || (step < 0 && at > end) {
            picked.push(items.get(usize::try_from(at).ok()?)?.clone());
            at = at.saturating_add(step);
        }
        Some(picked)
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return None;
    }
    if let Value::Items(items) = value {
        return Some(Value::collection(items.kind, pick(&items.items, start, stop, step)?));
    }
    match &value.known()?.constant {
        Constant::Text(text) => {
            let letters: Vec<char> = text.chars().collect();
            let picked: String = pick(&letters, start, stop, step)?.into_iter().collect();
            let reversed = step == -1 && start.is_none() && stop.is_none() && text.len() > 12;
            if reversed {
                return decoded(value, "reversed", picked.into_bytes(), true);
            }
            Some(with(value, Constant::Text(picked)))
        }
        Constant::Bytes(bytes) => {
            let picked = pick(bytes, start, stop, step)?;
            if step == -1 && start.is_none() && stop.is_none() && bytes.len() > 12 {
                return decoded(value, "reversed", picked, false);
            }
            Some(with(value, Constant::Bytes(picked)))
        }
        _ => None,
    }
}
