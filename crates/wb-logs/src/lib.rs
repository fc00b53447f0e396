//! Records to [`Event`]s. One module and one page per log source; logs stream.
//!
//! [`LogReader`] reads a log in one go or in stretches, into a [`Sink`] that says how much it wants. `lines`
//! reads bounded lines in any encoding; `wrap` takes layers off (syslog, containers, the journal);
//! a module of `source` makes a draft of what is left; `enrich` finds in its message what has no field,
//! with `grammar` deciding what happened; `clock` says when, and [`clock_change`] in which zone if no stamp does. [`flows`] aggregates connections. Where nobody
//! asks for more, `lanes` reads the bulk of large logs straight into what only counts.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic))]

mod clock;
mod digests;
mod documents;
mod draft;
mod enrich;
mod entities;
pub mod flows;
mod grammar;
mod json;
mod labels;
mod lanes;
mod line;
mod lines;
mod logins;
mod order;
mod pairs;
mod part;
mod pcap;
mod reader;
mod recognise;
mod scan;
mod serving;
mod sink;
mod source;
mod stamp;
mod tokens;
mod wall;
mod wide;
mod wrap;

pub use part::Part;
pub use pcap::{read as read_capture, records as capture_records};
pub use recognise::recognise;
pub use sink::Sink;
pub use wall::{ClockChange, LocalZone, clock_change};

use crate::lines::Lines;
use crate::reader::Reader;
use crate::sink::Everything;
use crate::wall::Steps;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use wb_core::{ArtifactPath, Event, RecordedDigest};

/// The source whose artifacts are packet captures: their records are packets, not lines.
pub const CAPTURE: &str = "pcap";

/// A log source: what it is called and what can be read from it.
#[derive(Debug)]
pub struct Source {
    /// The name in reports, such as `zeek-conn`.
    pub name: &'static str,
    /// One line for `explain`.
    pub title: &'static str,
    /// The page: what it is, where it is specified, an example line and its traps.
    pub page: &'static str,
}

/// Every log source.
pub fn sources() -> &'static [Source] {
    source::SOURCES
}

/// What helps with timestamps that lack a year or a zone.
#[derive(Clone, Debug, Default)]
pub struct ClockHints {
    /// A moment near the records: from other logs of the case, or else the file's modification time.
    pub near: Option<Timestamp>,
    /// The end of the log, as its file was last written to: no record is of a later day.
    pub written: Option<Timestamp>,
    /// The zone of a log that names none, from [`clock_change`] or another log.
    pub zone: Option<LocalZone>,
}

/// What was read of one log.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Lines in all.
    pub lines: u64,
    /// Lines that gave an event with at least a time or a known structure; headers and empty lines too.
    pub understood: u64,
    /// Numbers of the first lines that were not understood; at most ten.
    pub not_understood: Vec<u64>,
    /// How many lines each source read.
    pub sources: BTreeMap<&'static str, u64>,
    /// Earliest and latest time.
    pub range: Option<(Timestamp, Timestamp)>,
    /// Whether timestamps lack a year that [`ClockHints::near`] could give.
    pub lacks_year: bool,
    /// Digests that records name, with the file they are said to be of.
    pub digests: Vec<RecordedDigest>,
    /// Gaps, times that go backwards, cut lines: in one sentence each.
    pub problems: Vec<String>,
    /// Where stamps without a zone step back, for [`clock_change`].
    pub(crate) steps: Steps,
}

impl Summary {
    /// Whether times of the log name no zone.
    pub const fn names_no_zone(&self) -> bool {
        self.steps.range().is_some()
    }
}

/// Reads a log, line by line, and hands each event to `sink` in file order; a packet capture by its packets.
///
/// # Errors
/// Only what reading from `text` returns: broken records are never an error.
pub fn read(
    artifact: &ArtifactPath,
    text: &mut dyn BufRead,
    hints: &ClockHints,
    sink: &mut dyn FnMut(Event),
) -> io::Result<Summary> {
    if pcap::is_capture(text.fill_buf()?) {
        return pcap::read(artifact, text, sink);
    }
    let mut reader = LogReader::new(artifact, hints);
    reader.read(text, 0, &mut Everything(sink))?;
    Ok(reader.finish().finish())
}

/// Whether a log that begins with `head` is UTF-16, whose lines are found in order only: it is read in one go.
pub const fn is_wide(head: &[u8]) -> bool {
    wide::ByteOrder::of(head).0.is_some()
}

/// Reads a log in stretches, one after the other or at the same time.
pub struct LogReader<'a>(Reader<'a>);

impl<'a> LogReader<'a> {
    /// A reader for the beginning of a log.
    pub fn new(artifact: &'a ArtifactPath, hints: &ClockHints) -> Self {
        Self(Reader::new(artifact, hints))
    }

    /// A reader for a later stretch of the log, which begins with a line and knows the headers read so far.
    /// `None` when lines of this log can only be read in order. Lines and records of the stretch are numbered
    /// from 1; [`Part::join`] puts that right.
    pub fn fork(&self) -> Option<Self> {
        self.0.fork().map(Self)
    }

    /// Reads `text`, which begins at `offset` of the log and goes on where was read to before.
    ///
    /// # Errors
    /// Only what reading from `text` returns: broken records are never an error.
    pub fn read(
        &mut self,
        text: &mut dyn BufRead,
        offset: u64,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let mut lines = Lines::new(text, self.0.lines(), offset);
        while let Some(place) = lines.advance()? {
            self.0.line(place, &lines.decoded(), lines.held(), sink);
        }
        self.0.end(lines.offset(), sink);
        Ok(())
    }

    /// Whether timestamps so far lack a year that [`ClockHints::near`] could give.
    pub fn lacks_year(&self) -> bool {
        self.0.lacks_year()
    }

    /// What was read.
    pub fn finish(self) -> Part {
        self.0.finish()
    }
}
