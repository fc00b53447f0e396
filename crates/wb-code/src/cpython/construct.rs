//! Code objects from the arguments of `types.CodeType`: [`from_constructor`].

use super::marshal::Layout;
use super::{CodeObject, Value, Version, version};
use std::sync::Arc;
use wb_core::{Budget, Constant, Span};

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

/// How deep tuples in tuples are taken over.
const MAX_DEPTH: u16 = 100;

/// Puts a code object together from the positional arguments of `types.CodeType(...)`, as cloudpickle and
/// dill write them: constants, nested tuples as [`Argument::Tuple`], nested code as [`Argument::Code`].
///
/// The counts before the bytecode tell the constructors apart: four in version 2, five until 3.7, six
/// since; the qualified name comes with 3.11. dill puts `co_lnotab` before all of them.
pub fn from_constructor(arguments: &[Argument], budget: &mut Budget) -> Option<CodeObject> {
    budget.steps(u64::try_from(arguments.len()).ok()?).ok()?;
    let arguments = match arguments {
        [Argument::Constant(Constant::Bytes(_) | Constant::Text(_)), rest @ ..] => rest,
        all => all,
    };
    let counts: Vec<u32> = arguments.iter().map_while(count).collect();
    let mut rest = Rest(arguments.get(counts.len()..)?.iter());
    let code = rest.bytes()?;
    let consts = rest.tuple()?.iter().map(|item| value(item, 0, budget)).collect::<Option<_>>()?;
    let names = rest.strings()?;
    let variables = rest.strings()?;
    let filename = rest.text()?;
    let name = rest.text()?;
    let qualname = rest.0.as_slice().first().and_then(text).inspect(|_| {
        rest.0.next();
    });
    let first_line = rest.int()?;
    let line_table = rest.bytes()?;
    let exception_table = if qualname.is_some() { rest.bytes()? } else { Vec::new() };
    let free = if rest.is_empty() { Vec::new() } else { rest.strings()? };
    let cells = if rest.is_empty() { Vec::new() } else { rest.strings()? };
    let (header, versions) = header(&counts, qualname.is_some())?;
    let mut made = CodeObject {
        version: versions.first().copied()?,
        qualname: qualname.clone().unwrap_or_else(|| name.clone()),
        name,
        filename,
        first_line,
        argument_count: header.arguments,
        positional_only_count: header.positional_only,
        keyword_only_count: header.keyword_only,
        stack_size: header.stack_size,
        flags: header.flags,
        code,
        code_span: None,
        span: Span::default(),
        consts,
        names,
        locals: if qualname.is_some() { merged(variables, &cells, &free) } else { variables },
        cells,
        free,
        line_table,
        exception_table,
        doubts: Vec::new(),
    };
    made.version = version::decide(&Value::Code(Arc::new(made.clone())), versions, None, budget);
    made.doubts = version::doubts(&made, made.version);
    Some(made)
}

/// The counts before the bytecode.
struct Header {
    arguments: u32,
    positional_only: u32,
    keyword_only: u32,
    stack_size: u32,
    flags: u32,
}

fn header(counts: &[u32], has_qualname: bool) -> Option<(Header, &'static [Version])> {
    let (arguments, positional_only, keyword_only, stack_size, flags, versions) = match *counts {
        [arguments, _, stack, flags] => (arguments, 0, 0, stack, flags, Layout::Two.versions()),
        [arguments, keyword, _, stack, flags] => {
            (arguments, 0, keyword, stack, flags, Layout::Three.versions())
        }
        [arguments, positional, keyword, _, stack, flags] => {
            let layout = if has_qualname { Layout::Eleven } else { Layout::Eight };
            (arguments, positional, keyword, stack, flags, layout.versions())
        }
        _ => return None,
    };
    Some((Header { arguments, positional_only, keyword_only, stack_size, flags }, versions))
}

/// `co_localsplusnames`: variables, then cells that are no variables, then free variables.
fn merged(variables: Vec<String>, cells: &[String], free: &[String]) -> Vec<String> {
    let mut all = variables;
    for name in cells {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all.extend_from_slice(free);
    all
}

/// Arguments not taken yet.
struct Rest<'a>(std::slice::Iter<'a, Argument>);

impl<'a> Rest<'a> {
    fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    fn tuple(&mut self) -> Option<&'a [Argument]> {
        match self.0.next()? {
            Argument::Tuple(items) => Some(items),
            _ => None,
        }
    }

    fn strings(&mut self) -> Option<Vec<String>> {
        self.tuple()?.iter().map(text).collect()
    }

    fn text(&mut self) -> Option<String> {
        text(self.0.next()?)
    }

    fn int(&mut self) -> Option<i64> {
        match self.0.next()? {
            Argument::Constant(Constant::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// Bytes; protocols before 3 may hold them as text with one character per byte.
    fn bytes(&mut self) -> Option<Vec<u8>> {
        match self.0.next()? {
            Argument::Constant(Constant::Bytes(bytes)) => Some(bytes.clone()),
            Argument::Constant(Constant::Text(text)) => {
                text.chars().map(|character| u8::try_from(character).ok()).collect()
            }
            _ => None,
        }
    }
}

fn count(argument: &Argument) -> Option<u32> {
    match argument {
        Argument::Constant(Constant::Int(value)) => u32::try_from(*value).ok(),
        _ => None,
    }
}

/// Text; version 2's names are bytes.
fn text(argument: &Argument) -> Option<String> {
    match argument {
        Argument::Constant(Constant::Text(text)) => Some(text.clone()),
        Argument::Constant(Constant::Bytes(bytes)) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

fn value(argument: &Argument, depth: u16, budget: &mut Budget) -> Option<Value> {
    budget.items(1).ok()?;
    Some(match argument {
        Argument::Constant(constant) => match constant {
            Constant::None => Value::None,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Int(value) => Value::Int(*value),
            Constant::BigInt(digits) => Value::BigInt(digits.as_str().into()),
            Constant::Float(value) => Value::Float(*value),
            Constant::Text(text) => Value::Text(text.as_str().into()),
            Constant::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
            Constant::Blob { head, .. } => Value::Bytes(head.as_slice().into()),
            Constant::Other(text) => Value::Other(text.as_str().into()),
        },
        Argument::Tuple(items) if depth < MAX_DEPTH => {
            let inner = depth.saturating_add(1);
            let items: Option<Vec<Value>> =
                items.iter().map(|item| value(item, inner, budget)).collect();
            Value::Tuple(items?.into())
        }
        Argument::Tuple(_) => return None,
        Argument::Code(code) => Value::Code(Arc::new(code.as_ref().clone())),
    })
}
