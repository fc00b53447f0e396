//! [`Order`]: numbers in the byte order of the machine that wrote a file.

use wb_core::Bytes;

/// The order of bytes in the numbers of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl Order {
    /// Both of them.
    pub(crate) const BOTH: [Self; 2] = [Self::Little, Self::Big];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Little => "little endian",
            Self::Big => "big endian",
        }
    }

    /// The number of two bytes at `at`.
    pub(crate) fn u16(self, bytes: Bytes<'_>, at: usize) -> Option<u16> {
        let raw = bytes.array(at)?;
        Some(match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        })
    }

    /// The number of four bytes at `at`.
    pub(crate) fn u32(self, bytes: Bytes<'_>, at: usize) -> Option<u32> {
        match self {
            Self::Little => bytes.u32_le(at),
            Self::Big => bytes.u32_be(at),
        }
    }

    /// The number of eight bytes at `at`.
    pub(crate) fn u64(self, bytes: Bytes<'_>, at: usize) -> Option<u64> {
        let raw = bytes.array(at)?;
        Some(match self {
            Self::Little => u64::from_le_bytes(raw),
            Self::Big => u64::from_be_bytes(raw),
        })
    }
}
