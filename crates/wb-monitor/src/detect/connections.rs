//! Connections that the policy does not allow, and those that no policy should.

use super::Draft;
use crate::alert::Destination;
use std::net::IpAddr;
use wb_core::Severity;

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) destination: &'a Destination,
    pub(crate) address: IpAddr,
    /// Whether an entry of the policy covers it.
    pub(crate) allowed: bool,
    /// Seconds since a model was loaded by the process or what it descends from.
    pub(crate) since_load: Option<f64>,
    /// Seconds after a load in which an unknown destination weighs more.
    pub(crate) window: f64,
    /// Whether the process runs a shell or downloader.
    pub(crate) is_command: bool,
    /// The model that names the destination: its file name, what it names, and whether this process loaded it.
    pub(crate) named: Option<(&'a str, &'a str, bool)>,
    /// Whether the policy asks for alerts about what is not allowed.
    pub(crate) alerting: bool,
}

/// Judges a connection; the surest reason is the one that is told.
pub(crate) fn judge(seen: &Seen<'_>) -> Option<Draft> {
    let to = seen.destination;
    let draft = |rule, severity, headline: String, because: Vec<String>| Draft {
        rule,
        severity,
        subject: format!(
            "{} {} {}",
            to.host.as_deref().unwrap_or(&to.address),
            to.address,
            to.port
        ),
        headline,
        because,
    };
    if let Some((model, named, own)) = seen.named {
        let loaded = if own { "which this process loaded" } else { "which lies among the models" };
        let because = vec![format!("code in {model}, {loaded}, names `{named}`")];
        let headline = format!("connection to {to}, which {model} names in its code");
        return Some(draft(
            "connection-to-host-named-by-model",
            Severity::Critical,
            headline,
            because,
        ));
    }
    if seen.allowed || !seen.alerting {
        return None;
    }
    if is_metadata(seen.address) {
        let headline = format!("connection to the metadata service at {}", to.address);
        return Some(draft("metadata-service", Severity::High, headline, Vec::new()));
    }
    let mut because = Vec::new();
    let mut severity = Severity::Medium;
    if let Some(seconds) = seen.since_load.filter(|seconds| *seconds <= seen.window) {
        because.push(format!("{seconds:.1} s after a model was loaded"));
        severity = Severity::High;
    }
    if seen.is_command {
        because.push("the process is a shell or downloader".to_owned());
        severity = Severity::High;
    }
    if to.host.is_none() && !seen.address.is_loopback() {
        because.push("no name server of the service gave this address".to_owned());
    }
    let headline = format!("connection to {to}, which the policy does not allow");
    Some(draft("connection-outside-allowlist", severity, headline, because))
}

/// Addresses at which clouds hand out credentials: link-local for most, and Amazon's over IPv6.
fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.octets() == [169, 254, 169, 254] || address.octets() == [169, 254, 170, 2]
        }
        IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(change: impl FnOnce(&mut Seen<'_>)) -> Option<(&'static str, Severity)> {
        let destination = Destination {
            address: "192.0.2.1".to_owned(),
            port: 443,
            host: Some("hub.example".to_owned()),
        };
        let mut seen = Seen {
            destination: &destination,
            address: IpAddr::from([192, 0, 2, 1]),
            allowed: false,
            since_load: None,
            window: 60.0,
            is_command: false,
            named: None,
            alerting: true,
        };
        change(&mut seen);
        judge(&seen).map(|draft| (draft.rule, draft.severity))
    }

    #[test]
    fn what_is_not_allowed_weighs_more_after_a_load() {
        let outside = "connection-outside-allowlist";
        assert_eq!(rule(|_| ()), Some((outside, Severity::Medium)));
        assert_eq!(rule(|seen| seen.since_load = Some(0.4)), Some((outside, Severity::High)));
        assert_eq!(rule(|seen| seen.since_load = Some(600.0)), Some((outside, Severity::Medium)));
        assert_eq!(rule(|seen| seen.allowed = true), None);
        assert_eq!(rule(|seen| seen.alerting = false), None);
    }

    #[test]
    fn what_a_model_names_is_told_even_when_it_is_allowed() {
        let found = rule(|seen| {
            seen.allowed = true;
            seen.named = Some(("a.pkl", "hub.example", true));
        });
        assert_eq!(found, Some(("connection-to-host-named-by-model", Severity::Critical)));
        let metadata = rule(|seen| seen.address = IpAddr::from([169, 254, 169, 254]));
        assert_eq!(metadata.map(|(rule, _)| rule), Some("metadata-service"));
    }
}
