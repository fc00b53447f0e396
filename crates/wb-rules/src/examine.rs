//! [`examine`]: every rule on one artifact, and the verdict.

use crate::rules::{Subject, rules};
use wb_code::capability::{Effects, analyse};
use wb_core::{Artifact, Budget, Content, Finding, Severity, Verdict};

/// At most so many findings of one rule in one artifact: a hostile file can make a million calls.
const MOST_OF_ONE_RULE: usize = 64;

/// What the rules said about one artifact.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What each program would do, in the order of `content.programs`.
    pub effects: Vec<Effects>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What all of it makes of the artifact: at least [`Verdict::Unknown`] when something that could hold
    /// code was not read.
    pub verdict: Verdict,
}

/// Analyses the programs of `content` and lets every rule look at it: findings in the order of bytes.
pub fn examine(artifact: &Artifact, content: &Content, budget: &mut Budget) -> Examined {
    if is_plain(artifact, content) {
        let effects = vec![Effects::default(); content.programs.len()];
        return Examined {
            verdict: verdict(content, &effects, &[]),
            effects,
            findings: Vec::new(),
        };
    }
    let effects: Vec<Effects> = content
        .programs
        .iter()
        .map(|program| match program.ops.is_empty() {
            // Nothing runs, so nothing has to be known: plain data never loads the knowledge.
            true => Effects::default(),
            false => analyse(program, crate::knowledge(), budget),
        })
        .collect();
    judge(artifact, content, effects)
}

/// Whether there is nothing that a rule could look at: data without code, parts or anything odd. Most
/// files of a large folder are of this kind. Fields alone matter only to rules about lists of packages, and
/// where one begins like a secret.
fn is_plain(artifact: &Artifact, content: &Content) -> bool {
    content.oddities.is_empty()
        && content.components.is_empty()
        && artifact.format != Some("requirements")
        && content.programs.iter().all(|program| program.ops.is_empty())
        && !crate::secrets::may_hold(content)
}

/// Lets every rule look at `content`, whose programs do what `effects` says.
pub(crate) fn judge(artifact: &Artifact, content: &Content, effects: Vec<Effects>) -> Examined {
    let subject = Subject::new(artifact, content, &effects);
    let mut findings: Vec<Finding> =
        rules().iter().flat_map(|rule| few((rule.examine)(&subject))).collect();
    findings.sort_by_key(|finding| (finding.location.span.map(|span| span.start), finding.rule));
    let verdict = verdict(content, &effects, &findings);
    Examined { effects, findings, verdict }
}

fn few(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(MOST_OF_ONE_RULE);
    if more > 0 {
        // The gravest stay; the sort is stable, so of equals the first.
        findings.sort_by_key(|finding| std::cmp::Reverse((finding.verdict, finding.severity)));
        findings.truncate(MOST_OF_ONE_RULE);
        if let Some(last) = findings.last_mut() {
            last.headline.push_str(&format!(" (and {more} more of this rule)"));
        }
    }
    findings
}

/// The worst that a finding says; not clean when part of the artifact or of its code was not read.
fn verdict(content: &Content, effects: &[Effects], findings: &[Finding]) -> Verdict {
    let inventory = |finding: &&Finding| finding.severity > Severity::Info;
    let found = findings.iter().filter(inventory).map(|finding| finding.verdict).max();
    let unread = !content.gaps.is_empty() || effects.iter().any(|one| !one.gaps.is_empty());
    let least = if unread { Verdict::Unknown } else { Verdict::Clean };
    found.unwrap_or_default().max(least)
}
