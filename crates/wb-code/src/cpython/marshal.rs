//! Reading marshal: `Python/marshal.c` of CPython 2.7 and 3.0 to 3.14. The main type is [`Reader`].
//!
//! The bytes do not say which version wrote them. Only code objects differ: a [`Layout`] is the order of
//! their fields, and the reader tries one after the other. Taking one layout for another misplaces the
//! first object by four bytes, where a zero byte stands that begins no value.

use super::{CodeObject, NotCode, Value, Version, version};
use std::sync::Arc;
use wb_core::{Budget, Bytes, Cursor, Span};

/// How deep values may nest, through references too. Compilers stay under 40.
const MAX_DEPTH: u16 = 160;
/// Marshal's bit for "this value can be referred to".
const FLAG_REF: u8 = 0x80;

/// Reads a marshalled code object, finding its version by trying layouts, that of `hint` first. Bytes
/// after the code object are left alone: its span says how many belong to it.
///
/// # Errors
/// [`NotCode`] when no version's layout fits.
pub fn read_marshal(
    input: Bytes<'_>,
    hint: Option<Version>,
    budget: &mut Budget,
) -> Result<CodeObject, NotCode> {
    let first = input.byte(0).map(|byte| byte & !FLAG_REF);
    if first != Some(b'c') {
        return Err(NotCode("the first byte is not marshal's type code `c`".to_owned()));
    }
    match read_value(input, hint, budget)? {
        Value::Code(code) => Ok(Arc::unwrap_or_clone(code)),
        other => Err(NotCode(format!("the marshalled value is of type `{}`", other.type_name()))),
    }
}

/// Reads any marshalled value. Code objects in it have a version, found as [`read_marshal`] does.
///
/// # Errors
/// [`NotCode`] when it is not marshal, or ends early, or nests too deep, or the budget runs out.
pub fn read_value(
    input: Bytes<'_>,
    hint: Option<Version>,
    budget: &mut Budget,
) -> Result<Value, NotCode> {
    let mut layouts = Layout::ALL.to_vec();
    if let Some(hinted) = hint.map(Layout::of) {
        layouts.sort_by_key(|layout| *layout != hinted);
    }
    let mut furthest = (0, NotCode("empty input".to_owned()));
    for layout in layouts {
        let mut reader = Reader::new(input, layout, None);
        match reader.value(0, budget) {
            Ok((value, _)) => {
                let version = version::decide(&value, layout.versions(), hint, budget);
                let mut reader = Reader::new(input, layout, Some(version));
                return reader.value(0, budget).map(|(value, _)| value);
            }
            Err(error) if reader.cursor.position() >= furthest.0 => {
                furthest = (reader.cursor.position(), error);
            }
            Err(_) => {}
        }
    }
    Err(furthest.1)
}

/// The order of the fields of a marshalled code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// 2.7.
    Two,
    /// 3.0 to 3.7: keyword-only arguments.
    Three,
    /// 3.8 to 3.10: positional-only arguments (PEP 570).
    Eight,
    /// 3.11 on: one list of local variables, qualified name, exception table.
    Eleven,
}

impl Layout {
    /// Every layout, the most common today first.
    const ALL: [Self; 4] = [Self::Eleven, Self::Eight, Self::Three, Self::Two];

    /// The layout that `version` writes.
    const fn of(version: Version) -> Self {
        match (version.major, version.minor) {
            (2, _) => Self::Two,
            (_, 0..=7) => Self::Three,
            (_, 8..=10) => Self::Eight,
            _ => Self::Eleven,
        }
    }

    /// The versions that write it, the newest first.
    pub(super) const fn versions(self) -> &'static [Version] {
        const fn three<const N: usize>(newest: u8) -> [Version; N] {
            let mut versions = [Version::three(0); N];
            let mut minor = newest;
            let mut left = versions.as_mut_slice();
            while let Some((first, rest)) = left.split_first_mut() {
                *first = Version::three(minor);
                minor = minor.saturating_sub(1);
                left = rest;
            }
            versions
        }
        const THREE: [Version; 8] = three(7);
        const EIGHT: [Version; 3] = three(10);
        const ELEVEN: [Version; 4] = three(14);
        match self {
            Self::Two => &[Version::TWO],
            Self::Three => &THREE,
            Self::Eight => &EIGHT,
            Self::Eleven => &ELEVEN,
        }
    }
}

/// A value and how deep it nests.
type Nested = (Value, u16);

/// One attempt to read the input in one layout.
struct Reader<'a> {
    cursor: Cursor<'a>,
    layout: Layout,
    /// The version, once it is decided; the layout's newest until then.
    version: Option<Version>,
    /// Values that `r` refers to, by number; `None` while one is being read.
    references: Vec<Option<Nested>>,
    /// Version 2's interned strings, which `R` refers to.
    interned: Vec<Value>,
}

impl<'a> Reader<'a> {
    fn new(input: Bytes<'a>, layout: Layout, version: Option<Version>) -> Self {
        let (references, interned) = (Vec::new(), Vec::new());
        Self { cursor: input.cursor(), layout, version, references, interned }
    }

    /// Reads a value that stands `depth` levels deep.
    fn value(&mut self, depth: u16, budget: &mut Budget) -> Result<Nested, NotCode> {
        if depth >= MAX_DEPTH {
            return Err(NotCode(format!("values nest deeper than {MAX_DEPTH} levels")));
        }
        budget.steps(1).and_then(|()| budget.items(1)).map_err(|what| spent(what.name()))?;
        let start = self.cursor.position();
        let tag = self.cursor.u8().ok_or_else(|| self.ends())?;
        let kind = tag & !FLAG_REF;
        if kind == b'r' {
            return self.reference(depth);
        }
        // CPython gives no number to the values that exist once only.
        let numbered = tag & FLAG_REF != 0 && !b"0NSTF.".contains(&kind);
        let slot = self.references.len();
        if numbered {
            self.references.push(None);
        }
        let nested = if let Some(value) = self.scalar(kind)? {
            (value, 0)
        } else if kind == b'c' {
            self.code(start, depth, budget)?
        } else {
            self.collection(kind, depth, budget)?
        };
        if let Some(reference) = self.references.get_mut(slot).filter(|_| numbered) {
            *reference = Some(nested.clone());
        }
        Ok(nested)
    }

    fn reference(&mut self, depth: u16) -> Result<Nested, NotCode> {
        let index = self.length()?;
        match self.references.get(index) {
            Some(Some((_, height))) if depth.saturating_add(*height) >= MAX_DEPTH => {
                Err(NotCode(format!("values nest deeper than {MAX_DEPTH} levels")))
            }
            Some(Some(nested)) => Ok(nested.clone()),
            Some(None) => Ok((Value::Other("<recursive reference>".into()), 0)),
            None => Err(NotCode(format!("reference {index} names no value"))),
        }
    }

    /// Reads a value that holds no other; `None` when `kind` is not such a one.
    fn scalar(&mut self, kind: u8) -> Result<Option<Value>, NotCode> {
        Ok(Some(match kind {
            b'N' => Value::None,
            b'S' => Value::StopIteration,
            b'.' => Value::Ellipsis,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'i' => Value::Int(self.int()?.into()),
            b'I' => Value::Int(i64::from_le_bytes(self.array()?)),
            b'l' => self.long()?,
            b'g' => Value::Float(f64::from_le_bytes(self.array()?)),
            b'f' => Value::Float(self.written_float()?),
            b'y' => {
                Value::Complex(f64::from_le_bytes(self.array()?), f64::from_le_bytes(self.array()?))
            }
            b'x' => Value::Complex(self.written_float()?, self.written_float()?),
            b's' => Value::Bytes(self.long_bytes()?.into()),
            b't' => self.interned()?,
            b'R' => self.interned_reference()?,
            b'u' | b'a' | b'A' => text(self.long_bytes()?, kind),
            b'z' | b'Z' => text(self.short_bytes()?, kind),
            _ => return Ok(None),
        }))
    }

    fn collection(&mut self, kind: u8, depth: u16, budget: &mut Budget) -> Result<Nested, NotCode> {
        let inner = depth.saturating_add(1);
        if kind == b'{' {
            return self.dict(inner, budget);
        }
        let count = match kind {
            b')' => usize::from(self.cursor.u8().ok_or_else(|| self.ends())?),
            b'(' | b'[' | b'<' | b'>' => self.length()?,
            b':' => 3,
            _ => return Err(self.unknown(kind)),
        };
        let (items, height) = self.items(count, inner, budget)?;
        let items: Arc<[Value]> = items.into();
        let value = match kind {
            b'(' | b')' => Value::Tuple(items),
            b'[' => Value::List(items),
            b'<' => Value::Set(items),
            b'>' => Value::FrozenSet(items),
            _ => match <[Value; 3]>::try_from(items.to_vec()) {
                Ok(parts) => Value::Slice(Arc::new(parts)),
                Err(_) => return Err(self.unknown(kind)),
            },
        };
        Ok((value, height.saturating_add(1)))
    }

    fn items(
        &mut self,
        count: usize,
        depth: u16,
        budget: &mut Budget,
    ) -> Result<(Vec<Value>, u16), NotCode> {
        if count > self.cursor.remaining() {
            return Err(NotCode(format!("{count} items announced, more than there are bytes")));
        }
        let mut items = Vec::new();
        let mut height = 0;
        for _ in 0..count {
            let (item, below) = self.value(depth, budget)?;
            items.push(item);
            height = below.max(height);
        }
        Ok((items, height))
    }

    /// Pairs up to a NULL in place of a key.
    fn dict(&mut self, depth: u16, budget: &mut Budget) -> Result<Nested, NotCode> {
        let mut pairs = Vec::new();
        let mut height = 0_u16;
        loop {
            if self.cursor.rest().byte(0) == Some(b'0') {
                self.cursor.u8();
                return Ok((Value::Dict(pairs.into()), height.saturating_add(1)));
            }
            let (key, below_key) = self.value(depth, budget)?;
            let (value, below_value) = self.value(depth, budget)?;
            height = height.max(below_key).max(below_value);
            pairs.push((key, value));
        }
    }

    /// `r_object`, case `TYPE_CODE`.
    fn code(&mut self, start: usize, depth: u16, budget: &mut Budget) -> Result<Nested, NotCode> {
        let layout = self.layout;
        let inner = depth.saturating_add(1);
        let [argument_count, positional_only_count, keyword_only_count, stack_size, flags] =
            self.header()?;
        let (code, code_span) = self.code_bytes()?;
        let mut height = 0_u16;
        let mut next = |reader: &mut Self| -> Result<Value, NotCode> {
            let (value, below) = reader.value(inner, budget)?;
            height = below.max(height);
            Ok(value)
        };
        let consts = values(next(self)?, layout)?;
        let names = strings(next(self)?, "names")?;
        let locals = strings(next(self)?, "local variables")?;
        let kinds = next(self)?;
        let (free, cells) = if layout == Layout::Eleven {
            split_kinds(&locals, &bytes(kinds, "kinds of local variables")?)
        } else {
            (strings(kinds, "free variables")?, strings(next(self)?, "cell variables")?)
        };
        let filename = string(&next(self)?, "file name")?;
        let name = string(&next(self)?, "name")?;
        let qualname = match layout {
            Layout::Eleven => string(&next(self)?, "qualified name")?,
            _ => name.clone(),
        };
        let first_line = i64::from(self.int()?);
        let line_table = bytes(self.value(inner, budget)?.0, "line table")?;
        let exception_table = match layout {
            Layout::Eleven => bytes(self.value(inner, budget)?.0, "exception table")?,
            _ => Vec::new(),
        };
        let mut code = CodeObject {
            version: self.version.or(layout.versions().first().copied()).unwrap_or(Version::TWO),
            name,
            qualname,
            filename,
            first_line,
            argument_count,
            positional_only_count,
            keyword_only_count,
            stack_size,
            flags,
            code,
            code_span,
            span: self.span_from(start),
            consts,
            names,
            locals,
            cells,
            free,
            line_table,
            exception_table,
            doubts: Vec::new(),
        };
        if self.version.is_some() {
            code.doubts = version::doubts(&code, code.version);
        }
        Ok((Value::Code(Arc::new(code)), height.saturating_add(1)))
    }

    /// What was read since `start`, a position.
    fn span_from(&self, start: usize) -> Span {
        let read = u64::try_from(self.cursor.position().saturating_sub(start)).unwrap_or(u64::MAX);
        Span::new(self.cursor.offset().saturating_sub(read), read)
    }

    /// Arguments, positional-only ones, keyword-only ones, stack size, flags.
    fn header(&mut self) -> Result<[u32; 5], NotCode> {
        let layout = self.layout;
        let arguments = self.count()?;
        let has_positional_only = matches!(layout, Layout::Eight | Layout::Eleven);
        let positional_only = if has_positional_only { self.count()? } else { 0 };
        let keyword_only = if layout == Layout::Two { 0 } else { self.count()? };
        if layout != Layout::Eleven {
            self.count()?; // co_nlocals, which the names of the local variables say again
        }
        Ok([arguments, positional_only, keyword_only, self.count()?, self.count()?])
    }

    /// The bytecode, and where it lies when it is not a reference to bytes read before.
    fn code_bytes(&mut self) -> Result<(Vec<u8>, Option<Span>), NotCode> {
        let tag = self.cursor.u8().ok_or_else(|| self.ends())?;
        match tag & !FLAG_REF {
            b's' => {
                let start = self.cursor.offset().saturating_add(4);
                let data = self.long_bytes()?;
                if tag & FLAG_REF != 0 {
                    self.references.push(Some((Value::Bytes(data.into()), 0)));
                }
                let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
                Ok((data.to_vec(), Some(Span::new(start, len))))
            }
            b't' => Ok((bytes(self.interned()?, "bytecode")?, None)),
            b'R' => Ok((bytes(self.interned_reference()?, "bytecode")?, None)),
            b'r' => Ok((bytes(self.reference(0)?.0, "bytecode")?, None)),
            kind => Err(self.unknown(kind)),
        }
    }

    fn interned(&mut self) -> Result<Value, NotCode> {
        let data = self.long_bytes()?;
        if self.layout != Layout::Two {
            return Ok(text(data, b'u'));
        }
        let value = Value::Bytes(data.into());
        self.interned.push(value.clone());
        Ok(value)
    }

    fn interned_reference(&mut self) -> Result<Value, NotCode> {
        let index = self.length()?;
        let found = self.interned.get(index).cloned();
        found.ok_or_else(|| NotCode(format!("string reference {index} names no string")))
    }

    /// Digits of 15 bits, the least significant first; their number is negative for negative values.
    fn long(&mut self) -> Result<Value, NotCode> {
        let count = self.int()?;
        let negative = count < 0;
        let mut digits = Vec::new();
        for _ in 0..count.unsigned_abs() {
            let digit = self.cursor.u16_le().ok_or_else(|| self.ends())?;
            if digit > 0x7fff {
                return Err(NotCode("a digit of a long integer has more than 15 bits".to_owned()));
            }
            digits.push(digit);
        }
        let mut small = Some(0_i64);
        for digit in digits.iter().rev() {
            small = small
                .and_then(|value| value.checked_mul(1 << 15))
                .and_then(|value| value.checked_add(i64::from(*digit)));
        }
        Ok(match small {
            Some(value) if negative => Value::Int(value.saturating_neg()),
            Some(value) => Value::Int(value),
            None => Value::BigInt(hexadecimal(&digits, negative).into()),
        })
    }

    fn written_float(&mut self) -> Result<f64, NotCode> {
        let digits = self.short_bytes()?;
        let parsed = std::str::from_utf8(digits).ok().and_then(|text| text.trim().parse().ok());
        parsed.ok_or_else(|| NotCode("a floating-point number does not parse".to_owned()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NotCode> {
        self.cursor.array().ok_or_else(|| self.ends())
    }

    fn int(&mut self) -> Result<i32, NotCode> {
        self.cursor.i32_le().ok_or_else(|| self.ends())
    }

    /// A count in a code object's header: counts of a compiler are small.
    fn count(&mut self) -> Result<u32, NotCode> {
        let count = self.int()?;
        u32::try_from(count).map_err(|_| NotCode(format!("a count in a code object is {count}")))
    }

    fn length(&mut self) -> Result<usize, NotCode> {
        let length = self.int()?;
        usize::try_from(length).map_err(|_| NotCode(format!("a length is {length}")))
    }

    fn long_bytes(&mut self) -> Result<&'a [u8], NotCode> {
        let length = self.length()?;
        self.cursor.take(length).map(Bytes::as_slice).ok_or_else(|| self.ends())
    }

    fn short_bytes(&mut self) -> Result<&'a [u8], NotCode> {
        let length = self.cursor.u8().ok_or_else(|| self.ends())?;
        self.cursor.take(length.into()).map(Bytes::as_slice).ok_or_else(|| self.ends())
    }

    fn ends(&self) -> NotCode {
        NotCode(format!("the data ends inside a value at byte {}", self.cursor.position()))
    }

    fn unknown(&self, kind: u8) -> NotCode {
        let at = self.cursor.position().saturating_sub(1);
        NotCode(format!("byte 0x{kind:02x} at {at} begins no marshalled value"))
    }
}

fn spent(what: &str) -> NotCode {
    NotCode(format!("the budget of {what} ran out"))
}

/// Text as marshal writes it: UTF-8 for `u`, otherwise one byte per character.
fn text(data: &[u8], kind: u8) -> Value {
    if kind == b'u' || data.is_ascii() {
        Value::Text(String::from_utf8_lossy(data).into())
    } else {
        Value::Text(data.iter().map(|byte| char::from(*byte)).collect::<String>().into())
    }
}

/// `0x` digits of an integer given as digits of 15 bits, the least significant first.
fn hexadecimal(digits: &[u16], negative: bool) -> String {
    let mut nibbles = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for digit in digits {
        pending |= u32::from(*digit).checked_shl(bits).unwrap_or(0);
        bits = bits.saturating_add(15);
        while bits >= 4 {
            nibbles.push(char::from_digit(pending & 0xf, 16).unwrap_or('0'));
            pending >>= 4;
            bits = bits.saturating_sub(4);
        }
    }
    nibbles.push(char::from_digit(pending & 0xf, 16).unwrap_or('0'));
    let digits: String = nibbles.into_iter().rev().collect();
    format!("{}0x{}", if negative { "-" } else { "" }, digits.trim_start_matches('0'))
}

/// The constants. Version 2 has one type for text and bytes: what is valid UTF-8 is text.
fn values(value: Value, layout: Layout) -> Result<Vec<Value>, NotCode> {
    match value {
        Value::Tuple(items) if layout == Layout::Two => Ok(items.iter().map(legacy_text).collect()),
        Value::Tuple(items) => Ok(items.to_vec()),
        other => Err(NotCode(format!("the constants are of type `{}`", other.type_name()))),
    }
}

fn legacy_text(value: &Value) -> Value {
    match value {
        Value::Bytes(data) => match std::str::from_utf8(data) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => value.clone(),
        },
        // Constants of version 2 nest no deeper than one tuple in practice; one level more is read.
        Value::Tuple(items) => Value::Tuple(
            items
                .iter()
                .map(|item| match item {
                    Value::Bytes(data) => std::str::from_utf8(data)
                        .map_or_else(|_| item.clone(), |text| Value::Text(text.into())),
                    other => other.clone(),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn string(value: &Value, what: &str) -> Result<String, NotCode> {
    match value {
        Value::Text(text) => Ok(text.to_string()),
        Value::Bytes(data) => Ok(String::from_utf8_lossy(data).into_owned()),
        other => Err(NotCode(format!("the {what} is of type `{}`", other.type_name()))),
    }
}

fn strings(value: Value, what: &str) -> Result<Vec<String>, NotCode> {
    match value {
        Value::Tuple(items) => items.iter().map(|item| string(item, what)).collect(),
        other => Err(NotCode(format!("the {what} are of type `{}`", other.type_name()))),
    }
}

fn bytes(value: Value, what: &str) -> Result<Vec<u8>, NotCode> {
    match value {
        Value::Bytes(data) => Ok(data.to_vec()),
        other => Err(NotCode(format!("the {what} is of type `{}`", other.type_name()))),
    }
}

/// Free variables and cells among the local variables, by the bits of `co_localspluskinds`.
fn split_kinds(locals: &[String], kinds: &[u8]) -> (Vec<String>, Vec<String>) {
    /// `CO_FAST_CELL` and `CO_FAST_FREE` in `Include/internal/pycore_code.h`.
    const CELL: u8 = 0x40;
    const FREE: u8 = 0x80;
    let with = |bit: u8| {
        let both = locals.iter().zip(kinds);
        both.filter(|(_, kind)| **kind & bit != 0).map(|(name, _)| name.clone()).collect()
    };
    (with(FREE), with(CELL))
}
