//! [`of`]: what of a rule can be asked about a connection before it is an event. Most records of large logs are told
//! apart by that, and never become one.

use crate::fields::Names;
use crate::load::{Part, each};
use rsigma_parser::{ConditionExpr, Detection, DetectionItem, SigmaRule};

/// A rule that matches whatever `rule` matches, and asks only for what is known of a connection; `None` when there is
/// none but the one that always matches.
pub(crate) fn of(rule: &SigmaRule) -> Option<SigmaRule> {
    if rule.detection.named.values().all(is_known) {
        return Some(rule.clone());
    }
    let [condition] = rule.detection.conditions.as_slice() else { return None };
    let mut screen = rule.clone();
    screen.detection.named.clear();
    let mut kept = Vec::new();
    for part in conjuncts(condition) {
        let ConditionExpr::Identifier(name) = part else { continue };
        if let Some(known) = rule.detection.named.get(name).and_then(known_part) {
            screen.detection.named.insert(name.clone(), known);
            kept.push(part.clone());
        }
    }
    screen.detection.conditions = vec![ConditionExpr::And(kept)];
    (!screen.detection.named.is_empty()).then_some(screen)
}

/// What all has to hold for a condition to hold.
fn conjuncts(condition: &ConditionExpr) -> Vec<&ConditionExpr> {
    match condition {
        ConditionExpr::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

fn is_known(detection: &Detection) -> bool {
    let mut known = true;
    each(detection, &mut |part| {
        known &= matches!(part, Part::Item(item) if is_known_item(item));
    });
    known
}

fn is_known_item(item: &DetectionItem) -> bool {
    let name = item.field.name.as_deref();
    name.is_some_and(|name| Names::shipped().is_of_connections(name))
}

/// A detection without what is not known: of fields that all have to fit, those that are.
fn known_part(detection: &Detection) -> Option<Detection> {
    let Detection::AllOf(items) = detection else {
        return is_known(detection).then(|| detection.clone());
    };
    let known: Vec<DetectionItem> =
        items.iter().filter(|item| is_known_item(item)).cloned().collect();
    (!known.is_empty()).then_some(Detection::AllOf(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsigma_parser::parse_sigma_yaml;

    fn screened(detection: &str) -> Option<Vec<String>> {
        let text = format!("title: x\nlogsource: {{ category: proxy }}\ndetection:\n{detection}\n");
        let rule = parse_sigma_yaml(&text).expect("YAML").rules.remove(0);
        let screen = of(&rule)?;
        let mut fields = Vec::new();
        for detection in screen.detection.named.values() {
            each(detection, &mut |part| {
                if let Part::Item(item) = part {
                    fields.extend(item.field.name.clone());
                }
            });
        }
        fields.sort();
        Some(fields)
    }

    #[test]
    fn what_is_not_known_is_left_out_and_never_asked_for_the_other_way_round() {
        let of = |detection: &str| screened(detection).map(|fields| fields.join(" "));
        assert_eq!(of("  a: { r-dns: x }\n  condition: a").as_deref(), Some("r-dns"));
        assert_eq!(
            of("  a: { r-dns: x, c-useragent: y }\n  condition: a").as_deref(),
            Some("r-dns")
        );
        assert_eq!(
            of("  a: { r-dns: x }\n  f: { c-useragent: y }\n  condition: a and not f").as_deref(),
            Some("r-dns")
        );
        assert_eq!(of("  a: { c-useragent: y }\n  condition: a"), None);
        assert_eq!(of("  a: { r-dns: x }\n  b: { c-useragent: y }\n  condition: a or b"), None);
        assert_eq!(of("  a:\n    - r-dns: x\n    - c-useragent: y\n  condition: a"), None);
        assert_eq!(of("  k: [words]\n  condition: k"), None);
    }
}
