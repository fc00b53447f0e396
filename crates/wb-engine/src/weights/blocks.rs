//! [`Blocks`]: numbers that GGUF writes in blocks with a scale of their own.
//!
//! Source: `ggml/src/ggml-common.h` (the structures) and `ggml-quants.c` (`dequantize_row_*`).

use super::grids;
use super::numbers::half;

/// A kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq1S,
    Iq1M,
    Iq2Xxs,
    Iq2Xs,
    Iq2S,
    Iq3Xxs,
    Iq3S,
    Iq4Nl,
    Iq4Xs,
    Tq1_0,
    Tq2_0,
    Mxfp4,
    Nvfp4,
}

/// Each kind, its name, its numbers and its bytes.
const KINDS: &[(Blocks, &str, usize, usize)] = &[
    (Blocks::Q4_0, "Q4_0", 32, 18),
    (Blocks::Q4_1, "Q4_1", 32, 20),
    (Blocks::Q5_0, "Q5_0", 32, 22),
    (Blocks::Q5_1, "Q5_1", 32, 24),
    (Blocks::Q8_0, "Q8_0", 32, 34),
    (Blocks::Q2K, "Q2_K", 256, 84),
    (Blocks::Q3K, "Q3_K", 256, 110),
    (Blocks::Q4K, "Q4_K", 256, 144),
    (Blocks::Q5K, "Q5_K", 256, 176),
    (Blocks::Q6K, "Q6_K", 256, 210),
    (Blocks::Iq1S, "IQ1_S", 256, 50),
    (Blocks::Iq1M, "IQ1_M", 256, 56),
    (Blocks::Iq2Xxs, "IQ2_XXS", 256, 66),
    (Blocks::Iq2Xs, "IQ2_XS", 256, 74),
    (Blocks::Iq2S, "IQ2_S", 256, 82),
    (Blocks::Iq3Xxs, "IQ3_XXS", 256, 98),
    (Blocks::Iq3S, "IQ3_S", 256, 110),
    (Blocks::Iq4Nl, "IQ4_NL", 32, 18),
    (Blocks::Iq4Xs, "IQ4_XS", 256, 136),
    (Blocks::Tq1_0, "TQ1_0", 256, 54),
    (Blocks::Tq2_0, "TQ2_0", 256, 66),
    (Blocks::Mxfp4, "MXFP4", 32, 17),
    (Blocks::Nvfp4, "NVFP4", 64, 36),
];

impl Blocks {
    /// The kind that GGUF calls `name`.
    pub(super) fn of(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, ..)| *known == name).map(|(kind, ..)| *kind)
    }

    /// Its name in GGUF.
    pub(super) fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, ..)| name)
    }

    /// Numbers and bytes of a block.
    pub(super) fn unit(self) -> (usize, usize) {
        let known = KINDS.iter().find(|(kind, ..)| *kind == self);
        known.map_or((1, 1), |(_, _, numbers, bytes)| (*numbers, *bytes))
    }

    /// Reads the numbers of whole blocks behind those of `out`.
    pub(super) fn read(self, bytes: &[u8], out: &mut Vec<f64>) {
        self.each(bytes, out, |grid, code| grid.scale * code - grid.least);
    }

    /// How far a number may be from what the block says it is: the distance of two numbers of the block,
    /// twice that where the search for the best scale cuts off what lies farther out.
    pub(super) fn steps(self, bytes: &[u8], out: &mut Vec<f64>) {
        // The scale is rounded itself, which moves the numbers farthest out by a little more.
        let plain = [Self::Q4_0, Self::Q4_1, Self::Q5_0, Self::Q5_1, Self::Q8_0].contains(&self);
        let wide = if plain { 1.05 } else { 2.0 };
        self.each(bytes, out, |grid, _| grid.scale.abs() * grid.gap * wide);
    }

    fn each(self, bytes: &[u8], out: &mut Vec<f64>, number: impl Fn(Grid, f64) -> f64) {
        let (_, size) = self.unit();
        for block in bytes.chunks_exact(size) {
            let block = Block(block);
            match self {
                Self::Q4_0 => block.small(Grid::of(block.half(0), 0.0), None, 2, 8.0, out, &number),
                Self::Q4_1 => {
                    let grid = Grid::of(block.half(0), -block.half(2));
                    block.small(grid, None, 4, 0.0, out, &number);
                }
                Self::Q5_0 => {
                    block.small(Grid::of(block.half(0), 0.0), Some(2), 6, 16.0, out, &number);
                }
                Self::Q5_1 => {
                    let grid = Grid::of(block.half(0), -block.half(2));
                    block.small(grid, Some(4), 8, 0.0, out, &number);
                }
                Self::Q8_0 => {
                    let grid = Grid::of(block.half(0), 0.0);
                    out.extend((0..32).map(|at| number(grid, block.signed(2 + at))));
                }
                Self::Q2K => block.two(out, &number),
                Self::Q3K => block.three(out, &number),
                Self::Q4K => block.four_or_five(None, 16, out, &number),
                Self::Q5K => block.four_or_five(Some(16), 48, out, &number),
                Self::Q6K => block.six(out, &number),
                _ => grids::read(self, block, out, &number),
            }
        }
    }
}

/// What a block can write: `scale * code - least`.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    scale: f64,
    least: f64,
    /// How far the codes beside a code are from it.
    gap: f64,
}

impl Grid {
    /// A grid of all whole codes.
    pub(super) fn of(scale: f64, least: f64) -> Self {
        Self { scale, least, gap: 1.0 }
    }

    /// A code of a grid on which they lie apart, with the distance to those beside it.
    pub(super) fn uneven(scale: f64, gap: f64) -> Self {
        Self { scale, least: 0.0, gap }
    }
}

/// The bytes of one block.
#[derive(Clone, Copy)]
pub(super) struct Block<'a>(&'a [u8]);

impl Block<'_> {
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// Half a byte: the lower one of each first, from the byte at `from` on.
    pub(super) fn nibble(self, from: usize, at: usize) -> u8 {
        (self.byte(from + at / 2) >> (at % 2 * 4)) & 0xf
    }

    pub(super) fn short(self, at: usize) -> u16 {
        u16::from_le_bytes([self.byte(at), self.byte(at + 1)])
    }

    pub(super) fn word(self, at: usize) -> u32 {
        u32::from(self.short(at)) | (u32::from(self.short(at + 2)) << 16)
    }

    fn signed(self, at: usize) -> f64 {
        f64::from(self.byte(at).cast_signed())
    }

    pub(super) fn half(self, at: usize) -> f64 {
        half(self.short(at))
    }

    /// 32 numbers: the low four bits of 16 bytes, then the high ones; a fifth bit of each in four bytes at
    /// `fifth`.
    fn small(
        self,
        grid: Grid,
        fifth: Option<usize>,
        codes: usize,
        middle: f64,
        out: &mut Vec<f64>,
        number: &impl Fn(Grid, f64) -> f64,
    ) {
        for at in 0..32 {
            let byte = self.byte(codes + at % 16);
            let low = if at < 16 { byte & 0xf } else { byte >> 4 };
            let high = fifth.map_or(0, |fifth| (self.byte(fifth + at / 8) >> (at % 8)) & 1);
            out.push(number(grid, f64::from(low | (high << 4)) - middle));
        }
    }

    /// `block_q2_K`: 16 scales of four bits with a least value of four bits, two bits each.
    fn two(self, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
        let (scale, least) = (self.half(80), self.half(82));
        for at in 0..256 {
            let packed = self.byte(at / 16);
            let grid = Grid::of(scale * f64::from(packed & 0xf), least * f64::from(packed >> 4));
            let code = (self.byte(16 + at / 128 * 32 + at % 32) >> (at % 128 / 32 * 2)) & 3;
            out.push(number(grid, f64::from(code)));
        }
    }

    /// `block_q3_K`: a third bit that is set where nothing is taken off, 16 scales of six bits.
    fn three(self, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
        let all = self.half(108);
        for at in 0..256 {
            let index = at / 16;
            let low = (self.byte(96 + index % 8) >> (index / 8 * 4)) & 0xf;
            let high = (self.byte(104 + index % 4) >> (index / 4 * 2)) & 3;
            let scale = f64::from(low | (high << 4)) - 32.0;
            let code = (self.byte(32 + at / 128 * 32 + at % 32) >> (at % 128 / 32 * 2)) & 3;
            let third = (self.byte(at % 32) >> (at / 32)) & 1;
            let code = f64::from(code) - if third == 0 { 4.0 } else { 0.0 };
            out.push(number(Grid::of(all * scale, 0.0), code));
        }
    }

    /// `block_q4_K` and `block_q5_K`: eight scales and least values of six bits in 12 bytes.
    fn four_or_five(
        self,
        fifth: Option<usize>,
        codes: usize,
        out: &mut Vec<f64>,
        number: &impl Fn(Grid, f64) -> f64,
    ) {
        let (scale, least) = (self.half(0), self.half(2));
        for at in 0..256 {
            let index = at / 32;
            let (own, less) = self.six_bits(index);
            let grid = Grid::of(scale * f64::from(own), least * f64::from(less));
            let byte = self.byte(codes + at / 64 * 32 + at % 32);
            let low = if index % 2 == 0 { byte & 0xf } else { byte >> 4 };
            let high = fifth.map_or(0, |fifth| (self.byte(fifth + at % 32) >> index) & 1);
            out.push(number(grid, f64::from(low | (high << 4))));
        }
    }

    /// `get_scale_min_k4`.
    fn six_bits(self, index: usize) -> (u8, u8) {
        let at = |index: usize| self.byte(4 + index);
        if index < 4 {
            return (at(index) & 63, at(index + 4) & 63);
        }
        let own = (at(index + 4) & 0xf) | ((at(index - 4) >> 6) << 4);
        let less = (at(index + 4) >> 4) | ((at(index) >> 6) << 4);
        (own, less)
    }

    /// `block_q6_K`: four low bits, two high ones, 16 scales of eight bits.
    fn six(self, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
        let all = self.half(208);
        for at in 0..256 {
            let (half, inside) = (at / 128, at % 128);
            let low = self.byte(half * 64 + inside % 64) >> (inside / 64 * 4);
            let high = self.byte(128 + half * 32 + inside % 32) >> (inside / 32 * 2);
            let code = f64::from((low & 0xf) | ((high & 3) << 4)) - 32.0;
            out.push(number(Grid::of(all * self.signed(192 + at / 16), 0.0), code));
        }
    }
}
