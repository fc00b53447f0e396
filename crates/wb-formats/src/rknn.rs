//! Models of Rockchip's NPU (`.rknn`): compiled networks with a description in JSON behind them.
//!
//! Rockchip does not document the layout. The header and the description are those that Netron and public parsers read:
//! the mark in eight bytes, a version and a length of eight bytes each, 40 bytes more up to version 1, the compiled
//! network, and a text with its length in front.

use crate::{Family, Reader, Request, json, spanned_json};
use wb_core::{Budget, Bytes, Content, Field, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "RKNN model for the NPU of Rockchip",
    endings: &[".rknn"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Marks, padded to eight bytes; the second one stands before models that are encrypted.
const PLAIN: &[u8] = b"RKNN\0\0\0\0";
const ENCRYPTED: &[u8] = b"CYPTRKNN";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let marked = input.starts_with(PLAIN) || input.starts_with(ENCRYPTED);
    (marked && input.u64_le(8)? < 1 << 16 && input.len() >= 24).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let version = input.u64_le(8).unwrap_or(0);
    let len = input.u64_le(16).unwrap_or(0);
    let header = input.head(24).span();
    let (path, value) = ("version".to_owned(), version.to_string());
    content.fields.push(Field { path, value, span: Some(header) });
    let start: usize = if version <= 1 { 64 } else { 24 };
    let network = input.from(start).head(usize::try_from(len).unwrap_or(usize::MAX));
    if (network.len() as u64) < len {
        content.oddities.push(Oddity {
            kind: OddityKind::Truncated,
            place: "header".to_owned(),
            span: Some(header),
            what: format!("the network is said to have {len} bytes, the file has {}", network.len()),
        });
    }
    let why = if input.starts_with(ENCRYPTED) {
        "the network is encrypted"
    } else {
        "the layout of networks compiled for the NPU is not documented"
    };
    content.gaps.push(Gap::over(network.span(), why));
    description(input.from(start.saturating_add(network.len())), &mut content, budget);
    content
}

/// The text behind the network: a length, and JSON. What follows belongs to nothing.
fn description(rest: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let Some(len) = rest.u64_le(0).and_then(|len| usize::try_from(len).ok()) else { return };
    let text = rest.from(8).head(len);
    if let Some(value) = spanned_json::document(text, "description", content, budget) {
        json::flatten(&value, &mut content.fields);
    }
    let behind = rest.from(8_usize.saturating_add(text.len()));
    if !behind.is_empty() {
        content.oddities.push(Oddity {
            kind: OddityKind::TrailingBytes,
            place: "behind the description".to_owned(),
            span: Some(behind.span()),
            what: format!("{} bytes follow the description", behind.len()),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    fn model(text: &str, tail: &[u8]) -> Vec<u8> {
        let len = (text.len() as u64).to_le_bytes();
        let head = [b"RKNN\0\0\0\0", &6_u64.to_le_bytes()[..], &16_u64.to_le_bytes()].concat();
        [&head, &[7; 16][..], &len, text.as_bytes(), tail].concat()
    }

    #[test]
    fn the_description_is_read_and_the_network_is_not() {
        let bytes = model(r#"{"target_platform": ["rk3588"], "version": "2.3.0"}"#, b"");
        assert_eq!(claims(&bytes), "rknn");
        let content = parse("rknn", &bytes);
        let fields: Vec<&str> = content.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(fields, ["version", "target_platform[0]", "version"]);
        assert_eq!(gaps(&content), ["the layout of networks compiled for the NPU is not documented"]);
        assert!(content.oddities.is_empty());
        assert!(has(&parse("rknn", &model("{}", b"tail")), OddityKind::TrailingBytes));
        assert!(has(&parse("rknn", &bytes[..30]), OddityKind::Truncated));
    }

    #[test]
    fn other_files_are_none() {
        assert_eq!(claims(b"RKNN is a format of Rockchip"), "");
        survive("rknn", &model("{}", b""));
    }
}
