use super::*;
use wb_core::ArtifactPath;

/// Writes GGUF as llama.cpp does: little endian, version 3.
#[derive(Default)]
struct Recipe {
    entries: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: usize,
}

fn string(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(text.as_bytes());
    out
}

impl Recipe {
    fn entry(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.entries.push([string(key), kind.to_le_bytes().to_vec(), value.to_vec()].concat());
        self
    }

    fn text(self, key: &str, value: &str) -> Self {
        self.entry(key, 8, &string(value))
    }

    fn tensor(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        let axes = u32::try_from(shape.len()).unwrap().to_le_bytes().to_vec();
        let sizes = shape.iter().flat_map(|size| size.to_le_bytes()).collect();
        let parts =
            [string(name), axes, sizes, kind.to_le_bytes().to_vec(), offset.to_le_bytes().to_vec()];
        self.tensors.push(parts.concat());
        self
    }

    fn data(mut self, len: usize) -> Self {
        self.data = len;
        self
    }

    fn build(&self) -> Vec<u8> {
        let mut out = b"GGUF\x03\0\0\0".to_vec();
        out.extend_from_slice(&(self.tensors.len() as u64).to_le_bytes());
        out.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        out.extend(self.entries.concat());
        out.extend(self.tensors.concat());
        out.resize(out.len().next_multiple_of(32) + self.data, 0);
        out
    }
}

fn read(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("m.gguf");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

fn check(recipe: &Recipe, expected: &[OddityKind]) -> Content {
    let bytes = recipe.build();
    assert_eq!(identify(Bytes::new(&bytes)), Some(Strength::Strong));
    let content = read(&bytes);
    let kinds: Vec<OddityKind> = content.oddities.iter().map(|oddity| oddity.kind).collect();
    assert_eq!(kinds, expected, "{:?}", content.oddities);
    content
}

fn value<'a>(content: &'a Content, path: &str) -> Option<&'a str> {
    content.fields.iter().find(|field| field.path == path).map(|field| field.value.as_str())
}

#[test]
fn metadata_of_every_type_is_listed() {
    let array = |kind: u32, count: u64, data: &[u8]| {
        [kind.to_le_bytes().to_vec(), count.to_le_bytes().to_vec(), data.to_vec()].concat()
    };
    let recipe = Recipe::default()
        .text("general.name", "tiny")
        .entry("a.u8", 0, &[200])
        .entry("a.i8", 1, &[0xff])
        .entry("a.i32", 5, &(-7_i32).to_le_bytes())
        .entry("a.f32", 6, &1.5_f32.to_le_bytes())
        .entry("a.bool", 7, &[1])
        .entry("a.u64", 10, &u64::MAX.to_le_bytes())
        .entry("a.list", 9, &array(4, 2, &[1, 0, 0, 0, 2, 0, 0, 0]))
        .entry("a.long", 9, &array(4, 40, &[0; 160]))
        .entry("a.words", 9, &array(8, 2, &[string("x"), string("y")].concat()));
    let content = check(&recipe, &[]);
    let expected = [
        ("gguf.version", "3 (little endian)"),
        ("general.name", "tiny"),
        ("a.u8", "200"),
        ("a.i8", "-1"),
        ("a.i32", "-7"),
        ("a.f32", "1.5"),
        ("a.bool", "true"),
        ("a.u64", "18446744073709551615"),
        ("a.list", "[1, 2]"),
        ("a.long", "[40 of uint32]"),
        ("a.words", "[\"x\", \"y\"]"),
    ];
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
    assert_eq!(fields, expected);
}

#[test]
fn chat_templates_are_programs_and_other_texts_are_not() {
    let recipe = Recipe::default()
        .text("tokenizer.chat_template", "{{ messages[0].content }}")
        .text("tokenizer.chat_template.tool_use", "{{ x }}")
        .text("general.description", "{{ not a template }}");
    let content = check(&recipe, &[]);
    let places: Vec<&str> = content.programs.iter().map(|program| program.place.as_str()).collect();
    assert_eq!(places, ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"]);
    let span = content.programs[0].span;
    let bytes = recipe.build();
    let text = Bytes::new(&bytes).at_span(span).expect("inside");
    assert_eq!(text.as_slice(), b"{{ messages[0].content }}");
}

#[test]
fn tensors_have_shape_type_and_place() {
    let recipe =
        Recipe::default().tensor("a", &[256, 2], 12, 0).tensor("b", &[3], 0, 288).data(300);
    let content = check(&recipe, &[]);
    let a = &content.tensors[0];
    assert_eq!((a.dtype.as_str(), a.shape.as_slice()), ("Q4_K", &[2, 256][..]));
    assert_eq!(a.span.map(|span| span.len), Some(288));
}

#[test]
fn tensor_entries_that_cannot_be_true_are_told() {
    use OddityKind::{
        DuplicateName, ImpossibleLength, Malformed, Overlap, TrailingBytes, Truncated,
    };
    let base = Recipe::default;
    check(&base().tensor("w", &[8], 0, 0).data(16), &[Truncated]);
    check(&base().tensor("w", &[1 << 40, 1 << 40], 0, 0).data(16), &[ImpossibleLength]);
    check(&base().tensor("w", &[100], 12, 0).data(64), &[ImpossibleLength]);
    check(&base().tensor("w", &[8], 99, 0).data(32), &[Malformed]);
    check(&base().tensor("w", &[8], 0, 8).data(40), &[Malformed]);
    check(&base().tensor("w", &[1; 5], 0, 0).data(4), &[ImpossibleLength]);
    check(&base().tensor("w", &[8], 0, 0).data(200), &[TrailingBytes]);
    check(&base().tensor("w", &[16], 0, 0).tensor("v", &[16], 0, 32).data(96), &[Overlap]);
    check(&base().tensor("w", &[8], 0, 0).tensor("w", &[8], 0, 32).data(64), &[DuplicateName]);
    // Padding of up to one alignment behind the last tensor is what writers leave.
    check(&base().tensor("w", &[1], 0, 0).data(32), &[]);
}

#[test]
fn alignment_and_duplicates_are_told() {
    let odd = Recipe::default().entry("general.alignment", 4, &0_u32.to_le_bytes());
    check(&odd, &[OddityKind::Malformed]);
    let wide = Recipe::default().entry("general.alignment", 4, &64_u32.to_le_bytes());
    check(&wide, &[]);
    let twice = Recipe::default().text("k", "a").text("k", "b");
    let content = check(&twice, &[OddityKind::DuplicateKey]);
    assert_eq!(content.fields.len(), 3);
}

#[test]
fn impossible_counts_do_not_hide_what_is_there() {
    let mut bytes = Recipe::default().text("tokenizer.chat_template", "{{ x }}").build();
    bytes[16..24].copy_from_slice(&(1_u64 << 63).to_le_bytes());
    let content = read(&bytes);
    assert_eq!(value(&content, "tokenizer.chat_template"), Some("{{ x }}"));
    assert_eq!(content.oddities[0].kind, OddityKind::ImpossibleLength);
    assert_eq!(content.gaps.len(), 1);
}

#[test]
fn old_and_big_endian_files_are_read() {
    let mut big = b"GGUF".to_vec();
    big.extend_from_slice(&2_u32.to_be_bytes());
    big.extend_from_slice(&0_u64.to_be_bytes());
    big.extend_from_slice(&1_u64.to_be_bytes());
    big.extend_from_slice(&1_u64.to_be_bytes());
    big.extend_from_slice(b"k");
    big.extend_from_slice(&4_u32.to_be_bytes());
    big.extend_from_slice(&258_u32.to_be_bytes());
    assert_eq!(value(&read(&big), "k"), Some("258"));
    assert_eq!(value(&read(&big), "gguf.version"), Some("2 (big endian)"));

    let mut first = b"GGUF\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0k\x08\0\0\0".to_vec();
    first.extend_from_slice(b"\x02\0\0\0hi");
    assert_eq!(value(&read(&first), "k"), Some("hi"));
    assert_eq!(identify(Bytes::new(b"GGUF\x63\0\0\0")), Some(Strength::Weak));
    assert_eq!(identify(Bytes::new(b"GGML\x03\0\0\0")), None);
}

#[test]
fn damaged_files_never_panic() {
    let whole = Recipe::default()
        .text("tokenizer.chat_template", "{{ x }}")
        .entry("l", 9, &[&[8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &string("tok")].concat())
        .tensor("w", &[32, 2], 2, 0)
        .data(36)
        .build();
    crate::mutations::of(&whole, 4_000, |bytes| {
        read(bytes);
    });
}
