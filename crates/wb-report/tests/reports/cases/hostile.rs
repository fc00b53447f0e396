//! The compromise again, with every string that comes from evidence turned hostile.

use wb_core::*;

/// What is put into every string: terminal and bidirectional control, markup, a script, a formula, a
/// template, quotes, and a line far longer than any screen.
pub const HOSTILE: &str = "=cmd|' /C calc'!A1 \u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\r\n\
     <script>window.owned=1</script>\"'><img src=x onerror=window.owned=1>--><!--]]>${7*7}{{7*7}}`$(id)` 日本";

fn poison(text: &mut String) {
    *text = format!("{HOSTILE}{}{text}", "A".repeat(3_000));
}

fn poison_path(path: &mut ArtifactPath) {
    *path = ArtifactPath::from(format!("{path} {HOSTILE}{}", "é".repeat(300)));
}

fn poison_record(record: &mut RecordRef) {
    poison_path(&mut record.artifact);
}

fn poison_field(field: &mut Field) {
    poison(&mut field.path);
    poison(&mut field.value);
}

pub fn hostile() -> Case {
    let mut case = super::compromise();
    poison(&mut case.conclusion.summary);
    case.artifacts.iter_mut().for_each(|artifact| poison_path(&mut artifact.path));
    case.roles = std::mem::take(&mut case.roles)
        .into_iter()
        .map(|(mut path, mut role)| {
            poison_path(&mut path);
            role.because.iter_mut().for_each(poison);
            (path, role)
        })
        .collect();
    case.verdicts = std::mem::take(&mut case.verdicts)
        .into_iter()
        .map(|(mut path, verdict)| {
            poison_path(&mut path);
            (path, verdict)
        })
        .collect();
    case.dossiers = std::mem::take(&mut case.dossiers)
        .into_iter()
        .map(|(mut path, mut dossier)| {
            poison_path(&mut path);
            poison_dossier(&mut dossier);
            (path, dossier)
        })
        .collect();
    case.findings.iter_mut().for_each(poison_finding);
    for seen in case.seen_again.values_mut().flatten() {
        seen.indicator = Indicator::new(seen.indicator.kind(), HOSTILE);
        poison_record(&mut seen.record);
    }
    for indexed in &mut case.indicators {
        indexed.indicator = Indicator::new(indexed.indicator.kind(), HOSTILE);
        for (path, place) in &mut indexed.sources {
            poison_path(path);
            poison(place);
        }
    }
    poison_reasoning(&mut case.reasoning);
    for entry in &mut case.timeline {
        poison_record(&mut entry.record);
        poison(&mut entry.summary);
        poison(&mut entry.raw);
    }
    for flow in &mut case.flows {
        poison(&mut flow.source);
        poison(&mut flow.destination);
        flow.host.iter_mut().for_each(poison);
        flow.beacon.score = f64::NAN;
        flow.beacon.period_seconds = Some(f64::INFINITY);
        flow.intervals.extend([f64::NAN, f64::NEG_INFINITY, -1.0, 1e300]);
        poison_record(&mut flow.first_record);
    }
    poison_conclusions(&mut case);
    poison_answers(&mut case.answers);
    case
}

fn poison_finding(finding: &mut Finding) {
    poison_path(&mut finding.artifact);
    poison_location(&mut finding.location);
    poison(&mut finding.headline);
    finding.call.iter_mut().for_each(poison);
    poison(&mut finding.next);
    for payload in &mut finding.payloads {
        payload.layers.iter_mut().for_each(poison);
        poison(&mut payload.text);
    }
    finding.indicators =
        finding.indicators.iter().map(|item| Indicator::new(item.kind(), HOSTILE)).collect();
    for evidence in &mut finding.evidence {
        poison_path(&mut evidence.artifact);
        poison_location(&mut evidence.location);
        poison(&mut evidence.because);
    }
}

fn poison_location(location: &mut Location) {
    poison(&mut location.place);
    location.component.iter_mut().for_each(poison);
}

fn poison_dossier(dossier: &mut Dossier) {
    for component in &mut dossier.components {
        poison(&mut component.name);
        poison(&mut component.class);
        component.module.iter_mut().for_each(poison);
        poison(&mut component.place);
        component.settings.iter_mut().for_each(poison_field);
    }
    for tensor in &mut dossier.tensors {
        poison(&mut tensor.name);
        poison(&mut tensor.dtype);
        tensor.shape = vec![u64::MAX; 40];
    }
    dossier.fields.iter_mut().for_each(poison_field);
    for listing in &mut dossier.listings {
        poison(&mut listing.place);
        poison(&mut listing.text);
        listing.marks.extend([0, usize::MAX]);
    }
    for difference in &mut dossier.differences {
        poison_path(&mut difference.baseline);
        poison(&mut difference.name);
        poison(&mut difference.detail);
    }
    dossier.excerpt.iter_mut().for_each(|(_, text)| poison(text));
}

fn poison_conclusions(case: &mut Case) {
    for row in &mut case.integrity {
        poison_path(&mut row.artifact);
        poison(&mut row.actual);
        row.recorded.iter_mut().for_each(poison);
        row.recorded_in.iter_mut().for_each(poison_record);
    }
    for identifier in &mut case.identifiers {
        poison(&mut identifier.value);
        poison(&mut identifier.join);
        for part in &mut identifier.parts {
            poison_path(&mut part.artifact);
            poison(&mut part.place);
            poison(&mut part.text);
        }
    }
    for contradiction in &mut case.contradictions {
        poison(&mut contradiction.what);
        contradiction.evidence.iter_mut().for_each(poison);
    }
    case.missing.iter_mut().for_each(poison);
    for candidate in &mut case.candidates {
        poison_path(&mut candidate.artifact);
        candidate.because.iter_mut().for_each(poison);
    }
    for recommendation in &mut case.recommendations {
        poison(&mut recommendation.what);
        recommendation.command.iter_mut().for_each(poison);
    }
    for coverage in &mut case.coverage {
        poison_path(&mut coverage.artifact);
        poison(&mut coverage.why);
    }
}

fn poison_answers(answers: &mut Answers) {
    answers.source_before.iter_mut().for_each(poison);
    answers.source_after.iter_mut().for_each(poison);
    answers.host_affected.iter_mut().for_each(poison);
    answers.dwell_seconds = Some(i64::MIN);
    for execution in &mut answers.execution {
        poison_path(&mut execution.artifact);
        poison(&mut execution.call);
        poison(&mut execution.command);
    }
    let network: Vec<NetworkUse> = answers.network.drain(..).collect();
    for mut item in network {
        item.method.iter_mut().for_each(poison);
        item.scheme.iter_mut().for_each(poison);
        item.path.iter_mut().for_each(poison);
        poison(&mut item.host);
        answers.network.push(item);
    }
    for component in &mut answers.components {
        poison_path(&mut component.artifact);
        poison(&mut component.kind);
        poison(&mut component.name);
        poison(&mut component.why);
    }
}

fn poison_reasoning(reasoning: &mut Reasoning) {
    for judgement in &mut reasoning.judgements {
        poison(&mut judgement.statement);
        poison(&mut judgement.would_change);
        judgement.grounds.iter_mut().for_each(poison_ground);
    }
    for step in &mut reasoning.chain {
        poison(&mut step.what);
        step.grounds.iter_mut().for_each(poison_ground);
    }
    for row in &mut reasoning.deployments {
        poison_record(&mut row.record);
        row.files.iter_mut().for_each(poison);
        for said in row.said.values_mut() {
            poison(&mut said.value);
            poison_record(&mut said.record);
        }
    }
    for row in &mut reasoning.loads.rows {
        poison_record(&mut row.record);
        row.file.iter_mut().for_each(poison);
    }
    for compared in &mut reasoning.exchanges {
        poison(&mut compared.host);
        poison(&mut compared.field);
        compared.payload.iter_mut().for_each(poison);
        compared.capture.iter_mut().for_each(poison);
        compared.record.iter_mut().for_each(poison_record);
    }
    for reached in &mut reasoning.reach {
        poison(&mut reached.name);
        reached.grounds.iter_mut().for_each(poison_ground);
    }
}

fn poison_ground(ground: &mut Ground) {
    poison_path(&mut ground.artifact);
    poison(&mut ground.place);
    poison(&mut ground.why);
}
