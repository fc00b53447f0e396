//! Files that stand where numbers or text are expected. They become children, to be read like any other file.

use crate::storage::disguised;
use wb_core::{Budget, Bytes, Child, ChildData, Content, OddityKind, Span};

/// How many are taken from one artifact.
const MOST: usize = 100;

/// The longest text that is decoded, in bytes.
const LONGEST_TEXT: usize = 64 << 20;

/// The shortest text that can hold a file, in bytes.
const SHORTEST_TEXT: usize = 24;

/// Files in bytes that no part of the format owns, and in tensors of single bytes.
pub(crate) fn bytes(input: Bytes<'_>, content: &mut Content) {
    let unowned = content.oddities.iter().filter_map(|oddity| match oddity.kind {
        OddityKind::TrailingBytes | OddityKind::UnownedBytes => Some((oddity.span?, None)),
        _ => None,
    });
    let single = |dtype: &str| matches!(dtype.to_ascii_uppercase().as_str(), "U8" | "I8");
    let tensors = content.tensors.iter().filter(|tensor| single(&tensor.dtype));
    let tensors = tensors.filter_map(|tensor| Some((tensor.span?, Some(tensor.name.as_str()))));
    let found: Vec<(Span, String)> = unowned
        .chain(tensors)
        .filter(|(span, _)| input.at_span(*span).and_then(disguised).is_some())
        .map(|(span, tensor)| match tensor {
            Some(name) => (span, format!("tensor {name}")),
            None => (span, format!("bytes at offset {}", span.start)),
        })
        .take(MOST)
        .collect();
    for (span, name) in found {
        content.children.push(Child { name, data: ChildData::Span(span) });
    }
}

/// A file in `text`, in base64, hexadecimal digits and the like, one encoding in the other.
pub(crate) fn text(place: &str, text: &str, content: &mut Content, budget: &mut Budget) {
    let digits = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte);
    let encoded = text.trim().bytes().take(256).all(digits);
    if !encoded || !(SHORTEST_TEXT..=LONGEST_TEXT).contains(&text.len()) {
        return;
    }
    let layers = wb_code::peel::peel(text.as_bytes(), budget, &mut content.gaps);
    let file = layers.into_iter().find(|layer| disguised(Bytes::new(&layer.data)).is_some());
    if let Some(file) = file.filter(|_| content.children.len() < MOST) {
        let name = format!("{place}, {}", file.layers.join(", "));
        content.children.push(Child { name, data: ChildData::Owned(file.data) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::Field;

    /// `os.system('id')` as a pickle of protocol 4.
    const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";

    fn names(content: &Content) -> Vec<&str> {
        content.children.iter().map(|child| child.name.as_str()).collect()
    }

    /// A safetensors file whose metadata has `note`, with a tensor `w` of `data` and `tail` behind it.
    fn model(dtype: &str, note: &str, data: &[u8], tail: &[u8]) -> Content {
        let size = data.len();
        let header = format!(
            r#"{{"__metadata__":{{"note":"{note}"}},"w":{{"dtype":"{dtype}","shape":[{size}],"data_offsets":[0,{size}]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        for part in [header.as_bytes(), data, tail] {
            bytes.extend_from_slice(part);
        }
        crate::testing::parse("safetensors", &bytes)
    }

    #[test]
    fn pickles_in_tensors_tails_and_metadata_are_children() {
        let encoded = "gASMAm9zjAZzeXN0ZW2TjAJpZIVSLg=="; // The same in base64.
        assert_eq!(names(&model("U8", "x", PICKLE, b"")), ["tensor w"]);
        assert_eq!(names(&model("U8", encoded, b"1234", b"")), ["metadata note, base64"]);
        let content = model("U8", "x", b"1234", PICKLE);
        assert_eq!(content.children.len(), 1);
        assert!(content.children[0].name.starts_with("bytes at offset "));
    }

    #[test]
    fn numbers_and_prose_are_not() {
        let digest = "ab".repeat(32);
        for note in
            ["plain words", &digest, "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"]
        {
            let content = model("U8", note, b"\x80\x04 and so on", b"\0\0\0\0");
            assert_eq!(names(&content), Vec::<&str>::new(), "{note}");
            let note = |field: &Field| field.path == "note";
            assert!(content.fields.iter().any(note));
        }
    }
}
