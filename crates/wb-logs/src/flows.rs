//! Connections, aggregated while streaming.
use wb_core::{Event, Flow};

/// Aggregates connection events by source, destination, host and port. Mergeable.
#[derive(Clone, Debug, Default)]
pub struct FlowTable {}

impl FlowTable {
    /// Adds an event if it is about a connection.
    pub fn add(&mut self, event: &Event) {
        let _ = event;
    }

    /// Adds everything another table holds.
    pub fn merge(&mut self, other: Self) {
        let _ = other;
    }

    /// The flows, ordered by first attempt, then source and destination.
    pub fn finish(self) -> Vec<Flow> {
        Vec::new()
    }
}
