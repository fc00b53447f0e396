//! Rules over the events of logs: those that ship, and those of the user.

use crate::weighbridge;
use serde_json::Value;
use wb_testkit::Scratch;

/// A shell below a server of models, and what libraries do.
const AUDIT: &str = concat!(
    r#"{"ID":"1793530800.843:1","NODE":"infer-02","SYSCALL":{"syscall":59,"exe":"/usr/bin/dash","comm":"sh","pid":4410,"PPID":{"exe":"/opt/bin/tritonserver"}},"EXECVE":{"ARGV":["sh","-c","id"]}}"#,
    "\n",
    r#"{"ID":"1793530801.843:2","NODE":"infer-02","SYSCALL":{"syscall":59,"exe":"/usr/bin/dash","comm":"sh","pid":4411,"PPID":{"exe":"/opt/bin/tritonserver"}},"EXECVE":{"ARGV":["sh","-c","/sbin/ldconfig -p"]}}"#,
    "\n",
);

const OWN: &str = "title: Somebody asks who he is\nid: own-1\nlevel: low\nlogsource:\n  category: process_creation\n  \
    product: linux\ndetection:\n  command:\n    CommandLine|endswith: ' id'\n  condition: command\n";

/// The findings of the case of `folder`.
fn findings(arguments: &[&str], code: i32) -> Vec<Value> {
    let json = [&["investigate"], arguments, &["--format", "json"]].concat();
    let ended = weighbridge(&json).end();
    let case: Value = serde_json::from_str(&ended.code(code).out).expect("valid JSON");
    case["findings"].as_array().expect("findings").clone()
}

#[test]
fn a_match_is_a_finding_with_its_record() {
    let logs = Scratch::new().with("audit.log", AUDIT);
    let found = findings(&[&logs.path("")], 1);
    assert_eq!(found.len(), 1, "{found:#?}");
    let finding = &found[0];
    assert_eq!(finding["rule"], "inference-spawns-shell");
    assert_eq!(
        (&finding["artifact"], &finding["location"]["line"]),
        (&"audit.log".into(), &1.into())
    );
    assert_eq!(finding["location"]["offset"], 0);
    assert!(finding.to_string().contains("ParentImage `/opt/bin/tritonserver`"), "{finding:#}");
    weighbridge(&["show", "F1", &logs.path("")])
        .end()
        .code(0)
        .prints("Inference server starts a shell");
    let text = weighbridge(&["investigate", &logs.path("")]).end();
    text.code(1).prints("the logs need a person's eye").prints("inference-spawns-shell");
    let sarif = weighbridge(&["investigate", &logs.path(""), "--format", "sarif"]).end();
    sarif.code(1).prints("\"id\": \"inference-spawns-shell\"");
    // The same log without the shell.
    let quiet = Scratch::new().with("audit.log", AUDIT.lines().nth(1).expect("two lines"));
    assert_eq!(findings(&[&quiet.path("")], 0), Vec::<Value>::new());
}

#[test]
fn own_rules_are_asked_too_in_a_file_or_a_folder() {
    let logs = Scratch::new().with("audit.log", AUDIT);
    let rules =
        Scratch::new().with("who.yml", OWN).with("deep/other.yaml", OWN.replace("own-1", "own-2"));
    let found = findings(&[&logs.path(""), "--sigma", &rules.path("who.yml")], 1);
    let names: Vec<&Value> = found.iter().map(|finding| &finding["rule"]).collect();
    assert_eq!(names, ["inference-spawns-shell", "own-1"]);
    let found = findings(&[&logs.path(""), "--sigma", &rules.path("")], 1);
    assert_eq!(found.len(), 3);
}

#[test]
fn the_timeline_marks_what_rules_match() {
    let logs = Scratch::new().with("audit.log", AUDIT);
    let rules = Scratch::new().with("who.yml", OWN);
    let all = weighbridge(&["timeline", &logs.path("audit.log")]).end();
    all.code(0).prints("inference-spawns-shell  ").prints("ldconfig");
    let own = ["timeline", &logs.path("audit.log"), "--sigma", &rules.path(""), "--matched"];
    let matched = weighbridge(&own).end();
    matched.code(0).prints("own-1").never_says("ldconfig");
    let lines = weighbridge(&[&own[..], &["--format", "jsonl"]].concat()).end();
    let row: Value = serde_json::from_str(lines.code(0).out.trim()).expect("one row");
    assert_eq!(row["rule.name"], "inference-spawns-shell,own-1");
}

#[test]
fn rules_that_cannot_be_used_are_named_with_their_place() {
    let logs = Scratch::new().with("audit.log", AUDIT);
    let wrong = OWN.replace("endswith", "sounds");
    let rules =
        Scratch::new().with("who.yml", format!("{OWN}---\n{}", wrong.replace("own-1", "own-2")));
    weighbridge(&["investigate", &logs.path(""), "--sigma", &rules.path("who.yml")])
        .end()
        .code(2)
        .complains("who.yml` line 12, rule `Somebody asks who he is`")
        .complains("sounds")
        .complains("hint: ");
    weighbridge(&["timeline", &logs.path(""), "--sigma", "absent.yml"])
        .end()
        .code(2)
        .complains("`absent.yml` does not exist");
}

#[test]
fn a_rule_is_explained_by_its_name_its_id_and_its_title() {
    let title = "Command line of a reverse shell";
    for name in ["reverse-shell", title] {
        let ended = weighbridge(&["explain", name]).end();
        ended.code(0).prints("# reverse-shell").prints("## Not found").prints("T1059.004");
    }
    weighbridge(&["explain"]).end().code(0).prints("rule over the events of logs").prints(title);
}
