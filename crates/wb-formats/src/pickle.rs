//! Python pickles as files: `.pkl`, `.joblib`, `.dill`, and PyTorch files without a zip around them.
//!
//! [`lifted`] turns what wb-code lifted into content: programs, tensors by name, and the files that are
//! handed to a second loader as bytes. [`object`] says when the unpickled object is no model.

mod object;

use crate::storage::{self, Disguised, disguised};
use crate::tensors::{self, Found};
use crate::{Family, Reader, Request, carve, names, plain_text};
use wb_code::pickle::{self, Detail, Lifted};
use wb_core::{
    Budget, Bytes, Child, ChildData, Constant, Content, Field, Oddity, OddityKind, OpKind, Program, Span, Strength,
    Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Python pickle: pickle, joblib, dill, cloudpickle",
    // torch.load and its users read plain pickles under the endings of PyTorch as well.
    endings: &[
        ".pkl", ".pickle", ".joblib", ".dill", ".p", ".sav", ".pt", ".pth", ".bin", ".ckpt", ".model",
    ],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How far behind the first byte a pickle is looked for.
const LEADING: usize = 4096;

/// A pickle from the first byte on; or one that does something behind a few other bytes, which a loader that
/// is given the place, or that skips a header, runs all the same.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let is_archive = input.starts_with(b"PK\x03\x04");
    if pickle::is_pickle(input) {
        // The mark of zip is a persistent id up to the next line, behind which a stored member may stand: an archive
        // with a pickle in it, unless nothing else knows the file.
        return Some(if is_archive { Strength::Weak } else { Strength::Strong });
    }
    // Members of an archive are read as its members.
    if is_archive {
        return None;
    }
    pickle::behind_bytes(input, LEADING).map(|_| Strength::Weak)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let outcome = pickle::lift(input, Trigger::Load, Detail::Effects, budget);
    let streams = outcome.streams.len();
    let found = lifted(input, outcome, &mut content, budget);
    content.tensors.extend(found.into_iter().map(storage::tensor));
    object::check(input, &mut content, streams, budget);
    behind(input, &mut content);
    let value = streams.to_string();
    content.fields.push(Field { path: "streams".to_owned(), value, span: None });
    names::tell_apart(&mut content.children);
    content
}

/// Adds what was lifted from `input` to `content`, and returns the tensors that its programs rebuild.
pub(crate) fn lifted(
    input: Bytes<'_>,
    lifted: Lifted,
    content: &mut Content,
    budget: &mut Budget,
) -> Vec<Found> {
    let mut found = Vec::new();
    for program in lifted.programs {
        let tensors = tensors::recover(&program);
        nested(input, &program, &tensors, content, budget);
        texts(&program, content, budget);
        found.extend(tensors);
        content.programs.push(program);
    }
    content.texts.extend(lifted.texts);
    content.oddities.extend(lifted.oddities);
    content.gaps.extend(lifted.gaps);
    found
}

/// Bytes that begin like a pickle, an archive or an executable become children: `torch.storage.
/// _load_from_bytes`, `pickle.loads` and `__setstate__` methods load such bytes a second time. The elements
/// of arrays are left alone; random numbers begin like anything.
fn nested(
    input: Bytes<'_>,
    program: &Program,
    tensors: &[Found],
    content: &mut Content,
    budget: &mut Budget,
) {
    const SHORTEST: usize = 8;
    const MOST: usize = 1_000;
    let mut arrays: Vec<Span> = tensors.iter().filter_map(|tensor| tensor.span).collect();
    arrays.sort_unstable();
    for op in &program.ops {
        let (span, bytes): (Span, Bytes<'_>) = match &op.kind {
            OpKind::Constant(Constant::Blob { span, .. }) => {
                let Some(bytes) = input.at_span(*span) else { continue };
                (*span, bytes)
            }
            OpKind::Constant(Constant::Bytes(bytes)) => {
                let len = bytes.len() as u64;
                let start = op.span.end().saturating_sub(len);
                (Span::new(start, len), Bytes::new(bytes))
            }
            _ => continue,
        };
        if bytes.len() < SHORTEST || arrays.binary_search(&span).is_ok() {
            continue;
        }
        let Some(found) = carve::hidden(bytes.as_slice(), content, budget) else { continue };
        let as_written = input.at_span(span).is_some_and(|found| found.as_slice() == bytes.as_slice());
        let data = match found.data {
            Ok(at) if as_written => {
                let at = at as u64;
                ChildData::Span(Span::new(span.start.saturating_add(at), span.len.saturating_sub(at)))
            }
            Ok(at) => ChildData::Owned(bytes.from(at).as_slice().to_vec()),
            Err(data) => ChildData::Owned(data),
        };
        let place = format!("bytes at op {}", op.number);
        if let Disguised::Executable(what) = found.kind {
            content.oddities.push(Oddity {
                kind: OddityKind::EmbeddedExecutable,
                place: place.clone(),
                span: Some(span),
                what: format!("the bytes are {what}"),
            });
        }
        let name = if found.how.is_empty() { place } else { format!("{place}, {}", found.how) };
        if content.children.len() < MOST {
            content.children.push(Child { name, data });
        }
    }
}

/// Text that is a pickle of protocol 0, or an archive or an executable in base64 or the like: an application
/// that decodes and loads it needs no call in this pickle.
fn texts(program: &Program, content: &mut Content, budget: &mut Budget) {
    const MOST: usize = 1_000;
    for op in &program.ops {
        if let OpKind::Constant(Constant::Text(text)) = &op.kind
            && content.children.len() < MOST
            && let Some(found) = carve::hidden(text.as_bytes(), content, budget)
        {
            let place = format!("text at op {}", op.number);
            let name = if found.how.is_empty() { place } else { format!("{place}, {}", found.how) };
            let data = match found.data {
                Ok(at) => text.as_bytes().get(at..).unwrap_or_default().to_vec(),
                Err(data) => data,
            };
            content.children.push(Child { name, data: ChildData::Owned(data) });
        }
    }
}

/// Bytes that belong to no stream: what is readable in them, and whether they are a file of their own.
fn behind(input: Bytes<'_>, content: &mut Content) {
    let stray: Vec<(Span, &str)> = content
        .oddities
        .iter()
        .filter_map(|oddity| match oddity.kind {
            OddityKind::TrailingBytes => Some((oddity.span?, "bytes after STOP")),
            OddityKind::LeadingBytes => Some((oddity.span?, "bytes before the pickle")),
            _ => None,
        })
        .collect();
    for (span, place) in stray {
        let Some(bytes) = input.at_span(span) else { continue };
        content.texts.extend(plain_text::strings(bytes, place));
        if disguised(bytes).is_some() {
            content.children.push(Child { name: place.to_owned(), data: ChildData::Span(span) });
        }
    }
}

#[cfg(test)]
mod tests;
