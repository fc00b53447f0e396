//! What was derived of callables from their sources (`data/learned.book`, written by `cargo xtask learn`).

use super::{Fact, Known, Table, data};
use crate::learned::{self, Book, Entry};
use std::borrow::Cow;
use std::sync::OnceLock;
use wb_core::Capability;

/// The file that says so, in findings and explanations.
const ORIGIN: &str = "learned.book";

/// The book that ships with the binary.
pub(super) const SHIPPED: &[u8] = include_bytes!("../../data/learned.book");

/// The book that ships with the binary; its index is read when the first name is asked for.
fn shipped() -> Option<&'static Book> {
    static BOOK: OnceLock<Option<Book>> = OnceLock::new();
    BOOK.get_or_init(|| Book::open(Cow::Borrowed(SHIPPED))).as_ref()
}

/// Books that whoever runs the program trusts, given once before anything is looked up.
static ADDED: OnceLock<Vec<Book>> = OnceLock::new();

/// Has books looked into before the one that ships; `false` when that was said before.
pub(super) fn add(books: Vec<Book>) -> bool {
    ADDED.set(books).is_ok()
}

/// The books that were added.
pub(super) fn added() -> &'static [Book] {
    ADDED.get().map(Vec::as_slice).unwrap_or_default()
}

/// What the books say under a name or the one it is another name of, that one, and which book it was.
pub(super) fn find(dotted: &str) -> Option<(String, Entry, &'static Book)> {
    added().iter().chain(shipped()).find_map(|book| {
        let (name, entry) = book.find(dotted)?;
        Some((name, entry, book))
    })
}

/// What is derived of the callable that is called `canonical`.
pub(super) fn known(table: &Table, canonical: &str) -> Option<Known<'static>> {
    told(table, canonical, |entry| entry.gravest().cloned())
}

/// What is derived of restoring an instance of the class that is called `canonical`, without its
/// constructor.
pub(super) fn restored(table: &Table, canonical: &str) -> Option<Known<'static>> {
    told(table, canonical, |entry| match entry {
        Entry::Class(_, restored) => Some(restored),
        Entry::Function(_) | Entry::Alias(_) => None,
    })
}

fn told(
    table: &Table,
    canonical: &str,
    choose: impl FnOnce(Entry) -> Option<learned::Fact>,
) -> Option<Known<'static>> {
    let (name, entry, book) = find(canonical)?;
    let derived = choose(entry)?;
    // What stands behind the alias may be written down.
    if name != canonical
        && let Some(fact) = data::exact(&table.canonical(&name))
    {
        return Some(Known { canonical: name, fact: Cow::Owned(fact.clone()) });
    }
    let argument = derived.argument.and_then(|at| usize::try_from(at).ok());
    let keyword = Some(derived.keyword.clone()).filter(|keyword| !keyword.is_empty());
    let keyword = keyword.map(Cow::Owned);
    let why = why(table, book, &derived).into();
    let fact = Fact { capability: derived.capability, argument, keyword, why, origin: ORIGIN };
    Some(Known { canonical: name, fact: Cow::Owned(fact) })
}

/// The reason, with the chain of callees that leads to a primitive.
fn why(table: &Table, book: &Book, fact: &learned::Fact) -> String {
    if fact.capability == Capability::Inert {
        return "does nothing outside what it builds or returns, as its source says".to_owned();
    }
    let chain = book.chain(fact);
    let last = chain.last().and_then(|last| data::exact(&table.canonical(last)));
    let does = match (fact.capability, last) {
        (Capability::Unknown, _) => "which nobody vouches for".to_owned(),
        (_, Some(primitive)) => format!("which {}", primitive.why),
        (Capability::CallArgument, None) => return "calls what it is given".to_owned(),
        (capability, None) => format!("which leads to {}", capability.name()),
    };
    let links: Vec<String> = chain.iter().map(|link| format!("`{link}`")).collect();
    match links.is_empty() {
        true => format!("does what its source says: {}", fact.capability.name()),
        false => format!("hands what it is given to {}, {does}", links.join(", then ")),
    }
}
