//! Line numbers of bytecode: [`line_starts`].

use super::{CodeObject, Version};

/// Offsets at which a source line begins, as `dis.findlinestarts` gives them: `None` for bytecode without
/// a line, from 3.13 on.
pub(super) fn line_starts(code: &CodeObject) -> Vec<(usize, Option<i64>)> {
    if code.version < Version::three(10) {
        return from_lnotab(code);
    }
    let ranges = if code.version == Version::three(10) {
        from_line_table(code)
    } else {
        from_locations(code)
    };
    let keeps_none = code.version >= Version::three(13);
    let mut starts: Vec<(usize, Option<i64>)> = Vec::new();
    for (start, line) in ranges {
        let last = starts.last().map(|(_, line)| *line);
        if (line.is_some() || keeps_none) && last != Some(line) {
            starts.push((start, line));
        }
    }
    starts
}

/// `co_lnotab`: pairs of increments of address and line. `Objects/lnotab_notes.txt`.
fn from_lnotab(code: &CodeObject) -> Vec<(usize, Option<i64>)> {
    let mut starts = Vec::new();
    let (mut address, mut line, mut last) = (0_usize, code.first_line, None);
    for pair in code.line_table.chunks_exact(2) {
        let &[bytes, lines] = pair else { continue };
        if bytes > 0 {
            if last != Some(line) {
                starts.push((address, Some(line)));
                last = Some(line);
            }
            address = address.saturating_add(bytes.into());
        }
        let signed = code.version >= Version::three(6);
        let delta = if signed { i64::from(lines.cast_signed()) } else { i64::from(lines) };
        line = line.saturating_add(delta);
    }
    if last != Some(line) {
        starts.push((address, Some(line)));
    }
    starts
}

/// `co_linetable` of 3.10: pairs of length and line increment; -128 for no line.
fn from_line_table(code: &CodeObject) -> Vec<(usize, Option<i64>)> {
    let mut ranges = Vec::new();
    let (mut start, mut line) = (0_usize, code.first_line);
    for pair in code.line_table.chunks_exact(2) {
        let &[length, delta] = pair else { continue };
        let delta = delta.cast_signed();
        if delta != i8::MIN {
            line = line.saturating_add(delta.into());
        }
        if length > 0 {
            ranges.push((start, (delta != i8::MIN).then_some(line)));
        }
        start = start.saturating_add(length.into());
    }
    ranges
}

/// `co_linetable` from 3.11 on. `Objects/locations.md`.
fn from_locations(code: &CodeObject) -> Vec<(usize, Option<i64>)> {
    let mut ranges = Vec::new();
    let mut bytes = code.line_table.iter().copied().peekable();
    let (mut start, mut line) = (0_usize, code.first_line);
    while let Some(first) = bytes.next() {
        let kind = first >> 3 & 15;
        let delta = match kind {
            13 | 14 => signed_varint(&mut bytes),
            10..=12 => i64::from(kind).saturating_sub(10),
            _ => 0,
        };
        line = line.saturating_add(delta);
        ranges.push((start, (kind != 15).then_some(line)));
        let units = usize::from(first & 7).saturating_add(1);
        start = start.saturating_add(units.saturating_mul(2));
        // Columns follow; the first byte of an entry alone has its highest bit set.
        while bytes.next_if(|byte| byte & 0x80 == 0).is_some() {}
    }
    ranges
}

/// Six bits per byte, the least significant first; the lowest bit of the whole is the sign.
fn signed_varint(bytes: &mut impl Iterator<Item = u8>) -> i64 {
    let (mut value, mut shift) = (0_i64, 0_u32);
    for byte in bytes.take(6) {
        value |= i64::from(byte & 0x3f).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(6);
        if byte & 0x40 == 0 {
            break;
        }
    }
    if value & 1 == 1 { (value >> 1).saturating_neg() } else { value >> 1 }
}
