//! [`recognise`]: whether text is a log.

use crate::ClockHints;
use crate::lines::Lines;
use crate::reader::{Reader, Seen};
use crate::sink::Everything;
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Bytes};

/// Lines looked at.
const MOST_LINES: usize = 64;

/// The source that the first lines of `head` look like; `None` when it is no text log.
///
/// A log has a time or a known structure in most of its records. JSON objects must have a time, and one
/// object alone that no source knows must also say what happened, because a settings file has neither.
pub fn recognise(head: Bytes<'_>) -> Option<&'static str> {
    if crate::pcap::is_capture(head.as_slice()) {
        return Some(crate::CAPTURE);
    }
    if !is_text(head.as_slice()) {
        return None;
    }
    let artifact = ArtifactPath::from("");
    let mut reader = Reader::new(&artifact, &ClockHints::default());
    let mut input = head.as_slice();
    let mut lines = Lines::new(&mut input, 0, 0);
    let mut tally = Tally::default();
    let mut looked = 0_usize;
    while looked < MOST_LINES
        && let Ok(Some(place)) = lines.advance()
    {
        // What follows the last line's end in the head may be half a line.
        if !place.ended && looked > 2 && place.offset > 60_000 {
            break;
        }
        looked = looked.saturating_add(1);
        let text = lines.decoded();
        let mut named = false;
        let mut look = |event: wb_core::Event| {
            named |= event.kind != wb_core::EventKind::Note
                || event.level.is_some()
                || event.host.is_some();
        };
        let seen = reader.line(place, &text, lines.held(), &mut Everything(&mut look));
        tally.count(seen, named, &text);
    }
    tally.verdict()
}

#[derive(Default)]
struct Tally {
    sources: BTreeMap<&'static str, u32>,
    good: u32,
    other: u32,
    headers: u32,
    /// JSON objects that have a time but do not say what happened.
    unnamed: u32,
    first: Option<bool>,
}

impl Tally {
    fn count(&mut self, seen: Seen, named: bool, text: &str) {
        let (source, good) = match seen {
            Seen::Blank => return,
            Seen::Header(source) => {
                self.headers = self.headers.saturating_add(1);
                if source.starts_with("zeek") {
                    let count = self.sources.entry(source).or_default();
                    *count = count.saturating_add(1);
                }
                return;
            }
            Seen::Record { source, timed, structured } => {
                // A record of a document over several lines is read when its brace closes.
                let json = text.trim_start().starts_with(['{', '}']);
                let good = match source {
                    "unknown-text" => false,
                    _ if json => timed,
                    _ => timed || structured,
                };
                if good && json && !named && source == "json-lines" {
                    self.unnamed = self.unnamed.saturating_add(1);
                }
                (source, good)
            }
        };
        self.first = self.first.or(Some(good));
        if good {
            self.good = self.good.saturating_add(1);
            let count = self.sources.entry(source).or_default();
            *count = count.saturating_add(4);
        } else if !text.starts_with(['#', ' ', '\t']) {
            self.other = self.other.saturating_add(1);
        }
    }

    fn verdict(self) -> Option<&'static str> {
        let all = self.good.saturating_add(self.other);
        let mostly = self.good > 0 && self.good.saturating_mul(2) >= all;
        // Stack traces may outnumber the records that they belong to.
        let traced =
            self.good >= 3 && self.first == Some(true) && self.good.saturating_mul(4) >= all;
        let zeek = self.sources.keys().any(|name| name.starts_with("zeek"));
        let lone = all == 1 && self.unnamed == 1;
        if !(mostly || traced || (zeek && all == 0)) || lone {
            return None;
        }
        self.sources
            .into_iter()
            .max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)))
            .map(|(name, _)| name)
    }
}

/// Whether `head` can be text: UTF-16, or no zero bytes and few other control characters.
fn is_text(head: &[u8]) -> bool {
    let head = head.get(..head.len().min(4096)).unwrap_or_default();
    if head.is_empty() {
        return false;
    }
    let marked = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let wide = matches!(head, [a, 0, b, 0, ..] | [0, a, 0, b, ..] if a.is_ascii_graphic() && b.is_ascii_graphic());
    if marked || wide {
        return true;
    }
    let control = head.iter().filter(|byte| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31)).count();
    control.saturating_mul(50) <= head.len().saturating_add(50) && !head.contains(&0)
}
