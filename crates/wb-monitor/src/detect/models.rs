//! Models that are loaded, changed or written, and what is executed among them.

use super::Draft;
use crate::ledger::{Entry, disapproval};
use crate::policy::{Approved, Deploy};
use wb_core::{Severity, Verdict};

/// Judges a file after it was scanned, or when it is loaded again.
pub(crate) fn judge(entry: &Entry, approved: &[Approved]) -> Vec<Draft> {
    let Some(scan) = &entry.scan else { return Vec::new() };
    let name = entry.name();
    let mut drafts = Vec::new();
    let mut add = |rule, severity, headline: String, because: Vec<String>| {
        let subject = format!("{name} {}", scan.sha256);
        drafts.push(Draft { rule, severity, subject, headline, because });
    };
    let done = if entry.loaded { "was loaded" } else { "lies among the models" };
    if scan.verdict >= Verdict::Suspicious {
        let because =
            scan.findings.iter().take(4).map(|(rule, what)| format!("{rule}: {what}")).collect();
        let severity = match (scan.verdict, entry.loaded) {
            (Verdict::Malicious, true) => Severity::Critical,
            (Verdict::Malicious, false) | (_, true) => Severity::High,
            _ => Severity::Medium,
        };
        let headline = format!("{name} {done}, and the scanner calls it {}", scan.verdict.name());
        add("malicious-model", severity, headline, because);
    }
    if !entry.loaded || !entry.is_model() {
        return drafts;
    }
    let disapproved = disapproval(approved, &name, &scan.sha256);
    let is_approved = !approved.is_empty() && disapproved.is_none();
    if let Some(why) = disapproved {
        let headline =
            format!("{name} was loaded with sha256 {}, which is not approved", scan.sha256);
        add("unapproved-model-loaded", Severity::High, headline, vec![why]);
    }
    if let Some(before) =
        entry.before.as_ref().filter(|before| **before != scan.sha256 && !is_approved)
    {
        let headline = format!("{name} was loaded, and is not what lay there before");
        let because =
            vec![format!("sha256 before: {before}"), format!("sha256 now: {}", scan.sha256)];
        add("changed-model-loaded", Severity::Medium, headline, because);
    }
    drafts
}

/// Judges who wrote a file. `writer` is the program and user, when known.
pub(crate) fn written(path: &str, writer: Option<(&str, u32)>, deploy: &Deploy) -> Option<Draft> {
    let allowed = writer.is_some_and(|(program, user)| {
        deploy.users.contains(&user) || deploy.programs.iter().any(|known| known == program)
    });
    if allowed {
        return None;
    }
    let who = match writer {
        Some((program, user)) => format!("{program} (user {user})"),
        None => "a process that this sensor cannot name".to_owned(),
    };
    let subject = format!("{path} {who}");
    let headline = format!("{path} was written by {who}, outside a deployment");
    let rule = "model-file-written";
    Some(Draft { rule, severity: Severity::Medium, subject, headline, because: Vec::new() })
}

/// Judges a file among the models that is executed. `programs` are those that the policy lets the service start.
pub(crate) fn executed(path: &str, name: &str, programs: &[String]) -> Option<Draft> {
    if programs.iter().any(|allowed| allowed == name) {
        return None;
    }
    let headline = format!("{path} was executed: a program among the models");
    let (rule, severity, subject) = ("program-among-models", Severity::High, path.to_owned());
    Some(Draft { rule, severity, subject, headline, because: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Scan;

    fn entry(verdict: Verdict, loaded: bool) -> Entry {
        let scan = Scan { sha256: "a".repeat(64), verdict, is_model: true, ..Scan::default() };
        let seen = jiff::Timestamp::UNIX_EPOCH;
        Entry { path: "/models/a.pkl".into(), scan: Some(scan), seen, loaded, before: None }
    }

    fn rules(entry: &Entry, approved: &[Approved]) -> Vec<&'static str> {
        judge(entry, approved).iter().map(|draft| draft.rule).collect()
    }

    #[test]
    fn approved_models_are_no_finding_and_others_are() {
        let clean = entry(Verdict::Clean, true);
        assert!(rules(&clean, &[]).is_empty(), "without a list the scanner decides");
        let approve = |sha256: String| [Approved { name: "a.pkl".to_owned(), sha256 }];
        assert!(rules(&clean, &approve("A".repeat(64))).is_empty());
        assert_eq!(rules(&clean, &approve("b".repeat(64))), ["unapproved-model-loaded"]);
        assert_eq!(
            rules(&entry(Verdict::Malicious, false), &approve("b".repeat(64))),
            ["malicious-model"]
        );
    }

    #[test]
    fn a_model_that_changed_is_told_unless_the_new_one_is_approved() {
        let changed = Entry { before: Some("c".repeat(64)), ..entry(Verdict::Clean, true) };
        assert_eq!(rules(&changed, &[]), ["changed-model-loaded"]);
        let approved = [Approved { name: "a.pkl".to_owned(), sha256: "a".repeat(64) }];
        assert!(rules(&changed, &approved).is_empty());
    }

    #[test]
    fn who_deploys_may_write() {
        let deploy = Deploy { users: vec![997], programs: vec!["rsync".to_owned()] };
        assert!(written("/m/a", Some(("cp", 997)), &deploy).is_none());
        assert!(written("/m/a", Some(("rsync", 0)), &deploy).is_none());
        assert!(written("/m/a", Some(("cp", 0)), &deploy).is_some());
        assert!(written("/m/a", None, &deploy).is_some(), "nobody is not a deployer");
    }
}
