//! Every log source on any bytes, and the aggregation of connections.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use wb_core::ArtifactPath;
use wb_logs::{ClockHints, flows::FlowTable};

fuzz_target!(|data: &[u8]| {
    let artifact = ArtifactPath::from("input.log");
    let mut flows = FlowTable::default();
    let mut sink = |event| flows.add(&event);
    let read = wb_logs::read(&artifact, &mut Cursor::new(data), &ClockHints::default(), &mut sink);
    assert!(read.is_ok(), "reading from memory cannot fail");
    let _ = flows.finish();
});
