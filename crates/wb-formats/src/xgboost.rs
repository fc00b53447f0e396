//! XGBoost models as JSON, as UBJSON (`.ubj`), and in the old binary form, which is only recognised.
//!
//! [`Json`] and UBJSON hold one document; the trees in it are checked: the library follows their numbers
//! without looking.
//!
//! Specification: "Introduction to Model IO" and `doc/model.schema` in `dmlc/xgboost`; Universal Binary JSON,
//! draft 12.

mod ubjson;

use crate::json::flatten;
use crate::spanned_json::{self, Json, Reader as JsonReader};
use crate::trees::{Edge, Tree};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "XGBoost model (JSON, UBJSON)",
    endings: &[".ubj", ".xgb", ".bst", ".json"],
    family: Family::Model,
    refines: &["json"],
    identify,
    parse,
    named: None,
};

/// Keys that stand in `learner`.
const LEARNER: [&str; 7] = [
    "attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param",
    "learner_train_param", "objective",
];

/// How the binary form begins when it was saved from Python.
const BINARY: &[u8] = b"binf";

/// The first key is that of the learner, whose first key is one of its own.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if input.starts_with(BINARY) {
        return Some(Strength::Weak);
    }
    let known = |first: &str, second: &str| first == "learner" && LEARNER.contains(&second);
    if ubjson::first_keys(input).is_some_and(|(first, second)| known(&first, &second)) {
        return Some(Strength::Strong);
    }
    let mut reader = JsonReader::new(input.head(4096));
    let (first, _) = reader.enter_object().then(|| reader.next_key(true).ok()?)??;
    let (second, _) = reader.enter_object().then(|| reader.next_key(true).ok()?)??;
    known(&first, &second).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    if input.starts_with(BINARY) {
        content.gaps.push(Gap::over(input.span(), "the binary form of XGBoost before 3.0 is not read"));
        return content;
    }
    let text = ubjson::first_keys(input).is_none();
    let read = if text {
        spanned_json::file(input, JsonReader::new(input), &mut content, budget)
    } else {
        ubjson::read(input, &mut content, budget)
    };
    if let Some(json) = read {
        model(&json, &mut content);
    }
    crate::prose::metadata(&mut content, budget);
    content
}

fn model(json: &Json, content: &mut Content) {
    let Some(learner) = json.get("learner") else { return };
    if let Some(version) = json.get("version") {
        content.fields.push(Field { path: "version".to_owned(), value: version.display(), span: Some(version.span) });
    }
    for (key, value) in learner.entries() {
        if key == "gradient_booster" {
            continue;
        }
        let mut fields = Vec::new();
        flatten(value, &mut fields);
        for field in fields {
            let dot = if field.path.is_empty() || field.path.starts_with('[') { "" } else { "." };
            let path = format!("{key}{dot}{}", field.path);
            content.fields.push(Field { path, ..field });
        }
    }
    let features = learner.get("learner_model_param").and_then(|parameters| number(parameters, "num_feature"));
    if let Some(booster) = learner.get("gradient_booster") {
        self::booster(booster, features, content);
    }
}

/// `gbtree`, `gblinear`, or `dart`, which keeps its trees one level deeper.
fn booster(booster: &Json, features: Option<i64>, content: &mut Content) {
    let name = booster.text_at("name").unwrap_or("gbtree").to_owned();
    let inner = booster.get("gbtree").unwrap_or(booster);
    let model = inner.get("model");
    let trees = model.and_then(|model| model.get("trees")).map(Json::items).unwrap_or_default();
    content.components.push(Component {
        kind: "trees",
        name: format!("{} trees", trees.len()),
        class: name,
        place: "learner.gradient_booster".to_owned(),
        span: Some(booster.span),
        ..Component::default()
    });
    let declared = model
        .and_then(|model| model.get("gbtree_model_param"))
        .and_then(|parameters| number(parameters, "num_trees"));
    let count = i64::try_from(trees.len()).unwrap_or(i64::MAX);
    if let Some(declared) = declared.filter(|declared| *declared != count) {
        content.oddities.push(Oddity {
            kind: OddityKind::Disagreement,
            place: "gbtree_model_param".to_owned(),
            span: Some(booster.span),
            what: format!("{declared} trees are said to be there, {count} are"),
        });
    }
    for (index, tree) in trees.iter().enumerate() {
        check(tree, index, features, &mut content.oddities);
    }
}

/// A number of parameters, which are written as strings.
fn number(json: &Json, key: &str) -> Option<i64> {
    json.get(key)?.display().parse().ok()
}

/// The children, features and size of one tree.
fn check(json: &Json, index: usize, features: Option<i64>, oddities: &mut Vec<Oddity>) {
    let list = |key: &str| -> Vec<i64> {
        let items = json.get(key).map(Json::items).unwrap_or_default();
        items.iter().map(|item| item.display().parse().unwrap_or(i64::MIN)).collect()
    };
    let (left, right) = (list("left_children"), list("right_children"));
    let nodes = json.get("tree_param").and_then(|parameters| number(parameters, "num_nodes"));
    let tree = Tree { name: format!("tree {index}"), span: json.span };
    let count = i64::try_from(left.len()).unwrap_or(i64::MAX);
    if left.len() != right.len() || nodes.is_some_and(|nodes| nodes != count) {
        let said = nodes.map_or_else(|| "an unknown number of".to_owned(), |nodes| nodes.to_string());
        let what = format!("{said} nodes, {} left and {} right children", left.len(), right.len());
        tree.odd(OddityKind::Disagreement, what, oddities);
    }
    let edge = |child: &i64| match *child {
        -1 => Edge::Leaf,
        child => usize::try_from(child).map_or(Edge::Outside(child), Edge::Node),
    };
    let children: Vec<[Edge; 2]> =
        left.iter().zip(&right).map(|(left, right)| [edge(left), edge(right)]).collect();
    tree.check(&children, oddities);
    let splits = list("split_indices");
    let inner = splits.iter().zip(&left).filter(|(_, left)| **left != -1);
    let outside = |feature: &i64| *feature < 0 || features.is_some_and(|count| count > 0 && *feature >= count);
    if let Some((feature, _)) = inner.clone().find(|(feature, _)| outside(feature)) {
        let what = format!("feature {feature} is used, {} exist", features.unwrap_or(0));
        tree.odd(OddityKind::ImpossibleLength, what, oddities);
    }
}

#[cfg(test)]
mod tests;
