//! `weighbridge schema`: the JSON Schema of a report.

use super::{Ended, Outcome};
use crate::cli::{Document, Schema};
use crate::terminal::print;
use wb_report::json;

/// Prints a schema.
pub fn run(arguments: &Schema) -> Ended {
    print(&json::schema(match arguments.document {
        Document::Case => json::Document::Case,
        Document::Scan => json::Document::Scan,
        Document::Gate => json::Document::Gate,
        Document::Diff => json::Document::Diff,
    }))?;
    Ok(Outcome::NothingFound)
}
