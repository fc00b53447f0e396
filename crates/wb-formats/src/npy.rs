//! NumPy `.npy` files: a header that is a Python literal, then the elements; for object arrays a pickle.
//!
//! Source: `numpy/lib/format.py`, "Format Version 1.0" to "3.0". [`array`] reads one, [`crate::npz`] many.

mod literal;

use crate::{Family, Reader, Request};
use literal::Literal;
use wb_core::{Budget, Bytes, Child, ChildData, Content, Field, Oddity, OddityKind, Span, Strength, Strides, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "NumPy array",
    endings: &[".npy"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

const MAGIC: &[u8] = b"\x93NUMPY";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    input.starts_with(MAGIC).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, _budget: &mut Budget) -> Content {
    let file = request.path.file_name();
    let name = file.strip_suffix(".npy").unwrap_or(file);
    array(input, name)
}

/// What a `.npy` file holds: one tensor called `name`, or for objects the pickle as a child.
pub(crate) fn array(input: Bytes<'_>, name: &str) -> Content {
    let mut content = Content::default();
    let mut odd = |kind, what: String, span: Span| {
        let place = name.to_owned();
        content.oddities.push(Oddity { kind, place, span: Some(span), what });
    };
    let Some((text, data)) = split(input) else {
        odd(OddityKind::Truncated, "the header is cut".to_owned(), input.span());
        return content;
    };
    let Some(header) = Header::of(text) else {
        let what = "the header is no dictionary of `descr`, `fortran_order` and `shape`".to_owned();
        odd(OddityKind::Malformed, what, text.span());
        content.children.push(Child { name: "data".to_owned(), data: ChildData::Span(data.span()) });
        return content;
    };
    // `numpy.load` refuses it; other readers take anything that is not empty for true.
    let columns = header.fortran_order == "True";
    if !matches!(header.fortran_order.as_str(), "True" | "False") {
        let what = format!("`fortran_order` is `{}`, which is no truth value", header.fortran_order);
        odd(OddityKind::Malformed, what, text.span());
    }
    if !header.has_objects {
        let wanted = header.elements().and_then(|count| count.checked_mul(header.element_len?));
        match wanted {
            Some(len) if len < data.len() as u64 => {
                let from = usize::try_from(len).unwrap_or(usize::MAX);
                let rest = data.from(from);
                odd(OddityKind::TrailingBytes, format!("{} bytes follow the array", rest.len()), rest.span());
                let name = "bytes after the array".to_owned();
                content.children.push(Child { name, data: ChildData::Span(rest.span()) });
            }
            Some(len) if len > data.len() as u64 => {
                let what = format!("the shape needs {len} bytes, {} are there", data.len());
                odd(OddityKind::Truncated, what, data.span());
            }
            None if header.element_len.is_some() => {
                let what = "the shape is larger than any file".to_owned();
                odd(OddityKind::ImpossibleLength, what, text.span());
            }
            _ => {}
        }
    }
    for (path, value) in [("descr", &header.descr), ("fortran_order", &header.fortran_order)] {
        let (path, value) = (path.to_owned(), value.clone());
        content.fields.push(Field { path, value, span: Some(text.span()) });
    }
    if header.has_objects {
        // `numpy.load(allow_pickle=True)` unpickles everything that follows.
        content.children.push(Child { name: "objects.pkl".to_owned(), data: ChildData::Span(data.span()) });
    }
    content.tensors.push(Tensor {
        name: name.to_owned(),
        dtype: header.descr,
        strides: columns.then(|| Strides::by_column(&header.shape)).flatten(),
        shape: header.shape,
        span: (!header.has_objects).then(|| data.span()),
    });
    content
}

/// The header's text and what follows it. Version 1 has a length of two bytes, later ones of four.
fn split(input: Bytes<'_>) -> Option<(Bytes<'_>, Bytes<'_>)> {
    let mut cursor = input.cursor();
    cursor.take(MAGIC.len())?;
    let major = cursor.u8()?;
    let _minor = cursor.u8()?;
    let len = if major == 1 { u64::from(cursor.u16_le()?) } else { u64::from(cursor.u32_le()?) };
    let text = cursor.take_u64(len)?;
    Some((text, cursor.rest()))
}

struct Header {
    descr: String,
    fortran_order: String,
    shape: Vec<u64>,
    has_objects: bool,
    /// Bytes of one element, for simple types.
    element_len: Option<u64>,
}

impl Header {
    fn of(text: Bytes<'_>) -> Option<Self> {
        // A header of a million fields is no header; `numpy.load` stops at 10,000 characters.
        const LONGEST: usize = 1 << 16;
        let text = std::str::from_utf8(text.head(LONGEST).as_slice()).ok()?;
        let literal = Literal::parse(text)?;
        let descr = literal.get("descr")?;
        let shape = literal.get("shape")?.counts()?;
        Some(Self {
            fortran_order: literal.get("fortran_order")?.show(),
            shape,
            has_objects: has_objects(descr, 0),
            element_len: descr.text().and_then(element_len),
            descr: descr.show(),
        })
    }

    fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |count, size| count.checked_mul(*size))
    }
}

/// Whether a type description has an object anywhere: `|O`, or a field or sub-array of it.
fn has_objects(descr: &Literal, position: usize) -> bool {
    match descr {
        Literal::Text(text) => {
            // The first item of a field is its name.
            position == 0 && text.trim_start_matches(['|', '<', '>', '=']).starts_with('O')
        }
        Literal::List(items) => items.iter().any(|item| match item {
            Literal::List(field) => field.get(1).is_some_and(|kind| has_objects(kind, 0)),
            other => has_objects(other, 0),
        }),
        _ => false,
    }
}

/// `<f4` has four bytes, `<U3` twelve.
fn element_len(descr: &str) -> Option<u64> {
    let code = descr.trim_start_matches(['|', '<', '>', '=']);
    let kind = code.chars().next()?;
    let len: u64 = code.get(kind.len_utf8()..)?.split('[').next()?.parse().ok()?;
    match kind {
        'U' => len.checked_mul(4),
        'b' | 'i' | 'u' | 'f' | 'c' | 'm' | 'M' | 'S' | 'a' | 'V' | 'B' | '?' => Some(len),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
