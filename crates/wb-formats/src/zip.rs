//! Zip archives. [`entries`] reads the structure, [`data`] the bytes of one member, [`children`] all of
//! them; formats that are zip archives (torch, npz, keras) use these too.

mod directory;
mod member;
mod record;
mod sweep;

pub(crate) use directory::{Directory, Entry, any_name, entries};
pub(crate) use member::{Member, data, head};

use crate::names::{escapes, link_escapes, runs_as_owner, tell_apart};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, Child, ChildData, Content, Gap, Oddity, OddityKind, Span, Strength,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Zip archive",
    endings: &[".zip", ".whl", ".egg", ".mar", ".jar"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Whether readers open `input` as a zip archive: it begins with a local header, or ends with an end
/// record that leads to a central directory.
pub(crate) fn is_zip(input: Bytes<'_>) -> bool {
    if input.starts_with(record::LOCAL) {
        return record::Header::local(input).is_some_and(|header| !header.name.is_empty());
    }
    record::ends(input).iter().any(|end| {
        // Without a header in front, the archive must reach to the very end of the file: the signature
        // alone occurs in other files that hold an archive somewhere.
        end.stop() == input.len()
            && (end.entries > 0 || input.starts_with(record::END))
            && end.starts().iter().any(|(start, _)| record::leads(input, *start, end))
    })
}

/// Reads the structure and hands over what it says about itself: comment, oddities, gaps, and the bytes
/// before and after the archive as children.
pub(crate) fn open(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) -> Vec<Entry> {
    let directory = entries(input, budget);
    let Directory { entries, before, after, texts, oddities, gaps } = directory;
    content.texts.extend(texts);
    content.oddities.extend(oddities);
    content.gaps.extend(gaps);
    let around = [("bytes before the archive", before), ("bytes after the archive", after)];
    for (name, span) in around {
        if let Some(span) = span {
            content.children.push(Child { name: name.to_owned(), data: ChildData::Span(span) });
        }
    }
    apart(input, entries, content)
}

/// Takes back what was said about the bytes before an archive, for formats that begin with a part of their
/// own; returns these bytes. Offsets in the directory may count them or not.
pub(crate) fn take_prefix(content: &mut Content) -> Option<Span> {
    let mut prefix: Option<Span> = None;
    content.oddities.retain(|oddity| {
        let leads = matches!(oddity.kind, OddityKind::LeadingBytes | OddityKind::UnownedBytes);
        let first = oddity.span.filter(|span| leads && span.start == 0);
        prefix = prefix.or(first);
        first.is_none()
    });
    content.children.retain(|child| prefix.is_none_or(|span| child.data != ChildData::Span(span)));
    prefix
}

/// Takes back what was said about directories that stand between members, with nothing but zeros behind them: what
/// writes behind an archive leaves the directory of that archive where it was.
pub(crate) fn take_earlier_directories(input: Bytes<'_>, content: &mut Content) {
    let is_directory = |bytes: Bytes<'_>| {
        let len = record::whole_directory(bytes)?;
        (len > record::END_LEN && bytes.from(len).as_slice().iter().all(|byte| *byte == 0)).then_some(())
    };
    content.oddities.retain(|oddity| {
        let unowned = oddity.span.filter(|_| oddity.kind == OddityKind::UnownedBytes);
        unowned.and_then(|span| input.at_span(span)).and_then(is_directory).is_none()
    });
}

/// The members up to four times the size of the archive: honest ones share no byte, so that no more than
/// the archive itself is ever handed out, while overlapping ones could make a small archive cost days.
fn apart(input: Bytes<'_>, mut entries: Vec<Entry>, content: &mut Content) -> Vec<Entry> {
    let mut left = (input.len() as u64).saturating_mul(4);
    let fits = entries.iter().take_while(|entry| {
        let rest = left.checked_sub(entry.data.len);
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    let kept = fits.count();
    if kept < entries.len() {
        let why = format!("{} overlapping members", entries.len().saturating_sub(kept));
        content.gaps.push(Gap::over(input.span(), why));
        entries.truncate(kept);
    }
    entries
}

/// Adds `entry` to the children, and what its name and kind give away to the oddities.
pub(crate) fn child(input: Bytes<'_>, entry: &Entry, content: &mut Content, budget: &mut Budget) {
    if entry.is_folder() {
        return;
    }
    if let Some(why) = escapes(&entry.name) {
        let kind = OddityKind::PathTraversal;
        let what = format!("extracting `{}` leaves the folder: {why}", entry.name);
        let place = entry.name.clone();
        content.oddities.push(Oddity { kind, place, span: Some(entry.header), what });
    }
    let Some(member) = data(input, entry, content, budget) else { return };
    if entry.is_link() {
        let target = String::from_utf8_lossy(member.bytes().head(4096).as_slice()).into_owned();
        link_escapes(&entry.name, &target, entry.header, content);
        return;
    }
    runs_as_owner(&entry.name, entry.mode.into(), entry.header, content);
    let packed = member.into_child_data();
    if let Some(other) = member::other_reading(input, entry, budget) {
        let other = other.into_child_data();
        if other != packed {
            let name = format!("{} (by its local header)", entry.name);
            content.children.push(Child { name, data: other });
        }
    }
    content.children.push(Child { name: entry.name.clone(), data: packed });
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    is_zip(input).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    for entry in open(input, &mut content, budget) {
        child(input, &entry, &mut content, budget);
    }
    tell_apart(&mut content.children);
    content
}

#[cfg(test)]
mod tests;
