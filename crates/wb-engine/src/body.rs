//! [`Body`]: the body of evidence: every artifact inspected, every log read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use wb_code::capability::Effects;
use wb_core::{Artifact, ArtifactPath, Content, Coverage, Event, Finding, ReadState, Verdict};
use wb_formats::Family;
use wb_logs::flows::{FlowDetail, Lookups};
use wb_logs::{ClockHints, Summary};
use wb_sigma::{Hits, Match, Rule};

/// Everything that was seen, before any of it is joined.
#[derive(Debug, Default)]
pub struct Body {
    /// Every artifact that is not a log, by path; members after their container.
    pub artifacts: Vec<Inspected>,
    /// Every log, by path.
    pub logs: Vec<LogRead>,
    /// Every connection of every log, aggregated.
    pub flows: Vec<FlowDetail>,
    /// What was asked of each domain.
    pub lookups: Vec<Lookups>,
    /// What rules over events found in the logs.
    pub detections: Vec<(Rule, Match)>,
    /// What could not be looked at at all.
    pub skipped: Vec<Coverage>,
    /// Where files with tensors are on disk, so that their numbers can be read again.
    pub on_disk: BTreeMap<ArtifactPath, PathBuf>,
}

impl Body {
    /// The artifact at `path`.
    pub fn artifact(&self, path: &ArtifactPath) -> Option<&Inspected> {
        let found = self.artifacts.binary_search_by(|known| known.artifact.path.cmp(path));
        found.ok().and_then(|at| self.artifacts.get(at))
    }

    /// Artifacts that are models, or parts of one.
    pub fn models(&self) -> impl Iterator<Item = &Inspected> {
        self.artifacts.iter().filter(|inspected| inspected.family == Some(Family::Model))
    }

    /// Models that are no part of another model: files on disk, and members of archives.
    pub fn whole_models(&self) -> impl Iterator<Item = &Inspected> {
        self.models().filter(|model| self.model_around(&model.artifact.path).is_none())
    }

    /// The outermost model that `path` is a part of.
    pub fn model_around(&self, path: &ArtifactPath) -> Option<&Inspected> {
        let mut ends = path.as_str().match_indices(ArtifactPath::MEMBER).map(|(at, _)| at);
        ends.find_map(|end| {
            let around = self.artifact(&ArtifactPath::from(path.as_str().get(..end)?))?;
            (around.family == Some(Family::Model)).then_some(around)
        })
    }

    /// Every event that was kept, in the order of logs and records.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.logs.iter().flat_map(|log| &log.events)
    }
}

/// One artifact after inspection.
#[derive(Debug)]
pub struct Inspected {
    /// What it is.
    pub artifact: Artifact,
    /// What kind of thing its format is; `None` when no format claims it.
    pub family: Option<Family>,
    /// What it holds.
    pub content: Content,
    /// What each program in it would do.
    pub effects: Vec<Effects>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What the rules make of it, and of everything nested in it.
    pub verdict: Verdict,
    /// What was read.
    pub coverage: Coverage,
}

/// One log after reading.
#[derive(Debug)]
pub struct LogRead {
    /// What it is; its format is the dominating log source.
    pub artifact: Artifact,
    /// Lines, range, digests.
    pub summary: Summary,
    /// Events worth keeping: everything but connections, which are in [`Body::flows`].
    pub events: Vec<Event>,
    /// How many events were left out because there were too many.
    pub left_out: u64,
    /// Records that rules over events match.
    pub hits: Hits,
    /// Where its text can be read again.
    pub text: LogText,
    /// What gave its times the year and zone that they lack.
    pub hints: ClockHints,
}

impl LogRead {
    /// What was read of it.
    pub fn coverage(&self) -> Coverage {
        let summary = &self.summary;
        let missed = summary.lines.saturating_sub(summary.understood);
        let unit = self.unit();
        let mut why = format!("{} of {} {unit}s understood", summary.understood, summary.lines);
        if missed > 0 {
            let first: Vec<String> =
                summary.not_understood.iter().take(3).map(u64::to_string).collect();
            if !first.is_empty() {
                why.push_str(&format!(" (others from {unit} {}; kept as text)", first.join(", ")));
            }
        }
        if self.left_out > 0 {
            why.push_str(&format!("; {} events counted and not kept", self.left_out));
        }
        if self.hits.left_out() > 0 {
            let count = self.hits.left_out();
            why.push_str(&format!("; {count} further matches of rules were not kept"));
        }
        for problem in &summary.problems {
            why.push_str("; ");
            why.push_str(problem);
        }
        // What a capture has problems with are packets that are not there.
        let lacking =
            self.artifact.format == Some(wb_logs::CAPTURE) && !summary.problems.is_empty();
        let partial = missed > 0 || self.left_out > 0 || lacking;
        let state = if partial { ReadState::Partial } else { ReadState::Read };
        Coverage { artifact: self.artifact.path.clone(), state, why }
    }

    /// What its records are called: packets in a capture, else lines.
    pub fn unit(&self) -> &'static str {
        if self.artifact.format == Some(wb_logs::CAPTURE) { "packet" } else { "line" }
    }
}

/// Where the text of a log can be read again.
#[derive(Clone, Debug)]
pub enum LogText {
    /// A file on disk.
    File(PathBuf),
    /// Decoded from a container.
    Decoded(Arc<[u8]>),
    /// A compressed file on disk, too long to be held: it is read as it is decoded.
    Compressed {
        /// The file.
        path: PathBuf,
        /// The format that it is compressed in.
        format: &'static str,
    },
}
