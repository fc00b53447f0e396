//! `.pyc` files: [`read_pyc`].

use super::{CodeObject, NotCode, Version, read_marshal};
use wb_core::{Budget, Bytes};

/// A `.pyc` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Pyc {
    /// The version its magic number stands for; `None` for a number that no release of CPython has.
    pub version: Option<Version>,
    /// The magic number, as `importlib` counts it: the first two bytes, little-endian.
    pub magic: u16,
    /// Modification time of the source in seconds since 1970, unless the file is checked by hash (PEP 552).
    pub source_time: Option<u32>,
    /// Size of the source in bytes, from 3.3 on, unless the file is checked by hash.
    pub source_size: Option<u32>,
    /// The module's code.
    pub code: CodeObject,
}

/// The first magic number of each version's development, from the list in
/// `Lib/importlib/_bootstrap_external.py` (3.14: `Include/internal/pycore_magic_number.h`). Numbers of
/// version 2 are in the 62000s.
const MAGIC: [(u16, Version); 17] = [
    (3000, Version::three(0)),
    (3132, Version::three(1)),
    (3152, Version::three(2)),
    (3181, Version::three(3)),
    (3231, Version::three(4)),
    (3311, Version::three(5)),
    (3360, Version::three(6)),
    (3390, Version::three(7)),
    (3400, Version::three(8)),
    (3420, Version::three(9)),
    (3430, Version::three(10)),
    (3450, Version::three(11)),
    (3500, Version::three(12)),
    (3550, Version::three(13)),
    (3600, Version::three(14)),
    (3650, Version::three(15)),
    (3700, Version::three(16)),
];

/// Whether `input` begins with a magic number of a supported version.
pub(super) fn version_of(magic: u16) -> Option<Version> {
    if (62161..=62211).contains(&magic) {
        return Some(Version::TWO);
    }
    let index = MAGIC.partition_point(|(first, _)| *first <= magic).checked_sub(1)?;
    MAGIC.get(index).map(|(_, version)| *version).filter(|version| *version < Version::three(15))
}

/// Whether `input` begins as a `.pyc` file of a supported version does.
pub fn is_pyc(input: Bytes<'_>) -> bool {
    let ends = input.byte(2) == Some(b'\r') && input.byte(3) == Some(b'\n');
    ends && input.u16_le(0).is_some_and(|magic| version_of(magic).is_some())
}

/// Reads a `.pyc` file: magic number, then 4 bytes of time (until 3.2), 8 of time and size (3.3 to 3.6), or
/// flags and 8 of time and size or of hash (from 3.7 on, PEP 552), then the marshalled module.
///
/// # Errors
/// [`NotCode`] when there is no magic number or no code object follows.
pub fn read_pyc(input: Bytes<'_>, budget: &mut Budget) -> Result<Pyc, NotCode> {
    let short = || NotCode("shorter than the header of a `.pyc` file".to_owned());
    let magic = input.u16_le(0).ok_or_else(short)?;
    if input.slice(2, 2).map(Bytes::as_slice) != Some(b"\r\n") {
        return Err(NotCode("no magic number of a `.pyc` file".to_owned()));
    }
    let version = version_of(magic);
    let (header, time) = match version {
        Some(version) if version < Version::three(3) => (8, Some(4)),
        Some(version) if version < Version::three(7) => (12, Some(4)),
        _ if input.u32_le(4) == Some(0) => (16, Some(8)),
        _ => (16, None),
    };
    let sized = version.is_none_or(|version| version >= Version::three(3));
    let code = read_marshal(input.from(header), version, budget)?;
    Ok(Pyc {
        version,
        magic,
        source_time: time.and_then(|at| input.u32_le(at)),
        source_size: time
            .filter(|_| sized)
            .and_then(|at| at.checked_add(4))
            .and_then(|at| input.u32_le(at)),
        code,
    })
}
