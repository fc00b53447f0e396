//! [`Artifact`]: one piece of evidence: a file, or a member of one.

use crate::Sha256;
use std::fmt;
use std::sync::Arc;

/// Where an artifact is: a path relative to the folder under investigation, with `/`; members of
/// containers follow after `!/`, as in `model.pt!/archive/data.pkl`. It identifies the artifact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactPath(Arc<str>);

impl ArtifactPath {
    /// The separator between a container and its member.
    pub const MEMBER: &'static str = "!/";

    /// The path as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the member `name` of this artifact.
    pub fn member(&self, name: &str) -> Self {
        Self(format!("{}{}{name}", self.0, Self::MEMBER).into())
    }

    /// The last component: the file's or the member's own name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The path of the outermost file.
    pub fn root(&self) -> &str {
        self.0.split(Self::MEMBER).next().unwrap_or(&self.0)
    }
}

impl From<&str> for ArtifactPath {
    fn from(path: &str) -> Self {
        Self(path.into())
    }
}

impl From<String> for ArtifactPath {
    fn from(path: String) -> Self {
        Self(path.into())
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// How an artifact came into the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file on disk.
    File,
    /// A member of another artifact.
    Member {
        /// The container.
        parent: ArtifactPath,
    },
}

/// How sure a format is that an artifact is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// The bytes fit, but others might fit as well: taken only when no other format claims more.
    Weak,
    /// The structure is there: magic number and a header that parses.
    Strong,
}

/// A format's word that an artifact is of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The format's name, such as `pickle`.
    pub format: &'static str,
    /// How sure it is.
    pub strength: Strength,
}

/// A file or member under investigation: what it is, by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its identity.
    pub path: ArtifactPath,
    /// File or member.
    pub origin: Origin,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, unless hashing was not asked for.
    pub sha256: Option<Sha256>,
    /// The format or log source it was read as; `None` when nothing claims it.
    pub format: Option<&'static str>,
    /// Every format that claims it; two strong claims are a polyglot.
    pub claims: Vec<Claim>,
}

/// What an artifact is to the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The model that runs in production.
    Production,
    /// A model that is to be deployed.
    Candidate,
    /// A model known to be good.
    Baseline,
    /// A log or capture.
    Log,
    /// Recorded hashes or other facts about files.
    Manifest,
    /// A list of packages.
    Dependency,
    /// Anything else.
    Other,
}

impl Role {
    /// Every role, in the order it is printed.
    pub const ALL: [Self; 7] = [
        Self::Production,
        Self::Candidate,
        Self::Baseline,
        Self::Log,
        Self::Manifest,
        Self::Dependency,
        Self::Other,
    ];

    /// The name in reports and in `--role PATH=ROLE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Candidate => "candidate",
            Self::Baseline => "baseline",
            Self::Log => "log",
            Self::Manifest => "manifest",
            Self::Dependency => "dependency",
            Self::Other => "other",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A role and why it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// The role.
    pub role: Role,
    /// The cues, strongest first, such as "named in logs/deployment.log:8 as loaded".
    pub because: Vec<String>,
}
