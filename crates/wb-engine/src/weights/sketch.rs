//! [`Sketch`]: a matrix of any size, made small without losing its rank.
//!
//! Rows and columns are dealt out to [`SIDE`] places each, with a sign, by fixed pseudo-random functions, and what
//! meets in a place is added up (Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", 2002;
//! Clarkson and Woodruff, "Low rank approximation and regression in input sparsity time", 2013). One addition for
//! each number, and what comes out has the rank of the matrix or [`SIDE`], whichever is less, but for chance.

/// Rows and columns of a sketch.
pub(super) const SIDE: usize = 64;
/// The highest rank that a sketch tells: farther up, chance has its say.
pub(super) const HIGHEST: u32 = 32;
/// What stands out at least by this share of the largest singular value is counted: changes are computed in half
/// precision as well, and rounded before they are added.
const STANDS_OUT: f64 = 1e-4;
/// A matrix of more columns is not sketched.
const COLUMNS: usize = 1 << 24;

/// Where the columns of a matrix are dealt to: the place, and its sign in the highest bit.
pub(super) struct Deal {
    columns: Vec<u8>,
}

impl Deal {
    /// The places of so many columns; `None` when they are too many.
    pub(super) fn of(columns: usize) -> Option<Self> {
        let columns = (columns <= COLUMNS).then_some(columns)? as u64;
        Some(Self { columns: (0..columns).map(|column| place(column, 0x2545_f491)).collect() })
    }
}

/// A small matrix with the rank of a large one.
#[derive(Clone, Debug)]
pub(super) struct Sketch(Vec<f64>);

impl Sketch {
    /// The sketch of nothing.
    pub(super) fn new() -> Self {
        Self(vec![0.0; SIDE * SIDE])
    }

    /// Adds a piece of a row that begins in column `from`.
    pub(super) fn add(&mut self, deal: &Deal, row: u64, from: usize, piece: &[f64]) {
        let mut sums = [0.0; SIDE];
        let places = deal.columns.get(from..).unwrap_or_default();
        for (place, value) in places.iter().zip(piece) {
            // The sign is the highest bit of both.
            let signed = f64::from_bits(value.to_bits() ^ (u64::from(place & 0x80) << 56));
            if let Some(sum) = sums.get_mut(usize::from(place & 0x3f)) {
                *sum += signed;
            }
        }
        let to = place(row, 0x9e37_79b9);
        let sign = if to & 0x80 == 0 { 1.0 } else { -1.0 };
        let row = self.0.chunks_exact_mut(SIDE).nth(usize::from(to & 0x3f));
        for (cell, sum) in row.into_iter().flatten().zip(sums) {
            *cell += sign * sum;
        }
    }

    /// Adds another part of the same matrix.
    pub(super) fn join(&mut self, other: &Self) {
        for (cell, more) in self.0.iter_mut().zip(&other.0) {
            *cell += more;
        }
    }

    /// How many singular values stand out of rounding, whose squares add up to `rounding` in the whole matrix of
    /// so many rows and columns. `None` when none does, or more than [`HIGHEST`].
    pub(super) fn rank(self, rounding: f64, shape: [u64; 2]) -> Option<u32> {
        // The largest singular value of a matrix of chance with `SIDE` rows and columns is 2 √SIDE of a cell
        // (Marchenko and Pastur, 1967); a cell has its share of the rounding, and where few rows or columns are dealt
        // out some places get far more of them than others.
        let uneven = shape.iter().map(|size| 1.0 + (SIDE as f64 / (*size).max(1) as f64).sqrt());
        let rounded = 2.5 * (rounding / SIDE as f64).sqrt() * uneven.product::<f64>();
        let norm = self.0.iter().map(|cell| cell * cell).sum::<f64>().sqrt();
        // Most changes are of high rank, which shows sooner than all singular values are known.
        if norm <= rounded
            || left_after(self.0.clone(), HIGHEST) > 10.0 * rounded.max(norm * STANDS_OUT)
        {
            return None;
        }
        let values = singular_values(self.0);
        let largest = values.iter().copied().fold(0.0, f64::max);
        let floor = rounded.max(largest * STANDS_OUT);
        let above = values.iter().filter(|value| **value > floor).count();
        u32::try_from(above).ok().filter(|rank| (1..=HIGHEST).contains(rank))
    }
}

/// A place from 0 to 63, and a sign in the highest bit: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn place(index: u64, seed: u64) -> u8 {
    let mut z = index.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as u8 & 0xbf
}

/// The longest row that is left when the longest was taken out of all others so many times (Gram-Schmidt with
/// pivots): no more than a small multiple of the next singular value.
fn left_after(mut cells: Vec<f64>, times: u32) -> f64 {
    let square = |row: &[f64]| row.iter().map(|cell| cell * cell).sum::<f64>();
    for _ in 0..times {
        let rows = cells.chunks_exact(SIDE).map(|row| (square(row), row));
        let longest =
            rows.max_by(|one, two| one.0.total_cmp(&two.0)).filter(|(size, _)| *size > 0.0);
        let Some((size, row)) = longest else { return 0.0 };
        let row = row.to_vec();
        for other in cells.chunks_exact_mut(SIDE) {
            let share = other.iter().zip(&row).map(|(x, y)| x * y).sum::<f64>() / size;
            other.iter_mut().zip(&row).for_each(|(x, y)| *x -= share * y);
        }
    }
    cells.chunks_exact(SIDE).map(square).fold(0.0, f64::max).sqrt()
}

/// The singular values of a square matrix of [`SIDE`] rows, in no order: one-sided Jacobi rotations until all rows
/// are at right angles (Hestenes, "Inversion of matrices by biorthogonalization", 1958).
fn singular_values(mut cells: Vec<f64>) -> Vec<f64> {
    const SWEEPS: usize = 30;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for first in 0..SIDE {
            for second in first + 1..SIDE {
                turned |= turn(&mut cells, first, second);
            }
        }
        if !turned {
            break;
        }
    }
    cells
        .chunks_exact(SIDE)
        .map(|row| row.iter().map(|cell| cell * cell).sum::<f64>().sqrt())
        .collect()
}

/// Turns two rows so that they are at right angles; says whether they were not.
fn turn(cells: &mut [f64], first: usize, second: usize) -> bool {
    let (before, from_second) = cells.split_at_mut(second * SIDE);
    let (Some(one), Some(two)) =
        (before.chunks_exact_mut(SIDE).nth(first), from_second.chunks_exact_mut(SIDE).next())
    else {
        return false;
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (own, other, both) = (dot(one, one), dot(two, two), dot(one, two));
    if both == 0.0 || both.abs() <= 1e-14 * (own * other).sqrt() {
        return false;
    }
    let zeta = (other - own) / (2.0 * both);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = cosine * tangent;
    for (x, y) in one.iter_mut().zip(two) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 that chance might have made.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }
    }

    fn product(rows: usize, columns: usize, rank: usize) -> Vec<f64> {
        let mut next = noise(7);
        let left: Vec<f64> = (0..rows * rank).map(|_| next()).collect();
        let right: Vec<f64> = (0..rank * columns).map(|_| next()).collect();
        let cell = |row: usize, column: usize| {
            (0..rank).map(|k| left[row * rank + k] * right[k * columns + column]).sum()
        };
        (0..rows * columns).map(|at| cell(at / columns, at % columns)).collect()
    }

    fn rank(cells: &[f64], columns: usize, rounding: f64) -> Option<u32> {
        let deal = Deal::of(columns).expect("few");
        let mut sketch = Sketch::new();
        for (row, piece) in (0..).zip(cells.chunks(columns)) {
            // In two pieces, as a long row is.
            let (head, tail) = piece.split_at(columns / 3);
            sketch.add(&deal, row, 0, head);
            sketch.add(&deal, row, columns / 3, tail);
        }
        sketch.rank(rounding, [300, 500])
    }

    #[test]
    fn a_sketch_has_the_rank_of_its_matrix() {
        for known in [1, 2, 4, 16, 32] {
            let cells = product(300, 500, known);
            assert_eq!(rank(&cells, 500, 0.0), u32::try_from(known).ok(), "rank {known}");
        }
        let mut next = noise(3);
        let full: Vec<f64> = (0..300 * 500).map(|_| next()).collect();
        assert_eq!(rank(&full, 500, 0.0), None, "full rank");
        assert_eq!(rank(&[0.0; 600], 20, 0.0), None, "nothing");
    }

    #[test]
    fn rounding_does_not_count() {
        let mut next = noise(5);
        let small = 1e-3;
        let cells: Vec<f64> =
            product(300, 500, 4).iter().map(|cell| cell + small * next()).collect();
        let rounding = 300.0 * 500.0 * small * small / 3.0;
        assert_eq!(rank(&cells, 500, rounding), Some(4));
        assert_eq!(rank(&cells, 500, 0.0), None, "all of it is told apart");
    }
}
