//! A case as an event of MISP (core format 2.4): attributes for what can be searched for, a `file` object
//! per malicious artifact, a `network-connection` object per connection to the compromise, and tags of the
//! ATT&CK and ATLAS galaxies. It is unpublished and for the own organisation until somebody decides else.

use super::hostile::Hostile;
use super::ids::{Ids, time_of};
use super::{Source, techniques};
use crate::{json, words};
use serde_json::{Value, json};
use wb_core::{Artifact, Compromise, Flow, Indicator, IndicatorKind};

/// The event.
pub(super) fn event(source: &Source<'_>) -> String {
    let case = source.case;
    let (ids, time, hostile) = (Ids::of(case), time_of(case), Hostile::of(case));
    let stamp = time.as_second().to_string();
    let writer = Writer { ids, stamp: &stamp };
    let attributes: Vec<Value> =
        hostile.indicators().filter_map(|indicator| writer.indicator(indicator)).collect();
    let files = hostile.malicious().map(|artifact| writer.file(artifact));
    let connections = hostile.flows().filter_map(|flow| writer.connection(flow));
    let objects: Vec<Value> = files.chain(connections).collect();
    let (_, headline) = words::headline(case);
    let compromised = case.conclusion.compromised == Compromise::Yes;
    json::print(&json!({"Event": {
        "uuid": ids.case().to_string(),
        "info": format!("weighbridge: {headline}. {}", case.conclusion.summary),
        "date": time.strftime("%Y-%m-%d").to_string(),
        "timestamp": stamp,
        "threat_level_id": if compromised { "1" } else { "4" },
        "analysis": "1",
        "distribution": "0",
        "published": false,
        "Orgc": {"name": "weighbridge", "uuid": Ids::shared("org", "weighbridge").to_string()},
        "Tag": tags(source),
        "Attribute": attributes,
        "Object": objects,
    }}))
}

fn tags(source: &Source<'_>) -> Vec<Value> {
    let mut all = vec![json!({"name": "tlp:amber"})];
    for id in techniques::of_case(source.case).keys() {
        let Some(technique) = techniques::known(id) else { continue };
        let galaxy = if techniques::is_atlas(id) {
            "mitre-atlas-attack-pattern"
        } else {
            "mitre-attack-pattern"
        };
        let cluster = if techniques::is_atlas(id) {
            technique.name.clone()
        } else {
            format!("{} - {id}", technique.name)
        };
        all.push(json!({"name": format!("misp-galaxy:{galaxy}=\"{cluster}\"")}));
    }
    all
}

struct Writer<'a> {
    ids: Ids,
    stamp: &'a str,
}

impl Writer<'_> {
    /// Category and type as MISP defines them; only what identifies the attack is for detection.
    fn indicator(&self, indicator: &Indicator) -> Option<Value> {
        let (category, kind, detects) = match indicator.kind() {
            IndicatorKind::Domain => ("Network activity", "domain", true),
            IndicatorKind::Ip => ("Network activity", "ip-dst", true),
            IndicatorKind::Url => ("Network activity", "url", true),
            IndicatorKind::Sha256 => ("Payload delivery", "sha256", true),
            IndicatorKind::Command => ("Artifacts dropped", "text", false),
            IndicatorKind::Identifier => ("Attribution", "campaign-id", false),
            IndicatorKind::Path | IndicatorKind::Env | IndicatorKind::Account => {
                ("Other", "text", false)
            }
            IndicatorKind::Callable => return None,
        };
        Some(json!({
            "uuid": self.ids.of_case(kind, indicator.value()).to_string(),
            "type": kind, "category": category, "to_ids": detects,
            "value": indicator.value(), "comment": indicator.kind().name(),
            "timestamp": self.stamp, "distribution": "5",
        }))
    }

    fn file(&self, artifact: &Artifact) -> Value {
        let name = artifact.path.as_str();
        let mut attributes = vec![
            self.part(name, "filename", "filename", false, artifact.path.file_name().to_owned()),
            self.part(name, "path", "text", false, name.to_owned()),
            self.part(name, "size-in-bytes", "size-in-bytes", false, artifact.size.to_string()),
            self.part(name, "state", "text", false, "Malicious".to_owned()),
        ];
        if let Some(digest) = artifact.sha256 {
            attributes.push(self.part(name, "sha256", "sha256", true, digest.to_string()));
        }
        self.object("file", "file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25", name, attributes)
    }

    /// A connection; the template needs an address.
    fn connection(&self, flow: &Flow) -> Option<Value> {
        let key = format!("{} {} {:?} {:?}", flow.source, flow.destination, flow.host, flow.port);
        let is_address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
        let part = |relation, kind, value: String| self.part(&key, relation, kind, false, value);
        let mut attributes = Vec::new();
        for (relation, host, name) in [
            ("ip-src", &flow.source, "hostname-src"),
            ("ip-dst", &flow.destination, "hostname-dst"),
        ] {
            if is_address(host) {
                attributes.push(part(relation, relation, host.clone()));
            } else {
                attributes.push(part(name, "hostname", host.clone()));
            }
        }
        if let Some(host) = flow.host.as_ref().filter(|host| **host != flow.destination) {
            attributes.push(part("hostname-dst", "hostname", host.clone()));
        }
        if let Some(port) = flow.port {
            attributes.push(part("dst-port", "port", port.to_string()));
        }
        attributes.push(part("first-packet-seen", "datetime", flow.first.to_string()));
        attributes.push(part("last-packet-seen", "datetime", flow.last.to_string()));
        attributes.push(part("count", "counter", flow.count.to_string()));
        if flow.bytes_out > 0 {
            attributes.push(part("src-bytes-count", "size-in-bytes", flow.bytes_out.to_string()));
        }
        let template = "af16764b-f8e5-4603-9de1-de34d272f80b";
        Some(self.object("network-connection", "network", template, "7", &key, attributes))
    }

    fn part(&self, key: &str, relation: &str, kind: &str, detects: bool, value: String) -> Value {
        let category = match kind {
            "ip-src" | "ip-dst" | "hostname" | "port" => "Network activity",
            "filename" | "sha256" => "Payload delivery",
            _ => "Other",
        };
        json!({
            "uuid": self.ids.of_case(relation, &format!("{key}\0{value}")).to_string(),
            "object_relation": relation, "type": kind, "category": category, "to_ids": detects,
            "value": value, "timestamp": self.stamp, "distribution": "5",
        })
    }

    fn object(
        &self,
        name: &str,
        category: &str,
        template: &str,
        version: &str,
        key: &str,
        attributes: Vec<Value>,
    ) -> Value {
        json!({
            "uuid": self.ids.of_case(name, key).to_string(),
            "name": name, "meta-category": category, "description": "",
            "template_uuid": template, "template_version": version,
            "timestamp": self.stamp, "distribution": "5",
            "Attribute": attributes,
        })
    }
}
