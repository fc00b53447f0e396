//! [`Progress`]: how far a long run has come, for whoever shows it.

/// Hears how far a run has come. Called from many threads.
pub trait Progress: Sync {
    /// A phase begins: what it does, and how many bytes it has to read.
    fn begin(&self, what: &str, bytes: u64);
    /// So many more bytes were read.
    fn advance(&self, bytes: u64);
    /// The phase is over.
    fn end(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
}
