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
    /// Whether the name of the file is written with escapes.
    pub escaped: bool,
}

impl Record<'_> {
    /// The name of the file, without the escapes of GNU coreutils.
    pub(crate) fn name(&self) -> Option<String> {
        let file = self.file?;
        if !self.escaped {
            return Some(file.to_owned());
        }
        let mut name = String::with_capacity(file.len());
        let mut rest = file.chars();
        while let Some(next) = rest.next() {
            name.push(match next {
                '\\' => match rest.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    other => other.unwrap_or('\\'),
                },
                plain => plain,
            });
        }
        Some(name)
    }
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

/// What `line` records: `HEX  name`, `HEX *name`, `SHA256 (name) = HEX`, `SHA2-256(name)= HEX`, `name: HEX`,
/// `name HEX`, `sha256:HEX name`, or a digest alone.
pub(crate) fn record(line: &str) -> Option<Record<'_>> {
    // GNU coreutils puts a backslash before a line whose name is escaped.
    let line = line.trim();
    let escaped = line.strip_prefix('\\');
    let line = escaped.unwrap_or(line);
    if line.len() < 32 {
        return None;
    }
    let record = tagged(line, " (", ") = ").or_else(|| tagged(line, "(", ")= ")).or_else(|| plain(line))?;
    Some(Record { escaped: escaped.is_some(), ..record })
}

/// `SHA256 (name) = HEX`, as BSD and `sha256sum --tag` write it, or `SHA2-256(name)= HEX`, as OpenSSL does.
fn tagged<'a>(line: &'a str, open: &str, close: &str) -> Option<Record<'a>> {
    let (algorithm, rest) = line.split_once(open)?;
    let (file, hex) = rest.rsplit_once(close)?;
    let digest = Digest::new(algorithm_of(algorithm)?, hex)?;
    Some(Record { file: Some(file), digest, hex, escaped: false })
}

fn plain(line: &str) -> Option<Record<'_>> {
    let separators = [' ', '\t', ',', ';', '='];
    if let Some((first, rest)) = line.split_once(separators) {
        if let Some((digest, hex)) = whole(first) {
            let file = rest.trim_start_matches(separators).trim();
            let file = file.strip_prefix('*').unwrap_or(file);
            return one_name(file).then_some(Record { file: Some(file), digest, hex, escaped: false });
        }
        let (before, last) = line.rsplit_once([' ', '\t', ',', ';', '=', ':'])?;
        let (digest, hex) = whole(last)?;
        let before = before.strip_suffix("sha256").unwrap_or(before);
        let file = before.trim_end_matches([' ', '\t', ',', ';', '=', ':']).trim_matches('"');
        // `BLAKE2b (name) = HEX`: a digest of that length, and of another kind.
        let tagged = file.ends_with(')') && file.split_once('(').is_some_and(|(tag, _)| is_other_kind(tag));
        return (!tagged && one_name(file)).then_some(Record { file: Some(file), digest, hex, escaped: false });
    }
    if let Some((digest, hex)) = whole(line) {
        return Some(Record { file: None, digest, hex, escaped: false });
    }
    let (file, last) = line.rsplit_once(':')?;
    let (digest, hex) = whole(last)?;
    one_name(file).then_some(Record { file: Some(file), digest, hex, escaped: false })
}

/// Whether `file` can be the rest of the line: a name, not a sentence or a log record.
fn one_name(file: &str) -> bool {
    let plain = !file.is_empty() && !file.contains(['=', '"', '[', ']', '{', '}', '|']);
    plain && file.split_whitespace().count() <= 4 && whole(file).is_none()
}

/// Whether digests of that name are as long as those that are known, and none of them.
fn is_other_kind(tag: &str) -> bool {
    let tag = tag.trim().to_ascii_lowercase();
    ["blake", "sha3", "sha-3", "sm3", "ripemd", "shake"].iter().any(|kind| tag.starts_with(kind))
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
        "sha256" | "sha2256" | "sha2" => DigestAlgorithm::Sha256,
        "sha512" | "sha2512" => DigestAlgorithm::Sha512,
        _ => return None,
    })
}
