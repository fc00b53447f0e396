//! [`Indicator`]: what joins artifacts to logs. Normalised when built, so that equal means same.

/// The kinds of indicators. Names follow STIX and ECS where these have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndicatorKind {
    /// A host name.
    Domain,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A URL.
    Url,
    /// A file or URL path.
    Path,
    /// A command line.
    Command,
    /// A dotted callable, such as `os.system`.
    Callable,
    /// An environment variable's name.
    Env,
    /// A SHA-256 digest.
    Sha256,
    /// A campaign, session or incident identifier.
    Identifier,
    /// A user or service account.
    Account,
}

impl IndicatorKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Ip => "ip",
            Self::Url => "url",
            Self::Path => "path",
            Self::Command => "command",
            Self::Callable => "callable",
            Self::Env => "env",
            Self::Sha256 => "sha256",
            Self::Identifier => "identifier",
            Self::Account => "account",
        }
    }
}

/// Something seen in an artifact that can be seen again elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Indicator {
    kind: IndicatorKind,
    value: String,
}

impl Indicator {
    /// An indicator, normalised: hosts and digests in lower case, hosts without the trailing dot,
    /// addresses as [`std::net::IpAddr`] prints them, everything else trimmed.
    pub fn new(kind: IndicatorKind, value: &str) -> Self {
        let value = value.trim();
        let value = match kind {
            IndicatorKind::Domain => value.trim_end_matches('.').to_lowercase(),
            IndicatorKind::Sha256 => value.to_ascii_lowercase(),
            IndicatorKind::Ip => match value.parse::<std::net::IpAddr>() {
                Ok(address) => address.to_canonical().to_string(),
                Err(_) => value.to_owned(),
            },
            _ => value.to_owned(),
        };
        Self { kind, value }
    }

    /// What it is.
    pub const fn kind(&self) -> IndicatorKind {
        self.kind
    }

    /// Its normalised value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_means_same() {
        let plain = Indicator::new(IndicatorKind::Domain, "hub.example");
        assert_eq!(plain, Indicator::new(IndicatorKind::Domain, " Hub.Example. "));
        let v4 = Indicator::new(IndicatorKind::Ip, "192.0.2.1");
        assert_eq!(v4, Indicator::new(IndicatorKind::Ip, "::ffff:192.0.2.1"));
    }
}
