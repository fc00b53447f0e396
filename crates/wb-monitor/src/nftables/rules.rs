//! What the policy refuses, as text that `nft -f -` reads. [`table`] writes a whole table, which takes the place of
//! the one before in one step; [`alive`] says that somebody is there. Both are pure.
//!
//! A connection of TCP is judged by its first packet, everything else packet by packet. Nothing here needs
//! connections to be tracked.

use crate::monitor::AllowedNetwork;
use jiff::{SignedDuration, Timestamp};

/// How long the table refuses without hearing from the watch, when the policy fails open.
pub(crate) const ALIVE: &str = "5s";

/// How sockets of a service are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// By the cgroup they were made in: its path as `nft` reads it, below `/sys/fs/cgroup`, and how deep it lies
    /// below the place where cgroups of version 2 are mounted.
    Cgroup { path: String, level: usize },
    /// By the numeric user of their process.
    User(u32),
}

/// A service as the table judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Its place in the policy.
    pub(crate) service: usize,
    pub(crate) who: Who,
    pub(crate) allowed: Vec<AllowedNetwork>,
}

/// A table, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The table's name.
    pub(crate) name: String,
    /// The group of the kernel's log that is told what was refused.
    pub(crate) group: u16,
    /// Whether what is not allowed stays refused when nobody watches.
    pub(crate) fail_closed: bool,
    pub(crate) services: Vec<Judged>,
}

/// The prefix in the log of what was refused to a service; [`service_of`] reads it.
fn prefix(service: usize) -> String {
    format!("weighbridge {service}")
}

/// The service that a prefix in the log names.
pub(crate) fn service_of(prefix: &str) -> Option<usize> {
    prefix.strip_prefix("weighbridge ")?.parse().ok()
}

/// The commands that put the table in the place of the one before.
pub(crate) fn table(rules: &Rules, now: Timestamp) -> String {
    let name = &rules.name;
    let mut text =
        format!("add table inet {name}\ndelete table inet {name}\ntable inet {name} {{\n");
    text.push_str(&format!(
        "  set alive {{ typeof meta nfproto; flags timeout; elements = {{ {} }}; }}\n",
        heard()
    ));
    for one in &rules.services {
        service(&mut text, one, rules, now);
    }
    text.push_str(
        "  chain output {\n    type filter hook output priority filter; policy accept;\n",
    );
    for one in &rules.services {
        let own = match &one.who {
            Who::Cgroup { path, level } => format!("socket cgroupv2 level {level} \"{path}\""),
            Who::User(user) => format!("meta skuid {user}"),
        };
        text.push_str(&format!("    {own} goto {}\n", chain(one.service)));
    }
    text.push_str("  }\n}\n");
    text
}

/// The commands that say that somebody is there. They fail when the table is not.
pub(crate) fn alive(name: &str) -> String {
    format!("flush set inet {name} alive\nadd element inet {name} alive {{ {} }}\n", heard())
}

/// The commands that remove the table.
pub(crate) fn remove(name: &str) -> String {
    format!("delete table inet {name}\n")
}

/// Whether the text of a table, as `nft list table` prints it, still judges every service.
pub(crate) fn is_whole(listed: &str, services: &[Judged]) -> bool {
    services.iter().all(|one| {
        let chain = chain(one.service);
        let (jump, judge) =
            (format!("goto {chain}\n"), format!("log prefix \"{}\"", prefix(one.service)));
        listed.contains(&jump) && listed.contains(&judge)
    })
}

/// Packets that a table refused, as `nft list table` prints them.
pub(crate) fn refused(listed: &str) -> u64 {
    let counts = listed.split("counter packets ").skip(1);
    counts.filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// Elements of the set that has to be filled again and again: both families.
fn heard() -> String {
    format!("ipv4 timeout {ALIVE}, ipv6 timeout {ALIVE}")
}

fn chain(service: usize) -> String {
    format!("service{service}")
}

/// Sets and chain of a service.
fn service(text: &mut String, one: &Judged, rules: &Rules, now: Timestamp) {
    let chain = chain(one.service);
    let mut body = String::new();
    if !rules.fail_closed {
        body.push_str("    meta nfproto != @alive accept\n");
    }
    body.push_str("    tcp flags & (syn | ack) != syn accept\n");
    for set in sets(&one.allowed, now) {
        let name = format!("{chain}_{}", set.name);
        let (family, kind) = if set.v4 { ("ip", "ipv4_addr") } else { ("ip6", "ipv6_addr") };
        let (with, of_port) = match set.ports {
            true => (" . th dport", " . inet_service"),
            false => ("", ""),
        };
        // Only these two have ports where the match looks for them.
        let only = if set.ports { "meta l4proto { tcp, udp } " } else { "" };
        let elements: Vec<String> =
            set.elements.iter().map(|(element, ends)| format!("{element}{ends}")).collect();
        let (flags, elements) = (set.flags, elements.join(", "));
        text.push_str(&format!(
            "  set {name} {{ type {kind}{of_port}; flags {flags}; elements = {{ {elements} }}; }}\n"
        ));
        body.push_str(&format!("    {only}{family} daddr{with} @{name} accept\n"));
    }
    body.push_str(&format!(
        "    counter log prefix \"{}\" group {} snaplen 128\n    meta l4proto tcp reject with tcp reset\n    \
         reject with icmpx type admin-prohibited\n",
        prefix(one.service),
        rules.group
    ));
    text.push_str(&format!("  chain {chain} {{\n{body}  }}\n"));
}

/// A set of destinations.
struct Set {
    name: String,
    v4: bool,
    ports: bool,
    flags: &'static str,
    /// Destinations and their ends.
    elements: Vec<(String, String)>,
}

/// What is allowed, in sets without overlaps: networks for ever, of which none lies in another of the same port (see
/// [`crate::Monitor::allowed`]), addresses with an end, and each network with an end on its own, because it may lie
/// inside another that ends sooner.
fn sets(allowed: &[AllowedNetwork], now: Timestamp) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for (number, one) in allowed.iter().enumerate() {
        let v4 = one.network.address.is_ipv4();
        let whole = one.network.prefix == if v4 { 32 } else { 128 };
        let kind =
            format!("{}{}", if one.port == 0 { "any" } else { "port" }, if v4 { 4 } else { 6 });
        let (name, flags) = match one.until {
            None => (kind, "interval"),
            Some(_) if whole => (format!("{kind}_until"), "timeout"),
            Some(_) => (format!("{kind}_until{number}"), "interval,timeout"),
        };
        let Some(ends) = ends(one.until, now) else { continue };
        // Without its length where a single address is meant: sets without intervals take no networks.
        let mut element = match whole {
            true => one.network.address.to_string(),
            false => one.network.to_string(),
        };
        if one.port != 0 {
            element.push_str(&format!(" . {}", one.port));
        }
        let set = match sets.iter_mut().position(|set| set.name == name) {
            Some(at) => sets.get_mut(at),
            None => {
                sets.push(Set { name, v4, ports: one.port != 0, flags, elements: Vec::new() });
                sets.last_mut()
            }
        };
        if let Some(set) = set {
            // The same address comes again with a later end.
            set.elements.retain(|(known, _)| *known != element);
            set.elements.push((element, ends));
        }
    }
    sets
}

/// The end of an element; `None` when it is over.
fn ends(until: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let Some(until) = until else { return Some(String::new()) };
    let left = until.duration_since(now);
    (left > SignedDuration::ZERO).then(|| format!(" timeout {}s", left.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(network: &str, port: u16, seconds: Option<i64>) -> AllowedNetwork {
        let until = seconds.map(|seconds| Timestamp::from_second(seconds).expect("a time"));
        AllowedNetwork { network: network.parse().expect("a network"), port, until }
    }

    fn rules(fail_closed: bool, allowed: Vec<AllowedNetwork>) -> Rules {
        let who = Who::Cgroup { path: "inference.slice".to_owned(), level: 1 };
        let services = vec![Judged { service: 0, who, allowed }];
        Rules { name: "weighbridge_test".to_owned(), group: 7, fail_closed, services }
    }

    #[test]
    fn a_table_says_who_is_judged_and_what_is_allowed() {
        let allowed = vec![
            allowed("127.0.0.0/8", 0, None),
            allowed("192.0.2.0/24", 443, None),
            allowed("192.0.2.7", 443, Some(60)),
            allowed("198.51.100.0/24", 0, Some(90)),
            allowed("2001:db8::7", 53, Some(-1)),
        ];
        let text = table(&rules(false, allowed), Timestamp::UNIX_EPOCH);
        let expected = "add table inet weighbridge_test
delete table inet weighbridge_test
table inet weighbridge_test {
  set alive { typeof meta nfproto; flags timeout; elements = { ipv4 timeout 5s, ipv6 timeout 5s }; }
  set service0_any4 { type ipv4_addr; flags interval; elements = { 127.0.0.0/8 }; }
  set service0_port4 { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/24 . 443 }; }
  set service0_port4_until { type ipv4_addr . inet_service; flags timeout; elements = { 192.0.2.7 . 443 timeout 60s }; }
  set service0_any4_until3 { type ipv4_addr; flags interval,timeout; elements = { 198.51.100.0/24 timeout 90s }; }
  chain service0 {
    meta nfproto != @alive accept
    tcp flags & (syn | ack) != syn accept
    ip daddr @service0_any4 accept
    meta l4proto { tcp, udp } ip daddr . th dport @service0_port4 accept
    meta l4proto { tcp, udp } ip daddr . th dport @service0_port4_until accept
    ip daddr @service0_any4_until3 accept
    counter log prefix \"weighbridge 0\" group 7 snaplen 128
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }
  chain output {
    type filter hook output priority filter; policy accept;
    socket cgroupv2 level 1 \"inference.slice\" goto service0
  }
}
";
        assert_eq!(text, expected);
    }

    /// Asks `nft` whether it would take the table; says so loudly where it cannot be asked.
    #[test]
    fn nft_takes_a_table_with_every_kind_of_entry() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let entries = [
            allowed("127.0.0.0/8", 0, None),
            allowed("192.0.2.0/24", 443, None),
            allowed("192.0.2.7", 443, Some(60)),
            allowed("192.0.2.7", 443, Some(70)),
            allowed("198.51.100.0/24", 443, Some(90)),
            allowed("198.51.100.0/28", 443, Some(900)),
            allowed("2001:db8::/32", 0, None),
            allowed("2001:db8::7", 53, Some(30)),
        ];
        let mut whole = rules(false, entries.to_vec());
        whole.services.iter_mut().for_each(|one| one.who = Who::User(4242));
        whole.services.push(Judged { service: 1, who: Who::User(4243), allowed: Vec::new() });
        let nft = Command::new("nft").args(["-c", "-f", "-"]).stdin(Stdio::piped()).spawn();
        let Ok(mut nft) = nft else {
            eprintln!("SKIPPED: nftables is NOT tested here: there is no command `nft`");
            return;
        };
        let text = table(&whole, Timestamp::UNIX_EPOCH);
        let mut input = nft.stdin.take().expect("it is piped");
        input.write_all(text.as_bytes()).expect("it reads");
        drop(input);
        let status = nft.wait().expect("it ends");
        if std::fs::read_dir("/proc/1/fd").is_err() {
            eprintln!("SKIPPED: nftables is NOT tested here: it asks for root");
            return;
        }
        assert!(status.success(), "{text}");
        assert!(text.contains("192.0.2.7 . 443 timeout 70s") && !text.contains("timeout 60s"));
    }

    #[test]
    fn a_policy_that_fails_closed_asks_for_nobody() {
        let text = table(&rules(true, Vec::new()), Timestamp::UNIX_EPOCH);
        assert!(!text.contains("@alive"), "{text}");
    }

    #[test]
    fn a_listed_table_tells_whether_it_is_whole_and_what_it_refused() {
        let services = rules(true, Vec::new()).services;
        let listed = "\tchain service0 {\n\t\tcounter packets 3 bytes 180 log prefix \"weighbridge 0\" group 7\n\t}\n\
                      \tchain output {\n\t\tsocket cgroupv2 level 1 \"x\" goto service0\n\t}\n";
        assert!(is_whole(listed, &services));
        assert!(!is_whole(&listed.replace("goto service0", "accept"), &services));
        assert!(!is_whole("table inet x {\n}\n", &services));
        assert_eq!((refused(listed), refused("")), (3, 0));
        assert_eq!((service_of("weighbridge 12"), service_of("other 1")), (Some(12), None));
    }
}
