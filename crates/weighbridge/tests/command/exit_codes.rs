//! Exit codes: 0 nothing at or above the threshold, 1 findings, 2 could not finish, 3 nothing to look at.

use crate::{case, harmless, malicious, unvouched, weighbridge};
use wb_testkit::Scratch;

#[test]
fn a_scan_ends_with_what_a_pipeline_has_to_know() {
    let models = Scratch::new().with("good.pkl", harmless()).with("bad.pkl", malicious());
    let empty = Scratch::new();
    weighbridge(&["scan", &models.path("good.pkl")]).end().code(0).quiet();
    weighbridge(&["scan", &models.path("bad.pkl")]).end().code(1).quiet();
    weighbridge(&["scan", &models.path("")]).end().code(1).prints("2 artifacts: 1 malicious");
    weighbridge(&["scan", &models.path("absent.pkl")]).end().code(2).complains("does not exist");
    weighbridge(&["scan", &empty.path("")]).end().code(3).complains("hint: ");
    weighbridge(&["scan"]).end().code(2).complains("<PATH>");
    // One path that is wrong does not hide what another holds.
    weighbridge(&["scan", &models.path("good.pkl"), &models.path("bad.pkl")]).end().code(1);
}

#[test]
fn an_investigation_ends_with_what_it_found() {
    weighbridge(&["investigate", &case("quiet-update")]).end().code(1).quiet();
    weighbridge(&["investigate", &case("staged-template")]).end().code(1).quiet();
    weighbridge(&["investigate", &case("false-alarm")]).end().code(0).quiet();
    let empty = Scratch::new();
    weighbridge(&["investigate", &empty.path("")])
        .end()
        .code(3)
        .complains("holds no file")
        .complains("hint: ");
    weighbridge(&["investigate", &empty.path("absent")]).end().code(2).complains("does not exist");
    weighbridge(&["investigate"]).end().code(2).complains("<DIR>");
}

#[test]
fn the_threshold_decides_what_fails_a_scan() {
    let models = Scratch::new()
        .with("malicious.pkl", malicious())
        .with("unknown.pkl", unvouched())
        .with("clean.pkl", harmless());
    let suspicious = format!("{}/records/requirements.txt", case("quiet-update"));
    for (file, threshold, code) in [
        (models.path("malicious.pkl"), "malicious", 1),
        (models.path("malicious.pkl"), "unknown", 1),
        (suspicious.clone(), "malicious", 0),
        (suspicious.clone(), "suspicious", 1),
        (suspicious, "unknown", 1),
        (models.path("unknown.pkl"), "malicious", 0),
        (models.path("unknown.pkl"), "suspicious", 0),
        (models.path("unknown.pkl"), "unknown", 1),
        (models.path("clean.pkl"), "unknown", 0),
    ] {
        weighbridge(&["scan", &file, "--fail-on", threshold]).end().code(code);
    }
    weighbridge(&["scan", ".", "--fail-on", "dreadful"])
        .end()
        .code(2)
        .complains("malicious, suspicious, unknown");
}

#[test]
fn a_comparison_ends_with_whether_files_differ() {
    let models = Scratch::new()
        .with("a.pkl", harmless())
        .with("b.pkl", malicious())
        .with("notes.log", "2026-01-01T00:00:00Z started\n2026-01-01T00:00:01Z stopped\n");
    let (a, b) = (models.path("a.pkl"), models.path("b.pkl"));
    weighbridge(&["diff", &a, &a]).end().code(0).prints("the same, byte for byte");
    weighbridge(&["diff", &b, &a]).end().code(1).prints("+ added global os.system");
    weighbridge(&["diff", &a, &models.path("notes.log")])
        .end()
        .code(3)
        .complains("notes.log` is no model")
        .complains("hint: ");
    weighbridge(&["diff", &a, &models.path("absent")]).end().code(2).complains("does not exist");
}
