//! Bzip2 streams: all of them, as one file.

use crate::compressed::{self, Stream};
use crate::{Family, Reader, Request};
use ::bzip2::bufread::{BzDecoder, MultiBzDecoder};
use std::io::{BufRead, Read};
use wb_core::{Budget, Bytes, Content, Strength};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Bzip2-compressed file",
    endings: &[".bz2", ".tbz2", ".pkl", ".joblib", ".rds", ".rda", ".rdata", ".rdx"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    begins(input.as_slice()).then_some(Strength::Strong)
}

/// `BZh`, the block size, then the mark of a block or of the stream's end.
fn begins(input: &[u8]) -> bool {
    let marks: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];
    let Some((magic, rest)) = input.split_at_checked(4) else { return false };
    matches!(magic, [b'B', b'Z', b'h', b'1'..=b'9']) && marks.iter().any(|mark| rest.starts_with(mark))
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    compressed::read(input, request, budget, begins, stream)
}

fn stream<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    compressed::run(BzDecoder::new(input), budget, BzDecoder::into_inner)
}

/// All streams of `input`, as they are decoded.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(MultiBzDecoder::new(input))
}
