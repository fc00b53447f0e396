//! Recipes of container images (`Dockerfile`, `Containerfile`): each command that building runs is shell, and
//! packages that it installs with pip are requirements.
//!
//! Specification: Docker, "Dockerfile reference"; heredocs as BuildKit has them.

use crate::plain_text::{self, Line, lines};
use crate::requirements::{self, manifest};
use crate::spanned_json;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Field, Span, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "Recipe of a container image",
    endings: &["dockerfile", "containerfile", ".dockerfile"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// A recipe is never longer, in bytes.
const LONGEST: usize = 1 << 20;

/// Every instruction there is.
const INSTRUCTIONS: [&str; 18] = [
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
];

/// An instruction with everything behind its name, joined over lines.
struct Instruction<'a> {
    name: String,
    rest: String,
    line: Line<'a>,
    /// The bytes of all its lines.
    span: Span,
}

/// `FROM` or `ARG` comes first, and nothing stands there that is no instruction.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = plain_text::text(input, LONGEST)?;
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let name = first.split_ascii_whitespace().next()?.to_ascii_uppercase();
    if !matches!(&*name, "FROM" | "ARG") {
        return None;
    }
    let mut from = false;
    for instruction in instructions(input, text) {
        let is_from = instruction.name == "FROM";
        from |= is_from;
        let known = INSTRUCTIONS.contains(&&*instruction.name) && !instruction.rest.is_empty();
        if !known || (is_from && !is_image(&instruction.rest)) {
            return None;
        }
    }
    from.then_some(Strength::Weak)
}

/// `image:tag`, `--platform=linux/amd64 image AS name`.
fn is_image(rest: &str) -> bool {
    let words: Vec<&str> = rest.split_ascii_whitespace().filter(|word| !word.starts_with("--")).collect();
    matches!(words.as_slice(), [_]) || matches!(words.as_slice(), [_, word, _] if word.eq_ignore_ascii_case("as"))
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, LONGEST, &mut content) else { return content };
    for mut instruction in instructions(input, text) {
        if let Err(limit) = budget.items(1) {
            content.gaps.push(crate::decode::exhausted(limit, "the recipe", instruction.span));
            break;
        }
        if instruction.name == "ONBUILD"
            && let Some((name, rest)) = instruction.rest.split_once(' ')
        {
            (instruction.name, instruction.rest) = (name.to_ascii_uppercase(), rest.trim().to_owned());
        }
        if matches!(&*instruction.name, "RUN" | "CMD" | "ENTRYPOINT") {
            run(&instruction, &mut content, budget);
        }
        let path = format!("line {}.{}", instruction.line.number, instruction.name);
        content.fields.push(Field { path, value: instruction.rest, span: Some(instruction.span) });
    }
    requirements::indexes(&mut content);
    content
}

/// A command as the shell gets it.
fn run(instruction: &Instruction<'_>, content: &mut Content, budget: &mut Budget) {
    let command = command(&instruction.rest, budget);
    let mut program = wb_code::shell::lift(&command, Trigger::Run, budget);
    // Lines are joined before they are read: every step is at its instruction.
    program.stand_at(instruction.span);
    program.place = format!("line {}", instruction.line.number);
    content.programs.push(program);
    manifest::command(&command, instruction.span, instruction.line.number, content);
}

/// `rest` without flags of the instruction; of a list of words what the shell is asked to run.
pub(crate) fn command(rest: &str, budget: &mut Budget) -> String {
    let mut rest = rest;
    while rest.starts_with("--") {
        rest = rest.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
    }
    if rest.starts_with('[')
        && let Ok(list) = spanned_json::Reader::new(Bytes::new(rest.as_bytes())).value(budget)
    {
        let words: Vec<&str> = list.items().iter().filter_map(spanned_json::Json::text).collect();
        return joined(&words);
    }
    rest.to_owned()
}

/// The command that a list of words is: what a shell is asked to run, or all of them as a shell would be given them. No
/// shell looks at such words, so that what it would take for its own is quoted.
pub(crate) fn joined(words: &[&str]) -> String {
    let is_shell = |program: &str| {
        let name = program.rsplit('/').next().unwrap_or(program);
        matches!(name, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh")
    };
    match words {
        [shell, "-c" | "-lc" | "-ec", command, ..] if is_shell(shell) => (*command).to_owned(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte) || !byte.is_ascii();
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The instructions of `text`: lines that end in a backslash are joined, comments left out, heredocs taken in.
fn instructions<'a>(input: Bytes<'_>, text: &'a str) -> impl Iterator<Item = Instruction<'a>> {
    let mut lines = lines(input, text);
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|line| is_code(line.text))?;
        let (name, rest) = first.text.trim().split_once([' ', '\t']).unwrap_or((first.text.trim(), ""));
        let mut rest = rest.trim().to_owned();
        let mut span = first.span();
        while rest.ends_with('\\') {
            rest.pop();
            let Some(next) = lines.by_ref().find(|line| is_code(line.text)) else { break };
            rest.push_str(next.text.trim());
            span = Span::new(span.start, next.span().end().saturating_sub(span.start));
        }
        if let Some(end) = heredoc(&rest) {
            // What the heredoc holds is the command.
            rest.clear();
            for line in lines.by_ref() {
                span = Span::new(span.start, line.span().end().saturating_sub(span.start));
                if line.text.trim() == end {
                    break;
                }
                rest.push_str(line.text);
                rest.push('\n');
            }
        }
        Some(Instruction { name: name.to_ascii_uppercase(), rest, line: first, span })
    })
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The word that ends the heredoc which `rest` begins: `<<EOF`, `<<-"EOF"`.
fn heredoc(rest: &str) -> Option<String> {
    let word = rest.split_once("<<")?.1.trim_start_matches('-').split_ascii_whitespace().next()?;
    let word = word.trim_matches(['"', '\'']);
    let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| word.to_owned())
}

#[cfg(test)]
mod tests;
