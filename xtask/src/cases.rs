//! Builds the cases from their recipes.

use std::fs;
use std::path::Path;
use wb_testkit::Recipe;

/// Writes the files of every recipe in `cases/recipes` to `cases/NAME`, replacing what was there.
pub fn build(root: &Path) -> Result<(), String> {
    let cases = root.join("cases");
    let entries = fs::read_dir(cases.join("recipes")).map_err(|error| error.to_string())?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let Some(name) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        let built = Recipe::parse(&text)
            .and_then(|recipe| recipe.build())
            .map_err(|error| format!("{name}: {error}"))?;
        let folder = cases.join(&name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{name}: {error}"))?;
        }
        for (file, bytes) in &built {
            write(&folder.join(file), bytes).map_err(|error| format!("{name}/{file}: {error}"))?;
        }
        println!("{name}: {} files", built.len());
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
