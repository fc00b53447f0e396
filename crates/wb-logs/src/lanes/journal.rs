//! The journal as JSON: of an entry only its message, its unit and its time are looked at.

use super::Glance;
use crate::stamp::parse_whole;
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    realtime: &'a str,
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP")]
    source: Option<&'a str>,
    #[serde(rename = "MESSAGE")]
    message: &'a str,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<&'a str>,
}

/// Reads an entry whose values have no escapes.
pub(super) fn entry(text: &str) -> Option<Glance<'_>> {
    let entry: Entry<'_> = serde_json::from_str(text.trim_end()).ok()?;
    let stamp = parse_whole(entry.source.unwrap_or(entry.realtime));
    stamp.is_some().then_some(Glance::Words {
        stamp,
        words: [entry.message, entry.identifier.unwrap_or_default()],
    })
}
