//! Coverage: what was read, and what was not and why. Silence is never a reason to say "clean".

use crate::{ArtifactPath, Span};

/// Part of an artifact that a parser could not read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The bytes that were not read; `None` when they cannot be named.
    pub span: Option<Span>,
    /// Why, in one clause: "budget of decoded bytes ran out", "encrypted member `a`".
    pub why: String,
}

impl Gap {
    /// A gap over `span`.
    pub fn over(span: Span, why: impl Into<String>) -> Self {
        Self { span: Some(span), why: why.into() }
    }

    /// A gap whose bytes cannot be named.
    pub fn somewhere(why: impl Into<String>) -> Self {
        Self { span: None, why: why.into() }
    }
}

/// How much of an artifact was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadState {
    /// All of it.
    Read,
    /// Some of it.
    Partial,
    /// None of it.
    Unread,
}

impl ReadState {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Partial => "partial",
            Self::Unread => "unread",
        }
    }
}

/// What was read of one artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// How much was read.
    pub state: ReadState,
    /// What was read or not, and why, in one sentence.
    pub why: String,
}
