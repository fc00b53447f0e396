//! Java serialisation: objects as Weka, DL4J and other tools of the JVM keep them. Classes become components;
//! reading the stream with `ObjectInputStream` runs their `readObject` methods.
//!
//! Specification: Java Object Serialization Specification, chapter 6.

use crate::notes::Notes;
use crate::{Family, Reader, Request};
use std::collections::BTreeSet;
use wb_core::{
    Budget, Bytes, Component, Content, Cursor, Field, OddityKind, Span, Strength, Text,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Java objects, serialised",
    endings: &[".ser", ".model"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How deep objects may nest.
const DEEPEST: u32 = 200;
/// Fields of one class.
const FIELDS: u16 = 10_000;
/// Shortest string that is kept as text, in bytes.
const SHORTEST: usize = 12;

/// The magic number, the version, and the mark of a first object.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let marked = input.byte(4).is_some_and(|mark| (0x70..=0x7e).contains(&mark));
    (input.starts_with(b"\xac\xed\x00\x05") && marked).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut cursor = input.cursor();
    cursor.seek(4);
    let mut walk = Walk {
        cursor,
        content: Content::default(),
        notes: Notes::default(),
        budget,
        handles: Vec::new(),
        told: BTreeSet::new(),
        depth: 0,
    };
    while !walk.cursor.is_at_end() {
        let at = walk.cursor.offset();
        if walk.next().is_none() {
            let rest = Span::new(at, input.span().end().saturating_sub(at));
            let what = "the stream breaks off, or a limit was reached";
            walk.notes.odd(OddityKind::Malformed, "stream", Some(rest), what);
            walk.notes.gap(Some(rest), what);
            break;
        }
    }
    Content { oddities: walk.notes.oddities, gaps: walk.notes.gaps, ..walk.content }
}

/// What a handle stands for.
#[derive(Clone, Debug)]
enum Known {
    /// A class, by its place in the list of handles.
    Class(std::rc::Rc<Class>),
    Other,
}

/// A class as the stream describes it.
#[derive(Debug, Default)]
struct Class {
    name: String,
    flags: u8,
    /// Type codes of the fields, in order.
    fields: Vec<u8>,
    parent: Option<std::rc::Rc<Class>>,
}

struct Walk<'a, 'b> {
    cursor: Cursor<'a>,
    content: Content,
    notes: Notes,
    budget: &'b mut Budget,
    handles: Vec<Known>,
    told: BTreeSet<String>,
    depth: u32,
}

impl<'a> Walk<'a, '_> {
    fn u16(&mut self) -> Option<u16> {
        self.cursor.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.cursor.array().map(u32::from_be_bytes)
    }

    /// A string: its length in two bytes, or in eight.
    fn text(&mut self, long: bool) -> Option<(String, Bytes<'a>)> {
        let len = match long {
            true => u64::from_be_bytes(self.cursor.array()?),
            false => u64::from(self.u16()?),
        };
        let bytes = self.cursor.take_u64(len)?;
        Some((String::from_utf8_lossy(bytes.head(1 << 16).as_slice()).into_owned(), bytes))
    }

    fn handle(&mut self, known: Known) -> usize {
        self.handles.push(known);
        self.handles.len().saturating_sub(1)
    }

    /// The next object or block of data; the mark it begins with.
    fn next(&mut self) -> Option<u8> {
        if self.depth >= DEEPEST || self.budget.steps(1).is_err() || self.budget.items(1).is_err() {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let mark = self.mark();
        self.depth = self.depth.saturating_sub(1);
        mark
    }

    fn mark(&mut self) -> Option<u8> {
        let mark = self.cursor.u8()?;
        match mark {
            // Null, end of block data, reset.
            0x70 | 0x78 => {}
            0x79 => self.handles.clear(),
            0x71 => {
                self.reference()?;
            }
            0x72 | 0x7d => {
                self.described(mark)?;
            }
            0x73 => self.object()?,
            0x74 | 0x7c => {
                self.handle(Known::Other);
                let (text, bytes) = self.text(mark == 0x7c)?;
                if text.len() >= SHORTEST {
                    let span = Some(bytes.span());
                    self.content.texts.push(Text { place: "string".to_owned(), value: text, span });
                }
            }
            0x75 => self.array()?,
            0x76 => {
                self.class()?;
                self.handle(Known::Other);
            }
            0x77 => {
                let len = self.cursor.u8()?;
                self.cursor.take(usize::from(len))?;
            }
            0x7a => {
                let len = self.u32()?;
                self.cursor.take_u64(u64::from(len))?;
            }
            0x7b => {
                self.next()?;
            }
            0x7e => {
                self.class()?;
                self.handle(Known::Other);
                self.next()?;
            }
            _ => return None,
        }
        Some(mark)
    }

    fn reference(&mut self) -> Option<Known> {
        // Handles begin at 0x7e0000.
        let index = self.u32()?.checked_sub(0x007e_0000)?;
        self.handles.get(usize::try_from(index).ok()?).cloned()
    }

    /// The description of a class: new, a proxy, one known before, or none.
    fn class(&mut self) -> Option<Option<std::rc::Rc<Class>>> {
        match self.cursor.u8()? {
            0x70 => Some(None),
            0x71 => match self.reference()? {
                Known::Class(class) => Some(Some(class)),
                Known::Other => None,
            },
            mark @ (0x72 | 0x7d) => self.described(mark).map(Some),
            _ => None,
        }
    }

    fn described(&mut self, mark: u8) -> Option<std::rc::Rc<Class>> {
        if self.depth >= DEEPEST || self.budget.items(1).is_err() {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let class = if mark == 0x7d { self.proxy() } else { self.new_class() };
        self.depth = self.depth.saturating_sub(1);
        class
    }

    fn new_class(&mut self) -> Option<std::rc::Rc<Class>> {
        let start = self.cursor.offset();
        let (name, _) = self.text(false)?;
        self.cursor.take(8)?;
        let handle = self.handle(Known::Other);
        let flags = self.cursor.u8()?;
        let count = self.u16().filter(|count| *count <= FIELDS)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            self.budget.items(1).ok()?;
            let kind = self.cursor.u8()?;
            self.text(false)?;
            if matches!(kind, b'[' | b'L') {
                self.next()?;
            }
            fields.push(kind);
        }
        self.tell(&name, start);
        self.finish(handle, Class { name, flags, fields, parent: None })
    }

    /// A class that is made when the stream is read, by the interfaces it has.
    fn proxy(&mut self) -> Option<std::rc::Rc<Class>> {
        let start = self.cursor.offset();
        let handle = self.handle(Known::Other);
        let count = self.u32().filter(|count| *count <= u32::from(FIELDS))?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.text(false)?.0);
        }
        let name = format!("proxy of {}", names.join(", "));
        self.tell(&name, start);
        self.finish(handle, Class { name, flags: 2, fields: Vec::new(), parent: None })
    }

    /// Annotations, then the class above.
    fn finish(&mut self, handle: usize, mut class: Class) -> Option<std::rc::Rc<Class>> {
        self.annotations()?;
        class.parent = self.class()?;
        let class = std::rc::Rc::new(class);
        if let Some(known) = self.handles.get_mut(handle) {
            *known = Known::Class(std::rc::Rc::clone(&class));
        }
        Some(class)
    }

    /// Objects and data up to the mark that ends them.
    fn annotations(&mut self) -> Option<()> {
        while self.next()? != 0x78 {}
        Some(())
    }

    fn tell(&mut self, name: &str, start: u64) {
        if !self.told.insert(name.to_owned()) {
            return;
        }
        let (module, class) = name.rsplit_once('.').unwrap_or(("", name));
        self.content.components.push(Component {
            kind: "class",
            name: name.to_owned(),
            class: class.to_owned(),
            module: Some(module.to_owned()).filter(|module| !module.is_empty()),
            place: format!("class at byte {start}"),
            span: Some(Span::new(start, self.cursor.offset().saturating_sub(start))),
            settings: Vec::new(),
        });
    }

    fn object(&mut self) -> Option<()> {
        let class = self.class()??;
        self.handle(Known::Other);
        if self.content.fields.is_empty() {
            let (path, value) = ("object".to_owned(), class.name.clone());
            self.content.fields.push(Field { path, value, span: None });
        }
        // Data of the topmost class comes first.
        let mut chain = vec![class];
        while let Some(parent) = chain.last().and_then(|class| class.parent.clone()) {
            chain.push(parent);
            if chain.len() > 64 {
                return None;
            }
        }
        for class in chain.iter().rev() {
            self.data(class)?;
        }
        Some(())
    }

    /// The fields of one class, then what its `writeObject` wrote.
    fn data(&mut self, class: &Class) -> Option<()> {
        let (serializable, external) = (class.flags & 2 != 0, class.flags & 4 != 0);
        if external {
            // Without block data only the class itself knows where its data ends.
            return if class.flags & 8 != 0 { self.annotations() } else { None };
        }
        if !serializable {
            return Some(());
        }
        for kind in &class.fields {
            match size(*kind) {
                Some(size) => {
                    self.cursor.take(size)?;
                }
                None => {
                    self.next()?;
                }
            }
        }
        if class.flags & 1 != 0 { self.annotations() } else { Some(()) }
    }

    fn array(&mut self) -> Option<()> {
        let class = self.class()??;
        self.handle(Known::Other);
        let count = u64::from(self.u32()?);
        let kind = class.name.as_bytes().get(1).copied()?;
        if let Some(size) = size(kind) {
            let size = u64::try_from(size).ok()?;
            self.cursor.take_u64(count.checked_mul(size)?)?;
            return Some(());
        }
        for _ in 0..count {
            self.next()?;
        }
        Some(())
    }
}

/// Bytes of a value of that type code; objects have none that are fixed.
const fn size(kind: u8) -> Option<usize> {
    match kind {
        b'B' | b'Z' => Some(1),
        b'C' | b'S' => Some(2),
        b'I' | b'F' => Some(4),
        b'J' | b'D' => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    fn text(text: &str) -> Vec<u8> {
        [&u16::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat()
    }

    /// A description of a class with these fields and no class above.
    fn class(name: &str, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = [&[0x72][..], &text(name), &[0; 8], &[flags]].concat();
        bytes.extend(u16::try_from(fields.len()).expect("few").to_be_bytes());
        for (name, kind) in fields {
            bytes.push(kind.as_bytes()[0]);
            bytes.extend(text(name));
            if kind.len() > 1 {
                bytes.push(0x74);
                bytes.extend(text(kind));
            }
        }
        bytes.extend([0x78, 0x70]);
        bytes
    }

    /// `new PriorityQueue` of one gadget, as far as a reader cares.
    fn stream() -> Vec<u8> {
        let outer = class("java.util.PriorityQueue", 3, &[("size", "I"), ("comparator", "Ljava/util/Comparator;")]);
        let inner = class("org.apache.commons.collections4.functors.InvokerTransformer", 2, &[("iMethodName", "Ljava/lang/String;")]);
        [
            b"\xac\xed\x00\x05\x73".to_vec(), outer, vec![0, 0, 0, 1, 0x73], inner, vec![0x74],
            text("newTransformer"), vec![0x77, 4, 0, 0, 0, 3, 0x78],
        ]
        .concat()
    }

    #[test]
    fn classes_are_components_in_the_order_they_are_met() {
        let bytes = stream();
        assert_eq!(claims(&bytes), "java-object");
        let content = parse("java-object", &bytes);
        let names: Vec<&str> = content.components.iter().map(|class| class.name.as_str()).collect();
        assert_eq!(names, [
            "java.util.PriorityQueue",
            "org.apache.commons.collections4.functors.InvokerTransformer",
        ]);
        assert!(content.texts.iter().any(|text| text.value == "newTransformer"));
        assert!(content.oddities.is_empty() && gaps(&content).is_empty(), "{content:?}");
    }

    #[test]
    fn a_stream_that_breaks_off_says_so() {
        let bytes = stream();
        let content = parse("java-object", &bytes[..bytes.len() / 2]);
        assert!(has(&content, OddityKind::Malformed) && !content.gaps.is_empty());
        assert_eq!(claims(b"\xac\xed\x00\x05"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("java-object", &stream());
    }
}
