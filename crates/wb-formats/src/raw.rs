//! Numbers without a header: which tensors lie where is said by another file.

use crate::extents;
use std::collections::BTreeSet;
use wb_core::{Bytes, Content, Gap, Span, Tensor};

/// Writers of ONNX and OpenVINO fill up to the next page of memory, of at most 64 KiB, with zeros.
const ALIGNMENT: u64 = 64 << 10;

/// What a file of numbers holds, when `tensors` are said to lie in it, and `tags` between them: each once where several
/// share their bytes. What belongs to none is odd; what is said to lie behind the end is a gap.
pub fn raw_tensors(input: Bytes<'_>, tensors: Vec<Tensor>, tags: &[Span]) -> Content {
    let mut seen = BTreeSet::new();
    let tensors =
        tensors.into_iter().filter(|tensor| tensor.span.is_some_and(|span| seen.insert(span)));
    let mut content = Content { tensors: tensors.collect(), ..Content::default() };
    let end = input.span().end();
    let behind = |tensor: &&Tensor| tensor.span.is_some_and(|span| span.end() > end);
    if let Some(tensor) = content.tensors.iter().find(behind) {
        let why = format!("the file ends at byte {end}, before `{}` does", tensor.name);
        content.gaps.push(Gap::somewhere(why));
    }
    let spans =
        content.tensors.iter().filter_map(|tensor| Some((tensor.span?, tensor.name.as_str())));
    let mut extents: Vec<_> = spans.chain(tags.iter().map(|tag| (*tag, "a tag"))).collect();
    extents::check(input, input.span(), &mut extents, ALIGNMENT, &mut content.oddities);
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::OddityKind;

    fn kinds(len: usize, spans: &[(u64, u64)]) -> Vec<OddityKind> {
        let tensor = |(at, (start, len)): (usize, &(u64, u64))| Tensor {
            name: format!("w{at}"),
            dtype: "f32".to_owned(),
            shape: vec![len / 4],
            span: Some(Span::new(*start, *len)),
            strides: None,
        };
        let data = vec![1; len];
        let content =
            raw_tensors(Bytes::new(&data), spans.iter().enumerate().map(tensor).collect(), &[]);
        content.oddities.iter().map(|oddity| oddity.kind).collect()
    }

    #[test]
    fn a_file_that_its_tensors_fill_is_quiet_and_what_they_leave_is_told() {
        assert_eq!(kinds(16, &[(0, 8), (8, 8), (8, 8)]), []);
        assert_eq!(kinds(16, &[(0, 8)]), [OddityKind::TrailingBytes]);
        assert_eq!(kinds(16, &[(8, 8)]), [OddityKind::UnownedBytes]);
        assert_eq!(kinds(16, &[(0, 8), (4, 12)]), [OddityKind::Overlap]);
        assert_eq!(kinds(16, &[(0, 8), (8, 80)]), []);
    }
}
