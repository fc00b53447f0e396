//! Gzip streams (RFC 1952): all members, as one file.

use crate::compressed::{self, Stream};
use crate::{Family, Reader, Request};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use std::io::{BufRead, Read};
use wb_core::{Budget, Bytes, Content, Field, Strength, Text};

// joblib, R and NeMo compress without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Gzip-compressed file",
    endings: &[".gz", ".tgz", ".pkl", ".joblib", ".rds", ".rda", ".rdata", ".rdx", ".nemo"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// ID1, ID2, and the only compression method there is (2.3.1).
const MAGIC: &[u8] = b"\x1f\x8b\x08";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    input.starts_with(MAGIC).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content =
        compressed::read(input, request, budget, |rest| rest.starts_with(MAGIC), member);
    header(input, &mut content);
    content
}

fn member<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    let mut stream = compressed::run(GzDecoder::new(input), budget, GzDecoder::into_inner);
    // Zeros between members are padding, which readers skip (gzip(1), and `gzip.py` of CPython).
    let padding = stream.rest.iter().take_while(|byte| **byte == 0).count();
    if let Some(next) = stream.rest.get(padding..).filter(|next| next.starts_with(MAGIC)) {
        stream.rest = next;
    }
    stream
}

/// All members of `input`, as they are decoded.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(MultiGzDecoder::new(input))
}

/// The file name and comment of the first member.
fn header(input: Bytes<'_>, content: &mut Content) {
    let decoder = GzDecoder::new(input.as_slice());
    let Some(header) = decoder.header() else { return };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(name) = header.filename() {
        let (path, value) = ("file name".to_owned(), text(name));
        content.fields.push(Field { path, value, span: None });
    }
    if let Some(comment) = header.comment() {
        let (place, value) = ("comment".to_owned(), text(comment));
        content.texts.push(Text { place, value, span: None });
    }
}
