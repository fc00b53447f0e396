//! [`Progress`]: how far a long run has come, for whoever shows it.

/// Hears how far a run has come. Called from many threads.
pub trait Progress: Sync {
    /// A phase begins: what it does, and how much is known to be ahead of it.
    fn begin(&self, what: &str, ahead: u64);
    /// So much more turned out to be ahead.
    fn expect(&self, more: u64);
    /// So much more was done.
    fn advance(&self, done: u64);
    /// The phase is over.
    fn end(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _ahead: u64) {}
    fn expect(&self, _more: u64) {}
    fn advance(&self, _done: u64) {}
    fn end(&self) {}
}
