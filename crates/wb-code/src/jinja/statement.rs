//! Tags to ops. A tag that is not known is read for the expressions in it.

use super::lexer::TokenKind;
use super::{Lifter, Reader};
use wb_core::{Constant, OpKind, ValueId};

impl Lifter {
    /// Reads one tag.
    pub(super) fn statement(&mut self, reader: &mut Reader<'_>) {
        let Some(tag) = reader.name() else {
            self.expressions(reader);
            return;
        };
        match tag {
            "for" => self.for_loop(reader),
            "set" => self.set(reader),
            "macro" => self.macro_start(reader),
            "endmacro" => self.close_macro(),
            "call" => self.call_block(reader),
            "with" => self.with(reader),
            "include" | "import" | "extends" | "from" => {
                let name = self.expression(reader);
                let callee = self.load(tag);
                self.push(OpKind::Call {
                    callee,
                    arguments: vec![name],
                    keywords: Vec::new(),
                    style: wb_core::CallStyle::Call,
                });
            }
            "filter" => {
                let value = self.constant(Constant::Text(String::new()));
                self.filter_block(reader, value);
            }
            _ => self.expressions(reader),
        }
    }

    /// `for a, b in expression if test recursive`.
    fn for_loop(&mut self, reader: &mut Reader<'_>) {
        let mut targets = Vec::new();
        while let Some(token) = reader.peek() {
            match token {
                TokenKind::Name(word) if word == "in" => break,
                TokenKind::Name(word) => targets.push(word.clone()),
                _ => {}
            }
            reader.next();
        }
        reader.word("in");
        let iterable = self.tuple_without_if(reader);
        let element = self.opaque("element", vec![iterable]);
        self.assign(&targets, element);
        if reader.word("if") {
            self.expression(reader);
        }
    }

    /// The iterable of a loop; an `if` behind it is the test of the loop, not a condition.
    fn tuple_without_if(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut depth = 0_u32;
        let mut end = reader.at;
        while let Some(token) = reader.tokens.get(end).map(|token| &token.kind) {
            match token {
                TokenKind::Sign("(" | "[" | "{") => depth = depth.saturating_add(1),
                TokenKind::Sign(")" | "]" | "}") => depth = depth.saturating_sub(1),
                TokenKind::Name(word) if word == "if" && depth == 0 => break,
                _ => {}
            }
            end = end.saturating_add(1);
        }
        let part = reader.tokens.get(..end).unwrap_or_default();
        let mut inner = Reader { tokens: part, at: reader.at, depth: reader.depth };
        let value = self.tuple(&mut inner);
        reader.at = end;
        value
    }

    /// Gives a value to one name, or its parts to several.
    fn assign(&mut self, targets: &[String], value: ValueId) {
        if let [only] = targets {
            self.store(only, value);
            return;
        }
        for (index, name) in targets.iter().enumerate() {
            let key = self.constant(Constant::Int(i64::try_from(index).unwrap_or(i64::MAX)));
            let part = self.push(OpKind::GetItem { of: value, key });
            self.store(name, part);
        }
    }

    /// `set a = expression`, `set a.b = expression`, `set a` as a block.
    fn set(&mut self, reader: &mut Reader<'_>) {
        let mut targets = Vec::new();
        let mut attribute = None;
        while let Some(name) = reader.name() {
            targets.push(name.to_owned());
            if reader.sign(".") {
                attribute = reader.name().map(str::to_owned);
            }
            if !reader.sign(",") {
                break;
            }
        }
        if !reader.sign("=") {
            self.expressions(reader);
            return;
        }
        let value = self.tuple(reader);
        match (attribute, targets.as_slice()) {
            (Some(name), [object]) => {
                let of = self.load(object);
                self.push(OpKind::SetAttribute { of, name, value });
            }
            _ => self.assign(&targets, value),
        }
        self.expressions(reader);
    }

    /// `macro name(a, b=default)`.
    fn macro_start(&mut self, reader: &mut Reader<'_>) {
        let name = reader.name().unwrap_or_default().to_owned();
        let parameters = self.signature(reader);
        self.open_macro(&name);
        for name in parameters {
            let value = self.load(&format!("parameter {name}"));
            self.store(&name, value);
        }
    }

    /// Names of parameters; default values are read as they stand.
    fn signature(&mut self, reader: &mut Reader<'_>) -> Vec<String> {
        let mut names = Vec::new();
        if !reader.sign("(") {
            return names;
        }
        while !reader.is_at_end() && !reader.sign(")") {
            match reader.name() {
                Some(name) => names.push(name.to_owned()),
                None => {
                    reader.next();
                }
            }
            if reader.sign("=") {
                self.expression(reader);
            }
            reader.sign(",");
        }
        names
    }

    /// `call(parameters) macro(arguments)`.
    fn call_block(&mut self, reader: &mut Reader<'_>) {
        let names = self.signature(reader);
        for name in names {
            let value = self.opaque("argument", Vec::new());
            self.store(&name, value);
        }
        self.expressions(reader);
    }

    /// `with a = expression, b = expression`.
    fn with(&mut self, reader: &mut Reader<'_>) {
        while let Some(name) = reader.name() {
            if reader.sign("=") {
                let value = self.expression(reader);
                self.store(name, value);
            }
            if !reader.sign(",") {
                break;
            }
        }
        self.expressions(reader);
    }

    /// `filter name(arguments)`: what follows goes through it.
    fn filter_block(&mut self, reader: &mut Reader<'_>, value: ValueId) {
        let Some(name) = reader.name() else { return };
        let callee = self.load(name);
        self.push(OpKind::Call {
            callee,
            arguments: vec![value],
            keywords: Vec::new(),
            style: wb_core::CallStyle::Call,
        });
        self.expressions(reader);
    }
}
