//! CRFsuite models: features and their weights, and two tables that number labels and attributes.
//!
//! Specification: `lib/crf/src/crf1d_model.c` (`header_t`) and `lib/cqdb/src/cqdb.c` of `chokkan/crfsuite`.

use crate::notes::Notes;
use crate::{Family, Reader, Request, extents};
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "CRFsuite model",
    endings: &[".crfsuite"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Size of the header.
const HEADER: u64 = 48;
/// The numbers of the header behind its version.
const NUMBERS: [(usize, &str); 3] = [(16, "features"), (20, "labels"), (24, "attributes")];
/// Where the offsets of the parts stand, what each part is, and what it begins with.
const PARTS: [(usize, &str, &[u8; 4]); 5] = [
    (28, "features", b"FEAT"),
    (32, "labels", b"CQDB"),
    (36, "attributes", b"CQDB"),
    (40, "references of labels", b"LFRF"),
    (44, "references of attributes", b"AFRF"),
];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    (input.starts_with(b"lCRF") && input.from(8).starts_with(b"FOMC")).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, _budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    for (at, name) in NUMBERS {
        let value = input.u32_le(at).unwrap_or(0).to_string();
        content.fields.push(Field { path: name.to_owned(), value, span: None });
    }
    let mut owned = Vec::new();
    for (at, name, magic) in PARTS {
        match part(input, at, magic) {
            Some(span) => owned.push((span, name)),
            None => {
                let what = format!("the {name} are not where the header says, or reach past the end");
                notes.odd(OddityKind::Malformed, name, Some(input.span()), what.as_str());
                notes.gap(Some(input.span()), what);
            }
        }
    }
    let area = Span::new(HEADER, (input.len() as u64).saturating_sub(HEADER));
    if notes.gaps.is_empty() {
        // References begin at multiples of 4.
        extents::check(input, area, &mut owned, 4, &mut notes.oddities);
    }
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// The bytes of the part whose offset stands at `at`: four letters, its size, its data.
fn part(input: Bytes<'_>, at: usize, magic: &[u8; 4]) -> Option<Span> {
    let start = input.u32_le(at)?;
    let bytes = input.from(usize::try_from(start).ok()?);
    bytes.starts_with(magic).then_some(())?;
    let span = Span::new(u64::from(start), u64::from(bytes.u32_le(4)?));
    (span.len >= 8 && span.start >= HEADER).then_some(())?;
    input.at_span(span)?;
    Some(span)
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, has, parse, survive};
    use wb_core::OddityKind;

    /// A model without features.
    fn model() -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut bytes = [&b"lCRF"[..], &words(&[128]), b"FOMC", &words(&[100, 0, 1, 2])].concat();
        bytes.extend(words(&[48, 64, 80, 96, 112]));
        for magic in [b"FEAT", b"CQDB", b"CQDB", b"LFRF", b"AFRF"] {
            bytes.extend(magic);
            bytes.extend(words(&[16, 0, 0]));
        }
        bytes
    }

    #[test]
    fn a_model_is_read() {
        assert_eq!(claims(&model()), "crfsuite");
        let content = parse("crfsuite", &model());
        assert_eq!(content.fields[2].value, "2");
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }

    #[test]
    fn a_file_behind_the_model_is_found() {
        let pickle = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
        let bytes = [model(), pickle.to_vec()].concat();
        let content = parse("crfsuite", &bytes);
        assert!(has(&content, OddityKind::TrailingBytes), "{content:?}");
    }

    #[test]
    fn a_part_that_is_not_there_is_told() {
        let mut bytes = model();
        bytes[64] = b'X';
        let content = parse("crfsuite", &bytes);
        assert!(has(&content, OddityKind::Malformed) && !content.gaps.is_empty());
        assert!(children(&bytes, &content).is_empty());
    }

    #[test]
    fn damage_is_survived() {
        survive("crfsuite", &model());
    }
}
