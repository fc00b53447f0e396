//! CPython code objects: marshal, `.pyc`, bytecode.
//!
//! A [`CodeObject`] comes out of marshalled bytes ([`read_marshal`], [`read_pyc`]) or out of the arguments
//! of `types.CodeType` ([`from_constructor`]). Which CPython wrote it is found from the layout and, where
//! several versions share one, from the bytecode. [`lift`] turns it into a [`Program`](wb_core::Program); [`disassemble`]
//! lists it as the `dis` module of its version does; [`decompile`](decompile()) shows the source it was
//! compiled from.

mod construct;
mod decompile;
mod disassemble;
mod instructions;
mod lift;
mod lines;
mod marshal;
mod opcodes;
mod pyc;
mod repr;
#[cfg(test)]
mod tests;
mod version;

pub use construct::{Argument, from_constructor};
pub use decompile::{Decompiled, decompile};
pub use disassemble::disassemble;
pub use lift::{lift, lift_bound};
pub use marshal::{read_marshal, read_value};
pub use pyc::{Pyc, is_pyc, read_pyc};

use std::fmt;
use std::sync::Arc;
use wb_core::Span;

/// A CPython version, such as 3.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 2 or 3.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
}

impl Version {
    /// Version `3.minor`.
    pub const fn three(minor: u8) -> Self {
        Self { major: 3, minor }
    }

    /// The only supported version 2.
    pub const TWO: Self = Self { major: 2, minor: 7 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A code object, read from marshal or put together from the arguments of `types.CodeType`.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeObject {
    /// The version whose layout and bytecode it has; the newest where several fit equally.
    pub version: Version,
    /// Its name: `<lambda>`, `<module>`, or what follows `def`.
    pub name: String,
    /// Its dotted name inside its module; the name itself before 3.11.
    pub qualname: String,
    /// The source file as recorded by the compiler.
    pub filename: String,
    /// The line of its first statement.
    pub first_line: i64,
    /// Positional parameters, those that are positional-only included.
    pub argument_count: u32,
    /// Parameters that are positional-only.
    pub positional_only_count: u32,
    /// Parameters that are keyword-only.
    pub keyword_only_count: u32,
    /// How deep its stack gets, in values.
    pub stack_size: u32,
    /// `co_flags`.
    pub flags: u32,
    /// The bytecode.
    pub code: Vec<u8>,
    /// Where the bytecode lies in the data it was read from; `None` when it was put together.
    pub code_span: Option<Span>,
    /// Everything that was read to make it, from its type byte to its last field.
    pub span: Span,
    /// Constants.
    pub consts: Vec<Value>,
    /// Names of globals, attributes and modules.
    pub names: Vec<String>,
    /// Local variables, parameters first. From 3.11 on followed by cells and free variables, as in
    /// `co_localsplusnames`.
    pub locals: Vec<String>,
    /// Local variables that nested functions use.
    pub cells: Vec<String>,
    /// Variables of enclosing functions.
    pub free: Vec<String>,
    /// `co_lnotab`, or `co_linetable` from 3.10 on.
    pub line_table: Vec<u8>,
    /// `co_exceptiontable`, from 3.11 on.
    pub exception_table: Vec<u8>,
    /// What does not fit the version it was taken for, one clause each: remapped opcodes, operands out
    /// of range. Empty for everything a compiler wrote.
    pub doubts: Vec<String>,
}

impl CodeObject {
    /// `co_flags` bit: has `*args`.
    const VARIABLE_ARGUMENTS: u32 = 0x04;
    /// `co_flags` bit: has `**kwargs`.
    const VARIABLE_KEYWORDS: u32 = 0x08;

    /// Names of the parameters, `*args` and `**kwargs` last.
    pub fn parameters(&self) -> &[String] {
        let extra = u32::from(self.flags & Self::VARIABLE_ARGUMENTS != 0)
            .saturating_add(u32::from(self.flags & Self::VARIABLE_KEYWORDS != 0));
        let count =
            self.argument_count.saturating_add(self.keyword_only_count).saturating_add(extra);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.locals.len());
        self.locals.get(..count).unwrap_or(&[])
    }

    /// The code objects among its constants, in order; those inside tuples are left out.
    pub fn nested(&self) -> impl Iterator<Item = &Self> {
        self.consts.iter().filter_map(|value| match value {
            Value::Code(code) => Some(code.as_ref()),
            _ => None,
        })
    }

    /// The variable that `index` names in `LOAD_DEREF` and its kin.
    fn cell_name(&self, index: usize) -> Option<&str> {
        if self.version >= Version::three(11) {
            return self.locals.get(index).map(String::as_str);
        }
        self.cells.iter().chain(&self.free).nth(index).map(String::as_str)
    }
}

/// A value as marshal knows them. Sharing is kept, so a clone is cheap.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// The class `StopIteration`.
    StopIteration,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A longer integer, in `0x` hexadecimal digits.
    BigInt(Arc<str>),
    /// A floating-point number.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A tuple.
    Tuple(Arc<[Value]>),
    /// A list.
    List(Arc<[Value]>),
    /// A set.
    Set(Arc<[Value]>),
    /// A frozen set.
    FrozenSet(Arc<[Value]>),
    /// A mapping.
    Dict(Arc<[(Value, Value)]>),
    /// Start, stop and step of a slice.
    Slice(Arc<[Value; 3]>),
    /// A code object.
    Code(Arc<CodeObject>),
    /// Anything else, as its writer prints it.
    Other(Arc<str>),
}

impl Value {
    /// What it is in Python's words.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Ellipsis => "ellipsis",
            Self::StopIteration => "type",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Complex(..) => "complex",
            Self::Text(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
            Self::Dict(_) => "dict",
            Self::Slice(_) => "slice",
            Self::Code(_) => "code",
            Self::Other(_) => "object",
        }
    }
}

/// Why bytes are not a code object, in one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCode(pub String);
