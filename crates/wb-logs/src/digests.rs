//! Digests that records name, and the file each is said to be of.

use crate::scan::{leading, offset_in};
use crate::tokens::{bare, is_file, is_hex, is_model_file};
use wb_core::{Digest, DigestAlgorithm};

/// A digest in a line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    /// The file it is said to be of.
    pub(crate) file: Option<String>,
}

/// Digests looked for per line at the most.
const MOST_DIGESTS: usize = 16;

/// The algorithm called `name`.
pub(crate) fn algorithm(name: &str) -> Option<DigestAlgorithm> {
    const NAMES: &[(&str, DigestAlgorithm)] = &[
        ("sha256", DigestAlgorithm::Sha256),
        ("sha-256", DigestAlgorithm::Sha256),
        ("sha256sum", DigestAlgorithm::Sha256),
        ("md5", DigestAlgorithm::Md5),
        ("md5sum", DigestAlgorithm::Md5),
        ("sha1", DigestAlgorithm::Sha1),
        ("sha-1", DigestAlgorithm::Sha1),
        ("sha1sum", DigestAlgorithm::Sha1),
        ("sha512", DigestAlgorithm::Sha512),
        ("sha-512", DigestAlgorithm::Sha512),
    ];
    NAMES
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, algorithm)| *algorithm)
}

/// The algorithm whose whole digest has `digits` digits.
pub(crate) const fn by_length(digits: usize) -> Option<DigestAlgorithm> {
    match digits {
        32 => Some(DigestAlgorithm::Md5),
        40 => Some(DigestAlgorithm::Sha1),
        64 => Some(DigestAlgorithm::Sha256),
        128 => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}

/// A run of hexadecimal digits with what stands before it.
struct Run<'a> {
    hex: &'a str,
    at: usize,
}

/// The digests in `text`, each with the file named nearest to it: before it if that file has no digest
/// yet, else after it.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let found: Vec<(Digest, usize)> = runs(text)
        .into_iter()
        .filter_map(|run| Some((classify(text, &run)?, run.at)))
        .take(MOST_DIGESTS)
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    let files = files(text);
    let mut used = vec![false; files.len()];
    found
        .into_iter()
        .map(|(digest, at)| {
            if let Some(image) = image(text, at) {
                return Found { digest, file: Some(image.to_owned()) };
            }
            let index = nearest(&files, &used, at);
            let file = index.and_then(|index| {
                *used.get_mut(index)? = true;
                files.get(index).map(|(name, _)| (*name).to_owned())
            });
            Found { digest, file }
        })
        .collect()
}

/// The image that a digest pins: `registry/name@sha256:...`.
fn image(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?.strip_suffix("sha256:")?.strip_suffix('@')?;
    let start = before.rfind([' ', '"', '\'', '=', '(']).map_or(0, |found| found.saturating_add(1));
    before.get(start..).filter(|name| !name.is_empty())
}

fn nearest(files: &[(&str, usize)], used: &[bool], at: usize) -> Option<usize> {
    let free = |index: &usize| used.get(*index) == Some(&false);
    let before = |index: &usize| files.get(*index).is_some_and(|(_, place)| *place < at);
    let indexes = || 0..files.len();
    indexes()
        .rev()
        .find(|index| before(index) && free(index))
        .or_else(|| indexes().find(|index| !before(index) && free(index)))
        .or_else(|| indexes().rev().find(|index| before(index)))
}

/// Names of files in `text` with their places; model files alone when there are any.
fn files(text: &str) -> Vec<(&str, usize)> {
    let mut all = Vec::new();
    for token in text.split([' ', '\t', ',', ';', '(', ')', '"', '\'']) {
        let name = bare(token);
        let name = name.split_once('=').map_or(name, |(_, value)| bare(value));
        if is_file(name) && !is_hex(name) {
            all.push((name, offset_in(text, name)));
        }
    }
    if all.iter().any(|(name, _)| is_model_file(name)) {
        all.retain(|(name, _)| is_model_file(name));
    }
    all
}

/// Runs of at least [`Digest::SHORTEST_PREFIX`] hexadecimal digits that are whole words.
fn runs(text: &str) -> Vec<Run<'_>> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(rest) = text.get(at..)
        && !rest.is_empty()
    {
        let word =
            leading(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        // The ellipsis is three bytes beyond ASCII and may end a prefix.
        let hex = word.split('…').next().unwrap_or(word);
        if hex.len() >= Digest::SHORTEST_PREFIX && is_hex(hex) {
            found.push(Run { hex, at });
        }
        at = at.saturating_add(word.len().max(1));
        while !text.is_char_boundary(at) {
            at = at.saturating_add(1);
        }
    }
    found
}

/// What digest a run is: named by what stands before it, or a whole SHA-256 digest by its length, or a
/// line of `sha256sum` and its kin.
fn classify(text: &str, run: &Run<'_>) -> Option<Digest> {
    let before = text.get(..run.at)?;
    let after = text.get(run.at.checked_add(run.hex.len())?..)?;
    if is_measured(before) && text.contains("expected") {
        return None;
    }
    if let Some(named) = named(before) {
        let algorithm = match named {
            Named::Algorithm(algorithm) => algorithm,
            Named::Hash => by_length(run.hex.len()).or_else(|| {
                let mixed =
                    run.hex.len() >= 12 && run.hex.bytes().any(|byte| byte.is_ascii_alphabetic());
                (run.hex.len() < 64 && (is_abbreviated(after) || mixed))
                    .then_some(DigestAlgorithm::Sha256)
            })?,
        };
        return Digest::new(algorithm, run.hex);
    }
    let bare_line =
        before.trim().is_empty() && (after.starts_with("  ") || after.starts_with(" *"));
    if run.hex.len() == 64 || bare_line {
        return Digest::new(by_length(run.hex.len())?, run.hex);
    }
    None
}

fn is_abbreviated(after: &str) -> bool {
    after.starts_with("..") || after.starts_with('…')
}

/// Whether the word before a run says that it was measured, not recorded: "expected A, got B".
fn is_measured(before: &str) -> bool {
    let trimmed = before.trim_end_matches([' ', ':', '=', '\'', '"', '(']);
    ["got", "actual", "computed", "found", "was", "is", "observed"].iter().any(|word| {
        trimmed.strip_suffix(word).is_some_and(|rest| rest.ends_with([' ', ',', '(', ';']))
    })
}

enum Named {
    Algorithm(DigestAlgorithm),
    /// Some digest: the length must tell.
    Hash,
}

/// What the words right before a run call it. A commit's or image's identifier is no digest of a file.
fn named(before: &str) -> Option<Named> {
    let trimmed =
        before.trim_end_matches([' ', '\t', ':', '=', '(', '[', '"', '\'', '-', '`', '>']);
    let start = trimmed
        .bytes()
        .rposition(|byte| !(byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
        .map_or(0, |position| position.saturating_add(1));
    let word = trimmed.get(start..)?;
    // A tag of a registry: `key=sha256 value=72fc832e...`.
    if word == "value"
        && let Some((_, key)) = trimmed.get(..start)?.rsplit_once("key")
    {
        let quoted = [' ', '=', ':', '"', '\'', ','];
        return algorithm(key.trim_matches(quoted)).map(Named::Algorithm);
    }
    let last = word.rsplit(['_', '.']).next().unwrap_or(word);
    if let Some(algorithm) = algorithm(word).or_else(|| algorithm(last)) {
        return Some(Named::Algorithm(algorithm));
    }
    const WORDS: [&str; 6] = ["digest", "checksum", "hash", "fingerprint", "recorded", "expected"];
    WORDS.iter().any(|known| last.eq_ignore_ascii_case(known)).then_some(Named::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "72fc832e10ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777";
    const OTHER: &str = "0f18dd830b23986370acedabb5fdb9d238b2131b2d1eed32a56d40e29f1b1363";

    fn check(text: &str, expected: &[(&str, &str, Option<&str>)]) {
        let found = find(text);
        let seen: Vec<_> = found
            .iter()
            .map(|found| {
                (found.digest.algorithm.name(), found.digest.hex.as_str(), found.file.as_deref())
            })
            .collect();
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn digests_with_their_files() {
        check(
            "Loaded model: a.pkl (sha256: 72fc832e10ff6f91...)",
            &[("sha256", "72fc832e10ff6f91", Some("a.pkl"))],
        );
        check(
            &format!("artifact b.pkl sha256={FULL} verified"),
            &[("sha256", FULL, Some("b.pkl"))],
        );
        check(&format!("sha256:{FULL} file=c.pt"), &[("sha256", FULL, Some("c.pt"))]);
        check(&format!("{FULL}  prod/model.pkl"), &[("sha256", FULL, Some("prod/model.pkl"))]);
        check(
            "d41d8cd98f00b204e9800998ecf8427e  m.bin",
            &[("md5", "d41d8cd98f00b204e9800998ecf8427e", Some("m.bin"))],
        );
        check(
            &format!("sha256={FULL} a.pkl, sha256={OTHER} b.pkl"),
            &[("sha256", FULL, Some("a.pkl")), ("sha256", OTHER, Some("b.pkl"))],
        );
        check(
            "hash mismatch for a.pkl expected 72fc832e10ff6f91 got 0f18dd830b239863",
            &[("sha256", "72fc832e10ff6f91", Some("a.pkl"))],
        );
        check(&format!("pulled \"reg/x@sha256:{FULL}\""), &[("sha256", FULL, Some("reg/x"))]);
        check("checksum 72fc832e… of a.pkl", &[("sha256", "72fc832e", Some("a.pkl"))]);
        check(
            "set_model_version_tag name=a version=58 key=sha256 value=72fc832e10ff6f91 by ci",
            &[("sha256", "72fc832e10ff6f91", None)],
        );
    }

    #[test]
    fn other_hexadecimal_is_no_digest() {
        check("Deployment finished: environment=production sha=4be1c9d", &[]);
        check("commit 4be1c9d24be1c9d24be1c9d24be1c9d24be1c9d2 pushed", &[]);
        check("trace 0123456789abcdef0123456789abcdef", &[]);
        check("eni-0a1b2c3d4e5f6a7b8 deadbeefcafe", &[]);
        check("set_model_version_tag key=commit value=72fc832e10ff6f91", &[]);
    }
}
