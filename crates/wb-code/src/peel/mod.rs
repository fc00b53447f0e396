//! Taking encodings off strings and bytes until they are readable.
//!
//! [`peel`] yields a [`Peeled`] per layer. A layer is taken off only when what is under it means more than
//! what was there: every word of English is also valid base64.

pub(crate) mod codec;
pub(crate) mod judge;
mod key;

use judge::Meaning;
use wb_core::{Budget, Exhausted, Gap};

/// One way to read some bytes: the encodings that were taken off and what was under them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeled {
    /// The encodings, outermost first, such as `base64`, `zlib`.
    pub layers: Vec<String>,
    /// What was under them.
    pub data: Vec<u8>,
}

/// How many encodings are taken off one after the other.
const MAX_LAYERS: usize = 16;

/// How many layers ahead are tried to see whether a layer that means nothing by itself leads on.
const MAX_AHEAD: u32 = 2;

/// Takes encodings off `data` as long as the result is more readable or has a known structure. Yields one
/// entry per layer reached, outermost first; nothing when there is no encoding.
pub fn peel(data: &[u8], budget: &mut Budget, gaps: &mut Vec<Gap>) -> Vec<Peeled> {
    let mut reached: Vec<Peeled> = Vec::new();
    let mut layers: Vec<String> = Vec::new();
    let mut current = data.to_vec();
    for _ in 0..MAX_LAYERS {
        match next_layer(&current, budget, MAX_AHEAD) {
            Ok(Some((name, decoded))) => {
                layers.push(name);
                current.clone_from(&decoded);
                reached.push(Peeled { layers: layers.clone(), data: decoded });
            }
            Ok(None) => return reached,
            Err(exhausted) => {
                let why = format!("budget of {} ran out while decoding", exhausted.name());
                gaps.push(Gap::somewhere(why));
                return reached;
            }
        }
    }
    gaps.push(Gap::somewhere(format!("more than {MAX_LAYERS} encodings in each other")));
    reached
}

type Layer = (String, Vec<u8>);

/// The outermost encoding of `data` and what is under it.
fn next_layer(data: &[u8], budget: &mut Budget, ahead: u32) -> Result<Option<Layer>, Exhausted> {
    budget.steps(u64::try_from(data.len()).unwrap_or(u64::MAX))?;
    if let Some((name, decoded)) = decompress(data, budget) {
        budget.decoded_bytes(u64::try_from(decoded.len()).unwrap_or(u64::MAX))?;
        return Ok(Some((name.to_owned(), decoded)));
    }
    if data.len() < 8 {
        return Ok(None);
    }
    let before = judge::meaning(data);
    for (name, decoded) in text_candidates(data, before) {
        budget.decoded_bytes(u64::try_from(decoded.len()).unwrap_or(u64::MAX))?;
        if is_worth(name, &decoded, before, budget, ahead)? {
            return Ok(Some((name.to_owned(), decoded)));
        }
    }
    if before == Meaning::None {
        return key::found(data, budget);
    }
    Ok(None)
}

/// Whether a decoded candidate means more than what it was decoded from.
fn is_worth(
    name: &str,
    decoded: &[u8],
    before: Meaning,
    budget: &mut Budget,
    ahead: u32,
) -> Result<bool, Exhausted> {
    let after = judge::meaning(decoded);
    let weak = matches!(name, "base85" | "ascii85" | "base32" | "base58" | "rot13" | "reversed");
    match after {
        Meaning::Structure => return Ok(!weak || decoded.len() >= 16),
        Meaning::Code => return Ok(before < Meaning::Code || !weak),
        // Prose under a text encoding is meant when it is too long to be chance.
        Meaning::Prose if !weak && decoded.len() >= 12 && decoded.is_ascii() => {
            let words = decoded.contains(&b' ') || decoded.len() >= 18;
            if words && before < Meaning::Code {
                return Ok(true);
            }
        }
        _ => {}
    }
    if ahead == 0 || before == Meaning::Code {
        return Ok(false);
    }
    let deeper = next_layer(decoded, budget, ahead.saturating_sub(1))?;
    Ok(deeper.is_some_and(|(_, inner)| judge::meaning(&inner) >= Meaning::Code))
}

/// Compressed streams announce themselves.
fn decompress(data: &[u8], budget: &Budget) -> Option<(&'static str, Vec<u8>)> {
    let limit = budget.decoded_bytes_left();
    if data.starts_with(&[0x1f, 0x8b, 8]) {
        return codec::gzip(data, limit).map(|decoded| ("gzip", decoded));
    }
    if data.starts_with(b"BZh") {
        return codec::bz2(data, limit).map(|decoded| ("bz2", decoded));
    }
    if data.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        return codec::lzma(data, limit).map(|decoded| ("xz", decoded));
    }
    if data.starts_with(&[0x5d, 0, 0]) && data.len() > 13 {
        return codec::lzma(data, limit).map(|decoded| ("lzma", decoded));
    }
    if judge::is_zlib(data) {
        return codec::zlib(data, limit).map(|decoded| ("zlib", decoded));
    }
    None
}

/// Every text encoding that `data` could be in, the most telling first.
fn text_candidates(data: &[u8], before: Meaning) -> Vec<(&'static str, Vec<u8>)> {
    let mut found: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let nuls = data.iter().filter(|byte| **byte == 0).count();
    let bom = data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]);
    if bom || nuls.saturating_mul(5) >= data.len().saturating_mul(2) {
        found.extend(codec::utf16(data).map(|decoded| ("utf-16", decoded)));
    }
    if judge::printable(data).is_none() || !data.is_ascii() {
        return found;
    }
    if before != Meaning::Code || count(data, b"\\x") >= 8 {
        found.extend(escaped(data));
    }
    let trimmed = data.trim_ascii();
    let spaces = trimmed.iter().filter(|byte| **byte == b' ').count();
    let digits = trimmed.iter().filter(|byte| byte.is_ascii_digit()).count();
    let length = trimmed.len();
    if length >= 12 {
        found.extend(codec::hex(trimmed).map(|decoded| ("hex", decoded)));
        found.extend(numbers(trimmed).map(|decoded| ("character codes", decoded)));
    }
    // Base64 has no spaces, but may be wrapped.
    if length >= 12 && spaces == 0 {
        found.extend(codec::base64(trimmed).map(|decoded| ("base64", decoded)));
        let reversed: Vec<u8> = trimmed.iter().rev().copied().collect();
        if trimmed.first() == Some(&b'=') || length >= 24 {
            let decoded = codec::base64(&reversed).or_else(|| codec::hex(&reversed));
            found.extend(decoded.map(|decoded| ("reversed base64", decoded)));
        }
        if length >= 16 && length.is_multiple_of(8) || trimmed.ends_with(b"=") {
            found.extend(codec::base32(trimmed).map(|decoded| ("base32", decoded)));
        }
        if length >= 20 {
            found.extend(codec::base58(trimmed).map(|decoded| ("base58", decoded)));
        }
        if length >= 20 && digits > 0 {
            found.extend(codec::base85(trimmed).map(|decoded| ("base85", decoded)));
            found.extend(codec::ascii85(trimmed).map(|decoded| ("ascii85", decoded)));
        }
    }
    if before < Meaning::Code {
        found.push(("reversed", data.iter().rev().copied().collect()));
        found.push(("rot13", codec::rot13(data)));
    }
    found
}

/// Backslash and percent escapes, when the text is mostly that.
fn escaped(data: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let quarter = data.len().checked_div(4).unwrap_or(0);
    if count(data, b"\\x").saturating_add(count(data, b"\\u")).saturating_mul(4) > quarter {
        return Some(("escapes", codec::escapes(data)));
    }
    let percents = count(data, b"%");
    (percents >= 4 && percents.saturating_mul(3) > quarter)
        .then(|| ("percent", codec::percent(data)))
        // Signs that stand for values, as in `%s`, are no escapes: nothing was taken out.
        .filter(|(_, decoded)| decoded != data)
}

fn count(data: &[u8], needle: &[u8]) -> usize {
    memchr::memmem::find_iter(data, needle).count()
}

/// `[105, 100]`, `105 100`, `chr(105)+chr(100)`, `String.fromCharCode(105,100)`: the characters.
fn numbers(data: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?;
    let inside = text.replace("String.fromCharCode", "").replace("chr", "");
    let mut decoded = Vec::new();
    for number in
        inside.split(|one: char| !one.is_ascii_alphanumeric()).filter(|one| !one.is_empty())
    {
        let value = match number.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16).ok()?,
            None => number.parse::<u8>().ok()?,
        };
        decoded.push(value);
    }
    (decoded.len() >= 4 && !inside.contains('.')).then_some(decoded)
}

#[cfg(test)]
mod tests;
