//! The wall clock of a log that names no zone: [`clock_change`] tells its zone by the hour it goes through twice.
//!
//! Where summer time ends, a clock on a wall falls back: a log that follows it has the same hour twice, in file
//! order. [`Steps`] watches the stamps of every log for steps back, at no cost. Only a log with such a step is
//! read again: [`folds`] asks the tz database which zones fall back at that date and hour, and [`passes`] whether
//! the log went through the hour twice, as a clock does, or has records out of order. [`LocalZone`] then gives
//! every stamp its moment. Zones that fall back at the same hour with different offsets are told apart by nothing,
//! and so not guessed. A jump forward in spring looks like silence and proves nothing; but a record in an hour
//! that a zone skips rules this zone out.

mod folds;
mod passes;
mod steps;
mod survey;
mod zone;

pub(crate) use steps::Steps;
pub use survey::{ClockChange, clock_change};
pub use zone::LocalZone;
