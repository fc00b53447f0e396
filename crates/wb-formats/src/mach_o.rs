//! Mach-O: programs and libraries of macOS and iOS, also several for different machines in one file. Read
//! with the crate `object`.
//!
//! Specification: `mach-o/loader.h` and `mach-o/fat.h` of Apple's SDK.

use crate::native::Image;
use crate::{Family, Reader, Request, storage};
use object::Endianness;
use object::macho::{FatArch32, FatArch64, MachHeader32, MachHeader64};
use object::read::macho::{FatArch, MachHeader, MachOFatFile, Nlist as _};
use wb_core::{Budget, Bytes, Content, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Mach-O executable or library, also of several machines",
    endings: &[".dylib"],
    family: Family::Native,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Files of several machines begin like compiled Java classes, whose version stands where the count of
/// machines would; no version of Java is below 45.
const MOST_MACHINES: u32 = 32;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let single = input.starts_with(b"\xfe\xed\xfa")
        || input.starts_with(b"\xce\xfa\xed\xfe")
        || input.starts_with(b"\xcf\xfa\xed\xfe");
    let thin = single && storage::executable(input).is_some();
    (thin || fat(input).is_some()).then_some(Strength::Strong)
}

/// Whether the entries of a file of several machines are 64 bits wide.
fn fat(input: Bytes<'_>) -> Option<bool> {
    let wide = match input.u32_be(0)? {
        0xcafe_babe => false,
        0xcafe_babf => true,
        _ => return None,
    };
    let first = if wide { u64::from_be_bytes(input.array(16)?) } else { u64::from(input.u32_be(16)?) };
    let inside = first < input.len() as u64 && first >= 28;
    (inside && (1..=MOST_MACHINES).contains(&input.u32_be(4)?)).then_some(wide)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut image = Image::new(input, budget);
    let data = input.as_slice();
    let read = match (fat(input), input.byte(0)) {
        (Some(true), _) => MachOFatFile::<FatArch64>::parse(data).map(|file| several(&file, input, &mut image)),
        (Some(false), _) => MachOFatFile::<FatArch32>::parse(data).map(|file| several(&file, input, &mut image)),
        (None, Some(0xcf)) => read::<MachHeader64<Endianness>>(input, &mut image),
        (None, Some(0xfe)) if input.byte(3) == Some(0xcf) => read::<MachHeader64<Endianness>>(input, &mut image),
        _ => read::<MachHeader32<Endianness>>(input, &mut image),
    };
    if let Err(error) = read {
        image.odd("header", error);
    }
    image.finish()
}

fn several<Fat: FatArch>(file: &MachOFatFile<'_, Fat>, input: Bytes<'_>, image: &mut Image<'_>) {
    for arch in file.arches() {
        let name = machine(arch.cputype());
        let (offset, size) = arch.file_range();
        let span = Span::new(offset, size);
        match input.at_span(span) {
            Some(_) if offset >= 28 => {
                image.kind("executable", &name);
                image.child(&name, span);
            }
            _ => image.odd(&name, format!("{size} bytes at offset {offset} lie outside the file")),
        }
    }
}

fn read<Mach: MachHeader<Endian = Endianness>>(
    input: Bytes<'_>,
    image: &mut Image<'_>,
) -> object::read::Result<()> {
    let data = input.as_slice();
    let header = Mach::parse(data, 0)?;
    let endian = header.endian()?;
    let kind = match header.filetype(endian) {
        1 => "object file",
        2 => "executable",
        6 => "shared library",
        8 => "bundle",
        _ => "Mach-O file",
    };
    image.kind(kind, &machine(header.cputype(endian)));
    let mut commands = header.load_commands(endian, data, 0)?;
    let mut libraries = 0_usize;
    while let Some(command) = commands.next()? {
        if !image.steps(1) {
            return Ok(());
        }
        if let Ok(Some(dylib)) = command.dylib() {
            let name = command.string(endian, dylib.dylib.name).unwrap_or_default();
            image.field(&format!("needed[{libraries}]"), String::from_utf8_lossy(name));
            libraries = libraries.saturating_add(1);
        }
        let Ok(Some(table)) = command.symtab() else { continue };
        let symbols = table.symbols::<Mach, _>(endian, data)?;
        for symbol in symbols.iter().filter(|symbol| !symbol.is_stab() && symbol.is_undefined()) {
            let Ok(name) = symbol.name(endian, symbols.strings()) else { break };
            // C names carry an underscore.
            let name = name.strip_prefix(b"_").unwrap_or(name);
            if !name.is_empty() && !image.import(None, name) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The machine by its number (`cputype`), as tools print it.
fn machine(number: u32) -> String {
    let name = match number {
        7 => "x86",
        0x0100_0007 => "x86-64",
        12 => "ARM",
        0x0100_000c | 0x0200_000c => "AArch64",
        18 => "PowerPC",
        0x0100_0012 => "PowerPC 64",
        other => return format!("machine {other:#x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
