//! Loops over known values: what a decoder written as a loop or comprehension yields.
//!
//! A loop is lifted once, with `element` for the value it takes from what it iterates. Where the loop ends,
//! [`Analyser::repeat`] follows the ops in between again, once for every further element that is known.

use super::value::Value;
use super::{Analyser, Frame, Site, pure};
use wb_core::{Budget, Collection, OpKind};

/// How many elements of one iterable are followed.
pub(super) const MAX_ELEMENTS: usize = 4096;

/// How many further times all loops of a program together are followed.
pub(super) const MAX_REPEATS: usize = 1 << 15;

/// The most ops of a loop that is followed for each element.
const MAX_BODY: usize = 256;

/// The items of a value that can be iterated, when all are known.
pub(super) fn elements(value: &Value) -> Option<Vec<Value>> {
    let listed = pure::function("builtins.list", std::slice::from_ref(value))?;
    Some(listed.sequence()?.to_vec())
}

impl<'p> Analyser<'p, '_> {
    /// Follows the loop that ends at the op `end` for its further elements. Yields the list of what a
    /// comprehension or generator makes; nothing for a loop of statements.
    pub(super) fn repeat(
        &mut self,
        frame: &mut Frame<'p>,
        end: usize,
        outer: Option<usize>,
        budget: &mut Budget,
    ) -> Option<Value> {
        let program = frame.program;
        let OpKind::Opaque { what, uses } = &program.ops.get(end)?.kind else { return None };
        let yields = match what.as_str() {
            "yield" | "comprehension" => true,
            "next element" => false,
            _ => return None,
        };
        let &[only] = uses.as_slice() else { return None };
        let ops = program.ops.get(..end)?;
        let is_element =
            |op: &wb_core::Op| matches!(&op.kind, OpKind::Opaque { what, .. } if what == "element");
        let start = if yields { ops.iter().rposition(is_element)? } else { only.index() };
        let body = ops.get(start..)?;
        let OpKind::Opaque { uses, .. } = &body.first().filter(|op| is_element(op))?.kind else {
            return None;
        };
        let defines = body.iter().any(|op| matches!(op.kind, OpKind::Define { .. }));
        let items = elements(&frame.value(*uses.first()?))?;
        if defines || body.len() > MAX_BODY || items.len() > MAX_ELEMENTS.min(self.repeats_left) {
            return None;
        }
        self.repeats_left = self.repeats_left.saturating_sub(items.len());
        let mut results = vec![frame.value(only)];
        for item in items.into_iter().skip(1) {
            self.follow_again(frame, start..end, item, outer, budget)?;
            results.push(frame.value(only));
        }
        yields.then(|| Value::collection(Collection::List, results))
    }

    /// Follows the ops of `range` once more, the first of which yields `item`.
    fn follow_again(
        &mut self,
        frame: &mut Frame<'p>,
        range: std::ops::Range<usize>,
        item: Value,
        outer: Option<usize>,
        budget: &mut Budget,
    ) -> Option<()> {
        let start = range.start;
        for index in range {
            if let Err(exhausted) = budget.steps(1) {
                self.exhaust(exhausted);
                return None;
            }
            let op = frame.program.ops.get(index)?;
            let value = if index == start {
                item.clone()
            } else {
                let site = Site { op: outer.unwrap_or(index), number: op.number, span: op.span };
                let value = self.step(frame, op, index, site, budget);
                self.bounded(value, &op.kind)
            };
            *frame.values.get_mut(index)? = value;
        }
        Some(())
    }

    /// Makes room for one more run of the function at `index`, with an element that is known.
    pub(super) fn allow_run(&mut self, callee: &Value, element: &Value) {
        if let Value::Define(index) = callee
            && !matches!(element, Value::Unknown)
            && self.repeats_left > 0
            && let Some(definition) = self.definitions.get_mut(*index)
        {
            self.repeats_left = self.repeats_left.saturating_sub(1);
            definition.runs = definition.runs.min(super::MAX_RUNS.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{lines, of_python};

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        assert_eq!(lines(&of_python(source).effects), expected, "{source}");
    }

    #[test]
    fn loops_over_known_values_are_computed() {
        let expected = &["run-command os.system [shell character codes: id; id; id]"];
        for source in [
            "os.system(''.join(chr(c - 1) for c in [106, 101, 60, 33, 106, 101, 60, 33, 106, 101]))",
            "os.system(''.join([chr(c ^ 3) for c in b\"\\x6a\\x67\\x38\\x23\\x6a\\x67\\x38\\x23\\x6a\\x67\"]))",
            "k = 'ab'\nos.system(bytes(c ^ ord(k[i % len(k)]) for i, c in enumerate(b\"\\x08\\x06\\x5a\\x42\\x08\\x06\\x5a\\x42\\x08\\x06\")))",
            "from itertools import cycle\nos.system(bytes(a ^ b for a, b in zip(b\"\\x08\\x06\\x5a\\x42\\x08\\x06\\x5a\\x42\\x08\\x06\", cycle(b'ab'))))",
            "def f(x, k):\n    return ''.join(chr(c ^ k) for c in x)\nos.system(f(b\"\\x6a\\x67\\x38\\x23\\x6a\\x67\\x38\\x23\\x6a\\x67\", 3))",
            "h = '69643b2069643b206964'\nos.system(''.join(chr(int(h[i:i+2], 16)) for i in range(0, len(h), 2)))",
        ] {
            let effects = of_python(&format!("import os\n{source}")).effects;
            let commands: Vec<String> =
                lines(&effects).into_iter().filter(|line| !line.starts_with("> ")).collect();
            assert_eq!(commands, expected, "{source}");
        }
        let source = "import os\ns = ''\nfor c in [105, 100]:\n    s += chr(c)\nos.system(s)";
        check(source, &["run-command os.system [shell: id]"]);
    }

    #[test]
    fn loops_over_unknown_values_stay_unknown_and_cheap() {
        check("''.join(chr(c) for c in load())", &["unknown load"]);
        // Nested loops over ten thousands of elements are followed for a part of them only.
        check(
            "x = [a * b * c for a in range(4000) for b in range(4000) for c in range(4000)]\nprint(x)",
            &[],
        );
        check("for i in range(10):\n    for j in range(10):\n        print(i + j)", &[]);
    }
}
