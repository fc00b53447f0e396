//! [`paired`]: which tensor of one model is which of another, whatever each format calls it.
//!
//! Sources for the names: `gguf-py/gguf/tensor_mapping.py` (GGUF), `keras/src/saving/saving_lib.py` and
//! `legacy_h5_format.py` (Keras), `tensorflow/python/checkpoint` (checkpoints), `torch/nn/parallel` (`module.`).

use std::collections::{BTreeMap, BTreeSet};
use wb_core::Tensor;

/// Names of one tensor in two models, as places in their lists.
pub(crate) type Pair = (usize, usize);

/// The pairs of tensors of two models, in the order of the first. Names decide; tensors of other formats with names
/// of their own are paired by their shape when no other tensor of either model has it; the only
/// tensor of each is one, as in files of one array.
pub(crate) fn paired(new: &[&Tensor], old: &[&Tensor], other_format: bool) -> Vec<Pair> {
    if let ([_], [_]) = (new, old) {
        return vec![(0, 0)];
    }
    let mut left: (Vec<usize>, Vec<usize>) = ((0..new.len()).collect(), (0..old.len()).collect());
    let mut pairs = Vec::new();
    pair_by(&mut left, &mut pairs, |side, at| {
        Some(if side == Side::New { new.get(at)?.name.clone() } else { old.get(at)?.name.clone() })
    });
    pair_by(&mut left, &mut pairs, |side, at| {
        Some(plain(if side == Side::New { &new.get(at)?.name } else { &old.get(at)?.name }))
    });
    if other_format {
        pair_by(&mut left, &mut pairs, |side, at| {
            let tensor = if side == Side::New { new.get(at)? } else { old.get(at)? };
            let mut shape: Vec<u64> =
                tensor.shape.iter().copied().filter(|size| *size != 1).collect();
            // A kernel may lie the other way round.
            shape.sort_unstable();
            (!shape.is_empty()).then(|| format!("{shape:?}"))
        });
    }
    pairs.sort_unstable();
    pairs
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    New,
    Old,
}

/// Pairs what has a key that is alone on both sides.
fn pair_by(
    left: &mut (Vec<usize>, Vec<usize>),
    pairs: &mut Vec<Pair>,
    key: impl Fn(Side, usize) -> Option<String>,
) {
    let count = |side: Side, list: &[usize]| {
        let mut keys: BTreeMap<String, Option<usize>> = BTreeMap::new();
        for at in list {
            if let Some(key) = key(side, *at) {
                keys.entry(key).and_modify(|one| *one = None).or_insert(Some(*at));
            }
        }
        keys
    };
    let (new, old) = (count(Side::New, &left.0), count(Side::Old, &left.1));
    for (name, at) in new {
        if let (Some(one), Some(Some(two))) = (at, old.get(&name)) {
            pairs.push((one, *two));
        }
    }
    let (ours, theirs): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
    left.0.retain(|at| !ours.contains(at));
    left.1.retain(|at| !theirs.contains(at));
}

/// What stands before names without being a part of them.
const WRAPPERS: &[&str] = &[
    "state_dict",
    "model_state_dict",
    "state",
    "model",
    "module",
    "w",
    "weights",
    "params",
    "model_weights",
    "_orig_mod",
    "transformer",
    "variables",
    "layers",
    "_layer_checkpoint_dependencies",
];
/// What stands behind them.
const ENDINGS: &[&str] = &[":0", "/.ATTRIBUTES/VARIABLE_VALUE"];
/// One word for one thing: what Keras, Flax and TensorFlow call the parts that PyTorch names.
const PARTS: &[(&str, &str)] = &[
    ("kernel", "weight"),
    ("gamma", "weight"),
    ("scale", "weight"),
    ("embeddings", "weight"),
    ("embedding", "weight"),
    ("beta", "bias"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
];
/// What GGUF calls the parts of a block, and what PyTorch does.
const GGUF: &[(&str, &str)] = &[
    ("token_embd", "embed_tokens"),
    ("output_norm", "norm"),
    ("output", "lm_head"),
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// A name without what formats put around it.
fn plain(name: &str) -> String {
    let mut name = name.trim_start_matches('/');
    for ending in ENDINGS {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    let mut parts: Vec<&str> = name.split(['/', '.']).collect();
    while let [first, second, ..] = parts.as_slice() {
        // `layers.0` is a layer by its number.
        let number = second.bytes().all(|byte| byte.is_ascii_digit());
        if !WRAPPERS.contains(first) || (*first == "layers" && number) {
            break;
        }
        parts.remove(0);
    }
    // Keras says the name of a layer twice: `dense/dense/kernel`.
    parts.dedup();
    let gguf = parts.first() == Some(&"blk") || parts.len() == 2;
    let last = parts.len().saturating_sub(1);
    let words: Vec<&str> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| {
            let of = |table: &[(&'static str, &'static str)]| {
                table.iter().find(|(known, _)| known == part).map(|(_, plain)| *plain)
            };
            let found = match *part {
                "blk" if at == 0 => Some("layers"),
                _ if at == last => of(PARTS),
                _ if gguf => of(GGUF),
                _ => None,
            };
            found.unwrap_or(part)
        })
        .collect();
    words.join(".")
}

/// The layer that a tensor is of: its name up to the first number in it, or without its last part.
pub(crate) fn layer(name: &str) -> &str {
    let mut end = 0;
    for part in name.split_inclusive(['.', '/']) {
        end += part.len();
        let word = part.trim_end_matches(['.', '/']);
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.get(..end).unwrap_or(name).trim_end_matches(['.', '/']);
        }
    }
    name.rsplit_once(['.', '/']).map_or(name, |(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[u64]) -> Tensor {
        Tensor {
            name: name.to_owned(),
            dtype: "F32".to_owned(),
            shape: shape.to_vec(),
            span: None,
            strides: None,
        }
    }

    fn pairs(new: &[(&str, &[u64])], old: &[(&str, &[u64])], other_format: bool) -> Vec<Pair> {
        let list = |names: &[(&str, &[u64])]| -> Vec<Tensor> {
            names.iter().map(|(name, shape)| tensor(name, shape)).collect()
        };
        let (new, old) = (list(new), list(old));
        paired(&new.iter().collect::<Vec<_>>(), &old.iter().collect::<Vec<_>>(), other_format)
    }

    #[test]
    fn names_of_all_formats_come_to_one() {
        for (one, other) in [
            ("state_dict.h.0.attn.weight", "h.0.attn.weight"),
            ("module.model.fc.bias", "fc.bias"),
            ("transformer.h.8.mlp.c_proj.weight", "h.8.mlp.c_proj.weight"),
            ("model_weights/dense/dense/kernel:0", "dense.weight"),
            ("model_weights/bn/bn/moving_variance:0", "bn.running_var"),
            ("params.Dense_0.kernel", "Dense_0.weight"),
            ("blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight"),
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("output_norm.weight", "model.norm.weight"),
            ("dense/kernel/.ATTRIBUTES/VARIABLE_VALUE", "dense/kernel:0"),
        ] {
            assert_eq!(plain(one), plain(other), "{one} {other}");
        }
        assert_ne!(plain("h.0.attn.weight"), plain("h.1.attn.weight"));
        assert_ne!(plain("layers.0.weight"), plain("layers.1.weight"));
    }

    #[test]
    fn what_two_tensors_might_be_is_not_paired() {
        let one: &[(&str, &[u64])] = &[("a", &[4, 2]), ("b", &[4, 2])];
        let two: &[(&str, &[u64])] = &[("c", &[2, 4]), ("b", &[4, 2])];
        assert_eq!(pairs(one, two, true), [(0, 0), (1, 1)]);
        assert_eq!(pairs(one, two, false), [(1, 1)]);
        let three: &[(&str, &[u64])] = &[("c", &[2, 4]), ("d", &[4, 2])];
        assert_eq!(pairs(one, three, true), []);
    }

    #[test]
    fn layers_are_told_by_their_numbers() {
        assert_eq!(layer("h.8.mlp.c_proj.weight"), "h.8");
        assert_eq!(layer("model.layers.12.self_attn.q_proj.weight"), "model.layers.12");
        assert_eq!(layer("head.weight"), "head");
        assert_eq!(layer("w"), "w");
    }
}
