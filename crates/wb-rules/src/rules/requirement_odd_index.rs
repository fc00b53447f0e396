//! Requirements that come from somewhere else than the Python Package Index.

use super::{Draft, Subject};
use wb_core::{Finding, FindingBuilder, Indicator, IndicatorKind, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A requirement from another place than the package index",
    severity: Severity::High,
    techniques: &["AML.T0010.001", "T1195.001"],
    examine,
};

/// Hosts of public indexes and of the projects that publish wheels of their own.
const INDEXES: [&str; 10] = [
    "pypi.org", "files.pythonhosted.org", "test.pypi.org", "download.pytorch.org", "data.pyg.org",
    "pypi.nvidia.com", "developer.download.nvidia.com", "storage.googleapis.com",
    "abetlen.github.io", "conda.anaconda.org",
];

/// Hosts of public source forges.
const FORGES: [&str; 6] = [
    "github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "huggingface.co", "raw.githubusercontent.com",
];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let requirements = subject.content.components.iter();
    for package in requirements.filter(|component| component.kind == "requirement") {
        if let Some(url) = package.setting("url") {
            let what = format!("the package `{}` is fetched from `{url}`", package.name);
            let line = package.setting("line").and_then(|line| line.parse().ok());
            let place = line.map_or_else(|| Location::at(&*package.place, None), Location::line);
            findings.extend(finding(subject, url, Location { span: package.span, ..place }, what));
        }
    }
    if !is_list(subject) {
        return findings;
    }
    for field in &subject.content.fields {
        if matches!(&*field.path, "index-url" | "extra-index-url" | "find-links" | "trusted-host") {
            let what = format!("packages are taken from `{}` (`--{}`)", field.value, field.path);
            findings.extend(finding(subject, &field.value, Location::at("options", field.span), what));
        }
    }
    findings
}

fn is_list(subject: &Subject<'_>) -> bool {
    subject.format() == "requirements"
        || subject.content.components.iter().any(|component| component.kind == "requirement")
}

fn finding(
    subject: &Subject<'_>,
    url: &str,
    location: Location,
    what: String,
) -> Option<Finding> {
    let (severity, verdict) = weigh(url)?;
    let builder = FindingBuilder::new("requirement-odd-index", &subject.artifact.path, location, what)
        .severity(severity)
        .verdict(verdict)
        .techniques(RULE.techniques)
        .indicators(vec![Indicator::new(IndicatorKind::Url, url)])
        .next("pin the package to the index and to a hash, or read what is fetched");
    Some(builder.build())
}

/// What a source of packages is worth; `None` when nothing is odd about it.
fn weigh(url: &str) -> Option<(Severity, Verdict)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    // A path on the same machine.
    if scheme.is_empty() && !name.contains('.') || url.starts_with(['.', '/']) || scheme == "file" {
        return None;
    }
    let plain = matches!(scheme, "http" | "git+http" | "git+git" | "git" | "ftp");
    let address = name.parse::<std::net::IpAddr>().is_ok();
    if plain || address {
        return Some((Severity::High, Verdict::Suspicious));
    }
    let public = |list: &[&str]| list.contains(&name.as_str());
    match (public(&INDEXES), public(&FORGES)) {
        (true, _) => None,
        (_, true) => Some((Severity::Low, Verdict::Clean)),
        _ => Some((Severity::Medium, Verdict::Suspicious)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_and_bare_addresses_are_worse_than_forges() {
        let suspicious = Some((Severity::High, Verdict::Suspicious));
        assert_eq!(weigh("http://packages.example/simple"), suspicious);
        assert_eq!(weigh("https://192.0.2.7/simple"), suspicious);
        assert_eq!(weigh("git+https://github.com/huggingface/peft@main"), Some((Severity::Low, Verdict::Clean)));
        assert_eq!(weigh("https://download.pytorch.org/whl/cu121"), None);
        assert_eq!(weigh("./vendor/wheels"), None);
    }
}
