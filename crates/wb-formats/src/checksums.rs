//! Recorded digests: the output of `sha256sum` and its kin, lists of names and digests, and JSON that maps
//! names to digests.

mod json;
mod line;
mod yaml;

use crate::plain_text::{self, lines};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Gap, RecordedDigest, Strength};

pub(crate) use json::digests_of;

pub(crate) const FORMAT: Reader = Reader {
    title: "Recorded checksums of files",
    endings: &[".sha256", ".sha512", ".sha1", ".md5", ".sums", "SHA256SUMS"],
    family: Family::Manifest,
    refines: &["json"],
    identify,
    parse,
    named: None,
};

/// A list of digests is never longer, in bytes.
const LONGEST: usize = 64 << 20;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let first = input.as_slice().iter().find(|byte| !byte.is_ascii_whitespace())?;
    if matches!(first, b'{' | b'[') {
        return json::is_manifest(input).then_some(Strength::Strong);
    }
    if !(first.is_ascii_graphic() || *first == 0xef) {
        return None;
    }
    list(input)
}

/// A list by its lines: every one of the first two hundred that is no comment records a digest.
fn list(input: Bytes<'_>) -> Option<Strength> {
    // The first line decides for nearly every other text, before all of it is looked at.
    let head = input.head(4096);
    let start = String::from_utf8_lossy(head.as_slice());
    let mut first = start.trim_start_matches('\u{feff}').lines().filter(|text| !line::is_comment(text));
    let (first, second) = (first.next()?, first.next());
    let headed = line::is_header(first);
    if !(line::record(first).is_some() || headed && second.and_then(line::record).is_some()) {
        return yaml(input);
    }
    list_of(plain_text::text(input, LONGEST)?)
}

fn list_of(text: &str) -> Option<Strength> {
    const ASKED: usize = 200;
    let mut told = text.lines().filter(|text| !line::is_comment(text)).peekable();
    let headed = told.peek().is_some_and(|first| line::is_header(first));
    let mut told = told.skip(usize::from(headed)).take(ASKED).peekable();
    told.peek()?;
    told.all(|text| line::record(text).is_some()).then_some(Strength::Strong)
}

/// YAML that is short and holds a digest under the name of its algorithm.
fn yaml(input: Bytes<'_>) -> Option<Strength> {
    const LONGEST: usize = 4 << 20;
    let text = plain_text::text(input, LONGEST)?;
    yaml::is_manifest(text).then_some(Strength::Strong)
}

/// Whether a list is called as those of `b2sum` and `b3sum` are: their digests are as long as those of SHA-512 and
/// SHA-256, and nothing else tells them apart.
fn is_of_blake(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = [".b2", ".b2sum", ".blake2", ".blake2b", ".b3", ".b3sum", ".blake3"];
    name.starts_with("b2sum") || name.starts_with("b3sum") || ends.iter().any(|end| name.ends_with(end))
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text(input, LONGEST) else { return content };
    if text.trim_start().starts_with(['{', '[']) {
        json::read(input, &mut content, budget);
        return content;
    }
    if is_of_blake(request.path.file_name()) {
        content.gaps.push(Gap::over(input.span(), "digests of BLAKE2 and BLAKE3 are not compared"));
        return content;
    }
    if yaml(input).is_some() && list_of(text).is_none() {
        content.digests = yaml::read(lines(input, text));
        return content;
    }
    for line in lines(input, text) {
        if let Err(limit) = budget.items(1) {
            content.gaps.push(crate::decode::exhausted(limit, "the list", line.span()));
            break;
        }
        if let Some(record) = line::record(line.text) {
            content.digests.push(RecordedDigest {
                file: record.name(),
                digest: record.digest,
                line: line.number,
                span: Some(line.span_of(record.hex)),
            });
        } else if let Some(comment) = line.text.trim().strip_prefix(['#', ';']) {
            content.texts.push(wb_core::Text {
                place: format!("comment in line {}", line.number),
                value: comment.trim().to_owned(),
                span: Some(line.span()),
            });
        }
    }
    content
}

#[cfg(test)]
mod tests;
