//! PaddlePaddle: a `ProgramDesc` of blocks of operators (`.pdmodel`, `__model__`). Weights lie beside it.
//!
//! Specification: `paddle/fluid/framework/framework.proto` in `PaddlePaddle/Paddle`.

use crate::protobuf::{Field as Wire, Fields, Value, Walk, below, each, varints};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, CallStyle, Component, Constant, Content, Field, OpKind, Program,
    Span, Strength, Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "PaddlePaddle program",
    endings: &[".pdmodel"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Operators that reach the host.
const HOST: [&str; 9] = [
    "py_func", "save", "save_combine", "load", "load_combine", "read_file", "recv_save", "listen_and_serv", "send_and_recv",
];

/// A block whose number and parent come first, and in it an operator with a name.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut fields = Fields::of(input);
    let block = fields.next().ok()??;
    let (1, Value::Bytes(block)) = (block.number, block.value) else { return None };
    let mut inside = Fields::of(block);
    let first = inside.next().ok()??;
    let second = inside.next().ok()??;
    let (Wire { number: 1, value: Value::Varint(0), .. }, Wire { number: 2, value: Value::Varint(_), .. }) =
        (first, second)
    else {
        return None;
    };
    for _ in 0..1 << 16 {
        let field = inside.next().ok()??;
        if let (4, Value::Bytes(operator)) = (field.number, field.value) {
            return is_operator(operator).then_some(Strength::Strong);
        }
    }
    None
}

fn is_operator(bytes: Bytes<'_>) -> bool {
    let mut fields = Fields::of(bytes);
    while let Ok(Some(field)) = fields.next() {
        if let (3, Value::Bytes(name)) = (field.number, field.value) {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            return !name.is_empty() && name.as_slice().iter().all(plain);
        }
    }
    false
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::new(budget);
    let mut content = Content::default();
    let mut blocks = 0_usize;
    each(input, "program", &mut walk, |field, walk| match (field.number, field.bytes()) {
        (1, Some(bytes)) => {
            block(bytes, &format!("blocks[{blocks}]"), &mut content, walk);
            blocks = blocks.saturating_add(1);
        }
        (4, Some(bytes)) => each(bytes, "version", walk, |field, _| {
            if let (1, Some(version)) = (field.number, field.varint()) {
                let (path, value) = ("version".to_owned(), version.to_string());
                content.fields.push(Field { path, value, span: Some(field.span) });
            }
        }),
        _ => {}
    });
    let notes = walk.notes;
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

fn block(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut index = 0_usize;
    each(bytes, place, walk, |field, walk| {
        let Some(bytes) = field.bytes() else { return };
        match field.number {
            3 if walk.keeps(bytes.span()) => variable(bytes, place, content, walk),
            4 if walk.keeps(bytes.span()) => {
                operator(bytes, &below(place, &format!("ops[{index}]")), content, walk);
                index = index.saturating_add(1);
            }
            _ => {}
        }
    });
}

/// Variables that are kept with the model are its weights.
fn variable(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let (mut name, mut shape, mut dtype, mut kept) = (String::new(), Vec::new(), 0, false);
    each(bytes, place, walk, |field, walk| match (field.number, field.value) {
        (1, Value::Bytes(_)) => name = field.text().unwrap_or_default(),
        (3, Value::Varint(flag)) => kept = flag != 0,
        (2, Value::Bytes(kind)) => each(kind, place, walk, |field, walk| {
            let (3, Some(dense)) = (field.number, field.bytes()) else { return };
            each(dense, place, walk, |field, walk| {
                let (1, Some(tensor)) = (field.number, field.bytes()) else { return };
                each(tensor, place, walk, |field, _| match field.number {
                    1 => dtype = field.varint().unwrap_or_default(),
                    2 => shape.extend(varints(field.value, 64)),
                    _ => {}
                });
            });
        }),
        _ => {}
    });
    if kept && !shape.is_empty() && shape.len() <= 64 {
        let dtype = super::paddle_params::dtype(dtype).0.to_owned();
        content.tensors.push(wb_core::Tensor { name, dtype, shape, span: None, strides: None });
    }
}

fn operator(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut node = Component {
        kind: "node",
        place: place.to_owned(),
        span: Some(bytes.span()),
        ..Component::default()
    };
    each(bytes, place, walk, |field, walk| match (field.number, field.bytes()) {
        (3, Some(_)) => node.class = field.text().unwrap_or_default(),
        (2, Some(output)) => each(output, place, walk, |field, _| {
            if let (2, Some(text), true) = (field.number, field.text(), node.name.is_empty()) {
                node.name = text;
            }
        }),
        (4, Some(attribute)) => setting(attribute, place, &mut node, walk),
        _ => {}
    });
    content.programs.extend(lift(&node));
    content.components.push(node);
}

/// An attribute, when it is a number or text.
fn setting(bytes: Bytes<'_>, place: &str, node: &mut Component, walk: &mut Walk<'_>) {
    let mut name = String::new();
    let mut values: Vec<(String, Span)> = Vec::new();
    each(bytes, place, walk, |field, _| match (field.number, field.value) {
        (1, Value::Bytes(_)) => name = field.text().unwrap_or_default(),
        (3 | 10 | 13, Value::Varint(number)) => values.push((number.cast_signed().to_string(), field.span)),
        (4, Value::Fixed32(bits)) => values.push((f32::from_bits(bits).to_string(), field.span)),
        (5 | 8, Value::Bytes(_)) if values.len() < 64 => {
            values.push((field.text().unwrap_or_default(), field.span));
        }
        _ => {}
    });
    let many = values.len() > 1;
    for (index, (value, span)) in values.into_iter().enumerate() {
        let path = if many { format!("{name}[{index}]") } else { name.clone() };
        node.settings.push(Field { path, value, span: Some(span) });
    }
}

/// The call that an operator which reaches the host stands for.
fn lift(node: &Component) -> Option<Program> {
    if !HOST.contains(&node.class.as_str()) {
        return None;
    }
    let span = node.span?;
    let mut program = Program::of_component(node, Trigger::Inference, span);
    let (module, name) = ("paddle.ops".to_owned(), node.class.clone());
    let callee = program.step(span, OpKind::Import { module, name });
    let mut keywords = Vec::new();
    for setting in &node.settings {
        let constant = OpKind::Constant(Constant::Text(setting.value.clone()));
        keywords.push((setting.path.clone(), program.step(setting.span.unwrap_or(span), constant)));
    }
    let (arguments, style) = (Vec::new(), CallStyle::Call);
    program.step(span, OpKind::Call { callee, arguments, keywords, style });
    Some(program)
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::{Message, message};
    use crate::testing::{claims, parse, survive};
    use wb_core::OpKind;

    fn program(class: &str, path: &str) -> Vec<u8> {
        let tensor = message().int(1, 5).int(2, 2).int(2, 3);
        let kind = message().int(1, 7).child(3, &message().child(1, &tensor));
        let weight = message().text(1, "w").child(2, &kind).int(3, 1);
        let attribute = message().text(1, "file_path").int(2, 2).text(5, path);
        let operator: Message = message()
            .child(2, &message().text(1, "Out").text(2, "y"))
            .text(3, class)
            .child(4, &attribute);
        let block = message().int(1, 0).int(2, u64::MAX).child(3, &weight).child(4, &operator);
        message().child(1, &block).child(4, &message().int(1, 2_006_000)).0
    }

    #[test]
    fn operators_and_weights_are_read() {
        let bytes = program("matmul_v2", "");
        assert_eq!(claims(&bytes), "paddle");
        let content = parse("paddle", &bytes);
        let node = &content.components[0];
        assert_eq!((&*node.class, &*node.name), ("matmul_v2", "y"));
        let tensor = &content.tensors[0];
        assert_eq!((&*tensor.name, &*tensor.dtype, &tensor.shape[..]), ("w", "FP32", &[2, 3][..]));
        assert!(content.programs.is_empty());
    }

    #[test]
    fn operators_that_reach_the_host_are_programs() {
        let content = parse("paddle", &program("save_combine", "/etc/cron.d/x"));
        let ops = &content.programs[0].ops;
        let import = OpKind::Import { module: "paddle.ops".to_owned(), name: "save_combine".to_owned() };
        assert!(ops.iter().any(|op| op.kind == import));
        assert_eq!(parse("paddle", &program("py_func", "")).programs.len(), 1);
    }

    #[test]
    fn damage_is_survived() {
        survive("paddle", &program("save", "x"));
    }
}
