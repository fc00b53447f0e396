//! Shells and downloaders that a serving process starts.

use super::Draft;
use wb_core::{Severity, Verdict};

/// Programs that run what they are told, or fetch and send: what payloads start. Names without versions.
const COMMANDS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "zsh",
    "ash",
    "ksh",
    "fish",
    "busybox",
    "curl",
    "wget",
    "nc",
    "ncat",
    "netcat",
    "socat",
    "telnet",
    "ssh",
    "scp",
    "sftp",
    "ftp",
    "tftp",
    "rsync",
    "base64",
    "perl",
    "ruby",
    "php",
    "node",
    "lua",
    "awk",
    "gawk",
    "openssl",
    "xxd",
    "dig",
    "nslookup",
    "host",
    "crontab",
    "at",
    "chmod",
    "nohup",
    "id",
    "whoami",
    "hostname",
    "uname",
    "hostnamectl",
    "systemctl",
    "useradd",
    "su",
    "sudo",
    "env",
    "printenv",
];

/// What is known of a process that was started.
#[derive(Debug)]
pub(crate) struct Started<'a> {
    pub(crate) program: &'a str,
    pub(crate) command: &'a str,
    /// The program of the parent, when the parent belongs to the same service.
    pub(crate) parent: Option<&'a str>,
    /// The worst verdict on the models that it or its forebears loaded; `None` when they loaded none.
    pub(crate) loaded: Option<Verdict>,
    /// Programs that the policy lets the service start.
    pub(crate) programs: &'a [String],
}

/// Judges a process that was started. A service's own start script is no finding: its parent is not of the
/// service, or is a shell that loaded nothing.
pub(crate) fn judge(started: &Started<'_>) -> Option<Draft> {
    let name = plain(started.program);
    let inline = is_interpreter(&name) && started.command.split(' ').nth(1) == Some("-c");
    if !(COMMANDS.contains(&name.as_str()) || inline)
        || started.programs.iter().any(|allowed| *allowed == name || *allowed == started.program)
    {
        return None;
    }
    let parent = started.parent?;
    if started.loaded.is_none() && COMMANDS.contains(&plain(parent).as_str()) {
        return None;
    }
    let severity = match started.loaded {
        Some(verdict) if verdict >= Verdict::Suspicious => Severity::Critical,
        Some(_) => Severity::High,
        None => Severity::Medium,
    };
    Some(Draft {
        rule: "serving-process-runs-command",
        severity,
        subject: format!("{name} {}", started.command),
        headline: format!("{parent} started `{}`", started.command),
        because: Vec::new(),
    })
}

/// Whether a program is one of those that payloads start.
pub(crate) fn is_command(program: &str) -> bool {
    COMMANDS.contains(&plain(program).as_str())
}

fn is_interpreter(name: &str) -> bool {
    matches!(name, "python" | "pypy")
}

/// A program's name without folder and version: `python3.11` is `python`.
fn plain(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or(program).trim_start_matches('-');
    let cut = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if cut.is_empty() { name.to_owned() } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started<'a>(
        program: &'a str,
        parent: Option<&'a str>,
        loaded: Option<Verdict>,
    ) -> Started<'a> {
        Started { program, command: program, parent, loaded, programs: &[] }
    }

    #[test]
    fn a_server_that_starts_a_shell_is_found_and_its_start_script_is_not() {
        let found = judge(&started("sh", Some("python3"), Some(Verdict::Malicious)));
        assert_eq!(found.map(|draft| draft.severity), Some(Severity::Critical));
        let found = judge(&started("sh", Some("python3"), None));
        assert_eq!(found.map(|draft| draft.severity), Some(Severity::Medium));
        assert!(judge(&started("sh", None, None)).is_none(), "started by the host");
        assert!(judge(&started("curl", Some("sh"), None)).is_none(), "a start script that fetches");
        assert!(judge(&started("curl", Some("sh"), Some(Verdict::Clean))).is_some());
        assert!(
            judge(&started("python3", Some("python3"), Some(Verdict::Clean))).is_none(),
            "a worker"
        );
    }

    #[test]
    fn code_on_the_command_line_is_found_and_what_the_policy_lets_start_is_not() {
        let inline =
            Started { command: "python3 -c print(1)", ..started("python3", Some("python3"), None) };
        assert!(judge(&inline).is_some());
        let programs = ["bash".to_owned()];
        let allowed = Started { programs: &programs, ..started("bash", Some("python3"), None) };
        assert!(judge(&allowed).is_none());
    }
}
