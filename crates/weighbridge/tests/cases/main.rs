//! The example cases, from recipe to report: each is built from its recipe byte for byte, tells the story
//! of `cases/NAME.story.toml`, follows its schema, and comes out the same every time.

mod degrade;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use wb_testkit::{Recipe, Run, Scratch, oracle};

fn weighbridge(arguments: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_weighbridge")).args(arguments)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of a case, as an argument.
fn case(name: &str) -> String {
    repository().join("cases").join(name).to_string_lossy().into_owned()
}

/// Every case by name, with its recipe.
fn recipes() -> BTreeMap<String, Recipe> {
    let folder = repository().join("cases/recipes");
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a recipe has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a recipe is text");
        let recipe = Recipe::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, recipe)
    };
    let entries = fs::read_dir(folder).expect("recipes lie beside the cases");
    entries.map(|entry| read(entry.expect("a folder can be read").path())).collect()
}

/// The story of a case.
fn story(name: &str) -> story::Story {
    let path = repository().join(format!("cases/{name}.story.toml"));
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("a case needs a story: {}: {error}", path.display()));
    story::Story::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every file below `folder`, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).expect("a folder can be read") {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let inside = path.strip_prefix(folder).expect("it lies below");
            let bytes = fs::read(&path).expect("a file can be read");
            found.insert(inside.to_string_lossy().replace('\\', "/"), bytes);
        }
    }
    found
}

#[test]
fn recipes_build_the_committed_files() {
    for (name, recipe) in recipes() {
        let built = recipe.build().unwrap_or_else(|error| panic!("{name}: {error}"));
        let committed = files(Path::new(&case(&name)));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&built), names(&committed), "{name}");
        for (file, bytes) in &built {
            assert!(
                bytes == &committed[file],
                "`cases/{name}/{file}` is not what its recipe builds: run `cargo xtask cases`"
            );
        }
    }
}

#[test]
fn every_case_tells_its_story() {
    for name in recipes().keys() {
        let story = story(name);
        let json = weighbridge(&["investigate", &case(name), "--format", "json"]).end();
        let text = weighbridge(&["investigate", &case(name)]).end();
        json.quiet();
        text.quiet();
        story.check(name, &json, &text);
    }
}

#[test]
fn every_case_follows_the_schema() {
    let case_schema = weighbridge(&["schema", "case"]).end();
    let scan_schema = weighbridge(&["schema", "scan"]).end();
    for name in recipes().keys() {
        let investigated = weighbridge(&["investigate", &case(name), "--format", "json"]).end();
        oracle::validate(&case_schema.out, &investigated.out, None);
        let scanned = weighbridge(&["scan", &case(name), "--format", "json"]).end();
        oracle::validate(&scan_schema.out, &scanned.out, None);
    }
}

#[test]
fn same_input_same_bytes_in_whatever_order_files_were_made() {
    for (name, recipe) in recipes() {
        let built = recipe.build().unwrap_or_else(|error| panic!("{name}: {error}"));
        let write =
            |scratch: Scratch, (path, bytes): (&String, &Vec<u8>)| scratch.with(path, bytes);
        let forwards = built.iter().fold(Scratch::new(), write);
        let backwards = built.iter().rev().fold(Scratch::new(), write);
        for format in ["json", "text", "sarif"] {
            let print = |folder: &Path| {
                weighbridge(&["investigate", ".", "--format", format]).inside(folder).end().out
            };
            let committed = print(Path::new(&case(&name)));
            assert!(committed == print(forwards.folder()), "{name} as {format}, made forwards");
            assert!(committed == print(backwards.folder()), "{name} as {format}, made backwards");
        }
    }
}

#[test]
fn a_browser_can_use_the_pages() {
    let pages = Scratch::new();
    for name in recipes().keys() {
        let page = pages.path(&format!("{name}.html"));
        weighbridge(&["investigate", &case(name), "--html", &page])
            .end()
            .complains("the report as a web page is in");
    }
    oracle::click_through(&repository().join("crates/wb-report/tests/browser"), pages.folder());
}
