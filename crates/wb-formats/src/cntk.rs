//! CNTK models of version 2: a `Dictionary` of values, in which functions are dictionaries in their turn.
//!
//! Specification: `Source/CNTKv2LibraryDll/proto/CNTK.proto` in `microsoft/CNTK`; functions written in Python:
//! `bindings/python/cntk/ops/functions.py` (`UserFunction.serialize`).

use crate::protobuf::{Field as Wire, Fields, Value, Walk, below, each, text, varints};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, CallStyle, Component, Content, Field, OddityKind, OpKind, Program, Span, Strength,
    Tensor, Trigger,
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

    /// What CNTK imports: the class, and the module that it is taken from.
    fn python(&self) -> Option<Python> {
        let module = self.get("module").or_else(|| self.get("deserialize_method"))?.to_owned();
        Some(Python { module, class: self.get("class")?.to_owned() })
    }
}

/// A class that was written in Python.
struct Python {
    module: String,
    class: String,
}

/// Key of the dictionary in a user function that names its class.
const STATE: &str = "user_defined_state";

/// Reads a dictionary; returns the class that it names.
fn dictionary(
    bytes: Bytes<'_>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) -> Option<Python> {
    let (mut strings, mut arrays) = (Strings::default(), Vec::new());
    let (mut operator, mut state) = (None, None);
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
            Found::Class(class) if key == STATE => state = Some(class),
            Found::Class(_) => {}
            Found::Array(array) => arrays.push((here.clone(), array)),
        });
    });
    let kind = strings.get("type");
    if operator.is_some() || state.is_some() || kind.is_some_and(|kind| kind.ends_with("Function")) {
        let python = state.or_else(|| strings.python());
        function(bytes.span(), place, &strings, operator, python, content, walk);
    }
    for (here, array) in arrays {
        tensor(array, &strings, here, content, walk);
    }
    let python = strings.python();
    for (key, value, span) in strings.0 {
        if walk.keeps(span) {
            content.fields.push(Field { path: below(place, &key), value, span: Some(span) });
        }
    }
    python
}

enum Found<'a> {
    Text(String),
    Number(u64),
    Class(Python),
    Array(Bytes<'a>),
}

/// A `DictionaryValue`: what stands alone is handed back, lists and dictionaries are read on.
fn value<'a>(
    bytes: Bytes<'a>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
    found: &mut dyn FnMut(Found<'a>, Span),
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
        (12, Value::Bytes(inner)) => {
            if let Some(class) = dictionary(inner, place, content, walk) {
                found(Found::Class(class), field.span);
            }
        }
        (13, Value::Bytes(array)) => found(Found::Array(array), field.span),
        _ => {}
    });
}

/// An `NDArrayView`, the value of the parameter or constant whose dictionary holds it. Its shape begins with
/// the axis that lies closest together.
fn tensor(
    array: Bytes<'_>,
    strings: &Strings,
    place: String,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    let (mut dtype, mut dense) = ("Unknown", true);
    let (mut shape, mut data) = (Vec::new(), None);
    each(array, &place, walk, |field, walk| match (field.number, field.value) {
        (1, Value::Varint(number)) => dtype = name_of(number),
        (2, Value::Varint(number)) => dense = number == 0,
        (3, Value::Bytes(sizes)) => each(sizes, &place, walk, |field, _| {
            if field.number == 1 {
                shape.extend(varints(field.value, 32));
            }
        }),
        (4..=7, Value::Bytes(values)) => each(values, &place, walk, |field, _| {
            if field.number == 1 {
                data = field.bytes();
            }
        }),
        _ => {}
    });
    if !walk.keeps(array.span()) {
        return;
    }
    shape.reverse();
    let span = data.filter(|_| dense).map(|data| data.span());
    let name = strings.get("name").filter(|name| !name.is_empty()).or_else(|| strings.get("uid"));
    let name = name.map_or(place, str::to_owned);
    content.tensors.push(Tensor { name, dtype: dtype.to_owned(), shape, span, strides: None });
}

/// `NDArrayView.DataType`.
const fn name_of(number: u64) -> &'static str {
    match number {
        1 => "Float",
        2 => "Double",
        4 => "Float16",
        5 => "Int8",
        6 => "Int16",
        _ => "Unknown",
    }
}

/// A function; one that was written in Python names the module and the class that it is rebuilt from.
fn function(
    span: Span,
    place: &str,
    strings: &Strings,
    operator: Option<u64>,
    python: Option<Python>,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    if !walk.keeps(span) {
        return;
    }
    let name = strings.get("name").filter(|name| !name.is_empty()).or_else(|| strings.get("uid"));
    let kind = strings.get("type").unwrap_or_default();
    let class = python.as_ref().map(|python| python.class.clone());
    let node = Component {
        kind: "node",
        name: name.unwrap_or_default().to_owned(),
        class: class
            .or_else(|| operator.map(|op| format!("op {op}")))
            .unwrap_or_else(|| kind.to_owned()),
        module: python.as_ref().map(|python| python.module.clone()),
        place: place.to_owned(),
        span: Some(span),
        settings: Vec::new(),
    };
    if let Some(python) = python {
        content.programs.push(lift(&node, &python, span));
        content.programs.extend(written_out(&node, &python, span, walk));
    }
    content.components.push(node);
}

/// CNTK imports the module and creates the class when the model is loaded.
fn lift(node: &Component, python: &Python, span: Span) -> Program {
    let mut program = Program::of_component(node, Trigger::Load, span);
    let (module, name) = (python.module.clone(), python.class.clone());
    let callee = program.step(span, OpKind::Import { module, name });
    let (arguments, keywords, style) = (Vec::new(), Vec::new(), CallStyle::Call);
    program.step(span, OpKind::Call { callee, arguments, keywords, style });
    program
}

/// CNTK writes the import down as source and runs that (`_UDFDeserializeCallbackWrapper` in
/// `bindings/python/cntk/internal/__init__.py`): names that are more than names are code.
fn written_out(
    node: &Component,
    python: &Python,
    span: Span,
    walk: &mut Walk<'_>,
) -> Option<Program> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let is_name = |name: &str| name.chars().all(is_part);
    if python.module.split('.').all(is_name) && is_name(&python.class) {
        return None;
    }
    let source = format!("from {} import {}", python.module, python.class);
    let Some(mut program) = wb_code::python::lift(&source, Trigger::Load, walk.budget) else {
        let what = "the module and class of a user function are no names, and no code that parses";
        walk.notes.odd(OddityKind::Malformed, &node.place, Some(span), what);
        return None;
    };
    program.place.clone_from(&node.place);
    program.component = Some(node.name.clone());
    program.stand_at(span);
    Some(program)
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::{Message, message};
    use crate::testing::{claims, oddities, parse, survive};
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

    /// A user function as CNTK 2.7 saves it: the class stands in a dictionary of its own.
    fn saved(module: &str, class: &str) -> Vec<u8> {
        let state = words(&[("class", class), ("module", module), ("op_name", "op")]);
        let state = entry("user_defined_state", &message().int(1, 2).int(2, 10).child(12, &state));
        let own = words(&[("type", "UserDefinedFunction"), ("name", ""), ("uid", "U")]);
        model(&own.child(2, &state))
    }

    #[test]
    fn the_class_of_a_function_stands_in_its_state() {
        let content = parse("cntk", &saved("helpers.layers", "Double"));
        let node = &content.components[0];
        assert_eq!((&*node.name, node.module.as_deref()), ("U", Some("helpers.layers")));
        let module = "helpers.layers".to_owned();
        let import = OpKind::Import { module, name: "Double".to_owned() };
        assert_eq!(content.programs.len(), 1);
        assert_eq!(content.programs[0].ops[0].kind, import);
    }

    #[test]
    fn names_that_are_code_are_run() {
        for (module, class) in [
            ("os", "system; system('id')"),
            ("os import system\nsystem('id')\nfrom os", "x"),
        ] {
            let content = parse("cntk", &saved(module, class));
            let code = &content.programs[1].ops;
            assert!(code.iter().any(|op| matches!(op.kind, OpKind::Call { .. })), "{class}");
        }
        let content = parse("cntk", &saved("os", "sys tem"));
        assert_eq!((content.programs.len(), oddities(&content).len()), (1, 1));
    }

    #[test]
    fn parameters_are_tensors() {
        let shape = message().bytes(1, &[2, 3]);
        let array = message().int(1, 1).child(3, &shape).child(4, &message().bytes(1, &[0; 24]));
        let array = entry("value", &message().int(1, 2).int(2, 11).child(13, &array));
        let words = words(&[("type", "Variable"), ("name", "w")]);
        let content = parse("cntk", &model(&words.child(2, &array)));
        let tensor = &content.tensors[0];
        assert_eq!((&*tensor.name, &*tensor.dtype, &*tensor.shape), ("w", "Float", &[3, 2][..]));
        assert_eq!(tensor.span.map(|span| span.len), Some(24));
    }

    #[test]
    fn damage_is_survived() {
        survive("cntk", &saved("m", "C; f()"));
        survive("cntk", &model(&words(&[("type", "UserFunction"), ("module", "m"), ("class", "C")])));
    }
}
