//! Zstandard frames (RFC 8878): all of them, as one file.

use crate::compressed::{self, Stream, broken};
use crate::decode::{self, Decoded, End};
use crate::{Family, Reader, Request};
use ruzstd::decoding::StreamingDecoder;
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

/// What follows a skippable frame (3.1.2): sixteen magic numbers, a length, and data for others.
fn skippable(input: &[u8]) -> Option<&[u8]> {
    let bytes = Bytes::new(input);
    if bytes.u32_le(0)? & 0xffff_fff0 != 0x184d_2a50 {
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
