//! What is known about a value while a program is followed: [`Value`].

use std::rc::Rc;
use wb_core::{Collection, Constant};

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
    Bound(Rc<Bound>),
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
}

/// A collection.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub kind: Collection,
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
}

/// A callable made of another.
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

impl Value {
    pub(super) fn constant(constant: Constant) -> Self {
        Self::Known(Rc::new(Known { constant, layers: Vec::new() }))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::constant(Constant::Text(text.into()))
    }

    pub(super) fn object(dotted: impl Into<String>) -> Self {
        Self::Object(Rc::new(Object { dotted: dotted.into(), reached: None, walk: None }))
    }

    pub(super) fn collection(kind: Collection, items: Vec<Self>) -> Self {
        Self::Items(Rc::new(Items { kind, items }))
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
