//! Encodings by name, for data that hides in other data: `@inner|zlib|base64` is the part `inner`, compressed
//! and then written in base64.

use data_encoding as de;
use flate2::Compression;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

/// Named bytes of a recipe.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// The part that `text` names, under the encodings it names.
///
/// # Errors
/// The part or the encoding that is not known.
pub fn part(text: &str, parts: &Parts) -> Result<Vec<u8>, String> {
    let mut words = text.split('|');
    let name = words.next().unwrap_or_default();
    let mut data = parts.get(name).cloned().ok_or_else(|| format!("no part `{name}`"))?;
    for encoding in words {
        data = encode(&data, encoding)?;
    }
    Ok(data)
}

/// `data` under one encoding.
///
/// # Errors
/// The encoding that is not known.
pub fn encode(data: &[u8], encoding: &str) -> Result<Vec<u8>, String> {
    let (name, argument) = encoding.split_once(':').unwrap_or((encoding, ""));
    Ok(match name {
        "base64" => de::BASE64.encode(data).into_bytes(),
        "base64url" => de::BASE64URL_NOPAD.encode(data).into_bytes(),
        "base32" => de::BASE32.encode(data).into_bytes(),
        "hex" => de::HEXLOWER.encode(data).into_bytes(),
        "base16" => de::HEXUPPER.encode(data).into_bytes(),
        "base58" => base58(data),
        "base85" => base85(data),
        "escapes" => data.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect(),
        "percent" => data.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect(),
        "reversed" => data.iter().rev().copied().collect(),
        "rot13" => data.iter().map(|byte| rot13(*byte)).collect(),
        "utf16" => data.iter().flat_map(|byte| [*byte, 0]).collect(),
        "xor" => {
            let key = de::HEXLOWER_PERMISSIVE
                .decode(argument.as_bytes())
                .map_err(|error| format!("xor: {error}"))?;
            if key.is_empty() {
                return Err("xor needs a key, as in `xor:5a`".to_owned());
            }
            data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
        }
        "lowbits" => low_bits(data, argument.parse().map_err(|_| "as in `lowbits:3`")?),
        "wrapped" => data.chunks(60).flat_map(|line| [line, b"\n"].concat()).collect(),
        "zlib" | "gzip" | "bz2" | "xz" => {
            compress(data, name).map_err(|error| error.to_string())?
        }
        _ => return Err(format!("no encoding `{encoding}`")),
    })
}

fn compress(data: &[u8], name: &str) -> std::io::Result<Vec<u8>> {
    match name {
        "zlib" => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
            writer.write_all(data)?;
            writer.finish()
        }
        "gzip" => {
            let writer = flate2::GzBuilder::new().mtime(0);
            let mut writer = writer.write(Vec::new(), Compression::default());
            writer.write_all(data)?;
            writer.finish()
        }
        "bz2" => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            writer.write_all(data)?;
            writer.finish()
        }
        _ => {
            let options = lzma_rust2::XzOptions::with_preset(6);
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options)?;
            writer.write_all(data)?;
            writer.finish()
        }
    }
}

/// What a zlib stream in base64 holds.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let stream = de::BASE64.decode(packed).map_err(|error| format!("base64: {error}"))?;
    let mut out = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(&*stream);
    reader.read_to_end(&mut out).map_err(|error| format!("zlib: {error}"))?;
    Ok(out)
}

/// Weights of a layer, 1,024 numbers of four bytes, with `data` in the lowest `count` bits of each.
fn low_bits(data: &[u8], count: usize) -> Vec<u8> {
    let mut bits =
        data.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit) & 1));
    let numbers = (0..1_024_u32).map(|at| {
        let weight = (at.wrapping_mul(2_654_435_761) >> 12) as f32 / 26_214_400.0 - 0.02;
        let mut low = Vec::from_iter(bits.by_ref().take(count));
        if low.is_empty() {
            return weight.to_bits();
        }
        low.resize(count, 0);
        weight.to_bits() >> count << count | low.iter().fold(0, |part, bit| part << 1 | bit)
    });
    numbers.flat_map(u32::to_le_bytes).collect()
}

fn rot13(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte + 13,
        b'n'..=b'z' | b'N'..=b'Z' => byte - 13,
        _ => byte,
    }
}

/// As `base64.b85encode` of Python writes it.
fn base85(data: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut out = Vec::new();
    for chunk in data.chunks(4) {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        let mut value = u32::from_be_bytes(word);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(value % 85) as usize];
            value /= 85;
        }
        out.extend(&digits[..=chunk.len()]);
    }
    out
}

/// As Bitcoin addresses are written.
fn base58(data: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<u32> = Vec::new();
    for byte in data {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += *digit << 8;
            *digit = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    let digits = digits.iter().rev().map(|digit| DIGITS[*digit as usize]);
    std::iter::repeat_n(b'1', zeros).chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_python() {
        let text = |encoding| {
            String::from_utf8(encode(b"hello world", encoding).expect("known")).expect("ascii")
        };
        assert_eq!(text("base64"), "aGVsbG8gd29ybGQ=");
        assert_eq!(text("base85"), "Xk~0{Zy<MXa%^M");
        assert_eq!(text("base58"), "StV1DL6CwTryKyV");
        assert_eq!(text("rot13"), "uryyb jbeyq");
        assert_eq!(encode(b"ab", "xor:01").expect("known"), b"`c");
        assert!(encode(b"ab", "base1000").is_err());
    }

    #[test]
    fn low_bits_of_numbers_are_those_of_the_data() {
        let plain = encode(b"", "lowbits:3").expect("known");
        let hidden = encode(&[0b1010_0111, 0xff], "lowbits:3").expect("known");
        let low = |at: usize| hidden[4 * at] & 7;
        assert_eq!((hidden.len(), [low(0), low(1), low(2)]), (4_096, [0b101, 0b001, 0b111]));
        assert_eq!(hidden[24..], plain[24..]);
    }
}
