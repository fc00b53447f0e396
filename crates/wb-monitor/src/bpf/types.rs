//! Where members of the kernel's structures lie, read from its type information
//! (`Documentation/bpf/btf.rst`). The file is the running kernel's own.

use std::collections::HashMap;

/// Offsets in bytes that the exec and fork programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) task_mm: i32,
    pub(crate) task_parent: i32,
    pub(crate) task_tgid: i32,
    pub(crate) task_pid: i32,
    pub(crate) mm_arg_start: i32,
    pub(crate) mm_arg_end: i32,
}

impl Offsets {
    /// The offsets in the kernel whose type information is `data`; `None` when it lacks one of them.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let types = Types::read(data)?;
        let (task, mm) = (types.named("task_struct")?, types.named("mm_struct")?);
        Some(Self {
            task_mm: types.member(task, "mm", 0)?,
            task_parent: types.member(task, "real_parent", 0)?,
            task_tgid: types.member(task, "tgid", 0)?,
            task_pid: types.member(task, "pid", 0)?,
            mm_arg_start: types.member(mm, "arg_start", 0)?,
            mm_arg_end: types.member(mm, "arg_end", 0)?,
        })
    }
}

const STRUCT: u32 = 4;
const UNION: u32 = 5;

struct Types<'a> {
    /// Where each type's record begins, by its number; the first is `void`.
    places: Vec<usize>,
    /// Structures with a body, by name.
    structs: HashMap<&'a [u8], u32>,
    data: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Types<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let header = word(data, 4)? as usize;
        let section = |at: usize| {
            let start = header.checked_add(word(data, at)? as usize)?;
            data.get(start..start.checked_add(word(data, at + 4)? as usize)?)
        };
        if data.get(..2)? != 0xeb9f_u16.to_ne_bytes() {
            return None;
        }
        let (records, strings) = (section(8)?, section(16)?);
        let mut types = Self { places: vec![0], structs: HashMap::new(), data: records, strings };
        let mut at = 0;
        while let Some(info) = word(records, at + 4) {
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let number = u32::try_from(types.places.len()).ok()?;
            types.places.push(at);
            if kind == STRUCT && count > 0 {
                types.structs.entry(types.string(word(records, at)?)?).or_insert(number);
            }
            // What follows the twelve bytes of a record (`struct btf_type`) depends on its kind.
            at += 12
                + match kind {
                    1 | 14 | 17 => 4,
                    3 => 12,
                    STRUCT | UNION | 15 | 19 => count * 12,
                    6 | 13 => count * 8,
                    _ => 0,
                };
        }
        Some(types)
    }

    fn named(&self, name: &str) -> Option<u32> {
        self.structs.get(name.as_bytes()).copied()
    }

    fn string(&self, at: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(at as usize..)?;
        rest.split(|byte| *byte == 0).next()
    }

    /// The offset in bytes of the member `name`, also inside members without a name.
    fn member(&self, structure: u32, name: &str, depth: u8) -> Option<i32> {
        let at = *self.places.get(structure as usize)?;
        let info = word(self.data, at + 4)?;
        let (kind, bits) = (info >> 24 & 0x1f, info >> 31 == 1);
        if !matches!(kind, STRUCT | UNION) || depth > 8 {
            return None;
        }
        (0..(info & 0xffff) as usize).find_map(|index| {
            let member = at + 12 + index * 12;
            let offset = word(self.data, member + 8)?;
            let offset =
                i32::try_from(if bits { offset & 0x00ff_ffff } else { offset } / 8).ok()?;
            let found = self.string(word(self.data, member)?)?;
            if found == name.as_bytes() {
                return Some(offset);
            }
            let inner = word(self.data, member + 4).filter(|_| found.is_empty())?;
            Some(offset + self.member(inner, name, depth + 1)?)
        })
    }
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_found_in_the_running_kernel() {
        let Ok(data) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            eprintln!("skipped: this kernel has no type information");
            return;
        };
        let offsets = Offsets::read(&data).expect("every Linux has these members");
        assert!(offsets.mm_arg_end == offsets.mm_arg_start + 8, "{offsets:?}");
        assert!(offsets.task_tgid == offsets.task_pid + 4, "{offsets:?}");
    }

    #[test]
    fn what_is_no_type_information_gives_nothing() {
        assert_eq!(Offsets::read(b""), None);
        assert_eq!(Offsets::read(&[0x9f; 64]), None);
        let mut header = vec![0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
        header.extend([0xff; 60]);
        assert_eq!(Offsets::read(&header), None);
    }
}
