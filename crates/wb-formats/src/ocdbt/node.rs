//! Nodes of the B+tree: keys, and what stands under each.
//!
//! Specification: "B+tree node format" in the documentation of the OCDBT driver of TensorStore. All numbers but the height
//! are LEB128, and stand one field of all entries after the other.

use wb_core::{Budget, Bytes, Cursor};

/// Entries of one node that are read, and data files that it names.
const ENTRIES: u64 = 1 << 16;

/// A node: a leaf when its height is 0.
pub(super) struct Node {
    /// Its entries, in the order of their keys.
    pub(super) entries: Vec<Entry>,
}

/// A key and what stands under it.
pub(super) struct Entry {
    /// The key, without what all keys of the node begin with: its parent says that.
    pub(super) key: Vec<u8>,
    pub(super) held: Held,
}

/// What stands under a key.
pub(super) enum Held {
    /// A value, in the node.
    Value(Vec<u8>),
    /// A value in a data file.
    Elsewhere(Place),
    /// Another node, whose keys all begin with so many bytes of this one's, in bytes.
    Subtree(Place, usize),
}

/// A place in a data file: offset and length in bytes.
pub(super) struct Place {
    /// Path of the file, such as `d/0123456789abcdef0123456789abcdef`.
    pub(super) file: String,
    pub(super) at: u64,
    pub(super) len: u64,
}

/// Reads the body of a node. `None` when it is not laid out as one, says more than stands in it, or costs more than the
/// budget allows.
pub(super) fn read(body: Bytes<'_>, budget: &mut Budget) -> Option<Node> {
    let mut cursor = body.cursor();
    let height = cursor.u8()?;
    let files = files(&mut cursor, budget)?;
    let many = count(&mut cursor)?;
    budget.items(many as u64).ok()?;
    let prefixes = numbers(&mut cursor, many.saturating_sub(1))?;
    let suffixes = numbers(&mut cursor, many)?;
    let shared = if height > 0 { numbers(&mut cursor, many)? } else { Vec::new() };
    let keys = strings(&mut cursor, &prefixes, &suffixes, budget)?;
    let held = match height {
        0 => values(&mut cursor, many, &files)?,
        _ => subtrees(&mut cursor, &shared, &files)?,
    };
    let entries = keys.into_iter().zip(held).map(|(key, held)| Entry { key, held }).collect();
    // A node says all that stands in it: what is left over was put there by somebody else.
    cursor.is_at_end().then_some(Node { entries })
}

/// Lengths, kinds (0 in the node, 1 in a data file), data files, offsets, and then the values in the node.
fn values(cursor: &mut Cursor<'_>, many: usize, files: &[String]) -> Option<Vec<Held>> {
    let lengths = numbers(cursor, many)?;
    let kinds = cursor.take(many)?.as_slice().to_vec();
    if kinds.iter().any(|kind| *kind > 1) {
        return None;
    }
    let outside = kinds.iter().filter(|kind| **kind == 1).count();
    let (numbers_of, offsets) = (numbers(cursor, outside)?, numbers(cursor, outside)?);
    let mut places = numbers_of.iter().zip(&offsets);
    let mut held = Vec::new();
    for (len, kind) in lengths.iter().zip(&kinds) {
        held.push(if *kind == 0 {
            Held::Value(cursor.take_u64(*len)?.as_slice().to_vec())
        } else {
            let (file, at) = places.next()?;
            Held::Elsewhere(place(files, *file, *at, *len)?)
        });
    }
    Some(held)
}

/// Data files, offsets and lengths of nodes, and three sums over each.
fn subtrees(cursor: &mut Cursor<'_>, shared: &[u64], files: &[String]) -> Option<Vec<Held>> {
    let many = shared.len();
    let (numbers_of, offsets) = (numbers(cursor, many)?, numbers(cursor, many)?);
    let lengths = numbers(cursor, many)?;
    for _ in ["keys", "bytes of nodes", "bytes of values"] {
        numbers(cursor, many)?;
    }
    let places = numbers_of.iter().zip(&offsets).zip(&lengths);
    places
        .zip(shared)
        .map(|(((file, at), len), shared)| {
            let shared = usize::try_from(*shared).ok()?;
            Some(Held::Subtree(place(files, *file, *at, *len)?, shared))
        })
        .collect()
}

fn place(files: &[String], file: u64, at: u64, len: u64) -> Option<Place> {
    let file = files.get(usize::try_from(file).ok()?)?.clone();
    Some(Place { file, at, len })
}

/// The table of data files: how many, then their paths, each shortened by what it shares with the one before.
fn files(cursor: &mut Cursor<'_>, budget: &mut Budget) -> Option<Vec<String>> {
    let many = count(cursor)?;
    let prefixes = numbers(cursor, many.saturating_sub(1))?;
    let suffixes = numbers(cursor, many)?;
    // How much of each path is that of the store.
    numbers(cursor, many)?;
    let paths = strings(cursor, &prefixes, &suffixes, budget)?;
    Some(paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect())
}

/// Strings, each of which begins with a part of the one before it. They may be far longer than what stands in the file.
fn strings(
    cursor: &mut Cursor<'_>,
    prefixes: &[u64],
    suffixes: &[u64],
    budget: &mut Budget,
) -> Option<Vec<Vec<u8>>> {
    let mut strings: Vec<Vec<u8>> = Vec::new();
    for (index, suffix) in suffixes.iter().enumerate() {
        let shared = index.checked_sub(1).and_then(|before| prefixes.get(before)).copied();
        let shared = usize::try_from(shared.unwrap_or(0)).ok()?;
        let before = strings.last().map_or(&[][..], Vec::as_slice).get(..shared)?;
        budget.decoded_bytes(before.len() as u64).ok()?;
        let mut string = before.to_vec();
        string.extend_from_slice(cursor.take_u64(*suffix)?.as_slice());
        strings.push(string);
    }
    Some(strings)
}

fn count(cursor: &mut Cursor<'_>) -> Option<usize> {
    let count = cursor.leb128().filter(|count| *count <= ENTRIES)?;
    usize::try_from(count).ok()
}

fn numbers(cursor: &mut Cursor<'_>, count: usize) -> Option<Vec<u64>> {
    (0..count).map(|_| cursor.leb128()).collect()
}
