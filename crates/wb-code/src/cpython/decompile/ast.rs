//! What a decompiled function is made of: [`Stmt`]s and [`Expr`]essions.

use super::pattern::Case;
use crate::cpython::Value;

/// Why the structure of a function was not recovered, in one clause.
pub(super) type Fail = &'static str;
/// A result of decompiling.
pub(super) type R<T> = Result<T, Fail>;

/// How deep expressions may nest: what walks them is recursive. Python's own parser gives up at 200 brackets.
const DEEPEST: u16 = 300;

/// An expression that nests no deeper than [`DEEPEST`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expr {
    depth: u16,
    pub(super) node: Box<Node>,
}

impl Expr {
    /// The expression, unless it nests too deep.
    pub(super) fn new(node: Node) -> R<Self> {
        let mut depth = 0_u16;
        node.each(&mut |child| depth = depth.max(child.depth));
        if depth >= DEEPEST {
            return Err("expressions nest too deep");
        }
        Ok(Self { depth: depth.saturating_add(1), node: Box::new(node) })
    }

    /// A variable.
    pub(super) fn name(name: &str) -> Self {
        Self { depth: 1, node: Box::new(Node::Name(name.to_owned())) }
    }

    /// A constant.
    pub(super) fn constant(value: Value) -> Self {
        Self { depth: 1, node: Box::new(Node::Const(value)) }
    }

    /// The constant it is.
    pub(super) fn as_const(&self) -> Option<&Value> {
        match self.node.as_ref() {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The variable it is.
    pub(super) fn as_name(&self) -> Option<&str> {
        match self.node.as_ref() {
            Node::Name(name) => Some(name),
            _ => None,
        }
    }

    /// `not self` in the words that say it shortest.
    pub(super) fn negated(self) -> R<Self> {
        let flipped = |operator: &str| match operator {
            "is" => Some("is not"),
            "is not" => Some("is"),
            "in" => Some("not in"),
            "not in" => Some("in"),
            _ => None,
        };
        match *self.node {
            Node::Unary("not ", inner) => Ok(inner),
            Node::Bool(operator, items) => {
                let operator = if operator == "and" { "or" } else { "and" };
                let items = items.into_iter().map(Self::negated).collect::<R<_>>()?;
                Self::new(Node::Bool(operator, items))
            }
            Node::Compare(left, rest) => match rest.as_slice() {
                [(operator, right)] if flipped(operator).is_some() => {
                    let operator = flipped(operator).unwrap_or_default();
                    Self::new(Node::Compare(left, vec![(operator, right.clone())]))
                }
                _ => Self::new(Node::Unary("not ", Self::new(Node::Compare(left, rest))?)),
            },
            node => {
                Self::new(Node::Unary("not ", Self { depth: self.depth, node: Box::new(node) }))
            }
        }
    }
}

/// An argument of a call or a base of a class.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arg {
    /// `value`
    Plain(Expr),
    /// `*value`
    Star(Expr),
    /// `name=value`
    Keyword(String, Expr),
    /// `**value`
    DoubleStar(Expr),
}

impl Arg {
    /// The value that is passed.
    pub(super) fn value(&self) -> &Expr {
        let (Self::Plain(value)
        | Self::Star(value)
        | Self::Keyword(_, value)
        | Self::DoubleStar(value)) = self;
        value
    }
}

/// The kinds of comprehensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comp {
    /// `[...]`
    List,
    /// `{...}`
    Set,
    /// `{...: ...}`
    Dict,
    /// `(...)`
    Generator,
}

/// `for target in iter if test`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    pub(super) is_async: bool,
    pub(super) target: Expr,
    pub(super) iter: Expr,
    pub(super) tests: Vec<Expr>,
}

/// One kind of expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Const(Value),
    Name(String),
    Attr(Expr, String),
    Subscript(Expr, Expr),
    Slice(Option<Expr>, Option<Expr>, Option<Expr>),
    Call(Expr, Vec<Arg>),
    Binary(&'static str, Expr, Expr),
    /// An augmented operation that is not stored yet.
    Inplace(&'static str, Expr, Expr),
    Unary(&'static str, Expr),
    /// `and` or `or` of two or more.
    Bool(&'static str, Vec<Expr>),
    Compare(Expr, Vec<(&'static str, Expr)>),
    /// `then if test else other`: test, then, other.
    IfElse(Expr, Expr, Expr),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Set(Vec<Expr>),
    /// Pairs; `**value` without a key.
    Dict(Vec<(Option<Expr>, Expr)>),
    Star(Expr),
    Lambda(Box<Parameters>, Expr),
    Comp(Comp, Option<Expr>, Expr, Vec<Clause>),
    /// Parts of an f-string.
    Joined(Vec<Expr>),
    /// A replacement field: value, conversion, format.
    Format(Expr, Option<char>, Option<Expr>),
    /// A template string: the texts between its fields, and these.
    Template(Vec<String>, Vec<Interpolation>),
    Yield(Option<Expr>),
    YieldFrom(Expr),
    Await(Expr),
    Named(String, Expr),
}

impl Node {
    /// Calls `f` with each expression that stands directly in this one.
    pub(super) fn each<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Const(_) | Self::Name(_) | Self::Yield(None) => {}
            Self::Attr(of, _)
            | Self::Unary(_, of)
            | Self::Star(of)
            | Self::YieldFrom(of)
            | Self::Await(of)
            | Self::Yield(Some(of))
            | Self::Named(_, of) => f(of),
            Self::Subscript(a, b) | Self::Binary(_, a, b) | Self::Inplace(_, a, b) => {
                f(a);
                f(b);
            }
            Self::IfElse(a, b, c) => [a, b, c].into_iter().for_each(f),
            Self::Slice(a, b, c) => [a, b, c].into_iter().flatten().for_each(f),
            Self::Bool(_, items)
            | Self::Tuple(items)
            | Self::List(items)
            | Self::Set(items)
            | Self::Joined(items) => items.iter().for_each(f),
            Self::Call(callee, arguments) => {
                f(callee);
                arguments.iter().map(Arg::value).for_each(f);
            }
            Self::Compare(first, rest) => {
                f(first);
                rest.iter().map(|(_, other)| other).for_each(f);
            }
            Self::Dict(pairs) => {
                for (key, value) in pairs {
                    key.iter().for_each(&mut *f);
                    f(value);
                }
            }
            Self::Lambda(parameters, body) => {
                parameters.each(f);
                f(body);
            }
            Self::Comp(_, key, value, clauses) => {
                key.iter().for_each(&mut *f);
                f(value);
                for clause in clauses {
                    f(&clause.target);
                    f(&clause.iter);
                    clause.tests.iter().for_each(&mut *f);
                }
            }
            Self::Format(value, _, format) => {
                f(value);
                format.iter().for_each(f);
            }
            Self::Template(_, fields) => {
                for field in fields {
                    f(&field.value);
                    field.format.iter().for_each(&mut *f);
                }
            }
        }
    }
}

/// A field of a template string, with the text of its expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interpolation {
    pub(super) value: Expr,
    pub(super) text: String,
    pub(super) conversion: Option<char>,
    pub(super) format: Option<Expr>,
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) annotation: Option<Expr>,
    pub(super) default: Option<Expr>,
}

/// The parameters of a function.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// How many of `plain` are positional-only.
    pub(super) positional_only: usize,
    pub(super) plain: Vec<Parameter>,
    pub(super) star: Option<Parameter>,
    pub(super) keyword_only: Vec<Parameter>,
    pub(super) double_star: Option<Parameter>,
    pub(super) returns: Option<Expr>,
}

impl Parameters {
    fn each<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        let all =
            self.plain.iter().chain(&self.star).chain(&self.keyword_only).chain(&self.double_star);
        for one in all {
            one.annotation.iter().chain(&one.default).for_each(&mut *f);
        }
        self.returns.iter().for_each(f);
    }
}

/// A type parameter of a function, class or `type` statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TypeParam {
    pub(super) stars: &'static str,
    pub(super) name: String,
    pub(super) bound: Option<Expr>,
    pub(super) default: Option<Expr>,
}

/// A function or a class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) is_async: bool,
    pub(super) name: String,
    pub(super) type_parameters: Vec<TypeParam>,
    pub(super) decorators: Vec<Expr>,
    /// `None` for a class.
    pub(super) parameters: Option<Parameters>,
    pub(super) bases: Vec<Arg>,
    pub(super) body: Vec<Stmt>,
}

/// `except kind as name: body`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Handler {
    pub(super) kind: Option<Expr>,
    pub(super) name: Option<String>,
    pub(super) body: Vec<Stmt>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stmt {
    Expr(Expr),
    Assign(Vec<Expr>, Expr),
    AugAssign(Expr, &'static str, Expr),
    /// Target, annotation, value.
    AnnAssign(Expr, Expr, Option<Expr>),
    Return(Option<Expr>),
    Raise(Option<Expr>, Option<Expr>),
    Assert(Expr, Option<Expr>),
    Delete(Vec<Expr>),
    /// Module and `as`.
    Import(String, Option<String>),
    /// Module with its dots, then names with `as`.
    ImportFrom(String, Vec<(String, Option<String>)>),
    Global(Vec<String>),
    Nonlocal(Vec<String>),
    If(Expr, Vec<Self>, Vec<Self>),
    While(Expr, Vec<Self>, Vec<Self>),
    /// Whether it is async, target, iterable, body, else.
    For(bool, Expr, Expr, Vec<Self>, Vec<Self>),
    /// Body, handlers, else, finally.
    Try(Vec<Self>, Vec<Handler>, Vec<Self>, Vec<Self>),
    /// Whether it is async, items with targets, body.
    With(bool, Vec<(Expr, Option<Expr>)>, Vec<Self>),
    /// Subject and cases.
    Match(Expr, Vec<Case<Self>>),
    Define(Box<Definition>),
    /// `type name[parameters] = value`
    TypeAlias(String, Vec<TypeParam>, Expr),
    Pass,
    Break,
    Continue,
    /// An element that a comprehension collects: key and value.
    Collect(Option<Expr>, Expr),
    /// Where the annotation with that number stands.
    Annotated(Expr),
    /// A comment of its own, a line each.
    Comment(Vec<String>),
    /// The docstring.
    Doc(String),
}

impl Stmt {
    /// The statements that stand in this one.
    pub(super) fn blocks(&mut self) -> Vec<&mut Vec<Self>> {
        match self {
            Self::If(_, body, other)
            | Self::While(_, body, other)
            | Self::For(_, _, _, body, other) => vec![body, other],
            Self::With(_, _, body) => vec![body],
            Self::Match(_, cases) => cases.iter_mut().map(|case| &mut case.body).collect(),
            Self::Try(body, handlers, other, last) => {
                let mut blocks = vec![body, other, last];
                blocks.extend(handlers.iter_mut().map(|handler| &mut handler.body));
                blocks
            }
            _ => Vec::new(),
        }
    }
}
