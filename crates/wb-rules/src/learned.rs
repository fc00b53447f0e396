//! [`Book`]: what was derived of callables from their sources, in a form that is looked up without being
//! read.
//!
//! A book is a head of text (what was read: packages, versions, SHA-256), an index and blocks. The names
//! are in order; each block holds a run of them, deflated; the index holds the first name of each. A look-up
//! reads the index and one block. A book may come from anyone: every length is checked, and a block that
//! does not keep its word holds nothing.

mod read;
mod write;

pub use read::Book;
pub use write::write;

use wb_core::Capability;

/// The first line of every book.
pub(crate) const MAGIC: &str = "weighbridge knowledge 1\n";

/// The largest block, inflated.
pub(crate) const MAX_BLOCK: usize = 1 << 20;

/// What one callable can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The gravest that what it is given decides; [`Capability::Inert`] when there is nothing.
    pub capability: Capability,
    /// Position of the argument that decides, when one does.
    pub argument: Option<u32>,
    /// Its name as a keyword; empty when it has none.
    pub keyword: String,
    /// The next link of the chain to the primitive, by dotted name; empty when nothing follows.
    pub through: String,
}

impl Fact {
    /// Nothing outside the object that is built or returned.
    pub fn inert() -> Self {
        let (keyword, through) = (String::new(), String::new());
        Self { capability: Capability::Inert, argument: None, keyword, through }
    }
}

/// What is known about one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A function or method.
    Function(Fact),
    /// A class: what building an instance does, and what restoring one without its constructor does.
    Class(Fact, Fact),
    /// Another name of something.
    Alias(String),
}

impl Entry {
    /// The graver of building and restoring; `None` for another name.
    pub fn gravest(&self) -> Option<&Fact> {
        match self {
            Self::Function(fact) => Some(fact),
            Self::Class(built, restored) if restored.capability < built.capability => {
                Some(restored)
            }
            Self::Class(built, _) => Some(built),
            Self::Alias(_) => None,
        }
    }
}

/// Has books looked into before the one that ships, for all that is looked up from now on. It can be said
/// once; `false` when it was said before.
pub fn add(books: Vec<Book>) -> bool {
    crate::knowledge::add(books)
}

/// What the shipped book and those that were added say under a name, or under the one it is another name of,
/// and that one.
pub fn find(dotted: &str) -> Option<(String, Entry)> {
    crate::knowledge::in_books(dotted)
}

#[cfg(test)]
mod tests;
