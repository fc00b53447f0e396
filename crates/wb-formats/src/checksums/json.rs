//! Digests in JSON: `{"model.pkl": "HEX"}`, `{"files": [{"path": "...", "sha256": "..."}]}`, the listings
//! of DVC, Hugging Face and in-toto. [`digests_of`] finds them in any JSON.

use super::line::{algorithm_of, by_length, whole};
use crate::spanned_json::{self, Json, Node, Reader};
use wb_core::{Budget, Bytes, Content, Digest, Field, Limits, RecordedDigest, Span};

/// Whether recording digests is what this JSON is for: one value in six is a digest, or more.
pub(crate) fn is_manifest(input: Bytes<'_>) -> bool {
    const LONGEST: usize = 16 << 20;
    if input.len() > LONGEST || !holds_hex(input) {
        return false;
    }
    let mut budget = Budget::new(Limits { items: 400_000, ..Limits::default() });
    let mut reader = Reader::new(input);
    let Ok(json) = reader.value(&mut budget) else { return false };
    if !reader.rest().is_empty() || is_repositories(&json) {
        return false;
    }
    let mut walk = Walk::over(input);
    walk.value(&json, None, None);
    let digests = walk.digests.len() as u64;
    digests > 0 && !walk.is_record && digests.saturating_mul(6) >= walk.values
}

/// Whether a run of at least thirty-two hexadecimal digits stands anywhere: without one there is no digest,
/// and nothing has to be parsed.
fn holds_hex(input: Bytes<'_>) -> bool {
    let mut run = 0_u32;
    input.as_slice().iter().any(|byte| {
        run = if byte.is_ascii_hexdigit() { run.saturating_add(1) } else { 0 };
        run >= 32
    })
}

/// Reads a manifest: digests, and everything else as fields.
pub(crate) fn read(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    if let Some(json) = spanned_json::file(input, Reader::new(input), content, budget) {
            content.digests = digests_of(input, &json);
            let mut known: Vec<Span> = content.digests.iter().filter_map(|digest| digest.span).collect();
            known.sort_unstable();
            let mut fields = Vec::new();
            crate::json::flatten(&json, &mut fields);
            let is_digest = |field: &Field| {
                field.span.is_some_and(|span| {
                    let at = known.partition_point(|known| known.start < span.start);
                    known.get(at).is_some_and(|known| known.end() <= span.end())
                })
            };
            fields.retain(|field| !is_digest(field));
            content.fields = fields;
    }
}

/// Every digest recorded in `json`, with the file it is of.
pub(crate) fn digests_of(input: Bytes<'_>, json: &Json) -> Vec<RecordedDigest> {
    if is_repositories(json) {
        return Vec::new();
    }
    let mut walk = Walk::over(input);
    walk.value(json, None, None);
    walk.digests
}

/// Whether it is the list `repositories` in an archive of images: names with their tags, and the layer of each tag
/// (Docker "Image Specification v1"). A tag is no file, and the identifier of such a layer is the digest of none.
fn is_repositories(json: &Json) -> bool {
    let numbered = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let is_tag = |name: &str| {
        let ends = name.rsplit_once('.').is_none_or(|(_, ending)| numbered(ending));
        name == "latest" || ends && numbered(name.strip_prefix('v').unwrap_or(name))
    };
    let is_layer = |value: &Json| value.text().is_some_and(|text| text.len() == 64 && whole(text).is_some());
    let tagged = |tags: &Json| {
        let entries = tags.entries();
        !entries.is_empty() && entries.iter().all(|(name, layer)| is_tag(name) && is_layer(layer))
    };
    !json.entries().is_empty() && json.entries().iter().all(|(_, tags)| tagged(tags))
}

struct Walk {
    /// Offsets of the line breaks.
    breaks: Vec<u64>,
    digests: Vec<RecordedDigest>,
    /// Values that are neither objects nor arrays.
    values: u64,
    /// Whether a digest stands beside the keys of a log record.
    is_record: bool,
}

impl Walk {
    fn over(input: Bytes<'_>) -> Self {
        let breaks = memchr::memchr_iter(b'\n', input.as_slice())
            .map(|at| input.offset().saturating_add(at as u64))
            .collect();
        Self { breaks, digests: Vec::new(), values: 0, is_record: false }
    }

    /// Looks at `json`, the value of `key`. `file` is the file that the objects around it are about. The
    /// reader bounds how deeply values nest.
    fn value(&mut self, json: &Json, key: Option<&str>, file: Option<&str>) {
        match &json.node {
            Node::Text(text) => {
                self.values = self.values.saturating_add(1);
                self.text(json, text, key, file);
            }
            Node::Plain(_) | Node::TooDeep => self.values = self.values.saturating_add(1),
            Node::Array(items) => {
                for item in items {
                    self.value(item, key, file);
                }
            }
            Node::Object(entries) => {
                let file = named(json).or_else(|| key.filter(|key| is_file(key))).or(file);
                let all = entries.iter().all(|(_, value)| value.text().and_then(whole).is_some());
                let before = self.digests.len();
                for (name, value) in entries {
                    // In an object of nothing but digests every key names what it is the digest of.
                    let names_file = all && !speaks_of_digests(name) && !is_revision(name);
                    let file = if names_file { Some(name.as_str()) } else { file };
                    self.value(value, Some(name), file);
                }
                self.is_record |= self.digests.len() > before && is_log_record(json);
            }
        }
    }

    fn text(&mut self, json: &Json, text: &str, key: Option<&str>, file: Option<&str>) {
        let key = key.unwrap_or_default();
        let digest = if let Some((digest, _)) = whole(text) {
            let taken = speaks_of_digests(key) || is_file(key) || file == Some(key) || text.contains(':');
            taken.then_some(digest)
        } else {
            // A prefix counts only under the name of its algorithm.
            algorithm_of(key).and_then(|algorithm| Digest::new(algorithm, text))
        };
        let Some(digest) = digest else { return };
        let file = if is_file(key) { Some(key) } else { file };
        self.digests.push(RecordedDigest {
            file: file.map(str::to_owned),
            line: self.line(json.span.start),
            span: Some(hex_span(json.span, text, &digest)),
            digest,
        });
    }

    fn line(&self, offset: u64) -> u64 {
        (self.breaks.partition_point(|line_break| *line_break < offset) as u64).saturating_add(1)
    }
}

/// The digits within the quoted string at `span`.
fn hex_span(span: Span, text: &str, digest: &Digest) -> Span {
    let len = digest.hex.len() as u64;
    let before = (text.len() as u64).saturating_sub(len).saturating_add(1);
    Span::new(span.start.saturating_add(before), len)
}

/// The file that an object says it is about.
fn named(json: &Json) -> Option<&str> {
    const KEYS: &[&str] =
        &["path", "file", "filename", "file_name", "rfilename", "name", "artifact", "uri", "relpath"];
    KEYS.iter().find_map(|key| json.text_at(key))
}

/// Whether a key names a file: it has an ending or a folder.
fn is_file(key: &str) -> bool {
    let name = key.rsplit(['/', '\\']).next().unwrap_or(key);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let ends = ending.is_some_and(|ending| {
        (1..=11).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    ends || (key.contains('/') && !key.ends_with('/'))
}

/// Whether a key says that its value is a digest.
fn speaks_of_digests(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let words = ["sha256", "sha512", "sha1", "sha-", "md5", "digest", "checksum", "hash", "oid", "etag"];
    by_length(&lower).is_none() && words.iter().any(|word| lower.contains(word)) && !lower.contains("commit")
}

/// Whether a key holds the digest of a revision rather than of a file.
fn is_revision(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let words = ["commit", "revision", "version", "branch", "head", "tag"];
    words.iter().any(|word| lower.contains(word)) || ["sha", "ref", "id", "uuid"].contains(&lower.as_str())
}

/// Whether an object is one record of a log rather than an entry of a list.
fn is_log_record(json: &Json) -> bool {
    const KEYS: &[&str] =
        &["ts", "timestamp", "@timestamp", "time", "event", "level", "msg", "message", "action", "actor"];
    json.entries().iter().filter(|(key, _)| KEYS.contains(&key.as_str())).count() >= 2
}
