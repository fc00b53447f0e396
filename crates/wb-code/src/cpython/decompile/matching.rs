//! `match` statements: each `case` is followed with the values that it takes apart on a stack of its own
//! ([`Items`]), and every way in which it fails must lead to the next one.

use super::ast::{Expr, R, Stmt};
use super::items::{Alternative, Item, Items, MOST, Shape};
use super::machine::{Context, End, Machine};
use super::pattern::{Case, Pattern};
use super::step::{Slot, Stack};
use crate::cpython::{Value, Version};

/// A `case` without its statements.
struct Tried {
    pattern: Pattern,
    guard: Option<Expr>,
    /// Where its statements begin.
    body: usize,
    /// Where control goes when it fails; irrefutable patterns do not.
    next: Option<usize>,
    /// Whether the subject is kept for a case behind it.
    keeps: bool,
}

impl Machine<'_, '_> {
    /// Whether the instruction may be the first of a `case` whose subject is on top of the stack.
    pub(super) fn may_match(&self, at: usize, stack: &Stack, context: &Context) -> bool {
        let above = stack.len() == context.base.saturating_add(1);
        if self.code.version < Version::three(10)
            || !above
            || !matches!(stack.peek(1), Some(Slot::Expr(_)))
        {
            return false;
        }
        match self.graph.name(at) {
            "COPY" => self.graph.ins(at).is_some_and(|ins| ins.arg == 1),
            "MATCH_SEQUENCE" | "MATCH_MAPPING" => true,
            name if name.starts_with("LOAD_") => self.loads_class(at),
            _ => false,
        }
    }

    /// Whether names of a class are loaded from `at` on, and nothing else.
    fn loads_class(&self, at: usize) -> bool {
        let mut place = at;
        for _ in 0..8 {
            match self.graph.name(place) {
                "MATCH_CLASS" => return true,
                name if name.starts_with("LOAD_") => place = self.graph.next(place),
                _ => return false,
            }
        }
        false
    }

    /// A `match` statement; `None` when what stands here is none.
    pub(super) fn matching(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<Option<End>> {
        let before = self.mark();
        let cases = match self.cases(at, stack) {
            Ok(cases) => cases,
            Err(_) => {
                self.reset(before);
                return Ok(None);
            }
        };
        let subject = stack.take()?;
        self.survey()?;
        let first = cases.first().ok_or("a match has no case")?;
        let last = cases.last().and_then(|case| case.next);
        let join = first.next.and_then(|next| self.join(first.body, next, context));
        let branch = context.branch(join.or(context.follow));
        let mut found: Vec<Case<Stmt>> = Vec::new();
        let mut met = None;
        let mut meet = |end: End| match (end, met) {
            (End::At(place), None) => {
                met = Some(place);
                Ok(())
            }
            (End::At(place), Some(other)) if place != other => Err("cases do not meet"),
            _ => Ok(()),
        };
        for case in cases {
            let (body, end) = self.region(case.body, &mut stack.clone(), &branch)?;
            meet(end)?;
            found.push(Case { pattern: case.pattern, guard: case.guard, body });
        }
        let end = match (last, met) {
            (Some(last), None) => End::At(last),
            (Some(last), Some(place)) if last != place => {
                let (body, end) = self.region(last, &mut stack.clone(), &branch)?;
                if matches!(end, End::At(other) if other != place) {
                    return Err("cases do not meet");
                }
                found.push(Case { pattern: Pattern::Wildcard, guard: None, body });
                End::At(place)
            }
            (_, Some(place)) => End::At(place),
            (None, None) => End::Gone,
        };
        self.emit(stack, context, Stmt::Match(subject, found), out)?;
        Ok(Some(end))
    }

    /// The cases from `at` on.
    fn cases(&mut self, at: usize, stack: &Stack) -> R<Vec<Tried>> {
        let mut cases: Vec<Tried> = Vec::new();
        let mut place = at;
        loop {
            let case = self.case(place, stack)?;
            let (keeps, next) = (case.keeps, case.next);
            cases.push(case);
            match next {
                _ if cases.len() > MOST => return Err("a match has too many cases"),
                Some(next) if keeps => place = next,
                None if keeps => return Err("a case cannot fail, and others follow it"),
                // One that cannot fail is an assignment.
                None if cases.len() == 1 => return Err("a match has one case, which cannot fail"),
                _ => return Ok(cases),
            }
        }
    }

    /// The case at `at`, which is the last one or keeps a copy of the subject for those behind it.
    fn case(&mut self, at: usize, stack: &Stack) -> R<Tried> {
        self.survey()?;
        let at = self.graph.real(at);
        let before = self.mark();
        if let Ok(last) = self.tried(at, false, stack) {
            return Ok(last);
        }
        self.reset(before);
        if self.graph.name(at) != "COPY" {
            return Err("a case keeps no subject");
        }
        self.tried(at, true, stack)
    }

    fn tried(&mut self, at: usize, keeps: bool, stack: &Stack) -> R<Tried> {
        let mut items = Items::of_subject();
        let mut place = at;
        if keeps {
            items.seen.push(at);
            place = self.graph.next(at);
        }
        let mut place = self.pattern(place, &mut items)?;
        for at in &items.seen {
            self.see(*at);
        }
        let mut next = self.failing(&items)?;
        let mut guard = None;
        if keeps {
            place = self.graph.real(place);
            if self.graph.name(place) != "POP_TOP" {
                let (test, yes, no) = self.guard(place, stack)?;
                if next.is_some_and(|next| next != no) {
                    return Err("a case fails to two places");
                }
                (next, guard, place) = (Some(no), Some(test), yes);
            }
            if self.graph.name(place) != "POP_TOP" {
                return Err("a case keeps its subject");
            }
            self.see(place);
            place = self.graph.next(place);
        }
        let pattern = items.whole()?;
        Ok(Tried { pattern, guard, body: self.graph.real(place), next, keeps })
    }

    /// Where a pattern fails to, which is one place for all its tests; `None` when it cannot fail.
    fn failing(&mut self, items: &Items) -> R<Option<usize>> {
        let mut next = None;
        for (target, count) in &items.fails {
            let after = self.dropped_subjects(*target, *count)?;
            if next.is_some_and(|next| next != after) {
                return Err("a pattern fails to two places");
            }
            next = Some(after);
        }
        Ok(next)
    }

    /// Where control goes from a place with `count` values that have to be dropped.
    fn dropped_subjects(&mut self, target: usize, count: usize) -> R<usize> {
        let mut place = self.graph.real(target);
        for _ in 0..count {
            if self.graph.name(place) != "POP_TOP" {
                return Err("a case leaves a value behind");
            }
            self.see(place);
            place = self.graph.next(place);
        }
        Ok(place)
    }

    /// The guard that begins at `at`: the test, where it holds, where it does not.
    fn guard(&mut self, at: usize, stack: &Stack) -> R<(Expr, usize, usize)> {
        let mut inner = stack.clone();
        let depth = inner.len().saturating_add(1);
        let done = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.real(at) == at
                && machine.graph.name(at).starts_with("IF_")
                && stack.len() == depth
        };
        let place = self.evaluate(at, &mut inner, &done)?;
        let whole = self.condition(place, at, &mut inner)?;
        if whole.yes.keeps || whole.no.keeps || inner.len() != stack.len() {
            return Err("a guard is no test");
        }
        Ok((whole.test, self.graph.real(whole.yes.at), self.graph.real(whole.no.at)))
    }

    /// Follows a pattern from `at` until all values are taken apart; yields what follows it.
    fn pattern(&mut self, at: usize, items: &mut Items) -> R<usize> {
        self.deeper(|machine| {
            let mut place = at;
            loop {
                machine.tick()?;
                if items.stack.is_empty() {
                    return Ok(place);
                }
                let real = machine.graph.real(place);
                items.seen.push(real);
                place = machine.pattern_step(real, items)?;
            }
        })
    }

    /// One instruction of a pattern.
    fn pattern_step(&mut self, at: usize, items: &mut Items) -> R<usize> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        match ins.name {
            "COPY" => return self.pattern_copy(at, ins.arg, items),
            name if name.starts_with("LOAD_") => return self.pattern_load(at, items),
            name if name.starts_with("STORE_") => {
                let mut dummy = Stack::default();
                dummy.value(Expr::constant(Value::None))?;
                let (target, _, _) = self.target(at, &mut dummy)?;
                items.captured(target.as_name().ok_or("a pattern stores elsewhere")?)?;
            }
            _ => items.step(&ins, self.code.version)?,
        }
        Ok(at.saturating_add(1))
    }

    /// A value that something is compared with: a constant or a dotted name.
    fn pattern_load(&mut self, at: usize, items: &mut Items) -> R<usize> {
        let mut inner = Stack::default();
        let attribute = self.graph.name(at) == "LOAD_ATTR";
        if attribute {
            inner.value(items.pop()?.value()?)?;
        }
        let next = self.effect(at, &mut inner, None)?;
        items.stack.push(Item::Value(inner.take()?));
        if inner.len() == 0 { Ok(next) } else { Err("a pattern calls something") }
    }

    /// A copy of the top: for a name, for the test of a tuple, or for alternatives.
    fn pattern_copy(&mut self, at: usize, depth: usize, items: &mut Items) -> R<usize> {
        let index =
            items.stack.len().checked_sub(depth).ok_or("a pattern takes what is not there")?;
        let item = items.stack.get(index).cloned().ok_or("a pattern takes what is not there")?;
        let next = at.saturating_add(1);
        if items.stack.len() > MOST {
            return Err("a pattern is too long");
        }
        if let (Item::Subject(id), 1) = (&item, depth) {
            let (fails, seen) = (items.fails.len(), items.seen.len());
            // Alternatives stand in alternatives.
            let found = self.deeper(|machine| machine.alternatives(at, items));
            if let Ok((alternatives, after)) = found {
                let count = alternatives.first().map_or(0, |one| one.captures.len());
                let captures: Vec<usize> = (0..count).map(|_| items.capture()).collect();
                items.becomes(*id, Shape::Or(alternatives, captures))?;
                return Ok(after);
            }
            items.fails.truncate(fails);
            items.seen.truncate(seen);
        }
        items.stack.push(item);
        Ok(next)
    }

    /// Alternatives that begin with the copy at `at`; each that fits goes to the same place, with what it captures
    /// on the stack in the same order.
    fn alternatives(&mut self, at: usize, items: &mut Items) -> R<(Vec<Alternative>, usize)> {
        let base = items.stack.len();
        let mut found: Vec<Alternative> = Vec::new();
        let mut after = None;
        let mut place = at;
        loop {
            place = self.graph.real(place);
            let copies =
                self.graph.ins(place).is_some_and(|ins| ins.name == "COPY" && ins.arg == 1);
            let next = if copies {
                self.alternative(place, &mut after, &mut found, items)?
            } else {
                Some(place)
            };
            match next {
                _ if found.len() > MOST => return Err("a pattern has too many alternatives"),
                Some(next) if copies => place = next,
                _ if found.len() < 2 => return Err("a pattern has one alternative"),
                // The last one fits whatever comes.
                None => {}
                // None of them fits.
                Some(next) => items.fails.push((next, base)),
            }
            if !copies || next.is_none() {
                return Ok((found, after.ok_or("alternatives do not meet")?));
            }
        }
    }

    /// The alternative whose copy is at `at`; yields where the next one begins.
    fn alternative(
        &mut self,
        at: usize,
        after: &mut Option<usize>,
        found: &mut Vec<Alternative>,
        items: &mut Items,
    ) -> R<Option<usize>> {
        let mut one = Items::of_subject();
        one.seen.push(at);
        let mut place = at.saturating_add(1);
        while self.graph.name(place) != "JUMP" && Some(self.graph.real(place)) != *after {
            self.tick()?;
            place = match self.graph.name(place) {
                "NOP" => place.saturating_add(1),
                _ => {
                    one.seen.push(place);
                    self.pattern_step(place, &mut one)?
                }
            };
        }
        let meets = self.graph.real(place);
        let captures = one.stack.iter().map(|item| match item {
            Item::Subject(id) => Ok(*id),
            _ => Err("an alternative leaves a value behind"),
        });
        let captures = captures.collect::<R<Vec<_>>>()?;
        let alike = found.first().is_none_or(|first| first.captures.len() == captures.len());
        if !alike || after.is_some_and(|after| after != meets) {
            return Err("alternatives do not meet");
        }
        *after = Some(meets);
        let next = self.failing(&one)?;
        items.seen.append(&mut one.seen);
        found.push(Alternative { items: one, captures });
        Ok(next)
    }
}
