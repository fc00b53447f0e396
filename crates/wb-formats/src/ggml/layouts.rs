//! The headers of the programs that wrote these files. Nothing in a file names its program: the layout that fits it to the
//! end does.

/// What stands between the magic number, with its version, and the first tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The program, or the model that it was made for.
    pub(super) program: &'static str,
    /// The names of its numbers, four bytes each.
    pub(super) numbers: &'static [&'static str],
    pub(super) words: Words,
    /// Whether the data of tensors begins at multiples of 32.
    pub(super) aligned: bool,
}

/// The vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// There is none.
    No,
    /// As many words as the number of that index says, each a length and a text.
    Counted(usize),
    /// The same, and a score of four bytes behind each text.
    Scored(usize),
    /// The same without a score, behind their number once more.
    Repeated,
    /// Two sizes of a matrix, the matrix, and then the words behind their number.
    BehindFilters,
}

const LLAMA: &[&str] = &["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "n_rot", "ftype"];

/// `ggml`, without a version: `convert-*-to-ggml.py` of llama.cpp, whisper.cpp and the examples of ggml. Those that repeat
/// the number of words come first: it would be another number of the ones behind them.
const GGML: &[Layout] = &[
    Layout {
        program: "GPT-2 or StarCoder",
        numbers: &["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "ftype"],
        words: Words::Repeated,
        aligned: false,
    },
    Layout {
        program: "GPT-J",
        numbers: &["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot", "ftype"],
        words: Words::Repeated,
        aligned: false,
    },
    Layout { program: "llama.cpp", numbers: LLAMA, words: Words::Counted(0), aligned: false },
    Layout {
        program: "GPT-NeoX",
        numbers: &["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot", "par_res", "ftype"],
        words: Words::Counted(0),
        aligned: false,
    },
    Layout {
        program: "MPT",
        numbers: &[
            "d_model",
            "max_seq_len",
            "n_heads",
            "n_layers",
            "n_vocab",
            "alibi_bias_max",
            "clip_qkv",
            "ftype",
        ],
        words: Words::Counted(4),
        aligned: false,
    },
    Layout {
        program: "BLOOM",
        numbers: &["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "ftype"],
        words: Words::Counted(0),
        aligned: false,
    },
    Layout {
        program: "Whisper",
        numbers: &[
            "n_vocab",
            "n_audio_ctx",
            "n_audio_state",
            "n_audio_head",
            "n_audio_layer",
            "n_text_ctx",
            "n_text_state",
            "n_text_head",
            "n_text_layer",
            "n_mels",
            "ftype",
        ],
        words: Words::BehindFilters,
        aligned: false,
    },
];

/// `ggmf`: llama.cpp in March 2023, and rwkv.cpp with versions from 100 on.
const GGMF: &[Layout] =
    &[Layout { program: "llama.cpp", numbers: LLAMA, words: Words::Scored(0), aligned: false }];
const RWKV: &[Layout] = &[Layout {
    program: "rwkv.cpp",
    numbers: &["n_vocab", "n_embed", "n_layer", "data_type"],
    words: Words::No,
    aligned: false,
}];

/// `ggjt`: llama.cpp until August 2023.
const GGJT: &[Layout] =
    &[Layout { program: "llama.cpp", numbers: LLAMA, words: Words::Scored(0), aligned: true }];

/// `ggla`: adapters of llama.cpp; the first ones had no numbers.
const GGLA: &[Layout] = &[
    Layout { program: "llama.cpp", numbers: &["r", "lora_alpha"], words: Words::No, aligned: true },
    Layout { program: "llama.cpp", numbers: &[], words: Words::No, aligned: true },
];

/// The layouts that a file of that magic number and version may have.
pub(super) fn of(magic: &str, version: u32) -> &'static [Layout] {
    match (magic, version) {
        ("ggml", _) => GGML,
        ("ggmf", 100..) => RWKV,
        ("ggmf", _) => GGMF,
        ("ggjt", _) => GGJT,
        _ => GGLA,
    }
}

/// Bytes of a block of 32 numbers before the scales in it took two bytes (version 3 of `ggjt`); `None` for types that did
/// not change.
pub(super) const fn old_block(code: u32) -> Option<u64> {
    match code {
        2 => Some(20),
        3 => Some(24),
        8 => Some(36),
        _ => None,
    }
}
