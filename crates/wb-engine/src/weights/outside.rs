//! [`Beside`]: files that lie beside a model and hold its numbers, as ONNX has them.
//!
//! A location comes from the model and may be hostile: what is opened lies in the folder of the model or below it, and
//! no link is followed (CVE-2022-25882, CVE-2024-27318, CVE-2025-51480).

use crate::source::{Data, open};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Files that are opened for one model.
const FILES: usize = 1_024;

/// The files beside a model that were opened, each once.
pub(super) struct Beside<'a> {
    folder: &'a Path,
    opened: BTreeMap<String, Result<usize, &'static str>>,
}

impl<'a> Beside<'a> {
    /// The files beside `model`.
    pub(super) fn of(model: &'a Path) -> Self {
        let folder = model.parent().unwrap_or(Path::new(""));
        Self { folder, opened: BTreeMap::new() }
    }

    /// The number that `keep` gave the file at `location`; or why it is not opened.
    pub(super) fn number(
        &mut self,
        location: &str,
        keep: impl FnOnce(Data) -> usize,
    ) -> Result<usize, &'static str> {
        if let Some(known) = self.opened.get(location) {
            return *known;
        }
        if self.opened.len() >= FILES {
            return Err("its numbers lie in more files beside the model than are opened");
        }
        let opened = inside(self.folder, location).and_then(|path| {
            open(&path).map(keep).map_err(|_| "the file that its numbers lie in cannot be read")
        });
        self.opened.insert(location.to_owned(), opened);
        opened
    }
}

/// The file at `location` when it is in `folder` or below it, and no part of the way is a link.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, &'static str> {
    const LEAVES: &str =
        "its numbers are said to lie outside the folder of the model, where nothing is opened";
    // On another system these lead elsewhere.
    if location.contains(['\\', ':', '\0']) {
        return Err(LEAVES);
    }
    let mut path = folder.to_owned();
    let mut named = false;
    for part in Path::new(location).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => continue,
            _ => return Err(LEAVES),
        }
        named = true;
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                return Err("its numbers are said to lie behind a link, which is not followed");
            }
            Ok(_) => {}
            Err(_) => return Err("the file that its numbers lie in is not there"),
        }
    }
    if named { Ok(path) } else { Err(LEAVES) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_folder_is_opened() {
        let folder = std::env::temp_dir().join(format!("wb-outside-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("model/data")).expect("a folder");
        std::fs::write(folder.join("secret"), b"secret").expect("a file");
        std::fs::write(folder.join("model/data/w.bin"), b"w").expect("a file");
        let model = folder.join("model/m.onnx");
        let mut beside = Beside::of(&model);
        let mut number = |location: &str| beside.number(location, |_| 7);
        for location in ["data/w.bin", "./data/w.bin"] {
            assert_eq!(number(location), Ok(7), "{location}");
        }
        let absolute = folder.join("secret").display().to_string();
        for location in ["../secret", "data/../../secret", &absolute, "..\\secret", "", "."] {
            let why = number(location).expect_err("outside");
            assert!(why.contains("outside the folder"), "{location}: {why}");
        }
        assert!(number("data/none").expect_err("none").contains("is not there"));
        assert!(number("data").expect_err("a folder").contains("cannot be read"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../secret", folder.join("model/link")).expect("a link");
            std::os::unix::fs::symlink("..", folder.join("model/up")).expect("a link");
            for location in ["link", "up/secret"] {
                let why = number(location).expect_err("a link");
                assert!(why.contains("behind a link"), "{location}: {why}");
            }
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
