//! Who owns which bytes: overlaps, holes and what lies behind the last tensor.

use wb_core::{Bytes, Oddity, OddityKind, Span};

/// How many oddities of one sort are told one by one.
const TOLD: usize = 20;

/// Reports where `extents` overlap, and what of `area` none of them owns. Holes of fewer than
/// `alignment` bytes that hold only zeros are padding. Extents may end behind the area, as they do in a file that was
/// cut short; only what of them and between them lies in it has bytes.
pub(crate) fn check(
    input: Bytes<'_>,
    area: Span,
    extents: &mut [(Span, &str)],
    alignment: u64,
    oddities: &mut Vec<Oddity>,
) {
    extents.sort_unstable();
    let mut reached = (area.start, "the header");
    let (mut overlaps, mut holes) = (0_usize, 0_usize);
    for &mut (span, name) in extents.iter_mut().filter(|(span, _)| span.len > 0) {
        if span.start < reached.0 {
            overlaps = overlaps.saturating_add(1);
            if overlaps <= TOLD {
                oddities.push(overlap(span, name, reached, area.end()));
            }
        } else if span.start > reached.0 {
            let hole = until(reached.0, span.start.min(area.end()));
            if hole.len > 0 && !is_padding(input, hole, alignment) && holes < TOLD {
                holes = holes.saturating_add(1);
                let between = format!("between {} and `{name}`", quoted(reached.1));
                oddities.push(unowned(OddityKind::UnownedBytes, hole, &between));
            }
        }
        if span.end() > reached.0 {
            reached = (span.end(), name);
        }
    }
    let tail = until(reached.0, area.end());
    if tail.len > 0 && !is_padding(input, tail, alignment) {
        let behind = format!("behind {}", quoted(reached.1));
        oddities.push(unowned(OddityKind::TrailingBytes, tail, &behind));
    }
}

fn until(start: u64, end: u64) -> Span {
    Span::new(start, end.saturating_sub(start))
}

/// `end` is the end of the area.
fn overlap(span: Span, name: &str, reached: (u64, &str), end: u64) -> Oddity {
    let shared = reached.0.min(span.end()).saturating_sub(span.start);
    Oddity {
        kind: OddityKind::Overlap,
        place: format!("tensor `{name}`"),
        span: (span.start < end)
            .then(|| until(span.start, span.start.saturating_add(shared).min(end))),
        what: format!("`{name}` shares {shared} bytes with {}", quoted(reached.1)),
    }
}

fn unowned(kind: OddityKind, span: Span, place: &str) -> Oddity {
    Oddity {
        kind,
        place: place.to_owned(),
        span: Some(span),
        what: format!("{} bytes at offset {} belong to no tensor", span.len, span.start),
    }
}

fn quoted(name: &str) -> String {
    if name == "the header" { name.to_owned() } else { format!("`{name}`") }
}

fn is_padding(input: Bytes<'_>, span: Span, alignment: u64) -> bool {
    span.len < alignment
        && input.at_span(span).is_some_and(|bytes| bytes.as_slice().iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(extents: &[(u64, u64)], alignment: u64) -> Vec<(OddityKind, Option<Span>)> {
        let mut extents: Vec<(Span, &str)> =
            extents.iter().map(|(start, len)| (Span::new(*start, *len), "w")).collect();
        let mut oddities = Vec::new();
        let data = [0; 100];
        check(Bytes::new(&data), Span::new(10, 90), &mut extents, alignment, &mut oddities);
        oddities.into_iter().map(|oddity| (oddity.kind, oddity.span)).collect()
    }

    #[test]
    fn a_full_area_is_quiet_in_any_order() {
        assert_eq!(kinds(&[(50, 50), (10, 40), (50, 0)], 1), []);
        assert_eq!(kinds(&[(10, 40), (60, 40)], 32), []);
    }

    #[test]
    fn holes_overlaps_and_tails_are_told() {
        use OddityKind::{Overlap, TrailingBytes, UnownedBytes};
        assert_eq!(kinds(&[(20, 80)], 1), [(UnownedBytes, Some(Span::new(10, 10)))]);
        assert_eq!(kinds(&[(10, 50), (40, 60)], 1), [(Overlap, Some(Span::new(40, 20)))]);
        assert_eq!(kinds(&[(10, 80)], 1), [(TrailingBytes, Some(Span::new(90, 10)))]);
    }

    #[test]
    fn what_lies_behind_the_area_has_no_bytes() {
        use OddityKind::Overlap;
        assert_eq!(kinds(&[(10, 80), (96, 40), (160, 40)], 32), []);
        assert_eq!(kinds(&[(10, 200), (90, 40)], 1), [(Overlap, Some(Span::new(90, 10)))]);
        assert_eq!(kinds(&[(10, 200), (150, 40)], 1), [(Overlap, None)]);
    }
}
