//! Requirements whose names are nearly those of popular packages.

use super::{Draft, Subject};
use crate::near_names::{imitated, normalised};
use wb_core::{
    Component, Confidence, Evidence, Finding, FindingBuilder, Location, Severity, Trigger, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A requirement named nearly like a popular package",
    severity: Severity::High,
    techniques: &["AML.T0010.001", "AML.T0074", "T1195.001", "T1036.005"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let components = subject.content.components.iter();
    let packages: Vec<&Component> =
        components.filter(|component| component.kind == "requirement").collect();
    packages
        .iter()
        .filter_map(|package| {
            let real = imitated(&normalised(&package.name))?;
            let beside = packages.iter().find(|other| normalised(&other.name) == real);
            Some(finding(subject, package, real, beside.copied()))
        })
        .collect()
}

fn finding(
    subject: &Subject<'_>,
    package: &Component,
    real: &str,
    beside: Option<&Component>,
) -> Finding {
    let at = |component: &Component| {
        let line = component.setting("line").and_then(|line| line.parse().ok());
        let place = line.map_or_else(|| Location::at(&*component.place, None), Location::line);
        Location { span: component.span, ..place }
    };
    let version = package.setting("version").unwrap_or_default();
    let absurd = is_absurd(version);
    let sure = if beside.is_some() || absurd { Confidence::High } else { Confidence::Medium };
    let headline = format!("the package `{}` is named nearly like `{real}`", package.name);
    let mut builder =
        FindingBuilder::new("requirement-typosquat", &subject.artifact.path, at(package), headline)
            .severity(RULE.severity)
            .confidence(sure)
            .verdict(Verdict::Suspicious)
            .call(package.name.clone())
            .trigger(Trigger::Install)
            .techniques(RULE.techniques)
            .next(format!("remove `{}`; look for it on every machine that installed this list", package.name));
    let artifact = || subject.artifact.path.clone();
    if let Some(other) = beside {
        let because = format!("`{real}` itself is listed too");
        builder = builder.evidence(Evidence { artifact: artifact(), location: at(other), because });
    }
    if absurd {
        let because = format!("the version `{version}` is higher than honest projects reach");
        builder = builder.evidence(Evidence { artifact: artifact(), location: at(package), because });
    }
    builder.build()
}

/// A version chosen to win over every other: the first number of several digits.
fn is_absurd(version: &str) -> bool {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let major = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    // Calendar versions begin with a year.
    major.parse::<u64>().is_ok_and(|major| (90..1990).contains(&major) || major > 2100)
}
