//! Scripts in the pages of a notebook that reach a host of their own, the kernel, or what they decode.

use super::{Draft, Subject};
use wb_code::indicators;
use wb_core::{
    Capability, Component, Confidence, Finding, FindingBuilder, Indicator, IndicatorKind, Location, Severity, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A page in a notebook with a script that reaches out",
    severity: Severity::High,
    techniques: &["AML.T0011", "T1204.002", "T1059.007"],
    examine,
};

/// Hosts that libraries of notebooks load scripts from, a line each.
pub(super) const HOSTS: &str = include_str!("../../data/script_hosts.txt");

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let scripts = subject.content.components.iter().filter(|part| part.kind == "script");
    scripts.filter_map(|script| finding(subject, script)).collect()
}

fn finding(subject: &Subject<'_>, script: &Component) -> Option<Finding> {
    let strange = script.settings.iter().filter(|field| field.path == "address");
    let strange: Vec<&str> = strange.map(|field| field.value.as_str()).filter(|address| is_strange(address)).collect();
    let (what, severity) = if let Some((code, severity)) = runs_in_kernel(subject, script) {
        let code: String = code.chars().take(120).collect();
        let shown = if code.is_empty() { String::new() } else { format!(": `{code}`") };
        (format!("showing this page has the notebook's kernel run code{shown}"), severity)
    } else if script.setting("decodes").is_some() {
        ("showing this page runs a script that it decodes first".to_owned(), Severity::Medium)
    } else {
        (format!("showing this page reaches `{}`", strange.first()?), Severity::Medium)
    };
    let builder = FindingBuilder::new(
        "notebook-script-reaches-out",
        &subject.artifact.path,
        Location::at(&*script.place, script.span),
        what,
    )
    .severity(severity)
    .confidence(Confidence::Medium)
    .verdict(Verdict::Suspicious)
    .techniques(RULE.techniques)
    .indicators(strange.iter().map(|address| Indicator::new(IndicatorKind::Url, address)).collect())
    .next("do not trust this notebook; clear its outputs before you open it");
    Some(builder.build())
}

/// Code that a script has the kernel run, when it does more than compute or is not written out: libraries close the
/// server of a figure so.
fn runs_in_kernel<'s>(subject: &Subject<'_>, script: &'s Component) -> Option<(&'s str, Severity)> {
    let mut codes = script.settings.iter().filter(|field| field.path == "kernel");
    let first = codes.clone().next()?;
    if let Some(hidden) = codes.find(|code| code.value.is_empty()) {
        return Some((&hidden.value, Severity::Medium));
    }
    let programs = subject.content.programs.iter().zip(subject.effects);
    let mut own = programs.filter(|(program, _)| program.place == script.place).peekable();
    let unread = own.peek().is_none();
    let acts = own.any(|(_, effects)| {
        effects.effects.iter().any(|effect| effect.called && effect.capability <= Capability::WriteFile)
    });
    match (acts, unread) {
        (true, _) => Some((&first.value, Severity::High)),
        (_, true) => Some((&first.value, Severity::Medium)),
        _ => None,
    }
}

/// Whether an address leads to a host that libraries of notebooks do not load from.
fn is_strange(address: &str) -> bool {
    let whole = if address.starts_with("//") { format!("https:{address}") } else { address.to_owned() };
    let urls = indicators::urls(&whole);
    let Some(url) = urls.first().filter(|url| url.span.start == 0) else { return false };
    let own = url.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback() || address.is_unspecified());
    let mut known = HOSTS.lines().filter(|line| !line.starts_with('#'));
    !own && !known.any(|host| url.host.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_libraries_are_known_and_their_likenesses_are_not() {
        for address in ["http://192.0.2.9/x", "//cdn.example/x.js", "https://notplot.ly/x", "https://plot.ly.example/x"] {
            assert!(is_strange(address), "{address}");
        }
        for address in ["https://cdn.plot.ly/plotly.js", "http://127.0.0.1:6006/", "nbextensions/x.js", "./x.js"] {
            assert!(!is_strange(address), "{address}");
        }
    }
}
