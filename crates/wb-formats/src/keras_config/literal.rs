//! Base64 and Latin-1 inside JSON string literals, decoded as Keras decodes them, with the offset in the
//! file of every decoded byte.

use wb_core::{Bytes, Program, Span};

/// Bytes that were encoded in a string literal.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The bytes.
    pub(super) data: Vec<u8>,
    /// For each byte, the offset in the literal's artifact where its encoding begins.
    starts: Vec<u64>,
    /// One past the last byte of the literal.
    end: u64,
}

impl Decoded {
    fn push(&mut self, byte: u8, start: u64) {
        self.data.push(byte);
        self.starts.push(start);
    }

    /// The bytes of the file that encode `span` of the decoded bytes.
    pub(super) fn encoded(&self, span: Span) -> Span {
        let at = |index: u64| {
            let start = usize::try_from(index).ok().and_then(|index| self.starts.get(index));
            start.copied().unwrap_or(self.end)
        };
        let (start, end) = (at(span.start), at(span.end()));
        Span::new(start, end.saturating_sub(start))
    }

    /// Replaces the spans of a program, which count in the decoded bytes, by those of the file.
    pub(super) fn relocate(&self, program: &mut Program, whole: Span) {
        program.span = whole;
        for op in &mut program.ops {
            op.span = self.encoded(op.span);
            if let wb_core::OpKind::Define { body, .. } = &mut op.kind {
                self.relocate(body, whole);
            }
        }
    }
}

/// Decodes base64 as `codecs.decode(text, 'base64')` does: characters outside the alphabet are skipped,
/// and a complete padding ends it. `literal` is a JSON string, quotes included.
pub(super) fn base64(literal: Bytes<'_>, limit: usize) -> Decoded {
    let mut out = Decoded { end: literal.span().end(), ..Decoded::default() };
    let mut bits = 0_u32;
    let mut count = 0_u32;
    let mut group = 0_u64;
    let mut pads = 0_u32;
    for (character, start) in characters(literal) {
        if character == '=' && count >= 2 {
            pads = pads.saturating_add(1);
            if count.saturating_add(pads) >= 4 {
                break;
            }
        }
        let Some(digit) = digit(character) else { continue };
        pads = 0;
        if count == 0 {
            group = start;
        }
        bits = (bits.checked_shl(6).unwrap_or(0) | digit) & 0xff_ffff;
        count = count.saturating_add(1);
        // The second, third and fourth digit each complete a byte.
        let byte = match count {
            2 => bits.checked_shr(4),
            3 => bits.checked_shr(2),
            4 => Some(bits),
            _ => None,
        };
        if let Some(byte) = byte {
            out.push(u8::try_from(byte & 0xff).unwrap_or(0), group);
            group = start;
        }
        if count == 4 {
            count = 0;
        }
        if out.data.len() >= limit {
            break;
        }
    }
    out
}

/// Decodes text as `text.encode('raw_unicode_escape')` does, which is how Keras 1 stored code.
pub(super) fn raw_unicode(literal: Bytes<'_>, limit: usize) -> Decoded {
    let mut out = Decoded { end: literal.span().end(), ..Decoded::default() };
    for (character, start) in characters(literal).take(limit) {
        match u8::try_from(u32::from(character)) {
            Ok(byte) => out.push(byte, start),
            Err(_) => {
                for byte in format!("\\u{:04x}", u32::from(character)).bytes() {
                    out.push(byte, start);
                }
            }
        }
    }
    out
}

/// The first `N` base64 digits of `text`.
pub(super) fn first_digits(text: &str, count: usize) -> String {
    text.chars().filter(|character| digit(*character).is_some()).take(count).collect()
}

fn digit(character: char) -> Option<u32> {
    let code = u32::from(character);
    let (base, value) = match character {
        'A'..='Z' => ('A', 0),
        'a'..='z' => ('a', 26),
        '0'..='9' => ('0', 52),
        '+' => ('+', 62),
        '/' => ('/', 63),
        _ => return None,
    };
    code.checked_sub(u32::from(base))?.checked_add(value)
}

/// The characters of a JSON string literal, escapes resolved, with the offset of each.
fn characters(literal: Bytes<'_>) -> impl Iterator<Item = (char, u64)> + '_ {
    let inner = literal.from(1).head(literal.len().saturating_sub(2));
    let mut cursor = inner.cursor();
    std::iter::from_fn(move || {
        let start = cursor.offset();
        let first = cursor.u8()?;
        let character = match first {
            b'\\' => match cursor.u8()? {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => {
                    let digits = std::str::from_utf8(cursor.take(4)?.as_slice()).ok()?;
                    let code = u32::from_str_radix(digits, 16).ok()?;
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                other => char::from(other),
            },
            0..0x80 => char::from(first),
            _ => {
                let rest = cursor.rest().head(3);
                let mut sequence = vec![first];
                sequence.extend_from_slice(rest.as_slice());
                let valid = sequence.utf8_chunks().next().map(|chunk| chunk.valid());
                let character = valid.and_then(|valid| valid.chars().next());
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                cursor.take(character.len_utf8().min(4).saturating_sub(1));
                character
            }
        };
        Some((character, start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(literal: &str) -> Decoded {
        base64(Bytes::at(literal.as_bytes(), 100), 1000)
    }

    #[test]
    fn base64_is_read_as_python_reads_it() {
        assert_eq!(decode(r#""aGVsbG8=""#).data, b"hello");
        assert_eq!(decode(r#""aGVs\nbG8=\n""#).data, b"hello");
        assert_eq!(decode(r#""!aG*Vs bG8=""#).data, b"hello");
        assert_eq!(decode(r#""aGVsbG8=aGVs""#).data, b"hello");
        assert_eq!(decode(r#""""#).data, b"");
    }

    #[test]
    fn every_byte_knows_where_it_was_encoded() {
        let literal = r#""aGVs\nbG8=""#;
        let decoded = decode(literal);
        let span = decoded.encoded(Span::new(3, 2));
        let start = usize::try_from(span.start - 100).unwrap();
        assert_eq!(&literal[start..start + 3], "bG8");
        assert_eq!(decoded.encoded(Span::new(0, 1)).start, 101);
    }

    #[test]
    fn latin_text_is_read_as_python_reads_it() {
        let decoded = raw_unicode(Bytes::new("\"c\u{e3}\\u0000\u{20ac}\"".as_bytes()), 100);
        assert_eq!(decoded.data, b"c\xe3\0\\u20ac");
    }
}
