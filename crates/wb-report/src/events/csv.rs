//! Comma-separated values (RFC 4180) that a spreadsheet may open: no cell can become a formula.

use super::Row;
use super::columns::{COLUMNS, Value, fields};
use crate::escape;
use crate::time;
use std::io::{self, Write};

/// Writes the names of the columns.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).chain(["fields"]).collect();
    write!(out, "{}\r\n", names.join(","))
}

/// Writes a row.
pub(super) fn row(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    let mut text = String::new();
    for column in COLUMNS {
        match column.value {
            Value::Text(get) => text.push_str(&escape::csv(&get(row).unwrap_or_default())),
            Value::Number(get) => {
                text.push_str(&get(row).map(|number| number.to_string()).unwrap_or_default())
            }
            Value::Time(get) => text.push_str(&get(row).map(time::rfc3339).unwrap_or_default()),
        }
        text.push(',');
    }
    text.push_str(&escape::csv(&fields(row).unwrap_or_default()));
    write!(out, "{text}\r\n")
}
