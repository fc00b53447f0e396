//! [`inspect`]: one artifact, with everything nested in it, and nothing else.

use crate::body::{Inspected, LogText};
use crate::layouts::{MANIFEST, SHARD, misnamed};
use crate::logs::{LOG_HEAD, LogInput, log_source, long_log};
use crate::raw::tells_places;
use crate::sha256;
use crate::source::sha256_of_file;
use std::sync::Arc;
use wb_core::{
    Artifact, ArtifactPath, Budget, Bytes, ChildData, Claim, Content, Coverage, Digest,
    DigestAlgorithm, Finding, Gap, Limits, Oddity, OddityKind, Origin, ReadState, RecordedDigest,
    Sha256, Span, Strength, Verdict,
};
use wb_formats::{Family, Format, Request};

/// Which artifacts are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// All of them.
    All,
    /// Those with findings.
    Reported,
    /// None.
    Off,
}

/// How artifacts are inspected.
#[derive(Clone, Copy, Debug)]
pub struct Inspector {
    /// The most work one file may cause.
    pub limits: Limits,
    /// Which artifacts are hashed.
    pub hashing: Hashing,
    /// Whether contents are kept after the rules have seen them.
    pub keep_contents: bool,
}

/// What came of inspecting one file.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The artifact and everything nested in it, each container before its members.
    pub artifacts: Vec<Inspected>,
    /// Logs among them, to be read.
    pub logs: Vec<LogInput>,
}

/// Inspects `data`, the bytes of the file `path`. `text` says where the file can be read again if it turns
/// out to be a log. Pure: the same bytes give the same answer on any machine.
pub fn inspect(path: &ArtifactPath, data: &[u8], text: LogText, how: Inspector) -> Inspection {
    let large = data.len() > MAPPED && matches!(text, LogText::File(_));
    let beside = large && how.hashing == Hashing::All;
    let looked = |text| {
        let mut inspection = Inspection::default();
        let mut budget = Budget::new(how.limits);
        let subject = Subject { path: path.clone(), origin: Origin::File, text, is_hashed: beside };
        inspection.add(subject, data, how, &mut budget);
        inspection
    };
    if !beside {
        return looked(text);
    }
    // Both read all of the file, and neither waits for the other.
    let (sha256, mut inspection) = rayon::join(|| digest(&text, data), || looked(text.clone()));
    let artifacts = inspection.artifacts.iter_mut().map(|one| &mut one.artifact);
    let logs = inspection.logs.iter_mut().map(|log| &mut log.artifact);
    if let Some(own) = artifacts.chain(logs).find(|artifact| artifact.path == *path) {
        own.sha256 = Some(sha256);
    }
    inspection
}

/// What is about to be inspected.
struct Subject {
    path: ArtifactPath,
    origin: Origin,
    text: LogText,
    /// Whether its digest is taken elsewhere.
    is_hashed: bool,
}

impl Inspection {
    /// Inspects one artifact and its members, and returns the verdict on all of it.
    fn add(
        &mut self,
        subject: Subject,
        data: &[u8],
        how: Inspector,
        budget: &mut Budget,
    ) -> Verdict {
        let bytes = Bytes::new(data);
        let claims = wb_formats::identify_named(bytes, &subject.path);
        let source = log_source(bytes, &claims);
        let artifact = Artifact {
            path: subject.path,
            origin: subject.origin,
            size: data.len() as u64,
            sha256: (how.hashing == Hashing::All && !subject.is_hashed)
                .then(|| digest(&subject.text, data)),
            format: source.or_else(|| claims.first().map(|claim| claim.format)),
            claims,
        };
        if source.is_some() {
            self.logs.push(LogInput { artifact, text: subject.text });
            return Verdict::Clean;
        }
        let format = artifact.claims.first().and_then(|claim| wb_formats::format(claim.format));
        if let (Some(format), LogText::File(file)) = (format, &subject.text)
            && format.family == Family::Stream
            && let Some(source) = long_log(format.name, data)
        {
            let text = LogText::Compressed { path: file.clone(), format: format.name };
            return self.add_long_log(artifact, format, source, text);
        }
        match format {
            Some(format) => self.add_content(artifact, format, bytes, how, budget),
            None => self.add_unclaimed(artifact, bytes),
        }
    }

    fn add_content(
        &mut self,
        artifact: Artifact,
        format: &'static Format,
        bytes: Bytes<'_>,
        how: Inspector,
        budget: &mut Budget,
    ) -> Verdict {
        let mut content = (format.parse)(bytes, &Request { path: &artifact.path }, budget);
        content.oddities.extend(identity_oddities(&artifact, format, bytes));
        let whole = how.hashing == Hashing::All;
        if whole {
            wb_formats::sweep(bytes, &mut content, budget);
        }
        let children = std::mem::take(&mut content.children);
        let examined = wb_rules::examine(&artifact, &content, budget);
        let index = self.artifacts.len();
        let aside = !whole && content.tensors.iter().any(|tensor| tensor.span.is_some());
        let coverage = coverage(&artifact.path, format.name, &content.gaps, aside);
        let hash_now = artifact.sha256.is_none()
            && how.hashing == Hashing::Reported
            && !examined.findings.is_empty();
        self.artifacts.push(Inspected {
            artifact: Artifact {
                sha256: if hash_now { Some(sha256(bytes.as_slice())) } else { artifact.sha256 },
                ..artifact
            },
            family: Some(format.family),
            content: if how.keep_contents || is_compared(format, &content) {
                content
            } else {
                Content::default()
            },
            effects: if how.keep_contents { examined.effects } else { Vec::new() },
            findings: examined.findings,
            verdict: examined.verdict,
            coverage,
        });
        let mut worst = examined.verdict;
        for child in children {
            worst = worst.max(self.add_child(index, &child.name, child.data, bytes, how, budget));
        }
        if let Some(inspected) = self.artifacts.get_mut(index) {
            inspected.verdict = worst;
        }
        worst
    }

    /// A compressed log that is too long to be held: what it decodes to is read when logs are.
    fn add_long_log(
        &mut self,
        artifact: Artifact,
        format: &'static Format,
        source: &'static str,
        text: LogText,
    ) -> Verdict {
        let path = &artifact.path;
        let log = Artifact {
            path: path.member(wb_formats::decompressed_name(path.file_name())),
            origin: Origin::Member { parent: path.clone() },
            // Both are known when it was read.
            size: 0,
            sha256: None,
            format: Some(source),
            claims: Vec::new(),
        };
        self.logs.push(LogInput { artifact: log, text });
        self.artifacts.push(Inspected {
            coverage: coverage(path, format.name, &[], false),
            artifact,
            family: Some(format.family),
            content: Content::default(),
            effects: Vec::new(),
            findings: Vec::new(),
            verdict: Verdict::Clean,
        });
        Verdict::Clean
    }

    /// Inspects a member of the artifact at `parent`, one level deeper.
    fn add_child(
        &mut self,
        parent: usize,
        name: &str,
        data: ChildData,
        container: Bytes<'_>,
        how: Inspector,
        budget: &mut Budget,
    ) -> Verdict {
        let Some(parent_path) = self.artifacts.get(parent).map(|p| p.artifact.path.clone()) else {
            return Verdict::Unknown;
        };
        let path = parent_path.member(name);
        let owned: Arc<[u8]>;
        let (bytes, text): (&[u8], LogText) = match data {
            ChildData::Span(span) => {
                let bytes = container.at_span(span).map_or(&[][..], Bytes::as_slice);
                (bytes, LogText::Decoded(Arc::from(&[][..])))
            }
            ChildData::Owned(data) => {
                owned = Arc::from(data);
                (&owned, LogText::Decoded(Arc::clone(&owned)))
            }
        };
        let origin = Origin::Member { parent: parent_path };
        let subject = Subject { path, origin, text, is_hashed: false };
        let inspected = budget.deeper(|budget| {
            let logs = self.logs.len();
            let verdict = self.add(subject, bytes, how, budget);
            self.keep_text(logs, bytes);
            verdict
        });
        inspected.unwrap_or_else(|exhausted| {
            self.note_gap(
                parent,
                format!("member `{name}` not read: {} ran out", exhausted.name()),
            );
            Verdict::Unknown
        })
    }

    /// Gives logs found as plain members of a container a copy of their text.
    fn keep_text(&mut self, from: usize, bytes: &[u8]) {
        for log in self.logs.iter_mut().skip(from) {
            if let LogText::Decoded(text) = &mut log.text
                && text.is_empty()
            {
                *text = Arc::from(bytes);
            }
        }
    }

    fn note_gap(&mut self, index: usize, why: String) {
        if let Some(inspected) = self.artifacts.get_mut(index) {
            inspected.coverage.state = ReadState::Partial;
            inspected.coverage.why = join_reasons(&inspected.coverage.why, &why);
        }
    }

    /// An artifact that neither a format nor a log source claims.
    fn add_unclaimed(&mut self, artifact: Artifact, bytes: Bytes<'_>) -> Verdict {
        let text = is_text(bytes);
        let (state, why, verdict) = match (bytes.is_empty(), text) {
            (true, _) => (ReadState::Read, "the file is empty", Verdict::Clean),
            (_, true) => {
                (ReadState::Read, "plain text: searched for indicators only", Verdict::Clean)
            }
            _ => (ReadState::Unread, "no known format recognises these bytes", Verdict::Unknown),
        };
        // What is named like a model and is none was cut short, or is not what somebody relies on.
        let (state, why, verdict) = match promised(&artifact.path) {
            None if bytes.as_slice().starts_with(LFS_POINTER) => (
                ReadState::Read,
                "a pointer of Git LFS instead of the file".to_owned(),
                Verdict::Clean,
            ),
            Some(_) if bytes.as_slice().starts_with(LFS_POINTER) => (
                ReadState::Unread,
                "a pointer of Git LFS instead of the model: `git lfs pull` fetches it".to_owned(),
                Verdict::Unknown,
            ),
            Some(model) => (
                ReadState::Unread,
                format!("{why}, but it is named like `{model}`: truncated or damaged"),
                Verdict::Unknown,
            ),
            None => (state, why.to_owned(), verdict),
        };
        let mut findings = if text { secrets(&artifact, bytes) } else { Vec::new() };
        if let Some(oddity) = misnamed(&artifact, bytes) {
            let content = Content { oddities: vec![oddity], ..Content::default() };
            findings.extend(examine_content(&artifact, &content));
        }
        let verdict = findings.iter().map(|finding| finding.verdict).fold(verdict, Verdict::max);
        let coverage = Coverage { artifact: artifact.path.clone(), state, why };
        self.artifacts.push(Inspected {
            artifact,
            family: None,
            content: plain_text(bytes, text),
            effects: Vec::new(),
            findings,
            verdict,
            coverage,
        });
        verdict
    }
}

/// Whether an artifact is compared with others once all have been inspected, so that what it holds is kept.
fn is_compared(format: &Format, content: &Content) -> bool {
    format.name == MANIFEST
        || tells_places(format.name, content)
        || content.components.iter().any(|part| part.kind == SHARD)
}

/// Files above this are hashed as they are read again, in bytes: what is mapped of a file counts as memory of
/// whoever touches it.
const MAPPED: usize = 64 << 20;

/// The SHA-256 of `data`, which `text` may say how to read again.
fn digest(text: &LogText, data: &[u8]) -> Sha256 {
    let LogText::File(file) = text else { return sha256(data) };
    let read = (data.len() > MAPPED).then(|| sha256_of_file(file));
    let whole = read.and_then(Result::ok).filter(|(_, length)| *length == data.len() as u64);
    whole.map_or_else(|| sha256(data), |(digest, _)| digest)
}

/// Keys and tokens in text without a format of its own: notes, environments, keys themselves.
fn secrets(artifact: &Artifact, bytes: Bytes<'_>) -> Vec<Finding> {
    let head = bytes.head(PLAIN_TEXT_KEPT);
    if !wb_rules::begins_secret(head.as_slice()) {
        return Vec::new();
    }
    let value = String::from_utf8_lossy(head.as_slice()).into_owned();
    let text = wb_core::Text { place: "text".to_owned(), value, span: Some(head.span()) };
    let content = Content { texts: vec![text], ..Content::default() };
    examine_content(artifact, &content)
}

fn examine_content(artifact: &Artifact, content: &Content) -> Vec<Finding> {
    wb_rules::examine(artifact, content, &mut Budget::default()).findings
}

/// How the text file begins that Git LFS leaves in the place of a file (its specification, "The Pointer").
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The most text that is kept of a file that is nothing but text, in bytes.
const PLAIN_TEXT_KEPT: usize = 256 << 10;

/// The lines of a plain text file, for correlation.
fn plain_text(bytes: Bytes<'_>, is_text: bool) -> Content {
    let mut content = Content::default();
    if !is_text {
        return content;
    }
    let head = String::from_utf8_lossy(bytes.head(PLAIN_TEXT_KEPT).as_slice()).into_owned();
    for (index, line) in head.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        content.texts.push(wb_core::Text {
            place: format!("line {}", index + 1),
            value: line.to_owned(),
            span: None,
        });
    }
    if bytes.as_slice().starts_with(LFS_POINTER) {
        content.digests.extend(pointed_at(&head));
    }
    content
}

/// The digest of the file that a pointer of Git LFS stands for. It names no file: the pointer has the name itself.
fn pointed_at(pointer: &str) -> Option<RecordedDigest> {
    let (line, text) = (1_u64..).zip(pointer.lines()).find(|(_, line)| line.starts_with("oid "))?;
    let hex = text.strip_prefix("oid sha256:")?;
    let digest = Digest::new(DigestAlgorithm::Sha256, hex.trim()).filter(|it| !it.is_prefix())?;
    let at = (hex.as_ptr() as usize).saturating_sub(pointer.as_ptr() as usize);
    let span = Some(Span::new(at as u64, digest.hex.len() as u64));
    Some(RecordedDigest { file: None, digest, line, span })
}

/// Whether the first bytes are text: valid UTF-8 (a cut last character aside) without control characters
/// that text does not have.
fn is_text(bytes: Bytes<'_>) -> bool {
    let head = bytes.head(LOG_HEAD).as_slice();
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = head.get(..error.valid_up_to()).unwrap_or(&[]);
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.chars().any(|c| c.is_control() && !"\t\r\n\u{1b}\u{c}".contains(c))
}

/// What the name and the claims say against what the artifact is.
fn identity_oddities(artifact: &Artifact, format: &Format, bytes: Bytes<'_>) -> Vec<Oddity> {
    let mut oddities: Vec<Oddity> = misnamed(artifact, bytes).into_iter().collect();
    let strong: Vec<&Claim> =
        artifact.claims.iter().filter(|claim| claim.strength == Strength::Strong).collect();
    if let [first, second, ..] = strong.as_slice() {
        oddities.push(Oddity {
            kind: OddityKind::Polyglot,
            place: "whole file".to_owned(),
            span: Some(bytes.head(16).span()),
            what: format!("the bytes are `{}` and `{}` at once", first.format, second.format),
        });
    }
    let name = artifact.path.file_name().to_ascii_lowercase();
    let promises = |format: &Format| format.endings.iter().any(|ending| name.ends_with(ending));
    let to_people = || {
        let named = (format.family == Family::Model).then(|| promised_to_people(&artifact.path));
        named.flatten().filter(|_| !is_text(bytes))
    };
    if !promises(format)
        && let Some(promised) = promised(&artifact.path).or_else(to_people)
        && strong.iter().any(|claim| claim.format == format.name)
    {
        oddities.push(Oddity {
            kind: OddityKind::MisleadingName,
            place: "file name".to_owned(),
            span: Some(bytes.head(16).span()),
            what: format!("named like `{promised}`, but the bytes are `{}`", format.name),
        });
    }
    oddities
}

/// The format of models that the name of `path` promises. An ending that several formats use is named after
/// the one that lists it first; one that is first for data of other families as well, such as `.json`,
/// promises no model.
fn promised(path: &ArtifactPath) -> Option<&'static str> {
    let name = path.file_name().to_ascii_lowercase();
    let foremost = |format: &&Format| format.endings.first().is_some_and(|e| name.ends_with(e));
    let mut formats = wb_formats::formats().iter().filter(foremost);
    let first = formats.next().filter(|first| first.family == Family::Model)?;
    formats.all(|other| other.family == Family::Model).then_some(first.name)
}

/// The text or picture that the name of `path` promises: what no loader of models is given.
fn promised_to_people(path: &ArtifactPath) -> Option<&'static str> {
    const TEXTS: &[&str] = &[".txt", ".csv", ".log", ".md"];
    const MEDIA: &[&str] =
        &[".jpg", ".jpeg", ".png", ".gif", ".webp", ".pdf", ".mp3", ".mp4", ".wav"];
    let name = path.file_name().to_ascii_lowercase();
    let is_named = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let sources = wb_formats::formats().iter().filter(|one| one.family == Family::Source);
    match () {
        () if is_named(TEXTS) => Some("text"),
        () if is_named(MEDIA) => Some("media"),
        () => sources.into_iter().find(|one| is_named(one.endings)).map(|one| one.name),
    }
}

/// What was read of an artifact, from the gaps its parser noted; `aside` says that weights were not.
pub(crate) fn coverage(path: &ArtifactPath, format: &str, gaps: &[Gap], aside: bool) -> Coverage {
    let mut reasons: Vec<&str> = gaps.iter().map(|gap| gap.why.as_str()).collect();
    reasons.dedup();
    let (state, why) = match reasons.as_slice() {
        [] if aside => (
            ReadState::Read,
            format!("read to the end as `{format}`, what is inside its tensors aside"),
        ),
        [] => (ReadState::Read, format!("read to the end as `{format}`")),
        reasons => (ReadState::Partial, reasons.join("; ")),
    };
    Coverage { artifact: path.clone(), state, why }
}

fn join_reasons(before: &str, more: &str) -> String {
    if before.starts_with("read to the end") {
        return more.to_owned();
    }
    format!("{before}; {more}")
}
