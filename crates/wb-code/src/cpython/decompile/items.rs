//! The values that a pattern takes apart: [`Items`], a stack of subjects and of what is known of each.

use super::ast::{Expr, Node, R};
use super::names;
use super::normal::Ins;
use super::pattern::{self, Pattern};
use crate::cpython::{Value, Version};
use std::collections::BTreeMap;

/// Most cases of one statement, and alternatives of one pattern.
pub(super) const MOST: usize = 500;

/// How deep patterns may nest.
const DEEPEST: usize = 40;

/// What is on the stack while a pattern is tried.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A value that is matched, by number.
    Subject(usize),
    /// An expression that one is compared with.
    Value(Expr),
    /// The length of a subject; a position counted from its end.
    Length(usize),
    FromEnd(i64),
    /// The outcome of a test of a subject.
    Test,
    /// The parts of a subject as one tuple: attributes of a class, values of a mapping.
    Parts(usize),
    /// One of the keys that are taken out of a rest.
    Key,
    /// What a mapping has beside its keys; `None` while it is empty.
    Rest(Option<usize>),
}

impl Item {
    /// The value that it is.
    pub(super) fn value(self) -> R<Expr> {
        match self {
            Self::Value(value) => Ok(value),
            _ => Err("a pattern compares with no value"),
        }
    }
}

/// What is known of a subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    shape: Shape,
    names: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Shape {
    #[default]
    Any,
    Value(Expr),
    Sequence {
        len: Option<(usize, bool)>,
        items: BTreeMap<i64, usize>,
        star: Option<usize>,
        unpacked: bool,
    },
    Mapping {
        keys: Vec<Expr>,
        values: Vec<usize>,
        rest: Option<String>,
    },
    Class {
        class: Expr,
        plain: usize,
        names: Vec<String>,
        values: Vec<usize>,
    },
    /// Alternatives, and what they capture: each has the same names for it.
    Or(Vec<Alternative>, Vec<usize>),
}

/// One of several patterns: with what it captures, by number, in the order of the names.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub(super) items: Items,
    pub(super) captures: Vec<usize>,
}

/// Where a pattern fails, and how many values are on its stack then.
type Fail = (usize, usize);

/// A pattern on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    pub(super) stack: Vec<Item>,
    subjects: Vec<Subject>,
    /// Where it fails.
    pub(super) fails: Vec<Fail>,
    /// Instructions that were part of it.
    pub(super) seen: Vec<usize>,
}

impl Items {
    /// A new subject.
    fn subject(&mut self) -> usize {
        self.subjects.push(Subject::default());
        self.subjects.len().saturating_sub(1)
    }

    /// A new subject on top of the stack, which alternatives have captured.
    pub(super) fn capture(&mut self) -> usize {
        let id = self.subject();
        self.stack.push(Item::Subject(id));
        id
    }

    /// New subjects for parts, the first one on top.
    fn apart(&mut self, count: usize) -> Vec<usize> {
        let ids: Vec<usize> = (0..count).map(|_| self.subject()).collect();
        self.stack.extend(ids.iter().rev().map(|id| Item::Subject(*id)));
        ids
    }

    pub(super) fn pop(&mut self) -> R<Item> {
        self.stack.pop().ok_or("a pattern takes what is not there")
    }

    fn top(&self) -> R<usize> {
        match self.stack.last() {
            Some(Item::Subject(id)) => Ok(*id),
            _ => Err("a pattern tests no subject"),
        }
    }

    fn shape(&mut self, id: usize) -> R<&mut Shape> {
        self.subjects.get_mut(id).map(|subject| &mut subject.shape).ok_or("a subject is not known")
    }

    /// Gives a subject its shape, which it has once.
    pub(super) fn becomes(&mut self, id: usize, shape: Shape) -> R<()> {
        let slot = self.shape(id)?;
        if !matches!(slot, Shape::Any) {
            return Err("a subject is matched twice");
        }
        *slot = shape;
        Ok(())
    }

    /// The whole pattern: that of the first subject.
    pub(super) fn whole(&self) -> R<Pattern> {
        self.pattern(0, DEEPEST)
    }

    /// The pattern of a subject.
    fn pattern(&self, id: usize, depth: usize) -> R<Pattern> {
        let subject = self.subjects.get(id).ok_or("a subject is not known")?;
        let depth = depth.checked_sub(1).ok_or("patterns nest too deep")?;
        let each =
            |ids: &[usize]| ids.iter().map(|id| self.pattern(*id, depth)).collect::<R<Vec<_>>>();
        let mut names = subject.names.iter().cloned();
        let pattern = match &subject.shape {
            Shape::Any => names.next().map_or(Pattern::Wildcard, Pattern::Capture),
            Shape::Value(value) => pattern::value(value.clone())?,
            Shape::Sequence { len, items, star, .. } => self.sequence(*len, items, *star, depth)?,
            Shape::Mapping { keys, values, rest } => {
                if keys.len() != values.len() {
                    return Err("a mapping has other keys than values");
                }
                let entries = keys.iter().cloned().zip(each(values)?).collect();
                Pattern::Mapping(entries, rest.clone())
            }
            Shape::Class { class, plain, names, values } => {
                let mut values = each(values)?;
                if values.len() != plain.saturating_add(names.len()) {
                    return Err("a class has other attributes than patterns");
                }
                let named = values.split_off(*plain);
                Pattern::Class(class.clone(), values, names.iter().cloned().zip(named).collect())
            }
            Shape::Or(alternatives, captures) => {
                Pattern::Or(self.alternatives(alternatives, captures)?)
            }
        };
        Ok(names.fold(pattern, |pattern, name| Pattern::As(Box::new(pattern), name)))
    }

    /// Alternatives with the names that were given to what they capture.
    fn alternatives(&self, alternatives: &[Alternative], captures: &[usize]) -> R<Vec<Pattern>> {
        let each = alternatives.iter().map(|one| {
            let mut items = one.items.clone();
            for (own, capture) in one.captures.iter().zip(captures) {
                let names = self.subjects.get(*capture).map(|subject| subject.names.clone());
                let slot = items.subjects.get_mut(*own).ok_or("a subject is not known")?;
                slot.names.extend(names.ok_or("a subject is not known")?);
            }
            items.whole()
        });
        each.collect()
    }

    fn sequence(
        &self,
        len: Option<(usize, bool)>,
        items: &BTreeMap<i64, usize>,
        star: Option<usize>,
        depth: usize,
    ) -> R<Pattern> {
        let Some((len, exact)) = len else {
            let star = self.star(star)?;
            return if items.is_empty() {
                Ok(Pattern::Sequence(vec![star]))
            } else {
                Err("a sequence has no length")
            };
        };
        if len > MOST {
            return Err("a pattern is too long");
        }
        // Items before the star count from the beginning, those behind it from the end.
        let heads = items.keys().filter(|at| **at >= 0).max().map_or(0, |at| at.saturating_add(1));
        let heads = usize::try_from(heads).unwrap_or(usize::MAX);
        let tails =
            len.checked_sub(if exact { len } else { heads }).ok_or("a sequence is too short")?;
        let heads = if exact { len } else { heads };
        let item =
            |at: i64| items.get(&at).map_or(Ok(Pattern::Wildcard), |id| self.pattern(*id, depth));
        let mut out = Vec::new();
        for at in 0..heads {
            out.push(item(i64::try_from(at).unwrap_or(i64::MAX))?);
        }
        if !exact {
            out.push(self.star(star)?);
        }
        for at in 0..tails {
            let back = i64::try_from(tails.saturating_sub(at)).unwrap_or(i64::MAX);
            out.push(item(back.saturating_neg())?);
        }
        Ok(Pattern::Sequence(out))
    }

    fn star(&self, star: Option<usize>) -> R<Pattern> {
        let Some(id) = star else { return Ok(Pattern::Star(None)) };
        match self.pattern(id, 2)? {
            Pattern::Wildcard => Ok(Pattern::Star(None)),
            Pattern::Capture(name) => Ok(Pattern::Star(Some(name))),
            _ => Err("the rest of a sequence is matched"),
        }
    }

    /// Moves the top below the `depth - 1` values under it, or changes it with the deepest of them.
    fn permute(&mut self, depth: usize, swap: bool) -> R<()> {
        let top = self.stack.len().checked_sub(1).ok_or("a pattern takes what is not there")?;
        let other = self
            .stack
            .len()
            .checked_sub(depth.max(1))
            .ok_or("a pattern takes what is not there")?;
        if swap {
            self.stack.swap(top, other);
        } else if let Some(part) = self.stack.get_mut(other..) {
            part.rotate_right(1);
        }
        Ok(())
    }

    /// A pattern that has done nothing with its subject yet.
    pub(super) fn of_subject() -> Self {
        let mut items = Self::default();
        items.capture();
        items
    }

    /// An instruction that needs nothing but the stack.
    pub(super) fn step(&mut self, ins: &Ins, version: Version) -> R<()> {
        match ins.name {
            "SWAP" => self.permute(ins.arg, true),
            "ROT" => self.permute(ins.arg, false),
            "POP_TOP" => self.pop().map(|_| ()),
            "MATCH_SEQUENCE" => {
                let (items, star) = (BTreeMap::new(), None);
                self.tests(Shape::Sequence { len: None, items, star, unpacked: false })
            }
            "MATCH_MAPPING" => {
                self.tests(Shape::Mapping { keys: Vec::new(), values: Vec::new(), rest: None })
            }
            "MATCH_KEYS" => self.match_keys(version),
            "MATCH_CLASS" => self.match_class(ins.arg, version),
            "GET_LEN" => {
                let id = self.top()?;
                self.stack.push(Item::Length(id));
                Ok(())
            }
            "COMPARE_OP" | "IS_OP" => {
                let operator = names::comparison(ins, version);
                self.compared(operator.ok_or("an operator is not known")?)
            }
            "BINARY_OP" | "BINARY_SUBTRACT" => self.counted_back(ins),
            "BINARY_SUBSCR" => self.subscribed(),
            "UNPACK_SEQUENCE" => self.unpacked(ins.arg),
            "UNPACK_EX" => self.unpacked_rest(ins.arg),
            "BUILD_TUPLE" => self.keys(ins.arg),
            name if name.starts_with("IF_") => {
                let target = ins.target.ok_or("a jump has no target")?;
                self.tested(name)?;
                self.fails.push((target, self.stack.len()));
                Ok(())
            }
            _ => self.rest_step(ins),
        }
    }

    /// An instruction that makes what a mapping has beside its keys.
    fn rest_step(&mut self, ins: &Ins) -> R<()> {
        match ins.name {
            "BUILD_MAP" if ins.arg == 0 => self.stack.push(Item::Rest(None)),
            "DICT_UPDATE" => {
                let Item::Subject(id) = self.pop()? else { return Err("a rest is of no subject") };
                let slot =
                    self.stack.len().checked_sub(ins.arg).and_then(|at| self.stack.get_mut(at));
                match slot {
                    Some(slot @ Item::Rest(None)) => *slot = Item::Rest(Some(id)),
                    _ => return Err("a rest is of no subject"),
                }
            }
            "COPY_DICT_WITHOUT_KEYS" => {
                self.pop()?;
                let id = self.top()?;
                self.stack.push(Item::Rest(Some(id)));
            }
            "DELETE_SUBSCR" => {
                if !matches!((self.pop()?, self.pop()?), (Item::Key, Item::Rest(Some(_)))) {
                    return Err("a pattern deletes an item");
                }
            }
            _ => return Err("an instruction belongs to no pattern"),
        }
        Ok(())
    }

    fn tests(&mut self, shape: Shape) -> R<()> {
        let id = self.top()?;
        self.becomes(id, shape)?;
        self.stack.push(Item::Test);
        Ok(())
    }

    /// A position counted from the end: the length less a number.
    fn counted_back(&mut self, ins: &Ins) -> R<()> {
        let (Item::Value(by), Item::Length(_)) = (self.pop()?, self.pop()?) else {
            return Err("a pattern calculates");
        };
        let minus = names::operator(ins) == Some(("-", false));
        match by.as_const() {
            Some(Value::Int(by)) if minus => {
                self.stack.push(Item::FromEnd(by.saturating_neg()));
                Ok(())
            }
            _ => Err("a pattern calculates"),
        }
    }

    /// Keys that are put together from names.
    fn keys(&mut self, count: usize) -> R<()> {
        let from =
            self.stack.len().checked_sub(count).ok_or("a pattern takes what is not there")?;
        let parts =
            self.stack.split_off(from).into_iter().map(Item::value).collect::<R<Vec<_>>>()?;
        self.stack.push(Item::Value(Expr::new(Node::Tuple(parts))?));
        Ok(())
    }

    fn match_keys(&mut self, version: Version) -> R<()> {
        let Some([Item::Subject(id), Item::Value(keys)]) = self.stack.last_chunk().cloned() else {
            return Err("keys are of no mapping");
        };
        let found = match *keys.node {
            Node::Const(Value::Tuple(keys)) => keys.iter().cloned().map(Expr::constant).collect(),
            Node::Tuple(keys) => keys,
            _ => return Err("keys are no tuple"),
        };
        match self.shape(id)? {
            Shape::Mapping { keys, .. } if keys.is_empty() => *keys = found,
            _ => return Err("keys are of no mapping"),
        }
        self.parts(id, version);
        Ok(())
    }

    fn match_class(&mut self, plain: usize, version: Version) -> R<()> {
        let (names, class) = (self.pop()?.value()?, self.pop()?.value()?);
        let Item::Subject(id) = self.pop()? else { return Err("a class matches no subject") };
        let Some(Value::Tuple(names)) = names.as_const() else {
            return Err("attributes have no names");
        };
        let names = names
            .iter()
            .map(|name| match name {
                Value::Text(name) if names::is_name(name) => Ok(name.to_string()),
                _ => Err("an attribute has no name"),
            })
            .collect::<R<Vec<_>>>()?;
        self.becomes(id, Shape::Class { class, plain, names, values: Vec::new() })?;
        self.parts(id, version);
        Ok(())
    }

    /// The parts as a tuple, and until 3.10 whether they are there.
    fn parts(&mut self, id: usize, version: Version) {
        self.stack.push(Item::Parts(id));
        if version < Version::three(11) {
            self.stack.push(Item::Test);
        }
    }

    /// A comparison of a subject or of its length.
    fn compared(&mut self, operator: &'static str) -> R<()> {
        let right = self.pop()?.value()?;
        match (self.pop()?, operator) {
            (Item::Subject(id), "==") => self.becomes(id, Shape::Value(right))?,
            (Item::Subject(id), "is")
                if matches!(right.as_const(), Some(Value::None | Value::Bool(_))) =>
            {
                self.becomes(id, Shape::Value(right))?;
            }
            (Item::Length(id), "==" | ">=") => {
                let Some(Value::Int(count)) = right.as_const() else {
                    return Err("a length is no number");
                };
                let count = usize::try_from(*count).map_err(|_| "a length is no number")?;
                match self.shape(id)? {
                    Shape::Sequence { len: len @ None, .. } => {
                        *len = Some((count, operator == "=="))
                    }
                    // A mapping is asked for as many items as there are keys.
                    Shape::Mapping { .. } if operator == ">=" => {}
                    _ => return Err("a length is asked for twice"),
                }
            }
            _ => return Err("a pattern compares otherwise"),
        }
        self.stack.push(Item::Test);
        Ok(())
    }

    /// A jump that is taken when a test fails.
    fn tested(&mut self, name: &str) -> R<()> {
        match (name, self.pop()?) {
            ("IF_FALSE", Item::Test) => Ok(()),
            ("IF_NONE", Item::Parts(_)) => Ok(()),
            ("IF_NOT_NONE", Item::Subject(id)) => {
                self.becomes(id, Shape::Value(Expr::constant(Value::None)))
            }
            _ => Err("a pattern tests otherwise"),
        }
    }

    pub(super) fn captured(&mut self, name: &str) -> R<()> {
        match self.pop()? {
            Item::Subject(id) => {
                let subject = self.subjects.get_mut(id).ok_or("a subject is not known")?;
                subject.names.push(name.to_owned());
                Ok(())
            }
            Item::Rest(Some(id)) => match self.shape(id)? {
                Shape::Mapping { rest: rest @ None, .. } => {
                    *rest = Some(name.to_owned());
                    Ok(())
                }
                _ => Err("a rest is of no mapping"),
            },
            _ => Err("a pattern stores what is no subject"),
        }
    }

    /// New subjects for the parts of a tuple or of a sequence, the first one on top.
    fn unpacked(&mut self, count: usize) -> R<()> {
        if count > MOST {
            return Err("a pattern is too long");
        }
        let whole = self.pop()?;
        if let Item::Value(keys) = &whole {
            let keys = match keys.node.as_ref() {
                Node::Const(Value::Tuple(keys)) => keys.len(),
                Node::Tuple(keys) => keys.len(),
                _ => return Err("a constant is taken apart"),
            };
            if keys != count {
                return Err("a constant is taken apart");
            }
            self.stack.extend(std::iter::repeat_n(Item::Key, count));
            return Ok(());
        }
        let ids = self.apart(count);
        match whole {
            Item::Parts(id) => match self.shape(id)? {
                Shape::Mapping { values, .. } | Shape::Class { values, .. }
                    if values.is_empty() =>
                {
                    *values = ids
                }
                _ => return Err("parts are taken twice"),
            },
            Item::Subject(id) => match self.shape(id)? {
                Shape::Sequence { len: Some((len, true)), items, unpacked, .. }
                    if *len == count && !*unpacked =>
                {
                    *unpacked = true;
                    items.extend((0_i64..).zip(ids));
                }
                _ => return Err("a sequence of another length is taken apart"),
            },
            _ => return Err("a pattern takes apart what is no subject"),
        }
        Ok(())
    }

    /// The same with a star: so many before it in the lower byte, so many behind it in the next.
    fn unpacked_rest(&mut self, arg: usize) -> R<()> {
        let (before, behind) = (arg & 0xff, arg >> 8);
        let Item::Subject(id) = self.pop()? else {
            return Err("a pattern takes apart what is no subject");
        };
        let total = before.saturating_add(behind);
        if total > MOST {
            return Err("a pattern is too long");
        }
        let mut ids = self.apart(total.saturating_add(1)).into_iter();
        match self.shape(id)? {
            Shape::Sequence { len, items, star, unpacked } if !*unpacked => {
                // `[*rest]` asks for no length.
                if len.is_none() && total == 0 {
                    *len = Some((0, false));
                }
                if *len != Some((total, false)) {
                    return Err("a sequence of another length is taken apart");
                }
                *unpacked = true;
                items.extend((0_i64..).zip(ids.by_ref().take(before)));
                *star = ids.next();
                let back = i64::try_from(behind).unwrap_or(0).saturating_neg();
                items.extend((back..).zip(ids));
            }
            _ => return Err("a pattern takes apart what is no sequence"),
        }
        Ok(())
    }

    /// `subject[position]`, where a star takes the rest and has no name.
    fn subscribed(&mut self) -> R<()> {
        let at = match self.pop()? {
            Item::FromEnd(at) => at,
            Item::Value(value) => match value.as_const() {
                Some(Value::Int(at)) if *at >= 0 => *at,
                _ => return Err("a position is no number"),
            },
            _ => return Err("a position is no number"),
        };
        let Item::Subject(id) = self.pop()? else { return Err("an item is of no subject") };
        let new = self.capture();
        match self.shape(id)? {
            Shape::Sequence { len: Some((_, false)), items, unpacked: false, .. } => {
                if items.insert(at, new).is_some() {
                    return Err("an item is taken twice");
                }
            }
            _ => return Err("an item is of no sequence"),
        }
        Ok(())
    }
}
