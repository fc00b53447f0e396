//! [`Walk`]: objects one in the other, to a bounded depth. Promises, closures and calls become components.

use super::code::{Code, MOST};
use super::input::Input;
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Oddity, OddityKind, Span, Text};

/// How deep objects may nest. Lists are followed in a loop and cost no depth.
const DEEPEST: u32 = 200;
/// Texts that are kept.
const TEXTS: usize = 2_000;
/// Longest text that is kept, in bytes.
const KEPT: usize = 4 << 10;

/// What ends the walk.
enum Stop {
    /// The bytes end, or are not of the format.
    Broken,
    /// A limit was reached; which.
    Limit(&'static str),
}

type Read<T> = Result<T, Stop>;

/// Reads one file.
pub(super) struct Walk<'c, 'b> {
    content: &'c mut Content,
    budget: &'b mut Budget,
    /// Names of symbols, in the order of the table of references; other entries are empty.
    references: Vec<String>,
    depth: u32,
    kept: usize,
}

/// The word before an item.
#[derive(Clone, Copy)]
struct Flags {
    kind: i32,
    attributes: bool,
    tag: bool,
    packed: i32,
    /// Whether a binding of an environment is a function that runs when the variable is looked at.
    active: bool,
}

impl<'c, 'b> Walk<'c, 'b> {
    pub(super) fn new(content: &'c mut Content, budget: &'b mut Budget) -> Self {
        Self { content, budget, references: Vec::new(), depth: 0, kept: 0 }
    }

    /// The header, then the object.
    pub(super) fn file(&mut self, bytes: Bytes<'_>, named: bool) {
        let Some(mut input) = Input::open(bytes) else {
            self.content.gaps.push(Gap::over(bytes.span(), "not a stream of R"));
            return;
        };
        let read = self.header(&mut input).and_then(|()| match named {
            true => self.bindings(&mut input),
            false => self.item(&mut input).map(|_| ()),
        });
        let rest = Span::new(input.offset(), bytes.span().end().saturating_sub(input.offset()));
        let gap = match read {
            Ok(()) => {
                if !input.rest().is_empty() && input.rest().as_slice().iter().any(|byte| !byte.is_ascii_whitespace()) {
                    let what = format!("{} bytes follow the object", input.remaining());
                    self.odd(OddityKind::TrailingBytes, rest, what);
                }
                return;
            }
            Err(Stop::Broken) => {
                self.odd(OddityKind::Malformed, rest, "the stream breaks off here".to_owned());
                "the stream breaks off".to_owned()
            }
            Err(Stop::Limit(limit)) => format!("the budget of {limit} ran out"),
        };
        self.content.gaps.push(Gap::over(rest, gap));
    }

    fn odd(&mut self, kind: OddityKind, span: Span, what: String) {
        let place = "stream".to_owned();
        self.content.oddities.push(Oddity { kind, place, span: Some(span), what });
    }

    fn header(&mut self, input: &mut Input<'_>) -> Read<()> {
        let version = input.int().ok_or(Stop::Broken)?;
        let writer = input.int().ok_or(Stop::Broken)?;
        input.int().ok_or(Stop::Broken)?;
        let dotted = format!("{}.{}.{}", writer >> 16, (writer >> 8) & 0xff, writer & 0xff);
        for (path, value) in [("version", version.to_string()), ("written by R", dotted)] {
            self.content.fields.push(Field { path: path.to_owned(), value, span: None });
        }
        if version == 3 {
            let len = input.len().ok_or(Stop::Broken)?;
            let encoding = input.bytes(len.min(64)).ok_or(Stop::Broken)?;
            let value = String::from_utf8_lossy(&encoding).into_owned();
            self.content.fields.push(Field { path: "encoding".to_owned(), value, span: None });
        }
        Ok(())
    }

    /// The objects of a file of several: a list whose tags are their names.
    fn bindings(&mut self, input: &mut Input<'_>) -> Read<()> {
        loop {
            let start = input.offset();
            let flags = self.flags(input)?;
            if flags.kind != 2 {
                return self.value(input, flags, start).map(|_| ());
            }
            if flags.attributes {
                self.item(input)?;
            }
            let name = match flags.tag {
                true => symbol(self.item(input)?),
                false => None,
            };
            let before = self.content.components.len();
            self.item(input)?;
            let name = name.unwrap_or_default();
            // A function of that name is called when the workspace is loaded or left (`?Startup`).
            for component in self.content.components.iter_mut().skip(before).take(1) {
                if component.kind == "closure" {
                    component.name.clone_from(&name);
                }
            }
            self.content.fields.push(Field { path: "object".to_owned(), value: name, span: None });
        }
    }

    fn flags(&mut self, input: &mut Input<'_>) -> Read<Flags> {
        self.budget.steps(1).map_err(|_| Stop::Limit("steps"))?;
        let word = input.int().ok_or(Stop::Broken)?;
        Ok(Flags {
            kind: word & 0xff,
            attributes: word & 1 << 9 != 0,
            tag: word & 1 << 10 != 0,
            packed: word >> 8,
            // `ACTIVE_BINDING_MASK` among the bits that stand above the twelfth.
            active: word & 1 << 27 != 0,
        })
    }

    fn item(&mut self, input: &mut Input<'_>) -> Read<Code> {
        let start = input.offset();
        let flags = self.flags(input)?;
        self.value(input, flags, start)
    }

    fn value(&mut self, input: &mut Input<'_>, flags: Flags, start: u64) -> Read<Code> {
        if self.depth >= DEEPEST {
            return Err(Stop::Limit("nesting"));
        }
        self.depth = self.depth.saturating_add(1);
        let value = self.value_of(input, flags, start);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn value_of(&mut self, input: &mut Input<'_>, flags: Flags, start: u64) -> Read<Code> {
        let value = match flags.kind {
            241..=243 | 250 | 251 | 253 | 254 => return Ok(Code::Nothing),
            252 => return Ok(Code::Unbound),
            255 => return self.reference(input, flags),
            // Persistent names, as the environments of a lazy-load database have, packages and namespaces.
            247..=249 => {
                input.int().ok_or(Stop::Broken)?;
                let count = input.len().ok_or(Stop::Broken)?;
                self.items(input, count)?;
                self.refer(String::new())?;
                return Ok(Code::Nothing);
            }
            238 => return self.alternative(input, start),
            1 => {
                let name = symbol(self.item(input)?).unwrap_or_default();
                self.refer(name.clone())?;
                return Ok(Code::Symbol(name));
            }
            2 | 6 | 17 | 239 | 240 => return self.list(input, flags, start),
            3 => return self.closure(input, flags, start),
            5 => return self.promise(input, flags, start),
            4 => return self.environment(input),
            7 | 8 => {
                let len = input.len().ok_or(Stop::Broken)?;
                let name = input.bytes(len.min(KEPT as u64)).ok_or(Stop::Broken)?;
                return Ok(Code::Symbol(String::from_utf8_lossy(&name).into_owned()));
            }
            9 => self.string(input)?,
            21 => {
                let count = input.int().ok_or(Stop::Broken)?;
                self.budget.items(u64::try_from(count).unwrap_or(0)).map_err(|_| Stop::Limit("items"))?;
                self.bytecode(input)?
            }
            22 => {
                self.refer(String::new())?;
                self.item(input)?;
                self.item(input)?
            }
            23 => {
                self.refer(String::new())?;
                Code::Nothing
            }
            25 => Code::Nothing,
            _ => self.vector(input, flags.kind)?,
        };
        if flags.attributes {
            self.item(input)?;
        }
        Ok(value)
    }

    fn refer(&mut self, name: String) -> Read<()> {
        self.budget.items(1).map_err(|_| Stop::Limit("items"))?;
        self.references.push(name);
        Ok(())
    }

    fn reference(&mut self, input: &mut Input<'_>, flags: Flags) -> Read<Code> {
        let index = match flags.packed {
            0 => input.int().ok_or(Stop::Broken)?,
            index => index,
        };
        let index = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let name = index.and_then(|index| self.references.get(index)).ok_or(Stop::Broken)?;
        Ok(if name.is_empty() { Code::Nothing } else { Code::Symbol(name.clone()) })
    }

    fn items(&mut self, input: &mut Input<'_>, count: u64) -> Read<Code> {
        let mut first = Code::Nothing;
        for index in 0..count {
            let item = self.item(input)?;
            if index == 0 {
                first = item;
            }
        }
        Ok(first)
    }

    fn vector(&mut self, input: &mut Input<'_>, kind: i32) -> Read<Code> {
        let count = input.len().ok_or(Stop::Broken)?;
        match kind {
            10 | 13 if count == 1 => {
                Ok(Code::Number(input.int().ok_or(Stop::Broken)?.to_string()))
            }
            10 | 13 => skip(input, count, 4),
            14 if count == 1 => input.real().map(Code::Number).ok_or(Stop::Broken),
            14 => skip(input, count, 8),
            15 => skip(input, count.saturating_mul(2), 8),
            16 | 19 | 20 => self.items(input, count),
            24 => input.raw(count).map(|()| Code::Nothing).ok_or(Stop::Broken),
            _ => Err(Stop::Broken),
        }
    }

    fn string(&mut self, input: &mut Input<'_>) -> Read<Code> {
        let start = input.offset();
        let len = match input.int().ok_or(Stop::Broken)? {
            -1 => return Ok(Code::Nothing),
            len => u64::try_from(len).map_err(|_| Stop::Broken)?,
        };
        let bytes = input.bytes(len).ok_or(Stop::Broken)?;
        let text = String::from_utf8_lossy(bytes.get(..KEPT.min(bytes.len())).unwrap_or_default()).into_owned();
        // Short words are names of columns and levels.
        if text.len() >= 12 && self.content.texts.len() < TEXTS {
            let span = Some(Span::new(start, input.offset().saturating_sub(start)));
            self.content.texts.push(Text { place: "string".to_owned(), value: text.clone(), span });
        }
        Ok(Code::Text(text))
    }

    /// A list or a call: items linked to the next, until one that is no list.
    fn list(&mut self, input: &mut Input<'_>, mut flags: Flags, start: u64) -> Read<Code> {
        let call = matches!(flags.kind, 6 | 240);
        let mut parts = Vec::new();
        loop {
            if flags.attributes || matches!(flags.kind, 239 | 240) {
                self.item(input)?;
            }
            let name = match flags.tag {
                true => symbol(self.item(input)?),
                false => None,
            };
            let before = self.content.components.len();
            let value = self.item(input)?;
            if flags.active && flags.kind == 2 {
                self.activate(before, name.as_deref().unwrap_or_default());
            }
            if call && self.kept < MOST {
                self.kept = self.kept.saturating_add(1);
                parts.push((name, value));
            }
            let here = input.offset();
            flags = self.flags(input)?;
            if !matches!(flags.kind, 2 | 6 | 17 | 239 | 240) {
                self.value(input, flags, here)?;
                break;
            }
        }
        let code = Code::Call(parts);
        if call && self.depth <= 1 {
            self.component("call", &code, start, input.offset())?;
        }
        Ok(if call { code } else { Code::Nothing })
    }

    /// The closure of an active binding runs when the variable `name` is looked at (`?makeActiveBinding`).
    fn activate(&mut self, before: usize, name: &str) {
        let closure = self.content.components.get_mut(before).filter(|part| part.kind == "closure");
        if let Some(closure) = closure {
            closure.kind = "active-binding";
            name.clone_into(&mut closure.name);
        }
    }

    /// An object in a form of its own: its class and package, its state, its attributes. R looks the class up when it reads
    /// the object, and loads the package for it (`altclasses.c` and `altrep.c` of R).
    fn alternative(&mut self, input: &mut Input<'_>, start: u64) -> Read<Code> {
        let mut names = Vec::new();
        loop {
            let here = input.offset();
            let flags = self.flags(input)?;
            if flags.kind != 2 {
                self.value(input, flags, here)?;
                break;
            }
            if flags.attributes {
                self.item(input)?;
            }
            if flags.tag {
                self.item(input)?;
            }
            names.extend(symbol(self.item(input)?));
            self.budget.items(1).map_err(|_| Stop::Limit("items"))?;
        }
        self.item(input)?;
        self.item(input)?;
        let mut names = names.into_iter();
        let (class, package) = (names.next().unwrap_or_default(), names.next());
        let span = Some(Span::new(start, input.offset().saturating_sub(start)));
        self.content.components.push(Component {
            kind: "altrep",
            name: class.clone(),
            class,
            module: package,
            place: format!("altrep at byte {start}"),
            span,
            settings: Vec::new(),
        });
        Ok(Code::Nothing)
    }

    /// Attributes, environment, formal arguments, body.
    fn closure(&mut self, input: &mut Input<'_>, flags: Flags, start: u64) -> Read<Code> {
        if flags.attributes {
            self.item(input)?;
        }
        let before = self.kept;
        if flags.tag {
            self.item(input)?;
        }
        self.item(input)?;
        self.kept = 0;
        let body = self.item(input)?;
        self.kept = before;
        self.component("closure", &body, start, input.offset())?;
        Ok(Code::Nothing)
    }

    /// Environment, value, expression. One whose value was not computed runs when it is used: CVE-2024-27322.
    fn promise(&mut self, input: &mut Input<'_>, flags: Flags, start: u64) -> Read<Code> {
        if flags.attributes {
            self.item(input)?;
        }
        if flags.tag {
            self.item(input)?;
        }
        let value = self.item(input)?;
        let before = std::mem::replace(&mut self.kept, 0);
        let expression = self.item(input)?;
        self.kept = before;
        if value == Code::Unbound && matches!(expression, Code::Call(_)) {
            self.component("promise", &expression, start, input.offset())?;
        }
        Ok(Code::Nothing)
    }

    /// Locked or not; enclosure, frame, table, attributes.
    fn environment(&mut self, input: &mut Input<'_>) -> Read<Code> {
        input.int().ok_or(Stop::Broken)?;
        self.refer(String::new())?;
        for _ in 0..4 {
            self.item(input)?;
        }
        Ok(Code::Nothing)
    }

    /// Compiled code: instructions, then constants, the first of which is the expression it was made of.
    fn bytecode(&mut self, input: &mut Input<'_>) -> Read<Code> {
        self.item(input)?;
        let count = input.int().ok_or(Stop::Broken)?;
        let mut source = Code::Nothing;
        for index in 0..count {
            let kind = input.int().ok_or(Stop::Broken)?;
            self.budget.steps(1).map_err(|_| Stop::Limit("steps"))?;
            let constant = match kind {
                21 => self.deeper(|walk| walk.bytecode(input))?,
                2 | 6 | 239 | 240 | 243 | 244 => self.deeper(|walk| walk.bytecode_list(input, kind))?,
                _ => self.item(input)?,
            };
            if index == 0 {
                source = constant;
            }
        }
        Ok(source)
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> Read<Code>) -> Read<Code> {
        if self.depth >= DEEPEST {
            return Err(Stop::Limit("nesting"));
        }
        self.depth = self.depth.saturating_add(1);
        let value = work(self);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn bytecode_list(&mut self, input: &mut Input<'_>, kind: i32) -> Read<Code> {
        let mut kind = kind;
        let mut parts = Vec::new();
        let mut call = None;
        loop {
            self.budget.steps(1).map_err(|_| Stop::Limit("steps"))?;
            if kind == 243 {
                input.int().ok_or(Stop::Broken)?;
                break;
            }
            if kind == 244 {
                input.int().ok_or(Stop::Broken)?;
                kind = input.int().ok_or(Stop::Broken)?;
            }
            match kind {
                2 | 6 | 239 | 240 => {
                    call.get_or_insert(matches!(kind, 6 | 240));
                    if matches!(kind, 239 | 240) {
                        self.item(input)?;
                    }
                    let name = symbol(self.item(input)?);
                    let inner = input.int().ok_or(Stop::Broken)?;
                    let value = match inner {
                        2 | 6 | 239 | 240 | 243 | 244 => self.deeper(|walk| walk.bytecode_list(input, inner))?,
                        _ => self.item(input)?,
                    };
                    if self.kept < MOST {
                        self.kept = self.kept.saturating_add(1);
                        parts.push((name, value));
                    }
                    kind = input.int().ok_or(Stop::Broken)?;
                }
                _ => {
                    self.item(input)?;
                    break;
                }
            }
        }
        Ok(if call == Some(true) { Code::Call(parts) } else { Code::Nothing })
    }

    /// Keeps an expression with the names of the functions it calls.
    fn component(&mut self, kind: &'static str, code: &Code, start: u64, end: u64) -> Read<()> {
        self.budget.items(1).map_err(|_| Stop::Limit("items"))?;
        let span = Some(Span::new(start, end.saturating_sub(start)));
        let mut called = BTreeSet::new();
        code.called(&mut called);
        let names: Vec<String> = called.into_iter().collect();
        let setting = |path: &str, value: String| Field { path: path.to_owned(), value, span };
        let settings = vec![setting("calls", names.join(" ")), setting("expression", code.text())];
        self.content.components.push(Component {
            kind,
            name: String::new(),
            class: names.first().cloned().unwrap_or_default(),
            module: None,
            place: format!("{kind} at byte {start}"),
            span,
            settings,
        });
        Ok(())
    }
}

fn symbol(code: Code) -> Option<String> {
    match code {
        Code::Text(name) | Code::Symbol(name) => Some(name),
        _ => None,
    }
}

fn skip(input: &mut Input<'_>, count: u64, size: u64) -> Read<Code> {
    input.skip(count, size).map(|()| Code::Nothing).ok_or(Stop::Broken)
}
