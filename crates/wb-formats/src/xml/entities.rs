//! What a document type declares: entities of other files (CWE-611), and entities that expand to many times
//! their length (CWE-776).

use crate::notes::Notes;
use std::collections::BTreeMap;
use wb_core::{OddityKind, Span};

/// Entities that are looked at.
const MOST: usize = 10_000;
/// Expanded length that is told, in bytes.
const LARGE: u64 = 10 << 20;

/// Notes what the text between `<!DOCTYPE` and `>` declares.
pub(super) fn declared(raw: &[u8], span: Span, notes: &mut Notes) {
    let text = String::from_utf8_lossy(raw);
    let (head, subset) = text.split_once('[').unwrap_or((&text, ""));
    if let Some(target) = external(head).filter(|target| !is_public(target)) {
        let what = format!("the document type is read from `{target}`");
        notes.odd(OddityKind::ExternalReference, "document type", Some(span), what);
    }
    // Lengths of entities in order: an entity can only use those before it, or recursion would never end.
    let mut lengths: BTreeMap<&str, u64> = BTreeMap::new();
    let mut largest: Option<(&str, u64)> = None;
    for declaration in subset.split("<!ENTITY").skip(1).take(MOST) {
        let mut rest = declaration.trim_start();
        rest = rest.strip_prefix('%').map_or(rest, str::trim_start);
        let Some((name, value)) = rest.split_once(|c: char| c.is_whitespace()) else { continue };
        if let Some(target) = external(value) {
            let what = format!("the entity `{name}` is the content of `{target}`");
            notes.odd(OddityKind::ExternalReference, &format!("entity {name}"), Some(span), what);
            continue;
        }
        let length = expanded(quoted(value).unwrap_or_default(), &lengths);
        if largest.is_none_or(|(_, most)| length > most) {
            largest = Some((name, length));
        }
        lengths.entry(name).or_insert(length);
    }
    if let Some((name, length)) = largest.filter(|(_, length)| *length >= LARGE) {
        let what = format!("the entity `{name}` expands to {length} bytes");
        notes.odd(OddityKind::Expansion, &format!("entity {name}"), Some(span), what);
    }
}

/// Whether a document type is one that everybody names, which parsers carry or ignore.
fn is_public(target: &str) -> bool {
    const AUTHORITIES: [&str; 4] =
        ["http://www.apple.com/DTDs/", "https://www.apple.com/DTDs/", "http://www.w3.org/", "https://www.w3.org/"];
    AUTHORITIES.iter().any(|authority| target.starts_with(authority))
}

/// The address in `SYSTEM "..."` and `PUBLIC "..." "..."`.
fn external(text: &str) -> Option<&str> {
    let at = text.split_whitespace().take(2).find(|word| matches!(*word, "SYSTEM" | "PUBLIC"))?;
    let (_, rest) = text.split_once(at)?;
    let first = quoted(rest)?;
    if at == "SYSTEM" {
        return Some(first);
    }
    let behind = rest.split_once(first).map(|(_, behind)| behind.get(1..).unwrap_or_default());
    behind.and_then(quoted).or(Some(first))
}

/// The text between the first quotes.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    text.get(1..)?.split(quote).next()
}

/// Length of `value` once the entities in it are expanded.
fn expanded(value: &str, lengths: &BTreeMap<&str, u64>) -> u64 {
    let mut length = value.len() as u64;
    for part in value.split('&').skip(1) {
        let name = part.split(';').next().unwrap_or_default();
        length = length.saturating_add(lengths.get(name).copied().unwrap_or(0));
    }
    for part in value.split('%').skip(1) {
        let name = part.split(';').next().unwrap_or_default();
        length = length.saturating_add(lengths.get(name).copied().unwrap_or(0));
    }
    length
}
