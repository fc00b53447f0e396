//! Events of the YAML parser to the values of [`crate::spanned_json`], so that both are read alike: aliases
//! are followed and `<<` is merged, within the budget.

use crate::spanned_json::{Json, MAX_DEPTH, Node};
use saphyr_parser::{Event, Parser, ScalarStyle, Span as Placed, StrInput, Tag};
use std::collections::BTreeMap;
use wb_core::{Budget, Bytes, Gap, Oddity, OddityKind, Span};

/// The most values that aliases may add to one file: a billion laughs need nine levels of nine.
const MOST_ALIASED: usize = 100_000;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The documents, in order.
    pub(super) documents: Vec<Json>,
    pub(super) oddities: Vec<Oddity>,
    pub(super) gaps: Vec<Gap>,
}

/// Whether `text` reads as YAML whose first document is a mapping or a list, or has a tag.
pub(super) fn is_document(text: &str) -> bool {
    let mut structured = false;
    for event in Parser::new_from_str(text).take(2_000) {
        match event {
            Ok((Event::MappingStart(..) | Event::SequenceStart(..), _)) => structured = true,
            Ok((Event::Scalar(_, _, _, Some(_)), _)) => structured = true,
            Ok((Event::DocumentEnd, _)) if !structured => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    structured
}

/// Reads `text`, the text of `input`, as far as it is YAML.
pub(super) fn read(input: Bytes<'_>, text: &str, budget: &mut Budget) -> Read {
    let mark = (input.len() as u64).saturating_sub(text.len() as u64);
    let places = Places::new(text, input.offset().saturating_add(mark));
    let mut tree = Tree {
        places,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        aliased: 0,
        read: Read::default(),
        budget,
    };
    tree.run(Parser::new_from_str(text), input);
    tree.read
}

/// Bytes for characters: the parser counts characters.
struct Places {
    start: u64,
    /// The offset of every character, when some take more than one byte.
    offsets: Option<Vec<u32>>,
    len: u64,
}

impl Places {
    fn new(text: &str, start: u64) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let offsets =
            (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| offset(at)).collect());
        Self { start, offsets, len: text.len() as u64 }
    }

    fn offset(&self, index: usize) -> u64 {
        let at = match &self.offsets {
            None => (index as u64).min(self.len),
            Some(offsets) => offsets.get(index).map_or(self.len, |at| u64::from(*at)),
        };
        self.start.saturating_add(at)
    }

    fn span(&self, placed: &Placed) -> Span {
        let (start, end) = (self.offset(placed.start.index()), self.offset(placed.end.index()));
        Span::new(start, end.saturating_sub(start))
    }
}

/// A mapping or list that is not complete.
struct Open {
    anchor: usize,
    tag: Option<String>,
    start: u64,
    items: Items,
}

enum Items {
    List(Vec<Json>),
    /// Entries, and the key that waits for its value.
    Mapping(Vec<(String, Json)>, Option<Json>),
    /// Nested too deeply to be read: how many containers are open below.
    TooDeep(u32),
}

struct Tree<'b> {
    places: Places,
    open: Vec<Open>,
    /// What was given a name, by the parser's number for it.
    anchors: BTreeMap<usize, Json>,
    aliased: usize,
    read: Read,
    budget: &'b mut Budget,
}

impl Tree<'_> {
    fn run(&mut self, parser: Parser<'_, StrInput<'_>>, input: Bytes<'_>) {
        for event in parser {
            if self.budget.steps(1).is_err() || self.budget.items(1).is_err() {
                self.read.gaps.push(Gap::over(input.span(), "the budget ran out in the file"));
                break;
            }
            match event {
                Ok((event, placed)) => self.event(event, &placed),
                Err(error) => {
                    let start = self.places.offset(error.marker().index());
                    let rest = Span::new(start, input.span().end().saturating_sub(start));
                    self.read.oddities.push(Oddity {
                        kind: OddityKind::Malformed,
                        place: format!("line {}", error.marker().line()),
                        span: Some(Span::new(start, 1)),
                        what: format!("not YAML: {}", error.info()),
                    });
                    self.read.gaps.push(Gap::over(rest, "not YAML: rest of the file"));
                    break;
                }
            }
        }
        // What a broken file had begun is read as far as it goes.
        while let Some(open) = self.open.pop() {
            self.close(open, self.places.start.saturating_add(self.places.len));
        }
    }

    fn event(&mut self, event: Event<'_>, placed: &Placed) {
        let span = self.places.span(placed);
        if let Some(Open { items: Items::TooDeep(below), .. }) = self.open.last_mut() {
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => {
                    *below = below.saturating_add(1);
                    return;
                }
                Event::MappingEnd | Event::SequenceEnd if *below > 0 => {
                    *below = below.saturating_sub(1);
                    return;
                }
                Event::MappingEnd | Event::SequenceEnd => {}
                _ => return,
            }
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(&text, style, tag.as_deref());
                let tag = tag.as_deref().and_then(tag_name);
                self.value(Json { node, span, tag: tag.map(Into::into) }, anchor);
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::SequenceStart(anchor, tag) => self.begin(Items::List(Vec::new()), anchor, tag, span),
            Event::MappingStart(anchor, tag) => {
                self.begin(Items::Mapping(Vec::new(), None), anchor, tag, span);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.close(open, span.end());
                }
            }
            _ => {}
        }
    }

    fn begin(
        &mut self,
        items: Items,
        anchor: usize,
        tag: Option<std::borrow::Cow<'_, Tag>>,
        span: Span,
    ) {
        let tag = tag.as_deref().and_then(tag_name);
        let deep = self.open.len() >= MAX_DEPTH as usize;
        let items = if deep { Items::TooDeep(0) } else { items };
        if deep {
            self.read.gaps.push(Gap::over(span, "values nested too deeply to be read"));
        }
        self.open.push(Open { anchor, tag, start: span.start, items });
    }

    fn close(&mut self, open: Open, end: u64) {
        let node = match open.items {
            Items::List(items) => Node::Array(items),
            Items::Mapping(entries, _) => Node::Object(merged(entries)),
            Items::TooDeep(_) => Node::TooDeep,
        };
        let span = Span::new(open.start, end.saturating_sub(open.start));
        self.value(Json { node, span, tag: open.tag.map(Into::into) }, open.anchor);
    }

    /// Puts a value where it belongs.
    fn value(&mut self, value: Json, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.read.documents.push(value),
            Some(Items::List(items)) => items.push(value),
            Some(Items::Mapping(entries, key)) => match key.take() {
                None => *key = Some(value),
                Some(key) => entries.push((key.display(), value)),
            },
            Some(Items::TooDeep(_)) => {}
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let known = self.anchors.get(&anchor).cloned();
        let size = known.as_ref().map_or(1, size);
        self.aliased = self.aliased.saturating_add(size);
        let depth = known.as_ref().map_or(0, depth).saturating_add(self.open.len());
        let value = match known {
            Some(known) if self.aliased <= MOST_ALIASED && depth <= MAX_DEPTH as usize => {
                Json { span, ..known }
            }
            Some(_) => {
                self.read.gaps.push(Gap::over(span, "aliases stand for more than is followed"));
                Json { node: Node::TooDeep, span, tag: None }
            }
            None => Json { node: Node::Plain("null".to_owned()), span, tag: None },
        };
        self.value(value, 0);
    }
}

/// How many values are in a value, itself included. Values are never nested deeper than [`MAX_DEPTH`].
fn size(json: &Json) -> usize {
    let inner: usize = match &json.node {
        Node::Array(items) => items.iter().map(size).sum(),
        Node::Object(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
        _ => 0,
    };
    inner.saturating_add(1)
}

/// How deep values are nested in a value.
fn depth(json: &Json) -> usize {
    let inner = match &json.node {
        Node::Array(items) => items.iter().map(depth).max(),
        Node::Object(entries) => entries.iter().map(|(_, value)| depth(value)).max(),
        _ => return 0,
    };
    inner.unwrap_or(0).saturating_add(1)
}

/// `<<: *other` gives the entries of the other mapping that this one does not have itself (yaml.org/type/merge).
fn merged(entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
    if !entries.iter().any(|(key, _)| key == "<<") {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key == "<<");
    for (_, value) in merges {
        let sources = match value.node {
            Node::Array(items) => items,
            _ => vec![value],
        };
        for (key, value) in sources.into_iter().flat_map(|source| match source.node {
            Node::Object(entries) => entries,
            _ => Vec::new(),
        }) {
            if !own.iter().any(|(known, _)| *known == key) {
                own.push((key, value));
            }
        }
    }
    own
}

/// A tag in full, unless it is one of the plain types.
fn tag_name(tag: &Tag) -> Option<String> {
    let name = format!("{}{}", tag.handle, tag.suffix);
    // `!!` is short for this prefix; the parser may leave it as it stands.
    let name = match name.strip_prefix("!!") {
        Some(rest) => format!("tag:yaml.org,2002:{rest}"),
        None => name,
    };
    let plain = name.strip_prefix("tag:yaml.org,2002:").is_some_and(|name| !name.contains('/'));
    (!plain).then_some(name)
}

/// A scalar by the core schema (YAML 1.2.2, section 10.3.2); what is quoted is text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    if style != ScalarStyle::Plain || tag.is_some() {
        return Node::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Node::Plain("null".to_owned()),
        "true" | "True" | "TRUE" => Node::Plain("true".to_owned()),
        "false" | "False" | "FALSE" => Node::Plain("false".to_owned()),
        number if number.parse::<f64>().is_ok() => Node::Plain(number.to_owned()),
        text => Node::Text(text.to_owned()),
    }
}
