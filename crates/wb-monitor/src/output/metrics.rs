//! Metrics in Prometheus' text format (version 0.0.4), served over HTTP on a thread of its own.

use crate::monitor::Counts;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Serves metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    text: Arc<Mutex<String>>,
}

impl Metrics {
    /// Listens at `address`.
    pub(crate) fn start(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let text = shared.lock().map(|text| text.clone()).unwrap_or_default();
                drop(answer(stream, &text));
            }
        })?;
        Ok(Self { text })
    }

    /// Replaces what is served.
    pub(crate) fn set(&self, text: String) {
        if let Ok(mut place) = self.text.lock() {
            *place = text;
        }
    }
}

/// Answers one request. Whoever sends none in time gets nothing.
fn answer(mut stream: TcpStream, text: &str) -> io::Result<()> {
    let patience = Some(Duration::from_secs(1));
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    let mut request = [0; 1024];
    let length = stream.read(&mut request)?;
    let known = request.get(..length).is_some_and(|request| request.starts_with(b"GET /metrics"));
    let (status, body) =
        if known { ("200 OK", text) } else { ("404 Not Found", "metrics are at /metrics\n") };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A family of metrics: name, kind, help, and a value for each set of labels.
type Family = (&'static str, &'static str, &'static str, Vec<(String, String)>);

/// Numbers as text.
pub(crate) fn text(counts: &Counts, mode: &str, failing: usize) -> String {
    let mut out = String::new();
    for (name, kind, help, rows) in families(counts).into_iter().chain(state(counts, mode, failing))
    {
        out.push_str(&format!(
            "# HELP weighbridge_{name} {help}\n# TYPE weighbridge_{name} {kind}\n"
        ));
        for (labels, value) in rows {
            out.push_str(&format!("weighbridge_{name}{labels} {value}\n"));
        }
    }
    out
}

/// What is counted by labels.
fn families(counts: &Counts) -> [Family; 3] {
    let connections = counts.connections.iter().map(|((service, verdict), count)| {
        (labels(&[("service", service), ("verdict", verdict)]), count.to_string())
    });
    let loads = counts.loads.iter();
    let loads = loads.map(|(verdict, count)| (labels(&[("verdict", verdict)]), count.to_string()));
    let alerts = counts.alerts.iter().map(|((rule, severity), count)| {
        (labels(&[("rule", rule), ("severity", severity.name())]), count.to_string())
    });
    [
        (
            "connections_total",
            "counter",
            "Connections by service and verdict.",
            connections.collect(),
        ),
        (
            "model_loads_total",
            "counter",
            "Models loaded, by the scanner's verdict.",
            loads.collect(),
        ),
        ("alerts_total", "counter", "Alerts, repetitions included.", alerts.collect()),
    ]
}

/// What has one value.
fn state(counts: &Counts, mode: &str, failing: usize) -> [Family; 7] {
    let one = |value: u64| vec![(String::new(), value.to_string())];
    let last = counts.last_event.map_or(0, jiff::Timestamp::as_second);
    let mode = vec![(labels(&[("mode", mode)]), "1".to_owned())];
    [
        (
            "unattributed_total",
            "counter",
            "Connections without a process.",
            one(counts.unattributed),
        ),
        ("alerts_open", "gauge", "Alerts that are not resolved.", one(counts.open_alerts as u64)),
        (
            "alerts_held_back_total",
            "counter",
            "Alerts told as a number only.",
            one(counts.alerts_held_back),
        ),
        ("sensor_dropped_total", "counter", "Events that sensors lost.", one(counts.lost)),
        ("outputs_failing", "gauge", "Outputs that do not work.", one(failing as u64)),
        (
            "last_event_timestamp_seconds",
            "gauge",
            "When something was seen last.",
            vec![(String::new(), last.to_string())],
        ),
        ("policy_mode", "gauge", "The mode of the policy.", mode),
    ]
}

/// Labels, escaped as the format demands.
fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_served_as_text() {
        let mut counts = Counts::default();
        counts.connections.insert(("a \"b\"".to_owned(), "refused"), 3);
        let served = text(&counts, "enforce", 0);
        assert!(served.contains(
            "weighbridge_connections_total{service=\"a \\\"b\\\"\",verdict=\"refused\"} 3\n"
        ));
        let metrics = Metrics::start("127.0.0.1:0");
        assert!(metrics.is_ok());
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let thread =
            std::thread::spawn(move || answer(listener.accept().expect("somebody").0, "x 1\n"));
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it can be asked");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("text");
        assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("x 1\n"), "{reply}");
        thread.join().expect("no panic").expect("answered");
    }
}
