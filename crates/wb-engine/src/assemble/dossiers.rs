//! Dossiers: what reports show about each artifact beyond its findings.

use super::candidates::inside;
use crate::body::{Body, Inspected};
use crate::difference::differences;
use crate::licences::{self, Licences};
use crate::progress::Silent;
use crate::weights::{Effort, Weights, compare};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use wb_core::{
    ArtifactPath, Budget, Change, Difference, Dossier, Finding, Listing, OpKind, Program, Relation,
    Role, RoleAssignment,
};
use wb_formats::Family;

/// Tensors and settings listed per artifact at the most.
const LISTED: usize = 2_000;

/// Tensors with other numbers than the baseline's that are listed per model.
const CHANGED: usize = 200;

/// Bytes of weights that are compared with baselines in all.
const COMPARED: u64 = 16 << 30;

/// The name of the difference that tells of all numbers of a model.
pub const ALL_WEIGHTS: &str = "all tensors";

/// Lines of one listing at the most.
const LINES: usize = 400;

/// The dossiers of all artifacts; excerpts of logs are added by the caller.
pub fn build(
    body: &Body,
    findings: &[Finding],
    differences: &BTreeMap<ArtifactPath, Vec<Difference>>,
) -> BTreeMap<ArtifactPath, Dossier> {
    let stated = Licences::of(body);
    body.artifacts
        .iter()
        .map(|inspected| {
            let path = &inspected.artifact.path;
            let mut dossier = of_artifact(inspected);
            if inspected.family == Some(Family::Model) && body.model_around(path).is_none() {
                dossier.licences = stated.of_model(path);
            }
            dossier.listings = listings(inspected, findings);
            dossier.differences = differences.get(path).cloned().unwrap_or_default();
            (path.clone(), dossier)
        })
        .collect()
}

/// What an artifact lists, cut to what a person reads.
pub fn of_artifact(inspected: &Inspected) -> Dossier {
    let content = &inspected.content;
    Dossier {
        licences: licences::of_artifact(inspected),
        components: content.components.iter().take(LISTED).cloned().collect(),
        tensors: content.tensors.iter().take(LISTED).cloned().collect(),
        fields: content.fields.iter().take(LISTED).cloned().collect(),
        ..Dossier::default()
    }
}

/// The programs of an artifact as text, with the lines marked that findings point at.
fn listings(inspected: &Inspected, findings: &[Finding]) -> Vec<Listing> {
    let about: Vec<&Finding> =
        findings.iter().filter(|finding| finding.artifact == inspected.artifact.path).collect();
    let programs = inspected.content.programs.iter();
    programs.filter(|_| !about.is_empty()).map(|program| listing(program, &about)).collect()
}

fn listing(program: &Program, findings: &[&Finding]) -> Listing {
    let spans: BTreeSet<wb_core::Span> =
        findings.iter().filter_map(|finding| finding.location.span).collect();
    let place = program.component.clone().unwrap_or_else(|| program.place.clone());
    if let Some(source) = &program.source {
        let (text, marks) = shortened(source, calls_in(source, program, &spans));
        return Listing { place, language: program.language, text, marks };
    }
    let printed = wb_code::print::python(program, true);
    let marked = |ops: &Vec<usize>| {
        ops.iter().any(|op| program.ops.get(*op).is_some_and(|op| spans.contains(&op.span)))
    };
    let marks: Vec<usize> = printed
        .lines
        .iter()
        .enumerate()
        .filter(|(_, ops)| marked(ops))
        .map(|(line, _)| line + 1)
        .collect();
    let (text, marks) = shortened(&printed.text, marks);
    Listing { place, language: program.language, text, marks }
}

/// The lines of recovered source that call what the ops at `spans` call.
fn calls_in(source: &str, program: &Program, spans: &BTreeSet<wb_core::Span>) -> Vec<usize> {
    let mut names = BTreeSet::new();
    let mut todo = vec![program];
    while let Some(program) = todo.pop() {
        for op in &program.ops {
            match &op.kind {
                OpKind::Define { body, .. } => todo.push(body),
                OpKind::Call { callee, .. } if spans.contains(&op.span) => {
                    let called = program.op(*callee).map(|op| &op.kind);
                    if let Some(OpKind::GetAttribute { name, .. } | OpKind::Load { name }) = called
                    {
                        names.insert(format!("{name}("));
                    }
                }
                _ => {}
            }
        }
    }
    let calls = |line: &str| names.iter().any(|name| line.contains(name.as_str()));
    (1..).zip(source.lines()).filter(|(_, line)| calls(line)).map(|(number, _)| number).collect()
}

/// A listing of a few hundred lines around its marks: the rest of a large model is tensors.
fn shortened(text: &str, marks: Vec<usize>) -> (String, Vec<usize>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= LINES {
        return (text.to_owned(), marks);
    }
    const AROUND: usize = 20;
    let mut kept: BTreeSet<usize> = (1..=AROUND).collect();
    for mark in marks.iter().take(LINES / (2 * AROUND)) {
        kept.extend(mark.saturating_sub(AROUND).max(1)..=mark + AROUND);
    }
    let mut short = Vec::new();
    let mut moved = Vec::new();
    let mut last = 0;
    for number in kept.into_iter().filter(|number| *number <= lines.len()) {
        if number != last + 1 {
            short.push(format!("# … {} lines left out", number - last - 1));
        }
        if marks.contains(&number) {
            moved.push(short.len() + 1);
        }
        short.push(lines.get(number - 1).copied().unwrap_or_default().to_owned());
        last = number;
    }
    if last < lines.len() {
        short.push(format!("# … {} lines left out", lines.len() - last));
    }
    (short.join("\n"), moved)
}

/// How each model that runs or is to run differs from the baseline that is most like it.
pub fn compared(
    body: &Body,
    roles: &BTreeMap<ArtifactPath, RoleAssignment>,
) -> BTreeMap<ArtifactPath, Vec<Difference>> {
    let with_role = |wanted: Role| {
        body.whole_models().filter(move |model| {
            roles.get(&model.artifact.path).is_some_and(|role| role.role == wanted)
        })
    };
    let baselines: Vec<&Inspected> = with_role(Role::Baseline).collect();
    let models = with_role(Role::Production).chain(with_role(Role::Candidate));
    let pairs: Vec<(&Inspected, &Inspected)> =
        models.filter_map(|model| Some((model, most_alike(model, &baselines)?))).collect();
    let effort = Effort { bytes: COMPARED / (pairs.len().max(1) as u64) };
    let beside = |(model, baseline): (&Inspected, &Inspected)| {
        let mut all = differences(model, baseline);
        all.extend(in_weights(body, model, baseline, effort));
        (model.artifact.path.clone(), all)
    };
    pairs.into_iter().map(beside).collect()
}

/// What changed in the numbers: of all of them, and of each tensor that changed.
fn in_weights(
    body: &Body,
    model: &Inspected,
    baseline: &Inspected,
    effort: Effort,
) -> Vec<Difference> {
    let digests = (model.artifact.sha256, baseline.artifact.sha256);
    if digests.0.is_some() && digests.0 == digests.1 {
        return Vec::new();
    }
    let weights = |whole: &Inspected| {
        let path = &whole.artifact.path;
        let parts = body.artifacts.iter().filter(|one| inside(path, &one.artifact.path));
        let file = |root: &ArtifactPath| body.on_disk.get(root).map(PathBuf::as_path);
        Weights::of(parts, file, &mut Budget::default())
    };
    let paths = (&model.artifact.path, &baseline.artifact.path);
    let (new, old) = (weights(model), weights(baseline));
    let compared = compare((paths.0, &new), (paths.1, &old), effort, &Silent);
    if compared.differing == 0 {
        return Vec::new();
    }
    let told = |name: &str, detail: &str| Difference {
        baseline: compared.baseline.clone(),
        what: "weights",
        name: name.to_owned(),
        change: Change::Changed,
        detail: detail.to_owned(),
    };
    let changed = compared.tensors.iter().filter(|it| it.relation == Relation::Changed);
    let tensors = changed.take(CHANGED).map(|it| told(&it.name, &it.words));
    std::iter::once(told(ALL_WEIGHTS, &compared.conclusion)).chain(tensors).collect()
}

/// The baseline with the most in common: format, layers and tensors by name.
fn most_alike<'a>(model: &Inspected, baselines: &[&'a Inspected]) -> Option<&'a Inspected> {
    let names = |inspected: &Inspected| -> BTreeSet<String> {
        let content = &inspected.content;
        let layers = content.components.iter().map(|component| component.name.clone());
        let tensors = content
            .tensors
            .iter()
            .filter_map(|tensor| tensor.name.rsplit('.').next().map(|_| tensor.name.clone()));
        layers.chain(tensors).collect()
    };
    let own = names(model);
    baselines
        .iter()
        .filter(|baseline| baseline.family == Some(Family::Model))
        .map(|baseline| {
            let common = names(baseline).intersection(&own).count();
            let same_format = baseline.artifact.format == model.artifact.format;
            let same_name = baseline.artifact.path.file_name() == model.artifact.path.file_name();
            ((same_format, same_name, common), *baseline)
        })
        .filter(|((same_format, _, common), _)| *same_format || *common > 0)
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.artifact.path.cmp(&a.1.artifact.path)))
        .map(|(_, baseline)| baseline)
}
