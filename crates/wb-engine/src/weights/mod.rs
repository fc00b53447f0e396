//! The numbers of models: read in every type, compared across formats, told in words.
//!
//! [`Weights`] are the tensors of a model with their bytes, a [`View`](view::View) reads those of one in the order of
//! its shape, [`paired`](names::paired) finds which is which in two of
//! them, [`compare`] says what changed and how: [`measure`](measure::measure) goes through the numbers of two tensors
//! once, and a [`Sketch`](sketch::Sketch) of the change keeps its rank. Files are mapped and numbers read block by
//! block, so that memory does not grow with the model. This is the one place where numbers are compared.

mod blocks;
mod chunks;
mod compare;
mod grids;
mod measure;
mod model;
mod names;
mod numbers;
mod outside;
mod sketch;
mod statistics;
#[cfg(test)]
mod tests;
mod view;
mod words;

pub(crate) use compare::{Effort, TensorPair, compare, is_in_another_order, is_reordered};
pub(crate) use model::{Held, Weights, bytes_of};
pub(crate) use names::paired;
pub(crate) use numbers::Numbers;
pub use statistics::statistics;
