//! What is known about callables and commands: [`Table`], made of the data files by the build script.
//!
//! A name is looked up in four steps, the surest first: the name itself, under its canonical spelling
//! ([`Table::canonical`]); the end of a dotted path that leads through another module (`random._os.system`
//! is `os.system`); the most specific pattern (`sklearn.**.<Class>`); the name without a trailing
//! `__call__`. Where these say nothing, what was derived from the sources of packages does ([`derived`]).
//! What none of them knows is unknown, which is not the same as harmless.

mod alias;
mod data;
mod derived;
mod pattern;

use crate::learned::{Book, Entry};
use data::Fact;
use std::borrow::Cow;
use wb_code::capability::{Callable, Knowledge};
use wb_core::Capability;

/// Longer names are nobody's: pickles can carry names of any length.
const LONGEST_NAME: usize = 512;

/// The table that ships with the binary.
pub(crate) fn table() -> &'static Table {
    &Table
}

/// The data files as name and text, in a fixed order: part of what decides a verdict.
pub(crate) fn sources() -> Vec<(&'static str, &'static str)> {
    data::sources()
}

/// What was derived of callables, as a book: part of what decides a verdict.
pub(crate) fn derived() -> &'static [u8] {
    derived::SHIPPED
}

/// Has books looked into before the one that ships; `false` when that was said before.
pub(crate) fn add(books: Vec<Book>) -> bool {
    derived::add(books)
}

/// The books that were added.
pub(crate) fn added() -> &'static [Book] {
    derived::added()
}

/// What the books say under a name or the one it is another name of, and that one.
pub(crate) fn in_books(dotted: &str) -> Option<(String, Entry)> {
    derived::find(dotted).map(|(name, entry, _)| (name, entry))
}

/// Whether `module` is a top-level module of the standard library of Python 2 or 3.
pub(crate) fn is_standard_library(module: &str) -> bool {
    data::is_standard(module)
}

/// Everything that is known about callables and commands.
#[derive(Debug)]
pub(crate) struct Table;

/// A fact found for a name.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    /// The canonical name it was found under.
    pub canonical: String,
    /// The fact.
    pub fact: Cow<'a, Fact>,
}

impl<'a> Known<'a> {
    fn written(canonical: String, fact: &'a Fact) -> Self {
        Self { canonical, fact: Cow::Borrowed(fact) }
    }
}

impl Table {
    /// What is known about `dotted`, with where it was written down.
    pub(crate) fn known(&self, dotted: &str) -> Option<Known<'_>> {
        if dotted.is_empty() || dotted.len() > LONGEST_NAME {
            return None;
        }
        let canonical = self.canonical(dotted);
        if let Some(fact) = data::exact(&canonical) {
            return Some(Known::written(canonical, fact));
        }
        match dotted.rsplit_once('.') {
            Some((owner, "__call__" | "__func__" | "__wrapped__" | "__init__")) => {
                self.known(owner)
            }
            _ => self.look_up_or_derive(canonical),
        }
    }

    /// What people wrote down holds; what is derived fills in where they say nothing.
    fn look_up_or_derive(&self, canonical: String) -> Option<Known<'_>> {
        let written = self.look_up(canonical.clone());
        match written.as_ref().map(|known| known.fact.capability) {
            None | Some(Capability::Unknown) => derived::known(self, &canonical).or(written),
            Some(_) => written,
        }
    }

    /// What is derived of something that people wrote down, when it comes to the same.
    pub(crate) fn derived(&self, written: &Known<'_>) -> Option<Known<'static>> {
        let derived = derived::known(self, &written.canonical)?;
        let capability = written.fact.capability;
        let same = derived.fact.capability == capability && capability != Capability::Inert;
        (same && written.fact.origin != derived.fact.origin).then_some(derived)
    }

    /// What is known about restoring an instance of `dotted` without its constructor: what is derived of
    /// that, unless the class is written down itself.
    fn known_restored(&self, dotted: &str) -> Option<Known<'_>> {
        let canonical = self.canonical(dotted);
        if dotted.len() > LONGEST_NAME || data::exact(&canonical).is_some() {
            return self.known(dotted);
        }
        match derived::restored(self, &canonical) {
            Some(known) if known.fact.capability != Capability::Unknown => Some(known),
            _ => self.known(dotted),
        }
    }

    /// What is known about the program `name`, which may be a path.
    pub(crate) fn known_command(&self, name: &str) -> Option<Known<'_>> {
        let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        let found = data::command(&base)
            .or_else(|| data::command(base.strip_suffix(".exe")?))
            .or_else(|| data::command(without_version(&base)));
        found.map(|fact| Known::written(base.clone(), fact))
    }

    /// The one spelling of a name that has several: Python 2 names, private twins, renamed modules.
    pub(crate) fn canonical(&self, dotted: &str) -> String {
        data::canonical(dotted)
    }

    /// Whether anything is known about the package called `root`.
    pub(crate) fn knows_package(&self, root: &str) -> bool {
        data::knows_package(root)
    }

    fn look_up(&self, canonical: String) -> Option<Known<'_>> {
        if !canonical.contains('.') {
            let builtin = format!("builtins.{canonical}");
            return data::exact(&builtin).map(|fact| Known::written(builtin, fact));
        }
        let through = self.through_modules(&canonical);
        if let Some(known) = through.as_ref().filter(|known| !known.fact.is_inert()) {
            return Some(known.clone());
        }
        match data::pattern(&canonical) {
            Some(fact) => Some(Known::written(canonical, fact)),
            None => through,
        }
    }

    /// Follows a dotted path through the modules it names: protocol 4 resolves `random` + `_os.system`
    /// attribute by attribute, so every module that imports `os` is a way to it (GHSA-5j3x-jp52-966f).
    fn through_modules(&self, canonical: &str) -> Option<Known<'_>> {
        let tails = || canonical.match_indices('.').filter_map(|(at, _)| canonical.get(at + 1..));
        let exact: Vec<Known<'_>> = tails().filter_map(|tail| self.exact_tail(tail)).collect();
        let acts = exact.iter().find(|known| !known.fact.is_inert()).cloned();
        acts.or_else(|| tails().find_map(|tail| self.open_tail(tail)))
            .or_else(|| exact.into_iter().next())
    }

    fn exact_tail(&self, tail: &str) -> Option<Known<'_>> {
        let canonical = self.canonical(&self.unhidden(tail)?);
        data::exact(&canonical).map(|fact| Known::written(canonical, fact))
    }

    /// Patterns of modules of the standard library, such as `subprocess.**`, hold on the way too; those of
    /// packages do not, because their modules borrow the library's names (`torch.random`).
    fn open_tail(&self, tail: &str) -> Option<Known<'_>> {
        let tail = self.unhidden(tail)?;
        let standard = tail.split('.').next().is_some_and(data::is_standard);
        let canonical = self.canonical(&tail);
        let fact = if standard { data::pattern(&canonical) } else { None };
        fact.filter(|fact| !fact.is_inert()).map(|fact| Known::written(canonical, fact))
    }

    /// `os.system` for `_os.system`: `import os as _os` is how the standard library hides its imports.
    fn unhidden(&self, tail: &str) -> Option<String> {
        let (module, rest) = tail.split_once('.')?;
        let plain = module.trim_start_matches('_');
        let standard = data::is_standard;
        let module = if standard(module) || !standard(plain) { module } else { plain };
        Some(format!("{module}.{rest}"))
    }
}

/// What the data files say about a callable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it can do, and which argument matters.
    pub callable: Callable,
    /// Whether it is named itself; otherwise a pattern fits.
    pub by_name: bool,
}

/// What people have written down about the callable called `dotted`, and nothing else.
pub fn written(dotted: &str) -> Option<Written> {
    let canonical = table().canonical(dotted);
    let (fact, by_name) = match data::exact(&canonical) {
        Some(fact) => (fact, true),
        None => (data::pattern(&canonical)?, false),
    };
    Some(Written { callable: callable(Known::written(canonical, fact)), by_name })
}

/// The one spelling of a name that has several.
pub fn canonical(dotted: &str) -> String {
    table().canonical(dotted)
}

impl Knowledge for Table {
    fn callable(&self, dotted: &str) -> Option<Callable> {
        self.known(dotted).map(callable)
    }

    fn restored(&self, dotted: &str) -> Option<Callable> {
        self.known_restored(dotted).map(callable)
    }

    fn command(&self, name: &str) -> Option<Callable> {
        self.known_command(name).map(callable)
    }
}

/// `python` for `python3.11`.
fn without_version(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

fn callable(known: Known<'_>) -> Callable {
    Callable {
        canonical: known.canonical,
        capability: known.fact.capability,
        argument: known.fact.argument,
        keyword: known.fact.keyword.as_deref().map(str::to_owned),
        why: known.fact.why.to_string(),
    }
}

impl Fact {
    fn is_inert(&self) -> bool {
        self.capability == Capability::Inert
    }
}
