//! Models of Rockchip's NPU (`.rknn`): compiled networks with a description in JSON behind them.
//!
//! Rockchip does not document the layout. The header and the description are those that rknn-toolkit2 writes and
//! Netron reads (`source/rknn.js`, `source/rknn-schema.js` in `lutzroeder/netron`): the mark in eight bytes, a version
//! and a length of eight bytes each, 40 bytes more behind version 1, the compiled network, and a text with its length in
//! front. The network is a FlatBuffer with the weights and the commands of the NPU behind it.

use crate::flatbuffer::{self, Table, Walk};
use crate::{Family, Reader, Request, json, spanned_json};
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Oddity, OddityKind, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "RKNN model for the NPU of Rockchip",
    endings: &[".rknn"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Marks, padded to eight bytes; the second one stands before models that are encrypted.
const PLAIN: &[u8] = b"RKNN\0\0\0\0";
const ENCRYPTED: &[u8] = b"CYPTRKNN";

/// Element types by their number.
const TYPES: [&str; 17] = [
    "?", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "boolean", "float16", "float64",
    "uint32", "uint64", "complex64", "complex128", "bfloat16",
];
/// Kinds of tensors that have weights behind the network; the others are made when it runs.
const CONSTANT: [u8; 2] = [4, 5];
/// Axes of one tensor that are read.
const MOST: usize = 64;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let marked = input.starts_with(PLAIN) || input.starts_with(ENCRYPTED);
    (marked && input.u64_le(8)? < 1 << 16 && input.len() >= 24).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let version = input.u64_le(8).unwrap_or(0);
    let len = input.u64_le(16).unwrap_or(0);
    let header = input.head(24).span();
    let (path, value) = ("version".to_owned(), version.to_string());
    content.fields.push(Field { path, value, span: Some(header) });
    // The low byte counts; the next one is set where the toolkit was told more.
    let start: usize = if version & 0xff > 1 && len > 0 { 64 } else { 24 };
    let network = input.from(start).head(usize::try_from(len).unwrap_or(usize::MAX));
    if (network.len() as u64) < len {
        content.oddities.push(Oddity {
            kind: OddityKind::Truncated,
            place: "header".to_owned(),
            span: Some(header),
            what: format!("the network is said to have {len} bytes, the file has {}", network.len()),
        });
    }
    let why = if input.starts_with(ENCRYPTED) {
        "the network is encrypted"
    } else {
        "the layout of networks compiled for the NPU is not documented"
    };
    content.gaps.push(Gap::over(network.span(), why));
    if flatbuffer::is(network, b"RKNN") {
        compiled(network, &mut content, budget);
    }
    description(input.from(start.saturating_add(network.len())), &mut content, budget);
    content
}

/// What the compiled network says of itself: texts, the tensors that have weights, and the nodes.
fn compiled(network: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let Some(root) = Table::root(network) else { return };
    let mut walk = Walk::new(budget);
    let texts = [(1, "format"), (3, "generator"), (7, "compiler"), (8, "platform"), (9, "source"), (12, "inputs"), (13, "outputs")];
    for (slot, name) in texts {
        let path = format!("network.{name}");
        if let Some(value) = walk.some(&path, root.text(slot)) {
            content.fields.push(Field { path, value, span: Some(root.span) });
        }
    }
    walk.each(&root, 2, "graphs", |index, graph, walk| {
        let place = format!("graphs[{index}]");
        walk.each(&graph, 0, &format!("{place}.tensors"), |_, tensor, walk| constant(&place, &tensor, content, walk));
        walk.each(&graph, 1, &format!("{place}.nodes"), |index, node, walk| {
            let place = format!("{place}.nodes[{index}]");
            let class = walk.some(&place, node.text(1)).unwrap_or_default();
            let name = walk.some(&place, node.text(2)).unwrap_or_default();
            let span = Some(node.span);
            content.components.push(Component { kind: "node", name, class, place, span, ..Component::default() });
        });
    });
    content.oddities.extend(walk.notes.oddities);
    content.gaps.extend(walk.notes.gaps);
}

/// A tensor that has weights; the NPU wants them in an order of its own.
fn constant(place: &str, tensor: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    if !tensor.u8(2).is_some_and(|kind| CONSTANT.contains(&kind)) {
        return;
    }
    let name = walk.some(place, tensor.text(5)).unwrap_or_default();
    let dtype = TYPES.get(usize::from(tensor.u8(0).unwrap_or(0))).copied().unwrap_or("?").to_owned();
    let shape = walk.some(place, tensor.i32s(4, MOST)).unwrap_or_default();
    let shape = shape.into_iter().map(|axis| u64::try_from(axis).unwrap_or(0)).collect();
    content.tensors.push(Tensor { name, dtype, shape, span: None, strides: None });
}

/// The text behind the network: a length, and JSON. What follows belongs to nothing.
fn description(rest: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let Some(len) = rest.u64_le(0).and_then(|len| usize::try_from(len).ok()) else { return };
    let text = rest.from(8).head(len);
    if let Some(value) = spanned_json::document(text, "description", content, budget) {
        json::flatten(&value, &mut content.fields);
    }
    let behind = rest.from(8_usize.saturating_add(text.len()));
    if !behind.is_empty() {
        content.oddities.push(Oddity {
            kind: OddityKind::TrailingBytes,
            place: "behind the description".to_owned(),
            span: Some(behind.span()),
            what: format!("{} bytes follow the description", behind.len()),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    fn model(text: &str, tail: &[u8]) -> Vec<u8> {
        let len = (text.len() as u64).to_le_bytes();
        let head = [b"RKNN\0\0\0\0", &6_u64.to_le_bytes()[..], &16_u64.to_le_bytes(), &[0; 40]].concat();
        [&head, &[7; 16][..], &len, text.as_bytes(), tail].concat()
    }

    #[test]
    fn the_description_is_read_and_the_network_is_not() {
        let bytes = model(r#"{"target_platform": ["rk3588"], "version": "2.3.0"}"#, b"");
        assert_eq!(claims(&bytes), "rknn");
        let content = parse("rknn", &bytes);
        let fields: Vec<&str> = content.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(fields, ["version", "target_platform[0]", "version"]);
        assert_eq!(gaps(&content), ["the layout of networks compiled for the NPU is not documented"]);
        assert!(content.oddities.is_empty());
        assert!(has(&parse("rknn", &model("{}", b"tail")), OddityKind::TrailingBytes));
        assert!(has(&parse("rknn", &bytes[..70]), OddityKind::Truncated));
        let first = [b"RKNN\0\0\0\0", &1_u64.to_le_bytes()[..], &16_u64.to_le_bytes(), &bytes[64..]].concat();
        assert_eq!(parse("rknn", &first).fields.len(), 3);
    }

    #[test]
    fn a_compiled_network_names_its_nodes() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/written/rknn-rk3566.rknn");
        let bytes = std::fs::read(file).expect("the file is there");
        let content = parse("rknn", &bytes);
        let nodes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
        assert_eq!(nodes, ["InputOperator", "ConvRelu", "OutputOperator"]);
        survive("rknn", &bytes[..0x400]);
    }

    #[test]
    fn other_files_are_none() {
        assert_eq!(claims(b"RKNN is a format of Rockchip"), "");
        survive("rknn", &model("{}", b""));
    }
}
