//! A tiny protobuf writer for tests.

/// A message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(pub Vec<u8>);

/// An empty message.
pub(crate) fn message() -> Message {
    Message::default()
}

impl Message {
    /// A varint field.
    pub(crate) fn int(mut self, number: u32, value: u64) -> Self {
        self.0.extend(varint(u64::from(number) << 3));
        self.0.extend(varint(value));
        self
    }

    /// A string or bytes field.
    pub(crate) fn bytes(mut self, number: u32, value: &[u8]) -> Self {
        self.0.extend(varint(u64::from(number) << 3 | 2));
        self.0.extend(varint(value.len() as u64));
        self.0.extend(value);
        self
    }

    /// A string field.
    pub(crate) fn text(self, number: u32, value: &str) -> Self {
        self.bytes(number, value.as_bytes())
    }

    /// A message field.
    pub(crate) fn child(self, number: u32, value: &Self) -> Self {
        self.bytes(number, &value.0)
    }

    /// A pair of strings.
    pub(crate) fn pair(self, number: u32, key: &str, value: &str) -> Self {
        self.child(number, &message().text(1, key).text(2, value))
    }
}

/// A number as a varint.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f | 0x80).expect("one byte"));
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("below 0x80"));
    out
}
