//! The types of GGUF: metadata values and tensor elements.

/// The type of a metadata value: `enum gguf_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    /// In the order of their codes.
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    pub(super) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// Size in bytes; 0 for strings and arrays, whose size varies.
    pub(super) const fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::Text | Self::Array => 0,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::F32 => "float32",
            Self::Bool => "bool",
            Self::Text => "string",
            Self::Array => "array",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F64 => "float64",
        }
    }
}

/// A tensor element type: elements come in blocks of `block` elements and `size` bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElementType {
    code: u32,
    /// The name in ggml, without its prefix.
    pub(crate) name: &'static str,
    block: u64,
    size: u64,
}

impl ElementType {
    /// Size in bytes of a tensor of that shape, innermost axis first. `None` when a row is no whole
    /// number of blocks or the size overflows, as in CVE-2026-33298.
    pub(crate) fn bytes(&self, shape: &[u64]) -> Option<u64> {
        let row = shape.first().copied().unwrap_or(1);
        if row.checked_rem(self.block)? != 0 {
            return None;
        }
        let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
        elements.checked_div(self.block)?.checked_mul(self.size)
    }
}

/// The element type of that code.
pub(crate) fn element_type(code: u32) -> Option<&'static ElementType> {
    ELEMENT_TYPES.iter().find(|element| element.code == code)
}

const fn element(code: u32, name: &'static str, block: u64, size: u64) -> ElementType {
    ElementType { code, name, block, size }
}

/// Codes, names and block sizes as in `ggml.h`; retired codes (4, 5, 31 to 33, 36 to 38) keep the sizes
/// they had.
const ELEMENT_TYPES: &[ElementType] = &[
    element(0, "F32", 1, 4),
    element(1, "F16", 1, 2),
    element(2, "Q4_0", 32, 18),
    element(3, "Q4_1", 32, 20),
    element(4, "Q4_2", 16, 10),
    element(5, "Q4_3", 16, 12),
    element(6, "Q5_0", 32, 22),
    element(7, "Q5_1", 32, 24),
    element(8, "Q8_0", 32, 34),
    element(9, "Q8_1", 32, 36),
    element(10, "Q2_K", 256, 84),
    element(11, "Q3_K", 256, 110),
    element(12, "Q4_K", 256, 144),
    element(13, "Q5_K", 256, 176),
    element(14, "Q6_K", 256, 210),
    element(15, "Q8_K", 256, 292),
    element(16, "IQ2_XXS", 256, 66),
    element(17, "IQ2_XS", 256, 74),
    element(18, "IQ3_XXS", 256, 98),
    element(19, "IQ1_S", 256, 50),
    element(20, "IQ4_NL", 32, 18),
    element(21, "IQ3_S", 256, 110),
    element(22, "IQ2_S", 256, 82),
    element(23, "IQ4_XS", 256, 136),
    element(24, "I8", 1, 1),
    element(25, "I16", 1, 2),
    element(26, "I32", 1, 4),
    element(27, "I64", 1, 8),
    element(28, "F64", 1, 8),
    element(29, "IQ1_M", 256, 56),
    element(30, "BF16", 1, 2),
    element(31, "Q4_0_4_4", 32, 18),
    element(32, "Q4_0_4_8", 32, 18),
    element(33, "Q4_0_8_8", 32, 18),
    element(34, "TQ1_0", 256, 54),
    element(35, "TQ2_0", 256, 66),
    element(36, "IQ4_NL_4_4", 32, 18),
    element(37, "IQ4_NL_4_8", 32, 18),
    element(38, "IQ4_NL_8_8", 32, 18),
    element(39, "MXFP4", 32, 17),
    element(40, "NVFP4", 64, 36),
    element(41, "Q1_0", 128, 18),
];
