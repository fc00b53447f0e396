//! Zstandard frames (RFC 8878): all of them, as one file.

use crate::compressed::{self, Stream, broken};
use crate::decode::{self, Decoded, End};
use crate::{Family, Reader, Request};
use ruzstd::decoding::errors::{FrameDecoderError as Error, ReadFrameHeaderError as Header};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, StreamingDecoder};
use std::io::{self, BufRead, Read};
use wb_core::{Budget, Bytes, Content, Strength};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Zstandard-compressed file",
    endings: &[".zst", ".zstd", ".pkl", ".joblib"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    begins(input.as_slice()).then_some(Strength::Strong)
}

fn begins(input: &[u8]) -> bool {
    input.starts_with(b"\x28\xb5\x2f\xfd") || skippable(input).is_some()
}

/// The sixteen magic numbers of skippable frames, but for the last four bits (3.1.2).
const SKIPPABLE: u32 = 0x184d_2a50;

/// What follows a skippable frame (3.1.2): the magic number, a length, and data for others.
fn skippable(input: &[u8]) -> Option<&[u8]> {
    let bytes = Bytes::new(input);
    if bytes.u32_le(0)? & 0xffff_fff0 != SKIPPABLE {
        return None;
    }
    let len = usize::try_from(bytes.u32_le(4)?).ok()?;
    input.get(len.checked_add(8)?..)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    compressed::read(input, request, budget, begins, frame)
}

fn frame<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    if let Some(rest) = skippable(input) {
        return Stream { decoded: Decoded { data: Vec::new(), end: End::Complete }, rest };
    }
    let mut rest = input;
    let decoded = match StreamingDecoder::new(&mut rest) {
        Ok(mut decoder) => decode::drain(&mut decoder, budget),
        Err(error) => return broken(error),
    };
    Stream { decoded, rest }
}

/// What one frame, which is all of `input`, holds; `None` when it is damaged or goes over the budget.
pub(crate) fn whole(input: Bytes<'_>, budget: &mut Budget) -> Option<Vec<u8>> {
    let stream = frame(input.as_slice(), budget);
    let complete = matches!(stream.decoded.end, End::Complete) && stream.rest.is_empty();
    complete.then_some(stream.decoded.data)
}

/// All frames of `input`, as they are decoded.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(Frames { input, frame: FrameDecoder::new(), within: false })
}

/// One frame after the other, without the skippable ones.
struct Frames<R: BufRead> {
    input: R,
    frame: FrameDecoder,
    /// Whether a frame is being decoded.
    within: bool,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; `false` when there is none.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.frame.init(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(Error::ReadFrameHeaderError(Header::SkipFrame { length, .. })) => {
                    let mut skipped = self.input.by_ref().take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.within || self.next()? {
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.input, one).map_err(io::Error::other)?;
            }
            let count = self.frame.read(into)?;
            self.within = count > 0 || into.is_empty();
            if self.within {
                return Ok(count);
            }
        }
        Ok(0)
    }
}
