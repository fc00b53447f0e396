//! ELF: executables and shared libraries of Linux, BSD and Android. Read with the crate `object`.
//!
//! Specification: System V Application Binary Interface, chapters 4 and 5.

use crate::native::Image;
use crate::{Family, Reader, Request, storage};
use object::Endianness;
use object::elf::{DT_NEEDED, ET_CORE, ET_DYN, ET_EXEC, ET_REL, FileHeader32, FileHeader64, SHT_DYNSYM, SHT_NOBITS};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "ELF executable or shared library",
    endings: &[".so", ".elf", ".o", ".ko"],
    family: Family::Native,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let elf = input.starts_with(b"\x7fELF") && storage::executable(input).is_some();
    elf.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut image = Image::new(input, budget);
    let wide = input.byte(4) == Some(2);
    let read = if wide {
        read::<FileHeader64<Endianness>>(input, &mut image)
    } else {
        read::<FileHeader32<Endianness>>(input, &mut image)
    };
    if let Err(error) = read {
        image.odd("header", error);
    }
    image.finish()
}

fn read<Elf: FileHeader<Endian = Endianness>>(
    input: Bytes<'_>,
    image: &mut Image<'_>,
) -> object::read::Result<()> {
    let data = input.as_slice();
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let kind = match header.e_type(endian) {
        ET_EXEC => "executable",
        ET_DYN if has_interpreter(header, endian, data) => "executable",
        ET_DYN => "shared library",
        ET_REL => "object file",
        ET_CORE => "core dump",
        _ => "ELF file",
    };
    image.kind(kind, &machine(header.e_machine(endian)));
    image.field("entry", format!("{:#x}", header.e_entry(endian).into()));
    needed(header, endian, data, image);
    let sections = header.sections(endian, data)?;
    let mut end = u64::from(header.e_ehsize(endian));
    for segment in header.program_headers(endian, data)? {
        end = end.max(segment.p_offset(endian).into().saturating_add(segment.p_filesz(endian).into()));
    }
    for section in sections.iter().filter(|section| section.sh_type(endian) != SHT_NOBITS) {
        end = end.max(section.sh_offset(endian).into().saturating_add(section.sh_size(endian).into()));
    }
    let table = (header.e_shnum(endian) as u64).saturating_mul(u64::from(header.e_shentsize(endian)));
    end = end.max(header.e_shoff(endian).into().saturating_add(table));
    image.field("sections", sections.len());
    let symbols = sections.symbols(endian, data, SHT_DYNSYM)?;
    if sections.is_empty() {
        image.odd("sections", "there is no table of sections: imports are not listed");
    }
    for symbol in symbols.iter().filter(|symbol| symbol.is_undefined(endian)) {
        let Ok(name) = symbols.symbol_name(endian, symbol) else { break };
        if !name.is_empty() && !image.import(None, name) {
            break;
        }
    }
    image.ends_at(end, input);
    Ok(())
}

/// Whether a program header names a loader, as those of programs do and those of libraries do not.
fn has_interpreter<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    data: &[u8],
) -> bool {
    let segments = header.program_headers(endian, data).unwrap_or_default();
    segments.iter().any(|segment| segment.p_type(endian) == object::elf::PT_INTERP)
}

/// The libraries that have to be loaded too.
fn needed<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    data: &[u8],
    image: &mut Image<'_>,
) {
    let Ok(sections) = header.sections(endian, data) else { return };
    let Ok(Some((entries, link))) = sections.dynamic(endian, data) else { return };
    let Ok(strings) = sections.strings(endian, data, link) else { return };
    let mut names = Vec::new();
    for entry in entries {
        if entry.tag(endian) != DT_NEEDED {
            continue;
        }
        let name = u32::try_from(entry.val(endian)).ok().and_then(|at| strings.get(at).ok());
        let Some(name) = name.filter(|name| image.steps(name.len() as u64)) else { break };
        names.push(String::from_utf8_lossy(name.get(..name.len().min(256)).unwrap_or_default()).into_owned());
        if names.len() >= 256 {
            break;
        }
    }
    for (index, name) in names.into_iter().enumerate() {
        image.field(&format!("needed[{index}]"), name);
    }
}

/// The machine by its number (`e_machine`), as tools print it.
fn machine(number: u16) -> String {
    let name = match number {
        3 => "x86",
        8 => "MIPS",
        20 | 21 => "PowerPC",
        22 => "S/390",
        40 => "ARM",
        62 => "x86-64",
        183 => "AArch64",
        190 => "NVIDIA CUDA",
        224 => "AMD GPU",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
