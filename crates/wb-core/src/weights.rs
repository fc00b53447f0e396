//! [`WeightsCompared`]: the numbers of two models beside each other.

use crate::ArtifactPath;

/// What comparing the numbers of a model with those of a baseline came to.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsCompared {
    /// The model.
    pub model: ArtifactPath,
    /// What it was compared with.
    pub baseline: ArtifactPath,
    /// Tensors whose numbers were compared.
    pub compared: u64,
    /// Of these, the ones with other numbers.
    pub differing: u64,
    /// Tensors that are not the same byte for byte, in the order of the model.
    pub tensors: Vec<TensorCompared>,
    /// Tensors of both whose numbers were not compared: the name, and why.
    pub left_out: Vec<(String, String)>,
    /// What all of it comes to, in words.
    pub conclusion: String,
}

/// A tensor that is not the same, byte for byte, as the one of its name in the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorCompared {
    /// Its name in the model.
    pub name: String,
    /// Its name in the baseline.
    pub baseline_name: String,
    /// Its type, by one name for all formats, and that in the baseline.
    pub types: [&'static str; 2],
    /// Sizes of the axes in the model.
    pub shape: Vec<u64>,
    /// How the two are to each other.
    pub relation: Relation,
    /// Numbers compared.
    pub elements: u64,
    /// Numbers that differ by more than their types explain.
    pub changed: u64,
    /// The largest absolute change.
    pub largest: f64,
    /// The mean of the absolute changes of all numbers.
    pub mean: f64,
    /// Norm of the change by that of the baseline's tensor (Frobenius); `None` when that is nothing but zeros.
    pub relative: Option<f64>,
    /// Numbers that are infinite or no number in one of the two only.
    pub not_finite: u64,
    /// The rank of the change, when it is low.
    pub rank: Option<u32>,
    /// Rows with a change, of how many.
    pub rows: [u64; 2],
    /// Columns with a change, where they were counted.
    pub columns: Option<u64>,
    /// Rows that the model has more than the baseline; fewer when negative.
    pub added_rows: i64,
    /// All of it in words.
    pub words: String,
}

/// How a tensor is to the one of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The same numbers, written otherwise.
    SameNumbers,
    /// The same numbers with rows and columns, or other axes, in another order.
    Turned,
    /// The numbers of another type, as near as that type can be.
    OtherType,
    /// Other numbers.
    Changed,
}

impl Relation {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameNumbers => "same-numbers",
            Self::Turned => "turned",
            Self::OtherType => "other-type",
            Self::Changed => "changed",
        }
    }
}

/// The numbers of a tensor in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Numbers that are neither infinite nor no number; the other figures are of these.
    pub finite: u64,
    /// Numbers that are infinite or no number.
    pub not_finite: u64,
    /// Zeros.
    pub zeros: u64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, of all numbers.
    pub deviation: f64,
}
