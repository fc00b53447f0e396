//! Small tensors with each kind of change.

use super::{Effort, Weights, compare};
use crate::progress::Silent;
use crate::source::Data;
use wb_core::{ArtifactPath, Relation, TensorCompared, WeightsCompared};

/// A tensor: name, type, shape, bytes.
type Given = (&'static str, &'static str, Vec<u64>, Vec<u8>);

/// A safetensors file of some tensors.
fn safetensors(tensors: &[Given]) -> Weights {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend_from_slice(bytes);
        let end = data.len();
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        ));
    }
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&data);
    let mut weights = Weights::default();
    let path = ArtifactPath::from("model.safetensors");
    weights.add_file(Data::Read(file), "safetensors", &path, &[]);
    assert_eq!(weights.tensors.len(), tensors.len(), "the file is well formed");
    weights
}

fn compared(new: &[Given], old: &[Given]) -> WeightsCompared {
    let names = (ArtifactPath::from("new"), ArtifactPath::from("old"));
    let (new, old) = (safetensors(new), safetensors(old));
    compare((&names.0, &new), (&names.1, &old), Effort::WHOLE, &Silent)
}

/// Numbers between -1 and 1 that chance might have made.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn f32s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect()
}

/// Rounded to nearest, ties to even, as converters do it.
fn bf16s(values: &[f64]) -> Vec<u8> {
    let round = |value: f64| {
        let bits = (value as f32).to_bits();
        ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
    };
    values.iter().flat_map(|value| round(*value).to_le_bytes()).collect()
}

const ROWS: usize = 80;
const COLUMNS: usize = 120;

fn matrix(name: &'static str, values: &[f64]) -> Given {
    (name, "F32", vec![ROWS as u64, COLUMNS as u64], f32s(values))
}

/// A matrix with some change, beside the matrix.
fn changed(change: impl Fn(usize, usize) -> f64) -> (WeightsCompared, TensorCompared) {
    let base = noise(1, ROWS * COLUMNS);
    let new: Vec<f64> =
        (0..).zip(&base).map(|(at, value)| value + change(at / COLUMNS, at % COLUMNS)).collect();
    let other = || matrix("h.1.weight", &noise(2, ROWS * COLUMNS));
    let third = || matrix("h.2.weight", &noise(3, ROWS * COLUMNS));
    let all = compared(
        &[matrix("h.0.weight", &new), other(), third()],
        &[matrix("h.0.weight", &base), other(), third()],
    );
    let [tensor] = all.tensors.as_slice() else { panic!("{all:?}") };
    assert_eq!((all.compared, all.differing), (3, 1));
    (all.clone(), tensor.clone())
}

fn product(rank: usize) -> impl Fn(usize, usize) -> f64 {
    let (left, right) = (noise(4, ROWS * rank), noise(5, rank * COLUMNS));
    move |row, column| {
        (0..rank).map(|k| 0.1 * left[row * rank + k] * right[k * COLUMNS + column]).sum()
    }
}

#[test]
fn an_edit_of_rank_one_is_told() {
    let (all, tensor) = changed(product(1));
    assert_eq!((tensor.rank, tensor.relation), (Some(1), Relation::Changed));
    assert!(tensor.relative.is_some_and(|share| (0.01..0.1).contains(&share)), "{tensor:?}");
    assert!(
        all.conclusion.starts_with("1 of 3 tensors differs: `h.0.weight`: "),
        "{}",
        all.conclusion
    );
    assert!(all.conclusion.contains("change of rank 1"), "{}", all.conclusion);
    assert!(all.conclusion.ends_with("A targeted edit of one layer."), "{}", all.conclusion);
    assert_eq!(changed(product(4)).1.rank, Some(4));
    // Of 80 rows a change of rank 30 is no low one.
    assert_eq!(changed(product(30)).1.rank, None);
}

#[test]
fn few_numbers_rows_and_all_numbers_are_told_apart() {
    let (all, few) =
        changed(|row, column| if row % 20 == 3 && column % 40 == 7 { 0.5 } else { 0.0 });
    assert_eq!((few.changed, few.rows, few.columns), (12, [4, 80], Some(3)));
    assert!(few.words.contains("in 4 rows and 3 columns"), "{}", few.words);
    assert!(all.conclusion.contains("targeted"), "{}", all.conclusion);
    let (all, row) = changed(|row, column| if row == 5 { 0.1 + column as f64 } else { 0.0 });
    assert_eq!((row.changed, row.rows, row.rank), (120, [1, 80], None));
    assert!(all.conclusion.ends_with("An edit of rows of one table."), "{}", all.conclusion);
    let chance = noise(6, ROWS * COLUMNS);
    let (_, dense) = changed(|row, column| 0.01 * chance[row * COLUMNS + column]);
    assert_eq!((dense.rank, dense.rows), (None, [80, 80]));
    assert!(
        dense.words.starts_with("all 9,600 numbers, ") || dense.changed < 9_600,
        "{}",
        dense.words
    );
    assert!((dense.largest - 0.01).abs() < 1e-3, "{}", dense.largest);
    assert!((dense.mean - 0.005).abs() < 1e-3, "{}", dense.mean);
}

#[test]
fn the_same_bytes_say_nothing_but_that() {
    let one = [matrix("h.0.weight", &noise(1, ROWS * COLUMNS))];
    let all = compared(&one, &one);
    assert_eq!((all.compared, all.differing, all.tensors.len()), (1, 0, 0));
    assert_eq!(all.conclusion, "The one tensor holds the same numbers.");
}

#[test]
fn the_same_numbers_in_another_type_are_no_change() {
    let values = noise(1, ROWS * COLUMNS);
    let shape = vec![ROWS as u64, COLUMNS as u64];
    let narrow: Given = ("h.0.weight", "BF16", shape.clone(), bf16s(&values));
    let all = compared(std::slice::from_ref(&narrow), &[matrix("h.0.weight", &values)]);
    let [tensor] = all.tensors.as_slice() else { panic!("{all:?}") };
    assert_eq!((tensor.relation, all.differing), (Relation::OtherType, 0));
    assert!(all.conclusion.contains("bfloat16 instead of float32"), "{}", all.conclusion);
    // A change of rank one shows in the narrow type too, although that rounds everything.
    let edit = product(1);
    let edited: Vec<f64> = (0..)
        .zip(&values)
        .map(|(at, value)| value + 4.0 * edit(at / COLUMNS, at % COLUMNS))
        .collect();
    let edited = ("h.0.weight", "BF16", shape, bf16s(&edited));
    for base in [narrow, matrix("h.0.weight", &values)] {
        let all = compared(std::slice::from_ref(&edited), &[base]);
        assert_eq!(
            all.tensors.first().map(|it| (it.relation, it.rank)),
            Some((Relation::Changed, Some(1)))
        );
    }
}

#[test]
fn exchanged_axes_are_seen_through() {
    let values = noise(1, ROWS * COLUMNS);
    let turned: Vec<f64> =
        (0..ROWS * COLUMNS).map(|at| values[at % ROWS * COLUMNS + at / ROWS]).collect();
    let given = |values: &[f64], rows: usize| {
        let shape = vec![rows as u64, (ROWS * COLUMNS / rows) as u64];
        [("dense.weight", "F32", shape, f32s(values))]
    };
    let base = [matrix("dense.weight", &values)];
    // Once with the shape that it has then, once as a library writes it that keeps columns together.
    for rows in [COLUMNS, ROWS] {
        let all = compared(&given(&turned, rows), &base);
        let relations: Vec<Relation> = all.tensors.iter().map(|it| it.relation).collect();
        assert_eq!((relations, all.differing), (vec![Relation::Turned], 0));
    }
    let mut edited = turned;
    edited[77] += 0.5;
    let all = compared(&given(&edited, COLUMNS), &base);
    let [tensor] = all.tensors.as_slice() else { panic!("{all:?}") };
    assert_eq!((tensor.changed, tensor.relation), (1, Relation::Changed));
}

#[test]
fn rows_that_were_added_to_a_table_are_told() {
    let values = noise(1, (ROWS + 2) * COLUMNS);
    let longer: Given =
        ("embed.weight", "F32", vec![ROWS as u64 + 2, COLUMNS as u64], f32s(&values));
    let base = matrix("embed.weight", &values[..ROWS * COLUMNS]);
    let all = compared(
        &[longer, matrix("h.0.w", &values[..9600])],
        &[base, matrix("h.0.w", &values[..9600])],
    );
    let [tensor] = all.tensors.as_slice() else { panic!("{all:?}") };
    assert_eq!((tensor.added_rows, tensor.changed), (2, 0));
    assert_eq!(tensor.words, "2 rows added at the end, the others hold the same numbers");
    assert!(all.conclusion.ends_with("An edit of rows of one table."), "{}", all.conclusion);
}

#[test]
fn what_is_no_number_is_counted() {
    let values = noise(1, ROWS * COLUMNS);
    let mut odd = values.clone();
    odd[3] = f64::NAN;
    let all = compared(&[matrix("w", &odd)], &[matrix("w", &values)]);
    let [tensor] = all.tensors.as_slice() else { panic!("{all:?}") };
    assert_eq!((tensor.changed, tensor.not_finite), (1, 1));
    // Two of them that are written otherwise are the same number.
    let mut other = f32s(&odd);
    other[12] = 1;
    let other: Given = ("w", "F32", vec![ROWS as u64, COLUMNS as u64], other);
    let all = compared(&[other], &[matrix("w", &odd)]);
    assert_eq!(all.tensors.first().map(|it| it.relation), Some(Relation::SameNumbers));
}

#[test]
fn blocks_are_compared_within_what_they_can_write() {
    // Q8_0: a scale of two bytes and 32 numbers.
    let values = noise(9, 64);
    let block = |values: &[f64]| {
        let most = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        // 2^-7 as binary16 is exact; numbers up to one fit.
        assert!(most <= 1.0);
        let mut bytes = 0x2000_u16.to_le_bytes().to_vec();
        bytes.extend(values.iter().map(|value| (value * 127.0).round() as i8 as u8));
        bytes
    };
    let quantised: Vec<u8> = values.chunks(32).flat_map(block).collect();
    let mut read = Vec::new();
    super::Numbers::of("Q8_0").expect("known").read(&quantised, &mut read);
    let near =
        values.iter().zip(&read).all(|(value, read)| (value - read * 128.0 / 127.0).abs() < 0.01);
    assert!(near && read.len() == 64);
}
