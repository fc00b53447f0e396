//! [`Memo`]: the unpickler's memo, sized by what is read from it and never by the largest key.

use super::value::Slot;
use std::collections::{BTreeSet, HashMap};

/// Some keys of a memo. Picklers count them up, so nearly all are smaller than the stream is long: those have a
/// bit each, others are listed. What is held grows with what was read, whatever the keys are.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    bits: Vec<u64>,
    large: BTreeSet<i64>,
}

impl Keys {
    /// Adds a key that was met after `read` bytes of the stream.
    pub(super) fn add(&mut self, key: i64, read: usize) {
        let Some((word, bit)) = place(key).filter(|(word, _)| *word <= read >> 6) else {
            self.large.insert(key);
            return;
        };
        if self.bits.len() <= word {
            self.bits.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Whether `key` is among them.
    pub(super) fn contains(&self, key: i64) -> bool {
        let small = place(key).and_then(|(word, bit)| Some(self.bits.get(word)? & bit != 0));
        small == Some(true) || (!self.large.is_empty() && self.large.contains(&key))
    }
}

/// The word and the bit in it that stand for `key`.
fn place(key: i64) -> Option<(usize, u64)> {
    Some((usize::try_from(key).ok()? >> 6, 1_u64 << (key & 63)))
}

/// The memo.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// What is stored, for the keys that are wanted.
    entries: HashMap<i64, Slot>,
    /// The keys that will be read; `None` when they are not known.
    wanted: Option<Keys>,
    /// Every key below this is taken.
    dense: i64,
    /// Keys taken above that.
    sparse: BTreeSet<i64>,
}

impl Memo {
    /// An empty memo that keeps only what is `wanted`.
    pub(super) fn new(wanted: Option<Keys>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether everything stored is kept.
    pub(super) const fn keeps_everything(&self) -> bool {
        self.wanted.is_none()
    }

    /// The number of keys: what MEMOIZE uses as its key.
    pub(super) fn len(&self) -> i64 {
        self.dense.saturating_add(i64::try_from(self.sparse.len()).unwrap_or(i64::MAX))
    }

    /// Stores `slot` under `key`. Returns whether a value that matters was there before.
    #[inline]
    pub(super) fn put(&mut self, key: i64, slot: Slot) -> bool {
        if key == self.dense {
            self.dense = self.dense.saturating_add(1);
            while !self.sparse.is_empty() && self.sparse.remove(&self.dense) {
                self.dense = self.dense.saturating_add(1);
            }
        } else if key > self.dense {
            self.sparse.insert(key);
        }
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(key)) {
            return false;
        }
        self.entries.insert(key, slot).is_some()
    }

    /// What is stored under `key`.
    pub(super) fn get(&self, key: i64) -> Option<Slot> {
        self.entries.get(&key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_no_more_room_than_what_was_read() {
        let mut keys = Keys::default();
        for (key, read) in [(3, 10), (70, 100), (1 << 40, 100), (1 << 25, 100), (-1, 100)] {
            keys.add(key, read);
        }
        assert_eq!((keys.bits.len(), keys.large.len()), (2, 3));
        assert!([3, 70, 1 << 40, 1 << 25, -1].into_iter().all(|key| keys.contains(key)));
        assert!([0, 2, 71, 1 << 26, -2].into_iter().all(|key| !keys.contains(key)));
    }
}
