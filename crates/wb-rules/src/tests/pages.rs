//! Every rule has a page of the agreed shape, and every page a rule.

use crate::{explain, rulebook, rules};

#[test]
fn every_rule_has_a_page_with_its_parts() {
    for rule in rules() {
        assert!(rule.page.starts_with(&format!("# {}\n", rule.name)), "{}", rule.name);
        for part in ["## Found", "## Not found", "## Techniques"] {
            assert!(rule.page.contains(part), "{}: {part}", rule.name);
        }
        for technique in rule.techniques {
            assert!(rule.page.contains(technique), "{}: {technique}", rule.name);
        }
    }
}

#[test]
fn names_are_unique_and_pages_are_owned() {
    let mut names: Vec<&str> = rules().iter().map(|rule| rule.name).collect();
    names.dedup();
    assert_eq!(names.len(), rules().len());
    let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/pages"))
        .expect("the pages are there");
    for page in pages {
        let file = page.expect("an entry").file_name();
        let name = file.to_string_lossy();
        assert!(names.contains(&name.trim_end_matches(".md")), "{name} has no rule");
    }
}

#[test]
fn the_rulebook_is_the_same_every_time_and_holds_the_knowledge() {
    let book = rulebook();
    assert_eq!(book, rulebook());
    let text = String::from_utf8_lossy(&book);
    for part in ["pickle-runs-command", "callables/os.toml", "keras_layers.toml", "commands.toml"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn rules_callables_and_commands_are_explained() {
    let rule = explain("pickle-runs-command").expect("a rule");
    assert!(rule.source.ends_with("pages/pickle-runs-command.md"));
    let callable = explain("posix.system").expect("a callable");
    assert_eq!((callable.name.as_str(), callable.title.as_str()), ("os.system", "run-command"));
    assert!(callable.text.contains("another name"));
    assert_eq!(explain("nslookup").expect("a command").title, "network");
    assert_eq!(explain("myproject.Model"), None);
}
