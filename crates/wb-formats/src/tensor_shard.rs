//! The numbers of a TensorFlow checkpoint (`NAME.data-00000-of-00001`): bytes without any mark, which the
//! index beside them divides into tensors. Only the name says what they are.
//!
//! Specification: `tensorflow/core/util/tensor_bundle/naming.h`.

use crate::storage::{Disguised, disguised};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Gap, Oddity, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "numbers of a TensorFlow checkpoint",
    endings: &[],
    family: Family::Model,
    refines: &[],
    identify: |_| None,
    parse,
    named: Some(named),
};

/// How many files are taken from one shard.
const MOST: usize = 100;
/// How many bytes are searched for pickles at once.
const WINDOW: usize = 1 << 20;
/// Longest name of a member that is believed to begin a zip archive, in bytes.
const NAME: usize = 512;

/// Whether a name ends in `.data-NNNNN-of-NNNNN`.
fn named(name: &str, _input: Bytes<'_>) -> Option<Strength> {
    let (_, numbers) = name.rsplit_once(".data-")?;
    let (shard, shards) = numbers.split_once("-of-")?;
    let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(shard) && number(shards)).then_some(Strength::Weak)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    search(input, "the numbers of a checkpoint", &mut content, budget);
    content
}

/// Takes the files out of bytes that should be none, as children of `content`; `among` says what the bytes
/// should be.
pub(crate) fn search(input: Bytes<'_>, among: &str, content: &mut Content, budget: &mut Budget) {
    if budget.steps(input.len() as u64).is_err() {
        content.gaps.push(Gap::over(input.span(), "the budget ran out before these bytes were searched for files"));
        return;
    }
    if let Some(kind) = disguised(input) {
        found(input, 0, kind, among, content);
        return;
    }
    for magic in [&b"\x7fELF"[..], b"MZ", b"PK\x03\x04"] {
        for at in memchr::memmem::find_iter(input.as_slice(), magic) {
            let Some(kind) = disguised(input.from(at)).filter(|_| plausible(input.from(at))) else { continue };
            found(input, at, kind, among, content);
            // The members of an archive each begin like one.
            if matches!(kind, Disguised::Archive(_)) || content.children.len() >= MOST {
                break;
            }
        }
    }
    let mut start = 0_usize;
    while start < input.len() {
        let window = input.from(start);
        if let Some(at) = wb_code::pickle::behind_bytes(window, WINDOW) {
            found(input, start.saturating_add(at), Disguised::Pickle, among, content);
            break;
        }
        // The first byte of a window is not looked at, so that windows share one.
        start = start.saturating_add(WINDOW.saturating_sub(1));
    }
}

/// Whether a zip archive begins with a member that could be one: four bytes alone stand in many numbers.
fn plausible(bytes: Bytes<'_>) -> bool {
    if !bytes.starts_with(b"PK") {
        return true;
    }
    let len = usize::from(bytes.u16_le(26).unwrap_or(0));
    let name = bytes.slice(30, len).filter(|name| (1..=NAME).contains(&name.len()));
    let old = bytes.u16_le(4).is_some_and(|version| version & 0xff <= 63);
    old && name.is_some_and(|name| name.as_slice().iter().all(|byte| *byte >= b' '))
}

fn found(input: Bytes<'_>, at: usize, kind: Disguised, among: &str, content: &mut Content) {
    let rest = input.from(at).span();
    let name = format!("bytes at offset {}", rest.start);
    let what = format!("{} stands among {among}", kind.name());
    let place = name.clone();
    let span = Some(Span::new(rest.start, rest.len));
    content.oddities.push(Oddity { kind: kind.oddity(), place, span, what });
    content.children.push(Child { name, data: ChildData::Span(rest) });
}

#[cfg(test)]
mod tests {
    use crate::testing::{Zip, children, has, parse, survive};
    use wb_core::{ArtifactPath, Bytes, OddityKind};

    const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";

    fn claim(name: &str, bytes: &[u8]) -> Option<&'static str> {
        let claims = crate::identify_named(Bytes::new(bytes), &ArtifactPath::from(name));
        claims.first().map(|claim| claim.format)
    }

    #[test]
    fn the_name_decides_where_bytes_say_nothing() {
        let numbers = [0x66, 0xfa, 0xf9, 0x3e];
        assert_eq!(claim("m/variables.data-00000-of-00001", &numbers), Some("tensor-shard"));
        assert_eq!(claim("m/.data-00000-of-00001", &numbers), Some("tensor-shard"));
        assert_eq!(claim("m/variables.data-0-of-1", &numbers), None);
        let zip = Zip::new().stored("a", b"b").finish();
        assert_eq!(claim("m/.data-00000-of-00001", &zip), Some("zip"));
    }

    #[test]
    fn files_among_numbers_are_children() {
        let zip = Zip::new().stored("a", b"b").finish();
        for (file, kind) in [
            (PICKLE.to_vec(), OddityKind::Polyglot),
            (zip, OddityKind::Polyglot),
            (b"\x7fELF\x02\x01\x01".to_vec(), OddityKind::EmbeddedExecutable),
        ] {
            for before in [1, 1 << 20, (1 << 20) + 1] {
                let bytes = [vec![0x3f; before], file.clone()].concat();
                let content = parse("tensor-shard", &bytes);
                assert!(has(&content, kind), "{kind:?} behind {before}");
                assert_eq!(children(&bytes, &content)[0].1, file);
            }
        }
    }

    #[test]
    fn numbers_that_begin_like_a_file_are_numbers() {
        for numbers in [&b"....PK\x03\x04\xff\xff\xff\xff"[..], b"....\x7fELF....", b"....MZ..", b"..\x80\x04.."] {
            let content = parse("tensor-shard", numbers);
            assert!(content.oddities.is_empty() && content.children.is_empty(), "{content:?}");
        }
    }

    #[test]
    fn damage_is_survived() {
        survive("tensor-shard", &[b"....", PICKLE].concat());
    }
}
