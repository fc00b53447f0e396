//! A pickle assembler: opcodes by the names that `pickletools` prints.

/// Assembles opcodes, one per line: a name and, for opcodes that take one, an argument. Text and numbers
/// are written as they are, bytes in hexadecimal; GLOBAL and INST take module and name. `#` begins a
/// comment line.
///
/// # Errors
/// The line that is not understood.
pub fn assemble(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for line in text.lines().map(str::trim_start) {
        let line = line.trim_end_matches('\r');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let found = opcode(name, argument, &mut out);
        found.ok_or_else(|| format!("`{line}` is not understood"))?;
    }
    Ok(out)
}

fn opcode(name: &str, argument: &str, out: &mut Vec<u8>) -> Option<()> {
    if let Some((_, byte)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
        out.push(*byte);
        return Some(());
    }
    match name {
        "PROTO" => out.extend([0x80, argument.parse().ok()?]),
        "BININT1" => out.extend([b'K', argument.parse().ok()?]),
        "BININT" => {
            out.push(b'J');
            out.extend(argument.parse::<i32>().ok()?.to_le_bytes());
        }
        "BINFLOAT" => {
            out.push(b'G');
            out.extend(argument.parse::<f64>().ok()?.to_be_bytes());
        }
        "SHORT_BINUNICODE" => {
            out.extend([0x8c, u8::try_from(argument.len()).ok()?]);
            out.extend(argument.as_bytes());
        }
        "BINUNICODE" => {
            out.push(b'X');
            out.extend(u32::try_from(argument.len()).ok()?.to_le_bytes());
            out.extend(argument.as_bytes());
        }
        "BINBYTES" => {
            let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(argument.as_bytes()).ok()?;
            out.push(b'B');
            out.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
            out.extend(bytes);
        }
        "GLOBAL" | "INST" => {
            let (module, name_in_module) = argument.split_once(' ')?;
            out.push(if name == "GLOBAL" { b'c' } else { b'i' });
            out.extend(format!("{module}\n{name_in_module}\n").into_bytes());
        }
        "STRING" | "INT" | "PUT" | "GET" | "UNICODE" => {
            out.push(match name {
                "STRING" => b'S',
                "INT" => b'I',
                "PUT" => b'p',
                "GET" => b'g',
                _ => b'V',
            });
            out.extend(format!("{argument}\n").into_bytes());
        }
        "BINPUT" | "BINGET" => {
            out.extend([if name == "BINPUT" { b'q' } else { b'h' }, argument.parse().ok()?]);
        }
        _ => return None,
    }
    Some(())
}

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
    }
}
