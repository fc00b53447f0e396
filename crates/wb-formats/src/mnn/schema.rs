//! The tables of a network: which of their fields are lists of numbers, strings and other tables.
//!
//! Specification: `schema/default/*.fbs` in `alibaba/MNN`; the numbers of the parameters are those of `union OpParameter`
//! in `MNN.fbs`, counted from one.

use Part::{External, List, Operator, Settings, Table, Tables, Text, Texts};

/// A table: how many fields it has, and those that are no single number.
pub(super) struct Schema {
    pub(super) fields: u16,
    pub(super) parts: &'static [(u16, &'static str, Part)],
}

impl Schema {
    const fn of(fields: u16, parts: &'static [(u16, &'static str, Part)]) -> Self {
        Self { fields, parts }
    }
}

/// A field.
pub(super) enum Part {
    /// Weights: type and bytes of an element.
    List(&'static str, usize),
    /// Numbers of four bytes that say how to compute.
    Settings,
    Text,
    Texts,
    Table(&'static Schema),
    Tables(&'static Schema),
    /// An operator in an operator.
    Operator,
    /// Where in the other file its weights lie, and how many bytes each of them has.
    External,
}

const FLOATS: Part = List("float32", 4);
const INTS: Part = List("int32", 4);
const SIGNED: Part = List("int8", 1);
const UNSIGNED: Part = List("uint8", 1);
/// Bytes that `dataType` or `type` of the same table may say to be halves.
const PACKED: Part = List("", 1);

#[rustfmt::skip]
mod tables {
    use super::*;

    /// Numbers with a shape.
    pub(crate) static BLOB: Schema = Schema::of(10, &[
        (0, "dims", Settings), (3, "uint8s", PACKED), (4, "int8s", SIGNED), (5, "int32s", INTS),
        (6, "int64s", List("int64", 8)), (7, "float32s", FLOATS), (8, "strings", Texts),
        (9, "external", External),
    ]);
    /// A named value.
    pub(crate) static ATTRIBUTE: Schema = Schema::of(9, &[
        (0, "s", Text), (3, "key", Text), (6, "tensor", Table(&BLOB)), (7, "list", Table(&VALUES)),
        (8, "func", Table(&NAMED)),
    ]);
    pub(crate) static VALUES: Schema = Schema::of(5, &[
        (0, "s", Texts), (1, "i", Settings), (2, "f", FLOATS), (3, "b", UNSIGNED), (4, "type", Settings),
    ]);
    pub(crate) static NAMED: Schema = Schema::of(2, &[(0, "name", Text), (1, "attr", Tables(&ATTRIBUTE))]);
    /// Weights as a stream of bytes, or halves.
    pub(crate) static QUANTIZED: Schema = Schema::of(16, &[
        (0, "buffer", PACKED), (1, "alpha", FLOATS), (13, "index", INTS), (14, "alphaFp16", List("float16", 2)),
    ]);
    /// Weights of fewer bits.
    pub(crate) static SYMMETRIC: Schema = Schema::of(13, &[
        (0, "weight", SIGNED), (1, "bias", INTS), (2, "scale", FLOATS), (3, "tensorScale", FLOATS),
        (10, "winogradAttr", INTS), (12, "floatzeros", FLOATS),
    ]);
    pub(crate) static SPARSE: Schema = Schema::of(2, &[(1, "args", Tables(&ATTRIBUTE))]);
    pub(crate) static COMMON: Schema = Schema::of(17, &[(14, "pads", Settings), (15, "outPads", Settings)]);
    pub(crate) static COMMON_3D: Schema = Schema::of(12, &[
        (0, "dilates", Settings), (1, "strides", Settings), (2, "kernels", Settings), (3, "pads", Settings),
        (10, "outPads", Settings),
    ]);
    pub(crate) static PAIR: Schema = Schema::of(2, &[]);
    pub(crate) static VIEW: Schema = Schema::of(2, &[(1, "stride", Settings)]);
    pub(crate) static REGION: Schema = Schema::of(4, &[(0, "src", Table(&VIEW)), (1, "dst", Table(&VIEW)), (2, "size", Settings)]);
    pub(crate) static RANGE: Schema = Schema::of(5, &[]);
    /// What is known of a tensor before anything runs.
    pub(crate) static DESCRIBED: Schema = Schema::of(5, &[
        (0, "blob", Table(&BLOB)), (2, "name", Text), (3, "regions", Tables(&REGION)),
        (4, "quantInfo", Table(&RANGE)),
    ]);
    pub(crate) static COMMAND: Schema = Schema::of(7, &[
        (0, "op", Operator), (1, "steps", Settings), (2, "size", Settings), (3, "indexes", Settings),
        (4, "view", Tables(&VIEW)), (6, "iterIndexes", Settings),
    ]);
    pub(crate) static STRINGS_OF: Schema = Schema::of(1, &[(0, "data", Texts)]);

    pub(crate) static CONVOLUTION: Schema = Schema::of(7, &[
        (0, "common", Table(&COMMON)), (1, "weight", FLOATS), (2, "bias", FLOATS),
        (3, "quantized", Table(&QUANTIZED)), (4, "symmetric", Table(&SYMMETRIC)),
        (5, "sparse", Table(&SPARSE)), (6, "external", External),
    ]);
    pub(crate) static NORM: Schema = Schema::of(7, &[
        (0, "axis", Settings), (2, "gamma", FLOATS), (3, "beta", FLOATS), (5, "external", External),
    ]);

    /// What the operators may have as parameter, by number.
    pub(crate) static PARAMETERS: &[(u8, &Schema)] = &[
        (1, &Schema::of(4, &[(1, "input1", Table(&PAIR)), (2, "input2", Table(&PAIR)), (3, "output", Table(&PAIR))])),
        (2, &Schema::of(4, &[])),
        (3, &Schema::of(6, &[(5, "fillString", Text)])),
        (4, &Schema::of(1, &[])),
        (5, &Schema::of(8, &[
            (1, "slope", FLOATS), (2, "mean", FLOATS), (3, "variance", FLOATS), (4, "bias", FLOATS),
            (5, "a", FLOATS), (6, "b", FLOATS),
        ])),
        (6, &Schema::of(3, &[])),
        (7, &BLOB),
        (8, &Schema::of(2, &[])),
        (9, &CONVOLUTION),
        (10, &Schema::of(2, &[(1, "offset", Settings)])),
        (11, &Schema::of(2, &[])),
        (12, &Schema::of(4, &[(0, "input", Table(&PAIR))])),
        (13, &Schema::of(10, &[])),
        (14, &Schema::of(2, &[(1, "coeff", FLOATS)])),
        (15, &Schema::of(3, &[])),
        (16, &Schema::of(0, &[])),
        (17, &Schema::of(2, &[])),
        (18, &Schema::of(4, &[])),
        (19, &Schema::of(3, &[])),
        (20, &Schema::of(8, &[(3, "weight", FLOATS), (4, "bias", FLOATS), (7, "quantized", Table(&QUANTIZED))])),
        (21, &Schema::of(3, &[(0, "dims", Settings)])),
        (22, &Schema::of(14, &[])),
        (23, &Schema::of(5, &[])),
        (24, &Schema::of(9, &[
            (3, "weightI", Table(&BLOB)), (4, "weightH", Table(&BLOB)), (5, "bias", Table(&BLOB)),
            (6, "weightIQ", Table(&BLOB)), (7, "weightIA", Table(&BLOB)),
        ])),
        (25, &Schema::of(5, &[(3, "weight", FLOATS), (4, "bias", FLOATS)])),
        (26, &Schema::of(0, &[])),
        (27, &Schema::of(4, &[(3, "scale", FLOATS)])),
        (28, &Schema::of(2, &[])),
        (29, &Schema::of(1, &[(0, "dims", Settings)])),
        (30, &Schema::of(2, &[(1, "attr", Tables(&ATTRIBUTE))])),
        (31, &Schema::of(13, &[(11, "pads", Settings)])),
        (32, &Schema::of(2, &[(1, "slope", FLOATS)])),
        (33, &Schema::of(11, &[
            (0, "minSizes", FLOATS), (1, "maxSizes", FLOATS), (2, "aspectRatios", FLOATS),
            (3, "variances", FLOATS),
        ])),
        (34, &Schema::of(9, &[
            (6, "ratios", Table(&BLOB)), (7, "scales", Table(&BLOB)), (8, "anchors", Table(&BLOB)),
        ])),
        (35, &Schema::of(11, &[])),
        (36, &Schema::of(5, &[(0, "bias", INTS)])),
        (37, &Schema::of(5, &[(2, "inputScale", FLOATS), (3, "inputZeroPoint", INTS), (4, "output", Table(&PAIR))])),
        (38, &Schema::of(2, &[(0, "input", Table(&PAIR)), (1, "output", Table(&PAIR))])),
        (39, &Schema::of(2, &[])),
        (40, &Schema::of(11, &[])),
        (41, &Schema::of(1, &[])),
        (42, &Schema::of(1, &[])),
        (43, &Schema::of(2, &[(0, "dims", Settings)])),
        (44, &Schema::of(2, &[])),
        (45, &Schema::of(1, &[])),
        (46, &Schema::of(3, &[])),
        (47, &Schema::of(1, &[])),
        (48, &Schema::of(0, &[])),
        (49, &Schema::of(2, &[(1, "separator", Text)])),
        (50, &Schema::of(5, &[(1, "dim", Settings)])),
        (51, &Schema::of(1, &[])),
        (52, &Schema::of(2, &[])),
        (53, &Schema::of(0, &[])),
        (54, &Schema::of(0, &[])),
        (55, &Schema::of(2, &[(0, "dims", Settings)])),
        (56, &Schema::of(2, &[])),
        (57, &Schema::of(7, &[])),
        (58, &Schema::of(4, &[(1, "scale", FLOATS), (2, "bias", FLOATS), (3, "external", External)])),
        (59, &Schema::of(2, &[])),
        (60, &Schema::of(1, &[])),
        (61, &Schema::of(3, &[(1, "slicePoints", Settings)])),
        (62, &Schema::of(1, &[])),
        (63, &Schema::of(2, &[(0, "blockShape", Table(&BLOB)), (1, "padding", Table(&BLOB))])),
        (64, &Schema::of(1, &[(0, "squeezeDims", Settings)])),
        (65, &Schema::of(8, &[])),
        (66, &Schema::of(2, &[])),
        (67, &Schema::of(15, &[
            (0, "bias", INTS), (2, "common", Table(&COMMON)), (3, "weight", UNSIGNED),
            (9, "biasQuantized", Table(&PAIR)), (11, "filterQuantized", Table(&PAIR)),
            (12, "inputQuantized", Table(&PAIR)), (14, "outputQuantized", Table(&PAIR)),
        ])),
        (68, &Schema::of(3, &[])),
        (69, &Schema::of(1, &[])),
        (70, &Schema::of(3, &[(2, "table", SIGNED)])),
        (71, &Schema::of(3, &[(0, "dim", Settings)])),
        (72, &Schema::of(14, &[
            (4, "fwGateWeight", Table(&BLOB)), (5, "fwGateBias", Table(&BLOB)),
            (6, "fwCandidateWeight", Table(&BLOB)), (7, "fwCandidateBias", Table(&BLOB)),
            (8, "fwRecurrentBias", Table(&BLOB)), (9, "bwGateWeight", Table(&BLOB)),
            (10, "bwGateBias", Table(&BLOB)), (11, "bwCandidateWeight", Table(&BLOB)),
            (12, "bwCandidateBias", Table(&BLOB)), (13, "bwRecurrentBias", Table(&BLOB)),
        ])),
        (73, &Schema::of(2, &[])),
        (74, &SYMMETRIC),
        (75, &Schema::of(2, &[])),
        (76, &Schema::of(4, &[
            (1, "input0", Table(&SYMMETRIC)), (2, "input1", Table(&SYMMETRIC)),
            (3, "output", Table(&SYMMETRIC)),
        ])),
        (77, &Schema::of(2, &[])),
        (78, &Schema::of(5, &[(1, "engine", Text), (2, "info", SIGNED), (3, "attr", Tables(&ATTRIBUTE))])),
        (79, &Schema::of(6, &[(0, "strides", Settings), (1, "kernels", Settings), (2, "pads", Settings)])),
        (80, &Schema::of(4, &[
            (0, "common", Table(&COMMON_3D)), (1, "weight", FLOATS), (2, "bias", FLOATS),
            (3, "external", External),
        ])),
        (81, &Schema::of(1, &[])),
        (82, &Schema::of(8, &[(7, "centerSizeEncoding", FLOATS)])),
        (83, &Schema::of(2, &[])),
        (84, &Schema::of(1, &[])),
        (85, &Schema::of(5, &[
            (0, "cond_graph", Text), (1, "body_graph", Text), (2, "aliases_inputs", Tables(&STRINGS_OF)),
            (3, "aliases_outputs", Texts), (4, "aliases_updates", Tables(&STRINGS_OF)),
        ])),
        (86, &Schema::of(4, &[
            (0, "then_graph", Text), (1, "else_graph", Text), (2, "aliases_inputs", Tables(&STRINGS_OF)),
            (3, "aliases_outputs", Tables(&STRINGS_OF)),
        ])),
        (87, &Schema::of(5, &[])),
        (88, &NORM),
        (89, &Schema::of(7, &[(2, "element_shape", Settings)])),
        (90, &Schema::of(3, &[])),
        (91, &Schema::of(4, &[])),
        (92, &Schema::of(8, &[
            (1, "outputIndexes", Settings), (2, "inputIndexes", Settings),
            (3, "midTensors", Tables(&DESCRIBED)), (6, "commands", Tables(&COMMAND)),
            (7, "initCommand", Tables(&COMMAND)),
        ])),
        (93, &Schema::of(11, &[
            (4, "mean", FLOATS), (5, "normal", FLOATS), (6, "transform", FLOATS), (8, "shape", Settings),
        ])),
        (94, &Schema::of(2, &[])),
        (95, &Schema::of(7, &[(2, "gamma", FLOATS), (3, "beta", FLOATS), (6, "external", External)])),
        (96, &Schema::of(1, &[])),
        (97, &Schema::of(1, &[])),
        (98, &Schema::of(6, &[(1, "kv_shared_layer", Text), (4, "mhq_quant", Tables(&RANGE))])),
        (99, &Schema::of(3, &[])),
        (100, &Schema::of(9, &[(0, "attn_type", Text), (7, "gate_coef", FLOATS), (8, "gate_bias", FLOATS)])),
        (101, &Schema::of(4, &[])),
        (102, &Schema::of(6, &[(4, "q_norm", Table(&NORM)), (5, "k_norm", Table(&NORM))])),
        (103, &Schema::of(5, &[(0, "convs", Tables(&CONVOLUTION)), (3, "ln", Table(&NORM))])),
        (104, &Schema::of(3, &[(0, "linears", Tables(&CONVOLUTION))])),
    ];
}
pub(super) use tables::{BLOB, DESCRIBED, PARAMETERS};
