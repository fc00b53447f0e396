//! SARIF logs, against the schema of the OASIS standard (`data/sarif-schema-2.1.0.json`, as published by
//! the OASIS SARIF technical committee).

use crate::cases;
use serde_json::Value;
use wb_report::sarif::{self, RuleInfo};
use wb_testkit::oracle;

const SCHEMA: &str = include_str!("../data/sarif-schema-2.1.0.json");

fn rules() -> Vec<RuleInfo> {
    ["keras-lambda-runs-code", "pickle-runs-command"]
        .map(|name| RuleInfo {
            name: name.into(),
            title: format!("{name} in a line"),
            help: format!("# {name}\n\nA page."),
        })
        .into()
}

#[test]
fn every_log_follows_the_standard() {
    let (tool, rules) = (cases::tool(), rules());
    oracle::validate(SCHEMA, &sarif::scan(&cases::scan(), &tool, &rules), None);
    for case in [cases::compromise(), cases::clean(), cases::empty(), cases::hostile()] {
        oracle::validate(SCHEMA, &sarif::case(&case, &tool, &rules), None);
    }
}

#[test]
fn results_lead_to_their_bytes() {
    let text = sarif::scan(&cases::scan(), &cases::tool(), &rules());
    let log: Value = serde_json::from_str(&text).expect("valid JSON");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][1]["id"], "pickle-runs-command");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "pickle-runs-command");
    assert_eq!(result["ruleIndex"], 1);
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "models/live/triage.pt!/triage/data.pkl");
    assert_eq!(place["region"], serde_json::json!({"byteOffset": 214, "byteLength": 1}));
    let index = place["artifactLocation"]["index"].as_u64().expect("an index") as usize;
    let artifact = &run["artifacts"][index];
    assert_eq!(artifact["location"]["uri"], place["artifactLocation"]["uri"]);
    let parent = artifact["parentIndex"].as_u64().expect("a parent") as usize;
    assert_eq!(run["artifacts"][parent]["location"]["uri"], "models/live/triage.pt");
    // A rule nobody described has no index; its line is known.
    assert_eq!(run["results"][2]["ruleIndex"], Value::Null);
    assert_eq!(run["results"][2]["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
    // What was not read is told.
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("a list");
    assert_eq!(notes.len(), 2);
}
