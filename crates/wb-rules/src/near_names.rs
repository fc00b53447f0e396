//! Names that are nearly those of others: [`is_near`], and of popular packages: [`imitated`].

use std::collections::HashSet;
use std::sync::OnceLock;

/// Popular packages of the Python Package Index and their neighbours in name, one a line.
pub(crate) const POPULAR: &str = include_str!("../data/popular_packages.txt");

fn popular() -> &'static HashSet<&'static str> {
    static NAMES: OnceLock<HashSet<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        POPULAR.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
    })
}

/// A name as the index compares it: PEP 503.
pub(crate) fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The popular package that `name` could be taken for; `None` for popular packages themselves.
pub(crate) fn imitated(name: &str) -> Option<&'static str> {
    if popular().contains(name) || name.len() < 4 {
        return None;
    }
    let mut near: Vec<(usize, &str)> = popular()
        .iter()
        .filter_map(|real| distance_if_near(name, real).map(|distance| (distance, *real)))
        .collect();
    near.sort_unstable();
    near.first().map(|(_, real)| *real)
}

/// Whether `name` could be taken for `real`, and is not the same.
pub fn is_near(name: &str, real: &str) -> bool {
    let (name, real) = (normalised(name), normalised(real));
    name != real && distance_if_near(&name, &real).is_some()
}

/// How far `name` is from `real`, when it is near enough to be mistaken for it.
fn distance_if_near(name: &str, real: &str) -> Option<usize> {
    let bare = |text: &str| text.replace('-', "");
    let (plain, plain_real) = (bare(name), bare(real));
    if plain == plain_real || same_parts(name, real) {
        return Some(0);
    }
    // Short names have honest neighbours in plenty: only swapped letters count there.
    let allowed = match real.len() {
        0..=3 => return None,
        4..=11 => 1,
        _ => 2,
    };
    if plain.len().abs_diff(plain_real.len()) > allowed {
        return None;
    }
    let distance = distance(plain.as_bytes(), plain_real.as_bytes());
    let swapped =
        distance == 1 && plain.len() == plain_real.len() && sorted(&plain) == sorted(&plain_real);
    (distance <= allowed && (real.len() > 4 || swapped)).then_some(distance)
}

/// `learn-scikit` for `scikit-learn`.
fn same_parts(name: &str, real: &str) -> bool {
    let parts = |text: &'_ str| {
        let mut parts: Vec<String> = text.split('-').map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    real.contains('-') && parts(name) == parts(real)
}

fn sorted(text: &str) -> Vec<u8> {
    let mut letters = text.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

/// Damerau-Levenshtein distance (optimal string alignment): inserted, removed, replaced and swapped letters.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_honest_neighbours_are_not() {
        for (name, real) in [
            ("trasnformers", "transformers"),
            ("tensorfow", "tensorflow"),
            ("scikitlearn", "scikit-learn"),
            ("learn-scikit", "scikit-learn"),
            ("reqeusts", "requests"),
            ("nupmy", "numpy"),
            ("hugginface-hub", "huggingface-hub"),
            ("panadas", "pandas"),
            ("t0rch", "torch"),
        ] {
            assert_eq!(imitated(name), Some(real), "{name}");
        }
        for name in [
            "transformers",
            "torch",
            "boto",
            "boto3",
            "torchvision",
            "torchaudio",
            "flask",
            "jax",
            "jaxlib",
            "scipy",
            "sympy",
            "numba",
            "numpy",
            "keras",
            "my-company-models",
            "weighbridge",
            "click",
            "pytest",
            "pytz",
            "dask",
            "tqdm",
            "nltk",
            "ftfy",
            "timm",
            "peft",
            "trl",
            "onnx",
            "polars",
            "vllm",
            "gguf",
        ] {
            assert_eq!(imitated(name), None, "{name}");
        }
    }
}
