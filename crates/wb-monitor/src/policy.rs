//! [`Policy`]: which services are watched, what they may connect to, which models they may load, and where
//! alerts go. One TOML file; `policy.example.toml` explains each setting.

use jiff::Timestamp;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A commented policy to begin with.
pub const EXAMPLE: &str = include_str!("../policy.example.toml");

/// What is watched, and what is done about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// What is done about what is not allowed.
    #[serde(default)]
    pub mode: Mode,
    /// What happens to connections in mode `enforce` while nobody watches.
    #[serde(default)]
    pub fail: Fail,
    /// What refuses connections in mode `enforce`.
    #[serde(default)]
    pub blocking: Blocking,
    /// Folders with models.
    #[serde(default)]
    pub models: Vec<PathBuf>,
    /// Whether opening a model waits for the scanner's verdict, and is refused when that is malicious.
    #[serde(default)]
    pub hold_loads: bool,
    /// Seconds after a load in which an unknown destination weighs more.
    #[serde(default = "sixty")]
    pub seconds_after_load: u32,
    /// Minutes without a repetition after which an alert is resolved.
    #[serde(default = "fifteen")]
    pub resolve_after_minutes: u32,
    /// What is watched.
    #[serde(default, rename = "service")]
    pub services: Vec<Service>,
    /// Streams of other sensors.
    #[serde(default)]
    pub follow: Vec<Follow>,
    /// Models that may be loaded; with none of them, every model that the scanner does not object to.
    #[serde(default)]
    pub approved: Vec<Approved>,
    /// Who may write models.
    #[serde(default)]
    pub deploy: Deploy,
    /// Where alerts go.
    #[serde(default)]
    pub outputs: Outputs,
}

/// What is done about what is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is recorded.
    Observe,
    /// It is recorded, and alerts are raised.
    #[default]
    Alert,
    /// It is refused, and alerts are raised.
    Enforce,
}

impl Mode {
    /// The name in the policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Alert => "alert",
            Self::Enforce => "enforce",
        }
    }
}

/// What happens while nobody watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fail {
    /// Everything passes.
    #[default]
    Open,
    /// What was allowed last passes, and nothing else does.
    Closed,
}

/// What refuses connections in mode `enforce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocking {
    /// Programs in the kernel or, where these cannot be had, nftables.
    #[default]
    Best,
    /// A table of nftables, which can tell a service by its user too, and sees no process.
    Nftables,
}

/// A service: processes told by one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// Its name in alerts.
    pub name: String,
    /// A cgroup, as a path below the place where cgroups are mounted.
    pub cgroup: Option<String>,
    /// A systemd unit.
    pub unit: Option<String>,
    /// A container's identifier, or the beginning of it.
    pub container: Option<String>,
    /// A numeric user.
    pub user: Option<u32>,
    /// Part of a command line.
    pub command: Option<String>,
    /// What it may connect to.
    #[serde(default)]
    pub allow: Vec<Allow>,
    /// Programs it may start; shells and downloaders among them are no finding.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// Something a service may connect to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allow {
    /// A host name, known by the answers of name servers; `*.hub.example` stands for names below it.
    pub host: Option<String>,
    /// A network, or an address.
    pub cidr: Option<Cidr>,
    /// The name that the client asks for when it begins TLS (SNI); `*.hub.example` stands for names below it.
    /// Alone, or as well as one of the others, which then has to hold too.
    pub sni: Option<String>,
    /// A port; every port without it.
    pub port: Option<u16>,
    /// Why.
    pub reason: Option<String>,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// When it was learned, how often it was seen, and by whom.
    pub first_seen: Option<Timestamp>,
    /// How often it was seen while learning.
    pub count: Option<u64>,
    /// An example of a process that used it.
    pub example: Option<String>,
}

/// Where a connection goes, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Reached<'a> {
    /// The address.
    pub address: IpAddr,
    /// The name that a name server or another sensor gives it.
    pub host: Option<&'a str>,
    /// The name that the client asked for when it began TLS.
    pub sni: Option<&'a str>,
    /// The port.
    pub port: u16,
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// Bits that count.
    pub prefix: u8,
}

impl Cidr {
    /// Whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let ((network, width), (found, other)) = (bits(self.address), bits(address.to_canonical()));
        let shift = 128 - u32::from(self.prefix);
        width == other && (shift == 128 || network >> shift == found >> shift)
    }
}

impl std::str::FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let wrong = || format!("`{text}` is no network; one is written like `192.0.2.0/24`");
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if prefix.is_empty() { Ok(most) } else { prefix.parse() };
        let prefix = prefix.ok().filter(|prefix| *prefix <= most).ok_or_else(wrong)?;
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A file that another sensor writes: Zeek, Suricata, Hubble, Tetragon, Falco, or anything else that log sources
/// read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Follow {
    /// The file.
    pub file: PathBuf,
    /// The service whose traffic it shows.
    pub service: String,
    /// The service's address, when the file shows that of others too.
    pub source: Option<String>,
}

/// A model that may be loaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Approved {
    /// Its file name.
    pub name: String,
    /// Its digest.
    pub sha256: String,
}

/// Who may write models.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deploy {
    /// Numeric users.
    #[serde(default)]
    pub users: Vec<u32>,
    /// Programs, such as `rsync`.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// Where alerts go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Outputs {
    /// A file of alerts, one JSON object per line.
    pub jsonl: Option<PathBuf>,
    /// A file of everything that was seen, one JSON object per line: what `watch check` reads.
    pub records: Option<PathBuf>,
    /// A folder in which a folder is written for each incident.
    pub incidents: Option<PathBuf>,
    /// Largest model that is copied into an incident's folder, in mebibytes; larger ones are named there.
    #[serde(default = "copied")]
    pub copy_up_to_mib: u64,
    /// A receiver of syslog: `udp://host:port`, `tcp://host:port` or a socket's path.
    pub syslog: Option<String>,
    /// A receiver of alerts over HTTP.
    pub webhook: Option<Webhook>,
    /// A collector of OpenTelemetry logs, such as `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
    /// Address at which metrics can be read, such as `127.0.0.1:9464`.
    pub metrics: Option<String>,
    /// A file of OCSF detection findings, one JSON object per line.
    pub ocsf: Option<PathBuf>,
}

/// A receiver of alerts over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Webhook {
    /// Where alerts are posted.
    pub url: String,
    /// A file that holds the key that signs them.
    pub secret_file: Option<PathBuf>,
    /// A folder for alerts that could not be delivered yet.
    pub spool: PathBuf,
}

const fn sixty() -> u32 {
    60
}

const fn fifteen() -> u32 {
    15
}

const fn copied() -> u64 {
    64
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// User: what is wrong with it, where, and a hint.
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = toml::from_str(text).map_err(|error| {
            format!("{error}hint: `weighbridge watch example` prints a policy that explains each setting")
        })?;
        policy.check()?;
        Ok(policy)
    }

    /// The place of the service that is told by the numeric user `user`.
    pub(crate) fn of_user(&self, user: u32) -> Option<usize> {
        self.services.iter().position(|service| service.user == Some(user))
    }

    /// What TOML cannot express.
    fn check(&self) -> Result<(), String> {
        for (index, service) in self.services.iter().enumerate() {
            let name = &service.name;
            if self.services.iter().take(index).any(|other| other.name == *name) {
                return Err(format!(
                    "two services are called `{name}`\nhint: give each its own name"
                ));
            }
            let told = [
                service.cgroup.is_some(),
                service.unit.is_some(),
                service.container.is_some(),
                service.user.is_some(),
                service.command.is_some(),
            ];
            let followed = self.follow.iter().any(|one| one.service == *name);
            let count = told.iter().filter(|told| **told).count();
            if count != 1 && !(count == 0 && followed) {
                return Err(format!(
                    "service `{name}` has to be told by exactly one of `cgroup`, `unit`, `container`, `user` \
                     and `command`\nhint: `cgroup` and `unit` are the surest"
                ));
            }
            let by_user = service.user.is_some() && self.blocking != Blocking::Nftables;
            if self.mode == Mode::Enforce && (by_user || service.command.is_some()) {
                return Err(format!(
                    "service `{name}` is told by its {}, which can be watched but not enforced\nhint: run it \
                     in a cgroup or a unit of its own and name that{}",
                    if by_user { "user" } else { "command line" },
                    if by_user { ", or set `blocking = \"nftables\"`" } else { "" }
                ));
            }
            for allow in &service.allow {
                allow.check(name)?;
            }
        }
        let unknown = self
            .follow
            .iter()
            .find(|one| !self.services.iter().any(|service| service.name == one.service));
        if let Some(one) = unknown {
            return Err(format!(
                "`{}` is followed for service `{}`, which the policy does not have\nhint: name one of its services",
                one.file.display(),
                one.service
            ));
        }
        let wrong = self.approved.iter().find(|one| {
            one.sha256.len() != 64 || !one.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        wrong.map_or(Ok(()), |one| {
            Err(format!(
                "the digest of the approved model `{}` is no SHA-256\nhint: `sha256sum` prints 64 digits",
                one.name
            ))
        })
    }
}

impl Service {
    /// Whether it is told by a cgroup, directly or by a unit or container.
    pub fn is_in_cgroup(&self) -> bool {
        self.cgroup.is_some() || self.unit.is_some() || self.container.is_some()
    }
}

impl Allow {
    fn check(&self, service: &str) -> Result<(), String> {
        let broken = |name: &&String| {
            name.trim_start_matches("*.").contains('*') || name.trim_matches(['*', '.']).is_empty()
        };
        if let Some(name) = [&self.host, &self.sni].into_iter().flatten().find(broken) {
            return Err(format!(
                "`{name}` in service `{service}` has a `*` elsewhere than in front\nhint: `*.hub.example` stands for \
                 every name below it"
            ));
        }
        match (&self.host, self.cidr, &self.sni) {
            (Some(_), None, _) | (None, Some(_), _) | (None, None, Some(_)) => Ok(()),
            _ => Err(format!(
                "an entry of service `{service}` has to give either `host` or `cidr`, or `sni`\nhint: `host = \
                 \"hub.example\"` or `cidr = \"192.0.2.0/24\"`, and `port` if it is known"
            )),
        }
    }

    /// Whether the entry holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether the entry is about the name `host`.
    pub fn names(&self, host: &str) -> bool {
        self.host.as_ref().is_some_and(|pattern| is_name(pattern, host))
    }

    /// Whether the entry allows by the name in TLS alone, which only sensors that read TLS can judge.
    pub fn is_by_sni_alone(&self) -> bool {
        self.sni.is_some() && self.host.is_none() && self.cidr.is_none()
    }

    /// Whether the entry allows a connection to `to`. Where a sensor does not know the name in TLS, an entry that
    /// names one is judged by its address or host, and allows nothing without them.
    pub fn covers(&self, to: &Reached<'_>, now: Timestamp) -> bool {
        let place = self.cidr.is_some_and(|cidr| cidr.contains(to.address))
            || to.host.is_some_and(|host| self.names(host));
        let asked = match (&self.sni, to.sni) {
            (Some(pattern), Some(sni)) => Some(is_name(pattern, sni)),
            _ => None,
        };
        self.holds(now)
            && self.port.is_none_or(|allowed| allowed == to.port)
            && (place || self.is_by_sni_alone())
            && asked.unwrap_or(!self.is_by_sni_alone())
    }
}

/// Whether `name` is the name, or below the name, that `pattern` stands for.
fn is_name(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(ending) => {
            name.len() > ending.len()
                && name.to_ascii_lowercase().ends_with(&ending.to_ascii_lowercase())
        }
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Reads a policy from a file.
///
/// # Errors
/// User: it cannot be read, or is no policy.
pub fn read(path: &Path) -> Result<Policy, String> {
    read_with_text(path).map(|(policy, _)| policy)
}

/// Reads a policy from a file, and gives its text too.
///
/// # Errors
/// User: it cannot be read, or is no policy.
pub(crate) fn read_with_text(path: &Path) -> Result<(Policy, String), String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "`{}` cannot be read: {error}\nhint: `weighbridge watch example > policy.toml` writes a policy to begin with",
            path.display()
        )
    })?;
    let policy = Policy::parse(&text).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok((policy, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_example_is_a_policy() {
        let policy = Policy::parse(EXAMPLE).expect("the example can be read");
        assert_eq!(policy.services.len(), 1);
    }

    #[test]
    fn networks_contain_what_they_should() {
        let contains = |network: &str, address: &str| {
            network
                .parse::<Cidr>()
                .expect("a network")
                .contains(address.parse().expect("an address"))
        };
        assert!(contains("192.0.2.0/24", "192.0.2.200"));
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.200"));
        assert!(!contains("192.0.2.0/24", "192.0.3.1"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"), "another family");
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("192.0.2.7", "192.0.2.8"));
        assert!("192.0.2.0/33".parse::<Cidr>().is_err());
    }

    #[test]
    fn entries_cover_names_ports_and_time() {
        let to = |host, port| Reached { host, port, ..reached(None) };
        let below = allow("host = '*.hub.example'\nport = 443");
        assert!(below.covers(&to(Some("cdn.hub.example"), 443), NOW));
        assert!(!below.covers(&to(Some("hub.example"), 443), NOW), "not the name itself");
        assert!(!below.covers(&to(Some("evilhub.example"), 443), NOW));
        assert!(!below.covers(&to(Some("cdn.hub.example"), 80), NOW));
        assert!(!below.covers(&to(None, 443), NOW), "an address without a name is not guessed");
        let past = allow("cidr = '192.0.2.0/24'\nexpires = '1969-01-01T00:00:00Z'");
        assert!(!past.covers(&to(None, 443), NOW));
    }

    fn allow(text: &str) -> Allow {
        toml::from_str::<Allow>(text).expect("an entry")
    }

    fn reached(sni: Option<&str>) -> Reached<'_> {
        Reached { address: IpAddr::from([192, 0, 2, 1]), host: None, sni, port: 443 }
    }

    #[test]
    fn entries_cover_names_in_tls_where_they_are_known() {
        let alone = allow("sni = '*.hub.example'\nport = 443");
        assert!(alone.covers(&reached(Some("CDN.hub.example")), NOW));
        assert!(!alone.covers(&reached(Some("evilhub.example")), NOW), "a label is whole");
        assert!(!alone.covers(&reached(Some("hub.example")), NOW), "not the name itself");
        assert!(!alone.covers(&reached(None), NOW), "what is not known is not guessed");
        let named = Reached { host: Some("cdn.hub.example"), ..reached(None) };
        assert!(!alone.covers(&named, NOW), "a name server's word is not the client's");
        let both = allow("cidr = '192.0.2.0/24'\nsni = 'hub.example'");
        assert!(both.covers(&reached(Some("hub.example")), NOW));
        assert!(both.covers(&reached(None), NOW), "judged by its address");
        assert!(!both.covers(&reached(Some("other.example")), NOW), "another name there");
        let elsewhere = IpAddr::from([198, 51, 100, 1]);
        let away = Reached { address: elsewhere, ..reached(Some("hub.example")) };
        assert!(!both.covers(&away, NOW), "the name elsewhere");
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_a_hint() {
        let complaint = |text: &str| Policy::parse(text).expect_err("it is wrong");
        let unknown = complaint("mode = \"alert\"\nmodells = []\n");
        assert!(unknown.contains("modells") && unknown.contains("line 2"), "{unknown}");
        assert!(complaint("[[service]]\nname = \"a\"\n").contains("exactly one of"));
        let user = complaint("mode = \"enforce\"\n[[service]]\nname = \"a\"\nuser = 1000\n");
        assert!(user.contains("not enforced") && user.contains("hint:"), "{user}");
        let enforced = |told: &str| {
            format!(
                "mode = \"enforce\"\nblocking = \"nftables\"\n[[service]]\nname = \"a\"\n{told}\n"
            )
        };
        assert!(Policy::parse(&enforced("user = 1000")).is_ok(), "nftables knows users");
        assert!(complaint(&enforced("command = \"serve.py\"")).contains("not enforced"));
        let both = "[[service]]\nname = \"a\"\nuser = 1\n[[service.allow]]\nport = 1\n";
        assert!(complaint(both).contains("either `host` or `cidr`"));
        let star = both.replace("port = 1", "sni = \"*hub.example\"");
        assert!(complaint(&star).contains("elsewhere than in front"));
    }
}
