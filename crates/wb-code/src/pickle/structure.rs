//! [`Structure`]: what PROTO and FRAME promise, and where a stream breaks the promise.

use super::opcode::{self as op, Step};
use wb_core::{Bytes, Oddity, OddityKind};

/// The newest protocol there is.
const NEWEST: i64 = 5;
/// Oddities of one kind that are reported per stream.
const REPORTED: usize = 4;

/// Follows PROTO and FRAME through a stream.
#[derive(Debug, Default)]
pub(super) struct Structure {
    /// Index behind the current frame.
    frame_end: usize,
    /// Opcodes seen.
    number: u64,
    /// Oddities reported.
    reported: usize,
    /// Whether the current frame was reported as too short.
    crossed: bool,
}

impl Structure {
    /// Looks at the next opcode of the stream that begins at `begin`.
    ///
    /// # Errors
    /// Says why the unpickler refuses the stream here.
    #[inline]
    pub(super) fn observe(
        &mut self,
        step: &Step<'_>,
        begin: usize,
        input: Bytes<'_>,
        oddities: &mut Vec<Oddity>,
    ) -> Result<(), String> {
        if step.code == op::PROTO {
            if step.number > NEWEST {
                return Err(format!("there is no protocol {}", step.number));
            }
            if step.start != begin {
                self.report(step, input, oddities, "PROTO stands inside the stream".to_owned());
            } else if step.number < 2 {
                let what = format!("PROTO names protocol {}, which has no PROTO", step.number);
                self.report(step, input, oddities, what);
            }
        }
        if step.code == op::FRAME {
            if step.start < self.frame_end {
                self.report(step, input, oddities, "a frame begins inside another".to_owned());
            }
            let len = usize::try_from(step.number).unwrap_or(usize::MAX);
            self.frame_end = step.end.saturating_add(len);
            self.crossed = false;
            if self.frame_end > input.len() {
                let what = format!("a frame of {} bytes is longer than the data", step.number);
                self.report(step, input, oddities, what);
                self.frame_end = 0;
            }
        } else if step.end > self.frame_end && step.start < self.frame_end && !self.crossed {
            self.crossed = true;
            self.report(step, input, oddities, "an opcode crosses the end of its frame".to_owned());
        }
        self.number = self.number.saturating_add(1);
        Ok(())
    }

    /// The index up to which opcodes other than PROTO and FRAME cannot break a promise.
    pub(super) const fn undisturbed_until(&self) -> usize {
        if self.crossed || self.frame_end == 0 { usize::MAX } else { self.frame_end }
    }

    /// Notes opcodes that were not shown to [`Self::observe`] because they break no promise.
    pub(super) const fn passed(&mut self, count: u64) {
        self.number = self.number.saturating_add(count);
    }

    #[cold]
    fn report(
        &mut self,
        step: &Step<'_>,
        input: Bytes<'_>,
        oddities: &mut Vec<Oddity>,
        what: String,
    ) {
        self.reported = self.reported.saturating_add(1);
        if self.reported <= REPORTED {
            oddities.push(Oddity {
                kind: OddityKind::UnusualOpcode,
                place: format!("opcode {}", self.number),
                span: Some(step.span(input)),
                what,
            });
        }
    }
}
