//! The directory: `'key', (512, 67)` for each key, in Latin-1. Python takes a line for a literal; before 3.4.4 and 2.7.11 it
//! evaluated it, whatever it said.

use crate::notes::Notes;
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span, Strength, Trigger};

/// Lines that are looked at to tell what the file is, and bytes of them.
const ASKED: usize = 3;
const HEAD: usize = 4096;

/// Whether one of the first lines is a key with its place; weak when it is anything with one.
pub(super) fn begins(input: Bytes<'_>) -> Option<Strength> {
    let head = input.head(HEAD).as_slice();
    let lines: Vec<&str> =
        head.split(|byte| *byte == b'\n').take(ASKED).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    if lines.iter().any(|line| Record::of(line).is_some()) {
        return Some(Strength::Strong);
    }
    lines.iter().any(|line| pair(line).is_some()).then_some(Strength::Weak)
}

/// A key, where its value begins in the file of values, and how long it is.
struct Record<'t> {
    key: &'t str,
    place: &'t str,
    size: &'t str,
}

impl<'t> Record<'t> {
    /// The record of a line that is a literal.
    fn of(line: &'t str) -> Option<Self> {
        let (key, place, size) = pair(line)?;
        Some(Self { key: literal(key)?, place, size })
    }
}

/// What stands before the two numbers at the end of a line, and the numbers.
fn pair(line: &str) -> Option<(&str, &str, &str)> {
    let (rest, pair) = line.trim_end().strip_suffix(')')?.rsplit_once(", (")?;
    let (place, size) = pair.split_once(", ")?;
    // Python 2 marks long numbers.
    let is_number = |text: &str| {
        let digits = text.strip_suffix('L').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    (is_number(place) && is_number(size)).then_some((rest, place, size))
}

/// What stands between the quotes of a text that is one literal.
fn literal(text: &str) -> Option<&str> {
    let text = text.strip_prefix(['u', 'b']).unwrap_or(text);
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut is_escaped = false;
    let closes = inner.chars().any(|letter| {
        let closes = letter == quote && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        closes
    });
    (!closes && !is_escaped).then_some(inner)
}

/// Reads every line; what is no record is lifted as what Python would evaluate.
pub(super) fn parse(input: Bytes<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut cursor = input.cursor();
    for number in 1_u64.. {
        let rest = cursor.rest();
        let Some(line) = cursor.take_until(b'\n').or_else(|| cursor.take(rest.len())).filter(|_| !rest.is_empty())
        else {
            break;
        };
        if budget.items(1).is_err() || budget.steps(line.len() as u64).is_err() {
            notes.gap(Some(rest.span()), "the budget ran out");
            break;
        }
        // Python reads the file as Latin-1.
        let text: String = line.as_slice().iter().map(|byte| char::from(*byte)).collect();
        match Record::of(&text) {
            Some(Record { key, place, size }) => content.fields.push(Field {
                path: key.to_owned(),
                value: format!("offset {place}, {size} bytes"),
                span: Some(line.span()),
            }),
            None if text.trim().is_empty() => {}
            None => code(line.span(), number, &text, &mut content, &mut notes, budget),
        }
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

fn code(span: Span, number: u64, text: &str, content: &mut Content, notes: &mut Notes, budget: &mut Budget) {
    let place = format!("line {number}");
    notes.odd(OddityKind::Malformed, &place, Some(span), "the line is no literal of a key and its place");
    match wb_code::python::lift(text, Trigger::Load, budget) {
        Some(mut program) if !program.ops.is_empty() => {
            program.stand_at(span);
            program.place = place;
            program.source = Some(text.to_owned());
            content.programs.push(program);
        }
        _ => notes.gap(Some(span), format!("{place} is no literal and no code")),
    }
}
