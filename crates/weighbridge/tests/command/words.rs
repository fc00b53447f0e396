//! What is typed by hand for the first time, and mistyped.

use crate::{case, weighbridge};
use wb_testkit::Scratch;

#[test]
fn without_arguments_there_is_help() {
    let ended = weighbridge(&[]).end();
    ended.code(2).complains("Usage: weighbridge").complains("Examples:");
}

#[test]
fn help_lists_verbs_in_groups_with_examples() {
    let ended = weighbridge(&["--help"]).end();
    for text in [
        "Investigate:",
        "Guard:",
        "Look inside:",
        "Learn:",
        "Examples:",
        "Exit codes: 0 nothing found",
    ] {
        ended.code(0).prints(text);
    }
    for verb in ["investigate", "scan", "timeline"] {
        weighbridge(&[verb, "--help"]).end().code(0).prints("Examples:");
        weighbridge(&["help", verb]).end().code(0).prints("Examples:");
    }
    weighbridge(&["--version"]).end().code(0).prints("weighbridge 0.");
}

#[test]
fn a_path_without_a_verb_is_met_with_the_verbs_that_take_one() {
    let folder = case("quiet-update");
    weighbridge(&[&folder])
        .end()
        .code(2)
        .complains("is a path")
        .complains(&format!("hint: `weighbridge investigate {folder}`"));
    weighbridge(&["no-such-thing"]).end().code(2).complains("unrecognized subcommand");
}

#[test]
fn typing_errors_are_met_with_what_was_meant() {
    weighbridge(&["investigat", "x"]).end().code(2).complains("'investigate'");
    weighbridge(&["scan", ".", "--fail-onn", "unknown"]).end().code(2).complains("'--fail-on'");
    weighbridge(&["scan", ".", "--format", "jsn"]).end().code(2).complains("json");
}

#[test]
fn roles_can_be_given_and_are_checked() {
    let folder = case("quiet-update");
    let investigate = |role: &str| {
        weighbridge(&["investigate", &folder, "--format", "json", "--role", role]).end()
    };
    let given = investigate("models/serving_model.pkl=baseline");
    given.code(1).prints("given as `--role models/serving_model.pkl=baseline`");
    // The path may begin with the folder, as shells complete it.
    investigate(&format!("{folder}/models/serving_model.pkl=other")).code(1);
    investigate("models/serving_model.pkl=boss")
        .code(2)
        .complains("`boss` is no role")
        .complains("hint: roles are production, candidate, baseline");
    investigate("models/serving_model.pkl").code(2).complains("hint: for example `--role");
    investigate("models/absent.pkl=production")
        .code(2)
        .complains("no artifact is called `models/absent.pkl`")
        .complains("hint: ");
}

#[test]
fn unknown_names_are_met_with_known_ones() {
    let folder = case("quiet-update");
    weighbridge(&["show", "F99", &folder])
        .end()
        .code(2)
        .complains("hint: findings are F1 to F6, events E1 to");
    weighbridge(&["show", "F1", &case("false-alarm")])
        .end()
        .code(2)
        .complains("hint: it has no findings");
    weighbridge(&["explain", "no-such-rule"])
        .end()
        .code(2)
        .complains("hint: `weighbridge explain`");
    weighbridge(&["timeline", &folder, "--kind", "party"])
        .end()
        .code(2)
        .complains("hint: kinds are");
    weighbridge(&["timeline", &folder, "--from", "yesterday"])
        .end()
        .code(2)
        .complains("hint: a time is written like `2026-04-09T03:14:00Z`");
    weighbridge(&["schema", "novel"]).end().code(2).complains("case, scan");
    weighbridge(&["completions", "abacus"]).end().code(2).complains("bash");
}

#[test]
fn a_page_goes_to_its_file_or_the_reason_why_not() {
    let scratch = Scratch::new();
    let folder = case("staged-template");
    let page = scratch.path("report.html");
    weighbridge(&["investigate", &folder, "--html", &page, "--brief"]).end().code(1);
    let html = std::fs::read_to_string(&page).expect("it was written");
    assert!(html.starts_with("<!DOCTYPE html>"));
    weighbridge(&["investigate", &folder, "--html", &scratch.path("no/such/folder.html")])
        .end()
        .code(2)
        .complains("cannot be written")
        .complains("hint: ");
}

#[test]
fn pipes_are_not_told_where_to_go_next() {
    weighbridge(&["investigate", &case("quiet-update")]).end().quiet().never_says("next: ");
}
