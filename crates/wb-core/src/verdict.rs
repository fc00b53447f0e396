//! [`Verdict`]: what an artifact is, after every rule had its say.

/// What an artifact is. The order is that of concern: the worst verdict of its parts is an artifact's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing in it would run attacker-chosen code, and all of it was read.
    #[default]
    Clean,
    /// It calls something nobody vouches for, or could not be read to the end.
    Unknown,
    /// A person must look.
    Suspicious,
    /// It runs attacker-chosen code or commands, or reads or writes outside itself: no innocent reading.
    Malicious,
}

impl Verdict {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unknown => "unknown",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
        }
    }
}
