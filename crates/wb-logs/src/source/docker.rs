//! `docker events`: what happened to containers and images.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::pairs::pairs;
use wb_core::EventKind;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads `TIME container start ID (key=value, ...)`.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let head = line.head?;
    let mut words = head.rest.split(' ');
    let (object, action, name) = (words.next()?, words.next()?, words.next()?);
    let attributes = head.rest.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'))?;
    let attributes = pairs(attributes);
    if attributes.is_empty() {
        return None;
    }
    let kind = match (object, action.trim_end_matches(':')) {
        ("container", "start" | "restart" | "stop" | "die" | "kill" | "oom") => EventKind::Restart,
        ("container", "exec_start" | "exec_create") => EventKind::Exec,
        ("image", "pull" | "load" | "import") => EventKind::Download,
        ("image", "push" | "tag") => EventKind::Register,
        ("container" | "image" | "network" | "volume" | "plugin" | "builder", _) => EventKind::Note,
        _ => return None,
    };
    let mut draft = Draft::new("docker-events", head.rest);
    draft.stamp = Some(head.stamp);
    draft.structured = true;
    draft.kind = Some(kind);
    draft.set("event.action", action);
    draft.set(if object == "container" { "container.id" } else { "container.image.name" }, name);
    for pair in attributes {
        match pair.key {
            "image" => draft.set("container.image.name", pair.value),
            "name" => draft.set("container.name", pair.value),
            "execDuration" => {}
            key => draft.set(key, pair.value),
        }
    }
    draft.object = draft.field("container.name").or(Some(name)).map(str::to_owned);
    Reading::record(draft)
}
