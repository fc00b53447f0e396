//! [`Symbols`]: each text once, for tables whose keys repeat the same few addresses and names.

use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// A text of a [`Symbols`]; [`Symbol::NONE`] is the empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(u32);

impl Symbol {
    /// No text.
    pub(super) const NONE: Self = Self(0);

    /// Whether there is a text.
    pub(super) fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// Texts by number.
#[derive(Clone, Debug)]
pub(super) struct Symbols {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
}

impl Default for Symbols {
    fn default() -> Self {
        let none: Arc<str> = Arc::from("");
        let mut numbers = HashMap::default();
        numbers.insert(Arc::clone(&none), 0);
        Self { numbers, texts: vec![none] }
    }
}

impl Symbols {
    /// The symbol of `text`, made if it is new.
    pub(super) fn of(&mut self, text: &str) -> Symbol {
        if text.is_empty() {
            return Symbol::NONE;
        }
        if let Some(number) = self.numbers.get(text) {
            return Symbol(*number);
        }
        // Tables that use symbols are bounded far below 2^32 texts.
        let number = u32::try_from(self.texts.len()).unwrap_or(0);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        Symbol(number)
    }

    /// The symbol of `text`, if it has one.
    pub(super) fn known(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).map(|number| Symbol(*number))
    }

    /// The text of a symbol.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        let index = usize::try_from(symbol.0).unwrap_or(usize::MAX);
        self.texts.get(index).map_or("", |text| text)
    }

    /// The text of a symbol, if it is not empty.
    pub(super) fn some(&self, symbol: Symbol) -> Option<&str> {
        symbol.is_some().then(|| self.text(symbol))
    }
}
