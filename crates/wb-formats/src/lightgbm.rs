//! LightGBM models: text with one block for each tree.
//!
//! Specification: `GBDT::SaveModelToString` in `src/boosting/gbdt_model_text.cpp` and `Tree::ToString` in
//! `src/io/tree.cpp` of `microsoft/LightGBM`.

use crate::plain_text::{self, Line};
use crate::spanned_json::Reader as JsonReader;
use crate::trees::{Edge, Tree};
use crate::{Family, Reader, Request};
use std::collections::BTreeMap;
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Oddity, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "LightGBM model (text)",
    endings: &[".lgb", ".txt", ".model"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The longest value that is kept as a field, in bytes.
const KEPT: usize = 1 << 16;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = input.head(256);
    let begins = ["tree\nversion=v", "tree\r\nversion=v"].iter().any(|start| text.starts_with(start.as_bytes()));
    begins.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, usize::MAX, &mut content) else { return content };
    let mut model = Model::default();
    let (mut block, mut ended) = (None::<Block>, false);
    for line in plain_text::lines(input, text) {
        if budget.steps((line.text.len() as u64).saturating_add(1)).is_err() {
            content.gaps.push(Gap::over(line.span(), "the budget of steps ran out"));
            break;
        }
        let tree = line.text.starts_with("Tree=");
        if tree || line.text == "end of trees" {
            ended |= !tree;
            if let Some(block) = block.take() {
                block.check(model.features, line.start, &mut content.oddities);
                model.blocks.push((block.start, line.start));
            }
            block = tree.then(|| Block::new(&line));
        } else if let Some((key, value)) = line.text.split_once('=') {
            match &mut block {
                Some(block) if !ended => {
                    block.values.insert(key.to_owned(), numbers(value));
                }
                _ => model.field(key, value, &line, &mut content),
            }
        } else if let Some(value) = line.text.strip_prefix("pandas_categorical:") {
            model.field("pandas_categorical", value, &line, &mut content);
            categories(value, &line, &mut content, budget);
        } else if let Some((key, value)) = parameter(line.text) {
            model.field(&format!("parameters.{key}"), value, &line, &mut content);
        }
    }
    model.finish(ended, input, &mut content);
    content
}

/// `[boosting: gbdt]` below `parameters:`.
fn parameter(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.strip_suffix(']')?.split_once(": ")
}

/// The Python package reads the categories as JSON, in which others hide what is none.
fn categories(value: &str, line: &Line<'_>, content: &mut Content, budget: &mut Budget) {
    let mut reader = JsonReader::new(Bytes::new(value.as_bytes()));
    let read = reader.value(budget);
    if read.is_err() || !reader.gaps.is_empty() || !reader.rest().is_empty() {
        content.oddities.push(Oddity {
            kind: OddityKind::Malformed,
            place: "pandas_categorical".to_owned(),
            span: Some(line.span()),
            what: "the categories are no JSON".to_owned(),
        });
    }
}

#[derive(Default)]
struct Model {
    features: Option<usize>,
    sizes: Vec<i64>,
    blocks: Vec<(u64, u64)>,
}

impl Model {
    fn field(&mut self, key: &str, value: &str, line: &Line<'_>, content: &mut Content) {
        match key {
            "max_feature_idx" => {
                self.features = value.trim().parse::<usize>().ok().and_then(|last| last.checked_add(1));
            }
            "tree_sizes" => self.sizes = numbers(value),
            _ => {}
        }
        let mut value = value.trim().to_owned();
        value.truncate(value.floor_char_boundary(KEPT));
        content.fields.push(Field { path: key.to_owned(), value, span: Some(line.span()) });
    }

    /// The library cuts the text by `tree_sizes` and reads the pieces on several threads.
    fn finish(self, ended: bool, input: Bytes<'_>, content: &mut Content) {
        let mut odd = |kind, place: &str, what: String| {
            let (place, span) = (place.to_owned(), Some(input.span()));
            content.oddities.push(Oddity { kind, place, span, what });
        };
        if !ended {
            odd(OddityKind::Truncated, "trees", "the list of trees has no end".to_owned());
        }
        if !self.sizes.is_empty() && self.sizes.len() != self.blocks.len() && ended {
            let what = format!("{} sizes for {} trees", self.sizes.len(), self.blocks.len());
            odd(OddityKind::Disagreement, "tree_sizes", what);
        } else if let Some((index, (size, (start, end)))) =
            self.sizes.iter().zip(&self.blocks).enumerate().find(|(_, (size, (start, end)))| {
                i64::try_from(end.saturating_sub(*start)) != Ok(**size)
            })
        {
            let what = format!("tree {index} is said to have {size} bytes, it has {}", end.saturating_sub(*start));
            odd(OddityKind::Disagreement, "tree_sizes", what);
        }
        if !ended {
            let end = Span::new(input.span().end(), 0);
            content.gaps.push(Gap::over(end, "the file ends before the list of trees does"));
        }
        content.components.push(Component {
            kind: "trees",
            name: format!("{} trees", self.blocks.len()),
            class: "gbdt".to_owned(),
            place: "trees".to_owned(),
            span: Some(input.head(64).span()),
            ..Component::default()
        });
    }
}

/// Whole numbers between spaces; anything else stands as the smallest number.
fn numbers(value: &str) -> Vec<i64> {
    value.split_ascii_whitespace().map(|word| word.parse().unwrap_or(i64::MIN)).collect()
}

/// The lines of one tree.
struct Block {
    name: String,
    start: u64,
    values: BTreeMap<String, Vec<i64>>,
}

impl Block {
    fn new(line: &Line<'_>) -> Self {
        let name = line.text.strip_prefix("Tree=").unwrap_or_default();
        Self { name: format!("tree {name}"), start: line.start, values: BTreeMap::new() }
    }

    fn list(&self, key: &str) -> &[i64] {
        self.values.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Inner nodes are counted from 0, leaves by the complement of their number.
    fn check(&self, features: Option<usize>, end: u64, oddities: &mut Vec<Oddity>) {
        let span = Span::new(self.start, end.saturating_sub(self.start));
        let tree = Tree { name: self.name.clone(), span };
        let leaves = self.list("num_leaves").first().copied().unwrap_or(0);
        let (left, right) = (self.list("left_child"), self.list("right_child"));
        let inner = usize::try_from(leaves.saturating_sub(1)).unwrap_or(0);
        let lists = ["split_feature", "threshold", "decision_type", "left_child", "right_child"];
        let wrong = |key: &&&str| self.values.contains_key(**key) && self.list(key).len() != inner;
        if let Some(key) = lists.iter().find(wrong).filter(|_| leaves != 1) {
            let what = format!("{leaves} leaves, and {} values of `{key}`", self.list(key).len());
            tree.odd(OddityKind::Disagreement, what, oddities);
        }
        let edge = |child: &i64| match *child {
            child if child < 0 && !child < leaves => Edge::Leaf,
            child => usize::try_from(child).map_or(Edge::Outside(child), Edge::Node),
        };
        let children: Vec<[Edge; 2]> =
            left.iter().zip(right).map(|(left, right)| [edge(left), edge(right)]).collect();
        if leaves != 1 {
            tree.check(&children, oddities);
        }
        let outside = |feature: &&i64| {
            usize::try_from(**feature).map_or(true, |feature| features.is_some_and(|count| feature >= count))
        };
        if let Some(feature) = self.list("split_feature").iter().find(outside) {
            let what = format!("feature {feature} is used, {} exist", features.unwrap_or(0));
            tree.odd(OddityKind::ImpossibleLength, what, oddities);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    const REAL: &str = include_str!("../tests/data/real-lightgbm.txt");

    #[test]
    fn a_model_that_the_library_wrote_is_read() {
        assert_eq!(claims(REAL.as_bytes()), "lightgbm");
        let content = parse("lightgbm", REAL.as_bytes());
        assert_eq!(oddities(&content), [""; 0]);
        assert_eq!(content.components[0].name, "2 trees");
        let value = |path: &str| content.fields.iter().find(|field| field.path == path).map(|field| &*field.value);
        assert_eq!(value("feature_names"), Some("age height weight"));
        assert_eq!(value("parameters.boosting"), Some("gbdt"));
        assert_eq!(value("pandas_categorical"), Some("null"));
    }

    #[test]
    fn numbers_that_lead_out_of_a_tree_are_told() {
        for (from, to, kind) in [
            ("left_child=1 -1 -3", "left_child=7 -1 -3", OddityKind::ImpossibleLength),
            ("left_child=1 -1 -3", "left_child=1 -1 -9", OddityKind::ImpossibleLength),
            ("left_child=1 -1 -3", "left_child=0 -1 -3", OddityKind::Malformed),
            ("split_feature=1 1 0", "split_feature=1 1 9", OddityKind::ImpossibleLength),
            ("num_leaves=4", "num_leaves=5", OddityKind::Disagreement),
            ("tree_sizes=553 ", "tree_sizes=553000 ", OddityKind::Disagreement),
        ] {
            let text = REAL.replacen(from, to, 1);
            assert_ne!(text, REAL, "{from}");
            assert!(has(&parse("lightgbm", text.as_bytes()), kind), "{to}");
        }
    }

    #[test]
    fn a_model_that_breaks_off_says_so() {
        let half = &REAL.as_bytes()[..REAL.len() / 4];
        let content = parse("lightgbm", half);
        assert!(has(&content, OddityKind::Truncated) && !content.gaps.is_empty());
        assert_eq!(claims(b"tree\nof life\n"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("lightgbm", REAL.as_bytes());
    }
}
