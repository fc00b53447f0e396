//! Commands in text for people: [`commands`] in Markdown, as blocks of code, pieces of code in a line, and lines that
//! are a command by themselves; [`read`] lifts them.
//!
//! Specification: CommonMark 0.31.2, "Fenced code blocks" and "Code spans".

use crate::plain_text::{Line, lines};
use wb_core::{Budget, Bytes, Content, Field, Span, Trigger};

/// Commands that are lifted of one text.
const MOST: usize = 1_000;

/// Languages of blocks that a shell runs; a block without one may be.
const SHELLS: [&str; 14] = [
    "",
    "sh",
    "bash",
    "shell",
    "console",
    "zsh",
    "terminal",
    "shell-session",
    "shellsession",
    "powershell",
    "ps1",
    "pwsh",
    "cmd",
    "bat",
];

/// Programs that fetch: a line that begins with one is a command, and not a sentence.
const FETCHERS: [&str; 12] = [
    "curl",
    "wget",
    "iwr",
    "irm",
    "iex",
    "bash",
    "sh",
    "sudo",
    "powershell",
    "pwsh",
    "invoke-webrequest",
    "invoke-expression",
];

/// Commands that the text tells somebody to run.
struct Commands {
    text: String,
    /// The number of the first line, counted from 1.
    line: u64,
    span: Span,
}

/// Lifts the commands in `lines`, the text at `place`.
pub(crate) fn read<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    place: &str,
    content: &mut Content,
    budget: &mut Budget,
) {
    for found in commands(lines) {
        let text = power_shell(&found.text).unwrap_or(&found.text);
        let mut program = wb_code::shell::lift(text, Trigger::Run, budget);
        for op in &mut program.ops {
            op.number = op.number.saturating_add(found.line).saturating_sub(1);
        }
        program.stand_at(found.span);
        program.place = place.to_owned();
        content.programs.push(program);
    }
}

/// What `powershell -c "CODE"` is given: pipes and programs are written there as a shell has them.
fn power_shell(text: &str) -> Option<&str> {
    let mut words = text.trim().splitn(2, [' ', '\t']);
    let name = words.next()?.to_ascii_lowercase();
    let rest =
        words.next().filter(|_| matches!(name.trim_end_matches(".exe"), "powershell" | "pwsh"))?;
    let (start, quote) = rest.char_indices().find(|(_, letter)| matches!(letter, '"' | '\''))?;
    let code = rest.get(start..)?.trim_start_matches(quote);
    Some(code.rsplit_once(quote).map_or(code, |(code, _)| code))
}

/// Looks at metadata for people, such as a description: lifts its commands, and notices what is meant for a model that
/// reads it.
pub(crate) fn metadata(content: &mut Content, budget: &mut Budget) {
    const SHORTEST: usize = 12;
    let for_people =
        |value: &str| value.len() >= SHORTEST && value.contains(' ') && !value.contains("{%");
    let told: Vec<Field> =
        content.fields.iter().filter(|field| for_people(&field.value)).cloned().collect();
    for field in told.into_iter().take(MOST) {
        crate::prompt::notice(&field.value, &field.path, field.span.unwrap_or_default(), content);
    }
    const FETCH: [&str; 6] = ["curl", "wget", "iwr", "irm", "base64", "Invoke-"];
    let wanted = |value: &str| {
        value.len() >= SHORTEST
            && !value.contains("{%")
            && FETCH.iter().any(|name| value.contains(name))
    };
    let fields: Vec<Field> =
        content.fields.iter().filter(|field| wanted(&field.value)).cloned().collect();
    for field in fields.into_iter().take(MOST) {
        let before = content.programs.len();
        let input = Bytes::new(field.value.as_bytes());
        read(lines(input, &field.value), &field.path, content, budget);
        for program in content.programs.iter_mut().skip(before) {
            program.stand_at(field.span.unwrap_or_default());
        }
    }
}

/// Everything that reads like a command, in order.
fn commands<'a>(lines: impl Iterator<Item = Line<'a>>) -> Vec<Commands> {
    let mut found: Vec<Commands> = Vec::new();
    let mut fence: Option<(&str, bool)> = None;
    for line in lines {
        let trimmed = line.text.trim();
        let marks = [("```"), ("~~~")].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, marks) {
            (Some((open, _)), Some(mark)) if mark == open => fence = None,
            (Some((_, true)), _) => extend(&mut found, &line),
            (Some(_), _) => {}
            (None, Some(mark)) => {
                let language = trimmed.trim_start_matches(['`', '~']);
                let language = language
                    .trim_start_matches('{')
                    .split([' ', '}', ','])
                    .next()
                    .unwrap_or_default();
                let shell = SHELLS.contains(&language.to_ascii_lowercase().as_str());
                fence = Some((mark, shell));
                if shell && found.len() < MOST {
                    let at = Span::new(line.span().end(), 0);
                    found.push(Commands {
                        text: String::new(),
                        line: line.number.saturating_add(1),
                        span: at,
                    });
                }
            }
            (None, None) => found.extend(single(&line).filter(|_| found.len() < MOST)),
        }
    }
    found.retain(|commands| pipes(&commands.text));
    found
}

/// Adds a line to the block that is open.
fn extend(found: &mut [Commands], line: &Line<'_>) {
    let Some(block) = found.last_mut() else { return };
    block.text.push_str(without_prompt(line.text));
    block.text.push('\n');
    let start = if block.text.trim().is_empty() { line.span().start } else { block.span.start };
    block.span = Span::new(start, line.span().end().saturating_sub(start));
}

/// A command in a line of prose: the line itself, or a piece of code in it.
fn single(line: &Line<'_>) -> Option<Commands> {
    let whole = without_prompt(line.text.trim());
    let first = whole.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let text = if FETCHERS.contains(&first.as_str()) {
        whole
    } else {
        let spans = line.text.split('`').skip(1).step_by(2);
        spans.map(str::trim).find(|code| pipes(code))?
    };
    Some(Commands { text: text.to_owned(), line: line.number, span: line.span_of(text) })
}

/// Whether one command may get its code from another: nothing else is looked at, as instructions start programs.
fn pipes(text: &str) -> bool {
    ["|", "$(", "<(", "`", "&&", ";", "-c ", "iex", "--input_ex"]
        .iter()
        .any(|part| text.contains(part))
}

/// `$ command` and `PS C:\> command` as the command.
fn without_prompt(line: &str) -> &str {
    let line = line.trim_start();
    let behind = line.strip_prefix("$ ").or_else(|| line.strip_prefix("> "));
    let power =
        || line.strip_prefix("PS ").and_then(|rest| rest.split_once("> ")).map(|(_, rest)| rest);
    behind.or_else(power).unwrap_or(line)
}
