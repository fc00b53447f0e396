//! Techniques as layers of the Navigator: file format 4.5 of the ATT&CK Navigator, which the ATLAS
//! Navigator shares. A technique's score is how sure and how grave its gravest finding is; its comment
//! names the findings.

use super::Source;
use super::techniques;
use crate::{escape::Defang, finding_id, json};
use serde_json::{Value, json};
use wb_core::{Confidence, Finding, Severity};

/// The layer of ATT&CK for Enterprise.
pub(super) fn enterprise_layer(source: &Source<'_>) -> String {
    layer(source, "enterprise-attack", |id| !techniques::is_atlas(id))
}

/// The layer of ATLAS.
pub(super) fn atlas_layer(source: &Source<'_>) -> String {
    layer(source, "atlas-atlas", techniques::is_atlas)
}

fn layer(source: &Source<'_>, domain: &str, wanted: fn(&str) -> bool) -> String {
    let defang = Defang::of_case(source.case);
    let found = techniques::of_case(source.case);
    let list: Vec<Value> = found
        .into_iter()
        .filter(|(id, _)| wanted(id))
        .map(|(id, findings)| technique(id, &findings, &defang))
        .collect();
    json::print(&json!({
        "name": "weighbridge case",
        "versions": {"navigator": "5.1.0", "layer": "4.5"},
        "domain": domain,
        "description": defang.text(&source.case.conclusion.summary),
        "sorting": 3,
        "layout": {"layout": "side", "showID": true, "showName": true,
                   "expandedSubtechniques": "annotated"},
        "techniques": list,
        "gradient": {"colors": ["#ffe8a3", "#c62828"], "minValue": 0, "maxValue": 100},
        "metadata": [{"name": "weighbridge", "value": source.tool.version},
                     {"name": "rulebook", "value": source.tool.rulebook}],
    }))
}

fn technique(id: &str, findings: &[(usize, &Finding)], defang: &Defang) -> Value {
    let comment: Vec<String> = findings
        .iter()
        .map(|(index, finding)| {
            let text =
                format!("{}: {}: {}", finding_id(*index), finding.artifact, finding.headline);
            defang.text(&text).into_owned()
        })
        .collect();
    json!({
        "techniqueID": id,
        "score": findings.iter().map(|(_, finding)| score(finding)).max().unwrap_or(0),
        "comment": comment.join("\n"),
        "enabled": true,
        "showSubtechniques": false,
        "links": [{"label": id, "url": techniques::page(id)}],
    })
}

/// From 0 to 100.
const fn score(finding: &Finding) -> u8 {
    let grave = match finding.severity {
        Severity::Critical => 100,
        Severity::High => 80,
        Severity::Medium => 50,
        Severity::Low => 25,
        Severity::Info => 10,
    };
    match finding.confidence {
        Confidence::High => grave,
        Confidence::Medium => grave / 4 * 3,
        Confidence::Low => grave / 2,
    }
}
