//! A bill of materials: models, their code and packages as CycloneDX 1.6 (ECMA-424), which 1.7 readers
//! take as well. Findings are vulnerabilities of the component they lie in.

use super::Source;
use super::ids::{Ids, time_of};
use crate::{finding_id, json, time};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Artifact, ArtifactPath, Case, Component, Finding, Licence, Origin, Role, Severity, Verdict,
};

/// The bill.
pub(super) fn bill(source: &Source<'_>) -> String {
    let case = source.case;
    let packages = packages(case);
    let mut components: Vec<Value> = case
        .artifacts
        .iter()
        .filter(|artifact| artifact.origin == Origin::File && is_material(case, artifact))
        .map(|artifact| component(case, artifact))
        .collect();
    components.extend(packages.values().map(|package| package.component()));
    json::print(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", Ids::of(case).of_case("bom", "")),
        "version": 1,
        "metadata": {
            "timestamp": time::rfc3339(time_of(case)),
            "tools": {"components": [
                {"type": "application", "name": "weighbridge", "version": source.tool.version}
            ]},
            "properties": [property("weighbridge:rulebook", &source.tool.rulebook)],
        },
        "components": components,
        "vulnerabilities": vulnerabilities(case, &packages),
    }))
}

fn role(case: &Case, path: &ArtifactPath) -> Role {
    case.roles.get(path).map_or(Role::Other, |given| given.role)
}

/// Whether an artifact is part of what is deployed: no log, no record, no list.
fn is_material(case: &Case, artifact: &Artifact) -> bool {
    !matches!(role(case, &artifact.path), Role::Log | Role::Manifest | Role::Dependency)
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// A file, with the members that are worth a line of their own.
fn component(case: &Case, artifact: &Artifact) -> Value {
    let path = artifact.path.as_str();
    let role = role(case, &artifact.path);
    let is_model = matches!(role, Role::Production | Role::Candidate | Role::Baseline);
    let verdict = case.verdicts.get(&artifact.path).copied().unwrap_or(Verdict::Unknown);
    let mut properties = vec![
        property("weighbridge:path", path),
        property("weighbridge:role", role.name()),
        property("weighbridge:verdict", verdict.name()),
        property("weighbridge:size", &artifact.size.to_string()),
    ];
    if let Some(format) = artifact.format {
        properties.push(property("weighbridge:format", format));
    }
    let mut component = json!({
        "type": if is_model { "machine-learning-model" } else { "file" },
        "bom-ref": path,
        "name": artifact.path.file_name(),
        "properties": properties,
    });
    if let Some(digest) = artifact.sha256 {
        component["hashes"] = json!([{"alg": "SHA-256", "content": digest.to_string()}]);
    }
    let licences = licences(case, artifact);
    if !licences.is_empty() {
        component["licenses"] = licences.into();
    }
    if is_model {
        component["modelCard"] = model_card(case, artifact);
    }
    let members: Vec<Value> = case
        .artifacts
        .iter()
        .filter(|member| matches!(&member.origin, Origin::Member { parent } if *parent == artifact.path))
        .filter(|member| is_material(case, member))
        .map(|member| self::component(case, member))
        .collect();
    if !members.is_empty() {
        component["components"] = members.into();
    }
    component
}

/// The licences that the file states. An expression stands alone or not at all (`licenseChoice` of the schema); where
/// there are several it is a name.
fn licences(case: &Case, artifact: &Artifact) -> Vec<Value> {
    let stated = case.dossiers.get(&artifact.path).map_or(&[][..], |known| &known.licences);
    let alone = stated.len() == 1;
    let licence = |licence: &Licence| match licence.spdx.as_deref() {
        Some(expression) if expression.contains([' ', '+']) => match alone {
            true => json!({"expression": expression, "acknowledgement": "declared"}),
            false => json!({"license": {"name": expression, "acknowledgement": "declared"}}),
        },
        Some(id) => json!({"license": {"id": id, "acknowledgement": "declared"}}),
        None => json!({"license": {"name": licence.written, "acknowledgement": "declared"}}),
    };
    stated.iter().map(licence).collect()
}

/// What the file says of the model.
fn model_card(case: &Case, artifact: &Artifact) -> Value {
    let dossier = case.dossiers.get(&artifact.path);
    let field = |names: &[&str]| {
        dossier
            .into_iter()
            .flat_map(|dossier| &dossier.fields)
            .find(|field| names.contains(&field.path.as_str()) && !field.value.trim().is_empty())
            .map(|field| field.value.as_str())
    };
    let mut parameters = serde_json::Map::new();
    if let Some(family) = field(&["general.architecture", "model_type", "architectures[0]"]) {
        parameters.insert("architectureFamily".into(), family.into());
    }
    let parts = dossier.map_or((0, 0), |known| (known.components.len(), known.tensors.len()));
    json!({
        "modelParameters": parameters,
        "properties": [
            property("weighbridge:components", &parts.0.to_string()),
            property("weighbridge:tensors", &parts.1.to_string()),
        ],
    })
}

/// A package of a list, by its package URL.
struct Package<'a> {
    list: &'a ArtifactPath,
    name: &'a str,
    version: Option<&'a str>,
}

impl Package<'_> {
    /// The package URL (ECMA-427) of a package of PyPI: names are compared in lower case, with `-` for `_`.
    fn url(&self) -> String {
        let name = self.name.to_ascii_lowercase().replace(['_', '.'], "-");
        match self.version {
            Some(version) => format!("pkg:pypi/{}@{}", encoded(&name), encoded(version)),
            None => format!("pkg:pypi/{}", encoded(&name)),
        }
    }

    fn component(&self) -> Value {
        let url = self.url();
        let mut component = json!({
            "type": "library", "bom-ref": url, "name": self.name, "purl": url,
            "properties": [property("weighbridge:list", self.list.as_str())],
        });
        if let Some(version) = self.version {
            component["version"] = version.into();
        }
        component
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn packages(case: &Case) -> BTreeMap<String, Package<'_>> {
    let lists = case.dossiers.iter();
    let rows =
        lists.flat_map(|(list, dossier)| dossier.components.iter().map(move |it| (list, it)));
    rows.filter(|(_, component)| component.kind == "requirement" && !component.name.is_empty())
        .map(|(list, component)| Package { list, name: &component.name, version: pin(component) })
        .map(|package| (package.url(), package))
        .collect()
}

/// The one version that is allowed, if it is one.
fn pin(component: &Component) -> Option<&str> {
    let version = component.setting("version")?.trim().strip_prefix("==")?;
    let version = version.trim_start_matches('=').trim();
    (!version.is_empty() && !version.contains([',', '*', ' '])).then_some(version)
}

fn vulnerabilities(case: &Case, packages: &BTreeMap<String, Package<'_>>) -> Vec<Value> {
    let known: BTreeSet<&str> = case
        .artifacts
        .iter()
        .filter(|artifact| is_material(case, artifact))
        .map(|artifact| artifact.path.as_str())
        .collect();
    let all = case.findings.iter().enumerate();
    all.filter_map(|(index, finding)| vulnerability(index, finding, &known, packages)).collect()
}

fn vulnerability(
    index: usize,
    finding: &Finding,
    known: &BTreeSet<&str>,
    packages: &BTreeMap<String, Package<'_>>,
) -> Option<Value> {
    let affected: Vec<&str> = if known.contains(finding.artifact.as_str()) {
        vec![finding.artifact.as_str()]
    } else {
        // A finding in a list is one about the packages that it names.
        let named = |package: &&Package<'_>| {
            *package.list == finding.artifact && finding.headline.contains(package.name)
        };
        let all = packages.iter().filter(|(_, package)| named(package));
        all.map(|(url, _)| url.as_str()).collect()
    };
    if affected.is_empty() {
        return None;
    }
    let mut vulnerability = json!({
        "bom-ref": finding_id(index),
        "id": format!("{} {}", finding.rule, finding_id(index)),
        "source": {"name": "weighbridge"},
        "ratings": [{"source": {"name": "weighbridge"}, "severity": severity(finding.severity),
                     "method": "other"}],
        "description": finding.headline,
        "recommendation": finding.next,
        "analysis": {"state": match finding.verdict {
            Verdict::Malicious => "exploitable",
            _ => "in_triage",
        }},
        "affects": affected.iter().map(|path| json!({"ref": path})).collect::<Vec<_>>(),
        "properties": [
            property("weighbridge:confidence", finding.confidence.name()),
            property("weighbridge:place", &finding.location.place),
            property("weighbridge:techniques", &finding.techniques.join(" ")),
        ],
    });
    let payloads: Vec<&str> =
        finding.payloads.iter().map(|payload| payload.text.as_str()).collect();
    if !payloads.is_empty() {
        vulnerability["detail"] = payloads.join("\n").into();
    }
    Some(vulnerability)
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Info => "info",
    }
}
