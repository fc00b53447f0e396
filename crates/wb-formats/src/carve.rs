//! Files that stand where numbers or text are expected. They become children, to be read like any other file.

use crate::storage::{Disguised, disguised};
use crate::{Request, planes};
use std::collections::BTreeSet;
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Field, Gap, Oddity, OddityKind, Span, Tensor,
};

/// How many are taken from one artifact.
const MOST: usize = 100;

/// The longest text that is decoded, in bytes.
const LONGEST_TEXT: usize = 64 << 20;

/// The shortest text that can hold a file, in bytes.
const SHORTEST_TEXT: usize = 24;

/// Parses with `parse`, and takes the files out of what it found: those in bytes that no part of the format
/// owns, those in tensors, and those that are the value of a field. Bytes that are a child already stay as they are.
pub(crate) fn after(
    parse: fn(Bytes<'_>, &Request<'_>, &mut Budget) -> Content,
    input: Bytes<'_>,
    request: &Request<'_>,
    budget: &mut Budget,
) -> Content {
    let mut content = parse(input, request, budget);
    bytes(input, &mut content);
    numbers(input, &mut content);
    texts(&mut content, budget);
    content
}

/// What the format says that some bytes are.
enum Owner<'a> {
    Nobody,
    Tensor(&'a Tensor),
    Field(&'a Field),
}

impl Owner<'_> {
    fn name(&self, span: Span) -> String {
        match self {
            Self::Nobody => format!("bytes at offset {}", span.start),
            Self::Tensor(tensor) => format!("tensor {}", tensor.name),
            Self::Field(field) => format!("field {}", field.path),
        }
    }
}

fn bytes(input: Bytes<'_>, content: &mut Content) {
    let known: BTreeSet<Span> = content
        .children
        .iter()
        .filter_map(|child| match child.data {
            ChildData::Span(span) => Some(span),
            ChildData::Owned(_) => None,
        })
        .collect();
    let begins_there = |span: Span| span.start > input.span().start;
    let unowned = content.oddities.iter().filter_map(|oddity| match oddity.kind {
        OddityKind::TrailingBytes | OddityKind::UnownedBytes => Some((oddity.span?, Owner::Nobody)),
        // Formats without an end of their own stumble over what is appended to them.
        OddityKind::Malformed | OddityKind::Truncated | OddityKind::ImpossibleLength => {
            Some((oddity.span.filter(|span| begins_there(*span))?, Owner::Nobody))
        }
        _ => None,
    });
    let tensors = &content.tensors;
    let tensors = tensors.iter().filter_map(|tensor| Some((tensor.span?, Owner::Tensor(tensor))));
    let fields = content.fields.iter().filter_map(|field| Some((field.span?, Owner::Field(field))));
    let found: Vec<(Span, String, Disguised)> = unowned
        .chain(tensors)
        .chain(fields)
        .filter(|(span, _)| span.len > 0 && !known.contains(span))
        .filter_map(|(span, owner)| {
            let kind = disguised(input.at_span(span)?)?;
            // Wider numbers begin like a pickle by chance.
            let wide = matches!(owner, Owner::Tensor(tensor) if !is_single(&tensor.dtype));
            (!wide || kind != Disguised::Pickle).then(|| (span, owner.name(span), kind))
        })
        .take(MOST.saturating_add(1))
        .collect();
    if found.len() > MOST {
        content.gaps.push(Gap::somewhere(format!("more than {MOST} files in numbers and fields")));
    }
    for (span, name, kind) in found.into_iter().take(MOST) {
        let told = |oddity: &Oddity| oddity.span == Some(span) && oddity.kind == kind.oddity();
        if matches!(kind, Disguised::Executable(_)) && !content.oddities.iter().any(told) {
            let what = format!("{name} holds {}", kind.name());
            let (kind, place) = (kind.oddity(), name.clone());
            content.oddities.push(Oddity { kind, place, span: Some(span), what });
        }
        content.children.push(Child { name, data: ChildData::Span(span) });
    }
}

/// Files in the low bits of tensors, and tensors that hold no number.
fn numbers(input: Bytes<'_>, content: &mut Content) {
    let (mut oddities, mut children) = (Vec::new(), Vec::new());
    for tensor in &content.tensors {
        let Some((span, numbers)) = tensor.span.and_then(|span| Some((span, input.at_span(span)?)))
        else {
            continue;
        };
        if oddities.len() >= MOST {
            break;
        }
        let mut odd = |kind, what| {
            let place = format!("tensor {}", tensor.name);
            oddities.push(Oddity { kind, place, span: Some(span), what });
        };
        if let Some(hidden) = planes::file(numbers, &tensor.dtype) {
            let what = format!("{} of `{}` is {}", hidden.place, tensor.name, hidden.kind.name());
            odd(OddityKind::HiddenInNumbers, what);
            let name = format!("tensor {}, {}", tensor.name, hidden.place);
            children.push(Child { name, data: ChildData::Owned(hidden.data) });
        } else if let Some(what) = planes::not_numbers(numbers, &tensor.dtype) {
            odd(
                OddityKind::NotNumbers,
                format!("every element of `{}` that was looked at is {what}", tensor.name),
            );
        }
    }
    content.oddities.append(&mut oddities);
    content.children.append(&mut children);
}

/// Whether elements of this type take one byte each, or are bytes of no type.
fn is_single(dtype: &str) -> bool {
    let opaque = dtype.starts_with("|V") || dtype.starts_with("|S");
    const SINGLE: [&str; 8] = ["u8", "i8", "uint8", "int8", "|u1", "|i1", "byte", "char"];
    opaque || SINGLE.contains(&dtype.to_ascii_lowercase().as_str())
}

/// A file that data is, or holds.
pub(crate) struct Hidden {
    /// How it hides, in words for the name of a child; empty when it stands in the open.
    pub(crate) how: String,
    /// Where it begins, when it stands there as it is; the bytes otherwise.
    pub(crate) data: Result<usize, Vec<u8>>,
    /// What it is.
    pub(crate) kind: Disguised,
}

/// The file that `data` is: as it stands, compressed or encoded, backwards, or behind other bytes.
pub(crate) fn hidden(data: &[u8], content: &mut Content, budget: &mut Budget) -> Option<Hidden> {
    if let Some(kind) = disguised(Bytes::new(data)) {
        return Some(Hidden { how: String::new(), data: Ok(0), kind });
    }
    if let Some(found) = unpacked(data, "", content, budget) {
        return Some(found);
    }
    if let Some(at) = wb_code::pickle::behind_bytes(Bytes::new(data), usize::MAX) {
        return Some(Hidden { how: format!("offset {at}"), data: Ok(at), kind: Disguised::Pickle });
    }
    let ends = matches!(data, [b'.', .., 2..=5, 0x80]);
    if !ends && !is_digits(data) {
        return None;
    }
    let forwards: Vec<u8> = data.iter().rev().copied().collect();
    if let Some(kind) = disguised(Bytes::new(&forwards)) {
        return Some(Hidden { how: "reversed".to_owned(), data: Err(forwards), kind });
    }
    unpacked(&forwards, "reversed", content, budget)
}

/// The first file under the encodings of `data`.
fn unpacked(
    data: &[u8],
    before: &str,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Hidden> {
    if data.len() > LONGEST_TEXT || !(is_compressed(data) || is_digits(data)) {
        return None;
    }
    let layers = wb_code::peel::peel(data, budget, &mut content.gaps);
    layers.into_iter().find_map(|layer| {
        let kind = disguised(Bytes::new(&layer.data))?;
        let names = layer.layers.iter().map(String::as_str);
        let how: Vec<&str> =
            Some(before).into_iter().filter(|name| !name.is_empty()).chain(names).collect();
        Some(Hidden { how: how.join(", "), data: Err(layer.data), kind })
    })
}

/// Whether data begins like a compressed stream. The elements of arrays are not given to this.
fn is_compressed(data: &[u8]) -> bool {
    let magic: [&[u8]; 8] = [
        b"\x1f\x8b\x08",
        b"BZh",
        b"\xfd7zXZ\x00",
        b"\x78\x01",
        b"\x78\x5e",
        b"\x78\x9c",
        b"\x78\xda",
        b"\x5d\x00\x00",
    ];
    magic.iter().any(|magic| data.starts_with(magic))
}

/// Whether data is nothing but digits of an encoding, as far as its beginning says.
pub(crate) fn is_digits(data: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(byte);
    data.len() >= SHORTEST_TEXT && data.trim_ascii().iter().take(256).all(digit)
}

/// Files in the values of fields: in base64, hexadecimal digits and the like, one encoding in the other.
fn texts(content: &mut Content, budget: &mut Budget) {
    let found: Vec<(String, Vec<u8>)> = content
        .fields
        .iter()
        .filter(|field| (SHORTEST_TEXT..=LONGEST_TEXT).contains(&field.value.len()))
        .filter(|field| is_digits(field.value.as_bytes()))
        .filter_map(|field| {
            let layers = wb_code::peel::peel(field.value.as_bytes(), budget, &mut content.gaps);
            let file =
                layers.into_iter().find(|layer| disguised(Bytes::new(&layer.data)).is_some())?;
            Some((format!("field {}, {}", field.path, file.layers.join(", ")), file.data))
        })
        .take(MOST)
        .collect();
    for (name, data) in found {
        content.children.push(Child { name, data: ChildData::Owned(data) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::Field;

    /// `os.system('id')` as a pickle of protocol 4.
    const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";

    fn names(content: &Content) -> Vec<&str> {
        content.children.iter().map(|child| child.name.as_str()).collect()
    }

    /// A safetensors file whose metadata has `note`, with a tensor `w` of `data` and `tail` behind it.
    fn model(dtype: &str, note: &str, data: &[u8], tail: &[u8]) -> Content {
        let size = data.len();
        let header = format!(
            r#"{{"__metadata__":{{"note":"{note}"}},"w":{{"dtype":"{dtype}","shape":[{size}],"data_offsets":[0,{size}]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        for part in [header.as_bytes(), data, tail] {
            bytes.extend_from_slice(part);
        }
        crate::testing::parse("safetensors", &bytes)
    }

    #[test]
    fn pickles_in_tensors_tails_and_metadata_are_children() {
        let encoded = "gASMAm9zjAZzeXN0ZW2TjAJpZIVSLg=="; // The same in base64.
        assert_eq!(names(&model("U8", "x", PICKLE, b"")), ["tensor w"]);
        assert_eq!(names(&model("U8", encoded, b"1234", b"")), ["field note, base64"]);
        let content = model("U8", "x", b"1234", PICKLE);
        assert_eq!(content.children.len(), 1);
        assert!(content.children[0].name.starts_with("bytes at offset "));
    }

    #[test]
    fn numbers_and_prose_are_not() {
        let digest = "ab".repeat(32);
        for note in
            ["plain words", &digest, "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"]
        {
            let content = model("U8", note, b"\x80\x04 and so on", b"\0\0\0\0");
            assert_eq!(names(&content), Vec::<&str>::new(), "{note}");
            let note = |field: &Field| field.path == "note";
            assert!(content.fields.iter().any(note));
        }
    }
}
