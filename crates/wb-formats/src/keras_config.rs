//! Keras configurations: the JSON that says which layers a model has, with which settings, and which code
//! it brings along. It stands in an attribute of a Keras H5 file, in `config.json` of a `.keras` archive,
//! or alone in a file, as `model.to_json()` writes it.
//!
//! [`read`] walks any of them into [`Content`]: one component per layer however deeply nested, a program for
//! every marshalled function and every reference to something that is not Keras' own.

mod bindings;
mod code;
mod component;
mod literal;
mod reference;
mod walk;

use crate::spanned_json::Reader as JsonReader;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Gap, Limits, Oddity, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Keras model configuration in JSON, as `to_json` writes it",
    endings: &[".json"],
    family: Family::Model,
    refines: &["json"],
    identify,
    parse,
    named: None,
};

/// How much is looked at for words that a model has.
const LOOKED_AT: usize = 1 << 20;
/// What finding the keys of a model may cost.
const GLANCE: Limits = Limits { depth: 64, decoded_bytes: 1 << 20, steps: 1 << 18, items: 1 << 18, texts: 0 };

/// A configuration, and where it stands.
pub(crate) struct Source<'a> {
    /// The JSON text.
    pub(crate) text: Bytes<'a>,
    /// The bytes of the artifact that hold it, when the offsets of `text` are not those of the artifact.
    pub(crate) packed: Option<Span>,
    /// What every place begins with, such as `model_config`; may be empty.
    pub(crate) place: &'a str,
}

impl Source<'_> {
    /// The bytes of the artifact that stand for `span` of the text.
    fn span(&self, span: Span) -> Span {
        self.packed.unwrap_or(span)
    }
}

/// Reads a configuration. What is not JSON is an oddity and a gap.
pub(crate) fn read(source: &Source<'_>, content: &mut Content, budget: &mut Budget) {
    let converted = utf8(source.text);
    let decoded;
    let source = match &converted {
        None => source,
        Some(text) => {
            let packed = Some(source.packed.unwrap_or(source.text.span()));
            decoded = Source { text: Bytes::new(text.as_bytes()), packed, place: source.place };
            &decoded
        }
    };
    let mut reader = JsonReader::new(source.text);
    let value = reader.value(budget);
    for mut oddity in reader.oddities.drain(..) {
        oddity.place = walk::joined(source.place, &oddity.place);
        oddity.span = oddity.span.map(|span| source.span(span));
        content.oddities.push(oddity);
    }
    for gap in reader.gaps.drain(..) {
        content.gaps.push(Gap { span: gap.span.map(|span| source.span(span)), ..gap });
    }
    match value {
        Ok(json) => walk::walk(source, &json, content, budget),
        Err(error) => {
            content.oddities.extend(error.oddity(source.place).map(|oddity| Oddity {
                span: oddity.span.map(|span| source.span(span)),
                ..oddity
            }));
            let gap = error.gap(source.text.span(), "a configuration");
            content.gaps.push(Gap { span: gap.span.map(|span| source.span(span)), ..gap });
        }
    }
}

/// The text of UTF-16 and UTF-32 files, which `json.loads` decodes as well; `None` for UTF-8.
fn utf8(text: Bytes<'_>) -> Option<String> {
    let start = text.array::<4>(0)?;
    let (width, big) = match start {
        [0xff, 0xfe, 0, 0] | [_, 0, 0, 0] => (4, false),
        [0, 0, 0xfe, 0xff] | [0, 0, 0, _] => (4, true),
        [0xff, 0xfe, ..] | [_, 0, ..] => (2, false),
        [0xfe, 0xff, ..] | [0, _, ..] => (2, true),
        _ => return None,
    };
    let units = text.as_slice().chunks_exact(width).map(|unit| {
        let fold = |sum: u32, byte: &u8| sum.checked_shl(8).unwrap_or(0) | u32::from(*byte);
        if big { unit.iter().fold(0, fold) } else { unit.iter().rev().fold(0, fold) }
    });
    let decoded: String = if width == 4 {
        units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        let units = units.map(|unit| u16::try_from(unit).unwrap_or(0));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    Some(decoded.trim_start_matches('\u{feff}').to_owned())
}

/// An object whose first keys are those of a serialised Keras model.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let head = input.head(4096);
    if head.as_slice().trim_ascii_start().starts_with(b"\"") {
        // The whole configuration as a string, which is read twice.
        let keys = [r#"\"class_name\""#, r#"\"config\""#, r#"\"layers\""#];
        let string = input.as_slice().trim_ascii_end().ends_with(b"\"");
        let known = string && keys.iter().all(|key| head.find(key.as_bytes()).is_some());
        return known.then_some(Strength::Strong);
    }
    let mut reader = JsonReader::new(head);
    if !reader.enter_object() {
        return None;
    }
    let (first, _) = reader.next_key(true).ok()??;
    let known = ["class_name", "module", "config", "registered_name", "keras_version", "backend"];
    let layered =
        input.head(1 << 16).find(b"\"layers\"").is_some() || head.find(b"\"Sequential\"").is_some();
    let classed = head.find(b"\"class_name\"").is_some() && head.find(b"\"config\"").is_some();
    let usual = known.contains(&first.as_str()) && layered && classed;
    (usual || is_model(input)).then_some(Strength::Strong)
}

/// Whether a class and a configuration with layers stand among the keys of the outermost object, wherever and however they
/// are written. A loader does not mind what stands before them.
fn is_model(input: Bytes<'_>) -> bool {
    let (plain, escaped) = (input.head(LOOKED_AT).find(b"class_name"), || input.head(LOOKED_AT).find(b"\\u00"));
    if plain.is_none() && escaped().is_none() {
        return false;
    }
    let mut budget = Budget::new(GLANCE);
    let mut reader = JsonReader::new(input);
    let (mut classed, mut layered, mut first) = (false, false, true);
    if !reader.enter_object() {
        return false;
    }
    while let Ok(Some((key, _))) = reader.next_key(first) {
        first = false;
        let Ok(value) = reader.value(&mut budget) else { return false };
        classed |= key == "class_name" && value.text().is_some();
        layered |= key == "config"
            && (value.get("layers").is_some() || value.items().iter().any(|item| item.get("class_name").is_some()));
        if classed && layered {
            return true;
        }
    }
    false
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    read(&Source { text: input, packed: None, place: "" }, &mut content, budget);
    content
}

/// Whether a string is a configuration: an object that names a class.
pub(crate) fn is_configuration(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("class_name")
}

/// A metadata file of a `.keras` archive: every value is a field.
pub(crate) fn read_metadata(source: &Source<'_>, content: &mut Content, budget: &mut Budget) {
    let mut reader = JsonReader::new(source.text);
    if let Ok(json) = reader.value(budget) {
        component::fields(source, &json, source.place, &mut content.fields, budget);
    } else {
        let span = source.span(source.text.span());
        content.gaps.push(Gap::over(span, format!("`{}` is not JSON", source.place)));
    }
}

#[cfg(test)]
mod tests;
