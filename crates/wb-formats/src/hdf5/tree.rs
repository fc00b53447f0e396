//! [`Tree`]: groups, datasets and attributes of a file, walked so that damage in one place hides nothing
//! in another. Everything above this module knows HDF5 only by this type.

use super::attribute::{Attribute, attributes};
use super::chunks::Chunked;
use super::dataset::{self, Dataset};
use super::file::File;
use super::header::messages;
use super::heap::Heaps;
use super::link::{Link, Target, is_group, links};
use crate::notes::Notes;
use std::collections::BTreeMap;
use std::sync::Arc;
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span};

/// What an HDF5 file holds.
#[derive(Default)]
pub(crate) struct Tree {
    /// Every group and dataset that has attributes, the root (with an empty path) first.
    pub(crate) attributed: Vec<(String, Vec<Attribute>)>,
    /// Every dataset.
    pub(crate) datasets: Vec<Dataset>,
    /// What stands inside attributes that are more than strings and numbers.
    pub(crate) inner: Content,
    /// Links inside the file: path and target.
    pub(crate) links: Vec<Field>,
    /// What was odd and what was not read.
    pub(crate) notes: Notes,
    /// Superblock version.
    pub(crate) version: u8,
}

/// How deep groups may nest.
const MAX_DEPTH: usize = 64;

impl Tree {
    /// Reads all of `input`.
    pub(crate) fn read(input: Bytes<'_>, budget: &mut Budget) -> Self {
        let mut tree = Self::default();
        match File::open(input) {
            Ok(file) => {
                tree.version = file.version;
                tree.edges(input, &file);
                tree.walk(&file, budget);
            }
            Err(error) => {
                let span = Some(input.head(64).span());
                tree.notes.odd(OddityKind::Malformed, "superblock", span, error.clone());
                tree.notes.gap(Some(input.span()), format!("superblock not readable: {error}"));
            }
        }
        tree
    }

    /// Where the chunks of the datasets of `input` are, by path.
    pub(crate) fn chunks(input: Bytes<'_>, budget: &mut Budget) -> Vec<(String, Arc<Chunked>)> {
        let Ok(mut file) = File::open(input) else { return Vec::new() };
        file.with_chunks = true;
        let mut tree = Self::default();
        tree.walk(&file, budget);
        let named = |dataset: Dataset| Some((dataset.path, dataset.chunks?));
        tree.datasets.into_iter().filter_map(named).collect()
    }

    /// Reads only the attributes of the root group.
    pub(crate) fn root_attributes(input: Bytes<'_>, budget: &mut Budget) -> Vec<Attribute> {
        let Ok(file) = File::open(input) else { return Vec::new() };
        let notes = &mut Notes::default();
        let messages = messages(&file, file.root, "/", notes, budget);
        let told = (notes, &mut Content::default());
        attributes(&file, &mut Heaps::default(), &messages, "/", told, budget)
    }

    /// Bytes before the superblock, and behind the end that it names.
    fn edges(&mut self, input: Bytes<'_>, file: &File<'_>) {
        let block = input.head(usize::try_from(file.user_block).unwrap_or(usize::MAX));
        if block.as_slice().iter().any(|byte| *byte != 0) {
            let what = format!("{} bytes before the superblock", block.len());
            let span = Some(block.span());
            self.notes.odd(OddityKind::LeadingBytes, "user block", span, what);
        }
        let len = input.len() as u64;
        if file.end < len {
            let span = Span::new(file.end, len.saturating_sub(file.end));
            let what = format!("{} bytes behind the end that the superblock names", span.len);
            self.notes.odd(OddityKind::TrailingBytes, "end of file", Some(span), what);
        } else if file.end > len {
            let what = format!("the superblock names {} as the end, the file has {len}", file.end);
            self.notes.odd(OddityKind::Truncated, "end of file", None, what.clone());
            self.notes.gap(None, what);
        }
    }

    fn walk(&mut self, file: &File<'_>, budget: &mut Budget) {
        let mut heaps = Heaps::default();
        // Where each object that was read stands in the list of datasets, if it is one.
        let mut seen: BTreeMap<u64, Option<usize>> = BTreeMap::new();
        let mut pending = vec![(file.root, String::new(), 0_usize)];
        while let Some((address, path, depth)) = pending.pop() {
            if budget.items(1).is_err() || budget.steps(1).is_err() {
                self.notes.gap(None, "more objects than the budget allows");
                break;
            }
            if let Some(known) = seen.get(&address) {
                self.alias(*known, path);
                continue;
            }
            let place = format!("/{path}");
            let found = messages(file, address, &place, &mut self.notes, budget);
            let notes = &mut self.notes;
            let inner = &mut self.inner;
            let held = attributes(file, &mut heaps, &found, &place, (notes, inner), budget);
            if !held.is_empty() {
                self.attributed.push((path.clone(), held));
            }
            seen.insert(address, None);
            if !is_group(&found) {
                let notes = &mut self.notes;
                let dataset = dataset::read(file, &mut heaps, &found, &path, notes, budget);
                if let Some(dataset) = dataset {
                    seen.insert(address, Some(self.datasets.len()));
                    self.datasets.push(dataset);
                } else if !dataset::is_type(&found) {
                    self.notes.gap(None, format!("{place}: neither a group nor a dataset"));
                }
            } else if depth < MAX_DEPTH {
                let members = links(file, &found, &place, &mut self.notes, budget);
                self.members(&path, depth, members, &mut pending);
            } else {
                self.notes.gap(None, format!("{place}: groups nested too deeply"));
            }
        }
    }

    /// A second name of an object: a dataset is listed under it too, a group is not walked again.
    fn alias(&mut self, known: Option<usize>, path: String) {
        if let Some(dataset) = known.and_then(|index| self.datasets.get(index)) {
            let (texts, inner) = (Vec::new(), Content::default());
            let Dataset { dtype, shape, span, chunks, .. } = dataset;
            let (dtype, shape, chunks) = (dtype.clone(), shape.clone(), chunks.clone());
            self.datasets.push(Dataset { path, dtype, shape, span: *span, texts, inner, chunks });
        }
    }

    fn members(
        &mut self,
        path: &str,
        depth: usize,
        links: Vec<Link>,
        pending: &mut Vec<(u64, String, usize)>,
    ) {
        let first = pending.len();
        for link in links {
            let member = if path.is_empty() { link.name } else { format!("{path}/{}", link.name) };
            match link.target {
                Target::Object(address) => {
                    pending.push((address, member, depth.saturating_add(1)));
                }
                Target::Soft(target) => {
                    let value = format!("-> {target}");
                    self.links.push(Field { path: member, value, span: link.span });
                }
                Target::External { file, path } => {
                    let what = format!("link to `{path}` in the file `{file}`");
                    self.notes.odd(OddityKind::ExternalReference, &member, link.span, what);
                }
                Target::UserDefined(class) => {
                    let what = format!("link of the user-defined class {class}");
                    self.notes.odd(OddityKind::ExternalReference, &member, link.span, what);
                }
            }
        }
        if let Some(pushed) = pending.get_mut(first..) {
            pushed.reverse();
        }
    }
}
