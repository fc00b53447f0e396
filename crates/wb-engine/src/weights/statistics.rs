//! [`statistics`]: the numbers of tensors in figures.

use super::measure::{AHEAD, BLOCK};
use super::model::Weights;
use super::view::View;
use crate::body::Inspected;
use crate::progress::Progress;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use wb_core::{ArtifactPath, Budget, Statistics};

/// The figures of the tensors of an artifact by name, of those whose numbers can be read. `file` says where a file
/// is on disk. All numbers are read.
pub fn statistics<'a>(
    artifact: &'a Inspected,
    file: impl Fn(&ArtifactPath) -> Option<&'a Path>,
    progress: &dyn Progress,
) -> BTreeMap<String, Statistics> {
    let weights = Weights::of([artifact], file, &mut Budget::default());
    progress.begin("reading weights", weights.tensors.iter().map(super::Held::len).sum());
    let mut all = BTreeMap::new();
    for held in &weights.tensors {
        if let (None, Some(view)) = (held.lacks, weights.view(held)) {
            all.extend(figures(view).map(|figures| (held.tensor.name.clone(), figures)));
        }
        progress.advance(held.len());
    }
    progress.end();
    all
}

/// The figures of a tensor; `None` when not all of it can be read.
fn figures(view: View<'_>) -> Option<Statistics> {
    let count = usize::try_from(view.elements).ok()?;
    let blocks: Vec<Range<usize>> =
        (0..count).step_by(BLOCK).map(|at| at..(at + BLOCK).min(count)).collect();
    let mut whole = Part::default();
    for some in blocks.chunks(AHEAD) {
        let parts: Option<Vec<Part>> = some.par_iter().map(|block| Part::of(view, block)).collect();
        parts?.into_iter().for_each(|part| whole.join(part));
    }
    let any = whole.finite > 0.0;
    Some(Statistics {
        finite: whole.finite as u64,
        not_finite: whole.not_finite,
        zeros: whole.zeros,
        least: if any { whole.least } else { 0.0 },
        most: if any { whole.most } else { 0.0 },
        mean: whole.mean,
        deviation: if any { (whole.squares / whole.finite).sqrt() } else { 0.0 },
    })
}

/// The figures of a block; `squares` are those of what lies between the numbers and their mean.
struct Part {
    finite: f64,
    not_finite: u64,
    zeros: u64,
    least: f64,
    most: f64,
    mean: f64,
    squares: f64,
}

impl Default for Part {
    fn default() -> Self {
        let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { finite: 0.0, not_finite: 0, zeros: 0, least, most, mean: 0.0, squares: 0.0 }
    }
}

impl Part {
    fn of(view: View<'_>, block: &Range<usize>) -> Option<Self> {
        let mut values = Vec::with_capacity(block.len());
        view.numbers.read(&view.read(block)?, &mut values);
        let all = values.len();
        values.retain(|value| value.is_finite());
        let mut part = Self { not_finite: (all - values.len()) as u64, ..Self::default() };
        part.finite = values.len() as f64;
        for value in &values {
            part.zeros += u64::from(*value == 0.0);
            part.least = part.least.min(*value);
            part.most = part.most.max(*value);
            part.mean += value;
        }
        part.mean /= part.finite.max(1.0);
        part.squares = values.iter().map(|value| (value - part.mean) * (value - part.mean)).sum();
        Some(part)
    }

    /// Adds another block (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    /// sample variances", 1979).
    fn join(&mut self, other: Self) {
        let count = self.finite + other.finite;
        let apart = other.mean - self.mean;
        if count > 0.0 {
            self.squares += other.squares + apart * apart * self.finite * other.finite / count;
            self.mean += apart * other.finite / count;
        }
        self.finite = count;
        self.not_finite += other.not_finite;
        self.zeros += other.zeros;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}
