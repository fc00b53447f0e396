//! Indicators as CSV (RFC 4180).

use super::Source;
use super::hostile::Hostile;
use crate::{escape, time};
use wb_core::{ArtifactPath, Indicator};

/// A row per indicator: what it is, its exact value, when traffic to it was seen, and where it stands.
pub(super) fn table(source: &Source<'_>) -> String {
    let hostile = Hostile::of(source.case);
    let mut out = String::from("type,value,first_seen,last_seen,places\r\n");
    for indicator in hostile.indicators() {
        let seen = hostile.seen(indicator);
        let cells = [
            indicator.kind().name().to_owned(),
            indicator.value().to_owned(),
            seen.map(|(first, _)| time::rfc3339(first)).unwrap_or_default(),
            seen.map(|(_, last)| time::rfc3339(last)).unwrap_or_default(),
            places(source, indicator),
        ];
        let row: Vec<String> = cells.iter().map(|cell| escape::csv(cell)).collect();
        out.push_str(&row.join(","));
        out.push_str("\r\n");
    }
    out
}

/// The artifacts an indicator stands in, and where.
fn places(source: &Source<'_>, indicator: &Indicator) -> String {
    let known = source.case.indicators.iter().find(|known| known.indicator == *indicator);
    let place = |(artifact, place): &(ArtifactPath, String)| format!("{artifact} {place}");
    let all: Vec<String> =
        known.map(|known| known.sources.iter().take(8).map(place).collect()).unwrap_or_default();
    all.join("; ")
}
