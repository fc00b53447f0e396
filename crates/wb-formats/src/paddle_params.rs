//! PaddlePaddle weights (`.pdiparams`, and one file for each variable): tensors one after the other, without
//! names.
//!
//! Specification: `SerializeToStream` in `paddle/fluid/framework/{lod_tensor,tensor_util}.cc` of
//! `PaddlePaddle/Paddle`.

use crate::protobuf::{Fields, Value, varints};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, Gap, Oddity, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "PaddlePaddle weights",
    endings: &[".pdiparams", ".pdparams"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Longest description of a tensor, in bytes.
const DESCRIPTION: usize = 1024;

/// Element types by number (`VarType.Type`) and their size in bytes; 0 where it is not known.
pub(super) fn dtype(number: u64) -> (&'static str, u64) {
    match number {
        0 => ("BOOL", 1),
        1 => ("INT16", 2),
        2 => ("INT32", 4),
        3 => ("INT64", 8),
        4 => ("FP16", 2),
        5 => ("FP32", 4),
        6 => ("FP64", 8),
        20 => ("UINT8", 1),
        21 => ("INT8", 1),
        22 => ("BF16", 2),
        23 => ("COMPLEX64", 8),
        24 => ("COMPLEX128", 16),
        32 => ("FP8_E4M3FN", 1),
        33 => ("FP8_E5M2", 1),
        _ => ("unknown", 0),
    }
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut cursor = input.cursor();
    let (tensor, bytes) = header(&mut cursor)?;
    let fits = cursor.remaining() as u64 >= bytes;
    // A description that holds together is rare enough in other data, unless the file is cut.
    Some(if fits && !tensor.shape.is_empty() { Strength::Strong } else { Strength::Weak })
}

/// Two versions, levels of detail, and the description of one tensor; how many bytes it has.
fn header(cursor: &mut Cursor<'_>) -> Option<(Tensor, u64)> {
    (cursor.u32_le()? == 0).then_some(())?;
    let levels = cursor.u64_le().filter(|levels| *levels <= 16)?;
    for _ in 0..levels {
        let len = cursor.u64_le()?;
        cursor.take_u64(len)?;
    }
    (cursor.u32_le()? == 0).then_some(())?;
    let len = usize::try_from(cursor.i32_le()?).ok().filter(|len| (2..=DESCRIPTION).contains(len))?;
    let mut fields = Fields::of(cursor.take(len)?);
    let (mut kind, mut shape) = (None, Vec::new());
    while let Some(field) = fields.next().ok()? {
        match (field.number, field.value) {
            (1, Value::Varint(number)) => kind = Some(number),
            (2, value) => shape.extend(varints(value, 64)),
            _ => return None,
        }
    }
    let (name, size) = dtype(kind?);
    let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    let bytes = elements.checked_mul(size).filter(|_| size > 0)?;
    let tensor = Tensor { name: String::new(), dtype: name.to_owned(), shape, span: None, strides: None };
    Some((tensor, bytes))
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut cursor = input.cursor();
    while !cursor.is_at_end() {
        let start = cursor.offset();
        let rest = Span::new(start, input.span().end().saturating_sub(start));
        if budget.items(1).is_err() {
            content.gaps.push(Gap::over(rest, "the budget of items ran out"));
            break;
        }
        let place = format!("tensor {}", content.tensors.len());
        let mut odd = |kind, what: String| {
            content.gaps.push(Gap::over(rest, format!("{place}: {what}")));
            content.oddities.push(Oddity { kind, place: place.clone(), span: Some(rest), what });
        };
        let Some((tensor, bytes)) = header(&mut cursor) else {
            odd(OddityKind::TrailingBytes, format!("{} bytes that are no tensor", rest.len));
            break;
        };
        let Some(data) = cursor.take_u64(bytes) else {
            odd(OddityKind::Truncated, format!("{bytes} bytes are said to follow"));
            break;
        };
        let name = content.tensors.len().to_string();
        content.tensors.push(Tensor { name, span: Some(data.span()), ..tensor });
    }
    content
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::message;
    use crate::testing::{claims, has, parse, survive};
    use wb_core::OddityKind;

    fn tensor(kind: u64, shape: &[u64], data: &[u8]) -> Vec<u8> {
        let description = shape.iter().fold(message().int(1, kind), |message, size| message.int(2, *size)).0;
        let mut bytes = vec![0; 16];
        bytes.extend(u32::try_from(description.len()).expect("small").to_le_bytes());
        bytes.extend(description);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn tensors_stand_one_after_the_other() {
        let bytes = [tensor(5, &[2, 3], &[1; 24]), tensor(3, &[1], &[2; 8])].concat();
        assert_eq!(claims(&bytes), "paddle-params");
        let content = parse("paddle-params", &bytes);
        let shown: Vec<String> =
            content.tensors.iter().map(|tensor| format!("{} {:?}", tensor.dtype, tensor.shape)).collect();
        assert_eq!(shown, ["FP32 [2, 3]", "INT64 [1]"]);
        assert!(content.oddities.is_empty() && content.gaps.is_empty());
    }

    #[test]
    fn what_is_no_tensor_is_told_and_read_when_it_is_a_file() {
        let mut bytes = tensor(5, &[2, 3], &[1; 24]);
        bytes.extend(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.");
        let content = parse("paddle-params", &bytes);
        assert!(has(&content, OddityKind::TrailingBytes));
        assert_eq!((content.children.len(), content.gaps.len()), (1, 1));
        assert!(has(&parse("paddle-params", &tensor(5, &[2, 3], &[1; 20])), OddityKind::Truncated));
    }

    #[test]
    fn zeros_are_no_weights() {
        assert_eq!(claims(&[0; 4096]), "");
    }

    #[test]
    fn damage_is_survived() {
        survive("paddle-params", &tensor(5, &[2, 3], &[1; 24]));
    }
}
