//! Every modifier and every kind of correlation of the Sigma specification 2.1 does what it says there.

use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Event, EventKind, Instant, RecordRef, TimeBasis};
use wb_sigma::{Hits, RuleSet, Text};

/// A process, `seconds` after some moment, with `fields`.
fn event(seconds: f64, fields: &[(&str, &str)]) -> Event {
    let timestamp =
        jiff::Timestamp::from_nanosecond(1_793_530_800_000_000_000 + (seconds * 1e9) as i128);
    let artifact = ArtifactPath::from("a.log");
    Event {
        time: Some(Instant { timestamp: timestamp.expect("a time"), basis: TimeBasis::Explicit }),
        record: RecordRef { artifact, line: 1 + (seconds * 10.0) as u64, offset: 0 },
        source: "auditd",
        kind: EventKind::Exec,
        host: None,
        actor: None,
        object: None,
        level: None,
        net: None,
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        message: "a message with words in it".to_owned(),
    }
}

/// The titles of own rules that match, each as often as it does.
fn found(rules: &str, events: &[Event]) -> Vec<&'static str> {
    let own = Text { name: "own.yml".to_owned(), text: rules.to_owned() };
    let set = RuleSet::with(&[own]).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut hits = Hits::default();
    events.iter().for_each(|event| set.examine(event, &mut hits));
    let matches = set.judge(hits.all());
    let rules = matches.iter().filter_map(|found| set.rules().get(found.rule));
    rules.filter(|rule| rule.page.is_none()).map(|rule| rule.title).collect()
}

/// Whether `detection` matches a process with `fields`.
fn matches(detection: &str, fields: &[(&str, &str)]) -> bool {
    let rule = format!(
        "title: own\nid: own\nlogsource: {{ product: linux }}\ndetection:\n  selection:\n    {detection}\n  condition: selection\n"
    );
    !found(&rule, &[event(0.0, fields)]).is_empty()
}

#[track_caller]
fn check(detection: &str, hit: &[(&str, &str)], miss: &[(&str, &str)]) {
    assert!(matches(detection, hit), "{detection} ought to match {hit:?}");
    assert!(!matches(detection, miss), "{detection} ought not to match {miss:?}");
}

const COMMAND: &str = "process.command_line";

#[test]
fn plain_values_are_compared_without_case_and_with_wildcards() {
    check("CommandLine: 'CURL -s'", &[(COMMAND, "curl -S")], &[(COMMAND, "curl -s x")]);
    check("CommandLine: 'curl * ?'", &[(COMMAND, "curl -s x")], &[(COMMAND, "curl -s xy")]);
    check(r"CommandLine: 'a\*b'", &[(COMMAND, "a*b")], &[(COMMAND, "a+b")]);
    check("count: 42", &[("count", "42")], &[("count", "43")]);
    check("nothing: null", &[("other", "x")], &[("nothing", "x")]);
}

#[test]
fn modifiers_of_texts() {
    check("CommandLine|contains: ' -s '", &[(COMMAND, "curl -s x")], &[(COMMAND, "curl x")]);
    check("CommandLine|startswith: curl", &[(COMMAND, "curl -s x")], &[(COMMAND, "a curl")]);
    check("CommandLine|endswith: sh", &[(COMMAND, "bash")], &[(COMMAND, "bash x")]);
    check("CommandLine|contains|all: [a, b]", &[(COMMAND, "b a")], &[(COMMAND, "b c")]);
    check("CommandLine|contains|cased: Curl", &[(COMMAND, "x Curl")], &[(COMMAND, "x curl")]);
    check(
        "CommandLine|contains|windash: ' -s '",
        &[(COMMAND, "curl /s x")],
        &[(COMMAND, "curl +s x")],
    );
    check("CommandLine|exists: true", &[(COMMAND, "x")], &[("other", "x")]);
    check("CommandLine|exists: false", &[("other", "x")], &[(COMMAND, "x")]);
    check("CommandLine|neq: x", &[(COMMAND, "y")], &[(COMMAND, "x")]);
    check(
        "CommandLine|fieldref: other",
        &[(COMMAND, "x"), ("other", "x")],
        &[(COMMAND, "x"), ("other", "y")],
    );
}

#[test]
fn modifiers_of_regular_expressions() {
    check("CommandLine|re: '^c.rl$'", &[(COMMAND, "curl")], &[(COMMAND, "CURL")]);
    check("CommandLine|re|i: '^c.rl$'", &[(COMMAND, "CURL")], &[(COMMAND, "CURLS")]);
    check("CommandLine|re|m: '^b$'", &[(COMMAND, "a\nb")], &[(COMMAND, "a b")]);
    check("CommandLine|re|s: 'a.b'", &[(COMMAND, "a\nb")], &[(COMMAND, "a\n\nb")]);
}

#[test]
fn modifiers_of_encodings() {
    // `http` and `curl`, in each of the encodings.
    check("CommandLine|base64: 'curl'", &[(COMMAND, "Y3VybA==")], &[(COMMAND, "curl")]);
    check(
        "CommandLine|base64offset|contains: 'http://'",
        &[(COMMAND, "x YWh0dHA6Ly9i")],
        &[(COMMAND, "http://")],
    );
    check(
        "CommandLine|wide|base64offset|contains: 'http'",
        &[(COMMAND, "aAB0AHQAcAA=")],
        &[(COMMAND, "aHR0cA==")],
    );
    check(
        "CommandLine|utf16le|base64offset|contains: 'http'",
        &[(COMMAND, "aAB0AHQAcAA=")],
        &[(COMMAND, "aHR0cA==")],
    );
    check(
        "CommandLine|utf16be|base64offset|contains: 'http'",
        &[(COMMAND, "AGgAdAB0AHA=")],
        &[(COMMAND, "aHR0cA==")],
    );
    check(
        "CommandLine|utf16|base64offset|contains: 'http'",
        &[(COMMAND, "//5oAHQAdABwAA==")],
        &[(COMMAND, "aHR0cA==")],
    );
}

#[test]
fn modifiers_of_numbers_addresses_and_times() {
    check("size|gt: 5", &[("size", "6")], &[("size", "5")]);
    check("size|gte: 5", &[("size", "5")], &[("size", "4.5")]);
    check("size|lt: 5", &[("size", "-6")], &[("size", "5")]);
    check("size|lte: 5", &[("size", "5")], &[("size", "6")]);
    check("address|cidr: 192.0.2.0/24", &[("address", "192.0.2.9")], &[("address", "192.0.3.9")]);
    check(
        "address|cidr: 2001:db8::/32",
        &[("address", "2001:db8::5")],
        &[("address", "2001:db9::5")],
    );
    let at = |stamp| [("at", stamp)];
    check("at|minute: 32", &at("2026-11-02T22:32:05Z"), &at("2026-11-02T22:31:05Z"));
    check("at|hour: 22", &at("2026-11-02T22:32:05Z"), &at("2026-11-02T21:32:05Z"));
    check("at|day: 2", &at("2026-11-02T22:32:05Z"), &at("2026-11-03T22:32:05Z"));
    check("at|week: 45", &at("2026-11-02T22:32:05Z"), &at("2026-11-10T22:32:05Z"));
    check("at|month: 11", &at("2026-11-02T22:32:05Z"), &at("2026-10-02T22:32:05Z"));
    check("at|year: 2026", &at("2026-11-02T22:32:05Z"), &at("2025-11-02T22:32:05Z"));
}

#[test]
fn keywords_lists_of_maps_and_conditions() {
    let rule = |detection: &str| {
        format!("title: own\nid: own\nlogsource: {{ service: auditd }}\ndetection:\n{detection}\n")
    };
    let one = [event(0.0, &[("a", "x"), ("b", "y")])];
    let yes = |detection: &str| assert_eq!(found(&rule(detection), &one), ["own"], "{detection}");
    let no = |detection: &str| assert_eq!(found(&rule(detection), &one), [""; 0], "{detection}");
    yes("  keywords: ['WORDS', nothing]\n  condition: keywords");
    no("  keywords: [nothing]\n  condition: keywords");
    yes("  k:\n    '|all': [words, message]\n  condition: k");
    no("  k:\n    '|all': [words, nothing]\n  condition: k");
    yes("  s:\n    - a: z\n    - b: y\n  condition: s");
    yes("  s_1: { a: x }\n  s_2: { b: z }\n  condition: 1 of s_*");
    no("  s_1: { a: x }\n  s_2: { b: z }\n  condition: all of s_*");
    yes("  s_1: { a: x }\n  f: { b: z }\n  condition: s_1 and not f");
    yes("  s_1: { a: x }\n  _f: { b: z }\n  condition: all of them");
    yes("  s: { a: q }\n  t: { b: y }\n  condition: s or (t and not s)");
}

/// Rules `login` and `change`, and a correlation.
fn correlation(body: &str) -> String {
    let rule = |name: &str, value: &str| {
        format!(
            "title: {name}\nid: id-of-{name}\nname: {name}\nlogsource: {{ product: linux }}\ndetection: {{ s: {{ what: {value} }}, condition: s }}\n---\n"
        )
    };
    format!(
        "{}{}title: correlated\nid: c\ncorrelation:\n{body}\n",
        rule("login", "login"),
        rule("change", "change")
    )
}

fn did(seconds: f64, what: &'static str, who: &'static str, bytes: &'static str) -> Event {
    event(seconds, &[("what", what), ("who", who), ("bytes", bytes)])
}

#[track_caller]
fn correlates(body: &str, hit: &[Event], miss: &[Event]) {
    let rules = correlation(body);
    assert_eq!(found(&rules, hit), ["correlated"], "{body}");
    assert_eq!(found(&rules, miss), [""; 0], "{body}");
}

#[test]
fn correlations_that_count() {
    let body = "  type: event_count\n  rules: [login]\n  group-by: [who]\n  timespan: 10s\n  condition: { gte: 3 }";
    let three = |who: [&'static str; 3], apart: f64| -> Vec<Event> {
        (0..3).map(|at| did(f64::from(at) * apart, "login", who[at as usize], "1")).collect()
    };
    correlates(body, &three(["a", "a", "a"], 2.0), &three(["a", "a", "b"], 2.0));
    correlates(body, &three(["a", "a", "a"], 4.9), &three(["a", "a", "a"], 6.0));
    let body = "  type: value_count\n  rules: [login]\n  timespan: 10s\n  condition: { field: who, gte: 3 }";
    correlates(body, &three(["a", "b", "c"], 2.0), &three(["a", "b", "b"], 2.0));
    let body =
        "  type: event_count\n  rules: [login]\n  timespan: 10s\n  condition: { gt: 1, lte: 2 }";
    correlates(body, &three(["a", "a", "a"], 4.0), &three(["a", "a", "a"], 20.0));
}

#[test]
fn correlations_of_what_happens_together_and_in_order() {
    let body = "  type: temporal\n  rules: [login, change]\n  group-by: [who]\n  timespan: 1m";
    let (login, change) = (did(0.2, "login", "a", "1"), did(0.7, "change", "a", "1"));
    let late = did(99.0, "change", "a", "1");
    correlates(body, &[change.clone(), login.clone()], &[login.clone(), late]);
    correlates(
        body,
        &[login.clone(), change.clone()],
        &[login.clone(), did(1.0, "change", "b", "1")],
    );
    let body = "  type: temporal_ordered\n  rules: [login, change]\n  timespan: 1m";
    let before = did(0.1, "change", "a", "1");
    // The order within one second counts too.
    correlates(body, &[login.clone(), change.clone()], &[login.clone(), before]);
    let body = "  type: temporal\n  rules: [login, change]\n  timespan: 1m\n  condition: change and not login";
    correlates(body, std::slice::from_ref(&change), &[login, change.clone()]);
}

#[test]
fn correlations_of_amounts() {
    let sent = |all: [&'static str; 3]| -> Vec<Event> {
        (0..3).map(|at| did(f64::from(at), "login", "a", all[at as usize])).collect()
    };
    let body = |kind: &str, condition: &str| {
        format!(
            "  type: {kind}\n  rules: [login]\n  timespan: 1m\n  condition: {{ field: bytes, {condition} }}"
        )
    };
    correlates(
        &body("value_sum", "gte: 100"),
        &sent(["40", "40", "40"]),
        &sent(["10", "20", "30"]),
    );
    correlates(&body("value_avg", "gt: 50"), &sent(["10", "20", "150"]), &sent(["40", "40", "40"]));
    correlates(
        &body("value_percentile", "percentile: 50, gte: 90"),
        &sent(["5", "95", "99"]),
        &sent(["5", "10", "99"]),
    );
}

#[test]
fn aliases_join_fields_of_different_names_and_correlations_can_be_correlated() {
    let body = "  type: temporal\n  rules: [login, change]\n  group-by: [person]\n  timespan: 1m\n  \
                aliases:\n    person:\n      login: who\n      change: by";
    let login = did(0.0, "login", "a", "1");
    let change = |by| event(1.0, &[("what", "change"), ("by", by)]);
    correlates(body, &[login.clone(), change("a")], &[login.clone(), change("b")]);
    let chain = "  type: event_count\n  rules: [login]\n  group-by: [who]\n  timespan: 10s\n  condition: { gte: 2 }\n\
                 ---\ntitle: above\nid: above\ncorrelation:\n  type: temporal\n  rules: [c, change]\n  group-by: [who]\n  timespan: 1m";
    let events = [login.clone(), did(1.0, "login", "a", "1"), did(2.0, "change", "a", "1")];
    assert_eq!(found(&correlation(chain), &events), ["above"]);
    assert_eq!(found(&correlation(chain), &events[1..]), [""; 0]);
}

#[test]
fn what_a_correlation_uses_is_told_by_itself_only_if_it_says_so() {
    let body = "  type: event_count\n  rules: [login]\n  timespan: 10s\n  condition: { gte: 1 }";
    let one = [did(0.0, "login", "a", "1")];
    assert_eq!(found(&correlation(body), &one), ["correlated"]);
    assert_eq!(found(&correlation(&format!("{body}\n  generate: true")), &one).len(), 2);
}

#[test]
fn a_filter_takes_matches_away_from_rules_that_ship_too() {
    let shell = event(
        0.0,
        &[
            (COMMAND, "sh -c id"),
            ("process.executable", "/usr/bin/sh"),
            ("process.parent.executable", "/usr/bin/tritonserver"),
        ],
    );
    let matching = |own: &[Text]| {
        let set = RuleSet::with(own).unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut hits = Hits::default();
        set.examine(&shell, &mut hits);
        set.judge(hits.all()).len()
    };
    let filter = "title: ours\nlogsource: { product: linux, category: process_creation }\nfilter:\n  rules:\n    - \
                  Inference server starts a shell or a downloader\n  selection: { CommandLine: 'sh -c id' }\n  condition: not selection\n";
    assert_eq!(matching(&[]), 1);
    assert_eq!(matching(&[Text { name: "filter.yml".to_owned(), text: filter.to_owned() }]), 0);
}
