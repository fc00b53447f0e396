//! PE: programs and libraries of Windows. Read with the crate `object`.
//!
//! Specification: "PE Format" in the Windows documentation.

use crate::native::Image;
use crate::{Family, Reader, Request, storage};
use object::LittleEndian as LE;
use object::pe::{IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_FILE_DLL, ImageNtHeaders32, ImageNtHeaders64, ImageDosHeader};
use object::read::coff::CoffHeader as _;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader as _, Import, optional_header_magic};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Windows executable or library (PE)",
    endings: &[".exe", ".dll", ".pyd", ".sys"],
    family: Family::Native,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let pe = input.starts_with(b"MZ") && storage::executable(input).is_some();
    pe.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut image = Image::new(input, budget);
    let read = match optional_header_magic(input.as_slice()) {
        Ok(object::pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => read::<ImageNtHeaders64>(input, &mut image),
        Ok(_) => read::<ImageNtHeaders32>(input, &mut image),
        Err(error) => Err(error),
    };
    if let Err(error) = read {
        image.odd("header", error);
    }
    image.finish()
}

fn read<Pe: ImageNtHeaders>(input: Bytes<'_>, image: &mut Image<'_>) -> object::read::Result<()> {
    let data = input.as_slice();
    let mut offset = ImageDosHeader::parse(data)?.nt_headers_offset().into();
    let (headers, directories) = Pe::parse(data, &mut offset)?;
    let file = headers.file_header();
    let library = file.characteristics.get(LE) & IMAGE_FILE_DLL != 0;
    image.kind(if library { "library" } else { "executable" }, &machine(file.machine.get(LE)));
    image.field("entry", format!("{:#x}", headers.optional_header().address_of_entry_point()));
    let sections = file.sections(data, offset)?;
    image.field("sections", sections.len());
    let mut end = offset;
    for section in sections.iter() {
        let (start, len) = section.pe_file_range();
        end = end.max(u64::from(start).saturating_add(u64::from(len)));
    }
    // The table of signatures stands behind the sections, at an offset in the file.
    if let Some(signatures) = directories.get(IMAGE_DIRECTORY_ENTRY_SECURITY) {
        let (start, len) = signatures.address_range();
        end = end.max(u64::from(start).saturating_add(u64::from(len)));
    }
    image.ends_at(end, input);
    let Some(table) = directories.import_table(data, &sections)? else { return Ok(()) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let library = table.name(descriptor.name.get(LE)).unwrap_or_default();
        if !image.steps((library.len() as u64).saturating_add(1)) {
            return Ok(());
        }
        let first = match descriptor.original_first_thunk.get(LE) {
            0 => descriptor.first_thunk.get(LE),
            first => first,
        };
        let mut thunks = table.thunks(first)?;
        while let Some(thunk) = thunks.next::<Pe>()? {
            let kept = match table.import::<Pe>(thunk)? {
                Import::Name(_, name) => image.import(Some(library), name),
                Import::Ordinal(number) => {
                    image.import(Some(library), format!("#{number}").as_bytes())
                }
            };
            if !kept {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The machine by its number, as tools print it.
fn machine(number: u16) -> String {
    let name = match number {
        0x14c => "x86",
        0x1c0 | 0x1c4 => "ARM",
        0x8664 => "x86-64",
        0xaa64 => "AArch64",
        0xebc => "EFI bytecode",
        other => return format!("machine {other:#x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
