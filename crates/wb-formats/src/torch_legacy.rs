//! PyTorch files before 1.6, which `torch.save` still writes when asked: five pickles one behind another
//! (magic number, protocol, system information, the object, the keys of its storages), then the bytes of
//! the storages in the order of the keys.
//!
//! Source: `torch/serialization.py`, `_legacy_save` and `_legacy_load`. The magic number is never needed to
//! read such a file as a pickle; here it only promises what follows the pickles.

use crate::pickle::lifted;
use crate::storage::{self, Placed};
use crate::tensors::Found;
use crate::{Family, Reader, Request, names, plain_text};
use std::collections::BTreeMap;
use wb_code::pickle::{self, Detail};
use wb_core::{
    Budget, Bytes, Child, ChildData, Constant, Content, Cursor, Gap, Oddity, OddityKind, OpKind, Program, Span,
    Strength, Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "PyTorch model before 1.6: pickles, then storages",
    endings: &[".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".pkl"],
    family: Family::Model,
    refines: &["pickle"],
    identify,
    parse,
    named: None,
};

/// `0x1950a86a20f9469cfc6c` as LONG1 writes it.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
/// Pickles before the storages.
const PICKLES: usize = 5;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    // PROTO, possibly a FRAME, then the number.
    let magic = |at: usize| input.from(at).starts_with(MAGIC);
    (input.byte(0) == Some(0x80) && (magic(2) || magic(11))).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let outcome = pickle::lift_first(input, PICKLES, Trigger::Load, Detail::Effects, budget);
    let streams = outcome.streams.clone();
    let end = streams.iter().map(|span| span.end()).max().unwrap_or(input.offset());
    let found = lifted(input, outcome, &mut content, budget);
    let behind = input.from(usize::try_from(end.saturating_sub(input.offset())).unwrap_or(usize::MAX));
    if streams.len() < PICKLES {
        let what = format!("the file ends after {} of its {PICKLES} pickles", streams.len());
        content.gaps.push(Gap::over(behind.span(), what.clone()));
        content.oddities.push(Oddity {
            kind: OddityKind::Truncated,
            place: "pickles".to_owned(),
            span: Some(behind.span()),
            what,
        });
        rest(behind, &mut content);
        content.tensors.extend(found.into_iter().map(storage::tensor));
        return content;
    }
    // The list of keys does nothing, so that it is lifted only when asked for in full.
    let keys = streams.get(PICKLES.saturating_sub(1)).and_then(|span| {
        let list = input.at_span(*span)?;
        let full = pickle::lift_first(list, 1, Trigger::Load, Detail::Full, budget);
        keys_of(full.programs.first()?)
    });
    let held = storages(behind, &keys.unwrap_or_default(), &found, &mut content);
    for mut tensor in found {
        place(&mut tensor, &held, &mut content);
        content.tensors.push(storage::tensor(tensor));
    }
    names::tell_apart(&mut content.children);
    content
}

/// The texts of the list that the last pickle holds.
fn keys_of(program: &Program) -> Option<Vec<String>> {
    let keys = program.ops.iter().filter_map(|op| match &op.kind {
        OpKind::Constant(Constant::Text(key)) => Some(key.clone()),
        _ => None,
    });
    Some(keys.collect())
}

/// Where each storage lies: eight bytes with the number of its elements, then the elements. What follows
/// the last one is no part of the model.
fn storages(
    behind: Bytes<'_>,
    keys: &[String],
    found: &[Found],
    content: &mut Content,
) -> BTreeMap<String, Span> {
    let lengths: BTreeMap<&str, u64> = found
        .iter()
        .filter_map(|tensor| {
            let storage = tensor.storage.as_ref()?;
            Some((storage.key.as_str(), storage.element_len?))
        })
        .collect();
    let mut held = BTreeMap::new();
    let mut cursor = behind.cursor();
    for key in keys {
        let Some(span) = lengths.get(key.as_str()).and_then(|len| one(&mut cursor, *len)) else {
            content.oddities.push(Oddity {
                kind: OddityKind::Truncated,
                place: format!("storage {key}"),
                span: Some(cursor.rest().span()),
                what: format!("the storage `{key}` cannot be found behind the pickles"),
            });
            break;
        };
        held.insert(key.clone(), span);
    }
    rest(cursor.rest(), content);
    held
}

fn one(cursor: &mut Cursor<'_>, element_len: u64) -> Option<Span> {
    let count = cursor.u64_le()?;
    cursor.take_u64(count.checked_mul(element_len)?).map(Bytes::span)
}

/// Bytes behind everything that the format owns: a text, a child when they are something.
fn rest(bytes: Bytes<'_>, content: &mut Content) {
    if bytes.is_empty() {
        return;
    }
    let place = "bytes after the storages";
    content.oddities.push(Oddity {
        kind: OddityKind::TrailingBytes,
        place: place.to_owned(),
        span: Some(bytes.span()),
        what: format!("{} bytes follow the model", bytes.len()),
    });
    content.texts.extend(plain_text::strings(bytes, place));
    content.children.push(Child { name: place.to_owned(), data: ChildData::Span(bytes.span()) });
}

fn place(tensor: &mut Found, held: &BTreeMap<String, Span>, content: &mut Content) {
    let Some(storage) = &tensor.storage else { return };
    let key = storage.key.clone();
    let Some(span) = held.get(&key) else { return };
    let label = format!("storage {key}");
    let placed = Placed { place: &label, span: *span, len: span.len };
    storage::place(tensor, &placed, true, content);
}

#[cfg(test)]
mod tests;
