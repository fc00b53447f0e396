//! [`sweep`]: files anywhere in tensors, for those who read the weights anyway.
//!
//! One pass looks for the first two bytes of what a file can begin with, in blocks that processors compare many
//! bytes of at once; what is found has to hold together as that file does, so that no random weights are one.

use crate::notes::Notes;
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, OddityKind, Span};

mod kinds;

/// Files that are taken out of one artifact.
const MOST: usize = 8;
/// Bytes of a file whose end is not known.
const LONGEST: u64 = 64 << 20;
/// Bytes that are compared at once.
const BLOCK: usize = 256;

/// Adds to `content` the files that lie inside its tensors, behind their beginnings, which are always looked at.
pub fn sweep(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let mut notes = Notes::default();
    let known: BTreeSet<u64> = content
        .children
        .iter()
        .filter_map(|child| match child.data {
            ChildData::Span(span) => Some(span.start),
            ChildData::Owned(_) => None,
        })
        .collect();
    let mut found = Vec::new();
    for area in areas(content) {
        let Some(bytes) = input.at_span(area) else { continue };
        let mut search = Search { data: bytes.as_slice(), directory: None, budget };
        let finished = search.run(&mut |at, file| {
            let start = area.start.saturating_add(at as u64);
            let len = file.len.unwrap_or(LONGEST).min(area.end().saturating_sub(start));
            if !known.contains(&start) {
                found.push((Span::new(start, len), file.what));
            }
            found.len() < MOST
        });
        if !finished {
            notes.gap(Some(area), "the budget ran out in the search for files inside tensors");
            break;
        }
    }
    for (span, what) in found {
        let holds = |owner: &Span| owner.start <= span.start && span.start < owner.end();
        let tensors = content.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.span));
        let storages = storages(content).map(|storage| (storage.name.as_str(), storage.span));
        let owner = tensors.chain(storages).find(|(_, owner)| owner.as_ref().is_some_and(holds));
        let (name, from) =
            owner.map_or(("", 0), |(name, owner)| (name, owner.map_or(0, |owner| owner.start)));
        let at = span.start.saturating_sub(from);
        let place = format!("tensor {name}");
        notes.odd(
            OddityKind::FileInTensor,
            &place,
            Some(span),
            format!("`{name}` holds {what} at byte {at}"),
        );
        content
            .children
            .push(Child { name: format!("{place}, byte {at}"), data: ChildData::Span(span) });
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
}

/// Storages with bytes that no tensor is a view of.
fn storages(content: &Content) -> impl Iterator<Item = &Component> {
    content.components.iter().filter(|part| part.kind == "storage")
}

/// The bytes of all tensors and storages, each byte once: tensors may share them.
fn areas(content: &Content) -> Vec<Span> {
    let mut spans: Vec<Span> = content
        .tensors
        .iter()
        .filter_map(|tensor| tensor.span)
        .chain(storages(content).filter_map(|storage| storage.span))
        .filter(|span| span.len > 0)
        .collect();
    spans.sort_unstable();
    let mut areas: Vec<Span> = Vec::new();
    for span in spans {
        match areas.last_mut() {
            // Tensors that follow each other are one area: a file may reach from one into the next.
            Some(last) if span.start <= last.end() => {
                let end = last.end().max(span.end());
                last.len = end.saturating_sub(last.start);
            }
            _ => areas.push(span),
        }
    }
    areas
}

/// A file that holds together.
#[derive(Clone, Copy)]
struct File {
    what: &'static str,
    /// Its length, where its structure tells it.
    len: Option<u64>,
}

/// The search through one area.
struct Search<'a, 'b> {
    data: &'a [u8],
    /// Where the next directory of a zip archive ends, once it was looked for from some place on.
    directory: Option<(usize, Option<usize>)>,
    budget: &'b mut Budget,
}

impl Search<'_, '_> {
    /// Calls `tell` with each file and its place, until it says no. `false` when the budget ran out.
    fn run(&mut self, tell: &mut impl FnMut(usize, File) -> bool) -> bool {
        let mut at = 0;
        while let Some(block) = self.data.get(at..).filter(|rest| rest.len() > 1) {
            let block = block.get(..BLOCK.saturating_add(1).min(block.len())).unwrap_or(block);
            if may_begin(block) {
                let pairs = block.windows(2).enumerate();
                for (offset, _) in pairs.filter(|(_, pair)| begins(pair)) {
                    let place = at.saturating_add(offset);
                    if self.budget.steps(1).is_err() {
                        return false;
                    }
                    match self.file(place) {
                        Ok(Some(file)) if !tell(place, file) => return true,
                        Ok(_) => {}
                        Err(_) => return false,
                    }
                }
            }
            at = at.saturating_add(BLOCK);
        }
        true
    }
}

/// Whether a pair of bytes is what a file can begin with.
const fn begins(pair: &[u8]) -> bool {
    matches!(
        pair,
        [0x7f, b'E']
            | [b'M', b'Z']
            | [b'P', b'K']
            | [b'7', b'z']
            | [0x1f, 0x8b]
            | [0xfd, b'7']
            | [0xcf, 0xfa]
    )
}

/// Whether one of the pairs of bytes in `block` is. Written without a branch, so that it is compared in lanes.
fn may_begin(block: &[u8]) -> bool {
    let next = block.get(1..).unwrap_or_default();
    let hit = block.iter().zip(next).fold(0_u8, |hit, (a, b)| {
        let pair = |first: u8, second: u8| u8::from(*a == first) & u8::from(*b == second);
        hit | pair(0x7f, b'E')
            | pair(b'M', b'Z')
            | pair(b'P', b'K')
            | pair(b'7', b'z')
            | pair(0x1f, 0x8b)
            | pair(0xfd, b'7')
            | pair(0xcf, 0xfa)
    });
    hit != 0
}

#[cfg(test)]
mod tests;
