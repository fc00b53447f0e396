//! `TensorProto`: type, shape, and the bytes: in `raw_data`, in a typed list, or in another file.

use super::{Model, pair};
use crate::protobuf::{Field as Wire, Value, Walk, each, varints};
use wb_core::{Bytes, OddityKind, Span, Tensor};

/// Names of `TensorProto.DataType` and bits per element; strings have no size of their own.
pub(super) const TYPES: &[(&str, u64)] = &[
    ("UNDEFINED", 0),
    ("FLOAT", 32),
    ("UINT8", 8),
    ("INT8", 8),
    ("UINT16", 16),
    ("INT16", 16),
    ("INT32", 32),
    ("INT64", 64),
    ("STRING", 0),
    ("BOOL", 8),
    ("FLOAT16", 16),
    ("DOUBLE", 64),
    ("UINT32", 32),
    ("UINT64", 64),
    ("COMPLEX64", 64),
    ("COMPLEX128", 128),
    ("BFLOAT16", 16),
    ("FLOAT8E4M3FN", 8),
    ("FLOAT8E4M3FNUZ", 8),
    ("FLOAT8E5M2", 8),
    ("FLOAT8E5M2FNUZ", 8),
    ("UINT4", 4),
    ("INT4", 4),
    ("FLOAT4E2M1", 4),
    ("FLOAT8E8M0", 8),
    ("UINT2", 2),
    ("INT2", 2),
];
/// Most axes that are kept; NumPy's limit is 64.
const AXES: usize = 256;
/// The location by which ONNX Runtime marks addresses in its own memory; no file has it.
const MEMORY: &str = "*/_ORT_MEM_ADDR_/*";

#[derive(Default)]
struct Draft {
    name: String,
    dims: Vec<u64>,
    kind: u64,
    /// Bytes of `raw_data`; the last one holds.
    raw: Option<Span>,
    /// Bytes of `float_data` and `double_data`.
    typed: u64,
    external: Vec<(String, String)>,
    elsewhere: bool,
}

impl Model {
    /// A `TensorProto`.
    pub(super) fn tensor(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        if !walk.keeps(bytes.span()) {
            return;
        }
        let mut draft = Draft::default();
        each(bytes, place, walk, |field, walk| draft.field(&field, place, walk));
        let named = match draft.name.as_str() {
            "" => place.to_owned(),
            name => format!("tensor `{name}`"),
        };
        draft.check(&named, bytes.span(), walk);
        self.external(&draft, &named, bytes.span(), walk);
        if self.with_outside {
            let number = self.content.tensors.len();
            self.outside.extend(draft.outside(number));
        }
        let dtype = usize::try_from(draft.kind).ok().and_then(|kind| TYPES.get(kind));
        self.content.tensors.push(Tensor {
            name: if draft.name.is_empty() { place.to_owned() } else { draft.name },
            dtype: dtype.map_or_else(|| draft.kind.to_string(), |(name, _)| (*name).to_owned()),
            shape: draft.dims,
            span: draft.raw,
            strides: None,
        });
    }

    fn external(&mut self, draft: &Draft, place: &str, span: Span, walk: &mut Walk<'_>) {
        for (key, value) in &draft.external {
            match key.as_str() {
                "location" if value == MEMORY => {
                    let what = "the tensor's data is an address in the memory of ONNX Runtime";
                    walk.notes.odd(OddityKind::ImpossibleLength, place, Some(span), what);
                }
                "location" => {
                    let first = || (place.to_owned(), span, 0);
                    let entry = self.external.entry(value.clone()).or_insert_with(first);
                    entry.2 = entry.2.saturating_add(1);
                }
                "offset" | "length" if value.parse::<u64>().is_err() => {
                    let what = format!("the external data's {key} is `{value}`");
                    walk.notes.odd(OddityKind::ImpossibleLength, place, Some(span), what);
                }
                "offset" | "length" | "checksum" | "basepath" => {}
                key if key.starts_with("prepacked") => {}
                key => {
                    let what = format!("external data with the unknown key `{key}`");
                    walk.notes.odd(OddityKind::Malformed, place, Some(span), what);
                }
            }
        }
        if draft.elsewhere && !draft.external.iter().any(|(key, _)| key == "location") {
            let what = "the data is said to be in another file, which is not named";
            walk.notes.odd(OddityKind::Malformed, place, Some(span), what);
        }
    }
}

/// The numbers of a tensor that a model keeps in a file beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Which of the tensors of the model it is, in their order.
    pub tensor: usize,
    /// The file, as a path from the folder of the model. It may be hostile.
    pub location: String,
    /// Where the numbers begin in it, in bytes.
    pub offset: u64,
    /// How many bytes they are, where that is said.
    pub length: Option<u64>,
}

impl Draft {
    /// Where the numbers are, when they are said to be in another file and its place in it can be read.
    fn outside(&self, tensor: usize) -> Option<Outside> {
        let entry = |wanted: &str| {
            let mut all = self.external.iter().rev();
            all.find(|(key, _)| key == wanted).map(|(_, value)| value)
        };
        let number = |wanted: &str| entry(wanted).map(|value| value.parse::<u64>()).transpose().ok();
        let location = entry("location").filter(|location| *location != MEMORY)?;
        let offset = number("offset")?.unwrap_or(0);
        let place = Outside { tensor, location: location.clone(), offset, length: number("length")? };
        self.elsewhere.then_some(place)
    }

    fn field(&mut self, field: &Wire<'_>, place: &str, walk: &mut Walk<'_>) {
        if matches!(field.number, 2 | 8 | 9 | 14) {
            walk.once(field, place);
        }
        match (field.number, field.value) {
            (1, value) => {
                let room = AXES.saturating_sub(self.dims.len());
                self.dims.extend(varints(value, room).into_iter().take(room));
            }
            (2, Value::Varint(kind)) => self.kind = kind,
            (4 | 10, value) => {
                let len = match value {
                    Value::Bytes(packed) => packed.span().len,
                    Value::Fixed32(_) => 4,
                    Value::Fixed64 => 8,
                    _ => 0,
                };
                self.typed = self.typed.saturating_add(len);
            }
            (8, _) => self.name = field.text().unwrap_or_default(),
            (9, Value::Bytes(raw)) => self.raw = Some(raw.span()),
            (13, Value::Bytes(entry)) => {
                self.external.extend(pair(entry, place, walk));
            }
            (14, Value::Varint(location)) => self.elsewhere = location == 1,
            _ => {}
        }
    }

    /// Holds type and shape against the bytes that are there. Integers in lists of varints have no size
    /// that could be compared without reading each.
    fn check(&self, place: &str, span: Span, walk: &mut Walk<'_>) {
        let Some((dtype, bits)) = usize::try_from(self.kind).ok().and_then(|kind| TYPES.get(kind))
        else {
            let what = format!("unknown element type {}", self.kind);
            walk.notes.odd(OddityKind::Malformed, place, Some(span), what);
            return;
        };
        let elements = self.dims.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let total = elements.and_then(|elements| elements.checked_mul((*bits).max(1)));
        let Some(total) = total.filter(|total| i64::try_from(*total).is_ok()) else {
            let what = format!("the shape {:?} overflows 64 bits", self.dims);
            walk.notes.odd(OddityKind::ImpossibleLength, place, Some(span), what);
            return;
        };
        let needed = total.div_ceil(8);
        let length = self.external.iter().rfind(|(key, _)| key == "length");
        let external = length.and_then(|(_, value)| value.parse().ok()).filter(|_| self.elsewhere);
        let typed = (self.typed > 0).then_some(self.typed);
        let given = self.raw.map(|raw| raw.len).or(typed).or(external);
        if let Some(given) = given.filter(|given| *bits > 0 && *given != needed) {
            let shape = &self.dims;
            let what = format!("`{dtype}` of shape {shape:?} needs {needed} bytes, {given} are given");
            walk.notes.odd(OddityKind::Disagreement, place, Some(span), what);
        }
    }
}
