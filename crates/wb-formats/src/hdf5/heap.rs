//! Global heaps: where strings and sequences of variable length live. Specification section III.E.

use super::file::File;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use wb_core::{Budget, Bytes};

/// The global heap collections read so far.
#[derive(Default)]
pub(super) struct Heaps<'a> {
    /// Their objects by number, by address of the collection.
    collections: BTreeMap<u64, BTreeMap<u16, Bytes<'a>>>,
    /// Where each ends, by where it begins.
    ends: BTreeMap<u64, u64>,
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
        let collection = match self.collections.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let collection = collection(file, address).filter(|collection| {
                    let end = address.saturating_add(collection.len() as u64);
                    is_apart(&self.ends, address, end) && self.ends.insert(address, end).is_none()
                });
                let objects = collection.and_then(|collection| read(file, collection, budget));
                place.insert(objects.unwrap_or_default())
            }
        };
        collection.get(&u16::try_from(index).ok()?).copied()
    }
}

/// Whether no collection lies where one from `start` to `end` would: what lies in one another would be read again and
/// again.
fn is_apart(ends: &BTreeMap<u64, u64>, start: u64, end: u64) -> bool {
    let before = ends.range(..=start).next_back();
    let after = ends.range(start..).next();
    before.is_none_or(|(_, before)| *before <= start) && after.is_none_or(|(after, _)| *after >= end)
}

/// The collection at `address`, whose length stands in it.
fn collection<'a>(file: &File<'a>, address: u64) -> Option<Bytes<'a>> {
    let start = file.at(address)?;
    let mut cursor = start.cursor();
    let signature = cursor.take(8)?;
    let size = usize::try_from(file.length(&mut cursor)?).ok()?;
    signature.starts_with(b"GCOL\x01").then(|| start.head(size))
}

fn read<'a>(
    file: &File<'a>,
    collection: Bytes<'a>,
    budget: &mut Budget,
) -> Option<BTreeMap<u16, Bytes<'a>>> {
    let mut objects = BTreeMap::new();
    let mut cursor = collection.cursor();
    cursor.take(8)?;
    file.length(&mut cursor)?;
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
