//! Where the text of a log is read from: all of it, or stretch after stretch.

use super::LARGE;
use crate::body::LogText;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256 as Hasher};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use wb_core::{Bytes, Claim, Sha256, Strength};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// The most that is decoded of one compressed log, in bytes.
const MOST_DECODED: u64 = 64 << 30;

/// How far behind its length a stretch is held for the end of a line, in bytes.
const MOST_BEHIND: u64 = 16 << 20;

impl LogText {
    /// Opens the text from its beginning.
    ///
    /// # Errors
    /// What the operating system says, and what the decoder says of a compressed file.
    pub fn open(&self) -> io::Result<Box<dyn BufRead + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(BUFFER, File::open(path)?)),
            Self::Decoded(text) => Box::new(Cursor::new(&**text)),
            Self::Compressed { path, format } => Box::new(decoder(path, format)?),
        })
    }

    /// Whether it is longer than what is read by one thread.
    pub(super) fn is_large(&self) -> bool {
        match self {
            Self::File(path) => std::fs::metadata(path).is_ok_and(|file| file.len() > LARGE),
            Self::Decoded(text) => text.len() as u64 > LARGE,
            Self::Compressed { .. } => true,
        }
    }

    /// When the log was last written to.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        let (Self::File(path) | Self::Compressed { path, .. }) = self else { return None };
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    }

    /// The text, to be read once from beginning to end.
    pub(super) fn stretches(&self) -> io::Result<Stretches<'_>> {
        let source = match self {
            Self::File(path) => Source::Anywhere(std::fs::metadata(path)?.len()),
            Self::Decoded(text) => Source::Anywhere(text.len() as u64),
            Self::Compressed { path, format } => Source::InOrder(decoder(path, format)?),
        };
        Ok(Stretches { text: self, at: 0, source, broken: None })
    }

    /// Opens the bytes in `range`.
    fn range(&self, range: Range<u64>) -> io::Result<Box<dyn BufRead + '_>> {
        let length = range.end.saturating_sub(range.start);
        Ok(match self {
            Self::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(range.start))?;
                Box::new(BufReader::with_capacity(BUFFER, file.take(length)))
            }
            Self::Decoded(text) => {
                let mut cursor = Cursor::new(&**text);
                cursor.set_position(range.start);
                Box::new(cursor.take(length))
            }
            Self::Compressed { .. } => return Err(io::Error::other("decoded in order only")),
        })
    }
}

/// What the file at `path`, compressed in `format`, decodes to.
fn decoder(path: &Path, format: &str) -> io::Result<Decoder> {
    let file = BufReader::with_capacity(BUFFER, File::open(path)?);
    let decoded = wb_formats::decompressed(format, Box::new(file))
        .ok_or_else(|| io::Error::other(format!("`{format}` is no compression")))??;
    let tallied = Tallied { decoded, length: 0, hasher: Hasher::new(), ended: false };
    Ok(BufReader::with_capacity(BUFFER, tallied))
}

/// How much of a file is looked at to recognise a log.
pub const LOG_HEAD: usize = 64 << 10;

/// The log source of `bytes`, unless a format claims them with more than that they might fit.
pub fn log_source(bytes: Bytes<'_>, claims: &[Claim]) -> Option<&'static str> {
    match claims.first() {
        Some(claim) if claim.strength == Strength::Strong => None,
        _ => wb_logs::recognise(bytes.head(LOG_HEAD)),
    }
}

/// The log source of what `bytes`, compressed in `format`, decode to, if that is a log too long to be held.
pub fn long_log(format: &str, bytes: &[u8]) -> Option<&'static str> {
    let mut decoded = wb_formats::decompressed(format, Box::new(bytes))?.ok()?;
    let mut head = Vec::new();
    decoded.by_ref().take(LOG_HEAD as u64).read_to_end(&mut head).ok()?;
    let head = Bytes::new(&head);
    let source = log_source(head, &wb_formats::identify(head))?;
    let more = io::copy(&mut decoded.take(LARGE), &mut io::sink()).ok()?;
    (more == LARGE).then_some(source)
}

type Decoder = BufReader<Tallied>;

/// What a compressed log decodes to, counted and hashed on the way.
pub(super) struct Tallied {
    decoded: Box<dyn Read>,
    length: u64,
    hasher: Hasher,
    ended: bool,
}

impl Read for Tallied {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.decoded.read(into)?;
        self.ended |= count == 0 && !into.is_empty();
        self.length = self.length.saturating_add(count as u64);
        if self.length > MOST_DECODED {
            let gib = MOST_DECODED >> 30;
            return Err(io::Error::other(format!("more than {gib} GiB are decoded of no log")));
        }
        self.hasher.update(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// A text that is read once, from its beginning to its end, in stretches that end with a line.
pub(super) struct Stretches<'a> {
    text: &'a LogText,
    at: u64,
    source: Source,
    /// What stopped the decoder behind the last stretch.
    broken: Option<io::Error>,
}

enum Source {
    /// A text of this length, which can be read from anywhere.
    Anywhere(u64),
    /// One that can only be read in order.
    InOrder(Decoder),
}

/// A stretch of a text.
pub(super) enum Stretch {
    /// Bytes that are to be read yet.
    Range(Range<u64>),
    /// Bytes that were decoded, and where they begin.
    Held(u64, Vec<u8>),
}

impl Stretch {
    /// Offset of its first byte in the text.
    pub(super) const fn start(&self) -> u64 {
        match self {
            Self::Range(range) => range.start,
            Self::Held(start, _) => *start,
        }
    }

    /// Opens it; `text` is the one that it is of.
    pub(super) fn open<'a>(&'a self, text: &'a LogText) -> io::Result<Box<dyn BufRead + 'a>> {
        match self {
            Self::Range(range) => text.range(range.clone()),
            Self::Held(_, bytes) => Ok(Box::new(bytes.as_slice())),
        }
    }
}

impl Stretches<'_> {
    /// Whether its lines are found in order only, and it is longer than a first stretch of `length`.
    pub(super) fn is_wide(&mut self, length: u64) -> io::Result<bool> {
        Ok(match &mut self.source {
            Source::Anywhere(all) if *all <= length => false,
            Source::Anywhere(_) => wb_logs::is_wide(self.text.open()?.fill_buf()?),
            Source::InOrder(decoder) => wb_logs::is_wide(decoder.fill_buf()?),
        })
    }

    /// The next stretch: `length` bytes and what is left of the last record; `None` at the end of the text.
    pub(super) fn next(&mut self, length: u64) -> io::Result<Option<Stretch>> {
        let start = self.at;
        let stretch = match &mut self.source {
            Source::Anywhere(all) => {
                let end = record_after(self.text, start.saturating_add(length), *all)?;
                self.at = end.clamp(start, *all);
                Stretch::Range(start..self.at)
            }
            Source::InOrder(decoder) => {
                if let Some(error) = self.broken.take() {
                    return Err(error);
                }
                let mut bytes = Vec::new();
                let mut read = decoder.by_ref().take(length).read_to_end(&mut bytes).map(|_| ());
                if bytes.len() as u64 == length {
                    let mut behind = decoder.by_ref().take(MOST_BEHIND);
                    read = end_record(&mut behind, |more| bytes.extend_from_slice(more));
                }
                // What was decoded before it broke is read.
                self.broken = read.err();
                self.at = start.saturating_add(bytes.len() as u64);
                Stretch::Held(start, bytes)
            }
        };
        match self.broken.take() {
            Some(error) if self.at == start => Err(error),
            broken => {
                self.broken = broken;
                Ok((self.at > start).then_some(stretch))
            }
        }
    }

    /// What is left, in one go.
    pub(super) fn rest(&mut self) -> io::Result<Box<dyn BufRead + '_>> {
        match &mut self.source {
            Source::Anywhere(all) => self.text.range(self.at..*all),
            Source::InOrder(decoder) => Ok(Box::new(decoder)),
        }
    }

    /// Where the next stretch begins.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Length and hash of a text that was decoded to its end.
    pub(super) fn tally(self) -> Option<(u64, Sha256)> {
        let Source::InOrder(decoder) = self.source else { return None };
        let Tallied { length, hasher, ended, .. } = decoder.into_inner();
        ended.then(|| (length, Sha256(hasher.finalize().into())))
    }
}

/// The offset at which a record begins after `offset` in a text of `all` bytes; `all` when there is none.
fn record_after(text: &LogText, offset: u64, all: u64) -> io::Result<u64> {
    if offset >= all {
        return Ok(all);
    }
    let mut at = offset;
    end_record(&mut text.range(offset..all)?, |more| at = at.saturating_add(more.len() as u64))?;
    Ok(at)
}

/// Hands what `text` has up to the beginning of a record to `pass`: behind a line's end, and not at a line that
/// continues another.
fn end_record(text: &mut impl BufRead, mut pass: impl FnMut(&[u8])) -> io::Result<()> {
    let mut behind_line = false;
    loop {
        let some = text.fill_buf()?;
        let continued = matches!(some.first(), Some(b' ' | b'\t'));
        if some.is_empty() || (behind_line && !continued) {
            return Ok(());
        }
        let end = memchr::memchr(b'\n', some);
        let count = end.map_or(some.len(), |end| end.saturating_add(1));
        pass(some.get(..count).unwrap_or_default());
        text.consume(count);
        behind_line = end.is_some();
    }
}
