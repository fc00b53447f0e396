//! `cpio` archives in the portable forms: initial file systems, and the payload of RPM packages.
//!
//! Specification: `cpio(5)` of FreeBSD, "New ASCII Format" and "Old ASCII Format".

use crate::names::{escapes, link_escapes, runs_as_owner, tell_apart};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Cursor, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "cpio archive",
    endings: &[".cpio"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The name of the last member.
const LAST: &str = "TRAILER!!!";

/// A magic number and digits as far as the header reaches; a header that is cut is one all the same.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    const SHORTEST: usize = 24;
    let magics: [&[u8]; 3] = [b"070701", b"070702", b"070707"];
    let head = input.head(76);
    let digits = head.as_slice().iter().all(u8::is_ascii_hexdigit);
    let known = magics.iter().any(|magic| head.starts_with(magic));
    (known && digits && head.len() >= SHORTEST).then_some(Strength::Strong)
}

/// What the header of a member says.
struct Header {
    mode: u64,
    name: u64,
    size: u64,
    /// Names and data begin at multiples of this.
    align: usize,
}

fn header(cursor: &mut Cursor<'_>) -> Option<Header> {
    let magic = cursor.array::<6>()?;
    let mut number = |digits: usize, radix: u32| {
        let text = std::str::from_utf8(cursor.take(digits)?.as_slice()).ok()?;
        u64::from_str_radix(text, radix).ok()
    };
    match &magic {
        b"070701" | b"070702" => {
            let mut fields = [0; 13];
            for field in &mut fields {
                *field = number(8, 16)?;
            }
            let [_, mode, _, _, _, _, size, _, _, _, _, name, _] = fields;
            Some(Header { mode, name, size, align: 4 })
        }
        b"070707" => {
            let mut fields = [0; 10];
            for (field, digits) in fields.iter_mut().zip([6, 6, 6, 6, 6, 6, 6, 11, 6, 11]) {
                *field = number(digits, 8)?;
            }
            let [_, _, mode, _, _, _, _, _, name, size] = fields;
            Some(Header { mode, name, size, align: 1 })
        }
        _ => None,
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut cursor = input.cursor();
    loop {
        let rest = cursor.rest();
        let member = budget.items(1).ok().and_then(|()| member(&mut cursor));
        let Some((header, name, data)) = member else {
            let what = "no member of a cpio archive, or the budget ran out".to_owned();
            content.gaps.push(Gap::over(rest.span(), what.clone()));
            let (kind, place) = (OddityKind::Malformed, "archive".to_owned());
            content.oddities.push(Oddity { kind, place, span: Some(rest.span()), what });
            break;
        };
        if name == LAST {
            break;
        }
        file(&header, name, data, &mut content);
    }
    let rest = cursor.rest();
    if rest.as_slice().iter().any(|byte| *byte != 0) && content.gaps.is_empty() {
        let what = format!("{} bytes follow the archive", rest.len());
        let (kind, place) = (OddityKind::TrailingBytes, "behind the archive".to_owned());
        content.oddities.push(Oddity { kind, place, span: Some(rest.span()), what });
    }
    tell_apart(&mut content.children);
    content
}

fn member<'a>(cursor: &mut Cursor<'a>) -> Option<(Header, String, Bytes<'a>)> {
    let header = header(cursor)?;
    let name = cursor.take_u64(header.name)?;
    let name = String::from_utf8_lossy(name.as_slice()).trim_end_matches('\0').to_owned();
    align(cursor, header.align);
    let data = cursor.take_u64(header.size)?;
    align(cursor, header.align);
    Some((header, name, data))
}

fn align(cursor: &mut Cursor<'_>, to: usize) {
    cursor.seek(cursor.position().checked_next_multiple_of(to).unwrap_or(usize::MAX));
}

fn file(header: &Header, name: String, data: Bytes<'_>, content: &mut Content) {
    if let Some(why) = escapes(&name) {
        let (kind, place) = (OddityKind::PathTraversal, name.clone());
        let what = format!("extracting `{name}` leaves the folder: {why}");
        content.oddities.push(Oddity { kind, place, span: Some(data.span()), what });
    }
    match header.mode & 0o170_000 {
        0o120_000 => {
            let target = String::from_utf8_lossy(data.head(4096).as_slice()).into_owned();
            link_escapes(&name, &target, data.span(), content);
        }
        0o100_000 => {
            runs_as_owner(&name, header.mode, data.span(), content);
            content.children.push(Child { name, data: ChildData::Span(data.span()) });
        }
        0o020_000 | 0o060_000 | 0o010_000 => {
            let (kind, place) = (OddityKind::ExternalReference, name.clone());
            let what = format!("`{name}` is a device or a pipe");
            content.oddities.push(Oddity { kind, place, span: Some(data.span()), what });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    fn archive(members: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, mode, data) in members.iter().chain(&[("TRAILER!!!", 0, &b""[..])]) {
            let fields = [0, *mode as usize, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0];
            bytes.extend(b"070701");
            for field in fields {
                bytes.extend(format!("{field:08X}").bytes());
            }
            bytes.extend(name.bytes().chain([0]));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(*data);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn members_are_children_and_links_are_followed() {
        let bytes = archive(&[("dir", 0o040_755, b""), ("dir/a", 0o100_644, b"one"), ("l", 0o120_777, b"dir/a")]);
        assert_eq!(claims(&bytes), "cpio");
        let content = parse("cpio", &bytes);
        assert_eq!(children(&bytes, &content), [("dir/a", &b"one"[..])]);
        assert_eq!(oddities(&content), [""; 0]);
        let out = archive(&[("l", 0o120_777, b"/etc/passwd"), ("../x", 0o100_644, b"")]);
        assert_eq!(oddities(&parse("cpio", &out)), ["escaping-link l", "path-traversal ../x"]);
    }

    #[test]
    fn an_archive_has_to_end() {
        let bytes = archive(&[("a", 0o100_644, b"one")]);
        assert!(has(&parse("cpio", &bytes[..bytes.len() - 40]), OddityKind::Malformed));
        let more = [bytes, b"more".to_vec()].concat();
        assert!(has(&parse("cpio", &more), OddityKind::TrailingBytes));
        assert_eq!(claims(b"070701 is a number"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("cpio", &archive(&[("a", 0o100_644, b"one"), ("l", 0o120_777, b"a")]));
    }
}
