//! OCDBT: the key-value store in which TensorStore, and so Orbax and JAX, keep checkpoints: `manifest.ocdbt`, and the
//! files below `d/`.
//!
//! Specification: "OCDBT Key-Value Store driver, storage format" in the documentation of TensorStore. A file is a row of
//! blocks, each with a mark, its length, and a body that may be under zstd. Leaves of the B+tree hold values by key, which
//! are nested artifacts here; large values lie before or between the blocks, of this file or of another.

mod node;

use crate::names::tell_apart;
use node::{Held, Place};
use crate::spanned_json::{Json, Reader as JsonReader};
use crate::{Family, Reader, Request, zstd};
use std::borrow::Cow;
use std::collections::BTreeSet;
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Field, Gap, Oddity, OddityKind, Span, Strength, Tensor,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "OCDBT store of TensorStore: checkpoints of Orbax and JAX",
    endings: &[".ocdbt"],
    family: Family::Model,
    // A file may begin with a value, which is a chunk of numbers most of the time.
    refines: &["zstd", "gzip", "zlib", "bzip2", "xz", "lz4"],
    identify,
    parse,
    named: None,
};

/// Marks of blocks, big-endian: the manifest, a node of the B+tree, a node of the tree of versions.
const MANIFEST: u32 = 0x0cdb_3a2a;
const NODE: u32 = 0x0cdb_20de;
const VERSIONS: u32 = 0x0cdb_1234;
/// Mark, length, version and compression in front of a body; a checksum behind it. In bytes.
const HEADER: usize = 14;
const CHECKSUM: usize = 4;
/// How far from its end the last block of a file that begins with values is looked for, in bytes.
const TAIL: usize = 256 << 10;

fn kind(input: Bytes<'_>) -> Option<&'static str> {
    match input.u32_be(0)? {
        MANIFEST => Some("manifest"),
        NODE => Some("node"),
        VERSIONS => Some("versions"),
        _ => None,
    }
}

/// A mark, and a block that ends inside the file or with it; or values, and a node that ends with the file.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if kind(input).is_none() {
        return last_node(input).map(|_| Strength::Strong);
    }
    let plain = input.byte(12)? == 0 && input.byte(13)? <= 1;
    (plain && input.u64_le(4)? >= 18).then_some(Strength::Strong)
}

/// Where the node begins that ends with the file.
fn last_node(input: Bytes<'_>) -> Option<usize> {
    let from = input.len().saturating_sub(TAIL);
    let tail = input.from(from);
    let mark = NODE.to_be_bytes();
    let starts = memchr::memmem::rfind_iter(tail.as_slice(), &mark);
    let whole = |start: &usize| {
        let block = tail.from(*start);
        let plain = block.byte(12) == Some(0) && block.byte(13).is_some_and(|kind| kind <= 1);
        plain && block.u64_le(4) == Some(block.len() as u64) && block.len() >= HEADER + CHECKSUM
    };
    starts.take(64).find(whole)?.checked_add(from)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut store = Store {
        input,
        name: request.path.file_name(),
        content: Content::default(),
        owned: Vec::new(),
        seen: BTreeSet::new(),
        budget,
    };
    // The node at the end is the root of those that were written with it, and knows how their keys begin.
    if let Some(at) = last_node(input) {
        store.tree(at);
    }
    store.row();
    store.rest();
    let mut content = store.content;
    arrays(input, &mut content, budget);
    tell_apart(&mut content.children);
    content
}

/// A file of a store that is being read.
struct Store<'a, 'b> {
    input: Bytes<'a>,
    /// Its name, by which nodes refer to it.
    name: &'b str,
    content: Content,
    /// What belongs to a block or a value.
    owned: Vec<Span>,
    /// Where the blocks begin that were read.
    seen: BTreeSet<usize>,
    budget: &'b mut Budget,
}

impl<'a> Store<'a, '_> {
    /// The blocks from the beginning of the file on, as many as follow each other.
    fn row(&mut self) {
        let mut at = 0_usize;
        while let Some(kind) = kind(self.input.from(at)) {
            let Some(len) = self.block(at, kind, &[], &mut Vec::new()) else { return };
            at = at.saturating_add(len);
        }
    }

    /// The node at `at`, and those of this file that it leads to.
    fn tree(&mut self, at: usize) {
        let mut pending = vec![(at, Vec::new())];
        while let Some((at, prefix)) = pending.pop() {
            self.block(at, "node", &prefix, &mut pending);
        }
    }

    /// Reads one block and returns its length; `None` when it is not all there. Keys in it begin with `prefix`; nodes of
    /// this file that it leads to come to `pending`.
    fn block(
        &mut self,
        at: usize,
        kind: &str,
        prefix: &[u8],
        pending: &mut Vec<(usize, Vec<u8>)>,
    ) -> Option<usize> {
        let rest = self.input.from(at);
        let len = rest.u64_le(4).and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        if !self.seen.insert(at) {
            return Some(len);
        }
        let block = rest.head(len);
        let place = format!("{kind} at {at}");
        if block.len() < len.max(HEADER + CHECKSUM) || self.budget.items(1).is_err() {
            let what = format!("the block is said to have {len} bytes, {} are left", rest.len());
            let odd = odd(OddityKind::Truncated, &place, block.span(), what.clone());
            self.content.oddities.push(odd);
            self.content.gaps.push(Gap::over(rest.span(), what));
            self.owned.push(rest.span());
            return None;
        }
        let (path, value) = (place.clone(), format!("{len} bytes"));
        self.content.fields.push(Field { path, value, span: Some(block.span()) });
        self.owned.push(block.span());
        let body = body(block, &place, &mut self.content, self.budget);
        if let Some(body) = body.filter(|_| kind == "node") {
            match node::read(Bytes::new(&body), self.budget) {
                Some(node) => {
                    node.entries.into_iter().for_each(|entry| self.entry(entry, prefix, pending));
                }
                None => {
                    let what = "the node is not laid out as one".to_owned();
                    let odd = odd(OddityKind::Malformed, &place, block.span(), what);
                    self.content.oddities.push(odd);
                    let gap = Gap::over(block.span(), format!("{place} is not read"));
                    self.content.gaps.push(gap);
                }
            }
        }
        Some(len)
    }

    fn entry(&mut self, entry: node::Entry, prefix: &[u8], pending: &mut Vec<(usize, Vec<u8>)>) {
        let key = [prefix, &entry.key].concat();
        let name = String::from_utf8_lossy(&key).into_owned();
        match entry.held {
            Held::Value(value) => {
                self.content.children.push(Child { name, data: ChildData::Owned(value) });
            }
            Held::Elsewhere(place) => match self.here(&place) {
                Some(value) => {
                    self.owned.push(value.span());
                    let data = ChildData::Span(value.span());
                    self.content.children.push(Child { name, data });
                }
                None => self.elsewhere(name, &place),
            },
            Held::Subtree(place, shared) => {
                let node = self.here(&place).filter(|node| {
                    node.u32_be(0) == Some(NODE) && node.u64_le(4) == Some(place.len)
                });
                let at = node.and_then(|_| usize::try_from(place.at).ok());
                match at {
                    Some(at) => {
                        let shared = entry.key.get(..shared).unwrap_or(&entry.key);
                        pending.push((at, [prefix, shared].concat()));
                    }
                    None => self.elsewhere(format!("{name}..."), &place),
                }
            }
        }
    }

    /// The bytes at a place, when it is one of this file.
    fn here(&self, place: &Place) -> Option<Bytes<'a>> {
        let own = place.file.rsplit('/').next() == Some(self.name);
        let at = usize::try_from(place.at).ok().filter(|_| own)?;
        self.input.slice(at, usize::try_from(place.len).ok()?)
    }

    fn elsewhere(&mut self, path: String, place: &Place) {
        let value = format!("{} bytes in the data file `{}`", place.len, place.file);
        self.content.fields.push(Field { path, value, span: None });
    }

    /// What no block and no value of this file owns: values that nodes of other files know.
    fn rest(&mut self) {
        self.owned.sort_unstable();
        let (mut at, mut free) = (self.input.span().start, Vec::new());
        let end = self.input.span().end();
        for span in self.owned.iter().copied().chain([Span::new(end, 0)]) {
            if span.start > at {
                free.push(Span::new(at, span.start.saturating_sub(at)));
            }
            at = at.max(span.end());
        }
        for span in free {
            let bytes = self.input.at_span(span).unwrap_or(Bytes::new(&[]));
            if crate::storage::disguised(bytes).is_some() {
                let name = format!("bytes at offset {}", span.start);
                self.content.children.push(Child { name, data: ChildData::Span(span) });
            } else {
                let why = "values that no node of this file names";
                self.content.gaps.push(Gap::over(span, why));
            }
        }
    }
}

/// Turns the chunks of arrays that are described here into tensors: numbers, under zstd or not, are no files.
fn arrays(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let bytes = |child: &Child| match &child.data {
        ChildData::Owned(data) => Cow::Owned(data.clone()),
        ChildData::Span(span) => {
            Cow::Borrowed(input.at_span(*span).map_or(&[][..], Bytes::as_slice))
        }
    };
    let mut described = BTreeSet::new();
    for child in &content.children {
        let Some(name) = child.name.strip_suffix("/.zarray") else { continue };
        let text = bytes(child);
        let Ok(json) = JsonReader::new(Bytes::new(&text)).value(budget) else { continue };
        let sizes = json.get("shape").map_or(&[][..], Json::items);
        let shape = sizes.iter().filter_map(Json::unsigned).collect();
        let dtype = json.text_at("dtype").unwrap_or("unknown").to_owned();
        content.tensors.push(Tensor { name: name.to_owned(), dtype, shape, span: None, strides: None });
        described.insert(name.to_owned());
    }
    content.children.retain(|child| {
        let chunk = child.name.rsplit_once('/').is_some_and(|(array, chunk)| {
            let counted = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'c');
            described.contains(array) && chunk.chars().all(counted)
        });
        if !chunk {
            return true;
        }
        let data = bytes(child);
        let numbers = zstd::whole(Bytes::new(&data), budget).map_or(data, Cow::Owned);
        crate::storage::disguised(Bytes::new(&numbers)).is_some()
    });
}

fn odd(kind: OddityKind, place: &str, span: Span, what: String) -> Oddity {
    Oddity { kind, place: place.to_owned(), span: Some(span), what }
}

/// What stands between the header and the checksum of a block, decoded.
fn body<'a>(
    block: Bytes<'a>,
    place: &str,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Cow<'a, [u8]>> {
    let packed = block.from(HEADER).head(block.len().saturating_sub(HEADER + CHECKSUM));
    if block.byte(13) == Some(0) {
        return Some(Cow::Borrowed(packed.as_slice()));
    }
    let decoded = zstd::whole(packed, budget);
    if decoded.is_none() {
        let what = "the body is no whole zstd frame".to_owned();
        content.oddities.push(odd(OddityKind::Malformed, place, packed.span(), what));
        content.gaps.push(Gap::over(packed.span(), format!("{place} is not decoded")));
    }
    decoded.map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{children, claims, has, oddities, parse, survive};
    
    const LEAF: &[u8] = include_bytes!("../tests/data/written/orbax.ocdbt");
    const LIST: &[u8] = include_bytes!("../tests/data/written/orbax-manifest.ocdbt");

    #[test]
    fn values_are_found_by_their_keys_as_orbax_wrote_them() {
        assert_eq!(claims(LEAF), "ocdbt");
        let content = parse("ocdbt", LEAF);
        assert_eq!(oddities(&content), [""; 0]);
        let found = children(LEAF, &content);
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&"params.dense.kernel/.zarray"), "{names:?}");
        assert_eq!(names.len(), 2, "chunks are tensors: {names:?}");
        let kernel = content.tensors.iter().find(|tensor| tensor.name == "params.dense.kernel");
        let kernel = kernel.map(|tensor| (tensor.dtype.as_str(), tensor.shape.as_slice()));
        assert_eq!(kernel, Some(("<f4", &[2, 3][..])));
        let zarray = found.iter().find(|(name, _)| *name == "params.dense.kernel/.zarray");
        assert!(zarray.is_some_and(|(_, text)| text.starts_with(b"{\"chunks\":[2,3]")));
    }

    #[test]
    fn the_manifest_is_known_and_its_end_is_checked() {
        assert_eq!(claims(LIST), "ocdbt");
        assert_eq!(oddities(&parse("ocdbt", LIST)), [""; 0]);
        assert!(has(&parse("ocdbt", &LIST[..60]), OddityKind::Truncated));
    }

    /// Written by `tests/data/make_ocdbt.py`: values before the nodes, and a tree of three levels.
    const VALUES: &[u8] = include_bytes!("../tests/data/written/94788099598feb7a98272c0bb2461be8");
    const TREE: &[u8] = include_bytes!("../tests/data/written/e265f16965978d6f88a63f750d767923");

    #[test]
    fn nodes_of_a_tree_know_how_their_keys_begin() {
        let content = read(TREE, "e265f16965978d6f88a63f750d767923");
        let found = children(TREE, &content);
        let expected: Vec<String> = (0..60).map(|index| format!("k/{index:04}")).collect();
        let mut names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!((names.len(), names), (60, expected.iter().map(String::as_str).collect()));
        let value = found.iter().find(|(name, _)| *name == "k/0041").expect("there");
        assert_eq!(value.1, b"{\"value\": 41}");
        assert_eq!((oddities(&content), content.gaps.len()), (Vec::new(), 0));
    }

    #[test]
    fn values_before_the_nodes_are_found_by_their_keys() {
        assert_eq!(claims(VALUES), "ocdbt");
        let content = read(VALUES, "94788099598feb7a98272c0bb2461be8");
        let hook = children(VALUES, &content).into_iter().find(|(name, _)| *name == "hook");
        assert_eq!(hook.map(|(_, value)| value), Some(&b"nothing ".repeat(10)[..]));
        assert_eq!((oddities(&content), content.gaps.len()), (Vec::new(), 0));
        // Under another name it is not known which data file it is.
        let renamed = read(VALUES, "other");
        assert_eq!(renamed.gaps.len(), 1);
        assert!(renamed.fields.iter().any(|field| field.path == "hook"));
    }

    fn read(bytes: &[u8], name: &str) -> Content {
        let path = wb_core::ArtifactPath::from(name);
        super::parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
    }

    #[test]
    fn damage_is_survived() {
        survive("ocdbt", VALUES);
        survive("ocdbt", TREE);
        survive("ocdbt", LEAF);
        survive("ocdbt", LIST);
    }
}
