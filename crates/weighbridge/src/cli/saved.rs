//! The arguments of verbs that look at a saved case.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `show`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge show F1 incident/                     a finding, with its bytes\n  \
    weighbridge show logs/rollout.log:9 case.json     an event by its record\n  \
    weighbridge show E3 case.json                     an event by its number\n  \
    weighbridge show serving_model.pkl case.json      an artifact: role, hashes, findings, code\n\n\
    `weighbridge investigate incident/ --format json > case.json` saves a case.")]
pub struct Show {
    /// A finding (F1), an event (E1 or PATH:LINE) or an artifact (path or digest)
    #[arg(value_name = "WHAT")]
    pub what: String,
    /// A saved case (JSON), or the folder of evidence
    #[arg(value_name = "CASE", default_value = ".")]
    pub case: PathBuf,
    /// The folder of evidence, to read the bytes of findings from
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
}

/// Arguments of `open`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge open case.json\n  \
    weighbridge open incident/                     investigates the folder first\n\n\
    Keys: 1 to 8 or Tab for views, arrows or j k, Enter opens, Esc goes back, / searches,\n\
    y shows exact values, ? lists all keys, q leaves.")]
pub struct Open {
    /// A saved case (JSON), or the folder of evidence
    #[arg(value_name = "CASE", default_value = ".")]
    pub case: PathBuf,
}
