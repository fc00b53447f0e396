//! How constructs are left: `return`, `break` and `continue` with what that undoes, and `with`.

use super::ast::{Expr, R, Stmt};
use super::graph::Handles;
use super::machine::{Context, End, Machine, Scope};
use super::step::{Slot, Stack, plain};
use crate::cpython::{Value, Version};

impl Machine<'_, '_> {
    /// The statement that leaves constructs from `at` on: each is undone, then control goes elsewhere.
    pub(super) fn leave(&mut self, at: usize, stack: &mut Stack, scopes: &[Scope]) -> R<Stmt> {
        let mut rest = scopes;
        let mut place = self.graph.real(at);
        let mut dropped = false;
        // The innermost loop that was left.
        let mut left = None;
        for _ in 0..400 {
            self.tick()?;
            place = self.graph.real(place);
            if self.graph.name(place) == "RETURN_VALUE" {
                self.see(place);
                return Ok(Stmt::Return(Some(plain(stack.pop()?)?)));
            }
            if let Some(Scope::Loop { heads, after, iterates }) = rest.last() {
                let breaks = after.is_some_and(|after| self.graph.same(after, place));
                if heads.contains(&place) && !dropped {
                    return self.unless_left(left, place, Stmt::Continue);
                }
                if breaks && (dropped || (!*iterates && *after == Some(place))) {
                    if *after != Some(place) {
                        self.see_return(place);
                    }
                    return self.unless_left(left, place, Stmt::Break);
                }
                if left.is_none() && dropped {
                    left = heads.first().copied();
                }
            }
            if self.graph.returns(place).is_some() {
                self.see_return(place);
                self.effect(place, stack, None)?;
                return Ok(Stmt::Return(Some(stack.take()?)));
            }
            match self.undo(place, stack, &mut rest, &mut dropped) {
                Ok(next) => place = next,
                Err(why) => {
                    self.wanted_after = self.wanted_after.or(left.map(|head| (head, place)));
                    return Err(why);
                }
            }
        }
        Err("a construct is not left")
    }

    /// What stands at `at` behind a construct's own statements: a statement that leaves it, or the construct's
    /// own end, which may be copied.
    pub(super) fn left_or_ended(
        &mut self,
        at: usize,
        stack: &Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let ends = match context.scopes.last() {
            Some(Scope::Handling(_)) => self.graph.name(at) == "POP_EXCEPT",
            Some(Scope::With) => self.graph.constant(at) == Some(Value::None),
            _ => false,
        };
        if !ends || stack.len() > context.base {
            out.push(self.leave(at, &mut stack.clone(), &context.scopes)?);
            return Ok(End::Gone);
        }
        self.survey()?;
        let mark = self.mark();
        let wanted = self.wanted_after;
        match self.leave(at, &mut stack.clone(), &context.scopes) {
            Ok(stmt) => {
                out.push(stmt);
                Ok(End::Gone)
            }
            Err(why) if self.wanted_after != wanted => Err(why),
            Err(_) => {
                self.reset(mark);
                Ok(End::At(usize::MAX))
            }
        }
    }

    /// The statement, unless it belongs to another loop than the one that is left: then that one ends at
    /// `place`.
    fn unless_left(&mut self, left: Option<usize>, place: usize, stmt: Stmt) -> R<Stmt> {
        match left {
            None => Ok(stmt),
            Some(head) => {
                self.wanted_after = Some((head, place));
                Err("a loop is left for another one")
            }
        }
    }

    /// One step of leaving; yields the next place.
    fn undo(
        &mut self,
        at: usize,
        stack: &mut Stack,
        rest: &mut &[Scope],
        dropped: &mut bool,
    ) -> R<usize> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        // A loop whose iterator was dropped, or that has none, takes no more to leave.
        while let Some((Scope::Loop { iterates, .. }, outer)) = rest.split_last()
            && (*dropped || !*iterates)
        {
            *rest = outer;
            *dropped = false;
        }
        while let Some((Scope::Try, outer)) = rest.split_last() {
            *rest = outer;
        }
        match ins.name {
            "SWAP" => stack.swap(ins.arg)?,
            "ROT" => stack.rotate(ins.arg)?,
            "POP_TOP" if matches!(stack.peek(1), Some(Slot::Iter)) => {
                stack.pop()?;
                match rest.last() {
                    Some(Scope::Loop { iterates: true, .. }) => *dropped = true,
                    _ => return Err("an iterator is dropped that is no loop's"),
                }
            }
            "POP_EXCEPT" => {
                let Some((Scope::Handling(name), outer)) = rest.split_last() else {
                    return Err("an exception is dropped that is not handled");
                };
                let values = if self.modern() { 1 } else { 3 };
                for slot in stack.pop_many(values)? {
                    if !matches!(slot, Slot::Exception) {
                        return Err("an exception is dropped that is not handled");
                    }
                }
                *rest = outer;
                return self.pop_exception(at, name.as_ref());
            }
            _ => match rest.split_last() {
                Some((Scope::Finally(handler), outer)) => {
                    *rest = outer;
                    return self.copied(*handler, at);
                }
                Some((Scope::With, outer)) => {
                    *rest = outer;
                    let next = self.exits(at)?;
                    return self.drop_exit(next, stack);
                }
                Some((Scope::Try, _)) | Some((Scope::Loop { .. }, _)) | None => {
                    return Err("a construct is left as no statement leaves it");
                }
                Some((Scope::Handling(_), _)) => {
                    return Err("a handler is left as no statement leaves it");
                }
            },
        }
        self.see(at);
        Ok(self.graph.next(at))
    }

    /// How many values stand for a context manager: its exit, from 3.14 on with the object it belongs to.
    fn exit_values(&self) -> usize {
        if self.code.version >= Version::three(14) { 2 } else { 1 }
    }

    fn drop_exit(&self, next: usize, stack: &mut Stack) -> R<usize> {
        let value = match stack.peek(1) {
            Some(Slot::Exit) => None,
            _ => Some(stack.pop()?),
        };
        for slot in stack.pop_many(self.exit_values())? {
            if !matches!(slot, Slot::Exit) {
                return Err("a context manager is left that was not entered");
            }
        }
        if let Some(value) = value {
            stack.push(value)?;
        }
        Ok(next)
    }

    /// Steps over the call of a context manager's exit without an exception; yields what follows.
    fn exits(&mut self, at: usize) -> R<usize> {
        let wrong = "a context manager is left without its exit";
        let mut place = self.graph.real(at);
        if self.graph.name(place) == "BEGIN_FINALLY" {
            self.see(place);
            return self.cleanup(self.graph.next(place));
        }
        let none = self.graph.constant(place) == Some(Value::None);
        if !none {
            return Err(wrong);
        }
        let steps: &[(&str, usize)] = if self.modern() {
            &[("LOAD_CONST", usize::MAX), ("LOAD_CONST", usize::MAX), ("LOAD_CONST", usize::MAX)]
        } else {
            &[("LOAD_CONST", usize::MAX), ("COPY", 1), ("COPY", 1)]
        };
        for (name, arg) in steps {
            let ins = *self.graph.ins(place).ok_or(wrong)?;
            let same = match *arg {
                usize::MAX => self.graph.constant(place) == Some(Value::None),
                arg => ins.arg == arg,
            };
            if ins.name != *name || !same {
                return Err(wrong);
            }
            self.see(place);
            place = self.graph.next(place);
        }
        let calls = match self.graph.ins(place) {
            Some(ins) if ins.name == "CALL" && self.modern() => {
                ins.arg == 2 || (self.code.version.minor >= 14 && ins.arg == 3)
            }
            Some(ins) if ins.name == "CALL_FUNCTION" => ins.arg == 3,
            _ => false,
        };
        if !calls {
            return Err(wrong);
        }
        place = self.past_await(place);
        if self.graph.name(place) != "POP_TOP" {
            return Err(wrong);
        }
        self.see(place);
        Ok(self.graph.next(place))
    }

    /// Steps over the call at `place`, and the `await` of what it returns if there is one.
    fn past_await(&mut self, place: usize) -> usize {
        self.see(place);
        let next = self.graph.next(place);
        if self.graph.name(next) != "AWAIT" {
            return next;
        }
        self.see(next);
        self.graph.next(next)
    }

    /// Steps over the exit of a context manager until 3.8, with an exception or without.
    fn cleanup(&mut self, at: usize) -> R<usize> {
        let mut place = at;
        for name in ["WITH_CLEANUP_START", "AWAIT", "WITH_CLEANUP_FINISH", "END_FINALLY"] {
            let found = self.graph.name(place);
            if name == "AWAIT" && found != name {
                continue;
            }
            if found != name && (name, found) != ("END_FINALLY", "POP_FINALLY") {
                return Err("a context manager is left without its exit");
            }
            self.see(place);
            place = self.graph.next(place);
        }
        Ok(place)
    }

    /// A `with` statement, its context manager on the stack.
    pub(super) fn context_manager(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let is_async = self.graph.name(at).contains("ASYNC");
        let manager = stack.take()?;
        if stack.len() != context.base {
            return Err("a statement stands inside an expression");
        }
        let outside = stack.clone();
        for _ in 0..self.exit_values() {
            stack.push(Slot::Exit)?;
        }
        let base = stack.len();
        stack.push(Slot::Incoming)?;
        let mut place = self.graph.next(at);
        if is_async {
            if self.graph.name(place) != "AWAIT" {
                return Err("an asynchronous context manager is not awaited");
            }
            self.see(place);
            place = self.graph.next(place);
            if self.graph.name(place) == "SETUP_ASYNC_WITH" {
                self.see(place);
                place = self.graph.next(place);
            }
        }
        let handler =
            self.graph.handler(place).filter(|at| self.graph.handles(*at) == Handles::With);
        let handler = handler.ok_or("a context manager is not left when an exception is raised")?;
        let target = if self.graph.name(place) == "POP_TOP" {
            self.see(place);
            stack.pop()?;
            place = place.saturating_add(1);
            None
        } else {
            let (target, slot, next) = self.target(place, stack)?;
            if !matches!(slot, Slot::Incoming) {
                return Err("what a context manager returns is not stored");
            }
            place = next;
            Some(target)
        };
        if stack.len() != base || self.graph.handler(handler) != context.handler {
            return Err("handlers do not nest");
        }
        let suppressed = self.suppressed(handler)?;
        let body = (place, handler, suppressed);
        self.with_body(body, is_async, (manager, target), stack, &outside, context, out)
    }

    #[expect(clippy::too_many_arguments, reason = "a statement is all of these")]
    fn with_body(
        &mut self,
        (place, handler, suppressed): (usize, usize, usize),
        is_async: bool,
        item: (Expr, Option<Expr>),
        stack: &mut Stack,
        outside: &Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let exit = self.exit(handler);
        let mut inner = context.within(Scope::With, exit, stack.len());
        inner.handler = Some(handler);
        let started = self.graph.real(place);
        // The statements may be none that can raise.
        let (mut body, end) = if self.graph.handler(started) == Some(handler)
            || self.graph.inside(self.graph.handler(started), Some(handler))
            || Some(started) == exit
        {
            self.region(place, &mut stack.clone(), &inner)?
        } else {
            (Vec::new(), End::At(started))
        };
        *stack = outside.clone();
        let mut after = suppressed;
        if let End::At(left) = end {
            let next = self.exits(left)?;
            if self.graph.same(next, suppressed) {
                // Both copies do the same.
                if next != suppressed {
                    self.see_return(suppressed);
                }
                after = next;
            } else {
                let stmt = self.leave(next, &mut outside.clone(), &context.scopes)?;
                body.push(stmt);
            }
        }
        let (mut items, mut body) = (vec![item], body);
        // `with a, b:` is `with a:` around `with b:`.
        if let [Stmt::With(same, ..)] = body.as_slice()
            && *same == is_async
            && let Some(Stmt::With(_, more, inner)) = body.pop()
        {
            items.extend(more);
            body = inner;
        }
        self.emit(stack, context, Stmt::With(is_async, items, body), out)?;
        Ok(End::At(after))
    }

    /// Where control goes when a context manager's exit suppresses the exception.
    fn suppressed(&mut self, handler: usize) -> R<usize> {
        let wrong = "a context manager is not left when an exception is raised";
        let mut place = self.graph.real(handler);
        if self.modern() {
            self.see(place);
            place = self.graph.next(place);
        }
        if self.graph.name(place) == "WITH_CLEANUP_START" {
            return self.cleanup(place);
        }
        if self.graph.name(place) != "WITH_EXCEPT_START" {
            return Err(wrong);
        }
        place = self.past_await(place);
        let ins = *self.graph.ins(place).ok_or(wrong)?;
        let again = self.graph.next(place);
        if ins.name != "IF_TRUE" || self.graph.name(again) != "RERAISE" {
            return Err(wrong);
        }
        self.see(place);
        self.see(again);
        place = self.graph.real(ins.target.ok_or(wrong)?);
        let steps: &[&str] = if self.exit_values() == 2 {
            &["POP_TOP", "POP_EXCEPT", "POP_TOP", "POP_TOP", "POP_TOP"]
        } else if self.modern() {
            &["POP_TOP", "POP_EXCEPT", "POP_TOP", "POP_TOP"]
        } else {
            &["POP_TOP", "POP_TOP", "POP_TOP", "POP_EXCEPT", "POP_TOP"]
        };
        for name in steps {
            if self.graph.name(place) != *name {
                return Err(wrong);
            }
            self.see(place);
            place = self.graph.next(place);
        }
        Ok(place)
    }
}
