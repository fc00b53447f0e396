//! Python pickles, all protocols.
use wb_core::{Budget, Bytes, Gap, Oddity, Program, Span, Text, Trigger};

/// How much of a pickle is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What has effects, with the arguments and containers that lead to it: fast, small.
    Effects,
    /// Everything, for decompiling.
    Full,
}

/// What was read from bytes that hold one or more pickle streams.
#[derive(Clone, Debug, Default)]
pub struct Lifted {
    /// One program per stream, in file order.
    pub programs: Vec<Program>,
    /// The bytes of each stream, PROTO to STOP.
    pub streams: Vec<Span>,
    /// Short strings that the streams hold as data, for correlation; bounded in number.
    pub texts: Vec<Text>,
    /// What no pickler writes.
    pub oddities: Vec<Oddity>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// Lifts every pickle stream in `input`.
pub fn lift(input: Bytes<'_>, trigger: Trigger, detail: Detail, budget: &mut Budget) -> Lifted {
    let _ = (input, trigger, detail, budget);
    Lifted::default()
}

/// Whether `input` begins with a pickle: opcodes that parse from the first byte to a STOP or to the end
/// of the first few thousand opcodes.
pub fn is_pickle(input: Bytes<'_>) -> bool {
    let _ = input;
    false
}

/// The listing of `pickletools.dis`, with the trace of stack and memo when `trace`.
pub fn disassemble(input: Bytes<'_>, trace: bool, budget: &mut Budget) -> String {
    let _ = (input, trace, budget);
    String::new()
}
