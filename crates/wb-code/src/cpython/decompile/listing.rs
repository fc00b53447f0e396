//! Functions whose structure is not recovered: their instructions in comments.

use super::annotations;
use super::ast::{Arg, Expr, Node, Stmt};
use super::names;
use super::work::Work;
use crate::cpython::{CodeObject, Value, disassemble};

/// Longest listing of one function, in lines.
const LINES: usize = 4_000;

/// A body that says why it shows instructions, and that cannot be taken for the program.
pub(super) fn body(code: &CodeObject, why: &str, work: &mut Work) -> Vec<Stmt> {
    work.not_recovered.push((code.qualname.clone(), why.to_owned()));
    let missing = Expr::name("NotImplementedError");
    let message = Expr::constant(Value::Text("not decompiled: see the instructions".into()));
    let raised = Expr::new(Node::Call(missing, vec![Arg::Plain(message)])).ok();
    let mut body = vec![Stmt::Comment(lines(code, why, work))];
    // The functions around keep the variables that this one shares with them.
    let written = |name: &&String| *name != annotations::CLASS && names::is_name(name);
    let free = code.free.iter().filter(written);
    body.extend(free.map(|name| Stmt::Expr(Expr::name(name))));
    body.push(Stmt::Raise(raised, None));
    body
}

/// The reason and the instructions, a line each.
pub(super) fn lines(code: &CodeObject, why: &str, work: &mut Work) -> Vec<String> {
    let mut lines = vec![format!("The structure was not recovered ({why}). Its instructions:")];
    let cost = u64::try_from(code.code.len()).unwrap_or(u64::MAX);
    if work.spend(cost).is_err() {
        lines.push("(left out: the budget of work ran out)".to_owned());
        return lines;
    }
    let text = disassemble::one(code);
    let mut shown = text.lines().filter(|line| !line.is_empty());
    for line in shown.by_ref().take(LINES) {
        // A line that could end the comment does not occur: texts are printed escaped.
        lines.push(line.replace(['\r', '\u{c}'], " "));
    }
    let left = shown.count();
    if left > 0 {
        lines.push(format!("({left} more)"));
    }
    lines
}
