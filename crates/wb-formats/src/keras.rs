//! `.keras` archives: a zip file with `config.json`, `metadata.json` and `model.weights.h5`.

use crate::keras_config::{self, Source};
use crate::storage::{Disguised, disguised};
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request, names};
use wb_core::{Budget, Bytes, ChildData, Content, Oddity, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Keras model: zip archive with a configuration in JSON and weights in HDF5",
    endings: &[".keras"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

const CONFIGURATION: &str = "config.json";
const METADATA: &str = "metadata.json";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if !zip::is_zip(input) {
        return None;
    }
    let (mut configuration, mut companion) = (false, false);
    zip::any_name(input, |name| {
        configuration |= name == CONFIGURATION.as_bytes();
        companion |= name == METADATA.as_bytes() || name.starts_with(b"model.weights.");
        configuration && companion
    })
    .then_some(Strength::Strong)
}

/// Every member called `config.json` is read as one: which of two a loader takes is its own business.
fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    for entry in zip::open(input, &mut content, budget) {
        match entry.name.as_str() {
            CONFIGURATION => json(input, &entry, &mut content, budget, "", keras_config::read),
            METADATA => {
                let place = "metadata";
                json(input, &entry, &mut content, budget, place, keras_config::read_metadata);
            }
            _ => {
                let before = content.children.len();
                zip::child(input, &entry, &mut content, budget);
                executable(input, &entry, before, &mut content);
            }
        }
    }
    names::tell_apart(&mut content.children);
    content
}

/// Tells when the member that became the child at `index` is an executable: a model of Keras has none.
fn executable(input: Bytes<'_>, entry: &Entry, index: usize, content: &mut Content) {
    let Some(child) = content.children.get(index) else { return };
    let bytes = match &child.data {
        ChildData::Span(span) => input.at_span(*span).unwrap_or(input.head(0)),
        ChildData::Owned(data) => Bytes::new(data),
    };
    if let Some(found @ Disguised::Executable(_)) = disguised(bytes) {
        content.oddities.push(Oddity {
            kind: found.oddity(),
            place: entry.name.clone(),
            span: Some(entry.data),
            what: format!("the member `{}` is {}", entry.name, found.name()),
        });
    }
}

/// Reads a member as JSON, in place where it is stored as it is.
fn json(
    input: Bytes<'_>,
    entry: &Entry,
    content: &mut Content,
    budget: &mut Budget,
    place: &str,
    read: fn(&Source<'_>, &mut Content, &mut Budget),
) {
    let Some(member) = zip::data(input, entry, content, budget) else { return };
    let packed = match &member {
        zip::Member::Stored(_) => None,
        zip::Member::Decoded(_) => Some(entry.data),
    };
    read(&Source { text: member.bytes(), packed, place }, content, budget);
}

#[cfg(test)]
mod tests;
