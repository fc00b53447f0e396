//! The 68 opcodes of pickle protocols 0 to 5, and [`Step`], one opcode as it stands in the bytes.
//!
//! Source: `Lib/pickletools.py` and `Modules/_pickle.c` of CPython.

use wb_core::{Bytes, Span};

macro_rules! opcodes {
    ($($name:ident = $code:literal, $proto:literal, $argument:ident,)+) => {
        $(pub(super) const $name: u8 = $code;)+

        /// What is known about the opcode `code`; `None` when there is no such opcode.
        pub(super) const fn info(code: u8) -> Option<Info> {
            match code {
                $($code => Some(Info {
                    name: stringify!($name),
                    proto: $proto,
                    argument: ArgumentKind::$argument,
                }),)+
                _ => None,
            }
        }
    };
}

opcodes! {
    MARK = b'(', 0, None,
    EMPTY_TUPLE = b')', 1, None,
    STOP = b'.', 0, None,
    POP = b'0', 0, None,
    POP_MARK = b'1', 1, None,
    DUP = b'2', 0, None,
    BINBYTES = b'B', 3, Data4,
    SHORT_BINBYTES = b'C', 3, Data1,
    FLOAT = b'F', 0, Line,
    BINFLOAT = b'G', 1, F64,
    INT = b'I', 0, Line,
    BININT = b'J', 1, I32,
    BININT1 = b'K', 1, U8,
    LONG = b'L', 0, Line,
    BININT2 = b'M', 1, U16,
    NONE = b'N', 0, None,
    PERSID = b'P', 0, Line,
    BINPERSID = b'Q', 1, None,
    REDUCE = b'R', 0, None,
    STRING = b'S', 0, Line,
    BINSTRING = b'T', 1, Data4Signed,
    SHORT_BINSTRING = b'U', 1, Data1,
    UNICODE = b'V', 0, Line,
    BINUNICODE = b'X', 1, Data4,
    EMPTY_LIST = b']', 1, None,
    APPEND = b'a', 0, None,
    BUILD = b'b', 0, None,
    GLOBAL = b'c', 0, Pair,
    DICT = b'd', 0, None,
    APPENDS = b'e', 1, None,
    GET = b'g', 0, Line,
    BINGET = b'h', 1, U8,
    INST = b'i', 0, Pair,
    LONG_BINGET = b'j', 1, U32,
    LIST = b'l', 0, None,
    OBJ = b'o', 1, None,
    PUT = b'p', 0, Line,
    BINPUT = b'q', 1, U8,
    LONG_BINPUT = b'r', 1, U32,
    SETITEM = b's', 0, None,
    TUPLE = b't', 0, None,
    SETITEMS = b'u', 1, None,
    EMPTY_DICT = b'}', 1, None,
    PROTO = 0x80, 2, U8,
    NEWOBJ = 0x81, 2, None,
    EXT1 = 0x82, 2, U8,
    EXT2 = 0x83, 2, U16,
    EXT4 = 0x84, 2, I32,
    TUPLE1 = 0x85, 2, None,
    TUPLE2 = 0x86, 2, None,
    TUPLE3 = 0x87, 2, None,
    NEWTRUE = 0x88, 2, None,
    NEWFALSE = 0x89, 2, None,
    LONG1 = 0x8a, 2, Data1,
    LONG4 = 0x8b, 2, Data4Signed,
    SHORT_BINUNICODE = 0x8c, 4, Data1,
    BINUNICODE8 = 0x8d, 4, Data8,
    BINBYTES8 = 0x8e, 4, Data8,
    EMPTY_SET = 0x8f, 4, None,
    ADDITEMS = 0x90, 4, None,
    FROZENSET = 0x91, 4, None,
    NEWOBJ_EX = 0x92, 4, None,
    STACK_GLOBAL = 0x93, 4, None,
    MEMOIZE = 0x94, 4, None,
    FRAME = 0x95, 4, U64,
    BYTEARRAY8 = 0x96, 5, Data8,
    NEXT_BUFFER = 0x97, 5, None,
    READONLY_BUFFER = 0x98, 5, None,
}

/// An opcode of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info {
    /// Its name in `pickletools`.
    pub(super) name: &'static str,
    /// The first protocol that has it.
    pub(super) proto: u8,
    /// What follows it in the stream.
    pub(super) argument: ArgumentKind,
}

/// The shapes of what follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArgumentKind {
    /// Nothing.
    None,
    /// One byte.
    U8,
    /// Two bytes, little-endian.
    U16,
    /// Four bytes, little-endian, signed.
    I32,
    /// Four bytes, little-endian.
    U32,
    /// Eight bytes, little-endian.
    U64,
    /// Eight bytes, a big-endian double.
    F64,
    /// Text up to a newline.
    Line,
    /// Two texts up to a newline each.
    Pair,
    /// A length of one byte and that many bytes.
    Data1,
    /// A length of four bytes and that many bytes.
    Data4,
    /// A signed length of four bytes and that many bytes.
    Data4Signed,
    /// A length of eight bytes and that many bytes.
    Data8,
}

/// One opcode with its argument, at its place in the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// The opcode.
    pub(super) code: u8,
    /// Index of the opcode in the input.
    pub(super) start: usize,
    /// Index of the next opcode.
    pub(super) end: usize,
    /// The argument, when it is a number of fixed size; [`FRAME`]'s length saturates.
    pub(super) number: i64,
    /// The argument, when it is a line or counted data, or the first of two lines.
    pub(super) data: &'a [u8],
    /// The second of two lines.
    pub(super) second: &'a [u8],
}

impl Step<'_> {
    /// The opcode's bytes in the artifact of `input`.
    pub(super) const fn span(&self, input: Bytes<'_>) -> Span {
        Span::new(
            input.offset().saturating_add(self.start as u64),
            self.end.saturating_sub(self.start) as u64,
        )
    }
}

/// Why there is no opcode at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The input ends where an opcode should stand.
    End,
    /// No opcode has this code.
    Unknown(u8),
    /// The argument of this opcode is cut off.
    Truncated(u8),
    /// The length of this opcode's argument is negative.
    Negative(u8),
}

impl Fault {
    /// The fault in words.
    pub(super) fn describe(self) -> String {
        let name = |code| info(code).map_or("opcode", |info| info.name);
        match self {
            Self::End => "the stream ends without STOP".to_owned(),
            Self::Unknown(code) => format!("there is no opcode 0x{code:02x}"),
            Self::Truncated(code) => format!("the argument of {} is cut off", name(code)),
            Self::Negative(code) => format!("the length of {} is negative", name(code)),
        }
    }
}

/// Reads the opcode at index `at` of `input`.
#[inline]
pub(super) fn step(input: Bytes<'_>, at: usize) -> Result<Step<'_>, Fault> {
    let code = input.byte(at).ok_or(Fault::End)?;
    let Some(info) = info(code) else { return Err(Fault::Unknown(code)) };
    let after = at.saturating_add(1);
    let mut step = Step { code, start: at, end: after, number: 0, data: &[], second: &[] };
    let cut = Fault::Truncated(code);
    match info.argument {
        ArgumentKind::None => {}
        ArgumentKind::U8 => {
            step.number = i64::from(input.byte(after).ok_or(cut)?);
            step.end = after.saturating_add(1);
        }
        ArgumentKind::U16 => {
            step.number = i64::from(input.u16_le(after).ok_or(cut)?);
            step.end = after.saturating_add(2);
        }
        ArgumentKind::I32 => {
            step.number = i64::from(i32::from_le_bytes(input.array(after).ok_or(cut)?));
            step.end = after.saturating_add(4);
        }
        ArgumentKind::U32 => {
            step.number = i64::from(input.u32_le(after).ok_or(cut)?);
            step.end = after.saturating_add(4);
        }
        ArgumentKind::U64 => {
            step.number = i64::try_from(input.u64_le(after).ok_or(cut)?).unwrap_or(i64::MAX);
            step.end = after.saturating_add(8);
        }
        ArgumentKind::F64 => {
            step.data = input.slice(after, 8).ok_or(cut)?.as_slice();
            step.end = after.saturating_add(8);
        }
        ArgumentKind::Line => (step.data, step.end) = line(input, after).ok_or(cut)?,
        ArgumentKind::Pair => {
            let next;
            (step.data, next) = line(input, after).ok_or(cut)?;
            (step.second, step.end) = line(input, next).ok_or(cut)?;
        }
        ArgumentKind::Data1 => {
            let len = u64::from(input.byte(after).ok_or(cut)?);
            (step.data, step.end) = counted(input, after.saturating_add(1), len).ok_or(cut)?;
        }
        ArgumentKind::Data4 => {
            let len = u64::from(input.u32_le(after).ok_or(cut)?);
            (step.data, step.end) = counted(input, after.saturating_add(4), len).ok_or(cut)?;
        }
        ArgumentKind::Data4Signed => {
            let len = i32::from_le_bytes(input.array(after).ok_or(cut)?);
            let len = u64::try_from(len).map_err(|_| Fault::Negative(code))?;
            (step.data, step.end) = counted(input, after.saturating_add(4), len).ok_or(cut)?;
        }
        ArgumentKind::Data8 => {
            let len = input.u64_le(after).ok_or(cut)?;
            (step.data, step.end) = counted(input, after.saturating_add(8), len).ok_or(cut)?;
        }
    }
    Ok(step)
}

/// The bytes from `at` to the next newline, and the index behind it.
fn line(input: Bytes<'_>, at: usize) -> Option<(&[u8], usize)> {
    let rest = input.from(at);
    let len = rest.find_byte(b'\n')?;
    Some((rest.head(len).as_slice(), at.saturating_add(len).saturating_add(1)))
}

/// The `len` bytes at `at`, and the index behind them.
fn counted(input: Bytes<'_>, at: usize, len: u64) -> Option<(&[u8], usize)> {
    let data = input.slice(at, usize::try_from(len).ok()?)?;
    Some((data.as_slice(), at.saturating_add(data.len())))
}
