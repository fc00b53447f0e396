//! [`Draft`]: a record on its way to an [`Event`](wb_core::Event).

use crate::scan::bounded;
use crate::stamp::Stamp;
use std::collections::BTreeMap;
use wb_core::{Digest, EventKind, Net};

/// Fields kept per record at the most.
const MOST_FIELDS: usize = 96;

/// Length of a field's value at the most.
pub(crate) const LONGEST_FIELD: usize = 2000;

/// Length of a message at the most.
pub(crate) const LONGEST_MESSAGE: usize = 4000;

/// What a source made of a line. What is empty is filled in from the layers around it and from the
/// message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// The source that read it.
    pub(crate) source: &'static str,
    /// When.
    pub(crate) stamp: Option<Stamp>,
    /// What happened, if the source knows; otherwise the grammar decides.
    pub(crate) kind: Option<EventKind>,
    pub(crate) host: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) net: Option<Net>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) message: String,
    /// Names of events and actions, which the grammar reads before the message.
    pub(crate) verb: String,
    /// A host that is the destination's if the record is about a connection, and else the record's own.
    pub(crate) either_host: Option<String>,
    /// A path that is the URL's if the record is about a request, and else a file.
    pub(crate) either_path: Option<String>,
    /// Digests that fields give.
    pub(crate) digests: Vec<Digest>,
    /// Line and offset where the record begins, if that is before the line that ended it.
    pub(crate) began: Option<(u64, u64)>,
    /// Whether the structure alone, without a time, makes this a record.
    pub(crate) structured: bool,
    /// Whether the message is text in which more can be found.
    pub(crate) textual: bool,
}

impl Draft {
    pub(crate) fn new(source: &'static str, message: &str) -> Self {
        Self { source, message: bounded(message, LONGEST_MESSAGE), ..Self::default() }
    }

    /// The network side, made when first asked for.
    pub(crate) fn net(&mut self) -> &mut Net {
        self.net.get_or_insert_with(Net::default)
    }

    /// Sets a field unless it is there already; empty values are not set.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() || self.fields.len() >= MOST_FIELDS || self.fields.contains_key(name) {
            return;
        }
        self.fields.insert(bounded(name, 128), bounded(value, LONGEST_FIELD));
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// Sets `place` to `value` unless it is set already or the value is empty.
pub(crate) fn fill(place: &mut Option<String>, value: &str) {
    let value = value.trim();
    if place.is_none() && !value.is_empty() {
        *place = Some(bounded(value, LONGEST_FIELD));
    }
}
