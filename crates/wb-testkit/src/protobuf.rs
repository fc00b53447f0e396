//! Messages of protocol buffers ("Encoding" in their documentation).

use crate::tree::{Fields, Value, parse};

/// A message whose fields `text` gives. Numbers without a size are varints, those of four or eight bytes are fixed,
/// lists are packed.
///
/// # Errors
/// What is wrong with the text.
pub fn protobuf(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    message(&mut out, &parse(text)?)?;
    Ok(out)
}

fn message(out: &mut Vec<u8>, fields: &Fields) -> Result<(), String> {
    for (number, value) in fields {
        let Some(number) = number else {
            let Value::Bytes(bytes) = value else { return Err(format!("{value:?} has no number")) };
            out.extend(bytes);
            continue;
        };
        let tag = |wire: u64| u64::from(*number) << 3 | wire;
        match value {
            Value::Number(number) => {
                varint(out, tag(0));
                varint(out, *number);
            }
            Value::Fixed(bytes) => {
                let wire = match bytes.len() {
                    4 => 5,
                    8 => 1,
                    len => return Err(format!("no field has a number of {len} bytes")),
                };
                varint(out, tag(wire));
                out.extend(bytes);
            }
            Value::Group(fields) => {
                varint(out, tag(3));
                message(out, fields)?;
                varint(out, tag(4));
            }
            Value::Text(text) => sized(out, tag(2), text.as_bytes()),
            Value::Bytes(bytes) => sized(out, tag(2), bytes),
            Value::Fields(fields) => {
                let mut inner = Vec::new();
                message(&mut inner, fields)?;
                sized(out, tag(2), &inner);
            }
            Value::List(values) => {
                let mut inner = Vec::new();
                for value in values {
                    match value {
                        Value::Number(number) => varint(&mut inner, *number),
                        Value::Fixed(bytes) => inner.extend(bytes),
                        other => return Err(format!("{other:?} cannot be packed")),
                    }
                }
                sized(out, tag(2), &inner);
            }
        }
    }
    Ok(())
}

fn sized(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    varint(out, tag);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_is_written() {
        let hex = |text| data_encoding::HEXLOWER.encode(&protobuf(text).expect("a sound recipe"));
        assert_eq!(hex("1 150"), "089601");
        assert_eq!(hex("2 \"hi\" 1 { 3 -1 }"), "120268690a0b18ffffffffffffffffff01");
        assert_eq!(
            hex("1 [1 150] # packed\n 4 u32 2 5 f32 1"),
            "0a030196012502000000".to_owned() + "2d0000803f"
        );
        assert_eq!(hex("4 group { 1 1 } hex \"08 81 00\""), "2308012408".to_owned() + "8100");
        assert!(
            protobuf("1 {").is_err() && protobuf("one 1").is_err() && protobuf("1 \"a").is_err()
        );
    }
}
