//! What a configuration makes a program do: Jinja templates under `chat_template`, and objects that name a
//! callable to be called with the other keys as arguments: Hydra's `_target_` (CVE-2025-23304 in NeMo) and
//! jsonpickle's `py/reduce`.

use crate::spanned_json::{Json, Node};
use wb_core::{
    Budget, CallStyle, Constant, Content, Language, Op, OpKind, Program, Span, Trigger, ValueId,
};

/// Adds the programs that `json` holds.
pub(crate) fn programs(json: &Json, content: &mut Content, budget: &mut Budget) {
    below(json, "", content, budget);
}

/// The reader bounds how deeply values nest.
fn below(json: &Json, path: &str, content: &mut Content, budget: &mut Budget) {
    match &json.node {
        Node::Object(entries) => {
            content.programs.extend(call(json, path));
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if key == "chat_template" {
                    templates(value, &path, content, budget);
                }
                below(value, &path, content, budget);
            }
        }
        Node::Array(items) if items.iter().any(|item| matches!(item.node, Node::Object(_) | Node::Array(_))) => {
            for (index, item) in items.iter().enumerate() {
                below(item, &format!("{path}[{index}]"), content, budget);
            }
        }
        _ => {}
    }
}

/// A template, or several as `[{"name": "default", "template": "..."}]`.
fn templates(value: &Json, path: &str, content: &mut Content, budget: &mut Budget) {
    let mut one = |json: &Json, place: String, content: &mut Content| {
        let Some(text) = json.text() else { return };
        let mut program = wb_code::jinja::lift(text, budget);
        program.place = place;
        program.component = Some("chat_template".to_owned());
        program.span = json.span;
        content.programs.push(program);
    };
    one(value, path.to_owned(), content);
    for (index, item) in value.items().iter().enumerate() {
        if let Some(template) = item.get("template") {
            one(template, format!("{path}[{index}].template"), content);
        }
    }
}

/// The call that an object stands for.
fn call(json: &Json, path: &str) -> Option<Program> {
    let mut program = Program::new(Language::Config, Trigger::Load, json.span);
    path.clone_into(&mut program.place);
    if let Some(target) = json.get("_target_") {
        let callee = import(&mut program, target.text()?, target.span);
        let arguments = json.get("_args_").map(Json::items).unwrap_or_default();
        let arguments = arguments.iter().map(|item| constant(&mut program, item)).collect();
        let keywords = json
            .entries()
            .iter()
            .filter(|(key, _)| !(key.starts_with('_') && key.ends_with('_')))
            .map(|(key, value)| (key.clone(), constant(&mut program, value)))
            .collect();
        finish(&mut program, json.span, callee, arguments, keywords);
        return Some(program);
    }
    let items = json.get("py/reduce")?.items();
    let (function, arguments) = items.split_first()?;
    let name = ["py/function", "py/type"].iter().find_map(|key| function.get(key));
    let callee = import(&mut program, name?.text()?, function.span);
    let tuple = arguments.first().and_then(|arguments| arguments.get("py/tuple"));
    let items = tuple.map(Json::items).unwrap_or_default();
    let arguments = items.iter().map(|item| constant(&mut program, item)).collect();
    finish(&mut program, json.span, callee, arguments, Vec::new());
    Some(program)
}

fn finish(
    program: &mut Program,
    span: Span,
    callee: ValueId,
    arguments: Vec<ValueId>,
    keywords: Vec<(String, ValueId)>,
) {
    let kind = OpKind::Call { callee, arguments, keywords, style: CallStyle::Call };
    let value = program.push(Op { span, number: 0, kind });
    program.push(Op { span, number: 0, kind: OpKind::Return { value } });
}

fn import(program: &mut Program, dotted: &str, span: Span) -> ValueId {
    let (module, name) = dotted.rsplit_once('.').unwrap_or(("builtins", dotted));
    let (module, name) = (module.to_owned(), name.to_owned());
    program.push(Op { span, number: 0, kind: OpKind::Import { module, name } })
}

fn constant(program: &mut Program, json: &Json) -> ValueId {
    let constant = match &json.node {
        Node::Text(text) => Constant::Text(text.clone()),
        Node::Plain(plain) => match plain.as_str() {
            "null" => Constant::None,
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            number => number.parse().map_or_else(|_| Constant::Other(number.to_owned()), Constant::Int),
        },
        _ => Constant::Other(json.display()),
    };
    program.push(Op { span: json.span, number: 0, kind: OpKind::Constant(constant) })
}
