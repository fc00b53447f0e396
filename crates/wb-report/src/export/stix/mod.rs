//! A case as a STIX 2.1 bundle (OASIS standard): who says it (`identity`), what it is (`report`), the
//! files (`malware`, `file`), how they work (`attack-pattern`), what to look for (`indicator`), where it
//! talks to (`infrastructure`), what was seen (`observed-data`, `sighting`) and what to do
//! (`course-of-action`), tied by `relationship`s.

mod bundle;
mod observed;

use super::Source;
use super::hostile::{self, Hostile};
use super::techniques;
use crate::{finding_id, json, words};
use bundle::Bundle;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wb_core::{Artifact, Case, Finding, Flow, Indicator, IndicatorKind, Verdict};

/// The bundle.
pub(super) fn bundle(source: &Source<'_>) -> String {
    let case = source.case;
    let mut bundle = Bundle::new(case, source.tool);
    let hostile = Hostile::of(case);
    let mut told = Story { bundle: &mut bundle, case, malware: BTreeMap::new() };
    told.files(&hostile);
    told.techniques();
    let infrastructure = told.infrastructure(&hostile);
    let indicators = told.indicators(&hostile, &infrastructure);
    told.traffic(&hostile, &indicators);
    told.identifiers();
    told.advice();
    let (_, headline) = words::headline(case);
    bundle.report(headline, &case.conclusion.summary, case.conclusion.confidence);
    json::print(&bundle.finish())
}

/// The case as it is told in objects.
struct Story<'a, 'b> {
    bundle: &'b mut Bundle,
    case: &'a Case,
    /// Malicious artifacts and their `malware` objects.
    malware: BTreeMap<&'a str, String>,
}

impl<'a> Story<'a, '_> {
    /// A `file` for what is suspicious, and `malware` for what is malicious.
    fn files(&mut self, hostile: &Hostile<'a>) {
        for artifact in hostile.suspicious() {
            let file = self.file(artifact);
            let path = artifact.path.as_str();
            if self.case.verdicts.get(&artifact.path) != Some(&Verdict::Malicious) {
                continue;
            }
            let findings: Vec<String> = self
                .findings_of(artifact)
                .map(|(index, finding)| format!("{}: {}", finding_id(index), finding.headline))
                .collect();
            let mut members = json!({
                "name": artifact.path.file_name(),
                "malware_types": ["trojan"],
                "is_family": false,
                "sample_refs": [file],
            });
            if !findings.is_empty() {
                members["description"] = findings.join("\n").into();
            }
            let id = self.bundle.domain_object("malware", path, members);
            self.malware.insert(path, id);
        }
    }

    fn findings_of(
        &self,
        artifact: &Artifact,
    ) -> impl Iterator<Item = (usize, &'a Finding)> + use<'a> {
        let path = artifact.path.clone();
        let all = self.case.findings.iter().enumerate();
        all.filter(move |(_, finding)| finding.artifact == path)
    }

    fn file(&mut self, artifact: &Artifact) -> String {
        let name = artifact.path.file_name();
        let mut identifying = json!({"name": name});
        if let Some(digest) = artifact.sha256 {
            identifying["hashes"] = json!({"SHA-256": digest.to_string()});
        }
        self.bundle.observable("file", identifying, json!({"size": artifact.size}))
    }

    /// An `attack-pattern` per technique, used by the malware whose findings name it.
    fn techniques(&mut self) {
        for (id, findings) in techniques::of_case(self.case) {
            let known = techniques::known(id);
            let (source, chain) = if techniques::is_atlas(id) {
                ("mitre-atlas", "mitre-atlas")
            } else {
                ("mitre-attack", "mitre-attack")
            };
            let mut members = json!({
                "name": known.map_or(id, |technique| technique.name.as_str()),
                "external_references": [
                    {"source_name": source, "external_id": id, "url": techniques::page(id)}
                ],
            });
            if let Some(technique) = known {
                let phase =
                    |tactic: &String| json!({"kill_chain_name": chain, "phase_name": tactic});
                members["kill_chain_phases"] = technique.tactics.iter().map(phase).collect();
            }
            let pattern = self.bundle.shared_object("attack-pattern", id, members);
            for (_, finding) in findings {
                if let Some(malware) = self.malware.get(finding.artifact.as_str()) {
                    self.bundle.relate(malware, "uses", &pattern, None);
                }
            }
        }
    }

    /// An `infrastructure` per destination, and the malware that names it or ran when it was reached.
    fn infrastructure(&mut self, hostile: &Hostile<'a>) -> BTreeMap<Indicator, String> {
        let mut all = BTreeMap::new();
        let is_host =
            |it: &&Indicator| matches!(it.kind(), IndicatorKind::Domain | IndicatorKind::Ip);
        for destination in hostile.indicators().filter(is_host) {
            let value = destination.value();
            let mut members =
                json!({"name": value, "infrastructure_types": ["command-and-control"]});
            if let Some((first, last)) = hostile.seen(destination) {
                members["first_seen"] = bundle::timestamp(first).into();
                members["last_seen"] = bundle::timestamp(last).into();
            }
            let id = self.bundle.domain_object("infrastructure", value, members);
            if let Some(host) = self.bundle.host(value) {
                self.bundle.relate(&id, "consists-of", &host, None);
            }
            for finding in &self.case.findings {
                if let Some(malware) = self.malware.get(finding.artifact.as_str())
                    && finding.indicators.contains(destination)
                {
                    let why = Some(finding.headline.as_str());
                    self.bundle.relate(malware, "beacons-to", &id, why);
                }
            }
            all.insert(destination.clone(), id);
        }
        all
    }

    /// An `indicator` for each thing that a pattern can look for, and what it indicates.
    fn indicators(
        &mut self,
        hostile: &Hostile<'a>,
        infrastructure: &BTreeMap<Indicator, String>,
    ) -> BTreeMap<Indicator, String> {
        let mut all = BTreeMap::new();
        for indicator in hostile.indicators() {
            let Some(pattern) = pattern(indicator) else { continue };
            let value = indicator.value();
            let since = hostile.seen(indicator).map(|(first, _)| first);
            let name = format!("{} {}", indicator.kind().name(), words::cut(value, 120));
            let places = self.case.indicators.iter().find(|known| known.indicator == *indicator);
            let places: Vec<String> = places
                .into_iter()
                .flat_map(|known| known.sources.iter().take(8))
                .map(|(artifact, place)| format!("{artifact}, {place}"))
                .collect();
            let about = format!("Stands in: {}", places.join("; "));
            let id = self.bundle.indicator(&name, &about, &pattern, since);
            if let Some(target) = infrastructure.get(indicator) {
                self.bundle.relate(&id, "indicates", target, None);
            }
            for malware in self.malware_with(indicator) {
                self.bundle.relate(&id, "indicates", &malware, None);
            }
            all.insert(indicator.clone(), id);
        }
        all
    }

    /// The malware whose findings hold an indicator, or whose digest it is.
    fn malware_with(&self, indicator: &Indicator) -> Vec<String> {
        let named = self.case.findings.iter().filter(|it| it.indicators.contains(indicator));
        let named = named.map(|finding| finding.artifact.as_str());
        let is_it = |artifact: &&Artifact| {
            indicator.kind() == IndicatorKind::Sha256
                && artifact.sha256.is_some_and(|digest| digest.to_string() == indicator.value())
        };
        let digests = self.case.artifacts.iter().filter(is_it).map(|it| it.path.as_str());
        let mut all: Vec<String> =
            named.chain(digests).filter_map(|path| self.malware.get(path).cloned()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What was seen of the connections to the compromise.
    fn traffic(&mut self, hostile: &Hostile<'a>, indicators: &BTreeMap<Indicator, String>) {
        for flow in hostile.flows() {
            let Some(observed) = self.bundle.observed(flow) else { continue };
            let Some(indicator) = self.indicator_of(flow, indicators) else { continue };
            self.bundle.sighting(&indicator, &observed, flow);
        }
    }

    /// The indicator a flow is a sighting of: the name goes before the address, which others may share.
    fn indicator_of(&self, flow: &Flow, all: &BTreeMap<Indicator, String>) -> Option<String> {
        let name = flow.host.as_deref().and_then(|name| all.get(&hostile::host(name)));
        name.or_else(|| all.get(&hostile::host(&flow.destination))).cloned()
    }

    fn identifiers(&mut self) {
        for found in &self.case.identifiers {
            let parts: Vec<String> = found
                .parts
                .iter()
                .map(|part| format!("`{}` in {} ({})", part.text, part.artifact, part.place))
                .collect();
            let content = format!(
                "{} (confidence {}): {}\n{}",
                found.value,
                found.confidence.name(),
                found.join,
                parts.join("\n")
            );
            self.bundle.note(&format!("identifier {}", found.value), &content);
        }
    }

    fn advice(&mut self) {
        for advice in &self.case.recommendations {
            let mut members = json!({
                "name": words::cut(&advice.what, 120), "description": advice.what,
            });
            if let Some(command) = &advice.command {
                members["description"] = format!("{}\n\n{command}", advice.what).into();
            }
            let key = format!("{} {}", advice.phase.name(), advice.what);
            let action = self.bundle.domain_object("course-of-action", &key, members);
            for malware in self.malware.values() {
                self.bundle.relate(&action, "mitigates", malware, None);
            }
        }
    }
}

/// What finds an indicator, in the patterning language (section 9).
fn pattern(indicator: &Indicator) -> Option<String> {
    let value = indicator.value().replace('\\', "\\\\").replace('\'', "\\'");
    let path = match indicator.kind() {
        IndicatorKind::Domain => "domain-name:value",
        IndicatorKind::Ip if value.contains(':') => "ipv6-addr:value",
        IndicatorKind::Ip => "ipv4-addr:value",
        IndicatorKind::Url => "url:value",
        IndicatorKind::Sha256 => "file:hashes.'SHA-256'",
        IndicatorKind::Command => "process:command_line",
        _ => return None,
    };
    Some(format!("[{path} = '{value}']"))
}

/// Members of one object laid over those of another.
fn merged(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}
