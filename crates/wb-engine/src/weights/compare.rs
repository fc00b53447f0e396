//! [`compare`]: the numbers of a model beside those of another: which tensors differ, by how much, and how.

use super::measure::{BLOCK, Grid, Measured, measure};
use super::model::{Held, Weights};
use super::names::paired;
use super::view::{Axes, View};
use super::words;
use crate::progress::Progress;
use wb_core::{ArtifactPath, Relation, Strides, Tensor, TensorCompared, WeightsCompared};

/// How much is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Bytes of numbers that are read of each of the two; what is left over is told.
    pub(crate) bytes: u64,
}

impl Effort {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { bytes: u64::MAX };
}

/// Compares the numbers of `new` with those of `old`.
pub(crate) fn compare(
    (model, new): (&ArtifactPath, &Weights),
    (baseline, old): (&ArtifactPath, &Weights),
    effort: Effort,
    progress: &dyn Progress,
) -> WeightsCompared {
    let list =
        |weights: &'_ Weights| weights.tensors.iter().map(|held| held.tensor.clone()).collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = (list(new), list(old));
    let format = |weights: &Weights| weights.tensors.first().map(|held| held.format);
    let pairs = paired(
        &ours.iter().collect::<Vec<_>>(),
        &theirs.iter().collect::<Vec<_>>(),
        format(new) != format(old),
    );
    let mut compared = WeightsCompared {
        model: model.clone(),
        baseline: baseline.clone(),
        compared: 0,
        differing: 0,
        tensors: Vec::new(),
        left_out: Vec::new(),
        conclusion: String::new(),
    };
    let pairs: Vec<(&Held, &Held)> = pairs
        .into_iter()
        .filter_map(|(one, two)| Some((new.tensors.get(one)?, old.tensors.get(two)?)))
        .collect();
    progress.begin("comparing weights", pairs.iter().map(|(held, _)| held.len()).sum());
    let mut left = effort.bytes;
    for (one, two) in &pairs {
        let cost = one.len().max(two.len());
        let told = if cost > left {
            Err("there was more to compare than is read at a time".to_owned())
        } else {
            left -= cost;
            TensorPair { new, old, one, two }.told(&|bytes| progress.advance(bytes))
        };
        match told {
            Ok(tensor) => {
                compared.compared += 1;
                let other = tensor.as_ref().is_some_and(|it| it.relation == Relation::Changed);
                compared.differing += u64::from(other);
                compared.tensors.extend(tensor);
            }
            Err(why) => compared.left_out.push((one.tensor.name.clone(), why)),
        }
    }
    progress.end();
    let names: Vec<&str> = pairs.iter().map(|(held, _)| held.tensor.name.as_str()).collect();
    compared.conclusion = words::conclusion(&compared, &names);
    compared
}

/// Two tensors of one name.
pub(crate) struct TensorPair<'a> {
    /// The model.
    pub(crate) new: &'a Weights,
    /// The baseline.
    pub(crate) old: &'a Weights,
    /// The tensor of the model.
    pub(crate) one: &'a Held,
    /// That of the baseline.
    pub(crate) two: &'a Held,
}

impl TensorPair<'_> {
    /// How the two differ: nothing when they are the same bytes; or why they could not be compared.
    pub(crate) fn told(
        &self,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<TensorCompared>, String> {
        let held = [self.one, self.two].map(|held| {
            let Tensor { shape, dtype, strides, .. } = &held.tensor;
            (shape, dtype, strides)
        });
        let bytes = (self.new.bytes(self.one), self.old.bytes(self.two));
        // What is the same bytes need not be understood.
        if held[0] == held[1] && bytes.0.is_some() && bytes.0 == bytes.1 {
            done(bytes.0.map_or(0, |bytes| bytes.len() as u64));
            return Ok(None);
        }
        if let Some(why) = self.one.lacks {
            return Err(why.to_owned());
        }
        if let Some(why) = self.two.lacks {
            return Err(format!("in the baseline {why}"));
        }
        let views = (self.new.view(self.one), self.old.view(self.two));
        let (Some(new), Some(old)) = views else { return Err("it could not be read".to_owned()) };
        let (shape, other) = (&self.one.tensor.shape, &self.two.tensor.shape);
        let rows = (new.rows(), old.rows());
        if shape == other && new.numbers == old.numbers && rows.0.is_some() && rows.0 == rows.1 {
            done(new.len());
            return Ok(None);
        }
        let compared = if same_shape(shape, other) {
            self.straight(new, old, done)
        } else if is_turned(shape, other) {
            let grid = Grid { turned: true, ..Grid::of(shape) };
            measure(new, old, grid, true, done).map(|measured| self.found(measured, new, old, true))
        } else if let Some(grid) = common_rows(shape, other) {
            self.common(new, old, grid, done)
        } else if is_permuted(shape, other) && is_in_another_order(new, old) {
            Some(self.found(Measured::default(), new, old, true))
        } else {
            return Err(format!("its shape is {shape:?} instead of {other:?}"));
        };
        let compared = match compared {
            Some(found) if self.has_heads_reordered(&found) => {
                let why = "GGUF keeps the rows of queries and keys in another order";
                Some(self.by_heads(found, new, old).ok_or(why)?)
            }
            compared => compared,
        };
        compared.map(Some).ok_or_else(|| unread(new, old))
    }

    /// Whether one is a GGUF of queries or keys, whose rows its converter reorders within each head (`permute` in
    /// `convert_hf_to_gguf.py`), and nearly all differs.
    fn has_heads_reordered(&self, found: &TensorCompared) -> bool {
        let reordered = |held: &Held| {
            let name = held.tensor.name.as_str();
            held.format == "gguf" && [".attn_q.", ".attn_k."].iter().any(|part| name.contains(part))
        };
        let other_format = self.one.format != self.two.format;
        let most = found.changed.saturating_mul(2) > found.elements;
        other_format && most && (reordered(self.one) || reordered(self.two))
    }

    /// The rows of each head in the order that they have outside GGUF, whose converter puts the halves of a head
    /// between each other; `straight` when that is nearer. `None` when the heads are not known.
    fn by_heads(
        &self,
        straight: TensorCompared,
        new: View<'_>,
        old: View<'_>,
    ) -> Option<TensorCompared> {
        let known = [self.one, self.two].into_iter().find_map(|held| held.heads);
        let heads = known.filter(|heads| *heads > 0)?;
        let (rows, rest) = self.one.tensor.shape.split_first()?;
        let columns = rest.iter().try_fold(1, |all: u64, size| all.checked_mul(*size))?;
        let half = (rows.is_multiple_of(heads.checked_mul(2)?)).then(|| rows / heads / 2)?;
        let sizes = [heads, 2, half, columns];
        let pair = columns.checked_mul(2)?;
        let steps = Strides { first: 0, steps: vec![pair.checked_mul(half)?, columns, pair, 1] };
        let axes = Axes::of(&sizes, &steps)?;
        let (new, old) = match self.one.format {
            "gguf" => (new.strided(axes)?, old),
            _ => (new, old.strided(axes)?),
        };
        let mut found = self.straight(new, old, &|_| ())?;
        if found.relative.unwrap_or(0.0) > straight.relative.unwrap_or(0.0) {
            return Some(straight);
        }
        if found.relation == Relation::SameNumbers {
            found.relation = Relation::Turned;
        }
        found.words = words::by_heads(&found);
        Some(found)
    }

    /// Number by number; when nearly all differ, also with rows and columns exchanged.
    fn straight(
        &self,
        new: View<'_>,
        old: View<'_>,
        done: &(dyn Fn(u64) + Sync),
    ) -> Option<TensorCompared> {
        let shape = &self.one.tensor.shape;
        let grid = Grid::of(shape);
        // A library that keeps columns together writes the rows of the matrix with its axes exchanged: here, or there.
        let turned = [
            Grid { rows: grid.columns, columns: grid.rows, turned: true },
            Grid { turned: true, ..grid },
        ];
        let found = turned.into_iter().find(|turned| looks_turned(new, old, *turned));
        if let Some(turned) = found.filter(|_| shape.len() == 2) {
            let measured = measure(new, old, turned, true, done)?;
            return Some(self.found(measured, new, old, true));
        }
        let measured = measure(new, old, grid, true, done)?;
        if shape.len() > 2
            && measured.changed > measured.elements / 2
            && is_in_another_order(new, old)
        {
            return Some(self.found(Measured::default(), new, old, true));
        }
        Some(self.found(measured, new, old, false))
    }

    /// The rows that both have.
    fn common(
        &self,
        new: View<'_>,
        old: View<'_>,
        grid: Grid,
        done: &(dyn Fn(u64) + Sync),
    ) -> Option<TensorCompared> {
        let new_cut = new.cut(grid.elements())?;
        let old_cut = old.cut(grid.elements())?;
        let measured = measure(new_cut, old_cut, grid, true, done)?;
        let mut found = self.found(measured, new, old, false);
        found.relation = Relation::Changed;
        let rows = |held: &Held| held.tensor.shape.first().copied().unwrap_or(0);
        let more = i128::from(rows(self.one)) - i128::from(rows(self.two));
        found.added_rows = i64::try_from(more).unwrap_or(i64::MAX);
        found.words = words::tensor(&found);
        Some(found)
    }

    fn found(
        &self,
        measured: Measured,
        new: View<'_>,
        old: View<'_>,
        turned: bool,
    ) -> TensorCompared {
        let relation = match (measured.changed, measured.rounded, turned) {
            (1.., ..) => Relation::Changed,
            (0, _, true) => Relation::Turned,
            (0, 0, false) if new.numbers.is_same_type(old.numbers) => Relation::SameNumbers,
            _ => Relation::OtherType,
        };
        let norm = measured.other_squares.sqrt();
        let mut found = TensorCompared {
            name: self.one.tensor.name.clone(),
            baseline_name: self.two.tensor.name.clone(),
            types: [new.numbers.name(), old.numbers.name()],
            shape: self.one.tensor.shape.clone(),
            relation,
            elements: measured.elements,
            changed: measured.changed,
            largest: measured.largest,
            mean: measured.sum / (measured.elements.max(1) as f64),
            relative: (norm > 0.0).then(|| measured.squares.sqrt() / norm),
            not_finite: measured.not_finite,
            rank: measured.rank,
            rows: [measured.rows_changed, measured.rows],
            columns: measured.columns_changed,
            added_rows: 0,
            words: String::new(),
        };
        found.words = words::tensor(&found);
        found
    }
}

/// Why not all numbers of two tensors could be compared.
fn unread(new: View<'_>, old: View<'_>) -> String {
    match (new.failed(), old.failed()) {
        (Some(why), _) => why.to_owned(),
        (None, Some(why)) => format!("in the baseline {why}"),
        (None, None) => "its numbers are not as many as its shape says".to_owned(),
    }
}

/// The axes that are more than one long.
fn axes(shape: &[u64]) -> Vec<u64> {
    shape.iter().copied().filter(|size| *size != 1).collect()
}

fn same_shape(one: &[u64], two: &[u64]) -> bool {
    axes(one) == axes(two)
}

/// Whether one is the other with rows and columns exchanged.
fn is_turned(one: &[u64], two: &[u64]) -> bool {
    matches!((one, two), ([a, b], [c, d]) if a == d && b == c)
}

fn is_permuted(one: &[u64], two: &[u64]) -> bool {
    let sorted = |shape: &[u64]| {
        let mut axes = axes(shape);
        axes.sort_unstable();
        axes
    };
    one.len() > 2 && sorted(one) == sorted(two)
}

/// The rows that both have, when all else of their shape is the same, as in a table to which rows were added.
fn common_rows(one: &[u64], two: &[u64]) -> Option<Grid> {
    let ((rows, rest), (others, other_rest)) = (one.split_first()?, two.split_first()?);
    let both = (*rows).min(*others);
    (!rest.is_empty() && rest == other_rest && both > 0)
        .then(|| Grid { rows: both, ..Grid::of(one) })
}

/// Whether the numbers of two matrices of one shape agree where rows and columns are exchanged, and do not where
/// they are not: asked at places all over them.
fn looks_turned(new: View<'_>, old: View<'_>, grid: Grid) -> bool {
    const ASKED: u64 = 509;
    let single = new.numbers.is_single() && old.numbers.is_single();
    if !single || grid.rows < 2 || grid.columns < 2 {
        return false;
    }
    let (mut turned, mut straight, mut asked) = (0_u64, 0_u64, 0_u64);
    for number in 0..ASKED {
        // Steps by a part of the whole that has no factor in common with most shapes.
        let at = (grid.elements() / ASKED).saturating_mul(number).saturating_add(number)
            % grid.elements();
        let (row, column) = (at / grid.columns, at % grid.columns);
        let value = |view: View<'_>, at: u64| number_at(view, at);
        let (Some(own), Some(same), Some(other)) =
            (value(new, at), value(old, at), value(old, column * grid.rows + row))
        else {
            return false;
        };
        let near = |other: f64| {
            (own - other).abs() <= new.numbers.spacing(own).max(old.numbers.spacing(other))
        };
        asked += 1;
        turned += u64::from(near(other));
        straight += u64::from(near(same));
    }
    turned * 10 >= asked * 9 && straight < turned
}

fn number_at(view: View<'_>, at: u64) -> Option<f64> {
    let at = usize::try_from(at).ok()?;
    let mut out = Vec::with_capacity(1);
    view.numbers.read(&view.read(&(at..at.checked_add(1)?))?, &mut out);
    out.first().copied()
}

/// Whether two views hold the same numbers in any order.
pub(crate) fn is_in_another_order(new: View<'_>, old: View<'_>) -> bool {
    let single = new.numbers.is_single() && new.numbers == old.numbers;
    single && new.elements == old.elements && {
        let sums = (sum_of(new), sum_of(old));
        sums.0.is_some() && sums.0 == sums.1
    }
}

/// The bytes of the numbers of a view added up, as [`is_reordered`] does it.
fn sum_of(view: View<'_>) -> Option<[u64; 16]> {
    let elements = usize::try_from(view.elements).ok()?;
    let (_, size) = view.numbers.unit();
    let mut all = [0_u64; 16];
    for at in (0..elements).step_by(BLOCK) {
        let some = sum(&view.read(&(at..(at + BLOCK).min(elements)))?, size);
        all.iter_mut().zip(some).for_each(|(all, some)| *all = all.wrapping_add(some));
    }
    Some(all)
}

/// Whether so many numbers are the same in any order: their bytes, added up by their place in a number, come to
/// the same.
pub(crate) fn is_reordered(new: &[u8], old: &[u8], numbers: u64) -> bool {
    let size = (new.len() as u64).checked_div(numbers).and_then(|size| usize::try_from(size).ok());
    let size = size.unwrap_or(1).clamp(1, 16);
    new.len() == old.len() && sum(new, size) == sum(old, size)
}

fn sum(bytes: &[u8], size: usize) -> [u64; 16] {
    let mut sums = [0_u64; 16];
    for number in bytes.chunks(size) {
        for (sum, byte) in sums.iter_mut().zip(number) {
            *sum = sum.wrapping_add(u64::from(*byte));
        }
    }
    sums
}
