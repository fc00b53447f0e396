use crate::testing::{claims, gaps, oddities, parse, survive};
use wb_core::Bytes;

const NET: &str = "name: \"net\"  # a comment\nlayer {\n  name: 'data' type: \"Python\"\n  top: \"a\" top: \"b\"\n  \
    python_param { module: \"own_layer\" layer: \"Own\" }\n}\nlayer < name: \"ip\" inner_product_param { num_output: 10 } >\n";

fn fields(text: &str) -> Vec<String> {
    let content = parse("pbtxt", text.as_bytes());
    content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect()
}

#[test]
fn fields_are_read_with_their_bytes() {
    assert_eq!(claims(NET.as_bytes()), "(pbtxt)");
    let content = parse("pbtxt", NET.as_bytes());
    let field = content.fields.iter().find(|field| field.value == "10").expect("read");
    assert_eq!(field.path, "layer.inner_product_param.num_output");
    let bytes = Bytes::new(NET.as_bytes()).at_span(field.span.expect("a span")).expect("inside");
    assert_eq!(bytes.as_slice(), b"10");
    assert_eq!(
        fields("a: 'x' \"y\\n\\101\\x42\" b: [1, 2.5e-3] c { } [own.field]: true d: -inf;\n"),
        ["a=xy\nAB", "b[0]=1", "b[1]=2.5e-3", "c={}", "own.field=true", "d=-inf"]
    );
}

#[test]
fn layers_of_python_are_code_in_another_place() {
    let content = parse("pbtxt", NET.as_bytes());
    let [layer] = content.components.as_slice() else { panic!("{:?}", content.components) };
    assert_eq!((layer.module.as_deref(), layer.class.as_str()), (Some("own_layer"), "Own"));
}

#[test]
fn checkpoints_in_other_folders_are_told() {
    let text = "model_checkpoint_path: \"/srv/other/model.ckpt-1\"\n";
    assert_eq!(claims(text.as_bytes()), "(pbtxt)");
    assert_eq!(oddities(&parse("pbtxt", text.as_bytes())).len(), 1);
    assert!(oddities(&parse("pbtxt", b"model_checkpoint_path: \"model.ckpt-1\"\n")).is_empty());
}

#[test]
fn environments_and_models_of_triton_outside_the_folder_are_told() {
    let model = |path: &str, file: &str| {
        let text = format!(
            "max_batch_size: 8 backend: \"python\" default_model_filename: \"{file}\"\n\
             parameters: {{ key: \"FORCE_CPU\", value: {{ string_value: \"yes\" }} }}\n\
             parameters: {{ key: \"EXECUTION_ENV_PATH\", value: {{ string_value: \"{path}\" }} }}\n"
        );
        assert_eq!(claims(text.as_bytes()), "(pbtxt)");
        oddities(&parse("pbtxt", text.as_bytes()))
    };
    assert_eq!(model("$$TRITON_MODEL_DIRECTORY/env.tar.gz", "model.py"), Vec::<String>::new());
    for path in ["/srv/env.tar.gz", "$$TRITON_MODEL_DIRECTORY/../env.tar.gz", "s3://bucket.example/env.tar.gz"] {
        assert_eq!(model(path, "model.py"), ["external-reference EXECUTION_ENV_PATH"], "{path}");
    }
    assert_eq!(model("env.tar.gz", "../../x.py"), ["external-reference default_model_filename"]);
}

#[test]
fn what_is_no_message_is_not_taken() {
    for text in ["max_batch_size: 8\nthen words\n", "# layer {\nprose: goes on here\n", "model_checkpoint_path:\n  - a\n"] {
        assert_eq!(claims(text.as_bytes()), "", "{text:?}");
    }
    assert!(!gaps(&parse("pbtxt", b"a: 1 b { c: ")).is_empty());
    let deep = "a {".repeat(5_000);
    assert!(!gaps(&parse("pbtxt", deep.as_bytes())).is_empty());
}

#[test]
fn any_bytes_are_survived() {
    survive("pbtxt", NET.as_bytes());
}
