//! [`Input`]: numbers and strings of a serialised stream in its three forms: `X` (big-endian, XDR), `B`
//! (little-endian), `A` (text).

use wb_core::{Bytes, Cursor};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Big,
    Little,
    Text,
}

/// A stream being read.
pub(super) struct Input<'a> {
    cursor: Cursor<'a>,
    form: Form,
}

impl<'a> Input<'a> {
    /// The stream behind the two bytes that name its form.
    pub(super) fn open(bytes: Bytes<'a>) -> Option<Self> {
        let form = match bytes.head(2).as_slice() {
            b"X\n" => Form::Big,
            b"B\n" => Form::Little,
            b"A\n" => Form::Text,
            _ => return None,
        };
        let mut cursor = bytes.cursor();
        cursor.seek(2);
        Some(Self { cursor, form })
    }

    /// Offset of the next byte in the artifact.
    pub(super) const fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// Bytes that are left.
    pub(super) const fn remaining(&self) -> usize {
        self.cursor.remaining()
    }

    /// What is left.
    pub(super) fn rest(&self) -> Bytes<'a> {
        self.cursor.rest()
    }

    /// A word of the text form.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.cursor.rest().as_slice();
        let skipped = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.cursor.take(skipped)?;
        let rest = self.cursor.rest();
        let len = rest.head(512).as_slice().iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        std::str::from_utf8(self.cursor.take(len)?.as_slice()).ok().filter(|word| !word.is_empty())
    }

    /// A whole number.
    pub(super) fn int(&mut self) -> Option<i32> {
        match self.form {
            Form::Big => self.cursor.array().map(i32::from_be_bytes),
            Form::Little => self.cursor.array().map(i32::from_le_bytes),
            Form::Text => match self.word()? {
                "NA" => Some(i32::MIN),
                word => word.parse().ok(),
            },
        }
    }

    /// A length: one number, or two for those above 2^31.
    pub(super) fn len(&mut self) -> Option<u64> {
        match self.int()? {
            -1 => {
                let (high, low) = (self.int()?, self.int()?);
                let high = u64::from(u32::try_from(high).ok()?);
                Some(high.checked_shl(32)? | u64::from(low.cast_unsigned()))
            }
            len => u64::try_from(len).ok(),
        }
    }

    /// Passes over `count` numbers of `size` bytes each.
    pub(super) fn skip(&mut self, count: u64, size: u64) -> Option<()> {
        match self.form {
            Form::Text => {
                for _ in 0..count {
                    self.word()?;
                }
                Some(())
            }
            _ => self.cursor.take_u64(count.checked_mul(size)?).map(|_| ()),
        }
    }

    /// A number with a fraction, as it is written.
    pub(super) fn real(&mut self) -> Option<String> {
        match self.form {
            Form::Big => self.cursor.array().map(|bytes| f64::from_be_bytes(bytes).to_string()),
            Form::Little => self.cursor.array().map(|bytes| f64::from_le_bytes(bytes).to_string()),
            Form::Text => self.word().map(str::to_owned),
        }
    }

    /// `len` bytes of a string or of raw data.
    pub(super) fn bytes(&mut self, len: u64) -> Option<Vec<u8>> {
        match self.form {
            Form::Text => self.escaped(len),
            _ => self.cursor.take_u64(len).map(|bytes| bytes.as_slice().to_vec()),
        }
    }

    /// A string of the text form: spaces and what is not printable are escaped as in C.
    fn escaped(&mut self, len: u64) -> Option<Vec<u8>> {
        let skipped = self.cursor.rest().as_slice().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.cursor.take(skipped)?;
        let mut out = Vec::new();
        while (out.len() as u64) < len {
            let byte = self.cursor.u8()?;
            if byte != b'\\' {
                out.push(byte);
                continue;
            }
            out.push(match self.cursor.u8()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'v' => 0x0b,
                b'b' => 0x08,
                b'r' => b'\r',
                b'f' => 0x0c,
                b'a' => 0x07,
                digit @ b'0'..=b'7' => {
                    let mut value = u32::from(digit.saturating_sub(b'0'));
                    for _ in 0..2 {
                        let Some(next @ b'0'..=b'7') = self.cursor.rest().byte(0) else { break };
                        self.cursor.u8()?;
                        value = value.wrapping_mul(8) | u32::from(next.saturating_sub(b'0'));
                    }
                    u8::try_from(value & 0xff).unwrap_or(0)
                }
                other => other,
            });
        }
        Some(out)
    }

    /// Raw bytes: in the text form two digits each.
    pub(super) fn raw(&mut self, len: u64) -> Option<()> {
        match self.form {
            Form::Text => self.skip(len, 1),
            _ => self.cursor.take_u64(len).map(|_| ()),
        }
    }
}
