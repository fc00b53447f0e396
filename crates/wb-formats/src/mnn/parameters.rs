//! Reads the tables of a network by their [`Schema`]: lists of numbers are tensors, strings are texts.

use super::schema::{BLOB, PARAMETERS, Part, Schema};
use crate::flatbuffer::{Table, Walk};
use wb_core::{Bytes, Content, Field, Tensor, Text};

/// Lists of settings are no tensors up to this length, in elements.
const SETTINGS: usize = 64;
/// Strings of a list that are read.
const STRINGS: usize = 1 << 16;
/// Axes of a shape that are read.
const AXES: usize = 16;

/// Reads the parameter of an operator, which has the number `kind`: its weights as tensors, its strings as texts. What
/// is not known is a gap.
pub(super) fn parameter<'a>(
    kind: u8,
    table: &Table<'a>,
    name: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    match PARAMETERS.iter().find(|(known, _)| *known == kind) {
        Some((_, schema)) => read(schema, table, name, content, walk),
        None => {
            let why = format!("{name}: parameters of the unknown kind {kind}");
            walk.notes.gap(Some(table.span), why);
        }
    }
}

/// Tells of fields behind those that there are.
pub(super) fn known(table: &Table<'_>, fields: u16, name: &str, walk: &mut Walk<'_>) {
    if table.has_beyond(fields) {
        walk.notes.gap(Some(table.span), format!("{name}: fields that are not known"));
    }
}

/// Reads a table.
pub(super) fn read<'a>(
    schema: &'static Schema,
    table: &Table<'a>,
    name: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    known(table, schema.fields, name, walk);
    for (slot, part, kind) in schema.parts {
        let slot = *slot;
        let name = format!("{name}.{part}");
        match kind {
            Part::List(dtype, size) => {
                let list = walk.some(&name, table.elements(slot, *size));
                let kept = list.filter(|list| !list.is_empty() && walk.keeps(list.span()));
                let shaped = std::ptr::eq(schema, &BLOB);
                let kept = kept.map(|list| tensor(table, shaped, name, (dtype, *size), list));
                content.tensors.extend(kept);
            }
            Part::Settings => {
                let list = walk.some(&name, table.elements(slot, 4));
                let long = |list: &Bytes<'a>| list.len() > SETTINGS.saturating_mul(4);
                let kept = list.filter(|list| long(list) && walk.keeps(list.span()));
                let kept = kept.map(|list| tensor(table, false, name, ("int32", 4), list));
                content.tensors.extend(kept);
            }
            Part::Text => {
                let text = walk.some(&name, table.text(slot)).filter(|text| !text.is_empty());
                let text = text.map(|value| Text { place: name, value, span: None });
                content.texts.extend(text.filter(|_| walk.keeps(table.span)));
            }
            Part::Texts => {
                let texts = walk.sound(&name, table.texts(slot, STRINGS)).unwrap_or_default();
                for value in texts.into_iter().filter(|text| !text.is_empty()) {
                    if walk.keeps(table.span) {
                        content.texts.push(Text { place: name.clone(), value, span: None });
                    }
                }
            }
            Part::Table(inner) => {
                nested(inner, walk.some(&name, table.table(slot)), &name, content, walk);
            }
            Part::Tables(inner) => walk.each(table, slot, &name, |index, table, walk| {
                nested(inner, Some(table), &format!("{name}[{index}]"), content, walk);
            }),
            Part::Operator => {
                if let Some(inner) = walk.some(&name, table.table(slot)) {
                    let span = inner.span;
                    walk.deeper(&name, span, |walk| super::operator(&inner, &name, content, walk));
                }
            }
            Part::External => external(walk.some(&name, table.u64s(slot, AXES)), content),
        }
    }
}

fn nested<'a>(
    schema: &'static Schema,
    table: Option<Table<'a>>,
    name: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    let Some(table) = table.filter(|table| walk.keeps(table.span)) else { return };
    walk.deeper(name, table.span, |walk| read(schema, &table, name, content, walk));
}

/// Notes at the operator where its weights lie in another file: offset and lengths, in bytes.
fn external(places: Option<Vec<u64>>, content: &mut Content) {
    let Some(places) = places.filter(|places| !places.is_empty()) else { return };
    let places: Vec<String> = places.iter().map(u64::to_string).collect();
    if let Some(part) = content.components.last_mut() {
        let (path, span) = ("external".to_owned(), part.span);
        part.settings.push(Field { path, value: places.join(","), span });
    }
}

/// The weights `list`, of the type `dtype` and so many bytes each. The shape is the one that a table that is `shaped`
/// gives, where it fits.
fn tensor(
    table: &Table<'_>,
    shaped: bool,
    name: String,
    (dtype, size): (&str, usize),
    list: Bytes<'_>,
) -> Tensor {
    // `DT_HALF` and `DT_BFLOAT16` of a blob; 3 of a quantized buffer are halves too.
    let (dtype, size) = match (dtype, table.u32(2)) {
        ("", Some(3 | 19)) => ("float16", 2),
        ("", Some(14)) => ("bfloat16", 2),
        ("", _) => ("uint8", 1),
        (dtype, _) => (dtype, size),
    };
    let count = list.len().checked_div(size).unwrap_or(0) as u64;
    let dims = if shaped { table.i32s(0, AXES).ok().flatten() } else { None }.unwrap_or_default();
    let dims: Option<Vec<u64>> = dims.into_iter().map(|dim| u64::try_from(dim).ok()).collect();
    let fits = |dims: &Vec<u64>| {
        let product = dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
        !dims.is_empty() && product == Some(count)
    };
    let shape = dims.filter(fits).unwrap_or_else(|| vec![count]);
    Tensor { name, dtype: dtype.to_owned(), shape, span: Some(list.span()), strides: None }
}
