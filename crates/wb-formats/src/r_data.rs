//! R data: one object (`.rds`) or several with their names (`.rda`, `.RData`), usually inside a compressed
//! stream. `stream` walks the serialised objects; what would be evaluated is kept as text.
//!
//! Specification: "Serialization Formats" in R Internals, and `src/main/serialize.c` of R.

mod code;
mod input;
mod stream;

use crate::{Family, Reader, Request};
use stream::Walk;
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "R data: serialised objects",
    endings: &[".rds", ".rda", ".rdata", ".rdx"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How files of several objects begin: the form and the version.
const SEVERAL: [&[u8]; 6] = [b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"RDB2\n", b"RDB3\n"];

/// A form, version 2 or 3, and the versions of R that wrote it and can read it.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if SEVERAL.iter().any(|start| input.starts_with(start)) {
        return Some(Strength::Strong);
    }
    let mut input = input::Input::open(input)?;
    let version = input.int()?;
    let (writer, reader) = (input.int()?, input.int()?);
    let plausible = |number: i32| (0x0001_0000..0x0010_0000).contains(&number);
    (matches!(version, 2 | 3) && plausible(writer) && plausible(reader)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let several = SEVERAL.iter().find(|start| input.starts_with(start));
    let from = several.map_or(0, |start| start.len());
    let mut content = Content::default();
    let mut walk = Walk::new(&mut content, budget);
    walk.file(input.from(from), several.is_some());
    content
}

#[cfg(test)]
mod tests;
