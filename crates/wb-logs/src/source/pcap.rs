//! Packet captures have no lines: [`crate::pcap`] reads them. This module only names what it reads.

use super::Reading;
use crate::line::Line;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// There is no text to read.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}
