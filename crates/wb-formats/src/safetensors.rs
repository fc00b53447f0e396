//! safetensors: eight bytes of length, a JSON header, the tensors. Only the header is read, so that a
//! file of many gigabytes costs what its header costs.
//!
//! Specification: the README of huggingface/safetensors, section "Format".

use crate::notes::note;
use crate::spanned_json::{Json, NotJson, Reader as JsonReader, join_key};
use crate::{Family, Reader, Request, extents};
use std::collections::BTreeSet;
use wb_core::{
    Budget, Bytes, Content, Field, Gap, Oddity, OddityKind, Span, Strength, Tensor, Text,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "safetensors: tensors behind a JSON header, no code",
    endings: &[".safetensors"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The longest header that the reference implementation reads, in bytes.
const MAX_HEADER: u64 = 100_000_000;
/// Where the header begins.
const PREFIX: usize = 8;
/// Most axes of a tensor: `NPY_MAXDIMS` of NumPy 2.
const MAX_AXES: usize = 64;
/// Longest metadata value that is kept whole, in bytes.
const KEPT: usize = 1 << 20;

/// Element types and their sizes in bits.
const DTYPES: &[(&str, u64)] = &[
    ("BOOL", 8),
    ("F4", 4),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("U8", 8),
    ("I8", 8),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E8M0", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2FNUZ", 8),
    ("I16", 16),
    ("U16", 16),
    ("F16", 16),
    ("BF16", 16),
    ("I32", 32),
    ("U32", 32),
    ("F32", 32),
    ("C64", 64),
    ("I64", 64),
    ("U64", 64),
    ("F64", 64),
    ("C128", 128),
];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let len = input.u64_le(0)?;
    let head = input.from(PREFIX).head(4096);
    let text = head.as_slice();
    let fits = usize::try_from(len).is_ok_and(|len| input.slice(PREFIX, len).is_some());
    if text.first() != Some(&b'{') {
        // No reference reader takes it; one that trims, or decodes what it finds, does.
        let keyed = ["\"dtype\"", "\"data_offsets\""].iter().all(|key| head.find(key.as_bytes()).is_some());
        return (fits && keyed).then_some(Strength::Weak);
    }
    let inner = text.get(1..).unwrap_or(&[]).trim_ascii_start();
    let keyed = inner.starts_with(b"\"") || inner.starts_with(b"}");
    let named = head.find(b"\"dtype\"").is_some() || head.find(b"\"__metadata__\"").is_some();
    let header = head.head(usize::try_from(len).unwrap_or(usize::MAX)).as_slice();
    let empty = fits && len <= 4096 && header.trim_ascii_end().ends_with(b"}");
    (keyed && len >= 2 && (named || empty)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(len) = input.u64_le(0) else {
        content.oddities.push(odd(
            OddityKind::Truncated,
            "header",
            input.span(),
            "shorter than its length field",
        ));
        return content;
    };
    let prefix = Span::new(0, PREFIX as u64);
    let available = (input.len() as u64).saturating_sub(prefix.len);
    if len > MAX_HEADER {
        let what = format!("the header is said to have {len} bytes, more than loaders accept");
        content.oddities.push(odd(OddityKind::ImpossibleLength, "header", prefix, &what));
    }
    if len > available {
        let what = format!("the header is said to have {len} bytes, the file has {available} more");
        content.oddities.push(odd(OddityKind::Truncated, "header", prefix, &what));
    }
    let header = input.from(PREFIX).head(usize::try_from(len.min(available)).unwrap_or(0));
    let mut header_reader =
        Header { data_start: header.span().end(), content, reached: Vec::new() };
    if let Err(error) = header_reader.read(header, budget) {
        header_reader.content.oddities.extend(error.oddity("header"));
        header_reader.content.gaps.push(error.gap(header.span(), "the header"));
    } else {
        header_reader.check_extents(input);
    }
    crate::prose::metadata(&mut header_reader.content, budget);
    header_reader.content
}

/// Tensors in one file that no model has: the largest published ones have some thousands in each of their shards.
const MANY: usize = 100_000;

struct Header {
    /// Offset of the first tensor byte.
    data_start: u64,
    content: Content,
    /// Bytes of each tensor, by index into the content's tensors.
    reached: Vec<(Span, usize)>,
}

impl Header {
    fn read(&mut self, header: Bytes<'_>, budget: &mut Budget) -> Result<(), NotJson> {
        let start = header.len().saturating_sub(header.as_slice().trim_ascii_start().len());
        if start > 0 {
            let what = format!("{start} blanks stand before the JSON of the header");
            self.content.oddities.push(odd(OddityKind::Malformed, "header", header.head(start).span(), &what));
        }
        let header = header.from(start);
        let mut json = JsonReader::new(header);
        let result = self.entries(&mut json, header, budget);
        self.content.oddities.append(&mut json.oddities);
        self.content.gaps.append(&mut json.gaps);
        result
    }

    fn entries(
        &mut self,
        json: &mut JsonReader<'_>,
        header: Bytes<'_>,
        budget: &mut Budget,
    ) -> Result<(), NotJson> {
        if !json.enter_object() {
            return Err(NotJson { offset: header.offset(), expected: "`{`", exhausted: false });
        }
        let mut seen = BTreeSet::new();
        while let Some((key, span)) = json.next_key(seen.is_empty())? {
            let value = json.value(budget)?;
            if key == "__metadata__" {
                self.metadata(&value);
            } else {
                self.tensor(&key, &value);
            }
            if !seen.insert(key.clone()) {
                json.note_duplicate(&key, span);
            }
        }
        if seen.len() > MANY {
            let what = format!("the header lists {} tensors", seen.len());
            self.content.oddities.push(odd(OddityKind::Expansion, "header", header.span(), &what));
        }
        self.after_header(json.rest());
        Ok(())
    }

    /// The reference writer pads the header with spaces; anything else behind the JSON is hidden there.
    fn after_header(&mut self, rest: Bytes<'_>) {
        if !rest.is_empty() {
            let what = format!("{} bytes behind the JSON of the header", rest.len());
            note(
                &mut self.content.oddities,
                odd(OddityKind::UnownedBytes, "header", rest.span(), &what),
            );
            self.content.texts.push(Text {
                place: "header, behind its JSON".to_owned(),
                value: String::from_utf8_lossy(rest.head(KEPT).as_slice()).into_owned(),
                span: Some(rest.span()),
            });
        }
    }

    fn metadata(&mut self, value: &Json) {
        for (key, value) in value.entries() {
            if value.text().is_none() {
                let what = format!("metadata `{key}` is no string");
                note(
                    &mut self.content.oddities,
                    odd(OddityKind::Malformed, "__metadata__", value.span, &what),
                );
            }
            self.push_field(key, value);
        }
    }

    fn push_field(&mut self, path: &str, value: &Json) {
        let mut text = value.display();
        if text.len() > KEPT {
            let gap = format!("`{path}`: {} bytes, only the first {KEPT} kept", text.len());
            self.content.gaps.push(Gap::over(value.span, gap));
            text.truncate(text.floor_char_boundary(KEPT));
        }
        let field = Field { path: path.to_owned(), value: text, span: Some(value.span) };
        self.content.fields.push(field);
    }

    fn tensor(&mut self, name: &str, value: &Json) {
        let place = format!("tensor `{name}`");
        let shape: Option<Vec<u64>> = value
            .get("shape")
            .map(|shape| shape.items().iter().filter_map(Json::unsigned).collect());
        let dtype = value.text_at("dtype");
        let offsets = match value.get("data_offsets").map(Json::items) {
            Some([begin, end]) => begin.unsigned().zip(end.unsigned()),
            _ => None,
        };
        let (Some(shape), Some(dtype), Some((begin, end))) = (shape, dtype, offsets) else {
            note(
                &mut self.content.oddities,
                odd(
                    OddityKind::Malformed,
                    &place,
                    value.span,
                    "no `dtype`, `shape` and pair of `data_offsets`",
                ),
            );
            return;
        };
        for (key, extra) in value.entries() {
            if !["dtype", "shape", "data_offsets"].contains(&key.as_str()) {
                let what = format!("the key `{key}` is not defined by the format");
                note(
                    &mut self.content.oddities,
                    odd(OddityKind::Malformed, &place, extra.span, &what),
                );
                let mut path = name.to_owned();
                join_key(&mut path, key);
                self.push_field(&path, extra);
            }
        }
        let dims = value.get("shape").map(|shape| shape.items().len()).unwrap_or_default();
        if dims != shape.len() {
            let what = "the shape holds something other than sizes";
            note(&mut self.content.oddities, odd(OddityKind::Malformed, &place, value.span, what));
        }
        if dims > MAX_AXES {
            let what = format!("{dims} axes, more than any library has");
            note(&mut self.content.oddities, odd(OddityKind::ImpossibleLength, &place, value.span, &what));
        }
        let len = end.saturating_sub(begin);
        if let Some((kind, what)) = size_oddity(dtype, &shape, begin, end) {
            note(&mut self.content.oddities, odd(kind, &place, value.span, &what));
        }
        let span = Span::new(self.data_start.saturating_add(begin), len);
        self.reached.push((span, self.content.tensors.len()));
        self.content.tensors.push(Tensor {
            name: name.to_owned(),
            dtype: dtype.to_owned(),
            shape,
            span: Some(span),
            strides: None,
        });
    }

    fn check_extents(&mut self, input: Bytes<'_>) {
        let end = input.span().end();
        for (span, index) in &self.reached {
            if span.end() > end
                && let Some(tensor) = self.content.tensors.get_mut(*index)
            {
                tensor.span = None;
                let what = format!("ends at {}, the file at {end}", span.end());
                let place = format!("tensor `{}`", tensor.name);
                note(&mut self.content.oddities, odd(OddityKind::Truncated, &place, *span, &what));
            }
        }
        let names: Vec<(Span, &str)> = self
            .reached
            .iter()
            .filter_map(|(span, index)| {
                Some((*span, self.content.tensors.get(*index)?.name.as_str()))
            })
            .collect();
        let mut names = names;
        let area = Span::new(self.data_start, end.saturating_sub(self.data_start));
        extents::check(input, area, &mut names, 1, &mut self.content.oddities);
    }
}

/// What is wrong with the byte count `begin..end` of a tensor of that type and shape.
fn size_oddity(dtype: &str, shape: &[u64], begin: u64, end: u64) -> Option<(OddityKind, String)> {
    if end < begin {
        return Some((OddityKind::ImpossibleLength, format!("ends at {end}, begins at {begin}")));
    }
    let stored = end.saturating_sub(begin);
    let Some((_, bits)) = DTYPES.iter().find(|(name, _)| *name == dtype) else {
        return Some((OddityKind::Malformed, format!("unknown element type `{dtype}`")));
    };
    let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let Some(total) = elements.and_then(|elements| elements.checked_mul(*bits)) else {
        return Some((OddityKind::ImpossibleLength, "the shape overflows 64 bits".to_owned()));
    };
    let needed = total.div_ceil(8);
    (needed != stored).then(|| {
        let what = format!("`{dtype}` of shape {shape:?} needs {needed} bytes, {stored} are given");
        (OddityKind::Disagreement, what)
    })
}

fn odd(kind: OddityKind, place: &str, span: Span, what: &str) -> Oddity {
    Oddity { kind, place: place.to_owned(), span: Some(span), what: what.to_owned() }
}

#[cfg(test)]
mod tests;
