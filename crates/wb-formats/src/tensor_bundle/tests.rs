use crate::testing::{claims, gaps, has, parse, survive};
use wb_core::{Budget, Bytes, OddityKind, Span};

fn block(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in entries {
        bytes.extend([0, u8::try_from(key.len()).unwrap(), u8::try_from(value.len()).unwrap()]);
        bytes.extend(key.as_bytes());
        bytes.extend(*value);
    }
    bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    bytes
}

fn table(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let short = |len: usize| u8::try_from(len).ok().filter(|len| *len < 128).unwrap();
    let data = block(entries);
    let index = block(&[("z", &[0, short(data.len())])]);
    let others = block(&[]);
    let (second, third) = (data.len() + 5, data.len() + 5 + others.len() + 5);
    let mut footer = vec![short(second), short(others.len()), short(third), short(index.len())];
    footer.resize(40, 0);
    footer.extend(super::MAGIC.to_le_bytes());
    [data, vec![0; 5], others, vec![0; 5], index, vec![0; 5], footer].concat()
}

/// One file, version 1.
const HEADER: (&str, &[u8]) = ("", &[8, 1, 26, 2, 8, 1]);

/// Two numbers at `offset` of file `shard`.
fn floats(shard: u8, offset: u8, size: u8) -> Vec<u8> {
    vec![8, 1, 18, 4, 18, 2, 8, 2, 24, shard, 32, offset, 40, size]
}

#[test]
fn tensors_are_listed() {
    let bytes = table(&[HEADER, ("a", &floats(0, 0, 8)), ("b", &floats(0, 8, 8))]);
    assert_eq!(claims(&bytes), "tensor-bundle");
    let content = parse("tensor-bundle", &bytes);
    let tensor = &content.tensors[1];
    assert_eq!((&*tensor.name, &*tensor.dtype, &tensor.shape[..]), ("b", "float32", &[2][..]));
    assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
}

#[test]
fn the_places_of_numbers_are_known() {
    let bytes = table(&[HEADER, ("a", &floats(0, 0, 8)), ("b", &floats(0, 8, 8))]);
    let (places, files) = super::places(Bytes::new(&bytes), &mut Budget::default());
    let last = places.last().map(|place| (place.name.as_str(), place.shard, place.span));
    assert_eq!((last, files), (Some(("b", 0, Span::new(8, 8))), 1));
}

#[test]
fn what_cannot_hold_is_told() {
    let odd = |entries: &[(&str, &[u8])]| parse("tensor-bundle", &table(entries));
    assert!(has(&odd(&[HEADER, ("a", &floats(1, 0, 8))]), OddityKind::Disagreement));
    assert!(has(&odd(&[HEADER, ("a", &floats(0, 0, 9))]), OddityKind::Disagreement));
    let shared = odd(&[HEADER, ("a", &floats(0, 0, 8)), ("b", &floats(0, 4, 8))]);
    assert!(has(&shared, OddityKind::Overlap));
    let twice = odd(&[HEADER, ("a", &floats(0, 0, 8)), ("a", &floats(0, 8, 8))]);
    assert!(has(&twice, OddityKind::DuplicateName));
}

#[test]
fn bytes_before_the_footer_that_no_block_owns_are_told() {
    let mut bytes = table(&[HEADER]);
    let at = bytes.len() - 48;
    bytes.splice(at..at, *b"hidden");
    assert!(has(&parse("tensor-bundle", &bytes), OddityKind::UnownedBytes));
}

#[test]
fn another_table_is_a_gap() {
    let content = parse("tensor-bundle", &table(&[("key", b"")]));
    assert_eq!(gaps(&content), ["a table without the header of a checkpoint"]);
    let mut compressed = table(&[HEADER]);
    compressed[17] = 1;
    assert!(has(&parse("tensor-bundle", &compressed), OddityKind::Malformed));
}

#[test]
fn damage_is_survived() {
    survive("tensor-bundle", &table(&[HEADER, ("a", &floats(0, 0, 8))]));
}
