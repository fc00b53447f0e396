//! 7z archives, decoded with the crate `sevenz-rust2` on the budget. Loaders do not open them, but scanners that
//! only know zip do not look inside either.
//!
//! Specification: `DOC/7zFormat.txt` of the LZMA SDK.

use crate::decode::{self, End, WINDOW};
use crate::names::{escapes, tell_apart};
use crate::{Family, Reader, Request};
use sevenz_rust2::{ArchiveReader, EntryDecision, Error, Password};
use std::io::Cursor;
use wb_core::{Budget, Bytes, Child, ChildData, Content, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "7z archive",
    endings: &[".7z"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

const SIGNATURE: &[u8] = b"7z\xbc\xaf\x27\x1c";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    // The version is 0.x.
    (input.starts_with(SIGNATURE) && input.byte(6) == Some(0)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let memory = usize::try_from(WINDOW >> 10).unwrap_or(usize::MAX);
    let source = Cursor::new(input.as_slice());
    let read = ArchiveReader::new_with_memory_limit(source, Password::empty(), memory).and_then(|mut reader| {
        reader.set_thread_count(1);
        reader.for_each_entries_with_decision(|entry, data| {
            if entry.is_directory {
                return Ok(EntryDecision::Continue);
            }
            Ok(member(input, &entry.name, data, &mut content, budget))
        })
    });
    if let Err(error) = read {
        let (kind, what) = match &error {
            Error::PasswordRequired | Error::MaybeBadPassword(_) => {
                (OddityKind::Encrypted, "the archive is encrypted".to_owned())
            }
            Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => {
                (OddityKind::ChecksumMismatch, "a checksum does not match".to_owned())
            }
            other => (OddityKind::Malformed, format!("not decoded to its end: {other}")),
        };
        content.gaps.push(Gap::over(input.span(), what.clone()));
        let place = "archive".to_owned();
        content.oddities.push(Oddity { kind, place, span: Some(input.span()), what });
    }
    behind(input, &mut content);
    tell_apart(&mut content.children);
    content
}

fn member(
    input: Bytes<'_>,
    name: &str,
    data: &mut dyn std::io::Read,
    content: &mut Content,
    budget: &mut Budget,
) -> EntryDecision {
    if let Some(why) = escapes(name) {
        let (kind, place) = (OddityKind::PathTraversal, name.to_owned());
        let what = format!("extracting `{name}` leaves the folder: {why}");
        content.oddities.push(Oddity { kind, place, span: Some(input.head(32).span()), what });
    }
    if budget.items(1).is_err() {
        content.gaps.push(Gap::over(input.span(), "the budget of items ran out"));
        return EntryDecision::Stop;
    }
    let mut data = data;
    let decoded = decode::drain(&mut data, budget);
    decoded.report(&format!("member `{name}`"), input, content);
    let whole = decoded.end == End::Complete;
    let data = ChildData::Owned(decoded.data);
    content.children.push(Child { name: name.to_owned(), data });
    if whole { EntryDecision::Continue } else { EntryDecision::Stop }
}

/// The header at the beginning says where the one at the end stands, and how long it is.
fn behind(input: Bytes<'_>, content: &mut Content) {
    let end = input.u64_le(12).zip(input.u64_le(20)).and_then(|(offset, len)| {
        usize::try_from(offset.checked_add(len)?.checked_add(32)?).ok()
    });
    let rest = input.from(end.unwrap_or(usize::MAX));
    if !rest.is_empty() {
        let what = format!("{} bytes follow the archive", rest.len());
        let (kind, place) = (OddityKind::TrailingBytes, "behind the archive".to_owned());
        content.oddities.push(Oddity { kind, place, span: Some(rest.span()), what });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, gaps, has, oddities, parse, survive};
    use wb_core::OddityKind;

    /// Written by the Python package `py7zr`: `notes.txt`, and a pickle `weights.bin`.
    const REAL: &[u8] = include_bytes!("../tests/data/real.7z");

    #[test]
    fn members_are_decoded() {
        assert!(claims(REAL).starts_with("7z"));
        let content = parse("7z", REAL);
        assert_eq!((oddities(&content), gaps(&content)), (Vec::new(), Vec::new()));
        let found = children(REAL, &content);
        assert_eq!(found[0], ("notes.txt", &b"nothing to see\n"[..]));
        assert_eq!(claims(found[1].1), "pickle");
    }

    #[test]
    fn bytes_behind_the_archive_are_told() {
        let mut bytes = REAL.to_vec();
        bytes.extend(b"tail");
        assert!(has(&parse("7z", &bytes), OddityKind::TrailingBytes));
    }

    #[test]
    fn an_archive_that_breaks_off_says_so() {
        let content = parse("7z", &REAL[..REAL.len() - 20]);
        assert!(!content.oddities.is_empty() && !content.gaps.is_empty());
        assert_eq!(claims(b"7z and so on"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("7z", REAL);
    }
}
