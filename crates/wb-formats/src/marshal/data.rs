//! Marshalled values that are no code object by themselves: a walk over their type codes that keeps nothing.
//!
//! Specification: `r_object` in `Python/marshal.c` of CPython.

use wb_core::{Bytes, Cursor, Span};

/// Marshal's bit for "this value can be referred to".
const FLAG_REF: u8 = 0x80;
/// How deep values nest at most (`MAX_MARSHAL_STACK_DEPTH`).
const DEEPEST: usize = 2_000;

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With the value; the index behind it.
    Whole(usize),
    /// At a code object.
    Code,
    /// After as many values as were asked for.
    Enough,
    /// With the input.
    Cut,
    /// At something that is no value.
    Broken(usize),
}

/// What a walk saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) end: End,
    /// Values, those that hold others included.
    pub(super) values: u64,
}

/// A value that holds others.
enum Open {
    /// So many more.
    Counted(u64),
    /// Pairs up to a null; whether a key comes next.
    Pairs(bool),
}

/// Whether a value that holds others may begin here.
pub(super) fn may_begin(input: Bytes<'_>) -> bool {
    input.byte(0).is_some_and(|byte| b"{([<>)".contains(&(byte & !FLAG_REF)))
}

/// Goes through the value at the beginning of `input`, at most through `most` values, and calls `bytes` with each value
/// that is bytes.
pub(super) fn walk<'a>(input: Bytes<'a>, most: u64, mut bytes: impl FnMut(Bytes<'a>)) -> Seen {
    let mut walk = Walk { cursor: input.cursor(), open: Vec::new(), references: 0, interned: 0 };
    let mut values = 0_u64;
    let end = loop {
        if values >= most {
            break End::Enough;
        }
        // The null that ends pairs is no value.
        let is_value = walk.cursor.rest().byte(0) != Some(b'0');
        values = values.saturating_add(u64::from(is_value));
        let at = walk.cursor.position();
        match walk.value() {
            Ok(Some(found)) => bytes(found),
            Ok(None) => {}
            Err(Stop::Code) => break End::Code,
            Err(Stop::Cut) => break End::Cut,
            Err(Stop::Broken) => break End::Broken(at),
        }
        if walk.open.is_empty() {
            break End::Whole(walk.cursor.position());
        }
    };
    Seen { end, values }
}

/// Why a walk stops before its end.
enum Stop {
    Code,
    Cut,
    Broken,
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    open: Vec<Open>,
    /// Values that can be referred to, so far.
    references: u64,
    interned: u64,
}

impl<'a> Walk<'a> {
    /// Reads one value, and closes those that it completes. Returns it when it is bytes.
    fn value(&mut self) -> Result<Option<Bytes<'a>>, Stop> {
        let tag = self.cursor.u8().ok_or(Stop::Cut)?;
        let kind = tag & !FLAG_REF;
        if kind == b'0' {
            return match self.open.pop() {
                Some(Open::Pairs(true)) => self.complete().map(|()| None),
                _ => Err(Stop::Broken),
            };
        }
        if tag & FLAG_REF != 0 {
            self.references = self.references.saturating_add(1);
        }
        let mut found = None;
        match kind {
            b'N' | b'S' | b'.' | b'T' | b'F' => {}
            b'i' => self.skip(4)?,
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'l' => {
                // Digits of 15 bits; the sign is that of their number.
                let digits = u64::from(self.cursor.i32_le().ok_or(Stop::Cut)?.unsigned_abs());
                self.skip(digits.saturating_mul(2))?;
            }
            b'f' => self.short()?,
            b'x' => {
                self.short()?;
                self.short()?;
            }
            b's' => found = Some(self.long()?),
            b'u' | b'a' | b'A' => drop(self.long()?),
            b't' => {
                self.interned = self.interned.saturating_add(1);
                self.long()?;
            }
            b'z' | b'Z' => self.short()?,
            b'r' => self.reference(self.references)?,
            b'R' => self.reference(self.interned)?,
            b'c' => return Err(self.code()),
            _ => return self.holds(kind).map(|()| None),
        }
        self.complete().map(|()| found)
    }

    /// Opens a value that holds others.
    fn holds(&mut self, kind: u8) -> Result<(), Stop> {
        if self.open.len() >= DEEPEST {
            return Err(Stop::Broken);
        }
        let count = match kind {
            b'{' => {
                self.open.push(Open::Pairs(true));
                return Ok(());
            }
            b')' => u64::from(self.cursor.u8().ok_or(Stop::Cut)?),
            b'(' | b'[' | b'<' | b'>' => u64::from(self.cursor.u32_le().ok_or(Stop::Cut)?),
            b':' => 3,
            _ => return Err(Stop::Broken),
        };
        if count == 0 {
            return self.complete();
        }
        if count > self.cursor.remaining() as u64 {
            return Err(Stop::Broken);
        }
        self.open.push(Open::Counted(count));
        Ok(())
    }

    /// Counts a value in the one that holds it, and closes those that have all of theirs.
    fn complete(&mut self) -> Result<(), Stop> {
        while let Some(open) = self.open.last_mut() {
            match open {
                Open::Pairs(is_key) => {
                    *is_key = !*is_key;
                    return Ok(());
                }
                Open::Counted(left) => {
                    *left = left.saturating_sub(1);
                    if *left > 0 {
                        return Ok(());
                    }
                    self.open.pop();
                }
            }
        }
        Ok(())
    }

    /// Whether four small numbers follow, as they do in every layout of a code object.
    fn code(&self) -> Stop {
        let small = |index: usize, most: u32| {
            self.cursor.rest().u32_le(index).is_some_and(|number| number <= most)
        };
        let is_code = small(0, 255) && small(4, 1 << 16) && small(8, 1 << 16);
        if is_code { Stop::Code } else { Stop::Broken }
    }

    fn reference(&mut self, known: u64) -> Result<(), Stop> {
        let number = u64::from(self.cursor.u32_le().ok_or(Stop::Cut)?);
        if number < known { Ok(()) } else { Err(Stop::Broken) }
    }

    fn skip(&mut self, len: u64) -> Result<(), Stop> {
        self.cursor.take_u64(len).map(|_| ()).ok_or(Stop::Cut)
    }

    fn short(&mut self) -> Result<(), Stop> {
        let len = u64::from(self.cursor.u8().ok_or(Stop::Cut)?);
        self.skip(len)
    }

    fn long(&mut self) -> Result<Bytes<'a>, Stop> {
        let len = u64::from(self.cursor.u32_le().ok_or(Stop::Cut)?);
        self.cursor.take_u64(len).ok_or(Stop::Cut)
    }
}

/// What of `input` follows its value.
pub(super) fn behind(input: Bytes<'_>, end: usize) -> Option<Span> {
    let rest = input.from(end);
    (!rest.is_empty()).then(|| rest.span())
}
