//! [`decompressed`]: a compressed file read as it is decoded, for what is too long to be held.

use super::ENDINGS;
use crate::{bzip2, gzip, lz4, xz, zlib, zstd};
use std::io::{self, BufRead, Read};

/// What `input`, a file of the format called `format`, decodes to, all its streams in a row; `None` for formats
/// that are no single compressed file. Memory is that of the decoder's window, 96 MiB at the most. Nothing here
/// bounds how much comes out: that is for who reads it.
///
/// # Errors
/// When not even the beginning decodes. What breaks later is an error of the reader.
pub fn decompressed<'a>(
    format: &str,
    input: Box<dyn BufRead + 'a>,
) -> Option<io::Result<Box<dyn Read + 'a>>> {
    Some(match format {
        "gzip" => Ok(gzip::reader(input)),
        "bzip2" => Ok(bzip2::reader(input)),
        "xz" => xz::reader(input),
        "zstd" => Ok(zstd::reader(input)),
        "lz4" => Ok(lz4::reader(input)),
        "zlib" => Ok(zlib::reader(input)),
        _ => return None,
    })
}

/// The file name without the ending that stands for the compression.
pub fn decompressed_name(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let inner = ENDINGS
        .iter()
        .find(|ending| lower.ends_with(*ending))
        .and_then(|ending| name.get(..name.len().saturating_sub(ending.len())));
    match inner {
        Some(inner) if !inner.is_empty() => inner,
        _ => "content",
    }
}
