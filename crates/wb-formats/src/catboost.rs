//! CatBoost: `CBM1`, the length of a FlatBuffer, and parts of further data that it names.
//!
//! Specification: `catboost/libs/model/flatbuffers/model.fbs` and `catboost/libs/model/model.cpp` in
//! `catboost/catboost`.

use crate::flatbuffer::{Table, Walk};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "CatBoost model",
    endings: &[".cbm"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Numbers of a list of trees that are read.
const MOST: usize = 1 << 20;

/// The mark and the size of the core; a core that begins with no table says how damaged the file is.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    (input.starts_with(b"CBM1") && input.u32_le(4)? > 8).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    let len = input.u32_le(4).unwrap_or(0) as usize;
    let core = input.from(8).head(len);
    if core.len() < len {
        let what = format!("the core is said to have {len} bytes, the file has {} more", core.len());
        walk.notes.odd(OddityKind::ImpossibleLength, "header", Some(input.head(8).span()), what);
        walk.notes.gap(Some(core.span()), "the core is cut");
    }
    let mut parts = 0;
    let root = Table::root(core);
    if root.is_none() {
        let what = "the core begins with a table that lies outside of it".to_owned();
        walk.notes.odd(OddityKind::ImpossibleLength, "core", Some(core.head(4).span()), what);
        walk.notes.gap(Some(core.span()), "the core is no table");
    }
    if let Some(root) = root {
        let version = walk.some("FormatVersion", root.text(0)).unwrap_or_default();
        content.fields.push(Field { path: "FormatVersion".to_owned(), value: version, span: None });
        if let Some(trees) = walk.some("ModelTrees", root.table(1)) {
            read_trees(&trees, &mut content, &mut walk);
        }
        walk.each(&root, 2, "InfoMap", |_, entry, walk| {
            let path = walk.some("InfoMap", entry.text(0)).unwrap_or_default();
            let value = walk.some("InfoMap", entry.text(1)).unwrap_or_default();
            content.fields.push(Field { path, value, span: Some(entry.span) });
        });
        let names = walk.sound("ModelPartIds", root.texts(3, 64)).unwrap_or_default();
        parts = names.len();
        for (index, value) in names.into_iter().enumerate() {
            content.fields.push(Field { path: format!("ModelPartIds[{index}]"), value, span: None });
        }
    }
    let rest = input.from(len.saturating_add(8));
    if !rest.is_empty() && parts == 0 {
        let what = format!("{} bytes behind the core, which names no parts", rest.len());
        walk.notes.odd(OddityKind::TrailingBytes, "behind the core", Some(rest.span()), what);
    } else if parts > 0 {
        walk.notes.gap(Some(rest.span()), "tables of categories behind the core are not read");
    }
    content.oddities = walk.notes.oddities;
    content.gaps = walk.notes.gaps;
    crate::prose::metadata(&mut content, budget);
    content
}

/// Symmetric trees are runs in one list of splits: each begins where the one before ends.
fn read_trees(trees: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    let splits = walk.some("TreeSplits", trees.i32s(1, MOST)).unwrap_or_default();
    let sizes = walk.some("TreeSizes", trees.i32s(2, MOST)).unwrap_or_default();
    let starts = walk.some("TreeStartOffsets", trees.i32s(3, MOST)).unwrap_or_default();
    for (index, (size, start)) in sizes.iter().zip(&starts).enumerate() {
        let end = i64::from(*size).saturating_add(i64::from(*start));
        let count = splits.len() as u64;
        if *size < 0 || *start < 0 || end.unsigned_abs() > count {
            let place = format!("tree {index}");
            let what = format!("{size} splits from {start} of {count}");
            walk.notes.odd(OddityKind::ImpossibleLength, &place, Some(trees.span), what);
        }
    }
    content.components.push(Component {
        kind: "trees",
        name: format!("{} trees", sizes.len()),
        class: "oblivious trees".to_owned(),
        place: "ModelTrees".to_owned(),
        span: Some(trees.span),
        ..Component::default()
    });
    walk.each(trees, 5, "FloatFeatures", |index, feature, walk| {
        let name = walk.some("FloatFeatures", feature.text(4)).unwrap_or_default();
        if !name.is_empty() {
            content.fields.push(Field { path: format!("FloatFeatures[{index}]"), value: name, span: None });
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::flatbuffer::recipes::{Value, buffer, text};
    use crate::testing::{claims, has, parse, survive};
    use wb_core::OddityKind;

    /// The recipe writes an identifier, which this format leaves out and nobody reads.
    fn model(size: u32) -> Vec<u8> {
        let trees = vec![
            (1, Value::U32s(vec![0, 1, 2])),
            (2, Value::U32s(vec![2, size])),
            (3, Value::U32s(vec![0, 2])),
        ];
        let core = buffer(b"\0\0\0\0", vec![
            (0, text("FlabuffersModel_v1")),
            (1, Value::Table(trees)),
            (2, Value::Tables(vec![vec![(0, text("params")), (1, text("{}"))]])),
        ]);
        let mut bytes = b"CBM1".to_vec();
        bytes.extend(u32::try_from(core.len()).expect("small").to_le_bytes());
        bytes.extend(core);
        bytes
    }

    #[test]
    fn trees_have_to_lie_in_the_list_of_splits() {
        assert_eq!(claims(&model(1)), "catboost");
        let content = parse("catboost", &model(1));
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
        assert!(has(&parse("catboost", &model(9)), OddityKind::ImpossibleLength));
        assert!(has(&parse("catboost", &model(u32::MAX)), OddityKind::ImpossibleLength));
    }

    #[test]
    fn bytes_behind_the_core_are_told() {
        let mut bytes = model(1);
        bytes.extend(b"tail");
        assert!(has(&parse("catboost", &bytes), OddityKind::TrailingBytes));
        bytes[4] = 0xff;
        assert!(has(&parse("catboost", &bytes), OddityKind::ImpossibleLength));
    }

    #[test]
    fn a_model_that_catboost_wrote_is_read() {
        let content = parse("catboost", include_bytes!("../tests/data/real.cbm"));
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
        assert_eq!(content.components[0].name, "3 trees");
        assert!(content.fields.iter().any(|field| field.path == "params"));
    }

    #[test]
    fn damage_is_survived() {
        survive("catboost", &model(1));
        survive("catboost", include_bytes!("../tests/data/real.cbm"));
    }
}
