//! What every format of machine code has: [`Image`] gathers what the header says and which functions of
//! which libraries the code asks for. The instructions are not read, which is a gap every time.

use crate::names;
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Oddity, OddityKind, Span};

/// Longest name of a function or library that is kept, in bytes.
const NAME: usize = 512;

/// What is read of a file of machine code.
pub(crate) struct Image<'b> {
    content: Content,
    budget: &'b mut Budget,
    whole: Span,
    exhausted: bool,
}

impl<'b> Image<'b> {
    /// An image of which nothing was read yet.
    pub(crate) fn new(input: Bytes<'_>, budget: &'b mut Budget) -> Self {
        Self { content: Content::default(), budget, whole: input.span(), exhausted: false }
    }

    /// What it is: `shared library`, for which machine.
    pub(crate) fn kind(&mut self, kind: &str, machine: &str) {
        self.content.components.push(Component {
            kind: "image",
            name: machine.to_owned(),
            class: kind.to_owned(),
            place: "header".to_owned(),
            span: Some(Span::new(self.whole.start, self.whole.len.min(64))),
            ..Component::default()
        });
    }

    /// A value of the header.
    pub(crate) fn field(&mut self, path: &str, value: impl ToString) {
        let (path, value) = (path.to_owned(), value.to_string());
        self.content.fields.push(Field { path, value, span: None });
    }

    /// A function that the code asks for, and the library it is expected in. `false` when no more can be
    /// kept. Reading a name costs its length: tables of names may overlap.
    pub(crate) fn import(&mut self, library: Option<&[u8]>, name: &[u8]) -> bool {
        let cost = (name.len() as u64).saturating_add(1);
        if self.budget.steps(cost).is_err() || self.budget.items(1).is_err() {
            self.exhaust();
            return false;
        }
        self.content.components.push(Component {
            kind: "import",
            name: text(name),
            class: "function".to_owned(),
            module: library.map(text),
            place: "imports".to_owned(),
            ..Component::default()
        });
        true
    }

    /// Spends steps; `false` when there are none left.
    pub(crate) fn steps(&mut self, count: u64) -> bool {
        let spent = self.budget.steps(count).is_ok();
        if !spent {
            self.exhaust();
        }
        spent
    }

    fn exhaust(&mut self) {
        if !self.exhausted {
            self.exhausted = true;
            let why = "the budget ran out in the table of imports";
            self.content.gaps.push(Gap::over(self.whole, why));
        }
    }

    /// A file inside the image.
    pub(crate) fn child(&mut self, name: &str, span: Span) {
        let data = wb_core::ChildData::Span(span);
        self.content.children.push(wb_core::Child { name: name.to_owned(), data });
    }

    /// A structure that does not parse.
    pub(crate) fn odd(&mut self, place: &str, why: impl ToString) {
        self.content.oddities.push(Oddity {
            kind: OddityKind::Malformed,
            place: place.to_owned(),
            span: Some(self.whole),
            what: why.to_string(),
        });
    }

    /// Bytes behind the last part that a header names; they are handed on when they are a file.
    pub(crate) fn ends_at(&mut self, end: u64, input: Bytes<'_>) {
        let rest = input.from(usize::try_from(end).unwrap_or(usize::MAX));
        if !rest.is_empty() && rest.as_slice().iter().any(|byte| *byte != 0) {
            self.content.oddities.push(Oddity {
                kind: OddityKind::TrailingBytes,
                place: "behind the image".to_owned(),
                span: Some(rest.span()),
                what: format!("{} bytes behind the last part of the image", rest.len()),
            });
        }
    }

    /// The content. Instructions are never read.
    pub(crate) fn finish(mut self) -> Content {
        let why = "machine code is listed by its imports, its instructions are not read";
        self.content.gaps.push(Gap::over(self.whole, why));
        names::tell_apart(&mut self.content.children);
        self.content
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..NAME.min(name.len())).unwrap_or_default()).into_owned()
}
