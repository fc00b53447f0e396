//! Which rows stay: those with all the words, and of events those from a source, of a severity, near a time.

use crate::views::{self, Facts, View};
use jiff::Timestamp;
use wb_core::Severity;
use wb_report::duration;
use wb_report::saved::Case;

/// What is asked of events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    /// Position of the source in [`Facts::sources`].
    pub source: Option<usize>,
    /// Least severity of the findings that rest on the event.
    pub severity: Option<Severity>,
    pub span: Option<Span>,
}

/// A time, and the seconds before and after it that count; all of them when none are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub time: i64,
    pub around: Option<i64>,
}

impl Span {
    /// Parses `2026-04-09 03:14`, or `03:14` on `day`, and a number with its unit after it.
    pub fn parse(text: &str, day: Option<&str>) -> Result<Self, String> {
        let wrong =
            || "a time is `2026-04-09 03:14` or `03:14`, with `10m` after it for around".to_owned();
        let text = text.trim();
        let (text, around) = match text.rsplit_once(' ') {
            Some((head, tail)) if !tail.contains([':', '-']) => {
                let seconds = duration(tail).and_then(|it| i64::try_from(it.as_secs()).ok());
                (head.trim(), Some(seconds.ok_or_else(wrong)?))
            }
            _ => (text, None),
        };
        let text = text.trim_end_matches('Z').replace(' ', "T");
        let dated = match day {
            Some(day) if !text.contains('-') => format!("{day}T{text}"),
            _ => text,
        };
        let civil: jiff::civil::DateTime = dated.parse().map_err(|_| wrong())?;
        let time = jiff::tz::TimeZone::UTC.to_timestamp(civil).map_err(|_| wrong())?;
        Ok(Self { time: time.as_second(), around })
    }
}

/// The second of an RFC 3339 time.
pub(crate) fn second(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// The severity to ask for after `now`: any after the gravest.
pub(crate) fn severity_after(now: Option<Severity>) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| now.is_none_or(|now| *severity > now))
}

/// Whether a text has all the words, in any order and case.
pub(crate) fn has_words(text: &str, words: &str) -> bool {
    if words.trim().is_empty() {
        return true;
    }
    let text = text.to_lowercase();
    words.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// The rows of a view that are left, by their positions.
pub(crate) fn rows(
    case: &Case,
    facts: &Facts,
    view: View,
    words: &str,
    filter: &Filter,
) -> Vec<usize> {
    let of_events = |row: &usize| view != View::Timeline || passes(facts, *row, filter);
    let all = (0..views::count(case, view)).filter(of_events);
    if words.trim().is_empty() {
        return all.collect();
    }
    all.filter(|row| has_words(&views::all_text(case, view, *row), words)).collect()
}

fn passes(facts: &Facts, row: usize, filter: &Filter) -> bool {
    let Some(event) = facts.events.get(row) else { return false };
    let near = |span: Span| match (span.around, event.second) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(around), Some(second)) => second.abs_diff(span.time) <= around.unsigned_abs(),
    };
    filter.source.is_none_or(|source| event.source == source)
        && filter.severity.is_none_or(|least| event.severity.is_some_and(|it| it >= least))
        && filter.span.is_none_or(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_or_of_the_first_day() {
        let at = |text| Span::parse(text, Some("2026-04-09"));
        let second = second("2026-04-09T03:14:00Z").expect("a time");
        assert_eq!(at("03:14"), Ok(Span { time: second, around: None }));
        assert_eq!(at(" 2026-04-09 03:14:00Z 10m"), Ok(Span { time: second, around: Some(600) }));
        assert!(at("soon").is_err());
        assert!(at("03:14 10 parsecs").is_err());
        assert!(at("").is_err());
    }

    #[test]
    fn words_come_in_any_order_and_case() {
        assert!(has_words("Connection to hub.example", "HUB conn"));
        assert!(!has_words("Connection to hub.example", "hub dns"));
    }
}
