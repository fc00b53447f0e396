//! What the central directory does not tell: members it leaves out, bytes nobody owns, members that
//! overlap. Only the gaps between listed members are searched, so a large archive stays unread.

use super::directory::{Directory, Entry, member_end};
use super::record::{CENTRAL, DESCRIPTOR, Header, LOCAL};
use wb_core::{Budget, Bytes, Exhausted, OddityKind, Span};

/// Looks at `from..to` of the archive for what no listed member owns.
pub(crate) fn unlisted(
    input: Bytes<'_>,
    from: usize,
    to: usize,
    directory: &mut Directory,
    budget: &mut Budget,
) {
    let mut owned: Vec<(u64, u64, usize)> = directory
        .entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.header.start, member_end(input, entry), index))
        .collect();
    owned.sort_unstable();
    overlaps(&owned, directory);
    let base = input.offset();
    let mut at = base.saturating_add(from as u64);
    let last = base.saturating_add(to as u64);
    for (start, end) in owned.iter().map(|(start, end, _)| (*start, *end)).chain([(last, last)]) {
        if start > at {
            hole(input, Span::new(at, start.min(last).saturating_sub(at)), directory, budget);
        }
        at = at.max(end);
    }
}

/// Members that share bytes: a bomb whose members all point into one another needs no nesting (Fifield,
/// "A better zip bomb", WOOT 2019).
fn overlaps(owned: &[(u64, u64, usize)], directory: &mut Directory) {
    let mut reached = 0;
    for (start, end, index) in owned {
        if *start < reached {
            let Some(entry) = directory.entries.get(*index) else { continue };
            let (name, span) = (entry.name.clone(), entry.header);
            let what = format!("`{name}` begins inside the member before it");
            directory.note(OddityKind::Overlap, &name, span, what);
        }
        reached = reached.max(*end);
    }
}

/// Looks through a hole between members for local headers; what else stands there is unowned.
fn hole(input: Bytes<'_>, span: Span, directory: &mut Directory, budget: &mut Budget) {
    let Some(mut rest) = input.at_span(span) else { return };
    while let Some(at) = memchr::memmem::find(rest.as_slice(), LOCAL) {
        unowned(rest.head(at), directory);
        let here = rest.from(at);
        let Some(header) = Header::local(here).filter(|header| !header.name.is_empty()) else {
            rest = here.from(LOCAL.len());
            continue;
        };
        if budget.items(1).is_err() {
            let gap = crate::decode::exhausted(Exhausted::Items, "members not listed", here.span());
            directory.gaps.push(gap);
            return;
        }
        let entry = found(here, &header);
        let name = entry.name.clone();
        let what = format!("`{name}` is not in the central directory");
        directory.note(OddityKind::Disagreement, &name, entry.header, what);
        let end = member_end(input, &entry).saturating_sub(here.offset());
        rest = here.from(usize::try_from(end).unwrap_or(usize::MAX).max(LOCAL.len()));
        directory.entries.push(entry);
    }
    unowned(rest, directory);
}

/// The member whose local header stands at the start of `here`. Where the header leaves the size to a
/// descriptor, the data reaches to the next signature.
fn found(here: Bytes<'_>, header: &Header<'_>) -> Entry {
    let rest = here.from(header.len);
    let told = usize::try_from(header.compressed).unwrap_or(usize::MAX);
    let data = if told == 0 && header.flags & (1 << 3) != 0 {
        let signed = |at: &usize| {
            [DESCRIPTOR, LOCAL, CENTRAL].iter().any(|signature| rest.from(*at).starts_with(signature))
        };
        let next = memchr::memmem::find_iter(rest.as_slice(), b"PK").find(signed);
        rest.head(next.unwrap_or(rest.len()))
    } else {
        rest.head(told)
    };
    let size = if header.size == 0 && header.method == 0 { data.len() as u64 } else { header.size };
    Entry {
        name: header.name(),
        method: header.method,
        flags: header.flags,
        crc: header.crc,
        size,
        header: here.head(header.len).span(),
        data: data.span(),
        local_method: None,
        listed: false,
        mode: 0,
    }
}

/// Records bytes that no member owns. Zeros are padding.
fn unowned(bytes: Bytes<'_>, directory: &mut Directory) {
    if bytes.as_slice().iter().any(|byte| *byte != 0) {
        let what = format!("{} bytes belong to no member", bytes.len());
        directory.note(OddityKind::UnownedBytes, "", bytes.span(), what);
    }
}
