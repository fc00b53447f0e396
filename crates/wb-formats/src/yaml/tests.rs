use crate::testing::{claims, gaps, oddities, parse, survive};
use wb_core::{ArtifactPath, Bytes, OpKind};

fn fields(text: &str) -> Vec<String> {
    let content = parse("yaml", text.as_bytes());
    content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect()
}

/// What is imported, per program.
fn imports(text: &str) -> Vec<String> {
    let content = parse("yaml", text.as_bytes());
    let ops = content.programs.iter().flat_map(|program| &program.ops);
    ops.filter_map(|op| match &op.kind {
        OpKind::Import { module, name } => Some(format!("{module}.{name}")),
        _ => None,
    })
    .collect()
}

#[test]
fn a_document_becomes_fields_with_their_bytes() {
    let text = "a: 1\nb:\n  - caf\u{e9}\n  - {c: 'x y'}\n";
    assert_eq!(fields(text), ["a=1", "b[0]=caf\u{e9}", "b[1].c=x y"]);
    let content = parse("yaml", text.as_bytes());
    let last = content.fields.last().and_then(|field| field.span).expect("a span");
    assert_eq!(Bytes::new(text.as_bytes()).at_span(last).expect("inside").as_slice(), b"'x y'");
}

#[test]
fn anchors_are_followed_and_merged() {
    let text = "base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nlist: [*b, *b]\n";
    let expected = ["own.y=3", "own.x=1"];
    let found = fields(text);
    assert!(expected.iter().all(|field| found.iter().any(|one| one == field)), "{found:?}");
    assert!(found.contains(&"list[1].y=2".to_owned()));
}

#[test]
fn laughs_are_bounded() {
    let mut text = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (one, before) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        text.push_str(&format!("{one}: &{one} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    let content = parse("yaml", text.as_bytes());
    assert!(gaps(&content).contains(&"aliases stand for more than is followed"));
}

#[test]
fn deep_nesting_is_a_gap() {
    let text = format!("a: {}{}", "[".repeat(150), "]".repeat(150));
    let content = parse("yaml", text.as_bytes());
    assert!(!content.gaps.is_empty(), "{content:?}");
}

#[test]
fn a_file_is_known_by_what_it_instantiates_or_by_its_name() {
    assert_eq!(claims(b"a:\n  _target_: os.system\n"), "(yaml)");
    assert_eq!(claims(b"a: !!python/name:os.system\n"), "(yaml)");
    assert_eq!(claims(b"a: 1\n"), "");
    assert_eq!(claims(b"the key _target_: is explained here: and: there\n  - x"), "");
    let path = ArtifactPath::from("conf/model.yaml");
    let named = |text: &[u8]| crate::identify_named(Bytes::new(text), &path).len();
    assert_eq!((named(b"a: 1\n"), named(b"only words"), named(b"a: [")), (1, 0, 0));
}

#[test]
fn targets_and_tags_are_imports() {
    assert_eq!(imports("a:\n  - _target_: os.system\n    command: id\n"), ["os.system"]);
    assert_eq!(imports("f: os.system\na:\n  _target_: ${f}\n"), ["os.system"]);
    assert_eq!(imports("m: os\na:\n  _target_: ${m}.system\n"), ["os.system"]);
    assert_eq!(imports("a: !!python/object/apply:os.system [id]\n"), ["os.system"]);
    assert_eq!(imports("a: {_target_: os.system, _partial_: true}\n"), ["os.system", "functools.partial"]);
    assert_eq!(imports("a: {class_path: x.Y, init_args: {b: {class_path: z.W}}}\n"), ["x.Y", "z.W"]);
    assert_eq!(imports("a: ${oc.env:TOKEN,none}\n"), ["os.environ"]);
    assert_eq!(imports("target: os.system\nclass_path: models/x\n"), Vec::<String>::new());
}

#[test]
fn what_is_read_before_a_fault_counts() {
    let content = parse("yaml", b"a:\n  _target_: os.system\nb: [1, 2\nc: }\n");
    assert_eq!(oddities(&content).len(), 1);
    assert_eq!(content.programs.len(), 1);
}

#[test]
fn damage_is_survived() {
    survive("yaml", b"%TAG !p! tag:yaml.org,2002:python/\n---\na: &x !p!name:os.system {b: [1, *x]}\n<<: *x\n? [k]\n: |\n  text\n");
}
