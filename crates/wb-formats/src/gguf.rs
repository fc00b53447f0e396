//! GGUF, versions 1 to 3, little and big endian: metadata, chat templates, tensors.
//!
//! Specification: ggml-org/ggml `docs/gguf.md`. Element types: `ggml/include/ggml.h`, `enum ggml_type`.

mod scalar;
mod types;

use crate::notes::note;
use crate::{Family, Reader, Request, extents};
use scalar::{Numbers, Stop};
use std::collections::BTreeSet;
use types::ValueType;

pub(crate) use types::element_type;
use wb_core::{
    Budget, Bytes, Content, Field, Gap, Oddity, OddityKind, Span, Strength, Tensor, Text,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "GGUF: language models for llama.cpp, with metadata and chat templates",
    endings: &[".gguf"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Longest string value that is kept whole, in bytes.
const KEPT: usize = 1 << 20;
/// Arrays of at most this many elements are kept whole.
const KEPT_ELEMENTS: u64 = 16;
/// Strings in longer arrays are kept when they are longer than any token, in bytes.
const LONG_TOKEN: usize = 256;
/// Most axes of a tensor: `GGML_MAX_DIMS`.
const MAX_DIMS: u32 = 4;
/// Alignment of tensor data when `general.alignment` does not say otherwise, in bytes.
const DEFAULT_ALIGNMENT: u64 = 32;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if !input.starts_with(b"GGUF") {
        return None;
    }
    let known = Numbers::detect(input).is_some();
    Some(if known { Strength::Strong } else { Strength::Weak })
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(numbers) = Numbers::detect(input) else {
        content.oddities.push(Oddity {
            kind: OddityKind::Malformed,
            place: "header".to_owned(),
            span: Some(input.head(8).span()),
            what: "not a version from 1 to 3, in either byte order".to_owned(),
        });
        content.gaps.push(Gap::over(input.from(8).span(), "unknown GGUF version"));
        return content;
    };
    let mut model =
        Model { input, numbers, content, alignment: DEFAULT_ALIGNMENT, infos: Vec::new() };
    if let Err(stop) = model.read(budget) {
        let rest = input.from(model.numbers.position()).span();
        let odd = Oddity {
            kind: stop.kind,
            place: stop.place,
            span: Some(rest),
            what: stop.what.to_owned(),
        };
        model.content.oddities.push(odd);
        model.content.gaps.push(Gap::over(rest, format!("not read: {}", stop.what)));
    }
    crate::prose::metadata(&mut model.content, budget);
    model.content
}

struct Model<'a> {
    input: Bytes<'a>,
    numbers: Numbers<'a>,
    content: Content,
    alignment: u64,
    infos: Vec<Info>,
}

/// A tensor's own word about itself.
struct Info {
    offset: u64,
    bytes: Option<u64>,
    /// The entry that describes it.
    span: Span,
}

impl Model<'_> {
    fn read(&mut self, budget: &mut Budget) -> Result<(), Stop> {
        let version = self.numbers.version;
        let order = self.numbers.order_name();
        self.field("gguf.version", format!("{version} ({order})"), self.input.head(8).span());
        let tensors = self.entries_said("tensor count")?;
        let entries = self.entries_said("metadata count")?;
        let mut keys = BTreeSet::new();
        for _ in 0..entries {
            self.entry(&mut keys, budget)?;
        }
        let mut names = BTreeSet::new();
        for _ in 0..tensors {
            self.tensor(&mut names, budget)?;
        }
        self.place_tensors();
        Ok(())
    }

    /// A count of entries as the header states it. One that cannot be true is told, and the entries that
    /// are there are read all the same: CVE-2024-23496.
    fn entries_said(&mut self, place: &'static str) -> Result<u64, Stop> {
        let start = self.numbers.offset();
        let (count, left) = self.numbers.wide(place)?;
        if count > left {
            let what = format!("{count} entries, {left} bytes are left");
            let span = self.numbers.span_from(start);
            self.odd(OddityKind::ImpossibleLength, place.to_owned(), span, what);
        }
        Ok(count)
    }

    fn entry(&mut self, keys: &mut BTreeSet<String>, budget: &mut Budget) -> Result<(), Stop> {
        spend(budget)?;
        let start = self.numbers.offset();
        let (key, _) = self.numbers.string("metadata key")?;
        let key = String::from_utf8_lossy(key.as_slice()).into_owned();
        let code = self.numbers.u32("type of metadata")?;
        let kind = ValueType::from_code(code).ok_or_else(|| Stop {
            kind: OddityKind::Malformed,
            place: format!("metadata `{key}`"),
            what: "metadata of an unknown type",
        })?;
        let value = self.value(kind, &key, budget)?;
        let span = self.numbers.span_from(start);
        if !keys.insert(key.clone()) {
            self.odd(
                OddityKind::DuplicateKey,
                format!("metadata `{key}`"),
                span,
                format!("the key `{key}` appears more than once"),
            );
        }
        if key == "general.alignment" {
            self.set_alignment(&value, span);
        }
        self.field(&key, value, span);
        Ok(())
    }

    fn set_alignment(&mut self, value: &str, span: Span) {
        match value.parse::<u64>() {
            Ok(alignment) if alignment.is_power_of_two() => self.alignment = alignment,
            _ => self.odd(
                OddityKind::Malformed,
                "metadata `general.alignment`".to_owned(),
                span,
                format!("the alignment is {value}, which is no power of two"),
            ),
        }
    }

    fn value(&mut self, kind: ValueType, key: &str, budget: &mut Budget) -> Result<String, Stop> {
        match kind {
            ValueType::Text => {
                let (text, span) = self.numbers.string("string value")?;
                let value = self.kept(text, key);
                if is_template(key) {
                    self.template(key, &value, span, budget);
                }
                Ok(value)
            }
            ValueType::Array => self.array(key, budget),
            scalar => self.numbers.scalar(scalar),
        }
    }

    fn array(&mut self, key: &str, budget: &mut Budget) -> Result<String, Stop> {
        let code = self.numbers.u32("type of array elements")?;
        let count = self.numbers.count("array length")?;
        let malformed =
            |what| Stop { kind: OddityKind::Malformed, place: format!("metadata `{key}`"), what };
        match ValueType::from_code(code) {
            Some(ValueType::Text) => self.strings(key, count, budget),
            Some(ValueType::Array) => Err(malformed("an array of arrays, which no reader accepts")),
            Some(scalar) => self.scalars(scalar, count),
            None => Err(malformed("an array of an unknown type")),
        }
    }

    fn scalars(&mut self, kind: ValueType, count: u64) -> Result<String, Stop> {
        if count > KEPT_ELEMENTS {
            self.numbers.skip(count, kind.size())?;
            return Ok(format!("[{count} of {}]", kind.name()));
        }
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.numbers.scalar(kind)?);
        }
        Ok(format!("[{}]", values.join(", ")))
    }

    fn strings(&mut self, key: &str, count: u64, budget: &mut Budget) -> Result<String, Stop> {
        let mut kept = Vec::new();
        for index in 0..count {
            budget.steps(1).map_err(|_| Stop::budget())?;
            let (text, span) = self.numbers.string("string in an array")?;
            if count <= KEPT_ELEMENTS {
                kept.push(format!("{:?}", self.kept(text, key)));
            } else if text.len() > LONG_TOKEN && budget.items(1).is_ok() {
                let value = self.kept(text, key);
                let place = format!("{key}[{index}]");
                self.content.texts.push(Text { place, value, span: Some(span) });
            }
        }
        if count <= KEPT_ELEMENTS {
            return Ok(format!("[{}]", kept.join(", ")));
        }
        Ok(format!("[{count} of string]"))
    }

    fn kept(&mut self, text: Bytes<'_>, key: &str) -> String {
        if text.len() > KEPT {
            let why = format!("`{key}`: only the first {KEPT} bytes of a string kept");
            self.content.gaps.push(Gap::over(text.from(KEPT).span(), why));
        }
        String::from_utf8_lossy(text.head(KEPT).as_slice()).into_owned()
    }

    /// llama-cpp-python rendered chat templates without a sandbox: CVE-2024-34359.
    fn template(&mut self, key: &str, text: &str, span: Span, budget: &mut Budget) {
        let placed = |part: Span| {
            let start = part.start.saturating_add(span.start).min(span.end());
            Span::new(start, part.len.min(span.end().saturating_sub(start)))
        };
        crate::template::read(text, key, key, placed, &mut self.content, budget);
    }

    fn tensor(&mut self, names: &mut BTreeSet<String>, budget: &mut Budget) -> Result<(), Stop> {
        spend(budget)?;
        let start = self.numbers.offset();
        let (name, _) = self.numbers.string("tensor name")?;
        let name = String::from_utf8_lossy(name.as_slice()).into_owned();
        let place = format!("tensor `{name}`");
        let axes = self.numbers.u32("number of axes")?;
        if axes > MAX_DIMS {
            let what = format!("{axes} axes, at most {MAX_DIMS} are allowed");
            self.odd(
                OddityKind::ImpossibleLength,
                place.clone(),
                self.numbers.span_from(start),
                what,
            );
        }
        let mut shape = Vec::new();
        for _ in 0..axes {
            budget.steps(1).map_err(|_| Stop::budget())?;
            shape.push(self.numbers.wide("shape")?.0);
        }
        let code = self.numbers.u32("element type")?;
        let offset = self.numbers.u64("tensor offset")?;
        let span = self.numbers.span_from(start);
        let bytes = self.tensor_bytes(code, &shape, &place, span);
        if !names.insert(name.clone()) {
            let what = format!("two tensors are called `{name}`");
            self.odd(OddityKind::DuplicateName, place, span, what);
        }
        // The format stores the innermost axis first.
        shape.reverse();
        let dtype =
            element_type(code).map_or_else(|| format!("type {code}"), |t| t.name.to_owned());
        self.content.tensors.push(Tensor { name, dtype, shape, span: None, strides: None });
        self.infos.push(Info { offset, bytes, span });
        Ok(())
    }

    fn tensor_bytes(&mut self, code: u32, shape: &[u64], place: &str, span: Span) -> Option<u64> {
        let Some(element) = element_type(code) else {
            let what = format!("unknown element type {code}");
            self.odd(OddityKind::Malformed, place.to_owned(), span, what);
            return None;
        };
        let bytes = element.bytes(shape);
        if bytes.is_none() {
            let what = format!(
                "shape {shape:?} of `{}` is no whole number of blocks, or overflows",
                element.name
            );
            self.odd(OddityKind::ImpossibleLength, place.to_owned(), span, what);
        }
        bytes
    }

    /// Tensor data begins behind the tensor entries, at the next multiple of the alignment.
    fn place_tensors(&mut self) {
        let header_end = self.numbers.offset();
        let end = self.input.span().end();
        let start = header_end.checked_next_multiple_of(self.alignment).unwrap_or(end).min(end);
        let mut extents = Vec::new();
        for (index, info) in self.infos.iter().enumerate() {
            let Some(tensor) = self.content.tensors.get_mut(index) else { continue };
            let place = || format!("tensor `{}`", tensor.name);
            let mut odd = |kind, what| {
                let odd = Oddity { kind, place: place(), span: Some(info.span), what };
                note(&mut self.content.oddities, odd);
            };
            if info.offset.checked_rem(self.alignment) != Some(0) {
                let what = format!("offset {} is no multiple of {}", info.offset, self.alignment);
                odd(OddityKind::Malformed, what);
            }
            let Some(bytes) = info.bytes else { continue };
            let begin = start.checked_add(info.offset);
            let Some((begin, stop)) = begin.and_then(|begin| Some((begin, begin.checked_add(bytes)?))) else {
                let what = format!("{bytes} bytes at offset {} are more than 64 bits can count", info.offset);
                odd(OddityKind::ImpossibleLength, what);
                continue;
            };
            let span = Span::new(begin, bytes);
            extents.push((span, index));
            if stop > end {
                let what = format!("{bytes} bytes at offset {} end behind the file", info.offset);
                odd(OddityKind::Truncated, what);
                continue;
            }
            tensor.span = Some(span);
        }
        self.check_extents(Span::new(start, end.saturating_sub(start)), &extents);
    }

    fn check_extents(&mut self, area: Span, extents: &[(Span, usize)]) {
        // A tensor whose size is not known may own what looks like nobody's.
        if self.infos.len() != extents.len() {
            return;
        }
        let mut named: Vec<(Span, &str)> = extents
            .iter()
            .filter_map(|(span, index)| {
                Some((*span, self.content.tensors.get(*index)?.name.as_str()))
            })
            .collect();
        let oddities = &mut self.content.oddities;
        extents::check(self.input, area, &mut named, self.alignment, oddities);
    }

    fn field(&mut self, path: &str, value: String, span: Span) {
        self.content.fields.push(Field { path: path.to_owned(), value, span: Some(span) });
    }

    fn odd(&mut self, kind: OddityKind, place: String, span: Span, what: String) {
        note(&mut self.content.oddities, Oddity { kind, place, span: Some(span), what });
    }
}

fn is_template(key: &str) -> bool {
    key == "tokenizer.chat_template" || key.starts_with("tokenizer.chat_template.")
}

fn spend(budget: &mut Budget) -> Result<(), Stop> {
    budget.steps(1).and_then(|()| budget.items(1)).map_err(|_| Stop::budget())
}

#[cfg(test)]
mod tests;
