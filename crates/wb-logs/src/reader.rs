//! [`Reader`]: from lines to events and the [`Summary`].

use crate::clock::Clock;
use crate::digests::Found;
use crate::documents::Document;
use crate::draft::Draft;
use crate::enrich::enrich;
use crate::json::Value;
use crate::line::Line;
use crate::lines::Place;
use crate::order::Order;
use crate::scan::bounded;
use crate::source::{self, Reading, State};
use crate::wrap::{Layer, Unwrapped, unwrap};
use crate::{ClockHints, Summary};
use std::collections::BTreeSet;
use wb_core::{ArtifactPath, Event, EventKind, Instant, RecordRef, RecordedDigest, Span};

/// Layers taken off a line at the most.
const MOST_LAYERS: usize = 4;

/// Digests kept per log at the most.
const MOST_DIGESTS: usize = 10_000;

/// A record split over lines is put together up to this length.
const LONGEST_JOINED: usize = 64 << 10;

/// A digest on a line of its own is of the file named at most this many lines before.
const NEAR_LINES: u64 = 4;

/// Reads the lines of one log.
pub(crate) struct Reader<'a> {
    artifact: &'a ArtifactPath,
    clock: Clock,
    state: State,
    order: Order,
    summary: Summary,
    /// Beginning of a record that goes on in the next line.
    joined: String,
    /// Time of the record before, for lines that continue it.
    last: Option<Instant>,
    /// The file named last, and in which line.
    file: Option<(String, u64)>,
    digests: BTreeSet<(Option<String>, String)>,
    /// Whether a line was read that is not empty.
    begun: bool,
    /// The JSON document that lines are of.
    document: Option<Document>,
    /// The last line, if no source knows it.
    odd_end: Option<Place>,
}

/// What came of a line, for [`crate::recognise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Blank,
    Header(&'static str),
    /// A record; whether it has a time or a structure of its own.
    Record {
        source: &'static str,
        timed: bool,
        structured: bool,
    },
}

impl<'a> Reader<'a> {
    pub(crate) fn new(artifact: &'a ArtifactPath, hints: ClockHints) -> Self {
        Self {
            artifact,
            clock: Clock::new(hints, artifact.file_name()),
            state: State::default(),
            order: Order::default(),
            summary: Summary::default(),
            joined: String::new(),
            last: None,
            file: None,
            digests: BTreeSet::new(),
            begun: false,
            document: None,
            odd_end: None,
        }
    }

    /// Reads a line and hands what it records to `sink`.
    pub(crate) fn line(
        &mut self,
        place: Place,
        text: &str,
        raw: &[u8],
        sink: &mut dyn FnMut(Event),
    ) -> Seen {
        self.summary.lines = self.summary.lines.saturating_add(1);
        self.odd_end = None;
        if text.trim().is_empty() {
            self.summary.understood = self.summary.understood.saturating_add(1);
            return Seen::Blank;
        }
        if place.number <= 20 && text.starts_with(['#', '/', '-', ';']) {
            self.clock.header(text);
        }
        let seen = match self.document_line(place, text, raw, sink) {
            Some(seen) => seen,
            None => self.whole(place, text, raw, sink),
        };
        let understood = match seen {
            Seen::Blank | Seen::Header(_) => true,
            Seen::Record { timed, structured, .. } => timed || structured,
        };
        if understood {
            self.summary.understood = self.summary.understood.saturating_add(1);
        } else if self.summary.not_understood.len() < 10 {
            self.summary.not_understood.push(place.number);
        }
        seen
    }

    /// Reads a line of a JSON document over several lines; `None` outside of one. Text that no such document
    /// has ends it.
    fn document_line(
        &mut self,
        place: Place,
        text: &str,
        raw: &[u8],
        sink: &mut dyn FnMut(Event),
    ) -> Option<Seen> {
        if !self.begun {
            self.begun = true;
            self.document = Document::begin(text).filter(|_| crate::json::parse(text).is_none());
        }
        let foreign = !text.trim_start().starts_with(['"', '{', '}', ']', ',', '['])
            && Line::new(text).head.is_some();
        if foreign {
            self.document = None;
        }
        let mut document = self.document.take()?;
        let ended = document.line(text, place);
        if !document.is_over() {
            self.document = Some(document);
        }
        let mut seen = Seen::Blank;
        for (record, place) in ended {
            seen = self.whole(place, &record, raw, sink);
        }
        Some(seen)
    }

    /// Reads a whole record, or several of an export that has them in one object.
    fn whole(&mut self, place: Place, text: &str, raw: &[u8], sink: &mut dyn FnMut(Event)) -> Seen {
        let (layers, reading) = self.layers(text);
        match reading {
            None => Seen::Blank,
            Some(Reading::Header(source)) => Seen::Header(source),
            Some(Reading::Record(draft)) => self.record(*draft, layers, place, text, raw, sink),
            Some(Reading::Batch(drafts)) => {
                let mut seen = Seen::Blank;
                for draft in drafts {
                    seen = self.record(draft, layers.clone(), place, text, raw, sink);
                }
                seen
            }
        }
    }

    /// Takes the layers off a line and asks the sources. `None` when the record goes on in the next line.
    fn layers(&mut self, text: &str) -> (Vec<Layer>, Option<Reading>) {
        if let Some(reading) = source::read_row(text, &mut self.state) {
            return (Vec::new(), Some(reading));
        }
        let mut layers: Vec<Layer> = Vec::new();
        let mut current = std::borrow::Cow::Borrowed(text);
        while layers.len() < MOST_LAYERS {
            match unwrap(&current) {
                Unwrapped::Json(value) => {
                    if let Some(records) = crate::json::batch(&value) {
                        let read = |record: &Value| source::read_json(record, &record.to_string());
                        return (layers, Some(Reading::Batch(records.iter().map(read).collect())));
                    }
                    let draft = source::read_json(&value, &current);
                    return (layers, Reading::record(draft));
                }
                Unwrapped::Plain => break,
                Unwrapped::Layer(layer, inner) => {
                    let partial = layer.partial;
                    layers.push(*layer);
                    current = std::borrow::Cow::Owned(inner);
                    if partial && self.joined.len() < LONGEST_JOINED {
                        self.joined.push_str(&current);
                        return (layers, None);
                    }
                    if !self.joined.is_empty() {
                        let mut whole = std::mem::take(&mut self.joined);
                        whole.push_str(&current);
                        current = std::borrow::Cow::Owned(whole);
                    }
                }
            }
        }
        let line = Line::new(&current);
        let reading = source::read(&line, &mut self.state);
        let reading = reading.or_else(|| Reading::record(source::unknown(&current)));
        (layers, reading)
    }

    fn record(
        &mut self,
        mut draft: Draft,
        layers: Vec<Layer>,
        place: Place,
        text: &str,
        raw: &[u8],
        sink: &mut dyn FnMut(Event),
    ) -> Seen {
        merge(&mut draft, layers);
        let found = enrich(&mut draft);
        let time = self.time(&draft, text);
        if draft.stamp.is_some() || draft.structured {
            let count = self.summary.sources.entry(draft.source).or_default();
            *count = count.saturating_add(1);
        }
        if draft.source == "unknown-text" {
            self.odd_end = Some(place);
        }
        let record =
            RecordRef { artifact: self.artifact.clone(), line: place.number, offset: place.offset };
        self.record_digests(&mut draft, found, place, raw);
        if let Some(time) = time.filter(|_| draft.stamp.is_some()) {
            self.order.see(time.timestamp, place.number, draft.source);
        }
        let seen = Seen::Record {
            source: draft.source,
            timed: draft.stamp.is_some(),
            structured: draft.structured,
        };
        sink(event(draft, time, record));
        seen
    }

    /// The record's own time; an indented line continues the record before it.
    fn time(&mut self, draft: &Draft, text: &str) -> Option<Instant> {
        if let Some(stamp) = draft.stamp {
            self.last = self.clock.resolve(stamp);
            return self.last;
        }
        self.last.filter(|_| text.starts_with([' ', '\t']))
    }

    /// Keeps the digests a record names. One without a file is of the file named just before.
    fn record_digests(&mut self, draft: &mut Draft, found: Vec<Found>, place: Place, raw: &[u8]) {
        for mut found in found {
            if found.file.is_none()
                && let Some((file, line)) = &self.file
                && place.number.saturating_sub(*line) <= NEAR_LINES
                && is_labelled_digest(&draft.message)
            {
                draft.set("file.name", file);
                found.file = Some(file.clone());
            }
            let key = (found.file.clone(), found.digest.hex.clone());
            if self.summary.digests.len() >= MOST_DIGESTS || !self.digests.insert(key) {
                continue;
            }
            let span = position(raw, &found.digest.hex).map(|at| {
                Span::new(place.offset.saturating_add(at), found.digest.hex.len() as u64)
            });
            self.summary.digests.push(RecordedDigest {
                file: found.file,
                digest: found.digest,
                line: place.number,
                span,
            });
        }
        if let Some(name) = draft.field("file.name") {
            self.file = Some((name.to_owned(), place.number));
        }
    }

    /// Notes what is odd about a line as bytes.
    pub(crate) fn note_length(&mut self, place: Place) {
        if place.is_cut() && self.summary.problems.len() < 8 {
            self.summary.problems.push(format!(
                "line {} has {} bytes; only the first {} were read for its fields",
                place.number,
                place.length,
                crate::lines::LONGEST_LINE
            ));
        }
    }

    /// The summary, once all lines are read. `ended` says whether the last line had its end.
    pub(crate) fn finish(mut self, ended: bool) -> Summary {
        self.summary.range = self.order.range();
        self.summary.lacks_year = self.clock.lacks_year;
        self.summary.problems.extend(self.order.problems());
        let mostly = self.summary.understood.saturating_mul(2) > self.summary.lines;
        if let Some(place) = self.odd_end.filter(|_| !ended && mostly) {
            self.summary.problems.push(format!("line {}, the last, is cut", place.number));
        }
        if !self.joined.is_empty() {
            self.summary
                .problems
                .push("the last record is cut: its next part is not there".to_owned());
        }
        self.summary
    }
}

/// Whether a message is a label and a digest, and nothing that could be about another file.
fn is_labelled_digest(message: &str) -> bool {
    let words = message.split_whitespace().count();
    let lower = message.to_ascii_lowercase();
    words <= 6
        && ["sha", "checksum", "digest", "hash", "md5"].iter().any(|word| lower.contains(word))
}

/// Where `hex` stands in the line, in either case.
fn position(raw: &[u8], hex: &str) -> Option<u64> {
    let at = memchr::memmem::find(raw, hex.as_bytes())
        .or_else(|| memchr::memmem::find(raw, hex.to_ascii_uppercase().as_bytes()))?;
    u64::try_from(at).ok()
}

/// Fills what the record does not say from the layers, the innermost first.
fn merge(draft: &mut Draft, layers: Vec<Layer>) {
    for layer in layers.into_iter().rev() {
        // A full date of a layer is better than one without a year or zone inside.
        draft.stamp = match (draft.stamp, layer.stamp) {
            (Some(inner), Some(outer)) if certainty(outer) > certainty(inner) => Some(outer),
            (inner, outer) => inner.or(outer),
        };
        if draft.source == "unknown-text"
            || (draft.source == "timestamped-text" && layer.source != "cri")
        {
            draft.source = layer.source;
        }
        draft.structured = true;
        draft.host = draft.host.take().or(layer.host);
        draft.level = draft.level.take().or_else(|| layer.level.map(str::to_owned));
        for (name, value) in layer.fields {
            draft.set(&name, &value);
        }
    }
}

const fn certainty(stamp: crate::stamp::Stamp) -> u8 {
    match stamp {
        crate::stamp::Stamp::Exact(_) => 3,
        crate::stamp::Stamp::Local(_) => 2,
        crate::stamp::Stamp::NoYear(..) => 1,
        crate::stamp::Stamp::NoDate(_) => 0,
    }
}

fn event(draft: Draft, time: Option<Instant>, record: RecordRef) -> Event {
    Event {
        time,
        record,
        source: draft.source,
        kind: draft.kind.unwrap_or(EventKind::Note),
        host: draft.host,
        actor: draft.actor,
        object: draft.object,
        level: draft.level,
        net: draft.net,
        fields: draft.fields,
        message: bounded(&draft.message, crate::draft::LONGEST_MESSAGE),
    }
}
