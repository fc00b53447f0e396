//! A pickle assembler: opcodes by the names that `pickletools` prints.

use crate::encode::{self, Parts};

/// Assembles opcodes, one per line: a name and, for opcodes that take one, an argument. Text and numbers
/// are written as they are, bytes in hexadecimal; GLOBAL and INST take module and name. `@NAME|ENCODING...`
/// stands for a part under encodings, outermost last, wherever text or bytes are expected. `RAW` takes bytes
/// that are no opcode, `REPEAT N OPCODE` an opcode N times. `#` begins a comment line.
///
/// # Errors
/// The line that is not understood.
pub fn assemble(text: &str) -> Result<Vec<u8>, String> {
    assemble_with(text, &Parts::new())
}

/// Like [`assemble`], with `parts` that arguments may name.
///
/// # Errors
/// The line that is not understood.
pub fn assemble_with(text: &str, parts: &Parts) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for line in text.lines().map(str::trim_start) {
        let line = line.trim_end_matches('\r');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (times, opcode) = repeated(line);
        let (name, argument) = opcode.split_once(' ').unwrap_or((opcode, ""));
        let mut once = Vec::new();
        write(name, argument, parts, &mut once)?
            .ok_or_else(|| format!("`{line}` is not understood"))?;
        out.extend(once.repeat(times));
    }
    Ok(out)
}

/// `REPEAT N OPCODE` as N and the opcode.
fn repeated(line: &str) -> (usize, &str) {
    let counted = line.strip_prefix("REPEAT ").and_then(|rest| rest.split_once(' '));
    counted.and_then(|(count, opcode)| Some((count.parse().ok()?, opcode))).unwrap_or((1, line))
}

/// Appends an opcode; `None` when it is not known or its argument does not fit.
fn write(
    name: &str,
    argument: &str,
    parts: &Parts,
    out: &mut Vec<u8>,
) -> Result<Option<()>, String> {
    if let Some((_, byte)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
        out.push(*byte);
        return Ok(Some(()));
    }
    if let Some((_, byte, width)) = COUNTED.iter().find(|(counted, ..)| *counted == name) {
        let data = match argument.strip_prefix('@') {
            Some(part) => encode::part(part, parts)?,
            None if name.contains("BYTES") || name.starts_with("LONG") || name == "BYTEARRAY8" => {
                match data_encoding::HEXLOWER_PERMISSIVE.decode(argument.as_bytes()) {
                    Ok(bytes) => bytes,
                    Err(_) => return Ok(None),
                }
            }
            None => argument.as_bytes().to_vec(),
        };
        let Some(length) = data.len().to_le_bytes().get(..*width).map(<[u8]>::to_vec) else {
            return Ok(None);
        };
        out.push(*byte);
        out.extend(length);
        out.extend(data);
        return Ok(Some(()));
    }
    if let Some((_, byte, width)) = NUMBERS.iter().find(|(number, ..)| *number == name) {
        let Ok(number) = argument.parse::<i64>() else { return Ok(None) };
        out.push(*byte);
        out.extend(number.to_le_bytes().get(..*width).unwrap_or_default());
        return Ok(Some(()));
    }
    if let Some((_, byte)) = LINES.iter().find(|(line, _)| *line == name) {
        out.push(*byte);
        match argument.strip_prefix('@') {
            Some(part) => out.extend(encode::part(part, parts)?),
            None => out.extend(argument.as_bytes()),
        }
        out.push(b'\n');
        return Ok(Some(()));
    }
    special(name, argument, parts, out)
}

/// Opcodes with an argument like no other's.
fn special(
    name: &str,
    argument: &str,
    parts: &Parts,
    out: &mut Vec<u8>,
) -> Result<Option<()>, String> {
    match name {
        "BINFLOAT" => {
            let Ok(number) = argument.parse::<f64>() else { return Ok(None) };
            out.push(b'G');
            out.extend(number.to_be_bytes());
        }
        "GLOBAL" | "INST" => {
            let Some((module, name_in_module)) = argument.split_once(' ') else { return Ok(None) };
            out.push(if name == "GLOBAL" { b'c' } else { b'i' });
            out.extend(format!("{module}\n{name_in_module}\n").into_bytes());
        }
        "RAW" => match argument.strip_prefix('@') {
            Some(part) => out.extend(encode::part(part, parts)?),
            None => match data_encoding::HEXLOWER_PERMISSIVE.decode(argument.as_bytes()) {
                Ok(bytes) => out.extend(bytes),
                Err(_) => return Ok(None),
            },
        },
        _ => return Ok(None),
    }
    Ok(Some(()))
}

/// Opcodes whose argument is a line.
const LINES: &[(&str, u8)] = &[
    ("STRING", b'S'),
    ("UNICODE", b'V'),
    ("INT", b'I'),
    ("LONG", b'L'),
    ("FLOAT", b'F'),
    ("PUT", b'p'),
    ("GET", b'g'),
    ("PERSID", b'P'),
];

/// Opcodes whose argument is a number, with its width in bytes.
const NUMBERS: &[(&str, u8, usize)] = &[
    ("PROTO", 0x80, 1),
    ("BININT1", b'K', 1),
    ("BININT2", b'M', 2),
    ("BININT", b'J', 4),
    ("BINPUT", b'q', 1),
    ("BINGET", b'h', 1),
    ("LONG_BINPUT", b'r', 4),
    ("LONG_BINGET", b'j', 4),
    ("EXT1", 0x82, 1),
    ("EXT2", 0x83, 2),
    ("EXT4", 0x84, 4),
    ("FRAME", 0x95, 8),
];

/// Opcodes whose argument is data behind its length, with the width of the length.
const COUNTED: &[(&str, u8, usize)] = &[
    ("SHORT_BINUNICODE", 0x8c, 1),
    ("BINUNICODE", b'X', 4),
    ("BINUNICODE8", 0x8d, 8),
    ("SHORT_BINSTRING", b'U', 1),
    ("BINSTRING", b'T', 4),
    ("SHORT_BINBYTES", b'C', 1),
    ("BINBYTES", b'B', 4),
    ("BINBYTES8", 0x8e, 8),
    ("BYTEARRAY8", 0x96, 8),
    ("LONG1", 0x8a, 1),
    ("LONG4", 0x8b, 4),
];

/// Opcodes without an argument.
const PLAIN: &[(&str, u8)] = &[
    ("STOP", b'.'),
    ("MARK", b'('),
    ("POP", b'0'),
    ("POP_MARK", b'1'),
    ("DUP", b'2'),
    ("NONE", b'N'),
    ("NEWTRUE", 0x88),
    ("NEWFALSE", 0x89),
    ("EMPTY_DICT", b'}'),
    ("EMPTY_LIST", b']'),
    ("EMPTY_TUPLE", b')'),
    ("DICT", b'd'),
    ("LIST", b'l'),
    ("TUPLE", b't'),
    ("TUPLE1", 0x85),
    ("TUPLE2", 0x86),
    ("TUPLE3", 0x87),
    ("SETITEM", b's'),
    ("SETITEMS", b'u'),
    ("APPEND", b'a'),
    ("APPENDS", b'e'),
    ("REDUCE", b'R'),
    ("BUILD", b'b'),
    ("OBJ", b'o'),
    ("NEWOBJ", 0x81),
    ("STACK_GLOBAL", 0x93),
    ("MEMOIZE", 0x94),
    ("BINPERSID", b'Q'),
    ("NEWOBJ_EX", 0x92),
    ("EMPTY_SET", 0x8f),
    ("ADDITEMS", 0x90),
    ("FROZENSET", 0x91),
    ("NEXT_BUFFER", 0x97),
    ("READONLY_BUFFER", 0x98),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_assembled_by_name() {
        let bytes =
            assemble("PROTO 2\nGLOBAL os getcwd\nEMPTY_TUPLE\nREDUCE\nSTOP").expect("sound");
        assert_eq!(bytes, b"\x80\x02cos\ngetcwd\n)R.");
        assert!(assemble("NO_SUCH_OPCODE").is_err());
        assert_eq!(assemble("REPEAT 3 NONE\nRAW ff").expect("sound"), b"NNN\xff");
        let parts = Parts::from([("inner".to_owned(), b"N.".to_vec())]);
        let bytes = assemble_with("SHORT_BINUNICODE @inner|base64", &parts).expect("sound");
        assert_eq!(bytes, b"\x8c\x04Ti4=");
    }
}
