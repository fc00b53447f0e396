//! Python pickles, all protocols: [`lift`] to programs, [`is_pickle`], [`disassemble`].
//!
//! A walk over the opcodes ([`survey`](mod@survey)) tells streams that only make data, which is nearly
//! all that large pickles do, from streams that import and call. The latter run on an abstract machine
//! ([`machine`]) that keeps stack, marks and memo as CPython's C unpickler does and writes down what
//! would happen. Data stays a range of bytes until an op uses it ([`materialise`]).

mod containers;
mod disassemble;
mod effects;
mod embedded;
mod fold;
mod identify;
mod integer;
mod joblib;
mod machine;
mod materialise;
mod memo;
mod opcode;
mod sharing;
mod streams;
mod structure;
mod survey;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use disassemble::disassemble;
pub use identify::is_pickle;

use wb_core::{Budget, Bytes, Gap, Oddity, Program, Span, Text, Trigger};

/// How much of a pickle is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What has effects, with the arguments and containers that lead to it: fast, small. A stream that
    /// only makes data yields a program without ops.
    Effects,
    /// Everything, for decompiling.
    Full,
}

/// What was read from bytes that hold one or more pickle streams.
#[derive(Clone, Debug, Default)]
pub struct Lifted {
    /// One program per stream, in file order; a stream that stands inside another follows it.
    pub programs: Vec<Program>,
    /// The bytes of each stream, PROTO to STOP, or to the opcode that broke it.
    pub streams: Vec<Span>,
    /// Short strings that the streams hold as data, for correlation; bounded in number.
    pub texts: Vec<Text>,
    /// What no pickler writes.
    pub oddities: Vec<Oddity>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// The index of a pickle that begins in `input` behind other bytes, but within the first `within` of them,
/// with PROTO, and imports or calls something; `None` when there is none.
pub fn behind_bytes(input: Bytes<'_>, within: usize) -> Option<usize> {
    streams::framed_stream(input, within)
}

/// The length of the stream that `input` begins with, up to and with its STOP, in bytes; `None` when it comes to none.
pub fn stream_len(input: Bytes<'_>, budget: &mut Budget) -> Option<usize> {
    identify::stream_len(input, budget)
}

/// Lifts every pickle stream in `input`.
///
/// Follows what CPython's C unpickler does, and goes on where another loader would: streams one after
/// another, streams behind stray bytes, and everything that ran before a stream breaks. Imports keep the
/// names that stand in the pickle; protocols 0 to 2 may use those of Python 2 (`__builtin__`).
pub fn lift(input: Bytes<'_>, trigger: Trigger, detail: Detail, budget: &mut Budget) -> Lifted {
    streams::lift_all(input, trigger, detail, budget)
}

/// Lifts the first `most` streams of `input`, which stand one right behind another, and looks at nothing
/// behind them: for files in which other data follows the pickles.
pub fn lift_first(
    input: Bytes<'_>,
    most: usize,
    trigger: Trigger,
    detail: Detail,
    budget: &mut Budget,
) -> Lifted {
    streams::lift_first(input, most, trigger, detail, budget)
}
