//! A book says what was written, and nothing when it was changed.

use super::{Book, Entry, Fact, write};
use std::borrow::Cow;
use std::collections::BTreeMap;
use wb_core::Capability;

fn fact(capability: Capability, through: &str) -> Fact {
    let (keyword, through) = ("code".to_owned(), through.to_owned());
    Fact { capability, argument: Some(0), keyword, through }
}

fn entries() -> BTreeMap<String, Entry> {
    let mut entries = BTreeMap::new();
    for at in 0..5000 {
        let name = format!("pkg.module{:02}.name{at:04}", at % 50);
        entries.insert(name, Entry::Function(Fact::inert()));
    }
    entries.insert("pkg.run".to_owned(), Entry::Function(fact(Capability::RunCode, "pkg.Runner")));
    let runner = fact(Capability::RunCode, "builtins.exec");
    entries.insert("pkg.Runner".to_owned(), Entry::Class(runner, Fact::inert()));
    entries.insert("pkg.api.go".to_owned(), Entry::Alias("pkg.run".to_owned()));
    entries.insert("pkg.public.*".to_owned(), Entry::Alias("pkg.*".to_owned()));
    entries
}

#[test]
fn every_name_is_found_and_no_other() {
    let entries = entries();
    let book = Book::open(Cow::Owned(write("pkg 1.0", &entries))).expect("a book");
    assert_eq!(book.head(), "pkg 1.0");
    for (name, entry) in &entries {
        assert_eq!(book.entry(name).as_ref(), Some(entry), "{name}");
    }
    for name in ["", "a", "pkg", "pkg.runs", "pkg.module00.name00000", "zzz", "pkg.Runner.x"] {
        assert_eq!(book.entry(name), None, "{name}");
    }
}

#[test]
fn aliases_and_chains_are_followed() {
    let book = Book::open(Cow::Owned(write("", &entries()))).expect("a book");
    let (name, entry) = book.find("pkg.api.go").expect("an alias");
    assert_eq!(name, "pkg.run");
    let Entry::Function(fact) = entry else { panic!("a function") };
    assert_eq!(book.chain(&fact), ["pkg.Runner", "builtins.exec"]);
    assert_eq!(book.find("pkg.public.run").map(|(name, _)| name).as_deref(), Some("pkg.run"));
}

#[test]
fn a_changed_book_is_read_without_harm() {
    let good = write("pkg 1.0", &entries());
    for cut in 0..good.len().min(600) {
        let book = Book::open(Cow::Owned(good[..cut].to_vec()));
        assert!(book.is_none_or(|book| book.entry("pkg.run").is_none()), "{cut}");
    }
    for at in 0..good.len().min(2000) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        if let Some(book) = Book::open(Cow::Owned(bad)) {
            let _ = book.find("pkg.api.go");
            let _ = book.entry("pkg.module49.name4999");
        }
    }
}
