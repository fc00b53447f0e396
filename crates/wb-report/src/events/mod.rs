//! Events of logs as files for other programs: JSON lines, CSV, Timesketch's JSON lines and Parquet.
//!
//! [`COLUMNS`] is the one list of columns; [`Writer`] takes [`Row`]s in any order and writes them as they
//! come, so that memory does not grow with the logs.

mod columns;
mod csv;
mod jsonl;
mod parquet;

pub use columns::{COLUMNS, Column};

use std::io::{self, Write};
use wb_core::{Event, KeyMoment};

/// An event, and what it is to the case.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The event.
    pub event: &'a Event,
    /// The key moments that it marks.
    pub moments: Vec<KeyMoment>,
    /// The names of the rules that match it.
    pub rules: &'a [&'static str],
}

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// JSON lines with the columns that Timesketch asks for.
    Timesketch,
    /// Apache Parquet.
    Parquet,
}

/// Writes rows to a file of some kind.
pub struct Writer<W: Write + Send>(Kind<W>);

enum Kind<W: Write + Send> {
    Jsonl(W),
    Csv(W),
    Timesketch(W),
    Parquet(Box<parquet::Writer<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What writing to `out` returns.
    pub fn new(export: Export, mut out: W) -> io::Result<Self> {
        Ok(Self(match export {
            Export::Jsonl => Kind::Jsonl(out),
            Export::Timesketch => Kind::Timesketch(out),
            Export::Csv => {
                csv::header(&mut out)?;
                Kind::Csv(out)
            }
            Export::Parquet => Kind::Parquet(Box::new(parquet::Writer::new(out)?)),
        }))
    }

    /// Writes a row; false when this kind of file cannot hold it (Timesketch knows no event without a time).
    ///
    /// # Errors
    /// What writing returns.
    pub fn add(&mut self, row: &Row<'_>) -> io::Result<bool> {
        match &mut self.0 {
            Kind::Jsonl(out) => jsonl::row(out, row).map(|()| true),
            Kind::Csv(out) => csv::row(out, row).map(|()| true),
            Kind::Timesketch(out) => jsonl::timesketch(out, row),
            Kind::Parquet(writer) => writer.add(row).map(|()| true),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What writing returns.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Kind::Jsonl(mut out) | Kind::Csv(mut out) | Kind::Timesketch(mut out) => out.flush(),
            Kind::Parquet(writer) => writer.finish(),
        }
    }
}
