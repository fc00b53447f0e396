//! Code and commands in arguments: found, peeled, lifted and analysed in their turn.

use super::arguments::Arguments;
use super::effect::{add, add_payload, gap};
use super::names::Names;
use super::value::Value;
use super::{Analyser, Callable, Effects, analyse, analyse_with, render};
use crate::peel::{self, judge};
use crate::{cpython, pickle, print, python, shell};
use wb_core::{
    Budget, Bytes, Capability, Constant, Effect, Language, Payload, PayloadKind, Program,
};

/// The longest payload that is kept as text, in bytes.
const MAX_TEXT: usize = 1 << 20;

impl Analyser<'_, '_> {
    /// Fills in what the arguments of an effect hold.
    pub(super) fn add_payloads(
        &mut self,
        effect: &mut Effect,
        known: Option<&Callable>,
        arguments: &Arguments,
        budget: &mut Budget,
    ) {
        let index = known.and_then(|known| known.argument);
        let keyword = known.and_then(|known| known.keyword.as_deref());
        let first = || arguments.values.first();
        let relevant = arguments.get(index, keyword).or_else(first);
        match effect.capability {
            Capability::RunCommand => {
                if let Some(text) = command_line(relevant, arguments, template) {
                    let layers = relevant.map(Value::layers).unwrap_or_default().to_vec();
                    // An expression that is filled in is one word to the shell.
                    let lifted = command_line(relevant, arguments, blank_template);
                    self.add_command(effect, text, lifted.as_deref(), layers, budget);
                }
            }
            Capability::RunCode => {
                if let Some(value) = relevant {
                    self.add_code(effect, value, budget);
                }
            }
            Capability::Deserialize => {
                if let Some(value) = relevant {
                    self.add_serialized(effect, value, budget);
                }
            }
            Capability::Network => {
                for value in arguments.all() {
                    let text = value.as_readable().map(str::to_owned);
                    let joined = matches!(value, Value::Joined(_)).then(|| template(value));
                    if let Some(text) = text.or(joined)
                        && text.contains("://")
                    {
                        let layers = value.layers().to_vec();
                        add_payload(
                            &mut effect.payloads,
                            Payload { kind: PayloadKind::Url, layers, text },
                        );
                    }
                }
            }
            _ => {
                for value in arguments.all().take(64) {
                    self.add_hidden(effect, value, budget);
                }
            }
        }
    }

    /// A shell command line; `lifted` is how a shell would read it when that is not `text`.
    pub(super) fn add_command(
        &mut self,
        effect: &mut Effect,
        text: String,
        lifted: Option<&str>,
        layers: Vec<String>,
        budget: &mut Budget,
    ) {
        let lifted = budget.deeper(|budget| {
            let program = shell::lift(lifted.unwrap_or(&text), effect.trigger, budget);
            analyse(&program, self.knowledge, budget)
        });
        let text = cut(text);
        add_payload(&mut effect.payloads, Payload { kind: PayloadKind::Shell, layers, text });
        self.take_inner(effect, lifted);
    }

    /// Python source, or a code object.
    fn add_code(&mut self, effect: &mut Effect, value: &Value, budget: &mut Budget) {
        if let Value::Code(index) | Value::Function(index) = value {
            self.consume_code(effect, *index, budget);
            return;
        }
        let layers = value.layers().to_vec();
        let text = match value {
            Value::Joined(_) => {
                let trigger = effect.trigger;
                let lifted = blank_template(value);
                let lifted = budget.deeper(|budget| python::lift(&lifted, trigger, budget));
                let text = cut(template(value));
                let payload = Payload { kind: PayloadKind::Python, layers, text };
                add_payload(&mut effect.payloads, payload);
                if let Ok(Some(program)) = lifted {
                    self.take_program(effect, &program, budget);
                }
                return;
            }
            _ => match value.as_bytes() {
                Some(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => text.to_owned(),
                    Err(_) => return self.add_serialized(effect, value, budget),
                },
                None => return,
            },
        };
        self.add_python(effect, text, layers, budget);
    }

    /// Python source text, once its encodings are off.
    pub(super) fn add_python(
        &mut self,
        effect: &mut Effect,
        text: String,
        mut layers: Vec<String>,
        budget: &mut Budget,
    ) {
        let trigger = effect.trigger;
        let mut text = text;
        let mut lifted =
            budget.deeper(|budget| python::lift(&text, trigger, budget)).unwrap_or_default();
        if lifted.is_none() {
            let mut gaps = Vec::new();
            for peeled in peel::peel(text.as_bytes(), budget, &mut gaps) {
                let Ok(inner) = String::from_utf8(peeled.data) else { continue };
                lifted = budget
                    .deeper(|budget| python::lift(&inner, trigger, budget))
                    .unwrap_or_default();
                if lifted.is_some() {
                    layers.extend(peeled.layers);
                    text = inner;
                    break;
                }
            }
            self.gaps.append(&mut gaps);
        }
        add_payload(
            &mut effect.payloads,
            Payload { kind: PayloadKind::Python, layers, text: cut(text) },
        );
        match lifted {
            Some(program) => self.take_program(effect, &program, budget),
            None => gap(&mut self.gaps, "source text given to the interpreter does not parse"),
        }
    }

    /// A pickle or a marshalled code object in bytes, under any encodings.
    fn add_serialized(&mut self, effect: &mut Effect, value: &Value, budget: &mut Budget) {
        let Some(bytes) = value.as_bytes() else {
            if let Some(known) = value.known()
                && let Constant::Blob { span, .. } = known.constant
            {
                let why = "serialised data in an argument is too long to be kept";
                self.gaps.push(wb_core::Gap::over(span, why));
            }
            return;
        };
        let bytes = bytes.to_vec();
        let mut layers = value.layers().to_vec();
        if self.add_structure(effect, &bytes, &layers, budget) {
            return;
        }
        let mut gaps = Vec::new();
        let peeled = peel::peel(&bytes, budget, &mut gaps);
        self.gaps.append(&mut gaps);
        for reached in &peeled {
            let mut all = layers.clone();
            all.extend(reached.layers.iter().cloned());
            if self.add_structure(effect, &reached.data, &all, budget) {
                return;
            }
        }
        if let Some(last) = peeled.into_iter().next_back() {
            layers.extend(last.layers);
            self.add_text(effect, &last.data, layers, budget);
        } else {
            self.add_hidden(effect, value, budget);
        }
    }

    /// A pickle or marshalled code object in plain bytes; false when it is neither.
    fn add_structure(
        &mut self,
        effect: &mut Effect,
        bytes: &[u8],
        layers: &[String],
        budget: &mut Budget,
    ) -> bool {
        let input = Bytes::new(bytes);
        if judge::is_marshal(bytes)
            && let Ok(code) = cpython::read_marshal(input, None, budget)
        {
            let program = cpython::lift(&code, effect.trigger, budget);
            let mut layers = layers.to_vec();
            layers.push("marshal".to_owned());
            let text = cut(cpython::decompile(&code, budget).text);
            add_payload(&mut effect.payloads, Payload { kind: PayloadKind::Python, layers, text });
            self.take_program(effect, &program, budget);
            return true;
        }
        if !pickle::is_pickle(input) {
            return false;
        }
        let trigger = effect.trigger;
        let lifted =
            budget.deeper(|budget| pickle::lift(input, trigger, pickle::Detail::Full, budget));
        let Ok(lifted) = lifted else {
            gap(&mut self.gaps, "a nested pickle is deeper than the budget allows");
            return true;
        };
        self.gaps.extend(lifted.gaps);
        for program in &lifted.programs {
            let text = cut(print::python(program, true).text);
            add_payload(
                &mut effect.payloads,
                Payload { kind: PayloadKind::Pickle, layers: layers.to_vec(), text },
            );
            self.take_program(effect, program, budget);
        }
        !lifted.programs.is_empty()
    }

    /// Code that hides in an argument of a callable that is not known to run it.
    fn add_hidden(&mut self, effect: &mut Effect, value: &Value, budget: &mut Budget) {
        if let Value::Items(items) = value {
            let items: Vec<Value> = items.items.iter().take(64).cloned().collect();
            for item in items.iter().filter(|item| item.as_bytes().is_some()) {
                self.add_hidden(effect, item, budget);
            }
            return;
        }
        let Some(bytes) = value.as_bytes().filter(|bytes| bytes.len() >= 12) else { return };
        let bytes = bytes.to_vec();
        let layers = value.layers().to_vec();
        // Large data is weights; code in it would be named by what decodes it.
        if bytes.len() > 1 << 16 && !judge::is_structure(&bytes) && layers.is_empty() {
            return;
        }
        let is_code = judge::printable(&bytes).is_some_and(judge::has_code);
        if is_code || !layers.is_empty() {
            self.add_text(effect, &bytes, layers.clone(), budget);
        }
        let mut gaps = Vec::new();
        if !is_code && let Some(last) = peel::peel(&bytes, budget, &mut gaps).pop() {
            let mut all = layers;
            all.extend(last.layers);
            if !self.add_structure(effect, &last.data, &all, budget) {
                self.add_text(effect, &last.data, all, budget);
            }
        }
        self.gaps.append(&mut gaps);
    }

    /// Data that is shown as what it looks like.
    fn add_text(
        &mut self,
        effect: &mut Effect,
        data: &[u8],
        layers: Vec<String>,
        budget: &mut Budget,
    ) {
        let Some(text) = judge::printable(data) else {
            if judge::is_structure(data) {
                let shown: String =
                    data.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
                add_payload(
                    &mut effect.payloads,
                    Payload { kind: PayloadKind::Binary, layers, text: shown },
                );
            }
            return;
        };
        if !judge::has_code(text) {
            if !layers.is_empty() {
                let text = cut(text.to_owned());
                add_payload(
                    &mut effect.payloads,
                    Payload { kind: PayloadKind::Text, layers, text },
                );
            }
            return;
        }
        let trigger = effect.trigger;
        let source =
            budget.deeper(|budget| python::lift(text, trigger, budget)).unwrap_or_default();
        if let Some(program) = source {
            let text = cut(text.to_owned());
            add_payload(&mut effect.payloads, Payload { kind: PayloadKind::Python, layers, text });
            self.take_program(effect, &program, budget);
            return;
        }
        let kind = if text.trim_start().starts_with("http") && !text.trim().contains(' ') {
            PayloadKind::Url
        } else if is_command(text, self) {
            PayloadKind::Shell
        } else {
            PayloadKind::Text
        };
        add_payload(&mut effect.payloads, Payload { kind, layers, text: cut(text.to_owned()) });
    }

    /// Analyses a program found in an argument.
    pub(super) fn take_program(
        &mut self,
        effect: &mut Effect,
        program: &Program,
        budget: &mut Budget,
    ) {
        let inner =
            budget.deeper(|budget| analyse_with(program, self.knowledge, Names::default(), budget));
        self.take_inner(effect, inner);
    }

    /// Puts the conclusions about code found in an argument into its effect.
    pub(super) fn take_inner(
        &mut self,
        effect: &mut Effect,
        inner: Result<Effects, wb_core::Exhausted>,
    ) {
        match inner {
            Ok(inner) => {
                for name in &inner.imports {
                    self.note_import(name);
                }
                self.gaps.extend(inner.gaps);
                adopt(effect, inner.effects);
            }
            Err(_) => gap(&mut self.gaps, "code in an argument is nested too deeply to be read"),
        }
    }
}

/// Puts effects into another: what they hold is what the outer one does in the end.
pub(super) fn adopt(effect: &mut Effect, inner: Vec<Effect>) {
    for one in &inner {
        for payload in &one.payloads {
            add_payload(&mut effect.payloads, payload.clone());
        }
        for indicator in &one.indicators {
            add(&mut effect.indicators, indicator.clone());
        }
    }
    effect.inner.extend(inner);
}

/// The command line that a call runs: a string, a list of words, or words as arguments of their own.
fn command_line(
    relevant: Option<&Value>,
    arguments: &Arguments,
    fill: fn(&Value) -> String,
) -> Option<String> {
    let relevant = relevant?;
    if let Some(words) = relevant.sequence() {
        return words_line(words, fill);
    }
    let text = match relevant {
        Value::Joined(_) => fill(relevant),
        other => other.as_readable()?.to_owned(),
    };
    if text.contains(char::is_whitespace) {
        return Some(text);
    }
    // `execvp(program, [program, ...])`, and `spawnl(mode, program, word, ...)` by its words.
    if let Some(list) = arguments.values.iter().find_map(Value::sequence)
        && list.iter().all(|word| word.as_readable().is_some())
        && !list.is_empty()
    {
        return words_line(list, fill);
    }
    Some(text)
}

/// Words as one command line that a shell would read as these words.
fn words_line(words: &[Value], fill: fn(&Value) -> String) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    let line: Vec<String> = words
        .iter()
        .map(|word| match (word.as_readable(), word) {
            (Some(text), _) => shell::quote_text(text, false),
            (None, Value::Joined(_)) => shell::quote_text(&fill(word), false),
            (None, other) => fill(&Value::Joined([other.clone()].into())),
        })
        .collect();
    Some(line.join(" "))
}

/// Text with the pieces that are not known as expressions in braces: `dig {x}.hub.example`.
pub(super) fn template(value: &Value) -> String {
    filled(value, render::value)
}

/// Text with empty braces for the pieces that are not known.
pub(super) fn blank_template(value: &Value) -> String {
    filled(value, |_| String::new())
}

fn filled(value: &Value, fill: impl Fn(&Value) -> String) -> String {
    let mut text = String::new();
    let Value::Joined(pieces) = value else {
        return value.as_readable().unwrap_or_default().to_owned();
    };
    for piece in pieces.iter() {
        match (piece.as_readable(), piece.as_int()) {
            (Some(part), _) => text.push_str(part),
            (None, Some(number)) => text.push_str(&number.to_string()),
            (None, None) => {
                text.push('{');
                text.push_str(&fill(piece));
                text.push('}');
            }
        }
    }
    text
}

/// Whether text reads as a command line: its first word is a program that is known.
fn is_command(text: &str, analyser: &Analyser<'_, '_>) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default();
    analyser.language == Language::Shell || analyser.knowledge.command(name).is_some()
}

pub(super) fn cut(text: String) -> String {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let mut end = MAX_TEXT;
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}
