//! `weighbridge investigate`: a folder to a case.

use super::{Ended, Outcome, tool};
use crate::cli::{CaseFormat, Investigate};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use wb_core::{ArtifactPath, Case, Compromise, Coverage, ReadState, Verdict};
use wb_engine::{InvestigateOptions, investigate};
use wb_report::export::{EXPORTS, Source};
use wb_report::{html, text};
use wb_sigma::RuleSet;

/// Investigates a folder and prints the case.
pub fn run(arguments: &Investigate, terminal: Terminal) -> Ended {
    let rules = wb_engine::load_rules(&arguments.sigma)?;
    let case = case_of(&arguments.folder, &arguments.roles, rules)?;
    if case.artifacts.is_empty() {
        return Ok(nothing(&case, &arguments.folder));
    }
    if let Some(folder) = &arguments.export {
        refuse_evidence(folder, &arguments.folder)?;
    }
    let (tool, rules) = (tool(), super::explain::rule_infos(rules));
    let source = Source { case: &case, tool: &tool, rules: &rules };
    let style = text::Style { width: terminal.width, color: terminal.color };
    print(&match arguments.format {
        CaseFormat::Text if arguments.brief => text::summary(&case, &style),
        CaseFormat::Text => text::case(&case, &tool, &style),
        CaseFormat::Export(export) => (export.write)(&source),
    })?;
    if let Some(file) = &arguments.html {
        write(file, &html::case(&case, &tool))?;
        messages::note(&format!("the report as a web page is in `{}`", file.display()));
    }
    if let Some(folder) = &arguments.export {
        write_all(folder, &source)?;
    }
    if matches!(arguments.format, CaseFormat::Text) {
        messages::next_step(&next_step(&case, arguments));
    }
    Ok(outcome(&case))
}

/// The exit code: something wrong goes before something that could not be opened.
fn outcome(case: &Case) -> Outcome {
    let wrong = case.conclusion.compromised == Compromise::Yes
        || case.verdicts.values().any(|verdict| *verdict >= Verdict::Suspicious)
        || case.findings.iter().any(|finding| finding.verdict >= Verdict::Suspicious);
    match (wrong, unopened(case).next()) {
        (true, _) => Outcome::Findings,
        (false, Some(_)) => Outcome::CouldNotFinish,
        (false, None) => Outcome::NothingFound,
    }
}

/// What lies in the folder and could not be opened: it has become no artifact.
fn unopened(case: &Case) -> impl Iterator<Item = &Coverage> {
    let rows = case.coverage.iter().filter(|row| row.state == ReadState::Unread);
    rows.filter(|row| case.artifacts.iter().all(|artifact| artifact.path != row.artifact))
}

/// Says why there is nothing to look at.
fn nothing(case: &Case, folder: &Path) -> Outcome {
    let mut outcome = Outcome::NothingToLookAt;
    for row in unopened(case) {
        messages::note(&format!("`{}`: {}", row.artifact, row.why));
        outcome = Outcome::CouldNotFinish;
    }
    messages::note(&format!("`{}` holds no file that can be read", folder.display()));
    messages::hint("give the folder with the models and logs of the incident");
    outcome
}

/// What a reader may want after the report.
fn next_step(case: &Case, arguments: &Investigate) -> String {
    let folder = arguments.folder.display();
    if case.findings.is_empty() {
        return format!("`weighbridge timeline {folder}` prints the events of all logs");
    }
    match (&arguments.html, &arguments.export) {
        (None, None) => format!(
            "`weighbridge show F1 {folder}` prints the bytes of a finding; `--export DIR` writes this \
             report as a web page, a ticket, STIX, ..."
        ),
        _ => format!("`weighbridge show F1 {folder}` prints the bytes of a finding"),
    }
}

/// The case of `folder`.
pub fn case_of(
    folder: &Path,
    roles: &[(String, wb_core::Role)],
    rules: &'static RuleSet,
) -> Result<Case, wb_engine::EngineError> {
    let roles: BTreeMap<ArtifactPath, wb_core::Role> = roles
        .iter()
        .map(|(path, role)| (ArtifactPath::from(relative(path, folder)), *role))
        .collect();
    let options = InvestigateOptions { roles, rules, ..InvestigateOptions::default() };
    investigate(folder, &options, &Bar::new())
}

/// A path as the report names it: people also type the one that starts with the folder itself.
fn relative(path: &str, folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let folder = folder.trim_end_matches('/');
    let inside = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    inside.unwrap_or(path).trim_start_matches("./").to_owned()
}

/// A report could not be written. User: the path cannot be written to.
#[derive(Debug)]
struct NotWritten(PathBuf, std::io::Error);

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot be written: {}\nhint: choose a file in a folder that exists and is yours",
            self.0.display(),
            self.1
        )
    }
}

impl std::error::Error for NotWritten {}

fn write(file: &Path, text: &str) -> Result<(), NotWritten> {
    std::fs::write(file, text).map_err(|error| NotWritten(file.to_owned(), error))
}

/// Writes the case in every format.
fn write_all(folder: &Path, source: &Source<'_>) -> Result<(), NotWritten> {
    std::fs::create_dir_all(folder).map_err(|error| NotWritten(folder.to_owned(), error))?;
    for export in EXPORTS {
        write(&folder.join(export.file), &(export.write)(source))?;
    }
    messages::note(&format!("`{}` holds the case as:", folder.display()));
    for export in EXPORTS {
        messages::item(&format!("{:<27} {}", export.file, export.about));
    }
    Ok(())
}

/// Reports that lie among the evidence would be read as evidence the next time.
fn refuse_evidence(folder: &Path, evidence: &Path) -> Result<(), String> {
    let whole = |path: &Path| {
        let known = path.ancestors().find_map(|up| Some((up, up.canonicalize().ok()?)));
        known.map(|(up, real)| real.join(path.strip_prefix(up).unwrap_or(Path::new(""))))
    };
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    match (whole(&absolute), whole(evidence)) {
        (Some(target), Some(evidence)) if target.starts_with(&evidence) => Err(format!(
            "`{}` lies in the folder of evidence, and what is written there would be read as evidence\n\
             hint: choose a folder outside `{}`",
            folder.display(),
            evidence.display()
        )),
        _ => Ok(()),
    }
}
