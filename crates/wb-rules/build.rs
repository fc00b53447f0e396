//! Turns the data files about callables into one table that loads in no time.
//!
//! People write TOML; parsing it takes milliseconds, which is as long as a whole scan. The table has a line
//! per group: origin, module, capability, argument, keyword, why and names, separated by tabs.

use serde::Deserialize;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

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
    #[serde(default)]
    keyword: String,
    why: String,
    names: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=data");
    let out = env::var("OUT_DIR")?;
    let mut files = Vec::new();
    for entry in fs::read_dir("data/callables")? {
        files.push(entry?.path());
    }
    files.sort();
    let mut table = String::new();
    for file in &files {
        add(&mut table, file, "callables/")?;
    }
    fs::write(Path::new(&out).join("callables.tsv"), table)?;
    let mut commands = String::new();
    add(&mut commands, Path::new("data/commands.toml"), "")?;
    fs::write(Path::new(&out).join("commands.tsv"), commands)?;
    Ok(())
}

fn add(table: &mut String, path: &Path, folder: &str) -> Result<(), Box<dyn Error>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path)?;
    let file: File =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    for group in file.group {
        let module = group.module.as_ref().unwrap_or(&file.module);
        let argument = group.argument.map(|position| position.to_string()).unwrap_or_default();
        let fields = [module, &group.capability, &argument, &group.keyword, &group.why];
        if fields.iter().any(|field| field.contains(['\t', '\n'])) {
            return Err(format!("{}: a tab or line end in `{}`", path.display(), group.why).into());
        }
        let names = group.names.join(" ");
        let [module, capability, argument, keyword, why] = fields;
        writeln!(
            table,
            "{folder}{name}\t{module}\t{capability}\t{argument}\t{keyword}\t{why}\t{names}"
        )?;
    }
    Ok(())
}
