//! [`print`]: ops to lines. Expressions are built in the order of the ops, each from those of its
//! operands, so nothing recurses except into the bodies of functions.

use super::layout::{Line, Text};
use super::literal;
use super::names::{Names, is_identifier};
use wb_core::{CallStyle, Collection, Constant, Language, Op, OpKind, Program, ValueId};

/// Function bodies inside function bodies that are printed.
const DEEPEST_BODY: usize = 16;
/// Items of a collection that are shown in readable text.
const SHOWN_ITEMS: usize = 60;
/// Constants longer than this get a name when they are used twice.
const SHORT: usize = 40;

/// What BUILD does, for text that is to be evaluated.
const BUILD: &str = "\
def build(value, state):
    if hasattr(value, '__setstate__'):
        value.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        value.__dict__.update(state)
    for name, slot in (slots or {}).items():
        setattr(value, name, slot)";

/// Prints `program` as lines.
pub(super) fn print(program: &Program, readable: bool, depth: usize) -> Vec<Line> {
    let names = Names::new(program, readable);
    let mut printer = Printer {
        program,
        names,
        readable,
        depth,
        uses: uses(program),
        named: Vec::new(),
        active: Vec::new(),
        pending: Vec::new(),
        body: Vec::new(),
        variables: 0,
    };
    (printer.named, printer.active) = printer.choose_named();
    for (index, op) in program.ops.iter().enumerate() {
        let text = printer.op(index, op);
        printer.pending.push(text);
    }
    let mut lines = Vec::new();
    let Printer { names, body, .. } = printer;
    let builds = program.ops.iter().any(|op| matches!(op.kind, OpKind::Build { .. }));
    lines.extend(names.into_lines());
    if !readable && builds && depth == 0 {
        let helper = BUILD.lines().map(|text| Line { text: text.to_owned(), ..Line::default() });
        lines.extend(helper);
    }
    if !lines.is_empty() && !body.is_empty() && depth == 0 && body.len() > 1 {
        lines.push(Line::default());
    }
    lines.extend(body);
    lines
}

struct Printer<'a> {
    program: &'a Program,
    names: Names,
    readable: bool,
    depth: usize,
    /// How often each value is used.
    uses: Vec<u32>,
    /// The values that get a name.
    named: Vec<bool>,
    /// The values whose evaluation may do something, by themselves or in an expression inside them.
    active: Vec<bool>,
    /// The expression of each op so far: taken by its one use, or a name.
    pending: Vec<Text>,
    body: Vec<Line>,
    variables: u32,
}

/// How often each value is used.
fn uses(program: &Program) -> Vec<u32> {
    let mut uses = vec![0_u32; program.ops.len()];
    for op in &program.ops {
        for operand in operands(&op.kind) {
            if let Some(count) = uses.get_mut(operand.index()) {
                *count = count.saturating_add(1);
            }
        }
    }
    uses
}

/// The values an op uses.
fn operands(kind: &OpKind) -> Vec<ValueId> {
    match kind {
        OpKind::GetAttribute { of, .. } => vec![*of],
        OpKind::GetItem { of, key } => vec![*of, *key],
        OpKind::Call { callee, arguments, keywords, style } => {
            let mut all = vec![*callee];
            if *style == CallStyle::New {
                // `cls.__new__(cls, ...)` names the class twice.
                all.push(*callee);
            }
            all.extend(arguments);
            all.extend(keywords.iter().map(|(_, value)| *value));
            all
        }
        OpKind::SetAttribute { of, value, .. } => vec![*of, *value],
        OpKind::SetItem { of, key, value } => vec![*of, *key, *value],
        OpKind::Build { of, state } => vec![*of, *state],
        OpKind::Collect { items, .. } => items.clone(),
        OpKind::Store { value, .. } | OpKind::Return { value } => vec![*value],
        OpKind::Persistent { id } => vec![*id],
        OpKind::Opaque { uses, .. } => uses.clone(),
        OpKind::Constant(_)
        | OpKind::Import { .. }
        | OpKind::Load { .. }
        | OpKind::Define { .. }
        | OpKind::Extension { .. } => Vec::new(),
    }
}

/// Whether the op stands on a line of its own.
const fn is_statement(kind: &OpKind) -> bool {
    matches!(
        kind,
        OpKind::SetAttribute { .. }
            | OpKind::SetItem { .. }
            | OpKind::Build { .. }
            | OpKind::Store { .. }
            | OpKind::Return { .. }
            | OpKind::Define { .. }
    )
}

/// Whether evaluating the op may do something.
const fn does_something(kind: &OpKind) -> bool {
    matches!(
        kind,
        OpKind::Call { .. }
            | OpKind::Persistent { .. }
            | OpKind::GetItem { .. }
            | OpKind::GetAttribute { .. }
            | OpKind::Extension { .. }
    )
}

impl Printer<'_> {
    fn use_count(&self, index: usize) -> u32 {
        self.uses.get(index).copied().unwrap_or(0)
    }

    /// Which values get a name: those used more than once, and those whose one use comes after a
    /// statement that must not be overtaken. Beside it, which values are active.
    fn choose_named(&self) -> (Vec<bool>, Vec<bool>) {
        let ops = &self.program.ops;
        let mut last_use = vec![0_usize; ops.len()];
        for (index, op) in ops.iter().enumerate() {
            for operand in operands(&op.kind) {
                if let Some(last) = last_use.get_mut(operand.index()) {
                    *last = index;
                }
            }
        }
        let mut named: Vec<bool> =
            ops.iter().enumerate().map(|(index, op)| self.needs_name(index, op)).collect();
        let mut active = vec![false; ops.len()];
        for (index, op) in ops.iter().enumerate() {
            let nested = operands(&op.kind).iter().any(|operand| {
                active.get(operand.index()) == Some(&true)
                    && named.get(operand.index()) == Some(&false)
            });
            if let Some(active) = active.get_mut(index) {
                *active = does_something(&op.kind) || nested;
            }
        }
        // A name for one value makes a statement that others must not overtake: two rounds settle it.
        for _ in 0..2 {
            let mut before: Vec<u32> = Vec::with_capacity(ops.len().saturating_add(1));
            let mut count: u32 = 0;
            for (index, op) in ops.iter().enumerate() {
                before.push(count);
                let unused = self.use_count(index) == 0 && active.get(index) == Some(&true);
                let acts = named.get(index) == Some(&true) && active.get(index) == Some(&true);
                count = count.saturating_add(u32::from(is_statement(&op.kind) || unused || acts));
            }
            for (index, last) in last_use.iter().enumerate() {
                let overtakes = before.get(*last) > before.get(index.saturating_add(1));
                if overtakes
                    && *last > index
                    && active.get(index) == Some(&true)
                    && let Some(named) = named.get_mut(index)
                {
                    *named = true;
                }
            }
        }
        (named, active)
    }

    fn needs_name(&self, index: usize, op: &Op) -> bool {
        if self.use_count(index) < 2 {
            return false;
        }
        match &op.kind {
            OpKind::Constant(constant) => {
                let long = match constant {
                    Constant::Text(text) => text.len() > SHORT,
                    Constant::Bytes(bytes) => bytes.len() > SHORT,
                    Constant::BigInt(digits) => digits.len() > SHORT,
                    Constant::Blob { .. } | Constant::Other(_) => true,
                    _ => false,
                };
                long && self.program.language != Language::Shell
            }
            OpKind::Import { .. } | OpKind::Load { .. } => false,
            OpKind::Collect { items, kind, .. } => !items.is_empty() || *kind != Collection::Tuple,
            _ => true,
        }
    }

    /// Prints one op; what remains is the expression for its uses.
    fn op(&mut self, index: usize, op: &Op) -> Text {
        if is_statement(&op.kind) {
            self.statement(index, op);
            return Text::new("None".to_owned(), Vec::new());
        }
        let expression = self.expression(index, &op.kind);
        let unused = self.use_count(index) == 0;
        if self.named.get(index) == Some(&true) {
            self.variables = self.variables.saturating_add(1);
            let name = format!("value_{}", self.variables);
            self.line(expression.prefixed(&format!("{name} = ")));
            return Text::new(name, Vec::new());
        }
        let starred = matches!(&op.kind, OpKind::Opaque { what, .. } if what.starts_with('*'));
        // A tuple that nobody reads still makes the calls inside it.
        let acts = self.active.get(index) == Some(&true)
            || matches!(&op.kind, OpKind::Opaque { .. }) && !starred
            || matches!(&op.kind, OpKind::Constant(_)) && self.program.language == Language::Pickle;
        if unused && acts {
            self.line(expression);
            return Text::default();
        }
        expression
    }

    fn line(&mut self, text: Text) {
        self.body.extend(text.lines);
    }

    /// The expression of a value: moved to its only use, copied when it is short or a name.
    fn take(&mut self, value: ValueId) -> Text {
        let once = self.use_count(value.index()) < 2;
        match self.pending.get_mut(value.index()) {
            Some(text) if once => std::mem::take(text),
            Some(text) => text.clone(),
            None => Text::new("...".to_owned(), Vec::new()),
        }
    }

    /// An expression to which `.name`, `(...)` or `[...]` can be appended.
    fn primary(&mut self, value: ValueId) -> Text {
        let number = matches!(
            self.program.op(value).map(|op| &op.kind),
            Some(OpKind::Constant(Constant::Int(_) | Constant::Float(_) | Constant::BigInt(_)))
        );
        let text = self.take(value);
        if number { text.prefixed("(").suffixed(")") } else { text }
    }

    fn statement(&mut self, index: usize, op: &Op) {
        let text = match &op.kind {
            OpKind::Return { value } => {
                let word =
                    if self.program.language == Language::Pickle { "result = " } else { "return " };
                self.take(*value).prefixed(word)
            }
            OpKind::Store { name, value } => self.take(*value).prefixed(&format!("{name} = ")),
            OpKind::SetAttribute { of, name, value } => {
                let value = self.take(*value);
                self.primary(*of).followed_by(&format!(".{name} = "), value)
            }
            OpKind::SetItem { of, key, value } => {
                let (of, key) = (self.primary(*of), self.take(*key));
                let value = self.take(*value);
                of.followed_by("[", key).followed_by("] = ", value)
            }
            OpKind::Build { of, state } => {
                let state = self.take(*state);
                let of = self.primary(*of);
                if self.readable {
                    Text::group(of.suffixed(".__setstate__("), vec![state], ")", index)
                } else {
                    let open = Text::new("build(".to_owned(), Vec::new());
                    Text::group(open, vec![of, state], ")", index)
                }
            }
            OpKind::Define { name, body } => {
                self.define(index, name, body);
                return;
            }
            _ => return,
        };
        self.line(text.with_op(index));
    }

    fn define(&mut self, index: usize, name: &str, body: &Program) {
        let name = if is_identifier(name) { name } else { "function" };
        self.line(Text::new(format!("def {name}():"), vec![index]));
        let mut lines = if self.depth < DEEPEST_BODY {
            print(body, self.readable, self.depth.saturating_add(1))
        } else {
            Vec::new()
        };
        if lines.is_empty() {
            lines.push(Line { text: "pass".to_owned(), ..Line::default() });
        }
        // The ops of a body are numbered in the body: every line of it shows the definition.
        self.body.extend(lines.into_iter().map(|line| Line {
            indent: line.indent.saturating_add(1),
            text: line.text,
            ops: vec![index],
        }));
    }

    fn expression(&mut self, index: usize, kind: &OpKind) -> Text {
        let own = vec![index];
        match kind {
            OpKind::Constant(constant) => Text::new(literal::literal(constant, self.readable), own),
            OpKind::Import { module, name } => Text::new(self.names.expression(module, name), own),
            OpKind::Load { name } => Text::new(name.clone(), own),
            OpKind::GetAttribute { of, name } if is_identifier(name) => {
                self.primary(*of).suffixed(&format!(".{name}")).with_op(index)
            }
            OpKind::GetAttribute { of, name } => {
                let name = Text::new(literal::text(name), Vec::new());
                let of = self.take(*of);
                Text::group(Text::new("getattr(".to_owned(), own), vec![of, name], ")", index)
            }
            OpKind::GetItem { of, key } => {
                let of = self.primary(*of);
                let key = self.take(*key);
                of.followed_by("[", key).suffixed("]").with_op(index)
            }
            OpKind::Call { callee, arguments, keywords, style } => {
                self.call(index, *callee, arguments, keywords, *style)
            }
            OpKind::Collect { kind, items, total } => self.collection(index, *kind, items, *total),
            OpKind::Persistent { id } => {
                let id = self.take(*id);
                Text::group(Text::new("persistent_load(".to_owned(), own), vec![id], ")", index)
            }
            OpKind::Extension { code } => Text::new(format!("extension({code})"), own),
            OpKind::Opaque { what, uses } => {
                let items: Vec<Text> = uses.iter().map(|value| self.take(*value)).collect();
                if let ("*" | "**", [_]) = (what.as_str(), items.as_slice()) {
                    let item = items.into_iter().next().unwrap_or_default();
                    return item.prefixed(what).with_op(index);
                }
                let mut all = vec![Text::new(literal::text(what), Vec::new())];
                all.extend(items);
                Text::group(Text::new("unknown(".to_owned(), own), all, ")", index)
            }
            _ => Text::new("None".to_owned(), own),
        }
    }

    fn call(
        &mut self,
        index: usize,
        callee: ValueId,
        arguments: &[ValueId],
        keywords: &[(String, ValueId)],
        style: CallStyle,
    ) -> Text {
        let mut items: Vec<Text> = Vec::new();
        let open = match style {
            CallStyle::New => {
                items.push(self.take(callee));
                self.primary(callee).suffixed(".__new__(")
            }
            CallStyle::Command => {
                items.push(self.take(callee));
                Text::new("run(".to_owned(), Vec::new())
            }
            CallStyle::Instance if arguments.is_empty() => {
                items.push(self.primary(callee));
                let text = items.last().and_then(Text::single).unwrap_or("object").to_owned();
                Text::new(format!("{text}.__new__("), Vec::new())
            }
            CallStyle::Call | CallStyle::Instance => self.primary(callee).suffixed("("),
        };
        items.extend(arguments.iter().map(|argument| self.take(*argument)));
        for (name, value) in keywords {
            let value = self.take(*value);
            items.push(value.prefixed(&format!("{name}=")));
        }
        Text::group(open, items, ")", index)
    }

    fn collection(
        &mut self,
        index: usize,
        kind: Collection,
        items: &[ValueId],
        total: u64,
    ) -> Text {
        if kind == Collection::Joined {
            return self.joined(index, items);
        }
        let per_item: usize = if kind == Collection::Dict { 2 } else { 1 };
        let kept = items.chunks(per_item).count();
        let mut shown: Vec<Text> = Vec::new();
        for entry in items.chunks(per_item) {
            let cut = self.readable && shown.len() >= SHOWN_ITEMS && !self.holds_active(entry);
            if cut {
                continue;
            }
            shown.push(match *entry {
                [key, value] => {
                    let key = self.take(key);
                    let value = self.take(value);
                    key.followed_by(": ", value)
                }
                [item] => self.take(item),
                _ => Text::default(),
            });
        }
        let missing = shown.len() < kept || (kept as u64) < total;
        if missing && self.readable {
            let dots = if kind == Collection::Dict { "...: ..." } else { "..." };
            shown.push(Text::new(dots.to_owned(), Vec::new()));
        }
        let (open, close) = match kind {
            Collection::List => ("[", "]"),
            Collection::Tuple if shown.len() == 1 => ("(", ",)"),
            Collection::Tuple => ("(", ")"),
            Collection::Dict => ("{", "}"),
            Collection::Set if shown.is_empty() => ("set(", ")"),
            Collection::FrozenSet if shown.is_empty() => ("frozenset(", ")"),
            Collection::FrozenSet => ("frozenset({", "})"),
            Collection::Set | Collection::Joined => ("{", "}"),
        };
        Text::group(Text::new(open.to_owned(), Vec::new()), shown, close, index)
    }

    /// Whether one of the values is more than data.
    fn holds_active(&self, values: &[ValueId]) -> bool {
        values.iter().any(|value| {
            !matches!(self.program.op(*value).map(|op| &op.kind), Some(OpKind::Constant(_)))
        })
    }

    /// Pieces of a string as an f-string.
    fn joined(&mut self, index: usize, items: &[ValueId]) -> Text {
        let mut pieces = String::new();
        let mut ops = vec![index];
        for item in items {
            let kind = self.program.op(*item).map(|op| &op.kind);
            if let Some(OpKind::Constant(Constant::Text(text))) = kind {
                let quoted = literal::text(&text.replace('\'', "\u{0}"));
                let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or("");
                let inner = inner.replace("\\x00", "\\'").replace('{', "{{").replace('}', "}}");
                pieces.push_str(&inner);
                ops.push(item.index());
                continue;
            }
            let text = self.take(*item);
            pieces.push('{');
            for line in text.lines {
                pieces.push_str(&line.text);
                ops.extend(line.ops);
            }
            pieces.push('}');
        }
        Text::new(format!("f'{pieces}'"), ops)
    }
}
