//! What operations of TensorFlow graphs are worth, from the program of a node to the verdict.

use super::artifact;
use crate::examine;
use wb_core::{
    Budget, CallStyle, Constant, Content, Language, Op, OpKind, Program, Span, Trigger, Verdict,
};

/// The rules about a node that calls `operation` with these strings, and the verdict.
fn judged(operation: &str, arguments: &[&str], trigger: Trigger) -> (Vec<&'static str>, Verdict) {
    let span = Span::new(10, 20);
    let mut program = Program::new(Language::Config, trigger, span);
    program.place = "graph_def.node[1]".to_owned();
    program.component = Some("node".to_owned());
    let op = |kind| Op { span, number: 0, kind };
    let (module, name) = ("tensorflow.raw_ops".to_owned(), operation.to_owned());
    let callee = program.push(op(OpKind::Import { module, name }));
    let arguments = arguments
        .iter()
        .map(|text| program.push(op(OpKind::Constant(Constant::Text((*text).to_owned())))))
        .collect();
    let (keywords, style) = (Vec::new(), CallStyle::Call);
    program.push(op(OpKind::Call { callee, arguments, keywords, style }));
    let content = Content { programs: vec![program], ..Content::default() };
    let artifact = artifact("saved_model.pb", "saved-model");
    let examined = examine(&artifact, &content, &mut Budget::default());
    (examined.findings.iter().map(|finding| finding.rule).collect(), examined.verdict)
}

#[test]
fn operations_that_reach_the_host_are_found() {
    for (operation, arguments) in [
        ("WriteFile", &["/etc/cron.d/x", "id"][..]),
        ("ReadFile", &["/etc/passwd"]),
        ("PyFunc", &["pyfunc_0"]),
        ("EagerPyFunc", &["pyfunc_0"]),
        ("LoadLibrary", &["/tmp/x.so"]),
        ("PrintV2", &["file:///tmp/x"]),
    ] {
        for trigger in [Trigger::Load, Trigger::Inference] {
            let expected = (vec!["config-names-callable"], Verdict::Malicious);
            assert_eq!(judged(operation, arguments, trigger), expected, "{operation}");
        }
    }
}

#[test]
fn readers_of_files_outside_the_model_are_found() {
    for operation in [
        "TFRecordDataset",
        "MatchingFiles",
        "TextLineDataset",
        "WholeFileReaderV2",
        "SnapshotDatasetReader",
    ] {
        let (rules, verdict) = judged(operation, &["/etc/passwd"], Trigger::Inference);
        assert_eq!(rules, ["config-names-callable"], "{operation}");
        assert!(verdict >= Verdict::Suspicious, "{operation}");
    }
}

#[test]
fn restoring_and_checking_are_ordinary() {
    for operation in ["RestoreV2", "Assert", "Print"] {
        let expected = (vec![], Verdict::Clean);
        assert_eq!(judged(operation, &["model"], Trigger::Inference), expected, "{operation}");
    }
}
