//! The document of a comparison of two models, its parts, and the figures of a tensor.

use super::convert;
use super::model::{DifferenceObject, ToolObject};
use crate::{Diff, Tool};
use schemars::JsonSchema;
use serde::Serialize;
use wb_core::{Relation, Statistics, TensorCompared, WeightsCompared};

/// A comparison of two models, as `weighbridge diff --format json` prints it.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "weighbridge diff")]
pub(super) struct DiffDocument<'a> {
    /// Name and version of this document's shape.
    #[schemars(extend("const" = super::DIFF))]
    pub schema: &'static str,
    pub tool: ToolObject<'a>,
    /// Whether every file of one is in the other, byte for byte.
    pub same_bytes: bool,
    /// What differs in files, layers, tensors, imported names and metadata.
    pub differences: Vec<DifferenceObject<'a>>,
    /// What differs in numbers, for each model that is in both.
    pub weights: Vec<WeightsObject<'a>>,
}

/// The numbers of a model beside those of another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "weights")]
pub(super) struct WeightsObject<'a> {
    pub model: &'a str,
    pub baseline: &'a str,
    /// Tensors whose numbers were compared.
    pub compared: u64,
    /// Of these, the ones with other numbers.
    pub differing: u64,
    /// What all of it comes to, in words.
    pub conclusion: &'a str,
    /// Tensors that are not the same, byte for byte.
    pub tensors: Vec<TensorComparedObject<'a>>,
    /// Tensors of both whose numbers were not compared.
    pub left_out: Vec<LeftOutObject<'a>>,
}

/// A tensor that is not the same, byte for byte, as the one of its name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "tensor_compared")]
pub(super) struct TensorComparedObject<'a> {
    pub name: &'a str,
    pub baseline_name: &'a str,
    /// The type of the numbers, by one name for all formats.
    pub dtype: &'a str,
    pub baseline_dtype: &'a str,
    pub shape: &'a [u64],
    #[schemars(extend("enum" = ["same-numbers", "turned", "other-type", "changed"]))]
    pub relation: &'static str,
    /// Numbers compared.
    pub elements: u64,
    /// Numbers that differ by more than their types explain.
    pub changed: u64,
    /// The largest absolute change; `null` when it is not finite.
    pub largest: Option<f64>,
    /// The mean of the absolute changes of all numbers; `null` when it is not finite.
    pub mean: Option<f64>,
    /// Norm of the change by that of the baseline's tensor; `null` when that is nothing but zeros.
    pub relative: Option<f64>,
    /// Numbers that are infinite or no number in one of the two only.
    pub not_finite: u64,
    /// The rank of the change, when it is low.
    pub rank: Option<u32>,
    /// Rows with a change.
    pub rows_changed: u64,
    /// Rows compared.
    pub rows: u64,
    /// Columns with a change, where they were counted.
    pub columns_changed: Option<u64>,
    /// Rows that the model has more than the baseline; fewer when negative.
    pub added_rows: i64,
    pub words: &'a str,
}

/// A tensor that was not compared, and why.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "left_out")]
pub(super) struct LeftOutObject<'a> {
    pub name: &'a str,
    pub why: &'a str,
}

/// The numbers of a tensor in figures.
#[derive(Serialize)]
pub(super) struct StatisticsObject {
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub mean: Option<f64>,
    pub deviation: Option<f64>,
    pub finite: u64,
    pub not_finite: u64,
    pub zeros: u64,
}

/// The figures of a tensor.
pub(super) fn statistics(of: &Statistics) -> StatisticsObject {
    let any = |number: f64| Some(number).filter(|number| of.finite > 0 && number.is_finite());
    StatisticsObject {
        least: any(of.least),
        most: any(of.most),
        mean: any(of.mean),
        deviation: any(of.deviation),
        finite: of.finite,
        not_finite: of.not_finite,
        zeros: of.zeros,
    }
}

/// The document.
pub(super) fn convert<'a>(diff: &'a Diff<'_>, tool: &'a Tool) -> DiffDocument<'a> {
    DiffDocument {
        schema: super::DIFF,
        tool: convert::tool(tool),
        same_bytes: diff.same_bytes,
        differences: diff.differences.iter().map(convert::difference).collect(),
        weights: diff.weights.iter().map(weights).collect(),
    }
}

fn weights(compared: &WeightsCompared) -> WeightsObject<'_> {
    WeightsObject {
        model: compared.model.as_str(),
        baseline: compared.baseline.as_str(),
        compared: compared.compared,
        differing: compared.differing,
        conclusion: &compared.conclusion,
        tensors: compared.tensors.iter().map(tensor).collect(),
        left_out: compared.left_out.iter().map(|(name, why)| LeftOutObject { name, why }).collect(),
    }
}

fn tensor(tensor: &TensorCompared) -> TensorComparedObject<'_> {
    // JSON has no other numbers than finite ones.
    let finite = |number: f64| Some(number).filter(|number| number.is_finite());
    let [dtype, baseline_dtype] = tensor.types;
    let [rows_changed, rows] = tensor.rows;
    let measured = tensor.relation != Relation::Turned || tensor.elements > 0;
    TensorComparedObject {
        name: &tensor.name,
        baseline_name: &tensor.baseline_name,
        dtype,
        baseline_dtype,
        shape: &tensor.shape,
        relation: tensor.relation.name(),
        elements: tensor.elements,
        changed: tensor.changed,
        largest: finite(tensor.largest),
        mean: finite(tensor.mean),
        relative: tensor.relative.and_then(finite).filter(|_| measured),
        not_finite: tensor.not_finite,
        rank: tensor.rank,
        rows_changed,
        rows,
        columns_changed: tensor.columns,
        added_rows: tensor.added_rows,
        words: &tensor.words,
    }
}
