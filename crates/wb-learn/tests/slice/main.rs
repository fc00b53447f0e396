//! Small sources say what is known of them, and say it again in the same bytes.

mod standard_library;

use std::collections::BTreeMap;
use wb_learn::{Base, Source, learn, publish};
use wb_rules::learned::{Entry, Fact, write};

/// Sources as a text: a heading for each file, then its lines.
fn sources(text: &str) -> Vec<Source> {
    let files = text.split("# house/").skip(1).filter_map(|part| {
        let (path, body) = part.split_once('\n')?;
        let source = Source::of_file(&format!("house/{path}"))?;
        Some(Source { text: body.to_owned(), ..source })
    });
    files.collect()
}

fn house() -> BTreeMap<String, Entry> {
    let mut base = Base::default();
    base.add(learn(&sources(include_str!("house.txt")), &base));
    publish::entries(&base)
}

fn shown(name: &str, entry: &Entry) -> String {
    let fact = |fact: &Fact| {
        let argument = match (fact.argument, fact.keyword.as_str()) {
            (Some(at), keyword) => format!(" by argument {at} `{keyword}`"),
            (None, _) => String::new(),
        };
        let through = match fact.through.as_str() {
            "" => String::new(),
            through => format!(" through {through}"),
        };
        format!("{}{argument}{through}", fact.capability.name())
    };
    match entry {
        Entry::Function(one) => format!("{name}: {}\n", fact(one)),
        Entry::Class(built, restored) => {
            format!("{name}: built {}; restored {}\n", fact(built), fact(restored))
        }
        Entry::Alias(target) => format!("{name}: is {target}\n"),
    }
}

#[test]
fn what_calls_something_unknown_is_not_vouched_for() {
    let text: String = house().iter().map(|(name, entry)| shown(name, entry)).collect();
    assert_eq!(text, include_str!("house.book.txt"), "\n{text}");
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    assert_eq!(write("house", &house()), write("house", &house()));
}
