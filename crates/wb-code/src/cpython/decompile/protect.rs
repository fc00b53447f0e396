//! `try` and `with`.

use super::ast::{Expr, Handler, R, Stmt};
use super::graph::Handles;
use super::machine::{Context, End, Machine, Scope};
use super::step::{Slot, Stack};
use crate::cpython::Version;
use std::collections::{BTreeMap, BTreeSet};

impl Machine<'_, '_> {
    /// Statements that begin to be protected at `at`.
    pub(super) fn protected(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let mut handler = self.graph.handler(at).ok_or("a handler is not known")?;
        for _ in 0..60 {
            match self.graph.handler(handler) {
                outer if outer == context.handler => break,
                Some(outer) => handler = outer,
                None => return Err("handlers do not nest"),
            }
        }
        self.survey()?;
        let exit = self.exit(handler);
        match self.graph.handles(handler) {
            Handles::Except => {
                let mut inner = context.within(Scope::Try, exit, stack.len());
                inner.handler = Some(handler);
                let (body, end) =
                    self.deeper(|machine| machine.region(at, &mut stack.clone(), &inner))?;
                self.except(handler, (body, end), stack, context, out)
            }
            Handles::Finally => {
                let mut inner = context.within(Scope::Finally(handler), exit, stack.len());
                inner.handler = Some(handler);
                let (body, end) = self.region(at, &mut stack.clone(), &inner)?;
                self.finally(handler, (body, end), stack, context, out)
            }
            _ => Err("statements are protected as none are"),
        }
    }

    /// Where the statements that `handler` protects go on to when they end.
    pub(super) fn exit(&self, handler: usize) -> Option<usize> {
        let mut found: Option<(bool, usize, usize)> = None;
        // Of two ways out of one place, the later goes on behind the statement.
        let within = |at: usize| self.graph.inside(self.graph.handler(at), Some(handler));
        for at in 0..self.graph.list.len() {
            let leaves = matches!(self.graph.name(at), "BREAK_LOOP" | "CONTINUE_LOOP");
            if self.graph.real(at) != at || !within(at) || leaves {
                continue;
            }
            for next in self.graph.after(at).into_iter().filter(|next| !within(*next)) {
                let begins = self.graph.name(next) == "BEGIN_FINALLY"
                    && self.graph.next(next) == self.graph.real(handler);
                if begins {
                    return Some(next);
                }
                let copied = self.code.version >= Version::three(12);
                let returns = self.graph.name(next) == "RETURN_VALUE"
                    || copied && self.graph.returns(next).is_some();
                let falls = !returns;
                let warm = self.graph.warm.get(at).copied().unwrap_or(false);
                let one = (falls && (warm || found.is_none()), at, next);
                if found.is_none_or(|best| one > best) {
                    found = Some(one);
                }
            }
        }
        found.map(|(_, _, next)| next)
    }

    fn except(
        &mut self,
        handler: usize,
        (body, end): (Vec<Stmt>, End),
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let exit = match end {
            End::At(at) => Some(at),
            End::Gone => None,
        };
        let mut meets = None;
        let handlers = self.handlers(handler, exit, &mut meets, stack, context)?;
        let (other, end) = match (exit, meets) {
            (Some(exit), Some(meets)) if exit != meets => {
                let inner = context.branch(Some(meets));
                let (other, end) = self.region(exit, &mut stack.clone(), &inner)?;
                if let End::At(place) = end
                    && place != meets
                {
                    return Err("two ways do not meet");
                }
                (other, Some(meets))
            }
            (Some(exit), None) if exit < handler && self.code.version.minor <= 11 => {
                self.placed_else(exit, handler, stack, context)?
            }
            (exit, meets) => (Vec::new(), exit.or(meets)),
        };
        self.emit(stack, context, Stmt::Try(body, handlers, other, Vec::new()), out)?;
        Ok(end.map_or(End::Gone, End::At))
    }

    /// What stands between the protected statements and handlers that all leave: `else`.
    fn placed_else(
        &mut self,
        exit: usize,
        handler: usize,
        stack: &Stack,
        context: &Context,
    ) -> R<(Vec<Stmt>, Option<usize>)> {
        let stops = self.stops(context);
        let reached = self.reach_within(exit, &stops, context.handler);
        let follow = reached.into_iter().find(|at| *at > handler && !stops.contains(at));
        let inner = context.branch(follow.or(context.follow));
        if context.follow == Some(exit) {
            return Ok((Vec::new(), Some(exit)));
        }
        let (other, end) = self.region(exit, &mut stack.clone(), &inner)?;
        Ok(match end {
            End::At(at) => (other, Some(at)),
            End::Gone => (other, None),
        })
    }

    /// The `except` clauses of a handler. `meets` is where they go on to.
    fn handlers(
        &mut self,
        handler: usize,
        exit: Option<usize>,
        meets: &mut Option<usize>,
        stack: &Stack,
        context: &Context,
    ) -> R<Vec<Handler>> {
        let mut inner_stack = stack.clone();
        let mut place = self.graph.real(handler);
        let values = if self.modern() {
            self.see(place);
            place = self.graph.next(place);
            1
        } else {
            3
        };
        for _ in 0..values {
            inner_stack.push(Slot::Exception)?;
        }
        let mut handlers = Vec::new();
        loop {
            self.tick()?;
            if matches!(self.graph.name(place), "RERAISE" | "END_FINALLY") {
                self.see(place);
                return Ok(handlers);
            }
            let (kind, body, next) = self.clause(place, &inner_stack)?;
            let (name, body) = self.caught(body, kind.is_some())?;
            let scope = Scope::Handling(name.clone());
            let inner = context.within(scope, None, inner_stack.len());
            let (statements, end) = self.region(body, &mut inner_stack.clone(), &inner)?;
            let mut statements = statements;
            if let End::At(pop) = end {
                self.handled(pop, &name, (exit, meets), (stack, context), &mut statements)?;
            }
            handlers.push(Handler { kind, name, body: statements });
            match next {
                Some(next) => place = next,
                None => return Ok(handlers),
            }
        }
    }

    /// What a clause catches, where its statements begin, where the next clause is.
    fn clause(&mut self, at: usize, stack: &Stack) -> R<(Option<Expr>, usize, Option<usize>)> {
        if self.graph.name(at) == "POP_TOP" {
            return Ok((None, at, None));
        }
        let mut trial = stack.clone();
        let old = self.graph.name(at) == "COPY";
        let start = if old {
            self.see(at);
            self.graph.next(at)
        } else {
            at
        };
        let done = |machine: &Self, at: usize, _: &Stack| {
            let ins = machine.graph.ins(at);
            matches!(machine.graph.name(at), "CHECK_EXC_MATCH" | "JUMP_IF_NOT_EXC_MATCH")
                || ins.is_some_and(|ins| ins.name == "COMPARE_OP" && ins.arg == 10)
        };
        let matched = self.evaluate(start, &mut trial, &done)?;
        let kind = trial.take()?;
        if trial.len() != stack.len() {
            return Err("an exception is compared inside an expression");
        }
        self.see(matched);
        let jump = if self.graph.name(matched) == "JUMP_IF_NOT_EXC_MATCH" {
            matched
        } else {
            self.graph.next(matched)
        };
        self.see(jump);
        let ins = *self.graph.ins(jump).ok_or("control runs off its end")?;
        let target = ins.target.map(|target| self.graph.real(target));
        let next = self.graph.next(jump);
        match ins.name {
            "IF_FALSE" | "JUMP_IF_NOT_EXC_MATCH" => Ok((Some(kind), next, target)),
            "IF_TRUE" => target.map(|target| (Some(kind), target, Some(next))).ok_or("no target"),
            _ => Err("an exception is compared without a choice"),
        }
    }

    /// The name that a clause gives to the exception, and where its statements begin.
    fn caught(&mut self, at: usize, typed: bool) -> R<(Option<String>, usize)> {
        let mut place = at;
        let mut name = None;
        let count = if self.modern() { 1 } else { 3 };
        for index in 0..count {
            self.see(place);
            let stores = typed && (index == 1 || count == 1);
            match self.graph.name(place) {
                "POP_TOP" => {}
                "STORE_FAST" | "STORE_NAME" | "STORE_GLOBAL" | "STORE_DEREF" if stores => {
                    let stored = self.graph.variable(place, "STORE_");
                    let stored = stored.ok_or("a variable has no name")?;
                    let instruction = self.graph.name(place);
                    self.uses(instruction, &stored)?;
                    name = Some(stored);
                }
                _ => return Err("an exception is not taken off the stack"),
            }
            place = self.graph.next(place);
        }
        Ok((name, place))
    }

    /// Leaves a clause at its POP_EXCEPT.
    fn handled(
        &mut self,
        pop: usize,
        name: &Option<String>,
        (exit, meets): (Option<usize>, &mut Option<usize>),
        (stack, context): (&Stack, &Context),
        statements: &mut Vec<Stmt>,
    ) -> R<()> {
        let next = self.pop_exception(pop, name.as_ref())?;
        // 3.8 forgets the name in another way where the clause is left.
        let left = self.code.version == Version::three(8)
            && name.is_some()
            && self.graph.name(pop) == "POP_EXCEPT";
        if left {
            let stmt = self.leave(next, &mut stack.clone(), &context.scopes)?;
            statements.push(stmt);
            return Ok(());
        }
        // Where clauses before it went on to counts first: `else` may stand behind the statements.
        if let Some(known) = meets.or(exit)
            && (self.graph.same(known, next) || self.ends_clause_alike(known, next))
        {
            *meets = Some(known);
            if known != next {
                self.see_return(next);
            }
            return Ok(());
        }
        // Until 3.9 a return that several ways lead to is not copied to each.
        let shared = self.code.version < Version::three(10) && self.graph.before(next).len() > 1;
        // Until 3.7 whatever leaves a clause does so while the exception is handled.
        if context.follow != Some(next)
            && self.code.version >= Version::three(8)
            && self.graph.name(pop) != "BEGIN_FINALLY"
            && !(shared && self.graph.returns(next).is_some())
            && let Some(stmt) = self.immediate(next, stack, &context.scopes)
        {
            statements.push(stmt);
            return Ok(());
        }
        if meets.is_none() {
            *meets = Some(next);
            return Ok(());
        }
        let stmt = self.leave(next, &mut stack.clone(), &context.scopes)?;
        statements.push(stmt);
        Ok(())
    }

    /// Whether a clause ends alike at both places; then the second one says what the first one says.
    pub(super) fn ends_clause_alike(&mut self, one: usize, other: usize) -> bool {
        if self.graph.name(one) != "POP_EXCEPT" {
            return false;
        }
        let mut copied = Vec::new();
        let (mut one, mut other) = (one, other);
        // The exception's name is forgotten in three steps.
        for _ in 0..4 {
            let (Some(a), Some(b)) = (self.graph.ins(one), self.graph.ins(other)) else {
                return false;
            };
            let plain = a.target.is_none() && b.target.is_none();
            if !plain || (a.name, a.arg, a.handler) != (b.name, b.arg, b.handler) {
                return false;
            }
            copied.push(other);
            (one, other) = (self.graph.next(one), self.graph.next(other));
            if one == other {
                copied.into_iter().for_each(|at| self.see(at));
                return true;
            }
        }
        false
    }

    /// Steps over what ends a clause: the exception is dropped and its name forgotten.
    pub(super) fn pop_exception(&mut self, at: usize, name: Option<&String>) -> R<usize> {
        self.see(at);
        let next = self.graph.next(at);
        match (self.graph.name(at), name) {
            ("POP_EXCEPT", None) => Ok(next),
            ("POP_EXCEPT", Some(name)) => self.forget(next, name),
            // 3.8 forgets the name first.
            ("BEGIN_FINALLY", Some(name)) => {
                let pop = self.forget(at, name)?;
                if self.graph.name(pop) != "POP_EXCEPT" {
                    return Err("an exception is not dropped");
                }
                self.see(pop);
                Ok(self.graph.next(pop))
            }
            _ => Err("an exception is handled and raised again"),
        }
    }

    /// Steps over `name = None; del name`, which until 3.8 is a `finally`.
    pub(super) fn forget(&mut self, at: usize, name: &str) -> R<usize> {
        let forgets = |machine: &Self, at: usize| {
            machine.graph.forgets_name(at).is_some_and(|(same, _)| same == name)
        };
        match self.graph.name(at) {
            "CALL_FINALLY" => {
                let target = self.graph.ins(at).and_then(|ins| ins.target);
                if !target.is_some_and(|target| forgets(self, target)) {
                    return Err("the name of an exception is not forgotten");
                }
                self.see(at);
                return Ok(self.graph.next(at));
            }
            "BEGIN_FINALLY" => {
                self.see(at);
                let end = self.forget(self.graph.next(at), name)?;
                if self.graph.name(end) != "END_FINALLY" {
                    return Err("the name of an exception is not forgotten");
                }
                self.see(end);
                return Ok(self.graph.next(end));
            }
            _ => {}
        }
        match self.graph.forgets_name(at) {
            Some((same, next)) if same == name => {
                let mut place = self.graph.real(at);
                for _ in 0..3 {
                    self.see(place);
                    place = self.graph.next(place);
                }
                Ok(next)
            }
            _ => Err("the name of an exception is not forgotten"),
        }
    }

    /// Notes that the few instructions from `at` on that return say what another copy of them says.
    pub(super) fn see_return(&mut self, at: usize) {
        let mut place = at;
        if !self.graph.ends(at) {
            return;
        }
        for _ in 0..8 {
            self.see(place);
            if matches!(self.graph.name(place), "RETURN_VALUE" | "RAISE_VARARGS") {
                return;
            }
            place = self.graph.next(place);
        }
    }

    /// A statement that `at` is by itself: `return` of a constant, `continue`, `break`.
    fn immediate(&mut self, at: usize, stack: &Stack, scopes: &[Scope]) -> Option<Stmt> {
        if let Some(Scope::Loop { heads, after, iterates }) = scopes.last() {
            if heads.contains(&at) {
                return Some(Stmt::Continue);
            }
            if *after == Some(at) && !*iterates {
                return Some(Stmt::Break);
            }
        }
        let returns = self.graph.returns(at).is_some();
        // An iterator that is dropped is that of the loop that is left.
        let drops = self.graph.name(at) == "POP_TOP" && matches!(stack.peek(1), Some(Slot::Iter));
        if returns || drops { self.leave(at, &mut stack.clone(), scopes).ok() } else { None }
    }

    fn finally(
        &mut self,
        handler: usize,
        (body, end): (Vec<Stmt>, End),
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let mut inner_stack = stack.clone();
        let mut place = self.graph.real(handler);
        if self.modern() {
            self.see(place);
            place = self.graph.next(place);
            inner_stack.push(Slot::Exception)?;
        } else {
            for _ in 0..6 {
                inner_stack.push(Slot::Exception)?;
            }
        }
        let inner = context.within(Scope::Handling(None), None, inner_stack.len());
        let (mut last, ended) = self.region(place, &mut inner_stack, &inner)?;
        if last.is_empty() {
            last.push(Stmt::Pass);
        }
        let mut behind = None;
        if let End::At(again) = ended {
            match self.graph.name(again) {
                "RERAISE" => {}
                "END_FINALLY" => behind = Some(self.graph.next(again)),
                _ => return Err("an exception is not raised again"),
            }
            self.see(again);
        }
        let end = match (end, behind) {
            // Until 3.8 control comes to the same instructions without an exception.
            (End::At(at), Some(behind)) if self.graph.name(at) == "BEGIN_FINALLY" => {
                if self.graph.next(at) != self.graph.real(handler) {
                    return Err("what `finally` does is not run");
                }
                self.see(at);
                End::At(behind)
            }
            (End::At(at), _) => End::At(self.copied(handler, at)?),
            (End::Gone, _) => {
                if let End::At(again) = ended {
                    self.unfollowed.insert(again);
                }
                End::Gone
            }
        };
        let stmt = match <[Stmt; 1]>::try_from(body) {
            Ok([Stmt::Try(body, handlers, other, none)]) if none.is_empty() => {
                Stmt::Try(body, handlers, other, last)
            }
            Ok([other]) => Stmt::Try(vec![other], Vec::new(), Vec::new(), last),
            Err(body) => Stmt::Try(body, Vec::new(), Vec::new(), last),
        };
        self.emit(stack, context, stmt, out)?;
        Ok(end)
    }

    /// Where control goes on behind the copy at `at` of what `finally` does.
    pub(super) fn copied(&mut self, handler: usize, at: usize) -> R<usize> {
        if self.graph.name(at) == "CALL_FINALLY" {
            return self.called(handler, at);
        }
        let mut first = self.graph.real(handler);
        if self.modern() {
            first = self.graph.next(first);
        }
        let mut pairs = BTreeMap::new();
        let mut ends = BTreeSet::new();
        let mut todo = vec![(first, at)];
        let outer = (self.graph.handler(first), self.graph.handler(at));
        while let Some((one, other)) = todo.pop() {
            self.tick()?;
            if self.graph.name(one) == "RERAISE"
                && self.graph.ins(one).is_some_and(|ins| ins.arg == 0)
                && self.graph.handler(one) == outer.0
                && !matches!(self.graph.name(other), "RERAISE")
            {
                ends.insert(other);
                continue;
            }
            match pairs.insert(one, other) {
                Some(known) if known == other => continue,
                Some(_) => return Err("what `finally` does differs from its copy"),
                None => {}
            }
            self.see(other);
            let (Some(a), Some(b)) = (self.graph.ins(one), self.graph.ins(other)) else {
                return Err("what `finally` does differs from its copy");
            };
            let plain = a.target.is_none() && b.target.is_none();
            if a.name != b.name || (plain && a.arg != b.arg) {
                return Err("what `finally` does differs from its copy");
            }
            let (ours, theirs) = (self.graph.after(one), self.graph.after(other));
            if ours.len() != theirs.len() {
                return Err("what `finally` does differs from its copy");
            }
            todo.extend(ours.into_iter().zip(theirs));
            let handlers = (self.graph.handler(one), self.graph.handler(other));
            match handlers {
                same if same == outer => {}
                (Some(one), Some(other)) => {
                    todo.push((self.graph.real(one), self.graph.real(other)));
                }
                _ => return Err("what `finally` does differs from its copy"),
            }
        }
        let first = ends.first().copied().unwrap_or(0);
        if ends.len() > 1 && ends.iter().all(|at| self.graph.same(first, *at)) {
            ends.iter().for_each(|at| self.see_return(*at));
            ends = ends.into_iter().take(1).collect();
        }
        match ends.first() {
            Some(end) if ends.len() == 1 => Ok(*end),
            _ => Err("what `finally` does differs from its copy"),
        }
    }

    /// The same in 3.8, where it is called.
    fn called(&mut self, handler: usize, at: usize) -> R<usize> {
        if self.graph.ins(at).and_then(|ins| ins.target) != Some(handler) {
            return Err("what `finally` does is not run");
        }
        self.see(at);
        Ok(self.graph.next(at))
    }

    /// Whether handlers begin with PUSH_EXC_INFO.
    pub(super) fn modern(&self) -> bool {
        self.code.version.minor >= 11
    }
}
