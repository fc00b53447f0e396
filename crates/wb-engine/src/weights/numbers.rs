//! [`Numbers`]: how the numbers of a tensor are written, by the name that its format gives the type, and
//! how they are read.
//!
//! Sources: IEEE 754-2019 (binary16 to binary64); "FP8 Formats for Deep Learning" (Micikevicius et al., 2022) for
//! E4M3 and E5M2; `safetensors/src/tensor.rs`, `torch/csrc/utils/tensor_dtypes.cpp`, NumPy's type strings,
//! `onnx.proto`, `types.proto` and `schema.fbs` for the names.

use super::blocks::Blocks;

/// How the numbers of a tensor are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    kind: Kind,
    /// Whether the most significant byte comes first.
    big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    F8E4m3,
    F8E5m2,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Blocks(Blocks),
}

/// Names of types in lower case, without what marks the order of bytes, and what they are.
const NAMES: &[(Kind, &str, &[&str])] = &[
    (Kind::F64, "float64", &["f64", "float64", "double", "f8"]),
    (Kind::F32, "float32", &["f32", "float32", "float", "f4"]),
    (Kind::F16, "float16", &["f16", "float16", "half", "f2"]),
    (Kind::Bf16, "bfloat16", &["bf16", "bfloat16"]),
    (Kind::F8E4m3, "float8_e4m3fn", &["f8_e4m3", "float8_e4m3fn", "float8e4m3fn", "f8_e4m3fn"]),
    (Kind::F8E5m2, "float8_e5m2", &["f8_e5m2", "float8_e5m2", "float8e5m2"]),
    (Kind::I64, "int64", &["i64", "int64"]),
    (Kind::I32, "int32", &["i32", "int32", "qint32", "i4"]),
    (Kind::I16, "int16", &["i16", "int16", "qint16", "i2"]),
    (Kind::I8, "int8", &["int8", "qint8", "i1"]),
    (Kind::U64, "uint64", &["u64", "uint64"]),
    (Kind::U32, "uint32", &["u32", "uint32", "u4"]),
    (Kind::U16, "uint16", &["u16", "uint16", "quint16", "u2"]),
    (Kind::U8, "uint8", &["uint8", "quint8", "u1", "b1", "bool"]),
];

impl Numbers {
    /// The numbers that a format calls `dtype`; `None` for text, complex numbers and what is not known.
    pub(crate) fn of(dtype: &str) -> Option<Self> {
        let plain = dtype.trim_matches(['\'', '"']);
        let marked = plain.strip_prefix(['<', '>', '|', '=']);
        let big_endian = plain.starts_with('>');
        let lower = marked.unwrap_or(plain).to_ascii_lowercase();
        // NumPy counts bytes where safetensors and GGUF count bits: `i8` has eight of them.
        let by_count = match (marked.is_some(), lower.as_str()) {
            (true, "i8") => Some(Kind::I64),
            (true, "u8") => Some(Kind::U64),
            (false, "i8") => Some(Kind::I8),
            (false, "u8") => Some(Kind::U8),
            _ => None,
        };
        let named = || NAMES.iter().find(|(_, _, names)| names.contains(&lower.as_str()));
        let kind = by_count
            .or_else(|| named().map(|(kind, ..)| *kind))
            .or_else(|| Blocks::of(plain).map(Kind::Blocks))?;
        Some(Self { kind, big_endian })
    }

    /// The name of the type, one for all formats.
    pub(crate) fn name(self) -> &'static str {
        if let Kind::Blocks(blocks) = self.kind {
            return blocks.name();
        }
        NAMES.iter().find(|(kind, ..)| *kind == self.kind).map_or("", |(_, name, _)| name)
    }

    /// How many numbers lie together, in how many bytes.
    pub(crate) fn unit(self) -> (usize, usize) {
        match self.kind {
            Kind::F64 | Kind::I64 | Kind::U64 => (1, 8),
            Kind::F32 | Kind::I32 | Kind::U32 => (1, 4),
            Kind::F16 | Kind::Bf16 | Kind::I16 | Kind::U16 => (1, 2),
            Kind::F8E4m3 | Kind::F8E5m2 | Kind::I8 | Kind::U8 => (1, 1),
            Kind::Blocks(blocks) => blocks.unit(),
        }
    }

    /// Bytes of so many numbers; `None` when they are no whole number of blocks, or overflow.
    pub(crate) fn bytes(self, numbers: u64) -> Option<u64> {
        let (count, bytes) = self.unit();
        if !numbers.is_multiple_of(count as u64) {
            return None;
        }
        (numbers / count as u64).checked_mul(bytes as u64)
    }

    /// Whether each number can be read by itself.
    pub(crate) fn is_single(self) -> bool {
        !matches!(self.kind, Kind::Blocks(_))
    }

    /// Whether these are numbers of the kind that training changes.
    pub(crate) fn is_learned(self) -> bool {
        self.mantissa().is_some() || !self.is_single()
    }

    /// Whether these are numbers of the same type, whichever byte comes first.
    pub(crate) fn is_same_type(self, other: Self) -> bool {
        self.kind == other.kind
    }

    /// Whether these are whole numbers of a fixed size.
    pub(crate) fn is_whole(self) -> bool {
        self.is_single() && self.mantissa().is_none()
    }

    /// Whether these are whole numbers of which a 64-bit floating-point number does not hold all.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self.kind, Kind::I64 | Kind::U64)
    }

    /// The whole numbers of `bytes`, exactly; nothing of other types.
    pub(crate) fn whole(self, bytes: &[u8]) -> Vec<i128> {
        let mut out = Vec::new();
        let big = self.big_endian;
        match self.kind {
            Kind::I64 => each(bytes, big, |raw| i128::from(i64::from_le_bytes(raw)), &mut out),
            Kind::U64 => each(bytes, big, |raw| i128::from(u64::from_le_bytes(raw)), &mut out),
            _ if self.is_whole() => {
                // 32 bits and fewer are exact as they are read.
                let mut read = Vec::new();
                self.read(bytes, &mut read);
                out.extend(read.iter().map(|value| *value as i128));
            }
            _ => {}
        }
        out
    }

    /// Bits behind the point, of floating-point numbers.
    fn mantissa(self) -> Option<i32> {
        Some(match self.kind {
            Kind::F64 => 52,
            Kind::F32 => 23,
            Kind::F16 => 10,
            Kind::Bf16 => 7,
            Kind::F8E4m3 => 3,
            Kind::F8E5m2 => 2,
            _ => return None,
        })
    }

    /// The distance to the next number that can be written, at `value`: what rounding to this type may
    /// change it by at the most. Of blocks, see [`Numbers::steps`].
    pub(crate) fn spacing(self, value: f64) -> f64 {
        let Some(mantissa) = self.mantissa() else { return 1.0 };
        let lowest = match self.kind {
            Kind::F16 | Kind::F8E5m2 => -14,
            Kind::F8E4m3 => -6,
            Kind::F64 => -1022,
            _ => -126,
        };
        // The exponent of a number is in its bits 52 to 62.
        let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let power = exponent.max(lowest) - mantissa;
        match u64::try_from(power + 1023) {
            Ok(biased @ 1..) => f64::from_bits(biased << 52),
            _ => 2_f64.powi(power),
        }
    }

    /// Whether rounding to the other type changes more, wherever both are floating-point numbers.
    pub(crate) fn is_finer(self, other: Self) -> bool {
        let bits = (self.mantissa(), other.mantissa());
        matches!(bits, (Some(own), Some(other)) if own > other)
    }

    /// The mean square of what rounding to this type changes, as a share of the numbers' own mean square;
    /// and as an absolute number where numbers are whole.
    pub(crate) fn rounding(self) -> (f64, f64) {
        match self.mantissa() {
            // A step is between 2^-m and 2^-(m+1) of the number; the mean of its square is half of the larger.
            Some(mantissa) => (2_f64.powi(-2 * mantissa) / 24.0, 0.0),
            None if self.is_single() => (0.0, 1.0 / 12.0),
            None => (0.0, 0.0),
        }
    }

    /// Reads the numbers of `bytes` into `out`, which is cleared before.
    pub(crate) fn read(self, bytes: &[u8], out: &mut Vec<f64>) {
        out.clear();
        self.append(bytes, out);
    }

    /// Reads the numbers of `bytes` behind those of `out`.
    pub(crate) fn append(self, bytes: &[u8], out: &mut Vec<f64>) {
        let big = self.big_endian;
        match self.kind {
            Kind::F64 => each(bytes, big, f64::from_le_bytes, out),
            Kind::F32 => each(bytes, big, |raw| f64::from(f32::from_le_bytes(raw)), out),
            Kind::F16 => each(bytes, big, |raw| half(u16::from_le_bytes(raw)), out),
            Kind::Bf16 => each(
                bytes,
                big,
                |raw| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(raw)) << 16)),
                out,
            ),
            Kind::F8E4m3 => each(bytes, big, |[raw]: [u8; 1]| e4m3(raw), out),
            // E5M2 is binary16 without its lower byte.
            Kind::F8E5m2 => each(bytes, big, |[raw]: [u8; 1]| half(u16::from(raw) << 8), out),
            Kind::I64 => each(bytes, big, |raw| i64::from_le_bytes(raw) as f64, out),
            Kind::I32 => each(bytes, big, |raw| f64::from(i32::from_le_bytes(raw)), out),
            Kind::I16 => each(bytes, big, |raw| f64::from(i16::from_le_bytes(raw)), out),
            Kind::I8 => each(bytes, big, |raw| f64::from(i8::from_le_bytes(raw)), out),
            Kind::U64 => each(bytes, big, |raw| u64::from_le_bytes(raw) as f64, out),
            Kind::U32 => each(bytes, big, |raw| f64::from(u32::from_le_bytes(raw)), out),
            Kind::U16 => each(bytes, big, |raw| f64::from(u16::from_le_bytes(raw)), out),
            Kind::U8 => out.extend(bytes.iter().map(|byte| f64::from(*byte))),
            Kind::Blocks(blocks) => blocks.read(bytes, out),
        }
    }

    /// How far a number of another type may be from each number of `bytes` and still be written as it.
    /// `values` are the numbers of `bytes`.
    pub(crate) fn steps(self, bytes: &[u8], values: &[f64], out: &mut Vec<f64>) {
        out.clear();
        match self.kind {
            Kind::Blocks(blocks) => blocks.steps(bytes, out),
            _ => out.extend(values.iter().map(|value| self.spacing(*value))),
        }
    }
}

/// Reads numbers of `N` bytes each.
fn each<const N: usize, T>(
    bytes: &[u8],
    big_endian: bool,
    number: impl Fn([u8; N]) -> T,
    out: &mut Vec<T>,
) {
    let (numbers, _) = bytes.as_chunks::<N>();
    if big_endian {
        out.extend(numbers.iter().map(|raw| {
            let mut raw = *raw;
            raw.reverse();
            number(raw)
        }));
    } else {
        out.extend(numbers.iter().map(|raw| number(*raw)));
    }
}

/// A binary16 number (IEEE 754-2019, 3.6).
pub(super) fn half(bits: u16) -> f64 {
    let sign = u32::from(bits & 0x8000) << 16;
    let rest = u32::from(bits & 0x7fff);
    // Exponent and fraction move to their places in binary32, 112 exponents too low; the product mends that,
    // for subnormal numbers too.
    let scaled = f32::from_bits(rest << 13) * f32::from_bits((127 + 112) << 23);
    let finite = f32::from_bits(scaled.to_bits() | sign);
    if rest >= 0x7c00 {
        let infinite = f32::from_bits(sign | 0x7f80_0000 | ((rest & 0x3ff) << 13));
        return f64::from(infinite);
    }
    f64::from(finite)
}

/// An E4M3 number of the kind without infinities: bias 7, all ones are no number.
fn e4m3(bits: u8) -> f64 {
    let fraction = f64::from(bits & 0x7);
    let exponent = i32::from((bits >> 3) & 0xf);
    let value = match (exponent, bits & 0x7) {
        (15, 7) => f64::NAN,
        (0, _) => fraction * 2_f64.powi(-9),
        _ => (8.0 + fraction) * 2_f64.powi(exponent - 10),
    };
    if bits & 0x80 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(dtype: &str, bytes: &[u8]) -> Vec<f64> {
        let mut out = Vec::new();
        Numbers::of(dtype).expect(dtype).read(bytes, &mut out);
        out
    }

    #[test]
    fn every_type_is_read_by_the_names_that_formats_give_it() {
        for dtype in ["F32", "float32", "<f4", "FLOAT", "float", "'<f4'"] {
            assert_eq!(numbers(dtype, &1.5_f32.to_le_bytes()), [1.5], "{dtype}");
        }
        assert_eq!(numbers(">f4", &1.5_f32.to_be_bytes()), [1.5]);
        assert_eq!(numbers("<f8", &(-2.25_f64).to_le_bytes()), [-2.25]);
        assert_eq!(numbers("F64", &(-2.25_f64).to_le_bytes()), [-2.25]);
        assert_eq!(numbers("BF16", &[0x80, 0x3f, 0xc0, 0xbf]), [1.0, -1.5]);
        assert_eq!(numbers("I8", &[0xff]), [-1.0]);
        assert_eq!(numbers("<i8", &(-1_i64).to_le_bytes()), [-1.0]);
        assert_eq!(numbers("U8", &[0xff]), [255.0]);
        assert_eq!(numbers("|u1", &[0xff]), [255.0]);
        assert_eq!(numbers("BOOL", &[1, 0]), [1.0, 0.0]);
        assert_eq!(numbers("INT16", &(-300_i16).to_le_bytes()), [-300.0]);
        assert_eq!(numbers("uint32", &7_u32.to_le_bytes()), [7.0]);
        assert_eq!(Numbers::of("complex64"), None);
        assert_eq!(Numbers::of("string"), None);
    }

    #[test]
    fn small_floating_point_numbers_are_read_as_their_papers_say() {
        let halves: Vec<u8> = [0x3c00_u16, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00]
            .iter()
            .flat_map(|half| half.to_le_bytes())
            .collect();
        let smallest = 2_f64.powi(-24);
        let expected = [1.0, -2.0, smallest, 1023.0 * smallest, 65504.0, f64::INFINITY];
        assert_eq!(numbers("F16", &halves), expected);
        assert!(numbers("F16", &[0x00, 0x7e])[0].is_nan());
        assert_eq!(
            numbers("F8_E4M3", &[0x38, 0xb8, 0x7e, 0x01]),
            [1.0, -1.0, 448.0, 2_f64.powi(-9)]
        );
        assert!(numbers("F8_E4M3", &[0x7f])[0].is_nan());
        assert_eq!(numbers("F8_E5M2", &[0x3c, 0x7b, 0x01]), [1.0, 57344.0, 2_f64.powi(-16)]);
    }

    #[test]
    fn the_spacing_is_the_distance_to_the_next_number() {
        let half = Numbers::of("F16").expect("known");
        assert_eq!(half.spacing(1.0), 2_f64.powi(-10));
        assert_eq!(half.spacing(-3.0), 2_f64.powi(-9));
        assert_eq!(half.spacing(0.0), 2_f64.powi(-24));
        assert_eq!(Numbers::of("I64").expect("known").spacing(5.0), 1.0);
    }

    #[test]
    fn whole_numbers_are_read_exactly() {
        let whole = |dtype: &str, bytes: &[u8]| Numbers::of(dtype).expect(dtype).whole(bytes);
        let large = (1_i64 << 53) + 1;
        assert_eq!(whole("I64", &large.to_le_bytes()), [i128::from(large)]);
        assert_eq!(whole(">i8", &(-large).to_be_bytes()), [-i128::from(large)]);
        assert_eq!(whole("U64", &u64::MAX.to_le_bytes()), [i128::from(u64::MAX)]);
        assert_eq!(whole("I16", &(-3_i16).to_le_bytes()), [-3]);
        assert_eq!(whole("F32", &1.5_f32.to_le_bytes()), []);
    }
}
