//! [`Source`]: one module, and which files of a package are modules.

use sha2::{Digest as _, Sha256 as Hasher};
use wb_core::Sha256;

/// One module: its dotted name, whether it is the `__init__` of a package, and its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Dotted name: `torch.utils.bottleneck.__main__`.
    pub name: String,
    /// Whether it is the `__init__.py` of a package.
    pub is_package: bool,
    /// The text.
    pub text: String,
}

impl Source {
    /// The module in a file, without its text, by its path below the folder that is on the path of imports;
    /// `None` when the file is none, or belongs to the tests of a package. `test.support` is known for what it
    /// starts.
    pub fn of_file(path: &str) -> Option<Self> {
        let stem = path.strip_suffix(".py")?;
        let parts: Vec<&str> = stem.split('/').collect();
        let (last, folders) = parts.split_last()?;
        if folders.iter().any(|one| is_foreign(one)) || last.starts_with("test_") {
            return None;
        }
        if folders.first() == Some(&"test") && folders.get(1).is_some_and(|one| *one != "support") {
            return None;
        }
        let is_package = *last == "__init__";
        let named = if is_package { folders } else { parts.as_slice() };
        let is_name = |one: &&str| !one.is_empty() && !one.contains(['-', '.']);
        if named.is_empty() || !named.iter().all(is_name) {
            return None;
        }
        Some(Self { name: named.join("."), is_package, text: String::new() })
    }
}

/// The SHA-256 of sources, in their order: what a book says they were.
pub fn digest(sources: &[Source]) -> Sha256 {
    let mut hasher = Hasher::new();
    for source in sources {
        hasher.update(format!("{} {}\n", source.name, source.text.len()));
        hasher.update(&source.text);
    }
    Sha256(hasher.finalize().into())
}

/// Whether a folder holds no modules of a package.
fn is_foreign(folder: &str) -> bool {
    matches!(folder, "tests" | "site-packages" | "__pycache__" | "lib-dynload")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Option<String> {
        Source::of_file(path).map(|source| source.name)
    }

    #[test]
    fn modules_are_named_by_their_path_and_tests_are_left_out() {
        assert_eq!(name("pkg/__init__.py").as_deref(), Some("pkg"));
        assert_eq!(name("pkg/sub/run.py").as_deref(), Some("pkg.sub.run"));
        assert_eq!(name("test/support/os_helper.py").as_deref(), Some("test.support.os_helper"));
        for path in [
            "pkg/tests/test_run.py",
            "test/crash/a.py",
            "pkg/test_run.py",
            "pkg-1.dist-info/x.py",
            "a.txt",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
