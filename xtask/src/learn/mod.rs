//! `cargo xtask learn` and `cargo xtask measure-learning`.
//!
//! Both read the packages of `crates/wb-learn/data/packages.toml` ([`lock`]), which are fetched when they
//! are not there ([`fetch`]). The first writes `crates/wb-rules/data/learned.book`, the second says how
//! many of the functions in `crates/wb-learn/data/gadgets.toml` are found by what is derived.

mod fetch;
mod lock;

use lock::Lock;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wb_core::Capability;
use wb_learn::measure::Gadget;
use wb_learn::{Base, Source, learn};
use wb_rules::learned::{Entry, Fact};

/// Learns all packages and writes the book.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let lock = Lock::read(root)?;
    let mut base = Base::default();
    let head = learn_all(root, &lock, &BTreeSet::new(), &mut base)?;
    let entries = wb_learn::publish::entries(&base);
    let book = wb_rules::learned::write(&head, &entries);
    eprintln!("{} entries, {} bytes", entries.len(), book.len());
    let target = root.join("crates/wb-rules/data/learned.book");
    fs::write(&target, &book).map_err(|error| format!("{}: {error}", target.display()))?;
    list(&base)
}

/// Writes everything that was learned to the file that `LEARNED_LISTING` names, a line each.
fn list(base: &Base) -> Result<(), String> {
    let Ok(listing) = std::env::var("LEARNED_LISTING") else { return Ok(()) };
    let text: String = base.learned().iter().map(|(name, entry)| line(name, entry)).collect();
    fs::write(&listing, text).map_err(|error| format!("{listing}: {error}"))
}

/// Learns without what is written down about gadgets, and says which are found.
pub(crate) fn measure(root: &Path) -> Result<(), String> {
    let lock = Lock::read(root)?;
    let only: BTreeSet<String> = std::env::args().skip(2).collect();
    let path = root.join("crates/wb-learn/data/gadgets.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let groups: Groups = toml::from_str(&text).map_err(|error| format!("gadgets.toml: {error}"))?;
    let gadgets = groups.gadgets(&only)?;
    let mut base = Base::without(gadgets.iter().map(|gadget| gadget.name.clone()));
    learn_all(root, &lock, &only, &mut base)?;
    let measured = wb_learn::measure::measure(&gadgets, &base);
    list(&base)?;
    print!("{}", measured.lines);
    println!("{} of {} found", measured.found, measured.all);
    Ok(())
}

/// Learns the packages in their order; answers what was read, as the head of a book.
fn learn_all(
    root: &Path,
    lock: &Lock,
    only: &BTreeSet<String>,
    base: &mut Base,
) -> Result<String, String> {
    let mut head = String::new();
    for package in lock.packages() {
        if !only.is_empty() && !only.contains(&package.name) {
            continue;
        }
        let folder = fetch::folder(root, &package)?;
        let mut sources = Vec::new();
        collect(&folder, &folder, &mut sources)?;
        sources.sort();
        let begun = Instant::now();
        let learned = learn(&sources, &*base);
        eprintln!(
            "{} {}: {} modules, {} entries, {} unread, {:.1} s",
            package.name,
            package.version,
            sources.len(),
            learned.entries.len(),
            learned.unread.len(),
            begun.elapsed().as_secs_f64()
        );
        head.push_str(&package.headline(&sources));
        base.add(learned);
    }
    Ok(head)
}

/// The modules below a folder.
fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        if path.is_dir() {
            collect(root, &path, sources)?;
            continue;
        }
        let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let Some(source) = Source::of_file(&below) else { continue };
        let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
        sources.push(Source { text: String::from_utf8_lossy(&bytes).into_owned(), ..source });
    }
    Ok(())
}

/// The groups of `gadgets.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    gadgets: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    package: String,
    capability: String,
    names: String,
}

impl Groups {
    fn gadgets(&self, only: &BTreeSet<String>) -> Result<Vec<Gadget>, String> {
        let mut gadgets = BTreeMap::new();
        for group in &self.gadgets {
            if !only.is_empty() && !only.contains(&group.package) {
                continue;
            }
            let capability = Capability::from_name(&group.capability)
                .ok_or_else(|| format!("no capability is called `{}`", group.capability))?;
            for name in group.names.split_whitespace() {
                gadgets.insert(name.to_owned(), Gadget { name: name.to_owned(), capability });
            }
        }
        Ok(gadgets.into_values().collect())
    }
}

/// One entry as a line, for those who look for what changed.
fn line(name: &str, entry: &Entry) -> String {
    let fact = |fact: &Fact| {
        let argument = fact.argument.map_or(String::new(), |at| at.to_string());
        format!("{}\t{argument}\t{}\t{}", fact.capability.name(), fact.keyword, fact.through)
    };
    match entry {
        Entry::Function(one) => format!("{name}\tfunction\t{}\n", fact(one)),
        Entry::Class(built, restored) => {
            format!("{name}\tclass\t{}\t{}\n", fact(built), fact(restored))
        }
        Entry::Alias(target) => format!("{name}\talias\t{target}\n"),
    }
}

/// Where fetched sources are kept.
fn cache(root: &Path) -> PathBuf {
    root.join("target/learn")
}
