//! NumPy `.npz` files: zip archives of `.npy` members. Numeric arrays become tensors, everything else a
//! child.

use crate::names::tell_apart;
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request, npy};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "NumPy archive of arrays",
    endings: &[".npz"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// Every member is an array by name. With others among them it is an ordinary zip archive, whose members
/// are identified one by one all the same.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if !zip::is_zip(input) {
        return None;
    }
    let mut arrays = false;
    let other = zip::any_name(input, |name| {
        arrays |= name.ends_with(b".npy");
        !name.ends_with(b".npy")
    });
    (arrays && !other).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    for entry in zip::open(input, &mut content, budget) {
        if array(input, &entry, &mut content, budget).is_none() {
            zip::child(input, &entry, &mut content, budget);
        }
    }
    tell_apart(&mut content.children);
    content
}

/// Takes a member that is a plain numeric array as a tensor. Compressed ones are decoded no further than
/// their header.
fn array(input: Bytes<'_>, entry: &Entry, content: &mut Content, budget: &mut Budget) -> Option<()> {
    let name = entry.name.strip_suffix(".npy").unwrap_or(&entry.name);
    let stored = entry.method == 0;
    let found = if stored {
        npy::array(input.at_span(entry.data)?, name)
    } else {
        let head = zip::head(input, entry, budget)?;
        let mut found = npy::array(Bytes::new(&head), name);
        // Only the beginning was decoded, so its length and offsets say nothing about the archive.
        found.oddities.retain(|oddity| oddity.kind != wb_core::OddityKind::Truncated);
        found.tensors.iter_mut().for_each(|tensor| tensor.span = None);
        found.fields.clear();
        found
    };
    let plain = found.tensors.len() == 1 && found.children.is_empty() && found.oddities.is_empty();
    let honest = entry.listed && entry.local_method.is_none() && !entry.says_encrypted();
    if !plain || !honest {
        return None;
    }
    content.tensors.extend(found.tensors);
    Some(())
}
