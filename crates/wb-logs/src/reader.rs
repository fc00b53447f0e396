//! [`Reader`]: from lines to events, and what is left of a stretch of a log when they are read.

use crate::ClockHints;
use crate::clock::Clock;
use crate::digests::Found;
use crate::documents::Document;
use crate::draft::Draft;
use crate::enrich::enrich;
use crate::flows::Connection;
use crate::json::Value;
use crate::lanes::{Glance, Lane, Light, Outcome, Shape, Shapes, TimeKey, is_ordinary};
use crate::line::Line;
use crate::lines::Place;
use crate::part::{MOST_DIGESTS, Part};
use crate::scan::bounded;
use crate::sink::Sink;
use crate::source::{self, Reading, State};
use crate::wrap::{Layer, Unwrapped, unwrap};
use jiff::civil::DateTime;
use std::collections::BTreeSet;
use wb_core::{ArtifactPath, Event, EventKind, Instant, RecordRef, RecordedDigest, Span};

/// Layers taken off a line at the most.
const MOST_LAYERS: usize = 4;

/// Lists of records within records of lists.
const DEEPEST_BATCH: u8 = 3;

/// A record split over lines is put together up to this length.
const LONGEST_JOINED: usize = 64 << 10;

/// A digest on a line of its own is of the file named at most this many lines before.
const NEAR_LINES: u64 = 4;

/// Every message of the first lines of a log is read as an event, however often it says the same.
const ALL_WHOLE: u64 = 4_000;

/// Reads the lines of one log, or of a stretch of it.
pub(crate) struct Reader<'a> {
    artifact: &'a ArtifactPath,
    clock: Clock,
    state: State,
    part: Part,
    /// Records of the source that is being counted: a run of one source is added to the summary as one.
    run: (&'static str, u64),
    /// Beginning of a record that goes on in the next line.
    joined: String,
    /// Whether there ever was such a record.
    joins: bool,
    /// Time of the record before, for lines that continue it.
    last: Option<Instant>,
    /// The file named last, and in which line.
    file: Option<(String, u64)>,
    digests: BTreeSet<(Option<String>, String)>,
    /// Whether a line was read that is not empty.
    begun: bool,
    /// The JSON document that lines are of.
    document: Option<Document>,
    lane: Lane,
    shapes: Shapes,
    /// The shape of the line being read, if it may be ordinary.
    shape: Option<Shape>,
    /// Lines before this stretch.
    before: u64,
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
    pub(crate) fn new(artifact: &'a ArtifactPath, hints: &ClockHints) -> Self {
        Self {
            artifact,
            clock: Clock::new(hints, artifact.file_name()),
            state: State::default(),
            part: Part::default(),
            run: ("", 0),
            joined: String::new(),
            joins: false,
            last: None,
            file: None,
            digests: BTreeSet::new(),
            begun: false,
            document: None,
            lane: Lane::None,
            shapes: Shapes::default(),
            shape: None,
            before: 0,
        }
    }

    /// A reader for a later stretch of the log, which knows its headers; `None` when what follows can only be
    /// read in order.
    pub(crate) fn fork(&self) -> Option<Self> {
        let in_order = self.document.is_some()
            || self.joins
            || self.clock.lacks_year
            || self.state.tells_a_story();
        (!in_order).then(|| Self {
            clock: self.clock.clone(),
            state: self.state.clone(),
            begun: true,
            lane: self.lane.clone(),
            shapes: self.shapes.clone(),
            before: self.before.saturating_add(self.part.summary.lines),
            ..Self::new(self.artifact, &ClockHints::default())
        })
    }

    /// Reads a line and hands what it records to `sink`.
    pub(crate) fn line(
        &mut self,
        place: Place,
        text: &str,
        raw: &[u8],
        sink: &mut dyn Sink,
    ) -> Seen {
        self.clock.line(place.offset);
        let seen = self.any_line(place, text, raw, sink);
        if let Some(civil) = self.wall() {
            self.part.summary.steps.see(civil, place.offset);
        }
        seen
    }

    fn any_line(&mut self, place: Place, text: &str, raw: &[u8], sink: &mut dyn Sink) -> Seen {
        self.part.summary.lines = self.part.summary.lines.saturating_add(1);
        self.part.odd_end = None;
        self.shape = None;
        if place.is_cut() {
            self.part.note_length(place.number, place.length);
        }
        if !sink.wants_everything() && self.short_way(place, text, sink).is_some() {
            return Seen::Blank;
        }
        if text.trim().is_empty() {
            self.part.summary.understood = self.part.summary.understood.saturating_add(1);
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
        self.count(understood, place);
        seen
    }

    fn count(&mut self, understood: bool, place: Place) {
        if understood {
            self.part.summary.understood = self.part.summary.understood.saturating_add(1);
        } else {
            self.part.note_not_understood(place.number);
        }
    }

    /// Reads a line on the short way, if it fits the lane and is not wanted whole.
    fn short_way(&mut self, place: Place, text: &str, sink: &mut dyn Sink) -> Option<()> {
        if self.lane == Lane::None || self.document.is_some() || !self.joined.is_empty() {
            return None;
        }
        match self.lane.glance(text, &self.state)? {
            Glance::Net(light) => self.light(place, &light, sink),
            Glance::Words { stamp, words } => {
                let early = self.before.saturating_add(self.part.summary.lines) <= ALL_WHOLE;
                if early || self.state.tells_a_story() || self.state.groups() {
                    return None;
                }
                let shape = self.shapes.of(words)?;
                self.shape = Some(shape);
                let ordinary = self.shapes.ordinary(shape)?;
                if sink.wants_ordinary(ordinary.source, ordinary.kind) {
                    return None;
                }
                let time = match (ordinary.timed, stamp) {
                    (true, stamp) => Some(self.clock.resolve(stamp?)?),
                    (false, _) => None,
                };
                if let Some(time) = time {
                    self.last = Some(time);
                    self.part.order.see(time.timestamp, place.number, ordinary.source);
                }
                if ordinary.understood {
                    self.count_record(ordinary.source);
                } else {
                    self.part.odd_end = (!place.ended).then_some(place.number);
                }
                self.count(ordinary.understood, place);
                sink.ordinary(ordinary.kind);
                Some(())
            }
        }
    }

    /// Counts a record of the network, if the sink needs no more of it.
    fn light(&mut self, place: Place, light: &Light<'_>, sink: &mut dyn Sink) -> Option<()> {
        let time = self.clock.resolve(light.stamp)?;
        let connection = Connection {
            by: light.by,
            kind: light.kind,
            time: Some(time),
            line: place.number,
            offset: place.offset,
            source: &light.source,
            packet_port: light.packet_port,
            destination: &light.destination,
            port: light.port,
            host: &light.host,
            transport: &light.transport,
            bytes_out: light.bytes_out,
            blocked: light.blocked,
            part: light.part,
            method: &light.method,
            path: &light.path,
            answers: &light.answers,
        };
        if !sink.connection(self.artifact, &connection) {
            return None;
        }
        self.last = Some(time);
        self.part.order.see(time.timestamp, place.number, light.by);
        self.count_record(light.by);
        self.count(true, place);
        Some(())
    }

    /// Counts a record of `source`.
    fn count_record(&mut self, source: &'static str) {
        if !std::ptr::eq(self.run.0, source) {
            self.end_run();
            self.run.0 = source;
        }
        self.run.1 = self.run.1.saturating_add(1);
        self.part.source = source;
    }

    fn end_run(&mut self) {
        let (source, count) = std::mem::take(&mut self.run);
        if count > 0 {
            let known = self.part.summary.sources.entry(source).or_default();
            *known = known.saturating_add(count);
        }
    }

    /// Reads a line of a JSON document over several lines; `None` outside of one. Text that no such document
    /// has ends it.
    fn document_line(
        &mut self,
        place: Place,
        text: &str,
        raw: &[u8],
        sink: &mut dyn Sink,
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
    fn whole(&mut self, place: Place, text: &str, raw: &[u8], sink: &mut dyn Sink) -> Seen {
        self.state.at(place);
        let (layers, reading) = self.layers(text, 0);
        let lane = match &reading {
            Some(Reading::Record(draft)) if !sink.wants_everything() => {
                self.next_lane(text, draft, &layers)
            }
            _ => Lane::None,
        };
        self.lane = lane;
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

    /// The records in an object that is a list of them, each with its layers taken off.
    fn records(&mut self, value: &Value, nested: u8) -> Option<Vec<Draft>> {
        if nested >= DEEPEST_BATCH {
            return None;
        }
        let streams = crate::json::streams(value);
        let records = streams.as_deref().or_else(|| crate::json::batch(value))?;
        let mut drafts = Vec::new();
        for record in records {
            let (layers, reading) = self.layers(&record.to_string(), nested.saturating_add(1));
            let read = match reading {
                Some(Reading::Record(draft)) => vec![*draft],
                Some(Reading::Batch(drafts)) => drafts,
                Some(Reading::Header(_)) | None => Vec::new(),
            };
            for mut draft in read {
                merge(&mut draft, layers.clone());
                drafts.push(draft);
            }
        }
        Some(drafts)
    }

    /// The lane that lines like this one can take.
    fn next_lane(&self, text: &str, draft: &Draft, layers: &[Layer]) -> Lane {
        if !text.trim_start().starts_with('{') {
            return match draft.source {
                source if source.starts_with("zeek") && self.state.zeek_plan().is_some() => {
                    Lane::ZeekRows
                }
                "vpc-flow" if layers.is_empty() => Lane::Vpc,
                "netfilter" => Lane::Netfilter,
                _ => Lane::Text,
            };
        }
        match (layers.first().map(|layer| layer.source), draft.source) {
            (Some("journald-json"), _) => Lane::Journal,
            (_, "suricata-eve") => Lane::Eve,
            (None, source) if source.starts_with("zeek") => Lane::ZeekJson,
            _ if matches!(self.lane, Lane::Json(_)) => self.lane.clone(),
            _ => {
                let key = crate::json::parse(text).and_then(|value| TimeKey::of(&value));
                key.map_or(Lane::None, |key| Lane::Json(Box::new(key)))
            }
        }
    }

    /// Takes the layers off a line and asks the sources. `None` when the record goes on in the next line.
    fn layers(&mut self, text: &str, nested: u8) -> (Vec<Layer>, Option<Reading>) {
        if let Some(reading) = source::read_row(text, &mut self.state) {
            return (Vec::new(), Some(reading));
        }
        let mut layers: Vec<Layer> = Vec::new();
        let mut current = std::borrow::Cow::Borrowed(text);
        while layers.len() < MOST_LAYERS {
            match unwrap(&current) {
                Unwrapped::Json(value) => {
                    if let Some(drafts) = self.records(&value, nested) {
                        return (layers, Some(Reading::Batch(drafts)));
                    }
                    let mut drafts = source::read_json(&value, &current);
                    return match (drafts.pop(), drafts.is_empty()) {
                        (Some(draft), true) => (layers, Reading::record(draft)),
                        (last, _) => {
                            drafts.extend(last);
                            (layers, Some(Reading::Batch(drafts)))
                        }
                    };
                }
                Unwrapped::Plain => break,
                Unwrapped::Layer(layer, inner) => {
                    let partial = layer.partial;
                    layers.push(*layer);
                    current = std::borrow::Cow::Owned(inner);
                    if partial && self.joined.len() < LONGEST_JOINED {
                        self.joins = true;
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
        sink: &mut dyn Sink,
    ) -> Seen {
        merge(&mut draft, layers);
        let found = enrich(&mut draft);
        let time = self.time(&draft, text);
        if draft.stamp.is_some() || draft.structured {
            self.count_record(draft.source);
        }
        if draft.source == "unknown-text" && !place.ended {
            self.part.odd_end = Some(place.number);
        }
        let digests = !found.is_empty();
        if draft.message.is_empty() {
            draft.message = bounded(text, crate::draft::LONGEST_MESSAGE);
        }
        let record = RecordRef {
            artifact: self.artifact.clone(),
            line: draft.began.map_or(place.number, |(line, _)| line),
            offset: draft.began.map_or(place.offset, |(_, offset)| offset),
        };
        self.record_digests(&mut draft, found, place, raw);
        if let Some(time) = time.filter(|_| draft.stamp.is_some()) {
            self.part.order.see(time.timestamp, place.number, draft.source);
        }
        let (source, timed, structured) = (draft.source, draft.stamp.is_some(), draft.structured);
        let event = event(draft, time, record);
        if let Some(shape) = self.shape.take() {
            let understood = timed || structured;
            // What is left out of the count of ordinary messages: those with digests, and those a rule is about.
            let matters = digests || (is_ordinary(&event) && sink.is_notable(&event));
            let event = Some(&event).filter(|_| !matters);
            self.shapes.note(shape, Outcome { event, timed, understood });
        }
        sink.event(event);
        Seen::Record { source, timed, structured }
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
            if self.part.summary.digests.len() >= MOST_DIGESTS || !self.digests.insert(key) {
                continue;
            }
            let span = position(raw, &found.digest.hex).map(|at| {
                Span::new(place.offset.saturating_add(at), found.digest.hex.len() as u64)
            });
            self.part.summary.digests.push(RecordedDigest {
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

    /// Hands over the record that the end of the log ends. `end` is where a further line would begin.
    pub(crate) fn end(&mut self, end: u64, sink: &mut dyn Sink) {
        if let Some((text, place)) = self.document.take().and_then(Document::unfinished) {
            self.record(source::unknown(text.trim_end()), Vec::new(), place, &text, b"", sink);
        }
        if let Some(draft) = self.state.end() {
            let number = self.part.summary.lines.saturating_add(1);
            let place = Place { number, offset: end, length: 0, ended: true };
            self.record(draft, Vec::new(), place, "", b"", sink);
        }
    }

    /// Whether timestamps lack a year.
    pub(crate) const fn lacks_year(&self) -> bool {
        self.clock.lacks_year
    }

    /// What the wall clock showed in the line read last, if its stamp has no zone.
    pub(crate) const fn wall(&self) -> Option<DateTime> {
        self.clock.wall()
    }

    /// Lines read so far.
    pub(crate) const fn lines(&self) -> u64 {
        self.part.summary.lines
    }

    /// What was read, once all lines are.
    pub(crate) fn finish(mut self) -> Part {
        self.end_run();
        self.part.summary.lacks_year = self.clock.lacks_year;
        self.part.unfinished = !self.joined.is_empty();
        self.part
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
