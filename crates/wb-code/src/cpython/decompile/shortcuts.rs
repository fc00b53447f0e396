//! Calls of `all`, `any` and `tuple` with a generator, which 3.14 compiles twice: [`remove`].
//!
//! Where the name still is the builtin function, a loop does what the function does; otherwise the function
//! is called. Both are one call in the source: when the loop is found to do the same, it is taken away.

use super::normal::Ins;
use crate::cpython::{CodeObject, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many instructions behind a call may be copied.
const MOST: usize = 60;

/// A function that loops stand for.
struct Shortcut {
    /// Its number as a constant of the interpreter.
    number: usize,
    name: &'static str,
    /// The test that ends the loop, and the value then; the value when it runs out is the other one.
    stops: Option<(&'static str, bool)>,
}

const SHORTCUTS: [Shortcut; 3] = [
    Shortcut { number: 2, name: "tuple", stops: None },
    Shortcut { number: 3, name: "all", stops: Some(("IF_FALSE", false)) },
    Shortcut { number: 4, name: "any", stops: Some(("IF_TRUE", true)) },
];

/// Takes away the loops that stand for a call.
pub(super) fn remove(code: &CodeObject, list: &mut [Ins]) {
    // A call may stand inside what another one runs over: the inner ones first.
    for at in (0..list.len()).rev() {
        if list.get(at).is_some_and(|ins| ins.name == "COPY" && ins.arg == 1)
            && let Some(call) = (Look { code, list }).call(at)
            && let Some(loops) = list.get_mut(at..call)
        {
            for ins in loops {
                (ins.name, ins.arg, ins.target) = ("NOP", 0, None);
            }
        }
    }
}

/// A look at instructions.
#[derive(Clone, Copy)]
struct Look<'l> {
    code: &'l CodeObject,
    list: &'l [Ins],
}

impl<'l> Look<'l> {
    fn ins(self, at: usize) -> Option<&'l Ins> {
        self.list.get(at)
    }

    /// The first instruction at or behind `at` that does something.
    fn skip(self, at: usize) -> Option<usize> {
        let rest = self.list.get(at..)?;
        rest.iter().position(|ins| ins.name != "NOP")?.checked_add(at)
    }

    /// The same with jumps followed.
    fn pass(self, at: usize) -> Option<usize> {
        let mut place = self.skip(at)?;
        for _ in 0..MOST {
            let ins = self.ins(place)?;
            if ins.name != "JUMP" {
                return Some(place);
            }
            place = self.skip(ins.target?)?;
        }
        None
    }

    /// Steps over the instruction at `at`, which must be that one.
    fn step(self, at: usize, name: &str, arg: Option<usize>) -> Option<usize> {
        let ins = self.ins(at)?;
        let fits = ins.name == name && arg.is_none_or(|arg| arg == ins.arg);
        if fits { self.pass(at.checked_add(1)?) } else { None }
    }

    /// Where the call stands that the instructions from `at` on are a shortcut for.
    fn call(self, at: usize) -> Option<usize> {
        let constant = self.step(at, "COPY", Some(1))?;
        let number = self.ins(constant)?.arg;
        let shortcut = SHORTCUTS.iter().find(|shortcut| shortcut.number == number)?;
        let test = self.step(constant, "LOAD_COMMON_CONSTANT", None)?;
        let jump = self.step(test, "IS_OP", Some(0))?;
        let call = self.ins(jump)?.target?;
        let pop = self.step(jump, "IF_FALSE", None)?;
        let mut first = self.step(pop, "POP_TOP", None)?;
        if shortcut.stops.is_none() {
            first = self.step(first, "BUILD_LIST", Some(0))?;
        }
        let (head, behind) = self.generators(first, self.step(call, "PUSH_NULL", None)?)?;
        let same = self.loaded(at)? == shortcut.name && self.apart(at, call);
        let loops = match shortcut.stops {
            None => self.collects(head, behind),
            Some((test, value)) => self.tests(head, test, value, behind),
        };
        (same && loops? && head < call).then_some(call)
    }

    /// The name that is loaded before `at`.
    fn loaded(self, at: usize) -> Option<&'l str> {
        let before = self.list.get(..at)?.iter().rev().find(|ins| ins.name != "NOP")?;
        let names = match before.name {
            "LOAD_GLOBAL" | "LOAD_NAME" => &self.code.names,
            "LOAD_FAST" => &self.code.locals,
            "LOAD_DEREF" => return self.code.cell_name(before.arg),
            _ => return None,
        };
        names.get(before.arg).map(String::as_str)
    }

    /// Whether control comes in between `at` and `call` only by `at`, and exceptions go to one handler.
    fn apart(self, at: usize, call: usize) -> bool {
        let inside = |place: usize| at < place && place < call;
        let enters = |(from, ins): (usize, &Ins)| {
            let jumps = ins.target.is_some_and(inside) && !(at..call).contains(&from);
            jumps || ins.handler.is_some_and(inside)
        };
        !self.list.iter().enumerate().any(enters)
    }

    /// Compares what makes the generator in the loop and in the call: where the loop begins, and what follows
    /// the call.
    fn generators(self, one: usize, other: usize) -> Option<(usize, usize)> {
        let (mut one, mut other) = (self.skip(one)?, self.skip(other)?);
        let mut pairs = BTreeMap::new();
        let mut targets = BTreeSet::new();
        let mut generates = false;
        let mut called = false;
        loop {
            let (a, b) = (self.ins(one)?, self.ins(other)?);
            if a.name == "FOR_ITER" && (b.name, b.arg) == ("CALL", 1) {
                let known = |(a, b): &(usize, usize)| pairs.get(a) == Some(b);
                let fits = generates && called && targets.iter().all(known);
                return fits.then_some((one, self.pass(other.checked_add(1)?)?));
            }
            if (a.name, a.arg, a.handler) != (b.name, b.arg, b.handler) {
                return None;
            }
            match (a.target, b.target) {
                (Some(a), Some(b)) => {
                    targets.insert((self.skip(a)?, self.skip(b)?));
                }
                (None, None) => {}
                _ => return None,
            }
            pairs.insert(one, other);
            generates |= a.name == "LOAD_CONST" && self.is_generator(a.arg);
            called = (a.name, a.arg) == ("CALL", 0);
            one = self.skip(one.checked_add(1)?)?;
            other = self.skip(other.checked_add(1)?)?;
        }
    }

    fn is_generator(self, constant: usize) -> bool {
        matches!(self.code.consts.get(constant), Some(Value::Code(code)) if code.name == "<genexpr>")
    }

    /// Whether the loop at `head` collects all items as a tuple, and goes on like what is `behind` the call.
    fn collects(self, head: usize, behind: usize) -> Option<bool> {
        let append = self.pass(head.checked_add(1)?)?;
        let again = self.step(append, "LIST_APPEND", Some(2))?;
        let end = self.exhausted(head)?;
        let made = self.step(end, "LIST_TO_TUPLE", None)?;
        Some(again == head && self.alike(made, behind)?)
    }

    /// Whether the loop at `head` ends with `value` at the first item that the test is about, with the opposite
    /// after all items, and goes on like what is `behind` the call.
    fn tests(self, head: usize, test: &str, value: bool, behind: usize) -> Option<bool> {
        let jump = self.pass(head.checked_add(1)?)?;
        let again = self.step(jump, test, None)?;
        let found = self.step(self.pass(self.ins(jump)?.target?)?, "POP_TOP", None)?;
        let end = self.exhausted(head)?;
        let both = self.goes_on(found, value, behind)? && self.goes_on(end, !value, behind)?;
        Some(again == head && both)
    }

    /// What follows the end of the loop at `head` by itself.
    fn exhausted(self, head: usize) -> Option<usize> {
        let end = self.pass(self.ins(head)?.target?)?;
        self.step(self.step(end, "END_FOR", None)?, "POP_TOP", None)
    }

    /// Whether `at` has the value and goes on like what is `behind` the call.
    fn goes_on(self, at: usize, value: bool, behind: usize) -> Option<bool> {
        let ins = self.ins(at)?;
        let loads =
            ins.name == "LOAD_CONST" && self.code.consts.get(ins.arg) == Some(&Value::Bool(value));
        if loads && self.alike(self.pass(at.checked_add(1)?)?, behind)? {
            return Some(true);
        }
        // A value that is dropped at once is not loaded.
        self.alike(at, self.step(behind, "POP_TOP", None)?)
    }

    /// Whether control goes on alike from both places on: the compiler copies short ends.
    fn alike(self, mut one: usize, mut other: usize) -> Option<bool> {
        for _ in 0..MOST {
            if one == other {
                return Some(true);
            }
            let (a, b) = (self.ins(one)?, self.ins(other)?);
            if (a.name, a.arg, a.handler) != (b.name, b.arg, b.handler) {
                return Some(false);
            }
            let jumps = match (a.target, b.target) {
                (Some(a), Some(b)) => self.pass(a)? == self.pass(b)?,
                (None, None) => true,
                _ => false,
            };
            if !jumps {
                return Some(false);
            }
            if matches!(a.name, "RETURN_VALUE" | "RAISE_VARARGS" | "RERAISE") {
                return Some(true);
            }
            one = self.pass(one.checked_add(1)?)?;
            other = self.pass(other.checked_add(1)?)?;
        }
        None
    }
}
