//! What is bad and why. One module and one page per rule; rules never parse.

use wb_code::capability::{Callable, Effects, Knowledge};
use wb_core::{Artifact, Budget, Content, Finding, Severity, Verdict};

/// A rule: what it is called, what it looks for, how it decides.
#[derive(Debug)]
pub struct Rule {
    /// The name, by what is there: `pickle-runs-command`.
    pub name: &'static str,
    /// One line for lists.
    pub title: &'static str,
    /// The gravest severity it gives.
    pub severity: Severity,
    /// ATLAS and ATT&CK technique ids.
    pub techniques: &'static [&'static str],
    /// The page: what it finds, why it is bad, an example that is found and its innocent neighbour.
    pub page: &'static str,
    /// Looks at one artifact.
    pub examine: fn(&Subject<'_>) -> Vec<Finding>,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The artifact.
    pub artifact: &'a Artifact,
    /// What it holds.
    pub content: &'a Content,
    /// What each of `content.programs` would do, in the same order.
    pub effects: &'a [Effects],
}

/// Every rule.
pub fn rules() -> &'static [Rule] {
    &[]
}

/// What weighbridge knows about callables. Loaded on first use.
pub fn knowledge() -> &'static dyn Knowledge {
    struct Nothing;
    impl Knowledge for Nothing {
        fn callable(&self, _dotted: &str) -> Option<Callable> {
            None
        }
        fn command(&self, _name: &str) -> Option<Callable> {
            None
        }
    }
    &Nothing
}

/// Analyses the programs of `content` and lets every rule look at it: findings in the order of bytes.
pub fn examine(artifact: &Artifact, content: &Content, budget: &mut Budget) -> Examined {
    let _ = (artifact, content, budget);
    Examined::default()
}

/// What the rules said about one artifact.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What each program would do, in the order of `content.programs`.
    pub effects: Vec<Effects>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What all of it makes of the artifact: at least [`Verdict::Unknown`] when something that could hold
    /// code was not read.
    pub verdict: Verdict,
}

/// Everything that decides a verdict, as bytes to be digested: rules and knowledge.
pub fn rulebook() -> Vec<u8> {
    Vec::new()
}
