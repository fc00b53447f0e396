//! Tar archives: v7, ustar, pax and GNU. Members are children, as they lie in the archive.
//!
//! Source: POSIX.1-2017 `pax`, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic
//! Tar Format". A [`Header`] is one block; [`Walk`] carries the names that extension members announce.

mod header;

use crate::names::{self, escapes, link_escapes, runs_as_owner};
use crate::{Family, Reader, Request};
use header::{BLOCK, Header};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Exhausted, Gap, Oddity, OddityKind, Span};
use wb_core::Strength;

pub(crate) const FORMAT: Reader = Reader {
    title: "Tar archive",
    endings: &[".tar", ".nemo", ".pth.tar"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let header = Header::read(input)?;
    (header.checksum_holds && !header.name.is_empty()).then_some(Strength::Strong)
}

/// Whether one of the first members has a name of which `fits` is true, as it stands in its header.
pub(crate) fn any_name(input: Bytes<'_>, fits: impl Fn(&str) -> bool) -> bool {
    const MOST: usize = 10_000;
    let mut at = 0_usize;
    for _ in 0..MOST {
        let Some(header) = Header::read(input.from(at)).filter(|header| header.checksum_holds) else { break };
        if fits(&header.name) {
            return true;
        }
        let len = if header.has_data() { usize::try_from(header.size).unwrap_or(usize::MAX) } else { 0 };
        let next = at.saturating_add(BLOCK).saturating_add(len).checked_next_multiple_of(BLOCK);
        at = next.unwrap_or(usize::MAX);
    }
    false
}

pub(crate) fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::over(input);
    let mut at = 0_usize;
    let mut ended = false;
    while let Some(header) = Header::read(input.from(at)) {
        ended = header.is_blank;
        if ended {
            break;
        }
        if !header.checksum_holds {
            walk.damaged(at);
            break;
        }
        if let Err(limit) = budget.items(1) {
            walk.out_of_budget(limit, at);
            break;
        }
        at = walk.member(&header, at);
    }
    // Tools read such archives all the same; whether members are missing cannot be known.
    if !ended && at >= input.len() {
        let end = Span::new(input.span().end(), 0);
        walk.content.gaps.push(Gap::over(end, "the archive has no end: it may have been cut"));
    }
    walk.end(at);
    names::tell_apart(&mut walk.content.children);
    walk.content
}

/// What is known between one header and the next.
struct Walk<'a> {
    input: Bytes<'a>,
    content: Content,
    /// Announced by a pax or GNU member for the next one.
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    seen: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn over(input: Bytes<'a>) -> Self {
        let (content, seen) = (Content::default(), BTreeSet::new());
        Self { input, content, name: None, link: None, size: None, seen }
    }

    /// Takes the member whose header stands at `at`; returns where the next one stands.
    fn member(&mut self, header: &Header, at: usize) -> usize {
        let size = self.size.take().unwrap_or(header.size);
        let from = at.saturating_add(BLOCK);
        let len = usize::try_from(size).unwrap_or(usize::MAX);
        let data = self.input.from(from).head(if header.has_data() { len } else { 0 });
        let next = from.saturating_add(data.len()).checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
        if header.has_data() && data.len() < len {
            let what = format!("`{}` claims {size} bytes, {} are left", header.name, data.len());
            self.note(OddityKind::Truncated, &header.name, data.span(), what);
        }
        match header.kind {
            b'x' => self.pax(data),
            b'L' => self.name = Some(header::text(data.as_slice())),
            b'K' => self.link = Some(header::text(data.as_slice())),
            b'g' => self.global(data),
            // Labels of volumes concern no member.
            b'V' => {}
            _ => self.file(header, data, at),
        }
        next
    }

    fn file(&mut self, header: &Header, data: Bytes<'_>, at: usize) {
        let name = self.name.take().unwrap_or_else(|| header.name.clone());
        let link = self.link.take().unwrap_or_else(|| header.link.clone());
        let span = self.input.from(at).head(BLOCK).span();
        if let Some(why) = escapes(&name) {
            let what = format!("extracting `{name}` leaves the folder: {why}");
            self.note(OddityKind::PathTraversal, &name, span, what);
        }
        self.whiteout(&name, span);
        match header.kind {
            b'1' => {
                // A hard link's target is a path in the archive, not one seen from the member.
                let target = link.trim_start_matches("./");
                link_escapes("", target, span, &mut self.content);
            }
            b'2' => link_escapes(&name, &link, span, &mut self.content),
            b'3' | b'4' | b'6' => {
                let what = format!("`{name}` is a device or a pipe");
                self.note(OddityKind::ExternalReference, &name, span, what);
            }
            b'5' => {}
            kind => {
                runs_as_owner(&name, header.mode, span, &mut self.content);
                if kind == b'S' {
                    let why = format!("`{name}` is sparse; its data is taken as it lies");
                    self.content.gaps.push(Gap::over(data.span(), why));
                }
                if !self.seen.insert(name.clone()) {
                    let what = format!("two members are called `{name}`; the last one is extracted");
                    self.note(OddityKind::DuplicateName, &name, span, what);
                }
                self.content.children.push(Child { name, data: ChildData::Span(data.span()) });
            }
        }
    }

    /// A member of a layer that takes a file, or all there is in its folder, out of the layers below (OCI Image
    /// Format 1.1, `layer.md`, "Whiteouts"), as a component of the kind `whiteout`.
    fn whiteout(&mut self, name: &str, span: Span) {
        const MOST: usize = 1_000;
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let Some(hidden) = file.strip_prefix(".wh.").filter(|_| self.content.components.len() < MOST) else { return };
        let path = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
        let (hides, class) = if hidden == ".wh..opq" { (folder.to_owned(), "folder") } else { (path, "file") };
        self.content.components.push(Component {
            kind: "whiteout",
            name: hides,
            class: class.to_owned(),
            place: name.to_owned(),
            span: Some(span),
            ..Component::default()
        });
    }

    /// Records for all members that follow: readers that heed a path in them extract to it.
    fn global(&mut self, data: Bytes<'_>) {
        self.pax(data);
        (self.size, self.link) = (None, None);
        if let Some(name) = self.name.take()
            && let Some(why) = escapes(&name)
        {
            let what = format!("a header for all members says `{name}`, which leaves the folder: {why}");
            self.note(OddityKind::PathTraversal, &name, data.span(), what);
        }
    }

    /// Extended header records: `LEN KEY=VALUE\n`, LEN counting all of it.
    fn pax(&mut self, data: Bytes<'_>) {
        let mut rest = data;
        while let Some(space) = rest.find_byte(b' ') {
            let len = std::str::from_utf8(rest.head(space).as_slice()).ok().and_then(|len| len.parse().ok());
            let Some(record) = len.filter(|len| *len > space).and_then(|len| rest.slice(0, len)) else {
                let what = "a pax record has no valid length".to_owned();
                return self.note(OddityKind::Malformed, "pax header", rest.head(64).span(), what);
            };
            let record_len = record.len();
            let text = String::from_utf8_lossy(record.from(space.saturating_add(1)).as_slice()).into_owned();
            if let Some((key, value)) = text.trim_end_matches('\n').split_once('=') {
                match key {
                    "path" | "GNU.sparse.name" => self.name = Some(value.to_owned()),
                    "linkpath" => self.link = Some(value.to_owned()),
                    "size" => self.size = value.parse().ok(),
                    _ => {}
                }
            }
            rest = rest.from(record_len);
        }
    }

    /// What follows the two blank blocks that end an archive. Padding is zeros.
    fn end(&mut self, at: usize) {
        let rest = self.input.from(at);
        if !rest.as_slice().iter().any(|byte| *byte != 0) {
            return;
        }
        let stands = self.content.oddities.iter().any(|oddity| oddity.kind == OddityKind::Malformed);
        if !stands {
            let what = "data follows the end of the archive".to_owned();
            self.note(OddityKind::TrailingBytes, "", rest.span(), what);
        }
        let name = "bytes after the archive".to_owned();
        let blank = rest.as_slice().iter().take_while(|byte| **byte == 0).count();
        let aligned = blank.checked_div(BLOCK).and_then(|blocks| blocks.checked_mul(BLOCK));
        let data = ChildData::Span(rest.from(aligned.unwrap_or(0)).span());
        self.content.children.push(Child { name, data });
    }

    fn damaged(&mut self, at: usize) {
        let span = self.input.from(at).head(BLOCK).span();
        let what = format!("the header at {at} has a wrong checksum");
        self.note(OddityKind::Malformed, "", span, what.clone());
        self.content.gaps.push(Gap::over(self.input.from(at).span(), what));
    }

    fn out_of_budget(&mut self, limit: Exhausted, at: usize) {
        let gap = crate::decode::exhausted(limit, "the archive's members", self.input.from(at).span());
        self.content.gaps.push(gap);
    }

    fn note(&mut self, kind: OddityKind, place: &str, span: Span, what: String) {
        const MOST: usize = 1_000;
        if self.content.oddities.len() < MOST {
            let place = place.to_owned();
            self.content.oddities.push(Oddity { kind, place, span: Some(span), what });
        }
    }
}

#[cfg(test)]
mod tests;
