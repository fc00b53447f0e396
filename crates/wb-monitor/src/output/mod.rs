//! Outputs: where alerts and records go. None of them may hold up the watch, and none loses anything without
//! saying so: what cannot be written is kept within bounds, counted, and told.

pub(crate) mod incident;
pub(crate) mod lines;
mod metrics;
mod ocsf;
mod otlp;
mod post;
mod syslog;
pub mod terminal;

use crate::alert::{Alert, State};
use crate::monitor::Counts;
use crate::observation::Trouble;
use crate::policy::Policy;
use crate::record;
use incident::{Copying, Incidents};
use jiff::Timestamp;
use lines::Lines;
use metrics::Metrics;
use post::{Post, Receiver};
use std::collections::BTreeMap;
use syslog::Syslog;

/// All outputs of a policy.
#[derive(Debug)]
pub(crate) struct Outputs {
    alerts: Option<Lines>,
    records: Option<Lines>,
    incidents: Option<Incidents>,
    ocsf: Option<Lines>,
    syslog: Option<Syslog>,
    webhook: Option<Post>,
    otlp: Option<Post>,
    metrics: Option<Metrics>,
    host: String,
    /// What does not work at the moment, by output.
    failing: BTreeMap<&'static str, String>,
}

impl Outputs {
    /// The outputs that `policy` asks for, on the host called `host`. `text` is the policy's own text, which
    /// goes into incidents' folders.
    pub(crate) fn new(policy: &Policy, text: &str, host: &str) -> Self {
        let outputs = &policy.outputs;
        let mut made = Self {
            alerts: outputs.jsonl.clone().map(Lines::new),
            records: outputs.records.clone().map(Lines::new),
            incidents: outputs.incidents.clone().map(|folder| Incidents::new(folder, policy, text)),
            ocsf: outputs.ocsf.clone().map(Lines::new),
            syslog: outputs.syslog.clone().map(|to| Syslog::new(to, host.to_owned())),
            webhook: None,
            otlp: None,
            metrics: None,
            host: host.to_owned(),
            failing: BTreeMap::new(),
        };
        made.start(policy);
        made
    }

    /// Starts the outputs that have a thread of their own.
    fn start(&mut self, policy: &Policy) {
        let outputs = &policy.outputs;
        if let Some(hook) = &outputs.webhook {
            let secret = hook.secret_file.as_ref().map(std::fs::read).transpose();
            let started = secret.and_then(|secret| {
                let secret = secret.map(|secret| secret.trim_ascii().to_vec());
                Post::start(Receiver {
                    url: hook.url.clone(),
                    secret,
                    spool: hook.spool.clone(),
                    patience: post::PATIENCE,
                })
            });
            self.webhook = self.started("webhook", started);
        }
        if let Some(url) = &outputs.otlp {
            let url = format!("{}{}", url.trim_end_matches('/'), otlp::PATH);
            let beside = outputs.webhook.as_ref().map(|hook| hook.spool.with_extension("otlp"));
            let spool = beside.unwrap_or_else(|| std::env::temp_dir().join("weighbridge-otlp"));
            self.otlp = self.started(
                "otlp",
                Post::start(Receiver { url, secret: None, spool, patience: post::PATIENCE }),
            );
        }
        if let Some(address) = &outputs.metrics {
            self.metrics = self.started("metrics", Metrics::start(address));
        }
    }

    fn started<T>(&mut self, name: &'static str, result: std::io::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                self.failing.insert(name, format!("it cannot be started: {error}"));
            })
            .ok()
    }

    /// What could not be started, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.failing.iter().map(|(name, error)| format!("output `{name}`: {error}")).collect()
    }

    /// Publishes numbers.
    pub(crate) fn publish(&self, counts: &Counts, mode: &str) {
        if let Some(metrics) = &self.metrics {
            metrics.set(metrics::text(counts, mode, self.failing.len()));
        }
    }

    /// Takes a record.
    pub(crate) fn record(&mut self, time: Timestamp, line: &str) {
        if let Some(records) = &mut self.records {
            records.push(line);
        }
        if let Some(incidents) = &mut self.incidents {
            incidents.record(time, line);
        }
    }

    /// Takes an alert. Returns what an incident's folder wants of the ledger and of models.
    pub(crate) fn alert(
        &mut self,
        alert: &Alert,
        ledger: &dyn Fn() -> Vec<String>,
    ) -> Vec<Copying> {
        if let Some(alerts) = &mut self.alerts {
            alerts.push(&record::alert(alert));
        }
        if let Some(ocsf) = &mut self.ocsf {
            ocsf.push(&ocsf::line(alert));
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.send(alert);
        }
        if let Some(webhook) = &mut self.webhook {
            webhook.send(&record::alert(alert));
        }
        if let Some(otlp) = &mut self.otlp {
            otlp.send(&otlp::document(alert, &self.host));
        }
        let new = alert.state == State::New;
        match &mut self.incidents {
            Some(incidents) if new => incidents.alert(alert, ledger),
            _ => Vec::new(),
        }
    }

    /// Writes what waits. Returns what began to fail, or works again.
    pub(crate) fn flush(&mut self, now: Timestamp) -> Vec<Trouble> {
        let mut results: Vec<(&'static str, Result<(), String>)> = Vec::new();
        let files =
            [("jsonl", &mut self.alerts), ("records", &mut self.records), ("ocsf", &mut self.ocsf)];
        for (name, file) in files {
            results.extend(file.as_mut().map(|file| (name, file.flush())));
        }
        results.extend(self.syslog.as_mut().map(|syslog| ("syslog", syslog.flush())));
        results.extend(self.webhook.as_ref().map(|webhook| ("webhook", webhook.state())));
        results.extend(self.otlp.as_ref().map(|otlp| ("otlp", otlp.state())));
        if let Some(incidents) = &mut self.incidents {
            results.push(("incidents", incidents.flush(now)));
        }
        results.into_iter().filter_map(|(name, result)| self.changed(name, result)).collect()
    }

    /// Whether an output's state is news.
    fn changed(&mut self, name: &'static str, result: Result<(), String>) -> Option<Trouble> {
        let trouble = |what| Trouble {
            rule: "output-failed",
            subject: name.to_owned(),
            what,
            ..Trouble::default()
        };
        match result {
            Ok(()) => self.failing.remove(name).map(|_| trouble(None)),
            Err(error) => {
                let known = self.failing.insert(name, error.clone());
                known.is_none().then(|| trouble(Some(format!("output `{name}`: {error}"))))
            }
        }
    }
}
