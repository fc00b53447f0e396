//! Buffers written for tests: [`Maker`] appends values and patches the offsets that lead to them.

/// A value of a slot.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    U8(u8),
    U32(u32),
    U64(u64),
    Text(String),
    Bytes(Vec<u8>),
    U32s(Vec<u32>),
    U64s(Vec<u64>),
    Table(Vec<(u16, Value)>),
    Tables(Vec<Vec<(u16, Value)>>),
    Texts(Vec<String>),
}

/// A string for a slot.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A buffer with `identifier` and the root table of these slots.
pub(crate) fn buffer(identifier: &[u8; 4], root: Vec<(u16, Value)>) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(identifier);
    let at = table(&mut bytes, &root);
    patch(&mut bytes, 0, at);
    bytes
}

fn patch(bytes: &mut [u8], at: usize, target: usize) {
    let offset = u32::try_from(target - at).expect("forward");
    bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
}

fn align(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

fn table(bytes: &mut Vec<u8>, slots: &[(u16, Value)]) -> usize {
    align(bytes, 8);
    let count = slots.iter().map(|(slot, _)| usize::from(*slot) + 1).max().unwrap_or(0);
    let list = bytes.len();
    bytes.resize(list + 4 + 2 * count, 0);
    align(bytes, 8);
    let at = bytes.len();
    let size = 8 + 8 * slots.len();
    bytes.resize(at + size, 0);
    let back = i32::try_from(at - list).expect("small");
    bytes[at..at + 4].copy_from_slice(&back.to_le_bytes());
    let half = |value: usize| u16::try_from(value).expect("small").to_le_bytes();
    bytes[list..list + 2].copy_from_slice(&half(4 + 2 * count));
    bytes[list + 2..list + 4].copy_from_slice(&half(size));
    for (index, (slot, value)) in slots.iter().enumerate() {
        let offset = 8 + 8 * index;
        let entry = list + 4 + 2 * usize::from(*slot);
        bytes[entry..entry + 2].copy_from_slice(&half(offset));
        write(bytes, at + offset, value);
    }
    at
}

fn write(bytes: &mut Vec<u8>, at: usize, value: &Value) {
    match value {
        Value::U8(number) => bytes[at] = *number,
        Value::U32(number) => bytes[at..at + 4].copy_from_slice(&number.to_le_bytes()),
        Value::U64(number) => bytes[at..at + 8].copy_from_slice(&number.to_le_bytes()),
        Value::Text(text) => {
            let mut data = text.as_bytes().to_vec();
            let target = list(bytes, data.len(), 4);
            data.push(0);
            bytes.extend(data);
            patch(bytes, at, target);
        }
        Value::Bytes(data) => {
            let target = list(bytes, data.len(), 16);
            bytes.extend(data);
            patch(bytes, at, target);
        }
        Value::U32s(numbers) => {
            let target = list(bytes, numbers.len(), 4);
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            patch(bytes, at, target);
        }
        Value::U64s(numbers) => {
            let target = list(bytes, numbers.len(), 8);
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            patch(bytes, at, target);
        }
        Value::Table(slots) => {
            let target = table(bytes, slots);
            patch(bytes, at, target);
        }
        Value::Tables(tables) => {
            let target = list(bytes, tables.len(), 4);
            let first = bytes.len();
            bytes.resize(first + 4 * tables.len(), 0);
            patch(bytes, at, target);
            for (index, slots) in tables.iter().enumerate() {
                let inner = table(bytes, slots);
                patch(bytes, first + 4 * index, inner);
            }
        }
        Value::Texts(texts) => {
            let target = list(bytes, texts.len(), 4);
            let first = bytes.len();
            bytes.resize(first + 4 * texts.len(), 0);
            patch(bytes, at, target);
            for (index, text) in texts.iter().enumerate() {
                write(bytes, first + 4 * index, &Value::Text(text.clone()));
            }
        }
    }
}

/// Begins a list of `len` elements, the first of which stands at a multiple of `to`.
fn list(bytes: &mut Vec<u8>, len: usize, to: usize) -> usize {
    while !(bytes.len() + 4).is_multiple_of(to) {
        bytes.push(0);
    }
    let at = bytes.len();
    bytes.extend(u32::try_from(len).expect("small").to_le_bytes());
    at
}
