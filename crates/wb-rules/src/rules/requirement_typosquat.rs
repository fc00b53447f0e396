//! Requirements whose names are nearly those of popular packages.

use super::{Draft, Subject};
use std::collections::HashSet;
use std::sync::OnceLock;
use wb_core::{
    Component, Confidence, Evidence, Finding, FindingBuilder, Location, Severity, Trigger, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A requirement named nearly like a popular package",
    severity: Severity::High,
    techniques: &["AML.T0010.001", "AML.T0074", "T1195.001", "T1036.005"],
    examine,
};

/// Popular packages of the Python Package Index and their neighbours in name, one a line.
pub(crate) const POPULAR: &str = include_str!("../../data/popular_packages.txt");

fn popular() -> &'static HashSet<&'static str> {
    static NAMES: OnceLock<HashSet<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        POPULAR.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
    })
}

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let components = subject.content.components.iter();
    let packages: Vec<&Component> =
        components.filter(|component| component.kind == "requirement").collect();
    packages
        .iter()
        .filter_map(|package| {
            let real = imitated(&normalised(&package.name))?;
            let beside = packages.iter().find(|other| normalised(&other.name) == real);
            Some(finding(subject, package, real, beside.copied()))
        })
        .collect()
}

fn finding(
    subject: &Subject<'_>,
    package: &Component,
    real: &str,
    beside: Option<&Component>,
) -> Finding {
    let at = |component: &Component| {
        let line = component.setting("line").and_then(|line| line.parse().ok());
        let place = line.map_or_else(|| Location::at(&*component.place, None), Location::line);
        Location { span: component.span, ..place }
    };
    let version = package.setting("version").unwrap_or_default();
    let absurd = is_absurd(version);
    let sure = if beside.is_some() || absurd { Confidence::High } else { Confidence::Medium };
    let headline = format!("the package `{}` is named nearly like `{real}`", package.name);
    let mut builder =
        FindingBuilder::new("requirement-typosquat", &subject.artifact.path, at(package), headline)
            .severity(RULE.severity)
            .confidence(sure)
            .verdict(Verdict::Suspicious)
            .call(package.name.clone())
            .trigger(Trigger::Install)
            .techniques(RULE.techniques)
            .next(format!("remove `{}`; look for it on every machine that installed this list", package.name));
    let artifact = || subject.artifact.path.clone();
    if let Some(other) = beside {
        let because = format!("`{real}` itself is listed too");
        builder = builder.evidence(Evidence { artifact: artifact(), location: at(other), because });
    }
    if absurd {
        let because = format!("the version `{version}` is higher than honest projects reach");
        builder = builder.evidence(Evidence { artifact: artifact(), location: at(package), because });
    }
    builder.build()
}

/// A name as the index compares it: PEP 503.
fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// A version chosen to win over every other: the first number of several digits.
fn is_absurd(version: &str) -> bool {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let major = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    // Calendar versions begin with a year.
    major.parse::<u64>().is_ok_and(|major| (90..1990).contains(&major) || major > 2100)
}

/// The popular package that `name` could be taken for; `None` for popular packages themselves.
fn imitated(name: &str) -> Option<&'static str> {
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
    let swapped = distance == 1 && plain.len() == plain_real.len() && sorted(&plain) == sorted(&plain_real);
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
            ("trasnformers", "transformers"), ("tensorfow", "tensorflow"), ("scikitlearn", "scikit-learn"),
            ("learn-scikit", "scikit-learn"), ("reqeusts", "requests"), ("nupmy", "numpy"),
            ("hugginface-hub", "huggingface-hub"), ("panadas", "pandas"), ("t0rch", "torch"),
        ] {
            assert_eq!(imitated(name), Some(real), "{name}");
        }
        for name in [
            "transformers", "torch", "boto", "boto3", "torchvision", "torchaudio", "flask", "jax", "jaxlib",
            "scipy", "sympy", "numba", "numpy", "keras", "my-company-models", "weighbridge", "click", "pytest",
            "pytz", "dask", "tqdm", "nltk", "ftfy", "timm", "peft", "trl", "onnx", "polars", "vllm", "gguf",
        ] {
            assert_eq!(imitated(name), None, "{name}");
        }
    }
}
