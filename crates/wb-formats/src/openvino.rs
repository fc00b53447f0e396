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

/// What a configuration of kernels begins with: one for each layer, alone or in a list ("How to Implement Custom GPU
/// Operations" in the documentation of OpenVINO).
const KERNELS: &str = "CustomLayers";
const KERNEL: &str = "CustomLayer";

/// How much is looked at to find the list of layers.
const HEAD: usize = 64 << 10;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    match xml::root(input)?.as_str() {
        "net" => input.head(HEAD).find(b"<layers>").map(|_| Strength::Strong),
        KERNELS | KERNEL => Some(Strength::Strong),
        _ => None,
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut open: Vec<String> = Vec::new();
    let (mut odd, mut outside) = (Vec::new(), Vec::new());
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
                ("" | KERNELS, KERNEL) => content.components.push(kernel(attributes, *span)),
                ("Kernel", "Source") => {
                    let file = attribute(attributes, "filename").unwrap_or_default();
                    content.fields.push(Field {
                        path: "Kernel.Source.filename".to_owned(),
                        value: file.to_owned(),
                        span: Some(*span),
                    });
                    if let Some(why) = crate::names::escapes(file) {
                        outside.push((*span, format!("the source of a kernel is `{file}`: {why}")));
                    }
                }
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
    for (kind, place, what) in odd {
        notes.odd(kind, &place, None, what);
    }
    for (span, what) in outside {
        notes.odd(OddityKind::ExternalReference, "Kernel.Source", Some(span), what);
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

/// A layer that a kernel of its own runs on the graphics processor.
fn kernel(attributes: &[(String, String)], span: wb_core::Span) -> Component {
    let name = attribute(attributes, "name").unwrap_or_default().to_owned();
    Component {
        kind: "node",
        class: name.clone(),
        name,
        module: Some("extension".to_owned()),
        place: KERNEL.to_owned(),
        span: Some(span),
        settings: Vec::new(),
    }
}

/// The tensor that a constant is: part of the file of weights. Says when its size does not fit its shape.
fn weights(layer: &Component, tensors: &mut Vec<Tensor>) -> Option<(OddityKind, String, String)> {
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
    let odd = match (bits(kind), elements.and_then(|elements| elements.checked_mul(bits(kind)?))) {
        (None, _) => None,
        (_, None) => {
            let what = format!("shape {shape:?} of {kind} has more bits than 64 bits can count");
            Some((OddityKind::ImpossibleLength, what))
        }
        (_, Some(needed)) => (Some(needed.div_ceil(8)) != size.parse().ok()).then(|| {
            let what = format!("shape {shape:?} of {kind} does not fit {size} bytes");
            (OddityKind::Disagreement, what)
        }),
    };
    let (name, dtype) = (layer.name.clone(), kind.to_owned());
    tensors.push(Tensor { name, dtype, shape, span: None, strides: None });
    odd.map(|(kind, what)| (kind, layer.place.clone(), what))
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
