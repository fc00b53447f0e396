//! From a folder to a case: discover, identify, inspect, assemble.
//!
//! [`scan`] finds files, inspects each and stops there. [`investigate`] goes on: it reads the logs, gives
//! every artifact its role and [`assemble`]s one [`Case`](wb_core::Case). Two functions carry everything:
//! [`inspect`], which looks at one artifact and nothing else, and [`assemble`], which joins what was seen. [`gate`] decides on a model that is to be deployed.
//!
//! Only this crate opens files; nothing found in them is ever run.

mod assemble;
mod beside;
mod body;
mod constants;
mod difference;
mod discover;
mod gate;
mod inspect;
mod investigate;
mod layouts;
mod learn;
mod licences;
mod logs;
mod member;
mod progress;
mod raw;
mod rules;
mod scan;
mod siblings;
mod source;
mod weights;

pub use assemble::{
    JudgementRule, assemble, dossier, findings, in_words, index_findings, judgement_rules,
};
pub use beside::{Beside, Looked, beside};
pub use body::{Body, Inspected, LogRead, LogText};
pub use difference::differences;
pub use discover::{Found, Skipped, discover};
pub use gate::{Gated, Known, gate};
pub use inspect::{Hashing, Inspection, Inspector, inspect};
pub use investigate::{InvestigateOptions, investigate};
pub use learn::{Learned, learn};
pub use logs::{LogInput, each_event, read_logs};
pub use member::bytes_of;
pub use progress::{Progress, Silent};
pub use rules::load_rules;
pub use scan::{Root, ScanOptions, Scanned, scan, scan_roots};
pub use source::{Data, open};
pub use weights::statistics;

use sha2::{Digest as _, Sha256 as Hasher};
use std::path::PathBuf;
use wb_core::Sha256;

/// Why an investigation could not begin. Each names the path and is the user's to mend.
#[derive(Debug)]
pub enum EngineError {
    /// User: nothing is there.
    NotFound(PathBuf),
    /// User or system: it is there and cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// User: a role was given to a path that is not in the folder.
    NoSuchArtifact(String),
    /// User: rules that were given cannot be used.
    BadRules(Vec<wb_sigma::LoadError>),
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(path) => write!(
                f,
                "`{}` does not exist\nhint: give the path of a file or of the folder that holds the evidence",
                path.display()
            ),
            Self::Unreadable(path, error) => write!(
                f,
                "`{}` cannot be read: {error}\nhint: check its permissions, or copy the evidence to a folder that can be read",
                path.display()
            ),
            Self::BadRules(errors) => {
                for error in errors.iter().take(20) {
                    writeln!(f, "{error}")?;
                }
                if let Some(more) = errors.len().checked_sub(20).filter(|more| *more > 0) {
                    writeln!(f, "and {more} more")?;
                }
                f.write_str("hint: `--sigma` takes rules of the Sigma specification 2.1; mend these or leave them out")
            }
            Self::NoSuchArtifact(path) => write!(
                f,
                "no artifact is called `{path}`\nhint: `--role PATH=ROLE` takes a path relative to the folder, as the report prints it"
            ),
        }
    }
}

impl std::error::Error for EngineError {}

/// The SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> Sha256 {
    Sha256(Hasher::digest(data).into())
}

/// The SHA-256 of everything that decides a verdict: rules and knowledge, lower-case hexadecimal.
pub fn rulebook_digest() -> String {
    sha256(&[wb_rules::rulebook(), wb_sigma::rulebook()].concat()).to_string()
}
