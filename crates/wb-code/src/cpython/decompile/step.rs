//! What stands on the stack while expressions are put together: [`Slot`]s.

use super::ast::{Definition, Expr, Fail, Interpolation, Node, R, TypeParam};
use crate::cpython::CodeObject;
use std::sync::Arc;

/// A place that an augmented assignment reads and writes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// An attribute of the value with this number.
    Attr(u32, Expr, String),
    /// An item of two values with these numbers.
    Item(u32, u32, Expr, Expr),
    /// A slice of three values with these numbers.
    Slice([u32; 3], Expr, Expr, Expr),
}

/// A function that is not stored yet.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) code: Arc<CodeObject>,
    pub(super) defaults: Vec<Expr>,
    pub(super) keyword_defaults: Vec<(String, Expr)>,
    pub(super) annotations: Vec<(String, Expr)>,
    pub(super) decorators: Vec<Expr>,
    pub(super) type_parameters: Vec<TypeParam>,
}

/// One value on the stack, or what stands for one. What is not an expression can be used only as the
/// construct it belongs to uses it.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Expr(Expr),
    /// Of a call: no `self`.
    Null,
    /// A value that is on the stack twice, with a number of its own.
    Shared(u32, Expr),
    /// What an augmented assignment reads, then what it will write.
    Read(Place),
    Written(Place, &'static str, Expr),
    /// Targets that the value below was stored to already.
    Stored(Vec<Expr>, Expr),
    Code(Arc<CodeObject>),
    Function(Box<Function>),
    Definition(Box<Definition>),
    BuildClass,
    Cell(String),
    Cells,
    /// An import: module with its dots, `None` or what is imported from it.
    Module(String, Option<Vec<String>>, Vec<(String, Option<String>)>),
    /// A name of the import below.
    Imported(String),
    /// The last part of a dotted import that is renamed.
    Renamed(String),
    /// An iterator of a loop.
    Iter,
    /// An exception that is being handled, or one of the values that stand for it.
    Exception,
    /// The exit function of a context manager.
    Exit,
    /// What a context manager's `__enter__` returned, an item of a loop, a part of an unpacked value.
    Incoming,
    /// A local variable that an inlined comprehension set aside.
    Saved(String),
    /// An assertion's exception.
    Assertion(Option<Expr>),
    /// The names of a class, which others are looked up in.
    ClassNames,
    /// `yield` of a coroutine's own making.
    Nothing,
    /// A type parameter, all of them, and the base of a class that they make.
    TypeParam(Box<TypeParam>),
    TypeParams(Vec<TypeParam>),
    GenericBase,
    /// What a `type` statement names: name, parameters, value; whether it is made of these.
    Alias(Box<(String, Vec<TypeParam>, Expr)>, bool),
    /// Fields of a template string, and whether they are all of them.
    Interpolations(Vec<Interpolation>, bool),
    /// The set of annotations that control came by, with the number of one more.
    Annotated(Expr),
    /// Names of keyword arguments.
    Names(Vec<String>),
}

/// The stack.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    slots: Vec<Slot>,
}

/// Most values that a stack may hold.
const DEEPEST: usize = 5_000;

impl Stack {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn push(&mut self, slot: Slot) -> R<()> {
        if self.slots.len() >= DEEPEST {
            return Err("the stack gets too deep");
        }
        self.slots.push(slot);
        Ok(())
    }

    pub(super) fn value(&mut self, expr: Expr) -> R<()> {
        self.push(Slot::Expr(expr))
    }

    pub(super) fn pop(&mut self) -> R<Slot> {
        self.slots.pop().ok_or("the stack runs empty")
    }

    /// Takes a plain value.
    pub(super) fn take(&mut self) -> R<Expr> {
        plain(self.pop()?)
    }

    /// Takes `count` plain values, the deepest first.
    pub(super) fn take_many(&mut self, count: usize) -> R<Vec<Expr>> {
        self.pop_many(count)?.into_iter().map(plain).collect()
    }

    /// Takes `count` slots, the deepest first.
    pub(super) fn pop_many(&mut self, count: usize) -> R<Vec<Slot>> {
        let rest = self.slots.len().checked_sub(count).ok_or("the stack runs empty")?;
        Ok(self.slots.split_off(rest))
    }

    /// The slot `depth` from the top, 1 being the top.
    pub(super) fn peek(&self, depth: usize) -> Option<&Slot> {
        self.slots.get(self.slots.len().checked_sub(depth)?)
    }

    pub(super) fn peek_mut(&mut self, depth: usize) -> R<&mut Slot> {
        let index = self.slots.len().checked_sub(depth).ok_or("the stack runs empty")?;
        self.slots.get_mut(index).ok_or("the stack runs empty")
    }

    pub(super) fn swap(&mut self, depth: usize) -> R<()> {
        let top = self.slots.len().checked_sub(1).ok_or("the stack runs empty")?;
        let other = self.slots.len().checked_sub(depth.max(1)).ok_or("the stack runs empty")?;
        self.slots.swap(top, other);
        Ok(())
    }

    /// Moves the top below the `depth - 1` values under it.
    pub(super) fn rotate(&mut self, depth: usize) -> R<()> {
        let slot = self.pop()?;
        let place = self.slots.len().checked_sub(depth.saturating_sub(1));
        self.slots.insert(place.ok_or("the stack runs empty")?, slot);
        Ok(())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter()
    }
}

/// The slot as a value; one that a variable got as well is `name := value`.
pub(super) fn plain(slot: Slot) -> R<Expr> {
    match slot {
        Slot::Expr(expr) => Ok(expr),
        Slot::Stored(targets, value) => match targets.as_slice() {
            [target] => match target.as_name() {
                Some(name) => Expr::new(Node::Named(name.to_owned(), value)),
                None => Err("a value is used after it was stored"),
            },
            _ => Err("a value is used after it was stored"),
        },
        other => Err(misused(&other)),
    }
}

fn misused(slot: &Slot) -> Fail {
    match slot {
        Slot::Shared(..) => "a value is used twice in a way no statement does",
        Slot::Read(_) | Slot::Written(..) => "an augmented assignment stores elsewhere",
        Slot::Stored(..) => "a value is used after it was stored",
        Slot::Function(_) => "a function is used before it is stored",
        Slot::Definition(_) => "a class is used before it is stored",
        Slot::Code(_) => "a code object is used as a value",
        Slot::Exception => "an exception is used as a value",
        Slot::Incoming => "a value is not stored where it should be",
        Slot::Iter => "an iterator is used as a value",
        Slot::Module(..) | Slot::Imported(_) | Slot::Renamed(_) => "an import is used as a value",
        _ => "a value is used as no expression does",
    }
}
