//! [`source`]: Python source in the encoding that it declares. What a reader of UTF-8 takes for a comment or a name may
//! be code in another one: `# coding: utf-7` has hidden calls so.
//!
//! Specification: PEP 263; for the names, `Lib/encodings/aliases.py` of CPython.

use crate::plain_text;
use data_encoding::BASE64_NOPAD;
use std::borrow::Cow;
use wb_core::Bytes;

/// What a file of source is.
pub(super) enum Source<'a> {
    /// Its text.
    Text(Cow<'a, str>),
    /// It declares an encoding that is not known.
    Unknown(&'a str),
}

/// `input` as text, at most `most` bytes; `None` when it is none.
pub(super) fn source(input: Bytes<'_>, most: usize) -> Option<Source<'_>> {
    let Some(name) = declared(input) else {
        return plain_text::text(input, most).map(|text| Source::Text(text.into()));
    };
    let bytes = (input.len() <= most).then_some(input.as_slice())?;
    let name_in_lists = name.to_ascii_lowercase().replace('_', "-");
    let text = match name_in_lists.as_str() {
        "utf-7" | "utf7" | "u7" | "unicode-1-1-utf-7" => utf_7(bytes)?.into(),
        "unicode-escape" | "unicodeescape" | "raw-unicode-escape" => unescaped(bytes).into(),
        "rot13" | "rot-13" => rot_13(bytes)?.into(),
        other => match encoding(other) {
            Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
            None => return Some(Source::Unknown(name)),
        },
    };
    (!text.contains('\0')).then_some(Source::Text(text))
}

/// The encoding that one of the first two lines declares, when it is not UTF-8.
fn declared(input: Bytes<'_>) -> Option<&str> {
    const LOOKED_AT: usize = 4096;
    let head = input.head(LOOKED_AT).as_slice();
    if head.starts_with(b"\xef\xbb\xbf") {
        return None;
    }
    let mut lines = head.split(|byte| matches!(byte, b'\n' | b'\r'));
    let first = lines.next()?.trim_ascii();
    let name = declaration(first).or_else(|| {
        let second = lines.find(|line| !line.is_empty())?;
        (first.is_empty() || first.starts_with(b"#")).then(|| declaration(second.trim_ascii()))?
    })?;
    let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
    (!plain.starts_with("utf8")).then_some(name)
}

/// The name in a comment such as `# -*- coding: latin-1 -*-`.
fn declaration(line: &[u8]) -> Option<&str> {
    let comment = line.strip_prefix(b"#")?;
    let at = comment.windows(7).position(|part| matches!(part, b"coding:" | b"coding="))?;
    let rest = comment.get(at.checked_add(7)?..)?.trim_ascii_start();
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let end = rest.iter().position(|byte| !of_name(byte)).unwrap_or(rest.len());
    std::str::from_utf8(rest.get(..end)?).ok().filter(|name| !name.is_empty())
}

/// The encoding that Python means by `name`.
fn encoding(name: &str) -> Option<&'static encoding_rs::Encoding> {
    let label = match name {
        "latin-1" | "latin" | "l1" | "8859" | "cp819" => "latin1",
        "cp932" | "ms932" | "mskanji" | "ms-kanji" => "shift_jis",
        "cp936" | "936" => "gbk",
        "cp949" | "949" | "ms949" | "uhc" => "euc-kr",
        "cp950" | "950" => "big5",
        "mac-roman" => "macintosh",
        other => other,
    };
    encoding_rs::Encoding::for_label(label.as_bytes())
        .or_else(|| encoding_rs::Encoding::for_label(label.replace('-', "_").as_bytes()))
}

/// RFC 2152: `+`, base64 of UTF-16, and `-` or whatever base64 does not have.
fn utf_7(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut rest = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())?;
    while let Some((before, behind)) = rest.split_once('+') {
        text.push_str(before);
        let of_base64 = |one: char| one.is_ascii_alphanumeric() || matches!(one, '+' | '/');
        let end = behind.find(|one| !of_base64(one)).unwrap_or(behind.len());
        let (packed, after) = behind.split_at_checked(end)?;
        if packed.is_empty() {
            text.push('+');
        } else {
            text.push_str(&utf_16(packed)?);
        }
        rest = after.strip_prefix('-').unwrap_or(after);
    }
    text.push_str(rest);
    Some(text)
}

/// Base64 without padding of UTF-16; bits behind the last whole number are left out.
fn utf_16(packed: &str) -> Option<String> {
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let lenient = spec.encoding().ok()?;
    // One letter more than whole bytes need holds padding bits alone.
    let whole = if packed.len() % 4 == 1 { packed.len().saturating_sub(1) } else { packed.len() };
    let bytes = lenient.decode(packed.get(..whole)?.as_bytes()).ok()?;
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    Some(char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Escapes as in a literal: `\x0a`, `\u000a`, `\U0000000a`, `\n`, `\12`.
fn unescaped(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        let Some(kind) = behind.chars().next() else { break };
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='7' => {
                let end = behind.chars().take(3).take_while(|one| one.is_digit(8)).count();
                out.extend(behind.get(..end).and_then(|octal| u32::from_str_radix(octal, 8).ok()).and_then(char::from_u32));
                rest = behind.get(end..).unwrap_or_default();
                continue;
            }
            'n' => {
                out.push('\n');
                0
            }
            't' => {
                out.push('\t');
                0
            }
            'r' => {
                out.push('\r');
                0
            }
            '\n' => 0,
            '\\' | '\'' | '"' => {
                out.push(kind);
                0
            }
            _ => {
                out.push('\\');
                rest = behind;
                continue;
            }
        };
        let after = behind.get(kind.len_utf8()..).unwrap_or_default();
        let number = after.get(..digits).filter(|digits| !digits.is_empty());
        out.extend(number.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32));
        rest = after.get(digits..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Python 2 reads source so.
fn rot_13(bytes: &[u8]) -> Option<String> {
    let turned = |byte: u8| match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte.saturating_add(13),
        b'n'..=b'z' | b'N'..=b'Z' => byte.saturating_sub(13),
        other => other,
    };
    String::from_utf8(bytes.iter().copied().map(turned).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<String> {
        match source(Bytes::new(bytes), 1 << 20)? {
            Source::Text(text) => Some(text.into_owned()),
            Source::Unknown(name) => Some(format!("unknown {name}")),
        }
    }

    #[test]
    fn source_is_read_in_the_encoding_that_it_declares() {
        for (bytes, expected) in [
            (&b"# coding: latin-1\nx = '\xe9'"[..], "# coding: latin-1\nx = 'é'"),
            (b"#!/bin/x\n# vim: set fileencoding=big5 :\nx = '\xa4\xa4'", "#!/bin/x\n# vim: set fileencoding=big5 :\nx = '中'"),
            (b"# coding: utf_7\n+AG8AcwAuAHMAeQBzAHQAZQBt-('id') +-", "# coding: utf_7\nos.system('id') +"),
            (b"# coding: unicode_escape\n# \\x0aimport os\\u0020#\\12", "# coding: unicode_escape\n# \nimport os #\n"),
            (b"# pbqvat: k\n# coding: rot13\nvzcbeg bf", "# coding: x\n# pbqvat: ebg13\nimport os"),
            (b"# coding: utf-8\nx = '\xc3\xa9'", "# coding: utf-8\nx = 'é'"),
            (b"# coding: own\nx = 1", "unknown own"),
            (b"x = 1\n\n# coding: utf-7\n+AG8-", "x = 1\n\n# coding: utf-7\n+AG8-"),
        ] {
            assert_eq!(read(bytes).as_deref(), Some(expected));
        }
        assert_eq!(read(b"x = '\xe9'"), None);
    }
}
