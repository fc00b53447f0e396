//! Universal Binary JSON, read into [`Json`]: big-endian numbers, and arrays of one type with a count. Numbers
//! with a fraction are not kept one by one.

use crate::spanned_json::{Json, Node};
use wb_core::{Budget, Bytes, Content, Cursor, Gap, Oddity, OddityKind, Span};

/// How deep values may nest.
const DEEPEST: u32 = 64;

/// The first key of the document and the first key of the object behind it.
pub(super) fn first_keys(input: Bytes<'_>) -> Option<(String, String)> {
    let mut cursor = input.head(256).cursor();
    (cursor.u8()? == b'{').then_some(())?;
    let first = key(&mut cursor)?;
    (cursor.u8()? == b'{').then_some(())?;
    Some((first, key(&mut cursor)?))
}

/// Reads the document; what cannot be read ends it with a gap.
pub(super) fn read(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) -> Option<Json> {
    let mut reader = Reader { cursor: input.cursor(), budget, exhausted: false };
    let json = reader.marker().and_then(|marker| reader.value(marker, 0));
    let (exhausted, at) = (reader.exhausted, reader.cursor.offset());
    let rest = Span::new(at, input.span().end().saturating_sub(at));
    match &json {
        None if exhausted => content.gaps.push(Gap::over(rest, "the budget ran out")),
        None => {
            let what = "not UBJSON from here on".to_owned();
            content.gaps.push(Gap::over(rest, what.clone()));
            let (kind, place) = (OddityKind::Malformed, "document".to_owned());
            content.oddities.push(Oddity { kind, place, span: Some(rest), what });
        }
        Some(_) if rest.len > 0 => content.oddities.push(Oddity {
            kind: OddityKind::TrailingBytes,
            place: "behind the document".to_owned(),
            span: Some(rest),
            what: format!("{} bytes follow the document", rest.len),
        }),
        Some(_) => {}
    }
    json
}

struct Reader<'a, 'b> {
    cursor: Cursor<'a>,
    budget: &'b mut Budget,
    exhausted: bool,
}

/// The type and number of the elements of a container, where it says them at its beginning.
struct Container {
    kind: Option<u8>,
    count: Option<u64>,
}

impl Reader<'_, '_> {
    /// The next type marker; `N` stands for nothing.
    fn marker(&mut self) -> Option<u8> {
        loop {
            match self.cursor.u8()? {
                b'N' => {}
                marker => return Some(marker),
            }
        }
    }

    fn value(&mut self, marker: u8, depth: u32) -> Option<Json> {
        let spent = self.budget.steps(1).and_then(|()| self.budget.items(1));
        if spent.is_err() {
            self.exhausted = true;
            return None;
        }
        let start = self.cursor.offset().saturating_sub(1);
        let node = match marker {
            b'{' | b'[' if depth >= DEEPEST => return None,
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'S' | b'H' => Node::Text(self.text()?),
            b'Z' => Node::Plain("null".to_owned()),
            b'T' => Node::Plain("true".to_owned()),
            b'F' => Node::Plain("false".to_owned()),
            b'C' => Node::Text(char::from(self.cursor.u8()?).to_string()),
            b'd' => Node::Plain(f32::from_be_bytes(self.cursor.array()?).to_string()),
            b'D' => Node::Plain(f64::from_be_bytes(self.cursor.array()?).to_string()),
            _ => Node::Plain(integer(&mut self.cursor, marker)?.to_string()),
        };
        let span = Span::new(start, self.cursor.offset().saturating_sub(start));
        Some(Json { node, span, tag: None })
    }

    fn text(&mut self) -> Option<String> {
        let marker = self.cursor.u8()?;
        let len = u64::try_from(integer(&mut self.cursor, marker)?).ok()?;
        let bytes = self.cursor.take_u64(len)?;
        Some(String::from_utf8_lossy(bytes.as_slice()).into_owned())
    }

    fn container(&mut self) -> Option<Container> {
        let mut container = Container { kind: None, count: None };
        if self.cursor.rest().byte(0) == Some(b'$') {
            self.cursor.u8()?;
            container.kind = Some(self.cursor.u8()?);
        }
        if self.cursor.rest().byte(0) == Some(b'#') {
            self.cursor.u8()?;
            let marker = self.cursor.u8()?;
            container.count = Some(u64::try_from(integer(&mut self.cursor, marker)?).ok()?);
        }
        // A type without a count is not allowed.
        (container.kind.is_none() || container.count.is_some()).then_some(container)
    }

    fn object(&mut self, depth: u32) -> Option<Node> {
        let Container { kind, count } = self.container()?;
        let mut entries = Vec::new();
        loop {
            match count {
                Some(count) if entries.len() as u64 >= count => break,
                None if self.cursor.rest().byte(0) == Some(b'}') => {
                    self.cursor.u8();
                    break;
                }
                _ => {}
            }
            let key = key(&mut self.cursor)?;
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            entries.push((key, self.value(marker, depth.saturating_add(1))?));
        }
        Some(Node::Object(entries))
    }

    fn array(&mut self, depth: u32) -> Option<Node> {
        let Container { kind, count } = self.container()?;
        // Thresholds and weights: nobody asks for them one by one.
        if let (Some(size), Some(count)) = (kind.and_then(fraction), count) {
            self.cursor.take_u64(count.checked_mul(size)?)?;
            return Some(Node::Plain(format!("[{count} numbers]")));
        }
        // Values of these types take no bytes, so that a count of them is free to write.
        if kind.is_some_and(|kind| b"ZTFN".contains(&kind)) {
            return Some(Node::Plain(format!("[{} constants]", count.unwrap_or(0))));
        }
        let mut items = Vec::new();
        loop {
            match count {
                Some(count) if items.len() as u64 >= count => break,
                None if self.cursor.rest().byte(0) == Some(b']') => {
                    self.cursor.u8();
                    break;
                }
                _ => {}
            }
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            items.push(self.value(marker, depth.saturating_add(1))?);
        }
        Some(Node::Array(items))
    }
}

/// Bytes of a number with a fraction.
const fn fraction(kind: u8) -> Option<u64> {
    match kind {
        b'd' => Some(4),
        b'D' => Some(8),
        _ => None,
    }
}

/// A key: its length, then its text, without a type.
fn key(cursor: &mut Cursor<'_>) -> Option<String> {
    const LONGEST: i64 = 1 << 20;
    let marker = cursor.u8()?;
    let len = integer(cursor, marker).filter(|len| (0..=LONGEST).contains(len))?;
    let bytes = cursor.take_u64(u64::try_from(len).ok()?)?;
    std::str::from_utf8(bytes.as_slice()).ok().map(str::to_owned)
}

fn integer(cursor: &mut Cursor<'_>, marker: u8) -> Option<i64> {
    Some(match marker {
        b'i' => i64::from(i8::from_be_bytes(cursor.array()?)),
        b'U' => i64::from(cursor.u8()?),
        b'I' => i64::from(i16::from_be_bytes(cursor.array()?)),
        b'l' => i64::from(i32::from_be_bytes(cursor.array()?)),
        b'L' => i64::from_be_bytes(cursor.array()?),
        _ => return None,
    })
}
