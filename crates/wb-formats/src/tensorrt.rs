//! Engines of TensorRT (`.engine`, `.plan`): networks compiled for one kind of GPU.
//!
//! NVIDIA does not document the layout. The mark, the version and the length are those that Netron reads
//! (`source/tensorrt.js` in `lutzroeder/netron`); what follows is not read, and the engine says so.

use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Field, Gap, Oddity, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorRT engine",
    endings: &[".engine", ".plan", ".trt"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The marks of engines: plain ones, and those that other versions of TensorRT can load.
const MARKS: [&[u8; 4]; 2] = [b"ptrt", b"ftrt"];
/// Longest description in front of an engine, in bytes: Ultralytics writes JSON there, with its length first.
const DESCRIPTION: u32 = 1 << 16;
/// The version up to which a word stands before the length.
const SHORT: u32 = 0x2b;

/// The index at which the engine begins.
fn begins(input: Bytes<'_>) -> Option<usize> {
    let marked = |at: usize| MARKS.iter().any(|mark| input.from(at).starts_with(*mark));
    let behind = |len: u32| {
        let at = usize::try_from(len).ok()?.checked_add(4)?;
        (len <= DESCRIPTION && input.byte(4) == Some(b'{') && marked(at)).then_some(at)
    };
    if marked(0) { Some(0) } else { behind(input.u32_le(0)?) }.filter(|at| input.from(*at).len() >= 24)
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    begins(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, _budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(at) = begins(input) else { return content };
    let engine = input.from(at);
    let version = engine.u32_le(4).unwrap_or(0);
    let span = Some(engine.head(24).span());
    let (path, value) = ("version".to_owned(), version.to_string());
    content.fields.push(Field { path, value, span });
    if at > 0 {
        let text = String::from_utf8_lossy(input.from(4).head(at.saturating_sub(4)).as_slice());
        let (path, value) = ("description".to_owned(), text.into_owned());
        content.fields.push(Field { path, value, span: Some(input.head(at).span()) });
    }
    let len = engine.u64_le(if version <= SHORT { 16 } else { 12 }).unwrap_or(0);
    if len > engine.len() as u64 {
        content.oddities.push(Oddity {
            kind: OddityKind::Truncated,
            place: "header".to_owned(),
            span,
            what: format!("the engine is said to have {len} bytes, the file has {}", engine.len()),
        });
    }
    content.gaps.push(Gap::over(engine.span(), "the layout of TensorRT engines is not documented"));
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    fn engine(len: u64) -> Vec<u8> {
        [&b"ftrt"[..], &58_u32.to_le_bytes(), &[0; 4], &len.to_le_bytes(), &[0; 40]].concat()
    }

    #[test]
    fn an_engine_is_named_and_not_taken_as_read() {
        let bytes = engine(60);
        assert_eq!(claims(&bytes), "tensorrt");
        let content = parse("tensorrt", &bytes);
        assert_eq!(gaps(&content), ["the layout of TensorRT engines is not documented"]);
        assert!(content.oddities.is_empty() && content.fields[0].value == "58", "{content:?}");
        assert!(has(&parse("tensorrt", &engine(1 << 40)), OddityKind::Truncated));
    }

    #[test]
    fn a_description_may_stand_before_it() {
        let text = br#"{"task": "detect"}"#;
        let len = u32::try_from(text.len()).expect("short").to_le_bytes();
        let bytes = [&len[..], text, &engine(60)].concat();
        assert_eq!(claims(&bytes), "tensorrt");
        assert_eq!(parse("tensorrt", &bytes).fields[1].value, r#"{"task": "detect"}"#);
        assert_eq!(claims(b"ptrt"), "");
        survive("tensorrt", &bytes);
    }
}
