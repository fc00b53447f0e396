//! Caffe: a `NetParameter` with its weights (`.caffemodel`), layers of the current and of the first form.
//!
//! Specification: `src/caffe/proto/caffe.proto` in `BVLC/caffe`.

use crate::protobuf::{Fields, Value, Walk, below, each, varints};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, CallStyle, Component, Constant, Content, Field, OddityKind, OpKind,
    Program, Span, Strength, Tensor, Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Caffe model with its weights",
    endings: &[".caffemodel"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How many fields are looked at to find a layer.
const LOOKED_AT: usize = 64;

/// A name or inputs, and a layer whose type is a word.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut fields = Fields::of(input);
    for _ in 0..LOOKED_AT {
        match fields.next().ok()?? {
            field if field.number == 100 => return is_layer(field.bytes()?).then_some(Strength::Strong),
            field if field.number == 2 => return is_old_layer(field.bytes()?).then_some(Strength::Weak),
            field if matches!(field.number, 1 | 3) => {
                let name = field.bytes()?;
                name.as_slice().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ').then_some(())?;
            }
            field if matches!(field.number, 4..=8) => {}
            _ => return None,
        }
    }
    None
}

fn is_layer(bytes: Bytes<'_>) -> bool {
    let mut fields = Fields::of(bytes);
    let (Ok(Some(name)), Ok(Some(kind))) = (fields.next(), fields.next()) else { return false };
    let word = |bytes: Bytes<'_>| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        !bytes.is_empty() && bytes.as_slice().iter().all(plain)
    };
    matches!((name.number, name.value), (1, Value::Bytes(_)))
        && matches!((kind.number, kind.value), (2, Value::Bytes(bytes)) if word(bytes))
}

/// A layer of the first form: inputs, outputs, a name, and the number of its type.
fn is_old_layer(bytes: Bytes<'_>) -> bool {
    let mut fields = Fields::of(bytes);
    let (mut named, mut typed) = (false, false);
    while let Ok(Some(field)) = fields.next() {
        match (field.number, field.value) {
            (4, Value::Bytes(_)) => named = true,
            (5, Value::Varint(0..=64)) => typed = true,
            (2 | 3, Value::Bytes(_)) => {}
            _ => break,
        }
    }
    named && typed
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::new(budget);
    let mut content = Content::default();
    let mut layers = 0_usize;
    each(input, "net", &mut walk, |field, walk| match (field.number, field.bytes()) {
        (1, Some(_)) => {
            let (path, value) = ("name".to_owned(), field.text().unwrap_or_default());
            content.fields.push(Field { path, value, span: Some(field.span) });
        }
        (2 | 100, Some(bytes)) if walk.keeps(bytes.span()) => {
            let place = format!("layer[{layers}]");
            layers = layers.saturating_add(1);
            layer(bytes, field.number == 2, &place, &mut content, walk);
        }
        _ => {}
    });
    let notes = walk.notes;
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// What a layer of kind `Python` names.
#[derive(Default)]
struct Python {
    module: String,
    class: String,
    parameter: String,
    span: Span,
}

fn layer(bytes: Bytes<'_>, old: bool, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let (name, kind, blobs) = if old { (4, 5, 6) } else { (1, 2, 7) };
    let mut node = Component {
        kind: "node",
        place: place.to_owned(),
        span: Some(bytes.span()),
        ..Component::default()
    };
    let mut python = None;
    let mut tensors: Vec<(Vec<u64>, &'static str, Option<Span>)> = Vec::new();
    each(bytes, place, walk, |field, walk| match (field.number, field.value) {
        (number, Value::Bytes(_)) if number == name => node.name = field.text().unwrap_or_default(),
        (number, Value::Bytes(_)) if number == kind => node.class = field.text().unwrap_or_default(),
        (number, Value::Varint(value)) if number == kind => node.class = format!("type {value}"),
        (number, Value::Bytes(bytes)) if number == blobs => tensors.push(blob(bytes, place, walk)),
        (130, Value::Bytes(bytes)) if !old => python = Some(read_python(bytes, place, walk)),
        _ => {}
    });
    for (index, (shape, dtype, span)) in tensors.into_iter().enumerate() {
        let name = format!("{}.{index}", node.name);
        content.tensors.push(Tensor { name, dtype: dtype.to_owned(), shape, span, strides: None });
    }
    if let Some(python) = python {
        content.programs.push(lift(&node, &python));
        node.module = Some(python.module);
    }
    content.components.push(node);
}

/// Shape, element type and bytes of a `BlobProto`.
fn blob(bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) -> (Vec<u64>, &'static str, Option<Span>) {
    let place = below(place, "blobs");
    let (mut shape, mut old, mut data) = (None, Vec::new(), None);
    each(bytes, &place, walk, |field, walk| match (field.number, field.value) {
        (1..=4, Value::Varint(size)) => old.push(size),
        (5, Value::Bytes(packed)) => data = Some((packed, "float", 4_u64)),
        (8, Value::Bytes(packed)) => data = Some((packed, "double", 8)),
        (7, Value::Bytes(inner)) => {
            let mut sizes = Vec::new();
            each(inner, &place, walk, |field, _| {
                if field.number == 1 {
                    sizes.extend(varints(field.value, 32));
                }
            });
            shape = Some(sizes);
        }
        _ => {}
    });
    let shape = shape.unwrap_or(old);
    let Some((packed, dtype, size)) = data else { return (shape, "float", None) };
    let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let expected = elements.and_then(|elements| elements.checked_mul(size));
    if expected != Some(packed.len() as u64) {
        let what = format!("shape {shape:?} of {dtype} does not fit {} bytes", packed.len());
        walk.notes.odd(OddityKind::Disagreement, &place, Some(packed.span()), what);
    }
    (shape, dtype, Some(packed.span()))
}

fn read_python(bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) -> Python {
    let mut python = Python { span: bytes.span(), ..Python::default() };
    each(bytes, place, walk, |field, _| {
        let text = field.text().unwrap_or_default();
        match field.number {
            1 => python.module = text,
            2 => python.class = text,
            3 => python.parameter = text,
            _ => {}
        }
    });
    python
}

/// Caffe imports the module and creates the class when the net is loaded.
fn lift(node: &Component, python: &Python) -> Program {
    let span = python.span;
    let mut program = Program::of_component(node, Trigger::Load, span);
    let import = OpKind::Import { module: python.module.clone(), name: python.class.clone() };
    let callee = program.step(span, import);
    let constant = OpKind::Constant(Constant::Text(python.parameter.clone()));
    let argument = program.step(span, constant);
    let call = OpKind::Call {
        callee,
        arguments: vec![argument],
        keywords: Vec::new(),
        style: CallStyle::Call,
    };
    program.step(span, call);
    program
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::{Message, message};
    use crate::testing::{claims, has, parse, survive};
    use wb_core::{OddityKind, OpKind};

    fn net(layer: &Message) -> Vec<u8> {
        message().text(1, "tiny").child(100, layer).0
    }

    fn dense(bytes: usize) -> Message {
        let blob = message().bytes(5, &vec![0; bytes]).child(7, &message().int(1, 2).int(1, 3));
        message().text(1, "fc").text(2, "InnerProduct").text(3, "x").text(4, "y").child(7, &blob)
    }

    #[test]
    fn layers_and_weights_are_read() {
        let bytes = net(&dense(24));
        assert_eq!(claims(&bytes), "caffe");
        let content = parse("caffe", &bytes);
        assert_eq!((&*content.components[0].name, &*content.components[0].class), ("fc", "InnerProduct"));
        assert_eq!((&*content.tensors[0].name, &content.tensors[0].shape[..]), ("fc.0", &[2, 3][..]));
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
        assert!(has(&parse("caffe", &net(&dense(20))), OddityKind::Disagreement));
    }

    #[test]
    fn a_python_layer_is_a_call_of_what_it_names() {
        let python = message().text(1, "os").text(2, "system").text(3, "id");
        let content = parse("caffe", &net(&message().text(1, "p").text(2, "Python").child(130, &python)));
        let import = OpKind::Import { module: "os".to_owned(), name: "system".to_owned() };
        assert!(content.programs[0].ops.iter().any(|op| op.kind == import));
    }

    #[test]
    fn layers_of_the_first_form_are_read() {
        let layer = message().text(2, "x").text(3, "y").text(4, "conv1").int(5, 4);
        let bytes = message().text(1, "old").child(2, &layer).0;
        assert_eq!(claims(&bytes), "(caffe)");
        assert_eq!(parse("caffe", &bytes).components[0].class, "type 4");
    }

    #[test]
    fn damage_is_survived() {
        survive("caffe", &net(&dense(24)));
    }
}
