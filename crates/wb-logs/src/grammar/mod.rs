//! What the words of a record say happened: [`rules`] has the table, [`classify`] applies it.
//!
//! A record is cut into clauses. A verb that its clause denies ("no changes", "not deployed"), or that
//! lies in the future ("for deployment", "scheduled"), does not count. Of what is left the lowest rank
//! wins, then the first in the record.

mod rules;

use foldhash::fast::RandomState;
use rules::{
    ABSENT_BEFORE, ABSENT_CLAUSE, DENY_BEFORE, DENY_CLAUSE, FUTURE_BEFORE, FUTURE_CLAUSE, RULES,
    Rule,
};
use std::collections::HashMap;
use std::sync::LazyLock;
use wb_core::EventKind;

/// What is known of a record besides its words; rules name these with `@`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) file: bool,
    pub(crate) model: bool,
    pub(crate) net: bool,
    pub(crate) digest: bool,
    pub(crate) uri: bool,
    pub(crate) change: bool,
    pub(crate) incident: bool,
    pub(crate) unit: bool,
}

impl Known {
    fn has(self, fact: &str) -> bool {
        match fact {
            "@file" => self.file,
            "@model" => self.model,
            "@net" => self.net,
            "@digest" => self.digest,
            "@uri" => self.uri,
            "@change" => self.change,
            "@incident" => self.incident,
            "@unit" => self.unit,
            _ => false,
        }
    }
}

/// What the grammar says about a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The kind, with its rank.
    pub(crate) kind: Option<(EventKind, u8)>,
    /// Every deed it reports, in order.
    pub(crate) deeds: Vec<EventKind>,
    /// Whether it says that nothing happened.
    pub(crate) nothing: bool,
}

/// A word of a record.
struct Word {
    text: String,
    clause: u32,
}

/// Words read per record at the most.
const MOST_WORDS: usize = 200;

/// The phrases of [`RULES`] by their first word: the row, and the words that follow.
type Phrases = HashMap<&'static str, Vec<(usize, Vec<&'static str>)>, RandomState>;

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut phrases = Phrases::default();
    for (row, rule) in RULES.iter().enumerate() {
        for phrase in rule.verbs.split('|') {
            let mut parts = phrase.split_whitespace();
            if let Some(first) = parts.next() {
                phrases.entry(first).or_default().push((row, parts.collect()));
            }
        }
    }
    phrases
});

/// Reads `text`, the words of a record without its `key=value` pairs. `context` has more words that tell
/// what the record is about, such as the name of the service.
pub(crate) fn classify(text: &str, context: &str, known: Known) -> Reading {
    let words = words(text);
    let around = self::words(context);
    let mut hits: Vec<(u8, usize, EventKind)> = Vec::new();
    let mut reading = Reading::default();
    for (at, word) in words.iter().enumerate() {
        for (row, following) in PHRASES.get(word.text.as_str()).into_iter().flatten() {
            let Some(rule) = RULES.get(*row) else { continue };
            if !follows(&words, at, following) || !fits(rule, &words, &around, known) {
                continue;
            }
            match standing(&words, at) {
                Standing::Nothing => {
                    // That nobody approved is no good news.
                    let lack = [EventKind::Approve, EventKind::Verify, EventKind::Request];
                    reading.nothing |= !lack.contains(&rule.kind);
                }
                Standing::Reported if !excluded(&words, at, rule.unless) => {
                    hits.push((rule.rank, at, rule.kind));
                }
                _ => {}
            }
        }
    }
    hits.sort_by_key(|(rank, at, _)| (*rank, *at));
    reading.kind = hits.first().map(|(rank, _, kind)| (*kind, *rank));
    hits.retain(|(rank, _, _)| *rank == 2);
    for (_, _, kind) in hits {
        if !reading.deeds.contains(&kind) {
            reading.deeds.push(kind);
        }
    }
    reading
}

/// Whether `word` begins a phrase of the grammar, and so is no name.
pub(crate) fn is_verb(word: &str) -> bool {
    PHRASES.contains_key(word.to_ascii_lowercase().as_str())
}

/// Whether the words after `at` are `following`.
fn follows(words: &[Word], at: usize, following: &[&str]) -> bool {
    let mut next = words.iter().skip(at).skip(1);
    following.iter().all(|part| next.next().is_some_and(|word| word.text == *part))
}

/// Whether the record has what the rule wants around its verb.
fn fits(rule: &Rule, words: &[Word], around: &[Word], known: Known) -> bool {
    rule.with.is_empty()
        || rule.with.split('|').map(str::trim).any(|with| {
            if with.starts_with('@') {
                return known.has(with);
            }
            let mut parts = with.split(' ');
            let first = parts.next().unwrap_or(with);
            let rest: Vec<&str> = parts.collect();
            [words, around].into_iter().any(|list| {
                list.iter()
                    .enumerate()
                    .any(|(at, word)| word.text == first && follows(list, at, &rest))
            })
        })
}

fn clause_of(words: &[Word], at: usize) -> impl Iterator<Item = (usize, &Word)> {
    let clause = words.get(at).map(|word| word.clause);
    words.iter().enumerate().filter(move |(_, word)| Some(word.clause) == clause)
}

fn excluded(words: &[Word], at: usize, unless: &str) -> bool {
    !unless.is_empty()
        && clause_of(words, at)
            .any(|(_, word)| unless.split('|').any(|row| row.trim() == word.text))
}

enum Standing {
    Reported,
    /// The clause says there was none.
    Nothing,
    /// The clause says it failed, or speaks of the future.
    NotYet,
}

/// Whether the clause reports the verb at `at`, denies it, or only speaks of it.
fn standing(words: &[Word], at: usize) -> Standing {
    let is = |list: &[&str], word: &Word| list.contains(&word.text.as_str());
    let verb = words.get(at).map(|word| word.text.as_str()).unwrap_or_default();
    let denies = |before: &[&str], anywhere: &[&str]| {
        clause_of(words, at).any(|(index, word)| {
            word.text != verb
                && ((index < at && at.saturating_sub(index) <= 4 && is(before, word))
                    || is(anywhere, word))
        })
    };
    let counted = clause_of(words, at)
        .last()
        .is_some_and(|(_, word)| matches!(word.text.as_str(), "0" | "zero"));
    if counted || denies(ABSENT_BEFORE, ABSENT_CLAUSE) {
        return Standing::Nothing;
    }
    let clause = words.get(at).map(|word| word.clause);
    // "connection to a.example blocked" reports; "for emergency replacement" does not.
    let reach = if verb.ends_with("ed") { 1 } else { 2 };
    let near = words
        .get(at.saturating_sub(reach)..at)
        .unwrap_or_default()
        .iter()
        .any(|word| Some(word.clause) == clause && is(FUTURE_BEFORE, word));
    let not_yet = near || denies(DENY_BEFORE, DENY_CLAUSE) || denies(&[], FUTURE_CLAUSE);
    if not_yet { Standing::NotYet } else { Standing::Reported }
}

/// The words of `text` in lower case. `modelVersion` and `MODEL_VERSION` are two words each. A comma,
/// semicolon, parenthesis, full stop or dash between words begins a new clause.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut current = String::new();
    let mut clause = 0_u32;
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if words.len() >= MOST_WORDS {
            break;
        }
        let humped = previous.is_lowercase() && character.is_uppercase();
        // Addresses, versions and times of day are one word each.
        let joins = matches!(character, '.' | ':')
            && previous.is_ascii_digit()
            && characters.peek().is_some_and(char::is_ascii_digit);
        if joins {
            current.push(character);
            previous = character;
            continue;
        }
        if (!character.is_alphanumeric() || humped) && !current.is_empty() {
            words.push(Word { text: std::mem::take(&mut current), clause });
        }
        if character.is_alphanumeric() {
            current.extend(character.to_lowercase());
        } else {
            let spaced = characters.peek().is_none_or(|next| next.is_whitespace());
            let ends = matches!(character, ';' | '(' | ')' | '|')
                || (matches!(character, ',' | '.') && spaced)
                || (matches!(character, '-' | '–' | '—') && spaced && previous.is_whitespace());
            clause = clause.saturating_add(u32::from(ends));
        }
        previous = character;
    }
    if !current.is_empty() {
        words.push(Word { text: current, clause });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind as K;

    fn kind(text: &str) -> Option<EventKind> {
        let known = Known {
            file: text.contains(".pkl") || text.contains(".h5"),
            net: text.contains("192.0.2."),
            incident: text.contains("INC-"),
            unit: text.contains(".service"),
            ..Known::default()
        };
        classify(text, "", known).kind.map(|(kind, _)| kind)
    }

    #[test]
    fn deeds() {
        for (text, expected) in [
            (
                "release code-reviewer 2.4.1 requested by ci-bot (change CHG-4471 approved)",
                K::Request,
            ),
            ("artifact c.pkl verified", K::Verify),
            ("rollout complete on ml-infer-01, ml-infer-02", K::Deploy),
            ("model file mtime changed, worker reload triggered (no change id)", K::Change),
            ("loaded c.pkl in 1.9s", K::Load),
            ("candidate c.h5 uploaded for emergency replacement by j.ortega", K::Register),
            ("Model registry: pulling pr-base v1.0.0", K::Download),
            ("Model deployed to production inference server", K::Deploy),
            ("Model update requested by ann@corp.example", K::Request),
            ("SOC automated alert: unusual outbound HTTPS traffic detected", K::Alert),
            ("Incident INC-20931 created - investigation required", K::Ticket),
            ("deploy reviewer 5.0.2", K::Deploy),
            ("model production.pkl loaded", K::Load),
            ("Accepted publickey for svc from 192.0.2.9 port 51514 ssh2", K::Access),
            ("Restarted vllm.service - part 1/3: X", K::Restart),
            ("Publishing prod/model.pkl", K::Register),
            ("Deployment finished", K::Deploy),
            ("model_version.created", K::Register),
            ("model_version.transitioned", K::Stage),
            ("MODEL_VERSION_TRANSITIONED_STAGE", K::Stage),
            ("inference_service.ready", K::Deploy),
            ("Deployment rolled back to version 1.4", K::Rollback),
            ("connection to 192.0.2.7 blocked by egress policy", K::Block),
            ("candidate staged for deployment", K::Stage),
            ("UpdateEndpoint", K::Deploy),
            ("Serving c.pkl on port 8080", K::Load),
            ("SIGHUP received, c.pkl loaded", K::Load),
            ("model c.pkl received from the trainer", K::Register),
            ("Reloading infer.service", K::Restart),
            ("Health probe OK", K::Health),
            ("Pull complete: registry.example/x:2.1", K::Download),
            ("Egress policy updated: block 192.0.2.7", K::Change),
        ] {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_denied_or_only_planned_did_not_happen() {
        for text in [
            "scheduled deployments today: none",
            "no deployments in this window",
            "model not deployed",
            "approval pending",
            "candidate waiting for deployment",
            "New source organisation detected: labs",
            "deployment scheduled for Monday",
            "lock released",
            "Loaded 12 plugins",
            "alert rules reloaded",
            "no anomalies",
            "verification skipped for model",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
        assert_eq!(kind("nightly health check OK, no changes"), Some(K::Health));
        assert!(classify("scheduled deployments today: none", "", Known::default()).nothing);
    }

    #[test]
    fn every_deed_of_a_record_is_kept() {
        let text = "release requested by ci-bot (change approved)";
        assert_eq!(classify(text, "", Known::default()).deeds, [K::Request, K::Approve]);
    }
}
