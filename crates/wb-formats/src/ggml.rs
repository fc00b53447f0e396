//! GGML before GGUF: weights of llama.cpp and its relatives with a header that only the program they were made
//! for understands. Those of llama.cpp (`ggmf`, `ggjt`) are read; of others the header is listed.
//!
//! Specification: `llama.cpp` in `ggml-org/llama.cpp` before August 2023 (`llama_file_version`,
//! `read_hparams`, `read_vocab`, `read_tensor_metadata`).

use crate::gguf::element_type;
use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, Field, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "GGML weights before GGUF",
    endings: &[".ggml", ".ggjt", ".bin"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Names of the seven numbers behind the version.
const NUMBERS: [&str; 7] = ["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "n_rot", "ftype"];
/// Longest name of a tensor, in bytes.
const NAME: u32 = 256;
/// Most axes of a tensor.
const AXES: u32 = 4;

/// The four letters as a little-endian number, so that the file has them backwards.
fn magic(input: Bytes<'_>) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 4] =
        [(b"lmgg", "ggml"), (b"fmgg", "ggmf"), (b"tjgg", "ggjt"), (b"algg", "ggla")];
    KNOWN.iter().find(|(start, _)| input.starts_with(start)).map(|(_, name)| *name)
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let name = magic(input)?;
    let number = input.u32_le(4)?;
    // A version in the newer forms, the size of a vocabulary in the first.
    let plausible = match name {
        "ggml" => (1..10_000_000).contains(&number),
        _ => (1..=16).contains(&number),
    };
    plausible.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let name = magic(input).unwrap_or_default();
    let field = |path: &str, value: String| Field { path: path.to_owned(), value, span: None };
    content.fields.push(field("magic", name.to_owned()));
    let version = input.u32_le(4).unwrap_or(0);
    if !matches!(name, "ggmf" | "ggjt") {
        notes.gap(Some(input.span()), format!("the layout of `{name}` files depends on the program, and is not read"));
    } else {
        content.fields.push(field("version", version.to_string()));
        let mut cursor = input.cursor();
        cursor.seek(8);
        let read = Model { cursor: &mut cursor, content: &mut content, notes: &mut notes, aligned: name == "ggjt" }
            .read(budget);
        if read.is_none() {
            let rest = cursor.rest().span();
            let what = "the file breaks off, a limit was reached, or it is of another program";
            notes.odd(OddityKind::Malformed, "file", Some(rest), what);
            notes.gap(Some(rest), what);
        }
    }
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

struct Model<'a, 'm> {
    cursor: &'m mut Cursor<'a>,
    content: &'m mut Content,
    notes: &'m mut Notes,
    /// Whether the data of tensors begins at multiples of 32.
    aligned: bool,
}

impl Model<'_, '_> {
    fn read(&mut self, budget: &mut Budget) -> Option<()> {
        let mut words = 0;
        for name in NUMBERS {
            let value = self.cursor.u32_le()?;
            if name == "n_vocab" {
                words = value;
            }
            let (path, value) = (name.to_owned(), value.to_string());
            self.content.fields.push(Field { path, value, span: None });
        }
        for _ in 0..words {
            budget.steps(1).ok()?;
            let len = self.cursor.u32_le()?;
            // The text, then its score.
            self.cursor.take_u64(u64::from(len).checked_add(4)?)?;
        }
        while !self.cursor.is_at_end() {
            budget.items(1).ok()?;
            self.tensor()?;
        }
        Some(())
    }

    fn tensor(&mut self) -> Option<()> {
        let start = self.cursor.offset();
        let axes = self.cursor.u32_le().filter(|axes| *axes <= AXES)?;
        let len = self.cursor.u32_le().filter(|len| *len <= NAME)?;
        let code = self.cursor.u32_le()?;
        let mut shape = Vec::new();
        for _ in 0..axes {
            shape.push(u64::from(self.cursor.u32_le()?));
        }
        let name = self.cursor.take_u64(u64::from(len))?;
        let name = String::from_utf8_lossy(name.as_slice()).into_owned();
        if self.aligned {
            self.cursor.seek(self.cursor.position().checked_next_multiple_of(32)?);
        }
        let element = element_type(code)?;
        let Some(bytes) = element.bytes(&shape) else {
            let span = Some(Span::new(start, 16));
            let what = format!("shape {shape:?} of {} is no whole number of blocks, or overflows", element.name);
            self.notes.odd(OddityKind::ImpossibleLength, &format!("tensor `{name}`"), span, what);
            return None;
        };
        let data = self.cursor.take_u64(bytes)?;
        // The innermost axis is stored first.
        shape.reverse();
        let (dtype, span) = (element.name.to_owned(), Some(data.span()));
        self.content.tensors.push(Tensor { name, dtype, shape, span, strides: None });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    /// A model of llama.cpp with one word and one tensor of 2 rows and 4 columns.
    fn model(magic: &[u8], axes: u32) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut bytes = [magic.to_vec(), words(&[3, 1, 4, 256, 1, 1, 4, 0])].concat();
        bytes.extend(words(&[5]));
        bytes.extend(b"hello\0\0\0\0");
        bytes.extend(words(&[axes, 5, 0, 4, 2]));
        bytes.extend(b"w.one");
        if magic == b"tjgg" {
            bytes.resize(bytes.len().next_multiple_of(32), 0);
        }
        bytes.extend([0; 32]);
        bytes
    }

    #[test]
    fn weights_of_llama_are_read_with_and_without_alignment() {
        for magic in [b"tjgg", b"fmgg"] {
            let bytes = model(magic, 2);
            assert_eq!(claims(&bytes), "ggml");
            let content = parse("ggml", &bytes);
            let tensor = &content.tensors[0];
            assert_eq!((&*tensor.name, &*tensor.dtype, &tensor.shape[..]), ("w.one", "F32", &[2, 4][..]));
            assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
        }
    }

    #[test]
    fn others_are_named_and_unread() {
        let content = parse("ggml", b"lmgg\x05\xca\0\0 and so on");
        assert_eq!(gaps(&content), ["the layout of `ggml` files depends on the program, and is not read"]);
        assert_eq!(claims(b"lmgg and so on"), "");
    }

    #[test]
    fn what_is_no_tensor_is_told() {
        assert!(has(&parse("ggml", &model(b"tjgg", 9)), OddityKind::Malformed));
    }

    #[test]
    fn damage_is_survived() {
        survive("ggml", &model(b"tjgg", 2));
    }
}
