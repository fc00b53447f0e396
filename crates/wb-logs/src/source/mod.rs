//! The log sources, one module each. [`read`] asks them in order; the first that knows a line reads it.

use crate::Source;
use crate::draft::Draft;
use crate::json::Value;
use crate::lanes::{VpcColumns, ZeekPlan};
use crate::line::Line;
use crate::lines::Place;

/// Writes the `mod` lines, the list of sources, and the list of readers. A module's names share its page
/// `pages/MODULE.md`.
macro_rules! sources {
    ($($module:ident { $($name:literal: $title:literal,)+ })+) => {
        $(mod $module;)+

        /// Every source.
        pub(crate) static SOURCES: &[Source] = &[$($(Source {
            name: $name,
            title: $title,
            page: include_str!(concat!("../../pages/", stringify!($module), ".md")),
        },)+)+];

        /// What the modules remember from line to line.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct State {
            $($module: $module::State,)+
        }

        /// Asks each module for a line of text.
        fn read_text(line: &Line<'_>, state: &mut State) -> Option<Reading> {
            $(if let Some(reading) = $module::read(line, &mut state.$module) {
                return Some(reading);
            })+
            None
        }
    };
}

sources! {
    zeek {
        "zeek-conn": "Zeek connections",
        "zeek-dns": "Zeek name look-ups",
        "zeek-http": "Zeek HTTP requests",
        "zeek-ssl": "Zeek TLS handshakes",
        "zeek-files": "Zeek files seen on the network",
        "zeek-x509": "Zeek certificates",
        "zeek-notice": "Zeek notices",
        "zeek-weird": "Zeek protocol oddities",
        "zeek-ssh": "Zeek SSH sessions",
        "zeek-intel": "Zeek intelligence hits",
        "zeek": "Other Zeek logs",
    }
    journal_export { "journald-export": "The systemd journal in its export format", }
    history { "shell-history": "Commands that a shell remembered", }
    cef { "cef": "Common Event Format", "leef": "Log Event Extended Format", }
    sysmon { "sysmon": "Sysmon for Linux", }
    aws_access { "s3-access": "Access logs of Amazon S3", "alb": "Access logs of application load balancers", }
    snapshot {
        "ps": "Processes, as `ps` prints them",
        "lsof": "Open files, as `lsof` prints them",
        "ss": "Sockets, as `ss` and `netstat` print them",
    }
    vpc_flow { "vpc-flow": "AWS VPC flow logs", }
    appliance {
        "cisco-asa": "Cisco ASA and FTD messages",
        "palo-alto": "Palo Alto traffic and threat rows",
        "filterlog": "Firewall rows of pfSense and OPNsense",
    }
    mail { "mail": "A message saved as a file", }
    csv { "csv": "Tables with a time column", }
    auditd { "auditd": "Linux audit records", }
    netfilter { "netfilter": "Kernel firewall lines (iptables, nftables, ufw)", }
    access { "web-access": "Web access logs", "squid": "Squid proxy logs", "envoy": "Envoy access logs", }
    capture { "capture": "Text captures of a session: requests, headers, bodies", }
    pcap {
        "pcap": "Connections in packet captures (pcap and pcapng)",
        "pcap-dns": "Name look-ups in packet captures",
        "pcap-http": "HTTP requests in packet captures",
        "pcap-tls": "TLS handshakes in packet captures",
    }
    packets { "packet-text": "Packets as `tcpdump` prints them", }
    connection { "connection-text": "One connection per line, as firewalls and proxies write it", }
    docker { "docker-events": "What happened to containers and images", }
    gitlab { "gitlab-job": "Logs of GitLab jobs", }
    actions { "github-actions": "Raw logs of GitHub Actions", }
    watch { "weighbridge-watch": "What `weighbridge watch` recorded", }
    logfmt { "logfmt": "`key=value` lines", }
    text {
        "bracketed-text": "`[time] LEVEL message`",
        "timestamped-text": "A time, then text: servers, training jobs, deployment tools",
        "glog": "glog lines: severity, date, thread, file",
    }
    cloud {
        "gcp-flow": "Google Cloud VPC flow logs",
        "azure-flow": "Azure flow logs of networks and security groups",
        "gcp-audit": "Google Cloud audit records, Vertex AI's among them",
        "azure-audit": "Azure activity and resource logs, Azure ML's among them",
    }
    agents {
        "laurel": "Linux audit events as JSON",
        "tracee": "Tracee events",
        "osquery": "osquery results",
    }
    records {
        "suricata-eve": "Suricata EVE",
        "falco": "Falco alerts",
        "hubble": "Cilium Hubble flows",
        "tetragon": "Tetragon process events",
        "envoy-json": "Envoy access logs as JSON",
        "kubernetes": "Kubernetes events and audit records",
        "cloudtrail": "AWS CloudTrail",
        "mlflow": "MLflow registry events",
        "gitlab": "GitLab requests",
        "audit-json": "Audit records: who did what, as JSON lines",
        "json-lines": "JSON lines",
    }
    layers {
        "syslog": "Syslog, RFC 3164 and RFC 5424",
        "journald-json": "The systemd journal as JSON",
        "docker-json": "Container output as Docker stores it",
        "cri": "Container output as the runtime interface stores it",
        "cloudwatch": "Records that CloudWatch Logs exported",
        "loki": "Records that Loki exported",
        "elastic": "Records that Elastic's agents shipped",
        "unknown-text": "Lines that no source knows",
    }
}

pub(crate) use capture::METHODS;
pub(crate) use netfilter::verdict as netfilter_verdict;

/// What a module made of a line.
pub(crate) enum Reading {
    /// A record.
    Record(Box<Draft>),
    /// Several records in one.
    Batch(Vec<Draft>),
    /// A header or comment of the named source: understood, and no record.
    Header(&'static str),
}

impl Reading {
    pub(crate) fn record(draft: Draft) -> Option<Self> {
        Some(Self::Record(Box::new(draft)))
    }
}

/// Reads a row of a log whose header was seen, which needs no layers taken off. The bulk of large logs.
pub(crate) fn read_row(text: &str, state: &mut State) -> Option<Reading> {
    zeek::read_plain(text, &mut state.zeek)
}

impl State {
    /// How rows under a Zeek header are read on the short way.
    pub(crate) fn zeek_plan(&self) -> Option<&ZeekPlan> {
        self.zeek.plan()
    }

    /// Where the columns of a VPC flow log are.
    pub(crate) fn vpc_columns(&self) -> &VpcColumns {
        self.vpc_flow.places()
    }

    /// Whether lines mean what lines before them said, so that they cannot be read without those.
    pub(crate) fn tells_a_story(&self) -> bool {
        self.mail.is_inside()
            || self.capture.is_inside()
            || self.history.is_inside()
            || self.gitlab.is_inside()
            || self.journal_export.is_inside()
    }

    /// Whether records of one event stand in several lines.
    pub(crate) fn groups(&self) -> bool {
        self.auditd.is_inside()
    }

    /// Notes where the line is that is read next.
    pub(crate) fn at(&mut self, place: Place) {
        self.journal_export.at(place.number, place.offset);
    }

    /// The record that the end of the log ends.
    pub(crate) fn end(&mut self) -> Option<Draft> {
        self.journal_export.end()
    }
}

/// Reads a line that is text.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    read_text(line, state)
}

/// Reads a line that is a JSON object: a record, or several.
pub(crate) fn read_json(value: &Value, text: &str) -> Vec<Draft> {
    let known = zeek::read_json(value, text)
        .or_else(|| watch::read_json(value, text))
        .or_else(|| agents::read_json(value, text));
    if let Some(draft) = known {
        return vec![draft];
    }
    cloud::read_json(value, text).unwrap_or_else(|| vec![records::read_json(value, text)])
}

/// A line that no source knows.
pub(crate) fn unknown(text: &str) -> Draft {
    layers::unknown(text)
}
