//! [`Scratch`]: a folder of a test's own, removed when the test is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A new, empty folder under the system's place for temporary files.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("weighbridge-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // What an earlier process of the same number left behind would be taken for evidence.
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("temporary files can be made");
        Self(folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A path in it, as an argument.
    pub fn path(&self, inside: &str) -> String {
        self.0.join(inside).to_string_lossy().into_owned()
    }

    /// Writes a file, and the folders it lies in.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn with(self, inside: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(inside);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("temporary folders can be made");
        }
        fs::write(path, bytes).expect("temporary files can be written");
        self
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that stays behind does no harm to the test.
        drop(fs::remove_dir_all(&self.0));
    }
}
