//! What model servers say in sentences of their own: [`names`] finds the model, its version and its source.

use crate::draft::Draft;
use wb_core::EventKind;

/// What stands between two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Model,
    Version,
    Uri,
    Revision,
    RemoteCode,
}

/// A sentence: what stands before a name and after it, what it names, and what happened, if the sentence says.
struct Sentence {
    before: &'static str,
    after: &'static str,
    what: What,
    kind: Option<EventKind>,
}

const fn sentence(
    before: &'static str,
    after: &'static str,
    what: What,
    kind: Option<EventKind>,
) -> Sentence {
    Sentence { before, after, what, kind }
}

/// The servers' own words: vLLM, KServe's storage initializer, MLflow, Triton, TF Serving, TorchServe, text
/// generation inference, Ray Serve.
const SENTENCES: &[Sentence] = &[
    sentence("Starting to load model ", "...", What::Model, Some(EventKind::Load)),
    sentence("Successfully copied ", " to ", What::Uri, Some(EventKind::Download)),
    sentence("src_uri [", "]", What::Uri, None),
    sentence("Successfully registered model '", "'", What::Model, Some(EventKind::Register)),
    sentence("Created version '", "' of model", What::Version, Some(EventKind::Register)),
    sentence("' of model '", "'", What::Model, None),
    sentence("successfully loaded '", "'", What::Model, Some(EventKind::Load)),
    sentence("successfully unloaded '", "'", What::Model, Some(EventKind::Change)),
    sentence("' version ", " ", What::Version, None),
    sentence("Loading servable version {name: ", " version:", What::Model, Some(EventKind::Load)),
    sentence(
        "Successfully loaded servable version {name: ",
        " version:",
        What::Model,
        Some(EventKind::Load),
    ),
    sentence(" version: ", "}", What::Version, None),
    sentence("ModelManager - Model ", " loaded.", What::Model, Some(EventKind::Load)),
    sentence("Args { model_id: \"", "\"", What::Model, Some(EventKind::Load)),
    sentence(", revision: ", ",", What::Revision, None),
    sentence("trust_remote_code: ", ",", What::RemoteCode, None),
    sentence("trust_remote_code=", ",", What::RemoteCode, None),
    sentence(" revision=", ",", What::Revision, None),
    sentence("Initiated automated sync to '", "'", What::Revision, Some(EventKind::Deploy)),
    sentence("to deployment '", "'", What::Model, Some(EventKind::Deploy)),
    sentence("Deploying new version of deployment '", "'", What::Model, Some(EventKind::Deploy)),
];

/// Words of which every sentence has one; most messages have none.
const SIGNS: [&str; 6] = ["odel", "ervable", "eployment", "uccessfully", "revision", "nitiated"];

/// Finds what a model server's sentence names.
pub(crate) fn names(draft: &mut Draft, text: &str) {
    if !SIGNS.iter().any(|sign| memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_some()) {
        triton(draft, text);
        return;
    }
    for sentence in SENTENCES {
        let Some((_, rest)) = text.split_once(sentence.before) else { continue };
        let named = rest.split(sentence.after).next().unwrap_or_default().trim();
        if named.is_empty() || named.len() > 300 || named.contains(' ') {
            continue;
        }
        match sentence.what {
            What::Model => draft.set("model.name", named),
            What::Version => draft.set("model.version", named.trim_matches(['\'', '"'])),
            What::Uri => draft.set("source.uri", named),
            What::Revision => draft.set("model.revision", &unwrapped(named)),
            What::RemoteCode => draft.set("trust_remote_code", named),
        }
        if draft.kind.is_none() {
            draft.kind = sentence.kind;
        }
    }
    triton(draft, text);
}

/// `Some("3f2c9d1")`, as Rust prints it, without what is around the value.
fn unwrapped(text: &str) -> String {
    let inner =
        text.strip_prefix("Some(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(text);
    inner.trim_matches(['"', '\'']).to_owned()
}

/// `loading: name:version`, as Triton writes it.
fn triton(draft: &mut Draft, text: &str) {
    let Some(named) = text.trim_matches('"').strip_prefix("loading: ") else { return };
    if let Some((name, version)) = named.rsplit_once(':').filter(|(name, _)| !name.contains(' ')) {
        draft.set("model.name", name);
        draft.set("model.version", version);
        draft.kind = draft.kind.or(Some(EventKind::Load));
    }
}
