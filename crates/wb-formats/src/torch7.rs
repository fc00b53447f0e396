//! Torch7: objects of Lua Torch in the binary form (`.t7`): tables, tensors, modules, and functions as
//! bytecode.
//!
//! Specification: `File.lua`, `Tensor.lua` and `doc/serialization.md` in `torch/torch7`.

mod lua;

use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, Child, ChildData, Component, Content, Cursor, Field, OddityKind, Span, Strength,
    Tensor, Text,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Torch7 object (Lua)",
    endings: &[".t7", ".th"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How deep objects may nest.
const DEEPEST: u32 = 200;
/// Names of one function that are kept.
const NAMES: usize = 1 << 12;
/// Longest name of a class, in bytes.
const CLASS: u64 = 256;

const NIL: i32 = 0;
const NUMBER: i32 = 1;
const STRING: i32 = 2;
const TABLE: i32 = 3;
const TORCH: i32 = 4;
const BOOLEAN: i32 = 5;
const FUNCTION: i32 = 6;
const OLD_RECURSIVE: i32 = 7;
const RECURSIVE: i32 = 8;

/// An object of a class begins with its number and a version, a table with its number and a first key.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut cursor = input.cursor();
    let kind = cursor.i32_le()?;
    (cursor.i32_le()? == 1).then_some(())?;
    match kind {
        FUNCTION | OLD_RECURSIVE | RECURSIVE => {
            let dump = string(&mut cursor, u64::MAX)?;
            dump.starts_with(b"\x1bL").then_some(Strength::Strong)
        }
        TORCH => {
            let version = string(&mut cursor, CLASS)?;
            version.starts_with(b"V ").then_some(())?;
            let class = string(&mut cursor, CLASS)?;
            is_class(class).then_some(Strength::Strong)
        }
        TABLE => {
            let count = cursor.i32_le()?;
            (1..1 << 24).contains(&count).then_some(())?;
            match cursor.i32_le()? {
                STRING => {
                    let key = string(&mut cursor, CLASS)?;
                    let plain = !key.is_empty() && key.as_slice().iter().all(u8::is_ascii_graphic);
                    plain.then_some(Strength::Strong)
                }
                NUMBER => {
                    let first = f64::from_le_bytes(cursor.array()?);
                    let kind = cursor.i32_le()?;
                    (first == 1.0 && (NUMBER..=RECURSIVE).contains(&kind)).then_some(Strength::Weak)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_class(name: Bytes<'_>) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    !name.is_empty() && name.as_slice().iter().all(plain)
}

fn string<'a>(cursor: &mut Cursor<'a>, most: u64) -> Option<Bytes<'a>> {
    let len = u64::try_from(cursor.i32_le()?).ok().filter(|len| *len <= most)?;
    cursor.take_u64(len)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk {
        cursor: input.cursor(),
        content: Content::default(),
        notes: Notes::default(),
        budget,
        depth: 0,
        seen: std::collections::BTreeMap::new(),
    };
    let read = walk.object("object");
    let at = walk.cursor.offset();
    let rest = Span::new(at, input.span().end().saturating_sub(at));
    match read {
        Some(_) if rest.len > 0 => {
            let what = format!("{} bytes follow the object", rest.len);
            walk.notes.odd(OddityKind::TrailingBytes, "behind the object", Some(rest), what);
        }
        Some(_) => {}
        None => {
            let what = "the object breaks off, or a limit was reached";
            walk.notes.odd(OddityKind::Malformed, "object", Some(rest), what);
            walk.notes.gap(Some(rest), what);
        }
    }
    Content { oddities: walk.notes.oddities, gaps: walk.notes.gaps, ..walk.content }
}

/// A value, as far as tensors and names need it.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(f64),
    /// Bytes of a storage and the size of an element.
    Storage(Option<Span>, u64),
    Other,
}

struct Walk<'a, 'b> {
    cursor: Cursor<'a>,
    content: Content,
    notes: Notes,
    budget: &'b mut Budget,
    depth: u32,
    /// Storages by the number of their object.
    seen: std::collections::BTreeMap<i32, Value>,
}

impl Walk<'_, '_> {
    /// The next object; `place` is the path of keys to it.
    fn object(&mut self, place: &str) -> Option<Value> {
        if self.depth >= DEEPEST || self.budget.steps(1).is_err() || self.budget.items(1).is_err() {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let value = self.value(place);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn value(&mut self, place: &str) -> Option<Value> {
        let start = self.cursor.offset();
        match self.cursor.i32_le()? {
            NIL => Some(Value::Other),
            NUMBER => Some(Value::Number(f64::from_le_bytes(self.cursor.array()?))),
            BOOLEAN => self.cursor.i32_le().map(|_| Value::Other),
            STRING => {
                let bytes = string(&mut self.cursor, u64::MAX)?;
                let text = String::from_utf8_lossy(bytes.head(1 << 16).as_slice()).into_owned();
                if text.len() >= 12 {
                    let (place, value) = (place.to_owned(), text.clone());
                    self.content.texts.push(Text { place, value, span: Some(bytes.span()) });
                }
                Some(Value::Text(text))
            }
            kind @ (TABLE | TORCH | FUNCTION | OLD_RECURSIVE | RECURSIVE) => {
                let index = self.cursor.i32_le()?;
                if let Some(value) = self.seen.get(&index) {
                    return Some(value.clone());
                }
                self.seen.insert(index, Value::Other);
                let value = match kind {
                    TABLE => self.table(place)?,
                    TORCH => self.torch(place, start)?,
                    _ => self.function(place, start)?,
                };
                self.seen.insert(index, value.clone());
                Some(value)
            }
            _ => None,
        }
    }

    fn table(&mut self, place: &str) -> Option<Value> {
        for _ in 0..self.cursor.i32_le()?.max(0) {
            let key = match self.object(place)? {
                Value::Text(text) => text,
                Value::Number(number) => number.to_string(),
                _ => "?".to_owned(),
            };
            let place = crate::protobuf::below(place, &key);
            if let Value::Text(value) = self.object(&place)? {
                self.content.fields.push(Field { path: place, value, span: None });
            }
        }
        Some(Value::Other)
    }

    /// A version, a class, and what the class writes: a storage, a tensor, or a table of fields.
    fn torch(&mut self, place: &str, start: u64) -> Option<Value> {
        let first = string(&mut self.cursor, CLASS)?;
        // Objects of the first version have no version.
        let class = match first.starts_with(b"V ") {
            true => string(&mut self.cursor, CLASS)?,
            false => first,
        };
        let class = String::from_utf8_lossy(class.as_slice()).into_owned();
        let short = class.strip_prefix("torch.").unwrap_or_default();
        if let Some(kind) = short.strip_suffix("Storage") {
            return self.storage(kind);
        }
        if let Some(kind) = short.strip_suffix("Tensor").filter(|kind| size(kind).is_some()) {
            return self.tensor(place, kind);
        }
        let module = class.rsplit_once('.').map(|(module, _)| module.to_owned());
        self.content.components.push(Component {
            kind: "module",
            name: place.to_owned(),
            class: class.rsplit('.').next().unwrap_or_default().to_owned(),
            module,
            place: place.to_owned(),
            span: Some(Span::new(start, self.cursor.offset().saturating_sub(start))),
            settings: Vec::new(),
        });
        self.object(place)
    }

    fn storage(&mut self, kind: &str) -> Option<Value> {
        let count = u64::try_from(i64::from_le_bytes(self.cursor.array()?)).ok()?;
        let size = size(kind)?;
        let bytes = self.cursor.take_u64(count.checked_mul(size)?)?;
        Some(Value::Storage(Some(bytes.span()), size))
    }

    /// Axes, sizes, strides, offset, storage.
    fn tensor(&mut self, place: &str, kind: &str) -> Option<Value> {
        let axes = usize::try_from(self.cursor.i32_le()?).ok().filter(|axes| *axes <= 256)?;
        let mut numbers = Vec::new();
        for _ in 0..axes.saturating_mul(2) {
            numbers.push(i64::from_le_bytes(self.cursor.array()?));
        }
        let offset = i64::from_le_bytes(self.cursor.array()?);
        let storage = self.object(place)?;
        let (sizes, strides) = numbers.split_at_checked(axes)?;
        let shape: Vec<u64> = sizes.iter().map(|size| u64::try_from(*size).unwrap_or(0)).collect();
        let mut span = None;
        if let Value::Storage(Some(held), size) = storage {
            let last = sizes.iter().zip(strides).try_fold(offset.checked_sub(1)?, |last, (size, stride)| {
                last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)
            });
            let end = last.and_then(|last| u64::try_from(last.checked_add(1)?).ok()?.checked_mul(size));
            if !shape.contains(&0) && end.is_none_or(|end| end > held.len) {
                let what = format!("shape {sizes:?} from element {offset} reaches past {} bytes", held.len);
                self.notes.odd(OddityKind::ImpossibleLength, place, Some(held), what);
            }
            span = Some(held);
        }
        let (name, dtype) = (place.to_owned(), kind.to_owned());
        self.content.tensors.push(Tensor { name, dtype, shape, span, strides: None });
        Some(Value::Other)
    }

    /// Bytecode as `string.dump` writes it, then the values of the surrounding scope.
    fn function(&mut self, place: &str, start: u64) -> Option<Value> {
        let bytes = string(&mut self.cursor, u64::MAX)?;
        let class = match bytes.head(5).as_slice() {
            [0x1b, b'L', b'J', version, _] => format!("LuaJIT bytecode, version {version}"),
            [0x1b, b'L', b'u', b'a', version] => format!("Lua bytecode {}.{}", version >> 4, version & 15),
            _ => "function".to_owned(),
        };
        let span = Span::new(start, self.cursor.offset().saturating_sub(start));
        self.content.components.push(Component {
            kind: "function",
            name: place.to_owned(),
            class,
            place: place.to_owned(),
            span: Some(span),
            settings: names(bytes),
            ..Component::default()
        });
        let texts = crate::plain_text::strings(bytes, &format!("strings of the function {place}"));
        self.content.texts.extend(texts);
        let why = format!("the bytecode of `{place}` is not read");
        self.notes.gap(Some(bytes.span()), why);
        let data = ChildData::Span(bytes.span());
        if crate::storage::disguised(bytes).is_some() {
            self.content.children.push(Child { name: place.to_owned(), data });
        }
        self.object(&crate::protobuf::below(place, "upvalues"))
    }
}

/// The names and strings that bytecode uses, by the function in it.
fn names(code: Bytes<'_>) -> Vec<Field> {
    let functions = lua::constants(code).unwrap_or_default();
    let numbered = functions.into_iter().enumerate();
    let named = numbered.flat_map(|(index, strings)| strings.into_iter().map(move |value| (index, value)));
    let field = |(index, value)| Field { path: format!("function[{index}]"), value, span: Some(code.span()) };
    named.take(NAMES).map(field).collect()
}

/// Bytes of an element of `torch.KINDTensor`.
fn size(kind: &str) -> Option<u64> {
    Some(match kind.strip_prefix("Cuda").unwrap_or(kind) {
        "Byte" | "Char" => 1,
        "Short" | "Half" => 2,
        "Int" | "Float" | "" => 4,
        "Long" | "Double" => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
