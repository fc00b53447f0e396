//! Core ML weights (`weights/weight.bin` of an `.mlpackage`): blobs that the program of the model names by
//! their offset.
//!
//! Specification: `MILBlob/Blob/StorageFormat.hpp` of `apple/coremltools`, version 2.

use crate::notes::Notes;
use crate::{Family, Reader, Request, extents};
use wb_core::{Budget, Bytes, Content, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "Core ML weights",
    endings: &[],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// What every record begins with.
const SENTINEL: u32 = 0xdead_beef;
/// Size of the header, of a record, and what everything is aligned to.
const UNIT: u64 = 64;

/// Element types by number (`BlobDataType`) and their size in bits; 0 where it is not known.
fn dtype(number: u32) -> (&'static str, u64) {
    match number {
        1 => ("F16", 16),
        2 => ("F32", 32),
        3 => ("U8", 8),
        4 => ("I8", 8),
        5 => ("BF16", 16),
        6 => ("I16", 16),
        7 => ("U16", 16),
        8 => ("I4", 4),
        9 => ("U1", 1),
        10 => ("U2", 2),
        11 => ("U4", 4),
        12 => ("U3", 3),
        13 => ("U6", 6),
        14 => ("I32", 32),
        15 => ("U32", 32),
        _ => ("unknown", 0),
    }
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let known = input.u32_le(0)? > 0 && input.u32_le(4)? == 2 && input.u32_le(64)? == SENTINEL;
    let zeros = input.slice(8, 56)?.as_slice().iter().all(|byte| *byte == 0);
    (known && zeros).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut owned = Vec::new();
    let mut at = UNIT;
    for index in 0..input.u32_le(0).unwrap_or(0) {
        let rest = Span::new(at, (input.len() as u64).saturating_sub(at));
        if budget.items(1).is_err() {
            notes.gap(Some(rest), "the budget of items ran out");
            break;
        }
        let place = format!("blob {index}");
        let Some((record, tensor, data)) = blob(input, at, &place) else {
            let what = "no record begins here, or its data lies outside of the file";
            notes.odd(OddityKind::Malformed, &place, Some(rest), what);
            notes.gap(Some(rest), what);
            break;
        };
        owned.extend([(record, "a record"), (data, "a blob")]);
        content.tensors.push(tensor);
        // Padding that reaches past the end of the file is not an error of the last blob.
        at = data.end().checked_next_multiple_of(UNIT).unwrap_or(u64::MAX);
    }
    let area = Span::new(UNIT, (input.len() as u64).saturating_sub(UNIT));
    // What lies behind a record that cannot be read is a gap already.
    if notes.gaps.is_empty() {
        extents::check(input, area, &mut owned, UNIT, &mut notes.oddities);
    }
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// The record at `at`, and the bytes it speaks of.
fn blob(input: Bytes<'_>, at: u64, place: &str) -> Option<(Span, Tensor, Span)> {
    let record = Span::new(at, UNIT);
    let bytes = input.at_span(record)?;
    (bytes.u32_le(0)? == SENTINEL).then_some(())?;
    let (name, bits) = dtype(bytes.u32_le(4)?);
    let (size, start) = (bytes.u64_le(8)?, bytes.u64_le(16)?);
    (start >= record.end() && size <= input.len() as u64).then_some(())?;
    let data = Span::new(start, size);
    input.at_span(data)?;
    let elements = size.checked_mul(8)?.checked_div(bits).unwrap_or(size);
    let (name, dtype) = (place.to_owned(), name.to_owned());
    Some((record, Tensor { name, dtype, shape: vec![elements], span: Some(data), strides: None }, data))
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, has, parse, survive};
    use wb_core::OddityKind;

    /// Weights of one blob.
    fn weights(dtype: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [[1_u32, 2].map(u32::to_le_bytes).concat(), vec![0; 56]].concat();
        bytes.extend([0xdead_beef, dtype].map(u32::to_le_bytes).concat());
        bytes.extend([data.len() as u64, 128].map(u64::to_le_bytes).concat());
        bytes.resize(128, 0);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn blobs_are_listed() {
        let bytes = weights(2, &[1; 16]);
        assert_eq!(claims(&bytes), "core-ml-weights");
        let content = parse("core-ml-weights", &bytes);
        assert_eq!((&*content.tensors[0].dtype, &content.tensors[0].shape[..]), ("F32", &[4][..]));
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }

    #[test]
    fn what_lies_behind_and_in_blobs_is_told() {
        let pickle = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
        let bytes = weights(3, pickle);
        assert_eq!(children(&bytes, &parse("core-ml-weights", &bytes))[0].1, pickle);
        let bytes = [weights(2, &[0; 64]), pickle.to_vec()].concat();
        let content = parse("core-ml-weights", &bytes);
        assert!(has(&content, OddityKind::TrailingBytes));
        assert_eq!(children(&bytes, &content)[0].1, pickle);
    }

    #[test]
    fn a_blob_outside_of_the_file_is_told() {
        let bytes = weights(2, &[0; 64]);
        let content = parse("core-ml-weights", &bytes[..150]);
        assert!(has(&content, OddityKind::Malformed) && !content.gaps.is_empty());
    }

    #[test]
    fn damage_is_survived() {
        survive("core-ml-weights", &weights(2, &[0; 64]));
    }
}
