use super::recipes::{Value, buffer, text};
use super::{Table, Walk, is};
use crate::testing::has;
use wb_core::{Budget, Bytes, Content, OddityKind};

fn sample() -> Vec<u8> {
    let inner = vec![(0, text("inner"))];
    buffer(
        b"TEST",
        vec![
            (0, Value::U32(7)),
            (2, text("name")),
            (3, Value::Table(inner.clone())),
            (4, Value::Tables(vec![inner.clone(), inner])),
            (5, Value::U32s(vec![1, 2, 3])),
            (6, Value::Bytes(vec![9; 20])),
            (7, Value::Texts(vec!["a".to_owned(), "bc".to_owned()])),
        ],
    )
}

#[test]
fn slots_are_read_and_empty_ones_are_nothing() {
    let bytes = sample();
    assert!(is(Bytes::new(&bytes), b"TEST"));
    let root = Table::root(Bytes::new(&bytes)).expect("a table");
    assert_eq!(root.u32(0), Some(7));
    assert_eq!(root.text(1), Ok(None));
    assert_eq!(root.text(2), Ok(Some("name".to_owned())));
    let inner = root.table(3).expect("inside").expect("a table");
    assert_eq!(inner.text(0), Ok(Some("inner".to_owned())));
    assert_eq!(root.tables(4).expect("inside").len(), 2);
    assert_eq!(root.i32s(5, 2), Ok(Some(vec![1, 2])));
    assert_eq!(root.bytes(6).map(|bytes| bytes.map(|bytes| bytes.len())), Ok(Some(20)));
    assert_eq!(root.texts(7, 9), Ok(vec!["a".to_owned(), "bc".to_owned()]));
    assert_eq!(root.u32(99), None);
}

#[test]
fn what_leads_out_of_the_buffer_is_told() {
    let bytes = sample();
    let cut = &bytes[..bytes.len() - 8];
    let root = Table::root(Bytes::new(cut)).expect("a table");
    let mut budget = Budget::default();
    let mut walk = Walk::new(&mut budget);
    let texts = root.texts(7, 9);
    assert!(walk.sound("texts", texts).is_none());
    let content = Content { oddities: walk.notes.oddities, ..Content::default() };
    assert!(has(&content, OddityKind::ImpossibleLength));
}
