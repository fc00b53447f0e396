//! Commands of a shell: what a program does, and code that is piped into an interpreter.

use super::arguments::Arguments;
use super::effect::EffectDraft;
use super::value::{Outcome, Value};
use super::{Analyser, Callable, Frame, Site, payload, pure};
use std::rc::Rc;
use wb_core::{
    Budget, Capability, Constant, Indicator, IndicatorKind, Op, OpKind, Payload, PayloadKind,
};

impl<'p> Analyser<'p, '_> {
    /// One simple command. Its value is what it writes, where that can be known.
    pub(super) fn command(
        &mut self,
        frame: &mut Frame<'p>,
        op: &'p Op,
        site: Site,
        budget: &mut Budget,
    ) -> Value {
        let OpKind::Call { callee, arguments, keywords, .. } = &op.kind else {
            return Value::Unknown;
        };
        let program = match frame.program.op(*callee).map(|op| &op.kind) {
            Some(OpKind::Load { name }) if !name.starts_with('$') => name.clone(),
            _ => match frame.value(*callee) {
                known @ Value::Known(_) => known.as_readable().unwrap_or_default().to_owned(),
                other => payload::template(&other),
            },
        };
        let values: Vec<Value> = arguments.iter().map(|id| frame.value(*id)).collect();
        let words = Arguments {
            shown: Some(values.iter().map(word).collect()),
            values,
            keywords: Vec::new(),
        };
        let stdin = keywords.iter().find(|(name, _)| name == "stdin");
        let stdin = stdin.map(|(_, id)| frame.value(*id)).unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default().to_owned();
        for (operator, target) in keywords {
            if operator.starts_with('>') {
                self.redirected(operator, &frame.value(*target), site, budget);
            }
        }
        self.run_program(&program, &name, &words, &stdin, site, budget);
        output(&name, &words, &stdin)
    }

    fn run_program(
        &mut self,
        program: &str,
        name: &str,
        words: &Arguments,
        stdin: &Value,
        site: Site,
        budget: &mut Budget,
    ) {
        let known = self.knowledge.command(name);
        let capability = match &known {
            Some(known) => known.capability,
            None if matches!(program, "/dev/tcp") => Capability::Network,
            None => Capability::Unknown,
        };
        let code = script(name, words, stdin);
        if capability == Capability::Inert && code.is_none() {
            return;
        }
        let draft = EffectDraft {
            site,
            callable: program.to_owned(),
            reached_by: None,
            capability,
            // The position of an argument is that of a word, which the payloads of a call are not.
            known: known.map(|known| Rc::new(Callable { argument: Some(usize::MAX), ..known })),
            called: true,
        };
        let plain =
            Arguments { values: Vec::new(), keywords: Vec::new(), shown: words.shown.clone() };
        let Some(index) = self.effect(draft, &plain, budget) else { return };
        let Some(mut effect) = self.effects.get(index).cloned() else { return };
        if let Some((text, layers, kind)) = code {
            match kind {
                PayloadKind::Python => self.add_python(&mut effect, text, layers, budget),
                PayloadKind::Shell => self.add_command(&mut effect, text, None, layers, budget),
                kind => effect.payloads.push(Payload { kind, layers, text }),
            }
        }
        super::effect::add_indicators(&mut effect, words);
        if matches!(effect.capability, Capability::Network | Capability::Unknown) {
            for host in words.values.iter().filter_map(Value::as_readable) {
                add_bare_host(&mut effect.indicators, name, host);
            }
        }
        if let Some(slot) = self.effects.get_mut(index) {
            *slot = effect;
        }
    }

    /// Output that goes to a file.
    fn redirected(&mut self, operator: &str, target: &Value, site: Site, budget: &mut Budget) {
        let path = payload::template(target);
        let descriptor = path.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if descriptor || path.starts_with("/dev/") || path.is_empty() {
            return;
        }
        let draft = EffectDraft {
            site,
            callable: operator.to_owned(),
            reached_by: None,
            capability: Capability::WriteFile,
            known: None,
            called: true,
        };
        let shown = Some(vec![path.clone()]);
        let arguments = Arguments { values: vec![Value::text(path)], keywords: Vec::new(), shown };
        self.effect(draft, &arguments, budget);
    }
}

/// A word as it is shown.
fn word(value: &Value) -> String {
    match value.as_readable() {
        Some(text) => text.to_owned(),
        None => match value {
            Value::Joined(_) => payload::template(value),
            Value::Path(name) => name.to_string(),
            Value::Result(outcome) => format!("$({})", outcome.dotted),
            _ => "...".to_owned(),
        },
    }
}

/// A name without a dot is a host when a network tool is given it; `nslookup NAME SERVER`.
fn add_bare_host(indicators: &mut Vec<Indicator>, tool: &str, text: &str) {
    let resolver = matches!(tool, "nslookup" | "dig" | "host" | "ping" | "nc" | "ncat" | "ssh");
    let name = text.trim_start_matches(['@', '.']);
    if resolver && !name.starts_with(['-', '+']) && name.contains('.') && !name.contains('/') {
        let kind = match name.parse::<std::net::IpAddr>() {
            Ok(_) => IndicatorKind::Ip,
            Err(_) => IndicatorKind::Domain,
        };
        let plain =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        if plain {
            super::effect::add(indicators, Indicator::new(kind, name));
        }
    }
}

/// The code that a command gives to an interpreter: `python -c CODE`, `... | sh`, `powershell -enc X`.
fn script(
    name: &str,
    words: &Arguments,
    stdin: &Value,
) -> Option<(String, Vec<String>, PayloadKind)> {
    let base = name
        .trim_end_matches(".exe")
        .trim_end_matches(|one: char| one.is_ascii_digit() || one == '.');
    let kind = match base {
        // Its inputs are expressions that it evaluates: CVE-2021-41228, CVE-2022-29216.
        "python" | "pypy" | "ipython" | "saved_model_cli" => PayloadKind::Python,
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => PayloadKind::Shell,
        "perl" | "ruby" | "node" | "php" | "lua" | "powershell" | "pwsh" => PayloadKind::Text,
        _ => return None,
    };
    let powershell = matches!(base, "powershell" | "pwsh");
    let flags: &[&str] = match base {
        "saved_model_cli" => &["--input_exprs", "--input_examples"],
        _ => &["-c", "-e", "-r", "--eval"],
    };
    let mut rest = words.values.iter();
    while let Some(word) = rest.next() {
        let Some(flag) = word.as_readable() else { continue };
        let lower = flag.to_ascii_lowercase();
        // Any beginning of the name will do, and `-ec` too; `/enc` is read like `-enc`.
        let named = lower.strip_prefix(['-', '/']).unwrap_or_default();
        let begins = |name: &str| powershell && !named.is_empty() && name.starts_with(named);
        if begins("encodedcommand") || powershell && named == "ec" {
            let encoded = rest.next()?.as_bytes()?.to_vec();
            let mut gaps = Vec::new();
            let peeled = crate::peel::peel(&encoded, &mut Budget::default(), &mut gaps).pop()?;
            let text = String::from_utf8_lossy(&peeled.data).into_owned();
            return Some((text, peeled.layers, kind));
        }
        // The commands inside `sh -c` are in the program already.
        let flagged = begins("command") || !powershell && flags.contains(&flag);
        if flagged && kind != PayloadKind::Shell {
            let value = rest.next()?;
            return Some((payload::template(value), value.layers().to_vec(), kind));
        }
    }
    let piped = stdin.as_readable().filter(|text| !text.trim().is_empty())?;
    Some((piped.to_owned(), stdin.layers().to_vec(), kind))
}

/// What a command writes, when it only computes: `echo X`, `base64 -d`, `rev`.
fn output(name: &str, words: &Arguments, stdin: &Value) -> Value {
    let flag = |flag: &str| words.values.iter().any(|word| word.as_readable() == Some(flag));
    let plain = |value: Option<Value>| value.unwrap_or_default();
    match name {
        "echo" | "printf" => {
            let mut text = String::new();
            for word in &words.values {
                match word.as_readable() {
                    Some("-n" | "-e" | "-ne" | "-en" | "--") => {}
                    Some("%s" | "%b") if name == "printf" => {}
                    Some(part) => {
                        if !text.is_empty() {
                            text.push(' ');
                        }
                        text.push_str(part);
                    }
                    None => return Value::Unknown,
                }
            }
            let escaped = (name == "printf" || flag("-e") || flag("-ne") || flag("-en"))
                && text.contains('\\');
            if escaped {
                let decoded = crate::peel::codec::escapes(text.as_bytes());
                text = String::from_utf8_lossy(&decoded).into_owned();
            }
            Value::text(text)
        }
        "base64" | "openssl" if flag("-d") || flag("-D") || flag("--decode") => {
            text_of(plain(pure::function("base64.b64decode", std::slice::from_ref(stdin))))
        }
        "base32" if flag("-d") || flag("--decode") => {
            text_of(plain(pure::function("base64.b32decode", std::slice::from_ref(stdin))))
        }
        "xxd"
            if words
                .values
                .iter()
                .any(|word| word.as_readable().is_some_and(|w| w.contains('r'))) =>
        {
            text_of(plain(pure::function("binascii.unhexlify", std::slice::from_ref(stdin))))
        }
        "gunzip" | "zcat" => {
            text_of(plain(pure::function("gzip.decompress", std::slice::from_ref(stdin))))
        }
        "rev" => plain(pure::function("builtins.reversed", std::slice::from_ref(stdin))),
        "cat" | "tee" if words.values.is_empty() => stdin.clone(),
        _ => Value::Result(Rc::new(Outcome::of(name, None))),
    }
}

/// Bytes as text, where they are.
fn text_of(value: Value) -> Value {
    match (value.known(), value.as_readable()) {
        (Some(known), Some(text)) => {
            Value::layered(Constant::Text(text.to_owned()), known.layers.clone())
        }
        _ => value,
    }
}
