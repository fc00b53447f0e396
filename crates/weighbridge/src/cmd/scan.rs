//! `weighbridge scan`: files by themselves, with an exit code for pipelines.

use super::{Ended, Outcome, tool};
use crate::cli::{Scan, ScanFormat, Threshold};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use wb_core::{ReadState, Verdict};
use wb_engine::{Hashing, ScanOptions, Scanned};
use wb_report::{json, sarif, text};

/// Scans and prints what was found.
pub fn run(arguments: &Scan, terminal: Terminal) -> Ended {
    let hashing = match (arguments.no_hash, arguments.format) {
        (true, _) => Hashing::Off,
        (false, ScanFormat::Text) => Hashing::Reported,
        (false, _) => Hashing::All,
    };
    let options = ScanOptions { hashing, ..ScanOptions::default() };
    let scanned = wb_engine::scan(&arguments.paths, options, &Bar::new())?;
    let outcome = outcome(&scanned, arguments.fail_on.into());
    let nothing = scanned.artifacts.is_empty() && scanned.logs.is_empty();
    let report = report(scanned);
    let style = text::Style { width: terminal.width, color: terminal.color };
    let unread = report.coverage.iter().any(|row| row.state != ReadState::Read);
    let printed = match arguments.format {
        ScanFormat::Text => text::scan(&report, arguments.verbose, &style),
        ScanFormat::Json => json::scan(&report, &tool()),
        ScanFormat::Sarif => {
            sarif::scan(&report, &tool(), &super::explain::rule_infos(wb_sigma::RuleSet::shipped()))
        }
    };
    print(&printed)?;
    if nothing && report.coverage.is_empty() {
        messages::note("there is no file under the given paths");
        messages::hint("give model files, or folders that hold some");
    }
    if unread && outcome != Outcome::Findings && arguments.fail_on != Threshold::Unknown {
        messages::note("not everything could be read to its end, so not everything can be judged");
        messages::hint(
            "get damaged files again and check permissions; `--fail-on unknown` makes such files fail a scan",
        );
    }
    Ok(outcome)
}

/// The exit code says what a pipeline has to know: something bad, something unread, nothing at all.
fn outcome(scanned: &Scanned, threshold: Verdict) -> Outcome {
    let found = scanned.artifacts.iter().any(|inspected| inspected.verdict >= threshold);
    let unopened = scanned.skipped.iter().any(|skipped| skipped.state == ReadState::Unread);
    match (found, scanned.artifacts.is_empty() && scanned.logs.is_empty(), unopened) {
        (true, _, _) => Outcome::Findings,
        (_, true, false) => Outcome::NothingToLookAt,
        (_, _, true) => Outcome::CouldNotFinish,
        _ => Outcome::NothingFound,
    }
}

/// What a scan report shows.
fn report(scanned: Scanned) -> wb_report::Scan {
    let findings = wb_engine::findings(&scanned.artifacts);
    let indicators = wb_engine::index_findings(&findings);
    let mut coverage = scanned.skipped;
    let mut artifacts: Vec<(wb_core::Artifact, Verdict)> =
        Vec::with_capacity(scanned.artifacts.len().saturating_add(scanned.logs.len()));
    for found in scanned.artifacts {
        coverage.push(found.coverage);
        artifacts.push((found.artifact, found.verdict));
    }
    artifacts.extend(scanned.logs.into_iter().map(|log| (log.artifact, Verdict::Clean)));
    artifacts.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    coverage.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    // A link out of the folder is an artifact that was skipped.
    coverage.dedup();
    wb_report::Scan { artifacts, findings, indicators, coverage }
}
