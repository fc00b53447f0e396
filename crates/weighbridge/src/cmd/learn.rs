//! `weighbridge learn`: knowledge of the callables of packages that do not ship with it.

use super::{Ended, Outcome};
use crate::cli::Learn;
use crate::messages;
use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;
use wb_rules::learned::{self, Book};

/// Reads sources and writes what they say.
pub fn run(arguments: &Learn) -> Ended {
    let learned = wb_engine::learn(&arguments.paths)?;
    for name in &learned.unread {
        messages::note(&format!("`{name}` holds no Python 3 that could be read"));
    }
    if learned.modules == 0 {
        messages::hint(
            "give the folder of a package, or a folder that holds packages, such as site-packages",
        );
        return Ok(Outcome::NothingToLookAt);
    }
    let file = &arguments.output;
    fs::write(file, &learned.book).map_err(|error| {
        format!(
            "`{}` cannot be written: {error}\nhint: give another file with `-o`",
            file.display()
        )
    })?;
    messages::note(&format!(
        "{} modules were read; `{}` knows {} names, {} of which do something outside themselves",
        learned.modules,
        file.display(),
        learned.names,
        learned.acting
    ));
    messages::next_step(&format!(
        "`weighbridge scan --knowledge {} PATH...` uses it",
        file.display()
    ));
    Ok(Outcome::NothingFound)
}

/// Has the given files looked into for everything that is looked up from now on.
pub fn use_knowledge(files: &[PathBuf]) -> Result<(), String> {
    let mut books = Vec::new();
    for file in files {
        let bytes = fs::read(file)
            .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
        let book = Book::open(Cow::Owned(bytes)).ok_or_else(|| {
            format!(
                "`{}` holds no knowledge of callables\nhint: `weighbridge learn PATH... -o FILE` writes such a file",
                file.display()
            )
        })?;
        books.push(book);
    }
    // The command asks for it once, before anything is looked up.
    if !books.is_empty() {
        learned::add(books);
    }
    Ok(())
}
