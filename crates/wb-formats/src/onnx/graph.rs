//! Graphs, nodes and their attributes, to any depth.

use super::Model;
use crate::protobuf::{Field as Wire, Value, Walk, below, each};
use wb_core::{Bytes, Component, Field};

/// How many strings of one attribute are kept as settings.
const STRINGS: usize = 64;

impl Model {
    /// A `GraphProto`.
    pub(super) fn graph(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        let mut nodes = 0_usize;
        each(bytes, place, walk, |field, walk| {
            let Some(bytes) = field.bytes() else { return };
            match field.number {
                1 => {
                    let place = below(place, &format!("node[{nodes}]"));
                    nodes = nodes.saturating_add(1);
                    self.node(bytes, &place, walk);
                }
                2 => self.push(format!("{place}.name"), field.text().unwrap_or_default(), field.span),
                5 => self.tensor(bytes, &format!("{place}.initializer"), walk),
                10 => self.push(
                    format!("{place}.doc_string"),
                    field.text().unwrap_or_default(),
                    field.span,
                ),
                15 => self.sparse(bytes, &format!("{place}.sparse_initializer"), walk),
                16 => self.property(bytes, &format!("{place}.metadata_props"), walk),
                _ => {}
            }
        });
    }

    /// A `FunctionProto`: operators that the model brings along.
    pub(super) fn function(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        let mut nodes = 0_usize;
        self.own.insert((text_of(bytes, 10), text_of(bytes, 1)));
        each(bytes, place, walk, |field, walk| {
            let Some(bytes) = field.bytes() else { return };
            match field.number {
                1 => self.push(format!("{place}.name"), field.text().unwrap_or_default(), field.span),
                7 => {
                    let place = below(place, &format!("node[{nodes}]"));
                    nodes = nodes.saturating_add(1);
                    self.node(bytes, &place, walk);
                }
                8 => self.push(
                    format!("{place}.doc_string"),
                    field.text().unwrap_or_default(),
                    field.span,
                ),
                10 => {
                    self.push(format!("{place}.domain"), field.text().unwrap_or_default(), field.span);
                }
                11 => {
                    let mut unused = Component::default();
                    self.attribute(bytes, &format!("{place}.attribute"), &mut unused, walk);
                }
                _ => {}
            }
        });
    }

    /// A `NodeProto`.
    fn node(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        if !walk.keeps(bytes.span()) {
            return;
        }
        let mut node = Component {
            kind: "node",
            place: place.to_owned(),
            span: Some(bytes.span()),
            ..Component::default()
        };
        let mut output = None;
        each(bytes, place, walk, |field, walk| match field.number {
            2 => output = output.take().or_else(|| field.text()),
            3 => {
                walk.once(&field, place);
                node.name = field.text().unwrap_or_default();
            }
            4 => {
                walk.once(&field, place);
                node.class = field.text().unwrap_or_default();
            }
            5 => {
                if let Some(bytes) = field.bytes() {
                    self.attribute(bytes, place, &mut node, walk);
                }
            }
            6 => {
                let doc = field.text().filter(|text| !text.is_empty());
                let span = Some(field.span);
                node.settings.extend(doc.map(|value| Field {
                    path: "doc_string".to_owned(),
                    value,
                    span,
                }));
            }
            7 => {
                walk.once(&field, place);
                node.module = field.text().filter(|text| !text.is_empty());
            }
            9 => {
                if let Some(bytes) = field.bytes() {
                    self.property(bytes, &format!("{place}.metadata_props"), walk);
                }
            }
            _ => {}
        });
        if node.name.is_empty() {
            node.name = output.unwrap_or_default();
        }
        self.content.components.push(node);
    }

    /// An `AttributeProto`; its name may stand behind its value.
    fn attribute(
        &mut self,
        bytes: Bytes<'_>,
        node: &str,
        owner: &mut Component,
        walk: &mut Walk<'_>,
    ) {
        let name = name_of(bytes);
        let place = below(node, &name);
        let mut values: Vec<(String, Wire<'_>)> = Vec::new();
        let mut graphs = 0_usize;
        each(bytes, &place, walk, |field, walk| match (field.number, field.value) {
            (2, Value::Fixed32(bits)) if values.len() < STRINGS => values.push((f32::from_bits(bits).to_string(), field)),
            (3, Value::Varint(number)) if values.len() < STRINGS => {
                values.push((number.cast_signed().to_string(), field));
            }
            (4 | 9, Value::Bytes(_)) if values.len() < STRINGS => {
                values.push((field.text().unwrap_or_default(), field));
            }
            (5, Value::Bytes(bytes)) => self.tensor(bytes, &place, walk),
            (10, Value::Bytes(bytes)) => self.tensor(bytes, &place, walk),
            (6 | 11, Value::Bytes(bytes)) => {
                let place = match field.number {
                    6 => place.clone(),
                    _ => format!("{place}[{graphs}]"),
                };
                graphs = graphs.saturating_add(1);
                self.graph(bytes, &place, walk);
            }
            (22 | 23, Value::Bytes(bytes)) => self.sparse(bytes, &place, walk),
            _ => {}
        });
        let many = values.len() > 1;
        for (index, (value, field)) in values.into_iter().enumerate() {
            let path = if many { format!("{name}[{index}]") } else { name.clone() };
            owner.settings.push(Field { path, value, span: Some(field.span) });
        }
    }

    /// A `SparseTensorProto`: values and where they stand.
    fn sparse(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        each(bytes, place, walk, |field, walk| {
            let part = match field.number {
                1 => "values",
                2 => "indices",
                _ => return,
            };
            if let Some(bytes) = field.bytes() {
                self.tensor(bytes, &format!("{place}.{part}"), walk);
            }
        });
    }
}

impl Model {
    /// Takes the domain away from nodes that call a function of the model, as its other operators have none: what they
    /// do stands in the file. The domain becomes a setting.
    pub(super) fn name_calls(&mut self) {
        for node in self.content.components.iter_mut().filter(|part| part.kind == "node") {
            let Some(domain) = node.module.take() else { continue };
            let called = (domain, node.class.clone());
            let own = self.own.contains(&called);
            let (domain, _) = called;
            if own {
                node.settings.push(Field { path: "domain".to_owned(), value: domain, span: node.span });
            } else {
                node.module = Some(domain);
            }
        }
    }
}

/// The name in a message that has it in field 1; the last one holds.
fn name_of(bytes: Bytes<'_>) -> String {
    text_of(bytes, 1)
}

/// The text in the field of that number; the last one holds.
fn text_of(bytes: Bytes<'_>, number: u32) -> String {
    let mut fields = crate::protobuf::Fields::of(bytes);
    let mut name = None;
    while let Ok(Some(field)) = fields.next() {
        if field.number == number {
            name = field.text();
        }
    }
    name.unwrap_or_default()
}
