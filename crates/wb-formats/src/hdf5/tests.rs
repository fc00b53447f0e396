use super::*;
use wb_core::{ArtifactPath, OddityKind};

const OLD: &[u8] = include_bytes!("../../tests/data/old.h5");
const NEW: &[u8] = include_bytes!("../../tests/data/new.h5");
const OUTSIDE: &[u8] = include_bytes!("../../tests/data/outside.h5");

const WITHIN: &[u8] = include_bytes!("../../tests/data/within.h5");

fn read(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("m.h5");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

#[test]
fn spans_of_attributes_and_tensors_are_those_of_the_file() {
    for bytes in [OLD, NEW, OUTSIDE] {
        let content = read(bytes);
        for field in content.fields.iter().filter(|field| field.value.len() > 3) {
            let Some(span) = field.span.filter(|_| !field.value.starts_with("-> ")) else {
                continue;
            };
            let stored = Bytes::new(bytes).at_span(span).expect("inside").as_slice();
            let long = stored.len() > 4096;
            assert!(long || stored == field.value.as_bytes(), "{field:?}");
        }
    }
    let plain = read(OLD).tensors.into_iter().find(|tensor| tensor.name == "a/plain");
    let span = plain.and_then(|tensor| tensor.span).expect("contiguous");
    let data = Bytes::new(OLD).at_span(span).expect("inside");
    assert_eq!((data.len(), data.u32_le(4)), (48, Some(1.0_f32.to_bits())));
}

#[test]
fn dense_attributes_know_their_bytes() {
    let content = read(NEW);
    let dense = content.fields.iter().find(|field| field.path == "a@dense 11").expect("read");
    assert!(dense.span.is_some());
}

#[test]
fn a_user_block_and_soft_links_inside_the_file_are_read_through() {
    assert_eq!(identify(Bytes::new(OUTSIDE)), Some(Strength::Strong));
    let content = read(OUTSIDE);
    let soft = content.fields.iter().find(|field| field.path == "soft").expect("listed");
    assert_eq!(soft.value, "-> /inside");
    let inside = content.tensors.iter().find(|tensor| tensor.name == "inside").expect("listed");
    let span = inside.span.expect("contiguous");
    assert_eq!(Bytes::new(OUTSIDE).at_span(span).map(Bytes::as_slice), Some(&[0; 4][..]));
}

#[test]
fn one_damaged_header_hides_no_other() {
    let scalar = OLD.to_vec();
    let find = |bytes: &[u8]| {
        read(bytes).tensors.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>()
    };
    let whole = find(&scalar);
    // Each object header of an old file begins with version 1 and the number of its messages.
    let mut damaged_seen = 0;
    for at in (0..scalar.len() - 16).step_by(8) {
        if scalar[at..at + 2] != [1, 0] || scalar[at + 4..at + 8] != [1, 0, 0, 0] {
            continue;
        }
        let mut damaged = scalar.clone();
        damaged[at] = 0xee;
        let found = find(&damaged);
        if found.len() == whole.len() - 1 {
            damaged_seen += 1;
            assert!(!read(&damaged).gaps.is_empty());
        }
    }
    assert!(damaged_seen >= 5, "{damaged_seen}");
}

#[test]
fn lists_whose_heap_is_gone_are_told() {
    assert_eq!(read(WITHIN).gaps, []);
    let mut damaged = WITHIN.to_vec();
    let heaps = memchr::memmem::find_iter(WITHIN, b"GCOL").collect::<Vec<_>>();
    assert!(!heaps.is_empty());
    heaps.into_iter().for_each(|at| damaged[at] = b'X');
    let gaps = read(&damaged).gaps;
    assert!(gaps.iter().any(|gap| gap.why.contains("not where they should be")), "{gaps:?}");
}

#[test]
fn truncation_is_told() {
    let content = read(&OLD[..OLD.len() - 100]);
    assert!(content.oddities.iter().any(|oddity| oddity.kind == OddityKind::Truncated));
    assert!(!content.gaps.is_empty());
    assert!(!read(&OLD[..40]).gaps.is_empty());
}

#[test]
fn other_files_are_not_claimed() {
    for bytes in [&b""[..], b"\x89HDF", b"\x89PNG\r\n\x1a\n", &[0; 3000]] {
        assert_eq!(identify(Bytes::new(bytes)), None);
    }
}

#[test]
fn damaged_files_never_panic() {
    for whole in [OLD, NEW, OUTSIDE, WITHIN] {
        crate::mutations::of(whole, 700, |bytes| {
            identify(Bytes::new(bytes));
            read(bytes);
            for (_, chunked) in chunks(Bytes::new(bytes), &mut Budget::default()) {
                (0..4).for_each(|number| drop(chunked.decoded(Bytes::new(bytes), number)));
            }
        });
    }
}

#[test]
fn chunks_are_found_and_decoded() {
    for whole in [OLD, NEW] {
        let bytes = Bytes::new(whole);
        let found = chunks(bytes, &mut Budget::default());
        let packed = found.iter().find(|(path, _)| path == "a/packed").expect("it lies in chunks");
        assert_eq!((packed.1.all(), packed.1.bytes, &packed.1.sizes), (64, 16, &vec![2, 2]));
        let tensors = read(whole).tensors;
        let plain = tensors.iter().find(|tensor| tensor.name == "a/plain").expect("listed");
        let plain = bytes.at_span(plain.span.expect("contiguous")).expect("inside").as_slice();
        // The first chunk is the beginning of the first two rows.
        let row = plain.len() / 3;
        let expected = [&plain[..8], &plain[row..row + 8]].concat();
        assert_eq!(packed.1.decoded(bytes, 0), Some(expected));
        assert!(!found.iter().any(|(path, _)| path == "a/plain"));
    }
}
