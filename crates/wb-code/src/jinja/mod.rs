//! Jinja templates, as chat templates of language models use them.
//!
//! A tolerant reader of its own, because a template that a strict parser refuses at one tag would hide the
//! rest: [`lexer`] finds tags and expressions, [`statement`] reads tags, [`expression`] reads expressions,
//! straight to ops. A filter is a call of its name with the value as first argument, except `attr` and
//! `attribute=`, which are attributes. A macro is a `Define`.

mod expression;
mod lexer;
mod notable;
mod statement;

pub use notable::{Branch, Notable, notable};

use lexer::{Segment, Token, TokenKind};
use wb_core::{Budget, Constant, Language, Op, OpKind, Program, Span, Trigger, ValueId};

/// How deep expressions are followed.
const MAX_DEPTH: u32 = 100;

/// How deep macros are followed into macros.
const MAX_MACROS: usize = 64;

/// Lifts a template: expressions, calls, attribute walks, filters and conditions as ops. Never gives up on
/// the rest of a template because of a tag it does not know.
pub fn lift(template: &str, budget: &mut Budget) -> Program {
    let length = u64::try_from(template.len()).unwrap_or(u64::MAX);
    let span = Span::new(0, length);
    let mut lifter = Lifter {
        open: vec![Open {
            name: String::new(),
            program: Program::new(Language::Jinja, Trigger::Template, span),
        }],
        line: 1,
        span,
        exhausted: budget.steps(length).is_err(),
    };
    let mut lines = Lines { bytes: template.as_bytes(), at: 0, line: 1 };
    if !lifter.exhausted {
        for segment in lexer::segments(template) {
            lifter.line = lines.line_of(segment.start);
            lifter.segment(&segment, budget);
        }
    }
    if lifter.exhausted {
        lifter.opaque("template over the budget", Vec::new());
    }
    while lifter.open.len() > 1 {
        lifter.close_macro();
    }
    match lifter.open.pop() {
        Some(open) => open.program,
        None => Program::new(Language::Jinja, Trigger::Template, span),
    }
}

struct Lifter {
    /// The template, and the macros that are being defined in it.
    open: Vec<Open>,
    line: u64,
    span: Span,
    exhausted: bool,
}

struct Open {
    name: String,
    program: Program,
}

impl Lifter {
    fn segment(&mut self, segment: &Segment<'_>, budget: &mut Budget) {
        let tokens = lexer::tokens(segment);
        let count = u64::try_from(tokens.len()).unwrap_or(u64::MAX);
        if budget.items(count).is_err() {
            self.exhausted = true;
            return;
        }
        let mut reader = Reader { tokens: &tokens, at: 0, depth: MAX_DEPTH };
        if segment.is_tag {
            self.statement(&mut reader);
        } else {
            self.expressions(&mut reader);
        }
    }

    fn push(&mut self, kind: OpKind) -> ValueId {
        let op = Op { span: self.span, number: self.line, kind };
        match self.open.last_mut() {
            Some(open) => open.program.push(op),
            None => ValueId(0),
        }
    }

    fn constant(&mut self, constant: Constant) -> ValueId {
        self.push(OpKind::Constant(constant))
    }

    fn load(&mut self, name: &str) -> ValueId {
        self.push(OpKind::Load { name: name.to_owned() })
    }

    fn store(&mut self, name: &str, value: ValueId) -> ValueId {
        self.push(OpKind::Store { name: name.to_owned(), value })
    }

    fn opaque(&mut self, what: &str, uses: Vec<ValueId>) -> ValueId {
        self.push(OpKind::Opaque { what: what.to_owned(), uses })
    }

    /// Begins a macro; what follows belongs to it until its end.
    fn open_macro(&mut self, name: &str) {
        if self.open.len() <= MAX_MACROS {
            let program = Program::new(Language::Jinja, Trigger::Template, self.span);
            self.open.push(Open { name: name.to_owned(), program });
        }
    }

    fn close_macro(&mut self) {
        if self.open.len() > 1
            && let Some(Open { name, program }) = self.open.pop()
        {
            let value = self.push(OpKind::Define { name: name.clone(), body: Box::new(program) });
            self.store(&name, value);
        }
    }

    /// The text of a constant that was just made.
    fn text_of(&self, id: ValueId) -> Option<&str> {
        match self.open.last()?.program.op(id).map(|op| &op.kind) {
            Some(OpKind::Constant(Constant::Text(text))) => Some(text),
            _ => None,
        }
    }
}

/// Reads the tokens of one segment.
struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    /// How many levels may still be entered.
    depth: u32,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn peek_after(&self) -> Option<&'t TokenKind> {
        self.tokens.get(self.at.saturating_add(1)).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<&'t TokenKind> {
        let token = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(token)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Sign(one)) if *one == sign)
    }

    /// Reads `sign` if it is next.
    fn sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Name(one)) if one == word)
    }

    /// Reads `word` if it is next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    /// Reads any name.
    fn name(&mut self) -> Option<&'t str> {
        match self.peek() {
            Some(TokenKind::Name(name)) => {
                self.at = self.at.saturating_add(1);
                Some(name)
            }
            _ => None,
        }
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The bytes of the next token.
    fn span(&self) -> Option<Span> {
        let token = self.tokens.get(self.at)?;
        Some(Span::new(u64::try_from(token.start).ok()?, u64::try_from(token.len).ok()?))
    }
}

/// Line numbers of increasing offsets.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn line_of(&mut self, offset: usize) -> u64 {
        let part = self.bytes.get(self.at..offset).unwrap_or_default();
        let count = part.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.at = self.at.max(offset);
        self.line
    }
}

#[cfg(test)]
mod tests;
