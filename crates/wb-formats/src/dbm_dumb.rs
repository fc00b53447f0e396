//! The two files of `dbm.dumb` of Python, each by itself: the values (`.dat`), which begin at multiples of 512 bytes, and
//! the directory (`.dir`, `.bak`), a line of Python for each key. `shelve` keeps pickles in the values.
//!
//! Specification: `Lib/dbm/dumb.py` of CPython (`_update`, `_commit`, `_addval`, `_setval`).

use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Strength};

mod directory;
mod values;

pub(crate) const FORMAT: Reader = Reader {
    title: "dbm.dumb file of Python, also of shelve",
    endings: &[".dat", ".dir", ".bak"],
    family: Family::Archive,
    refines: &["pickle"],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if values::begins(input) { Some(Strength::Strong) } else { directory::begins(input) }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    if values::begins(input) { values::parse(input, budget) } else { directory::parse(input, budget) }
}

#[cfg(test)]
mod tests;
