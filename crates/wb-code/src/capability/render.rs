//! Values and expressions as short Python text.

use super::value::{Bound, Value};
use wb_core::{Collection, Constant, OpKind, Program, ValueId};

/// How long an argument is shown, in characters.
const MAX_SHOWN: usize = 200;

/// How many items of a collection are shown.
const MAX_ITEMS: usize = 256;

/// The longest expression that is put together before it is cut.
const MAX_BUILT: usize = 2000;

/// The expression that made `id`, with what is known of its parts filled in.
pub(super) fn expression(program: &Program, values: &[Value], id: ValueId) -> String {
    let mut writer = Writer { program, values, out: String::new() };
    writer.expression(id, 12);
    cut(writer.out)
}

/// A value as an expression.
pub(super) fn value(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, 6, &mut text);
    cut(text)
}

/// Cuts text to a readable length.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Writes expressions of one program.
struct Writer<'a> {
    program: &'a Program,
    values: &'a [Value],
    out: String,
}

impl Writer<'_> {
    fn expression(&mut self, id: ValueId, depth: u32) {
        let Some(depth) = depth.checked_sub(1).filter(|_| self.out.len() < MAX_BUILT) else {
            self.out.push_str("...");
            return;
        };
        if let Some(known @ Value::Known(_)) = self.values.get(id.index()) {
            write_value(known, depth, &mut self.out);
            return;
        }
        let Some(op) = self.program.op(id) else {
            self.out.push_str("...");
            return;
        };
        match &op.kind {
            OpKind::Constant(constant) => write_constant(constant, &mut self.out),
            OpKind::Import { module, name } if name.is_empty() => self.out.push_str(module),
            OpKind::Import { module, name } => {
                self.out.push_str(module);
                self.out.push('.');
                self.out.push_str(name);
            }
            OpKind::GetAttribute { of, name } => {
                self.expression(*of, depth);
                self.out.push('.');
                self.out.push_str(name);
            }
            OpKind::GetItem { of, key } => {
                self.expression(*of, depth);
                self.out.push('[');
                self.expression(*key, depth);
                self.out.push(']');
            }
            OpKind::Call { callee, arguments, keywords, .. } => {
                self.call(*callee, arguments, keywords, depth);
            }
            OpKind::Collect { kind, items, .. } => self.collection(*kind, items, depth),
            OpKind::Load { name } => self.out.push_str(name),
            OpKind::Define { name, .. } if name.is_empty() => self.out.push_str("lambda"),
            OpKind::Define { name, .. } => self.out.push_str(name),
            OpKind::Opaque { what, uses } if uses.len() == 2 && is_sign(what) => {
                self.separated(uses, &format!(" {what} "), depth);
            }
            _ => self.out.push_str("..."),
        }
    }

    fn call(
        &mut self,
        callee: ValueId,
        arguments: &[ValueId],
        keywords: &[(String, ValueId)],
        depth: u32,
    ) {
        self.expression(callee, depth);
        self.out.push('(');
        self.separated(arguments, ", ", depth);
        for (index, (name, argument)) in keywords.iter().take(MAX_ITEMS).enumerate() {
            if index > 0 || !arguments.is_empty() {
                self.out.push_str(", ");
            }
            self.out.push_str(name);
            self.out.push('=');
            self.expression(*argument, depth);
        }
        self.out.push(')');
    }

    fn collection(&mut self, kind: Collection, items: &[ValueId], depth: u32) {
        if kind == Collection::Joined {
            self.separated(items, " + ", depth);
            return;
        }
        let (open, close) = brackets(kind);
        self.out.push_str(open);
        if kind == Collection::Dict {
            for (index, pair) in items.chunks(2).take(MAX_ITEMS).enumerate() {
                if index > 0 {
                    self.out.push_str(", ");
                }
                self.separated(pair, ": ", depth);
            }
        } else {
            self.separated(items, ", ", depth);
        }
        if kind == Collection::Tuple && items.len() == 1 {
            self.out.push(',');
        }
        self.out.push_str(close);
    }

    fn separated(&mut self, ids: &[ValueId], separator: &str, depth: u32) {
        for (index, id) in ids.iter().take(MAX_ITEMS).enumerate() {
            if index > 0 {
                self.out.push_str(separator);
            }
            self.expression(*id, depth);
        }
    }
}

fn is_sign(what: &str) -> bool {
    !what.is_empty() && what.len() <= 2 && !what.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

fn brackets(kind: Collection) -> (&'static str, &'static str) {
    match kind {
        Collection::List | Collection::Joined => ("[", "]"),
        Collection::Tuple => ("(", ")"),
        Collection::Set | Collection::Dict => ("{", "}"),
        Collection::FrozenSet => ("frozenset({", "})"),
    }
}

fn write_value(value: &Value, depth: u32, out: &mut String) {
    let Some(depth) = depth.checked_sub(1).filter(|_| out.len() < MAX_BUILT) else {
        out.push_str("...");
        return;
    };
    match value {
        Value::Known(known) => write_constant(&known.constant, out),
        Value::Items(items) => {
            let (open, close) = brackets(items.kind);
            out.push_str(open);
            for (index, item) in items.items.iter().take(MAX_ITEMS).enumerate() {
                if index > 0 {
                    let pair = items.kind == Collection::Dict && index % 2 == 1;
                    out.push_str(if pair { ": " } else { ", " });
                }
                write_value(item, depth, out);
            }
            if items.kind == Collection::Tuple && items.items.len() == 1 {
                out.push(',');
            }
            out.push_str(close);
        }
        Value::Joined(pieces) => {
            for (index, piece) in pieces.iter().take(MAX_ITEMS).enumerate() {
                if index > 0 {
                    out.push_str(" + ");
                }
                write_value(piece, depth, out);
            }
        }
        Value::Object(object) | Value::Namespace(object) => out.push_str(&object.dotted),
        Value::Path(path) => out.push_str(path),
        Value::Result(outcome) => {
            out.push_str(&outcome.dotted);
            out.push_str("(...)");
        }
        Value::Method(method) => {
            write_value(&method.0, depth, out);
            out.push('.');
            out.push_str(&method.1);
        }
        Value::Bound(bound) => match &bound.kind {
            Bound::Partial { callee, .. } => {
                out.push_str("functools.partial(");
                write_value(callee, depth, out);
                out.push_str(", ...)");
            }
            _ => out.push_str("operator(...)"),
        },
        _ => out.push_str("..."),
    }
}

/// A constant as Python writes it.
fn write_constant(constant: &Constant, out: &mut String) {
    match constant {
        Constant::None => out.push_str("None"),
        Constant::Bool(true) => out.push_str("True"),
        Constant::Bool(false) => out.push_str("False"),
        Constant::Int(value) => out.push_str(&value.to_string()),
        Constant::Float(value) => out.push_str(&format!("{value:?}")),
        Constant::BigInt(digits) => out.push_str(digits),
        Constant::Other(text) => out.push_str(text),
        Constant::Text(text) => write_text(text, out),
        Constant::Bytes(bytes) => write_bytes(bytes, out),
        Constant::Blob { head, .. } => {
            write_bytes(head, out);
            out.push_str("...");
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars().take(MAX_BUILT) {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            one if one == quote => {
                out.push('\\');
                out.push(one);
            }
            one if one.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(one))),
            one => out.push(one),
        }
    }
    out.push(quote);
}

fn write_bytes(bytes: &[u8], out: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    out.push('b');
    out.push(quote);
    for byte in bytes.iter().copied().take(MAX_BUILT) {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            one if char::from(one) == quote => {
                out.push('\\');
                out.push(quote);
            }
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
}
