//! Decoders behind one budget: [`drain`] runs any of them and says how it ended.

use std::io::{ErrorKind, Read};
use wb_core::{Budget, Bytes, Content, Exhausted, Gap, Oddity, OddityKind};

/// What came out of a decoder.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The bytes it produced, up to where it ended.
    pub data: Vec<u8>,
    /// How it ended.
    pub end: End,
}

/// How a decoder ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At the end of its stream.
    Complete,
    /// At bytes that do not decode, or at the end of the input; why, in the decoder's words.
    Broken(String),
    /// The budget of decoded bytes ran out.
    OutOfBudget,
}

/// Memory that a decoder's window may take, in bytes: what `xz -9` needs, and some room.
pub(crate) const WINDOW: u32 = 96 << 20;

/// Output over input from which data counts as an expansion; deflate reaches 1032 at most.
const RATIO: u64 = 200;
/// Output below this is no expansion, in bytes.
const SMALL: u64 = 16 << 20;

/// Reads `decoder` to its end on the budget.
pub(crate) fn drain(decoder: &mut impl Read, budget: &mut Budget) -> Decoded {
    let mut data = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    let end = loop {
        match decoder.read(&mut chunk) {
            Ok(0) => break End::Complete,
            Ok(count) => {
                if budget.decoded_bytes(count as u64).is_err() {
                    break End::OutOfBudget;
                }
                data.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break End::Broken(error.to_string()),
        }
    };
    Decoded { data, end }
}

impl Decoded {
    /// Records in `content` whatever did not end well, and how far the data expanded, for the stream
    /// `compressed` called `what`.
    pub(crate) fn report(&self, what: &str, compressed: Bytes<'_>, content: &mut Content) {
        let span = compressed.span();
        match &self.end {
            End::Complete => {}
            End::Broken(why) => {
                let why = format!("{what} does not decode to its end: {why}");
                content.oddities.push(Oddity {
                    kind: OddityKind::Malformed,
                    place: what.to_owned(),
                    span: Some(span),
                    what: why.clone(),
                });
                content.gaps.push(Gap::over(span, why));
            }
            End::OutOfBudget => content.gaps.push(exhausted(Exhausted::DecodedBytes, what, span)),
        }
        let (output, input) = (self.data.len() as u64, span.len.max(1));
        if output > SMALL && output.checked_div(input).unwrap_or(0) >= RATIO {
            content.oddities.push(Oddity {
                kind: OddityKind::Expansion,
                place: what.to_owned(),
                span: Some(span),
                what: format!("{input} bytes decode to {output} or more"),
            });
        }
    }
}

/// The gap that a budget's end leaves over `span` of `what`.
pub(crate) fn exhausted(limit: Exhausted, what: &str, span: wb_core::Span) -> Gap {
    Gap::over(span, format!("the budget of {} ran out at {what}", limit.name()))
}
