//! What a configuration makes a program do: Jinja templates under `chat_template`, objects that name a
//! callable to be called with the other keys as arguments ([`call`]), strings that read the environment
//! ([`interpolation`]), code in the nodes of a workflow ([`workflow`]), and names of code that lies elsewhere
//! ([`remote`]).

mod call;
mod interpolation;
mod remote;
mod workflow;

use crate::spanned_json::{Json, Node};
use crate::template;
use call::Lifter;
use wb_core::{Budget, CallStyle, Content, Language, Op, OpKind, Program, Span, Trigger};

/// Adds the programs that `json` holds, and what it names outside itself.
pub(crate) fn programs(json: &Json, content: &mut Content, budget: &mut Budget) {
    remote::references(json, content);
    workflow::programs(json, content, budget);
    Walk { root: json, content, budget }.below(json, "");
}

/// The call, without arguments that are known, of `name` in `module`, which a configuration at `place` makes when the
/// model is loaded.
pub(crate) fn call_of(module: &str, name: &str, place: &str, span: Span) -> Program {
    let mut program = Program::new(Language::Config, Trigger::Load, span);
    place.clone_into(&mut program.place);
    let op = |kind| Op { span, number: 0, kind };
    let (module, name) = (module.to_owned(), name.to_owned());
    let callee = program.push(op(OpKind::Import { module, name }));
    let (arguments, keywords, style) = (Vec::new(), Vec::new(), CallStyle::Call);
    let value = program.push(op(OpKind::Call { callee, arguments, keywords, style }));
    program.push(op(OpKind::Return { value }));
    program
}

struct Walk<'a, 'b> {
    root: &'a Json,
    content: &'b mut Content,
    budget: &'b mut Budget,
}

impl Walk<'_, '_> {
    /// The reader bounds how deeply values nest.
    fn below(&mut self, json: &Json, path: &str) {
        if call::is_call(json) || json.text().is_some_and(interpolation::reads_environment) {
            let mut lifter = Lifter::new(self.root, path, json.span, self.budget);
            let value = lifter.value(json);
            self.content.programs.push(lifter.finish(value, &mut self.content.gaps));
            return;
        }
        match &json.node {
            Node::Object(entries) => {
                for (key, value) in entries {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    if key == "chat_template" {
                        self.templates(value, &path);
                    }
                    self.below(value, &path);
                }
            }
            Node::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    // Lists of numbers are long and hold nothing.
                    if !matches!(item.node, Node::Plain(_)) {
                        self.below(item, &format!("{path}[{index}]"));
                    }
                }
            }
            _ => {}
        }
    }

    /// A template, or several as `[{"name": "default", "template": "..."}]`.
    fn templates(&mut self, value: &Json, path: &str) {
        self.template(value, path);
        for (index, item) in value.items().iter().enumerate() {
            if let Some(template) = item.get("template") {
                self.template(template, &format!("{path}[{index}].template"));
            }
        }
    }

    fn template(&mut self, value: &Json, place: &str) {
        let Some(text) = value.text() else { return };
        let whole = |_: Span| value.span;
        template::read(text, place, "chat_template", whole, self.content, self.budget);
    }
}
