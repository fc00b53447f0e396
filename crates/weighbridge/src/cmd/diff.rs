//! `weighbridge diff`: two models compared.

use super::{Ended, Outcome};
use crate::cli::Diff;
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use std::path::Path;
use wb_engine::{Hashing, Inspected, ScanOptions};
use wb_report::text;

/// Compares two models; exit code 1 when they differ.
pub fn run(arguments: &Diff, terminal: Terminal) -> Ended {
    let model = one(&arguments.model)?;
    let baseline = one(&arguments.baseline)?;
    let (Some(model), Some(baseline)) = (&model, &baseline) else {
        let missing = if model.is_none() { &arguments.model } else { &arguments.baseline };
        messages::note(&format!("`{}` is no model that can be read", missing.display()));
        messages::hint("`weighbridge diff MODEL BASELINE` compares two models");
        return Ok(Outcome::NothingToLookAt);
    };
    let differences = wb_engine::differences(model, baseline);
    let style = text::Style { width: terminal.width, color: terminal.color };
    let same_bytes = model.artifact.sha256 == baseline.artifact.sha256;
    print(&match (differences.is_empty(), same_bytes) {
        (true, true) => "the files are the same, byte for byte\n".to_owned(),
        (true, false) => {
            "the bytes differ; layers, tensor names and shapes, imported names and metadata do not\n".to_owned()
        }
        _ => text::differences(&differences, &style),
    })?;
    Ok(if same_bytes { Outcome::NothingFound } else { Outcome::Findings })
}

/// The outermost artifact of a file.
fn one(path: &Path) -> Result<Option<Inspected>, wb_engine::EngineError> {
    let options =
        ScanOptions { hashing: Hashing::All, keep_contents: true, ..ScanOptions::default() };
    let scanned = wb_engine::scan(&[path.to_owned()], options, &Bar::new())?;
    Ok(scanned.artifacts.into_iter().next())
}
