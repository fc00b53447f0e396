use crate::testing::{claims, gaps, oddities, parse, survive};
use wb_core::{Language, OpKind};

#[test]
fn a_document_becomes_fields() {
    let text = br#"{"model_type": "x", "auto_map": {"AutoModel": "modeling_x.X"}, "sizes": [1, {"a": null}], "e": {}}"#;
    assert_eq!(claims(text), "(json)");
    let content = parse("json", text);
    let fields: Vec<String> =
        content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect();
    assert_eq!(
        fields,
        ["model_type=x", "auto_map.AutoModel=modeling_x.X", "sizes[0]=1", "sizes[1].a=null", "e={}"]
    );
}

#[test]
fn lines_of_json_and_broken_json_are_not_claimed() {
    for text in ["{\"a\": 1}\n{\"b\": 2}\n", "{\"a\": 1", "[1, 2", "{a: 1}", "\"text\"", "[INFO] x [y]"] {
        assert_eq!(claims(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn a_key_may_stand_twice() {
    assert_eq!(oddities(&parse("json", br#"{"a": 1, "a": 2}"#)), ["duplicate-key"]);
}

#[test]
fn chat_templates_are_programs() {
    let one = br#"{"chat_template": "{{ messages }}"}"#;
    let several = br#"{"chat_template": [{"name": "default", "template": "{{ messages }}"}]}"#;
    for (text, place) in [(&one[..], "chat_template"), (&several[..], "chat_template[0].template")] {
        let content = parse("json", text);
        assert_eq!((content.programs.len(), content.programs[0].place.as_str()), (1, place));
        assert_eq!(content.programs[0].language, Language::Jinja);
    }
    assert_eq!(parse("json", br#"{"template": "{{ messages }}"}"#).programs.len(), 0);
}

#[test]
fn targets_are_calls() {
    let hydra = br#"{"model": {"_target_": "os.system", "_args_": ["id"], "command": "x", "_partial_": true}}"#;
    let content = parse("json", hydra);
    let ops = &content.programs[0].ops;
    assert_eq!(content.programs[0].place, "model");
    assert!(ops.iter().any(|op| {
        op.kind == OpKind::Import { module: "os".to_owned(), name: "system".to_owned() }
    }));
    assert!(ops.iter().any(|op| {
        matches!(&op.kind, OpKind::Call { arguments, keywords, .. } if arguments.len() == 2 && keywords.len() == 1)
    }));
    let jsonpickle = br#"{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["id"]}]}"#;
    assert_eq!(parse("json", jsonpickle).programs.len(), 1);
    assert_eq!(parse("json", br#"{"target": "os.system"}"#).programs.len(), 0);
}

#[test]
fn a_vocabulary_is_read_to_its_end_for_addresses_and_keys() {
    let words: String = (0..50_000).map(|n| format!("\"w{n}\": \"{n}\", ")).collect();
    let text = format!("{{{words}\"note\": \"see https://models.example/x\", \"prose\": \"some words, of which a key is none\"}}");
    let content = parse("json", text.as_bytes());
    assert!(content.gaps.is_empty(), "{:?}", content.gaps);
    let last = content.fields.last().expect("fields");
    assert_eq!((&*last.path, content.fields.len()), ("note", 20_001));
    let many: String = (0..50_000).map(|n| format!("\"https://models.example/{n}\", ")).collect();
    assert_eq!(gaps(&parse("json", format!("[{many}1]").as_bytes())).len(), 1);
}

#[test]
fn damage_is_survived() {
    survive("json", br#"{"chat_template": "{{ a }}", "m": {"_target_": "os.system", "x": [1, {"a": null}]}}"#);
}
