use crate::testing::{claims, gaps, has, parse, survive};
use wb_core::{Content, OddityKind};

/// Written by the Python package `rdata`: a list of vectors with attributes.
const REAL: &[u8] = include_bytes!("../../tests/data/real.rds");

/// A stream under construction, in XDR.
struct R(Vec<u8>);

impl R {
    fn new(start: &[u8]) -> Self {
        let mut bytes = start.to_vec();
        bytes.extend(b"X\n");
        Self(bytes).int(2).int(0x0004_0301).int(0x0002_0300)
    }

    fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn chars(mut self, text: &str) -> Self {
        self = self.int(9).int(i32::try_from(text.len()).expect("short"));
        self.0.extend(text.as_bytes());
        self
    }

    fn symbol(self, name: &str) -> Self {
        self.int(1).chars(name)
    }

    fn text(self, text: &str) -> Self {
        self.int(16).int(1).chars(text)
    }

    /// `function("argument")`.
    fn call(self, function: &str, argument: &str) -> Self {
        self.int(6).symbol(function).int(2).text(argument).int(254)
    }

    /// A promise in the global environment; unbound unless it was computed.
    fn promise(self, computed: bool, function: &str, argument: &str) -> Self {
        let start = self.int(5 | 1 << 10).int(253);
        let value = if computed { start.text("done") } else { start.int(252) };
        value.call(function, argument)
    }
}

fn parts(content: &Content) -> Vec<String> {
    let part = |part: &wb_core::Component| format!("{} {}", part.kind, part.setting("expression").unwrap_or_default());
    content.components.iter().map(part).collect()
}

#[test]
fn a_promise_that_was_not_computed_is_told_with_its_expression() {
    let bytes = R::new(b"").promise(false, "system", "id").0;
    assert_eq!(claims(&bytes), "r-data");
    let content = parse("r-data", &bytes);
    assert_eq!(parts(&content), ["promise system(\"id\")"]);
    assert_eq!(content.components[0].setting("calls"), Some("system"));
    assert!(gaps(&content).is_empty());
}

#[test]
fn a_promise_that_was_computed_is_a_value() {
    assert_eq!(parts(&parse("r-data", &R::new(b"").promise(true, "system", "id").0)), [""; 0]);
}

#[test]
fn closures_and_objects_have_their_names() {
    // list(.First = function() system("id"))
    let bytes = R::new(b"RDX2\n").int(2 | 1 << 10).symbol(".First").int(3 | 1 << 10).int(253).int(254);
    let bytes = bytes.call("system", "id").int(254).0;
    assert_eq!(claims(&bytes), "r-data");
    let content = parse("r-data", &bytes);
    assert_eq!(parts(&content), ["closure system(\"id\")"]);
    assert_eq!(content.components[0].name, ".First");
    assert!(content.fields.iter().any(|field| field.path == "object" && field.value == ".First"));
}

#[test]
fn text_form_and_native_form_are_read() {
    let text = b"A\n2\n262913\n131840\n5\n252\n6\n1\n9\n6\nsystem\n2\n16\n1\n9\n4\nls\\040/\n254\n";
    assert_eq!(claims(text), "r-data");
    let content = parse("r-data", text);
    assert_eq!(parts(&content), ["promise system(\"ls /\")"], "{content:?}");
    let native: Vec<u8> = [2_i32, 0x0004_0301, 0x0002_0300, 254].into_iter().flat_map(i32::to_le_bytes).collect();
    assert_eq!(claims(&[b"B\n".to_vec(), native].concat()), "r-data");
}

#[test]
fn a_file_that_a_library_wrote_is_read() {
    let bytes = parse("gzip", REAL);
    let wb_core::ChildData::Owned(inner) = &bytes.children[0].data else { panic!("decoded") };
    assert_eq!(claims(inner), "r-data");
    let content = parse("r-data", inner);
    assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    assert!(content.texts.iter().any(|text| text.value == "a word of some length"));
}

#[test]
fn streams_that_break_off_or_go_on_say_so() {
    let mut bytes = R::new(b"").promise(false, "system", "id").0;
    bytes.extend(b"tail");
    assert!(has(&parse("r-data", &bytes), OddityKind::TrailingBytes));
    let cut = &bytes[..bytes.len() - 20];
    assert!(has(&parse("r-data", cut), OddityKind::Malformed));
    assert_eq!(claims(b"A\nB\nC\n"), "");
    assert_eq!(claims(b"X\nnothing"), "");
}

#[test]
fn damage_is_survived() {
    survive("r-data", &R::new(b"").promise(false, "system", "id").0);
    survive("r-data", &R::new(b"RDX2\n").int(2 | 1 << 10).symbol("x").promise(false, "eval", "1").int(254).0);
}
