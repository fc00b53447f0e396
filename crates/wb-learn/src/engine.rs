//! [`Engine`]: the fixpoint over all functions of a world.
//!
//! Every function is followed for itself, and methods once more for each class that inherits them. What one
//! reading learns from another (a [`Summary`], a [`Cell`]) is noted, and the function is read again when
//! that grows. Everything only grows and everything is bounded, so this ends; a function that still changes
//! after [`MAX_READINGS`] readings keeps what it has. Work is done in the order of the sources, so that the
//! same sources give the same result.

use crate::evaluate::Evaluation;
use crate::ir::{ClassId, Expr, Function, FunctionId, Kind, ModuleId, Target};
use crate::known::{Known, Primitive};
use crate::summary::Summary;
use crate::symbol::Symbol;
use crate::value::{Object, Objects, Value};
use crate::world::World;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How often one function is read.
const MAX_READINGS: u32 = 24;

/// How deep callees are read while their callers wait for them.
const MAX_DEPTH: u32 = 400;

/// How many classes are looked at for one order of resolution.
const MAX_BASES: usize = 256;

/// A function, and the class of its object when that is not the one that defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub function: FunctionId,
    pub class: Option<ClassId>,
}

/// A place that many functions write and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cell {
    /// A name of a module.
    Global(ModuleId, Symbol),
    /// A name of a class, or an attribute that its methods set.
    Name(ClassId, Symbol),
    /// The default of a parameter.
    Default(FunctionId, usize),
    /// What calling the metaclass of a class runs.
    Metaclass(ClassId),
}

#[derive(Debug, Default)]
struct Node {
    summary: Rc<Summary>,
    readers: BTreeSet<Key>,
    readings: u32,
    /// When it was first read to its end.
    order: u32,
    /// Whether it still changed when it was read for the last time.
    is_cut: bool,
}

impl Node {
    fn open(&self) -> Option<Symbol> {
        self.summary.open.or(self.is_cut.then_some(Symbol::NONE))
    }
}

#[derive(Debug, Default)]
struct Place {
    value: Value,
    readers: BTreeSet<Key>,
}

/// The fixpoint.
pub(crate) struct Engine<'k> {
    pub world: World,
    functions: Vec<Rc<Function>>,
    known: &'k dyn Known,
    answers: HashMap<Symbol, Option<Rc<Primitive>>>,
    boundaries: HashMap<Symbol, Option<Rc<Primitive>>>,
    nodes: HashMap<Key, Node>,
    places: HashMap<Cell, Place>,
    bound: HashSet<(ModuleId, Symbol)>,
    names: HashMap<FunctionId, Symbol>,
    bases: HashMap<ClassId, Vec<Object>>,
    bases_version: u32,
    orders: HashMap<ClassId, (u32, Rc<[Object]>)>,
    joined: HashMap<(Symbol, Symbol), Symbol>,
    /// What decorators made of functions; empty when that is not known.
    wrappers: HashMap<FunctionId, BTreeSet<FunctionId>>,
    /// What is to be read again, those first that were read first: callees before their callers.
    queue: BTreeSet<(u32, Key)>,
    finished: u32,
    depth: u32,
}

impl<'k> Engine<'k> {
    pub(crate) fn new(mut world: World, known: &'k dyn Known) -> Self {
        let functions: Vec<Rc<Function>> =
            std::mem::take(&mut world.functions).into_iter().map(Rc::new).collect();
        let mut bound = HashSet::default();
        for function in &functions {
            for (_, target, _) in &function.assigns {
                if let Target::Global(name) = target {
                    bound.insert((function.module, *name));
                }
            }
        }
        Self {
            world,
            functions,
            known,
            answers: HashMap::default(),
            boundaries: HashMap::default(),
            nodes: HashMap::default(),
            places: HashMap::default(),
            bound,
            names: HashMap::default(),
            bases: HashMap::default(),
            bases_version: 0,
            orders: HashMap::default(),
            joined: HashMap::default(),
            wrappers: HashMap::default(),
            queue: BTreeSet::new(),
            finished: 0,
            depth: 0,
        }
    }

    /// Follows everything until nothing changes.
    pub(crate) fn run(&mut self) {
        // What classes inherit from stands in the bodies of modules; the rest builds on it.
        for module in 0..self.world.modules.len() {
            let body = self.world.modules[module].body;
            self.demand(self.own(body));
        }
        self.settle();
        for key in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.enqueue(key);
        }
        for at in 0..self.functions.len() {
            let key = self.own(FunctionId::from(at));
            self.demand(key);
        }
        self.settle();
    }

    /// Works until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        while let Some((_, key)) = self.queue.pop_first() {
            self.follow(key);
        }
    }

    /// Reads a function and tells those who rely on it.
    fn follow(&mut self, key: Key) {
        let node = self.nodes.entry(key).or_default();
        if node.readings >= MAX_READINGS {
            node.is_cut = true;
            return;
        }
        node.readings += 1;
        self.depth += 1;
        let newer = Evaluation::new(self, key).run();
        self.depth -= 1;
        self.finished += 1;
        let finished = self.finished;
        let Some(node) = self.nodes.get_mut(&key) else { return };
        if node.order == 0 {
            node.order = finished;
        }
        let summary = Rc::make_mut(&mut node.summary);
        if summary.join(&newer) {
            let readers: Vec<Key> = node.readers.iter().copied().collect();
            readers.into_iter().for_each(|reader| self.enqueue(reader));
        }
    }

    /// Which functions call something that is not known, themselves or through others, with a callee that
    /// is not known: those do more than their summaries say.
    pub(crate) fn opened(&self) -> HashMap<Key, Symbol> {
        let mut callers: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        let mut opened: HashMap<Key, Symbol> = HashMap::default();
        let mut waiting: BTreeSet<(Key, Symbol)> = BTreeSet::new();
        for (key, node) in &self.nodes {
            for callee in &node.summary.calls {
                callers.entry(*callee).or_default().push(*key);
            }
            waiting.extend(node.open().map(|open| (*key, open)));
        }
        while let Some((key, open)) = waiting.pop_first() {
            if opened.contains_key(&key) {
                continue;
            }
            opened.insert(key, open);
            waiting.extend(callers.get(&key).into_iter().flatten().map(|caller| (*caller, open)));
        }
        opened
    }

    /// A function with the class that defines it.
    pub(crate) fn own(&self, function: FunctionId) -> Key {
        Key { function, class: self.function(function).class }
    }

    pub(crate) fn function(&self, id: FunctionId) -> &Rc<Function> {
        &self.functions[id.at()]
    }

    fn enqueue(&mut self, key: Key) {
        let order = self.nodes.get(&key).map_or(0, |node| node.order);
        self.queue.insert((order, key));
    }

    /// Has a function read, if it never was.
    pub(crate) fn demand(&mut self, key: Key) {
        if self.nodes.contains_key(&key) {
            return;
        }
        self.nodes.insert(key, Node::default());
        match self.depth < MAX_DEPTH {
            true => self.follow(key),
            false => self.enqueue(key),
        }
    }

    /// What is known of a function so far.
    pub(crate) fn summary(&mut self, key: Key, reader: Option<Key>) -> Rc<Summary> {
        self.demand(key);
        let node = self.nodes.entry(key).or_default();
        node.readers.extend(reader);
        Rc::clone(&node.summary)
    }

    /// What a place holds so far.
    pub(crate) fn read(&mut self, cell: Cell, reader: Key) -> Value {
        let place = self.places.entry(cell).or_default();
        place.readers.insert(reader);
        place.value.clone()
    }

    /// Adds objects to a place.
    pub(crate) fn write(&mut self, cell: Cell, objects: &Objects) {
        let place = self.places.entry(cell).or_default();
        let mut grew = false;
        for object in objects {
            if !matches!(object, Object::Input(_) | Object::Resolved) {
                grew |= place.value.add(*object);
            }
        }
        if grew {
            let readers: Vec<Key> = place.readers.iter().copied().collect();
            readers.into_iter().for_each(|reader| self.enqueue(reader));
        }
    }

    /// What a name of a module stands for; `None` when it has none of that name.
    pub(crate) fn global(&mut self, module: ModuleId, name: Symbol, reader: Key) -> Option<Value> {
        self.global_within(module, name, reader, 8)
    }

    fn global_within(
        &mut self,
        module: ModuleId,
        name: Symbol,
        reader: Key,
        depth: u32,
    ) -> Option<Value> {
        if self.bound.contains(&(module, name)) {
            return Some(self.read(Cell::Global(module, name), reader));
        }
        let depth = depth.checked_sub(1)?;
        for star in self.world.module(module).stars.clone() {
            if let Some(other) = self.world.find(star) {
                if other != module
                    && let Some(value) = self.global_within(other, name, reader, depth)
                {
                    return Some(value);
                }
                continue;
            }
            let external = self.join(star, name);
            if self.known(external).is_some() {
                return Some(Value::object(Object::External(external)));
            }
        }
        None
    }

    /// `a.b` for `a` and `b`.
    pub(crate) fn join(&mut self, owner: Symbol, name: Symbol) -> Symbol {
        if let Some(joined) = self.joined.get(&(owner, name)) {
            return *joined;
        }
        let text = format!("{}.{}", self.world.text(owner), self.world.text(name));
        let joined = self.world.symbols.of(&text);
        self.joined.insert((owner, name), joined);
        joined
    }

    /// What is known about something outside the world.
    pub(crate) fn known(&mut self, dotted: Symbol) -> Option<Rc<Primitive>> {
        if let Some(answer) = self.answers.get(&dotted) {
            return answer.clone();
        }
        let answer = self.known.known(&self.world.text(dotted)).map(Rc::new);
        self.answers.insert(dotted, answer.clone());
        answer
    }

    /// What restoring an instance of a class outside the world does.
    pub(crate) fn restored(&mut self, dotted: Symbol) -> Option<wb_core::Capability> {
        self.known.restored(&self.world.text(dotted))
    }

    /// What is written down about something of the world, and holds in place of its source.
    pub(crate) fn boundary(&mut self, dotted: Symbol) -> Option<Rc<Primitive>> {
        if let Some(answer) = self.boundaries.get(&dotted) {
            return answer.clone();
        }
        let answer = self.known.boundary(&self.world.text(dotted)).map(Rc::new);
        self.boundaries.insert(dotted, answer.clone());
        answer
    }

    /// The dotted name of a function.
    pub(crate) fn name(&mut self, id: FunctionId) -> Symbol {
        if let Some(name) = self.names.get(&id) {
            return *name;
        }
        let function = Rc::clone(self.function(id));
        let module = self.world.module(function.module).name;
        let name = self.join(module, function.path);
        self.names.insert(id, name);
        name
    }

    /// The dotted name of a class.
    pub(crate) fn class_name(&mut self, id: ClassId) -> Symbol {
        let class = self.world.class(id);
        let (module, path) = (self.world.module(class.module).name, class.path);
        self.join(module, path)
    }

    /// The order in which attributes of a class are looked for: depth first, each class once and behind all
    /// that inherit from it, as a close and always defined neighbour of C3. Bases outside the world stand
    /// for themselves.
    pub(crate) fn order(&mut self, class: ClassId) -> Rc<[Object]> {
        if let Some((version, order)) = self.orders.get(&class)
            && *version == self.bases_version
        {
            return Rc::clone(order);
        }
        let order: Rc<[Object]> = self.ordered(class).into();
        self.orders.insert(class, (self.bases_version, Rc::clone(&order)));
        order
    }

    fn ordered(&self, class: ClassId) -> Vec<Object> {
        let mut order = Vec::new();
        let mut open = vec![Object::Class(class)];
        for _ in 0..MAX_BASES {
            let Some(next) = open.pop() else { break };
            // A base that comes again, by another way, belongs behind both.
            order.retain(|one| *one != next);
            order.push(next);
            let Object::Class(id) = next else { continue };
            let bases = self.bases.get(&id).map(Vec::as_slice).unwrap_or_default();
            let above = bases.iter().filter(|base| **base != Object::Class(class));
            open.extend(above.rev());
        }
        order
    }

    /// Notes what a class inherits from, in order.
    pub(crate) fn set_bases(&mut self, class: ClassId, bases: Vec<Object>) {
        if self.bases.get(&class) != Some(&bases) {
            self.bases.insert(class, bases);
            self.bases_version += 1;
        }
    }

    /// Notes what a decorator made of a function.
    pub(crate) fn wrap(&mut self, function: FunctionId, wrappers: &[FunctionId]) {
        self.wrappers.entry(function).or_default().extend(wrappers);
    }

    /// What decorators made of a function; `None` when it has none.
    pub(crate) fn wrappers(&self, function: FunctionId) -> Option<&BTreeSet<FunctionId>> {
        self.wrappers.get(&function)
    }

    /// Whether a module defines or imports a name itself.
    pub(crate) fn is_bound(&self, module: ModuleId, name: Symbol) -> bool {
        self.bound.contains(&(module, name))
    }

    /// All names that modules bind, in order.
    pub(crate) fn bound_names(&self) -> BTreeSet<(ModuleId, Symbol)> {
        self.bound.iter().copied().collect()
    }

    /// The kinds of all functions, for those who list them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (FunctionId, &Rc<Function>)> {
        let all = self.functions.iter().enumerate();
        all.filter(|(_, one)| one.kind != Kind::Module).map(|(at, one)| (FunctionId::from(at), one))
    }
}

/// The text that an expression is, when it stands in the source.
pub(crate) fn literal(function: &Function, expr: crate::ir::ExprId) -> Option<Symbol> {
    match function.exprs.get(expr.at())? {
        Expr::Text(text) => Some(*text),
        _ => None,
    }
}
