//! [`Header`]: one block that describes a member.

use wb_core::Bytes;

/// Everything in a tar archive is padded to blocks of this many bytes.
pub(crate) const BLOCK: usize = 512;

/// A member's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// Name, with the ustar prefix in front of it.
    pub name: String,
    /// Target of a link.
    pub link: String,
    /// The Unix mode.
    pub mode: u64,
    /// Length of the data, in bytes.
    pub size: u64,
    /// The type flag: `0` or NUL file, `1` hard link, `2` symbolic link, `5` folder, letters extensions.
    pub kind: u8,
    /// Whether the block is all zeros: the end of the archive.
    pub is_blank: bool,
    /// Whether the checksum is that of the block.
    pub checksum_holds: bool,
}

impl Header {
    /// The header at the start of `input`.
    pub(crate) fn read(input: Bytes<'_>) -> Option<Self> {
        let block = input.slice(0, BLOCK)?;
        let part = |at: usize, len: usize| block.slice(at, len).map(Bytes::as_slice);
        let bytes = block.as_slice();
        let sum = |sign: fn(u8) -> i64| {
            bytes.iter().enumerate().fold(0_i64, |sum, (at, byte)| {
                // The checksum itself counts as spaces.
                let byte = if (148..156).contains(&at) { b' ' } else { *byte };
                sum.saturating_add(sign(byte))
            })
        };
        let told = number(part(148, 8)?).and_then(|told| i64::try_from(told).ok());
        let is_blank = bytes.iter().all(|byte| *byte == 0);
        // Some old programs summed signed bytes.
        let checksum_holds = !is_blank
            && told.is_some()
            && (told == Some(sum(i64::from)) || told == Some(sum(|byte| i64::from(byte.cast_signed()))));
        let prefix = if part(257, 6)? == b"ustar\0" { text(part(345, 155)?) } else { String::new() };
        let name = text(part(0, 100)?);
        Some(Self {
            name: if prefix.is_empty() { name } else { format!("{prefix}/{name}") },
            link: text(part(157, 100)?),
            mode: number(part(100, 8)?).unwrap_or(0),
            size: number(part(124, 12)?).unwrap_or(0),
            kind: block.byte(156)?,
            is_blank,
            checksum_holds,
        })
    }

    /// Whether data follows: links, devices and folders have none, whatever their size says.
    pub(crate) const fn has_data(&self) -> bool {
        !matches!(self.kind, b'1'..=b'6')
    }
}

/// The text up to the first NUL.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// Octal digits, or GNU's base 256 when the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        return rest.iter().try_fold(u64::from(first & 0x7f), |number, byte| {
            number.checked_mul(256)?.checked_add(u64::from(*byte))
        });
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text, 8).ok()
}
