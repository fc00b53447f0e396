//! [`Lock`]: which packages are learned, of which version, from which download.

use serde::Deserialize;
use std::fs;
use std::path::Path;
use wb_learn::Source;

/// `crates/wb-learn/data/packages.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    python: Python,
    package: Vec<Package>,
    /// Packages that cannot be had, each with the reason.
    #[serde(default, rename = "absent")]
    _absent: Vec<Absent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Python {
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Absent {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "why")]
    _why: String,
}

/// One package.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    pub name: String,
    pub version: String,
    /// The name of the file that is downloaded; empty for the standard library.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// The platform whose wheel is taken, when it is not that of this machine.
    pub platform: Option<String>,
}

impl Lock {
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let path = root.join("crates/wb-learn/data/packages.toml");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("packages.toml: {error}"))
    }

    /// All packages, the standard library first.
    pub(super) fn packages(&self) -> Vec<Package> {
        let version = self.python.version.clone();
        let python = Package { name: "python".to_owned(), version, ..Package::default() };
        std::iter::once(python).chain(self.package.iter().cloned()).collect()
    }
}

impl Package {
    /// Whether it is the standard library, which comes with the interpreter.
    pub(super) fn is_python(&self) -> bool {
        self.file.is_empty()
    }

    /// What a book says about it: name, version, and the digest of the download or, for the standard
    /// library, of its sources.
    pub(super) fn headline(&self, sources: &[Source]) -> String {
        let digest = match self.is_python() {
            true => wb_learn::digest(sources).to_string(),
            false => self.sha256.clone(),
        };
        format!("{} {} sha256:{digest}\n", self.name, self.version)
    }
}
