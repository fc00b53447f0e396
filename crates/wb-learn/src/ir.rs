//! [`Module`]: what one source file says, reduced to what matters for the flow of values.
//!
//! Order within a function is given up: a body is the set of its assignments, calls and returns. Names are
//! resolved once, here: a local is a slot, a variable of an enclosing function is a slot that is *captured*
//! from it, everything else is a global of the module.

use crate::symbol::Symbol;

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub u32);

        impl $name {
            pub(crate) fn at(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }

            pub(crate) fn from(at: usize) -> Self {
                Self(u32::try_from(at).unwrap_or(u32::MAX))
            }
        }
    )+};
}

index! {
    /// A module of the world.
    ModuleId,
    /// A function, method, lambda or module body of the world.
    FunctionId,
    /// A class of the world.
    ClassId,
    /// An expression of one function.
    ExprId,
    /// A local variable of one function.
    Slot,
}

/// What an expression does with values.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// A number, `None`, a comparison: nothing that can name or be anything.
    Constant,
    /// A text that stands in the source.
    Text(Symbol),
    /// A local variable.
    Local(Slot),
    /// A name of the module or of `builtins`.
    Global(Symbol),
    /// A name of the class body that is being read.
    ClassName(ClassId, Symbol),
    /// An attribute.
    Attribute(ExprId, Symbol),
    /// An item of a collection.
    Item(ExprId, ExprId),
    /// A call.
    Call(ExprId, Box<[Argument]>),
    /// One of several values, or a collection of them.
    Either(Box<[ExprId]>),
    /// A value computed from others: it carries what they carry, but is none of them.
    Computed(Box<[ExprId]>),
    /// A function defined here.
    Function(FunctionId),
    /// A class defined here.
    Class(ClassId),
    /// `super()`.
    Super,
    /// What an import statement binds: a module, or a name in one.
    Import { module: Symbol, name: Option<Symbol> },
}

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Argument {
    pub kind: ArgumentKind,
    pub value: ExprId,
}

/// How an argument is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentKind {
    Positional,
    Star,
    Keyword(Symbol),
    DoubleStar,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Local(Slot),
    Global(Symbol),
    ClassName(ClassId, Symbol),
    Attribute(ExprId, Symbol),
    Item(ExprId),
}

/// What kind of callable a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body of a module.
    Module,
    /// A function outside classes, or inside another function.
    Function,
    /// A method, whose first parameter is the object.
    Method,
    /// A class method, whose first parameter is the class.
    ClassMethod,
    /// A static method.
    StaticMethod,
    /// A method that runs when its name is read as an attribute.
    Property,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub name: Symbol,
    pub kind: ParameterKind,
    /// Its default, an expression of the enclosing function.
    pub default: Option<ExprId>,
}

/// How a parameter is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    PositionalOnly,
    Ordinary,
    Star,
    KeywordOnly,
    DoubleStar,
}

/// A function, method, lambda or module body.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Dotted path from the module: `Bdb.run`, `outer.<locals>.inner`.
    pub path: Symbol,
    pub module: ModuleId,
    /// The class whose method it is.
    pub class: Option<ClassId>,
    /// The function it stands in; module bodies have none.
    pub parent: Option<FunctionId>,
    pub kind: Kind,
    /// The parameters; each is the local of the same number.
    pub parameters: Vec<Parameter>,
    /// Own slot and slot of the parent, for each captured variable.
    pub captured: Vec<(Slot, Slot)>,
    /// How many locals there are.
    pub slots: usize,
    pub exprs: Vec<Expr>,
    /// Assignments in order, each with the number of expressions that come before it.
    pub assigns: Vec<(usize, Target, ExprId)>,
    pub returns: Vec<ExprId>,
    /// Decorators that are not understood by [`Kind`], as expressions of the parent.
    pub decorators: Vec<ExprId>,
}

/// A class.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub path: Symbol,
    pub module: ModuleId,
    /// Its bases, as expressions of the function that it stands in.
    pub bases: Vec<ExprId>,
    pub metaclass: Option<ExprId>,
    /// Methods by name; the last definition of a name holds, earlier ones are kept beside it.
    pub methods: Vec<(Symbol, FunctionId)>,
    /// Whether `@dataclass` writes its constructor.
    pub is_dataclass: bool,
}

/// One source file.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub name: Symbol,
    pub body: FunctionId,
    /// Modules whose names are all imported.
    pub stars: Vec<Symbol>,
    /// `from x import y` and `import x`, as the name bound here and what it is bound to.
    pub imports: Vec<(Symbol, Symbol)>,
}
