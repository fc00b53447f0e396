//! Blocks of GGUF whose numbers are points of a grid, or lie at uneven distances: [`IQ`](Blocks) types, and those of
//! three and of sixteen values.
//!
//! Source: `ggml/src/ggml-quants.c` (`dequantize_row_iq*`, `_tq*`, `_mxfp4`, `_nvfp4`); the grids are in
//! `data/iq_grids.txt`.

use super::blocks::{Block, Blocks, Grid};
use super::numbers::half;
use std::sync::LazyLock;

/// The points of a grid by their number.
type Points = LazyLock<Vec<u16>>;

static IQ2_XXS: Points = LazyLock::new(|| points("IQ2_XXS"));
static IQ2_XS: Points = LazyLock::new(|| points("IQ2_XS"));
static IQ2_S: Points = LazyLock::new(|| points("IQ2_S"));
static IQ3_XXS: Points = LazyLock::new(|| points("IQ3_XXS"));
static IQ3_S: Points = LazyLock::new(|| points("IQ3_S"));
static IQ1_S: Points = LazyLock::new(|| points("IQ1_S"));

/// What the codes of a point stand for, and the largest distance of two of these, signs included.
type Values = (&'static [f64], f64);

const TWO: Values = (&[8.0, 25.0, 43.0], 18.0);
const THREE_XXS: Values = (&[4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 62.0], 10.0);
const THREE_S: Values = (&[1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0], 2.0);

/// `kvalues_iq4nl`.
const UNEVEN: &[f64] = &[
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];
/// Twice what E2M1 can write without a sign ("OCP Microscaling Formats (MX) Specification", 2023, 5.3.3).
const E2M1: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0];

fn points(name: &str) -> Vec<u16> {
    let lines = include_str!("../../data/iq_grids.txt").lines();
    let behind = lines.skip_while(|line| *line != name).skip(1);
    let hex = |line: &'static str| line.split(' ').map(|point| u16::from_str_radix(point, 16).ok());
    behind.map_while(|line| hex(line).collect::<Option<Vec<u16>>>()).flatten().collect()
}

/// Eight numbers of a block.
struct Eight {
    /// What a number of their points is worth.
    scale: f64,
    /// One point of eight numbers in 2 bits each, or two of four in 4 bits each.
    codes: [u16; 2],
    /// A bit for each number that is negative.
    signs: u8,
}

/// Reads a block of one of the kinds that this module is for.
pub(super) fn read(
    kind: Blocks,
    block: Block<'_>,
    out: &mut Vec<f64>,
    number: &impl Fn(Grid, f64) -> f64,
) {
    match kind {
        Blocks::Iq1S => one(block, iq1_s, out, number),
        Blocks::Iq1M => one(block, iq1_m, out, number),
        Blocks::Iq2Xxs => signed(block, TWO, iq2_xxs, out, number),
        Blocks::Iq2Xs => signed(block, TWO, iq2_xs, out, number),
        Blocks::Iq2S => signed(block, TWO, iq2_s, out, number),
        Blocks::Iq3Xxs => signed(block, THREE_XXS, iq3_xxs, out, number),
        Blocks::Iq3S => signed(block, THREE_S, iq3_s, out, number),
        Blocks::Iq4Nl => {
            nibbles(block, block.half(0), 2, 16, out, &|scale, code| uneven(scale, code, number));
        }
        Blocks::Iq4Xs => iq4_xs(block, out, number),
        Blocks::Tq1_0 => tq1_0(block, out, number),
        Blocks::Tq2_0 => tq2_0(block, out, number),
        Blocks::Mxfp4 => {
            // `ggml_e8m0_to_fp32_half`: half of a power of two, since the values are doubled.
            let scale = 2_f64.powi(i32::from(block.byte(0)) - 128);
            nibbles(block, scale, 1, 16, out, &|scale, code| e2m1(scale, code, number));
        }
        Blocks::Nvfp4 => nvfp4(block, out, number),
        _ => {}
    }
}

/// The signs of eight numbers in seven bits: negative ones are even in number (`ksigns_iq2xs`).
fn even(signs: u32) -> u8 {
    let signs = (signs & 0x7f) as u8;
    signs | (((signs.count_ones() & 1) as u8) << 7)
}

fn point(points: &[u16], index: usize) -> u16 {
    points.get(index).copied().unwrap_or(0)
}

/// 32 times eight numbers with signs.
fn signed(
    block: Block<'_>,
    (values, gap): Values,
    eight: fn(Block<'_>, usize) -> Eight,
    out: &mut Vec<f64>,
    number: &impl Fn(Grid, f64) -> f64,
) {
    let bits = if values.len() > 4 { 4 } else { 2 };
    for group in 0..32 {
        let Eight { scale, codes, signs } = eight(block, group);
        let codes = u32::from(codes[0]) | (u32::from(codes[1]) << 16);
        for at in 0..8 {
            let code = (codes >> (bits * at)) & ((1 << bits) - 1);
            let value = values.get(code as usize).copied().unwrap_or(0.0);
            let value = if (signs >> at) & 1 == 0 { value } else { -value };
            out.push(number(Grid::uneven(scale, gap), value));
        }
    }
}

/// `block_iq2_xxs`: 32 numbers are four points of a byte each, four times seven signs, and a scale of four bits.
fn iq2_xxs(block: Block<'_>, group: usize) -> Eight {
    let (part, at) = (2 + group / 4 * 8, group % 4);
    let packed = block.word(part + 4);
    let code = point(&IQ2_XXS, usize::from(block.byte(part + at)));
    let scale = block.half(0) * (0.5 + f64::from(packed >> 28)) * 0.25;
    Eight { scale, codes: [code, 0], signs: even(packed >> (7 * at)) }
}

/// `block_iq2_xs`: points of nine bits with seven signs; a scale of four bits for 16 numbers.
fn iq2_xs(block: Block<'_>, group: usize) -> Eight {
    let packed = block.short(2 + group * 2);
    let scale = block.half(0) * (0.5 + f64::from(block.nibble(66, group / 2))) * 0.25;
    let code = point(&IQ2_XS, usize::from(packed & 511));
    Eight { scale, codes: [code, 0], signs: even(u32::from(packed >> 9)) }
}

/// `block_iq2_s`: points of ten bits, two of them apart, and all eight signs.
fn iq2_s(block: Block<'_>, group: usize) -> Eight {
    let high = (block.byte(66 + group / 4) >> (group % 4 * 2)) & 3;
    let index = usize::from(block.byte(2 + group)) | (usize::from(high) << 8);
    let scale = block.half(0) * (0.5 + f64::from(block.nibble(74, group / 2))) * 0.25;
    Eight { scale, codes: [point(&IQ2_S, index), 0], signs: block.byte(34 + group) }
}

/// `block_iq3_xxs`: two points of a byte each; signs and scales behind all of them.
fn iq3_xxs(block: Block<'_>, group: usize) -> Eight {
    let packed = block.word(66 + group / 4 * 4);
    let code = |at: usize| point(&IQ3_XXS, usize::from(block.byte(2 + group * 2 + at)));
    let scale = block.half(0) * (0.5 + f64::from(packed >> 28)) * 0.5;
    Eight { scale, codes: [code(0), code(1)], signs: even(packed >> (group % 4 * 7)) }
}

/// `block_iq3_s`: two points of nine bits, one of them apart, and all eight signs.
fn iq3_s(block: Block<'_>, group: usize) -> Eight {
    let code = |at: usize| {
        let place = group * 2 + at;
        let high = (block.byte(66 + place / 8) >> (place % 8)) & 1;
        point(&IQ3_S, usize::from(block.byte(2 + place)) | (usize::from(high) << 8))
    };
    let scale = block.half(0) * f64::from(1 + 2 * block.nibble(106, group / 4));
    Eight { scale, codes: [code(0), code(1)], signs: block.byte(74 + group) }
}

/// Eight numbers that are -1, 0 or 1, all moved by an eighth.
struct Ternary {
    scale: f64,
    index: usize,
    down: bool,
}

/// 32 times eight numbers that are nearly -1, 0 or 1.
fn one(
    block: Block<'_>,
    eight: fn(Block<'_>, usize) -> Ternary,
    out: &mut Vec<f64>,
    number: &impl Fn(Grid, f64) -> f64,
) {
    for group in 0..32 {
        let Ternary { scale, index, down } = eight(block, group);
        let codes = point(&IQ1_S, index);
        let off = if down { -0.125 } else { 0.125 };
        for at in 0..8 {
            let code = f64::from((codes >> (2 * at)) & 3) - 1.0;
            out.push(number(Grid::of(scale, 0.0), code + off));
        }
    }
}

/// `block_iq1_s`: points of eleven bits, three of them apart with the scale of 32 numbers.
fn iq1_s(block: Block<'_>, group: usize) -> Ternary {
    let packed = block.short(34 + group / 4 * 2);
    let high = usize::from((packed >> (group % 4 * 3)) & 7);
    let scale = block.half(0) * f64::from(2 * ((packed >> 12) & 7) + 1);
    let index = usize::from(block.byte(2 + group)) | (high << 8);
    Ternary { scale, index, down: packed & 0x8000 != 0 }
}

/// `block_iq1_m`: as before; the scale of all of it is in the highest bits of those of 16 numbers.
fn iq1_m(block: Block<'_>, group: usize) -> Ternary {
    let packed = |at: usize| block.short(48 + at * 2);
    let all = (packed(0) >> 12)
        | ((packed(1) & 0xf000) >> 8)
        | ((packed(2) & 0xf000) >> 4)
        | (packed(3) & 0xf000);
    let own = (packed(group / 8) >> (group / 2 % 4 * 3)) & 7;
    let high = block.nibble(32, group);
    let index = usize::from(block.byte(group)) | (usize::from(high & 7) << 8);
    Ternary { scale: half(all) * f64::from(2 * own + 1), index, down: high & 8 != 0 }
}

/// The low four bits of `count` bytes at `from`, then the high ones.
fn nibbles(
    block: Block<'_>,
    scale: f64,
    from: usize,
    count: usize,
    out: &mut Vec<f64>,
    value: &impl Fn(f64, u8) -> f64,
) {
    for at in 0..count * 2 {
        let byte = block.byte(from + at % count);
        out.push(value(scale, if at < count { byte & 0xf } else { byte >> 4 }));
    }
}

/// A number of [`UNEVEN`], with the larger of the distances to those beside it.
fn uneven(scale: f64, code: u8, number: &impl Fn(Grid, f64) -> f64) -> f64 {
    let (value, gap) = beside(UNEVEN, usize::from(code));
    number(Grid::uneven(scale, gap), value)
}

/// A number of [`E2M1`] with its sign.
fn e2m1(scale: f64, code: u8, number: &impl Fn(Grid, f64) -> f64) -> f64 {
    let (value, gap) = beside(E2M1, usize::from(code & 7));
    let value = if code & 8 == 0 { value } else { -value };
    number(Grid::uneven(scale, gap), value)
}

fn beside(values: &[f64], at: usize) -> (f64, f64) {
    let value = values.get(at).copied().unwrap_or(0.0);
    let others = [at.checked_sub(1), at.checked_add(1)];
    let apart = others.into_iter().flatten().filter_map(|at| values.get(at));
    (value, apart.fold(0.0, |most, other| f64::max(most, (value - other).abs())))
}

/// `block_iq4_xs`: eight scales of six bits, two of them apart.
fn iq4_xs(block: Block<'_>, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
    for part in 0..8 {
        let high = (block.short(2) >> (part * 2)) & 3;
        let own = u16::from(block.nibble(4, part)) | (high << 4);
        let scale = block.half(0) * (f64::from(own) - 32.0);
        nibbles(block, scale, 8 + part * 16, 16, out, &|scale, code| uneven(scale, code, number));
    }
}

/// `block_tq1_0`: five numbers in a byte, as digits to the base of 3.
fn tq1_0(block: Block<'_>, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
    let grid = Grid::of(block.half(52), 0.0);
    for (from, bytes, digits) in [(0, 32, 5), (32, 16, 5), (48, 4, 4)] {
        let mut power = 1_u8;
        for _ in 0..digits {
            for at in 0..bytes {
                let packed = block.byte(from + at).wrapping_mul(power);
                let digit = (u16::from(packed) * 3) >> 8;
                out.push(number(grid, f64::from(digit) - 1.0));
            }
            power = power.wrapping_mul(3);
        }
    }
}

/// `block_tq2_0`: two bits each.
fn tq2_0(block: Block<'_>, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
    let grid = Grid::of(block.half(64), 0.0);
    for at in 0..256 {
        let code = (block.byte(at / 128 * 32 + at % 32) >> (at % 128 / 32 * 2)) & 3;
        out.push(number(grid, f64::from(code) - 1.0));
    }
}

/// `block_nvfp4`: a scale in E4M3 for 16 numbers; all ones are zero.
fn nvfp4(block: Block<'_>, out: &mut Vec<f64>, number: &impl Fn(Grid, f64) -> f64) {
    for part in 0..4 {
        let scale = match block.byte(part) {
            0x7f => 0.0,
            byte => {
                let (exponent, fraction) = (i32::from((byte >> 3) & 0xf), f64::from(byte & 7));
                let whole = if exponent == 0 { 0.0 } else { 8.0 };
                // Half of it, since the values are doubled.
                (whole + fraction) * 2_f64.powi(exponent.max(1) - 11)
            }
        };
        nibbles(block, scale, 4 + part * 8, 8, out, &|scale, code| e2m1(scale, code, number));
    }
}
