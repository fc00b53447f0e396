//! Tables: columns as wide as they need to be, the last one cut or wrapped to fit the page.

use super::page::{Ink, Page, Style, shorten, width_of};
use crate::escape;
use std::borrow::Cow;

/// A table of `rows` under `headers`, at most `width` columns wide, without colour. Cells are escaped;
/// where they do not fit, the widest columns give way and their cells are cut with `…`.
pub fn table(headers: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut page = Page::new(Style { width, color: false });
    print(&mut page, 0, headers, rows, |_, _| Ink::Plain);
    page.finish()
}

/// Columns between cells.
const GAP: usize = 2;
/// A column is not squeezed below this while another is wider.
const NARROWEST: usize = 6;

/// Prints a table at `indent`; `ink` chooses the ink of a cell from its column and text.
pub(super) fn print(
    page: &mut Page,
    indent: usize,
    headers: &[&str],
    rows: &[Vec<String>],
    ink: impl Fn(usize, &str) -> Ink,
) {
    let room = page.columns().saturating_sub(indent);
    let rows: Vec<Vec<Cow<'_, str>>> = rows.iter().map(|row| safe(row)).collect();
    let widths = widths(headers, &rows, room);
    let mut print_row = |cells: &[&str], ink: &dyn Fn(usize, &str) -> Ink| {
        let last = cells.len().saturating_sub(1);
        let mut pieces: Vec<(Ink, String)> = Vec::with_capacity(cells.len() * 2);
        for (index, cell) in cells.iter().enumerate() {
            let width = widths.get(index).copied().unwrap_or_default();
            let cut = fit(cell, width);
            let fill = width.saturating_sub(width_of(&cut)) + GAP;
            pieces.push((ink(index, cell), cut));
            if index != last {
                pieces.push((Ink::Plain, " ".repeat(fill)));
            }
        }
        let borrowed: Vec<(Ink, &str)> =
            pieces.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
        page.line(indent, &borrowed);
    };
    if headers.iter().any(|header| !header.is_empty()) {
        print_row(headers, &|_, _| Ink::Faint);
    }
    for row in &rows {
        let cells: Vec<&str> = row.iter().map(Cow::as_ref).collect();
        print_row(&cells, &ink);
    }
}

fn safe(row: &[String]) -> Vec<Cow<'_, str>> {
    // A cell longer than any page is cut before it is escaped and measured.
    row.iter()
        .map(|cell| match shorten(cell, 1_000) {
            Cow::Borrowed(cell) => escape::terminal(cell),
            Cow::Owned(cell) => Cow::Owned(escape::terminal(&cell).into_owned()),
        })
        .collect()
}

/// The width of every column: as wide as its widest cell, then the widest gives way until all fit.
fn widths(headers: &[&str], rows: &[Vec<Cow<'_, str>>], room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = headers.iter().map(|header| width_of(header)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(width_of(cell));
        }
    }
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > room {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

/// Cuts escaped text to `width` columns.
pub(super) fn fit(cell: &str, width: usize) -> String {
    if width_of(cell) <= width {
        return cell.to_owned();
    }
    // A path is known by its end, everything else by its beginning.
    let is_path = cell.contains('/') && !cell.contains(' ');
    let tail = if is_path { width / 3 * 2 } else { 0 };
    let head: String = fitting(cell.chars(), width.saturating_sub(tail + 1));
    let tail: String = fitting(cell.chars().rev(), tail).chars().rev().collect();
    format!("{head}…{tail}")
}

/// The first characters that take at most `width` columns.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += width_of(character.encode_utf8(&mut [0; 4]));
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_widest_gives_way() {
        let rows = vec![
            vec!["dense".into(), "F32".into(), "x".repeat(80)],
            vec!["日本".into(), "F16\u{1b}[2J".into(), "short".into()],
        ];
        assert_eq!(
            table(&["name", "type", "shape"], &rows, 60),
            format!(
                "name   type        shape\ndense  F32         {}…\n日本   F16\\x1b[2J  short\n",
                "x".repeat(40)
            )
        );
    }

    #[test]
    fn a_path_keeps_its_end() {
        assert_eq!(fit("models/reference/triage.safetensors", 24), "models/…iage.safetensors");
        assert_eq!(fit("what the record says/or not", 10), "what the …");
    }

    #[test]
    fn a_table_without_rows_is_its_headers() {
        assert_eq!(table(&["a", "b"], &[], 60), "a  b\n");
    }
}
