//! PyTorch for phones in its FlatBuffer form (`.ptl`): functions of bytecode, constants, and the TorchScript
//! they were compiled from.
//!
//! Specification: `torch/csrc/jit/serialization/mobile_bytecode.fbs` in `pytorch/pytorch`.

use crate::flatbuffer::{self, Table, Walk};
use crate::{Family, Reader, Request};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Field, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "PyTorch mobile model (FlatBuffer)",
    endings: &[".ptl", ".ff"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The number of a function in the union of values.
const FUNCTION: u8 = 16;
/// The number of a string in the union of values.
const STRING: u8 = 6;
/// The numbers of plain numbers and truths in the union of values, which are no tables.
const NUMBERS: std::ops::RangeInclusive<u8> = 1..=4;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    flatbuffer::is(input, b"PTMF").then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    if let Some(root) = Table::root(input) {
        for (slot, name) in [(0, "bytecode_version"), (10, "operator_version")] {
            if let Some(version) = root.u32(slot) {
                let (path, value) = (name.to_owned(), version.to_string());
                content.fields.push(Field { path, value, span: None });
            }
        }
        for (slot, name) in [(1, "extra_files"), (8, "jit_sources")] {
            walk.each(&root, slot, name, |_, file, walk| {
                let name = walk.some(name, file.text(0)).unwrap_or_default();
                if let Some(bytes) = walk.some(&name, file.bytes(1)) {
                    content.children.push(Child { name, data: ChildData::Span(bytes.span()) });
                }
            });
        }
        values(&root, &mut content, &mut walk);
        storages(&root, &mut content, &mut walk);
    }
    crate::names::tell_apart(&mut content.children);
    content.oddities = walk.notes.oddities;
    content.gaps = walk.notes.gaps;
    content
}

/// Constants and functions.
fn values(root: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    let mut seen = BTreeSet::new();
    let count = walk.sound("ivalues", root.tables(4)).map_or(0, |values| values.len());
    for slot in [2, 9] {
        let indices = walk.some("methods", root.i32s(slot, 1 << 16)).unwrap_or_default();
        for index in indices.into_iter().filter(|index| usize::try_from(*index).is_ok_and(|at| at >= count)) {
            let what = format!("value {index} of {count} is used");
            walk.notes.odd(OddityKind::ImpossibleLength, "ivalues", Some(root.span), what);
        }
    }
    walk.each(root, 4, "ivalues", |index, value, walk| {
        let place = format!("ivalues[{index}]");
        if value.u8(0).is_some_and(|kind| NUMBERS.contains(&kind)) {
            return;
        }
        let Some(inner) = walk.some(&place, value.table(1)) else { return };
        match value.u8(0) {
            Some(FUNCTION) => {
                let function = walk.some(&place, inner.text(0)).unwrap_or_default();
                walk.each(&inner, 2, &place, |_, operator, walk| {
                    let name = walk.some(&place, operator.text(0)).unwrap_or_default();
                    let (module, class) = name.split_once("::").unwrap_or(("", &name));
                    if !seen.insert((function.clone(), name.clone())) {
                        return;
                    }
                    content.components.push(Component {
                        kind: "node",
                        name: function.clone(),
                        class: class.to_owned(),
                        module: Some(module.to_owned()).filter(|module| !module.is_empty()),
                        place: place.clone(),
                        span: Some(operator.span),
                        settings: Vec::new(),
                    });
                });
            }
            Some(STRING) => {
                let value = walk.some(&place, inner.text(0)).unwrap_or_default();
                let span = Some(inner.span);
                content.texts.push(wb_core::Text { place, value, span });
            }
            _ => {}
        }
    });
}

/// The bytes of tensors; what is a file among them is read as one.
fn storages(root: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    walk.each(root, 6, "storage_data", |index, storage, walk| {
        let place = format!("storage_data[{index}]");
        let Some(bytes) = walk.some(&place, storage.bytes(0)) else { return };
        if crate::storage::disguised(bytes).is_some() {
            content.children.push(Child { name: place, data: ChildData::Span(bytes.span()) });
        } else {
            let (path, value) = (place, format!("{} bytes", bytes.len()));
            content.fields.push(Field { path, value, span: Some(bytes.span()) });
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::flatbuffer::recipes::{Value, buffer, text};
    use crate::testing::{children, claims, has, parse, survive};
    use wb_core::OddityKind;

    fn module(method: u32) -> Vec<u8> {
        let operators = vec![vec![(0, text("aten::add"))], vec![(0, text("mine::run"))]];
        let function = vec![(0, text("forward")), (2, Value::Tables(operators))];
        let source = vec![(0, text("code/m.py")), (1, text("def forward(self):\n  return 1\n"))];
        let storage = vec![(0, Value::Bytes(vec![0; 24]))];
        buffer(b"PTMF", vec![
            (0, Value::U32(9)),
            (2, Value::U32s(vec![method])),
            (4, Value::Tables(vec![vec![(0, Value::U8(16)), (1, Value::Table(function))]])),
            (6, Value::Tables(vec![storage])),
            (8, Value::Tables(vec![source])),
        ])
    }

    #[test]
    fn operators_of_functions_and_their_source_are_read() {
        let bytes = module(0);
        assert_eq!(claims(&bytes), "torch-mobile");
        let content = parse("torch-mobile", &bytes);
        let nodes: Vec<String> = content
            .components
            .iter()
            .map(|node| format!("{}: {:?} {}", node.name, node.module, node.class))
            .collect();
        assert_eq!(nodes, ["forward: Some(\"aten\") add", "forward: Some(\"mine\") run"]);
        let found = children(&bytes, &content);
        assert_eq!(found[0].0, "code/m.py");
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
    }

    #[test]
    fn a_method_has_to_exist() {
        assert!(has(&parse("torch-mobile", &module(9)), OddityKind::ImpossibleLength));
    }

    #[test]
    fn damage_is_survived() {
        survive("torch-mobile", &module(0));
    }
}
