//! The pages of rules: the lines of every `log hit` block match the rule when they are read as logs are read, and
//! those of a `log miss` block do not. Several blocks in a row are logs of one case.

use std::collections::BTreeSet;
use wb_core::ArtifactPath;
use wb_logs::ClockHints;
use wb_sigma::{Hits, RuleSet};

/// The logs of a page's `wanted` part, in the order in which they stand.
fn logs(page: &str, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) if info == wanted => open = Some(String::new()),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(text), None) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    found
}

/// The names of the rules that match a case of `logs`.
fn matching(rules: &RuleSet, logs: &[String]) -> BTreeSet<&'static str> {
    let mut all = Vec::new();
    for (number, text) in logs.iter().enumerate() {
        let artifact = ArtifactPath::from(format!("{number}.log"));
        let mut hits = Hits::default();
        let mut sink = |event| {
            if std::env::var_os("SHOW_EVENTS").is_some() {
                println!("{event:#?}");
            }
            rules.examine(&event, &mut hits);
        };
        wb_logs::read(&artifact, &mut text.as_bytes(), &ClockHints::default(), &mut sink)
            .expect("text is read");
        all.extend(hits.all().to_vec());
    }
    let found = rules.judge(&all);
    found.iter().filter_map(|found| rules.rules().get(found.rule)).map(|rule| rule.name).collect()
}

#[test]
fn every_page_shows_a_hit_and_the_nearest_miss() {
    let rules = RuleSet::shipped();
    let mut wrong = Vec::new();
    for rule in rules.rules() {
        let Some(page) = rule.page else {
            assert!(rule.silent, "`{}` has no page", rule.name);
            continue;
        };
        let (hit, miss) = (logs(page, "log hit"), logs(page, "log miss"));
        if hit.is_empty() || miss.is_empty() {
            wrong.push(format!("{}: a page has a hit and a miss", rule.name));
        }
        if !matching(rules, &hit).contains(rule.name) {
            wrong.push(format!("{}: the hit is not found", rule.name));
        }
        let missed = matching(rules, &miss);
        if !missed.is_empty() {
            wrong.push(format!("{}: the near miss is found by {missed:?}", rule.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
