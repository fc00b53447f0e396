//! Tests and what depends on them: `and`, `or`, `not`, chained comparisons, conditional expressions, `if`.

use super::ast::{Arg, Expr, Node, R, Stmt};
use super::machine::{Context, End, Machine, Scope};
use super::step::{Slot, Stack};
use crate::cpython::{Value, Version};
use std::collections::BTreeSet;

/// Where a test goes: a place, and whether the tested value stays on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) at: usize,
    pub(super) keeps: bool,
}

/// A test with all the jumps it is made of.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) test: Expr,
    pub(super) yes: Target,
    pub(super) no: Target,
    /// The conditional jumps, in order.
    pub(super) jumps: BTreeSet<usize>,
    /// Where its instructions begin.
    pub(super) start: usize,
}

impl Condition {
    /// Its targets, first the one that the code goes on with.
    pub(super) fn ways(&self) -> (usize, usize) {
        let last = self.jumps.last().copied().unwrap_or(0);
        let (yes, no) = (self.yes.at, self.no.at);
        if (yes < last, yes) <= (no < last, no) { (yes, no) } else { (no, yes) }
    }
}

impl Machine<'_, '_> {
    /// The test that the jump at `at` belongs to; its first value is on the stack and is taken.
    pub(super) fn condition(&mut self, at: usize, start: usize, stack: &mut Stack) -> R<Condition> {
        self.deeper(|machine| {
            let mut whole = machine.jump(at, stack)?;
            whole.start = start;
            while let Some(longer) = machine.extended(&whole, stack)? {
                whole = longer;
            }
            Ok(whole)
        })
    }

    /// One conditional jump, or those of a chained comparison.
    fn jump(&mut self, at: usize, stack: &mut Stack) -> R<Condition> {
        self.tick()?;
        self.see(at);
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        let test = stack.take()?;
        let target = self.graph.real(ins.target.ok_or("a jump has no target")?);
        let keeps = ins.name.ends_with("_OR_POP");
        if let Some(Slot::Shared(number, _)) = stack.peek(1)
            && matches!(*test.node, Node::Compare(..))
        {
            let number = *number;
            return self.chain(at, number, test, stack);
        }
        let next = Target { at: self.graph.next(at), keeps: false };
        let target = Target { at: target, keeps };
        let (test, yes, no) = match ins.name {
            "IF_TRUE" | "IF_TRUE_OR_POP" => (test, target, next),
            "IF_FALSE" | "IF_FALSE_OR_POP" => (test, next, target),
            "IF_NONE" | "IF_NOT_NONE" => {
                let none = vec![("is", Expr::constant(Value::None))];
                let test = Expr::new(Node::Compare(test, none))?;
                if ins.name == "IF_NONE" { (test, target, next) } else { (test, next, target) }
            }
            _ => return Err("a jump is not known"),
        };
        Ok(Condition { test, yes, no, jumps: BTreeSet::from([at]), start: at })
    }

    /// `a < b < c` that is tested. The middle value is on the stack.
    fn chain(&mut self, at: usize, number: u32, first: Expr, stack: &mut Stack) -> R<Condition> {
        let (test, cleanup, last, jumps) = self.comparisons(at, number, first, stack)?;
        if self.graph.name(cleanup) != "POP_TOP" {
            return Err("a chained comparison has no end");
        }
        let no = self.graph.next(cleanup);
        let last = self.graph.real(last);
        let ins = *self.graph.ins(last).ok_or("control runs off its end")?;
        let target = self.graph.real(ins.target.ok_or("a chained comparison has no end")?);
        let next = self.graph.next(last);
        let (yes, other) = match ins.name {
            "IF_TRUE" => (target, next),
            "IF_FALSE" => (next, target),
            _ => return Err("a chained comparison has no end"),
        };
        if !self.graph.same(other, no) {
            return Err("a chained comparison goes to two places");
        }
        if other != no {
            self.see_return(no);
        }
        let mut jumps = jumps;
        jumps.insert(last);
        // What drops the middle value belongs to the test.
        jumps.insert(cleanup);
        self.see(last);
        self.see(cleanup);
        let plain = |at| Target { at, keeps: false };
        Ok(Condition { test, yes: plain(yes), no: plain(other), jumps, start: at })
    }

    /// The comparisons of a chain: the test, where its false values are dropped, what follows the last.
    fn comparisons(
        &mut self,
        at: usize,
        mut number: u32,
        first: Expr,
        stack: &mut Stack,
    ) -> R<(Expr, usize, usize, BTreeSet<usize>)> {
        let Node::Compare(left, mut rest) = *first.node else {
            return Err("a chain is made of comparisons");
        };
        let kind = self.graph.name(at);
        let target = |machine: &Self, at: usize| {
            machine.graph.ins(at).and_then(|ins| ins.target).map(|to| machine.graph.real(to))
        };
        let cleanup = target(self, at).ok_or("a jump has no target")?;
        let mut jumps = BTreeSet::from([at]);
        let mut place = at.saturating_add(1);
        loop {
            let done = |machine: &Self, at: usize, stack: &Stack| {
                let compares =
                    matches!(machine.graph.name(at), "COMPARE_OP" | "IS_OP" | "CONTAINS_OP");
                let left = stack.peek(2);
                compares && matches!(left, Some(Slot::Shared(same, _)) if *same == number)
            };
            place = self.evaluate(place, stack, &done)?;
            let ins = *self.graph.ins(place).ok_or("control runs off its end")?;
            let operator = super::names::comparison(&ins, self.code.version);
            let operator = operator.ok_or("an operator is not known")?;
            let right = stack.pop()?;
            stack.pop()?;
            self.see(place);
            place = place.saturating_add(1);
            match right {
                Slot::Expr(value) => {
                    rest.push((operator, value));
                    return Ok((Expr::new(Node::Compare(left, rest))?, cleanup, place, jumps));
                }
                Slot::Shared(next, value) => {
                    rest.push((operator, value));
                    number = next;
                }
                _ => return Err("a value is compared that is none"),
            }
            let jump = self.graph.real(place);
            if self.graph.name(jump) != kind || target(self, jump) != Some(cleanup) {
                return Err("a chained comparison goes to two places");
            }
            jumps.insert(jump);
            self.see(jump);
            place = jump.saturating_add(1);
        }
    }

    /// The test with one more that its result depends on.
    fn extended(&mut self, whole: &Condition, stack: &Stack) -> R<Option<Condition>> {
        let (yes, no) = (whole.yes, whole.no);
        let mut candidates = [(yes, no, true), (no, yes, false)];
        let last = whole.jumps.last().copied().unwrap_or(0);
        candidates.sort_by_key(|(candidate, ..)| (candidate.at < last, candidate.at));
        for (candidate, other, when) in candidates {
            let alike = self.protected_alike(whole, &[candidate.at]);
            if candidate.keeps || !alike || !self.owns(whole, candidate.at) {
                continue;
            }
            if self.meets(whole, candidate.at, other.at)
                && let Some(second) = self.tested(candidate.at, stack)
                && let Some(longer) = joined(whole, &second, other, when)?
                && (!self.repeats(&second) || self.repeats_whole(&longer))
            {
                return Ok(Some(longer));
            }
        }
        if !yes.keeps
            && !no.keeps
            && self.protected_alike(whole, &[yes.at, no.at])
            && self.owns(whole, yes.at)
            && self.owns(whole, no.at)
            && let Some(then) = self.tested(yes.at, stack)
            && let Some(otherwise) = self.tested(no.at, stack)
            && then.yes == otherwise.yes
            && then.no == otherwise.no
        {
            let mut jumps = whole.jumps.clone();
            jumps.extend(then.jumps);
            jumps.extend(otherwise.jumps);
            let node = Node::IfElse(whole.test.clone(), then.test, otherwise.test);
            let (test, yes, no, start) = (Expr::new(node)?, then.yes, then.no, whole.start);
            return Ok(Some(Condition { test, yes, no, jumps, start }));
        }
        Ok(None)
    }

    /// Whether only the jumps of the test go to `at`.
    fn owns(&self, whole: &Condition, at: usize) -> bool {
        let before = self.graph.before(at);
        !before.is_empty()
            && before.iter().all(|from| whole.jumps.contains(from))
            && whole.jumps.first().is_some_and(|first| *first < at)
    }

    /// Whether a loop begins anew at one of the places that the test goes to, as a copied test has it.
    fn repeats(&self, whole: &Condition) -> bool {
        let last = whole.jumps.last().copied().unwrap_or(0);
        [whole.yes.at, whole.no.at]
            .iter()
            .any(|body| *body > last && self.graph.before(*body).iter().any(|from| *from >= *body))
    }

    /// Whether the whole test is copied to the end of a loop.
    fn repeats_whole(&self, whole: &Condition) -> bool {
        let (yes, no) = (whole.yes.at, whole.no.at);
        self.bottom(whole, yes, no).is_some() || self.bottom(whole, no, yes).is_some()
    }

    /// Whether a jump behind `from` goes to `to` as well, as it must if both are one test.
    fn meets(&self, whole: &Condition, from: usize, to: usize) -> bool {
        self.graph.before(to).iter().any(|jump| *jump >= from && !whole.jumps.contains(jump))
    }

    /// The test that stands at `at` with nothing before it.
    fn tested(&mut self, at: usize, stack: &Stack) -> Option<Condition> {
        let mut trial = stack.clone();
        let depth = stack.len().saturating_add(1);
        let done = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.name(at).starts_with("IF_")
                && (stack.len() == depth
                    || (stack.len() == depth.saturating_add(1)
                        && matches!(stack.peek(2), Some(Slot::Shared(..)))))
        };
        let place = self.evaluate(at, &mut trial, &done).ok()?;
        let second = self.condition(place, at, &mut trial).ok()?;
        (trial.len() == stack.len()).then_some(second)
    }

    /// A jump inside an expression: both ways meet with one value more on the stack.
    pub(super) fn choice(&mut self, at: usize, stack: &mut Stack) -> R<usize> {
        if let Some(place) = self.compared(at, stack)? {
            return Ok(place);
        }
        let whole = self.condition(at, at, stack)?;
        self.value(&whole, stack)?.ok_or("two ways of an expression do not meet")
    }

    /// A chained comparison whose value is kept.
    fn compared(&mut self, at: usize, stack: &mut Stack) -> R<Option<usize>> {
        let number = match (stack.peek(2), stack.peek(1)) {
            (Some(Slot::Shared(number, _)), Some(Slot::Expr(_))) => *number,
            _ => return Ok(None),
        };
        if self.graph.name(at) != "IF_FALSE_OR_POP" {
            return Ok(None);
        }
        let first = stack.take()?;
        let (test, cleanup, last, _) = self.comparisons(at, number, first, stack)?;
        let drop = self.graph.next(cleanup);
        let swaps = self.graph.ins(cleanup).is_some_and(|ins| ins.name == "SWAP" && ins.arg == 2);
        if !swaps || self.graph.name(drop) != "POP_TOP" {
            return Err("a chained comparison has no end");
        }
        let (end, last) = (self.graph.next(drop), self.graph.real(last));
        let returns = |at: usize| self.graph.name(at) == "RETURN_VALUE";
        if end != last && !(returns(end) && returns(last)) {
            return Err("a chained comparison goes to two places");
        }
        for at in [cleanup, drop, end] {
            self.see(at);
        }
        stack.value(test)?;
        Ok(Some(last))
    }

    /// The value that a test chooses, and where its ways meet; `None` when they do not.
    fn value(&mut self, whole: &Condition, stack: &mut Stack) -> R<Option<usize>> {
        let (yes, no) = (whole.yes, whole.no);
        let depth = stack.len().saturating_add(1);
        let (operator, kept, other) = match (yes.keeps, no.keeps) {
            (true, false) => ("or", yes, no),
            (false, true) => ("and", no, yes),
            (true, true) => return Err("a test keeps its value either way"),
            (false, false) => return self.conditional(whole, stack, true),
        };
        if !self.protected_alike(whole, &[other.at]) {
            return Err("an expression is protected in part");
        }
        let end = kept.at;
        let done = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.real(at) == end && stack.len() == depth
        };
        self.evaluate(other.at, stack, &done)?;
        let right = stack.take()?;
        stack.value(Self::both(operator, whole.test.clone(), right)?)?;
        Ok(Some(end))
    }

    /// `a if test else b`.
    fn conditional(
        &mut self,
        whole: &Condition,
        stack: &mut Stack,
        inside: bool,
    ) -> R<Option<usize>> {
        let depth = stack.len().saturating_add(1);
        let (first, second) = whole.ways();
        if !self.protected_alike(whole, &[first, second]) {
            return Ok(None);
        }
        let mut left = stack.clone();
        let jumps = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.name(at) == "JUMP" && stack.len() == depth
        };
        let Ok(end) = self.evaluate(first, &mut left, &jumps) else {
            return if inside { self.split(whole, first, second, stack) } else { Ok(None) };
        };
        let end = self.graph.real(end);
        let mut right = stack.clone();
        let done = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.real(at) == end && stack.len() == depth
        };
        if self.evaluate(second, &mut right, &done).is_err() {
            return Ok(None);
        }
        let (left, right) = (left.take()?, right.take()?);
        self.choose(whole, first, left, right, stack)?;
        Ok(Some(end))
    }

    /// Whether an exception goes to the same handler at the test and at all these places.
    fn protected_alike(&self, whole: &Condition, places: &[usize]) -> bool {
        let test = whole.jumps.first().and_then(|at| self.graph.handler(*at));
        places.iter().all(|at| self.graph.handler(*at) == test)
    }

    fn choose(
        &mut self,
        whole: &Condition,
        first: usize,
        left: Expr,
        right: Expr,
        stack: &mut Stack,
    ) -> R<()> {
        let test = whole.test.clone();
        let test = if first == whole.yes.at { test } else { test.negated()? };
        stack.value(Expr::new(Node::IfElse(test, left, right))?)
    }

    /// `a if test else b` whose use was copied behind both: the ways end alike.
    fn split(
        &mut self,
        whole: &Condition,
        first: usize,
        second: usize,
        stack: &mut Stack,
    ) -> R<Option<usize>> {
        if stack.len() == 0 {
            return Ok(None);
        }
        let depth = stack.len().saturating_add(1);
        let mut ends = Vec::new();
        let mut place = first;
        let mut left = stack.clone();
        // Each place where the first way has one value more is where the ways may have met.
        for _ in 0..20 {
            let from = place;
            let done = |machine: &Self, at: usize, stack: &Stack| {
                machine.graph.real(at) == at && at > from && stack.len() == depth
            };
            match self.evaluate(place, &mut left, &done) {
                Ok(end) => {
                    ends.push((end, left.clone()));
                    place = end;
                }
                Err(_) => break,
            }
        }
        for (end, mut left) in ends {
            let mut right = stack.clone();
            let done = |machine: &Self, at: usize, stack: &Stack| {
                stack.len() == depth
                    && machine.graph.real(at) == at
                    && end != at
                    && machine.graph.same(end, at)
            };
            if let Ok(copy) = self.evaluate(second, &mut right, &done)
                && let (Ok(left), Ok(right)) = (left.take(), right.take())
            {
                self.choose(whole, first, left, right, stack)?;
                self.see_return(copy);
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// A jump between statements.
    pub(super) fn branches(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        if let Some(place) = self.compared(at, stack)? {
            return Ok(End::At(place));
        }
        let start = self.statement_start.unwrap_or(at);
        let whole = self.condition(at, start, stack)?;
        let plain = !whole.yes.keeps && !whole.no.keeps;
        if plain && stack.len() <= context.base {
            if let Some(end) = self.inverted(&whole, stack, context, out)? {
                return Ok(end);
            }
            let mut trial = stack.clone();
            if let Ok(Some(end)) = self.conditional(&whole, &mut trial, false) {
                *stack = trial;
                return Ok(End::At(end));
            }
            return self.if_statement(&whole, stack, context, out);
        }
        let end = self.value(&whole, stack)?.ok_or("two ways of an expression do not meet")?;
        Ok(End::At(end))
    }

    fn if_statement(
        &mut self,
        whole: &Condition,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let (first, second) = whole.ways();
        let test = whole.test.clone();
        let test = if first == whole.yes.at { test } else { test.negated()? };
        self.survey()?;
        let join = self.join(first, second, context);
        let branch = context.branch(join.or(context.follow));
        let (then, end) = self.region(first, &mut stack.clone(), &branch)?;
        if let Some(message) = self.asserts(&then)
            && end == End::Gone
        {
            let stmt = Stmt::Assert(test.negated()?, message);
            self.emit(stack, context, stmt, out)?;
            return Ok(End::At(second));
        }
        if end == End::Gone {
            // What follows needs no `else`.
            self.emit(stack, context, Stmt::If(test, then, Vec::new()), out)?;
            return Ok(End::At(second));
        }
        let End::At(met) = end else { return Ok(End::Gone) };
        let (other, end) = if second == met && stack.len() <= context.base {
            (Vec::new(), End::At(met))
        } else {
            self.region(second, &mut stack.clone(), &branch)?
        };
        if let End::At(place) = end
            && place != met
            && !self.ends_clause_alike(met, place)
        {
            return Err("two ways do not meet");
        }
        self.emit(stack, context, Stmt::If(test, then, other), out)?;
        Ok(End::At(met))
    }

    /// The message, if there is one, of the assertion whose failure the statements are.
    fn asserts(&self, then: &[Stmt]) -> Option<Option<Expr>> {
        let is_error = |value: &Expr| value.as_name() == Some("AssertionError");
        match then {
            [Stmt::Assert(_, message)] => Some(message.clone()),
            // Until 3.8 the class is looked up as any other.
            [Stmt::Raise(Some(value), None)] if self.code.version < Version::three(9) => {
                match value.node.as_ref() {
                    Node::Name(_) if is_error(value) => Some(None),
                    Node::Call(callee, arguments) if is_error(callee) => {
                        match arguments.as_slice() {
                            [Arg::Plain(message)] => Some(Some(message.clone())),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Where two ways meet.
    pub(super) fn join(&self, one: usize, other: usize, context: &Context) -> Option<usize> {
        let stops = self.stops(context);
        let ours = self.reach_within(one, &stops, context.handler);
        let theirs = self.reach_within(other, &stops, context.handler);
        // Handlers stand behind everything, whatever they go on to.
        let warm = |at: usize| self.graph.warm.get(at).copied().unwrap_or(false);
        let common = ours.intersection(&theirs).copied();
        common
            .filter(|at| !stops.contains(at) && self.graph.name(*at) != "RETURN_VALUE")
            .min_by_key(|at| (warm(*at) != warm(one), *at))
            .or_else(|| context.follow.filter(|at| ours.contains(at) && theirs.contains(at)))
    }

    /// Where statements end or are left.
    pub(super) fn stops(&self, context: &Context) -> Vec<usize> {
        let mut stops = context.follow.into_iter().collect::<Vec<_>>();
        for scope in context.scopes.iter() {
            if let Scope::Loop { heads, after, .. } = scope {
                stops.extend_from_slice(heads);
                stops.extend(*after);
            }
        }
        stops
    }

    /// What control reaches, up to what `handler` does not protect any more.
    pub(super) fn reach_within(
        &self,
        start: usize,
        stops: &[usize],
        handler: Option<usize>,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(at) = todo.pop() {
            let leaves = !self.graph.inside(self.graph.handler(at), handler);
            if found.insert(at) && !stops.contains(&at) && !leaves {
                todo.extend(self.graph.after(at));
                let inner = self.graph.handler(at).filter(|inner| Some(*inner) != handler);
                todo.extend(inner.map(|inner| self.graph.real(inner)));
            }
        }
        found
    }
}

/// Both tests as one, where they share the target `other` of the first; the second stands where the first
/// goes when it is `when`.
fn joined(
    whole: &Condition,
    second: &Condition,
    other: Target,
    when: bool,
) -> R<Option<Condition>> {
    let operator = if when { "and" } else { "or" };
    let (same, opposite) = if when { (second.no, second.yes) } else { (second.yes, second.no) };
    let (test, last) = if same == other {
        (second.test.clone(), opposite)
    } else if opposite == other && !other.keeps {
        (second.test.clone().negated()?, same)
    } else {
        return Ok(None);
    };
    let mut jumps = whole.jumps.clone();
    jumps.extend(&second.jumps);
    let test = Machine::both(operator, whole.test.clone(), test)?;
    let (yes, no) = if when { (last, other) } else { (other, last) };
    Ok(Some(Condition { test, yes, no, jumps, start: whole.start }))
}
