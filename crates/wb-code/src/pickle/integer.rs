//! Integers of any length as digits.

/// More bytes than this are printed in hexadecimal: converting them to decimal takes quadratic time,
/// and Python itself refuses to print more than 4,300 digits.
const DECIMAL_BYTES: usize = 1780;

/// A little-endian magnitude as digits: decimal, or `0x` and hexadecimal when it is very long.
pub(super) fn digits(magnitude: &[u8]) -> String {
    if magnitude.len() <= DECIMAL_BYTES {
        return decimal(magnitude);
    }
    let mut text = String::with_capacity(magnitude.len().saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    for byte in magnitude.iter().rev() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

/// A little-endian magnitude in decimal.
pub(super) fn decimal(magnitude: &[u8]) -> String {
    let mut limbs: Vec<u32> = magnitude
        .chunks(4)
        .map(|chunk| {
            let mut wide = [0; 4];
            for (to, from) in wide.iter_mut().zip(chunk) {
                *to = *from;
            }
            u32::from_le_bytes(wide)
        })
        .collect();
    let mut groups = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut remainder: u64 = 0;
        for limb in limbs.iter_mut().rev() {
            let value = (remainder << 32) | u64::from(*limb);
            *limb = u32::try_from(value / 1_000_000_000).unwrap_or(u32::MAX);
            remainder = value % 1_000_000_000;
        }
        groups.push(remainder);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let Some((first, rest)) = groups.split_last() else { return "0".to_owned() };
    let mut text = first.to_string();
    for group in rest.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    text
}
