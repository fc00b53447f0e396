//! Turns the data files about callables into sorted tables that need no loading.
//!
//! People write TOML; parsing it takes milliseconds, which is as long as a whole scan. The tables are Rust
//! source that `src/knowledge/data.rs` includes; what they mean is said there.

#[path = "src/knowledge/alias.rs"]
mod alias;

use alias::Aliases;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use wb_core::Capability;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    module: String,
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    module: Option<String>,
    capability: String,
    argument: Option<usize>,
    keyword: Option<String>,
    why: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AliasFile {
    modules: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
}

/// Where a fact is in the table of facts.
type Index = usize;

/// The tables, while they are filled.
#[derive(Default)]
struct Tables {
    /// Facts as Rust source, with what they can do.
    facts: Vec<(Capability, String)>,
    exact: BTreeMap<String, Index>,
    patterns: Vec<(String, Index)>,
    commands: BTreeMap<String, Index>,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/knowledge");
    println!("cargo::rerun-if-changed=data");
    let aliases: AliasFile = toml::from_str(&fs::read_to_string("data/aliases.toml")?)?;
    let modules: Vec<(&str, &str)> = pairs(&aliases.modules);
    let names: Vec<(&str, &str)> = pairs(&aliases.names);
    let all = aliases.modules.keys().chain(aliases.names.keys());
    let firsts: BTreeSet<&str> = all.filter_map(|name| name.split('.').next()).collect();
    let firsts: Vec<&str> = firsts.into_iter().collect();
    let aliases = Aliases { modules: &modules, names: &names, firsts: &firsts };

    let mut tables = Tables::default();
    let mut files: Vec<PathBuf> = fs::read_dir("data/callables")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, Box<dyn Error>>>()?;
    files.sort();
    for path in &files {
        tables.add_callables(path, &aliases)?;
    }
    tables.add_commands(Path::new("data/commands.toml"))?;
    let standard = fs::read_to_string("data/standard_library.txt")?;
    let standard: BTreeSet<&str> = standard.lines().collect();

    let mut source = tables.source();
    list(&mut source, "STANDARD_LIBRARY", "&str", standard.iter().map(|name| format!("{name:?}")));
    list(
        &mut source,
        "ALIASED_MODULES",
        "(&str, &str)",
        modules.iter().map(|pair| format!("{pair:?}")),
    );
    list(
        &mut source,
        "ALIASED_NAMES",
        "(&str, &str)",
        names.iter().map(|pair| format!("{pair:?}")),
    );
    list(&mut source, "ALIASED_FIRSTS", "&str", firsts.iter().map(|name| format!("{name:?}")));
    fs::write(Path::new(&env::var("OUT_DIR")?).join("knowledge.rs"), source)?;
    Ok(())
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    map.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect()
}

impl Tables {
    fn add_callables(&mut self, path: &Path, aliases: &Aliases<'_>) -> Result<(), Box<dyn Error>> {
        let file = read(path)?;
        let origin = format!("callables/{}", file_name(path));
        for group in &file.group {
            let index = self.add_fact(&origin, group)?;
            let module = group.module.as_ref().unwrap_or(&file.module);
            for name in &group.names {
                let full =
                    if module.is_empty() { name.clone() } else { format!("{module}.{name}") };
                if full.contains(['*', '<']) {
                    self.patterns.push((full, index));
                } else {
                    graver(&self.facts, &mut self.exact, aliases.canonical(&full), index);
                }
            }
        }
        Ok(())
    }

    fn add_commands(&mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        for group in &read(path)?.group {
            let index = self.add_fact(&file_name(path), group)?;
            for name in &group.names {
                graver(&self.facts, &mut self.commands, name.clone(), index);
            }
        }
        Ok(())
    }

    fn add_fact(&mut self, origin: &str, group: &Group) -> Result<Index, Box<dyn Error>> {
        let name = &group.capability;
        let capability = Capability::from_name(name)
            .ok_or_else(|| format!("{origin}: no capability is called `{name}`"))?;
        if group.why.ends_with('.') {
            return Err(format!("{origin}: a clause ends with a full stop: `{}`", group.why).into());
        }
        let keyword = group
            .keyword
            .as_ref()
            .map_or("None".to_owned(), |keyword| format!("Some(Cow::Borrowed({keyword:?}))"));
        let source = format!(
            "Fact {{ capability: Capability::{capability:?}, argument: {:?}, keyword: {keyword}, \
             why: Cow::Borrowed({:?}), origin: {origin:?} }}",
            group.argument, group.why
        );
        self.facts.push((capability, source));
        Ok(self.facts.len() - 1)
    }

    /// The tables as Rust source.
    fn source(mut self) -> String {
        self.patterns.sort_by_key(|(text, _)| (first(text).to_owned(), Reverse(specificity(text))));
        let mut source = String::new();
        let pair = |(name, index): (&String, &Index)| format!("({name:?}, {index})");
        list(&mut source, "FACTS", "Fact", self.facts.iter().map(|(_, fact)| fact.clone()));
        list(&mut source, "EXACT", "(&str, u16)", self.exact.iter().map(pair));
        list(&mut source, "COMMANDS", "(&str, u16)", self.commands.iter().map(pair));
        let patterns = self.patterns.iter();
        let patterns =
            patterns.map(|(text, index)| format!("({:?}, {text:?}, {index})", first(text)));
        list(&mut source, "PATTERNS", "(&str, &str, u16)", patterns);
        source
    }
}

/// Whether a segment of a pattern leaves nothing open.
fn is_literal(segment: &str) -> bool {
    !segment.contains(['*', '<'])
}

/// The first segment of a pattern when it is literal.
fn first(pattern: &str) -> &str {
    pattern.split('.').next().filter(|segment| is_literal(segment)).unwrap_or_default()
}

/// How much of a name a pattern pins down: literal segments at the front, then literal characters in all. A
/// class is more than anything at any depth.
fn specificity(pattern: &str) -> (usize, usize) {
    let letters = |segment: &str| match segment {
        "<Class>" => 1,
        _ => segment.bytes().filter(|byte| *byte != b'*').count(),
    };
    let front = pattern.split('.').take_while(|segment| is_literal(segment)).count();
    (front, pattern.split('.').map(letters).sum())
}

/// Two groups may name one thing; the graver word holds.
fn graver(
    facts: &[(Capability, String)],
    table: &mut BTreeMap<String, Index>,
    name: String,
    index: Index,
) {
    let kept = table.entry(name).or_insert(index);
    if facts[index].0 < facts[*kept].0 {
        *kept = index;
    }
}

fn list(source: &mut String, name: &str, kind: &str, rows: impl Iterator<Item = String>) {
    let _ = writeln!(source, "static {name}: &[{kind}] = &[");
    for row in rows {
        let _ = writeln!(source, "{row},");
    }
    source.push_str("];\n");
}

fn read(path: &Path) -> Result<File, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
