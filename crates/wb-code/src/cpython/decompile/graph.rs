//! Where control goes: [`Graph`].

use super::ast::R;
use super::normal::{Ins, normalise};
use crate::cpython::{CodeObject, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What an exception handler is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handles {
    /// `except` clauses.
    Except,
    /// `finally`.
    Finally,
    /// The exit of a context manager.
    With,
    /// What the interpreter needs and no statement says: it restores state and raises again.
    Nothing,
}

/// The instructions of a function and where control goes from each.
pub(super) struct Graph<'c> {
    pub(super) code: &'c CodeObject,
    pub(super) list: Vec<Ins>,
    /// The first instruction at or behind each that does something: jumps are followed.
    real: Vec<usize>,
    /// Which real instructions go to each real one.
    before: Vec<Vec<usize>>,
    handles: BTreeMap<usize, Handles>,
    /// Which instructions are reached without an exception.
    pub(super) warm: Vec<bool>,
}

impl<'c> Graph<'c> {
    pub(super) fn new(code: &'c CodeObject) -> R<Self> {
        let list = normalise(code)?;
        let mut graph = Self {
            code,
            real: Vec::new(),
            before: vec![Vec::new(); list.len()],
            handles: BTreeMap::new(),
            warm: Vec::new(),
            list,
        };
        graph.real = (0..graph.list.len()).map(|at| graph.pass(at)).collect();
        graph.merge_raises();
        for at in 0..graph.list.len() {
            if graph.real(at) != at {
                continue;
            }
            for next in graph.after(at) {
                if let Some(before) = graph.before.get_mut(next) {
                    before.push(at);
                }
            }
        }
        let handlers: BTreeSet<usize> = graph.list.iter().filter_map(|ins| ins.handler).collect();
        for at in handlers {
            let kind = graph.classify(at);
            graph.handles.insert(at, kind);
        }
        let warm = graph.reach(graph.real(0), &[], false);
        graph.warm = (0..graph.list.len()).map(|at| warm.contains(&at)).collect();
        Ok(graph)
    }

    pub(super) fn ins(&self, at: usize) -> Option<&Ins> {
        self.list.get(at)
    }

    pub(super) fn name(&self, at: usize) -> &'static str {
        self.ins(at).map_or("", |ins| ins.name)
    }

    /// Follows jumps and what does nothing from `at`.
    fn pass(&self, at: usize) -> usize {
        let mut place = at;
        for _ in 0..1000 {
            match self.ins(place) {
                Some(ins) if ins.name == "JUMP" => match ins.target {
                    Some(target) => place = target,
                    None => return place,
                },
                Some(ins) if matches!(ins.name, "NOP" | "POP_BLOCK" | "SETUP_LOOP") => {
                    place = place.saturating_add(1);
                }
                Some(ins) if ins.name.starts_with("SETUP_") && !ins.name.ends_with("WITH") => {
                    place = place.saturating_add(1);
                }
                _ => return place,
            }
        }
        // A loop that does nothing stands for itself.
        at
    }

    /// Instructions that raise the same exception again in the same place are one: the compiler copies them.
    fn merge_raises(&mut self) {
        let mut last: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        for (at, ins) in self.list.iter().enumerate() {
            if ins.name == "RERAISE" && ins.arg == 0 {
                last.insert(ins.handler, at);
            }
        }
        for real in &mut self.real {
            if let Some(ins) = self.list.get(*real)
                && ins.name == "RERAISE"
                && ins.arg == 0
                && let Some(last) = last.get(&ins.handler)
            {
                *real = *last;
            }
        }
    }

    /// The first instruction at or behind `at` that does something.
    pub(super) fn real(&self, at: usize) -> usize {
        self.real.get(at).copied().unwrap_or(at)
    }

    /// The real instruction behind `at`, which does not jump.
    pub(super) fn next(&self, at: usize) -> usize {
        self.real(at.saturating_add(1))
    }

    /// Where a loop goes when it has no more items.
    pub(super) fn exhausted(&self, at: usize) -> usize {
        let mut place = self.ins(at).and_then(|ins| ins.target).unwrap_or(usize::MAX);
        if matches!(self.name(place), "END_FOR") {
            place = place.saturating_add(1);
            if self.code.version.minor >= 13 && matches!(self.name(place), "POP_TOP" | "POP_ITER") {
                place = place.saturating_add(1);
            }
        } else if self.name(place) == "END_ASYNC_FOR" {
            place = place.saturating_add(1);
        }
        self.real(place)
    }

    /// Where control goes from `at` when nothing is raised.
    pub(super) fn after(&self, at: usize) -> Vec<usize> {
        let Some(ins) = self.ins(at) else { return Vec::new() };
        match ins.name {
            "RETURN_VALUE" | "RAISE_VARARGS" | "RERAISE" | "" => Vec::new(),
            "FOR_ITER" => vec![self.next(at), self.exhausted(at)],
            "ASYNC_NEXT" => {
                let end = ins.handler.map(|end| self.real(end.saturating_add(1)));
                std::iter::once(self.next(at)).chain(end).collect()
            }
            "CALL_FINALLY" => vec![self.next(at)],
            "JUMP" | "BREAK_LOOP" | "CONTINUE_LOOP" => {
                ins.target.map(|target| self.real(target)).into_iter().collect()
            }
            _ if ins.name.ends_with("WITH") => vec![self.next(at)],
            _ => match ins.target {
                Some(target) => vec![self.next(at), self.real(target)],
                None => vec![self.next(at)],
            },
        }
    }

    /// The real instructions that go to `at`.
    pub(super) fn before(&self, at: usize) -> &[usize] {
        self.before.get(at).map_or(&[], Vec::as_slice)
    }

    /// Everything that control reaches from `start` on, `start` included, without going on from `stops`.
    pub(super) fn reach(&self, start: usize, stops: &[usize], raising: bool) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(at) = todo.pop() {
            if at >= self.list.len() || !found.insert(at) || stops.contains(&at) {
                continue;
            }
            todo.extend(self.after(at));
            if raising && let Some(handler) = self.ins(at).and_then(|ins| ins.handler) {
                todo.push(self.real(handler));
            }
        }
        found
    }

    /// What can get to `end` among `within`.
    pub(super) fn reaching(&self, end: usize, within: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut handled: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in within {
            if let Some(handler) = self.ins(*at).and_then(|ins| ins.handler) {
                handled.entry(self.real(handler)).or_default().push(*at);
            }
        }
        let mut found = BTreeSet::from([end]);
        let mut todo = vec![end];
        while let Some(at) = todo.pop() {
            let raising = handled.get(&at).map_or(&[][..], Vec::as_slice);
            for before in self.before(at).iter().chain(raising) {
                if within.contains(before) && found.insert(*before) {
                    todo.push(*before);
                }
            }
        }
        found
    }

    /// What the handler at `at` is for.
    pub(super) fn handles(&self, at: usize) -> Handles {
        self.handles.get(&at).copied().unwrap_or(Handles::Nothing)
    }

    fn classify(&self, at: usize) -> Handles {
        let first = self.real(at);
        let second = self.next(first);
        match (self.name(first), self.name(second)) {
            ("WITH_EXCEPT_START" | "WITH_CLEANUP_START", _)
            | ("PUSH_EXC_INFO", "WITH_EXCEPT_START") => Handles::With,
            ("PUSH_EXC_INFO", "POP_TOP") | ("POP_TOP", "POP_TOP") => Handles::Except,
            ("PUSH_EXC_INFO", _) if self.matches_exception(second) => Handles::Except,
            ("PUSH_EXC_INFO", _) => Handles::Finally,
            ("COPY" | "SWAP" | "CALL_INTRINSIC_1" | "CLEANUP_THROW" | "END_ASYNC_FOR", _)
                if self.code.version.minor >= 11 =>
            {
                Handles::Nothing
            }
            _ if self.forgets_name(at).is_some() => Handles::Nothing,
            _ if self.code.version.minor >= 11 => Handles::Nothing,
            ("END_ASYNC_FOR", _) => Handles::Nothing,
            ("COPY", _) => Handles::Except,
            _ => Handles::Finally,
        }
    }

    /// Whether an expression from `at` on is compared with the exception.
    fn matches_exception(&self, at: usize) -> bool {
        let mut place = at;
        for _ in 0..200 {
            match self.name(place) {
                "CHECK_EXC_MATCH" => return true,
                "" | "POP_TOP" | "RERAISE" | "RETURN_VALUE" | "RAISE_VARARGS" | "PUSH_EXC_INFO"
                | "FOR_ITER" | "STORE_FAST" | "STORE_NAME" | "STORE_GLOBAL" | "STORE_DEREF"
                | "STORE_ATTR" | "STORE_SUBSCR" | "IMPORT_NAME" | "BEFORE_WITH" => return false,
                _ => place = self.next(place),
            }
        }
        false
    }

    /// The handler that a statement says of the one at `at`, or of what it hands on to.
    fn said(&self, mut at: Option<usize>) -> Option<usize> {
        for _ in 0..60 {
            let place = at?;
            if self.handles(place) != Handles::Nothing {
                return Some(place);
            }
            at = self.ins(place)?.handler.filter(|outer| *outer != place);
        }
        None
    }

    /// The handler, of those that a statement says, that an exception at `at` goes to.
    pub(super) fn handler(&self, at: usize) -> Option<usize> {
        self.said(self.ins(at)?.handler)
    }

    /// Whether the handler `inner` is `outer` or stands inside what `outer` protects.
    pub(super) fn inside(&self, mut inner: Option<usize>, outer: Option<usize>) -> bool {
        for _ in 0..60 {
            if inner == outer {
                return true;
            }
            match inner {
                Some(at) => inner = self.handler(at),
                None => return false,
            }
        }
        false
    }

    /// The constant of an instruction.
    pub(super) fn constant(&self, at: usize) -> Option<Value> {
        let ins = self.ins(at)?;
        match ins.name {
            "LOAD_CONST" => self.code.consts.get(ins.arg).cloned(),
            "LOAD_SMALL_INT" => Some(Value::Int(i64::try_from(ins.arg).ok()?)),
            "CONST_NONE" => Some(Value::None),
            _ => None,
        }
    }

    /// The constant that is returned at once from `at` on.
    pub(super) fn returns(&self, at: usize) -> Option<Value> {
        let value = self.constant(at)?;
        (self.name(self.next(at)) == "RETURN_VALUE").then_some(value)
    }

    /// Whether both places are one, or go on alike until they return: the compiler copies short ends.
    pub(super) fn same(&self, one: usize, other: usize) -> bool {
        one == other || self.ending(one).is_some_and(|ending| Some(ending) == self.ending(other))
    }

    /// Whether few instructions from `at` on return.
    pub(super) fn ends(&self, at: usize) -> bool {
        self.ending(at).is_some()
    }

    /// The few instructions from `at` on that end in a return, with their handlers.
    fn ending(&self, at: usize) -> Option<Vec<(&'static str, usize, Option<usize>)>> {
        let mut steps = Vec::new();
        let mut place = at;
        for _ in 0..8 {
            let ins = self.ins(place).filter(|ins| ins.target.is_none())?;
            steps.push((ins.name, ins.arg, self.handler(place)));
            if matches!(ins.name, "RETURN_VALUE" | "RAISE_VARARGS") {
                return Some(steps);
            }
            place = self.next(place);
        }
        None
    }

    /// The variable that `name = None; del name` from `at` on forgets, and what comes behind.
    pub(super) fn forgets_name(&self, at: usize) -> Option<(String, usize)> {
        let load = self.real(at);
        let store = self.next(load);
        let delete = self.next(store);
        let none = self.constant(load)? == Value::None;
        let name = self.variable(store, "STORE_")?;
        (none && self.variable(delete, "DELETE_")? == name).then(|| (name, self.next(delete)))
    }

    /// The variable of a store or the like.
    pub(super) fn variable(&self, at: usize, verb: &str) -> Option<String> {
        let ins = self.ins(at)?;
        let names = match ins.name.strip_prefix(verb)? {
            "FAST" => &self.code.locals,
            "NAME" | "GLOBAL" => &self.code.names,
            "DEREF" | "CLOSURE" | "CLASSDEREF" => {
                return self.code.cell_name(ins.arg).map(str::to_owned);
            }
            _ => return None,
        };
        names.get(ins.arg).cloned()
    }
}
