//! Arrays whose bytes joblib writes between the opcodes of a pickle.
//!
//! Source: `joblib/numpy_pickle.py`. After BUILD of a `NumpyArrayWrapper` the raw array follows: one
//! byte with the length of a padding when the wrapper's state says `numpy_array_alignment_bytes`, the
//! padding, and the elements. Arrays of objects follow as a pickle of their own.

use super::machine::{Halt, Machine};
use wb_core::{Collection, Constant, Gap, OpKind, Span, ValueId};

impl Machine<'_, '_> {
    /// Goes past the array that follows when BUILD completed a `NumpyArrayWrapper`.
    pub(super) fn skip_array(&mut self, of: ValueId, state: ValueId) -> Result<(), Halt> {
        if !self.is_array_wrapper(of) {
            return Ok(());
        }
        if !self.memo.keeps_everything() {
            // The survey took the array for opcodes, so what it says about the memo is wrong.
            return Err(Halt::Restart);
        }
        let Some(dtype) = self.entry(state, "dtype").and_then(|dtype| self.dtype(dtype)) else {
            self.notes.gaps.push(Gap::over(
                self.input.from(self.at).span(),
                "the element type of a joblib array is not known",
            ));
            return Ok(());
        };
        if dtype.objects {
            return self.nested_stream();
        }
        let Some(elements) = self.entry(state, "shape").and_then(|shape| self.elements(shape))
        else {
            return Ok(());
        };
        let aligned = self
            .entry(state, "numpy_array_alignment_bytes")
            .is_some_and(|value| !matches!(self.constant_of(value), Some(Constant::None) | None));
        let mut at = self.at;
        if aligned {
            let padding = self.input.byte(at).map_or(0, usize::from);
            at = at.saturating_add(1).saturating_add(padding);
        }
        let len = elements.saturating_mul(dtype.size);
        let end = at.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        if end > self.input.len() {
            let start = self.input.offset().saturating_add(at as u64);
            let left = self.input.from(at).len() as u64;
            self.notes.gaps.push(Gap::over(Span::new(start, left), "a joblib array is cut off"));
        }
        self.at = end.min(self.input.len());
        Ok(())
    }

    /// Lifts the pickle that follows as a stream of its own.
    fn nested_stream(&mut self) -> Result<(), Halt> {
        let (input, at, trigger) = (self.input, self.at, self.program.trigger);
        let detail = if self.mode.full { super::Detail::Full } else { super::Detail::Effects };
        let lifted = self
            .budget
            .deeper(|budget| super::streams::lift_nested(input, at, trigger, detail, budget))?;
        self.at = lifted.end;
        self.notes.oddities.extend(lifted.lifted.oddities);
        self.notes.gaps.extend(lifted.lifted.gaps);
        self.notes.nested.extend(lifted.lifted.programs.into_iter().zip(lifted.lifted.streams));
        Ok(())
    }

    /// Whether `of` is an instance of joblib's `NumpyArrayWrapper`.
    fn is_array_wrapper(&self, of: ValueId) -> bool {
        let Some(OpKind::Call { callee, arguments, .. }) = self.program.op(of).map(|op| &op.kind)
        else {
            return false;
        };
        // `copyreg._reconstructor(NumpyArrayWrapper, object, None)` in old protocols.
        [Some(callee), arguments.first()].into_iter().flatten().any(|class| {
            matches!(
                self.program.op(*class).map(|op| &op.kind),
                Some(OpKind::Import { module, name })
                    if name == "NumpyArrayWrapper" && module.ends_with("numpy_pickle")
            )
        })
    }

    fn constant_of(&self, value: ValueId) -> Option<&Constant> {
        match &self.program.op(value)?.kind {
            OpKind::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// The value under `key` in a dict.
    fn entry(&self, dict: ValueId, key: &str) -> Option<ValueId> {
        let OpKind::Collect { kind: Collection::Dict, items, .. } = &self.program.op(dict)?.kind
        else {
            return None;
        };
        items.chunks(2).find_map(|pair| match pair {
            [name, value] => match self.constant_of(*name)? {
                Constant::Text(text) if text == key => Some(*value),
                _ => None,
            },
            _ => None,
        })
    }

    /// The product of a tuple of sizes.
    fn elements(&self, shape: ValueId) -> Option<u64> {
        let OpKind::Collect { items, .. } = &self.program.op(shape)?.kind else { return None };
        let mut product: u64 = 1;
        for item in items {
            let Some(Constant::Int(size)) = self.constant_of(*item) else { return None };
            product = product.saturating_mul(u64::try_from(*size).ok()?);
        }
        Some(product)
    }

    /// The element type that a call of `numpy.dtype` makes.
    fn dtype(&self, value: ValueId) -> Option<Dtype> {
        let OpKind::Call { arguments, .. } = &self.program.op(value)?.kind else { return None };
        match self.constant_of(*arguments.first()?)? {
            Constant::Text(code) => Dtype::parse(code),
            _ => None,
        }
    }
}

/// A numpy element type, as far as skipping an array needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dtype {
    /// Bytes per element.
    size: u64,
    /// Whether elements are objects, which are pickled.
    objects: bool,
}

impl Dtype {
    /// Reads a type string such as `f8`, `<U10`, `V16` or `O8`.
    fn parse(code: &str) -> Option<Self> {
        let code = code.trim_start_matches(['<', '>', '=', '|']);
        let mut letters = code.chars();
        let kind = letters.next()?;
        let count: u64 = match letters.as_str() {
            "" => return None,
            digits => digits.split('[').next()?.parse().ok()?,
        };
        let size = if kind == 'U' { count.checked_mul(4)? } else { count };
        Some(Self { size, objects: kind == 'O' })
    }
}
