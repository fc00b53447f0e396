//! The files that other programs and teams take a case in: [`EXPORTS`] lists them, each with the function
//! that writes it. Values are exact in them, never defanged, but for the ticket, which people read.
//!
//! Ids and times in them are derived from the case, so that the same case gives the same bytes and a case
//! that is imported twice is there once ([`ids`]).

mod attack;
mod contain;
mod cyclonedx;
mod hostile;
mod ids;
mod indicators;
mod markdown;
mod misp;
mod stix;
mod techniques;

use crate::sarif::RuleInfo;
use crate::{Tool, html, json, sarif};
use wb_core::Case;

/// What an export is made from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The case.
    pub case: &'a Case,
    /// The tool that made it.
    pub tool: &'a Tool,
    /// Every rule, for formats that list them.
    pub rules: &'a [RuleInfo],
}

/// A file that a case can be taken in.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// The name in `--format NAME`.
    pub name: &'static str,
    /// The name of its file in `--export DIR`.
    pub file: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Writes it.
    pub write: fn(&Source<'_>) -> String,
}

/// Every export, in the order in which a reader may want them.
pub const EXPORTS: &[Export] = &[
    Export {
        name: "html",
        file: "report.html",
        about: "one self-contained web page",
        write: |source| html::case(source.case, source.tool),
    },
    Export {
        name: "markdown",
        file: "ticket.md",
        about: "the answer for a ticket, defanged",
        write: markdown::ticket,
    },
    Export {
        name: "json",
        file: "case.json",
        about: "everything, for programs and for `show` and `gate`; see `weighbridge schema case`",
        write: |source| json::case(source.case, source.tool),
    },
    Export {
        name: "sarif",
        file: "findings.sarif",
        about: "findings as SARIF 2.1.0, for code scanning",
        write: |source| sarif::case(source.case, source.tool, source.rules),
    },
    Export {
        name: "stix",
        file: "stix-bundle.json",
        about: "STIX 2.1 bundle, for threat-intelligence platforms",
        write: stix::bundle,
    },
    Export { name: "misp", file: "misp-event.json", about: "MISP event", write: misp::event },
    Export {
        name: "attack-layer",
        file: "attack-layer.json",
        about: "layer of techniques for the ATT&CK Navigator",
        write: attack::enterprise_layer,
    },
    Export {
        name: "atlas-layer",
        file: "atlas-layer.json",
        about: "layer of techniques for the ATLAS Navigator",
        write: attack::atlas_layer,
    },
    Export {
        name: "cyclonedx",
        file: "models.cdx.json",
        about: "CycloneDX 1.6 bill of models and packages, findings as vulnerabilities",
        write: cyclonedx::bill,
    },
    Export {
        name: "indicators",
        file: "indicators.csv",
        about: "what to search for elsewhere, as CSV that no spreadsheet computes",
        write: indicators::table,
    },
    Export {
        name: "nftables",
        file: "contain.nft",
        about: "rules that stop and log traffic to the destinations: `nft -f`",
        write: contain::nftables,
    },
    Export {
        name: "network-policy",
        file: "contain-networkpolicy.yaml",
        about: "Kubernetes NetworkPolicy for labelled pods: `kubectl apply -f`",
        write: contain::network_policy,
    },
    Export {
        name: "cilium-policy",
        file: "contain-cilium.yaml",
        about: "CiliumNetworkPolicy that denies the destinations: `kubectl apply -f`",
        write: contain::cilium_policy,
    },
    Export {
        name: "quarantine",
        file: "quarantine.sh",
        about: "script that moves every copy of the malicious files away, known by their hashes",
        write: contain::quarantine,
    },
];

/// The export of that name.
pub fn named(name: &str) -> Option<&'static Export> {
    EXPORTS.iter().find(|export| export.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_files_are_each_their_own() {
        let names: BTreeSet<&str> = EXPORTS.iter().map(|export| export.name).collect();
        let files: BTreeSet<&str> = EXPORTS.iter().map(|export| export.file).collect();
        assert_eq!((names.len(), files.len()), (EXPORTS.len(), EXPORTS.len()));
        assert_eq!(named("stix").map(|export| export.file), Some("stix-bundle.json"));
        assert!(named("text").is_none());
    }
}
