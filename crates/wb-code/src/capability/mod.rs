//! What a program can do: one analysis for every language.
//!
//! [`analyse`] follows the ops of a [`Program`] with what is known of each value ([`value::Value`]) and asks
//! [`Knowledge`] about everything that is finally called. Names that are computed are computed
//! ([`pure`]), resolvers such as `getattr` are resolved ([`special`]), code found in arguments is lifted and
//! analysed in its turn ([`payload`]).

mod arguments;
mod call;
mod code;
mod command;
mod decode;
mod effect;
mod names;
mod payload;
mod pure;
mod render;
mod repeat;
mod resolve;
mod sequence;
mod special;
mod state;
mod value;

use names::Names;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use value::Value;
use wb_core::{
    Budget, Capability, Collection, Constant, Effect, Exhausted, Gap, Language, Op, OpKind,
    Program, Span, Trigger, ValueId,
};

/// What is known about a callable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// Its canonical dotted name: `posix.system` is `os.system`.
    pub canonical: String,
    /// What it can do.
    pub capability: Capability,
    /// Position of the argument that matters (the command, the code, the path), where one does.
    pub argument: Option<usize>,
    /// Its name as a keyword.
    pub keyword: Option<String>,
    /// Why, in one clause.
    pub why: String,
}

/// Knowledge of callables, by dotted name. wb-rules has it; tests may bring their own.
pub trait Knowledge {
    /// What is known about `dotted`, a name as written (`numpy._core.multiarray._reconstruct`).
    fn callable(&self, dotted: &str) -> Option<Callable>;
    /// What is known about restoring an instance of the class `dotted` without its constructor, as pickles
    /// do: by `__new__` and by setting its state.
    fn restored(&self, dotted: &str) -> Option<Callable> {
        self.callable(dotted)
    }
    /// What is known about running the program `name` from a shell (`curl`, `sh`).
    fn command(&self, name: &str) -> Option<Callable>;
}

/// What was concluded about one program.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// What it would do, in order. Inert calls are left out.
    pub effects: Vec<Effect>,
    /// Which effect's result an effect is given where it matters, as pairs of indices: `exec(urlopen(URL).read())`.
    pub flows: BTreeSet<(usize, usize)>,
    /// Dotted names of everything it imports, each once, in order of appearance.
    pub imports: Vec<String>,
    /// What was not analysed.
    pub gaps: Vec<Gap>,
}

/// Answers what `program` does when it runs.
///
/// Effects come in the order of the program; those of functions that nothing in the program calls come
/// with [`Trigger::Inference`] when the program itself runs on loading or importing, because a function is
/// put into a model in order to be called. A reference that leads to a callable that is never called is an
/// effect with `called: false`. Attributes written to an imported object (pickle's BUILD on something that
/// is not the result of a call) are an [`Capability::AttributeWalk`] effect.
pub fn analyse(program: &Program, knowledge: &dyn Knowledge, budget: &mut Budget) -> Effects {
    analyse_with(program, knowledge, Names::default(), budget)
}

fn analyse_with(
    program: &Program,
    knowledge: &dyn Knowledge,
    names: Names,
    budget: &mut Budget,
) -> Effects {
    let mut analyser = Analyser::new(program, knowledge);
    let names = analyser.run(program, names, budget);
    analyser.run_uncalled(&names, budget);
    analyser.finish(budget)
}

/// How often one function is followed, each time with other arguments.
const MAX_RUNS: u32 = 8;

/// The most bytes that the values a program computes may have in all.
const MAX_COMPUTED: u64 = 256 << 20;

/// How many effects are kept.
const MAX_EFFECTS: usize = 20_000;

struct Analyser<'p, 'k> {
    knowledge: &'k dyn Knowledge,
    language: Language,
    trigger: Trigger,
    effects: Vec<Effect>,
    /// Which effect's result an effect is given, by their places in `effects`.
    flows: BTreeSet<(usize, usize)>,
    /// What tells one effect from the same effect seen on another way through the program.
    seen: BTreeSet<(u64, u64, String, Vec<String>)>,
    imports: Vec<String>,
    imported: BTreeSet<String>,
    gaps: Vec<Gap>,
    /// Functions of the program.
    definitions: Vec<Definition<'p>>,
    /// Code objects put together or read from data.
    codes: Vec<code::CodeRecord>,
    /// Attributes written to imported objects, by full name.
    attributes: BTreeMap<String, Value>,
    /// What a pickle made the `__setstate__` of an object, until the next state is handed out.
    setter: Option<Value>,
    /// Names that were called, as written.
    called: BTreeSet<String>,
    /// Names that lead to something without calling it.
    references: Vec<Reference>,
    walks: Vec<Walk>,
    /// Modules whose names are all imported (`from os import *`).
    stars: Vec<String>,
    /// Names that source code gives a value somewhere, perhaps after they are used.
    assigned: BTreeSet<&'p str>,
    /// Bytes of values that were computed.
    computed: u64,
    /// How many further times loops are followed.
    repeats_left: usize,
    exhausted: bool,
    /// Answers of the knowledge, which is asked about the same few names again and again.
    answers: RefCell<HashMap<String, Option<Rc<Callable>>>>,
}

struct Definition<'p> {
    body: &'p Program,
    /// The names of the scope that defines it, once that was followed to its end.
    closure: Option<Names>,
    /// Index of the op that defines it, in the outermost program.
    op: usize,
    runs: u32,
}

/// A name that leads to something.
struct Reference {
    site: Site,
    dotted: String,
    reached: Option<Rc<str>>,
}

/// Attributes that lead from an object to unrelated ones.
struct Walk {
    site: Site,
    text: String,
    /// Whether something longer, or an effect, shows it already.
    shown: bool,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, Default)]
struct Site {
    op: usize,
    number: u64,
    span: Span,
}

/// The program that is being followed and what is known of its values.
struct Frame<'p> {
    program: &'p Program,
    values: Vec<Value>,
    names: Names,
    /// The definitions in it.
    defined: Vec<usize>,
    returned: Value,
}

impl Frame<'_> {
    fn value(&self, id: ValueId) -> Value {
        self.values.get(id.index()).cloned().unwrap_or_default()
    }

    fn show(&self, id: ValueId) -> String {
        render::expression(self.program, &self.values, id)
    }
}

impl<'p, 'k> Analyser<'p, 'k> {
    fn new(program: &'p Program, knowledge: &'k dyn Knowledge) -> Self {
        let assigned = program.ops.iter().filter_map(|op| match &op.kind {
            OpKind::Store { name, .. } if program.language == Language::Python => {
                Some(name.as_str())
            }
            _ => None,
        });
        Self {
            knowledge,
            language: program.language,
            trigger: program.trigger,
            effects: Vec::new(),
            flows: BTreeSet::new(),
            seen: BTreeSet::new(),
            imports: Vec::new(),
            imported: BTreeSet::new(),
            gaps: Vec::new(),
            definitions: Vec::new(),
            codes: Vec::new(),
            attributes: BTreeMap::new(),
            setter: None,
            called: BTreeSet::new(),
            references: Vec::new(),
            walks: Vec::new(),
            stars: Vec::new(),
            assigned: assigned.collect(),
            computed: 0,
            repeats_left: repeat::MAX_REPEATS,
            exhausted: false,
            answers: RefCell::new(HashMap::new()),
        }
    }

    /// Whether it is Python as people write it, or what that was compiled to.
    const fn is_source(&self) -> bool {
        matches!(self.language, Language::Python | Language::CPython)
    }

    /// Follows `program` and returns the names it leaves.
    fn run(&mut self, program: &'p Program, names: Names, budget: &mut Budget) -> Names {
        self.follow(program, names, None, budget).0
    }

    fn follow(
        &mut self,
        program: &'p Program,
        names: Names,
        outer: Option<usize>,
        budget: &mut Budget,
    ) -> (Names, Value) {
        let (values, defined) = (Vec::new(), Vec::new());
        let mut frame = Frame { program, values, names, defined, returned: Value::Unknown };
        let mut yielded = None;
        for (index, op) in program.ops.iter().enumerate() {
            if let Err(exhausted) = budget.steps(1) {
                self.exhaust(exhausted);
                break;
            }
            let site = Site { op: outer.unwrap_or(index), number: op.number, span: op.span };
            let trigger = self.trigger;
            if program.started.as_ref().is_some_and(|numbers| numbers.contains(&op.number)) {
                self.trigger = Trigger::Run;
            }
            let value = self.step(&mut frame, op, index, site, budget);
            self.trigger = trigger;
            let mut value = self.bounded(value, &op.kind);
            if let Some(list) = self.repeat(&mut frame, index, outer, budget) {
                if matches!(&op.kind, OpKind::Opaque { what, .. } if what == "yield") {
                    yielded = Some(list.clone());
                }
                value = list;
            }
            frame.values.push(value);
        }
        for index in frame.defined {
            if let Some(definition) = self.definitions.get_mut(index) {
                definition.closure = Some(frame.names.clone());
            }
        }
        // Calling a generator yields all its values.
        (frame.names, yielded.unwrap_or(frame.returned))
    }

    /// A computed value, as long as all of them together are not too large.
    fn bounded(&mut self, value: Value, kind: &OpKind) -> Value {
        if !matches!(kind, OpKind::Call { .. } | OpKind::Opaque { .. } | OpKind::Collect { .. }) {
            return value;
        }
        self.computed = self.computed.saturating_add(value.size());
        if self.computed <= MAX_COMPUTED {
            return value;
        }
        effect::gap(&mut self.gaps, "code computes more data than is followed");
        Value::Unknown
    }

    fn exhaust(&mut self, exhausted: Exhausted) {
        if !self.exhausted {
            self.exhausted = true;
            let why = format!("budget of {} ran out while analysing code", exhausted.name());
            self.gaps.push(Gap::somewhere(why));
        }
    }

    fn step(
        &mut self,
        frame: &mut Frame<'p>,
        op: &'p Op,
        index: usize,
        site: Site,
        budget: &mut Budget,
    ) -> Value {
        match &op.kind {
            OpKind::Constant(constant) => Value::constant(constant.clone()),
            OpKind::Import { module, name } => self.import(module, name, site),
            OpKind::GetAttribute { of, name } => {
                let id = ValueId(u32::try_from(index).unwrap_or(u32::MAX));
                self.attribute(frame, &frame.value(*of), name, Some(id), site)
            }
            OpKind::GetItem { of, key } => {
                let id = ValueId(u32::try_from(index).unwrap_or(u32::MAX));
                self.item(frame, &frame.value(*of), &frame.value(*key), Some(id), site)
            }
            OpKind::Call { .. } => self.call(frame, op, index, site, budget),
            OpKind::SetAttribute { of, name, value } => {
                if let Value::Object(object) = frame.value(*of) {
                    let value = frame.value(*value);
                    self.attributes.insert(format!("{}.{name}", object.dotted), value);
                }
                Value::Unknown
            }
            OpKind::SetItem { of, key, .. } => {
                self.set_item(&frame.value(*of), &frame.value(*key), site);
                Value::Unknown
            }
            OpKind::Build { of, state } => {
                self.build_state(frame, *of, *state, site, budget);
                self.build(&frame.value(*of), &frame.value(*state), site, budget);
                frame.value(*of)
            }
            OpKind::Collect { kind, items, .. } => self.collect(frame, *kind, items),
            OpKind::Load { name } => self.load(frame, name, site),
            OpKind::Store { name, value } => {
                let value = frame.value(*value);
                frame.names.store(name, value.clone());
                value
            }
            OpKind::Define { body, .. } => {
                self.definitions.push(Definition { body, closure: None, op: site.op, runs: 0 });
                let index = self.definitions.len().saturating_sub(1);
                frame.defined.push(index);
                Value::Define(index)
            }
            OpKind::Return { value } => {
                frame.returned = frame.value(*value);
                frame.returned.clone()
            }
            OpKind::Extension { code } => Value::object(format!("extension.{code}")),
            OpKind::Opaque { what, uses } => self.opaque(frame, what, uses),
            OpKind::Persistent { .. } => Value::Unknown,
        }
    }

    fn collect(&self, frame: &Frame<'p>, kind: Collection, ids: &[ValueId]) -> Value {
        let items: Vec<Value> = ids.iter().map(|id| frame.value(*id)).collect();
        match kind {
            Collection::Joined => {
                let value = pure::joined(&items);
                let value = value.unwrap_or_else(|| Value::Joined(items.into()));
                self.spelled(frame, value, ids)
            }
            _ => Value::collection(kind, items),
        }
    }

    /// Operators, by their sign; values that meet where branches join.
    fn opaque(&mut self, frame: &Frame<'p>, what: &str, uses: &[ValueId]) -> Value {
        if let [left, right] = uses {
            let sign = what.strip_suffix('=').filter(|sign| !sign.is_empty()).unwrap_or(what);
            let computed = pure::binary(sign, &frame.value(*left), &frame.value(*right));
            if let Some(value) = computed {
                return self.spelled(frame, value, uses);
            }
        }
        if what == "element"
            && let [only] = uses
        {
            // A loop is followed once, with the first element.
            let first = Value::constant(Constant::Int(0));
            return pure::item(&frame.value(*only), &first).unwrap_or_default();
        }
        if what == "either" {
            return Value::either(uses.iter().take(8).map(|id| frame.value(*id)));
        }
        if what.starts_with("nested") || what.contains("budget") {
            self.gaps.push(Gap::somewhere(format!("code was not read: {what}")));
        }
        Value::Unknown
    }

    /// Pieces of a text that are not known, as the expressions that make them.
    fn spelled(&self, frame: &Frame<'p>, value: Value, ids: &[ValueId]) -> Value {
        let Value::Joined(pieces) = &value else { return value };
        // Only a piece that is an operand itself has an expression here.
        let unknown = |value: &Value| {
            value.known().is_none()
                && value.choices() == 1
                && !matches!(value, Value::Joined(_) | Value::Path(_))
        };
        // `text % (a, b)` has the items of the tuple as its operands.
        let operands = ids.iter().flat_map(|id| match frame.program.ops.get(id.index()) {
            Some(Op { kind: OpKind::Collect { items, .. }, .. }) => items.as_slice(),
            _ => std::slice::from_ref(id),
        });
        let mut shown = operands.filter(|id| unknown(&frame.value(**id)));
        if !pieces.iter().any(unknown) {
            return value;
        }
        let pieces: Vec<Value> = pieces
            .iter()
            .map(|piece| match unknown(piece).then(|| shown.next()).flatten() {
                Some(id) => Value::Path(frame.show(*id).into()),
                None => piece.clone(),
            })
            .collect();
        Value::Joined(pieces.into())
    }

    /// Follows the definitions and code objects that nothing called: first what runs when the file is started.
    fn run_uncalled(&mut self, names: &Names, budget: &mut Budget) {
        let later = match self.trigger {
            Trigger::Load | Trigger::Import => Trigger::Inference,
            other => other,
        };
        for started in [true, false] {
            self.trigger = if started { Trigger::Run } else { later };
            let mut index = 0;
            // Following one may define more.
            while let Some(definition) = self.definitions.get_mut(index) {
                index = index.saturating_add(1);
                let starts = definition.body.trigger == Trigger::Run && later != Trigger::Run;
                if definition.runs > 0 || starts != started {
                    continue;
                }
                definition.runs = 1;
                let (body, op) = (definition.body, definition.op);
                let inner = definition.closure.as_ref().unwrap_or(names).child();
                let ran = budget.deeper(|budget| self.follow(body, inner, Some(op), budget));
                if let Err(exhausted) = ran {
                    self.exhaust(exhausted);
                    return;
                }
            }
        }
    }

    fn finish(mut self, budget: &mut Budget) -> Effects {
        self.finish_codes(budget);
        self.finish_references();
        self.finish_walks();
        let mut order: Vec<(usize, Effect)> = self.effects.into_iter().enumerate().collect();
        order.sort_by_key(|(_, effect)| effect.op);
        let places: HashMap<usize, usize> =
            order.iter().enumerate().map(|(place, (index, _))| (*index, place)).collect();
        let place = |index: &usize| places.get(index).copied();
        let flows = self.flows.iter().filter_map(|(from, into)| Some((place(from)?, place(into)?)));
        Effects {
            flows: flows.collect(),
            effects: order.into_iter().map(|(_, effect)| effect).collect(),
            imports: self.imports,
            gaps: self.gaps,
        }
    }

    fn note_import(&mut self, dotted: &str) {
        if !dotted.is_empty() && self.imported.insert(dotted.to_owned()) {
            self.imports.push(dotted.to_owned());
        }
    }
}

#[cfg(test)]
mod chosen_tests;
#[cfg(test)]
mod pickled_tests;
#[cfg(test)]
mod tests;
