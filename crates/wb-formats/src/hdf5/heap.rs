//! Global heaps: where variable-length strings live. Specification section III.E.

use super::file::File;
use std::collections::BTreeMap;
use wb_core::{Budget, Bytes};

/// The global heap collections read so far, by address.
#[derive(Default)]
pub(super) struct Heaps<'a> {
    collections: BTreeMap<u64, BTreeMap<u16, Bytes<'a>>>,
}

impl<'a> Heaps<'a> {
    /// The object `index` of the collection at `address`, as it stands in the file.
    pub(super) fn object(
        &mut self,
        file: &File<'a>,
        address: u64,
        index: u32,
        budget: &mut Budget,
    ) -> Option<Bytes<'a>> {
        let collection = self
            .collections
            .entry(address)
            .or_insert_with(|| read(file, address, budget).unwrap_or_default());
        collection.get(&u16::try_from(index).ok()?).copied()
    }
}

fn read<'a>(
    file: &File<'a>,
    address: u64,
    budget: &mut Budget,
) -> Option<BTreeMap<u16, Bytes<'a>>> {
    let mut objects = BTreeMap::new();
    let start = file.at(address)?;
    let mut cursor = start.cursor();
    let signature = cursor.take(8)?;
    let size = usize::try_from(file.length(&mut cursor)?).ok()?;
    if !signature.starts_with(b"GCOL\x01") {
        return None;
    }
    let collection = start.head(size);
    let mut cursor = collection.from(cursor.position()).cursor();
    while let Some(index) = cursor.u16_le() {
        if index == 0 || budget.steps(1).is_err() {
            break;
        }
        let Some(data) = cursor
            .take(6)
            .and_then(|_| file.length(&mut cursor))
            .and_then(|size| cursor.take_u64(size))
        else {
            break;
        };
        let padded = data.len().next_multiple_of(8);
        cursor.take(padded.saturating_sub(data.len()));
        objects.entry(index).or_insert(data);
    }
    Some(objects)
}
