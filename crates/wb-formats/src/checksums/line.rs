//! One line of a list of digests.

use wb_core::{Digest, DigestAlgorithm};

/// A digest and the file that it is of, as written.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// The file; `None` when the line holds a digest alone.
    pub file: Option<&'a str>,
    /// The digest.
    pub digest: Digest,
    /// Its digits in the line.
    pub hex: &'a str,
}

/// Whether a line records nothing by design.
pub(crate) fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', ';'])
}

/// Whether a line names the columns of the list.
pub(crate) fn is_header(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    line.len() < 128
        && record(line).is_none()
        && !line.contains(':')
        && has(&["file", "name", "path", "artifact"])
        && has(&["sha256", "sha512", "sha1", "md5", "digest", "hash", "checksum"])
}

/// What `line` records: `HEX  name`, `HEX *name`, `SHA256 (name) = HEX`, `name: HEX`, `name HEX`,
/// `sha256:HEX name`, or a digest alone.
pub(crate) fn record(line: &str) -> Option<Record<'_>> {
    // GNU coreutils puts a backslash before a line whose name is escaped.
    let line = line.trim();
    let line = line.strip_prefix('\\').unwrap_or(line);
    if line.len() < 32 {
        return None;
    }
    tagged(line).or_else(|| plain(line))
}

/// `SHA256 (name) = HEX`, as BSD and `sha256sum --tag` write it.
fn tagged(line: &str) -> Option<Record<'_>> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (file, hex) = rest.rsplit_once(") = ")?;
    let digest = Digest::new(algorithm_of(algorithm)?, hex)?;
    Some(Record { file: Some(file), digest, hex })
}

fn plain(line: &str) -> Option<Record<'_>> {
    let separators = [' ', '\t', ',', ';', '='];
    if let Some((first, rest)) = line.split_once(separators) {
        if let Some((digest, hex)) = whole(first) {
            let file = rest.trim_start_matches(separators).trim();
            let file = file.strip_prefix('*').unwrap_or(file);
            return one_name(file).then_some(Record { file: Some(file), digest, hex });
        }
        let (before, last) = line.rsplit_once([' ', '\t', ',', ';', '=', ':'])?;
        let (digest, hex) = whole(last)?;
        let before = before.strip_suffix("sha256").unwrap_or(before);
        let file = before.trim_end_matches([' ', '\t', ',', ';', '=', ':']).trim_matches('"');
        return one_name(file).then_some(Record { file: Some(file), digest, hex });
    }
    if let Some((digest, hex)) = whole(line) {
        return Some(Record { file: None, digest, hex });
    }
    let (file, last) = line.rsplit_once(':')?;
    let (digest, hex) = whole(last)?;
    one_name(file).then_some(Record { file: Some(file), digest, hex })
}

/// Whether `file` can be the rest of the line: a name, not a sentence or a log record.
fn one_name(file: &str) -> bool {
    let plain = !file.is_empty() && !file.contains(['=', '"', '[', ']', '{', '}', '|']);
    plain && file.split_whitespace().count() <= 4 && whole(file).is_none()
}

/// A whole digest, possibly after the name of its algorithm.
pub(crate) fn whole(text: &str) -> Option<(Digest, &str)> {
    let text = text.trim_matches(['"', '\'']);
    let (algorithm, hex) = match text.split_once([':', '-']) {
        Some((name, hex)) => (Some(algorithm_of(name)?), hex),
        None => (None, text),
    };
    let algorithm = algorithm.or_else(|| by_length(hex))?;
    if hex.len() != algorithm.hex_len() {
        return None;
    }
    Some((Digest::new(algorithm, hex)?, hex))
}

/// The algorithm with digests of that many digits.
pub(crate) fn by_length(hex: &str) -> Option<DigestAlgorithm> {
    use DigestAlgorithm::{Md5, Sha1, Sha256, Sha512};
    [Md5, Sha1, Sha256, Sha512].into_iter().find(|algorithm| algorithm.hex_len() == hex.len())
}

/// The algorithm of that name: `SHA256`, `sha-256`, `sha_256`.
pub(crate) fn algorithm_of(name: &str) -> Option<DigestAlgorithm> {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match name.trim_end_matches("sum") {
        "md5" => DigestAlgorithm::Md5,
        "sha1" => DigestAlgorithm::Sha1,
        "sha256" | "sha2" => DigestAlgorithm::Sha256,
        "sha512" => DigestAlgorithm::Sha512,
        _ => return None,
    })
}
