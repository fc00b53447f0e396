//! Jumps, loops, exceptions, context managers, generators.

use super::super::Version;
use super::super::instructions::Instruction;
use super::frame::{Flow, Frame};
use super::state::Slot;
use wb_core::{OpKind, ValueId};

/// Where a `finally` of 3.8 returns to, while it is called.
const CALLED: &str = "place to return to";

impl<'c> Frame<'c, '_> {
    /// Steps over an instruction of this module's subject; `None` when it is of another.
    pub(super) fn flow_step(&mut self, one: &Instruction) -> Option<Flow> {
        match one.name {
            "RETURN_VALUE" => {
                let value = self.pop_value();
                self.emit(OpKind::Return { value });
                return Some(Flow::Stop);
            }
            "RETURN_CONST" => {
                self.load_constant(one.arg());
                let value = self.pop_value();
                self.emit(OpKind::Return { value });
                return Some(Flow::Stop);
            }
            "RAISE_VARARGS" => {
                self.discard("raise", one.arg().min(3));
                return Some(Flow::Stop);
            }
            "RERAISE" | "INTERPRETER_EXIT" => return Some(Flow::Stop),
            "JUMP_FORWARD"
            | "JUMP_ABSOLUTE"
            | "JUMP_BACKWARD"
            | "JUMP_BACKWARD_NO_INTERRUPT"
            | "CONTINUE_LOOP" => {
                self.jump(one.target);
                return Some(Flow::Stop);
            }
            // Until 3.7: `break` goes where SETUP_LOOP says.
            "SETUP_LOOP" => self.setup(one, 0),
            "BREAK_LOOP" => return Some(Flow::Stop),
            "JUMP_IF_FALSE" | "JUMP_IF_TRUE" => self.jump(one.target),
            "JUMP_IF_FALSE_OR_POP" | "JUMP_IF_TRUE_OR_POP" => {
                self.jump(one.target);
                self.pop();
            }
            "JUMP_IF_NOT_EXC_MATCH" => {
                self.pop_many(2);
                self.jump(one.target);
            }
            _ if one.name.starts_with("POP_JUMP") => {
                self.pop();
                self.jump(one.target);
            }
            "FOR_ITER" => self.for_iter(one),
            "END_FOR" => {
                self.pop();
                if self.version <= Version::three(12) {
                    self.pop();
                }
            }
            "GET_ITER"
            | "GET_YIELD_FROM_ITER"
            | "GET_AWAITABLE"
            | "GET_AITER"
            | "ASYNC_GEN_WRAP" => {}
            _ => return self.generator_step(one).or_else(|| self.exception_step(one)),
        }
        Some(Flow::Next)
    }

    /// The value that `of` yields.
    fn derived(&mut self, what: &str, of: Slot<'c>) -> (ValueId, Slot<'c>) {
        let value = self.value(of);
        (value, self.opaque(what, vec![value]))
    }

    /// At the end the iterator is gone until 3.11; later it stands there still, a NULL on it, for END_FOR.
    fn for_iter(&mut self, one: &Instruction) {
        let iterator = self.pop();
        let (value, item) = self.derived("element", iterator);
        if self.version >= Version::three(12) {
            self.state.stack.extend([Slot::Value(value), Slot::Opaque("end")]);
            self.jump(one.target);
            self.pop();
        } else {
            self.jump(one.target);
            self.push(Slot::Value(value));
        }
        self.push(item);
    }

    fn generator_step(&mut self, one: &Instruction) -> Option<Flow> {
        match one.name {
            "RETURN_GENERATOR" => self.push(Slot::Opaque("generator")),
            "YIELD_VALUE" => self.combine("yield", 1),
            // What is awaited stands for its result.
            "YIELD_FROM" => {
                self.pop();
            }
            // When it is done, the result takes the place of what was sent, and until 3.11 of the receiver.
            "SEND" => {
                let sent = self.pop();
                let receiver = self.pop_value();
                self.push(Slot::Value(receiver));
                if self.version >= Version::three(12) {
                    self.push(Slot::Value(receiver));
                    self.jump(one.target);
                    self.pop();
                } else {
                    self.jump(one.target);
                }
                self.push(sent);
            }
            "END_SEND" => {
                let result = self.pop();
                self.pop();
                self.push(result);
            }
            "GET_ANEXT" => {
                let Some(iterator) = self.peek_mut(1).cloned() else {
                    self.misfit();
                    return Some(Flow::Next);
                };
                let (value, item) = self.derived("element", iterator);
                self.pop();
                self.push(Slot::Value(value));
                self.push(item);
            }
            "CLEANUP_THROW" => {
                self.pop_many(3);
                self.state.stack.extend([Slot::Opaque("none"), Slot::Opaque("await")]);
            }
            "END_ASYNC_FOR" => {
                let count = if self.version <= Version::three(10) { 7 } else { 2 };
                self.pop_many(count);
            }
            _ => return None,
        }
        Some(Flow::Next)
    }

    fn exception_step(&mut self, one: &Instruction) -> Option<Flow> {
        match one.name {
            "SETUP_EXCEPT" | "SETUP_FINALLY" => self.setup_handler(one),
            "SETUP_WITH" | "SETUP_ASYNC_WITH" => self.setup_with(one),
            "BEFORE_WITH" | "BEFORE_ASYNC_WITH" => {
                let context = self.pop_value();
                self.state.stack.extend([Slot::Exit, Slot::Value(context)]);
            }
            "WITH_EXCEPT_START" => self.push(Slot::Opaque("__exit__")),
            "WITH_CLEANUP_START" => {
                self.with_cleanup();
                self.state.stack.extend([Slot::Opaque("none"), Slot::Opaque("__exit__")]);
            }
            "WITH_CLEANUP_FINISH" => {
                self.pop_many(2);
            }
            "WITH_CLEANUP" => self.with_cleanup(),
            "BEGIN_FINALLY" => self.push(Slot::Opaque("finally")),
            "CALL_FINALLY" => {
                self.push(Slot::Opaque(CALLED));
                self.jump(one.target);
                self.pop();
            }
            "POP_FINALLY" => {
                let kept = (one.arg() != 0).then(|| self.pop());
                self.pop();
                self.state.stack.extend(kept);
            }
            "END_FINALLY" => {
                // A `finally` that is only ever called goes back behind its call, where the exception was already
                // left. What follows here is never reached, and is read as if the exception were still there.
                if self.pop() == Slot::Opaque(CALLED) && self.next_name == "POP_EXCEPT" {
                    self.state.stack.extend(std::iter::repeat_n(Slot::Opaque("exception"), 3));
                }
            }
            "POP_EXCEPT" => {
                let count = if self.version <= Version::three(10) { 3 } else { 1 };
                self.pop_many(count);
            }
            "PUSH_EXC_INFO" => {
                let exception = self.pop();
                self.state.stack.extend([Slot::Opaque("exception"), exception]);
            }
            "CHECK_EXC_MATCH" => {
                self.pop();
                self.push(Slot::Opaque("match"));
            }
            "CHECK_EG_MATCH" => {
                self.pop_many(2);
                self.state.stack.extend([Slot::Opaque("exception"), Slot::Opaque("exception")]);
            }
            "PREP_RERAISE_STAR" => {
                self.pop_many(2);
                self.push(Slot::Opaque("exception"));
            }
            _ => return self.match_step(one),
        }
        Some(Flow::Next)
    }

    /// `match` statements.
    fn match_step(&mut self, one: &Instruction) -> Option<Flow> {
        match one.name {
            "MATCH_MAPPING" | "MATCH_SEQUENCE" | "GET_LEN" => self.push(Slot::Opaque("match")),
            "MATCH_KEYS" => {
                self.push(Slot::Opaque("match"));
                if self.version <= Version::three(10) {
                    self.push(Slot::Opaque("match"));
                }
            }
            "MATCH_CLASS" => {
                self.pop_many(3);
                self.push(Slot::Opaque("match"));
                if self.version <= Version::three(10) {
                    self.push(Slot::Opaque("match"));
                }
            }
            "COPY_DICT_WITHOUT_KEYS" => {
                self.pop();
                self.push(Slot::Opaque("match"));
            }
            _ => return None,
        }
        Some(Flow::Next)
    }

    /// Until 3.10: an exception before the target pushes the one being handled and itself, three values
    /// each; in 2.7 itself only.
    fn setup_handler(&mut self, one: &Instruction) {
        self.setup(one, if self.version.major == 2 { 3 } else { 6 });
    }

    /// The target of a block is reached with the stack of its beginning and `pushed` values on it.
    fn setup(&mut self, one: &Instruction, pushed: usize) {
        let mut state = self.state.clone();
        state.stack.extend(std::iter::repeat_n(Slot::Opaque("exception"), pushed));
        match one.target {
            Some(target) => {
                self.forget_stored(&mut state, one.end, target);
                self.enter(target, state);
            }
            None => self.misfit(),
        }
    }

    fn setup_with(&mut self, one: &Instruction) {
        // BEFORE_ASYNC_WITH did the work; here its result is on the stack.
        let entered = if one.name == "SETUP_ASYNC_WITH" {
            self.pop()
        } else {
            let context = self.pop_value();
            self.push(Slot::Exit);
            Slot::Value(context)
        };
        self.setup_handler(one);
        self.push(entered);
    }

    /// What stands above `__exit__` stays: None when the body ended well.
    fn with_cleanup(&mut self) {
        let marker = self.pop();
        self.pop();
        self.push(marker);
    }
}
