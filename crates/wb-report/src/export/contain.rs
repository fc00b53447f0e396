//! Containment as files that are ready to be used. What they do stands at their top; names of evidence
//! appear in comments only, on one line and escaped, so that nothing in a case becomes a command.

use super::Source;
use super::hostile::Hostile;
use crate::escape;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The label that selects pods in the policies.
const LABEL: &str = "weighbridge-quarantine";

/// Addresses that can be stopped without cutting a host off from itself.
fn addresses(hostile: &Hostile<'_>) -> Vec<IpAddr> {
    let mut all = hostile.addresses();
    all.retain(|address| {
        let is_local = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_local)
    });
    all
}

/// Comment lines: what is stopped, and what these rules cannot stop.
fn heading(what: &[&str], hostile: &Hostile<'_>) -> String {
    let mut out = String::new();
    for line in what {
        let _ = writeln!(out, "# {line}");
    }
    if addresses(hostile).is_empty() {
        out.push_str(
            "# The case knows no address of a destination, so nothing is stopped by address.\n",
        );
    }
    let names = hostile.names();
    if !names.is_empty() {
        out.push_str(
            "# Names cannot be stopped here; refuse them at the resolver and the proxy:\n",
        );
        for name in names {
            let _ = writeln!(out, "#   {}", escape::terminal(name));
        }
    }
    out
}

/// A table of its own that stops and logs traffic to the destinations, of this host and of what it forwards.
pub(super) fn nftables(source: &Source<'_>) -> String {
    let hostile = Hostile::of(source.case);
    let mut out = String::from("#!/usr/sbin/nft -f\n");
    out.push_str(&heading(
        &[
            "Stops and logs traffic to the destinations of the compromise.",
            "Use: nft -f contain.nft        Undo: nft delete table inet weighbridge",
        ],
        &hostile,
    ));
    out.push_str(
        "\ntable inet weighbridge\ndelete table inet weighbridge\n\ntable inet weighbridge {\n",
    );
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses(&hostile).into_iter().partition(IpAddr::is_ipv6);
    for (name, kind, all) in [("hostile4", "ipv4_addr", &v4), ("hostile6", "ipv6_addr", &v6)] {
        let _ = writeln!(out, "\tset {name} {{\n\t\ttype {kind}");
        if !all.is_empty() {
            let list: Vec<String> = all.iter().map(IpAddr::to_string).collect();
            let _ = writeln!(out, "\t\telements = {{ {} }}", list.join(", "));
        }
        out.push_str("\t}\n");
    }
    for hook in ["output", "forward"] {
        let _ = writeln!(
            out,
            "\tchain {hook} {{\n\t\ttype filter hook {hook} priority filter - 10; policy accept;\n\
             \t\tip daddr @hostile4 counter log prefix \"weighbridge: \" drop\n\
             \t\tip6 daddr @hostile6 counter log prefix \"weighbridge: \" drop\n\t}}"
        );
    }
    out.push_str("}\n");
    out
}

/// Two policies: one cuts labelled pods off from everything, one from the destinations alone.
pub(super) fn network_policy(source: &Source<'_>) -> String {
    let hostile = Hostile::of(source.case);
    let isolate = format!("Isolate a pod:             kubectl label pod NAME {LABEL}=isolate");
    let stop = format!("Stop the destinations:     kubectl label pod NAME {LABEL}=destinations");
    let mut out = heading(
        &[
            "Cuts pods off by label; other pods are not touched. Needs a network plugin that enforces policies.",
            &isolate,
            &stop,
            "Use one label per pod. Other policies that select the pod may still allow what these do not.",
        ],
        &hostile,
    );
    let _ = write!(
        out,
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {LABEL}-isolate\n\
         spec:\n  podSelector:\n    matchLabels:\n      {LABEL}: isolate\n  policyTypes:\n  - Ingress\n  \
         - Egress\n  ingress: []\n  egress: []\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {LABEL}-destinations\n\
         spec:\n  podSelector:\n    matchLabels:\n      {LABEL}: destinations\n  policyTypes:\n  \
         - Egress\n  egress:\n  - to:\n"
    );
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses(&hostile).into_iter().partition(IpAddr::is_ipv6);
    for (all, excepted) in [("0.0.0.0/0", &v4), ("::/0", &v6)] {
        let _ = writeln!(out, "    - ipBlock:\n        cidr: \"{all}\"");
        if !excepted.is_empty() {
            out.push_str("        except:\n");
        }
        for address in excepted {
            let _ = writeln!(out, "        - \"{}\"", network(address));
        }
    }
    out
}

/// Denies the destinations to every pod of the namespace; a deny rule goes before every allow rule.
pub(super) fn cilium_policy(source: &Source<'_>) -> String {
    let hostile = Hostile::of(source.case);
    let mut out = heading(
        &[
            "Denies the destinations of the compromise to every pod of the namespace it is applied in, and",
            "changes nothing else: `enableDefaultDeny` is off (Cilium 1.15 and newer).",
        ],
        &hostile,
    );
    let _ = write!(
        out,
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: {LABEL}\nspec:\n  \
         endpointSelector: {{}}\n  enableDefaultDeny:\n    ingress: false\n    egress: false\n"
    );
    let all = addresses(&hostile);
    if all.is_empty() {
        out.push_str("  egressDeny: []\n");
        return out;
    }
    out.push_str("  egressDeny:\n  - toCIDR:\n");
    for address in all {
        let _ = writeln!(out, "    - \"{}\"", network(&address));
    }
    out
}

/// An address as a network of one.
fn network(address: &IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv6() { 128 } else { 32 })
}

/// A script that finds files by size and digest and locks them away. It moves nothing unless told to.
pub(super) fn quarantine(source: &Source<'_>) -> String {
    let hostile = Hostile::of(source.case);
    let mut out = String::from(SCRIPT_HEAD);
    let mut known = std::collections::BTreeSet::new();
    for artifact in hostile.malicious() {
        let Some(digest) = artifact.sha256.filter(|digest| known.insert(*digest)) else { continue };
        let _ = writeln!(out, "# {}", escape::terminal(artifact.path.as_str()));
        let _ = writeln!(out, "look {} {digest}", artifact.size);
    }
    if known.is_empty() {
        out.push_str("echo 'the case holds no malicious file whose digest is known' >&2\n");
    }
    out.push_str("exit \"$found\"\n");
    out
}

const SCRIPT_HEAD: &str = r#"#!/bin/sh
# Finds every copy of the malicious files of the case below a folder, by size and SHA-256, whatever its name.
#   sh quarantine.sh FOLDER          lists the copies
#   sh quarantine.sh FOLDER TARGET   moves them to TARGET, named by their digest, readable by the owner alone
# Exit code: 0 nothing found, 1 something found, 2 wrong use.
set -u
folder=${1:?usage: sh quarantine.sh FOLDER [TARGET]}
target=${2:-}
[ -d "$folder" ] || { echo "$folder is no folder" >&2; exit 2; }
found=0
if [ -n "$target" ]; then
  mkdir -p -- "$target" && chmod 700 -- "$target" || exit 2
fi

# look SIZE SHA256
look() {
  copies=$(find "$folder" -xdev -type f -size "${1}c" -exec sh -c '
    wanted=$1; target=$2; shift 2
    for file do
      sum=$(sha256sum < "$file") || continue
      [ "${sum%% *}" = "$wanted" ] || continue
      printf "%s  %s\n" "$wanted" "$file"
      if [ -n "$target" ]; then
        mv -- "$file" "$target/$wanted" && chmod 400 -- "$target/$wanted"
      fi
    done' look "$2" "$target" {} +)
  if [ -n "$copies" ]; then
    found=1
    printf '%s\n' "$copies"
  fi
}

"#;
