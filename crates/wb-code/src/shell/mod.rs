//! Shell command lines: [`lift`] makes a [`Program`] of what a shell would run, in that order.
//!
//! Each simple command is a call with [`CallStyle::Command`]: the callee is a `Load` of the program's name
//! and the arguments are its words. Variables are `Load` ops whose name begins with `$`. What goes in and
//! out is in keywords: `stdin` is the command before a pipe, a here-document or a file; `>` and `>>` are
//! files. `/dev/tcp/HOST/PORT` becomes a call of `/dev/tcp` with host and port.

pub(crate) mod lexer;

use lexer::{Command, Piece, Redirect, Word};
use wb_core::{
    Budget, CallStyle, Collection, Constant, Language, Op, OpKind, Program, Span, Trigger, ValueId,
};

/// Lifts a command line: each command of it as a call with [`wb_core::CallStyle::Command`], whose callee
/// is a `Load` of the program's name and whose arguments are its words.
pub fn lift(command: &str, trigger: Trigger, budget: &mut Budget) -> Program {
    let length = u64::try_from(command.len()).unwrap_or(u64::MAX);
    let program = Program::new(Language::Shell, trigger, Span::new(0, length));
    let mut lifter = Lifter { program, line: 1, span: Span::new(0, length), inside: false };
    lifter.text(command, budget);
    lifter.program
}

struct Lifter {
    program: Program,
    line: u64,
    span: Span,
    /// Whether the text is nested in a word: positions then stay those of the outer command.
    inside: bool,
}

impl Lifter {
    fn push(&mut self, kind: OpKind) -> ValueId {
        self.program.push(Op { span: self.span, number: self.line, kind })
    }

    fn constant(&mut self, text: &str) -> ValueId {
        self.push(OpKind::Constant(Constant::Text(text.to_owned())))
    }

    fn load(&mut self, name: String) -> ValueId {
        self.push(OpKind::Load { name })
    }

    /// Lifts every command of `text` and returns the value of the last.
    fn text(&mut self, text: &str, budget: &mut Budget) -> Option<ValueId> {
        let cost = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if budget.steps(cost).is_err() {
            self.push(OpKind::Opaque {
                what: "command line over the budget".to_owned(),
                uses: Vec::new(),
            });
            return None;
        }
        let mut last = None;
        let mut newlines = NewlineCounter::new(text);
        for command in lexer::commands(text) {
            if budget.items(1).is_err() {
                break;
            }
            if !self.inside {
                self.line = newlines.line_of(command.start);
                self.span = Span::new(
                    u64::try_from(command.start).unwrap_or(u64::MAX),
                    u64::try_from(command.end.saturating_sub(command.start)).unwrap_or(u64::MAX),
                );
            }
            last = self.command(&command, last, budget).or(last);
        }
        last
    }

    /// Lifts `text` as commands that run inside the current one.
    fn nested(&mut self, text: &str, budget: &mut Budget) -> Option<ValueId> {
        let inside = std::mem::replace(&mut self.inside, true);
        let value = budget.deeper(|budget| self.text(text, budget));
        self.inside = inside;
        value.unwrap_or_else(|_| {
            let what = "nested deeper than the budget allows".to_owned();
            Some(self.push(OpKind::Opaque { what, uses: Vec::new() }))
        })
    }

    fn command(
        &mut self,
        command: &Command,
        before: Option<ValueId>,
        budget: &mut Budget,
    ) -> Option<ValueId> {
        for (name, value) in &command.assignments {
            let value = self.word(value, budget);
            self.push(OpKind::Store { name: format!("${name}"), value });
        }
        let mut keywords = Vec::new();
        if command.piped
            && let Some(before) = before
        {
            keywords.push(("stdin".to_owned(), before));
        }
        for redirect in &command.redirects {
            self.redirect(redirect, &mut keywords, budget);
        }
        let (program, arguments) = command.words.split_first()?;
        let callee = match program.plain() {
            Some(name) => self.load(name.to_owned()),
            None => self.word(program, budget),
        };
        let values: Vec<ValueId> = arguments.iter().map(|word| self.word(word, budget)).collect();
        if let Some(text) = nested_command(&command.words) {
            self.nested(&text, budget);
        }
        Some(self.push(OpKind::Call {
            callee,
            arguments: values,
            keywords,
            style: CallStyle::Command,
        }))
    }

    fn word(&mut self, word: &Word, budget: &mut Budget) -> ValueId {
        let mut items = Vec::new();
        for piece in &word.pieces {
            items.push(match piece {
                Piece::Text(text) => {
                    if let Some((host, port)) = dev_tcp(text) {
                        self.connect(host, port);
                    }
                    self.constant(text)
                }
                Piece::Variable(name) => self.load(format!("${name}")),
                Piece::Substitution(source) => match self.nested(source, budget) {
                    Some(value) => value,
                    None => self.constant(""),
                },
            });
        }
        match items.as_slice() {
            [] => self.constant(""),
            [only] => *only,
            _ => {
                let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
                self.push(OpKind::Collect { kind: Collection::Joined, items, total })
            }
        }
    }

    fn redirect(
        &mut self,
        redirect: &Redirect,
        keywords: &mut Vec<(String, ValueId)>,
        budget: &mut Budget,
    ) {
        let value = self.word(&redirect.target, budget);
        let name = match redirect.operator {
            "<<" | "<<<" | "<(" => "stdin",
            other => other,
        };
        keywords.push((name.to_owned(), value));
    }

    /// A connection that bash opens for `/dev/tcp/HOST/PORT`.
    fn connect(&mut self, host: &str, port: &str) {
        let callee = self.load("/dev/tcp".to_owned());
        let arguments = vec![self.constant(host), self.constant(port)];
        let style = CallStyle::Command;
        self.push(OpKind::Call { callee, arguments, keywords: Vec::new(), style });
    }
}

/// Host and port of a path that bash treats as a connection.
fn dev_tcp(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/dev/tcp/").or_else(|| path.strip_prefix("/dev/udp/"))?;
    rest.split_once('/')
}

/// The command line that a command runs itself: `sh -c TEXT`, `eval TEXT`, `sudo PROGRAM ...`, `xargs
/// PROGRAM ...`, `timeout 5 PROGRAM ...`.
fn nested_command(words: &[Word]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let program = program.plain()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "busybox" | "su" | "script" => {
            let mut rest = arguments.iter();
            rest.by_ref().find(|word| {
                word.plain().is_some_and(|flag| {
                    flag.starts_with('-') && !flag.starts_with("--") && flag.contains('c')
                })
            })?;
            rest.next().map(Word::text)
        }
        "eval" => Some(arguments.iter().map(Word::text).collect::<Vec<_>>().join(" ")),
        "ssh" => None,
        "sudo" | "doas" | "nohup" | "env" | "xargs" | "timeout" | "nice" | "setsid" | "exec"
        | "command" | "time" | "stdbuf" | "ionice" | "unbuffer" | "watch" | "flock" => {
            let rest: Vec<&Word> = arguments
                .iter()
                .skip_while(|word| {
                    word.plain().is_none_or(|text| {
                        text.starts_with('-')
                            || text.contains('=')
                            || text.starts_with(|first: char| first.is_ascii_digit())
                    })
                })
                .collect();
            (!rest.is_empty())
                .then(|| rest.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

/// A word written so that a shell reads it as one word again.
fn quote(word: &Word) -> String {
    quote_text(&word.text(), word.plain().is_none())
}

/// `text` as one shell word; `expands` keeps variables and substitutions alive.
pub(crate) fn quote_text(text: &str, expands: bool) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || "_-./:=,@%+~".contains(character));
    if plain {
        text.to_owned()
    } else if expands {
        format!("\"{}\"", text.replace('"', "\\\""))
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Line numbers of increasing positions, counted once over the text.
struct NewlineCounter<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> NewlineCounter<'a> {
    fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, line: 1 }
    }

    fn line_of(&mut self, position: usize) -> u64 {
        let part = self.bytes.get(self.at..position).unwrap_or_default();
        let count = part.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.at = self.at.max(position);
        self.line
    }
}

#[cfg(test)]
mod tests;
