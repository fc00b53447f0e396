//! HDF5: groups, datasets, attributes, and the links that lead out of the file.
//!
//! [`Tree`] is what is known of a file; the module turns it into [`Content`]. Keras models in HDF5 files
//! are a format of their own that builds on this one.

mod attribute;
mod chunks;
mod dataset;
mod file;
mod header;
mod heap;
mod inner;
mod link;
mod tree;
mod value;

pub(crate) use attribute::Attribute;
pub use chunks::Chunked;
pub(crate) use tree::Tree;

use crate::{Family, Reader, Request};
use std::sync::Arc;
use value::Value;
use wb_core::{Budget, Bytes, Content, Field, Strength, Tensor, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "HDF5: trees of arrays with attributes",
    endings: &[".h5", ".hdf5", ".he5", ".mat"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Attribute strings above this size are named but not kept, in bytes.
const KEPT: usize = 4096;
/// Strings of a list that are shown in one field.
const LISTED: usize = 64;

/// The superblock may stand at 0 or behind a user block of 512, 1024, 2048... bytes. There it names its own
/// place; where it does not, the file may be another one that holds an HDF5 file.
pub(crate) fn identify(input: Bytes<'_>) -> Option<Strength> {
    if input.starts_with(SIGNATURE) {
        return Some(Strength::Strong);
    }
    let blocks = std::iter::successors(Some(512_usize), |size| size.checked_mul(2)).take(20);
    let start = blocks
        .take_while(|start| *start < input.len())
        .find(|start| input.from(*start).starts_with(SIGNATURE))?;
    let block = input.from(start);
    let base = match block.byte(8)? {
        0 => block.u64_le(24),
        1 => block.u64_le(28),
        _ => block.u64_le(12),
    };
    let placed = base == Some(start as u64);
    Some(if placed { Strength::Strong } else { Strength::Weak })
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    content(Tree::read(input, budget))
}

/// Where the chunks of the datasets of an HDF5 file are, by path. What is not found here lies in one piece, or is not understood.
pub fn chunks(input: Bytes<'_>, budget: &mut Budget) -> Vec<(String, Arc<Chunked>)> {
    Tree::chunks(input, budget)
}

/// The content of a tree: datasets are tensors, attributes are fields, strings in datasets are texts.
pub(crate) fn content(tree: Tree) -> Content {
    let mut content = Content {
        oddities: tree.notes.oddities,
        gaps: tree.notes.gaps,
        fields: tree.links,
        ..tree.inner
    };
    for (path, attributes) in &tree.attributed {
        content.fields.extend(attributes.iter().map(|attribute| field(path, attribute)));
    }
    for dataset in tree.datasets {
        for (index, stored) in dataset.texts.into_iter().enumerate() {
            let place = format!("dataset `{}`[{index}]", dataset.path);
            content.texts.push(Text { place, value: stored.text, span: stored.span });
        }
        content.tensors.push(Tensor {
            name: dataset.path,
            dtype: dataset.dtype,
            shape: dataset.shape,
            span: dataset.span,
            strides: None,
        });
        content.tensors.extend(dataset.inner.tensors);
        content.texts.extend(dataset.inner.texts);
        content.children.extend(dataset.inner.children);
        content.gaps.extend(dataset.inner.gaps);
    }
    content
}

/// `NAME` for an attribute of the root group, `PATH@NAME` for any other.
fn field(path: &str, attribute: &Attribute) -> Field {
    let name = &attribute.name;
    let path = if path.is_empty() { name.clone() } else { format!("{path}@{name}") };
    let (value, span) = match &attribute.value {
        Value::Other(value) => (value.clone(), None),
        Value::Texts(texts) => match texts.as_slice() {
            [single] if single.text.len() > KEPT => {
                (format!("[{} bytes]", single.text.len()), single.span)
            }
            [single] => (single.text.clone(), single.span),
            several => (list(several.iter().map(|stored| stored.text.as_str())), None),
        },
    };
    Field { path, value, span }
}

fn list<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let total = texts.len();
    let mut shown: Vec<String> =
        texts.take(LISTED).map(|text| format!("{:?}", text.get(..KEPT).unwrap_or(text))).collect();
    if total > LISTED {
        shown.push(format!("... {total} in all"));
    }
    format!("[{}]", shown.join(", "))
}

#[cfg(test)]
mod tests;
