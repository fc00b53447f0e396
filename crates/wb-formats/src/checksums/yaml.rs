//! Digests in simple YAML, as DVC writes them: an item has an algorithm with a digest, and a `path`.
//!
//! ```yaml
//! outs:
//! - md5: a304afb96060aad90176268345e10355
//!   path: model.pkl
//! ```

use super::line::{algorithm_of, is_comment, whole};
use crate::plain_text::Line;
use wb_core::{Digest, RecordedDigest};

/// One `key: value` line.
struct Pair<'a> {
    /// Column of the key; the dash of a list item counts.
    indent: usize,
    /// Whether it begins a list item.
    begins: bool,
    key: &'a str,
    value: &'a str,
}

/// Whether `text` is nothing but keys and values, and records a digest.
pub(crate) fn is_manifest(text: &str) -> bool {
    const MOST: usize = 20_000;
    let mut found = false;
    for (count, line) in text.lines().filter(|line| !is_comment(line) && *line != "---").enumerate() {
        let Some(pair) = pair(line).filter(|_| count < MOST) else { return false };
        found |= digest(&pair).is_some();
    }
    found
}

/// The digests in `lines`, each with the path of its item.
pub(crate) fn read<'a>(lines: impl Iterator<Item = Line<'a>>) -> Vec<RecordedDigest> {
    let mut digests: Vec<RecordedDigest> = Vec::new();
    let (mut first, mut indent) = (0_usize, 0_usize);
    let mut path: Option<String> = None;
    let finish = |digests: &mut Vec<RecordedDigest>, first: usize, path: Option<String>| {
        for digest in digests.iter_mut().skip(first).filter(|digest| digest.file.is_none()) {
            digest.file.clone_from(&path);
        }
    };
    for line in lines {
        let Some(pair) = pair(line.text) else { continue };
        if pair.begins || pair.indent != indent {
            finish(&mut digests, first, path.take());
            (first, indent) = (digests.len(), pair.indent);
        }
        if ["path", "file", "filename", "name"].contains(&pair.key) {
            path = Some(pair.value.trim_matches(['"', '\'']).to_owned());
        }
        if let Some((digest, hex)) = digest(&pair) {
            let (line, span) = (line.number, Some(line.span_of(hex)));
            digests.push(RecordedDigest { file: None, digest, line, span });
        }
    }
    finish(&mut digests, first, path);
    digests
}

fn pair(line: &str) -> Option<Pair<'_>> {
    let line = line.trim_end();
    let text = line.trim_start_matches([' ', '-']);
    let indent = line.len().saturating_sub(text.len());
    let begins = line.trim_start().starts_with("- ");
    let (key, value) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let fits = !key.is_empty() && key.chars().all(plain) && (value.is_empty() || value.starts_with(' '));
    fits.then(|| Pair { indent, begins, key, value: value.trim() })
}

/// The digest that a line records: under the name of its algorithm, or with that name before it.
fn digest<'a>(pair: &Pair<'a>) -> Option<(Digest, &'a str)> {
    // DVC marks the digest of a folder's listing.
    let value = pair.value.trim_matches(['"', '\'']);
    let value = value.strip_suffix(".dir").unwrap_or(value);
    let (digest, hex) = whole(value)?;
    let named = algorithm_of(pair.key) == Some(digest.algorithm);
    let generic = ["digest", "checksum", "hash"].contains(&pair.key) && value.contains(':');
    (named || generic).then_some((digest, hex))
}
