//! What is known about a value while a program is followed: [`Value`].

use std::rc::Rc;
use wb_core::{Collection, Constant};

/// How deep values are kept in one another.
const MAX_DEPTH: u32 = 64;

/// How many values one choice is among.
pub(super) const MAX_CHOICES: usize = 8;

/// How deep in one another choices are made, and how many items a collection has in which they are.
const CHOICE_DEPTH: u32 = 3;
const CHOICE_ITEMS: usize = 16;

/// The longest dotted name that is followed, in bytes.
pub(super) const MAX_NAME: usize = 1024;

/// What is known about the value of an op. Clones share.
#[derive(Clone, Debug, Default)]
pub(super) enum Value {
    /// Nothing.
    #[default]
    Unknown,
    /// A constant, computed or written.
    Known(Rc<Known>),
    /// A collection.
    Items(Rc<Items>),
    /// Text of which only some pieces are known.
    Joined(Rc<[Value]>),
    /// A module, or something that is reached in one by name.
    Object(Rc<Object>),
    /// The namespace of an object: its items are the attributes.
    Namespace(Rc<Object>),
    /// The global names of some module, `__builtins__` among them.
    Globals(Option<usize>),
    /// What a call returned.
    Result(Rc<Outcome>),
    /// An attribute of a value that is not an imported object.
    Method(Rc<(Value, String)>),
    /// A name, or attributes of a name, that nothing defines: a parameter, a global of elsewhere.
    Path(Rc<str>),
    /// Attributes that lead away from an object to unrelated ones; an index into the walks.
    Walk(usize),
    /// A callable made of another.
    Bound(Rc<BoundCallable>),
    /// A code object; an index into the codes.
    Code(usize),
    /// A function made of a code object; an index into the codes.
    Function(usize),
    /// A function of the program; an index into the definitions.
    Define(usize),
    /// One of several.
    Either(Rc<[Value]>),
}

/// A constant and the encodings that were taken off to get it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub constant: Constant,
    /// Outermost first.
    pub layers: Vec<String>,
    /// How many of its characters were made of their numbers, one by one.
    pub from_numbers: usize,
}

/// A collection.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub kind: Collection,
    /// How many collections and bound callables are in one another, this one included.
    pub depth: u32,
    /// How many values it may be, by the choices in it.
    pub choices: usize,
    /// Key, value, key, value for a mapping.
    pub items: Vec<Value>,
}

/// A module or something in it.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// As written: `os.system`, `__builtin__.exec`.
    pub dotted: String,
    /// The expression that led to it when it was not imported by this name.
    pub reached: Option<Rc<str>>,
    /// The walk that led to it.
    pub walk: Option<usize>,
}

/// What a call returned.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The callable.
    pub dotted: String,
    /// The effect that the call had: an index.
    pub effect: Option<usize>,
    /// The effect whose result the call was given when it had none itself: an index.
    pub fed: Option<usize>,
}

impl Outcome {
    /// What a call to `dotted` returned that had `effect`.
    pub(super) fn of(dotted: impl Into<String>, effect: Option<usize>) -> Self {
        Self { dotted: dotted.into(), effect, fed: None }
    }
}

/// A callable made of another, and how deep values are in one another in it.
#[derive(Clone, Debug)]
pub(super) struct BoundCallable {
    pub kind: Bound,
    depth: u32,
}

/// How a callable is made of another.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    /// `functools.partial`.
    Partial { callee: Value, arguments: Vec<Value>, keywords: Vec<(String, Value)> },
    /// `operator.attrgetter`.
    Attributes(Vec<String>),
    /// `operator.itemgetter`.
    Item(Value),
    /// `operator.methodcaller`.
    Method { name: String, arguments: Vec<Value>, keywords: Vec<(String, Value)> },
}

/// How many values are looked through for one that an effect made, and how deep in one another.
const MAX_FED: usize = 16;
const FED_DEPTH: u32 = 3;

/// The first effect that one of the first of `values` is made of.
pub(super) fn first_fed<'v>(values: impl IntoIterator<Item = &'v Value>) -> Option<usize> {
    values.into_iter().take(MAX_FED).find_map(Value::fed)
}

impl Value {
    pub(super) fn constant(constant: Constant) -> Self {
        Self::layered(constant, Vec::new())
    }

    /// A constant that came out of encodings, outermost first.
    pub(super) fn layered(constant: Constant, layers: Vec<String>) -> Self {
        Self::Known(Rc::new(Known { constant, layers, from_numbers: 0 }))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::constant(Constant::Text(text.into()))
    }

    pub(super) fn object(dotted: impl Into<String>) -> Self {
        Self::Object(Rc::new(Object { dotted: dotted.into(), reached: None, walk: None }))
    }

    /// A collection; unknown when it is nested too deeply to be of use, or to be dropped on a small stack.
    pub(super) fn collection(kind: Collection, items: Vec<Self>) -> Self {
        let depth = items.iter().map(Self::depth).max().unwrap_or(0).saturating_add(1);
        if depth > MAX_DEPTH {
            Self::Unknown
        } else {
            let few = items.len() <= CHOICE_ITEMS;
            let choices = items.iter().filter(|_| few).map(Self::choices).max().unwrap_or(1);
            Self::Items(Rc::new(Items { kind, depth, choices, items }))
        }
    }

    /// A callable made of another; unknown when it is nested too deeply.
    pub(super) fn bound(kind: Bound) -> Self {
        let parts: Vec<&Self> = match &kind {
            Bound::Partial { callee, arguments, keywords } => std::iter::once(callee)
                .chain(arguments)
                .chain(keywords.iter().map(|(_, value)| value))
                .collect(),
            Bound::Attributes(_) => Vec::new(),
            Bound::Item(key) => vec![key],
            Bound::Method { arguments, keywords, .. } => {
                arguments.iter().chain(keywords.iter().map(|(_, value)| value)).collect()
            }
        };
        let depth = parts.into_iter().map(Self::depth).max().unwrap_or(0).saturating_add(1);
        if depth > MAX_DEPTH {
            Self::Unknown
        } else {
            Self::Bound(Rc::new(BoundCallable { kind, depth }))
        }
    }

    /// One of several values, each of which is not such a choice itself.
    pub(super) fn either(values: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for value in values {
            match value {
                Self::Either(inner) => flat.extend(inner.iter().cloned()),
                other => flat.push(other),
            }
        }
        // The last are the likeliest.
        flat.drain(..flat.len().saturating_sub(MAX_CHOICES));
        Self::Either(flat.into())
    }

    /// How many values it may be, by the choices in it.
    pub(super) fn choices(&self) -> usize {
        match self {
            Self::Either(values) => values.len(),
            Self::Joined(pieces) => pieces.iter().map(Self::choices).max().unwrap_or(1),
            Self::Items(items) => items.choices,
            _ => 1,
        }
    }

    /// What it is when every choice in it falls on the value at `index`: parts that were chosen together,
    /// such as the host and the port of one address, stay together.
    pub(super) fn choose(&self, index: usize) -> Self {
        self.choose_in(index, CHOICE_DEPTH)
    }

    fn choose_in(&self, index: usize, depth: u32) -> Self {
        let Some(depth) = depth.checked_sub(1).filter(|_| self.choices() > 1) else {
            return self.clone();
        };
        let of = |parts: &[Self]| parts.iter().map(|part| part.choose_in(index, depth)).collect();
        match self {
            Self::Either(values) => {
                values.get(index).or(values.last()).cloned().unwrap_or_default()
            }
            Self::Joined(pieces) => {
                let pieces: Vec<Self> = of(pieces);
                super::pure::joined(&pieces).unwrap_or_default()
            }
            Self::Items(items) => Self::collection(items.kind, of(&items.items)),
            other => other.clone(),
        }
    }

    /// An attribute of a value that is worth remembering.
    pub(super) fn method(receiver: &Self, name: &str) -> Self {
        match receiver {
            // What an attribute of an unknown thing is, nobody knows.
            Self::Unknown | Self::Method(_) | Self::Code(_) => Self::Unknown,
            other if other.depth() >= MAX_DEPTH => Self::Unknown,
            other => Self::Method(Rc::new((other.clone(), name.to_owned()))),
        }
    }

    /// The effect whose result this is, or is made of: an index.
    pub(super) fn fed(&self) -> Option<usize> {
        self.fed_within(FED_DEPTH)
    }

    fn fed_within(&self, depth: u32) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let first =
            |parts: &[Self]| parts.iter().take(MAX_FED).find_map(|part| part.fed_within(depth));
        match self {
            Self::Result(outcome) => outcome.effect.or(outcome.fed),
            Self::Method(method) => method.0.fed_within(depth),
            Self::Joined(parts) | Self::Either(parts) => first(parts),
            Self::Items(items) => first(&items.items),
            _ => None,
        }
    }

    /// How many values are in one another.
    fn depth(&self) -> u32 {
        match self {
            Self::Items(items) => items.depth,
            Self::Bound(bound) => bound.depth,
            Self::Method(method) => method.0.depth().saturating_add(1),
            Self::Joined(parts) | Self::Either(parts) => {
                parts.iter().map(Self::depth).max().unwrap_or(0).saturating_add(1)
            }
            _ => 0,
        }
    }

    pub(super) fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            _ => None,
        }
    }

    /// The text of a text constant.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.known()?.constant {
            Constant::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a constant of text or bytes.
    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.known()?.constant {
            Constant::Text(text) => Some(text.as_bytes()),
            Constant::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of a constant of text or of bytes that are UTF-8.
    pub(super) fn as_readable(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match &self.known()?.constant {
            Constant::Int(value) => Some(*value),
            Constant::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Items(items) => Some(&items.items),
            _ => None,
        }
    }

    /// The items of a list, tuple or set.
    pub(super) fn sequence(&self) -> Option<&[Self]> {
        match self {
            Self::Items(items) if items.kind != Collection::Dict => Some(&items.items),
            _ => None,
        }
    }

    /// The value under `key` of a mapping.
    pub(super) fn entry(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Items(items) if items.kind == Collection::Dict => {
                let pair = items
                    .items
                    .chunks_exact(2)
                    .rev()
                    .find(|pair| pair.first().and_then(Self::as_readable) == Some(key))?;
                pair.get(1)
            }
            _ => None,
        }
    }

    /// About how many bytes it holds by itself.
    pub(super) fn size(&self) -> u64 {
        let bytes = match self {
            Self::Known(_) => self.as_bytes().map_or(0, <[u8]>::len),
            Self::Items(items) => items.items.len().saturating_mul(32),
            Self::Joined(pieces) => pieces.len().saturating_mul(32),
            _ => 0,
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// The encodings that were taken off to get this value.
    pub(super) fn layers(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.layers)
    }
}
