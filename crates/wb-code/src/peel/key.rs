//! Exclusive or with one byte, or with a short key that repeats: the key that makes code of noise.

use super::{Layer, codec, judge};
use wb_core::{Budget, Exhausted};

/// The shortest data that a key of one byte is told from, in bytes.
const SHORTEST: usize = 16;
/// How much of the data is tried with each key of one byte.
const SINGLE_SAMPLE: usize = 4096;
/// The longest key that is looked for, in bytes.
const LONGEST: usize = 16;
/// How much of the data is looked at for a longer key.
const SAMPLE: usize = 512;
/// How many bytes each byte of the key must have been used on: fewer fit by chance.
const FEWEST: usize = 8;
/// The steps that a search for a longer key takes at most where nothing is text.
const COST: u64 = 255 * LONGEST as u64;

/// The shortest key under which `data` is code.
pub(super) fn found(data: &[u8], budget: &mut Budget) -> Result<Option<Layer>, Exhausted> {
    let sample = u64::try_from(data.len().min(SINGLE_SAMPLE)).unwrap_or(0);
    budget.steps(sample.saturating_mul(255))?;
    if let Some(key) = single(data) {
        return Ok(Some(layer(&[key], codec::xor(data, &[key]))));
    }
    budget.steps(COST)?;
    Ok(repeated(data))
}

/// The one byte that makes code of `data`.
fn single(data: &[u8]) -> Option<u8> {
    let sample = data.get(..data.len().min(SINGLE_SAMPLE))?;
    if sample.len() < SHORTEST {
        return None;
    }
    (1..=u8::MAX).find(|key| {
        // A look at the first bytes rules out most keys.
        let mut first = sample.iter().take(SHORTEST);
        first.all(|byte| matches!(byte ^ key, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
            && judge::printable(&codec::xor(sample, &[*key])).is_some_and(judge::has_code)
    })
}

fn layer(key: &[u8], decoded: Vec<u8>) -> Layer {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    (format!("xor 0x{digits}"), decoded)
}

/// The shortest key of two bytes or more under which `data` is text with the structure of code.
fn repeated(data: &[u8]) -> Option<Layer> {
    let sample = data.get(..data.len().min(SAMPLE))?;
    for length in 2..=LONGEST {
        if sample.len() < length.saturating_mul(FEWEST) {
            break;
        }
        let key: Option<Vec<u8>> =
            (0..length).map(|column| likeliest(sample, column, length)).collect();
        let Some(key) = key else { continue };
        let decoded = codec::xor(data, &key);
        if judge::printable(&decoded).is_some_and(|text| is_varied(text) && judge::has_code(text)) {
            return Some(layer(&key, decoded));
        }
    }
    None
}

/// The byte under which every byte of a column is text, and most like what people write.
fn likeliest(sample: &[u8], column: usize, length: usize) -> Option<u8> {
    let bytes = || sample.iter().skip(column).step_by(length);
    let score = |key: u8| {
        bytes().try_fold(0_u32, |sum, byte| Some(sum.saturating_add(weight(byte ^ key)?)))
    };
    let scored = (0..=u8::MAX).filter_map(|key| Some((score(key)?, key)));
    scored.max_by_key(|(score, key)| (*score, std::cmp::Reverse(*key))).map(|(_, key)| key)
}

/// How much a byte is like source text; `None` when it is no text.
fn weight(byte: u8) -> Option<u32> {
    Some(match byte {
        b' ' | b'e' | b't' => 14,
        b'o' | b's' | b'r' | b'i' | b'n' | b'a' => 11,
        b'a'..=b'z' => 8,
        b'\n' | b'.' | b'(' | b')' | b'\'' | b'"' | b'=' | b'_' | b'/' | b',' => 6,
        b'0'..=b'9' => 5,
        b'A'..=b'Z' | b':' | b'-' | b'[' | b']' => 4,
        b'\t' | b'\r' | 0x21..=0x7e => 1,
        _ => return None,
    })
}

/// Whether text has as many different letters as anything that means something.
fn is_varied(text: &str) -> bool {
    let letters: std::collections::BTreeSet<char> = text.chars().take(SAMPLE).collect();
    letters.len() >= 8
}
