//! `weighbridge inspect`: layers, tensors and metadata of a file, and of everything nested in it.

use super::{Ended, Outcome};
use crate::cli::{Inspect, TableFormat};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wb_core::ArtifactPath;
use wb_engine::{Hashing, ScanOptions};
use wb_report::{json, text};

/// Lists what a file holds.
pub fn run(arguments: &Inspect, terminal: Terminal) -> Ended {
    let options =
        ScanOptions { hashing: Hashing::All, keep_contents: true, ..ScanOptions::default() };
    let scanned = wb_engine::scan(std::slice::from_ref(&arguments.file), options, &Bar::new())?;
    let style = text::Style { width: terminal.width, color: terminal.color };
    let mut out = String::new();
    let mut documents = Vec::new();
    for inspected in &scanned.artifacts {
        let dossier = wb_engine::dossier(inspected);
        let statistics = if arguments.statistics {
            let on_disk = |path: &ArtifactPath| scanned.on_disk.get(path).map(PathBuf::as_path);
            wb_engine::statistics(inspected, on_disk, &Bar::new())
        } else {
            BTreeMap::new()
        };
        match arguments.format {
            TableFormat::Text => {
                out.push_str(&text::inspect(&inspected.artifact, &dossier, &style));
                out.push_str(&text::statistics(&dossier, &statistics, &style));
                out.push_str(&format!("{}\n\n", inspected.coverage.why));
            }
            TableFormat::Json => documents.push((&inspected.artifact, dossier, statistics)),
        }
    }
    if scanned.artifacts.is_empty() {
        let outcome = super::nothing_but(&scanned.skipped);
        messages::note(&format!("`{}` is no model", arguments.file.display()));
        messages::hint("`weighbridge timeline` reads logs");
        return Ok(outcome);
    }
    if arguments.format == TableFormat::Json {
        out = json::inspect(&documents);
    }
    print(&out)?;
    Ok(Outcome::NothingFound)
}
