//! Where a picture or sound ends.

use wb_core::{Budget, Bytes, Cursor};

/// Chunks up to `IEND` (ISO/IEC 15948, clause 5.3); `visit` is given the kind and the data of each.
pub(super) fn png<'a>(
    input: Bytes<'a>,
    budget: &mut Budget,
    visit: &mut dyn FnMut([u8; 4], Bytes<'a>),
) -> Option<usize> {
    let mut cursor = input.cursor();
    cursor.seek(8);
    loop {
        budget.steps(1).ok()?;
        let len = u32::from_be_bytes(cursor.array()?);
        let kind: [u8; 4] = cursor.array()?;
        kind.iter().all(u8::is_ascii_alphabetic).then_some(())?;
        visit(kind, cursor.take_u64(u64::from(len))?);
        // The checksum.
        cursor.take(4)?;
        if &kind == b"IEND" {
            return Some(cursor.position());
        }
    }
}

/// Whether a block begins behind the header.
pub(super) fn gif_begins(input: Bytes<'_>) -> bool {
    let mut cursor = input.cursor();
    gif_header(&mut cursor).and_then(|()| cursor.u8()).is_some_and(|byte| matches!(byte, 0x21 | 0x2c | 0x3b))
}

/// The header and its table of colours (GIF89a, sections 17 to 19).
fn gif_header(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(10)?;
    let flags = cursor.u8()?;
    cursor.take(2)?;
    colours(cursor, flags)
}

fn colours(cursor: &mut Cursor<'_>, flags: u8) -> Option<()> {
    if flags & 0x80 != 0 {
        let len = 6_usize.checked_shl(u32::from(flags & 7))?;
        cursor.take(len)?;
    }
    Some(())
}

pub(super) fn gif(input: Bytes<'_>, budget: &mut Budget) -> Option<usize> {
    let mut cursor = input.cursor();
    gif_header(&mut cursor)?;
    loop {
        match cursor.u8()? {
            0x3b => return Some(cursor.position()),
            0x21 => {
                cursor.u8()?;
            }
            0x2c => {
                cursor.take(8)?;
                let flags = cursor.u8()?;
                colours(&mut cursor, flags)?;
                cursor.u8()?;
            }
            _ => return None,
        }
        loop {
            budget.steps(1).ok()?;
            let len = cursor.u8()?;
            cursor.take(usize::from(len))?;
            if len == 0 {
                break;
            }
        }
    }
}

/// Whether another segment follows the first.
pub(super) fn jpeg_begins(input: Bytes<'_>) -> bool {
    let len = input.array(4).map_or(0, u16::from_be_bytes);
    let next = input.byte(usize::from(len).saturating_add(4));
    len >= 2 && next == Some(0xff)
}

/// Segments up to the end of the image (ITU-T T.81, annex B).
pub(super) fn jpeg(input: Bytes<'_>, budget: &mut Budget) -> Option<usize> {
    let mut cursor = input.cursor();
    cursor.seek(2);
    loop {
        budget.steps(1).ok()?;
        (cursor.u8()? == 0xff).then_some(())?;
        let marker = cursor.u8()?;
        match marker {
            // Any number of these may stand before a marker.
            0xff => cursor.seek(cursor.position().checked_sub(1)?),
            0xd9 => return Some(cursor.position()),
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let len = u16::from_be_bytes(cursor.array()?);
                cursor.take(usize::from(len.checked_sub(2)?))?;
                if marker == 0xda {
                    scan(&mut cursor, budget)?;
                }
            }
        }
    }
}

/// Moves to the marker behind the data of a scan.
fn scan(cursor: &mut Cursor<'_>, budget: &mut Budget) -> Option<()> {
    loop {
        budget.steps(1).ok()?;
        cursor.take_until(0xff)?;
        if !matches!(cursor.u8()?, 0 | 0xd0..=0xd7) {
            cursor.seek(cursor.position().checked_sub(2)?);
            return Some(());
        }
    }
}

/// The length in the header, and a byte of padding.
pub(super) fn riff(input: Bytes<'_>) -> Option<usize> {
    let len = usize::try_from(input.u32_le(4)?).ok()?;
    let end = len.checked_add(8)?;
    let padded = end.checked_next_multiple_of(2)?;
    (end <= input.len()).then_some(padded.min(input.len()))
}
