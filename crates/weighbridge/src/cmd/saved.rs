//! Cases that were saved, or are investigated now because a folder is given.

use super::tool;
use std::error::Error;
use std::path::Path;
use wb_report::json;
use wb_report::saved::{self, Case};
use wb_sigma::RuleSet;

/// The most bytes of a saved case; larger ones are no case that a person looks at.
const LARGEST: u64 = 1 << 30;

/// The case in the file `path`, or of the evidence in the folder `path`.
pub fn case(path: &Path) -> Result<Case, Box<dyn Error>> {
    if path.is_dir() {
        let case = super::investigate::case_of(path, &[], RuleSet::shipped())?;
        return Ok(saved::read(&json::case(&case, &tool()))?);
    }
    if !path.exists() {
        return Err(wb_engine::EngineError::NotFound(path.to_owned()).into());
    }
    let named = |what: String| -> Box<dyn Error> { format!("`{}`: {what}", path.display()).into() };
    let size = std::fs::metadata(path).map_err(|error| named(unreadable(&error)))?.len();
    if size > LARGEST {
        return Err(named(format!(
            "{size} bytes are more than a saved case has\nhint: give a case"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| named(unreadable(&error)))?;
    saved::read(&text).map_err(|error| named(error.to_string()))
}

fn unreadable(error: &std::io::Error) -> String {
    format!("cannot be read: {error}\nhint: give a saved case (JSON) or a folder of evidence")
}
