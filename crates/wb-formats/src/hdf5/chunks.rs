//! Chunks: where the pieces of a dataset lie, and what they are once their filters are undone.
//!
//! Specification sections III.A.1 and III.C (trees and arrays of chunks), IV.A.2.l (filters).

use super::dataset::Description;
use hdf5_reader::chunk_index::{self, ChunkEntry};
use hdf5_reader::io::Cursor as LibraryCursor;
use hdf5_reader::messages::filter_pipeline::{self, FilterDescription};
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};
use hdf5_reader::messages::fill_value;
use hdf5_reader::{btree_v1, extensible_array, filters, fixed_array};
use std::collections::BTreeMap;
use wb_core::{Budget, Bytes, Span};

/// Filters of one dataset: the mask that says which were left out of a chunk has a bit for each.
const FILTERS: usize = 32;
/// Bytes of one element at the most: those of two 64-bit numbers.
const ELEMENT: usize = 16;

/// A dataset that lies in chunks.
#[derive(Clone, Debug)]
pub struct Chunked {
    /// Sizes of the axes of a chunk, in elements; none is 0. As many as the dataset has.
    pub sizes: Vec<u64>,
    /// The element that stands where no chunk is.
    pub fill: Vec<u8>,
    /// Bytes of a chunk once it is decoded.
    pub bytes: usize,
    /// How many chunks lie along each axis.
    counts: Vec<u64>,
    places: BTreeMap<u64, Place>,
    filters: Vec<FilterDescription>,
}

/// Where a chunk lies in the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    span: Span,
    mask: u32,
}

impl Chunked {
    /// The number of the chunk at a place that counts chunks along each axis; `None` outside the dataset.
    pub fn number(&self, places: impl IntoIterator<Item = u64>) -> Option<u64> {
        let mut counts = self.counts.iter();
        places.into_iter().try_fold(0_u64, |number, place| {
            let count = counts.next()?;
            (place < *count).then_some(())?;
            number.checked_mul(*count)?.checked_add(place)
        })
    }

    /// Bytes of all chunks that are in the file, once they are decoded.
    pub fn all(&self) -> u64 {
        (self.places.len() as u64).saturating_mul(self.bytes as u64)
    }

    /// Bytes of all chunks as they are in the file.
    pub fn stored(&self) -> u64 {
        self.places.values().fold(0, |all, place| all.saturating_add(place.span.len))
    }

    /// Whether a chunk is in the file; the elements of one that is not are all [`Chunked::fill`].
    pub fn is_there(&self, number: u64) -> bool {
        self.places.contains_key(&number)
    }

    /// The elements of a chunk of `file`, row by row, those behind the end of the dataset included. `None` when it is
    /// not there, lies outside the file, or cannot be decoded.
    pub fn decoded(&self, file: Bytes<'_>, number: u64) -> Option<Vec<u8>> {
        let place = self.places.get(&number)?;
        let raw = file.at_span(place.span)?;
        let (element, most) = (self.fill.len(), Some(self.bytes));
        let pipeline = filters::apply_pipeline_with_limit;
        let decoded =
            pipeline(raw.as_slice(), &self.filters, place.mask, element, None, most).ok()?;
        (decoded.len() == self.bytes).then_some(decoded)
    }
}

impl Description<'_, '_> {
    /// Where the chunks of a dataset are; `None` when it has none, or these are not understood, or are more than the
    /// budget allows.
    pub(super) fn chunked(&self, fill: Option<Bytes<'_>>, budget: &mut Budget) -> Option<Chunked> {
        let DataLayout::Chunked { address, dims, chunk_indexing, .. } = self.parsed_layout()?
        else {
            return None;
        };
        let shape = self.space.as_ref()?.dims.as_slice();
        let dims = dims.get(..shape.len())?;
        let element = self.element_size().filter(|size| (1..=ELEMENT).contains(size))?;
        let sizes: Vec<u64> = dims.iter().map(|size| u64::from(*size)).collect();
        let bytes = sizes
            .iter()
            .try_fold(element, |size, dim| size.checked_mul(usize::try_from(*dim).ok()?))?;
        let counts: Option<Vec<u64>> = shape
            .iter()
            .zip(&sizes)
            .map(|(size, chunk)| size.checked_next_multiple_of(*chunk)?.checked_div(*chunk))
            .collect();
        let mut chunked = Chunked {
            sizes,
            fill: fill_of(fill, element),
            bytes,
            counts: counts?,
            places: BTreeMap::new(),
            filters: self.pipeline()?,
        };
        if self.file.is_undefined(address) {
            return Some(chunked);
        }
        let entries = self.entries(address, dims, chunk_indexing.as_ref(), element)?;
        budget.items(entries.len() as u64).ok()?;
        for entry in entries {
            let at = entry.offsets.iter().zip(&chunked.sizes);
            let at: Option<Vec<u64>> = at.map(|(at, size)| at.checked_div(*size)).collect();
            let Some(number) = chunked.number(at?) else { continue };
            let stored = if entry.size == 0 { bytes as u64 } else { entry.size };
            let start = entry.address.checked_add(self.file.user_block)?;
            let place = Place { span: Span::new(start, stored), mask: entry.filter_mask };
            chunked.places.insert(number, place);
        }
        Some(chunked)
    }

    /// The decoded chunks one after the other, cut to `total` bytes.
    pub(super) fn chunks(&self, total: u64, budget: &mut Budget) -> Option<Vec<u8>> {
        let DataLayout::Chunked { address, dims, chunk_indexing, .. } = self.parsed_layout()?
        else {
            return None;
        };
        if self.file.is_undefined(address) {
            return Some(Vec::new());
        }
        let space = self.space.as_ref()?;
        let rank = space.dims.len();
        let dims = dims.get(..rank)?;
        let element = self.element_size()?;
        let chunk = dims
            .iter()
            .try_fold(element, |size, dim| size.checked_mul(usize::try_from(*dim).ok()?))?;
        let mut entries = self.entries(address, dims, chunk_indexing.as_ref(), element)?;
        entries.sort_by(|left, right| left.offsets.cmp(&right.offsets));
        let pipeline = self.pipeline()?;
        let mut out = Vec::new();
        let limit = usize::try_from(total).ok()?;
        for entry in &entries {
            let stored = if entry.size == 0 { chunk as u64 } else { entry.size };
            budget.decoded_bytes(chunk as u64).ok()?;
            let raw = self.file.at(entry.address)?.head(usize::try_from(stored).ok()?);
            let decoded = filters::apply_pipeline_with_limit(
                raw.as_slice(),
                &pipeline,
                entry.filter_mask,
                element,
                None,
                Some(chunk),
            );
            out.extend_from_slice(&decoded.ok()?);
            if out.len() >= limit {
                break;
            }
        }
        out.truncate(limit);
        Some(out)
    }

    /// The filters of its chunks, in the order in which they were applied.
    fn pipeline(&self) -> Option<Vec<FilterDescription>> {
        let Some(body) = self.filters else { return Some(Vec::new()) };
        let (offsets, lengths) = (self.file.offset_size, self.file.length_size);
        let mut cursor = LibraryCursor::new(body.as_slice());
        let parsed = filter_pipeline::parse(&mut cursor, offsets, lengths, body.len()).ok()?;
        (parsed.filters.len() <= FILTERS).then_some(parsed.filters)
    }

    fn entries(
        &self,
        address: u64,
        dims: &[u32],
        indexing: Option<&ChunkIndexing>,
        element: usize,
    ) -> Option<Vec<ChunkEntry>> {
        let space = self.space.as_ref()?;
        let (offsets, lengths) = (self.file.offset_size, self.file.length_size);
        let storage = self.file.storage();
        let shape = space.dims.as_slice();
        let rank = u32::try_from(shape.len()).ok()?;
        match indexing {
            None => {
                let leaves = btree_v1::collect_btree_v1_leaves_storage(
                    storage,
                    address,
                    offsets,
                    lengths,
                    Some(rank),
                    dims,
                    None,
                );
                Some(leaves.ok()?.into_iter().filter_map(old_entry).collect())
            }
            Some(ChunkIndexing::SingleChunk { filtered_size, filters }) => {
                let single = chunk_index::single_chunk_entry;
                Some(vec![single(address, *filtered_size, *filters, shape.len())])
            }
            Some(ChunkIndexing::Implicit) => chunk_index::collect_implicit_chunk_entries(
                address,
                shape,
                dims,
                element,
                None,
                storage.len(),
            )
            .ok(),
            Some(ChunkIndexing::BTreeV2) => chunk_index::collect_v2_chunk_entries_storage(
                storage, address, offsets, lengths, rank, dims, None,
            )
            .ok(),
            Some(ChunkIndexing::FixedArray { .. }) => {
                fixed_array::collect_fixed_array_chunk_entries_storage(
                    storage, address, offsets, lengths, shape, dims, None,
                )
                .ok()
            }
            Some(ChunkIndexing::ExtensibleArray { .. }) => {
                let max = space.max_dims.as_deref();
                extensible_array::collect_extensible_array_chunk_entries_storage(
                    storage, address, offsets, lengths, shape, max, dims, None,
                )
                .ok()
            }
        }
    }
}

/// The element that a message about it gives (0x05, version 1 to 3); zeros where none is given.
fn fill_of(message: Option<Bytes<'_>>, element: usize) -> Vec<u8> {
    let given = message.and_then(|body| {
        let mut cursor = LibraryCursor::new(body.as_slice());
        fill_value::parse_new(&mut cursor, 8, 8, body.len()).ok()?.value
    });
    given.filter(|value| value.len() == element).unwrap_or_else(|| vec![0; element])
}

fn old_entry((key, address): (btree_v1::BTreeV1Key, u64)) -> Option<ChunkEntry> {
    let btree_v1::BTreeV1Key::RawData { chunk_size, filter_mask, offsets } = key else {
        return None;
    };
    Some(ChunkEntry { address, size: u64::from(chunk_size), filter_mask, offsets })
}
