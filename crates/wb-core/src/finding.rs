//! [`Finding`]: what a rule says about an artifact, and the evidence it rests on.

use crate::{ArtifactPath, Indicator, Payload, Span, Trigger, Verdict};

/// How bad it is, if true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Inventory: worth knowing.
    Info,
    /// Unusual; hardly harmful by itself.
    Low,
    /// Cannot be shown to be safe, or breaks good practice.
    Medium,
    /// Reaches files or the network, corrupts memory, or runs code on a common opt-in.
    High,
    /// Code runs at load or first use with no further consent.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// How sure a conclusion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Plausible.
    Low,
    /// More likely than not.
    Medium,
    /// No other reading is known.
    High,
}

impl Confidence {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Bytes that show something, and one clause that says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// Where, in words and for machines.
    pub location: Location,
    /// What these bytes show.
    pub because: String,
}

/// A place in an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// In the format's own terms: `op 37`, `line 12`, `tensor w`, `config.layers[4]`.
    pub place: String,
    /// The bytes, when they can be named.
    pub span: Option<Span>,
    /// The layer, node or template, when it lies in one.
    pub component: Option<String>,
    /// The line, counted from 1, when the artifact is text.
    pub line: Option<u64>,
}

impl Location {
    /// A place with its bytes.
    pub fn at(place: impl Into<String>, span: Option<Span>) -> Self {
        Self { place: place.into(), span, ..Self::default() }
    }

    /// A line of a text artifact.
    pub fn line(line: u64) -> Self {
        Self { place: format!("line {line}"), line: Some(line), ..Self::default() }
    }
}

/// What a rule says about an artifact. Built by [`FindingBuilder`], so that none lacks its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule, by name.
    pub rule: &'static str,
    /// How bad, if true.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What this finding alone makes of the artifact.
    pub verdict: Verdict,
    /// The artifact.
    pub artifact: ArtifactPath,
    /// Where the first evidence lies.
    pub location: Location,
    /// What is the matter, in one sentence without a full stop.
    pub headline: String,
    /// Canonical dotted name of the callable, as written, where there is one.
    pub call: Option<String>,
    /// What would run or be sent, with the encodings taken off.
    pub payloads: Vec<Payload>,
    /// What makes it happen.
    pub trigger: Option<Trigger>,
    /// ATLAS and ATT&CK technique ids.
    pub techniques: Vec<&'static str>,
    /// What can be looked for elsewhere.
    pub indicators: Vec<Indicator>,
    /// Further evidence; the first is the finding's own location.
    pub evidence: Vec<Evidence>,
    /// What to do now.
    pub next: String,
}

/// Builds a [`Finding`]. Rule, verdict, artifact, location and headline have to be given to begin.
#[derive(Debug)]
pub struct FindingBuilder(Finding);

impl FindingBuilder {
    /// A finding of `rule` in `artifact` at `location`, of medium severity and high confidence.
    pub fn new(
        rule: &'static str,
        artifact: &ArtifactPath,
        location: Location,
        headline: impl Into<String>,
    ) -> Self {
        let headline = headline.into();
        let evidence = Evidence {
            artifact: artifact.clone(),
            location: location.clone(),
            because: headline.clone(),
        };
        Self(Finding {
            rule,
            severity: Severity::Medium,
            confidence: Confidence::High,
            verdict: Verdict::Clean,
            artifact: artifact.clone(),
            location,
            headline,
            call: None,
            payloads: Vec::new(),
            trigger: None,
            techniques: Vec::new(),
            indicators: Vec::new(),
            evidence: vec![evidence],
            next: String::new(),
        })
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// How sure it is.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.0.confidence = confidence;
        self
    }

    /// What it makes of the artifact.
    #[must_use]
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.0.verdict = verdict;
        self
    }

    /// The callable it is about.
    #[must_use]
    pub fn call(mut self, call: impl Into<String>) -> Self {
        self.0.call = Some(call.into());
        self
    }

    /// What would run.
    #[must_use]
    pub fn payloads(mut self, payloads: Vec<Payload>) -> Self {
        self.0.payloads = payloads;
        self
    }

    /// What makes it happen.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.0.trigger = Some(trigger);
        self
    }

    /// ATLAS and ATT&CK technique ids.
    #[must_use]
    pub fn techniques(mut self, techniques: &[&'static str]) -> Self {
        self.0.techniques = techniques.to_vec();
        self
    }

    /// What to look for elsewhere.
    #[must_use]
    pub fn indicators(mut self, indicators: Vec<Indicator>) -> Self {
        self.0.indicators = indicators;
        self
    }

    /// One more piece of evidence.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.0.evidence.push(evidence);
        self
    }

    /// What to do now.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = next.into();
        self
    }

    /// The finding.
    pub fn build(self) -> Finding {
        self.0
    }
}
