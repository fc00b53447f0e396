//! LZ4 frames (LZ4 Frame Format Description 1.6.2): all of them, as one file.

use crate::compressed::{self, Stream};
use crate::decode;
use crate::{Family, Reader, Request};
use lz4_flex::frame::FrameDecoder;
use std::io::{self, BufRead, Read};
use wb_core::{Budget, Bytes, Content, Strength};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "LZ4-compressed file",
    endings: &[".lz4", ".pkl", ".joblib"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

const MAGIC: &[u8] = b"\x04\x22\x4d\x18";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    input.starts_with(MAGIC).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    compressed::read(input, request, budget, |rest| rest.starts_with(MAGIC), frame)
}

fn frame<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    let mut rest = input;
    let decoded = decode::drain(&mut FrameDecoder::new(&mut rest), budget);
    Stream { decoded, rest }
}

/// All frames of `input`, as they are decoded.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(Frames(FrameDecoder::new(input)))
}

/// One frame after the other: the decoder stops behind each.
struct Frames<R: BufRead>(FrameDecoder<R>);

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(into)?;
            if count > 0 || into.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}
