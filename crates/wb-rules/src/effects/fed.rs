//! Where a command has the code from that it runs.

use super::Story;
use crate::knowledge;
use wb_core::{Capability, Constant, Effect, OpKind, Program, ValueId};

/// Whether the code that a command runs comes out of one that talks to the network: through a pipe, or put into
/// its arguments. What is piped to an interpreter that has its code in its arguments is data to that code.
pub(super) fn from_network(story: &Story<'_>) -> bool {
    const FOLLOWED: usize = 64;
    let mut waiting = vec![story.main.op];
    for _ in 0..FOLLOWED {
        let Some(at) = waiting.pop() else { break };
        match story.program.ops.get(at).map(|op| &op.kind) {
            Some(OpKind::Call { callee, arguments, keywords, .. }) => {
                let name = match story.program.op(*callee).map(|op| &op.kind) {
                    Some(OpKind::Load { name }) => name.as_str(),
                    _ => "",
                };
                let known = knowledge::table().known_command(name);
                let network = known.is_some_and(|k| k.fact.capability == Capability::Network);
                if network && !asks_own_repository(story.program, name, arguments) {
                    return true;
                }
                waiting.extend(arguments.iter().map(|value| value.index()));
                if at != story.main.op || !has_own_code(story.main) {
                    let stdin = keywords.iter().filter(|(name, _)| name == "stdin");
                    waiting.extend(stdin.map(|(_, value)| value.index()));
                }
            }
            Some(OpKind::Collect { items, .. }) => {
                waiting.extend(items.iter().map(|value| value.index()))
            }
            _ => {}
        }
    }
    false
}

/// Whether a command is one of git's that tell about the repository that is here, such as `git rev-parse HEAD`.
fn asks_own_repository(program: &Program, name: &str, arguments: &[ValueId]) -> bool {
    const LOCAL: [&str; 14] = [
        "rev-parse",
        "rev-list",
        "describe",
        "log",
        "status",
        "config",
        "diff",
        "branch",
        "ls-files",
        "symbolic-ref",
        "merge-base",
        "name-rev",
        "for-each-ref",
        "shortlog",
    ];
    let text = |value: &ValueId| match program.op(*value).map(|op| &op.kind) {
        Some(OpKind::Constant(Constant::Text(text))) => Some(text.as_str()),
        _ => None,
    };
    name == "git" && arguments.first().and_then(text).is_some_and(|verb| LOCAL.contains(&verb))
}

/// Whether an interpreter has a program in its arguments that runs nothing of what it reads: `python3 -c CODE`,
/// `awk PROGRAM`, `python3 convert.py`.
fn has_own_code(command: &Effect) -> bool {
    let name = command.callable.rsplit('/').next().unwrap_or_default();
    let words = || command.arguments.iter().map(String::as_str);
    let reads_code = words().any(|word| matches!(word, "-" | "-s" | "/dev/stdin" | "/dev/fd/0"));
    let given = words().any(|word| !word.starts_with('-'));
    if command.capability != Capability::RunCode || reads_code || !given {
        return false;
    }
    match name.trim_end_matches(|one: char| one.is_ascii_digit() || one == '.') {
        "awk" | "gawk" | "mawk" => {
            !words().any(|word| word.contains("system(") || word.contains('|'))
        }
        // The flag and the command `e` of GNU sed run what they match.
        "sed" => !words().any(|word| {
            word.ends_with(['e', 'g']) && word.contains('/') && flags(word).contains('e')
        }),
        // What Python code in the arguments does was read with it; the code of others was not.
        "python" | "pypy" => !command
            .inner
            .iter()
            .flat_map(Effect::flatten)
            .any(|inner| inner.capability <= Capability::LoadLibrary),
        _ => !words()
            .any(|word| matches!(word, "-c" | "-e" | "-r" | "--eval" | "-Command" | "-command")),
    }
}

/// The flags behind the last `/` of `s/a/b/g`.
fn flags(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}
