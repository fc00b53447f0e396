//! The ticket: the answer in Markdown, for people. Prose is defanged; commands stand exactly, in code.

use super::Source;
use crate::escape::{self, Defang, markdown_code};
use crate::words::{self, MOMENTS};
use crate::{finding_id, time};
use std::fmt::Write as _;
use wb_core::{Case, Finding, Severity};

/// Rows of one list.
const LISTED: usize = 40;

/// Characters of one value.
const LONGEST: usize = 600;

/// The ticket.
pub(super) fn ticket(source: &Source<'_>) -> String {
    let case = source.case;
    let mut page = Ticket { out: String::new(), defang: Defang::of_case(case) };
    let (_, headline) = words::headline(case);
    page.line(&format!(
        "# {} \\(confidence {}\\)",
        escape::markdown(headline),
        case.conclusion.confidence.name()
    ));
    page.paragraph(&case.conclusion.summary);
    page.facts(case);
    page.execution(case);
    page.actions(case);
    page.candidates(case);
    page.findings(case);
    page.timeline(case);
    page.identifiers(case);
    page.reasoning(case);
    page.list(
        "Contradictions",
        case.contradictions
            .iter()
            .map(|it| format!("{} ({})", it.what, it.evidence.join("; ")))
            .collect(),
    );
    page.list("Missing in the supplied evidence", case.missing.clone());
    page.evidence(case);
    let _ = writeln!(
        page.out,
        "\n---\nweighbridge {}, rulebook {}",
        escape::markdown(&source.tool.version),
        markdown_code(&source.tool.rulebook)
    );
    page.out
}

struct Ticket {
    out: String,
    defang: Defang,
}

impl Ticket {
    fn line(&mut self, markup: &str) {
        self.out.push_str(markup);
        self.out.push('\n');
    }

    fn heading(&mut self, title: &str) {
        let _ = writeln!(self.out, "\n## {title}\n");
    }

    /// Hostile text as prose.
    fn prose(&self, text: &str) -> String {
        escape::markdown(&words::cut(&self.defang.text(text), LONGEST))
    }

    fn paragraph(&mut self, text: &str) {
        let text = self.prose(text);
        let _ = writeln!(self.out, "\n{text}");
    }

    /// A table without a heading of its own.
    fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let _ = writeln!(self.out, "| {} |", head.join(" | "));
        let _ = writeln!(self.out, "|{}", " --- |".repeat(head.len()));
        for row in rows.iter().take(LISTED) {
            let _ = writeln!(self.out, "| {} |", row.join(" | "));
        }
        self.rest(rows.len());
    }

    fn rest(&mut self, all: usize) {
        if all > LISTED {
            let _ = writeln!(self.out, "\n… {} more", all - LISTED);
        }
    }

    fn list(&mut self, title: &str, rows: Vec<String>) {
        if rows.is_empty() {
            return;
        }
        self.heading(title);
        for row in rows.iter().take(LISTED) {
            let row = self.prose(row);
            let _ = writeln!(self.out, "- {row}");
        }
        self.rest(rows.len());
    }

    /// What is held to be true and what would change it, and what else is affected.
    fn reasoning(&mut self, case: &Case) {
        let judgements = case.reasoning.judgements.iter().map(|judgement| {
            format!(
                "{} ({}, {} confidence; would change it: {})",
                judgement.statement,
                judgement.status.name(),
                judgement.confidence.name(),
                judgement.would_change
            )
        });
        self.list("Why", judgements.collect());
        let reached = case.reasoning.reach.iter().map(|reached| {
            let why: Vec<&str> =
                reached.grounds.iter().take(2).map(|ground| ground.why.as_str()).collect();
            format!(
                "{} {} ({} confidence): {}",
                reached.kind.name(),
                reached.name,
                reached.confidence.name(),
                why.join("; ")
            )
        });
        self.list("Blast radius", reached.collect());
    }

    /// The facts with a clock, and from where to where.
    fn facts(&mut self, case: &Case) {
        let answers = &case.answers;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (key, label) in MOMENTS {
            if let Some(when) = answers.moments.get(&key) {
                let entry = case.timeline.iter().find(|entry| entry.key == Some(key));
                let record = entry.map(|entry| markdown_code(&words::record(&entry.record)));
                let clock = format!("{} UTC", time::clock(*when));
                rows.push(vec![label.into(), clock, record.unwrap_or_default()]);
            }
        }
        if !rows.is_empty() {
            rows.push(vec!["dwell".into(), words::dwell(answers), String::new()]);
        }
        let pairs = [
            ("source before", answers.source_before.clone()),
            ("source after", answers.source_after.clone()),
            (
                "hosts",
                (!answers.host_affected.is_empty()).then(|| answers.host_affected.join(", ")),
            ),
        ];
        for (label, value) in pairs {
            if let Some(value) = value {
                rows.push(vec![label.into(), self.prose(&value), String::new()]);
            }
        }
        for network in answers.network.iter().take(LISTED) {
            let text = self.prose(&words::network_use(network));
            rows.push(vec!["goes to".into(), text, String::new()]);
        }
        if !rows.is_empty() {
            self.out.push('\n');
            self.table(&["what", "answer", "record"], &rows);
        }
    }

    fn execution(&mut self, case: &Case) {
        if case.answers.execution.is_empty() {
            return;
        }
        self.heading("What runs");
        for execution in case.answers.execution.iter().take(LISTED) {
            let when = execution.trigger.map(words::when).unwrap_or_default();
            let command = words::cut(&execution.command, LONGEST).into_owned();
            let _ = writeln!(
                self.out,
                "- {} calls {} {when}: {}",
                markdown_code(execution.artifact.as_str()),
                markdown_code(&execution.call),
                markdown_code(&self.defang.text(&command)),
            );
        }
        self.rest(case.answers.execution.len());
    }

    /// What to do, as boxes to tick; commands are exact.
    fn actions(&mut self, case: &Case) {
        if case.recommendations.is_empty() {
            return;
        }
        self.heading("What to do");
        for advice in case.recommendations.iter().take(LISTED) {
            let what = self.prose(&advice.what);
            let _ = writeln!(self.out, "- [ ] {}: {what}", advice.phase.name());
            if let Some(command) = &advice.command {
                self.block(command);
            }
        }
    }

    /// Code inside a list item: indented code needs no fence that text could close.
    fn block(&mut self, code: &str) {
        self.out.push('\n');
        for line in code.lines() {
            let _ = writeln!(self.out, "          {}", escape::terminal(line));
        }
        self.out.push('\n');
    }

    fn candidates(&mut self, case: &Case) {
        let rows = case.candidates.iter().map(|candidate| {
            format!(
                "{} {}: {}",
                candidate.decision.name().to_uppercase(),
                candidate.artifact,
                candidate.because.join("; ")
            )
        });
        let rows = rows.collect();
        self.list("Candidates", rows);
    }

    fn findings(&mut self, case: &Case) {
        let all: Vec<(usize, &Finding)> = case
            .findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.severity > Severity::Info)
            .collect();
        if all.is_empty() {
            return;
        }
        self.heading("Findings");
        let rows: Vec<Vec<String>> = all
            .iter()
            .map(|(index, finding)| {
                vec![
                    finding_id(*index),
                    finding.severity.name().to_owned(),
                    markdown_code(finding.artifact.as_str()),
                    self.prose(&words::place(&finding.location)),
                    self.prose(&finding.headline),
                    markdown_code(finding.rule),
                ]
            })
            .collect();
        self.table(&["id", "severity", "artifact", "where", "what", "rule"], &rows);
    }

    fn timeline(&mut self, case: &Case) {
        let keys: Vec<_> = case.timeline.iter().filter(|entry| entry.key.is_some()).collect();
        if keys.is_empty() {
            return;
        }
        self.heading("Timeline (UTC)");
        let rows: Vec<Vec<String>> = keys
            .iter()
            .map(|entry| {
                vec![
                    time::clock(entry.time),
                    words::status_word(entry.status).to_owned(),
                    self.prose(&entry.summary),
                    markdown_code(&words::record(&entry.record)),
                ]
            })
            .collect();
        self.table(&["time", "status", "what", "record"], &rows);
    }

    fn identifiers(&mut self, case: &Case) {
        let rows = case.identifiers.iter().map(|found| {
            let parts: Vec<String> = found
                .parts
                .iter()
                .map(|part| format!("{} in {} ({})", part.text, part.artifact, part.place))
                .collect();
            format!(
                "{} (confidence {}): {}",
                found.value,
                found.confidence.name(),
                parts.join("; ")
            )
        });
        let rows = rows.collect();
        self.list("Identifiers", rows);
    }

    /// Every file with its digest, and what of it was read.
    fn evidence(&mut self, case: &Case) {
        if case.artifacts.is_empty() {
            return;
        }
        self.heading("Evidence");
        let rows: Vec<Vec<String>> = case
            .artifacts
            .iter()
            .map(|artifact| {
                let digest = artifact.sha256.map(|digest| digest.to_string());
                let row = case.coverage.iter().find(|row| row.artifact == artifact.path);
                vec![
                    markdown_code(artifact.path.as_str()),
                    artifact.format.unwrap_or("unknown").to_owned(),
                    digest.map(|digest| markdown_code(&digest)).unwrap_or_default(),
                    row.map(|row| row.state.name()).unwrap_or_default().to_owned(),
                ]
            })
            .collect();
        self.table(&["file", "format", "SHA-256", "read"], &rows);
    }
}
