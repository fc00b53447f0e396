//! Python that a framework runs by itself: handlers of servers, models with code of their own, data set scripts.

use wb_core::{OpKind, Program, ValueId};

/// Classes that frameworks build and call: their own, or as a base.
const BASES: [&str; 12] = [
    "BaseHandler",
    "VisionHandler",
    "TextHandler",
    "ImageClassifier",
    "PythonModel",
    "PreTrainedModel",
    "PretrainedConfig",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "DiffusionPipeline",
    "GeneratorBasedBuilder",
    "ArrowBasedBuilder",
];

/// Whether a file defines what a server or a loader calls: a Triton model, a TorchServe handler, a class of a base
/// that is loaded by name.
pub(super) fn is_served(program: &Program) -> bool {
    program.ops.iter().any(|op| match &op.kind {
        OpKind::Opaque { what, uses } => match what.strip_prefix("class ") {
            Some("TritonPythonModel" | "EndpointHandler") => true,
            Some(_) => uses.iter().any(|base| BASES.contains(&last_name(program, *base))),
            None => false,
        },
        OpKind::Define { name, body } => name == "handle" && takes_request(body),
        _ => false,
    })
}

/// The last part of the name that a value was read from.
fn last_name(program: &Program, value: ValueId) -> &str {
    match program.op(value).map(|op| &op.kind) {
        Some(OpKind::Load { name }) => name,
        Some(OpKind::GetAttribute { name, .. }) => name,
        _ => "",
    }
}

/// `def handle(data, context)`, which TorchServe calls.
fn takes_request(body: &Program) -> bool {
    let names = body.ops.iter().filter_map(|op| match &op.kind {
        OpKind::Store { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.take(2).eq(["data", "context"])
}
