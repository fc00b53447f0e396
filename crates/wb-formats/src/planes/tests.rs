use super::*;

/// Numbers that look like chance: splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Weights around zero, as trained layers have them.
    fn weights(&mut self, count: usize) -> Vec<f32> {
        let unit = |bits: u64| (bits >> 40) as f32 / (1 << 24) as f32 - 0.5;
        (0..count).map(|_| (unit(self.next()) + unit(self.next())) * 0.04).collect()
    }
}

fn bytes(weights: &[f32]) -> Vec<u8> {
    weights.iter().flat_map(|weight| weight.to_le_bytes()).collect()
}

/// Puts `payload` into the low bits of each number, the highest bit of a byte first.
fn hide(numbers: &mut [u8], len: usize, payload: &[u8], count: u32) {
    let mask = u8::MAX >> (8 - count);
    let bits: Vec<u8> =
        payload.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    for (number, bits) in numbers.chunks_exact_mut(len).zip(bits.chunks(count as usize)) {
        let filled = bits.iter().chain(&[0; 8]).take(count as usize);
        number[0] = (number[0] & !mask) | filled.fold(0, |part, bit| part << 1 | bit);
    }
}

const SCRIPT: &[u8] = b"#!/bin/sh\necho x\n";
const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06echo x\x85R.";

#[test]
fn files_in_low_bits_are_taken_out() {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    let zip = crate::testing::Zip::new().stored("a.txt", b"words").finish();
    for payload in [SCRIPT, PICKLE, &elf, &zip] {
        for count in 1..=8 {
            let mut numbers = bytes(&Chance(7).weights(4_096));
            hide(&mut numbers, 4, payload, count);
            let found = file(Bytes::new(&numbers), "F32").expect("found");
            assert!(found.data.starts_with(payload), "{count}: {}", found.place);
        }
    }
    // Behind a length and a digest, as the tool of HiddenLayer writes it.
    let mut numbers = bytes(&Chance(6).weights(4_096));
    hide(&mut numbers, 4, &[&17_u32.to_le_bytes()[..], &[b'7'; 64], SCRIPT].concat(), 3);
    let found = file(Bytes::new(&numbers), "F32").expect("found");
    assert!(found.data.starts_with(SCRIPT));
    assert_eq!(found.place, "the 3 lowest bits of each number");
    // Behind a length, and in numbers of two bytes.
    let mut numbers = bytes(&Chance(8).weights(4_096));
    hide(&mut numbers, 2, &[&17_u32.to_le_bytes()[..], SCRIPT].concat(), 1);
    let found = file(Bytes::new(&numbers), "BF16").expect("found");
    assert!(found.data.starts_with(SCRIPT));
    assert_eq!(found.place, "the lowest bit of each number");
}

#[test]
fn bits_may_be_counted_from_the_lowest() {
    for count in 1..=7 {
        let mut numbers = bytes(&Chance(5).weights(4_096));
        let bits: Vec<u8> =
            SCRIPT.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1)).collect();
        for (number, bits) in numbers.chunks_exact_mut(4).zip(bits.chunks(count)) {
            let part = bits.iter().rev().fold(0, |part, bit| part << 1 | bit);
            number[0] = (number[0] & !mask(count as u32)) | part;
        }
        let found = file(Bytes::new(&numbers), "F32").expect("found");
        assert!(found.data.starts_with(SCRIPT), "{count}: {}", found.place);
    }
}

#[test]
fn files_in_low_bytes_are_taken_out() {
    let mut numbers = bytes(&Chance(9).weights(4_096));
    for (number, part) in numbers.chunks_exact_mut(4).zip(SCRIPT.chunks(3)) {
        number[..part.len()].copy_from_slice(part);
    }
    let found = file(Bytes::new(&numbers), "float32").expect("found");
    assert!(found.data.starts_with(SCRIPT));
    assert_eq!(found.place, "the 3 lowest bytes of each number");
}

#[test]
fn ten_million_ordinary_numbers_hide_nothing() {
    let mut chance = Chance(1);
    for _ in 0..10_000 {
        let weights = bytes(&chance.weights(1_000));
        for dtype in ["F32", "F16", "BF16", "F64"] {
            assert!(file(Bytes::new(&weights), dtype).is_none());
        }
    }
    for weights in [vec![0.0; 4_096], vec![1.0; 4_096], vec![0.125; 4_096]] {
        assert!(file(Bytes::new(&bytes(&weights)), "F32").is_none());
    }
}

#[test]
fn tensors_without_a_number_are_told() {
    let told = |weights: &[f32]| not_numbers(Bytes::new(&bytes(weights)), "F32");
    assert_eq!(told(&[f32::NAN; 64]), Some("not a number (NaN)"));
    assert_eq!(told(&[1e-42; 64]), Some("a denormal number"));
    assert_eq!(told(&[f32::INFINITY; 64]), Some("infinite"));
    let half = |bits: u16| bits.to_le_bytes().repeat(64);
    assert_eq!(not_numbers(Bytes::new(&half(0x7e00)), "F16"), Some("not a number (NaN)"));
    assert_eq!(not_numbers(Bytes::new(&half(0x7fc0)), "BF16"), Some("not a number (NaN)"));
    let mut some = [f32::NAN; 64];
    some[63] = 1.0;
    for weights in [&[0.0; 64][..], &[f32::NEG_INFINITY; 64], &[f32::NAN; 8], &some] {
        assert_eq!(told(weights), None);
    }
    assert_eq!(not_numbers(Bytes::new(&half(0x7bff)), "F16"), None);
}
