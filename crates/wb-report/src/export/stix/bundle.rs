//! [`Bundle`]: objects with their common properties and deterministic identifiers.

use super::merged;
use crate::Tool;
use crate::export::ids::{Ids, time_of};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use wb_core::{Case, Confidence};

/// The namespace of identifiers of cyber-observable objects (section 2.9).
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

/// When objects that are the same in all cases were made: an object of one id has one content.
const SHARED_SINCE: &str = "2026-01-01T00:00:00.000Z";

/// A bundle in the making.
pub(super) struct Bundle {
    ids: Ids,
    time: String,
    identity: String,
    known: BTreeSet<String>,
    objects: Vec<Value>,
}

impl Bundle {
    /// A bundle that holds the identity of the tool.
    pub fn new(case: &Case, tool: &Tool) -> Self {
        let identity = format!("identity--{}", Ids::shared("identity", "weighbridge"));
        let mut bundle = Self {
            ids: Ids::of(case),
            time: timestamp(time_of(case)),
            identity: identity.clone(),
            known: BTreeSet::new(),
            objects: Vec::new(),
        };
        let members = json!({
            "type": "identity", "spec_version": "2.1", "id": identity,
            "created": SHARED_SINCE, "modified": SHARED_SINCE,
            "name": "weighbridge", "identity_class": "system",
            "description": format!("weighbridge {}", tool.version),
        });
        bundle.add(members);
        bundle
    }

    /// The bundle as a document.
    pub fn finish(self) -> Value {
        json!({
            "type": "bundle",
            "id": format!("bundle--{}", self.ids.of_case("bundle", "")),
            "objects": self.objects,
        })
    }

    fn add(&mut self, object: Value) -> String {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        if self.known.insert(id.clone()) {
            self.objects.push(object);
        }
        id
    }

    /// An object of this case that is called `key`.
    pub fn domain_object(&mut self, kind: &str, key: &str, members: Value) -> String {
        let id = format!("{kind}--{}", self.ids.of_case(kind, key));
        let common = self.common(kind, &id, &self.time);
        self.add(merged(common, members))
    }

    /// An object that is the same in all cases.
    pub fn shared_object(&mut self, kind: &str, key: &str, members: Value) -> String {
        let id = format!("{kind}--{}", Ids::shared(kind, key));
        let common = self.common(kind, &id, SHARED_SINCE);
        self.add(merged(common, members))
    }

    fn common(&self, kind: &str, id: &str, time: &str) -> Value {
        json!({
            "type": kind, "spec_version": "2.1", "id": id, "created_by_ref": self.identity,
            "created": time, "modified": time,
        })
    }

    /// A cyber-observable object: its id is made of what identifies it (section 2.9), as RFC 8785 writes it.
    pub fn observable(&mut self, kind: &str, identifying: Value, more: Value) -> String {
        let sorted: BTreeMap<String, Value> =
            identifying.as_object().cloned().unwrap_or_default().into_iter().collect();
        let canonical = serde_json::to_string(&sorted)
            .expect("strings, numbers and objects with string keys are JSON");
        let id = format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, canonical.as_bytes()));
        let common = json!({"type": kind, "spec_version": "2.1", "id": id});
        self.add(merged(merged(common, identifying), more))
    }

    /// An address or a name; `None` for what no host can be called.
    pub fn host(&mut self, text: &str) -> Option<String> {
        let kind = match text.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => "ipv4-addr",
            Ok(std::net::IpAddr::V6(_)) => "ipv6-addr",
            Err(_) if is_host_name(text) => "domain-name",
            Err(_) => return None,
        };
        Some(self.observable(kind, json!({"value": text}), json!({})))
    }

    /// An indicator that is valid since a time, or since the last record of the case.
    pub fn indicator(
        &mut self,
        name: &str,
        about: &str,
        pattern: &str,
        since: Option<Timestamp>,
    ) -> String {
        let since = since.map_or_else(|| self.time.clone(), timestamp);
        let members = json!({
            "name": name, "description": about, "indicator_types": ["malicious-activity"],
            "pattern": pattern, "pattern_type": "stix", "valid_from": since,
        });
        self.domain_object("indicator", pattern, members)
    }

    /// Ties two objects.
    pub fn relate(&mut self, source: &str, verb: &str, target: &str, why: Option<&str>) {
        let mut members =
            json!({"relationship_type": verb, "source_ref": source, "target_ref": target});
        if let Some(why) = why {
            members["description"] = why.into();
        }
        self.domain_object("relationship", &format!("{source} {verb} {target}"), members);
    }

    /// A note on everything that is in the bundle so far and stands for the attack.
    pub fn note(&mut self, abstract_: &str, content: &str) {
        let refs = self.domain_ids();
        let members = json!({"abstract": abstract_, "content": content, "object_refs": refs});
        self.domain_object("note", abstract_, members);
    }

    /// Ids of what reports and notes are about; the identity when there is nothing else.
    fn domain_ids(&self) -> Vec<String> {
        let is_about = |id: &&String| {
            ["malware--", "infrastructure--", "indicator--"].iter().any(|kind| id.starts_with(kind))
        };
        let all: Vec<String> = self.known.iter().filter(is_about).cloned().collect();
        if all.is_empty() { vec![self.identity.clone()] } else { all }
    }

    /// The report on everything.
    pub fn report(&mut self, headline: &str, summary: &str, confidence: Confidence) {
        let refs: Vec<String> = self.known.iter().cloned().collect();
        let malware = refs.iter().any(|id| id.starts_with("malware--"));
        let members = json!({
            "name": format!("weighbridge: {headline}"),
            "description": summary,
            "report_types": if malware { json!(["threat-report", "malware"]) } else { json!(["threat-report"]) },
            // Appendix A: the values of the None/Low/Med/High scale.
            "confidence": match confidence {
                Confidence::High => 85,
                Confidence::Medium => 50,
                Confidence::Low => 15,
            },
            "published": self.time,
            "object_refs": refs,
        });
        self.domain_object("report", "", members);
    }
}

/// A time as the standard wants it (section 3.16): UTC with three digits of the second.
pub(super) fn timestamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Whether a text can be the name of a host (RFC 1123, section 2.1, and RFC 5890 for other scripts).
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_hosts_are_domain_names() {
        assert!(
            is_host_name("hub.example") && is_host_name("gpu-07") && is_host_name("bücher.example")
        );
        assert!(!is_host_name("a_b.example") && !is_host_name("-a") && !is_host_name("a..b"));
    }

    #[test]
    fn ids_of_observables_are_those_of_the_standard() {
        // As every other producer makes it, Python: `uuid.uuid5(NAMESPACE, CANONICAL)`.
        let id = Uuid::new_v5(&OBSERVABLES, br#"{"value":"198.51.100.3"}"#);
        assert_eq!(id.to_string(), "28bb3599-77cd-5a82-a950-b5bc3caf07c4");
    }
}
