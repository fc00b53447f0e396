//! `tokenizer.json` of the `tokenizers` library: steps that put text into what the model is told or says, and ids
//! that stand for two words.
//!
//! Source: `tokenizers` 0.22, `normalizers`, `decoders` and `models` as they are written to JSON.

use crate::spanned_json::{Json, Node};
use std::collections::BTreeMap;
use wb_core::{Component, Content, Field, Oddity, OddityKind};

/// The kind of the components that [`read`] adds: a step that replaces or adds text. `pattern` and `content` are
/// its settings, and `known` when the content is a word of the vocabulary.
const KIND: &str = "text-step";

/// Steps that are looked at, and ids that are told.
const MOST: usize = 64;

/// Adds the steps of a tokenizer that change text, and what is odd in its vocabulary. Documents that are none are
/// left alone.
pub(super) fn read(json: &Json, content: &mut Content) {
    let Some(model) = json.get("model").filter(|_| json.get("added_tokens").is_some()) else { return };
    let Some(vocab) = model.get("vocab") else { return };
    for part in ["normalizer", "pre_tokenizer", "decoder"] {
        if let Some(step) = json.get(part) {
            steps(step, part, json, content);
        }
    }
    shared_ids(vocab, content);
}

/// The reader bounds how deeply values nest.
fn steps(step: &Json, place: &str, json: &Json, content: &mut Content) {
    for list in ["normalizers", "pretokenizers", "decoders"] {
        for (index, inner) in step.get(list).map(Json::items).unwrap_or_default().iter().enumerate() {
            steps(inner, &format!("{place}.{list}[{index}]"), json, content);
        }
    }
    let added = match step.text_at("type") {
        Some("Replace") => step.text_at("content"),
        Some("Prepend") => step.text_at("prepend"),
        _ => None,
    };
    let Some(added) = added.filter(|_| content.components.len() < MOST) else { return };
    let setting = |path: &str, value: String| Field { path: path.to_owned(), value, span: Some(step.span) };
    let mut settings = vec![setting("content", added.to_owned())];
    if let Some(pattern) = step.get("pattern") {
        settings.push(setting("pattern", pattern.entries().first().map_or_else(String::new, |(_, text)| text.display())));
    }
    if is_word(added, json) {
        settings.push(setting("known", "true".to_owned()));
    }
    content.components.push(Component {
        kind: KIND,
        name: place.to_owned(),
        class: step.text_at("type").unwrap_or_default().to_owned(),
        place: place.to_owned(),
        span: Some(step.span),
        settings,
        ..Component::default()
    });
}

/// Whether `text` is one of the words that the tokenizer knows.
fn is_word(text: &str, json: &Json) -> bool {
    let vocab = json.get("model").and_then(|model| model.get("vocab"));
    let listed = |item: &Json| item.items().first().and_then(Json::text) == Some(text);
    vocab.is_some_and(|vocab| vocab.get(text).is_some() || vocab.items().iter().any(listed))
        || json
            .get("added_tokens")
            .map(Json::items)
            .unwrap_or_default()
            .iter()
            .any(|token| token.text_at("content") == Some(text))
}

/// Two words with one id: what is decoded is one of them, whichever was meant.
fn shared_ids(vocab: &Json, content: &mut Content) {
    let mut words: BTreeMap<&str, &str> = BTreeMap::new();
    let mut told = 0_usize;
    for (word, id) in vocab.entries() {
        let Node::Plain(number) = &id.node else { continue };
        let Some(other) = words.insert(number, word).filter(|other| other != word) else { continue };
        if told < MOST {
            told = told.saturating_add(1);
            let what = format!("the id {number} stands for both `{other}` and `{word}`");
            let (kind, place) = (OddityKind::Disagreement, "model.vocab".to_owned());
            content.oddities.push(Oddity { kind, place, span: Some(id.span), what });
        }
    }
}
