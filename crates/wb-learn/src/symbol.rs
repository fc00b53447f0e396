//! [`Symbols`]: texts by number, so that names compare and hash as numbers.

use rustc_hash::FxHashMap as HashMap;
use std::rc::Rc;

/// A text of [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// No text.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// All texts of one run.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<Rc<str>>,
    numbers: HashMap<Rc<str>, Symbol>,
}

impl Symbols {
    /// The number of `text`.
    pub(crate) fn of(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(text) {
            return *symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let shared: Rc<str> = text.into();
        self.texts.push(Rc::clone(&shared));
        self.numbers.insert(shared, symbol);
        symbol
    }

    /// The number of `text` when it has one.
    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub(crate) fn text(&self, symbol: Symbol) -> Rc<str> {
        let at = usize::try_from(symbol.0).unwrap_or(usize::MAX);
        self.texts.get(at).cloned().unwrap_or_else(|| "".into())
    }
}
