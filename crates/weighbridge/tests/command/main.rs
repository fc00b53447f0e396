//! The command as a person or a pipeline meets it: exit codes, messages, bad input, terminals, and each
//! verb.

mod bad_input;
mod diff;
mod exit_codes;
mod learn;
mod open;
mod sigma;
mod terminal;
mod timeline;
mod verbs;
mod words;

use std::path::Path;
use wb_testkit::Run;

/// A run of the command under test.
fn weighbridge(arguments: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_weighbridge")).args(arguments)
}

/// The folder of an example case, as an argument.
fn case(name: &str) -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases");
    cases.join(name).to_string_lossy().into_owned()
}

/// The example cases.
const CASES: [&str; 4] = ["quiet-update", "false-alarm", "staged-template", "night-shift"];

/// A pickle that runs a harmless command when it is loaded.
fn malicious() -> Vec<u8> {
    assembled("GLOBAL os system\nBINUNICODE echo hello\nTUPLE1\nREDUCE\nSTOP")
}

/// A pickle of plain data.
fn harmless() -> Vec<u8> {
    assembled("PROTO 2\nEMPTY_DICT\nBINUNICODE bias\nBINFLOAT 0.5\nSETITEM\nSTOP")
}

/// A pickle that calls what nobody vouches for.
fn unvouched() -> Vec<u8> {
    assembled("PROTO 2\nGLOBAL house.models Ranker\nEMPTY_TUPLE\nREDUCE\nSTOP")
}

fn assembled(opcodes: &str) -> Vec<u8> {
    wb_testkit::pickle(opcodes).expect("known opcodes")
}
