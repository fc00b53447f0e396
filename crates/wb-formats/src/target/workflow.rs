//! Workflows of ComfyUI: nodes whose text is code that running the workflow runs. Which nodes run their text is told
//! by what they are called; the code itself decides whether that is worth a finding.

use crate::spanned_json::Json;
use wb_core::{Budget, Content, Trigger};

/// Words in the class of a node that runs what it is given.
const RUNS: [&str; 8] = ["eval", "exec", "python", "script", "code", "shell", "command", "lambda"];

/// The shortest text that is looked at, in bytes.
const SHORTEST: usize = 4;

/// Adds the code in the nodes of `json`, which is a workflow as it is run (numbers to nodes) or as it is edited
/// (a list of nodes); anything else is left alone.
pub(super) fn programs(json: &Json, content: &mut Content, budget: &mut Budget) {
    const MOST: usize = 10_000;
    for (id, node) in json.entries().iter().take(MOST) {
        if let Some(class) = node.text_at("class_type")
            && let Some(inputs) = node.get("inputs")
        {
            let texts = inputs.entries().iter().map(|(name, value)| (name.clone(), value));
            lift(class, &format!("node {id}"), texts, content, budget);
        }
    }
    let edited = json.get("nodes").filter(|_| json.get("links").is_some());
    for (index, node) in edited.map(Json::items).unwrap_or_default().iter().enumerate().take(MOST) {
        if let Some(class) = node.text_at("type")
            && let Some(values) = node.get("widgets_values")
        {
            let listed =
                values.items().iter().enumerate().map(|(at, value)| (at.to_string(), value));
            let named = values.entries().iter().map(|(name, value)| (name.clone(), value));
            lift(class, &format!("nodes[{index}]"), listed.chain(named), content, budget);
        }
    }
}

fn lift<'a>(
    class: &str,
    place: &str,
    texts: impl Iterator<Item = (String, &'a Json)>,
    content: &mut Content,
    budget: &mut Budget,
) {
    let lower = class.to_ascii_lowercase();
    if !RUNS.iter().any(|word| lower.contains(word)) {
        return;
    }
    for (name, value) in texts {
        let Some(text) = value.text().filter(|text| text.len() >= SHORTEST) else { continue };
        let Some(mut program) = wb_code::python::lift(text, Trigger::Inference, budget) else {
            continue;
        };
        // The text is written with escapes: every step is at its value.
        program.stand_at(value.span);
        program.place = format!("{place} `{class}`, {name}");
        content.programs.push(program);
    }
}
