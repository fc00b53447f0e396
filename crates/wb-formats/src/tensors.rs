//! Tensors in pickles: [`recover`] finds the calls that rebuild torch tensors and numpy arrays, and names
//! each by the path of keys that leads to it from the unpickled object.
//!
//! Sources: `torch/_utils.py` (`_rebuild_tensor*`), `numpy/_core/src/multiarray/methods.c`
//! (`array_reduce`, `array_setstate`), `numpy/_core/numeric.py` (`_frombuffer`), `joblib/numpy_pickle.py`
//! (`NumpyArrayWrapper`).

use crate::paths::Paths;
use crate::values::Values;
use wb_core::{Constant, OpKind, Program, Span, Strides, ValueId};

/// A tensor as the program describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Keys from the unpickled object to it, joined by `.`.
    pub name: String,
    /// Element type: torch's name without `torch.`, or numpy's type string.
    pub dtype: String,
    /// Sizes of the axes.
    pub shape: Vec<u64>,
    /// The storage it is a view of; torch only.
    pub storage: Option<Storage>,
    /// Its bytes, where they are part of the pickle.
    pub span: Option<Span>,
    /// How its elements lie in them, when they do not lie row by row.
    pub strides: Option<Strides>,
}

/// A torch storage, as the persistent id names it, and the view of it that the tensor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    /// Its key: `0` stands for the member `data/0`.
    pub key: String,
    /// Elements it holds.
    pub elements: u64,
    /// Bytes of one element, where the type is known.
    pub element_len: Option<u64>,
    /// The view's first element.
    pub offset: u64,
    /// The view's strides, in elements.
    pub strides: Vec<u64>,
}

/// Finds the tensors of `program`, in the order in which they are rebuilt.
pub(crate) fn recover(program: &Program) -> Vec<Found> {
    let values = Values::of(program);
    let mut found: Vec<(ValueId, Found)> = Vec::new();
    for (op, index) in program.ops.iter().zip(0_u32..) {
        let OpKind::Call { callee, arguments, .. } = &op.kind else { continue };
        let Some(dotted) = values.dotted(*callee) else { continue };
        let value = ValueId(index);
        found.extend(rebuilt(&values, value, &dotted, arguments).map(|tensor| (value, tensor)));
    }
    if found.is_empty() {
        return Vec::new();
    }
    let paths = Paths::of(&values);
    found.into_iter().map(|(value, tensor)| Found { name: paths.name(value), ..tensor }).collect()
}

/// The tensor that a call of `dotted` makes, without its name.
fn rebuilt(
    values: &Values<'_>,
    call: ValueId,
    dotted: &str,
    arguments: &[ValueId],
) -> Option<Found> {
    let name = dotted.rsplit('.').next().unwrap_or(dotted);
    match name {
        "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3" | "_rebuild_qtensor" => {
            torch(values, arguments)
        }
        "_rebuild_from_type_v2" => {
            let inner = values.dotted(*arguments.first()?)?;
            inner.contains("_rebuild_tensor").then_some(())?;
            torch(values, values.items(*arguments.get(2)?)?)
        }
        "_reconstruct" if dotted.contains("multiarray") => numpy_state(values, call),
        "_frombuffer" if dotted.contains("numeric") => numpy_buffer(values, arguments),
        "NumpyArrayWrapper" => joblib(values, call),
        _ => None,
    }
}

/// `_rebuild_tensor_v2(storage, storage_offset, size, stride, ...)`.
fn torch(values: &Values<'_>, arguments: &[ValueId]) -> Option<Found> {
    let OpKind::Persistent { id } = values.kind(*arguments.first()?)? else { return None };
    let (mut storage, dtype) = storage(values, *id)?;
    let explicit = arguments.get(6).and_then(|value| values.dotted(*value));
    let shape = values.counts(*arguments.get(2)?)?;
    storage.offset = arguments.get(1).and_then(|value| values.count(*value)).unwrap_or(0);
    storage.strides = arguments.get(3).and_then(|value| values.counts(*value)).unwrap_or_default();
    let explicit = explicit.and_then(|dotted| dotted.strip_prefix("torch.").map(str::to_owned));
    let dtype = explicit.unwrap_or(dtype);
    if dtype != "uint8" {
        storage.element_len = element_len(&dtype).or(storage.element_len);
    }
    let storage = Some(storage);
    Some(Found { name: String::new(), dtype, shape, storage, span: None, strides: None })
}

/// `("storage", torch.FloatStorage, key, location, elements)`, and the element type it implies.
fn storage(values: &Values<'_>, id: ValueId) -> Option<(Storage, String)> {
    let items = values.items(id)?;
    if values.text(*items.first()?) != Some("storage") {
        return None;
    }
    let class = items.get(1).and_then(|value| values.dotted(*value)).unwrap_or_default();
    let dtype = storage_dtype(class.rsplit('.').next().unwrap_or_default());
    let key = *items.get(2)?;
    let key = match values.constant(key)? {
        Constant::Text(text) => text.clone(),
        Constant::Int(number) => number.to_string(),
        _ => return None,
    };
    let elements = items.get(4).and_then(|value| values.count(*value)).unwrap_or(0);
    let element_len = element_len(dtype);
    let storage = Storage { key, elements, element_len, offset: 0, strides: Vec::new() };
    Some((storage, dtype.to_owned()))
}

/// The element type of a storage class of `torch/storage.py`. An untyped one counts bytes.
fn storage_dtype(class: &str) -> &str {
    match class {
        "DoubleStorage" => "float64",
        "FloatStorage" => "float32",
        "HalfStorage" => "float16",
        "BFloat16Storage" => "bfloat16",
        "LongStorage" => "int64",
        "IntStorage" => "int32",
        "ShortStorage" => "int16",
        "CharStorage" => "int8",
        "ByteStorage" | "UntypedStorage" => "uint8",
        "BoolStorage" => "bool",
        "ComplexFloatStorage" => "complex64",
        "ComplexDoubleStorage" => "complex128",
        "QInt8Storage" => "qint8",
        "QUInt8Storage" => "quint8",
        "QInt32Storage" => "qint32",
        other => other,
    }
}

fn element_len(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "complex128" => 16,
        "float64" | "int64" | "complex64" | "uint64" => 8,
        "float32" | "int32" | "qint32" | "uint32" => 4,
        "float16" | "bfloat16" | "int16" | "uint16" => 2,
        "int8" | "uint8" | "bool" | "qint8" | "quint8" => 1,
        dtype if dtype.starts_with("float8") => 1,
        _ => return None,
    })
}

/// `_reconstruct(ndarray, (0,), b"b")` with the state `(version, shape, dtype, fortran, data)`.
fn numpy_state(values: &Values<'_>, call: ValueId) -> Option<Found> {
    let state = values.items(values.state(call)?)?;
    let from = state.len().checked_sub(4)?;
    let [shape, dtype, fortran, data] = state.get(from..)? else { return None };
    let shape = values.counts(*shape)?;
    let columns = matches!(values.constant(*fortran), Some(Constant::Bool(true)));
    let found = Found {
        name: String::new(),
        dtype: numpy_dtype(values, *dtype),
        storage: None,
        span: bytes_span(values, *data),
        strides: columns.then(|| Strides::by_column(&shape)).flatten(),
        shape,
    };
    Some(found)
}

/// An array that lies row by row, with its axes in another order: `numpy.transpose`. `None` when that is no order of
/// them.
fn transposed(shape: &[u64], axes: &[u64]) -> Option<(Vec<u64>, Strides)> {
    let mut order: Vec<usize> = axes.iter().map_while(|axis| usize::try_from(*axis).ok()).collect();
    let turned =
        order.iter().map(|axis| shape.get(*axis).copied()).collect::<Option<Vec<u64>>>()?;
    let inner = |axis: &usize| {
        let inner = shape.get(axis.checked_add(1)?..)?;
        inner.iter().try_fold(1_u64, |step, size| step.checked_mul(*size))
    };
    let steps = order.iter().map(inner).collect::<Option<Vec<u64>>>()?;
    order.sort_unstable();
    let each = order.into_iter().eq(0..shape.len());
    each.then_some((turned, Strides { first: 0, steps }))
}

/// `_frombuffer(buffer, dtype, shape, order, axis_order)`.
fn numpy_buffer(values: &Values<'_>, arguments: &[ValueId]) -> Option<Found> {
    let [buffer, dtype, shape, order @ ..] = arguments else { return None };
    let shape = values.counts(*shape)?;
    let dtype = numpy_dtype(values, *dtype);
    let (shape, strides) = match order.first().and_then(|order| values.text(*order)) {
        Some("F") => (shape.clone(), Strides::by_column(&shape)),
        Some("K") => {
            let axes = order.get(1).and_then(|axes| values.counts(*axes)).unwrap_or_default();
            transposed(&shape, &axes)
                .map_or((shape, None), |(shape, strides)| (shape, Some(strides)))
        }
        _ => (shape, None),
    };
    let span = bytes_span(values, *buffer);
    Some(Found { name: String::new(), dtype, shape, storage: None, span, strides })
}

/// `NumpyArrayWrapper` with the state `{"subclass", "shape", "order", "dtype", ...}`.
fn joblib(values: &Values<'_>, call: ValueId) -> Option<Found> {
    let state = values.state(call)?;
    let shape = values.counts(values.entry(state, "shape")?)?;
    let dtype = numpy_dtype(values, values.entry(state, "dtype")?);
    let storage = None;
    Some(Found { name: String::new(), dtype, shape, storage, span: None, strides: None })
}

/// `numpy.dtype("f4", False, True)` with the state `(3, "<", ...)`: `<f4`.
fn numpy_dtype(values: &Values<'_>, dtype: ValueId) -> String {
    let Some(OpKind::Call { arguments, callee, .. }) = values.kind(dtype) else {
        return values.text(dtype).unwrap_or_default().to_owned();
    };
    let code = arguments.first().and_then(|code| values.text(*code));
    let state = values.state(dtype).and_then(|state| values.items(state));
    let order = state.and_then(|state| values.text(*state.get(1)?)).unwrap_or_default();
    match code {
        Some(code) => format!("{order}{code}"),
        None => values.dotted(*callee).unwrap_or_default(),
    }
}

/// The span of the bytes that a constant stands for, without its opcode.
fn bytes_span(values: &Values<'_>, value: ValueId) -> Option<Span> {
    match values.constant(value)? {
        Constant::Blob { span, .. } => Some(*span),
        Constant::Bytes(bytes) => {
            let op = values.program.op(value)?.span;
            let len = bytes.len() as u64;
            Some(Span::new(op.end().checked_sub(len).filter(|start| *start >= op.start)?, len))
        }
        _ => None,
    }
}
