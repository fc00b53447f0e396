//! Messages of protocol buffers as text: networks of Caffe, graphs and checkpoints of TensorFlow, configurations of
//! Triton. Everything becomes fields; layers that are Python are code in another place.
//!
//! Specification: "Text Format Language Specification" of protocol buffers.

mod tree;

use crate::plain_text;
use crate::spanned_json::Json;
use crate::{Family, Reader, Request, json, names, target};
use wb_core::{Budget, Bytes, Component, Content, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Protocol buffers as text",
    endings: &[".pbtxt", ".prototxt", ".textproto"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// A message in text is never longer, in bytes.
const LONGEST: usize = 16 << 20;

/// Fields of the messages that are known.
const MARKS: [&str; 6] =
    ["model_checkpoint_path:", "max_batch_size:", "layer {", "layers {", "layer{", "python_param"];

/// Text that has a field of a known message, and reads as one.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = plain_text::text(input, LONGEST)?;
    let marked = MARKS.iter().any(|mark| memchr::memmem::find(text.as_bytes(), mark.as_bytes()).is_some());
    (marked && tree::is_message(text)).then_some(Strength::Weak)
}

fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, tree::is_message)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, LONGEST, &mut content) else { return content };
    // A byte order mark stands before the text.
    let mark = (input.len() as u64).saturating_sub(text.len() as u64);
    let read = tree::read(text, input.offset().saturating_add(mark), budget);
    json::flatten(&read.message, &mut content.fields);
    target::programs(&read.message, &mut content, budget);
    layers(&read.message, &mut content);
    checkpoints(&read.message, &mut content);
    triton(&read.message, &mut content);
    content.gaps.extend(read.gap);
    content
}

/// Layers of Caffe that are classes of Python: `PythonParameter` in `caffe.proto`.
fn layers(message: &Json, content: &mut Content) {
    const MOST: usize = 1_000;
    let layers = message.entries().iter().filter(|(name, _)| matches!(&**name, "layer" | "layers"));
    for (index, (_, layer)) in layers.enumerate().take(MOST) {
        let Some(python) = layer.get("python_param") else { continue };
        let text = |key: &str| python.text_at(key).unwrap_or_default().to_owned();
        content.components.push(Component {
            kind: "remote-code",
            name: format!("layer[{index}].python_param"),
            class: text("layer"),
            module: Some(text("module")),
            place: format!("layer[{index}]"),
            span: Some(python.span),
            settings: Vec::new(),
        });
    }
}

/// Checkpoints that TensorFlow is sent to: `CheckpointState`. A path is taken from the folder of the file.
fn checkpoints(message: &Json, content: &mut Content) {
    let Some(path) = message.get("model_checkpoint_path") else { return };
    if let Some(text) = path.text()
        && let Some(why) = names::escapes(text)
    {
        let what = format!("the checkpoint is read from `{text}`: {why}");
        let (kind, place) = (OddityKind::ExternalReference, "model_checkpoint_path".to_owned());
        content.oddities.push(Oddity { kind, place, span: Some(path.span), what });
    }
}

/// Files outside the folder of a model of Triton: the environment that its Python back end runs in (`EXECUTION_ENV_PATH`,
/// `python_backend` of `triton-inference-server`), and the file of the model.
fn triton(message: &Json, content: &mut Content) {
    const ENVIRONMENT: &str = "EXECUTION_ENV_PATH";
    /// Stands for the folder of the model.
    const HERE: &str = "$$TRITON_MODEL_DIRECTORY/";
    let parameters = message.entries().iter().filter(|(name, _)| name == "parameters").map(|(_, one)| one);
    let lists = parameters.flat_map(|one| if one.items().is_empty() { std::slice::from_ref(one) } else { one.items() });
    let environments = lists.filter(|one| one.text_at("key") == Some(ENVIRONMENT));
    let environment = environments.filter_map(|one| Some((ENVIRONMENT, one.get("value")?.get("string_value")?)));
    let file = message.get("default_model_filename").map(|file| ("default_model_filename", file));
    for (place, value) in environment.chain(file) {
        let Some(text) = value.text() else { continue };
        let path = text.strip_prefix(HERE).unwrap_or(text);
        let why = if path.contains("://") { Some("it is an address") } else { names::escapes(path) };
        if let Some(why) = why {
            let what = format!("`{text}` lies outside the folder of the model: {why}");
            let (kind, place) = (OddityKind::ExternalReference, place.to_owned());
            content.oddities.push(Oddity { kind, place, span: Some(value.span), what });
        }
    }
}

#[cfg(test)]
mod tests;
