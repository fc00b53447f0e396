//! Rules about what code does, whatever language it is in: one table ([`ROWS`]), one way to a finding.
//!
//! The effects of a program are first gathered into [`Story`]s, so that one call gives one finding. Where the
//! code stands ([`Setting`]) and the gravest thing it does ([`Capability`]) choose the row, which gives the
//! rule's name; [`grade`] says how bad it is.

mod fed;
mod grade;
mod installers;
mod row;
mod served;
mod setting;
mod story;
mod words;

use crate::rules::{Rule, Subject};
use row::{ROWS, Row};
use std::collections::BTreeSet;
use wb_code::capability::Effects;
use wb_core::{Capability, Content, Effect, Evidence, Finding, FindingBuilder, Verdict};

pub(crate) use installers::INSTALLERS;
pub(crate) use setting::Setting;
pub(crate) use story::Story;

/// The rules of the table.
pub(crate) fn rules() -> impl Iterator<Item = Rule> {
    ROWS.iter().map(|row| row.rule)
}

/// One thing that code does, and the row that has it.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// Which of the programs.
    program: usize,
    setting: Setting,
    story: Story<'a>,
    row: &'static Row,
}

/// Everything that the programs of `content` do and a row is about, in their order.
pub(crate) fn told<'a>(
    format: &str,
    content: &'a Content,
    effects: &'a [Effects],
) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    for (index, (program, effects)) in content.programs.iter().zip(effects).enumerate() {
        let setting = Setting::of(program, format);
        for story in story::stories(program, effects, setting) {
            if let Some(row) = Row::of(setting, &story) {
                all.push(Told { program: index, setting, story, row });
            }
        }
    }
    all
}

/// What the row called `name` finds in `subject`. Each row's rule calls this with its own name.
fn find(name: &'static str, subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut once: BTreeSet<(usize, &str)> = BTreeSet::new();
    for told in subject.told.iter().filter(|told| told.row.rule.name == name) {
        // A class nobody vouches for may be built a thousand times: that is one thing to look at.
        let unknown = told.story.capability == Capability::Unknown;
        let key = (told.program, told.story.main.callable.as_str());
        if unknown && once.contains(&key) {
            continue;
        }
        let Some(finding) = finding(told.row, subject, told.setting, &told.story) else { continue };
        if unknown {
            once.insert(key);
        }
        findings.push(finding);
    }
    findings
}

fn finding(
    row: &Row,
    subject: &Subject<'_>,
    setting: Setting,
    story: &Story<'_>,
) -> Option<Finding> {
    let grade = grade::grade(setting, story)?;
    if setting == Setting::KerasConfig && is_layer_class(subject, story) {
        return None;
    }
    let location = setting.location(subject, story);
    let mut builder = FindingBuilder::new(
        row.rule.name,
        &subject.artifact.path,
        location.clone(),
        words::headline(story, &location),
    )
    .severity(grade.severity)
    .confidence(grade.confidence)
    .verdict(grade.verdict)
    .call(story.deed().callable.clone())
    .payloads(story.payloads())
    .trigger(story.main.trigger)
    .techniques(&words::techniques(row.rule.techniques, story))
    .indicators(story.indicators())
    .next(next_step(row, grade.verdict));
    for (effect, because) in words::reasons(story) {
        let location = setting.location_of(subject, story.program, effect);
        let artifact = subject.artifact.path.clone();
        builder = builder.evidence(Evidence { artifact, location, because });
    }
    Some(builder.build())
}

/// Layers of unknown classes are found as components, once for each class.
fn is_layer_class(subject: &Subject<'_>, story: &Story<'_>) -> bool {
    let last = story.main.callable.rsplit('.').next().unwrap_or_default();
    let mut components = subject.content.components.iter();
    story.capability == Capability::Unknown
        && components.any(|component| crate::keras::is_layer(component) && component.class == last)
}

fn next_step(row: &Row, verdict: Verdict) -> &'static str {
    if verdict == Verdict::Clean { "nothing to do; shown for the record" } else { row.next }
}

/// The gravest capability of an effect and of everything inside it.
fn gravest(effect: &Effect) -> Capability {
    let all = effect.flatten();
    all.iter().map(|effect| effect.capability).min().unwrap_or(Capability::Inert)
}
