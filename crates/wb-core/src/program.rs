//! [`Program`]: what any code does, in one form for every language.
//!
//! A pickle, a marshalled Keras Lambda, a Jinja template, a shell command and a Python file all become a
//! flat list of [`Op`]s. Each op yields one value, known by the op's index ([`ValueId`]), and points at
//! the bytes it was lifted from. Lifting follows the code that would run; it never runs it.

use crate::{Component, Span};
use std::ops::Range;

/// Index of the op that made a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The index into [`Program::ops`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The language a program was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Python pickle opcodes.
    Pickle,
    /// CPython bytecode.
    CPython,
    /// Python source text.
    Python,
    /// A Jinja template.
    Jinja,
    /// A shell command line.
    Shell,
    /// A configuration that names classes and functions to be called.
    Config,
}

impl Language {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pickle => "pickle",
            Self::CPython => "python bytecode",
            Self::Python => "python",
            Self::Jinja => "jinja",
            Self::Shell => "shell",
            Self::Config => "config",
        }
    }
}

/// What makes a program run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// Loading the model.
    Load,
    /// Calling the model.
    Inference,
    /// Importing a module.
    Import,
    /// Installing a package.
    Install,
    /// Rendering a template.
    Template,
    /// Starting a script.
    Run,
}

impl Trigger {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Inference => "inference",
            Self::Import => "import",
            Self::Install => "install",
            Self::Template => "template",
            Self::Run => "run",
        }
    }
}

/// Code, lifted.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// What it was written in.
    pub language: Language,
    /// What makes it run.
    pub trigger: Trigger,
    /// Where it stands in its artifact, in the format's terms: `data.pkl`, `layer feature_norm`. Empty
    /// when the artifact is the program.
    pub place: String,
    /// The layer, node or template it belongs to.
    pub component: Option<String>,
    /// Its bytes in the artifact, or in the data it was decoded from.
    pub span: Span,
    /// What it does, in the order in which it would be done.
    pub ops: Vec<Op>,
    /// The source it was compiled from, as far as that can be recovered.
    pub source: Option<String>,
    /// Numbers of the ops that run when the file is started as a program, and not when it is imported.
    pub started: Option<Range<u64>>,
    /// Instructions, those of what it defines included, that do not do what instructions of their version can: the
    /// interpreter would fail there or read astray, so what they do is not known.
    pub unfollowed: u32,
}

impl Program {
    /// A program without ops.
    pub fn new(language: Language, trigger: Trigger, span: Span) -> Self {
        Self {
            language,
            trigger,
            place: String::new(),
            component: None,
            span,
            ops: Vec::new(),
            source: None,
            started: None,
            unfollowed: 0,
        }
    }

    /// A program without ops for what `component` makes its runtime do.
    pub fn of_component(component: &Component, trigger: Trigger, span: Span) -> Self {
        Self {
            place: component.place.clone(),
            component: Some(component.name.clone()),
            ..Self::new(Language::Config, trigger, span)
        }
    }

    /// Puts it and all its steps at `span`, functions that it defines included: its text does not stand in the
    /// artifact as it was read.
    pub fn stand_at(&mut self, span: Span) {
        self.span = span;
        for op in &mut self.ops {
            op.span = span;
            if let OpKind::Define { body, .. } = &mut op.kind {
                body.stand_at(span);
            }
        }
    }

    /// The op that made `value`.
    pub fn op(&self, value: ValueId) -> Option<&Op> {
        self.ops.get(value.index())
    }

    /// Appends an op and returns the value it makes.
    pub fn push(&mut self, op: Op) -> ValueId {
        let id = ValueId(u32::try_from(self.ops.len()).unwrap_or(u32::MAX));
        self.ops.push(op);
        id
    }

    /// Appends an op whose language numbers nothing: its number is its index.
    pub fn step(&mut self, span: Span, kind: OpKind) -> ValueId {
        let number = self.ops.len() as u64;
        self.push(Op { span, number, kind })
    }
}

/// One step of a program; it makes the value of its own index.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// The bytes it was lifted from.
    pub span: Span,
    /// Its number in its own language: opcode index, bytecode offset, source line.
    pub number: u64,
    /// What it does.
    pub kind: OpKind,
}

/// What an op does.
#[derive(Clone, Debug, PartialEq)]
pub enum OpKind {
    /// Yields a constant.
    Constant(Constant),
    /// Imports `module` and yields its attribute `name` (which may be dotted), or the module itself when
    /// `name` is empty.
    Import {
        /// Dotted module name as written.
        module: String,
        /// Attribute path inside the module.
        name: String,
    },
    /// Yields an attribute.
    GetAttribute {
        /// The object.
        of: ValueId,
        /// The attribute.
        name: String,
    },
    /// Yields an item.
    GetItem {
        /// The container.
        of: ValueId,
        /// The key.
        key: ValueId,
    },
    /// Calls `callee` and yields what it returns.
    Call {
        /// What is called.
        callee: ValueId,
        /// Positional arguments.
        arguments: Vec<ValueId>,
        /// Keyword arguments.
        keywords: Vec<(String, ValueId)>,
        /// How the language spells the call.
        style: CallStyle,
    },
    /// Sets an attribute.
    SetAttribute {
        /// The object.
        of: ValueId,
        /// The attribute.
        name: String,
        /// The new value.
        value: ValueId,
    },
    /// Sets an item.
    SetItem {
        /// The container.
        of: ValueId,
        /// The key.
        key: ValueId,
        /// The new value.
        value: ValueId,
    },
    /// Hands `state` to an object (`__setstate__`, or attributes from a mapping): pickle's BUILD.
    Build {
        /// The object.
        of: ValueId,
        /// The state.
        state: ValueId,
    },
    /// Makes a collection of values.
    Collect {
        /// Of which kind; for [`Collection::Dict`] items are key, value, key, value.
        kind: Collection,
        /// The items that were kept; plain constants may be left out of large collections.
        items: Vec<ValueId>,
        /// How many items there are.
        total: u64,
    },
    /// Yields the value of a name of the surrounding scope.
    Load {
        /// The name.
        name: String,
    },
    /// Gives a name to a value.
    Store {
        /// The name.
        name: String,
        /// The value.
        value: ValueId,
    },
    /// Defines code that runs only when it is called.
    Define {
        /// Name of the function, class or macro.
        name: String,
        /// Its body.
        body: Box<Program>,
    },
    /// Yields what a `persistent_load` hook returns for `id`.
    Persistent {
        /// The persistent id.
        id: ValueId,
    },
    /// Yields whatever the extension registry holds under `code` (pickle EXT1, EXT2, EXT4).
    Extension {
        /// The code.
        code: u32,
    },
    /// Returns a value; a pickle's STOP.
    Return {
        /// The value.
        value: ValueId,
    },
    /// Something whose effect is not known.
    Opaque {
        /// What, in the language's own words.
        what: String,
        /// The values it uses.
        uses: Vec<ValueId>,
    },
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A longer integer, in decimal or `0x` hexadecimal digits.
    BigInt(String),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes too long to keep: where they are, and how they begin.
    Blob {
        /// Where they are.
        span: Span,
        /// The first bytes.
        head: Vec<u8>,
    },
    /// Any other constant, as its language prints it.
    Other(String),
}

/// How a language spells a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStyle {
    /// `f(...)`: REDUCE in a pickle, a call in Python.
    Call,
    /// `cls.__new__(cls, ...)`: NEWOBJ, NEWOBJ_EX.
    New,
    /// Instantiation by INST or OBJ.
    Instance,
    /// A shell command: the callee is the program, the arguments its words.
    Command,
}

/// The kinds of collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A set.
    Set,
    /// A frozen set.
    FrozenSet,
    /// A mapping.
    Dict,
    /// Pieces joined to one string: an f-string, `~` in Jinja, words of a shell argument.
    Joined,
}
