//! [`RuleSet`]: rules made ready. For each kind of event of each source the rules that concern it are chosen once,
//! when the first such event comes: rules about sources that are not there cost nothing.

use crate::fields::{Light, Names, Record};
use crate::hit::{Hit, Hits};
use crate::load::{LoadError, Parsed, Part, Place, Text, each};
use crate::pack;
use crate::rule::Rule;
use crate::screen;
use crate::sources::Offer;
use rsigma_eval::{CompiledRule, Engine, compile_rule};
use rsigma_parser::{
    CorrelationCondition, CorrelationRule, FilterRule, LogSource, Modifier, SigmaRule, SigmaValue,
};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wb_core::{Event, EventKind};
use wb_logs::flows::Connection;

/// Rules that can be asked about events.
pub struct RuleSet {
    rules: Vec<Rule>,
    detections: Vec<Detection>,
    /// Correlations, whose rules follow those of the detections.
    correlations: Vec<CorrelationRule>,
    filters: Vec<FilterRule>,
    names: &'static Names,
    by_id: HashMap<&'static str, usize>,
    /// Views by source; the last is for sources that are not in the list.
    sources: FxHashMap<&'static str, Slots>,
    views: Mutex<BTreeMap<Vec<usize>, Arc<View>>>,
}

/// The views of one source, by kind of event and by whether it has a command line; made when asked for.
type Slots = Box<[OnceLock<Option<Arc<View>>>]>;

/// A rule about single events.
struct Detection {
    rule: SigmaRule,
    compiled: CompiledRule,
    /// What can be asked about a connection before it is an event.
    screen: Option<CompiledRule>,
    logsource: LogSource,
    /// Whether events that differ only in numbers may differ for it.
    of_numbers: bool,
    /// Fields that correlations of it need.
    wanted: Vec<String>,
}

/// The rules that concern one kind of event.
struct View {
    engine: Engine,
    /// The same rules for connections that are no events yet; `None` when one of them needs the event.
    screen: Option<Engine>,
    /// Whether events that differ only in numbers may differ for a rule.
    of_numbers: bool,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl RuleSet {
    /// The rules that ship.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<RuleSet> = OnceLock::new();
        SHIPPED.get_or_init(|| Self::with(&[]).expect("a test reads every rule that ships"))
    }

    /// The rules that ship and `own` ones.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn with(own: &[Text]) -> Result<Self, Vec<LoadError>> {
        let shipped = pack::texts();
        let parsed = Parsed::of(shipped.iter().chain(own))?;
        let mut errors = Vec::new();
        let (mut rules, mut detections) = (Vec::new(), Vec::new());
        for (rule, place) in parsed.rules {
            match Detection::of(rule, &parsed.correlations, &parsed.filters, &place) {
                Ok((detection, said)) => {
                    rules.push(said);
                    detections.push(detection);
                }
                Err(error) => errors.push(error),
            }
        }
        for (rule, place) in &parsed.correlations {
            if let Err(error) = rsigma_eval::correlation::compile_correlation(rule) {
                errors.push(place.error(&rule.title, error.to_string()));
            }
            let mut said = Rule::of_correlation(rule, pack::page(rule.name.as_deref()));
            said.silent =
                only_feeds(&of_what_correlates([&rule.id, &rule.name], &parsed.correlations));
            rules.push(said);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let filters = parsed.filters.into_iter().map(|(filter, _)| filter).collect();
        let by_id = rules.iter().enumerate().map(|(at, rule)| (rule.id, at)).collect();
        let named = wb_logs::sources().iter().map(|source| source.name);
        let slots = || (0..EventKind::ALL.len() * 2).map(|_| OnceLock::new()).collect();
        Ok(Self {
            rules,
            detections,
            correlations: parsed.correlations.into_iter().map(|(rule, _)| rule).collect(),
            filters,
            names: Names::shipped(),
            by_id,
            sources: named.chain([""]).map(|name| (name, slots())).collect(),
            views: Mutex::default(),
        })
    }

    /// Every rule: those about single events, then correlations.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The correlations.
    pub(crate) fn correlations(&self) -> &[CorrelationRule] {
        &self.correlations
    }

    /// The rule with the identifier `id`, by its place.
    pub(crate) fn at(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The rules about single events that a correlation names, as they were written.
    pub(crate) fn correlated(&self) -> Vec<SigmaRule> {
        let named: BTreeSet<&String> =
            self.correlations.iter().flat_map(|rule| &rule.rules).collect();
        let rules = self.detections.iter().map(|detection| &detection.rule);
        let is = |rule: &&SigmaRule| {
            [&rule.id, &rule.name].into_iter().flatten().any(|name| named.contains(name))
        };
        rules.filter(is).cloned().collect()
    }

    /// Asks every rule that concerns `event`, and adds what matches to `hits`.
    pub fn examine(&self, event: &Event, hits: &mut Hits) {
        let Some(view) = self.view(event.source, event.kind, has_command(event)) else { return };
        let record = Record { event, names: self.names };
        for result in view.engine.evaluate(&record) {
            let id = result.header.rule_id.as_deref().unwrap_or_default();
            let Some((at, detection)) =
                self.at(id).and_then(|at| Some((at, self.detections.get(at)?)))
            else {
                continue;
            };
            let fields = result.as_detection().map(|body| body.matched_fields.as_slice());
            let new = self.rules.get(at).and_then(|rule| rule.new).map(|new| new.field);
            let wanted = detection.wanted.iter().map(String::as_str).chain(new);
            hits.add(at, || Hit::of(at, &record, fields.unwrap_or_default(), wanted));
        }
    }

    /// Whether any rule matches `event`.
    pub fn matches(&self, event: &Event) -> bool {
        let view = self.view(event.source, event.kind, has_command(event));
        view.is_some_and(|view| {
            !view.engine.evaluate(&Record { event, names: self.names }).is_empty()
        })
    }

    /// Whether `connection` has to become an event, because a rule matches it or may match more of it.
    pub fn wants(&self, connection: &Connection<'_>) -> bool {
        let Some(view) = self.view(connection.by, connection.kind, false) else { return false };
        let Some(screen) = &view.screen else { return true };
        !screen.evaluate(&Light { connection, names: self.names }).is_empty()
    }

    /// Whether events of `source` and `kind` that differ only in numbers may differ for a rule.
    pub fn tells_numbers_apart(&self, source: &str, kind: EventKind) -> bool {
        [false, true]
            .into_iter()
            .any(|command| self.view(source, kind, command).is_some_and(|view| view.of_numbers))
    }

    fn view(&self, source: &str, kind: EventKind, command: bool) -> Option<&View> {
        let (name, slots) =
            self.sources.get_key_value(source).or_else(|| self.sources.get_key_value(""))?;
        let kind_at = EventKind::ALL.iter().position(|known| *known == kind)?;
        let slot = slots.get(kind_at * 2 + usize::from(command))?;
        slot.get_or_init(|| self.choose(name, kind, command)).as_deref()
    }

    /// The view of the rules that concern such events; `None` when none does.
    fn choose(&self, source: &'static str, kind: EventKind, command: bool) -> Option<Arc<View>> {
        let offer = Offer::of(source, kind, command);
        let chosen: Vec<usize> = (0..)
            .zip(&self.detections)
            .filter(|(_, detection)| offer.fits(&detection.logsource))
            .map(|(at, _)| at)
            .collect();
        if chosen.is_empty() {
            return None;
        }
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let view = views.entry(chosen).or_insert_with_key(|chosen| Arc::new(self.prepare(chosen)));
        Some(Arc::clone(view))
    }

    fn prepare(&self, chosen: &[usize]) -> View {
        let chosen = || chosen.iter().filter_map(|at| self.detections.get(*at));
        let mut engine = Engine::new();
        engine.extend_compiled_rules(chosen().map(|detection| detection.compiled.clone()));
        for filter in &self.filters {
            engine.apply_filter(filter).expect("filters were compiled when they were read");
        }
        let screens: Option<Vec<CompiledRule>> =
            chosen().map(|detection| detection.screen.clone()).collect();
        let screen = screens.map(|screens| {
            let mut engine = Engine::new();
            engine.extend_compiled_rules(screens);
            engine
        });
        View { engine, screen, of_numbers: chosen().any(|detection| detection.of_numbers) }
    }
}

fn has_command(event: &Event) -> bool {
    event.fields.contains_key("process.command_line")
}

impl Detection {
    fn of(
        rule: SigmaRule,
        correlations: &[(CorrelationRule, Place)],
        filters: &[(FilterRule, Place)],
        place: &Place,
    ) -> Result<(Self, Rule), LoadError> {
        let wrong = |what: String| place.error(&rule.title, what);
        let compiled = compile_rule(&rule).map_err(|error| wrong(error.to_string()))?;
        let page = pack::page(rule.name.as_deref());
        let mut said = Rule::of_detection(&rule, page).map_err(wrong)?;
        let mine = of_what_correlates([&rule.id, &rule.name], correlations);
        said.silent = only_feeds(&mine);
        let mut wanted: Vec<String> = mine.into_iter().flat_map(fields).collect();
        wanted.sort();
        wanted.dedup();
        let mut of_numbers = false;
        let filtered = filters.iter().map(|(filter, _)| &filter.detection);
        for detections in std::iter::once(&rule.detection).chain(filtered) {
            for detection in detections.named.values() {
                each(detection, &mut |part| of_numbers |= is_of_numbers(&part));
            }
        }
        let screen = screen::of(&rule).and_then(|screen| compile_rule(&screen).ok());
        let logsource = rule.logsource.clone();
        Ok((Self { rule, compiled, screen, logsource, of_numbers, wanted }, said))
    }
}

/// The correlations of the rule with these names.
fn of_what_correlates<'a>(
    names: [&Option<String>; 2],
    correlations: &'a [(CorrelationRule, Place)],
) -> Vec<&'a CorrelationRule> {
    let all = correlations.iter().map(|(correlation, _)| correlation);
    all.filter(|one| names.into_iter().flatten().any(|name| one.rules.contains(name))).collect()
}

/// Whether what is correlated so is not told by itself.
fn only_feeds(correlations: &[&CorrelationRule]) -> bool {
    !correlations.is_empty() && correlations.iter().all(|correlation| !correlation.generate)
}

/// The fields that a correlation needs of what it correlates.
fn fields(rule: &CorrelationRule) -> Vec<String> {
    let mut all = rule.group_by.clone();
    all.extend(rule.aliases.iter().flat_map(|alias| alias.mapping.values().cloned()));
    if let CorrelationCondition::Threshold { field: Some(fields), .. } = &rule.condition {
        all.extend(fields.iter().cloned());
    }
    all
}

/// Whether a part of a rule may tell two numbers apart.
fn is_of_numbers(part: &Part<'_>) -> bool {
    let digits = |values: &[SigmaValue]| {
        values.iter().any(|value| match value {
            SigmaValue::String(text) => text.original.contains(|c: char| c.is_ascii_digit()),
            SigmaValue::Integer(_) | SigmaValue::Float(_) => true,
            SigmaValue::Bool(_) | SigmaValue::Null => false,
        })
    };
    // What these compare may hang on a digit that does not stand in the rule.
    const COMPARE: [Modifier; 7] = [
        Modifier::Re,
        Modifier::Cidr,
        Modifier::Gt,
        Modifier::Gte,
        Modifier::Lt,
        Modifier::Lte,
        Modifier::FieldRef,
    ];
    match part {
        Part::Item(item) => {
            digits(&item.values) || COMPARE.iter().any(|one| item.field.has_modifier(*one))
        }
        Part::Keywords(values) => digits(values),
        Part::Array => true,
    }
}
