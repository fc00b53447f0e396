use super::*;
use wb_core::{ArtifactPath, Constant, Language, OddityKind, OpKind, Program, Trigger};

/// `lambda x: __import__('os').popen('id')`, marshalled by CPython 3.11.
pub(crate) const COMMAND: &str = "4wEAAAAAAAAAAAAAAAMAAAADAAAA80YAAACXAHQBAAAAAAAAAAAAAGQBpgEAAKsBAAAAAAAAAACgAQAAAAAAAAAAAAAAAAAAAAAAAAAAZAKmAQAAqwEAAAAAAAAAAFMAKQNO2gJvc9oCaWQpAtoKX19pbXBvcnRfX9oFcG9wZW6pAdoBeHMBAAAAIPoHPHN0ZGluPvoIPGxhbWJkYT5yCQAAAAcAAABzHAAAAIAAjUqQdNEMHNQMHNcMItIMIqA00Qwo1AwogADzAAAAAA==";
/// `lambda x: x / 127.5 - 1`, marshalled by CPython 3.11.
const SCALE: &str = "4wEAAAAAAAAAAAAAAAIAAAADAAAA8xIAAACXAHwAZAF6CwAAZAJ6CgAAUwApA07nAAAAAADgX0DpAQAAAKkAqQHaAXhzAQAAACD6BzxzdGRpbj76CDxsYW1iZGE+cggAAAAIAAAAcw4AAACAAIhBkAWJSZgBiU2AAPMAAAAA";

/// `lambda x, c, d='q': __import__('os').system(c + d)`, marshalled by CPython 3.11.
const TWO: &str = "YwMAAAAAAAAAAAAAAAQAAAADAAAA80wAAACXAHQBAAAAAAAAAAAAAGQBpgEAAKsBAAAAAAAAAACgAQAAAAAAAAAAAAAAAAAAAAAAAAAAfAF8AnoAAACmAQAAqwEAAAAAAAAAAFMAKQJO2gJvcykC2gpfX2ltcG9ydF9f2gZzeXN0ZW0pA9oBeNoBY9oBZHMDAAAAICAg+gg8c3RyaW5nPvoIPGxhbWJkYT5yCAAAAAEAAABzIAAAAIAAlUqYdNEUJNQUJNcUK9IUK6hBsAGpRdEUMtQUMoAA8wAAAAA=";

fn parse_text(text: &str) -> Content {
    parse_bytes(text.as_bytes())
}

fn parse_bytes(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("config.json");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

/// A model of one layer.
fn model(layer: &str) -> String {
    format!(r#"{{"class_name": "Sequential", "config": {{"name": "m", "layers": [{layer}]}}}}"#)
}

fn lambda(function: &str) -> String {
    model(&format!(
        r#"{{"class_name": "Lambda", "config": {{"name": "norm", "function": {function}}}}}"#
    ))
}

fn imports(program: &Program) -> Vec<String> {
    let import = |kind: &OpKind| match kind {
        OpKind::Import { module, name } => Some(format!("{module}.{name}")),
        _ => None,
    };
    program.ops.iter().filter_map(|op| import(&op.kind)).collect()
}

fn texts(program: &Program) -> Vec<&str> {
    let text = |kind: &'_ OpKind| matches!(kind, OpKind::Constant(Constant::Text(_)));
    let ops = program.ops.iter().filter(|op| text(&op.kind));
    ops.filter_map(|op| match &op.kind {
        OpKind::Constant(Constant::Text(text)) => Some(text.as_str()),
        _ => None,
    })
    .collect()
}

#[test]
fn every_layer_is_a_component_however_deep() {
    let inner = r#"{"class_name": "TimeDistributed", "config": {"name": "td", "layer": {"class_name": "Dense", "config": {"name": "deep", "units": 3}}}}"#;
    let nested = format!(
        r#"{{"class_name": "Functional", "config": {{"name": "inner", "layers": [{inner}]}}, "name": "inner"}}"#
    );
    let content = parse_text(&model(&nested));
    let found: Vec<(&str, &str, &str)> = content
        .components
        .iter()
        .map(|component| (component.kind, component.class.as_str(), component.place.as_str()))
        .collect();
    let expected = [
        ("model", "Sequential", ""),
        ("model", "Functional", "config.layers[0]"),
        ("layer", "TimeDistributed", "config.layers[0].config.layers[0]"),
        ("layer", "Dense", "config.layers[0].config.layers[0].config.layer"),
    ];
    assert_eq!(found, expected);
    assert_eq!(content.components[3].setting("units"), Some("3"));
    assert_eq!(content.components[2].setting("layer"), Some("Dense"));
    assert_eq!(content.components[1].setting("layers"), Some("[\"td\"]"));
    assert!(content.programs.is_empty() && content.oddities.is_empty());
}

#[test]
fn settings_are_flattened_and_foreign_keys_are_marked() {
    let layer = r#"{"class_name": "Dense", "module": "keras.layers", "build_config": {}, "memo": "x",
        "config": {"name": "d", "trace": "abc", "kernel_initializer": {"module": "keras.initializers",
        "class_name": "Zeros", "config": {"seed": null}}, "shape": [null, 8]}}"#;
    let content = parse_text(&model(layer));
    let dense = &content.components[1];
    assert_eq!(dense.module.as_deref(), Some("keras.layers"));
    assert_eq!(dense.setting("trace"), Some("abc"));
    assert_eq!(dense.setting("kernel_initializer.class_name"), Some("Zeros"));
    assert_eq!(dense.setting("kernel_initializer.config.seed"), Some("null"));
    assert_eq!(dense.setting("shape"), Some("[null, 8]"));
    assert_eq!(dense.setting("../memo"), Some("x"));
    assert_eq!(dense.setting("../build_config"), None);
}

#[test]
fn marshalled_functions_are_programs_in_every_spelling() {
    let spellings = [
        format!(
            r#"{{"class_name": "__lambda__", "config": {{"code": "{COMMAND}", "defaults": null}}}}"#
        ),
        format!(r#"["{COMMAND}\n", null, null]"#),
        format!(r#"{{"class_name": "__tuple__", "items": ["{COMMAND}", null, null]}}"#),
        format!(r#""{COMMAND}""#),
    ];
    for spelling in &spellings {
        let text = lambda(spelling);
        let content = parse_text(&text);
        let [program] = content.programs.as_slice() else { panic!("{spelling}") };
        assert_eq!((program.language, program.trigger), (Language::CPython, Trigger::Inference));
        assert_eq!(program.component.as_deref(), Some("norm"));
        assert!(program.place.starts_with("config.layers[0].config.function"), "{}", program.place);
        assert!(texts(program).contains(&"id"), "{:?}", program.ops);
        let whole = Bytes::new(text.as_bytes()).at_span(program.span).expect("inside");
        assert!(whole.starts_with(b"\"4wE"));
        for op in &program.ops {
            assert!(op.span.start >= program.span.start && op.span.end() <= program.span.end());
        }
    }
}

#[test]
fn code_written_as_latin_text_is_read() {
    let latin: String = literal::base64(Bytes::new(format!("\"{SCALE}\"").as_bytes()), 1000)
        .data
        .iter()
        .map(|byte| format!("\\u{:04x}", byte))
        .collect();
    let content = parse_text(&lambda(&format!(r#"["{latin}", null, null]"#)));
    assert_eq!(content.programs.len(), 1, "{:?}", content.oddities);
}

#[test]
fn code_outside_lambda_layers_is_found_too() {
    let dense =
        format!(r#"{{"class_name": "Dense", "config": {{"name": "d", "note": "{COMMAND}"}}}}"#);
    assert_eq!(parse_text(&model(&dense)).programs.len(), 1);
    let prose = r#"{"class_name": "Dense", "config": {"name": "d", "note": "4w is not code but a long sentence about it"}}"#;
    let content = parse_text(&model(prose));
    assert!(content.programs.is_empty() && content.oddities.is_empty());
}

#[test]
fn a_function_that_does_not_decode_is_opaque() {
    let content = parse_text(&lambda(r#"["bm90IGNvZGU=", null, null]"#));
    assert_eq!(content.oddities[0].kind, OddityKind::OpaqueCode);
    assert_eq!(content.gaps.len(), 1);
}

#[test]
fn a_function_that_is_only_named_is_a_setting() {
    let named = lambda(
        r#"{"class_name": "function", "config": "rescale", "registered_name": "rescale"}, "function_type": "function""#,
    );
    let content = parse_text(&named);
    assert!(content.programs.is_empty() && content.oddities.is_empty());
    assert_eq!(content.components[1].setting("function.config"), Some("rescale"));
}

#[test]
fn references_outside_keras_are_programs() {
    // The shape of the published exploit for CVE-2025-1550.
    let popen = r#"{"class_name": "function", "config": "Popen", "module": "subprocess", "inbound_nodes": [{"args": [["echo", "hi"]], "kwargs": {"bufsize": -1}}]}"#;
    let content = parse_text(&model(popen));
    let [program] = content.programs.as_slice() else { panic!("one program") };
    assert_eq!(imports(program), ["subprocess.Popen"]);
    assert_eq!(texts(program), ["echo", "hi"]);
    assert_eq!((program.language, program.trigger), (Language::Config, Trigger::Load));
    let Some(OpKind::Call { arguments, keywords, .. }) = program.ops.last().map(|op| &op.kind)
    else {
        panic!("a call")
    };
    assert_eq!((arguments.len(), keywords[0].0.as_str()), (1, "bufsize"));
}

#[test]
fn gadgets_inside_keras_are_programs_and_ordinary_objects_are_not() {
    // CVE-2025-8747: a Lambda layer whose function is the downloader of Keras.
    let gadget = lambda(
        r#"{"class_name": "function", "config": "get_file", "module": "keras.utils"}, "arguments": {"fname": "x", "origin": "https://files.example/x"}"#,
    );
    let content = parse_text(&gadget);
    assert_eq!(imports(&content.programs[0]), ["keras.utils.get_file"]);
    assert!(texts(&content.programs[0]).contains(&"https://files.example/x"));
    assert_eq!(content.programs[0].component.as_deref(), Some("norm"));

    let ordinary = r#"{"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "activation": {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}, "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}}}"#;
    assert!(parse_text(&model(ordinary)).programs.is_empty());
    let exec = ordinary.replace("\"relu\"", "\"exec\"");
    assert_eq!(imports(&parse_text(&model(&exec)).programs[0]), ["builtins.exec"]);
}

#[test]
fn losses_and_metrics_are_looked_at_like_layers() {
    let text = r#"{"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.1}}, "loss": {"module": "os", "class_name": "function", "config": "system"}}"#;
    let mut content = Content::default();
    let source =
        Source { text: Bytes::new(text.as_bytes()), packed: None, place: "training_config" };
    read(&source, &mut content, &mut Budget::default());
    assert_eq!(imports(&content.programs[0]), ["os.system"]);
    assert_eq!(content.programs[0].place, "training_config.loss");
    let path = &content.fields[0].path;
    assert_eq!(path, "training_config.optimizer_config.class_name");
}

#[test]
fn files_outside_and_embedded_files_are_told() {
    let vocabulary = |value: &str| {
        parse_text(&model(&format!(
            r#"{{"class_name": "StringLookup", "config": {{"name": "s", "vocabulary": {value}}}}}"#
        )))
    };
    let kinds = |content: &Content| content.oddities.iter().map(|odd| odd.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&vocabulary(r#""/etc/passwd""#)), [OddityKind::ExternalReference]);
    assert_eq!(kinds(&vocabulary(r#"["a", "b"]"#)), []);
    assert_eq!(kinds(&vocabulary("null")), []);

    let wrapper = r#"{"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"name": "t", "module": "gAJ9cQAu"}}"#;
    let content = parse_text(&model(wrapper));
    assert_eq!(content.children[0].name, "t.module");
    assert!(content.programs.is_empty());
}

#[test]
fn tensorflow_operations_are_told_apart() {
    let operation = |function: &str| {
        parse_text(&model(&format!(
            r#"{{"class_name": "TFOpLambda", "config": {{"name": "op", "function": "{function}"}}, "inbound_nodes": [["x", 0, 0, {{}}]]}}"#
        )))
    };
    assert!(operation("math.multiply").programs.is_empty());
    assert_eq!(imports(&operation("io.write_file").programs[0]), ["tensorflow.io.write_file"]);
}

#[test]
fn both_values_of_a_key_that_stands_twice_are_read() {
    let twice = format!(
        r#"{{"class_name": "__lambda__", "config": {{"code": "{COMMAND}"}}, "config": {{"code": "{SCALE}"}}}}"#
    );
    let content = parse_text(&lambda(&twice));
    assert_eq!(content.oddities[0].kind, OddityKind::DuplicateKey);
    assert_eq!(content.oddities[0].place, "config.layers[0].config.function");
    assert_eq!(content.programs.len(), 2);
}

#[test]
fn the_first_keras_wrote_layers_as_a_list() {
    let text = r#"{"class_name": "Sequential", "keras_version": "1.2.2", "config": [{"class_name": "Dense", "config": {"name": "d", "output_dim": 4}}]}"#;
    let content = parse_text(text);
    assert_eq!(content.components[1].place, "config[0]");
    assert_eq!(content.fields[0].path, "keras_version");
    assert_eq!(identify(Bytes::new(text.as_bytes())), Some(Strength::Strong));
}

#[test]
fn wide_characters_are_read_as_loaders_read_them() {
    let text = model(r#"{"class_name": "Dense", "config": {"name": "d"}}"#);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let content = parse_bytes(&wide);
    assert_eq!(content.components.len(), 2);
    assert_eq!(content.components[1].span.map(|span| span.len), Some(wide.len() as u64));
}

#[test]
fn other_json_is_not_claimed() {
    for text in [r#"{"name": "x"}"#, r#"{"config": {"a": 1}}"#, "[1]", "", r#"{"class_name": 1}"#] {
        assert_eq!(identify(Bytes::new(text.as_bytes())), None, "{text}");
    }
}

#[test]
fn a_long_key_above_many_values_costs_no_more_than_the_file() {
    let values = vec![r#"{"a": 1}"#; 20_000].join(", ");
    let layer = format!(
        r#"{{"class_name": "Dense", "config": {{"name": "d", "{}": [{values}]}}}}"#,
        "k".repeat(100_000)
    );
    let content = parse_text(&model(&layer));
    let kept: usize = content.components[1].settings.iter().map(|field| field.path.len()).sum();
    assert!(kept < 20_000_000, "{kept}");
    let twice = format!("{{{}}}", vec![r#""k": 1"#; 5_000].join(", "));
    assert_eq!(parse_text(&twice).oddities.len(), 1_000);
}

#[test]
fn damaged_configurations_never_panic() {
    let whole = lambda(&format!(r#"["{COMMAND}\n", null, {{"module": "os", "class_name": "x"}}]"#));
    crate::mutations::of(whole.as_bytes(), 3_000, |bytes| {
        identify(Bytes::new(bytes));
        parse_bytes(bytes);
    });
}

#[test]
fn values_beside_the_code_are_bound() {
    let stores = |layer: &str| -> Vec<(String, Constant)> {
        let content = parse_text(&model(layer));
        let program = &content.programs[0];
        let value = |op: &wb_core::Op| match &op.kind {
            OpKind::Store { name, value } => match &program.op(*value)?.kind {
                OpKind::Constant(constant) => Some((name.clone(), constant.clone())),
                _ => None,
            },
            _ => None,
        };
        program.ops.iter().filter_map(value).collect()
    };
    let text = |name: &str, text: &str| (name.to_owned(), Constant::Text(text.to_owned()));
    let keras_2 = format!(
        r#"{{"class_name": "Lambda", "config": {{"name": "n", "function": ["{TWO}", ["; id"], null], "function_type": "lambda", "arguments": {{"c": "echo"}}}}}}"#
    );
    assert_eq!(stores(&keras_2), [text("d", "; id"), text("c", "echo")]);
    let keras_3 = format!(
        r#"{{"class_name": "Lambda", "config": {{"name": "n", "arguments": {{}}, "function": {{"class_name": "__lambda__", "config": {{"code": "{TWO}", "defaults": ["echo", "; id"], "closure": null}}}}}}}}"#
    );
    assert_eq!(stores(&keras_3), [text("c", "echo"), text("d", "; id")]);
    // The arguments of a layer are not those of the function that computes its output shape.
    let shape = format!(
        r#"{{"class_name": "Lambda", "config": {{"name": "n", "arguments": {{"c": "echo"}}, "output_shape": ["{TWO}", null, null], "output_shape_type": "lambda"}}}}"#
    );
    assert_eq!(stores(&shape), []);
}
