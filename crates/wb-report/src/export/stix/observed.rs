//! Connections as `observed-data`, and as `sighting`s of the indicator that they match.

use super::bundle::{Bundle, timestamp};
use serde_json::{Value, json};
use wb_core::Flow;

/// The most observations that one object may count (section 4.14).
const MOST: u64 = 999_999_999;

impl Bundle {
    /// A flow as it was observed: the traffic and both its ends. `None` when neither end has a name that the
    /// standard takes.
    pub fn observed(&mut self, flow: &Flow) -> Option<String> {
        let mut identifying = json!({
            "start": timestamp(flow.first), "end": timestamp(flow.last), "protocols": protocols(flow),
        });
        let mut refs = Vec::new();
        for (end, host) in [("src_ref", &flow.source), ("dst_ref", &flow.destination)] {
            if let Some(id) = self.host(host) {
                identifying[end] = id.as_str().into();
                refs.push(id);
            }
        }
        let destination = identifying["dst_ref"].as_str().map(str::to_owned);
        if refs.is_empty() {
            return None;
        }
        if let Some(name) = flow.host.as_ref().filter(|name| **name != flow.destination) {
            refs.extend(self.name_of(name, destination.as_deref()));
        }
        if let Some(port) = flow.port {
            identifying["dst_port"] = port.into();
        }
        let bytes = json!({"src_byte_count": flow.bytes_out});
        let more = if flow.bytes_out > 0 { bytes } else { json!({}) };
        refs.push(self.observable("network-traffic", identifying, more));
        let members = json!({
            "first_observed": timestamp(flow.first), "last_observed": timestamp(flow.last),
            "number_observed": flow.count.clamp(1, MOST), "object_refs": refs,
        });
        Some(self.domain_object("observed-data", &key(flow), members))
    }

    /// A name that stood for an address.
    fn name_of(&mut self, name: &str, address: Option<&str>) -> Option<String> {
        let id = self.host(name)?;
        if let Some(address) = address.filter(|address| !address.starts_with("domain-name--")) {
            self.relate(&id, "resolves-to", address, None);
        }
        Some(id)
    }

    /// The host of a flow saw the indicator.
    pub fn sighting(&mut self, indicator: &str, observed: &str, flow: &Flow) {
        let host = self.domain_object(
            "identity",
            &flow.source,
            json!({"name": flow.source, "identity_class": "system"}),
        );
        let members = json!({
            "sighting_of_ref": indicator, "observed_data_refs": [observed],
            "where_sighted_refs": [host],
            "first_seen": timestamp(flow.first), "last_seen": timestamp(flow.last),
            "count": flow.count.clamp(1, MOST),
        });
        self.domain_object("sighting", &key(flow), members);
    }
}

fn key(flow: &Flow) -> String {
    format!("{} {} {:?} {:?}", flow.source, flow.destination, flow.host, flow.port)
}

/// Protocols from the outer to the inner, as far as the port tells: the standard asks for at least one.
fn protocols(flow: &Flow) -> Value {
    match flow.port {
        Some(53) => json!(["udp", "dns"]),
        Some(80) => json!(["tcp", "http"]),
        Some(443) => json!(["tcp", "tls"]),
        _ => json!(["tcp"]),
    }
}
