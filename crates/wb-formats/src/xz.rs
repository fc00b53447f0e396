//! Xz streams (the .xz file format 1.2) and the older `.lzma` ones without a container.

use crate::compressed::{self, Stream, broken};
use crate::decode::WINDOW;
use crate::{Family, Reader, Request};
use lzma_rust2::{LzmaReader, XzReader};
use std::io::{self, BufRead, Read};
use wb_core::{Budget, Bytes, Content, Strength};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Xz- or LZMA-compressed file",
    endings: &[".xz", ".lzma", ".txz", ".pkl", ".joblib", ".rds", ".rda", ".rdata", ".rdx"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

const MAGIC: &[u8] = b"\xfd7zXZ\x00";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    begins(input.as_slice()).then_some(Strength::Strong)
}

fn begins(input: &[u8]) -> bool {
    input.starts_with(MAGIC) || is_lzma(Bytes::new(input))
}

/// A `.lzma` header: the default properties, a window of 2^n or 2^n + 2^(n-1) bytes, and a length that is
/// unknown or below 256 GiB, as `xz` itself demands.
fn is_lzma(input: Bytes<'_>) -> bool {
    let (Some(window), Some(len)) = (input.u32_le(1), input.u64_le(5)) else { return false };
    let usual = window.is_power_of_two() || window.checked_div(3).is_some_and(|third| {
        third.is_power_of_two() && third.checked_mul(3) == Some(window)
    });
    input.byte(0) == Some(0x5d) && usual && window >= 4096 && (len == u64::MAX || len < 1 << 38)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    compressed::read(input, request, budget, begins, stream)
}

/// Reads all of it: the decoder reads ahead, so that what follows the last stream cannot be told.
fn stream<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    let limit = WINDOW >> 10;
    if input.starts_with(MAGIC) {
        return compressed::run(XzReader::new_mem_limit(input, true, limit), budget, |_| &[]);
    }
    match LzmaReader::new_mem_limit(input, limit, None) {
        Ok(decoder) => compressed::run(decoder, budget, |_| &[]),
        Err(error) => broken(error),
    }
}

/// What `input` decodes to, as it is decoded.
pub(crate) fn reader<'a>(mut input: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    let limit = WINDOW >> 10;
    let mut magic = Vec::new();
    input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    let is_xz = magic == MAGIC;
    let input = io::Cursor::new(magic).chain(input);
    if is_xz {
        return Ok(Box::new(XzReader::new_mem_limit(input, true, limit)));
    }
    Ok(Box::new(LzmaReader::new_mem_limit(input, limit, None)?))
}
