//! Case and scan as JSON, against the published schema.

use crate::cases;
use serde_json::Value;
use wb_report::json::{self, Document};
use wb_testkit::oracle;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a report is valid JSON")
}

#[test]
fn every_document_follows_its_schema() {
    let tool = cases::tool();
    let documents = [
        (Document::Case, json::case(&cases::compromise(), &tool)),
        (Document::Case, json::case(&cases::clean(), &tool)),
        (Document::Case, json::case(&cases::empty(), &tool)),
        (Document::Case, json::case(&cases::hostile(), &tool)),
        (Document::Scan, json::scan(&cases::scan(), &tool)),
    ];
    for (document, text) in &documents {
        oracle::validate(&json::schema(*document), text, None);
    }
}

#[test]
fn the_schema_is_not_satisfied_by_anything_else() {
    let tool = cases::tool();
    let mut case = parse(&json::case(&cases::compromise(), &tool));
    case["artifacts"][0]["verdict"] = "fine".into();
    oracle::validate(&json::schema(Document::Case), &case.to_string(), Some("is not one of"));
}

#[test]
fn a_case_has_the_members_others_rely_on() {
    let case = parse(&json::case(&cases::compromise(), &cases::tool()));
    assert_eq!(case["schema"], "weighbridge.case/1");
    assert_eq!(case["conclusion"]["compromised"], true);
    let artifact = case["artifacts"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|artifact| artifact["path"] == "models/live/triage.pt")
        .expect("the production model");
    assert_eq!(artifact["role"], "production");
    assert_eq!(artifact["verdict"], "malicious");
    // Findings in members count for the container.
    assert_eq!(artifact["findings"], serde_json::json!(["F1", "F4"]));
    let finding = &case["findings"][0];
    assert_eq!(finding["id"], "F1");
    assert_eq!(
        finding["location"],
        serde_json::json!({
            "place": "op 11", "offset": 214, "length": 1, "component": null, "line": null
        })
    );
    assert_eq!(finding["payloads"][0]["layers"], serde_json::json!(["base64", "zlib"]));
    assert_eq!(finding["seen_again"][0]["line"], 3);
    assert_eq!(case["indicators"][0]["type"], "domain");
    assert_eq!(case["timeline"][2]["time"], "2026-06-02T16:20:11Z");
    assert_eq!(case["timeline"][2]["key"], "introduced");
    assert_eq!(case["timeline"][0]["key"], Value::Null);
    assert_eq!(case["flows"][0]["beacon"]["period_seconds"], 1800.0);
    assert_eq!(case["integrity"][1]["match"], false);
    assert_eq!(case["integrity"][1]["recorded_in"], "logs/rollout.log:6");
    assert_eq!(case["integrity"][2]["match"], Value::Null);
    assert_eq!(case["facts"]["first_outbound_at"], "2026-06-02T16:20:21Z");
    assert_eq!(case["facts"]["blocked_at"], "2026-06-20T02:12:30Z");
    assert_eq!(case["facts"]["execution"][0]["trigger"], "load");
    assert_eq!(case["recommendations"][2]["order"], 3);
}

#[test]
fn facts_that_are_not_known_are_absent() {
    let case = parse(&json::case(&cases::clean(), &cases::tool()));
    assert_eq!(case["facts"], serde_json::json!({}));
    assert_eq!(case["conclusion"]["compromised"], false);
}

#[test]
fn hostile_strings_are_kept_exactly_and_do_nothing_in_a_terminal() {
    let text = json::case(&cases::hostile(), &cases::tool());
    assert!(
        text.chars()
            .all(|character| character == '\n' || !wb_report::escape::is_hostile(character))
    );
    let case = parse(&text);
    assert_eq!(
        case["conclusion"]["summary"].as_str().expect("text"),
        cases::hostile().conclusion.summary
    );
}

#[test]
fn same_case_same_bytes() {
    let tool = cases::tool();
    assert_eq!(json::case(&cases::compromise(), &tool), json::case(&cases::compromise(), &tool));
}
