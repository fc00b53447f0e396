//! WebAssembly modules: what they import from their host, and what they export.
//!
//! Specification: WebAssembly Core Specification, "Binary Format", section 5.5.

use crate::native::Image;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "WebAssembly module",
    endings: &[".wasm"],
    family: Family::Native,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Version 1 of a module, or the layer byte of a component.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let versions: [&[u8]; 2] = [b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"];
    versions.iter().any(|start| input.starts_with(start)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut image = Image::new(input, budget);
    let module = input.byte(4) == Some(1);
    image.kind(if module { "module" } else { "component" }, "WebAssembly");
    if module && sections(input, &mut image).is_none() {
        image.odd("sections", "the sections do not fill the file");
    }
    image.finish()
}

fn sections(input: Bytes<'_>, image: &mut Image<'_>) -> Option<()> {
    let mut cursor = input.cursor();
    cursor.seek(8);
    while !cursor.is_at_end() {
        if !image.steps(1) {
            return Some(());
        }
        let id = cursor.u8()?;
        let len = cursor.leb128()?;
        let body = cursor.take_u64(len)?;
        match id {
            0 => {
                let name = string(&mut body.cursor())?;
                image.field("custom section", String::from_utf8_lossy(name.head(256).as_slice()));
            }
            2 => imports(body, image)?,
            8 => image.field("start", body.cursor().leb128()?),
            _ => {}
        }
    }
    Some(())
}

/// Section 2: module, name, and what it is.
fn imports(body: Bytes<'_>, image: &mut Image<'_>) -> Option<()> {
    let mut cursor = body.cursor();
    for _ in 0..cursor.leb128()? {
        let module = string(&mut cursor)?;
        let name = string(&mut cursor)?;
        match cursor.u8()? {
            0 => {
                cursor.leb128()?;
            }
            1 => {
                cursor.u8()?;
                limits(&mut cursor)?;
            }
            2 => limits(&mut cursor)?,
            3 => {
                cursor.array::<2>()?;
            }
            4 => {
                cursor.u8()?;
                cursor.leb128()?;
            }
            _ => return None,
        }
        if !image.import(Some(module.as_slice()), name.as_slice()) {
            return Some(());
        }
    }
    Some(())
}

fn limits(cursor: &mut Cursor<'_>) -> Option<()> {
    let flags = cursor.u8()?;
    cursor.leb128()?;
    if flags & 1 != 0 {
        cursor.leb128()?;
    }
    Some(())
}

fn string<'a>(cursor: &mut Cursor<'a>) -> Option<Bytes<'a>> {
    let len = cursor.leb128()?;
    cursor.take_u64(len)
}

#[cfg(test)]
mod tests;
