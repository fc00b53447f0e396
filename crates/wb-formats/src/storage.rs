//! Tensor storages: placing a tensor in the bytes of its storage, and storages that are something else.

use crate::tensors::{Found, Storage};
use wb_core::{Bytes, Content, Oddity, OddityKind, Span, Strides, Tensor};

/// The bytes that hold a storage.
pub(crate) struct Placed<'a> {
    /// The member's name, or the storage's key.
    pub place: &'a str,
    /// The bytes as they lie in the artifact.
    pub span: Span,
    /// Their length when decoded, in bytes.
    pub len: u64,
}

/// What a storage turns out to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disguised {
    /// A pickle.
    Pickle,
    /// An archive or compressed stream; which.
    Archive(&'static str),
    /// An executable; which.
    Executable(&'static str),
}

impl Disguised {
    /// The name in an oddity.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pickle => "a pickle",
            Self::Archive(name) | Self::Executable(name) => name,
        }
    }

    /// The oddity it is.
    pub(crate) const fn oddity(self) -> OddityKind {
        match self {
            Self::Executable(_) => OddityKind::EmbeddedExecutable,
            Self::Pickle | Self::Archive(_) => OddityKind::Polyglot,
        }
    }
}

/// Gives `tensor` its span in the storage, and says whether the storage is as long as the pickle says and
/// the tensor lies inside it. A lie here is how a restricted unpickler is led out of bounds
/// (CVE-2026-24747).
pub(crate) fn place(
    tensor: &mut Found,
    held: &Placed<'_>,
    stored: bool,
    content: &mut Content,
) -> bool {
    let Some(storage) = &tensor.storage else { return false };
    let Some(element) = storage.element_len else {
        tensor.span = stored.then_some(held.span);
        return true;
    };
    let mut fits = true;
    let mut odd = |what: String| {
        const MOST: usize = 2_000;
        fits = false;
        if content.oddities.len() >= MOST {
            return;
        }
        let place = held.place.to_owned();
        let kind = OddityKind::Disagreement;
        content.oddities.push(Oddity { kind, place, span: Some(held.span), what });
    };
    // An untyped storage counts bytes, a typed one elements.
    let lengths = [Some(storage.elements), storage.elements.checked_mul(element)];
    if !lengths.contains(&Some(held.len)) {
        odd(format!(
            "the pickle says {} elements of {element} bytes, the storage has {} bytes",
            storage.elements, held.len
        ));
    }
    let last = reach(&tensor.shape, storage);
    if last.and_then(|last| last.checked_mul(element)).is_none_or(|end| end > held.len) {
        odd(format!("tensor `{}` reaches past the end of its storage", tensor.name));
    }
    let placed = view(&tensor.shape, storage, element, held.span);
    tensor.strides = placed.is_none().then(|| strides(&tensor.shape, storage)).flatten();
    tensor.span = stored.then_some(placed.unwrap_or(Some(held.span))).flatten();
    fits
}

/// One past the last element that a view touches; `None` when that overflows.
fn reach(shape: &[u64], storage: &Storage) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    let mut last = storage.offset;
    for (size, stride) in shape.iter().zip(&storage.strides) {
        last = last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)?;
    }
    last.checked_add(1)
}

/// The bytes of a view whose elements lie row by row, when they are in the storage, whose bytes are `span`. `None`
/// when they do not lie so: such a view is one of the whole storage.
fn view(shape: &[u64], storage: &Storage, element: u64, span: Span) -> Option<Option<Span>> {
    let mut expected = Some(1_u64);
    for (size, stride) in shape.iter().zip(&storage.strides).rev() {
        if *size != 1 && Some(*stride) != expected {
            return expected.is_none().then_some(None);
        }
        expected = expected.and_then(|expected| expected.checked_mul(*size));
    }
    let within = || {
        let start = span.start.checked_add(storage.offset.checked_mul(element)?)?;
        let len = expected?.checked_mul(element)?;
        let inside = start.checked_add(len)? <= span.end();
        inside.then(|| Span::new(start, len))
    };
    Some(within())
}

/// How the elements of a view lie in its storage; `None` when its strides are not as many as its axes.
fn strides(shape: &[u64], storage: &Storage) -> Option<Strides> {
    let each = shape.len() == storage.strides.len();
    each.then(|| Strides { first: storage.offset, steps: storage.strides.clone() })
}

/// The tensor as wb-core has it.
pub(crate) fn tensor(found: Found) -> Tensor {
    let Found { name, dtype, shape, span, strides, .. } = found;
    Tensor { name, dtype, shape, span, strides }
}

/// What `head` begins with, when that is nothing numbers begin with. Only structures that random bytes do
/// not have are taken: weights contain every two-byte magic number somewhere.
pub(crate) fn disguised(bytes: Bytes<'_>) -> Option<Disguised> {
    let archives: [(&[u8], &'static str); 4] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\xfd7zXZ\x00", "an xz stream"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "a gzip stream"),
    ];
    let archive = archives.into_iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, name)) = archive {
        return Some(Disguised::Archive(name));
    }
    if let Some(name) = executable(bytes) {
        return Some(Disguised::Executable(name));
    }
    let protocol = bytes.byte(1).filter(|_| bytes.byte(0) == Some(0x80));
    let binary = protocol.is_some_and(|protocol| (2..=5).contains(&protocol));
    let textual = global(bytes);
    ((binary || textual) && wb_code::pickle::is_pickle(bytes)).then_some(Disguised::Pickle)
}

/// Whether a protocol 0 pickle begins here with a GLOBAL or INST of plausible names.
fn global(bytes: Bytes<'_>) -> bool {
    let head = bytes.head(256);
    let at = usize::from(head.byte(0) == Some(b'('));
    if !matches!(head.byte(at), Some(b'c' | b'i')) {
        return false;
    }
    let mut cursor = head.from(at.saturating_add(1)).cursor();
    let mut name = || {
        let line = cursor.take_until(b'\n')?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        (!line.is_empty() && line.as_slice().iter().all(plain)).then_some(())
    };
    name().is_some() && name().is_some()
}

/// The executable that `bytes` begins with, by its structure and not only by its magic number.
pub(crate) fn executable(bytes: Bytes<'_>) -> Option<&'static str> {
    if bytes.starts_with(b"\x7fELF") {
        // Class 32 or 64, either byte order, version 1 (System V ABI, chapter 4).
        let ident = bytes.array::<3>(4)?;
        return matches!(ident, [1 | 2, 1 | 2, 1]).then_some("an ELF executable");
    }
    if bytes.starts_with(b"MZ") {
        let header = usize::try_from(bytes.u32_le(0x3c)?).ok()?;
        return bytes.from(header).starts_with(b"PE\0\0").then_some("a Windows executable");
    }
    let mach = [0xfeed_face_u32, 0xfeed_facf, 0xcefa_edfe, 0xcffa_edfe];
    if bytes.u32_be(0).is_some_and(|magic| mach.contains(&magic)) {
        return bytes.array::<8>(8).map(|_| "a Mach-O executable");
    }
    // The system splits such a line into an absolute path and one argument.
    let line = bytes.head(128);
    if line.starts_with(b"#!/") {
        let end = line.find_byte(b'\n')?;
        let plain = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\r');
        return line.head(end).as_slice().iter().all(plain).then_some("a script");
    }
    None
}
