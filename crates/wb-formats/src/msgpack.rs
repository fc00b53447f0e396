//! MessagePack as Flax and JAX write their weights: maps of names down to arrays.
//!
//! Specification: the MessagePack specification (`spec.md` in `msgpack/msgpack`); `flax/serialization.py`
//! (`_ndarray_to_bytes`, extension types 1 to 3).

use crate::notes::Notes;
use crate::protobuf::below;
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Cursor, Field, OddityKind, Span, Strength, Tensor,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Flax weights (MessagePack)",
    endings: &[".msgpack"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How deep maps and lists may nest.
const DEEPEST: u32 = 100;
/// Values that are looked at to find an array.
const LOOKED_AT: usize = 4_096;
/// The extension type of an array.
const ARRAY: i8 = 1;

/// A value without those inside it.
enum Token<'a> {
    Map(u64),
    List(u64),
    Text(Bytes<'a>),
    Binary(Bytes<'a>),
    Extension(i8, Bytes<'a>),
    Number(String),
}

/// The next value; maps and lists are only begun.
fn token<'a>(cursor: &mut Cursor<'a>) -> Option<Token<'a>> {
    let mark = cursor.u8()?;
    let u16 = |cursor: &mut Cursor<'_>| cursor.array().map(u16::from_be_bytes).map(u64::from);
    let u32 = |cursor: &mut Cursor<'_>| cursor.array().map(u32::from_be_bytes).map(u64::from);
    let u8 = |cursor: &mut Cursor<'_>| cursor.u8().map(u64::from);
    let low = |bits: u8| u64::from(mark & bits);
    Some(match mark {
        0x00..=0x7f => Token::Number(mark.to_string()),
        0xe0..=0xff => Token::Number(mark.cast_signed().to_string()),
        0x80..=0x8f => Token::Map(low(15)),
        0xde => Token::Map(u16(cursor)?),
        0xdf => Token::Map(u32(cursor)?),
        0x90..=0x9f => Token::List(low(15)),
        0xdc => Token::List(u16(cursor)?),
        0xdd => Token::List(u32(cursor)?),
        0xa0..=0xbf => Token::Text(cursor.take_u64(low(31))?),
        0xd9..=0xdb => {
            let len = match mark {
                0xd9 => u8(cursor)?,
                0xda => u16(cursor)?,
                _ => u32(cursor)?,
            };
            Token::Text(cursor.take_u64(len)?)
        }
        0xc4..=0xc6 => {
            let len = match mark {
                0xc4 => u8(cursor)?,
                0xc5 => u16(cursor)?,
                _ => u32(cursor)?,
            };
            Token::Binary(cursor.take_u64(len)?)
        }
        0xc7..=0xc9 | 0xd4..=0xd8 => {
            let len = match mark {
                0xc7 => u8(cursor)?,
                0xc8 => u16(cursor)?,
                0xc9 => u32(cursor)?,
                other => 1_u64.checked_shl(u32::from(other.saturating_sub(0xd4)))?,
            };
            let kind = cursor.u8()?.cast_signed();
            Token::Extension(kind, cursor.take_u64(len)?)
        }
        0xc0 => Token::Number("null".to_owned()),
        0xc2 => Token::Number("false".to_owned()),
        0xc3 => Token::Number("true".to_owned()),
        0xca => Token::Number(f32::from_be_bytes(cursor.array()?).to_string()),
        0xcb => Token::Number(f64::from_be_bytes(cursor.array()?).to_string()),
        0xcc => Token::Number(u8(cursor)?.to_string()),
        0xcd => Token::Number(u16(cursor)?.to_string()),
        0xce => Token::Number(u32(cursor)?.to_string()),
        0xcf => Token::Number(u64::from_be_bytes(cursor.array()?).to_string()),
        0xd0 => Token::Number(cursor.u8()?.cast_signed().to_string()),
        0xd1 => Token::Number(i16::from_be_bytes(cursor.array()?).to_string()),
        0xd2 => Token::Number(i32::from_be_bytes(cursor.array()?).to_string()),
        0xd3 => Token::Number(i64::from_be_bytes(cursor.array()?).to_string()),
        _ => return None,
    })
}

/// A map whose first array has a shape, a type and bytes that fit.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut cursor = input.cursor();
    match token(&mut cursor)? {
        Token::Map(1..) => {}
        _ => return None,
    }
    match token(&mut cursor)? {
        Token::Text(key) if key.as_slice().iter().all(u8::is_ascii_graphic) => {}
        _ => return None,
    }
    for _ in 0..LOOKED_AT {
        if let Token::Extension(ARRAY, payload) = token(&mut cursor)? {
            return array(payload).map(|_| Strength::Strong);
        }
    }
    None
}

/// Shape, type and bytes of an array.
fn array(payload: Bytes<'_>) -> Option<(Vec<u64>, String, Bytes<'_>)> {
    let mut cursor = payload.cursor();
    let Token::List(3) = token(&mut cursor)? else { return None };
    let Token::List(axes) = token(&mut cursor)? else { return None };
    let mut shape = Vec::new();
    for _ in 0..u64::min(axes, 64) {
        let Token::Number(size) = token(&mut cursor)? else { return None };
        shape.push(size.parse().ok()?);
    }
    let Token::Text(dtype) = token(&mut cursor)? else { return None };
    let dtype = String::from_utf8_lossy(dtype.head(64).as_slice()).into_owned();
    match token(&mut cursor)? {
        Token::Binary(data) => Some((shape, dtype, data)),
        _ => None,
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (content, notes) = (Content::default(), Notes::default());
    let mut walk = Walk { cursor: input.cursor(), content, notes, budget, depth: 0 };
    let read = walk.value("");
    let at = walk.cursor.offset();
    let rest = Span::new(at, input.span().end().saturating_sub(at));
    if read.is_none() {
        let what = "the tree breaks off, or a limit was reached";
        walk.notes.odd(OddityKind::Malformed, "tree", Some(rest), what);
        walk.notes.gap(Some(rest), what);
    } else if rest.len > 0 {
        let what = format!("{} bytes follow the tree", rest.len);
        walk.notes.odd(OddityKind::TrailingBytes, "behind the tree", Some(rest), what);
    }
    Content { oddities: walk.notes.oddities, gaps: walk.notes.gaps, ..walk.content }
}

struct Walk<'a, 'b> {
    cursor: Cursor<'a>,
    content: Content,
    notes: Notes,
    budget: &'b mut Budget,
    depth: u32,
}

impl Walk<'_, '_> {
    fn value(&mut self, path: &str) -> Option<()> {
        if self.depth >= DEEPEST || self.budget.steps(1).is_err() || self.budget.items(1).is_err() {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let value = self.value_of(path);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn value_of(&mut self, path: &str) -> Option<()> {
        match token(&mut self.cursor)? {
            Token::Map(count) => {
                for _ in 0..count {
                    let key = match token(&mut self.cursor)? {
                        Token::Text(key) => String::from_utf8_lossy(key.head(1024).as_slice()).into_owned(),
                        Token::Number(number) => number,
                        _ => return None,
                    };
                    let path = if path.is_empty() { key } else { below(path, &key) };
                    self.value(&path)?;
                }
            }
            Token::List(count) => {
                for index in 0..count {
                    self.value(&format!("{path}[{index}]"))?;
                }
            }
            Token::Text(text) => {
                let value = String::from_utf8_lossy(text.head(1 << 16).as_slice()).into_owned();
                self.field(path, value, text.span());
            }
            Token::Number(value) => {
                let span = Span::new(self.cursor.offset(), 0);
                self.field(path, value, span);
            }
            // Large arrays are cut into lists of these, and the application may keep anything in them.
            Token::Binary(data) => {
                if crate::storage::disguised(data).is_some() {
                    let (name, data) = (path.to_owned(), ChildData::Span(data.span()));
                    self.content.children.push(Child { name, data });
                } else {
                    self.field(path, format!("[{} bytes]", data.len()), data.span());
                }
            }
            Token::Extension(kind, payload) => self.extension(path, kind, payload),
        }
        Some(())
    }

    fn field(&mut self, path: &str, value: String, span: Span) {
        self.content.fields.push(Field { path: path.to_owned(), value, span: Some(span) });
    }

    /// Arrays (1), complex numbers (2), scalars (3). Others are the application's own.
    fn extension(&mut self, path: &str, kind: i8, payload: Bytes<'_>) {
        if let (ARRAY | 3, Some((shape, dtype, data))) = (kind, array(payload)) {
            let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
            let expected = size(&dtype).and_then(|size| elements?.checked_mul(size));
            if expected.is_some_and(|expected| expected != data.len() as u64) {
                let what = format!("shape {shape:?} of {dtype} does not fit {} bytes", data.len());
                self.notes.odd(OddityKind::Disagreement, path, Some(data.span()), what);
            }
            let (name, span) = (path.to_owned(), Some(data.span()));
            self.content.tensors.push(Tensor { name, dtype, shape, span, strides: None });
        } else if kind != 2 {
            let what = format!("extension type {kind}, which Flax does not write");
            self.notes.odd(OddityKind::Malformed, path, Some(payload.span()), what);
        }
    }
}

/// Bytes of an element, by the name that NumPy gives its type.
fn size(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "bool" | "int8" | "uint8" => 1,
        dtype if dtype.starts_with("float8") => 1,
        "int16" | "uint16" | "float16" | "bfloat16" => 2,
        "int32" | "uint32" | "float32" => 4,
        "int64" | "uint64" | "float64" | "complex64" => 8,
        "complex128" => 16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, oddities, parse, survive};
    use wb_core::OddityKind;

    /// Written by the Python package `msgpack` as `flax.serialization.to_bytes` does.
    const REAL: &[u8] = include_bytes!("../tests/data/real.msgpack");

    /// A map of one array, of 6 elements of `float32`, with `count` bytes.
    fn tree(count: u8, kind: u8) -> Vec<u8> {
        let mut array = b"\x93\x92\x02\x03\xa7float32\xc4".to_vec();
        array.push(count);
        array.extend(vec![0; usize::from(count)]);
        let mut bytes = b"\x81\xa6kernel\xc7".to_vec();
        bytes.push(u8::try_from(array.len()).expect("short"));
        bytes.push(kind);
        bytes.extend(array);
        bytes
    }

    #[test]
    fn a_tree_that_a_library_wrote_is_read() {
        assert_eq!(claims(REAL), "msgpack");
        let content = parse("msgpack", REAL);
        let shown: Vec<String> = content
            .tensors
            .iter()
            .map(|tensor| format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape))
            .collect();
        assert_eq!(shown, ["params.dense.kernel float32 [2, 3]", "params.dense.bias float32 [3]"]);
        assert_eq!((oddities(&content), gaps(&content)), (Vec::new(), Vec::new()));
        assert!(content.fields.iter().any(|field| field.path == "step" && field.value == "7"));
    }

    #[test]
    fn shapes_types_and_ends_are_checked() {
        assert_eq!(claims(&tree(24, 1)), "msgpack");
        assert_eq!(oddities(&parse("msgpack", &tree(24, 1))), [""; 0]);
        assert!(has(&parse("msgpack", &tree(20, 1)), OddityKind::Disagreement));
        assert!(has(&parse("msgpack", &tree(24, 77)), OddityKind::Malformed));
        let more = [tree(24, 1), b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.".to_vec()].concat();
        let content = parse("msgpack", &more);
        assert!(has(&content, OddityKind::TrailingBytes));
        assert_eq!(content.children.len(), 1);
    }

    #[test]
    fn a_pickled_leaf_is_a_child() {
        let pickle = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
        let mut bytes = tree(24, 1);
        bytes[0] = 0x82;
        bytes.extend(b"\xa5state\xc4");
        bytes.push(u8::try_from(pickle.len()).expect("short"));
        bytes.extend(pickle);
        assert_eq!(parse("msgpack", &bytes).children[0].name, "state");
    }

    #[test]
    fn other_maps_are_none() {
        for bytes in [&b"\x81\xa1a\x01"[..], b"\x80\x04N.", b"\x81\xa1a\xc7\x01\x01\x00"] {
            assert!(!claims(bytes).contains("msgpack"), "{bytes:?}");
        }
    }

    #[test]
    fn damage_is_survived() {
        survive("msgpack", REAL);
        survive("msgpack", &tree(24, 1));
    }
}
