//! From records to policies: [`learn`] proposes entries, [`check`] judges a recorded day, [`allow`] adds one
//! entry for one alert. None of them widens anything by itself.

use crate::policy::{Policy, Reached};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Entries, as TOML.
    pub text: String,
    /// How many entries.
    pub entries: usize,
    /// How many connections were read.
    pub connections: u64,
}

/// What a policy would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many connections were read.
    pub connections: u64,
    /// How many would have been refused.
    pub refused: u64,
    /// Where they went.
    pub rows: Vec<Row>,
}

/// A destination that would have been refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The service.
    pub service: String,
    /// The destination.
    pub to: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// Who, for example.
    pub example: String,
}

/// A connection as a record tells it.
#[derive(Clone, Debug)]
struct Recorded {
    time: Timestamp,
    service: String,
    address: IpAddr,
    host: Option<String>,
    sni: Option<String>,
    port: u16,
    chain: String,
}

impl Recorded {
    /// Where it went.
    fn reached(&self) -> Reached<'_> {
        let (host, sni) = (self.host.as_deref(), self.sni.as_deref());
        Reached { address: self.address, host, sni, port: self.port }
    }
}

/// The connections of a file of records; other records and broken lines are passed over.
fn connections(text: &str) -> impl Iterator<Item = Recorded> + '_ {
    text.lines().filter_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        if text("weighbridge.watch") != Some("connect") {
            return None;
        }
        Some(Recorded {
            time: text("@timestamp")?.parse().ok()?,
            service: text("service.name")?.to_owned(),
            address: text("destination.ip")?.parse().ok()?,
            host: text("destination.domain").map(str::to_owned),
            sni: text("tls.client.server_name").map(str::to_owned),
            port: record
                .get("destination.port")
                .and_then(Value::as_u64)
                .and_then(|port| port.try_into().ok())?,
            chain: text("weighbridge.chain").unwrap_or_default().to_owned(),
        })
    })
}

/// Proposes an entry for each destination that the policy does not allow yet: by its name where one is known,
/// and else by its address. Names are never widened to their domain, nor addresses to their network.
pub fn learn(policy: &Policy, records: &[String]) -> Learned {
    let mut learned = Learned::default();
    let mut found: BTreeMap<(usize, String, u16), (Timestamp, u64, String)> = BTreeMap::new();
    for seen in records.iter().flat_map(|text| connections(text)) {
        learned.connections += 1;
        let Some((index, service)) =
            policy.services.iter().enumerate().find(|(_, service)| service.name == seen.service)
        else {
            continue;
        };
        if service.allow.iter().any(|entry| entry.covers(&seen.reached(), seen.time)) {
            continue;
        }
        let bits = if seen.address.is_ipv4() { 32 } else { 128 };
        let place = match &seen.host {
            Some(host) => format!("host = {}", quoted(host)),
            None => format!("cidr = \"{}/{bits}\"", seen.address),
        };
        let entry = found.entry((index, place, seen.port)).or_insert((seen.time, 0, seen.chain));
        entry.0 = entry.0.min(seen.time);
        entry.1 += 1;
    }
    for ((index, place, port), (first, count, example)) in &found {
        let name =
            policy.services.get(*index).map(|service| service.name.as_str()).unwrap_or_default();
        learned.entries += 1;
        learned.text.push_str(&format!(
            "# service {}\n[[service.allow]]\n{place}\nport = {port}\nreason = \"learned\"\nfirst-seen = \"{first}\"\n\
             count = {count}\nexample = {}\n\n",
            quoted(name),
            quoted(example)
        ));
    }
    learned
}

/// Judges recorded connections by a policy.
pub fn check(policy: &Policy, records: &[String]) -> Checked {
    let mut checked = Checked::default();
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for seen in records.iter().flat_map(|text| connections(text)) {
        checked.connections += 1;
        let service = policy.services.iter().find(|service| service.name == seen.service);
        let allow = service.into_iter().flat_map(|service| &service.allow);
        let mut allow = allow;
        if allow.any(|entry| entry.covers(&seen.reached(), seen.time)) {
            continue;
        }
        checked.refused += 1;
        let to = crate::alert::Destination {
            address: seen.address.to_string(),
            port: seen.port,
            host: seen.host,
        };
        let (key, to) = ((seen.service.clone(), to.to_string()), to.to_string());
        let row = rows.entry(key).or_insert(Row {
            service: seen.service,
            to,
            count: 0,
            first: seen.time,
            example: seen.chain,
        });
        row.count += 1;
        row.first = row.first.min(seen.time);
    }
    checked.rows = rows.into_values().collect();
    checked.rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    checked
}

/// A permission that somebody gives.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// The alert, by its identifier.
    pub alert: &'a str,
    /// Why.
    pub reason: &'a str,
    /// For how many days.
    pub days: u16,
}

/// A policy with one more entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The policy's text.
    pub text: String,
    /// What was added, for people.
    pub what: String,
}

/// Adds to the text of a policy one entry for the destination of an alert.
///
/// # Errors
/// User: no such alert, an alert without a destination, or a policy that lacks the service.
pub fn allow(
    policy: &str,
    alerts: &str,
    permission: &Permission<'_>,
    now: Timestamp,
) -> Result<Changed, String> {
    let id = permission.alert;
    let found = alerts.lines().rev().find_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        (record.get("event.id").and_then(Value::as_str) == Some(id)).then_some(record)
    });
    let record = found.ok_or_else(|| {
        format!("no alert is called `{id}`\nhint: the identifier stands in brackets after the rule's name")
    })?;
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let port = record.get("destination.port").and_then(Value::as_u64);
    let (Some(address), Some(port)) = (text("destination.ip"), port) else {
        return Err(format!(
            "alert `{id}` is not about a connection\nhint: only destinations can be allowed; programs, writers and \
             digests are settings of the policy"
        ));
    };
    let name = text("service.name").unwrap_or_default();
    let known = Policy::parse(policy)?;
    let index = known.services.iter().position(|service| service.name == name).ok_or_else(|| {
        format!("the policy has no service `{name}`\nhint: give the policy under which the alert was raised")
    })?;
    let place = match text("destination.domain") {
        Some(host) => format!("host = {}", quoted(host)),
        None => format!("cidr = {}", quoted(address)),
    };
    let days = SignedDuration::from_hours(24 * i64::from(permission.days));
    let expires = now.checked_add(days).map_err(|error| error.to_string())?;
    let entry = format!(
        "\n[[service.allow]]\n{place}\nport = {port}\nreason = {}\nexpires = \"{expires:.0}\"\n",
        quoted(permission.reason)
    );
    let changed = insert(policy, index, &entry);
    Policy::parse(&changed)?;
    Ok(Changed { text: changed, what: format!("{place}, port {port}, until {expires:.0},") })
}

/// Inserts an entry at the end of the service number `index`: before the next `[[service]]`, or any other
/// table that is not the service's own.
fn insert(policy: &str, index: usize, entry: &str) -> String {
    let mut services = 0;
    let mut at = policy.len();
    let mut offset = 0;
    for line in policy.split_inclusive('\n') {
        let header = line.trim();
        if header.starts_with('[') {
            let own = header.starts_with("[[service.");
            if services == index + 1 && !own {
                at = offset;
                break;
            }
            if header.starts_with("[[service]]") {
                services += 1;
            }
        }
        offset += line.len();
    }
    let (before, after) = policy.split_at(at);
    let gap = if after.is_empty() { "" } else { "\n" };
    format!("{}\n{entry}{gap}{after}", before.trim_end())
}

/// A string of TOML, with what could end it escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            character if character.is_control() => {
                out.push_str(&format!("\\u{:04X}", u32::from(character)))
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[[service]]\nname = \"inference\"\ncgroup = \"/i\"\n[[service.allow]]\ncidr = \"127.0.0.0/8\"\n\n\
        [outputs]\n";

    fn records() -> Vec<String> {
        let line = |address: &str, host: &str| {
            format!(
                r#"{{"@timestamp":"2026-04-09T03:14:00Z","weighbridge.watch":"connect","service.name":"inference","destination.ip":"{address}","destination.port":443,{host}"weighbridge.chain":"curl <- \"sh\""}}"#
            )
        };
        let named = line("192.0.2.7", r#""destination.domain":"hub.example","#);
        vec![
            [
                line("127.0.0.1", ""),
                named.clone(),
                named,
                line("203.0.113.9", ""),
                "no json".to_owned(),
            ]
            .join("\n"),
        ]
    }

    #[test]
    fn what_was_learned_allows_what_was_seen_and_nothing_else() {
        let policy = Policy::parse(POLICY).expect("a policy");
        let learned = learn(&policy, &records());
        assert_eq!((learned.entries, learned.connections), (2, 4));
        assert!(learned.text.contains("host = \"hub.example\"\nport = 443"), "{}", learned.text);
        assert!(learned.text.contains("count = 2"));
        let whole = POLICY.replace("[outputs]\n", &learned.text);
        let wider = Policy::parse(&whole).expect("what was learned is a policy");
        assert_eq!(check(&wider, &records()).refused, 0);
        assert_eq!(learn(&wider, &records()).entries, 0, "nothing is learned twice");
    }

    #[test]
    fn a_recorded_day_is_judged() {
        let checked = check(&Policy::parse(POLICY).expect("a policy"), &records());
        assert_eq!((checked.connections, checked.refused), (4, 3));
        assert_eq!(checked.rows.first().map(|row| row.count), Some(2));
    }

    #[test]
    fn a_recorded_day_is_judged_by_names_in_tls_where_they_were_recorded() {
        let policy = POLICY.replace("cidr = \"127.0.0.0/8\"", "sni = \"hub.example\"");
        let policy = Policy::parse(&policy).expect("a policy");
        assert_eq!(check(&policy, &records()).refused, 4, "no sensor told one");
        let told = r#""tls.client.server_name":"hub.example","destination.domain":"#;
        let records = records().join("\n").replace("\"destination.domain\":", told);
        assert_eq!(check(&policy, &[records]).refused, 2, "those to other places");
    }

    #[test]
    fn one_alert_gives_one_entry_in_its_service() {
        let alerts = r#"{"event.id":"1f0c9a2e","service.name":"inference","destination.ip":"192.0.2.7","destination.port":443,"destination.domain":"hub.example"}
{"event.id":"aaaaaaaa","service.name":"inference"}"#;
        let permission = Permission { alert: "1f0c9a2e", reason: "a \"new\" hub", days: 30 };
        let now = "2026-04-09T03:14:00Z".parse().expect("a time");
        let changed = allow(POLICY, alerts, &permission, now).expect("it is allowed");
        let policy = Policy::parse(&changed.text).expect("still a policy");
        let entry = policy.services[0].allow.last().expect("one more").clone();
        assert_eq!((entry.host.as_deref(), entry.port), (Some("hub.example"), Some(443)));
        assert_eq!(entry.reason.as_deref(), Some("a \"new\" hub"));
        assert_eq!(
            entry.expires.map(|time| time.to_string()).as_deref(),
            Some("2026-05-09T03:14:00Z")
        );
        let complaint = |alert| {
            allow(POLICY, alerts, &Permission { alert, ..permission }, now).expect_err("refused")
        };
        assert!(complaint("bbbbbbbb").contains("no alert is called"));
        assert!(complaint("aaaaaaaa").contains("not about a connection"));
    }
}
