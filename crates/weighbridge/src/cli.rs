//! The arguments of the command, in the words of `--help`.

mod learn;
mod saved;

pub use learn::{Knowledge, Learn};
pub use saved::{Open, Show};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Command, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use wb_report::export::{self, EXPORTS, Export};

/// Investigates AI supply-chain incidents and keeps the next one out.
#[derive(Debug, Parser)]
#[command(name = "weighbridge", version, propagate_version = true, max_term_width = 100)]
#[command(about = "Investigates AI supply-chain incidents and keeps the next one out.\n\n\
    Reads models and logs without running anything found in them.")]
#[command(after_help = "Examples:\n  \
    weighbridge investigate incident/              what happened, in one report\n  \
    weighbridge investigate incident/ --html r.html\n  \
    weighbridge scan models/ --fail-on suspicious  a gate for a pipeline\n  \
    weighbridge decompile model.pkl                what a pickle would run, as Python\n  \
    weighbridge explain pickle-runs-command\n\n\
    Exit codes: 0 nothing found, 1 findings, 2 could not finish, 3 nothing to look at.")]
pub struct Cli {
    /// When to use colour.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Investigate a folder of evidence: models, logs, hashes, package lists
    Investigate(Investigate),
    /// Scan models and whatever lies beside them; exit 1 on findings
    Scan(Scan),
    /// Watch what serving processes load and connect to, and refuse what is not allowed
    Watch(Watch),
    /// Show a finding, an event or an artifact of a case
    Show(Show),
    /// Walk a case in the terminal: timeline, findings, artifacts, advice
    Open(Open),
    /// Decide whether a model may be deployed: approve, reject or review
    Gate(Gate),
    /// Print what code in a file would do, as Python
    Decompile(CodeOf),
    /// Print the instructions of code in a file, one per line
    Disassemble(Disassemble),
    /// List layers, tensors and metadata of a file
    Inspect(Inspect),
    /// Compare two models: layers, tensors and their numbers, imported names, metadata
    Diff(Diff),
    /// Print the events of logs on one clock
    Timeline(Timeline),
    /// Explain a rule, a format, a log source or a callable
    Explain(Explain),
    /// Derive what callables of your own packages do from their Python sources
    Learn(Learn),
    /// Print the JSON Schema of a report
    Schema(Schema),
    /// Print completions for a shell
    Completions(Completions),
}

/// The groups of verbs in `--help`: title and names.
const GROUPS: &[(&str, &[&str])] = &[
    ("Investigate", &["investigate", "timeline", "show", "open"]),
    ("Guard", &["scan", "gate", "diff", "watch"]),
    ("Look inside", &["inspect", "decompile", "disassemble"]),
    ("Learn", &["explain", "learn", "schema", "completions", "help"]),
];

/// Lists the verbs of `command` by group.
pub fn with_grouped_help(command: Command) -> Command {
    let mut list = String::new();
    for (title, verbs) in GROUPS {
        list.push_str(&format!("{title}:\n"));
        for verb in *verbs {
            let about = command
                .find_subcommand(verb)
                .and_then(|found| found.get_about().map(ToString::to_string))
                .unwrap_or_else(|| "Print this message, or the help of a verb".to_owned());
            list.push_str(&format!("  {verb:<13} {about}\n"));
        }
        list.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}Options:\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

/// What is wrong with the arguments, in the words of the argument parser; but whoever gives a path and no
/// verb is told the verbs that take one.
pub fn complaint(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    std::path::Path::new(word).exists().then(|| {
        format!(
            "`{word}` is a path, and what to do with it is missing\nhint: `weighbridge investigate {word}` \
             tells what happened, `weighbridge scan {word}` judges models"
        )
    })
}

/// Arguments of `investigate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge investigate incident/\n  \
    weighbridge investigate incident/ --role suspect.bin=production --role old.bin=baseline\n  \
    weighbridge investigate incident/ --format json > case.json\n  \
    weighbridge investigate incident/ --sigma rules/    your own rules over the logs\n  \
    weighbridge investigate incident/ --export out/   ticket, web page, STIX, MISP, indicators, ...\n\n\
    Roles are inferred from what logs say was deployed, from recorded digests and from names;\n\
    the report shows why.")]
pub struct Investigate {
    /// The folder of evidence
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What an artifact is: production, candidate, baseline, log, manifest, dependency or other
    #[arg(long = "role", value_name = "PATH=ROLE", value_parser = role)]
    pub roles: Vec<(String, wb_core::Role)>,
    /// Further rules over the events of logs, in the language Sigma: a file or a folder of them
    #[arg(long, value_name = "PATH")]
    pub sigma: Vec<PathBuf>,
    /// How to print the case
    #[arg(long, value_parser = case_formats(), default_value = "text")]
    pub format: CaseFormat,
    #[command(flatten)]
    pub knowledge: Knowledge,
    /// Also write the case as one self-contained web page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also write every format but `text`, each to a file of this folder
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
    /// Print the first screen only
    #[arg(long)]
    pub brief: bool,
}

/// How a case is printed.
#[derive(Clone, Copy, Debug)]
pub enum CaseFormat {
    /// For people.
    Text,
    /// As one of the files that a case can be taken in.
    Export(&'static Export),
}

/// The formats of a case, with what each is for.
fn case_formats() -> impl TypedValueParser<Value = CaseFormat> {
    let text = PossibleValue::new("text").help("For people");
    let exports =
        EXPORTS.iter().map(|export| PossibleValue::new(export.name).help(sentence(export.about)));
    PossibleValuesParser::new([text].into_iter().chain(exports))
        .map(|name| export::named(&name).map_or(CaseFormat::Text, CaseFormat::Export))
}

/// A clause as help texts begin it.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Arguments of `scan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge scan model.pt\n  \
    weighbridge scan models/ --fail-on unknown --format sarif > scan.sarif\n\n\
    Exit codes: 0 nothing at or above --fail-on, 1 something is, 2 could not finish,\n\
    3 nothing to look at.")]
pub struct Scan {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub knowledge: Knowledge,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = ScanFormat::Text)]
    pub format: ScanFormat,
    /// Least verdict that makes the exit code 1
    #[arg(long, value_enum, default_value_t = Threshold::Suspicious, value_name = "VERDICT")]
    pub fail_on: Threshold,
    /// Do not compute SHA-256 digests
    #[arg(long)]
    pub no_hash: bool,
    /// Also list artifacts without findings
    #[arg(long, short)]
    pub verbose: bool,
}

/// How a scan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people.
    Text,
    /// For programs: see `weighbridge schema scan`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// The verdict from which a scan fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Threshold {
    /// Only malicious artifacts.
    Malicious,
    /// Suspicious ones too.
    Suspicious,
    /// Also what nobody vouches for or could not be read.
    Unknown,
}

impl From<Threshold> for wb_core::Verdict {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Malicious => Self::Malicious,
            Threshold::Suspicious => Self::Suspicious,
            Threshold::Unknown => Self::Unknown,
        }
    }
}

/// Arguments of `watch`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:\n  \
    weighbridge watch example > policy.toml        a policy to begin with, every setting explained\n  \
    weighbridge watch --policy policy.toml\n  \
    weighbridge watch learn --policy policy.toml records.jsonl >> policy.toml\n  \
    weighbridge watch check --policy policy.toml records.jsonl\n  \
    weighbridge watch allow 1f0c9a2e --policy policy.toml --alerts alerts.jsonl --reason 'new hub'\n\n\
    Linux only. Blocking needs root.")]
pub struct Watch {
    /// What else to do than watch
    #[command(subcommand)]
    pub verb: Option<WatchVerb>,
    /// The policy
    #[arg(long, value_name = "FILE", required = true)]
    pub policy: Option<PathBuf>,
    /// Which sensors to use; the best that can be had without it
    #[arg(long, value_enum)]
    pub tier: Option<WatchTier>,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
}

/// What `watch` does besides watching.
#[derive(Debug, Subcommand)]
pub enum WatchVerb {
    /// Print entries for a policy from what was recorded
    Learn(WatchRecords),
    /// Say what a policy would have refused of what was recorded
    Check(WatchRecords),
    /// Allow the destination of an alert, with a reason and an end
    Allow(WatchAllow),
    /// Detach programs that a policy keeps in the kernel
    Release(WatchPolicy),
    /// Print a policy that explains each setting
    Example,
}

/// A policy, and records.
#[derive(Args, Debug)]
pub struct WatchRecords {
    /// The policy
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Files that `outputs.records` wrote
    #[arg(value_name = "RECORDS")]
    pub records: Vec<PathBuf>,
}

/// A policy.
#[derive(Args, Debug)]
pub struct WatchPolicy {
    /// The policy
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
}

/// Arguments of `watch allow`.
#[derive(Args, Debug)]
pub struct WatchAllow {
    /// The alert, by its identifier
    #[arg(value_name = "ALERT")]
    pub alert: String,
    /// The policy, to which one entry is added
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// The file that `outputs.jsonl` wrote
    #[arg(long, value_name = "FILE")]
    pub alerts: PathBuf,
    /// Why it is allowed
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How many days it is allowed
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub days: u16,
}

/// How much the sensors may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchTier {
    /// No privileges.
    T0,
    /// Root: files with their processes.
    T1,
    /// Root and programs in the kernel.
    T2,
}

/// Arguments of `gate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge gate next.safetensors --baseline current.safetensors\n  \
    weighbridge gate release/ --baseline production/ --case case.json --format json\n  \
    weighbridge gate model.keras --sha256 \"$APPROVED\" || exit 1\n\n\
    Exit codes: 0 approve, 1 reject, 2 could not finish, 3 no model to decide on, 4 a person must review.")]
pub struct Gate {
    /// The model that is to be deployed: a file, or a folder with everything that goes with it
    #[arg(value_name = "CANDIDATE")]
    pub candidate: PathBuf,
    /// A model that is known to be good, to compare with
    #[arg(long, value_name = "PATH")]
    pub baseline: Vec<PathBuf>,
    /// A case whose malicious files, destinations and identifiers must not come back: saved (JSON) or a folder
    #[arg(long, value_name = "CASE")]
    pub case: Vec<PathBuf>,
    /// The digest that was approved: of the file, whole or at least its first 16 digits
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub sha256: Option<wb_core::Digest>,
    /// A licence that is not accepted: an identifier, or `restricted` or `unknown` for all of those
    #[arg(long, value_name = "LICENCE")]
    pub refuse_licence: Vec<String>,
    #[command(flatten)]
    pub knowledge: Knowledge,
    /// How to print the decision
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

/// Arguments of `decompile`.
#[derive(Args, Debug)]
pub struct CodeOf {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print long constants whole, so that the text builds the same object
    #[arg(long)]
    pub exact: bool,
}

/// Arguments of `disassemble`.
#[derive(Args, Debug)]
pub struct Disassemble {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show stack and memo at each step
    #[arg(long)]
    pub trace: bool,
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Read all numbers: least, most, mean and deviation of each tensor, zeros, and what is no number
    #[arg(long)]
    pub statistics: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge diff next.safetensors current.safetensors   which numbers changed, and how\n  \
    weighbridge diff model.gguf model.safetensors           across formats and number types\n  \
    weighbridge diff checkpoint-2/ checkpoint-1/            models in several files\n\n\
    Exit code 0 when both are the same byte for byte, 1 when they differ.")]
pub struct Diff {
    /// The model in question: a file or a folder
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The model it is compared with
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

/// Arguments of `timeline`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    weighbridge timeline incident/                  where it began, and every event\n  \
    weighbridge timeline deploy.log zeek/ egress.pcapng\n  \
    weighbridge timeline logs/ --kind alert,deploy --contains hub.example\n  \
    weighbridge timeline logs/ --around '2026-04-09 03:14' --within 2m --host infer-02\n  \
    weighbridge timeline logs/ --sigma rules/ --matched\n  \
    weighbridge timeline logs/ --format parquet --output events.parquet\n\n\
    Times are RFC 3339, or a date and time of day in UTC.")]
pub struct Timeline {
    /// Logs, packet captures, and folders of them
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Only events of these kinds
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub kind: Vec<String>,
    /// Only events on or about these hosts: names or addresses
    #[arg(long, value_delimiter = ',', value_name = "HOST")]
    pub host: Vec<String>,
    /// Only events whose record has this text, in whatever case
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
    /// Only events at or after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<jiff::Timestamp>,
    /// Only events at or before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<jiff::Timestamp>,
    /// Only events near this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub around: Option<jiff::Timestamp>,
    /// How near `--around` is, such as 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration, requires = "around")]
    pub within: std::time::Duration,
    /// Further rules over events, in the language Sigma: a file or a folder of them
    #[arg(long, value_name = "PATH")]
    pub sigma: Vec<PathBuf>,
    /// Only events that a rule matches
    #[arg(long)]
    pub matched: bool,
    /// How to print the events
    #[arg(long, value_enum, default_value_t = TimelineFormat::Text)]
    pub format: TimelineFormat,
    /// Write the events to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a timeline is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimelineFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Jsonl,
    /// For spreadsheets: no cell becomes a formula.
    Csv,
    /// JSON lines as Timesketch imports them.
    Timesketch,
    /// For DuckDB, pandas and Spark.
    Parquet,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// A rule, a format, a log source, or a callable such as `os.system`; all of them are listed without it
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct Schema {
    /// Which report
    #[arg(value_enum)]
    pub document: Document,
}

/// Reports with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What `investigate --format json` prints.
    Case,
    /// What `scan --format json` prints.
    Scan,
    /// What `gate --format json` prints.
    Gate,
    /// What `diff --format json` prints.
    Diff,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Parses a time: with its offset from UTC, or a date with or without a time of day in UTC.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    let civil = || text.trim_end_matches(" UTC").parse::<jiff::civil::DateTime>().ok();
    let utc = |civil| jiff::tz::TimeZone::UTC.to_timestamp(civil).ok();
    text.parse().or_else(|error| {
        civil().and_then(utc).ok_or_else(|| {
            format!("{error}\nhint: a time is written like `2026-04-09T03:14:00Z` (RFC 3339) or `2026-04-09 03:14`")
        })
    })
}

/// Parses a number and its unit: `90s`, `10m`, `2h`, `1d`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    wb_report::duration(text).ok_or_else(|| {
        "a duration is a number and a unit\nhint: for example `90s`, `10m`, `2h` or `1d`".to_owned()
    })
}

/// Parses a SHA-256 digest, whole or its beginning.
fn digest(text: &str) -> Result<wb_core::Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let digest = wb_core::Digest::new(wb_core::DigestAlgorithm::Sha256, hex);
    digest.filter(|digest| digest.hex.len() >= 16).ok_or_else(|| {
        "a SHA-256 digest has 64 hexadecimal digits, its beginning at least 16\nhint: `sha256sum FILE` \
         prints it"
            .to_owned()
    })
}

/// Parses `PATH=ROLE`.
fn role(text: &str) -> Result<(String, wb_core::Role), String> {
    let (path, role) = text.rsplit_once('=').ok_or(
        "a path and its role are separated by `=`\nhint: for example `--role suspect.bin=production`",
    )?;
    let role = wb_core::Role::from_name(role).ok_or_else(|| {
        let names: Vec<&str> = wb_core::Role::ALL.iter().map(|role| role.name()).collect();
        format!("`{role}` is no role\nhint: roles are {}", names.join(", "))
    })?;
    Ok((path.to_owned(), role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_verb_stands_in_exactly_one_group() {
        let command = Cli::command();
        for verb in command.get_subcommands() {
            let groups =
                GROUPS.iter().filter(|(_, verbs)| verbs.contains(&verb.get_name())).count();
            assert_eq!(groups, 1, "{}", verb.get_name());
        }
        with_grouped_help(command).debug_assert();
    }
}
