//! RAR archives, versions 4 and 5: recognised, and not read. No maintained decoder in Rust has a licence that
//! fits.
//!
//! Specification: "RAR 5.0 archive format" on the pages of its author.

use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Field, Gap, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "RAR archive (not read)",
    endings: &[".rar"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

const SIGNATURES: [(&[u8], &str); 2] = [(b"Rar!\x1a\x07\x01\0", "5"), (b"Rar!\x1a\x07\0", "4")];

fn version(input: Bytes<'_>) -> Option<&'static str> {
    SIGNATURES.iter().find(|(start, _)| input.starts_with(start)).map(|(_, version)| *version)
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    version(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, _budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let value = version(input).unwrap_or_default().to_owned();
    content.fields.push(Field { path: "version".to_owned(), value, span: Some(input.head(8).span()) });
    content.gaps.push(Gap::over(input.span(), "the members of RAR archives are not read"));
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, parse, survive};

    #[test]
    fn archives_are_named_and_unread() {
        let bytes = b"Rar!\x1a\x07\x01\0 and so on";
        assert_eq!(claims(bytes), "rar");
        assert_eq!(gaps(&parse("rar", bytes)), ["the members of RAR archives are not read"]);
        assert_eq!(claims(b"Rar! said the lion"), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("rar", b"Rar!\x1a\x07\0");
    }
}
