//! Identifiers that were split over artifacts, put together again, and those that artifacts share.
//!
//! Pieces are joined only by constraints that chance does not meet: every number of a counted set present
//! once, brackets that balance, groups of a UUID that complete each other. Pieces have to come from
//! different artifacts, and at least one from the compromise, before the join is called sure.

use super::fragments::{Atom, Fragment, Kind, UUID_GROUPS, fragments};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, Confidence, Identifier, IdentifierPart};

/// Identifiers reported at the most.
const MOST: usize = 12;

/// Puts together what `atoms` hold, surest first.
pub fn assemble(atoms: &[Atom]) -> Vec<Identifier> {
    let pieces = fragments(atoms);
    let pool = Pool { atoms, pieces: &pieces };
    let mut found = pool.counted();
    found.extend(pool.brackets());
    found.extend(pool.uuids());
    found.extend(pool.whole());
    let mut identifiers = Vec::new();
    let mut values = BTreeSet::new();
    found.sort_by(|a, b| {
        b.confidence.cmp(&a.confidence).then_with(|| b.parts.len().cmp(&a.parts.len()))
    });
    for identifier in found {
        if values.insert(identifier.value.clone()) {
            identifiers.push(identifier);
        }
    }
    identifiers.truncate(MOST);
    identifiers
}

/// Pieces of the compromise that no identifier of `known` uses: their other parts are not in the evidence.
/// Text, artifact and place of each.
pub fn unfinished<'a>(
    atoms: &'a [Atom],
    known: &[Identifier],
) -> Vec<(String, &'a ArtifactPath, &'a str)> {
    let used: BTreeSet<(&ArtifactPath, &str)> = known
        .iter()
        .flat_map(|found| &found.parts)
        .map(|part| (&part.artifact, part.text.as_str()))
        .collect();
    let whole: BTreeSet<&str> = known.iter().map(|found| found.value.as_str()).collect();
    let mut all = Vec::new();
    for piece in fragments(atoms) {
        let is_cut = match piece.kind {
            Kind::Open | Kind::Close | Kind::UuidHead { .. } | Kind::UuidTail { .. } => true,
            // Without a total, a numbered piece may well be all there is.
            Kind::Part { total, .. } => total.is_some(),
            Kind::Whole | Kind::Uuid => false,
        };
        let Some(atom) = atoms.get(piece.atom).filter(|atom| is_cut && atom.of_compromise) else {
            continue;
        };
        let is_used = used.contains(&(&atom.artifact, piece.text.as_str()))
            || whole.iter().any(|value| value.contains(piece.text.as_str()));
        if !is_used {
            all.push((piece.text, &atom.artifact, atom.place.as_str()));
        }
    }
    all.sort();
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

/// Parts by their number; several may claim one.
type Numbered<'a> = BTreeMap<u32, Vec<&'a Fragment>>;

/// The atoms and the pieces found in them.
struct Pool<'a> {
    atoms: &'a [Atom],
    pieces: &'a [Fragment],
}

impl<'a> Pool<'a> {
    fn atom(&self, piece: &Fragment) -> Option<&'a Atom> {
        self.atoms.get(piece.atom)
    }

    fn of_kind(&self, wanted: impl Fn(&Kind) -> bool + 'a) -> impl Iterator<Item = &'a Fragment> {
        self.pieces.iter().filter(move |piece| wanted(&piece.kind))
    }

    /// Sets of counted parts: `part 1/3`, `part 2/3`, `part 3/3`, wherever they are; or `x-part1`,
    /// `x-part2` under one label.
    fn counted(&self) -> Vec<Identifier> {
        let mut sets: BTreeMap<(Option<u32>, String), Numbered<'_>> = BTreeMap::new();
        for piece in self.pieces {
            if let Kind::Part { number, total } = piece.kind {
                // With a total, the total holds the set together; without, the label has to.
                let label = match total {
                    Some(_) => String::new(),
                    None => piece.label.clone().unwrap_or_default(),
                };
                sets.entry((total, label)).or_default().entry(number).or_default().push(piece);
            }
        }
        sets.into_iter().filter_map(|((total, _), parts)| self.counted_set(total, &parts)).collect()
    }

    fn counted_set(
        &self,
        total: Option<u32>,
        parts: &BTreeMap<u32, Vec<&Fragment>>,
    ) -> Option<Identifier> {
        let last = total.or_else(|| parts.keys().next_back().copied())?;
        let complete = last >= 2 && (1..=last).all(|number| parts.contains_key(&number));
        let chosen: Vec<&Fragment> =
            parts.values().filter_map(|choices| self.of_compromise_first(choices)).collect();
        if !complete || chosen.len() != usize::try_from(last).ok()? {
            return None;
        }
        let value: String = chosen.iter().map(|piece| piece.text.as_str()).collect();
        let unique = parts.values().all(|choices| distinct_texts(choices) == 1);
        let confidence = self.confidence(&chosen, unique && balanced(&value));
        let join = format!("numbered parts 1 to {last}, each present, in order");
        Some(self.identifier(value, confidence, &chosen, join))
    }

    /// `word{first` with `second}`, from different artifacts.
    fn brackets(&self) -> Vec<Identifier> {
        let opens: Vec<&Fragment> = self.of_kind(|kind| *kind == Kind::Open).collect();
        let closes: Vec<&Fragment> = self.of_kind(|kind| *kind == Kind::Close).collect();
        let mut found = Vec::new();
        for open in &opens {
            let partners: Vec<&&Fragment> =
                closes.iter().filter(|close| self.apart(open, close)).collect();
            for close in &partners {
                let unique = partners.len() == 1
                    && opens.iter().filter(|other| self.apart(other, close)).count() == 1;
                let chosen = [*open, **close];
                let value = format!("{}{}", open.text, close.text);
                let confidence = self.confidence(&chosen, unique);
                if confidence == Confidence::Low && !unique {
                    continue;
                }
                let join = "one piece opens a bracket, the other closes it".to_owned();
                found.push(self.identifier(value, confidence, &chosen, join));
            }
        }
        found
    }

    /// The first groups of a UUID with its last, when together they are exactly one.
    fn uuids(&self) -> Vec<Identifier> {
        let heads: Vec<&Fragment> =
            self.of_kind(|kind| matches!(kind, Kind::UuidHead { .. })).collect();
        let tails: Vec<&Fragment> =
            self.of_kind(|kind| matches!(kind, Kind::UuidTail { .. })).collect();
        let mut found = Vec::new();
        for head in &heads {
            let fitting: Vec<&&Fragment> = tails
                .iter()
                .filter(|tail| completes(&head.kind, &tail.kind) && self.apart(head, tail))
                .collect();
            for tail in &fitting {
                let value = format!(
                    "{}-{}",
                    head.text.trim_end_matches('-'),
                    tail.text.trim_start_matches('-')
                );
                let chosen = [*head, **tail];
                let confidence = self.confidence(&chosen, fitting.len() == 1 && heads.len() == 1);
                let join = "the groups of one UUID (8-4-4-4-12), each piece missing the others";
                found.push(self.identifier(value, confidence, &chosen, join.to_owned()));
            }
        }
        found
    }

    /// Whole identifiers that stand in the compromise and in another artifact, or in its code.
    fn whole(&self) -> Vec<Identifier> {
        let mut places: BTreeMap<&str, Vec<&Fragment>> = BTreeMap::new();
        for piece in self.of_kind(|kind| matches!(kind, Kind::Whole | Kind::Uuid)) {
            places.entry(&piece.text).or_default().push(piece);
        }
        let mut found = Vec::new();
        for (value, pieces) in places {
            let of_compromise =
                pieces.iter().any(|piece| self.atom(piece).is_some_and(|atom| atom.of_compromise));
            let artifacts = self.artifacts(&pieces).len();
            if !of_compromise {
                continue;
            }
            let confidence = if artifacts > 1 { Confidence::Medium } else { Confidence::Low };
            let join = match artifacts {
                1 => "it stands whole in the compromise".to_owned(),
                count => format!("the same value stands in {count} artifacts"),
            };
            found.push(self.identifier(value.to_owned(), confidence, &pieces, join));
        }
        found
    }

    /// Whether two pieces come from different artifacts. A file and a member of it are one.
    fn apart(&self, a: &Fragment, b: &Fragment) -> bool {
        match (self.atom(a), self.atom(b)) {
            (Some(a), Some(b)) => a.artifact.root() != b.artifact.root(),
            _ => false,
        }
    }

    fn artifacts(&self, pieces: &[&Fragment]) -> BTreeSet<ArtifactPath> {
        pieces
            .iter()
            .filter_map(|piece| self.atom(piece))
            .map(|atom| ArtifactPath::from(atom.artifact.root()))
            .collect()
    }

    /// A join is sure when the pieces come from at least two artifacts, one of them of the compromise, and
    /// no other join would have been possible.
    fn confidence(&self, pieces: &[&Fragment], unique: bool) -> Confidence {
        let several = self.artifacts(pieces).len() > 1;
        let of_compromise =
            pieces.iter().any(|piece| self.atom(piece).is_some_and(|atom| atom.of_compromise));
        match (several, of_compromise, unique) {
            (true, true, true) => Confidence::High,
            (true, true, false) => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// Of several pieces that would fit, the one of the compromise, else the first.
    fn of_compromise_first<'p>(&self, choices: &[&'p Fragment]) -> Option<&'p Fragment> {
        let marked =
            choices.iter().find(|piece| self.atom(piece).is_some_and(|atom| atom.of_compromise));
        marked.or_else(|| choices.first()).copied()
    }

    fn identifier(
        &self,
        value: String,
        confidence: Confidence,
        pieces: &[&Fragment],
        join: String,
    ) -> Identifier {
        let parts = pieces
            .iter()
            .filter_map(|piece| {
                let atom = self.atom(piece)?;
                Some(IdentifierPart {
                    artifact: atom.artifact.clone(),
                    place: atom.place.clone(),
                    text: piece.text.clone(),
                })
            })
            .collect();
        Identifier { value, confidence, parts, join }
    }
}

fn distinct_texts(pieces: &[&Fragment]) -> usize {
    pieces.iter().map(|piece| piece.text.as_str()).collect::<BTreeSet<_>>().len()
}

/// Whether brackets, if there are any, balance.
fn balanced(value: &str) -> bool {
    value.matches('{').count() == value.matches('}').count()
}

fn completes(head: &Kind, tail: &Kind) -> bool {
    match (head, tail) {
        (Kind::UuidHead { groups: head }, Kind::UuidTail { groups: tail }) => {
            head.checked_add(*tail) == Some(UUID_GROUPS.len())
        }
        _ => false,
    }
}

#[cfg(test)]
mod noise;

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(artifact: &str, text: &str, of_compromise: bool) -> Atom {
        Atom {
            artifact: artifact.into(),
            place: "line 1".to_owned(),
            key: None,
            text: text.to_owned(),
            of_compromise,
        }
    }

    fn surest(atoms: &[Atom]) -> Option<(String, Confidence)> {
        assemble(atoms).into_iter().next().map(|found| (found.value, found.confidence))
    }

    #[test]
    fn halves_in_capture_and_candidate_are_joined() {
        let atoms = [
            atom("capture.log", "host=a&id=OPS{first_", true),
            atom("candidate.h5", "second_half}", false),
        ];
        let expected = ("OPS{first_second_half}".to_owned(), Confidence::High);
        assert_eq!(surest(&atoms), Some(expected));
    }

    #[test]
    fn pieces_of_one_artifact_or_of_no_compromise_are_not_sure() {
        let one = [atom("a.log", "OPS{first_", true), atom("a.log", "second_half}", true)];
        assert_eq!(surest(&one), None);
        let innocent = [atom("a.log", "OPS{first_", false), atom("b.log", "second_half}", false)];
        assert_ne!(surest(&innocent).map(|(_, sure)| sure), Some(Confidence::High));
    }

    #[test]
    fn numbered_parts_need_every_number() {
        let two = atom("model.pkl", "x part 2/3: -RAVEN-", true);
        let three = atom("next.gguf", "part 3/3: 9", false);
        assert_eq!(surest(&[two.clone(), three.clone()]), None);
        let one = atom("journal.json", "restart - part 1/3: NIGHT", false);
        let expected = ("NIGHT-RAVEN-9".to_owned(), Confidence::High);
        assert_eq!(surest(&[three, one, two]), Some(expected));
    }

    #[test]
    fn a_split_uuid_is_completed_only_by_the_missing_groups() {
        let head = atom("model.pt", "C='7f3c9a52-1be4-4d0e'", true);
        let tail = atom("next.keras", "https://192.0.2.1/-9c61-a88d20f4e7b3", true);
        let expected = ("7f3c9a52-1be4-4d0e-9c61-a88d20f4e7b3".to_owned(), Confidence::High);
        assert_eq!(surest(&[head.clone(), tail]), Some(expected));
        let other = atom("next.keras", "x=-1be4-4d0e-9c61-a88d20f4e7b3", true);
        assert_eq!(surest(&[head, other]), None);
    }
}
