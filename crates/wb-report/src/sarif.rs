//! Findings as SARIF 2.1.0 (OASIS standard), for code-scanning tools. One run; rules are listed whether
//! they found something or not; what was not read is a notification.

use crate::{Scan, Tool, json};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wb_core::{
    Artifact, ArtifactPath, Case, Coverage, Evidence, Finding, Location, Origin, ReadState,
    Severity, Verdict,
};

/// A rule as a report names it. Reports do not depend on rules; the command hands them over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The name, as findings carry it.
    pub name: String,
    /// One line.
    pub title: String,
    /// The rule's page, in Markdown.
    pub help: String,
}

/// A scan as a SARIF log, pretty-printed.
pub fn scan(scan: &Scan, tool: &Tool, rules: &[RuleInfo]) -> String {
    let artifacts: Vec<_> =
        scan.artifacts.iter().map(|(artifact, verdict)| (artifact, *verdict)).collect();
    log(&artifacts, &scan.findings, &scan.coverage, tool, rules)
}

/// The findings of a case as a SARIF log, pretty-printed.
pub fn case(case: &Case, tool: &Tool, rules: &[RuleInfo]) -> String {
    let verdict = |artifact: &Artifact| {
        case.verdicts.get(&artifact.path).copied().unwrap_or(Verdict::Unknown)
    };
    let artifacts: Vec<_> =
        case.artifacts.iter().map(|artifact| (artifact, verdict(artifact))).collect();
    log(&artifacts, &case.findings, &case.coverage, tool, rules)
}

/// Member names are those of the standard; see the section named at each type.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

/// Section 3.14.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: ToolObject<'a>,
    invocations: [Invocation; 1],
    artifacts: Vec<ArtifactObject>,
    results: Vec<ResultObject<'a>>,
    /// Columns are not used, but the standard wants to know their unit.
    column_kind: &'static str,
}

/// Section 3.18.
#[derive(Serialize)]
struct ToolObject<'a> {
    driver: Driver<'a>,
}

/// Section 3.19.
#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'a str,
    rules: Vec<Rule<'a>>,
    properties: Map<String, Value>,
}

/// Section 3.49.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Message,
    help: Help<'a>,
}

/// Section 3.12.
#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
    markdown: &'a str,
}

/// Section 3.11.
#[derive(Serialize)]
struct Message {
    text: String,
}

/// Section 3.20.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

/// Section 3.58.
#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
    locations: Vec<LocationObject>,
}

/// Section 3.24.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactObject {
    location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_index: Option<usize>,
    length: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hashes: BTreeMap<&'static str, String>,
    properties: Map<String, Value>,
}

/// Section 3.27.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: Vec<LocationObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<LocationObject>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: Map<String, Value>,
}

/// Section 3.28.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocationObject {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

/// Section 3.29.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

/// Section 3.4.
#[derive(Clone, Serialize)]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

/// Section 3.30.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_length: Option<u64>,
}

/// Section 3.33.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

type Index<'a> = BTreeMap<&'a ArtifactPath, usize>;

fn log(
    artifacts: &[(&Artifact, Verdict)],
    findings: &[Finding],
    coverage: &[Coverage],
    tool: &Tool,
    rules: &[RuleInfo],
) -> String {
    let index: Index<'_> =
        artifacts.iter().enumerate().map(|(at, (artifact, _))| (&artifact.path, at)).collect();
    let run = Run {
        tool: ToolObject { driver: driver(tool, rules) },
        invocations: [Invocation {
            execution_successful: true,
            tool_execution_notifications: coverage
                .iter()
                .filter(|row| row.state != ReadState::Read)
                .map(|row| notification(row, &index))
                .collect(),
        }],
        artifacts: artifacts
            .iter()
            .map(|(item, verdict)| artifact(item, *verdict, &index))
            .collect(),
        results: findings
            .iter()
            .enumerate()
            .map(|(at, finding)| result(at, finding, rules, &index))
            .collect(),
        column_kind: "unicodeCodePoints",
    };
    json::print(&Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [run],
    })
}

fn driver<'a>(tool: &'a Tool, rules: &'a [RuleInfo]) -> Driver<'a> {
    Driver {
        name: "weighbridge",
        version: &tool.version,
        rules: rules
            .iter()
            .map(|rule| Rule {
                id: &rule.name,
                short_description: message(&rule.title),
                help: Help { text: &rule.help, markdown: &rule.help },
            })
            .collect(),
        properties: properties([("rulebook", Some(tool.rulebook.as_str().into()))]),
    }
}

fn notification(row: &Coverage, index: &Index<'_>) -> Notification {
    Notification {
        level: "warning",
        message: message(&format!("{}: {}", row.state.name(), row.why)),
        locations: vec![LocationObject {
            physical_location: PhysicalLocation {
                artifact_location: artifact_location(&row.artifact, index),
                region: None,
            },
            logical_locations: Vec::new(),
            message: None,
        }],
    }
}

fn artifact(artifact: &Artifact, verdict: Verdict, index: &Index<'_>) -> ArtifactObject {
    let parent = match &artifact.origin {
        Origin::File => None,
        Origin::Member { parent } => index.get(parent).copied(),
    };
    ArtifactObject {
        location: ArtifactLocation { uri: uri(artifact.path.as_str()), index: None },
        parent_index: parent,
        length: artifact.size,
        hashes: artifact.sha256.map(|digest| ("sha-256", digest.to_string())).into_iter().collect(),
        properties: properties([
            ("format", artifact.format.map(Value::from)),
            ("verdict", Some(verdict.name().into())),
        ]),
    }
}

fn result<'a>(
    at: usize,
    finding: &'a Finding,
    rules: &[RuleInfo],
    index: &Index<'_>,
) -> ResultObject<'a> {
    let call = finding.call.as_deref().map(|call| format!(" (`{call}`)")).unwrap_or_default();
    let payloads: Vec<&str> =
        finding.payloads.iter().map(|payload| payload.text.as_str()).collect();
    ResultObject {
        rule_id: finding.rule,
        rule_index: rules.iter().position(|rule| rule.name == finding.rule),
        level: match finding.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "note",
        },
        message: message(&format!("{}{call}", finding.headline)),
        locations: vec![location(&finding.artifact, &finding.location, index)],
        // The first piece of evidence is the finding itself.
        related_locations: finding.evidence.iter().skip(1).map(|it| related(it, index)).collect(),
        partial_fingerprints: BTreeMap::from([("weighbridge/1", fingerprint(finding))]),
        properties: properties([
            ("id", Some(crate::finding_id(at).into())),
            ("severity", Some(finding.severity.name().into())),
            ("confidence", Some(finding.confidence.name().into())),
            ("verdict", Some(finding.verdict.name().into())),
            ("trigger", finding.trigger.map(|trigger| trigger.name().into())),
            ("tags", (!finding.techniques.is_empty()).then(|| finding.techniques.clone().into())),
            ("payloads", (!payloads.is_empty()).then(|| payloads.into())),
            ("next", (!finding.next.is_empty()).then(|| finding.next.as_str().into())),
        ]),
    }
}

fn related(evidence: &Evidence, index: &Index<'_>) -> LocationObject {
    LocationObject {
        message: Some(message(&evidence.because)),
        ..location(&evidence.artifact, &evidence.location, index)
    }
}

fn location(path: &ArtifactPath, location: &Location, index: &Index<'_>) -> LocationObject {
    let known = location.span.is_some() || location.line.is_some();
    let name = match &location.component {
        Some(component) => format!("{} {component}", location.place),
        None => location.place.clone(),
    };
    LocationObject {
        physical_location: PhysicalLocation {
            artifact_location: artifact_location(path, index),
            region: known.then(|| Region {
                // Lines count from 1 in the standard too; line 0 is no line.
                start_line: location.line.filter(|line| *line > 0),
                byte_offset: location.span.map(|span| span.start),
                byte_length: location.span.map(|span| span.len),
            }),
        },
        logical_locations: match name.trim() {
            "" => Vec::new(),
            name => vec![LogicalLocation { fully_qualified_name: name.to_owned() }],
        },
        message: None,
    }
}

fn artifact_location(path: &ArtifactPath, index: &Index<'_>) -> ArtifactLocation {
    ArtifactLocation { uri: uri(path.as_str()), index: index.get(path).copied() }
}

/// A message: braces would be placeholders (section 3.11.5) and `[text](target)` a link (3.11.6).
fn message(text: &str) -> Message {
    let mut out = String::with_capacity(text.len());
    let links = text.contains("](");
    for character in text.chars() {
        match character {
            '{' => out.push_str("{{"),
            '}' => out.push_str("}}"),
            '[' | ']' if links => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    Message { text: out }
}

/// A path as a URI reference (RFC 3986): relative paths stay relative, absolute ones become `file:`.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The same finding in the same place has the same fingerprint in every run.
fn fingerprint(finding: &Finding) -> String {
    let mut digest = Sha256::new();
    let call = finding.call.as_deref().unwrap_or_default();
    for part in [finding.rule, finding.artifact.as_str(), &finding.location.place, call] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    wb_core::Sha256(digest.finalize().into()).to_string()
}

fn properties<const N: usize>(all: [(&str, Option<Value>); N]) -> Map<String, Value> {
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("models/a b.pt!/x/data.pkl"), "models/a%20b.pt!/x/data.pkl");
        assert_eq!(uri("c:é?#%"), "c%3A%C3%A9%3F%23%25");
        assert_eq!(uri("/srv/model.pkl"), "file:///srv/model.pkl");
    }

    #[test]
    fn messages_hold_no_placeholders_and_no_links() {
        assert_eq!(message("a {0} b").text, "a {{0}} b");
        assert_eq!(message("x [here](http://a.example)").text, "x \\[here\\](http://a.example)");
        assert_eq!(message("layers[3]").text, "layers[3]");
    }
}
