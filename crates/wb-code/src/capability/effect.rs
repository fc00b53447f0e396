//! Building effects out of calls.

use super::arguments::Arguments;
use super::value::{Items, Object, Value, first_fed};
use super::{Analyser, Callable, MAX_EFFECTS, Site, payload};
use crate::indicators;
use std::rc::Rc;
use wb_core::{
    Budget, Capability, Collection, Effect, Gap, Indicator, IndicatorKind, Language, Payload,
    PayloadKind,
};

/// The most bytes of text in which indicators are looked for, per argument.
const MAX_SEARCHED: usize = 1 << 18;

/// An effect before its arguments are looked at.
#[derive(Clone, Debug)]
pub(super) struct EffectDraft {
    pub site: Site,
    pub callable: String,
    pub reached_by: Option<String>,
    pub capability: Capability,
    pub known: Option<Rc<Callable>>,
    pub called: bool,
}

impl Analyser<'_, '_> {
    /// Adds the effect of a call and returns its index; `None` when the same effect is there already.
    pub(super) fn effect(
        &mut self,
        draft: EffectDraft,
        arguments: &Arguments,
        budget: &mut Budget,
    ) -> Option<usize> {
        let shown: Vec<String> =
            if draft.called || arguments.shown.is_none() { arguments.show() } else { Vec::new() };
        // A call that nobody vouches for is told once, whatever it is given.
        let told = if draft.capability == Capability::Unknown { Vec::new() } else { shown.clone() };
        let key = (draft.site.number, draft.site.span.start, draft.callable.clone(), told);
        if !self.seen.insert(key) || self.effects.len() >= MAX_EFFECTS {
            return None;
        }
        if let Err(exhausted) = budget.items(1) {
            self.exhaust(exhausted);
            return None;
        }
        let capability = refined(&draft, arguments);
        let mut effect = Effect {
            op: draft.site.op,
            number: draft.site.number,
            span: draft.site.span,
            callable: draft.callable,
            reached_by: draft.reached_by,
            capability,
            called: draft.called,
            arguments: shown,
            payloads: Vec::new(),
            indicators: Vec::new(),
            trigger: self.trigger,
            inner: Vec::new(),
        };
        for arguments in &arguments.alternatives() {
            self.add_payloads(&mut effect, draft.known.as_deref(), arguments, budget);
            add_indicators(&mut effect, arguments);
        }
        let index = self.effects.len();
        self.effects.push(effect);
        if self.is_source() {
            let known = draft.known.as_deref();
            self.flows.extend(feeds(arguments, known).map(|from| (from, index)));
        }
        Some(index)
    }

    /// Puts effects into another, with what they hold.
    pub(super) fn attach(&mut self, index: usize, inner: Vec<Effect>) {
        if let Some(effect) = self.effects.get_mut(index) {
            payload::adopt(effect, inner);
        }
    }

    /// What a method of a result is given belongs to the effect that made the result:
    /// `socket.socket().connect((host, port))`.
    pub(super) fn enrich(&mut self, effect: Option<usize>, arguments: &Arguments) {
        let Some(effect) = effect.and_then(|index| self.effects.get_mut(index)) else { return };
        for arguments in &arguments.alternatives() {
            add_indicators(effect, arguments);
        }
    }

    /// A look at, or a change of, the environment of the process.
    pub(super) fn environment(&mut self, object: &Object, name: Option<&str>, site: Site) {
        self.called.insert(object.dotted.clone());
        let draft = EffectDraft {
            site,
            callable: object.dotted.clone(),
            reached_by: object.reached.as_deref().map(str::to_owned),
            capability: Capability::Environment,
            known: self.lookup(&object.dotted),
            called: true,
        };
        let values = name.map(Value::text).into_iter().collect();
        let arguments = Arguments { values, ..Arguments::default() };
        if let Some(index) = self.effect(draft, &arguments, &mut Budget::default())
            && let (Some(effect), Some(name)) = (self.effects.get_mut(index), name)
        {
            add(&mut effect.indicators, Indicator::new(IndicatorKind::Env, name));
        }
    }

    /// Pickle's BUILD. On the result of a call it sets the state of a new object, which is what it is for;
    /// on an imported object it writes attributes to a module, class or function that others use.
    pub(super) fn build(&mut self, of: &Value, state: &Value, site: Site, budget: &mut Budget) {
        if let Value::Function(_) = of {
            self.set_function_state(&Arguments {
                values: vec![of.clone(), state.clone()],
                ..Arguments::default()
            });
            return;
        }
        let Value::Object(object) = of else { return };
        let mut written = Vec::new();
        let slots = state.sequence().unwrap_or_default();
        for part in std::iter::once(state).chain(slots) {
            let Value::Items(items) = part else { continue };
            let Items { kind: Collection::Dict, items, .. } = items.as_ref() else { continue };
            for pair in items.chunks_exact(2) {
                if let [key, value] = pair
                    && let Some(name) = key.as_readable()
                {
                    let full = format!("{}.{name}", object.dotted);
                    self.attributes.insert(full, value.clone());
                    written.push(name.to_owned());
                }
            }
        }
        let names = written.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let what =
            if names.is_empty() { "state".to_owned() } else { format!("attributes {names}") };
        self.called.insert(object.dotted.clone());
        let draft = EffectDraft {
            site,
            callable: object.dotted.clone(),
            reached_by: Some(format!("BUILD writes {what} to the imported object")),
            capability: Capability::AttributeWalk,
            known: None,
            called: true,
        };
        let arguments = Arguments { values: vec![state.clone()], ..Arguments::default() };
        self.effect(draft, &arguments, budget);
    }

    /// Effects of the names that lead to something but are never called.
    pub(super) fn finish_references(&mut self) {
        let mut told = std::collections::BTreeSet::new();
        for reference in std::mem::take(&mut self.references) {
            if self.called.contains(&reference.dotted) || !told.insert(reference.dotted.clone()) {
                continue;
            }
            let known = self.lookup(&reference.dotted);
            let capability = match &known {
                Some(known) if known.capability == Capability::Inert => continue,
                Some(known) => known.capability,
                None => Capability::Import,
            };
            let draft = EffectDraft {
                site: reference.site,
                callable: reference.dotted,
                reached_by: reference.reached.as_deref().map(str::to_owned),
                capability,
                known,
                called: false,
            };
            self.effect(draft, &Arguments::default(), &mut Budget::default());
        }
    }

    /// Effects of the walks that end without a call.
    pub(super) fn finish_walks(&mut self) {
        for walk in std::mem::take(&mut self.walks) {
            if walk.shown || (self.language != Language::Jinja && !reaches_out(&walk.text)) {
                continue;
            }
            let draft = EffectDraft {
                site: walk.site,
                callable: walk.text,
                reached_by: None,
                capability: Capability::AttributeWalk,
                known: None,
                called: false,
            };
            self.effect(draft, &Arguments::default(), &mut Budget::default());
        }
    }
}

/// The effect whose result a call is given: in the argument that matters, where one does.
fn feeds(arguments: &Arguments, known: Option<&Callable>) -> Option<usize> {
    let decides = known.and_then(|known| arguments.get(known.argument, known.keyword.as_deref()));
    decides.map_or_else(|| first_fed(arguments.all()), Value::fed)
}

/// Whether a walk that no call follows is worth a word in source code: `cls.__subclasses__()` and
/// `f.__code__` are everyday there.
fn reaches_out(text: &str) -> bool {
    ["__globals__", "__builtins__", "f_globals", "f_builtins", "func_globals", "gi_frame"]
        .iter()
        .any(|name| text.contains(name))
}

/// A capability that depends on the arguments: `open` reads or writes by its mode.
fn refined(draft: &EffectDraft, arguments: &Arguments) -> Capability {
    let name = draft.known.as_ref().map_or(draft.callable.as_str(), |known| &known.canonical);
    let opens = matches!(
        name,
        "builtins.open"
            | "__builtin__.open"
            | "io.open"
            | "codecs.open"
            | "pathlib.Path.open"
            | "os.fdopen"
            | "_io.open"
            | "io.FileIO"
            | "_io.FileIO"
            | "gzip.open"
            | "bz2.open"
            | "lzma.open"
            | "zipfile.ZipFile"
            | "tarfile.open"
    );
    if !opens || !matches!(draft.capability, Capability::ReadFile | Capability::WriteFile) {
        return draft.capability;
    }
    match arguments.get(Some(1), Some("mode")) {
        Some(mode) => match mode.as_readable() {
            Some(mode) if mode.contains(['w', 'a', 'x', '+']) => Capability::WriteFile,
            Some(_) => Capability::ReadFile,
            None => draft.capability,
        },
        None => Capability::ReadFile,
    }
}

/// Adds the hosts, URLs, paths and variables in the payloads and arguments of an effect.
pub(super) fn add_indicators(effect: &mut Effect, arguments: &Arguments) {
    let mut found: Vec<Indicator> = Vec::new();
    for payload in &effect.payloads {
        if payload.kind == PayloadKind::Shell && payload.text.len() <= 4096 {
            found.push(Indicator::new(IndicatorKind::Command, &payload.text));
        }
        if payload.kind != PayloadKind::Binary {
            found.extend(indicators::extract(searched(&payload.text)));
        }
    }
    for value in arguments.all() {
        collect(value, 5, &mut found);
    }
    if effect.capability == Capability::Environment
        && let Some(name) = arguments.text(0)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        found.push(Indicator::new(IndicatorKind::Env, name));
    }
    for indicator in found {
        add(&mut effect.indicators, indicator);
    }
}

pub(super) fn add(indicators: &mut Vec<Indicator>, indicator: Indicator) {
    if !indicator.value().is_empty() && indicators.len() < 1000 && !indicators.contains(&indicator)
    {
        indicators.push(indicator);
    }
}

/// The beginning of a text, cut at a character.
fn searched(text: &str) -> &str {
    let mut end = text.len().min(MAX_SEARCHED);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// Indicators in the text of a value and of its parts.
fn collect(value: &Value, depth: u32, found: &mut Vec<Indicator>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Known(_) => {
            if let Some(text) = value.as_readable() {
                found.extend(indicators::extract(searched(text)));
            }
        }
        Value::Joined(_) => {
            found.extend(indicators::extract(searched(&payload::template(value))));
        }
        Value::Items(items) => {
            for item in items.items.iter().take(256) {
                collect(item, depth, found);
            }
        }
        _ => {}
    }
}

/// The payloads of effects inside an effect, which its own reader wants to see as well.
pub(super) fn add_payload(payloads: &mut Vec<Payload>, payload: Payload) {
    if payloads.len() < 64 && !payloads.contains(&payload) {
        payloads.push(payload);
    }
}

/// A note that something was not analysed.
pub(super) fn gap(gaps: &mut Vec<Gap>, why: impl Into<String>) {
    let gap = Gap::somewhere(why);
    if !gaps.contains(&gap) {
        gaps.push(gap);
    }
}
