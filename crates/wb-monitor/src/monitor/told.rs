//! [`Told`]: what the monitor hands to whoever runs it. [`Counts`]: numbers for metrics.

use super::AllowedNetwork;
use crate::alert::Alert;
use crate::observation::File;
use jiff::Timestamp;
use std::collections::BTreeMap;
use wb_core::Severity;

/// What the monitor wants done.
#[derive(Clone, Debug)]
pub enum Told {
    /// Tell people.
    Alert(Box<Alert>),
    /// Write a record: one line of JSON.
    Record(String),
    /// Scan a file, and come back with what was found.
    Scan(File),
    /// Allow a service one more network.
    Allow(usize, AllowedNetwork),
}

/// Numbers since the start.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Connections by service and what became of them: `allowed`, `outside` or `refused`.
    pub connections: BTreeMap<(String, &'static str), u64>,
    /// Connections without a process.
    pub unattributed: u64,
    /// Loads by the scanner's verdict.
    pub loads: BTreeMap<&'static str, u64>,
    /// Alerts by rule and severity, repetitions included.
    pub alerts: BTreeMap<(&'static str, Severity), u64>,
    /// Alerts that were not told one by one.
    pub alerts_held_back: u64,
    /// Alerts that are open.
    pub open_alerts: usize,
    /// Events that sensors lost.
    pub lost: u64,
    /// The latest event.
    pub last_event: Option<Timestamp>,
}
