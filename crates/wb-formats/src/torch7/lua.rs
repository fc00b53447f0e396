//! Bytecode of Lua 5.1, Lua 5.2 and LuaJIT as `string.dump` writes it: [`constants`] lists the strings of each function, which are
//! the names of the globals and fields that it uses. Instructions are not read.
//!
//! Specification: `lundump.c` and `ldump.c` of Lua 5.1 and 5.2; `lj_bcdump.h` of LuaJIT.

use wb_core::{Bytes, Cursor};

/// Functions that are looked at, strings of each, and bytes of each string.
const FUNCTIONS: usize = 256;
const STRINGS: u64 = 1 << 12;
const KEPT: usize = 256;
/// How deep functions may stand in one another.
const DEEPEST: u32 = 64;

/// The strings of each function; `None` when the bytes are no bytecode, or break off.
pub(super) fn constants(code: Bytes<'_>) -> Option<Vec<Vec<String>>> {
    let mut functions = Vec::new();
    match code.head(4).as_slice() {
        [0x1b, b'L', b'J', 1 | 2] => luajit(code.from(4).cursor(), &mut functions)?,
        [0x1b, b'L', b'u', b'a'] => Lua::open(code)?.function(0, &mut functions)?,
        _ => return None,
    }
    Some(functions)
}

fn kept(bytes: Bytes<'_>) -> String {
    String::from_utf8_lossy(bytes.head(KEPT).as_slice()).into_owned()
}

/// Prototypes one behind the other, each with its length.
fn luajit(mut cursor: Cursor<'_>, functions: &mut Vec<Vec<String>>) -> Option<()> {
    const STRIPPED: u64 = 2;
    let stripped = cursor.leb128()? & STRIPPED != 0;
    if !stripped {
        let name = cursor.leb128()?;
        cursor.take_u64(name)?;
    }
    loop {
        let len = cursor.leb128()?;
        if len == 0 || functions.len() >= FUNCTIONS {
            return Some(());
        }
        functions.push(prototype(cursor.take_u64(len)?.cursor(), stripped)?);
    }
}

/// Flags, sizes, instructions of four bytes, captured variables of two, then the constants.
fn prototype(mut cursor: Cursor<'_>, stripped: bool) -> Option<Vec<String>> {
    const CHILD: u64 = 0;
    const TABLE: u64 = 1;
    const COMPLEX: u64 = 4;
    let [_, _, _, captured] = cursor.array()?;
    let (count, _numbers, instructions) = (cursor.leb128()?, cursor.leb128()?, cursor.leb128()?);
    if !stripped && cursor.leb128()? > 0 {
        cursor.leb128()?;
        cursor.leb128()?;
    }
    cursor.take_u64(instructions.checked_mul(4)?)?;
    cursor.take_u64(u64::from(captured).checked_mul(2)?)?;
    let mut strings = Vec::new();
    for _ in 0..count.min(STRINGS) {
        match cursor.leb128()? {
            CHILD => {}
            TABLE => table(&mut cursor, &mut strings)?,
            kind @ 2..=COMPLEX => {
                for _ in 0..if kind == COMPLEX { 4 } else { 2 } {
                    cursor.leb128()?;
                }
            }
            kind => strings.push(kept(cursor.take_u64(kind.checked_sub(5)?)?)),
        }
    }
    Some(strings)
}

/// A constant table: the values of its list, then keys and values.
fn table(cursor: &mut Cursor<'_>, strings: &mut Vec<String>) -> Option<()> {
    let (list, pairs) = (cursor.leb128()?, cursor.leb128()?);
    let count = list.checked_add(pairs.checked_mul(2)?)?;
    for _ in 0..count.min(STRINGS) {
        match cursor.leb128()? {
            0..=2 => {}
            3 => {
                cursor.leb128()?;
            }
            4 => {
                cursor.leb128()?;
                cursor.leb128()?;
            }
            kind => strings.push(kept(cursor.take_u64(kind.checked_sub(5)?)?)),
        }
    }
    Some(())
}

/// A chunk of Lua with the sizes that its header gives.
struct Lua<'a> {
    cursor: Cursor<'a>,
    /// Lua 5.2, which names the source of a function behind what is in it.
    newer: bool,
    /// Bytes of a length, of an instruction and of a number.
    length: u8,
    instruction: u8,
    number: u8,
}

impl<'a> Lua<'a> {
    /// Little-endian chunks with integers of four bytes.
    fn open(code: Bytes<'a>) -> Option<Self> {
        let [version, _format, little, int, length, instruction, number, _integral] = code.array(4)?;
        let (newer, start) = match version {
            0x51 => (false, 12),
            // What a transfer as text would change stands behind the sizes.
            0x52 => (true, 18),
            _ => return None,
        };
        let known = little == 1 && int == 4 && matches!(length, 4 | 8);
        known.then(|| Self { cursor: code.from(start).cursor(), newer, length, instruction, number })
    }

    fn count(&mut self) -> Option<u64> {
        u64::try_from(self.cursor.i32_le()?).ok()
    }

    /// A string with a zero at its end, which its length counts.
    fn string(&mut self) -> Option<Bytes<'a>> {
        let len = match self.length {
            4 => u64::from(self.cursor.u32_le()?),
            _ => self.cursor.u64_le()?,
        };
        let bytes = self.cursor.take_u64(len)?;
        Some(bytes.head(bytes.len().saturating_sub(1)))
    }

    /// Name, lines, small numbers, instructions, constants, the functions in it, what helps a debugger.
    fn function(&mut self, depth: u32, functions: &mut Vec<Vec<String>>) -> Option<()> {
        if depth >= DEEPEST || functions.len() >= FUNCTIONS {
            return None;
        }
        if self.newer {
            self.cursor.take(11)?;
        } else {
            self.string()?;
            self.cursor.take(12)?;
        }
        let instructions = self.count()?;
        self.cursor.take_u64(instructions.checked_mul(u64::from(self.instruction))?)?;
        let mut strings = Vec::new();
        for _ in 0..self.count()? {
            match self.cursor.u8()? {
                0 => {}
                1 => {
                    self.cursor.u8()?;
                }
                3 => {
                    self.cursor.take(usize::from(self.number))?;
                }
                4 => {
                    let string = self.string()?;
                    if (strings.len() as u64) < STRINGS {
                        strings.push(kept(string));
                    }
                }
                _ => return None,
            }
        }
        functions.push(strings);
        for _ in 0..self.count()? {
            self.function(depth.saturating_add(1), functions)?;
        }
        if self.newer {
            let captured = self.count()?;
            self.cursor.take_u64(captured.checked_mul(2)?)?;
            self.string()?;
        }
        let lines = self.count()?;
        self.cursor.take_u64(lines.checked_mul(4)?)?;
        for _ in 0..self.count()? {
            self.string()?;
            self.cursor.take(8)?;
        }
        for _ in 0..self.count()? {
            self.string()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &[u8]) -> Option<Vec<Vec<String>>> {
        constants(Bytes::new(code))
    }

    #[test]
    fn strings_of_luajit_are_listed_by_function() {
        // Flags, then two prototypes: no instructions, and the strings "os" and "add"; a table of the string "io".
        let first = b"\0\0\0\0\x02\0\0\x07os\x08add";
        let second = b"\0\0\0\0\x01\0\0\x01\x01\0\x07io";
        let code = [b"\x1bLJ\x02\x02\x0e".as_slice(), first, b"\x0d", second, b"\0"].concat();
        assert_eq!(read(&code), Some(vec![vec!["os".to_owned(), "add".to_owned()], vec!["io".to_owned()]]));
        assert_eq!(read(&code[..code.len() - 4]), None);
        assert_eq!(read(b"\x1bLJ\x09\x02\0"), None);
    }

    /// As LuaJIT 2.1, Lua 5.1 and Lua 5.2 dump one function.
    #[test]
    fn what_lua_dumps_is_read() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/written/torch7.t7");
        let bytes = std::fs::read(file).expect("the file is there");
        let content = crate::testing::parse("torch7", &bytes);
        let functions = content.components.iter().filter(|part| part.kind == "function");
        let mut names: Vec<Vec<&str>> =
            functions.map(|part| part.settings.iter().map(|name| name.value.as_str()).collect()).collect();
        names.iter_mut().for_each(|names| names.sort_unstable());
        assert_eq!(names, [["echo ", "execute", "os"]; 3]);
    }

    #[test]
    fn strings_of_lua_are_listed_by_function() {
        let function = |inner: &[u8], count: u32| {
            let constant = b"\x04\x03\0\0\0os\0";
            let mut code = vec![0; 4 + 12 + 4];
            code.extend(1_u32.to_le_bytes());
            code.extend(constant);
            code.extend(count.to_le_bytes());
            code.extend(inner);
            code.extend([0; 12]);
            code
        };
        let code = [b"\x1bLua\x51\0\x01\x04\x04\x04\x08\0".to_vec(), function(&function(&[], 0), 1)].concat();
        assert_eq!(read(&code), Some(vec![vec!["os".to_owned()]; 2]));
        for len in 0..code.len() {
            assert_eq!(read(&code[..len]), None);
        }
    }
}
