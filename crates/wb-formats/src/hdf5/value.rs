//! Values: the strings and numbers of attributes and small datasets.

use super::file::{File, number};
use super::heap::Heaps;
use hdf5_reader::{ByteOrder, Datatype, StringPadding, StringSize, VarLenKind};
use wb_core::{Budget, Bytes, Span};

/// A string, and where it stands in the file when it stands there in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredText {
    pub(crate) text: String,
    pub(crate) span: Option<Span>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Strings, in element order.
    Texts(Vec<StoredText>),
    /// Anything else, as text: `3`, `[1, 2]`, `24 of <f4`.
    Other(String),
}

/// At most this many numbers are written out.
const NUMBERS: usize = 16;

/// Reads `raw`, elements of `datatype`. `located` says whether the offsets of `raw` are those of the file.
pub(super) fn read<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    datatype: &Datatype,
    raw: Bytes<'_>,
    located: bool,
    budget: &mut Budget,
) -> Value {
    match datatype {
        Datatype::String { size: StringSize::Fixed(size), padding, .. } => {
            fixed(raw, *size, *padding, located, budget)
        }
        Datatype::String { size: StringSize::Variable, .. }
        | Datatype::VarLen { kind: VarLenKind::String, .. } => variable(file, heaps, raw, budget),
        _ if is_text(datatype) => variable(file, heaps, raw, budget),
        Datatype::Opaque { size, .. } => fixed(raw, *size, StringPadding::NullPad, located, budget),
        _ => numbers(datatype, raw),
    }
}

/// Whether elements of `datatype` are strings.
pub(super) fn is_text(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::String { .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => true,
        // Some write strings as lists of strings of one byte. Lists of small numbers are bytes.
        Datatype::VarLen { base, .. } => {
            matches!(**base, Datatype::String { size: StringSize::Fixed(1), .. })
        }
        _ => false,
    }
}

/// The type as NumPy writes it, such as `<f4`.
pub(super) fn name(datatype: &Datatype) -> String {
    let order = |order: &ByteOrder, size: u8| match order {
        _ if size == 1 => '|',
        ByteOrder::LittleEndian => '<',
        ByteOrder::BigEndian => '>',
    };
    match datatype {
        Datatype::FixedPoint { size, signed, byte_order } => {
            format!("{}{}{size}", order(byte_order, *size), if *signed { 'i' } else { 'u' })
        }
        Datatype::FloatingPoint { size, byte_order } => {
            format!("{}f{size}", order(byte_order, *size))
        }
        Datatype::String { size: StringSize::Fixed(size), .. } => format!("|S{size}"),
        _ if is_text(datatype) => "string".to_owned(),
        Datatype::Enum { base, .. } => name(base),
        Datatype::Array { base, dims } => format!("{}{dims:?}", name(base)),
        Datatype::Compound { fields, .. } => {
            let fields: Vec<String> = fields
                .iter()
                .take(64)
                .map(|field| format!("{}: {}", field.name, name(&field.datatype)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Datatype::VarLen { base, .. } => format!("list of {}", name(base)),
        Datatype::Opaque { size, .. } => format!("|V{size}"),
        Datatype::Reference { .. } => "reference".to_owned(),
        Datatype::Bitfield { size, .. } => format!("bits{size}"),
        Datatype::String { .. } => "string".to_owned(),
    }
}

fn fixed(
    raw: Bytes<'_>,
    size: u32,
    padding: StringPadding,
    located: bool,
    budget: &mut Budget,
) -> Value {
    let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
    let mut cursor = raw.cursor();
    let mut texts = Vec::new();
    while let Some(element) = cursor.take(size) {
        if budget.items(1).is_err() {
            break;
        }
        texts.push(stored(element.head(kept(element, padding)), located));
    }
    Value::Texts(texts)
}

/// Length of a string of fixed size without what pads it.
pub(super) fn kept(element: Bytes<'_>, padding: StringPadding) -> usize {
    match padding {
        StringPadding::NullTerminate => element.find_byte(0).unwrap_or(element.len()),
        StringPadding::NullPad => trimmed(element.as_slice(), 0),
        StringPadding::SpacePad => trimmed(element.as_slice(), b' '),
    }
}

/// `text`, which stands in the file as it is where `located`.
pub(super) fn stored(text: Bytes<'_>, located: bool) -> StoredText {
    StoredText {
        text: String::from_utf8_lossy(text.as_slice()).into_owned(),
        span: located.then(|| text.span()),
    }
}

/// Length of `bytes` without the `padding` at their end.
fn trimmed(bytes: &[u8], padding: u8) -> usize {
    bytes.iter().rposition(|byte| *byte != padding).map_or(0, |last| last.saturating_add(1))
}

fn variable<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    raw: Bytes<'_>,
    budget: &mut Budget,
) -> Value {
    let mut cursor = raw.cursor();
    let mut texts = Vec::new();
    while let (Some(len), Some(address), Some(index)) =
        (cursor.u32_le(), file.offset(&mut cursor), cursor.u32_le())
    {
        if budget.items(1).is_err() {
            break;
        }
        let object = heaps.object(file, address, index, budget).unwrap_or(Bytes::new(&[]));
        let text = object.head(usize::try_from(len).unwrap_or(usize::MAX));
        let text = text.head(text.find_byte(0).unwrap_or(text.len()));
        texts.push(StoredText {
            text: String::from_utf8_lossy(text.as_slice()).into_owned(),
            span: (!text.is_empty()).then(|| text.span()),
        });
    }
    Value::Texts(texts)
}

fn numbers(datatype: &Datatype, raw: Bytes<'_>) -> Value {
    let (size, order) = match datatype {
        Datatype::FixedPoint { size, byte_order, .. }
        | Datatype::FloatingPoint { size, byte_order } => (*size, *byte_order),
        Datatype::Enum { base, .. } => return numbers(base, raw),
        other => return Value::Other(format!("{} bytes of {}", raw.len(), name(other))),
    };
    let count = raw.len().checked_div(usize::from(size)).unwrap_or(0);
    if count > NUMBERS || size > 8 {
        return Value::Other(format!("{count} of {}", name(datatype)));
    }
    let mut cursor = raw.cursor();
    let mut shown = Vec::new();
    while let Some(element) = cursor.take(usize::from(size)) {
        let mut element = element.as_slice().to_vec();
        if order == ByteOrder::BigEndian {
            element.reverse();
        }
        let Some(bits) = number(&mut Bytes::new(&element).cursor(), size) else { break };
        shown.push(scalar(datatype, size, bits));
    }
    match shown.as_slice() {
        [single] => Value::Other(single.clone()),
        _ => Value::Other(format!("[{}]", shown.join(", "))),
    }
}

fn scalar(datatype: &Datatype, size: u8, bits: u64) -> String {
    let unused = 64_u32.saturating_sub(u32::from(size).saturating_mul(8));
    match (datatype, size) {
        (Datatype::FloatingPoint { .. }, 8) => f64::from_bits(bits).to_string(),
        (Datatype::FloatingPoint { .. }, 4) => {
            f32::from_bits(u32::try_from(bits).unwrap_or(0)).to_string()
        }
        (Datatype::FloatingPoint { .. }, _) => format!("0x{bits:x}"),
        (Datatype::FixedPoint { signed: true, .. }, _) => {
            let aligned = bits.checked_shl(unused).unwrap_or(0);
            i64::from_le_bytes(aligned.to_le_bytes()).checked_shr(unused).unwrap_or(0).to_string()
        }
        _ => bits.to_string(),
    }
}
