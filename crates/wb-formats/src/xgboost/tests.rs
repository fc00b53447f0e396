use crate::testing::{claims, gaps, has, oddities, parse, survive};
use wb_core::OddityKind;

const JSON: &[u8] = include_bytes!("../../tests/data/real-xgboost.json");
const UBJSON: &[u8] = include_bytes!("../../tests/data/real-xgboost.ubj");

/// A model of one tree with these children, of three features.
fn model(left: &str, right: &str, splits: &str, nodes: u32) -> String {
    format!(
        r#"{{"learner":{{"attributes":{{}},"feature_names":["a"],"gradient_booster":{{"model":{{"gbtree_model_param":{{"num_trees":"1"}},"trees":[{{"left_children":{left},"right_children":{right},"split_indices":{splits},"tree_param":{{"num_nodes":"{nodes}"}}}}]}},"name":"gbtree"}},"learner_model_param":{{"num_feature":"3"}}}},"version":[3,0,0]}}"#
    )
}

#[test]
fn models_that_the_library_wrote_are_read_in_both_forms() {
    assert_eq!(claims(JSON), "xgboost (json)");
    assert_eq!(claims(UBJSON), "xgboost");
    for bytes in [JSON, UBJSON] {
        let content = parse("xgboost", bytes);
        assert_eq!(oddities(&content), [""; 0]);
        assert_eq!(gaps(&content), [""; 0]);
        assert_eq!((&*content.components[0].class, &*content.components[0].name), ("gbtree", "2 trees"));
        let value = |path: &str| content.fields.iter().find(|field| field.path == path).map(|field| &*field.value);
        assert_eq!(value("feature_names[1]"), Some("height"));
        assert_eq!(value("objective.name"), Some("binary:logistic"));
    }
}

#[test]
fn children_have_to_exist() {
    let sound = model("[1,-1,-1]", "[2,-1,-1]", "[0,0,0]", 3);
    assert_eq!(oddities(&parse("xgboost", sound.as_bytes())), [""; 0]);
    for (left, right, splits, nodes, kind) in [
        ("[1,-1,-1]", "[99999,-1,-1]", "[0,0,0]", 3, OddityKind::ImpossibleLength),
        ("[1,-1,-1]", "[-5,-1,-1]", "[0,0,0]", 3, OddityKind::ImpossibleLength),
        ("[1,0,-1]", "[2,-1,-1]", "[0,0,0]", 3, OddityKind::Malformed),
        ("[1,-1,-1]", "[2,-1,-1]", "[7,0,0]", 3, OddityKind::ImpossibleLength),
        ("[1,-1,-1]", "[2,-1,-1]", "[0,0,0]", 9, OddityKind::Disagreement),
    ] {
        let content = parse("xgboost", model(left, right, splits, nodes).as_bytes());
        assert!(has(&content, kind), "{left} {right} {splits} {nodes}: {:?}", content.oddities);
    }
}

#[test]
fn other_documents_are_none() {
    for text in [r#"{"learner": "me"}"#, r#"{"model": {"attributes": {}}}"#, "{}"] {
        assert!(!claims(text.as_bytes()).contains("xgboost"), "{text}");
    }
}

#[test]
fn damage_is_survived() {
    survive("xgboost", JSON);
    survive("xgboost", UBJSON);
}
