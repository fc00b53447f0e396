//! `weighbridge show`: a finding, an event or an artifact of a case, with its bytes.

use super::{Ended, Outcome, saved};
use crate::cli::Show;
use crate::messages;
use crate::terminal::{Terminal, print};
use std::fmt;
use std::path::Path;
use wb_core::{ArtifactPath, Span};
use wb_report::saved::{Case, Finding, Shown};
use wb_report::{escape, text};

/// Bytes shown before and after the finding's own.
const AROUND: u64 = 32;

/// Bytes shown at the most.
const MOST: u64 = 512;

/// Things shown when a name fits several.
const SEVERAL: usize = 8;

/// Shows what is named; for a finding its bytes as well, when the evidence is at hand.
pub fn run(arguments: &Show, terminal: Terminal) -> Ended {
    let case = saved::case(&arguments.case)?;
    let found = case.named(&arguments.what);
    let style = text::Style { width: terminal.width, color: terminal.color };
    if found.is_empty() || found.len() > SEVERAL {
        return Err(Box::new(NotOne::of(&arguments.what, &case, found.len())));
    }
    let evidence = arguments
        .evidence
        .as_deref()
        .or_else(|| Some(arguments.case.as_path()).filter(|path| path.is_dir()));
    let mut out = Vec::new();
    for shown in found {
        let mut text = text::shown(&case, shown, &style);
        if let (Shown::Finding(finding), Some(folder)) = (shown, evidence) {
            text.push_str(&bytes_of(folder, finding));
        }
        out.push(text);
    }
    print(&out.join("\n"))?;
    if evidence.is_none() {
        messages::next_step("`--evidence DIR` adds the bytes of a finding");
    }
    Ok(Outcome::NothingFound)
}

/// A hexadecimal view of the finding's bytes, with offsets in its artifact.
fn bytes_of(folder: &Path, finding: &Finding) -> String {
    let (Some(offset), Some(length)) = (finding.location.offset, finding.location.length) else {
        return String::new();
    };
    let span = Span::new(offset, length);
    match wb_engine::bytes_of(folder, &ArtifactPath::from(finding.artifact.as_str())) {
        Ok(data) => text::hex(&data, window(span), span),
        Err(error) => {
            let name = escape::terminal(&finding.artifact);
            format!("\n`{name}` cannot be read again: {error}\n")
        }
    }
}

/// The bytes to show: those of `span` and some around it.
fn window(span: Span) -> Span {
    let start = span.start.saturating_sub(AROUND) & !15;
    let end = span.end().saturating_add(AROUND).min(start.saturating_add(MOST));
    Span::new(start, end.saturating_sub(start))
}

/// User: the case has nothing of that name, or too much.
#[derive(Debug)]
struct NotOne {
    wanted: String,
    fits: usize,
    findings: usize,
    events: usize,
}

impl NotOne {
    fn of(wanted: &str, case: &Case, fits: usize) -> Self {
        let (findings, events) = (case.findings.len(), case.timeline.len());
        Self { wanted: wanted.to_owned(), fits, findings, events }
    }
}

impl fmt::Display for NotOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fits {
            0 => write!(f, "the case has nothing called `{}`\nhint: ", self.wanted)?,
            fits => {
                write!(f, "`{}` fits {fits} artifacts\nhint: give more of the path; ", self.wanted)?
            }
        }
        match self.findings {
            0 => f.write_str("it has no findings")?,
            count => write!(f, "findings are F1 to F{count}")?,
        }
        if self.events > 0 {
            write!(f, ", events E1 to E{}", self.events)?;
        }
        f.write_str("; events also go by their record (`PATH:LINE`), artifacts by path or digest")
    }
}

impl std::error::Error for NotOne {}
