//! CPython code objects: marshal, `.pyc`, bytecode.
use wb_core::{Budget, Bytes, Constant, Program, Trigger};

/// A CPython version, such as 3.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 2 or 3.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
}

/// A code object, read from marshal or put together from the arguments of `types.CodeType`.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeObject {
    /// The version whose layout it has.
    pub version: Version,
    /// Its qualified name.
    pub name: String,
}

/// Why bytes are not a code object, in one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCode(pub String);

/// Reads a marshalled code object, finding its version by trying layouts, `hint` first.
///
/// # Errors
/// [`NotCode`] when no version's layout fits.
pub fn read_marshal(
    input: Bytes<'_>,
    hint: Option<Version>,
    budget: &mut Budget,
) -> Result<CodeObject, NotCode> {
    let _ = (input, hint, budget);
    Err(NotCode("not implemented".to_owned()))
}

/// Puts a code object together from the positional arguments of `types.CodeType(...)`, as cloudpickle and
/// dill write them: constants, nested tuples as [`Argument::Tuple`], nested code as [`Argument::Code`].
pub fn from_constructor(arguments: &[Argument], budget: &mut Budget) -> Option<CodeObject> {
    let _ = (arguments, budget);
    None
}

/// An argument of `types.CodeType(...)`.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A constant.
    Constant(Constant),
    /// A tuple.
    Tuple(Vec<Argument>),
    /// A nested code object.
    Code(Box<CodeObject>),
}

/// Lifts a code object: the program of its body, with nested functions as `Define` ops.
pub fn lift(code: &CodeObject, trigger: Trigger, budget: &mut Budget) -> Program {
    let _ = (code, budget);
    Program::new(wb_core::Language::CPython, trigger, wb_core::Span::default())
}

/// The listing of `dis.dis`, nested code objects after it.
pub fn disassemble(code: &CodeObject) -> String {
    let _ = code;
    String::new()
}
