//! OpenVINO IR: the topology of a model as XML. The weights lie in a `.bin` file beside it.
//!
//! Specification: "OpenVINO IR format" and "Operation sets" in the documentation of OpenVINO.

use crate::notes::Notes;
use crate::xml::{self, Part, attribute};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "OpenVINO model (IR)",
    endings: &[".xml"],
    family: Family::Model,
    refines: &["xml"],
    identify,
    parse,
    named: None,
};

/// How much is looked at to find the list of layers.
const HEAD: usize = 64 << 10;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let net = xml::root(input)? == "net" && input.head(HEAD).find(b"<layers>").is_some();
    net.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut open: Vec<String> = Vec::new();
    let mut odd = Vec::new();
    xml::read(input, &mut notes, budget, |part| match part {
        Part::Open { name, attributes, span } => {
            let inside = open.last().map_or("", String::as_str);
            match (inside, *name) {
                ("", "net") => {
                    for (key, value) in *attributes {
                        let (path, value) = (format!("net.{key}"), value.clone());
                        content.fields.push(Field { path, value, span: Some(*span) });
                    }
                }
                ("layers", "layer") => content.components.push(layer(attributes, *span)),
                ("layer", "data") => {
                    let Some(layer) = content.components.last_mut() else { return };
                    for (path, value) in attributes.iter().cloned() {
                        layer.settings.push(Field { path, value, span: Some(*span) });
                    }
                    odd.extend(weights(layer, &mut content.tensors));
                }
                // What the tool that converted the model noted, and meta data of the author.
                _ if open.iter().any(|name| matches!(name.as_str(), "rt_info" | "meta_data" | "cli_parameters")) => {
                    let value = attribute(attributes, "value").or_else(|| attribute(attributes, "name"));
                    if let Some(value) = value {
                        let (path, value) = (format!("{}.{name}", open.join(".")), value.to_owned());
                        content.fields.push(Field { path, value, span: Some(*span) });
                    }
                }
                _ => {}
            }
            open.push((*name).to_owned());
        }
        Part::Close => {
            open.pop();
        }
        Part::Text { .. } => {}
    });
    for (place, what) in odd {
        notes.odd(OddityKind::Disagreement, &place, None, what);
    }
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// A layer: its operation, and the set it is from as module. `extension` stands for operations that a
/// library of the host brings along.
fn layer(attributes: &[(String, String)], span: wb_core::Span) -> Component {
    let text = |name| attribute(attributes, name).unwrap_or_default().to_owned();
    Component {
        kind: "node",
        name: text("name"),
        class: text("type"),
        module: Some(text("version")).filter(|version| !version.is_empty()),
        place: format!("layer {}", text("id")),
        span: Some(span),
        settings: Vec::new(),
    }
}

/// The tensor that a constant is: part of the file of weights. Says when its size does not fit its shape.
fn weights(layer: &Component, tensors: &mut Vec<Tensor>) -> Option<(String, String)> {
    if layer.class != "Const" {
        return None;
    }
    let (kind, size) = (layer.setting("element_type")?, layer.setting("size")?);
    let shape: Option<Vec<u64>> = layer
        .setting("shape")
        .unwrap_or_default()
        .split(',')
        .filter(|size| !size.trim().is_empty())
        .map(|size| size.trim().parse().ok())
        .collect();
    let shape = shape?;
    let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let expected = bits(kind).and_then(|bits| Some(elements?.checked_mul(bits)?.div_ceil(8)));
    let disagrees = expected.is_some() && expected != size.parse().ok();
    let what = disagrees.then(|| format!("shape {shape:?} of {kind} does not fit {size} bytes"));
    let (name, dtype) = (layer.name.clone(), kind.to_owned());
    tensors.push(Tensor { name, dtype, shape, span: None });
    what.map(|what| (layer.place.clone(), what))
}

/// Bits of an element; strings have none that are fixed.
fn bits(kind: &str) -> Option<u64> {
    Some(match kind.to_ascii_lowercase().as_str() {
        "u1" => 1,
        "u2" | "i2" => 2,
        "i4" | "u4" | "nf4" | "f4e2m1" => 4,
        "u3" => 3,
        "u6" => 6,
        "i8" | "u8" | "boolean" | "f8e4m3" | "f8e5m2" | "f8e8m0" => 8,
        "i16" | "u16" | "f16" | "bf16" => 16,
        "i32" | "u32" | "f32" => 32,
        "i64" | "u64" | "f64" => 64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    const REAL: &[u8] = include_bytes!("../tests/data/real-openvino.xml");

    fn model(size: u64, version: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><net name=\"tiny\" version=\"11\"><layers>\
             <layer id=\"0\" name=\"w\" type=\"Const\" version=\"opset1\">\
             <data element_type=\"f32\" shape=\"2, 3\" offset=\"0\" size=\"{size}\"/></layer>\
             <layer id=\"1\" name=\"mine\" type=\"Spawn\" version=\"{version}\"/>\
             </layers><edges/></net>"
        )
    }

    #[test]
    fn a_model_that_openvino_wrote_is_read() {
        assert_eq!(claims(REAL), "openvino (xml)");
        let content = parse("openvino", REAL);
        let classes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
        assert!(classes.contains(&"MatMul") && classes.contains(&"Parameter"), "{classes:?}");
        assert_eq!((&*content.tensors[0].dtype, &content.tensors[0].shape[..]), ("f32", &[2, 3][..]));
        assert_eq!(oddities(&content), [""; 0]);
    }

    #[test]
    fn layers_carry_the_set_of_operations_they_are_from() {
        let content = parse("openvino", model(24, "extension").as_bytes());
        assert_eq!(content.components[1].module.as_deref(), Some("extension"));
        assert_eq!(oddities(&content), [""; 0]);
        assert!(has(&parse("openvino", model(25, "opset1").as_bytes()), OddityKind::Disagreement));
    }

    #[test]
    fn damage_is_survived() {
        survive("openvino", REAL);
    }
}
