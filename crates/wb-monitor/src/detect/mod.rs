//! What the monitor looks for. [`DETECTIONS`] is the list; each module judges one kind of observation.

pub(crate) mod connections;
pub(crate) mod models;
pub(crate) mod programs;
pub(crate) mod regular;
pub(crate) mod rules;

use wb_core::Severity;

/// Something the monitor looks for.
#[derive(Debug)]
pub struct Detection {
    /// Its name in alerts.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// MITRE ATT&CK and ATLAS techniques.
    pub techniques: &'static [&'static str],
    /// What to do about it.
    pub next: &'static str,
}

/// Everything the monitor looks for, the surest first.
pub static DETECTIONS: &[Detection] = &[
    Detection {
        name: "connection-to-host-named-by-model",
        title: "A process connects to a host that the code in a scanned model names",
        techniques: &["T1071", "AML.T0010"],
        next: "isolate the host, keep the incident folder, and run `weighbridge investigate` on it",
    },
    Detection {
        name: "serving-process-runs-command",
        title: "A process that serves models starts a shell or a downloader",
        techniques: &["T1059", "AML.T0011"],
        next: "read the command; if nobody knows it, stop the service and investigate the incident folder",
    },
    Detection {
        name: "malicious-model",
        title: "The scanner finds code in a model that was loaded or written",
        techniques: &["T1204", "AML.T0011"],
        next: "roll back to the approved model, and run `weighbridge scan` on this one",
    },
    Detection {
        name: "unapproved-model-loaded",
        title: "A model was loaded whose digest the policy does not approve",
        techniques: &["AML.T0010"],
        next: "compare with the approved model: `weighbridge diff`; approve its digest if it is meant to be there",
    },
    Detection {
        name: "changed-model-loaded",
        title: "A model was loaded that differs from what lay at its path before",
        techniques: &["T1565", "AML.T0010"],
        next: "ask who deployed it; `weighbridge diff` shows what changed",
    },
    Detection {
        name: "model-file-written",
        title: "A model was written or replaced by somebody who does not deploy",
        techniques: &["T1565", "AML.T0010"],
        next: "ask who wrote it, and add the program or user to `[deploy]` if it is meant to",
    },
    Detection {
        name: "program-among-models",
        title: "A file that lies among the models was executed",
        techniques: &["T1059", "AML.T0011"],
        next: "look at the file and at who put it there; name it in the service's `programs` if it is meant to run",
    },
    Detection {
        name: "metadata-service",
        title: "A process asks the cloud's metadata service, which hands out credentials",
        techniques: &["T1552.005"],
        next: "allow it by `watch allow` if the service needs it; else rotate its credentials",
    },
    Detection {
        name: "connection-outside-allowlist",
        title: "A connection that the policy does not allow",
        techniques: &["T1071"],
        next: "`weighbridge watch allow ID --reason ...` if it is meant to be",
    },
    Detection {
        name: "beacon",
        title: "Regular connections to a destination that the policy does not allow",
        techniques: &["T1071", "T1029"],
        next: "look at what the process is, and isolate the host if nobody knows",
    },
    Detection {
        name: "bytes-out",
        title: "Much more data goes to a destination than before",
        techniques: &["T1041"],
        next: "find out what was sent; models and data sets are the usual suspects",
    },
    Detection {
        name: "unusual-name",
        title: "A name was asked for that looks like a channel: text records, very long labels",
        techniques: &["T1071.004"],
        next: "look at the name's domain and at what asked for it",
    },
    Detection {
        name: "rule-over-events",
        title: "A rule in the language Sigma matches; the alert has the rule's own name",
        techniques: &[],
        next: "`weighbridge explain NAME` has the page of the rule",
    },
    Detection {
        name: "clock-jump",
        title: "The host's clock was moved",
        techniques: &["T1070.006"],
        next: "times before and after are not on one clock; ask who moved it",
    },
    Detection {
        name: "events-lost",
        title: "More happened than could be recorded",
        techniques: &["T1562.006"],
        next: "what happened in that time is not known; look for what caused the flood",
    },
    Detection {
        name: "sensor-detached",
        title: "A sensor no longer sees, or no longer blocks",
        techniques: &["T1562.001"],
        next: "it is attached again where that is possible; ask what removed it",
    },
    Detection {
        name: "policy-broken",
        title: "The policy cannot be read; the last good one holds",
        techniques: &[],
        next: "mend the policy; `weighbridge watch check --policy FILE` says what is wrong",
    },
    Detection {
        name: "output-failed",
        title: "An output cannot be written or reached",
        techniques: &[],
        next: "alerts are kept and delivered when the output is back; free the disk or mend the receiver",
    },
];

/// The detection called `name`.
pub(crate) fn detection(name: &str) -> &'static Detection {
    DETECTIONS
        .iter()
        .find(|detection| detection.name == name)
        .expect("alerts are raised by names of the list")
}

/// What a detection says, before the monitor adds process, chain and model.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    /// Equal subjects are one alert.
    pub(crate) subject: String,
    pub(crate) headline: String,
    pub(crate) because: Vec<String>,
}
