use crate::testing::{children, claims, gaps, oddities, parse, survive};
use wb_core::Content;

/// Made by `tests/data/make_shelf.py` and `make_btree.sh` with Berkeley DB 5.3.28.
const HASH: &[u8] = include_bytes!("../../tests/data/real-ndbm.db");
const BTREE: &[u8] = include_bytes!("../../tests/data/real-btree.db");

fn field<'a>(content: &'a Content, path: &str) -> &'a str {
    content.fields.iter().find(|field| field.path == path).map_or("", |field| &field.value)
}

#[test]
fn the_values_of_a_shelf_are_read_to_the_last() {
    assert_eq!(claims(HASH), "berkeley-db");
    let content = parse("berkeley-db", HASH);
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
    assert_eq!((content.children.len(), field(&content, "records")), (62, "62"));
    let children = children(HASH, &content);
    let (_, big) = children.iter().find(|(name, _)| *name == "big").expect("the long value");
    assert_eq!((big.len(), big.last()), (8_764, Some(&b'.')));
}

#[test]
fn trees_are_read_in_either_order() {
    assert_eq!(claims(BTREE), "berkeley-db");
    let content = parse("berkeley-db", BTREE);
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
    assert_eq!(field(&content, "numbers"), "big endian");
    let several = content.children.iter().filter(|child| child.name.contains("item")).count();
    assert_eq!((content.children.len(), several), (121, 20));
}

#[test]
fn what_leads_to_another_type_of_page_is_told() {
    let mut bytes = HASH.to_vec();
    let at = (1..8).map(|page| page * 4096 + 25).find(|at| bytes[*at] == 13).expect("a leaf");
    bytes[at] = 3;
    assert!(oddities(&parse("berkeley-db", &bytes)).contains(&"malformed page 0".to_owned()));
    bytes[at] = 0;
    assert!(oddities(&parse("berkeley-db", &bytes)).contains(&"malformed page 0".to_owned()));
    bytes[24] = 1;
    assert_eq!(gaps(&parse("berkeley-db", &bytes)), ["the pages are encrypted"]);
    let mut bytes = BTREE.to_vec();
    bytes[512 + 25] = 7;
    assert!(!gaps(&parse("berkeley-db", &bytes)).is_empty());
}

#[test]
fn what_is_cut_off_or_added_is_told() {
    let cut = parse("berkeley-db", &HASH[..HASH.len() - 1]);
    assert_eq!(oddities(&cut)[0], "truncated header");
    let more = [HASH, b"more"].concat();
    assert_eq!(oddities(&parse("berkeley-db", &more))[0], "trailing-bytes behind the pages");
    assert_eq!(claims(b"twelve bytesb1\x05\0 and so on"), "");
}

#[test]
fn damaged_databases_are_survived() {
    survive("berkeley-db", HASH);
    survive("berkeley-db", BTREE);
}
