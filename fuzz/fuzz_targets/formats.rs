//! Every format, every language and every rule on any bytes: identification, parsing, nested artifacts,
//! capability analysis. The budget is small, so that an input that gets stuck shows as a slow one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use wb_core::{ArtifactPath, Limits};
use wb_engine::{Hashing, Inspector, LogText, inspect};

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        depth: 6,
        decoded_bytes: 4 << 20,
        steps: 2_000_000,
        items: 100_000,
        ..Limits::default()
    };
    let how = Inspector { limits, hashing: Hashing::Off, keep_contents: true };
    let text = LogText::Decoded(Arc::from(data));
    let _ = inspect(&ArtifactPath::from("input"), data, text, how);
});
