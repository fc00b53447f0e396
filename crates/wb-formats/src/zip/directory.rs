//! [`Directory`]: the members of a zip archive, from its central directory and from the local headers
//! that the directory does not mention, with every disagreement between the two.

use super::record::{self, CENTRAL, DESCRIPTOR, End, Header, LOCAL};
use super::sweep;
use crate::names::escapes;
use wb_core::{Budget, Bytes, Exhausted, Gap, Oddity, OddityKind, Span, Text};

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name; that of the central directory where there is one, since loaders go by it.
    pub name: String,
    /// Compression method (APPNOTE 4.4.5): 0 stored, 8 deflated.
    pub method: u16,
    /// General purpose flags (4.4.4).
    pub flags: u16,
    /// CRC-32 of the decoded bytes.
    pub crc: u32,
    /// Length when decoded, in bytes.
    pub size: u64,
    /// The local header.
    pub header: Span,
    /// The bytes as they are stored.
    pub data: Span,
    /// Method of the local header where it is another one.
    pub local_method: Option<u16>,
    /// Whether the central directory lists it.
    pub listed: bool,
    /// Unix mode from the central directory; 0 when there is none.
    pub mode: u32,
}

impl Entry {
    /// Whether it is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with('/') && self.size == 0
    }

    /// Whether it is a symbolic link, whose content is its target.
    pub(crate) const fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    /// Whether its flags say that it is encrypted.
    pub(crate) const fn says_encrypted(&self) -> bool {
        self.flags & (1 | 1 << 6 | 1 << 13) != 0
    }

    /// The name without the folder at its front: `data/0` of `archive/data/0`.
    pub(crate) fn below_root(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(_, rest)| rest)
    }
}

/// What an archive holds, before any member is decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    /// Members in the order of the central directory, then those it does not list.
    pub entries: Vec<Entry>,
    /// Bytes before the archive begins.
    pub before: Option<Span>,
    /// Bytes after the archive ends.
    pub after: Option<Span>,
    /// The archive's comment.
    pub texts: Vec<Text>,
    /// What disagrees.
    pub oddities: Vec<Oddity>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

impl Directory {
    /// Adds an oddity; their number is bounded, since a hostile archive may hold millions.
    pub(crate) fn note(&mut self, kind: OddityKind, place: &str, span: Span, what: String) {
        const MOST: usize = 1_000;
        if self.oddities.len() < MOST {
            self.oddities.push(Oddity { kind, place: place.to_owned(), span: Some(span), what });
        }
    }
}

/// Reads the structure of the archive; member data is not touched.
pub(crate) fn entries(input: Bytes<'_>, budget: &mut Budget) -> Directory {
    let mut directory = Directory::default();
    let ends = record::ends(input);
    let central = ends.iter().find_map(|end| {
        let (start, before) =
            end.starts().into_iter().find(|(start, _)| record::leads(input, *start, end))?;
        Some((*end, start, before))
    });
    let Some((end, start, before)) = central else {
        directory.note(
            OddityKind::Truncated,
            "",
            input.span(),
            "the archive has no central directory".to_owned(),
        );
        sweep::unlisted(input, 0, input.len(), &mut directory, budget);
        // Members that are in no directory and bytes of no member follow from that: an archive that was
        // cut short hides nothing, and no reader opens it.
        directory.oddities.retain(|oddity| {
            !matches!(oddity.kind, OddityKind::Disagreement | OddityKind::UnownedBytes)
        });
        return directory;
    };
    several_ends(input, &ends, &end, &mut directory);
    let stop = central_directory(input, &end, start, before, &mut directory, budget);
    around(input, &end, stop, before, &mut directory);
    let from = usize::try_from(before).unwrap_or(0);
    sweep::unlisted(input, from, start, &mut directory, budget);
    duplicates(&mut directory);
    directory
}

/// Whether any member's name in the central directory satisfies `wanted`. Looks at nothing else; when there
/// is no central directory, at the first local header.
pub(crate) fn any_name(input: Bytes<'_>, mut wanted: impl FnMut(&[u8]) -> bool) -> bool {
    const MOST: usize = 200_000;
    let central = record::ends(input).into_iter().find_map(|end| {
        end.starts().into_iter().map(|(at, _)| at).find(|at| record::leads(input, *at, &end))
    });
    let Some(mut at) = central else {
        return Header::local(input).is_some_and(|header| wanted(header.name.as_slice()));
    };
    for _ in 0..MOST {
        let Some(header) = Header::central(input.from(at)) else { return false };
        if wanted(header.name.as_slice()) {
            return true;
        }
        at = at.saturating_add(header.len);
    }
    false
}

/// Reads the central directory at `start`; returns where its last record ends.
fn central_directory(
    input: Bytes<'_>,
    end: &End,
    start: usize,
    before: u64,
    directory: &mut Directory,
    budget: &mut Budget,
) -> usize {
    let mut at = start;
    let mut count: u64 = 0;
    while at < end.at && input.from(at).starts_with(CENTRAL) {
        let Some(header) = Header::central(input.from(at)) else {
            let span = input.from(at).span();
            directory.note(OddityKind::Truncated, "central directory", span, "a record is cut".into());
            break;
        };
        if budget.items(1).is_err() {
            let what = "the central directory";
            let rest = input.from(at).span();
            directory.gaps.push(crate::decode::exhausted(Exhausted::Items, what, rest));
            break;
        }
        let span = input.from(at).head(header.len).span();
        member(input, &header, span, before, directory);
        count = count.saturating_add(1);
        at = at.saturating_add(header.len);
    }
    if count != end.entries {
        let what = format!("the end record counts {} members, there are {count}", end.entries);
        let span = input.from(end.at).head(22).span();
        directory.note(OddityKind::Disagreement, "end of central directory", span, what);
    }
    at
}

/// Adds the member that a central header describes.
fn member(input: Bytes<'_>, central: &Header<'_>, span: Span, before: u64, directory: &mut Directory) {
    let name = central.name();
    let spots = [central.offset.checked_add(before), Some(central.offset)];
    let found = spots.into_iter().flatten().find_map(|offset| {
        let at = usize::try_from(offset).ok()?;
        Some((at, Header::local(input.from(at))?))
    });
    let Some((at, local)) = found else {
        let what = format!("no local header of `{name}` at {}", central.offset);
        directory.note(OddityKind::Malformed, &name, span, what.clone());
        directory.gaps.push(Gap::over(span, what));
        return;
    };
    let header = input.from(at).head(local.len).span();
    let rest = input.from(at.saturating_add(local.len));
    let wanted = usize::try_from(central.compressed).unwrap_or(usize::MAX);
    if wanted > rest.len() {
        let what = format!("`{name}` claims {} bytes, {} are left", central.compressed, rest.len());
        directory.note(OddityKind::ImpossibleLength, &name, span, what);
    }
    compare(&name, central, &local, header, directory);
    let entry = Entry {
        name,
        method: central.method,
        flags: central.flags | local.flags,
        crc: central.crc,
        size: central.size,
        header,
        data: rest.head(wanted).span(),
        local_method: (local.method != central.method).then_some(local.method),
        listed: true,
        mode: central.mode,
    };
    if entry.says_encrypted() {
        let what = format!("`{}` is marked as encrypted", entry.name);
        directory.note(OddityKind::Encrypted, &entry.name.clone(), header, what);
    }
    directory.entries.push(entry);
}

/// Records where the local header of a member contradicts the central one. Model scanners were bypassed
/// with each of these: CVE-2025-1944 (name), CVE-2025-1945 (flags), CVE-2025-10156 (CRC).
fn compare(name: &str, central: &Header<'_>, local: &Header<'_>, span: Span, directory: &mut Directory) {
    /// Where bit 3 is set, the local header may leave CRC and sizes to the data descriptor (4.4.4).
    const DESCRIBED_LATER: u16 = 1 << 3;
    /// The bits that change how data is read: encrypted, patched, strong encryption, masked headers.
    const MEANING: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;
    // Readers that stream, and those that carve, extract to the local name.
    let theirs = local.name();
    if let Some(why) = escapes(&theirs).filter(|_| escapes(name).is_none()) {
        let what = format!("`{theirs}` in the local header: {why}");
        directory.note(OddityKind::PathTraversal, name, span, what);
    }
    let mut differ = |what: &str, ours: String, theirs: String| {
        let what = format!("{what}: local header says {theirs}, central directory says {ours}");
        directory.note(OddityKind::Disagreement, name, span, what);
    };
    if central.name.as_slice() != local.name.as_slice() {
        differ("name", format!("`{name}`"), format!("`{}`", local.name()));
    }
    if (central.flags ^ local.flags) & MEANING != 0 {
        differ("flags", format!("{:#06x}", central.flags), format!("{:#06x}", local.flags));
    }
    if central.method != local.method {
        differ("method", central.method.to_string(), local.method.to_string());
    }
    let later = local.flags & DESCRIBED_LATER != 0;
    let numbers = [
        ("CRC", u64::from(central.crc), u64::from(local.crc)),
        ("compressed size", central.compressed, local.compressed),
        ("size", central.size, local.size),
    ];
    for (what, ours, theirs) in numbers {
        let left_out = later && (theirs == 0 || theirs == u64::from(u32::MAX));
        if ours != theirs && !left_out {
            differ(what, ours.to_string(), theirs.to_string());
        }
    }
}

/// Records other end records than the one that was taken, when they lead to a directory of their own.
fn several_ends(input: Bytes<'_>, ends: &[End], taken: &End, directory: &mut Directory) {
    for end in ends.iter().filter(|end| end.at != taken.at) {
        let leads = end.starts().iter().any(|(start, _)| record::leads(input, *start, end));
        if leads && end.entries > 0 {
            let what = format!("end records at {} and at {}", end.at, taken.at);
            let span = input.from(end.at).head(22).span();
            directory.note(OddityKind::Disagreement, "end of central directory", span, what);
        }
    }
}

/// Records what lies before, after and behind the central directory, and the comment.
fn around(input: Bytes<'_>, end: &End, stop: usize, before: u64, directory: &mut Directory) {
    if before > 0 {
        let span = Span::new(input.offset(), before);
        let what = format!("{before} bytes stand before the archive");
        directory.note(OddityKind::LeadingBytes, "", span, what);
        directory.before = Some(span);
    }
    let between = end.directory_end.saturating_sub(stop);
    if let Some(bytes) = input.slice(stop, between).filter(|bytes| !bytes.is_empty()) {
        let what = format!("{between} bytes stand between central directory and end record");
        directory.note(OddityKind::UnownedBytes, "central directory", bytes.span(), what);
    }
    let comment = input.from(end.at.saturating_add(22)).head(end.comment_len);
    if !comment.is_empty() {
        directory.texts.push(Text {
            place: "archive comment".to_owned(),
            value: String::from_utf8_lossy(comment.as_slice()).into_owned(),
            span: Some(comment.span()),
        });
    }
    let after = input.from(end.stop());
    if !after.is_empty() {
        let what = format!("{} bytes follow the archive", after.len());
        directory.note(OddityKind::TrailingBytes, "", after.span(), what);
        directory.after = Some(after.span());
    }
}

/// Records names that stand for two members: readers differ in which one they open.
fn duplicates(directory: &mut Directory) {
    let mut names: Vec<(&str, Span)> =
        directory.entries.iter().map(|entry| (entry.name.as_str(), entry.header)).collect();
    names.sort_unstable();
    let twice: Vec<(String, Span)> = names
        .windows(2)
        .filter_map(|pair| match pair {
            [(first, _), (second, span)] if first == second => Some(((*second).to_owned(), *span)),
            _ => None,
        })
        .collect();
    for (name, span) in twice {
        let what = format!("two members are called `{name}`");
        directory.note(OddityKind::DuplicateName, &name, span, what);
    }
}

/// Where a member's bytes end, with the data descriptor that may follow (4.3.9).
pub(crate) fn member_end(input: Bytes<'_>, entry: &Entry) -> u64 {
    let end = entry.data.end();
    if entry.flags & (1 << 3) == 0 {
        return end;
    }
    let Some(at) = end.checked_sub(input.offset()).and_then(|at| usize::try_from(at).ok()) else {
        return end;
    };
    let rest = input.from(at);
    let signed = if rest.starts_with(DESCRIPTOR) { 4 } else { 0 };
    if signed == 0 && rest.u32_le(0) != Some(entry.crc) {
        return end;
    }
    // CRC, then both sizes in four or eight bytes each; what stands after them tells which.
    let follows = |len: usize| {
        let next = rest.from(len);
        next.starts_with(LOCAL) || next.starts_with(CENTRAL)
    };
    let (narrow, wide) = (12_usize.saturating_add(signed), 20_usize.saturating_add(signed));
    let len = if !follows(narrow) && follows(wide) { wide } else { narrow };
    end.saturating_add(len as u64)
}
