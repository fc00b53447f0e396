//! [`measure`]: how far the numbers of one tensor are from those of another, in one pass, block by block on all
//! cores, in memory that does not grow with the tensor.

use super::numbers::Numbers;
use super::sketch::{Deal, Sketch};
use super::view::View;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Numbers that are compared at a time.
pub(super) const BLOCK: usize = 1 << 16;
/// Blocks that are in work at a time.
pub(super) const AHEAD: usize = 128;
/// Columns that are counted one by one.
const COLUMNS: usize = 1 << 20;
/// Rows that are told by number.
const ROWS: usize = 5;

/// How two tensors are laid beside each other: so many rows of so many numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Rows.
    pub(crate) rows: u64,
    /// Numbers in each.
    pub(crate) columns: u64,
    /// Whether the other tensor is written column by column.
    pub(crate) turned: bool,
}

impl Grid {
    /// The rows of a shape: all but the first axis lie in one row.
    pub(crate) fn of(shape: &[u64]) -> Self {
        let (rows, rest) =
            shape.split_first().map_or((1, [].as_slice()), |(rows, rest)| (*rows, rest));
        let columns = rest.iter().fold(1_u64, |product, size| product.saturating_mul(*size));
        if rest.is_empty() {
            return Self { rows: 1, columns: rows, turned: false };
        }
        Self { rows, columns, turned: false }
    }

    pub(crate) fn elements(self) -> u64 {
        self.rows.saturating_mul(self.columns)
    }
}

/// What [`measure`] says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Numbers compared.
    pub(crate) elements: u64,
    /// Numbers that differ by more than the types explain.
    pub(crate) changed: u64,
    /// Numbers whose difference the types explain: another type, or rounding.
    pub(crate) rounded: u64,
    /// Of those that changed, the ones that are no number or infinite in one of the tensors.
    pub(crate) not_finite: u64,
    /// The largest absolute change.
    pub(crate) largest: f64,
    /// The absolute changes added up.
    pub(crate) sum: f64,
    /// The squares of the changes added up.
    pub(crate) squares: f64,
    /// The squares of the numbers of the other tensor added up.
    pub(crate) other_squares: f64,
    /// What rounding may add to `squares`.
    pub(crate) rounding: f64,
    /// Rows.
    pub(crate) rows: u64,
    /// Rows with a change.
    pub(crate) rows_changed: u64,
    /// The first of them.
    pub(crate) first_rows: Vec<u64>,
    /// Columns with a change, where they are counted.
    pub(crate) columns_changed: Option<u64>,
    /// The rank of the change, when it is low: see [`Sketch::rank`].
    pub(crate) rank: Option<u32>,
}

/// Compares `new` with `old`. `sketched` asks for the rank of the change. `None` when the numbers are not as many as
/// the grid says, or not all of them can be read.
pub(crate) fn measure(
    new: View<'_>,
    old: View<'_>,
    grid: Grid,
    sketched: bool,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Measured> {
    let elements = usize::try_from(grid.elements()).ok()?;
    let fits = |view: View<'_>| view.elements == elements as u64;
    let columns = usize::try_from(grid.columns).ok()?;
    let turnable = old.numbers.is_single() && columns <= BLOCK;
    if !fits(new) || !fits(old) || (grid.turned && !turnable) {
        return None;
    }
    // Of fewer than four rows or columns no rank is a low one.
    let large = grid.rows.min(grid.columns) >= 4;
    let deal = if sketched && large { Deal::of(columns) } else { None };
    let work = Work { new, old, grid, columns, deal };
    let mut whole = Part::new(&work);
    let blocks = work.blocks(elements);
    for some in blocks.chunks(AHEAD) {
        let parts: Vec<Option<Part>> =
            some.par_iter().map(|block| work.part(block.clone())).collect();
        let mut bytes = 0;
        for (part, block) in parts.into_iter().zip(some) {
            whole.join(part?);
            bytes += new.numbers.bytes(block.len() as u64).unwrap_or(0);
        }
        done(bytes);
    }
    Some(whole.finish(&work))
}

struct Work<'a> {
    new: View<'a>,
    old: View<'a>,
    grid: Grid,
    columns: usize,
    deal: Option<Deal>,
}

impl Work<'_> {
    /// Ranges of numbers: whole rows where these are short.
    fn blocks(&self, elements: usize) -> Vec<Range<usize>> {
        let columns = self.columns.max(1);
        let rows = (BLOCK / columns).max(1);
        let size = if columns <= BLOCK { rows * columns } else { BLOCK };
        // A long row ends with a piece that is shorter.
        if columns <= BLOCK || self.grid.turned {
            let size = size.max(columns);
            return (0..elements).step_by(size).map(|at| at..(at + size).min(elements)).collect();
        }
        let row = |start: usize| {
            let end = (start + columns).min(elements);
            (start..end).step_by(size).map(move |at| at..(at + size).min(end))
        };
        (0..elements).step_by(columns).flat_map(row).collect()
    }

    /// What a block says; `None` when it cannot be read.
    fn part(&self, block: Range<usize>) -> Option<Part> {
        let mut part = Part::new(self);
        let held = self.new.read(&block)?;
        let new = held.as_ref();
        let (new_type, old_type) = (self.new.numbers, self.old.numbers);
        let mut theirs = Vec::with_capacity(block.len());
        let held = self.other(&block)?.read(self.old, &mut theirs)?;
        let theirs_in_order = held.as_deref();
        part.measured.elements = block.len() as u64;
        part.measured.other_squares = theirs.iter().filter(|v| v.is_finite()).map(|v| v * v).sum();
        if new_type == old_type && theirs_in_order.is_some_and(|old| old == new) {
            return Some(part);
        }
        let mut ours = Vec::with_capacity(block.len());
        self.new.numbers.read(new, &mut ours);
        let mut allowed = Vec::new();
        // No type explains a difference of whole numbers.
        let whole = new_type.is_whole() && old_type.is_whole();
        if !new_type.is_same_type(old_type) && !whole {
            self.allowed(new, &ours, theirs_in_order, &theirs, &mut allowed);
        }
        let exact = self.exact((new, &ours), (theirs_in_order, &theirs));
        part.round(self, &ours, &theirs, (new, theirs_in_order));
        let mut at = 0;
        while at < ours.len() {
            let index = block.start + at;
            let (row, column) = (index / self.columns, index % self.columns);
            let end = (at + self.columns - column).min(ours.len());
            let numbers = Numbered {
                ours: ours.get(at..end).unwrap_or_default(),
                theirs: theirs.get(at..end).unwrap_or_default(),
                exact: exact.as_deref().and_then(|exact| exact.get(at..end)),
            };
            part.row(self, row as u64, column, numbers, allowed.get(at..end));
            at = end;
        }
        part.differences = Vec::new();
        Some(part)
    }

    /// The differences of whole numbers, where some are so large that they lie between what 64-bit floating-point
    /// numbers can say.
    fn exact(
        &self,
        (new, ours): (&[u8], &[f64]),
        (old, theirs): (Option<&[u8]>, &[f64]),
    ) -> Option<Vec<f64>> {
        const LARGE: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
        let types = [self.new.numbers, self.old.numbers];
        let wide = types.iter().any(|it| it.is_wide()) && types.iter().all(|it| it.is_whole());
        if !wide || !ours.iter().chain(theirs).any(|value| value.abs() >= LARGE) {
            return None;
        }
        let (new, old) = (self.new.numbers.whole(new), self.old.numbers.whole(old?));
        Some(new.iter().zip(&old).map(|(new, old)| (new - old) as f64).collect())
    }

    /// How far two numbers of different types may be apart: a step of the coarser one.
    fn allowed(
        &self,
        new: &[u8],
        ours: &[f64],
        old: Option<&[u8]>,
        theirs: &[f64],
        out: &mut Vec<f64>,
    ) {
        // In turned tensors single numbers lie apart, and their steps are those of their values alone.
        let old = old.unwrap_or_default();
        if self.new.numbers.is_finer(self.old.numbers) {
            return self.old.numbers.steps(old, theirs, out);
        }
        let mut more = Vec::new();
        self.new.numbers.steps(new, ours, out);
        if self.old.numbers.is_finer(self.new.numbers) {
            return;
        }
        self.old.numbers.steps(old, theirs, &mut more);
        for (step, other) in out.iter_mut().zip(more) {
            *step = step.max(other);
        }
    }

    /// Where the numbers of the other tensor are that belong to a block.
    fn other(&self, block: &Range<usize>) -> Option<Other> {
        if !self.grid.turned {
            return Some(Other::InOrder(block.clone()));
        }
        let rows = usize::try_from(self.grid.rows).ok()?;
        let first = block.start / self.columns.max(1);
        Some(Other::Turned {
            rows,
            columns: self.columns,
            taken: first..first + block.len() / self.columns.max(1),
        })
    }
}

/// Numbers of a row, or of a piece of one.
struct Numbered<'a> {
    ours: &'a [f64],
    theirs: &'a [f64],
    /// What lies between them, where that is not what lies between these.
    exact: Option<&'a [f64]>,
}

/// Where the other numbers of a block are.
enum Other {
    InOrder(Range<usize>),
    /// Column by column.
    Turned {
        rows: usize,
        columns: usize,
        taken: Range<usize>,
    },
}

impl Other {
    /// Reads the numbers row by row; returns their bytes when these are in that order. `None` when they cannot be read.
    fn read<'a>(self, old: View<'a>, out: &mut Vec<f64>) -> Option<Option<Cow<'a, [u8]>>> {
        match self {
            Self::InOrder(block) => {
                let bytes = old.read(&block)?;
                old.numbers.read(&bytes, out);
                Some(Some(bytes))
            }
            Self::Turned { rows, columns, taken } => {
                if old.numbers.is_wide() {
                    let bytes = turned_bytes(old, rows, columns, &taken)?;
                    old.numbers.read(&bytes, out);
                    return Some(Some(Cow::Owned(bytes)));
                }
                out.resize(taken.len() * columns, 0.0);
                let mut run = Vec::with_capacity(taken.len());
                for column in 0..columns {
                    let start = column * rows + taken.start;
                    old.numbers.read(&old.read(&(start..start + taken.len()))?, &mut run);
                    for (to, value) in out.iter_mut().skip(column).step_by(columns).zip(&run) {
                        *to = *value;
                    }
                }
                Some(None)
            }
        }
    }
}

/// The bytes of some rows of a tensor that lies column by column, row by row.
fn turned_bytes(
    old: View<'_>,
    rows: usize,
    columns: usize,
    taken: &Range<usize>,
) -> Option<Vec<u8>> {
    let (_, size) = old.numbers.unit();
    let mut bytes = vec![0; taken.len() * columns * size];
    for column in 0..columns {
        let start = column * rows + taken.start;
        let run = old.read(&(start..start + taken.len()))?;
        let places = bytes.chunks_exact_mut(size).skip(column).step_by(columns);
        for (to, number) in places.zip(run.chunks_exact(size)) {
            to.copy_from_slice(number);
        }
    }
    Some(bytes)
}

/// What one block says.
struct Part {
    measured: Measured,
    last_row: Option<u64>,
    /// A bit for each column with a change.
    columns: Option<Vec<u64>>,
    sketch: Option<Sketch>,
    differences: Vec<f64>,
}

impl Measured {
    /// Adds changes that are finite and that no type explains.
    fn add(&mut self, [changed, largest, sum, squares]: [f64; 4]) {
        self.changed += changed as u64;
        self.largest = self.largest.max(largest);
        self.sum += sum;
        self.squares += squares;
    }

    /// Adds changes one by one. What is no number, or infinite, is made zero in `differences`.
    fn weigh(
        &mut self,
        differences: &mut [f64],
        (ours, theirs): (&[f64], &[f64]),
        allowed: Option<&[f64]>,
    ) {
        for (at, difference) in differences.iter_mut().enumerate() {
            if *difference == 0.0 {
                continue;
            }
            let step = allowed.and_then(|allowed| allowed.get(at)).copied().unwrap_or(0.0);
            if !difference.is_finite() {
                *difference = 0.0;
                if is_same((ours.get(at).copied(), theirs.get(at).copied())) {
                    continue;
                }
                self.not_finite += 1;
                self.changed += 1;
            } else if difference.abs() <= step {
                self.rounded += 1;
            } else {
                self.changed += 1;
                self.largest = self.largest.max(difference.abs());
            }
            self.sum += difference.abs();
            self.squares += *difference * *difference;
        }
    }
}

/// How many differences there are, the largest, their sum and that of their squares; `None` when one is not
/// finite. In four lanes, which a processor adds up side by side.
fn plain_sums(differences: &[f64]) -> Option<[f64; 4]> {
    let (fours, rest) = differences.as_chunks::<4>();
    let mut lanes = [[0.0_f64; 4]; 4];
    let mut last = [0.0; 4];
    last.iter_mut().zip(rest).for_each(|(to, value)| *to = *value);
    for four in fours.iter().chain([&last]) {
        for (lane, value) in four.iter().enumerate() {
            let size = value.abs();
            lanes[0][lane] += if size == 0.0 { 0.0 } else { 1.0 };
            lanes[1][lane] = if size > lanes[1][lane] { size } else { lanes[1][lane] };
            lanes[2][lane] += size;
            lanes[3][lane] += size * size;
        }
    }
    let [changed, largest, sum, squares] = lanes;
    let all = |lane: [f64; 4]| lane.iter().sum::<f64>();
    // The square of a number that is not small may be infinite where the number is not.
    let finite = all(sum).is_finite() && all(squares).is_finite();
    let largest = largest.into_iter().fold(0.0, f64::max);
    finite.then(|| [all(changed), largest, all(sum), all(squares)])
}

impl Part {
    fn new(work: &Work<'_>) -> Self {
        let counted = work.columns <= COLUMNS && work.grid.rows > 1;
        Self {
            measured: Measured::default(),
            last_row: None,
            columns: counted.then(Vec::new),
            sketch: None,
            differences: Vec::new(),
        }
    }

    /// What rounding may add to the squares of the changes.
    fn round(
        &mut self,
        work: &Work<'_>,
        ours: &[f64],
        theirs: &[f64],
        bytes: (&[u8], Option<&[u8]>),
    ) {
        let squares: f64 = ours.iter().filter(|v| v.is_finite()).map(|v| v * v).sum();
        let count = ours.len() as f64;
        let mut steps = Vec::new();
        let mut of = |numbers: Numbers, bytes: &[u8], values: &[f64], squares: f64| {
            let (share, each) = numbers.rounding();
            let mut all = share * squares + each * count;
            if !numbers.is_single() {
                numbers.steps(bytes, values, &mut steps);
                all += steps.iter().map(|step| step * step / 12.0).sum::<f64>();
            }
            all
        };
        let mut rounding = of(work.new.numbers, bytes.0, ours, squares);
        if work.new.numbers != work.old.numbers || !work.old.numbers.is_single() {
            let old = bytes.1.unwrap_or_default();
            rounding += of(work.old.numbers, old, theirs, self.measured.other_squares);
        }
        self.measured.rounding += rounding;
    }

    /// Compares a row, or a piece of one that begins in `column`.
    fn row(
        &mut self,
        work: &Work<'_>,
        row: u64,
        column: usize,
        Numbered { ours, theirs, exact }: Numbered<'_>,
        allowed: Option<&[f64]>,
    ) {
        let measured = &mut self.measured;
        let before = (measured.changed, measured.rounded);
        self.differences.clear();
        match exact {
            Some(exact) => self.differences.extend_from_slice(exact),
            None => self.differences.extend(ours.iter().zip(theirs).map(|(new, old)| new - old)),
        }
        let plain = plain_sums(&self.differences).filter(|_| allowed.is_none());
        match plain {
            Some(sums) => measured.add(sums),
            None => measured.weigh(&mut self.differences, (ours, theirs), allowed),
        }
        let moved = measured.changed > before.0;
        if !moved && measured.rounded == before.1 {
            return;
        }
        if let Some(deal) = &work.deal {
            let sketch = self.sketch.get_or_insert_with(Sketch::new);
            sketch.add(deal, row, column, &self.differences);
        }
        if moved {
            self.note(work, row, column, allowed);
        }
    }

    /// Notes in which row and columns a change is.
    fn note(&mut self, work: &Work<'_>, row: u64, column: usize, allowed: Option<&[f64]>) {
        if self.last_row != Some(row) {
            self.measured.rows_changed += 1;
            self.last_row = Some(row);
            if self.measured.first_rows.len() < ROWS {
                self.measured.first_rows.push(row);
            }
        }
        let Some(bits) = &mut self.columns else { return };
        bits.resize(work.columns.div_ceil(64), 0);
        let Some(allowed) = allowed else {
            // Pieces of rows begin where a word does.
            let words = bits.get_mut(column / 64..).unwrap_or_default();
            for (word, some) in words.iter_mut().zip(self.differences.chunks(64)) {
                let bit = |(at, value): (usize, &f64)| u64::from(*value != 0.0) << at;
                *word |= some.iter().enumerate().map(bit).sum::<u64>();
            }
            return;
        };
        for (at, (difference, step)) in self.differences.iter().zip(allowed).enumerate() {
            if difference.abs() > *step
                && let Some(word) = bits.get_mut((column + at) / 64)
            {
                *word |= 1 << ((column + at) % 64);
            }
        }
    }

    /// Adds what a later block says.
    fn join(&mut self, other: Self) {
        let (all, more) = (&mut self.measured, other.measured);
        all.elements += more.elements;
        all.changed += more.changed;
        all.rounded += more.rounded;
        all.not_finite += more.not_finite;
        all.largest = all.largest.max(more.largest);
        all.sum += more.sum;
        all.squares += more.squares;
        all.other_squares += more.other_squares;
        all.rounding += more.rounding;
        // A row that is longer than a block is in two of them.
        let again = more.first_rows.first().is_some_and(|row| Some(*row) == self.last_row);
        all.rows_changed += more.rows_changed - u64::from(again);
        let room = ROWS.saturating_sub(all.first_rows.len());
        all.first_rows.extend(more.first_rows.into_iter().skip(usize::from(again)).take(room));
        self.last_row = other.last_row.or(self.last_row);
        if let (Some(bits), Some(more)) = (&mut self.columns, other.columns) {
            bits.resize(bits.len().max(more.len()), 0);
            bits.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
        }
        match (&mut self.sketch, other.sketch) {
            (Some(sketch), Some(more)) => sketch.join(&more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
    }

    fn finish(self, work: &Work<'_>) -> Measured {
        let mut measured = Measured { rows: work.grid.rows, ..self.measured };
        measured.columns_changed =
            self.columns.map(|bits| bits.iter().map(|word| u64::from(word.count_ones())).sum());
        let smaller = work.grid.rows.min(work.grid.columns);
        // Few rows or columns are a low rank by themselves.
        let touched = measured.rows_changed.min(measured.columns_changed.unwrap_or(u64::MAX));
        let rank = self
            .sketch
            .and_then(|sketch| sketch.rank(measured.rounding, [work.grid.rows, work.grid.columns]));
        measured.rank = rank.filter(|rank| {
            let rank = u64::from(*rank);
            rank.saturating_mul(4) <= smaller && rank.saturating_mul(2) <= touched
        });
        measured
    }
}

/// Whether two values of which one is infinite or no number are the same.
fn is_same(pair: (Option<f64>, Option<f64>)) -> bool {
    match pair {
        (Some(one), Some(two)) => one == two || (one.is_nan() && two.is_nan()),
        _ => false,
    }
}
