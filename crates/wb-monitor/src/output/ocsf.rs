//! OCSF detection findings (class 2004, version 1.3), one JSON object per line.

use crate::alert::{Alert, State};
use serde_json::json;
use wb_core::Severity;

/// An alert as a detection finding.
pub(crate) fn line(alert: &Alert) -> String {
    let (severity_id, severity) = match alert.severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    let (activity_id, activity, status_id) = match alert.state {
        State::New => (1, "Create", 1),
        State::Repeated => (2, "Update", 1),
        State::Resolved => (3, "Close", 4),
    };
    let milliseconds = |time: jiff::Timestamp| time.as_millisecond();
    let attacks: Vec<_> = alert
        .techniques
        .iter()
        .filter(|technique| technique.starts_with('T'))
        .map(|technique| json!({"technique": {"uid": technique}, "version": "17.0"}))
        .collect();
    let evidence = evidence(alert);
    json!({
        "category_uid": 2, "category_name": "Findings",
        "class_uid": 2004, "class_name": "Detection Finding",
        "type_uid": 200_400 + activity_id, "activity_id": activity_id, "activity_name": activity,
        "time": milliseconds(alert.last),
        "severity_id": severity_id, "severity": severity, "status_id": status_id,
        "message": alert.headline,
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "weighbridge", "vendor_name": "weighbridge", "version": env!("CARGO_PKG_VERSION")},
        },
        "finding_info": {
            "uid": alert.id, "title": alert.headline, "types": [alert.rule],
            "first_seen_time": milliseconds(alert.time), "last_seen_time": milliseconds(alert.last),
            "attacks": attacks, "desc": alert.because.join("; "),
        },
        "count": alert.count,
        "disposition_id": if alert.refused { 2 } else { 1 },
        "evidences": if evidence.is_empty() { json!([]) } else { json!([evidence]) },
        "remediation": {"desc": alert.next},
        "unmapped": {"chain": alert.chain, "service": alert.service},
    })
    .to_string()
}

/// Process, destination and file (`evidences`).
fn evidence(alert: &Alert) -> serde_json::Map<String, serde_json::Value> {
    let mut evidence = serde_json::Map::new();
    if let Some(pid) = alert.pid {
        evidence.insert("process".to_owned(), json!({"pid": pid, "cmd_line": alert.command}));
    }
    if let Some(to) = &alert.destination {
        let endpoint = json!({"ip": to.address, "port": to.port, "hostname": to.host});
        evidence.insert("dst_endpoint".to_owned(), endpoint);
    }
    if let Some(model) = &alert.model {
        let hashes = model
            .sha256
            .iter()
            .map(|value| json!({"algorithm_id": 3, "algorithm": "SHA-256", "value": value}));
        let name = crate::ledger::file_name(std::path::Path::new(&model.path));
        let hashes: Vec<_> = hashes.collect();
        evidence.insert(
            "file".to_owned(),
            json!({"name": name, "path": model.path, "type_id": 1, "hashes": hashes}),
        );
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::tests::alert;

    #[test]
    fn an_alert_is_a_detection_finding() {
        let finding: serde_json::Value = serde_json::from_str(&line(&alert("x", 0))).expect("JSON");
        assert_eq!((&finding["class_uid"], &finding["type_uid"]), (&json!(2004), &json!(200_401)));
        assert_eq!(finding["time"], json!(1_700_000_000_000_i64));
    }
}
