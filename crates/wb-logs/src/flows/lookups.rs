//! [`Lookups`]: what was asked of each domain. Data that leaves in names makes many different long ones.

use super::attempts::Moment;
use super::symbols::{Symbol, Symbols};
use foldhash::quality::FixedState;
use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::BuildHasher;
use wb_core::{ArtifactPath, RecordRef};

/// Domains kept at the most.
const MOST_DOMAINS: usize = 1 << 15;

/// Words of the bitmap that counts different names.
const WORDS: usize = 32;

/// The look-ups of names below one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookups {
    /// The domain: its last two labels, or three under a country's `co` and the like.
    pub domain: String,
    /// Questions and answers.
    pub count: u64,
    /// Different names, estimated: exact while there are few, and at most some ten thousand.
    pub names: u64,
    /// The longest label before the domain.
    pub longest_label: usize,
    /// The first of them.
    pub first: (Timestamp, RecordRef),
}

/// What is known of a domain.
#[derive(Clone, Debug)]
struct Domain {
    count: u64,
    /// One bit per hash of a name.
    names: [u64; WORDS],
    longest: usize,
    first: Moment,
}

/// Every domain that was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct LookupTable {
    domains: HashMap<Symbol, Domain>,
}

/// The domain that `name` is below.
pub(super) fn domain(name: &str) -> &str {
    let name = name.trim_end_matches('.');
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (last, second, third) = (dots.next(), dots.next(), dots.next());
    let top = last.and_then(|at| name.get(at.saturating_add(1)..)).unwrap_or(name);
    let before = second.zip(last).and_then(|(from, to)| name.get(from.saturating_add(1)..to));
    let country = top.len() == 2 && before.is_some_and(|label| label.len() <= 3);
    let cut = if country { third } else { second };
    cut.and_then(|at| name.get(at.saturating_add(1)..)).unwrap_or(name)
}

impl LookupTable {
    /// Counts a look-up of `name`, which is below `domain`.
    pub(super) fn add(&mut self, symbol: Symbol, name: &str, domain: &str, first: Moment) {
        if self.domains.len() >= MOST_DOMAINS && !self.domains.contains_key(&symbol) {
            return;
        }
        let new = Domain { count: 0, names: [0; WORDS], longest: 0, first };
        let known = self.domains.entry(symbol).or_insert(new);
        known.count = known.count.saturating_add(1);
        let before = name.get(..name.len().saturating_sub(domain.len())).unwrap_or_default();
        let longest = before.split('.').map(str::len).max().unwrap_or(0);
        known.longest = known.longest.max(longest);
        if first.time < known.first.time {
            known.first = first;
        }
        // The seed is fixed, so that the estimate is the same each time.
        let hash = FixedState::with_seed(0x0077_6569_6768).hash_one(name);
        let bit = hash.checked_rem((WORDS as u64).saturating_mul(64)).unwrap_or(0);
        let word = usize::try_from(bit.div_euclid(64)).ok().and_then(|at| known.names.get_mut(at));
        if let Some(word) = word {
            *word |= 1_u64.checked_shl(u32::try_from(bit.rem_euclid(64)).unwrap_or(0)).unwrap_or(0);
        }
    }

    /// The table with the symbols and logs of another.
    pub(super) fn translated(
        self,
        own: &mut impl FnMut(Symbol) -> Symbol,
        log: impl Fn(u32) -> u32,
    ) -> Self {
        let translate = |(symbol, mut domain): (Symbol, Domain)| {
            domain.first.log = log(domain.first.log);
            (own(symbol), domain)
        };
        Self { domains: self.domains.into_iter().map(translate).collect() }
    }

    /// Adds what another table has, under the same symbols.
    pub(super) fn merge(&mut self, other: Self) {
        for (symbol, domain) in other.domains {
            let Some(known) = self.domains.get_mut(&symbol) else {
                if self.domains.len() < MOST_DOMAINS {
                    self.domains.insert(symbol, domain);
                }
                continue;
            };
            known.count = known.count.saturating_add(domain.count);
            known.longest = known.longest.max(domain.longest);
            if domain.first.time < known.first.time {
                known.first = domain.first;
            }
            for (own, other) in known.names.iter_mut().zip(domain.names) {
                *own |= other;
            }
        }
    }

    /// Moves all records down by `lines`.
    pub(super) fn shift_lines(&mut self, lines: u64) {
        for domain in self.domains.values_mut() {
            domain.first.line = domain.first.line.saturating_add(lines);
        }
    }

    /// Every domain, in the order of their names.
    pub(super) fn all(&self, symbols: &Symbols, logs: &[ArtifactPath]) -> Vec<Lookups> {
        let lookups = |(symbol, domain): (&Symbol, &Domain)| {
            Some(Lookups {
                domain: symbols.text(*symbol).to_owned(),
                count: domain.count,
                names: different(&domain.names),
                longest_label: domain.longest,
                first: domain.first.resolve(logs)?,
            })
        };
        let mut all: Vec<Lookups> = self.domains.iter().filter_map(lookups).collect();
        all.sort_by(|a, b| a.domain.cmp(&b.domain));
        all
    }
}

/// Linear counting (Whang, Vander-Zanden, Taylor 1990): `-m ln(empty / m)` for `m` bits.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bitmap has two thousand bits"
)]
fn different(bitmap: &[u64; WORDS]) -> u64 {
    let all = (WORDS as f64) * 64.0;
    let set: u32 = bitmap.iter().map(|word| word.count_ones()).sum();
    let empty = (all - f64::from(set)).max(0.5);
    (-all * (empty / all).ln()).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_a_domain() {
        assert_eq!(domain("a.b.hub.example"), "hub.example");
        assert_eq!(domain("a.corp.co.uk."), "corp.co.uk");
        assert_eq!(domain("hub.example"), "hub.example");
        assert_eq!(domain("localhost"), "localhost");
    }

    #[test]
    fn different_names_are_counted() {
        let moment = Moment { time: 0, log: 0, line: 1, offset: 0 };
        let mut symbols = Symbols::default();
        let symbol = symbols.of("hub.example");
        let mut table = LookupTable::default();
        for number in 0..900 {
            for _ in 0..3 {
                table.add(symbol, &format!("{number:040}.hub.example"), "hub.example", moment);
            }
        }
        let all = table.all(&symbols, &[ArtifactPath::from("dns.log")]);
        assert_eq!((all.len(), all[0].count, all[0].longest_label), (1, 2700, 40));
        assert!((850..950).contains(&all[0].names), "{}", all[0].names);
    }
}
