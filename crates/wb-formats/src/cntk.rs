//! CNTK models of version 2: a `Dictionary` of values, in which functions are dictionaries in their turn.
//!
//! Specification: `Source/CNTKv2LibraryDll/proto/CNTK.proto` in `microsoft/CNTK`; functions written in Python:
//! `bindings/python/cntk/ops/functions.py` (`UserFunction.serialize`).

use crate::protobuf::{Field as Wire, Fields, Value, Walk, below, each, text};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, CallStyle, Component, Content, Field, OpKind, Program, Span, Strength,
    Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "CNTK model",
    endings: &[".cntk", ".dnn"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Keys that the dictionary of a model has.
const KEYS: [&[u8]; 7] =
    [b"uid", b"root", b"root_uid", b"inputs", b"primitive_functions", b"rng_seed", b"rng_offset"];

/// A version, then entries of a map with a key of a model.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut fields = Fields::of(input);
    match fields.next().ok()?? {
        Wire { number: 1, value: Value::Varint(1..=64), .. } => {}
        _ => return None,
    }
    for _ in 0..16 {
        let field = fields.next().ok()??;
        let (2, Value::Bytes(entry)) = (field.number, field.value) else { return None };
        let mut entry = Fields::of(entry);
        let key = entry.next().ok()??;
        let value = entry.next().ok()??;
        let (1, Value::Bytes(key), 2, Value::Bytes(_)) = (key.number, key.value, value.number, value.value)
        else {
            return None;
        };
        if KEYS.contains(&key.as_slice()) {
            return Some(Strength::Strong);
        }
    }
    None
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::new(budget);
    let mut content = Content::default();
    dictionary(input, "model", &mut content, &mut walk);
    let notes = walk.notes;
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// The strings of one dictionary, by key.
#[derive(Default)]
struct Strings(Vec<(String, String, Span)>);

impl Strings {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, ..)| known == key).map(|(_, value, _)| value.as_str())
    }
}

fn dictionary(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut strings = Strings::default();
    let mut operator = None;
    each(bytes, place, walk, |field, walk| {
        let (2, Some(entry)) = (field.number, field.bytes()) else { return };
        let (mut key, mut inner) = (String::new(), None);
        each(entry, place, walk, |field, _| match (field.number, field.bytes()) {
            (1, Some(bytes)) => key = text(bytes),
            (2, Some(bytes)) => inner = Some(bytes),
            _ => {}
        });
        let Some(inner) = inner else { return };
        let here = below(place, &key);
        value(inner, &here, content, walk, &mut |found, span| match found {
            Found::Text(text) => strings.0.push((key.clone(), text, span)),
            Found::Number(number) if key == "op" => operator = Some(number),
            Found::Number(_) => {}
        });
    });
    if operator.is_some() || strings.get("type").is_some_and(|kind| kind.ends_with("Function")) {
        function(bytes.span(), place, &strings, operator, content, walk);
    }
    for (key, value, span) in strings.0 {
        if walk.keeps(span) {
            content.fields.push(Field { path: below(place, &key), value, span: Some(span) });
        }
    }
}

enum Found {
    Text(String),
    Number(u64),
}

/// A `DictionaryValue`: text and numbers are handed back, lists and dictionaries are read on.
fn value(
    bytes: Bytes<'_>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
    found: &mut dyn FnMut(Found, Span),
) {
    each(bytes, place, walk, |field, walk| match (field.number, field.value) {
        (4 | 5, Value::Varint(number)) => found(Found::Number(number), field.span),
        (8, Value::Bytes(bytes)) => found(Found::Text(text(bytes)), field.span),
        (11, Value::Bytes(list)) => {
            let mut index = 0_usize;
            each(list, place, walk, |field, walk| {
                if let (1, Some(item)) = (field.number, field.bytes()) {
                    let place = format!("{place}[{index}]");
                    index = index.saturating_add(1);
                    value(item, &place, content, walk, &mut |_, _| {});
                }
            });
        }
        (12, Value::Bytes(inner)) => dictionary(inner, place, content, walk),
        _ => {}
    });
}

/// A function; one that was written in Python names the module and the class that it is rebuilt from.
fn function(
    span: Span,
    place: &str,
    strings: &Strings,
    operator: Option<u64>,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    if !walk.keeps(span) {
        return;
    }
    let name = strings.get("name").or_else(|| strings.get("uid")).unwrap_or_default().to_owned();
    let module = strings.get("module").or_else(|| strings.get("deserialize_method"));
    let class = strings.get("class").map(str::to_owned);
    let kind = strings.get("type").unwrap_or_default();
    let node = Component {
        kind: "node",
        name,
        class: class.clone().or_else(|| operator.map(|op| format!("op {op}"))).unwrap_or_else(|| kind.to_owned()),
        module: module.map(str::to_owned),
        place: place.to_owned(),
        span: Some(span),
        settings: Vec::new(),
    };
    if let Some((module, class)) = module.zip(class) {
        content.programs.push(lift(&node, module, class, span));
    }
    content.components.push(node);
}

/// CNTK imports the module and creates the class when the model is loaded.
fn lift(node: &Component, module: &str, class: String, span: Span) -> Program {
    let mut program = Program::of_component(node, Trigger::Load, span);
    let callee = program.step(span, OpKind::Import { module: module.to_owned(), name: class });
    let (arguments, keywords, style) = (Vec::new(), Vec::new(), CallStyle::Call);
    program.step(span, OpKind::Call { callee, arguments, keywords, style });
    program
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::{Message, message};
    use crate::testing::{claims, parse, survive};
    use wb_core::OpKind;

    fn entry(key: &str, value: &Message) -> Message {
        message().text(1, key).child(2, value)
    }

    fn words(pairs: &[(&str, &str)]) -> Message {
        let start = message().int(1, 1);
        let add = |words: Message, (key, value): &(&str, &str)| words.child(2, &entry(key, &text(value)));
        pairs.iter().fold(start, add)
    }

    fn text(text: &str) -> Message {
        message().int(1, 1).int(2, 6).text(8, text)
    }

    fn model(function: &Message) -> Vec<u8> {
        let list = message().child(1, &message().child(12, function));
        message()
            .int(1, 1)
            .child(2, &entry("primitive_functions", &message().int(1, 1).child(11, &list)))
            .child(2, &entry("uid", &text("Composite1")))
            .0
    }

    #[test]
    fn functions_are_components() {
        let dense = words(&[("uid", "Times3"), ("type", "PrimitiveFunction")]).child(2, &entry("op", &message().int(5, 31)));
        let bytes = model(&dense);
        assert_eq!(claims(&bytes), "cntk");
        let content = parse("cntk", &bytes);
        let node = &content.components[0];
        assert_eq!((&*node.name, &*node.class), ("Times3", "op 31"));
        assert!(content.programs.is_empty());
        assert!(content.fields.iter().any(|field| field.value == "Composite1"));
    }

    #[test]
    fn a_function_written_in_python_is_a_call_of_its_class() {
        let own = words(&[("type", "UserFunction"), ("module", "os"), ("class", "system"), ("uid", "U")]);
        let content = parse("cntk", &model(&own));
        let import = OpKind::Import { module: "os".to_owned(), name: "system".to_owned() };
        assert!(content.programs[0].ops.iter().any(|op| op.kind == import));
    }

    #[test]
    fn damage_is_survived() {
        survive("cntk", &model(&words(&[("type", "UserFunction"), ("module", "m"), ("class", "C")])));
    }
}
