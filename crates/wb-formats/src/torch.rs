//! PyTorch files since 1.6: a zip archive with a pickle `data.pkl` and one member per tensor storage.
//! TorchScript and `torch.package` archives are laid out the same way and carry Python source too.
//!
//! [`pickles`] lifts every pickle member in place, [`storages`] matches the storages they name with the
//! members that hold them. What nobody names is a child.

use crate::storage::{self, Placed};
use crate::tensors;
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request, names};
use std::collections::BTreeMap;
use wb_code::pickle::{self, Detail};
use wb_core::{Budget, Bytes, Component, Content, Field, Oddity, OddityKind, Span, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "PyTorch model: zip archive with pickles, TorchScript, torch.package",
    endings: &[".pt", ".pth", ".ckpt", ".ptl", ".bin", ".pth.tar", ".jit", ".pkl"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// The member that makes an archive a `torch.package`.
const PACKAGED: &str = ".data/extern_modules";

/// Members that every archive of this kind has below its root folder, next to the pickle.
const COMPANIONS: &[&[u8]] = &[b"version", b"byteorder", b"constants.pkl", b".data/version"];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if !zip::is_zip(input) {
        return None;
    }
    let (mut pickle, mut companion) = (false, false);
    zip::any_name(input, |name| {
        let below = memchr::memchr(b'/', name).and_then(|at| name.get(at.checked_add(1)?..));
        let below = below.unwrap_or_default();
        pickle |= below == b"data.pkl" || below == PACKAGED.as_bytes();
        companion |= COMPANIONS.contains(&below) || below.starts_with(b"data/");
        pickle && companion
    })
    .then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let entries = zip::open(input, &mut content, budget);
    let placed = pickles(input, &entries, &mut content, budget);
    let stored = storages(input, &entries, placed, &mut content);
    if entries.iter().any(|entry| entry.below_root() == PACKAGED) {
        sources(input, &entries, &mut content, budget);
    }
    for (entry, is_storage) in entries.iter().zip(stored) {
        let lifted = is_pickle_member(entry) && entry.method == 0;
        if lifted || is_storage || is_debug(input, entry, budget) || record(input, entry, &mut content) {
            continue;
        }
        zip::child(input, entry, &mut content, budget);
    }
    names::tell_apart(&mut content.children);
    content
}

/// Lifts the Python source of a `torch.package`: its importer runs a module when a pickle beside it names one of
/// its classes.
fn sources(input: Bytes<'_>, entries: &[Entry], content: &mut Content, budget: &mut Budget) {
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".py") && entry.method == 0) {
        let Some(bytes) = input.at_span(entry.data) else { continue };
        let text = String::from_utf8_lossy(bytes.as_slice());
        if let Some(mut program) = wb_code::python::lift(&text, Trigger::Load, budget) {
            program.place.clone_from(&entry.name);
            program.span = entry.data;
            for op in &mut program.ops {
                op.span.start = op.span.start.saturating_add(entry.data.start);
            }
            content.programs.push(program);
        }
    }
}

fn is_pickle_member(entry: &Entry) -> bool {
    entry.name.ends_with(".pkl")
}

/// Whether a member only maps TorchScript code back to the source it was compiled from, which is not
/// loaded with the model: a pickle of plain data.
fn is_debug(input: Bytes<'_>, entry: &Entry, budget: &mut Budget) -> bool {
    let mut aside = Content::default();
    if !entry.name.ends_with(".debug_pkl") || entry.local_method.is_some() {
        return false;
    }
    let Some(member) = zip::data(input, entry, &mut aside, budget) else { return false };
    let lifted = pickle::lift(member.bytes(), Trigger::Load, Detail::Effects, budget);
    let plain = lifted.programs.iter().all(|program| program.ops.is_empty());
    let whole = lifted.streams.len() == 1 && lifted.gaps.is_empty() && lifted.oddities.is_empty();
    plain && whole && aside.oddities.is_empty() && aside.gaps.is_empty()
}

/// A tensor, and the names its storage's member may have.
struct Wanted {
    tensor: tensors::Found,
    folder: &'static [&'static str],
}

/// Where the pickle called `name` keeps its storages, below the archive's root folder.
fn folders(name: &str) -> &'static [&'static str] {
    match name {
        "data.pkl" => &["data/"],
        "constants.pkl" => &["constants/", "data/"],
        _ => &["data/", ".data/", "constants/"],
    }
}

/// Lifts every stored `.pkl` member in place, so that spans are offsets in the archive; compressed ones
/// become children like any other member.
fn pickles(
    input: Bytes<'_>,
    entries: &[Entry],
    content: &mut Content,
    budget: &mut Budget,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for entry in entries.iter().filter(|entry| is_pickle_member(entry)) {
        let stored = entry.method == 0;
        // A compressed one becomes a child, which reports on its own; here it only names tensors.
        let mut aside = Content::default();
        let notes = if stored { &mut *content } else { &mut aside };
        let Some(member) = zip::data(input, entry, notes, budget) else { continue };
        let folder = folders(entry.below_root());
        let bytes = member.bytes();
        let mut lifted = pickle::lift(bytes, Trigger::Load, Detail::Effects, budget);
        for program in &mut lifted.programs {
            program.place.clone_from(&entry.name);
        }
        let found = crate::pickle::lifted(bytes, lifted, notes, budget);
        wanted.extend(found.into_iter().map(|tensor| Wanted { tensor, folder }));
    }
    wanted
}

/// Matches tensors with the members that hold them. Says for each entry whether it is nothing but a
/// storage: named by a pickle, of the size the pickle says, and not the beginning of something else.
fn storages(
    input: Bytes<'_>,
    entries: &[Entry],
    wanted: Vec<Wanted>,
    content: &mut Content,
) -> Vec<bool> {
    let by_name: BTreeMap<&str, usize> =
        entries.iter().enumerate().map(|(index, entry)| (entry.below_root(), index)).collect();
    let mut stored = vec![false; entries.len()];
    for Wanted { mut tensor, folder } in wanted {
        let member = tensor.storage.as_ref().and_then(|storage| {
            let names = folder.iter().flat_map(|folder| {
                [format!("{folder}{}", storage.key), format!("{folder}{}.storage", storage.key)]
            });
            names.chain([storage.key.clone()]).find_map(|name| by_name.get(name.as_str()).copied())
        });
        let held = member.and_then(|index| Some((index, entries.get(index)?)));
        if let Some((index, entry)) = held {
            let placed = Placed { place: &entry.name, span: entry.data, len: entry.size };
            let fits = storage::place(&mut tensor, &placed, entry.method == 0, content);
            let other = storage::disguised(input.at_span(entry.data).unwrap_or(Bytes::new(&[])));
            if let Some(kind) = other {
                content.oddities.push(Oddity {
                    kind: kind.oddity(),
                    place: entry.name.clone(),
                    span: Some(entry.data),
                    what: format!("the storage of tensor `{}` begins like {}", tensor.name, kind.name()),
                });
            }
            if let Some(stored) = stored.get_mut(index) {
                *stored = fits && other.is_none() && !entry.says_encrypted();
            }
        } else if let Some(storage) = &tensor.storage {
            content.oddities.push(Oddity {
                kind: OddityKind::Truncated,
                place: tensor.name.clone(),
                span: None,
                what: format!("no member holds the storage `{}`", storage.key),
            });
        }
        content.tensors.push(storage::tensor(tensor));
    }
    let held = entries.iter().zip(&stored).filter(|(_, stored)| **stored);
    let mut views: Vec<Span> = content.tensors.iter().filter_map(|tensor| tensor.span).collect();
    views.sort_unstable();
    let unviewed = held.filter_map(|(entry, _)| unviewed(entry, &views));
    content.components.extend(unviewed);
    stored
}

/// A storage with bytes that none of the `views`, in their order, is of: they are saved with the model, and no tensor has
/// them.
fn unviewed(entry: &Entry, views: &[Span]) -> Option<Component> {
    let first = views.partition_point(|span| span.start < entry.data.start);
    let spans = views.get(first..)?.iter().take_while(|span| span.start < entry.data.end());
    let (mut reached, mut viewed) = (entry.data.start, 0_u64);
    for span in spans {
        viewed = viewed.saturating_add(span.end().saturating_sub(reached.max(span.start)));
        reached = reached.max(span.end());
    }
    (viewed < entry.data.len).then(|| Component {
        kind: "storage",
        name: entry.name.clone(),
        place: entry.name.clone(),
        span: Some(entry.data),
        settings: vec![Field {
            path: "bytes of no tensor".to_owned(),
            value: entry.data.len.saturating_sub(viewed).to_string(),
            span: Some(entry.data),
        }],
        ..Component::default()
    })
}

/// Takes a small member that only records a number or a word, such as `version`, as a field. Anything
/// longer or else than that under such a name is a child.
fn record(input: Bytes<'_>, entry: &Entry, content: &mut Content) -> bool {
    const RECORDS: &[&str] = &[
        "version",
        "byteorder",
        ".data/version",
        ".data/serialization_id",
        ".format_version",
        ".storage_alignment",
    ];
    let name = entry.below_root();
    if !RECORDS.contains(&name) || entry.method != 0 || entry.data.len > 64 || entry.local_method.is_some() {
        return false;
    }
    let Some(bytes) = input.at_span(entry.data) else { return false };
    let value = std::str::from_utf8(bytes.as_slice()).unwrap_or("?").trim();
    let word = ["little", "big"].contains(&value);
    let number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if word || number {
        let (path, value) = (name.trim_start_matches('.').to_owned(), value.to_owned());
        content.fields.push(Field { path, value, span: Some(entry.data) });
    }
    word || number
}

#[cfg(test)]
mod tests;
