//! ExecuTorch: programs for the PyTorch runtime on devices, a FlatBuffer with segments of data behind it.
//!
//! Specification: `schema/program.fbs` and `schema/extended_header.cpp` in `pytorch/executorch`.

use crate::flatbuffer::{Table, Walk};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "ExecuTorch program",
    endings: &[".pte"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Versions of the schema keep the letters and change the digits.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let identifier = input.array::<4>(4)?;
    let known = identifier.starts_with(b"ET") && identifier.iter().skip(2).all(u8::is_ascii_digit);
    (known && Table::root(input).is_some()).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    if let Some(root) = Table::root(input) {
        let header = Header::read(input);
        header.check(input, &mut walk);
        content.fields.push(field("version", root.u32(0).unwrap_or(0)));
        segments(input, &root, &header, &mut content, &mut walk);
        walk.each(&root, 3, "backend_delegate_data", |index, data, walk| {
            let place = format!("backend_delegate_data[{index}]");
            if let Some(bytes) = walk.some(&place, data.bytes(0)).filter(|bytes| !bytes.is_empty()) {
                content.children.push(Child { name: place, data: ChildData::Span(bytes.span()) });
            }
        });
        walk.each(&root, 1, "execution_plan", |index, plan, walk| {
            execution_plan(&format!("execution_plan[{index}]"), &plan, &mut content, walk);
        });
    }
    content.oddities = walk.notes.oddities;
    content.gaps = walk.notes.gaps;
    content
}

fn field(path: &str, value: impl ToString) -> Field {
    Field { path: path.to_owned(), value: value.to_string(), span: None }
}

/// What stands between the root offset and the tables: how long the program is, and where segments begin.
struct Header {
    program: u64,
    segments: u64,
}

impl Header {
    fn read(input: Bytes<'_>) -> Self {
        let absent = Self { program: input.len() as u64, segments: 0 };
        if !input.from(8).starts_with(b"eh00") {
            return absent;
        }
        let sizes = input.u64_le(16).zip(input.u64_le(24));
        sizes.map_or(absent, |(program, segments)| Self { program, segments })
    }

    fn check(&self, input: Bytes<'_>, walk: &mut Walk<'_>) {
        let end = input.len() as u64;
        if self.program > end || self.segments > end {
            let what = format!(
                "the header says {} bytes of program and segments from {}, the file has {end}",
                self.program, self.segments
            );
            let span = Some(input.head(32).span());
            walk.notes.odd(OddityKind::ImpossibleLength, "extended header", span, what);
        }
    }
}

/// Segments hold weights and the data of delegates; what is a file among them is read as one.
fn segments(
    input: Bytes<'_>,
    root: &Table<'_>,
    header: &Header,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    let mut reached = header.program;
    walk.each(root, 4, "segments", |index, segment, walk| {
        let place = format!("segments[{index}]");
        let (offset, size) = (segment.u64(0).unwrap_or(0), segment.u64(1).unwrap_or(0));
        let span = Span::new(header.segments.saturating_add(offset), size);
        let Some(bytes) = input.at_span(span) else {
            let what = format!("{size} bytes at offset {} end behind the file", span.start);
            walk.notes.odd(OddityKind::ImpossibleLength, &place, Some(segment.span), what);
            return;
        };
        reached = reached.max(span.end());
        if crate::storage::disguised(bytes).is_some() {
            content.children.push(Child { name: place, data: ChildData::Span(span) });
        } else {
            content.fields.push(field(&place, format!("{size} bytes at offset {}", span.start)));
        }
    });
    let rest = input.from(usize::try_from(reached).unwrap_or(usize::MAX));
    if rest.as_slice().iter().any(|byte| *byte != 0) {
        let what = format!("{} bytes behind the last segment", rest.len());
        walk.notes.odd(OddityKind::TrailingBytes, "behind the program", Some(rest.span()), what);
    }
}

fn execution_plan(place: &str, plan: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    let name = walk.some(place, plan.text(0)).unwrap_or_default();
    content.fields.push(field(&format!("{place}.name"), name));
    walk.each(plan, 6, place, |index, operator, walk| {
        let place = format!("{place}.operators[{index}]");
        let name = walk.some(&place, operator.text(0)).unwrap_or_default();
        let overload = walk.some(&place, operator.text(1)).unwrap_or_default();
        let (module, class) = match name.split_once("::") {
            Some((module, class)) => (Some(module.to_owned()), class.to_owned()),
            None => (None, name.clone()),
        };
        content.components.push(Component {
            kind: "node",
            name: overload,
            class,
            module,
            place,
            span: Some(operator.span),
            settings: Vec::new(),
        });
    });
    walk.each(plan, 7, place, |index, delegate, walk| {
        let place = format!("{place}.delegates[{index}]");
        let class = walk.some(&place, delegate.text(0)).unwrap_or_default();
        let mut settings = Vec::new();
        walk.each(&delegate, 2, &place, |_, spec, walk| {
            let key = walk.some(&place, spec.text(0)).unwrap_or_default();
            let value = walk.some(&place, spec.bytes(1)).map_or(0, Bytes::len);
            settings.push(field(&key, format!("{value} bytes")));
        });
        let (name, span) = (class.clone(), Some(delegate.span));
        content.components.push(Component { kind: "delegate", name, class, module: None, place, span, settings });
    });
    frames(place, plan, content, walk);
}

/// Where instructions came from, when the exporter kept that: names of source files and lines of source.
fn frames(place: &str, plan: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    walk.each(plan, 5, place, |_, chain, walk| {
        walk.each(&chain, 3, place, |_, list, walk| {
            walk.each(&list, 0, place, |_, frame, walk| {
                let file = walk.some(place, frame.text(0)).unwrap_or_default();
                let source = walk.some(place, frame.text(3)).unwrap_or_default();
                let value = format!("{file}: {source}");
                let place = "source of an instruction".to_owned();
                if value.len() > 2 {
                    content.texts.push(wb_core::Text { place, value, span: Some(frame.span) });
                }
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use crate::flatbuffer::recipes::{Value, buffer, text};
    use crate::testing::{claims, has, parse, survive};
    use wb_core::OddityKind;

    fn program(size: u64) -> Vec<u8> {
        let operator = vec![(0, text("aten::add")), (1, text("out"))];
        let plan = vec![
            (0, text("forward")),
            (6, Value::Tables(vec![operator, vec![(0, text("mine::run")), (1, text(""))]])),
            (7, Value::Tables(vec![vec![(0, text("XnnpackBackend"))]])),
        ];
        let segment = vec![(0, Value::U64(0)), (1, Value::U64(size))];
        buffer(b"ET12", vec![
            (0, Value::U32(0)),
            (1, Value::Tables(vec![plan])),
            (4, Value::Tables(vec![segment])),
        ])
    }

    #[test]
    fn operators_and_delegates_are_components() {
        let bytes = program(0);
        assert_eq!(claims(&bytes), "executorch");
        let content = parse("executorch", &bytes);
        let parts: Vec<String> = content
            .components
            .iter()
            .map(|part| format!("{} {}::{}", part.kind, part.module.clone().unwrap_or_default(), part.class))
            .collect();
        assert_eq!(parts, ["node aten::add", "node mine::run", "delegate ::XnnpackBackend"]);
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
    }

    #[test]
    fn a_segment_has_to_lie_in_the_file() {
        assert!(has(&parse("executorch", &program(1 << 40)), OddityKind::ImpossibleLength));
    }

    #[test]
    fn bytes_behind_the_program_are_told() {
        let mut bytes = program(0);
        let size = bytes.len() as u64;
        bytes.splice(8..8, *b"eh00\x18\0\0\0");
        bytes.splice(16..16, (size + 24).to_le_bytes().into_iter().chain(0_u64.to_le_bytes()));
        let root = u32::from_le_bytes(bytes[..4].try_into().expect("four")) + 24;
        bytes[..4].copy_from_slice(&root.to_le_bytes());
        assert!(!has(&parse("executorch", &bytes), OddityKind::TrailingBytes));
        bytes.extend(b"more");
        assert!(has(&parse("executorch", &bytes), OddityKind::TrailingBytes));
    }

    #[test]
    fn damage_is_survived() {
        survive("executorch", &program(8));
    }
}
