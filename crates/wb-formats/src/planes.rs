//! Files in the low bits of weights, where a model hardly notices them: [`file`]; and tensors that hold no
//! number: [`not_numbers`].
//!
//! Only the beginning of a tensor is looked at, so that the work does not grow with the weights: a file that begins
//! anywhere else in them is not seen.
//!
//! Sources: Wang et al., "EvilModel" (2021) and "EvilModel 2.0" (2022), whole low bytes of each number; HiddenLayer,
//! "Weaponizing Machine Learning Models with Ransomware" (2022), one to eight low bits, three when nobody says otherwise,
//! behind a length and a digest.

use crate::storage::{Disguised, disguised};
use wb_core::Bytes;

/// Elements at the beginning of a tensor that are asked whether they are numbers.
const ASKED: usize = 4_096;
/// A tensor of fewer elements may be anything, and hides nothing.
const FEWEST: usize = 64;
/// Bytes that are taken to see whether a file begins there.
const HEAD: usize = 1_024;
/// A length may stand before the file, in so many bytes.
const BEFORE: usize = 16;
/// Where a file begins behind a SHA-256, as bytes and in hexadecimal digits, and behind a length of four bytes and one.
const BEHIND_DIGEST: [usize; 4] = [32, 36, 64, 68];
/// Bytes that are looked at to see where a file may begin.
const GLANCE: usize = 80;
/// Bytes of a file that are taken out.
const LONGEST: usize = 64 << 20;

/// Floating-point numbers, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Float {
    /// Bytes of one number.
    len: usize,
    /// Bits of its exponent, which stands below the sign.
    exponent: u32,
}

impl Float {
    /// The numbers of that type, whatever library names it.
    fn of(dtype: &str) -> Option<Self> {
        let (len, exponent) = match dtype.to_ascii_lowercase().as_str() {
            "f32" | "float32" | "float" | "<f4" => (4, 8),
            "f16" | "float16" | "half" | "<f2" => (2, 5),
            "bf16" | "bfloat16" => (2, 8),
            "f64" | "float64" | "double" | "<f8" => (8, 11),
            _ => return None,
        };
        Some(Self { len, exponent })
    }
}

/// How the bits of a file lie in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plane {
    /// So many low bits of each number, the first one the highest or the lowest bit of a byte. A byte may begin in the
    /// middle of a number.
    Bits { count: u32, high_first: bool },
    /// So many low bytes of each number, in the order of the file or the other way round.
    Bytes { count: usize, forwards: bool },
}

impl Plane {
    /// Every way that leaves at least the upper half of a number as it was.
    fn all(float: Float) -> impl Iterator<Item = Self> {
        let bits = (1..u8::BITS)
            .flat_map(|count| [true, false].map(|high_first| Self::Bits { count, high_first }));
        let bytes = (1..float.len)
            .flat_map(|count| [true, false].map(|forwards| Self::Bytes { count, forwards }))
            .filter(|plane| !matches!(plane, Self::Bytes { count: 1, forwards: false }));
        bits.chain(bytes)
    }

    fn name(self) -> String {
        match self {
            Self::Bits { count: 1, .. } => "the lowest bit of each number".to_owned(),
            Self::Bits { count, .. } => format!("the {count} lowest bits of each number"),
            Self::Bytes { count: 1, .. } => "the lowest byte of each number".to_owned(),
            Self::Bytes { count, .. } => format!("the {count} lowest bytes of each number"),
        }
    }

    /// At most `most` bytes of what lies there.
    fn take(self, numbers: &[u8], float: Float, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Bytes { count, forwards } => {
                for number in numbers.chunks_exact(float.len) {
                    let low = number.get(..count).unwrap_or_default();
                    if forwards {
                        out.extend_from_slice(low);
                    } else {
                        out.extend(low.iter().rev());
                    }
                    if out.len() >= most {
                        break;
                    }
                }
            }
            Self::Bits { count, high_first } => {
                let (mut bits, mut filled) = (0_u32, 0_u32);
                for number in numbers.chunks_exact(float.len) {
                    let low = u32::from(number.first().copied().unwrap_or_default() & mask(count));
                    bits = if high_first {
                        bits.wrapping_shl(count) | low
                    } else {
                        bits | low.wrapping_shl(filled)
                    };
                    filled = filled.saturating_add(count);
                    if let Some(over) = filled.checked_sub(u8::BITS) {
                        let byte = if high_first { bits.wrapping_shr(over) } else { bits };
                        out.push(byte.to_le_bytes()[0]);
                        bits = if high_first {
                            bits & !u32::MAX.wrapping_shl(over)
                        } else {
                            bits.wrapping_shr(u8::BITS)
                        };
                        filled = over;
                        if out.len() >= most {
                            break;
                        }
                    }
                }
            }
        }
        out
    }
}

/// So many low bits.
const fn mask(count: u32) -> u8 {
    u8::MAX.wrapping_shr(u8::BITS.wrapping_sub(count))
}

/// A file that was found.
pub(crate) struct Hidden {
    /// Where its bits lie, in words.
    pub(crate) place: String,
    /// What it is.
    pub(crate) kind: Disguised,
    /// Its bytes, as far as they were taken.
    pub(crate) data: Vec<u8>,
}

/// The file in the low bits of a tensor's numbers.
pub(crate) fn file(numbers: Bytes<'_>, dtype: &str) -> Option<Hidden> {
    let float = Float::of(dtype)?;
    let numbers = numbers.as_slice();
    if numbers.len() < FEWEST.saturating_mul(float.len) {
        return None;
    }
    Plane::all(float).find_map(|plane| {
        let magic = plane.take(numbers, float, GLANCE);
        let at = (0..=BEFORE)
            .chain(BEHIND_DIGEST)
            .find(|at| begins(magic.get(*at..).unwrap_or_default(), *at))?;
        let head = plane.take(numbers, float, HEAD);
        let kind = validates(Bytes::new(head.get(at..)?))?;
        let mut data = plane.take(numbers, float, LONGEST);
        data.drain(..at);
        Some(Hidden { place: plane.name(), kind, data })
    })
}

/// Whether a file may begin here: by eight bytes at most, before the costlier question is asked.
fn begins(data: &[u8], at: usize) -> bool {
    match data {
        [0x7f, b'E', b'L', b'F', ..] | [b'P', b'K', 3, 4, ..] | [b'7', b'z', 0xbc, 0xaf, ..] => {
            true
        }
        [0xfd, b'7', b'z', b'X', ..] | [b'#', b'!', b'/', ..] | [b'M', b'Z', ..] => true,
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, ..] => true,
        // Two bytes are no evidence: a pickle is looked for where it would begin.
        [0x80, 2..=5, ..] => matches!(at, 0 | 4 | 8) || BEHIND_DIGEST.contains(&at),
        _ => false,
    }
}

/// What begins here, where its structure says so beyond chance.
fn validates(head: Bytes<'_>) -> Option<Disguised> {
    let kind = disguised(head)?;
    let sure = match kind {
        // Version needed, flags, method and a name of letters (APPNOTE, 4.3.7).
        Disguised::Archive("a zip archive") => {
            let byte = |at| head.byte(at).unwrap_or(u8::MAX);
            byte(5) == 0
                && byte(4) <= 63
                && byte(9) == 0
                && byte(27) < 16
                && byte(30).is_ascii_graphic()
        }
        Disguised::Archive(_) | Disguised::Executable(_) => true,
        // The first opcodes of every pickle with code or a frame in it.
        Disguised::Pickle => matches!(head.byte(2), Some(0x95 | b'c' | b'}' | b']' | b'(' | 0x8c)),
    };
    sure.then_some(kind)
}

/// What every number at the beginning of a tensor is, when it is none that a model computes with.
pub(crate) fn not_numbers(numbers: Bytes<'_>, dtype: &str) -> Option<&'static str> {
    let float = Float::of(dtype)?;
    let (mut all_nan, mut all_tiny, mut count) = (true, true, 0_usize);
    let (mut all_infinite, mut above) = (true, false);
    for number in numbers.as_slice().chunks_exact(float.len).take(ASKED) {
        let mut whole = [0; 8];
        whole.get_mut(8_usize.saturating_sub(float.len)..)?.copy_from_slice(number);
        // The sign is shifted out; the exponent stands at the top.
        let bits = u64::from_le_bytes(whole).wrapping_shl(1);
        let exponent = bits.wrapping_shr(u64::BITS.saturating_sub(float.exponent));
        let fraction = bits.wrapping_shl(float.exponent);
        let full = 1_u64.wrapping_shl(float.exponent).wrapping_sub(1);
        all_nan &= exponent == full && fraction != 0;
        all_tiny &= exponent == 0 && fraction != 0;
        all_infinite &= exponent == full && fraction == 0;
        above |= number.last().is_some_and(|byte| byte & 0x80 == 0);
        count = count.saturating_add(1);
        if !(all_nan || all_tiny || all_infinite) {
            return None;
        }
    }
    // Masks are infinite below zero.
    match (count >= FEWEST, all_nan, all_tiny) {
        (false, ..) => None,
        (true, true, _) => Some("not a number (NaN)"),
        (true, _, true) => Some("a denormal number"),
        _ => above.then_some("infinite"),
    }
}

#[cfg(test)]
mod tests;
