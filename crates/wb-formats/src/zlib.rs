//! Zlib streams (RFC 1950), bare or behind the header that joblib wrote before 0.10: `ZF`, then the length
//! as 19 hexadecimal digits and spaces (`joblib/numpy_pickle_compat.py`, `read_zfile`).

use crate::compressed::{self, Stream};
use crate::{Family, Reader, Request};
use flate2::bufread::ZlibDecoder;
use std::io::{BufRead, Read};
use wb_core::{Budget, Bytes, Content, Strength};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Zlib-compressed file, also joblib's",
    endings: &[".zlib", ".z", ".gz", ".pkl", ".joblib"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let stream = stream_of(input.as_slice())?;
    // Two bytes say little: the beginning has to decode as well.
    let mut some = [0; 16];
    let count = ZlibDecoder::new(stream).read(&mut some).ok()?;
    (count > 0).then_some(Strength::Strong)
}

/// The zlib stream that `input` begins with, without joblib's header.
fn stream_of(input: &[u8]) -> Option<&[u8]> {
    let stream = match input.strip_prefix(b"ZF0x") {
        Some(rest) => {
            let digits = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'L' | b' ');
            let header = rest.iter().take(20).take_while(|byte| digits(byte)).count();
            rest.get(header..)?
        }
        None => input,
    };
    // Deflate with a window of 32 KiB, and the check bits (2.2); no preset dictionary.
    let (Some(0x78), Some(flags)) = (stream.first(), stream.get(1)) else { return None };
    let header = u16::from_be_bytes([0x78, *flags]);
    (header.checked_rem(31) == Some(0) && flags & 0x20 == 0).then_some(stream)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let first = |rest: &[u8]| rest.len() == input.len() && stream_of(rest).is_some();
    compressed::read(input, request, budget, first, stream)
}

fn stream<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    let input = stream_of(input).unwrap_or(input);
    compressed::run(ZlibDecoder::new(input), budget, ZlibDecoder::into_inner)
}

/// What `input` decodes to, as it is decoded. Joblib's header stands before no log.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(ZlibDecoder::new(input))
}
