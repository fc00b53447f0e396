//! [`View`]: the numbers of a tensor in the order of its shape, however they lie in the file.
//!
//! Row by row they are borrowed from the mapped file; by strides, and from chunks of HDF5, they are gathered, some
//! thousand at a time.
//! Strides count elements, as `torch.as_strided` has them.

use super::chunks::{Chunks, Kept};
use super::numbers::Numbers;
use std::borrow::Cow;
use std::ops::Range;
use wb_core::{Bytes, Strides, Tensor};

/// The numbers of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    laid: Laid<'a>,
    /// How they are written.
    pub(crate) numbers: Numbers,
    /// How many they are.
    pub(crate) elements: u64,
}

/// How numbers lie.
#[derive(Clone, Copy, Debug)]
enum Laid<'a> {
    /// Row by row, one after the other.
    Rows(&'a [u8]),
    /// By strides.
    Strided(&'a [u8], Axes<'a>),
    /// In chunks of an HDF5 file.
    Chunked(Bytes<'a>, &'a Chunks, &'a Kept),
}

/// The axes of a view: where it begins in its numbers, how long each is, and how far the next number along it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes<'a> {
    first: u64,
    sizes: &'a [u64],
    steps: &'a [u64],
}

impl<'a> Axes<'a> {
    /// The axes of a tensor whose numbers do not lie row by row.
    pub(crate) fn of(sizes: &'a [u64], strides: &'a Strides) -> Option<Self> {
        let each = sizes.len() == strides.steps.len();
        each.then_some(Self { first: strides.first, sizes, steps: &strides.steps })
    }

    /// One past the last number that is touched; `None` when that overflows.
    pub(crate) fn reach(self) -> Option<u64> {
        if self.sizes.contains(&0) {
            return Some(0);
        }
        let mut last = self.first;
        for (size, step) in self.sizes.iter().zip(self.steps) {
            last = last.checked_add(size.checked_sub(1)?.checked_mul(*step)?)?;
        }
        last.checked_add(1)
    }

    /// How many numbers lie together in order, and how many axes are before those that they fill.
    fn run(self) -> (u64, usize) {
        let (mut run, mut outer) = (1_u64, self.sizes.len());
        for (size, step) in self.sizes.iter().zip(self.steps).rev() {
            if *size != 1 && *step != run {
                break;
            }
            run = run.saturating_mul(*size);
            outer -= 1;
        }
        (run, outer)
    }

    /// Where the run numbered `index` begins, how many runs follow it along the last axis with itself, and how far
    /// each is from the one before.
    fn place(self, mut index: u64, outer: usize) -> Option<(u64, u64, u64)> {
        let mut place = self.first;
        let mut along = (1, 0);
        let axes = self.sizes.iter().zip(self.steps).take(outer).enumerate().rev();
        for (axis, (size, step)) in axes {
            let at = index.checked_rem(*size)?;
            index /= size;
            if axis + 1 == outer {
                along = (size - at, *step);
            }
            place = place.checked_add(at.checked_mul(*step)?)?;
        }
        Some((place, along.0, along.1))
    }
}

impl<'a> View<'a> {
    /// The numbers of `tensor`, which lie in `bytes`; `None` when these are not as many as it says, or its strides
    /// lead out of them.
    pub(crate) fn of(tensor: &'a Tensor, bytes: &'a [u8]) -> Option<Self> {
        let numbers = Numbers::of(&tensor.dtype)?;
        let shape = &tensor.shape;
        let elements = shape.iter().try_fold(1, |count: u64, size| count.checked_mul(*size))?;
        let Some(strides) = &tensor.strides else {
            let whole = numbers.bytes(elements) == Some(bytes.len() as u64);
            return whole.then_some(Self { laid: Laid::Rows(bytes), numbers, elements });
        };
        Self { laid: Laid::Rows(bytes), numbers, elements }.strided(Axes::of(shape, strides)?)
    }

    /// The numbers of `tensor`, which lie in chunks of `file`.
    pub(crate) fn in_chunks(
        tensor: &Tensor,
        file: Bytes<'a>,
        chunks: &'a Chunks,
        kept: &'a Kept,
    ) -> Option<Self> {
        let numbers = Numbers::of(&tensor.dtype)?;
        let mut sizes = tensor.shape.iter();
        let elements = sizes.try_fold(1, |count: u64, size| count.checked_mul(*size))?;
        Some(Self { laid: Laid::Chunked(file, chunks, kept), numbers, elements })
    }

    /// Why numbers that were asked for could not be read.
    pub(crate) fn failed(self) -> Option<&'static str> {
        let Laid::Chunked(_, chunks, _) = self.laid else { return None };
        chunks.failed()
    }

    /// The same numbers along other axes.
    pub(crate) fn strided(self, axes: Axes<'a>) -> Option<Self> {
        let Laid::Rows(bytes) = self.laid else { return None };
        let (count, size) = self.numbers.unit();
        let held = (bytes.len() / size).checked_mul(count)? as u64;
        let elements = axes.sizes.iter().try_fold(1, |all: u64, size| all.checked_mul(*size))?;
        let inside = axes.reach()? <= held;
        inside.then_some(Self { laid: Laid::Strided(bytes, axes), elements, ..self })
    }

    /// The first of them, so many.
    pub(crate) fn cut(self, elements: u64) -> Option<Self> {
        (elements <= self.elements).then_some(Self { elements, ..self })
    }

    /// Bytes that they are.
    pub(crate) fn len(self) -> u64 {
        self.numbers.bytes(self.elements).unwrap_or(0)
    }

    /// All of them, when they lie row by row.
    pub(crate) fn rows(self) -> Option<&'a [u8]> {
        let Laid::Rows(bytes) = self.laid else { return None };
        bytes.get(..usize::try_from(self.len()).ok()?)
    }

    /// The bytes of some of them in order; `None` when the range does not begin and end between blocks, or is not all
    /// there.
    pub(crate) fn read(self, range: &Range<usize>) -> Option<Cow<'a, [u8]>> {
        let (count, size) = self.numbers.unit();
        let aligned = range.start.is_multiple_of(count) && range.end.is_multiple_of(count);
        if !aligned || range.end as u64 > self.elements {
            return None;
        }
        match self.laid {
            Laid::Rows(bytes) => {
                bytes.get(range.start / count * size..range.end / count * size).map(Cow::Borrowed)
            }
            Laid::Strided(bytes, axes) => self.gather(bytes, axes, range).map(Cow::Owned),
            Laid::Chunked(file, chunks, kept) => chunks.read(file, kept, range).map(Cow::Owned),
        }
    }

    fn gather(self, bytes: &[u8], axes: Axes<'_>, range: &Range<usize>) -> Option<Vec<u8>> {
        let (count, size) = self.numbers.unit();
        let (run, outer) = axes.run();
        let mut out = Vec::with_capacity(range.len() / count * size);
        let (mut at, end) = (range.start as u64, range.end as u64);
        while at < end {
            let (place, runs, step) = axes.place(at / run, outer)?;
            let within = at % run;
            let (place, run, runs) = match (end - at) / run {
                whole @ 1.. if within == 0 => (place, run, runs.min(whole)),
                _ => (place.checked_add(within)?, (run - within).min(end - at), 1),
            };
            let unit = |numbers: u64| {
                let whole = numbers.is_multiple_of(count as u64);
                whole
                    .then(|| usize::try_from(numbers).ok()?.checked_div(count)?.checked_mul(size))?
            };
            let (from, len, apart) = (unit(place)?, unit(run)?, unit(step).unwrap_or(0));
            if apart == 0 && step != 0 && runs > 1 {
                return None;
            }
            pieces(bytes, from, (len, apart), usize::try_from(runs).ok()?, &mut out)?;
            at += runs.checked_mul(run)?;
        }
        Some(out)
    }
}

/// Copies `runs` pieces of so many bytes, each so far from the one before.
fn pieces(
    bytes: &[u8],
    from: usize,
    (len, apart): (usize, usize),
    runs: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    match len {
        // Single numbers are copied whole, which a processor does in one step.
        1 => single::<1>(bytes, from, apart, runs, out),
        2 => single::<2>(bytes, from, apart, runs, out),
        4 => single::<4>(bytes, from, apart, runs, out),
        8 => single::<8>(bytes, from, apart, runs, out),
        _ => {
            for run in 0..runs {
                let at = from.checked_add(run.checked_mul(apart)?)?;
                out.extend_from_slice(bytes.get(at..at.checked_add(len)?)?);
            }
            Some(())
        }
    }
}

fn single<const N: usize>(
    bytes: &[u8],
    from: usize,
    apart: usize,
    runs: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    for run in 0..runs {
        let at = from.checked_add(run.checked_mul(apart)?)?;
        out.extend_from_slice(bytes.get(at..)?.first_chunk::<N>()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[u64], first: u64, steps: &[u64]) -> Tensor {
        Tensor {
            name: "w".to_owned(),
            dtype: "U8".to_owned(),
            shape: shape.to_vec(),
            span: None,
            strides: Some(Strides { first, steps: steps.to_vec() }),
        }
    }

    fn read(tensor: &Tensor, range: Range<usize>) -> Option<Vec<u8>> {
        let bytes: Vec<u8> = (0..24).collect();
        View::of(tensor, &bytes)?.read(&range).map(Cow::into_owned)
    }

    #[test]
    fn numbers_are_read_in_the_order_of_the_shape() {
        let turned = tensor(&[4, 3], 0, &[1, 4]);
        assert_eq!(read(&turned, 0..12), Some(vec![0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]));
        assert_eq!(read(&turned, 4..8), Some(vec![5, 9, 2, 6]));
        // A row that is expanded, and one of every other number.
        assert_eq!(read(&tensor(&[2, 3], 5, &[0, 1]), 0..6), Some(vec![5, 6, 7, 5, 6, 7]));
        assert_eq!(read(&tensor(&[2, 2], 1, &[12, 2]), 0..4), Some(vec![1, 3, 13, 15]));
        // Axes that lie together are one run, of which any part can be read.
        let permuted = tensor(&[2, 2, 3], 0, &[3, 6, 1]);
        assert_eq!(read(&permuted, 0..9), Some(vec![0, 1, 2, 6, 7, 8, 3, 4, 5]));
        assert_eq!(read(&permuted, 2..5), Some(vec![2, 6, 7]));
    }

    #[test]
    fn what_leads_out_of_the_bytes_is_no_view() {
        assert_eq!(read(&tensor(&[4, 6], 0, &[1, 4]), 0..1), Some(vec![0]));
        assert_eq!(read(&tensor(&[4, 6], 1, &[1, 4]), 0..1), None);
        assert_eq!(read(&tensor(&[2, u64::MAX], 0, &[u64::MAX, 1]), 0..1), None);
        assert_eq!(read(&tensor(&[4, 6], 0, &[1]), 0..1), None);
        assert_eq!(read(&tensor(&[2, 2], 0, &[1, 2]), 0..5), None);
    }
}
