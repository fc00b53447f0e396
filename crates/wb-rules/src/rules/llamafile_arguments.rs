//! Arguments of a llamafile that open its server to the network or its host to the server.

use super::{Draft, Subject};
use wb_core::{Field, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A llamafile that starts with arguments which lead outside",
    severity: Severity::High,
    techniques: &["AML.T0011.000", "T1059"],
    examine,
};

/// Options whose value is a file: those in the archive itself begin with `/zip/` or are named without a folder.
const FILES: [&str; 10] = [
    "-m", "--model", "--mmproj", "--lora", "--lora-base", "-f", "--file", "--grammar-file", "--path", "--prompt-cache",
];

/// Options whose value is fetched, and run as the model.
const FETCHED: [&str; 6] = ["-mu", "--model-url", "-hf", "-hfr", "--hf-repo", "--hf-file"];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.format() != "llamafile" {
        return Vec::new();
    }
    let fields = &subject.content.fields;
    let arguments: Vec<&Field> = fields.iter().filter(|field| field.path.starts_with(".args[")).collect();
    let mut findings = Vec::new();
    for (index, option) in arguments.iter().enumerate() {
        let value = arguments.get(index.saturating_add(1)).map_or("", |next| next.value.trim());
        let Some(why) = leads_outside(option.value.trim(), value) else { continue };
        let headline = format!("starting this file {why}: `{} {value}`", option.value.trim());
        let location = Location::at(option.path.clone(), option.span);
        let finding =
            FindingBuilder::new("llamafile-odd-arguments", &subject.artifact.path, location, headline)
                .severity(RULE.severity)
                .verdict(Verdict::Suspicious)
                .techniques(RULE.techniques)
                .next("compare `.args` with what the model's authors published, or start the model without it");
        findings.push(finding.build());
    }
    findings
}

/// What an option with that value does beyond serving the model in the archive to this machine.
fn leads_outside(option: &str, value: &str) -> Option<&'static str> {
    let inside = value.starts_with("/zip/") || !value.contains(['/', '\\']);
    match option {
        "--host" if !matches!(value, "localhost" | "127.0.0.1" | "::1") => Some("serves it to the network"),
        "--unsecure" => Some("takes its sandbox away"),
        option if FILES.contains(&option) && !inside => Some("opens a file of the host"),
        option if FETCHED.contains(&option) => Some("fetches another model"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::leads_outside;

    #[test]
    fn what_stays_in_the_archive_and_on_the_machine_is_ordinary() {
        for (option, value) in [("-m", "model.gguf"), ("-m", "/zip/model.gguf"), ("--host", "127.0.0.1"), ("-c", "0")] {
            assert_eq!(leads_outside(option, value), None, "{option} {value}");
        }
        for (option, value) in [("-m", "/etc/passwd"), ("--host", "0.0.0.0"), ("--unsecure", ""), ("-hf", "a/b")] {
            assert!(leads_outside(option, value).is_some(), "{option} {value}");
        }
    }
}
