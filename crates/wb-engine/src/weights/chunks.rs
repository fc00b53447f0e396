//! [`Chunks`]: the numbers of HDF5 datasets that lie in chunks, each decoded when it is asked for.
//!
//! Chunks that were decoded are kept for the rows that follow, as far as [`KEPT`] goes. A dataset whose chunks lie
//! across its rows may have to be decoded again; how often is bounded by [`AGAIN`].

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wb_core::Bytes;
use wb_formats::Chunked;

/// Bytes of decoded chunks that are kept, of all datasets of a model.
const KEPT: usize = 256 << 20;
/// Bytes of the largest chunk that is decoded.
const LARGEST: usize = 256 << 20;
/// How often all chunks of a dataset may be decoded.
const AGAIN: u64 = 16;

/// Bytes that are decoded of all datasets of a model, whatever the size of its files.
const SMALL: u64 = 4 << 30;
/// How many times the bytes of its files are decoded beside these.
const TIMES: u64 = 64;

/// A decoded chunk: made once by whoever asks first, while the others wait; `None` when it cannot be decoded.
type Decoded = Arc<OnceLock<Option<Vec<u8>>>>;

/// A dataset in chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// Which of the datasets of the model it is.
    number: usize,
    shape: Vec<u64>,
    chunked: Arc<Chunked>,
    /// Bytes that may still be decoded.
    left: AtomicU64,
    failed: OnceLock<&'static str>,
}

/// Decoded chunks of all datasets, the oldest of which make room for new ones.
#[derive(Debug)]
pub(crate) struct Kept {
    held: Mutex<Held>,
    /// Bytes that may still be decoded.
    left: AtomicU64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { held: Mutex::default(), left: AtomicU64::new(SMALL) }
    }
}

#[derive(Debug, Default)]
struct Held {
    chunks: BTreeMap<(usize, u64), Decoded>,
    order: VecDeque<((usize, u64), usize)>,
    bytes: usize,
}

impl Kept {
    /// Allows for what decoding the datasets of a file of so many bytes takes.
    pub(crate) fn allow(&mut self, bytes: usize) {
        let left = self.left.get_mut();
        *left = left.saturating_add((bytes as u64).saturating_mul(TIMES));
    }

    /// The chunk of a dataset; new ones are not decoded yet.
    fn chunk(&self, key: (usize, u64), bytes: usize) -> Decoded {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chunk) = held.chunks.get(&key) {
            return Arc::clone(chunk);
        }
        while held.bytes.saturating_add(bytes) > KEPT {
            let Some((oldest, bytes)) = held.order.pop_front() else { break };
            held.chunks.remove(&oldest);
            held.bytes = held.bytes.saturating_sub(bytes);
        }
        held.bytes = held.bytes.saturating_add(bytes);
        held.order.push_back((key, bytes));
        Arc::clone(held.chunks.entry(key).or_default())
    }
}

impl Chunks {
    /// A dataset of that shape, of elements of `element` bytes; or why it is not read.
    pub(crate) fn new(
        number: usize,
        shape: &[u64],
        element: usize,
        chunked: &Arc<Chunked>,
    ) -> Result<Self, &'static str> {
        let bytes = shape.iter().try_fold(element as u64, |all: u64, size| all.checked_mul(*size));
        let (Some(bytes), true) = (bytes, chunked.fill.len() == element) else {
            return Err("its numbers are not as many as its shape says");
        };
        if chunked.bytes > LARGEST {
            return Err("its chunks in the HDF5 file are larger than is decoded at a time");
        }
        // Where most chunks are missing, few bytes can be said to be any number of numbers.
        if bytes > chunked.stored().saturating_mul(1_032).saturating_add(1 << 30) {
            return Err("it repeats its numbers more often than is compared");
        }
        let left = AtomicU64::new(chunked.all().saturating_mul(AGAIN));
        let (shape, chunked) = (shape.to_vec(), Arc::clone(chunked));
        Ok(Self { number, shape, chunked, left, failed: OnceLock::new() })
    }

    /// Why numbers that were asked for could not be read.
    pub(crate) fn failed(&self) -> Option<&'static str> {
        self.failed.get().copied()
    }

    /// The bytes of some of the elements, row by row. `file` are those of the HDF5 file.
    pub(crate) fn read(
        &self,
        file: Bytes<'_>,
        kept: &Kept,
        range: &Range<usize>,
    ) -> Option<Vec<u8>> {
        let element = self.chunked.fill.len();
        let mut out = Vec::with_capacity(range.len().checked_mul(element)?);
        let mut last: Option<(u64, Decoded)> = None;
        let (mut at, end) = (range.start as u64, range.end as u64);
        while at < end {
            let Piece { chunk, from, count } = self.piece(at)?;
            let count = count.min(end - at);
            let bytes = usize::try_from(count).ok()?.checked_mul(element)?;
            at += count;
            if !self.chunked.is_there(chunk) {
                out.extend(self.chunked.fill.iter().cycle().take(bytes));
                continue;
            }
            if last.as_ref().is_none_or(|(number, _)| *number != chunk) {
                last = Some((chunk, kept.chunk((self.number, chunk), self.chunked.bytes)));
            }
            let held =
                last.as_ref()?.1.get_or_init(|| self.decoded(file, kept, chunk)).as_deref()?;
            let start = usize::try_from(from).ok()?.checked_mul(element)?;
            out.extend_from_slice(held.get(start..start.checked_add(bytes)?)?);
        }
        Some(out)
    }

    fn decoded(&self, file: Bytes<'_>, kept: &Kept, chunk: u64) -> Option<Vec<u8>> {
        let cost = self.chunked.bytes as u64;
        let spent = |left: &AtomicU64| {
            let spend = |left: u64| left.checked_sub(cost);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
        };
        let why = match (spent(&self.left), spent(&kept.left)) {
            (true, true) => None,
            (false, _) => {
                Some("its chunks lie across its rows, and would be decoded again and again")
            }
            (true, false) => Some("decoding its chunks takes more than is done for a model"),
        };
        if let Some(why) = why {
            self.failed.get_or_init(|| why);
            return None;
        }
        let decoded = self.chunked.decoded(file, chunk);
        if decoded.is_none() {
            self.failed.get_or_init(|| "a chunk of it in the HDF5 file could not be decoded");
        }
        decoded
    }

    /// Where the element numbered `at` is, and how many lie behind it in its chunk and its row, itself included.
    fn piece(&self, at: u64) -> Option<Piece> {
        let axes = self.shape.len();
        let mut places = vec![0_u64; axes];
        let (mut index, mut from, mut step, mut count) = (at, 0_u64, 1_u64, 1_u64);
        let sizes = self.shape.iter().zip(&self.chunked.sizes).enumerate().rev();
        for (axis, (size, chunk)) in sizes {
            let here = index.checked_rem(*size)?;
            index = index.checked_div(*size)?;
            let within = here.checked_rem(*chunk)?;
            *places.get_mut(axis)? = here.checked_div(*chunk)?;
            from = from.checked_add(within.checked_mul(step)?)?;
            step = step.checked_mul(*chunk)?;
            if axis + 1 == axes {
                count = (chunk - within).min(size - here);
            }
        }
        // What is left over lies behind the last element.
        let inside = index == 0;
        inside.then_some(Piece { chunk: self.chunked.number(places)?, from, count })
    }
}

/// Elements that lie together in a chunk.
struct Piece {
    /// The chunk.
    chunk: u64,
    /// The first of them, counted in the chunk.
    from: u64,
    /// How many.
    count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::Budget;

    /// `a/packed` are the numbers from 0 to 11 in three rows, in chunks of two rows and two columns.
    const FILE: &[u8] = include_bytes!("../../../wb-formats/tests/data/old.h5");

    fn packed() -> Chunks {
        let all = wb_formats::hdf5_chunks(Bytes::new(FILE), &mut Budget::default());
        let (_, chunked) = all.iter().find(|(path, _)| path == "a/packed").expect("it is there");
        Chunks::new(0, &[3, 4], 4, chunked).expect("small")
    }

    fn read(chunks: &Chunks, kept: &Kept, range: Range<usize>) -> Option<Vec<f32>> {
        let bytes = chunks.read(Bytes::new(FILE), kept, &range)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Some(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    #[test]
    fn numbers_are_read_row_by_row() {
        let (chunks, kept) = (packed(), Kept::default());
        assert_eq!(read(&chunks, &kept, 0..12), Some((0_u8..12).map(f32::from).collect()));
        assert_eq!(read(&chunks, &kept, 5..9), Some(vec![5.0, 6.0, 7.0, 8.0]));
        assert_eq!((read(&chunks, &kept, 11..13), chunks.failed()), (None, None));
    }

    #[test]
    fn work_ends_and_is_told() {
        // Each chunk is 16 bytes; the two of the first two rows can be decoded, no more.
        let few = Kept { left: AtomicU64::new(40), ..Kept::default() };
        let chunks = packed();
        assert!(read(&chunks, &few, 0..8).is_some() && read(&chunks, &few, 0..8).is_some());
        assert_eq!(read(&chunks, &few, 0..12), None);
        assert!(chunks.failed().is_some_and(|why| why.contains("more than is done")));
        let again = Chunks { left: AtomicU64::new(40), ..packed() };
        assert_eq!(read(&again, &Kept::default(), 0..12), None);
        assert!(again.failed().is_some_and(|why| why.contains("again and again")));
    }
}
