//! A saved case walked in a terminal. [`Explorer`] is a state that [`Key`]s change and that is drawn into a
//! buffer; it does not know the terminal, so that what a person sees is a function of the case and the keys.
//!
//! - `views`: the eight [`View`]s, their rows and what a row opens
//! - `filter`: which rows stay: words, and for events source, severity and a span of time
//! - `draw`: rows and sheets laid out; only what is visible
//!
//! Text of evidence comes escaped out of [`wb_report::text`], or goes through [`wb_report::escape`].

mod draw;
mod filter;
mod key;
mod views;

pub use key::Key;
pub use views::View;

use filter::Filter;
use std::collections::BTreeMap;
use views::Facts;
use wb_report::escape::Defang;
use wb_report::saved::Case;

/// A case and where its reader is in it.
#[derive(Debug)]
pub struct Explorer {
    case: Case,
    /// What is worked out once, since every row asks for it.
    facts: Facts,
    defang: Defang,
    nothing: Defang,
    color: bool,
    /// Columns and lines of the terminal.
    size: (u16, u16),
    view: View,
    /// What each view remembers.
    lists: BTreeMap<View, List>,
    filter: Filter,
    /// The row whose sheet is open.
    opened: Option<usize>,
    /// First line and column of the sheet.
    scroll: (usize, usize),
    prompt: Option<Prompt>,
    /// What went wrong with the last key, in words.
    note: String,
    exact: bool,
    help: bool,
    ended: bool,
}

/// The rows of a view that are left by its filters, and the selected one.
#[derive(Clone, Debug, Default)]
struct List {
    rows: Vec<usize>,
    selected: usize,
    words: String,
}

/// What is being typed.
#[derive(Clone, Debug)]
enum Prompt {
    /// Words to look for.
    Words(String),
    /// A time, and how much around it.
    Time(String),
}

impl Explorer {
    /// A case at its summary. Nothing is told by colour alone.
    pub fn new(case: Case, color: bool) -> Self {
        let mut explorer = Self {
            facts: Facts::of(&case),
            defang: Defang::of_saved(&case),
            nothing: Defang::default(),
            case,
            color,
            size: (80, 24),
            view: View::Summary,
            lists: BTreeMap::new(),
            filter: Filter::default(),
            opened: None,
            scroll: (0, 0),
            prompt: None,
            note: String::new(),
            exact: false,
            help: false,
            ended: false,
        };
        for view in View::ALL {
            explorer.refresh(view);
        }
        explorer
    }

    /// Whether the reader has had enough.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Says how large the terminal is.
    pub fn resize(&mut self, columns: u16, lines: u16) {
        self.size = (columns, lines);
    }

    /// Works out which rows of `view` are left.
    fn refresh(&mut self, view: View) {
        let words = self.list(view).words.clone();
        let rows = filter::rows(&self.case, &self.facts, view, &words, &self.filter);
        let list = self.lists.entry(view).or_default();
        list.selected = list.selected.min(rows.len().saturating_sub(1));
        list.rows = rows;
    }

    fn list(&self, view: View) -> &List {
        const EMPTY: &List = &List { rows: Vec::new(), selected: 0, words: String::new() };
        self.lists.get(&view).unwrap_or(EMPTY)
    }

    /// Prose is defanged unless exact values are asked for.
    fn defang(&self) -> &Defang {
        if self.exact { &self.nothing } else { &self.defang }
    }

    /// Lines between the head and the foot.
    fn height(&self) -> usize {
        usize::from(self.size.1.saturating_sub(draw::FRAME))
    }
}
