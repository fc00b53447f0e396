use super::*;
use crate::testing::parse;

/// A network of one layer.
fn layers(layer: &str) -> Vec<Component> {
    let (class, settings) = layer.split_once(' ').unwrap_or((layer, ""));
    let text = format!("7767517\n2 2\nInput in 0 1 a\n{class} x 1 1 a b {settings}\n");
    parse("ncnn", text.as_bytes()).components
}

/// How many zeros the arrays of a layer take.
fn zeros(layer: &str) -> Option<u64> {
    let data = [0; 4_096];
    let found = ncnn_weights(&layers(layer), Bytes::new(&data))?;
    let ends = found.tensors.iter().filter_map(|tensor| Some(tensor.span?.end()));
    Some(ends.max().unwrap_or(0))
}

/// The fewest zeros with which ncnn 1.0.20261020 loads a network of such a layer.
#[test]
fn layers_have_as_many_bytes_as_the_runtime_reads() {
    let expected = [
        ("Convolution 0=4 1=3 5=1 6=36", 164),
        ("Convolution 0=4 1=3 5=0 6=36", 148),
        ("Convolution 0=4 1=3 5=1 6=36 19=1", 0),
        ("ConvolutionDepthWise 0=4 1=3 5=1 6=36 7=4", 164),
        ("Convolution1D 0=4 1=3 5=1 6=12", 68),
        ("Convolution3D 0=4 1=3 5=1 6=108", 452),
        ("ConvolutionDepthWise1D 0=4 1=3 5=1 6=12 7=4", 68),
        ("ConvolutionDepthWise3D 0=4 1=3 5=1 6=108 7=4", 452),
        ("Deconvolution 0=4 1=3 5=1 6=36", 164),
        ("DeconvolutionDepthWise 0=4 1=3 5=1 6=36 7=4", 164),
        ("Deconvolution1D 0=4 1=3 5=1 6=12", 68),
        ("Deconvolution3D 0=4 1=3 5=1 6=108", 452),
        ("DeconvolutionDepthWise1D 0=4 1=3 5=1 6=12 7=4", 68),
        ("DeconvolutionDepthWise3D 0=4 1=3 5=1 6=108 7=4", 452),
        ("DeformableConv2D 0=4 1=3 5=1 6=36", 164),
        ("InnerProduct 0=4 1=1 2=12", 68),
        ("Embed 0=4 1=3 2=1 3=12", 68),
        ("BatchNorm 0=5", 80),
        ("Scale 0=5 1=1", 40),
        ("Scale 0=-233 1=1", 0),
        ("Bias 0=5", 20),
        ("PReLU 0=3", 12),
        ("Normalize 3=7", 28),
        ("InstanceNorm 0=5", 40),
        ("InstanceNorm 0=5 2=0", 0),
        ("GroupNorm 0=2 1=6", 48),
        ("LayerNorm 0=5", 40),
        ("LayerNorm 0=5 2=0", 0),
        ("RMSNorm 0=5", 20),
        ("Quantize 0=3", 12),
        ("Quantize", 4),
        ("Dequantize 0=3 1=2", 20),
        ("Dequantize", 4),
        ("Requantize 0=3 1=2 2=4", 36),
        ("MemoryData 0=3", 12),
        ("MemoryData 0=3 1=2 2=5 21=0", 124),
        ("MemoryData 0=3 1=2 11=2 2=5", 240),
        ("MemoryData", 0),
        ("LSTM 0=4 1=48", 524),
        ("LSTM 0=4 1=96 2=2", 1036),
        ("LSTM 0=2 1=48 3=4", 432),
        ("GRU 0=4 1=36", 412),
        ("GRU 0=4 1=72 2=2", 812),
        ("RNN 0=4 1=12", 140),
        ("RNN 0=4 1=24 2=2", 268),
        ("MultiHeadAttention 0=4 1=2 2=16", 336),
        ("MultiHeadAttention 0=4 1=2 2=24 3=5 4=7", 472),
        ("Gemm 4=1 7=3 9=5", 64),
        ("Gemm 5=1 8=3 9=5", 64),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=0", 72),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=1", 76),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=2", 76),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=3", 92),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=4", 80),
        ("Gemm 5=1 6=1 7=2 8=3 9=5 10=-1", 64),
    ];
    for (layer, bytes) in expected {
        assert_eq!(zeros(layer), Some(bytes), "{layer}");
    }
}

/// As `load_model` of the layers in the sources of NCNN has it.
#[test]
fn scales_of_bytes_follow_what_they_scale() {
    let expected = [
        ("Convolution 0=4 5=1 6=36 8=1", 164 + 20),
        ("Convolution 0=4 5=1 6=36 8=102", 164 + 24),
        ("ConvolutionDepthWise 0=8 5=0 6=36 7=4 8=1", 148 + 20),
        ("ConvolutionDepthWise 0=8 5=0 6=36 7=4 8=102", 148 + 12),
        ("InnerProduct 0=4 1=0 2=12 8=1", 52 + 20),
        ("Embed 0=4 1=3 3=12 18=1", 52 + 4),
        ("LSTM 0=4 1=48 8=2", 524 + 128),
        ("MultiHeadAttention 0=4 1=2 2=16 18=2", 336 + 52),
        ("Gemm 4=1 5=1 7=2 8=3 9=5 18=2", 108 + 12),
        ("Padding 0=1 6=3", 12),
    ];
    for (layer, bytes) in expected {
        assert_eq!(zeros(layer), Some(bytes), "{layer}");
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    for layer in ["Mine 0=4", "Gemm 5=1 8=3 9=5 18=400", "InnerProduct 0=x 2=3", "Embed 3=-1"] {
        assert_eq!(zeros(layer), None, "{layer}");
    }
    assert_eq!(zeros("InnerProduct 2=9999999999999999"), None);
}

#[test]
fn each_word_says_how_an_array_is_stored() {
    let layer = layers("InnerProduct 0=1 1=1 2=3");
    let types = |word: [u8; 4], len: usize| {
        let data: Vec<u8> = word.into_iter().chain(vec![1; len]).collect();
        let found = ncnn_weights(&layer, Bytes::new(&data))?;
        assert_eq!(found.tags, [Span::new(0, 4)]);
        Some(found.tensors.into_iter().map(|tensor| tensor.dtype).collect::<Vec<_>>().join(" "))
    };
    let expected = [
        (HALF.to_le_bytes(), 8 + 4, "f16 f32"),
        (BYTES.to_le_bytes(), 4 + 4, "i8 f32"),
        (SINGLE.to_le_bytes(), 12 + 4, "f32 f32"),
        ([0; 4], 12 + 4, "f32 f32"),
        ([0, 0, 0, 1], 1_024 + 4 + 4, "f32 u8 f32"),
    ];
    for (word, len, kinds) in expected {
        assert_eq!((types(word, len).as_deref(), types(word, len - 1)), (Some(kinds), None));
    }
}

#[test]
fn what_pnnx_wrote_is_read_to_its_end() {
    let layers = parse("ncnn", include_bytes!("../../../tests/data/written/ncnn.param")).components;
    let weights = Bytes::new(include_bytes!("../../../tests/data/written/ncnn.bin"));
    let found = ncnn_weights(&layers, weights).expect("known layers");
    let tensors: Vec<(&str, &str, u64)> = found
        .tensors
        .iter()
        .map(|one| (one.name.as_str(), one.dtype.as_str(), one.span.map_or(0, Span::end)))
        .collect();
    assert_eq!(tensors, [("fcrelu_0.weight", "f16", 16), ("fcrelu_0.bias", "f32", 24)]);
    crate::mutations::of(weights.as_slice(), 200, |bytes| {
        drop(ncnn_weights(&layers, Bytes::new(bytes)));
    });
}
