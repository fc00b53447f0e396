//! Python source from bytecode of CPython 3.6 on: [`decompile`].
//!
//! [`normal`] makes one set of instructions of all versions; [`graph`] knows where control goes. A
//! [`machine`] follows control through a function with a symbolic stack, and puts expressions
//! ([`effects`], [`calls`]), tests ([`conditions`]), `match` ([`matching`]), loops ([`loops`]), protected
//! statements ([`protect`], [`leaving`]) and definitions ([`functions`]) together. Every way that control
//! takes must be one that the statements take, and in the end every instruction must have been part of one: a
//! function of which that cannot be shown is printed as its instructions, and says so.

mod annotations;
mod ast;
mod blocks;
mod bodies;
mod calls;
mod comprehensions;
mod conditions;
mod effects;
mod expression;
mod fstring;
mod functions;
mod generics;
mod graph;
mod items;
mod kept;
mod leaving;
mod listing;
mod loops;
mod machine;
mod matching;
mod names;
mod normal;
mod pattern;
mod protect;
mod shortcuts;
mod statement;
mod step;
mod stores;
mod template;
mod work;

use super::{CodeObject, Value};
use ast::{Definition, R, Stmt};
use machine::Machine;
use statement::Page;
use std::sync::Arc;
use step::Function;
use wb_core::Budget;
use work::{Kind, Scope, Work};

/// How long the text may get, in bytes.
const LONGEST: usize = 16 << 20;
/// How much work one code object may cause, in steps.
const STEPS: u64 = 4_000_000;

/// A code object as Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decompiled {
    /// The source text.
    pub text: String,
    /// How many functions and classes were looked at.
    pub functions: usize,
    /// Qualified names of the functions that are shown as instructions, and why.
    pub not_recovered: Vec<(String, String)>,
}

/// Prints a code object as Python. A function whose structure is not recovered is printed as its
/// instructions, in comments; a program that does something else is never printed.
pub fn decompile(code: &CodeObject, budget: &mut Budget) -> Decompiled {
    let mut work = Work::new(STEPS);
    let body = top(code, &mut work);
    let mut page = Page::new(LONGEST);
    page.statements(&body, 0);
    if page.full {
        page.out.push_str("# The rest is left out: the text gets too long.\n");
    }
    // What was spent is spent; running out is said in the text.
    let _ = budget.steps(STEPS.saturating_sub(work.left()));
    Decompiled { text: page.out, functions: work.functions, not_recovered: work.not_recovered }
}

/// The statements of a code object that stands alone.
fn top(code: &CodeObject, work: &mut Work) -> Vec<Stmt> {
    work.functions = work.functions.saturating_add(1);
    let supported = code.version.major == 3 && (6..=14).contains(&code.version.minor);
    if !supported {
        return apart(code, "its version is not supported", work);
    }
    if code.flags & 0x02 == 0 {
        return match whole(code, Kind::Module, work) {
            Ok(body) => body,
            Err(why) => apart(code, why, work),
        };
    }
    match function(code, work) {
        Ok(body) => body,
        Err(why) => apart(code, why, work),
    }
}

fn whole(code: &CodeObject, kind: Kind, work: &mut Work) -> R<Vec<Stmt>> {
    Machine::new(code, Scope::of(kind), work)?.whole()
}

/// A function without the statement that makes it: its defaults are not known.
fn function(code: &CodeObject, work: &mut Work) -> R<Vec<Stmt>> {
    let function = Function {
        code: Arc::new(code.clone()),
        defaults: Vec::new(),
        keyword_defaults: Vec::new(),
        annotations: Vec::new(),
        decorators: Vec::new(),
        type_parameters: Vec::new(),
    };
    if code.name == "<lambda>" {
        let mut outer = Machine::bare(code, work)?;
        return Ok(vec![Stmt::Expr(outer.lambda(&function)?)]);
    }
    let parameters = functions::parameters(&function, false)?;
    let body = whole(code, Kind::Function, work)?;
    Ok(vec![Stmt::Define(Box::new(Definition {
        is_async: code.flags & (0x80 | 0x200) != 0,
        name: code.name.clone(),
        type_parameters: Vec::new(),
        decorators: Vec::new(),
        parameters: Some(parameters),
        bases: Vec::new(),
        body,
    }))])
}

/// A code object as instructions, and the functions among its constants each on its own.
fn apart(code: &CodeObject, why: &str, work: &mut Work) -> Vec<Stmt> {
    work.not_recovered.push((code.qualname.clone(), why.to_owned()));
    let mut out = vec![Stmt::Comment(listing::lines(code, why, work))];
    for value in &code.consts {
        let Value::Code(inner) = value else { continue };
        if work.spend(1).is_err() {
            break;
        }
        out.push(Stmt::Comment(vec![String::new(), format!("{}:", inner.qualname.escape_debug())]));
        work.functions = work.functions.saturating_add(1);
        let class = inner.flags & 0x02 == 0;
        let found = if class { whole(inner, Kind::Class, work) } else { function(inner, work) };
        match found {
            Ok(body) => out.extend(body),
            Err(why) => {
                work.not_recovered.push((inner.qualname.clone(), why.to_owned()));
                out.push(Stmt::Comment(listing::lines(inner, why, work)));
            }
        }
    }
    out
}
