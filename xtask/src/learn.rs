//! `cargo xtask learn`.

use std::fs;
use std::path::Path;
use std::time::Instant;
use wb_learn::{Base, Source, learn};
use wb_rules::learned::Entry;

pub(crate) fn run(_root: &Path) -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let folder = arguments.first().ok_or("usage: cargo xtask learn FOLDER PACKAGE...")?;
    let mut base = Base::default();
    for package in arguments.get(1..).unwrap_or_default() {
        let mut sources = Vec::new();
        let root = Path::new(folder).join(package);
        collect(&root, "", &mut sources)?;
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        let begun = Instant::now();
        let learned = learn(&sources, &base);
        eprintln!(
            "{package}: {} modules, {} entries, {} unread, {:?}",
            sources.len(),
            learned.entries.len(),
            learned.unread.len(),
            begun.elapsed()
        );
        base.add(learned.entries);
    }
    let entries = wb_learn::publish::entries(&base);
    let book = wb_rules::learned::write("python 3.11.7\n", &entries);
    eprintln!("{} entries, {} bytes", entries.len(), book.len());
    fs::write(std::env::var("BOOK").unwrap_or("/tmp/learned.book".to_owned()), &book)
        .map_err(|e| e.to_string())?;
    for (name, entry) in base.learned() {
        match entry {
            Entry::Function(f) => println!(
                "{name}\tF\t{}\t{:?}\t{:?}\t{}",
                f.capability.name(),
                f.argument,
                f.keyword,
                f.through
            ),
            Entry::Class(f, g) => println!(
                "{name}\tC\t{}\t{:?}\t{:?}\t{}\t{}\t{}",
                f.capability.name(),
                f.argument,
                f.keyword,
                f.through,
                g.capability.name(),
                g.through
            ),
            Entry::Alias(target) => println!("{name}\tA\t{target}"),
        }
    }
    Ok(())
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if matches!(name.as_str(), "tests" | "site-packages" | "__pycache__" | "lib-dynload")
                || name.contains(['.', '-'])
                || (prefix.starts_with("test") && name != "support")
            {
                continue;
            }
            collect(&path, &format!("{prefix}{name}."), sources)?;
        } else if let Some(stem) = name.strip_suffix(".py") {
            if stem.starts_with("test_") || stem.contains('-') {
                continue;
            }
            let is_package = stem == "__init__";
            let module = match is_package {
                true => prefix.trim_end_matches('.').to_owned(),
                false => format!("{prefix}{stem}"),
            };
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            sources.push(Source {
                name: module,
                is_package,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
    }
    Ok(())
}
