//! Arguments of `learn`, and of the verbs that use what was learned.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `learn`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge learn src/our_package -o our.book\n  \
    weighbridge scan --knowledge our.book models/\n\n\
    Sources are read, never imported or run. Exit codes: 0 written, 2 could not finish,\n\
    3 nothing to look at.")]
pub struct Learn {
    /// A module, the folder of a package, or a folder that holds packages
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where to write what was learned
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// What is known besides what ships.
#[derive(Args, Debug)]
pub struct Knowledge {
    /// What `weighbridge learn` wrote about callables of your own packages
    #[arg(long = "knowledge", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl super::Verb {
    /// The files of `--knowledge`, of the verbs that take it.
    pub fn knowledge(&self) -> &[PathBuf] {
        match self {
            Self::Investigate(one) => &one.knowledge.files,
            Self::Scan(one) => &one.knowledge.files,
            Self::Gate(one) => &one.knowledge.files,
            Self::Explain(one) => &one.knowledge.files,
            _ => &[],
        }
    }
}
