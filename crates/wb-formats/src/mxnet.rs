//! MXNet parameters (`.params`): arrays one behind the other, then their names.
//!
//! Specification: `NDArray::Save` and `NDArray::Load` in `src/ndarray/ndarray.cc`, `TShape::Save` in
//! `include/mxnet/tuple.h` of `apache/mxnet`.

use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "MXNet parameters",
    endings: &[".params"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// `kMXAPINDArrayListMagic`, and a word that is reserved.
const MAGIC: [u8; 16] = [0x12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Versions of an array: shapes of 64 bits, kinds of storage, shapes that may be unknown.
const V1: u32 = 0xF993_FAC8;
const V2: u32 = 0xF993_FAC9;
const V3: u32 = 0xF993_FACA;
/// Axes of an array; anything that has more is none.
const AXES: u32 = 32;

/// Names of the element types and their bytes, by number (`mshadow/base.h`).
const TYPES: [(&str, u64); 13] = [
    ("float32", 4),
    ("float64", 8),
    ("float16", 2),
    ("uint8", 1),
    ("int32", 4),
    ("int8", 1),
    ("int64", 8),
    ("bool", 1),
    ("int16", 2),
    ("uint16", 2),
    ("uint32", 4),
    ("uint64", 8),
    ("bfloat16", 2),
];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let count = input.u64_le(16).filter(|_| input.starts_with(&MAGIC))?;
    (count < 1 << 32).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut notes) = (Content::default(), Notes::default());
    let mut cursor = input.from(MAGIC.len()).cursor();
    if let Err(why) = read(&mut cursor, &mut content, &mut notes, budget) {
        let at = cursor.offset();
        let rest = Span::new(at, input.span().end().saturating_sub(at));
        let kind = if cursor.is_at_end() { OddityKind::Truncated } else { OddityKind::Malformed };
        notes.odd(kind, "arrays", Some(rest), why);
        notes.gap(Some(rest), why);
    } else if !cursor.is_at_end() {
        let rest = cursor.rest();
        let what = format!("{} bytes behind the names of the arrays", rest.len());
        notes.odd(OddityKind::TrailingBytes, "behind the names", Some(rest.span()), what);
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

fn read(
    cursor: &mut Cursor<'_>,
    content: &mut Content,
    notes: &mut Notes,
    budget: &mut Budget,
) -> Result<(), &'static str> {
    const CUT: &str = "the file ends before its arrays do";
    let count = cursor.u64_le().ok_or(CUT)?;
    for index in 0..count {
        if cursor.is_at_end() {
            return Err(CUT);
        }
        budget.items(1).map_err(|_| "the budget of items ran out")?;
        let tensor = array(cursor, &format!("arrays[{index}]"), notes)?;
        content.tensors.push(tensor);
    }
    let names = cursor.u64_le().ok_or(CUT)?;
    if names != count && names != 0 {
        let what = format!("{count} arrays have {names} names");
        notes.odd(OddityKind::Disagreement, "names", Some(Span::new(cursor.offset(), 0)), what);
    }
    for index in 0..names {
        let len = cursor.u64_le().ok_or(CUT)?;
        let name = cursor.take_u64(len).ok_or("a name is longer than the file")?;
        budget.steps(len.max(1)).map_err(|_| "the budget of steps ran out")?;
        let tensor = usize::try_from(index).ok().and_then(|index| content.tensors.get_mut(index));
        if let Some(tensor) = tensor {
            tensor.name = String::from_utf8_lossy(name.as_slice()).into_owned();
        }
    }
    Ok(())
}

/// One array, by its version.
fn array(cursor: &mut Cursor<'_>, place: &str, notes: &mut Notes) -> Result<Tensor, &'static str> {
    const CUT: &str = "an array ends before its time";
    let start = cursor.offset();
    let version = cursor.u32_le().ok_or(CUT)?;
    let shape = match version {
        V2 | V3 => {
            // Sparse arrays have shapes and types of what they are made of, which only MXNet itself writes.
            if cursor.i32_le().ok_or(CUT)? != 0 {
                return Err("a sparse array is not read");
            }
            shape(cursor)
        }
        V1 => shape(cursor),
        // The oldest version begins with the number of axes, of 32 bits each.
        axes if axes <= AXES => (0..axes).map(|_| cursor.u32_le().map(u64::from)).collect(),
        _ => return Err("an array of no known version"),
    };
    let shape = shape.ok_or("an array without a shape")?;
    let mut tensor = Tensor { name: place.to_owned(), dtype: String::new(), span: None, shape, strides: None };
    if tensor.shape.is_empty() && version != V3 {
        return Ok(tensor);
    }
    // Device and its number: where the array was, and where it is put.
    cursor.u64_le().ok_or(CUT)?;
    let kind = cursor.u32_le().ok_or(CUT)?;
    let known = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind));
    let (name, size) = *known.ok_or("an array of no known type")?;
    tensor.dtype = name.to_owned();
    let len = tensor.shape.iter().try_fold(size, |product, size| product.checked_mul(*size));
    let data = len.and_then(|len| cursor.take_u64(len));
    let Some(data) = data else {
        let what = format!("`{name}` of shape {:?} is longer than the file", tensor.shape);
        notes.odd(OddityKind::ImpossibleLength, place, Some(Span::new(start, 16)), what);
        return Err(CUT);
    };
    tensor.span = Some(data.span());
    Ok(tensor)
}

/// The number of axes, and 64 bits for each.
fn shape(cursor: &mut Cursor<'_>) -> Option<Vec<u64>> {
    let axes = cursor.u32_le().filter(|axes| *axes <= AXES)?;
    (0..axes).map(|_| cursor.u64_le().filter(|size| i64::try_from(*size).is_ok())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{claims, oddities, parse, survive};

    /// One array of two numbers, as version 1.9 of MXNet writes it.
    fn file(version: u32, axis: u64, name: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(version.to_le_bytes());
        if version != V1 {
            bytes.extend(0_u32.to_le_bytes());
        }
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(axis.to_le_bytes());
        // Device, its number, type.
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0, 0, 128, 63, 0, 0, 0, 64]);
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend((name.len() as u64).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes
    }

    #[test]
    fn arrays_are_listed_by_their_names() {
        for version in [V1, V2, V3] {
            let bytes = file(version, 2, "arg:fc_weight");
            assert_eq!(claims(&bytes), "mxnet");
            let content = parse("mxnet", &bytes);
            assert_eq!((oddities(&content), content.gaps.len()), (Vec::new(), 0));
            let tensor = &content.tensors[0];
            assert_eq!((tensor.name.as_str(), tensor.dtype.as_str(), &tensor.shape), ("arg:fc_weight", "float32", &vec![2]));
            assert_eq!(Bytes::new(&bytes).at_span(tensor.span.unwrap()).unwrap().as_slice(), [0, 0, 128, 63, 0, 0, 0, 64]);
        }
    }

    #[test]
    fn arrays_longer_than_the_file_and_bytes_behind_the_names_are_told() {
        let odd = oddities(&parse("mxnet", &file(V2, 1 << 40, "w")));
        assert_eq!(odd, ["impossible-length arrays[0]", "malformed arrays"]);
        let bytes = [file(V2, 2, "w"), b"more".to_vec()].concat();
        assert_eq!(oddities(&parse("mxnet", &bytes)), ["trailing-bytes behind the names"]);
    }

    /// Made by `tests/data/make_mxnet.py`.
    #[test]
    fn a_file_of_the_framework_is_read_as_it_was_written() {
        let real = include_bytes!("../tests/data/real.params");
        let content = parse("mxnet", real);
        assert_eq!((claims(real), oddities(&content).len(), content.gaps.len()), ("mxnet".to_owned(), 0, 0));
        let tensors: Vec<String> = content
            .tensors
            .iter()
            .map(|tensor| format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape))
            .collect();
        assert_eq!(tensors, ["arg:fc_weight float32 [2, 3]", "arg:fc_half float16 [2]", "aux:steps int64 [1]"]);
    }

    #[test]
    fn damage_is_survived() {
        survive("mxnet", &file(V3, 2, "aux:mean"));
    }
}
