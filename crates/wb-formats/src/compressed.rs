//! Compressed single files: one stream, or several of one kind in a row, around one file.

pub use streaming::{decompressed, decompressed_name};

use crate::Request;
use crate::decode::{self, Decoded, End};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Field, Gap, Oddity, OddityKind};

/// Streams that are decoded; block-compressed files have one per 64 KiB.
const MOST_STREAMS: u64 = 100_000;

/// What a decoder made of the stream at the start of some bytes.
pub(crate) struct Stream<'a> {
    /// What it decoded to.
    pub decoded: Decoded,
    /// What follows the stream.
    pub rest: &'a [u8],
}

/// Decodes stream after stream as long as `begins` recognises another one, as loaders do, and makes one
/// child of all of them.
pub(crate) fn read<'a>(
    input: Bytes<'a>,
    request: &Request<'_>,
    budget: &mut Budget,
    begins: impl Fn(&[u8]) -> bool,
    mut decode: impl FnMut(&'a [u8], &mut Budget) -> Stream<'a>,
) -> Content {
    let mut content = Content::default();
    let mut rest = input.as_slice();
    let mut data = Vec::new();
    let mut streams: u64 = 0;
    let mut end = End::Complete;
    while end == End::Complete && begins(rest) {
        let before = rest.len();
        let stream = decode(rest, budget);
        data.extend_from_slice(&stream.decoded.data);
        end = stream.decoded.end;
        rest = stream.rest;
        streams = streams.saturating_add(1);
        if rest.len() >= before {
            break;
        }
        if streams >= MOST_STREAMS {
            content.gaps.push(Gap::over(input.span(), format!("more than {MOST_STREAMS} streams")));
            break;
        }
    }
    let all = Decoded { data, end };
    all.report("the compressed stream", input, &mut content);
    if all.end == End::Complete {
        trailing(input, rest.len(), &mut content);
    }
    let value = streams.to_string();
    content.fields.push(Field { path: "streams".to_owned(), value, span: None });
    if !all.data.is_empty() || all.end == End::Complete {
        let name = decompressed_name(request.path.file_name()).to_owned();
        content.children.push(Child { name, data: ChildData::Owned(all.data) });
    }
    content
}

/// Bytes behind the last stream; zeros are padding. Decoders stop before them, so they are a child.
fn trailing(input: Bytes<'_>, len: usize, content: &mut Content) {
    let rest = input.from(input.len().saturating_sub(len));
    if rest.as_slice().iter().all(|byte| *byte == 0) {
        return;
    }
    content.oddities.push(Oddity {
        kind: OddityKind::TrailingBytes,
        place: "bytes after the stream".to_owned(),
        span: Some(rest.span()),
        what: format!("{} bytes follow the compressed stream", rest.len()),
    });
    let name = "bytes after the stream".to_owned();
    content.children.push(Child { name, data: ChildData::Span(rest.span()) });
}

/// Endings of file names that stand for a compression.
const ENDINGS: &[&str] = &[".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".lz4", ".zlib", ".z"];

/// A stream that could not even be opened.
pub(crate) fn broken<'a>(why: impl ToString) -> Stream<'a> {
    Stream { decoded: Decoded { data: Vec::new(), end: End::Broken(why.to_string()) }, rest: &[] }
}

/// Runs a decoder that leaves what it did not read in `rest`.
pub(crate) fn run<'a, R: std::io::Read>(
    mut decoder: R,
    budget: &mut Budget,
    rest: impl FnOnce(R) -> &'a [u8],
) -> Stream<'a> {
    let decoded = decode::drain(&mut decoder, budget);
    Stream { decoded, rest: rest(decoder) }
}

mod streaming;

#[cfg(test)]
mod tests;
