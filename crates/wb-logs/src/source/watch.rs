//! Records of `weighbridge watch`: JSON objects that say their kind under `weighbridge.watch`.

use super::Reading;
use crate::draft::Draft;
use crate::json::{self, Value};
use crate::labels::assign;
use crate::line::Line;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// JSON objects come by [`read_json`]; there is no text to read.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// Reads an object, if it is such a record.
pub(crate) fn read_json(value: &Value, text: &str) -> Option<Draft> {
    let kind = value.get("weighbridge.watch").and_then(Value::as_str)?;
    let mut draft = Draft::new("weighbridge-watch", text);
    draft.structured = true;
    draft.message.clear();
    json::flatten(value, &mut |key, value| assign(&mut draft, key, value));
    draft.textual = false;
    let refused = draft.net.as_ref().is_some_and(|net| net.verdict == Some(NetVerdict::Blocked));
    draft.kind = Some(match kind {
        "connect" if refused => EventKind::Block,
        "connect" => EventKind::Connect,
        "exec" => EventKind::Exec,
        "load" => EventKind::Load,
        "write" => EventKind::Change,
        "dns" => EventKind::Dns,
        "alert" => EventKind::Alert,
        "ledger" => EventKind::Verify,
        _ => EventKind::Note,
    });
    // An alert repeats a connection that has a record of its own.
    if kind == "alert" {
        draft.net = None;
    }
    Some(draft)
}
