//! The wire format of protocol buffers: [`each`] hands every [`Field`] of a message to its caller, in file
//! order and with its bytes; [`Walk`] carries what was odd and how much may still be done.
//!
//! No schema is needed: what a number means is the caller's to know. A field that may stand once and
//! stands twice is handed over twice, the second time with [`Field::again`] set: for numbers and strings
//! the last one holds, messages are merged.
//!
//! Specification: "Encoding" in the documentation of protocol buffers.

use crate::notes::Notes;
use wb_core::{Budget, Bytes, Cursor, Exhausted, OddityKind, Span};

/// How deep messages and groups may nest; the limit of the C++ and Python implementations.
const DEEPEST: u32 = 100;
/// Longest varint, in bytes.
const LONGEST_VARINT: usize = 10;

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// Its number in the schema.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
    /// Its bytes, from the tag to the end of the value.
    pub span: Span,
    /// Whether a field of this number (below 64) stood in the message before.
    pub again: bool,
}

impl<'a> Field<'a> {
    /// The bytes of a string, a message or packed numbers.
    pub(crate) const fn bytes(&self) -> Option<Bytes<'a>> {
        match self.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The string, with what is no UTF-8 replaced, cut to `KEPT` bytes.
    pub(crate) fn text(&self) -> Option<String> {
        self.bytes().map(text)
    }

    /// The number of a varint.
    pub(crate) const fn varint(&self) -> Option<u64> {
        match self.value {
            Value::Varint(number) => Some(number),
            _ => None,
        }
    }
}

/// Longest string that is kept, in bytes.
const KEPT: usize = 1 << 16;

/// `bytes` as text, cut to a length that can be kept.
pub(crate) fn text(bytes: Bytes<'_>) -> String {
    String::from_utf8_lossy(bytes.head(KEPT).as_slice()).into_owned()
}

/// The place of `part` inside `place`. Both are cut to a length that can be kept for every node: a file may
/// nest deep, and name its parts at length.
pub(crate) fn below(place: &str, part: &str) -> String {
    const PLACE: usize = 384;
    const PART: usize = 128;
    let cut = |text: &str, most: usize| {
        let kept = text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned();
        if kept.len() < text.len() { kept + "…" } else { kept }
    };
    format!("{}.{}", cut(place, PLACE), cut(part, PART))
}

/// A value as its wire type tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64,
    /// Wire type 2: a string, bytes, a message, packed numbers.
    Bytes(Bytes<'a>),
    /// Wire types 3 and 4: the fields between the two tags of a group.
    Group,
    /// Wire type 5.
    Fixed32(u32),
}

/// Why the fields of a message end before its bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The bytes end inside a field.
    Cut,
    /// A length that reaches behind the message.
    Length(u64),
    /// A varint of more than ten bytes, or of more than 64 bits.
    Varint,
    /// A field number or wire type that does not exist, or the end of a group that was not begun.
    Tag(u64),
    /// Groups nested too deep.
    Deep,
}

impl Broken {
    fn oddity(self) -> (OddityKind, String) {
        match self {
            Self::Cut => (OddityKind::Truncated, "ends inside a field".to_owned()),
            Self::Length(len) => {
                (OddityKind::ImpossibleLength, format!("a field is said to have {len} bytes"))
            }
            Self::Varint => (OddityKind::Malformed, "a number of more than 64 bits".to_owned()),
            Self::Tag(tag) => (OddityKind::Malformed, format!("no field begins with {tag:#x}")),
            Self::Deep => (OddityKind::Malformed, format!("groups nest deeper than {DEEPEST}")),
        }
    }
}

/// The fields of one message, one after the other, for those who only look.
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
    seen: u64,
    /// A varint so far was longer than its number needs.
    pub padded: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) const fn of(message: Bytes<'a>) -> Self {
        Self { cursor: message.cursor(), seen: 0, padded: false }
    }

    /// The next field; `None` at the end of the message.
    ///
    /// # Errors
    /// [`Broken`] when the next bytes are no field; nothing behind them can be read.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, Broken> {
        if self.cursor.is_at_end() {
            return Ok(None);
        }
        let start = self.cursor.offset();
        let (number, wire) = self.tag()?;
        let value = match wire {
            3 => self.group(number)?,
            4 => return Err(Broken::Tag(u64::from(number) << 3 | wire)),
            _ => self.plain(wire)?,
        };
        let bit = 1_u64.checked_shl(number).unwrap_or(0);
        let again = self.seen & bit != 0;
        self.seen |= bit;
        let span = Span::new(start, self.cursor.offset().saturating_sub(start));
        Ok(Some(Field { number, value, span, again }))
    }

    /// Where the next field begins.
    pub(crate) const fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    fn tag(&mut self) -> Result<(u32, u64), Broken> {
        let tag = self.varint()?;
        match u32::try_from(tag) {
            Ok(narrow) if narrow >> 3 > 0 && tag & 7 < 6 => Ok((narrow >> 3, tag & 7)),
            _ => Err(Broken::Tag(tag)),
        }
    }

    fn plain(&mut self, wire: u64) -> Result<Value<'a>, Broken> {
        Ok(match wire {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.cursor.u64_le().ok_or(Broken::Cut)?;
                Value::Fixed64
            }
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.cursor.take_u64(len).ok_or(Broken::Length(len))?)
            }
            _ => Value::Fixed32(self.cursor.u32_le().ok_or(Broken::Cut)?),
        })
    }

    /// Skips to the end of the group `number`; groups inside have to end in the reverse order.
    fn group(&mut self, number: u32) -> Result<Value<'a>, Broken> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            match self.tag()? {
                (number, 3) if open.len() < DEEPEST as usize => open.push(number),
                (_, 3) => return Err(Broken::Deep),
                (number, 4) if number == innermost => {
                    open.pop();
                }
                (number, 4) => return Err(Broken::Tag(u64::from(number) << 3 | 4)),
                (_, wire) => {
                    self.plain(wire)?;
                }
            }
        }
        Ok(Value::Group)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let (number, len) = varint(self.cursor.rest())?;
        self.padded |= len > 1 && self.cursor.rest().byte(len.saturating_sub(1)) == Some(0);
        self.cursor.take(len);
        Ok(number)
    }
}

/// The varint at the beginning of `bytes`, and how many bytes it takes.
fn varint(bytes: Bytes<'_>) -> Result<(u64, usize), Broken> {
    let mut number = 0_u64;
    for (index, byte) in bytes.head(LONGEST_VARINT).as_slice().iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(7);
        if shift == 63 && bits > 1 {
            return Err(Broken::Varint);
        }
        number |= bits.checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((number, index.saturating_add(1)));
        }
    }
    Err(if bytes.len() < LONGEST_VARINT { Broken::Cut } else { Broken::Varint })
}

/// The numbers of a repeated field: one varint, or many in one packed string. Reads at most `most`.
pub(crate) fn varints(value: Value<'_>, most: usize) -> Vec<u64> {
    match value {
        Value::Varint(number) => vec![number],
        Value::Bytes(mut rest) => {
            let mut numbers = Vec::new();
            while let (Ok((number, len)), true) = (varint(rest), numbers.len() < most) {
                numbers.push(number);
                rest = rest.from(len);
            }
            numbers
        }
        _ => Vec::new(),
    }
}

/// What reading a tree of messages carries along.
pub(crate) struct Walk<'b> {
    /// What was odd and what was not read.
    pub notes: Notes,
    /// The work that is left.
    pub budget: &'b mut Budget,
    depth: u32,
    exhausted: bool,
}

impl<'b> Walk<'b> {
    /// At the root of a tree of messages.
    pub(crate) fn new(budget: &'b mut Budget) -> Self {
        Self { notes: Notes::default(), budget, depth: 0, exhausted: false }
    }

    /// Spends one kept item; `false` when there are none left, which is noted once.
    pub(crate) fn keeps(&mut self, span: Span) -> bool {
        let spent = self.budget.items(1);
        self.spent(spent, span)
    }

    /// Notes that `field` of a number that stands once stands in `place` again.
    pub(crate) fn once(&mut self, field: &Field<'_>, place: &str) {
        if field.again {
            let what = format!("field {} stands more than once: the last one holds", field.number);
            self.notes.odd(OddityKind::DuplicateKey, place, Some(field.span), what);
        }
    }

    fn spent(&mut self, spent: Result<(), Exhausted>, span: Span) -> bool {
        if let Err(limit) = spent {
            if !self.exhausted {
                self.exhausted = true;
                let why = format!("the budget of {} ran out", limit.name());
                self.notes.gap(Some(span), why);
            }
            return false;
        }
        !self.exhausted
    }
}

/// Calls `visit` with each field of `message`. What is no field ends the message and is an oddity.
pub(crate) fn each<'a, 'b>(
    message: Bytes<'a>,
    place: &str,
    walk: &mut Walk<'b>,
    mut visit: impl FnMut(Field<'a>, &mut Walk<'b>),
) {
    if walk.depth >= DEEPEST {
        let what = format!("messages nest deeper than {DEEPEST}");
        walk.notes.odd(OddityKind::Malformed, place, Some(message.span()), what.as_str());
        walk.notes.gap(Some(message.span()), what);
        return;
    }
    walk.depth = walk.depth.saturating_add(1);
    let mut fields = Fields::of(message);
    loop {
        let at = fields.offset();
        let rest = Span::new(at, message.span().end().saturating_sub(at));
        let spent = walk.budget.steps(1);
        if !walk.spent(spent, rest) {
            break;
        }
        match fields.next() {
            Ok(Some(field)) => visit(field, walk),
            Ok(None) => break,
            Err(broken) => {
                let (kind, what) = broken.oddity();
                walk.notes.gap(Some(rest), format!("{place}: {what}"));
                walk.notes.odd(kind, place, Some(rest), what);
                break;
            }
        }
    }
    if fields.padded {
        let what = "a number is written longer than it has to be";
        walk.notes.odd(OddityKind::Malformed, place, Some(message.span()), what);
    }
    walk.depth = walk.depth.saturating_sub(1);
}

#[cfg(test)]
pub(crate) mod recipes;
#[cfg(test)]
mod tests;
