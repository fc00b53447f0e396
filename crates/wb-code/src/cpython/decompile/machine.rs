//! One function on its way from instructions to statements: [`Machine`].

use super::annotations::Annotation;
use super::ast::{Expr, Node, R, Stmt, TypeParam};
use super::graph::Graph;
use super::step::{Slot, Stack, plain};
use super::work::{Kind, Scope as Names, Work};
use crate::cpython::{CodeObject, Value, Version};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A construct that statements stand in, as far as leaving it takes instructions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scope {
    /// A loop: where it begins anew, where `break` goes to, whether an iterator is on the stack.
    Loop { heads: Vec<usize>, after: Option<usize>, iterates: bool },
    /// The protected statements of `try` with the handler of its `finally`.
    Finally(usize),
    /// The protected statements of `try` with `except`.
    Try,
    /// The statements of `with`.
    With,
    /// Statements that handle an exception, and the name it has.
    Handling(Option<String>),
}

/// Where statements stand.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) scopes: Rc<Vec<Scope>>,
    /// Where these statements end.
    pub(super) follow: Option<usize>,
    pub(super) handler: Option<usize>,
    /// How many values are below those of a statement.
    pub(super) base: usize,
    /// Whether a branch of `if` within the construct's own statements.
    pub(super) branch: bool,
    pub(super) depth: u16,
}

impl Context {
    /// Statements in one more construct.
    pub(super) fn within(&self, scope: Scope, follow: Option<usize>, base: usize) -> Self {
        let mut scopes = self.scopes.as_ref().clone();
        scopes.push(scope);
        let (scopes, depth) = (Rc::new(scopes), self.depth.saturating_add(1));
        Self { scopes, follow, base, branch: false, depth, ..self.clone() }
    }

    /// A branch that ends at `follow`.
    pub(super) fn branch(&self, follow: Option<usize>) -> Self {
        Self { follow, branch: true, depth: self.depth.saturating_add(1), ..self.clone() }
    }

    pub(super) fn innermost_loop(&self) -> Option<(&[usize], Option<usize>)> {
        match self.scopes.last() {
            Some(Scope::Loop { heads, after, .. }) => Some((heads, *after)),
            _ => None,
        }
    }
}

/// How statements end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Control goes on there.
    At(usize),
    /// It does not get there.
    Gone,
}

/// One function.
pub(super) struct Machine<'c, 'w> {
    pub(super) graph: Graph<'c>,
    pub(super) code: &'c CodeObject,
    pub(super) work: &'w mut Work,
    pub(super) names: Names,
    /// Instructions that may still be looked at.
    left: usize,
    shared: u32,
    /// Variables that need `global` or `nonlocal`, in the order they are met.
    pub(super) globals: BTreeSet<String>,
    pub(super) nonlocals: BTreeSet<String>,
    /// Code objects that a statement makes functions of.
    pub(super) defined: BTreeSet<usize>,
    /// Annotations of variables that a function of their own computes.
    pub(super) annotations: Vec<Annotation>,
    /// Type parameters that were made, and values that were passed to the function that makes them.
    pub(super) type_parameters: Vec<TypeParam>,
    pub(super) passed: Vec<(String, Expr)>,
    /// Whether names are looked up in those of a class around first, and whether one stands directly around.
    pub(super) is_lazy: bool,
    pub(super) sees_class: bool,
    /// Whether a `yield` was met.
    pub(super) yielded: bool,
    /// Ends of `finally` that control goes on from only to raise again.
    pub(super) unfollowed: BTreeSet<usize>,
    /// Variables of the functions around that are used.
    pub(super) used_free: BTreeSet<String>,
    /// Global variables that are read.
    pub(super) loaded: BTreeSet<String>,
    /// Local variables that are read, and those that are bound.
    pub(super) read: BTreeSet<String>,
    pub(super) bound: BTreeSet<String>,
    pub(super) recursion: u16,
    /// Where the statement that is being put together begins.
    pub(super) statement_start: Option<usize>,
    /// Where the loop that begins at the first place should end, as what leaves it showed.
    pub(super) wanted_after: Option<(usize, usize)>,
    /// The constructs around the statement that is being put together.
    pub(super) around: Rc<Vec<Scope>>,
    /// Which instructions were part of something.
    seen: Vec<bool>,
}

/// What a machine knew at a moment.
pub(super) struct Mark {
    seen: Vec<bool>,
    names: [BTreeSet<String>; 6],
}

/// How deep statements and expressions may be recursed into.
pub(super) const DEEPEST: u16 = 100;

impl<'c, 'w> Machine<'c, 'w> {
    pub(super) fn new(code: &'c CodeObject, names: Names, work: &'w mut Work) -> R<Self> {
        let graph = Graph::new(code)?;
        work.spend(u64::try_from(graph.list.len()).unwrap_or(u64::MAX))?;
        let left = graph.list.len().saturating_mul(60).saturating_add(2_000);
        let seen = vec![false; graph.list.len()];
        Ok(Self {
            graph,
            code,
            work,
            names,
            left,
            shared: 0,
            globals: BTreeSet::new(),
            nonlocals: BTreeSet::new(),
            loaded: BTreeSet::new(),
            used_free: BTreeSet::new(),
            unfollowed: BTreeSet::new(),
            annotations: Vec::new(),
            type_parameters: Vec::new(),
            passed: Vec::new(),
            is_lazy: false,
            sees_class: false,
            yielded: false,
            defined: BTreeSet::new(),
            read: BTreeSet::new(),
            bound: BTreeSet::new(),
            recursion: 0,
            statement_start: None,
            around: Rc::new(Vec::new()),
            wanted_after: None,
            seen,
        })
    }

    /// A module around `code` with nothing in it.
    pub(super) fn bare(code: &'c CodeObject, work: &'w mut Work) -> R<Self> {
        Self::new(code, Names::of(Kind::Module), work)
    }

    /// Notes that an instruction is part of something.
    pub(super) fn see(&mut self, at: usize) {
        if let Some(seen) = self.seen.get_mut(at) {
            *seen = true;
        }
    }

    /// Checks that every instruction that control reaches was part of something, and that variables are
    /// what they were.
    pub(super) fn accounted(&self) -> R<()> {
        let mut reached = BTreeSet::new();
        let mut todo = vec![self.graph.real(0)];
        while let Some(at) = todo.pop() {
            if at >= self.graph.list.len() || !reached.insert(at) {
                continue;
            }
            if !self.unfollowed.contains(&at) {
                todo.extend(self.graph.after(at));
            }
            todo.extend(self.graph.handler(at).map(|handler| self.graph.real(handler)));
        }
        if reached.iter().any(|at| self.seen.get(*at) == Some(&false)) {
            return Err("an instruction is part of no statement");
        }
        let bound = |name: &String| {
            self.bound.contains(name)
                || self.code.parameters().contains(name)
                || self.code.free.contains(name)
                || name == "__class__"
                || name == "__classdict__"
        };
        if !self.read.iter().all(bound) {
            return Err("a local variable is read that nothing binds");
        }
        let both =
            |name: &String| self.bound.contains(name) || self.code.parameters().contains(name);
        if self.globals.iter().chain(&self.loaded).any(both) {
            return Err("a name is local and global");
        }
        Ok(())
    }

    /// Counts one step.
    pub(super) fn tick(&mut self) -> R<()> {
        self.left = self.left.checked_sub(1).ok_or("its control flow takes too long to follow")?;
        self.work.spend(1)
    }

    /// Counts one look at where control goes in the whole function.
    pub(super) fn survey(&mut self) -> R<()> {
        let size = self.graph.list.len() / 16;
        self.work.spend(u64::try_from(size).unwrap_or(u64::MAX))
    }

    /// Runs `f` one level deeper.
    pub(super) fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        if self.recursion >= DEEPEST {
            return Err("it nests too deep");
        }
        self.recursion = self.recursion.saturating_add(1);
        let result = f(self);
        self.recursion = self.recursion.saturating_sub(1);
        result
    }

    pub(super) fn number(&mut self) -> u32 {
        self.shared = self.shared.saturating_add(1);
        self.shared
    }

    /// The statements of the whole function.
    pub(super) fn body(&mut self, base: Stack) -> R<(Vec<Stmt>, End)> {
        let context = Context {
            scopes: Rc::new(Vec::new()),
            follow: None,
            handler: None,
            base: base.len(),
            branch: false,
            depth: 0,
        };
        let mut stack = base;
        self.region(0, &mut stack, &context)
    }

    /// Statements from `start` to the end that the context has.
    pub(super) fn region(
        &mut self,
        start: usize,
        stack: &mut Stack,
        context: &Context,
    ) -> R<(Vec<Stmt>, End)> {
        self.deeper(|machine| {
            let mut out = Vec::new();
            let mut place = start;
            loop {
                match machine.advance(place, stack, context, &mut out)? {
                    End::At(next)
                        if Some(next) == context.follow && stack.len() <= context.base =>
                    {
                        return Ok((out, End::At(next)));
                    }
                    End::At(next) if next == usize::MAX => {
                        return Ok((out, End::At(machine.graph.real(place))));
                    }
                    End::At(next) => place = next,
                    End::Gone => return Ok((out, End::Gone)),
                }
            }
        })
    }

    /// One statement, or one part of an expression. `End::At(usize::MAX)` says that the region ends here.
    pub(super) fn advance(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        self.tick()?;
        let at = self.graph.real(at);
        if Some(at) == context.follow && stack.len() <= context.base {
            return Ok(End::At(at));
        }
        if let Some((heads, after)) = context.innermost_loop()
            && stack.len() <= context.base
        {
            let stmt = if heads.contains(&at) {
                Some(Stmt::Continue)
            } else {
                (after == Some(at)).then_some(Stmt::Break)
            };
            if let Some(stmt) = stmt {
                out.push(stmt);
                return Ok(End::Gone);
            }
        }
        if stack.len() <= context.base {
            self.outer_loop(at, context)?;
        }
        self.begun(at, stack, context, out)
    }

    /// Fails where an outer loop begins anew inside an inner one: the inner one should end there.
    fn outer_loop(&mut self, at: usize, context: &Context) -> R<()> {
        let mut loops = context.scopes.iter().rev().filter_map(|scope| match scope {
            Scope::Loop { heads, .. } => Some(heads),
            _ => None,
        });
        if let Some(inner) = loops.next()
            && !inner.contains(&at)
            && loops.any(|heads| heads.contains(&at))
        {
            self.wanted_after = inner.first().map(|head| (*head, at));
            return Err("a loop is left for another one");
        }
        Ok(())
    }

    /// The same where a loop begins, which is not its end yet.
    pub(super) fn begun(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let handler = self.graph.handler(at);
        if handler != context.handler {
            if !self.graph.inside(handler, context.handler) {
                // The end of what follows may have been copied to here.
                if let Some(follow) = context.follow
                    && stack.len() <= context.base
                    && self.graph.same(at, follow)
                {
                    self.see_return(at);
                    return Ok(End::At(follow));
                }
                return self.left_or_ended(at, stack, context, out);
            }
            if stack.len() == context.base && !self.loop_before_try(at, handler, context) {
                return self.protected(at, stack, context, out);
            }
        }
        if stack.len() == context.base {
            self.statement_start = Some(at);
            if self.graph.before(at).iter().any(|from| *from >= at) {
                self.survey()?;
            }
            if self.begins_loop(at, context) {
                return self.looping(at, stack, context, out);
            }
        }
        if self.may_match(at, stack, context)
            && let Some(end) = self.matching(at, stack, context, out)?
        {
            return Ok(end);
        }
        self.statement(at, stack, context, out)
    }

    /// What is known of instructions and variables, to go back to when something turns out to be something else.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            seen: self.seen.clone(),
            names: [
                &self.globals,
                &self.nonlocals,
                &self.used_free,
                &self.loaded,
                &self.read,
                &self.bound,
            ]
            .map(BTreeSet::clone),
        }
    }

    pub(super) fn reset(&mut self, mark: Mark) {
        self.seen = mark.seen;
        [self.globals, self.nonlocals, self.used_free, self.loaded, self.read, self.bound] =
            mark.names;
    }

    /// Where a block says that the loop that begins at `at` ends.
    pub(super) fn block_end(&self, at: usize) -> Option<usize> {
        self.graph.ins(at)?.after_loop.map(|after| self.graph.real(after))
    }

    /// An instruction that statements are made of.
    fn statement(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let name = self.graph.name(at);
        self.see(at);
        self.around = Rc::clone(&context.scopes);
        match name {
            _ if name.starts_with("IF_") => self.branches(at, stack, context, out),
            "FOR_ITER" | "ASYNC_NEXT" => self.iterating(at, stack, context, out),
            "BEFORE_WITH" | "BEFORE_ASYNC_WITH" | "SETUP_WITH" | "SETUP_ASYNC_WITH" => {
                self.context_manager(at, stack, context, out)
            }
            "RETURN_VALUE" => {
                let value = match stack.pop()? {
                    // A class body returns the cell of the class.
                    Slot::Cell(name) if name == "__class__" && self.names.kind == Kind::Class => {
                        Expr::constant(Value::None)
                    }
                    slot => plain(slot)?,
                };
                out.push(Stmt::Return(Some(value)));
                Ok(End::Gone)
            }
            "RAISE_VARARGS" => self.raise(at, stack, context, out),
            "RERAISE" | "POP_EXCEPT" | "BEGIN_FINALLY" | "END_FINALLY" | "POP_FINALLY"
                if stack.len() <= context.base =>
            {
                if context.branch {
                    return self.left_or_ended(at, stack, context, out);
                }
                Ok(End::At(usize::MAX))
            }
            "SWAP" | "ROT" | "POP_TOP" | "POP_EXCEPT" if self.leaves(at, stack) => {
                out.push(self.leave(at, stack, &context.scopes)?);
                Ok(End::Gone)
            }
            "BREAK_LOOP" | "CONTINUE_LOOP" => {
                self.leaves_innermost(at, context)?;
                out.push(if name == "BREAK_LOOP" { Stmt::Break } else { Stmt::Continue });
                Ok(End::Gone)
            }
            _ if self.stores(at, stack, context) => self.store(at, stack, context, out),
            _ => {
                let next = self.effect(at, stack, Some((context, out)))?;
                Ok(End::At(next))
            }
        }
    }

    /// Checks that `BREAK_LOOP` and `CONTINUE_LOOP` are about the innermost loop around.
    fn leaves_innermost(&mut self, at: usize, context: &Context) -> R<()> {
        let target = self.graph.ins(at).and_then(|ins| ins.target).map(|to| self.graph.real(to));
        let innermost = context.scopes.iter().rev().find_map(|scope| match scope {
            Scope::Loop { heads, after, .. } => Some((heads, *after)),
            _ => None,
        });
        let (heads, after) = innermost.ok_or("a loop is left that does not stand around")?;
        let breaks = self.graph.name(at) == "BREAK_LOOP";
        let fits = if breaks {
            target.is_some() && target == after
        } else {
            target.is_some_and(|target| heads.contains(&target))
        };
        if fits { Ok(()) } else { Err("a loop is left for another one") }
    }

    /// Whether an instruction takes a construct's own value off the stack.
    fn leaves(&self, at: usize, stack: &Stack) -> bool {
        let own =
            |depth| matches!(stack.peek(depth), Some(Slot::Iter | Slot::Exit | Slot::Exception));
        let arg = self.graph.ins(at).map_or(0, |ins| ins.arg);
        match self.graph.name(at) {
            "POP_TOP" => own(1),
            "POP_EXCEPT" => true,
            _ => own(arg) && own(2) && !own(1),
        }
    }

    fn raise(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let count = self.graph.ins(at).map_or(0, |ins| ins.arg);
        let cause = if count >= 2 { Some(stack.take()?) } else { None };
        let mut stmt = match (count, stack.peek(1)) {
            (0, _) => Stmt::Raise(None, None),
            (1, Some(Slot::Assertion(message))) => {
                let message = message.clone();
                stack.pop()?;
                // 3.9 compiles `assert False` to a test; a test that is None is no assertion's own.
                let untested = self.code.version == Version::three(9);
                let test = if untested { Value::None } else { Value::Bool(false) };
                Stmt::Assert(Expr::constant(test), message)
            }
            _ => Stmt::Raise(Some(stack.take()?), None),
        };
        if let Stmt::Raise(_, slot) = &mut stmt {
            *slot = cause;
        }
        self.emit(stack, context, stmt, out)?;
        Ok(End::Gone)
    }

    /// Adds a statement, which leaves no value on the stack that was there before it.
    pub(super) fn emit(
        &mut self,
        stack: &Stack,
        context: &Context,
        stmt: Stmt,
        out: &mut Vec<Stmt>,
    ) -> R<()> {
        // What inlined comprehensions set aside may be given back afterwards.
        let aside = stack.iter().skip(context.base).all(|slot| matches!(slot, Slot::Saved(_)));
        if !aside {
            return Err("a statement stands inside an expression");
        }
        self.work.spend(1)?;
        out.push(stmt);
        Ok(())
    }

    /// Runs an expression from `at` until `done`; yields where.
    pub(super) fn evaluate(
        &mut self,
        at: usize,
        stack: &mut Stack,
        done: &dyn Fn(&Self, usize, &Stack) -> bool,
    ) -> R<usize> {
        self.deeper(|machine| {
            let mut place = at;
            let handler = machine.graph.handler(machine.graph.real(at));
            loop {
                machine.tick()?;
                if done(machine, place, stack) {
                    return Ok(place);
                }
                let real = machine.graph.real(place);
                if real != place {
                    // One at a time: `done` may wait for a jump.
                    let target = machine.graph.ins(place).and_then(|ins| ins.target);
                    let jumps = machine.graph.name(place) == "JUMP";
                    place = target.filter(|_| jumps).unwrap_or(place.saturating_add(1));
                    continue;
                }
                if machine.graph.handler(place) != handler {
                    return Err("an expression is protected in part");
                }
                machine.see(place);
                place = match machine.graph.name(place) {
                    name if name.starts_with("IF_") => machine.choice(place, stack)?,
                    "FOR_ITER" | "ASYNC_NEXT" => machine.inlined_in_expression(place, stack)?,
                    _ => machine.effect(place, stack, None)?,
                };
            }
        })
    }

    /// A boolean operation as one expression.
    pub(super) fn both(operator: &'static str, left: Expr, right: Expr) -> R<Expr> {
        let mut items = Vec::new();
        for side in [left, right] {
            match *side.node {
                Node::Bool(same, inner) if same == operator => items.extend(inner),
                node => items.push(Expr::new(node)?),
            }
        }
        Expr::new(Node::Bool(operator, items))
    }
}
