//! The configuration of an image: what it runs when it is started, and the commands that made it.

use crate::dockerfile;
use crate::spanned_json::Json;
use wb_core::{Budget, Content, Trigger};

/// Adds the commands of a configuration as shell. Building ran those of the history; starting the image runs the
/// others.
pub(super) fn read(json: &Json, content: &mut Content, budget: &mut Budget) {
    for (index, step) in json.get("history").map(Json::items).unwrap_or_default().iter().enumerate() {
        let Some(made) = step.get("created_by") else { continue };
        if let Some(command) = made.text().and_then(|text| built(text, budget)) {
            add(&command, made, &format!("history[{index}]"), content, budget);
        }
    }
    let Some(config) = json.get("config") else { return };
    // The arguments follow the entry point; without one they are the command.
    let words: Vec<&str> = ["Entrypoint", "Cmd"]
        .iter()
        .flat_map(|key| config.get(key).map(Json::items).unwrap_or_default())
        .filter_map(Json::text)
        .collect();
    let place = if config.get("Entrypoint").is_some_and(|words| !words.items().is_empty()) { "Entrypoint" } else { "Cmd" };
    if let (Some(at), false) = (config.get(place), words.is_empty()) {
        add(&dockerfile::joined(&words), at, &format!("config.{place}"), content, budget);
    }
    if let Some(test) = config.get("Healthcheck").and_then(|check| check.get("Test")) {
        // The first word says how the others are run.
        let words: Vec<&str> = test.items().iter().filter_map(Json::text).skip(1).collect();
        if !words.is_empty() {
            add(&dockerfile::joined(&words), test, "config.Healthcheck.Test", content, budget);
        }
    }
    for (index, later) in config.get("OnBuild").map(Json::items).unwrap_or_default().iter().enumerate() {
        if let Some(command) = later.text().and_then(|text| instruction(text, budget)) {
            add(&command, later, &format!("config.OnBuild[{index}]"), content, budget);
        }
    }
}

/// The command of a step of the history: `/bin/sh -c make`, `RUN /bin/sh -c make # buildkit`,
/// `|1 A=b /bin/sh -c make`. Steps that run nothing begin with `#(nop)` or with the name of another instruction.
fn built(text: &str, budget: &mut Budget) -> Option<String> {
    const NOTHING: &str = "/bin/sh -c #(nop) ";
    let text = text.trim().trim_end_matches("# buildkit").trim_end();
    if let Some(rest) = text.strip_prefix(NOTHING) {
        return instruction(rest.trim(), budget);
    }
    match shell(text) {
        Some(command) => Some(command.to_owned()),
        None => instruction(text, budget),
    }
}

/// What a shell is told to run, arguments of the build before it left out.
fn shell(text: &str) -> Option<&str> {
    let text = text.strip_prefix("RUN ").unwrap_or(text).trim_start();
    let behind = |text: &str, shell: &str| text.find(shell).map(|at| at.saturating_add(shell.len()));
    let ends = ["/bin/sh -c ", "/bin/bash -c ", "/bin/bash -o pipefail -c "];
    let whole = ends.iter().find_map(|shell| text.strip_prefix(shell));
    whole.or_else(|| {
        let from = ends.iter().find_map(|shell| behind(text.strip_prefix('|')?, shell))?;
        text.get(from.saturating_add(1)..)
    })
}

/// The command of an instruction that runs one.
fn instruction(text: &str, budget: &mut Budget) -> Option<String> {
    let (name, rest) = text.split_once(' ')?;
    matches!(name, "RUN" | "CMD" | "ENTRYPOINT").then(|| dockerfile::command(rest.trim(), budget))
}

fn add(command: &str, at: &Json, place: &str, content: &mut Content, budget: &mut Budget) {
    let mut program = wb_code::shell::lift(command, Trigger::Run, budget);
    // The text is written with escapes: every step is at its value.
    program.stand_at(at.span);
    program.place = place.to_owned();
    content.programs.push(program);
}
