//! OCDBT: the key-value store in which TensorStore, and so Orbax and JAX, keep checkpoints: `manifest.ocdbt`, and the
//! files below `d/`.
//!
//! Specification: "OCDBT Key-Value Store driver, storage format" in the documentation of TensorStore. A file is a row of
//! blocks, each with a mark, its length, and a body that may be under zstd. Leaves of the B+tree hold values by key, which
//! are nested artifacts here; large values lie between the blocks.

use crate::names::tell_apart;
use crate::spanned_json::{Json, Reader as JsonReader};
use crate::{Family, Reader, Request, zstd};
use std::borrow::Cow;
use std::collections::BTreeSet;
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Cursor, Field, Gap, Oddity, OddityKind, Span, Strength, Tensor,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "OCDBT store of TensorStore: checkpoints of Orbax and JAX",
    endings: &[".ocdbt"],
    family: Family::Model,
    refines: &[],
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
/// Entries of one node that are read.
const ENTRIES: u64 = 1 << 16;

fn kind(input: Bytes<'_>) -> Option<&'static str> {
    match input.u32_be(0)? {
        MANIFEST => Some("manifest"),
        NODE => Some("node"),
        VERSIONS => Some("versions"),
        _ => None,
    }
}

/// A mark, and a block that ends inside the file or with it.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    kind(input)?;
    let plain = input.byte(12)? == 0 && input.byte(13)? <= 1;
    (plain && input.u64_le(4)? >= 18).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut at = 0_usize;
    let mut number = 0_usize;
    while let Some(kind) = kind(input.from(at)) {
        let rest = input.from(at);
        let len = rest.u64_le(4).and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        let block = rest.head(len);
        let place = format!("{kind} {number}");
        if block.len() < len.max(HEADER + CHECKSUM) || budget.items(1).is_err() {
            let what = format!("the block is said to have {len} bytes, {} are left", rest.len());
            content.oddities.push(odd(OddityKind::Truncated, &place, block.span(), what.clone()));
            content.gaps.push(Gap::over(rest.span(), what));
            break;
        }
        let (path, value) = (place.clone(), format!("{len} bytes"));
        content.fields.push(Field { path, value, span: Some(block.span()) });
        body(block, kind == "node", &place, &mut content, budget);
        at = at.saturating_add(block.len());
        number = number.saturating_add(1);
    }
    // Values that are too long for a node stand between the blocks; the node says where.
    let rest = input.from(at);
    if !rest.is_empty() {
        let name = "bytes behind the blocks".to_owned();
        if crate::storage::disguised(rest).is_some() {
            content.children.push(Child { name, data: ChildData::Span(rest.span()) });
        } else {
            content.gaps.push(Gap::over(rest.span(), "values that stand behind the blocks"));
        }
    }
    arrays(&mut content, budget);
    tell_apart(&mut content.children);
    content
}

/// Turns the chunks of arrays that are described here into tensors: numbers, under zstd or not, are no files.
fn arrays(content: &mut Content, budget: &mut Budget) {
    let mut described = BTreeSet::new();
    for child in &content.children {
        let (Some(name), ChildData::Owned(text)) = (child.name.strip_suffix("/.zarray"), &child.data) else { continue };
        let Ok(json) = JsonReader::new(Bytes::new(text)).value(budget) else { continue };
        let sizes = json.get("shape").map_or(&[][..], Json::items);
        let shape = sizes.iter().filter_map(Json::unsigned).collect();
        let dtype = json.text_at("dtype").unwrap_or("unknown").to_owned();
        content.tensors.push(Tensor { name: name.to_owned(), dtype, shape, span: None, strides: None });
        described.insert(name.to_owned());
    }
    content.children.retain(|child| {
        let ChildData::Owned(data) = &child.data else { return true };
        let chunk = child.name.rsplit_once('/').is_some_and(|(array, chunk)| {
            let counted = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'c');
            described.contains(array) && chunk.chars().all(counted)
        });
        let numbers = match zstd::whole(Bytes::new(data), budget) {
            Some(numbers) => numbers,
            None => data.clone(),
        };
        !chunk || crate::storage::disguised(Bytes::new(&numbers)).is_some()
    });
}

fn odd(kind: OddityKind, place: &str, span: Span, what: String) -> Oddity {
    Oddity { kind, place: place.to_owned(), span: Some(span), what }
}

/// What stands between the header and the checksum of a block, decoded.
fn body(
    block: Bytes<'_>,
    is_node: bool,
    place: &str,
    content: &mut Content,
    budget: &mut Budget,
) {
    let packed = block.from(HEADER).head(block.len().saturating_sub(HEADER + CHECKSUM));
    let decoded = match block.byte(13) {
        Some(0) => Cow::Borrowed(packed.as_slice()),
        _ => match zstd::whole(packed, budget) {
            Some(data) => Cow::Owned(data),
            None => {
                let what = "the body is no whole zstd frame".to_owned();
                content.oddities.push(odd(OddityKind::Malformed, place, packed.span(), what));
                content.gaps.push(Gap::over(packed.span(), format!("{place} is not decoded")));
                return;
            }
        },
    };
    if is_node && leaf(Bytes::new(&decoded), content).is_none() {
        let what = "the node is not laid out as one".to_owned();
        content.oddities.push(odd(OddityKind::Malformed, place, packed.span(), what));
        content.gaps.push(Gap::over(packed.span(), format!("{place} is not read")));
    }
}

/// A node of the B+tree: its height, the data files that it refers to, and, in a leaf, keys with values. Inner nodes
/// only refer to others, which are files of their own.
fn leaf(body: Bytes<'_>, content: &mut Content) -> Option<()> {
    let mut cursor = body.cursor();
    let height = cursor.u8()?;
    files(&mut cursor)?;
    if height > 0 {
        return Some(());
    }
    let count = cursor.leb128().filter(|count| *count <= ENTRIES)?;
    let many = usize::try_from(count).ok()?;
    let prefixes = numbers(&mut cursor, many.saturating_sub(1))?;
    let suffixes = numbers(&mut cursor, many)?;
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(many.min(1_024));
    for (index, suffix) in suffixes.iter().enumerate() {
        let shared = index.checked_sub(1).and_then(|before| prefixes.get(before)).copied().unwrap_or(0);
        let mut key = match keys.last() {
            Some(before) => before.get(..usize::try_from(shared).ok()?)?.to_vec(),
            None => Vec::new(),
        };
        key.extend_from_slice(cursor.take_u64(*suffix)?.as_slice());
        keys.push(key);
    }
    let lengths = numbers(&mut cursor, many)?;
    let kinds = cursor.take(many)?.as_slice().to_vec();
    let elsewhere = kinds.iter().filter(|kind| **kind != 0).count();
    numbers(&mut cursor, elsewhere)?;
    numbers(&mut cursor, elsewhere)?;
    for ((key, len), kind) in keys.iter().zip(&lengths).zip(&kinds) {
        let name = String::from_utf8_lossy(key).into_owned();
        if *kind != 0 {
            let (path, value) = (name, format!("{len} bytes in a data file"));
            content.fields.push(Field { path, value, span: None });
            continue;
        }
        let value = cursor.take_u64(*len)?.as_slice().to_vec();
        content.children.push(Child { name, data: ChildData::Owned(value) });
    }
    // A leaf says all that stands in it: what is left over was put there by somebody else.
    (cursor.is_at_end() && kinds.iter().all(|kind| *kind <= 1)).then_some(())
}

/// The table of data files: how many, then their paths, each shortened by what it shares with the one before.
fn files(cursor: &mut Cursor<'_>) -> Option<()> {
    let count = cursor.leb128().filter(|count| *count <= ENTRIES)?;
    let many = usize::try_from(count).ok()?;
    numbers(cursor, many.saturating_sub(1))?;
    let suffixes = numbers(cursor, many)?;
    numbers(cursor, many)?;
    for suffix in suffixes {
        cursor.take_u64(suffix)?;
    }
    Some(())
}

fn numbers(cursor: &mut Cursor<'_>, count: usize) -> Option<Vec<u64>> {
    (0..count).map(|_| cursor.leb128()).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    const NODE: &[u8] = include_bytes!("../tests/data/written/orbax.ocdbt");
    const MANIFEST: &[u8] = include_bytes!("../tests/data/written/orbax-manifest.ocdbt");

    #[test]
    fn values_are_found_by_their_keys_as_orbax_wrote_them() {
        assert_eq!(claims(NODE), "ocdbt");
        let content = parse("ocdbt", NODE);
        assert_eq!(oddities(&content), [""; 0]);
        let found = children(NODE, &content);
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
        assert_eq!(claims(MANIFEST), "ocdbt");
        assert_eq!(oddities(&parse("ocdbt", MANIFEST)), [""; 0]);
        assert!(has(&parse("ocdbt", &MANIFEST[..60]), OddityKind::Truncated));
    }

    #[test]
    fn damage_is_survived() {
        survive("ocdbt", NODE);
        survive("ocdbt", MANIFEST);
    }
}
