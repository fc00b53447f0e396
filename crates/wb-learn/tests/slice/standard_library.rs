//! A slice of the standard library, learned again, agrees with the book that ships.

use std::path::PathBuf;
use wb_core::Capability;
use wb_learn::{Base, Source, learn};
use wb_rules::learned::{Entry, find};
use wb_testkit::Run;

/// Modules that stand for themselves, and what they import from each other.
const SLICE: [&str; 12] = [
    "bdb", "cProfile", "code", "codeop", "mailcap", "pipes", "profile", "pty", "runpy", "timeit",
    "trace", "shelve",
];

/// The library of the Python that the shipped book was derived from; `None` when it is another.
fn library() -> Option<PathBuf> {
    let ask = "import platform, sysconfig; \
               print(platform.python_version(), sysconfig.get_paths()['stdlib'])";
    let ended = Run::of("python3").args(["-c", ask]).end();
    let (version, folder) = ended.out.trim().split_once(' ')?;
    (version == "3.11.7").then(|| PathBuf::from(folder))
}

#[test]
fn a_slice_agrees_with_the_book() {
    let Some(library) = library() else {
        println!("the book was derived from Python 3.11.7, which is not here");
        return;
    };
    let mut sources = Vec::new();
    for name in SLICE {
        let text = std::fs::read_to_string(library.join(format!("{name}.py"))).expect("a module");
        let source = Source::of_file(&format!("{name}.py")).expect("a module");
        sources.push(Source { text, ..source });
    }
    let mut compared = 0;
    for (name, entry) in learn(&sources, &Base::default()).entries {
        let (Entry::Function(slice), Some((_, Entry::Function(book)))) = (entry, find(&name))
        else {
            continue;
        };
        // With all modules read, more can be known, and graver.
        if !matches!(slice.capability, Capability::Unknown | Capability::Inert) {
            assert!(book.capability <= slice.capability, "{name}: {slice:?} but {book:?}");
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared} functions were compared");
}
