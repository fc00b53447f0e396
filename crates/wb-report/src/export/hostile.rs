//! [`Hostile`]: what of a case others should search for or stop. Values of calm findings and ordinary
//! traffic are left out: nobody may block a registry because a clean model names it.

use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use wb_core::{Artifact, Case, Confidence, Flow, Indicator, IndicatorKind, Role, Verdict};

/// What of a case is hostile.
pub(super) struct Hostile<'a> {
    case: &'a Case,
    indicators: BTreeSet<Indicator>,
}

impl<'a> Hostile<'a> {
    pub fn of(case: &'a Case) -> Self {
        let mut indicators: BTreeSet<Indicator> = case
            .findings
            .iter()
            .filter(|finding| finding.verdict >= Verdict::Suspicious)
            .flat_map(|finding| finding.indicators.iter().cloned())
            .filter(|indicator| indicator.kind() != IndicatorKind::Callable)
            .collect();
        for flow in case.flows.iter().filter(|flow| flow.of_compromise) {
            indicators.extend(flow.host.iter().chain([&flow.destination]).map(|it| host(it)));
        }
        let sure = case.identifiers.iter().filter(|found| found.confidence == Confidence::High);
        indicators
            .extend(sure.map(|found| Indicator::new(IndicatorKind::Identifier, &found.value)));
        let malicious = files(case, Verdict::Malicious).filter_map(|artifact| artifact.sha256);
        indicators.extend(
            malicious.map(|digest| Indicator::new(IndicatorKind::Sha256, &digest.to_string())),
        );
        Self { case, indicators }
    }

    /// Every indicator, by kind and value.
    pub fn indicators(&self) -> impl Iterator<Item = &Indicator> {
        self.indicators.iter()
    }

    /// Addresses of destinations.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.values(IndicatorKind::Ip).filter_map(|value| value.parse().ok()).collect()
    }

    /// Names of destinations.
    pub fn names(&self) -> Vec<&str> {
        self.values(IndicatorKind::Domain).collect()
    }

    fn values(&self, kind: IndicatorKind) -> impl Iterator<Item = &str> {
        self.indicators.iter().filter(move |known| known.kind() == kind).map(Indicator::value)
    }

    /// Connections to the compromise.
    pub fn flows(&self) -> impl Iterator<Item = &'a Flow> + use<'a> {
        self.case.flows.iter().filter(|flow| flow.of_compromise)
    }

    /// First and last time a host was talked to.
    pub fn seen(&self, indicator: &Indicator) -> Option<(Timestamp, Timestamp)> {
        let to = |flow: &&Flow| {
            host(&flow.destination) == *indicator
                || flow.host.as_deref().is_some_and(|name| host(name) == *indicator)
        };
        let first = self.flows().filter(to).map(|flow| flow.first).min()?;
        let last = self.flows().filter(to).map(|flow| flow.last).max()?;
        Some((first, last))
    }

    /// Files and members that are malicious.
    pub fn malicious(&self) -> impl Iterator<Item = &'a Artifact> + use<'a> {
        files(self.case, Verdict::Malicious)
    }

    /// Files and members that a person must look at or that are malicious.
    pub fn suspicious(&self) -> impl Iterator<Item = &'a Artifact> + use<'a> {
        files(self.case, Verdict::Suspicious)
    }
}

/// What is at least `verdict` and no list of packages: such a list is mended, not hunted.
fn files(case: &Case, verdict: Verdict) -> impl Iterator<Item = &Artifact> {
    case.artifacts.iter().filter(move |artifact| {
        let role = case.roles.get(&artifact.path).map_or(Role::Other, |given| given.role);
        case.verdicts.get(&artifact.path).is_some_and(|is| *is >= verdict)
            && role != Role::Dependency
    })
}

/// A host as an indicator: an address or a name.
pub(super) fn host(text: &str) -> Indicator {
    match text.parse::<IpAddr>() {
        Ok(_) => Indicator::new(IndicatorKind::Ip, text),
        Err(_) => Indicator::new(IndicatorKind::Domain, text),
    }
}
