//! The weights of NCNN: a file without a header, in which the arrays of each layer follow those of the one before.
//!
//! Specification: `src/modelbin.cpp` (how an array is stored) and `load_model` of each layer in `src/layer` of
//! `Tencent/ncnn` (which arrays a layer has). An array that is tagged begins with a word: zero for numbers of four bytes,
//! three others for numbers of two, one and four bytes, and anything else for a table of 256 numbers with a byte for each
//! element. What has not four bytes each is filled up to a multiple of four.

use wb_core::{Bytes, Component, Cursor, Span, Tensor};

/// Words before an array: half precision, bytes, single precision as it is.
const HALF: u32 = 0x0130_6B47;
const BYTES: u32 = 0x000D_4B38;
const SINGLE: u32 = 0x0002_C056;
/// Numbers of the table that stands before the elements of a quantized array.
const TABLE: u64 = 256;
/// The size that stands for a scale that is another input of its layer.
const GIVEN: i64 = -233;

/// Types of layers that have no weights.
#[rustfmt::skip]
const WITHOUT: [&str; 76] = [
    "AbsVal", "ArgMax", "BNLL", "BinaryOp", "CELU", "Cast", "Clip", "Concat", "CopyTo", "Crop",
    "CumulativeSum", "DeepCopy", "DetectionOutput", "Diag", "Dropout", "ELU", "Einsum", "Eltwise",
    "Erf", "Exp", "ExpandDims", "Flatten", "Flip", "Fold", "GELU", "GLU", "GridSample",
    "HardSigmoid", "HardSwish", "Input", "Interp", "InverseSpectrogram", "LRN", "Log", "MVN",
    "MatMul", "Mish", "Noop", "PSROIPooling", "Packing", "Permute", "PixelShuffle", "Pooling",
    "Pooling1D", "Pooling3D", "Power", "PriorBox", "Proposal", "ROIAlign", "ROIPooling", "ReLU",
    "Reduction", "Reorg", "Reshape", "RotaryEmbed", "SDPA", "SELU", "SPP", "Shrink",
    "ShuffleChannel", "Sigmoid", "Slice", "Softmax", "Softplus", "Spectrogram", "Split", "Squeeze",
    "StatisticsPooling", "Swish", "TanH", "Threshold", "Tile", "UnaryOp", "Unfold",
    "YoloDetectionOutput", "Yolov3DetectionOutput",
];

/// Which tensors lie where in a file of weights, and the words between them that say how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NcnnWeights {
    /// The arrays of all layers, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// What belongs to no tensor, but to the file.
    pub tags: Vec<Span>,
}

/// The weights of `layers`, the components of a network, in the file `weights`. `None` when the arrays of a layer are
/// not known, or the file ends before they do.
pub fn ncnn_weights(layers: &[Component], weights: Bytes<'_>) -> Option<NcnnWeights> {
    let mut found = NcnnWeights::default();
    let mut cursor = weights.cursor();
    for layer in layers {
        for array in arrays(layer)? {
            place(layer, &array, &mut cursor, &mut found)?;
        }
    }
    Some(found)
}

/// An array of a layer.
struct Array {
    name: &'static str,
    /// How many numbers.
    count: u64,
    /// Whether a word before it says how it is stored; four bytes each otherwise.
    tagged: bool,
}

fn tagged(name: &'static str, count: u64) -> Array {
    Array { name, count, tagged: true }
}

fn plain(name: &'static str, count: u64) -> Array {
    Array { name, count, tagged: false }
}

/// Reads one array.
fn place(
    layer: &Component,
    array: &Array,
    cursor: &mut Cursor<'_>,
    found: &mut NcnnWeights,
) -> Option<()> {
    let mut push = |part: &str, dtype: &str, count: u64, bytes: Bytes<'_>| {
        let name = format!("{}.{}{part}", layer.name, array.name);
        let (dtype, shape, span) = (dtype.to_owned(), vec![count], Some(bytes.span()));
        found.tensors.push(Tensor { name, dtype, shape, span, strides: None });
    };
    let tag = if array.tagged { cursor.take(4)? } else { Bytes::new(&[0; 4]) };
    let (dtype, size) = match tag.u32_le(0)? {
        HALF => ("f16", 2),
        BYTES => ("i8", 1),
        0 | SINGLE => ("f32", 4),
        // The sum of its bytes decides, which is zero for zero alone.
        _ => {
            push(".table", "f32", TABLE, cursor.take_u64(TABLE.checked_mul(4)?)?);
            ("u8", 1)
        }
    };
    let len = array.count.checked_mul(size)?;
    push("", dtype, array.count, cursor.take_u64(len)?);
    cursor.take_u64(len.checked_next_multiple_of(4)?.checked_sub(len)?)?;
    if array.tagged {
        found.tags.push(tag.span());
    }
    Some(())
}

/// The arrays of a layer in their order. `None` for a type of layer that is not known, and for numbers that are none.
fn arrays(layer: &Component) -> Option<Vec<Array>> {
    let settings = Settings(layer);
    if let Some(arrays) = convolution(&settings) {
        return arrays;
    }
    let count = |id, default| settings.count(id, default);
    let both = |size: u64| vec![plain("gamma", size), plain("beta", size)];
    Some(match layer.class.as_str() {
        class if WITHOUT.contains(&class) => Vec::new(),
        "InnerProduct" => {
            let outputs = count("0", 0)?;
            let mut arrays = vec![tagged("weight", count("2", 0)?)];
            arrays.extend((count("1", 0)? != 0).then(|| plain("bias", outputs)));
            if settings.scaled("8")? {
                arrays.extend([plain("weight_scales", outputs), plain("input_scale", 1)]);
            }
            arrays
        }
        "Embed" => {
            let mut arrays = vec![tagged("weight", count("3", 0)?)];
            arrays.extend((count("2", 0)? != 0).then_some(plain("bias", count("0", 0)?)));
            arrays.extend(settings.scaled("18")?.then(|| plain("weight_scale", 1)));
            arrays
        }
        "BatchNorm" => {
            let channels = count("0", 0)?;
            ["slope", "mean", "variance", "bias"].map(|name| plain(name, channels)).into()
        }
        "Scale" if settings.number("0", 0)? == GIVEN => Vec::new(),
        "Scale" => {
            let size = count("0", 0)?;
            let mut arrays = vec![plain("scale", size)];
            arrays.extend((count("1", 0)? != 0).then(|| plain("bias", size)));
            arrays
        }
        "Bias" => vec![plain("bias", count("0", 0)?)],
        "PReLU" => vec![plain("slope", count("0", 0)?)],
        "Normalize" => vec![plain("scale", count("3", 0)?)],
        "InstanceNorm" | "LayerNorm" if count("2", 1)? != 0 => both(count("0", 0)?),
        "GroupNorm" if count("3", 1)? != 0 => both(count("1", 0)?),
        "RMSNorm" if count("2", 1)? != 0 => vec![plain("gamma", count("0", 0)?)],
        "InstanceNorm" | "LayerNorm" | "GroupNorm" | "RMSNorm" => Vec::new(),
        "Padding" => {
            let size = count("6", 0)?;
            (size != 0).then(|| plain("values", size)).into_iter().collect()
        }
        "Quantize" => vec![plain("scale", count("0", 1)?)],
        "Dequantize" => some([plain("scale", count("0", 1)?), plain("bias", count("1", 0)?)]),
        "Requantize" => some([
            plain("scale_in", count("0", 1)?),
            plain("scale_out", count("1", 1)?),
            plain("bias", count("2", 0)?),
        ]),
        "MemoryData" => memory(&settings)?,
        "LSTM" => recurrent(&settings, 4, 4)?,
        "GRU" => recurrent(&settings, 3, 4)?,
        "RNN" => recurrent(&settings, 1, 1)?,
        "MultiHeadAttention" => attention(&settings)?,
        "Gemm" => product(&settings)?,
        _ => return None,
    })
}

/// Those that have elements.
fn some<const N: usize>(arrays: [Array; N]) -> Vec<Array> {
    arrays.into_iter().filter(|array| array.count != 0).collect()
}

/// The arrays of a layer that is a convolution, in one to three dimensions, for each channel or not, there or back.
fn convolution(settings: &Settings<'_>) -> Option<Option<Vec<Array>>> {
    let class = settings.0.class.as_str();
    let given = match class {
        "Convolution" | "ConvolutionDepthWise" | "Convolution1D" | "ConvolutionDepthWise1D" => "19",
        "Deconvolution" | "DeconvolutionDepthWise" | "Deconvolution1D"
        | "DeconvolutionDepthWise1D" => "28",
        "Convolution3D" | "ConvolutionDepthWise3D" | "Deconvolution3D"
        | "DeconvolutionDepthWise3D" | "DeformableConv2D" => "",
        _ => return None,
    };
    Some((|| {
        // The weights may be another input.
        if settings.count(given, 0)? != 0 {
            return Some(Vec::new());
        }
        let outputs = settings.count("0", 0)?;
        let mut arrays = vec![tagged("weight", settings.count("6", 0)?)];
        arrays.extend((settings.count("5", 0)? != 0).then(|| plain("bias", outputs)));
        let term = match class {
            "Convolution" | "ConvolutionDepthWise" => settings.count("8", 0)?,
            _ => 0,
        };
        let scales = match (class, term) {
            (_, 0) => return Some(arrays),
            ("Convolution", 1 | 2 | 101 | 102) => outputs,
            (_, 1 | 101) => settings.count("7", 1)?,
            (_, 2 | 102) => 1,
            _ => return None,
        };
        arrays.extend([plain("weight_scales", scales), plain("input_scale", 1)]);
        arrays.extend((term > 100).then(|| plain("output_scale", 1)));
        Some(arrays)
    })())
}

/// Numbers that stand in the network. An axis of size 0 is none; without any there is nothing in the file.
fn memory(settings: &Settings<'_>) -> Option<Vec<Array>> {
    let (mut count, mut any) = (1_u64, false);
    for axis in ["0", "1", "11", "2"] {
        let size = settings.count(axis, 0)?;
        any |= size != 0;
        count = count.checked_mul(size.max(1))?;
    }
    if !any {
        return Some(Vec::new());
    }
    Some(vec![match settings.count("21", 1)? {
        0 => tagged("data", count),
        1 => plain("data", count),
        _ => return None,
    }])
}

/// The arrays of a layer with so many gates, and so many rows of biases.
fn recurrent(settings: &Settings<'_>, gates: u64, biases: u64) -> Option<Vec<Array>> {
    let outputs = settings.count("0", 0)?;
    let ways = if settings.count("2", 0)? == 2 { 2 } else { 1 };
    let hidden = match settings.0.class.as_str() {
        "LSTM" => settings.count("3", i64::try_from(outputs).ok()?)?,
        _ => outputs,
    };
    let rows = hidden.checked_mul(gates)?.checked_mul(ways)?;
    // As many columns as fit whole.
    let columns = settings.count("1", 0)?.checked_div(rows)?;
    let mut arrays = vec![
        tagged("weight_input", rows.checked_mul(columns)?),
        tagged("bias", hidden.checked_mul(biases)?.checked_mul(ways)?),
        tagged("weight_hidden", rows.checked_mul(outputs)?),
    ];
    if outputs != hidden {
        let count = hidden.checked_mul(outputs)?.checked_mul(ways)?;
        arrays.push(tagged("weight_projection", count));
    }
    if settings.scaled("8")? {
        arrays.extend([plain("weight_hidden_scales", rows), plain("weight_input_scales", rows)]);
    }
    Some(arrays)
}

fn attention(settings: &Settings<'_>) -> Option<Vec<Array>> {
    let size = settings.count("0", 0)?;
    let queries = settings.count("2", 0)?.checked_div(size)?;
    let default = i64::try_from(size).ok()?;
    let (keys, values) = (settings.count("3", default)?, settings.count("4", default)?);
    let mut arrays = vec![
        tagged("q_weight", size.checked_mul(queries)?),
        plain("q_bias", size),
        tagged("k_weight", size.checked_mul(keys)?),
        plain("k_bias", size),
        tagged("v_weight", size.checked_mul(values)?),
        plain("v_bias", size),
        tagged("out_weight", size.checked_mul(queries)?),
        plain("out_bias", queries),
    ];
    if settings.scaled("18")? {
        arrays.extend(["q_scales", "k_scales", "v_scales"].map(|name| plain(name, size)));
        arrays.push(plain("out_scale", 1));
    }
    Some(arrays)
}

/// A product of matrices, each of which may stand in the file.
fn product(settings: &Settings<'_>) -> Option<Vec<Array>> {
    let set = |id| settings.count(id, 0).map(|value| value != 0);
    let (a, b, c) = (set("4")?, set("5")?, set("6")?);
    // Sizes that are not known are zero.
    let size = |id| settings.count(id, 0);
    let mut arrays = Vec::new();
    if a {
        arrays.push(tagged("a", size("7")?.checked_mul(size("9")?)?));
    }
    if b {
        arrays.push(tagged("b", size("8")?.checked_mul(size("9")?)?));
    }
    if c {
        let count = match settings.number("10", 0)? {
            -1 => None,
            0 => Some(1),
            1 | 2 => Some(size("7")?),
            3 => Some(size("7")?.checked_mul(size("8")?)?),
            4 => Some(size("8")?),
            _ => return None,
        };
        arrays.extend(count.map(|count| tagged("c", count)));
    }
    if settings.scaled("18")? {
        arrays.extend(if a { Some(plain("a_scales", size("7")?)) } else { None });
        arrays.extend(b.then(|| plain("b_scale", 1)));
    }
    Some(arrays)
}

/// The numbered settings of a layer.
struct Settings<'a>(&'a Component);

impl Settings<'_> {
    /// The number that a setting is; `None` when it is none.
    fn number(&self, id: &str, default: i64) -> Option<i64> {
        self.0.setting(id).map_or(Some(default), |value| value.parse().ok())
    }

    /// Whether the weights are bytes with scales. `None` for the ways to quantize that came later.
    fn scaled(&self, id: &str) -> Option<bool> {
        match self.number(id, 0)? {
            0 => Some(false),
            1 | 2 | 101 | 102 => Some(true),
            _ => None,
        }
    }

    /// A number of things.
    fn count(&self, id: &str, default: i64) -> Option<u64> {
        u64::try_from(self.number(id, default)?).ok()
    }
}

#[cfg(test)]
mod tests;
