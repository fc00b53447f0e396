//! Text that is another file in base64, hexadecimal digits or the like, from the first byte to the last.

use crate::{Family, Reader, Request, carve, plain_text};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Limits, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Text that is another file in base64 or hexadecimal digits",
    endings: &[".b64", ".base64", ".hex"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Longer text is not decoded, in bytes.
const LONGEST: usize = 64 << 20;

/// Nothing but digits, in which a model, an archive or an executable stands.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    const DECODED: u64 = 256 << 20;
    let text = digits(input)?;
    let mut budget = Budget::new(Limits { decoded_bytes: DECODED, ..Limits::default() });
    let found = carve::hidden(text.as_bytes(), &mut Content::default(), &mut budget)?;
    found.data.is_err().then_some(Strength::Weak)
}

/// The text when it looks like nothing but digits.
fn digits(input: Bytes<'_>) -> Option<&str> {
    let first = input.as_slice().trim_ascii_start().first()?;
    if !(first.is_ascii_alphanumeric() || b"=+/-_".contains(first)) || !carve::is_digits(input.head(512).as_slice()) {
        return None;
    }
    plain_text::text(input, LONGEST)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = digits(input) else { return content };
    if let Some(found) = carve::hidden(text.as_bytes(), &mut content, budget)
        && let Err(data) = found.data
    {
        content.children.push(Child { name: found.how, data: ChildData::Owned(data) });
    }
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, parse, survive};

    /// `os.system('id')` as a pickle of protocol 4, in base64 with line ends.
    const ENCODED: &[u8] = b"gASMAm9zjAZzeXN0\nZW2TjAJpZIVSLg==\n";

    #[test]
    fn a_file_in_digits_is_a_child() {
        assert_eq!(claims(ENCODED), "(encoded-text)");
        let content = parse("encoded-text", ENCODED);
        assert_eq!(children(ENCODED, &content)[0].0, "base64");
        assert!(children(ENCODED, &content)[0].1.starts_with(b"\x80\x04"));
    }

    #[test]
    fn words_digests_and_prose_in_digits_are_not_claimed() {
        for text in [
            "internationalization",
            "8b7df143d91c716ecfa5fc1730022f6b421b05cedee8fd52b1fc65a96030ad52",
            "SnVzdCBwbGFpbiB3b3JkcyBpbiBhIGZpbGUsIG5vdGhpbmcgZWxzZS4=",
        ] {
            assert!(!claims(text.as_bytes()).contains("encoded-text"), "{text}");
        }
    }

    #[test]
    fn damage_is_survived() {
        survive("encoded-text", ENCODED);
    }
}
