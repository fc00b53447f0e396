//! The numbers that ARCHITECTURE.md promises: sizes of files and the one-way order of crates.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have.
const FILE: usize = 600;

/// Lines half of all source files stay under.
const MEDIAN: usize = 200;

/// Lines a rule may have.
const RULE: usize = 150;

/// Lines `main.rs` of the command may have.
const MAIN: usize = 100;

/// Checks everything and names every breach.
pub fn run(root: &Path) -> Result<(), String> {
    let mut breaches = Vec::new();
    sizes(root, &mut breaches)?;
    let map = read(&root.join("ARCHITECTURE.md"))?;
    order(root, &crates(&map), &mut breaches)?;
    paths(root, &map, &mut breaches);
    unchecked(root, &mut breaches)?;
    rooms(root, &mut breaches)?;
    if breaches.is_empty() {
        println!("tidy: sizes, crate order and the paths in ARCHITECTURE.md hold");
        return Ok(());
    }
    Err(format!("\n  {}", breaches.join("\n  ")))
}

fn sizes(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "fuzz"] {
        sources(&root.join(folder), &mut files)?;
    }
    let mut counts = Vec::new();
    for file in &files {
        let text = read(file)?;
        let lines = text.lines().count();
        counts.push(lines);
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let most = match name.as_str() {
            "crates/weighbridge/src/main.rs" => MAIN,
            name if name.starts_with("crates/wb-rules/src/rules/") => RULE,
            _ => FILE,
        };
        if lines > most {
            breaches.push(format!("{name} has {lines} lines; at most {most} are allowed"));
        }
    }
    counts.sort_unstable();
    let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
    if median >= MEDIAN {
        breaches
            .push(format!("half of all files have {median} lines or more; {MEDIAN} is the limit"));
    }
    Ok(())
}

/// Every Rust file below `folder`, tables of data and build folders aside.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !["target", "data", "corpus"].contains(&name.as_str()) {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The crates in the order that ARCHITECTURE.md draws: the first word of each line of its `crates` block.
fn crates(map: &str) -> Vec<String> {
    let block = map.split("```crates\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = block.unwrap_or_default().lines();
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Each crate uses only crates drawn above it, and every crate is drawn.
fn order(root: &Path, drawn: &[String], breaches: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(root.join("crates")).map_err(|error| error.to_string())?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(position) = drawn.iter().position(|known| *known == name) else {
            breaches.push(format!("ARCHITECTURE.md does not draw the crate {name}"));
            continue;
        };
        let text = read(&entry.path().join("Cargo.toml"))?;
        let manifest: toml::Table = text.parse().map_err(|error| format!("{name}: {error}"))?;
        let uses = manifest.get("dependencies").and_then(|found| found.as_table());
        for used in
            uses.into_iter().flat_map(|uses| uses.keys()).filter(|used| used.starts_with("wb-"))
        {
            if !drawn.iter().take(position).any(|above| above == used) {
                breaches.push(format!("{name} uses {used}, which is not drawn above it"));
            }
        }
    }
    Ok(())
}

/// Every path that ARCHITECTURE.md names exists.
fn paths(root: &Path, map: &str, breaches: &mut Vec<String>) {
    for quoted in map.split('`').skip(1).step_by(2) {
        let is_path = ["crates/", "cases/"].iter().any(|start| quoted.starts_with(start));
        if is_path && !root.join(quoted).exists() {
            breaches.push(format!("ARCHITECTURE.md names `{quoted}`, which does not exist"));
        }
    }
}

/// The folders of the repository, and the one that building makes; hidden ones are tools' own.
const ROOMS: [&str; 8] =
    ["benches", "cases", "crates", "docs", "fuzz", "packaging", "target", "xtask"];

/// Nothing that a command wrote in passing is kept at the root.
fn rooms(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(root).map_err(|error| error.to_string())?;
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !ROOMS.contains(&name.as_str()) {
            breaches.push(format!("`{name}` is no folder of the repository"));
        }
    }
    Ok(())
}

/// The only places with code that the compiler cannot check: they may lift the lint against it.
const UNCHECKED: [&str; 2] = ["crates/wb-engine/src/source.rs", "crates/wb-monitor/src/sys/mod.rs"];

/// No other place lifts the lint against unchecked code.
fn unchecked(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let mut files = Vec::new();
    sources(&root.join("crates"), &mut files)?;
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        if !UNCHECKED.contains(&name.as_str()) && read(&file)?.contains("unsafe_code") {
            breaches.push(format!("{name} lifts the lint against unchecked code"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_numbers_and_the_map_in_the_architecture_hold() {
        super::run(&crate::root()).expect("the repository is tidy");
    }
}
