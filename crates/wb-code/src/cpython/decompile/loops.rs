//! Loops: `for`, `while`, and those of comprehensions.

use super::ast::{Comp, Expr, Node, R, Stmt};
use super::conditions::Condition;
use super::machine::{Context, End, Machine, Scope};
use super::step::{Slot, Stack};
use crate::cpython::Value;
use std::collections::BTreeSet;

impl Machine<'_, '_> {
    /// Whether a loop begins at `at`, which is not a `for`.
    pub(super) fn begins_loop(&self, at: usize, context: &Context) -> bool {
        if matches!(self.graph.name(at), "FOR_ITER" | "ASYNC_NEXT") {
            return false;
        }
        let back = self.graph.before(at).iter().any(|from| *from >= at);
        let heads = |scope: &Scope| match scope {
            Scope::Loop { heads, .. } => heads.contains(&at),
            _ => false,
        };
        back && !context.scopes.iter().any(heads) && self.circle(at, context).len() > 1
            || self.graph.name(at) == "JUMP"
    }

    /// Everything on a way from `at` back to `at` that does not begin an outer loop anew.
    fn circle(&self, at: usize, context: &Context) -> BTreeSet<usize> {
        let stops = heads(context);
        let mut reached = BTreeSet::new();
        for next in self.graph.after(at) {
            reached.extend(self.graph.reach(next, &stops, true));
        }
        if let Some(handler) = self.graph.ins(at).and_then(|ins| ins.handler) {
            reached.extend(self.graph.reach(self.graph.real(handler), &stops, true));
        }
        if !reached.contains(&at) {
            return BTreeSet::new();
        }
        for stop in &stops {
            reached.remove(stop);
        }
        self.graph.reaching(at, &reached)
    }

    /// Whether the loop that begins at `at` stands around the protected statements that begin there, too.
    pub(super) fn loop_before_try(
        &self,
        at: usize,
        handler: Option<usize>,
        context: &Context,
    ) -> bool {
        if !self.begins_loop(at, context) {
            return false;
        }
        // The loop is inside when all that begins it anew is protected, too.
        let mut outermost = handler;
        while let Some(inner) = outermost {
            let outer = self.graph.handler(inner);
            if outer == context.handler {
                break;
            }
            outermost = outer;
        }
        let circle = self.circle(at, context);
        !self
            .graph
            .before(at)
            .iter()
            .filter(|from| circle.contains(from))
            .all(|from| self.graph.inside(self.graph.handler(*from), outermost))
    }

    /// A `while` loop that begins at `at`; tried again when what leaves it shows where it ends.
    pub(super) fn looping(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        self.wanted_after = None;
        let pending = self.block_end(at);
        let before = (stack.clone(), out.len());
        match self.looping_to(at, pending, stack, context, out) {
            Err(why) => match self.wanted_after.take() {
                Some((head, after)) if head == at && pending.is_none() => {
                    *stack = before.0;
                    out.truncate(before.1);
                    self.looping_to(at, Some(after), stack, context, out)
                }
                wanted => {
                    self.wanted_after = wanted;
                    Err(why)
                }
            },
            found => found,
        }
    }

    fn looping_to(
        &mut self,
        at: usize,
        pending: Option<usize>,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        if matches!(self.graph.name(at), "JUMP" | "NOP") {
            let test = Expr::constant(Value::Bool(true));
            self.emit(stack, context, Stmt::While(test, vec![Stmt::Pass], Vec::new()), out)?;
            return Ok(End::Gone);
        }
        let circle = self.circle(at, context);
        if let Some(whole) = self.loop_test(at, stack) {
            let inside = |at: usize| circle.contains(&at);
            let (yes, no) = (whole.yes.at, whole.no.at);
            if inside(yes) != inside(no) {
                let (body, end) = if inside(yes) { (yes, no) } else { (no, yes) };
                let test = whole.test.clone();
                let test = if inside(yes) { test } else { test.negated()? };
                let bottom = self.bottom(&whole, body, end);
                let test = (test, body, bottom);
                return self.while_loop(at, test, end, &circle, pending, stack, context, out);
            }
        }
        let after = pending.or_else(|| self.after_loop(at, &circle, None, context));
        let scope = Scope::Loop { heads: vec![at], after, iterates: false };
        let inner = context.within(scope, Some(at), stack.len());
        let (body, _) = self.first_pass(at, stack, &inner)?;
        let test = Expr::constant(Value::Bool(true));
        self.emit(stack, context, Stmt::While(test, body, Vec::new()), out)?;
        Ok(after.map_or(End::Gone, End::At))
    }

    /// The statements of an endless loop: where it begins is not its end yet.
    fn first_pass(&mut self, at: usize, stack: &Stack, context: &Context) -> R<(Vec<Stmt>, End)> {
        let mut stack = stack.clone();
        self.deeper(|machine| {
            let mut out = Vec::new();
            let mut place = machine.begun(at, &mut stack, context, &mut out)?;
            loop {
                let End::At(next) = place else { return Ok((out, End::Gone)) };
                if next == usize::MAX {
                    return Err("a loop ends inside a handler");
                }
                let real = machine.graph.real(next);
                if Some(real) == context.follow && stack.len() <= context.base {
                    return Ok((out, End::At(real)));
                }
                place = machine.advance(next, &mut stack, context, &mut out)?;
            }
        })
    }

    /// The test that a `while` loop at `at` begins with.
    fn loop_test(&mut self, at: usize, stack: &Stack) -> Option<Condition> {
        let mut trial = stack.clone();
        let depth = stack.len().saturating_add(1);
        let done = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.name(at).starts_with("IF_")
                && !machine.graph.name(at).ends_with("_OR_POP")
                && (stack.len() == depth
                    || matches!(stack.peek(2), Some(Slot::Shared(..)))
                        && stack.len() == depth.saturating_add(1))
        };
        let place = self.evaluate(at, &mut trial, &done).ok()?;
        let whole = self.condition(place, at, &mut trial).ok()?;
        (trial.len() == stack.len() && !whole.yes.keeps && !whole.no.keeps).then_some(whole)
    }

    /// A test at the end of a loop that is the one at its beginning: where it begins and ends.
    pub(super) fn bottom(
        &self,
        whole: &Condition,
        body: usize,
        end: usize,
    ) -> Option<(usize, usize)> {
        let top = *whole.jumps.iter().max()?;
        let start = whole.start;
        let length = top.checked_sub(start)?;
        let mut found = None;
        for last in self.graph.before(body).iter().filter(|from| **from > top) {
            let Some(first) = last.checked_sub(length) else { continue };
            if first > top && self.tests_alike(start, first, length, body, end) {
                found = Some((first, *last));
            }
        }
        found
    }

    /// Whether the instructions from both places on are the same test of the same loop.
    fn tests_alike(
        &self,
        one: usize,
        other: usize,
        length: usize,
        body: usize,
        end: usize,
    ) -> bool {
        for step in 0..=length {
            let (a, b) = (one.saturating_add(step), other.saturating_add(step));
            let (Some(x), Some(y)) = (self.graph.ins(a), self.graph.ins(b)) else { return false };
            let ways = |at: usize| {
                let mut ways = self.graph.after(at);
                if self.graph.name(at) == "IF_TRUE" || self.graph.name(at) == "IF_NOT_NONE" {
                    ways.reverse();
                }
                ways
            };
            let jump = |name: &str| name.starts_with("IF_");
            let kind = |name: &str| name.contains("NONE");
            if !jump(x.name) {
                let target = |at: usize| self.graph.ins(at).and_then(|ins| ins.target);
                let plain = target(a).is_none() && target(b).is_none();
                if (x.name, x.arg) != (y.name, y.arg) || !plain {
                    return false;
                }
                continue;
            }
            if !jump(y.name) || kind(x.name) != kind(y.name) {
                return false;
            }
            let (ours, theirs) = (ways(a), ways(b));
            let alike = ours.len() == theirs.len()
                && ours.iter().zip(&theirs).all(|(x, y)| {
                    let inner = x.checked_sub(one).filter(|step| *step <= length);
                    let both =
                        inner.is_some_and(|step| self.graph.real(other.saturating_add(step)) == *y);
                    both || (*x == body && *y == body)
                        || (self.graph.same(*x, end) && self.graph.same(*y, end))
                });
            if !alike {
                return false;
            }
        }
        true
    }

    /// A `while` loop whose test was copied to its end, met at the copy before it.
    pub(super) fn inverted(
        &mut self,
        whole: &Condition,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<Option<End>> {
        let Some(last) = whole.jumps.iter().max().copied() else { return Ok(None) };
        for (body, end, when) in
            [(whole.yes.at, whole.no.at, true), (whole.no.at, whole.yes.at, false)]
        {
            let again = self.graph.before(body).iter().any(|from| *from > last && *from >= body);
            if !again {
                continue;
            }
            let start = whole.start;
            let Some(bottom) = self.bottom(whole, body, end) else { continue };
            let test = whole.test.clone();
            let test = if when { test } else { test.negated()? };
            let mut circle = self.circle(body, context);
            circle.insert(body);
            let pending = self.block_end(start);
            let test = (test, body, Some(bottom));
            self.wanted_after = None;
            let first =
                self.while_loop(start, test.clone(), end, &circle, pending, stack, context, out);
            let again = match (&first, self.wanted_after) {
                (Err(_), Some((head, after))) if head == start && pending.is_none() => Some(after),
                _ => return first.map(Some),
            };
            self.wanted_after = None;
            return self
                .while_loop(start, test, end, &circle, again, stack, context, out)
                .map(Some);
        }
        Ok(None)
    }

    #[expect(clippy::too_many_arguments, reason = "a loop is all of these")]
    fn while_loop(
        &mut self,
        start: usize,
        (test, body, bottom): (Expr, usize, Option<(usize, usize)>),
        end: usize,
        circle: &BTreeSet<usize>,
        pending: Option<usize>,
        stack: &Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let mut heads = vec![start];
        let mut follow = start;
        if let Some((first, last)) = bottom {
            follow = self.graph.real(first);
            heads.push(follow);
            for at in first..=last {
                self.see(at);
                for way in self.graph.after(at) {
                    self.see_return(way);
                }
            }
        }
        let after =
            pending.or_else(|| self.after_loop(start, circle, Some(end), context)).unwrap_or(end);
        let scope = Scope::Loop { heads, after: Some(after), iterates: false };
        let inner = context.within(scope, Some(follow), stack.len());
        let (body, _) = self.region(body, &mut stack.clone(), &inner)?;
        let other = self.otherwise(end, after, stack, context)?;
        self.emit(stack, context, Stmt::While(test, body, other), out)?;
        Ok(End::At(after))
    }

    /// The `else` of a loop: from where it ends to where `break` goes to.
    fn otherwise(
        &mut self,
        end: usize,
        after: usize,
        stack: &Stack,
        context: &Context,
    ) -> R<Vec<Stmt>> {
        if end == after {
            return Ok(Vec::new());
        }
        let (other, _) = self.region(end, &mut stack.clone(), &context.branch(Some(after)))?;
        Ok(other)
    }

    /// Where `break` goes to: behind the loop. `end` is where the loop goes by itself.
    fn after_loop(
        &self,
        head: usize,
        circle: &BTreeSet<usize>,
        end: Option<usize>,
        context: &Context,
    ) -> Option<usize> {
        let warm = |at: &usize| self.graph.warm.get(*at).copied().unwrap_or(false);
        let last = circle.iter().filter(|at| warm(at)).max().copied()?;
        let last = self.last_jump(head).max(last);
        let exits = self.exits_of(head, last, circle);
        let Some(end) = end else {
            return exits.into_iter().find(|at| *at > last);
        };
        let mut stops = heads(context);
        stops.push(head);
        let reached = self.graph.reach(end, &stops, false);
        let beyond = exits.iter().find(|at| **at > last && **at != end && reached.contains(at));
        let own = exits.iter().filter(|at| **at == end).count();
        match beyond {
            Some(beyond) if own <= 1 && self.graph.returns(*beyond).is_none() => Some(*beyond),
            _ => Some(end),
        }
    }

    /// Where control goes from a loop, what stands between its beginning and `last` being part of it.
    fn exits_of(&self, head: usize, last: usize, circle: &BTreeSet<usize>) -> BTreeSet<usize> {
        let warm = |at: usize| self.graph.warm.get(at).copied().unwrap_or(false);
        let inside = |at: usize| circle.contains(&at) || (head..=last).contains(&at) || !warm(at);
        let mut exits = BTreeSet::new();
        let mut seen = circle.clone();
        let mut todo: Vec<usize> = circle.iter().copied().collect();
        while let Some(at) = todo.pop() {
            let own = at == head && self.graph.name(at) == "FOR_ITER";
            let mut ways = if own { vec![self.graph.next(at)] } else { self.graph.after(at) };
            // Handlers that stand around the loop are no part of it.
            let around = self.graph.handler(head);
            let handler = self.graph.handler(at).filter(|at| !self.graph.inside(around, Some(*at)));
            ways.extend(handler.map(|handler| self.graph.real(handler)));
            for next in ways {
                if !inside(next) {
                    exits.insert(next);
                } else if next < self.graph.list.len() && seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        exits
    }

    /// The last jump that begins the loop at `head` anew, handlers that stand behind everything aside.
    fn last_jump(&self, head: usize) -> usize {
        let last_warm = self.graph.warm.iter().rposition(|warm| *warm).unwrap_or(0);
        let jumps = (head..=last_warm.saturating_add(2)).rev();
        jumps
            .into_iter()
            .find(|at| self.graph.name(*at) == "JUMP" && self.graph.real(*at) == head)
            .unwrap_or(head)
    }

    /// A `for` loop at its FOR_ITER, the iterable on the stack.
    pub(super) fn iterating(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        if let Some(kind) = self.accumulates(stack) {
            return self.inlined(at, kind, stack, context);
        }
        let iter = stack.take()?;
        let (stmt, after) = self.for_loop(at, iter, stack, context)?;
        self.emit(stack, context, stmt, out)?;
        Ok(End::At(after))
    }

    /// A `for` loop; tried again when what leaves it shows where it ends.
    fn for_loop(
        &mut self,
        at: usize,
        iter: Expr,
        stack: &Stack,
        context: &Context,
    ) -> R<(Stmt, usize)> {
        self.wanted_after = None;
        let pending = self.block_end(at);
        match self.for_loop_to(at, iter.clone(), pending, stack, context) {
            Err(why) => match self.wanted_after.take() {
                Some((head, after)) if head == at && pending.is_none() => {
                    self.for_loop_to(at, iter, Some(after), stack, context)
                }
                wanted => {
                    self.wanted_after = wanted;
                    Err(why)
                }
            },
            found => found,
        }
    }

    fn for_loop_to(
        &mut self,
        at: usize,
        iter: Expr,
        pending: Option<usize>,
        stack: &Stack,
        context: &Context,
    ) -> R<(Stmt, usize)> {
        let is_async = self.graph.name(at) == "ASYNC_NEXT";
        let end = match self.graph.after(at).as_slice() {
            [_, end] => *end,
            _ => return Err("a loop has no end"),
        };
        let circle = self.circle(at, context);
        let after =
            pending.or_else(|| self.after_loop(at, &circle, Some(end), context)).unwrap_or(end);
        let mut inner_stack = stack.clone();
        inner_stack.push(Slot::Iter)?;
        let base = inner_stack.len();
        let scope = Scope::Loop { heads: vec![at], after: Some(after), iterates: true };
        let mut inner = context.within(scope, Some(at), base);
        inner.handler = context.handler;
        inner_stack.push(Slot::Incoming)?;
        let (target, slot, next) = self.target(at.saturating_add(1), &mut inner_stack)?;
        if !matches!(slot, Slot::Incoming) || inner_stack.len() != base {
            return Err("an item of a loop is not stored");
        }
        let (body, _) = self.region(next, &mut inner_stack, &inner)?;
        let other = self.otherwise(end, after, stack, context)?;
        Ok((Stmt::For(is_async, target, iter, body, other), after))
    }

    /// The display that an inlined comprehension at the top of the stack fills.
    fn accumulates(&self, stack: &Stack) -> Option<Comp> {
        let saved = stack.iter().any(|slot| matches!(slot, Slot::Saved(_)));
        let own = ["<listcomp>", "<setcomp>", "<dictcomp>"].contains(&self.code.name.as_str());
        let saved = saved || (own && stack.len() == 2);
        let kind = match stack.peek(2)? {
            Slot::Expr(display) => match display.node.as_ref() {
                Node::List(items) if items.is_empty() => Comp::List,
                Node::Set(items) if items.is_empty() => Comp::Set,
                Node::Dict(pairs) if pairs.is_empty() => Comp::Dict,
                _ => return None,
            },
            _ => return None,
        };
        saved.then_some(kind)
    }

    /// A comprehension that 3.12 on compiles into its function.
    fn inlined(&mut self, at: usize, kind: Comp, stack: &mut Stack, context: &Context) -> R<End> {
        let after = self.inlined_at(at, kind, stack, context.handler)?;
        Ok(End::At(after))
    }

    /// The same inside an expression.
    pub(super) fn inlined_at(
        &mut self,
        at: usize,
        kind: Comp,
        stack: &mut Stack,
        handler: Option<usize>,
    ) -> R<usize> {
        let iter = stack.take()?;
        let context = Context {
            scopes: std::rc::Rc::clone(&self.around),
            follow: None,
            handler,
            base: stack.len(),
            branch: false,
            depth: 0,
        };
        let bound = self.bound.clone();
        let read = self.read.clone();
        // Nothing leaves the loop before its end.
        let end = self.graph.after(at).last().copied();
        let (stmt, after) = self.for_loop_to(at, iter, end, stack, &context)?;
        // What the comprehension binds is its own.
        let saved: Vec<String> = stack
            .iter()
            .filter_map(|slot| match slot {
                Slot::Saved(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        for name in &saved {
            if !bound.contains(name) {
                self.bound.remove(name);
            }
            if !read.contains(name) {
                self.read.remove(name);
            }
        }
        stack.pop()?;
        stack.value(super::comprehensions::from_loop(kind, stmt)?)?;
        Ok(after)
    }

    /// The display that the loop at the top of the stack fills inside an expression.
    pub(super) fn inlined_in_expression(&mut self, at: usize, stack: &mut Stack) -> R<usize> {
        let kind = self.accumulates(stack).ok_or("a loop stands inside an expression")?;
        let handler = self.graph.handler(at);
        self.inlined_at(at, kind, stack, handler)
    }
}

/// Where the loops around begin anew.
fn heads(context: &Context) -> Vec<usize> {
    let loops = context.scopes.iter().filter_map(|scope| match scope {
        Scope::Loop { heads, .. } => Some(heads),
        _ => None,
    });
    loops.flatten().copied().collect()
}
