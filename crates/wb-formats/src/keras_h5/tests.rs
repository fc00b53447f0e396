use super::*;
use wb_core::{ArtifactPath, Trigger};

const MODEL: &[u8] = include_bytes!("../../tests/data/keras.h5");
const WEIGHTS: &[u8] = include_bytes!("../../tests/data/weights.h5");
const PLAIN: &[u8] = include_bytes!("../../tests/data/new.h5");

fn read(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("m.h5");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

#[test]
fn models_and_weights_are_keras_and_other_arrays_are_not() {
    assert_eq!(identify(Bytes::new(MODEL)), Some(Strength::Strong));
    assert_eq!(identify(Bytes::new(WEIGHTS)), Some(Strength::Strong));
    assert_eq!(identify(Bytes::new(PLAIN)), None);
    let claims = crate::identify(Bytes::new(MODEL));
    let strong: Vec<&str> = claims
        .iter()
        .filter(|claim| claim.strength == Strength::Strong)
        .map(|claim| claim.format)
        .collect();
    assert_eq!(strong, ["keras-h5"]);
}

#[test]
fn layers_code_weights_and_versions_are_read() {
    let content = read(MODEL);
    assert_eq!(content.oddities, []);
    assert_eq!(content.gaps, []);
    let layers: Vec<(&str, &str)> = content
        .components
        .iter()
        .map(|component| (component.name.as_str(), component.place.as_str()))
        .collect();
    let expected = [
        ("tiny", "model_config"),
        ("dense_1", "model_config.config.layers[0]"),
        ("norm", "model_config.config.layers[1]"),
    ];
    assert_eq!(layers, expected);
    let tensor = &content.tensors[0];
    assert_eq!(tensor.name, "model_weights/dense_1/kernel:0");
    assert_eq!((tensor.dtype.as_str(), tensor.shape.as_slice()), ("<f4", &[2, 4][..]));
    let value = |path: &str| {
        let field = content.fields.iter().find(|field| field.path == path);
        field.map(|field| field.value.as_str())
    };
    assert_eq!(value("keras_version"), Some("2.15.0"));
    assert_eq!(value("training_config.loss"), Some("mse"));
    assert_eq!(value("model_config"), None);
    assert_eq!(value("model_weights@layer_names"), Some("[\"dense_1\", \"norm\"]"));
}

#[test]
fn code_is_found_at_its_bytes_in_the_file() {
    let content = read(MODEL);
    let program = &content.programs[0];
    assert_eq!((program.trigger, program.component.as_deref()), (Trigger::Inference, Some("norm")));
    let literal = Bytes::new(MODEL).at_span(program.span).expect("inside");
    assert!(literal.starts_with(b"\"4wE"));
    for op in &program.ops {
        assert!(op.span.start >= program.span.start && op.span.end() <= program.span.end());
    }
}

#[test]
fn damaged_files_never_panic() {
    crate::mutations::of(MODEL, 1_500, |bytes| {
        identify(Bytes::new(bytes));
        read(bytes);
    });
}
