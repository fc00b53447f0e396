//! FlatBuffers ("Internals" in their documentation).

use crate::tree::{Fields, Value, parse};

/// A buffer with the identifier that `text` begins with, and a root table of the slots that follow. Numbers without a
/// size have four bytes; lists are of numbers, texts or tables; bytes are lists of single bytes.
///
/// # Errors
/// What is wrong with the text.
pub fn flatbuffer(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim_start();
    let (identifier, slots) = text.split_at_checked(4).ok_or("an identifier has four letters")?;
    let mut out = vec![0; 4];
    out.extend(identifier.trim().as_bytes());
    let root = table(&mut out, &parse(slots)?)?;
    patch(&mut out, 0, root);
    Ok(out)
}

/// Writes the way from `at` to what it leads to.
fn patch(out: &mut [u8], at: usize, target: usize) {
    out[at..at + 4].copy_from_slice(&((target - at) as u32).to_le_bytes());
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

/// Writes a table, each slot in eight bytes, and what its slots lead to behind it.
fn table(out: &mut Vec<u8>, slots: &Fields) -> Result<usize, String> {
    align(out, 8);
    let count =
        slots.iter().filter_map(|(slot, _)| *slot).max().map_or(0, |slot| slot as usize + 1);
    let list = out.len();
    out.resize(list + 4 + 2 * count, 0);
    align(out, 8);
    let at = out.len();
    let size = 8 + 8 * slots.len();
    out.resize(at + size, 0);
    out[at..at + 4].copy_from_slice(&((at - list) as i32).to_le_bytes());
    let half = |value: usize| (value as u16).to_le_bytes();
    out[list..list + 2].copy_from_slice(&half(4 + 2 * count));
    out[list + 2..list + 4].copy_from_slice(&half(size));
    for (index, (slot, value)) in slots.iter().enumerate() {
        let slot = slot.ok_or("bytes without a slot")? as usize;
        let offset = 8 + 8 * index;
        out[list + 4 + 2 * slot..][..2].copy_from_slice(&half(offset));
        write(out, at + offset, value)?;
    }
    Ok(at)
}

/// Writes `value` at `at`, or behind everything, and the way there at `at`.
fn write(out: &mut Vec<u8>, at: usize, value: &Value) -> Result<(), String> {
    let target = match value {
        Value::Number(number) => {
            out[at..at + 4].copy_from_slice(&(*number as u32).to_le_bytes());
            return Ok(());
        }
        Value::Fixed(bytes) => {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            return Ok(());
        }
        Value::Text(text) => {
            let target = counted(out, text.len(), 4);
            out.extend(text.as_bytes());
            out.push(0);
            target
        }
        Value::Bytes(bytes) => {
            let target = counted(out, bytes.len(), 16);
            out.extend(bytes);
            target
        }
        Value::Fields(slots) => table(out, slots)?,
        Value::List(values) => vector(out, values)?,
        Value::Group(_) => return Err("FlatBuffers have no groups".to_owned()),
    };
    patch(out, at, target);
    Ok(())
}

fn vector(out: &mut Vec<u8>, values: &[Value]) -> Result<usize, String> {
    let size = match values.first() {
        Some(Value::Fixed(bytes)) => bytes.len(),
        _ => 4,
    };
    let target = counted(out, values.len(), size.max(4));
    let first = out.len();
    out.resize(first + size * values.len(), 0);
    for (index, value) in values.iter().enumerate() {
        write(out, first + size * index, value)?;
    }
    Ok(target)
}

/// Begins a list of `len` elements, the first of which stands at a multiple of `to`.
fn counted(out: &mut Vec<u8>, len: usize, to: usize) -> usize {
    while !(out.len() + 4).is_multiple_of(to) {
        out.push(0);
    }
    let at = out.len();
    out.extend((len as u32).to_le_bytes());
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_lead_to_their_values() {
        let bytes = flatbuffer("TEST 0 7  2 \"hi\"").expect("a sound recipe");
        let word = |at: usize| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let root = word(0);
        let list = root - word(root);
        let slot = |slot: usize| {
            usize::from(u16::from_le_bytes([
                bytes[list + 4 + 2 * slot],
                bytes[list + 5 + 2 * slot],
            ]))
        };
        assert_eq!((&bytes[4..8], word(root + slot(0)), slot(1)), (&b"TEST"[..], 7, 0));
        let text = root + slot(2) + word(root + slot(2));
        assert_eq!((word(text), &bytes[text + 4..text + 7]), (2, &b"hi\0"[..]));
        assert!(flatbuffer("TES").is_err());
    }
}
