//! Values that were marshalled without the header of a compiled module. Whoever calls `marshal.loads` on a code object has
//! a function to run, be it the value itself or somewhere in it; other values are data, such as the dictionaries of
//! packages for words.
//!
//! Specification: `Python/marshal.c` of CPython.

use crate::notes::Notes;
use crate::storage::disguised;
use crate::{Family, Reader, Request, carve, pyc};
use wb_code::cpython::{self, CodeObject, Value};
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Field, Gap, OddityKind, Strength, Trigger,
};

mod data;

use data::End;

pub(crate) const FORMAT: Reader = Reader {
    title: "Python values, marshalled",
    endings: &[".marshal", ".marshal.3"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Values that are looked at to tell what the file is.
const ASKED: u64 = 4096;
/// Values after which a file that breaks off is still taken for one.
const PLAUSIBLE: u64 = 16;
/// Values that are read of one file.
const MOST: u64 = 100_000_000;
/// Bytes that are decoded, and code objects that are taken, from one file; files that are.
const MOST_CHILDREN: usize = 1_000;
const MOST_FILES: usize = 100_000;
/// The shortest bytes that can be a file.
const SHORTEST: usize = 8;

/// The type code of a code object, whether it may be referred to or not, and one of its layouts behind it; or that of a
/// value that holds others, and values behind it.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if data::may_begin(input) {
        return data(input);
    }
    let code = is_code(input).then(|| cpython::read_marshal(input, None, &mut Budget::new(pyc::TELLING)))?.ok()?;
    code.doubts.is_empty().then_some(Strength::Strong)
}

fn is_code(input: Bytes<'_>) -> bool {
    matches!(input.byte(0), Some(b'c' | 0xe3)) && input.u32_le(1).is_some_and(|count| count <= 255)
}

fn data(input: Bytes<'_>) -> Option<Strength> {
    let seen = data::walk(input, ASKED, |_| {});
    match seen.end {
        End::Whole(end) if end == input.len() && seen.values > 1 => Some(Strength::Strong),
        End::Enough | End::Code => Some(Strength::Strong),
        End::Whole(_) | End::Cut if seen.values >= PLAUSIBLE => Some(Strength::Weak),
        _ => None,
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    if !is_code(input) {
        values(input, &mut content, budget);
        return content;
    }
    match cpython::read_marshal(input, None, budget) {
        Ok(code) => pyc::code(input, &code, None, Trigger::Load, &mut content, budget),
        Err(error) => content.gaps.push(pyc::unread(input, &error)),
    }
    content
}

/// Goes through values that are data, and takes the code out of those that hold some.
fn values(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let mut found = Vec::new();
    let seen = data::walk(input, MOST, |bytes| {
        // What stands in the open is seen in all of them, what is encoded in the first ones.
        let is_asked = found.len() < MOST_CHILDREN || found.len() < MOST_FILES && disguised(bytes).is_some();
        if bytes.len() >= SHORTEST && is_asked {
            found.push(bytes);
        }
    });
    let value = seen.values.to_string();
    content.fields.push(Field { path: "values".to_owned(), value, span: None });
    for bytes in found {
        let Some(hidden) = carve::hidden(bytes.as_slice(), content, budget) else { continue };
        let data = match hidden.data {
            Ok(at) => ChildData::Span(bytes.from(at).span()),
            Err(data) => ChildData::Owned(data),
        };
        content.children.push(Child { name: format!("bytes at offset {}", bytes.offset()), data });
    }
    let mut notes = Notes::default();
    match seen.end {
        End::Whole(end) => {
            if let Some(span) = data::behind(input, end) {
                notes.odd(OddityKind::TrailingBytes, "", Some(span), format!("{} bytes follow the value", span.len));
            }
        }
        End::Code => match cpython::read_value(input, None, budget) {
            Ok(value) => codes(input, &value, content, budget),
            Err(error) => content.gaps.push(pyc::unread(input, &error)),
        },
        End::Enough => notes.gap(Some(input.span()), "more values than are read of one file"),
        End::Cut => notes.gap(Some(input.span()), "the file ends before its value does"),
        End::Broken(at) => {
            let rest = input.from(at);
            notes.odd(OddityKind::Malformed, "", Some(rest.span()), "a type code that marshal does not have, or a length that is not there");
            notes.gap(Some(rest.span()), "what is no value of marshal");
        }
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
}

/// Adds every code object in `value`.
fn codes(input: Bytes<'_>, value: &Value, content: &mut Content, budget: &mut Budget) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        // Values may be referred to again and again.
        if budget.steps(1).is_err() {
            content.gaps.push(Gap::over(input.span(), "the budget of steps ran out among values that share others"));
            return;
        }
        match value {
            Value::Code(code) => function(code, content, budget),
            Value::Tuple(items) | Value::List(items) | Value::Set(items) | Value::FrozenSet(items) => {
                left.extend(items.iter().rev());
            }
            Value::Slice(parts) => left.extend(parts.iter().rev()),
            Value::Dict(pairs) => left.extend(pairs.iter().rev().flat_map(|(key, value)| [value, key])),
            _ => {}
        }
    }
}

fn function(code: &CodeObject, content: &mut Content, budget: &mut Budget) {
    let before = content.programs.len();
    if before >= MOST_CHILDREN {
        if before == MOST_CHILDREN {
            content.gaps.push(Gap { span: Some(code.span), why: "more code objects than are read of one file".to_owned() });
        }
        return;
    }
    pyc::function(code, Trigger::Load, content, budget);
    if let Some(program) = content.programs.last_mut() {
        program.place.clone_from(&code.name);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, oddities, parse, survive};
    use wb_core::Trigger;

    /// `import os; os.system('id')`, compiled and marshalled by Python 3.11.
    const CODE: &[u8] = include_bytes!("../tests/data/run.marshal");

    #[test]
    fn a_code_object_alone_is_read() {
        assert_eq!(claims(CODE), "marshal");
        let content = parse("marshal", CODE);
        let source = content.programs[0].source.as_deref().unwrap_or_default();
        assert!(source.contains("os.system('id')"), "{source}");
        assert_eq!(content.programs[0].trigger, Trigger::Load);
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }

    #[test]
    fn what_only_begins_like_one_is_not() {
        for bytes in [&b"cos\nsystem\n"[..], b"c\0\0\0\0", b"\xe3\0\0\0\0\0\0\0\0", &CODE[..40]] {
            assert_eq!(claims(bytes), "", "{bytes:?}");
        }
    }

    /// The call takes 18 values off a stack of four.
    #[test]
    fn what_python_could_not_run_is_not_taken_as_read() {
        let at = CODE.windows(2).position(|bytes| bytes == [0xab, 1]).expect("CALL 1") + 1;
        let mut odd = CODE.to_vec();
        odd[at] = 18;
        assert_eq!(claims(&odd), "marshal");
        assert_eq!(oddities(&parse("marshal", &odd)), ["opaque-code <module>"]);
    }

    /// `marshal.dumps({"words": {"good": 3, "bad": [1, 2.5, None, True]}, "table": b"\\0" * 40})` by Python 3.11.
    const DATA: &[u8] = include_bytes!("../tests/data/data.marshal");

    #[test]
    fn values_that_hold_no_code_are_data() {
        assert_eq!(claims(DATA), "marshal");
        let content = parse("marshal", DATA);
        assert!(content.programs.is_empty() && content.gaps.is_empty() && content.oddities.is_empty(), "{content:?}");
        let more = [DATA, b"more"].concat();
        assert_eq!(oddities(&parse("marshal", &more)), ["trailing-bytes"]);
        assert_eq!(gaps(&parse("marshal", &DATA[..50])), ["the file ends before its value does"]);
        survive("marshal", DATA);
    }

    #[test]
    fn code_among_values_is_taken_out() {
        // A list of two, the second one code.
        let list = [b"[\x02\0\0\0i\x07\0\0\0", CODE].concat();
        assert_eq!(claims(&list), "marshal");
        let content = parse("marshal", &list);
        let source = content.programs[0].source.as_deref().unwrap_or_default();
        assert!(source.contains("os.system('id')"), "{source}");
        assert!(content.gaps.is_empty(), "{:?}", content.gaps);
        survive("marshal", &list);
    }

    #[test]
    fn text_and_json_are_no_values() {
        for bytes in [&b"{\"a\": 1}"[..], b"[1, 2]", b"(dp0\n.", b"<a/>", b"{N", b"[\0\0\0\0", b">>> print(1)"] {
            assert!(!claims(bytes).contains("marshal"), "{bytes:?}");
        }
    }

    #[test]
    fn damage_is_survived() {
        survive("marshal", CODE);
    }
}
