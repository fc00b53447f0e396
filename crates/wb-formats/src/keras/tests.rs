use super::*;
use wb_core::{ArtifactPath, ChildData};

const STORED: &[u8] = include_bytes!("../../tests/data/stored.keras");
const PACKED: &[u8] = include_bytes!("../../tests/data/packed.keras");

fn read(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("m.keras");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

#[test]
fn both_kinds_of_archive_hold_the_same_model() {
    for bytes in [STORED, PACKED] {
        assert_eq!(identify(Bytes::new(bytes)), Some(Strength::Strong));
        let content = read(bytes);
        assert_eq!(content.oddities, []);
        assert_eq!(content.gaps, []);
        let layers: Vec<&str> =
            content.components.iter().map(|component| component.place.as_str()).collect();
        assert_eq!(layers, ["", "config.layers[0]", "config.layers[1]"]);
        let children: Vec<&str> =
            content.children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(children, ["model.weights.h5", "assets/notes.txt"]);
        let version = content.fields.iter().find(|field| field.path == "metadata.keras_version");
        assert_eq!(version.map(|field| field.value.as_str()), Some("3.5.0"));
        assert_eq!(content.programs[0].component.as_deref(), Some("norm"));
    }
}

#[test]
fn code_points_at_its_bytes_or_at_the_member_that_holds_it() {
    let stored = &read(STORED).programs[0];
    let literal = Bytes::new(STORED).at_span(stored.span).expect("inside");
    assert!(literal.starts_with(b"\"4wE"));
    let packed = &read(PACKED).programs[0];
    assert!(packed.span.len > 0 && packed.ops.iter().all(|op| op.span == packed.span));
}

#[test]
fn weights_are_handed_on_as_a_file() {
    let content = read(STORED);
    let ChildData::Span(span) = content.children[0].data else { panic!("stored in place") };
    let weights = Bytes::new(STORED).at_span(span).expect("inside");
    assert!(crate::hdf5::identify(weights).is_some());
}

#[test]
fn an_archive_without_a_configuration_is_no_model() {
    let mut other = STORED.to_vec();
    while let Some(at) = memchr::memmem::find(&other, b"config.json") {
        other[at] = b'x';
    }
    assert_eq!(identify(Bytes::new(&other)), None);
}

#[test]
fn damaged_archives_never_panic() {
    for whole in [STORED, PACKED] {
        crate::mutations::of(whole, 700, |bytes| {
            identify(Bytes::new(bytes));
            read(bytes);
        });
    }
}
