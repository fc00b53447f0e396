//! `ar` archives: packages of Debian and static libraries.
//!
//! Specification: `ar.h` of System V, with the long names of GNU and BSD; `deb(5)`.

use crate::names::{escapes, tell_apart};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Debian package or static library (ar)",
    endings: &[".deb", ".a", ".udeb"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

const SIGNATURE: &[u8] = b"!<arch>\n";
/// Bytes of the header of a member.
const HEADER: usize = 60;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    input.starts_with(SIGNATURE).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut cursor = input.cursor();
    cursor.seek(SIGNATURE.len());
    let mut names: Option<Bytes<'_>> = None;
    while !cursor.is_at_end() {
        let rest = cursor.rest();
        let member = cursor.take(HEADER).filter(|_| budget.items(1).is_ok()).and_then(|header| {
            let text = |from: usize, len: usize| {
                std::str::from_utf8(header.slice(from, len)?.as_slice()).ok().map(str::trim_end)
            };
            let size: u64 = text(48, 10)?.parse().ok()?;
            header.as_slice().ends_with(b"`\n").then_some((text(0, 16)?.to_owned(), size))
        });
        let data = member.and_then(|(name, size)| Some((name, cursor.take_u64(size)?)));
        let Some((name, data)) = data else {
            let what = "no member of an ar archive, or the budget ran out".to_owned();
            content.gaps.push(Gap::over(rest.span(), what.clone()));
            let (kind, place) = (OddityKind::Malformed, "archive".to_owned());
            content.oddities.push(Oddity { kind, place, span: Some(rest.span()), what });
            break;
        };
        // Members begin at even offsets.
        if cursor.position() & 1 == 1 {
            cursor.u8();
        }
        match name.as_str() {
            "/" | "/SYM64/" | "__.SYMDEF" => {}
            "//" => names = Some(data),
            _ => file(&name, data, names, &mut content),
        }
    }
    tell_apart(&mut content.children);
    content
}

/// GNU ends names with `/` and keeps long ones in a member of their own; BSD puts them before the data.
fn file(name: &str, data: Bytes<'_>, names: Option<Bytes<'_>>, content: &mut Content) {
    let number = |prefix: &str| name.strip_prefix(prefix).and_then(|digits| digits.parse::<usize>().ok());
    let (name, data) = match (number("#1/"), number("/")) {
        (Some(len), _) => {
            let name = String::from_utf8_lossy(data.head(len).as_slice()).trim_end_matches('\0').to_owned();
            (name, data.from(len))
        }
        (None, Some(offset)) => {
            let rest = names.map(|names| names.from(offset)).unwrap_or(Bytes::new(&[]));
            let len = rest.find_byte(b'\n').unwrap_or(rest.len());
            let name = String::from_utf8_lossy(rest.head(len).as_slice()).into_owned();
            (name.trim_end_matches('/').to_owned(), data)
        }
        _ => (name.strip_suffix('/').unwrap_or(name).to_owned(), data),
    };
    if let Some(why) = escapes(&name) {
        let (kind, place) = (OddityKind::PathTraversal, name.clone());
        let what = format!("extracting `{name}` leaves the folder: {why}");
        content.oddities.push(Oddity { kind, place, span: Some(data.span()), what });
    }
    content.children.push(Child { name, data: ChildData::Span(data.span()) });
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, gaps, has, oddities, parse, survive};
    use wb_core::OddityKind;

    fn member(name: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, data.len()).into_bytes();
        bytes.extend(data);
        if bytes.len() % 2 == 1 {
            bytes.push(b'\n');
        }
        bytes
    }

    fn package(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, data) in members {
            bytes.extend(member(name, data));
        }
        bytes
    }

    #[test]
    fn members_have_their_names_in_each_spelling() {
        let bytes = package(&[
            ("debian-binary", b"2.0\n"),
            ("//", b"a long name of a member.o/\n"),
            ("/0", b"one"),
            ("#1/12", b"another.name1234"),
        ]);
        assert_eq!(claims(&bytes), "ar");
        let content = parse("ar", &bytes);
        assert_eq!(children(&bytes, &content), [
            ("debian-binary", &b"2.0\n"[..]),
            ("a long name of a member.o", b"one"),
            ("another.name", b"1234"),
        ]);
        assert_eq!((oddities(&content), gaps(&content)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn names_that_climb_and_archives_that_break_off_are_told() {
        assert!(has(&parse("ar", &package(&[("../x", b"1")])), OddityKind::PathTraversal));
        let bytes = package(&[("a", b"1234")]);
        assert!(has(&parse("ar", &bytes[..bytes.len() - 2]), OddityKind::Malformed));
        assert_eq!(claims(b"!<arch> and so on"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("ar", &package(&[("a", b"1"), ("//", b"x/\n"), ("/0", b"2")]));
    }
}
