//! Where the text of a log is read from: all of it, or a stretch.

use crate::body::LogText;
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

impl LogText {
    /// Opens the text from its beginning.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self) -> io::Result<Box<dyn BufRead + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(BUFFER, File::open(path)?)),
            Self::Decoded(text) => Box::new(Cursor::new(&**text)),
        })
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Decoded(text) => Ok(text.len() as u64),
        }
    }

    /// Opens the bytes in `range`.
    pub(super) fn stretch(&self, range: Range<u64>) -> io::Result<Box<dyn BufRead + '_>> {
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
        })
    }

    /// The offset at which a record begins after `offset`: behind a line's end, and not at a line that
    /// continues another. The end of the text when there is none.
    pub(super) fn line_after(&self, offset: u64) -> io::Result<u64> {
        let all = self.len()?;
        if offset >= all {
            return Ok(all);
        }
        let mut text = self.stretch(offset..all)?;
        let mut at = offset;
        loop {
            let read = text.skip_until(b'\n')?;
            if read == 0 {
                return Ok(all);
            }
            at += read as u64;
            let next = text.fill_buf()?.first();
            if next.is_none_or(|byte| !matches!(byte, b' ' | b'\t')) {
                return Ok(at);
            }
        }
    }

    /// When the log was last written to.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        let Self::File(path) = self else { return None };
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    }
}
