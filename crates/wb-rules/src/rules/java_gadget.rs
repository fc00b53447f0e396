//! Classes in Java objects that are known to run code when they are read.

use super::{Draft, Subject};
use wb_core::{Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "Java objects of classes that run code when they are read",
    severity: Severity::Critical,
    techniques: &["AML.T0011.000", "T1203"],
    examine,
};

/// Names of such classes, one a line; one that ends with a dot stands for all below it.
pub(super) const GADGETS: &str = include_str!("../../data/java_gadgets.txt");

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.format() != "java-object" {
        return Vec::new();
    }
    let classes = subject.content.components.iter().filter(|part| part.kind == "class");
    classes
        .filter(|class| is_gadget(&class.name))
        .map(|class| {
            let headline = format!("reading the objects uses `{}`, which is known to run code", class.name);
            FindingBuilder::new(
                "java-gadget-class",
                &subject.artifact.path,
                Location::at(&*class.place, class.span),
                headline,
            )
            .severity(RULE.severity)
            .verdict(Verdict::Malicious)
            .call(class.name.clone())
            .trigger(Trigger::Load)
            .techniques(RULE.techniques)
            .next("do not read it; treat hosts that read it as compromised")
            .build()
        })
        .collect()
}

fn is_gadget(name: &str) -> bool {
    let known = GADGETS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    // Arrays of a class are written `[Lname;`.
    let name = name.trim_start_matches('[').trim_start_matches('L').trim_end_matches(';');
    known.into_iter().any(|known| name == known || known.ends_with('.') && name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gadgets_are_known_and_classes_of_models_are_not() {
        assert!(is_gadget("org.apache.commons.collections.functors.InvokerTransformer"));
        assert!(is_gadget("[Lorg.apache.commons.collections4.functors.ChainedTransformer;"));
        assert!(is_gadget("com.sun.org.apache.xalan.internal.xsltc.trax.TemplatesImpl"));
        for name in ["weka.classifiers.trees.J48", "java.util.PriorityQueue", "java.util.HashMap", "weka.core.Instances"] {
            assert!(!is_gadget(name), "{name}");
        }
    }
}
