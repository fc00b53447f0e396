//! [`Licence`]: what an artifact says about the terms it may be used under.

use crate::Span;

/// A licence as an artifact states it. It is an inventory, never a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// The words of the artifact.
    pub written: String,
    /// The identifier or expression of the SPDX License List that it stands for.
    pub spdx: Option<String>,
    /// Whether it is known, and whether it restricts use.
    pub standing: LicenceStanding,
    /// What it restricts, in one clause; empty when it restricts nothing.
    pub restricts: String,
    /// Where it stands: a field, or the title of a text.
    pub place: String,
    /// Its bytes, where they can be named.
    pub span: Option<Span>,
}

/// What is known about a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LicenceStanding {
    /// It leaves the use and the terms of what is made of it free.
    Open,
    /// It restricts who may use it for what, or sets the terms of what is made of it.
    Restricted,
    /// Nobody knows an identifier of that name.
    Unknown,
}

impl LicenceStanding {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Restricted => "restricted",
            Self::Unknown => "unknown",
        }
    }
}

impl Licence {
    /// The identifier where there is one, otherwise the words of the artifact.
    pub fn name(&self) -> &str {
        self.spdx.as_deref().unwrap_or(&self.written)
    }
}
