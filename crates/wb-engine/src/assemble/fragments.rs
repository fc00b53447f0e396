//! Fragments: pieces of text that look cut off, each with its place. [`super::identifiers`] puts them
//! together.
//!
//! No identifier format is known beforehand. What counts is structure: a bracket that opens and does not
//! close, one that closes and was not opened, a label that counts parts, a UUID with groups missing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use wb_core::ArtifactPath;

/// A string of the case with its place.
#[derive(Clone, Debug)]
pub struct Atom {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// Where in it, in words.
    pub place: String,
    /// The key or label it stands under, where there is one.
    pub key: Option<String>,
    /// The string.
    pub text: String,
    /// Whether the artifact, or the traffic it is from, belongs to the compromise.
    pub of_compromise: bool,
}

/// A piece of an identifier.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// What kind of piece.
    pub kind: Kind,
    /// The piece as it stands.
    pub text: String,
    /// The label before it, without its number: `cid-part`.
    pub label: Option<String>,
    /// Position among the atoms it was found in.
    pub atom: usize,
}

/// The kinds of pieces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `word{rest`: opens and does not close.
    Open,
    /// `rest}`: closes and was not opened.
    Close,
    /// `word{rest}`: whole.
    Whole,
    /// Part `number` of `total`; the total is not always said.
    Part {
        /// Counted from 1.
        number: u32,
        /// How many there are.
        total: Option<u32>,
    },
    /// The first groups of a UUID.
    UuidHead {
        /// How many of the five groups.
        groups: usize,
    },
    /// The last groups of a UUID.
    UuidTail {
        /// How many of the five groups.
        groups: usize,
    },
    /// A whole UUID.
    Uuid,
}

/// Longest string that is searched for fragments, in bytes; longer ones are documents, not values.
const LONGEST: usize = 16 << 10;

/// Finds the fragments in `atoms`, each distinct text once per artifact.
pub fn fragments(atoms: &[Atom]) -> Vec<Fragment> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, atom) in atoms.iter().enumerate() {
        if atom.text.len() > LONGEST {
            continue;
        }
        for mut fragment in in_text(&atom.text, atom.key.as_deref()) {
            fragment.atom = index;
            let numbered = match &fragment.kind {
                Kind::Part { number, total } => Some((*number, *total)),
                _ => None,
            };
            if seen.insert((atom.artifact.clone(), fragment.text.clone(), numbered)) {
                found.push(fragment);
            }
        }
    }
    found
}

/// A run of characters that values are made of, with what stands before it.
#[derive(Debug)]
struct Token<'a> {
    text: &'a str,
    /// The word before it, if `=` or `:` stands between.
    label: Option<&'a str>,
}

fn in_text(text: &str, key: Option<&str>) -> Vec<Fragment> {
    let values = without_data(text);
    let text = values.as_ref();
    let mut found = counted_parts(text);
    for token in tokens(text) {
        let label = token.label.or(key);
        let Some(kind) = kind_of(token.text) else {
            if let Some(part) = labelled_part(&token) {
                found.push(part);
            }
            continue;
        };
        if let Some(mut part) = labelled_part(&token) {
            // A numbered piece may also open or close a bracket; both readings are kept.
            part.kind = match part.kind {
                Kind::Part { number, total } => Kind::Part { number, total },
                other => other,
            };
            found.push(part);
        }
        found.push(Fragment {
            kind,
            text: token.text.to_owned(),
            label: label.map(str::to_owned),
            atom: 0,
        });
    }
    found
}

/// Runs without a space or quote that are longer than this are encoded data: in base85, every kind of bracket
/// and hyphen comes up by chance.
const LONGEST_VALUE: usize = 160;

/// The text with blanks for encoded data.
fn without_data(text: &str) -> Cow<'_, str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let is_data = |run: &str| run.len() > LONGEST_VALUE;
    if !text.split_inclusive(ends).any(is_data) {
        return Cow::Borrowed(text);
    }
    let blank = |run| if is_data(run) { " ".repeat(run.len()).into() } else { Cow::Borrowed(run) };
    Cow::Owned(text.split_inclusive(ends).map(blank).collect())
}

/// Splits text into tokens. Characters that values of identifiers are made of hold a token together.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut all: Vec<Token<'_>> = Vec::new();
    let mut previous: Option<(&str, usize)> = None;
    let mut start = None;
    let boundaries = text.char_indices().map(|(at, c)| (at, Some(c)));
    for (at, c) in boundaries.chain(std::iter::once((text.len(), None))) {
        let inside = c.is_some_and(holds_together);
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let token = text.get(from..at).unwrap_or_default();
                let label = previous.filter(|(_, end)| joins(text.get(*end..from).unwrap_or("")));
                all.push(Token { text: token, label: label.map(|(word, _)| word) });
                previous = Some((token, at));
                start = None;
            }
            _ => {}
        }
    }
    all
}

fn holds_together(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '{' | '}' | '.' | '+' | '~' | '!' | '$' | '#' | '^')
}

/// Whether what stands between two tokens makes the first the label of the second.
fn joins(between: &str) -> bool {
    let trimmed = between.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    matches!(trimmed, "=" | ":" | "=>" | ":=")
}

fn kind_of(token: &str) -> Option<Kind> {
    if token.contains('$') || token.contains('#') {
        return None;
    }
    bracket_kind(token).or_else(|| uuid_kind(token))
}

fn bracket_kind(token: &str) -> Option<Kind> {
    let opens = token.matches('{').count();
    let closes = token.matches('}').count();
    match (opens, closes) {
        (1, 0) => {
            let (name, rest) = token.split_once('{')?;
            (is_name(name) && rest.len() >= 3 && has_letter(rest)).then_some(Kind::Open)
        }
        (0, 1) => {
            let rest = token.strip_suffix('}')?;
            let literal = ["null", "true", "false", "none"].contains(&rest.to_lowercase().as_str());
            (rest.len() >= 3 && has_letter(rest) && !literal).then_some(Kind::Close)
        }
        (1, 1) => {
            let (name, rest) = token.split_once('{')?;
            let inner = rest.strip_suffix('}')?;
            (is_name(name) && inner.len() >= 4 && has_letter(inner)).then_some(Kind::Whole)
        }
        _ => None,
    }
}

/// Whether `name` can stand before the bracket: 2 to 16 letters, digits, `_` or `-`, a letter first.
fn is_name(name: &str) -> bool {
    (2..=16).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn has_letter(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// Lengths of the groups of a UUID (RFC 9562, section 4), in hexadecimal digits.
pub const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

fn uuid_kind(token: &str) -> Option<Kind> {
    let core = token.trim_matches('-');
    let groups: Vec<&str> = core.split('-').collect();
    let hex = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_hexdigit());
    if !groups.iter().all(hex) || !core.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let count = lengths.len();
    if lengths == UUID_GROUPS {
        return Some(Kind::Uuid);
    }
    // A single group is no evidence of a UUID unless a hyphen shows that more was there.
    let cut_after = token.ends_with('-');
    let cut_before = token.starts_with('-');
    if count < 5 && UUID_GROUPS.starts_with(&lengths) && (count >= 2 || cut_after) {
        return Some(Kind::UuidHead { groups: count });
    }
    if count < 5 && UUID_GROUPS.ends_with(&lengths) && (count >= 2 || cut_before) {
        return Some(Kind::UuidTail { groups: count });
    }
    None
}

/// Words that count pieces.
const COUNTING: &[&str] =
    &["part", "piece", "chunk", "fragment", "frag", "segment", "seg", "half", "share", "slice"];

/// `part 2/3: text`, `chunk 1 of 2 = text`.
fn counted_parts(text: &str) -> Vec<Fragment> {
    let lower = text.to_lowercase();
    let mut found = Vec::new();
    for word in COUNTING {
        for (at, _) in lower.match_indices(word) {
            let after = at + word.len();
            let rest = text.get(after..).unwrap_or("");
            let Some((number, total, value)) = count_and_value(rest) else { continue };
            let label = label_before(text.get(..at).unwrap_or(""), word);
            found.push(Fragment {
                kind: Kind::Part { number, total: Some(total) },
                text: value.to_owned(),
                label: Some(label),
                atom: 0,
            });
        }
    }
    found
}

/// `" 2/3: text…"` to 2, 3 and the value after the separator.
fn count_and_value(rest: &str) -> Option<(u32, u32, &str)> {
    let rest = rest.trim_start_matches([' ', '_', '-', '#', '(', '[']);
    let (number, rest) = leading_number(rest)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('/').or_else(|| rest.strip_prefix("of"))?;
    let (total, rest) = leading_number(rest.trim_start())?;
    let rest = rest.trim_start_matches([' ', ')', ']']);
    let rest = rest.strip_prefix([':', '=', '-', '>'])?.trim_start();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')'));
    let value = rest.get(..end.unwrap_or(rest.len()))?;
    let plausible = (1..=total).contains(&number) && (2..=9).contains(&total);
    (plausible && !value.is_empty()).then_some((number, total, value))
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = text.get(..end).filter(|digits| (1..=2).contains(&digits.len()))?;
    Some((digits.parse().ok()?, text.get(end..)?))
}

/// The word before the counting word, which tells one set of parts from another.
fn label_before(before: &str, word: &str) -> String {
    let stem = before.rsplit([' ', '"', '\'', ',', ';', '&']).find(|part| !part.is_empty());
    match stem {
        Some(stem) if before.ends_with(['-', '_', '.']) => format!("{stem}{word}"),
        _ => word.to_owned(),
    }
}

/// `cid-part2=text`: a label that ends in a counting word and a number.
fn labelled_part(token: &Token<'_>) -> Option<Fragment> {
    let label = token.label?.to_lowercase();
    let digits = label.chars().rev().take_while(char::is_ascii_digit).count();
    let stem = label.get(..label.len().checked_sub(digits)?)?;
    let number: u32 = label.get(stem.len()..)?.parse().ok()?;
    let stem = stem.trim_end_matches(['-', '_', '.']);
    let counts = COUNTING.iter().any(|word| stem.ends_with(word));
    (counts && (1..=9).contains(&number)).then(|| Fragment {
        kind: Kind::Part { number, total: None },
        text: token.text.to_owned(),
        label: Some(stem.to_owned()),
        atom: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        in_text(text, None).into_iter().map(|fragment| (fragment.kind, fragment.text)).collect()
    }

    #[test]
    fn brackets_that_open_or_close_alone_are_pieces() {
        assert_eq!(kinds("host=a&id=OPS{first_"), [(Kind::Open, "OPS{first_".to_owned())]);
        assert_eq!(kinds("second_half}"), [(Kind::Close, "second_half}".to_owned())]);
    }

    #[test]
    fn shell_variables_templates_and_numbers_are_not() {
        assert!(kinds("echo ${HOME} {{ messages }} {\"a\": 1036} {\"b\": null}").is_empty());
        assert!(kinds("{% for m in messages %}{{ m['content'] }}{% endfor %}").is_empty());
    }

    #[test]
    fn what_chance_puts_into_encoded_data_is_no_piece() {
        let data = "tvH{wuR094Tkx5H&F>}%Z4+ZcWkL)_3qp}".repeat(8);
        assert!(kinds(&format!("b85decode('{data}')")).is_empty());
        let beside = format!("b85decode('{data}', 'OPS{{first_')");
        assert_eq!(kinds(&beside), [(Kind::Open, "OPS{first_".to_owned())]);
    }

    #[test]
    fn parts_are_counted_in_either_spelling() {
        let part = |number, total| Kind::Part { number, total };
        assert_eq!(kinds("note - part 1/3: RAVEN"), [(part(1, Some(3)), "RAVEN".to_owned())]);
        assert_eq!(kinds("x; ref-part2=tail"), [(part(2, None), "tail".to_owned())]);
        assert!(kinds("part 4/3: no").is_empty());
        assert!(kinds("department 1/2").is_empty());
    }

    #[test]
    fn a_uuid_with_groups_missing_is_a_piece_and_a_date_is_not() {
        assert_eq!(kinds("q=7f3c9a52-1be4")[0].0, Kind::UuidHead { groups: 2 });
        assert_eq!(kinds("/-9c61-a88d20f4e7b3")[0].0, Kind::UuidTail { groups: 2 });
        assert!(kinds("2026-04-09").is_empty());
        assert!(kinds("deadbeef").is_empty());
    }
}
