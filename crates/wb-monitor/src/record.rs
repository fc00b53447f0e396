//! Records: what was seen, one JSON object per line, with ECS names. `wb-logs` reads them as
//! `weighbridge-watch`, so that an incident's folder is evidence like any other.

use crate::alert::{Alert, Destination, Model};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A record being written.
#[derive(Debug)]
pub(crate) struct Record(Map<String, Value>);

impl Record {
    /// A record of `kind`: `connect`, `end`, `exec`, `load`, `write`, `dns`, `alert` or `sensor`.
    pub(crate) fn new(time: Timestamp, kind: &str, message: String) -> Self {
        let mut map = Map::new();
        map.insert("@timestamp".to_owned(), json!(format!("{time:.6}")));
        map.insert("weighbridge.watch".to_owned(), json!(kind));
        map.insert("message".to_owned(), json!(message));
        Self(map)
    }

    /// Sets a field, unless there is nothing to say.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        if !empty {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets the fields of a destination.
    pub(crate) fn to(self, destination: Option<&Destination>) -> Self {
        let Some(to) = destination else { return self };
        self.with("destination.ip", to.address.clone())
            .with("destination.port", to.port)
            .with("destination.domain", to.host.clone())
    }

    /// Sets the fields of a model.
    pub(crate) fn of(self, model: Option<&Model>) -> Self {
        let Some(model) = model else { return self };
        self.with("file.path", model.path.clone())
            .with("file.hash.sha256", model.sha256.clone())
            .with("weighbridge.verdict", model.verdict.clone())
    }

    /// The line, without its end.
    pub(crate) fn line(self) -> String {
        Value::Object(self.0).to_string()
    }
}

/// An alert as a record, which is also what the JSONL output writes.
pub(crate) fn alert(alert: &Alert) -> String {
    Record::new(alert.last, "alert", alert.headline.clone())
        .with("event.action", alert.state.name())
        .with("rule.name", alert.rule)
        .with("event.id", alert.id.clone())
        .with("log.level", alert.severity.name())
        .with("service.name", alert.service.clone())
        .with("event.start", format!("{:.6}", alert.time))
        .with("weighbridge.count", alert.count)
        .with("process.pid", alert.pid)
        .with("process.command_line", alert.command.clone())
        .with("weighbridge.chain", alert.chain.clone())
        .to(alert.destination.as_ref())
        .of(alert.model.as_ref())
        .with("weighbridge.refused", alert.refused)
        .with("weighbridge.because", alert.because.clone())
        .with("threat.technique.id", alert.techniques.to_vec())
        .with("weighbridge.next", alert.next.clone())
        .line()
}
