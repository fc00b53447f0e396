//! [`Budget`]: how much work hostile input may cause. Running out is an answer, reported as coverage.

/// The most that one artifact, with everything nested in it, may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep artifacts may nest (archive in archive, code in code).
    pub depth: u32,
    /// Bytes that decoders may produce in all.
    pub decoded_bytes: u64,
    /// Steps (opcodes, nodes, entries) that parsers may take in all.
    pub steps: u64,
    /// Values (nested artifacts, components, tensors, ops) that may be kept in all.
    pub items: u64,
    /// Texts of pure data that are kept to be correlated with other artifacts, of each kind; 0 when nothing
    /// will be correlated.
    pub texts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 8,
            decoded_bytes: 1 << 30,
            steps: 2_000_000_000,
            items: 4_000_000,
            texts: 3072,
        }
    }
}

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exhausted {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::decoded_bytes`].
    DecodedBytes,
    /// [`Limits::steps`].
    Steps,
    /// [`Limits::items`].
    Items,
}

impl Exhausted {
    /// The limit's name as it is printed in coverage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Depth => "nesting depth",
            Self::DecodedBytes => "decoded bytes",
            Self::Steps => "steps",
            Self::Items => "items",
        }
    }
}

/// What is left of the [`Limits`]. Deterministic: it counts work, never time.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    depth: u32,
    decoded_bytes: u64,
    steps: u64,
    items: u64,
}

impl Budget {
    /// A full budget.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            depth: limits.depth,
            decoded_bytes: limits.decoded_bytes,
            steps: limits.steps,
            items: limits.items,
        }
    }

    /// The limits this budget began with.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Bytes that decoders may still produce.
    pub const fn decoded_bytes_left(&self) -> u64 {
        self.decoded_bytes
    }

    /// Spends `count` steps.
    ///
    /// # Errors
    /// [`Exhausted::Steps`] when fewer are left; none are spent then.
    pub fn steps(&mut self, count: u64) -> Result<(), Exhausted> {
        self.steps = self.steps.checked_sub(count).ok_or(Exhausted::Steps)?;
        Ok(())
    }

    /// Spends `count` kept items.
    ///
    /// # Errors
    /// [`Exhausted::Items`] when fewer are left; none are spent then.
    pub fn items(&mut self, count: u64) -> Result<(), Exhausted> {
        self.items = self.items.checked_sub(count).ok_or(Exhausted::Items)?;
        Ok(())
    }

    /// Spends `count` decoded bytes.
    ///
    /// # Errors
    /// [`Exhausted::DecodedBytes`] when fewer are left; none are spent then.
    pub fn decoded_bytes(&mut self, count: u64) -> Result<(), Exhausted> {
        self.decoded_bytes =
            self.decoded_bytes.checked_sub(count).ok_or(Exhausted::DecodedBytes)?;
        Ok(())
    }

    /// Runs `work` one level deeper, on the same budget.
    ///
    /// # Errors
    /// [`Exhausted::Depth`] when that level is not allowed; `work` does not run then.
    pub fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, Exhausted> {
        self.depth = self.depth.checked_sub(1).ok_or(Exhausted::Depth)?;
        let result = work(self);
        self.depth = self.depth.saturating_add(1);
        Ok(result)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_names_the_limit_and_spends_nothing() {
        let mut budget = Budget::new(Limits {
            depth: 1,
            decoded_bytes: 10,
            steps: 3,
            items: 1,
            ..Limits::default()
        });
        assert_eq!(budget.decoded_bytes(11), Err(Exhausted::DecodedBytes));
        assert_eq!(budget.decoded_bytes(10), Ok(()));
        assert_eq!(budget.steps(3), Ok(()));
        assert_eq!(budget.steps(1), Err(Exhausted::Steps));
        let inner = budget.deeper(|inner| inner.deeper(|_| ()));
        assert_eq!(inner, Ok(Err(Exhausted::Depth)));
        assert_eq!(budget.deeper(|_| 7), Ok(7));
    }
}
