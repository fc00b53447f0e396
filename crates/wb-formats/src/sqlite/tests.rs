use super::*;
use crate::testing::{claims, oddities, parse as parse_as, survive};

/// Made by `tests/data/make_sqlite.py` with SQLite 3.40.
const REAL: &[u8] = include_bytes!("../../tests/data/real.sqlite");

#[test]
fn rows_of_the_reference_library_are_read_to_the_last() {
    assert_eq!(claims(REAL), "sqlite");
    let content = parse_as("sqlite", REAL);
    assert_eq!((oddities(&content), content.gaps.len()), (Vec::<String>::new(), 0));
    let tables: Vec<(&str, Option<&str>)> =
        content.components.iter().map(|table| (table.name.as_str(), table.setting("rows"))).collect();
    assert_eq!(tables, [("models", Some("300")), ("names", Some("40"))]);
    let children: Vec<(&str, usize)> = content
        .children
        .iter()
        .map(|child| match &child.data {
            ChildData::Owned(data) => (child.name.as_str(), data.len()),
            ChildData::Span(_) => (child.name.as_str(), 0),
        })
        .collect();
    assert_eq!(children, [("models, row 7, column 1", 20), ("models, row 299, column 1", 3_018)]);
}

#[test]
fn pages_that_lead_to_themselves_end() {
    let mut bytes = REAL.to_vec();
    // Every page of a tree says that the first one is below it.
    for page in bytes.chunks_mut(512).filter(|page| page[0] == 5) {
        page[8..12].copy_from_slice(&1_u32.to_be_bytes());
    }
    assert!(oddities(&parse_as("sqlite", &bytes)).iter().any(|odd| odd.starts_with("malformed page 1")));
}

#[test]
fn damaged_databases_are_survived() {
    survive("sqlite", REAL);
}
