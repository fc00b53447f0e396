//! OpenTelemetry logs (OTLP 1.x over HTTP, JSON encoding): one document per alert.

use crate::alert::Alert;
use serde_json::{Value, json};
use wb_core::Severity;

/// Where a collector takes logs, below its address.
pub(crate) const PATH: &str = "/v1/logs";

/// An alert as an export request (`ExportLogsServiceRequest`).
pub(crate) fn document(alert: &Alert, host: &str) -> String {
    // `SeverityNumber` of the data model: INFO 9, INFO2 10, WARN 13, ERROR 17, FATAL 21.
    let (number, text) = match alert.severity {
        Severity::Info => (9, "INFO"),
        Severity::Low => (10, "INFO2"),
        Severity::Medium => (13, "WARN"),
        Severity::High => (17, "ERROR"),
        Severity::Critical => (21, "FATAL"),
    };
    let record: Value = serde_json::from_str(&crate::record::alert(alert)).unwrap_or_default();
    let attributes: Vec<Value> = record
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "message" | "@timestamp"))
        .map(|(key, value)| json!({"key": key, "value": any(value)}))
        .collect();
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "weighbridge"}},
        {"key": "host.name", "value": {"stringValue": host}},
    ]});
    let log = json!({
        "timeUnixNano": alert.last.as_nanosecond().to_string(),
        "severityNumber": number,
        "severityText": text,
        "eventName": "weighbridge.alert",
        "body": {"stringValue": alert.headline},
        "attributes": attributes,
    });
    let scope = json!({"name": "weighbridge", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": [log]}]}]}).to_string()
}

/// A value as `AnyValue`: integers are strings, as JSON of protocol buffers has them.
fn any(value: &Value) -> Value {
    match value {
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Array(list) => {
            json!({"arrayValue": {"values": list.iter().map(any).collect::<Vec<_>>()}})
        }
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::tests::alert;

    #[test]
    fn an_alert_is_one_log_record() {
        let document: Value = serde_json::from_str(&document(&alert("x", 0), "n1")).expect("JSON");
        let log = &document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], "1700000000000000000");
        assert_eq!(log["severityNumber"], 17);
        let attributes = log["attributes"].as_array().expect("a list");
        assert!(
            attributes.contains(&json!({"key": "weighbridge.count", "value": {"intValue": "1"}}))
        );
    }
}
