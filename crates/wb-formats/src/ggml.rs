//! GGML before GGUF: weights of llama.cpp and its relatives with a header that only the program they were made
//! for understands. A file is read in each layout that its magic number allows ([`layouts`]), and is of the one that fits
//! to its end.
//!
//! Specification: `llama.cpp` in `ggml-org/llama.cpp` before August 2023 (`llama_file_version`, `read_hparams`,
//! `read_vocab`, `read_tensor_metadata`), `convert-lora-to-ggml.py` there, and the converters of `ggml-org/ggml` and
//! whisper.cpp.

use crate::gguf::element_type;
use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, Field, OddityKind, Span, Strength, Tensor};

mod layouts;

use layouts::{Layout, Words};

pub(crate) const FORMAT: Reader = Reader {
    title: "GGML weights before GGUF",
    endings: &[".ggml", ".ggjt", ".bin"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

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
    // A version in the newer forms, the first number in the oldest.
    let plausible = match name {
        "ggml" => (1..10_000_000).contains(&number),
        "ggmf" => (1..=16).contains(&number) || (100..=110).contains(&number),
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
    if name != "ggml" {
        content.fields.push(field("version", version.to_string()));
    }
    let start = if name == "ggml" { 4 } else { 8 };
    let Some(model) = best(input, start, layouts::of(name, version), budget) else {
        notes.gap(Some(input.span()), format!("the layout of this `{name}` file is that of another program"));
        content.gaps = notes.gaps;
        return content;
    };
    content.fields.push(field("layout", model.layout.program.to_owned()));
    content.fields.extend(model.fields);
    content.tensors = model.tensors;
    content.oddities = model.odd.oddities;
    if !model.is_whole {
        let rest = model.cursor.rest().span();
        let what = "the file breaks off, a limit was reached, or it is of another program";
        notes.odd(OddityKind::Malformed, "file", Some(rest), what);
        notes.gap(Some(rest), what);
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps = notes.gaps;
    content
}

/// Reads the file in every layout, with blocks as they are and as they were, until one fits it; else takes the one with
/// the most tensors. `None` when none has any, and there are several.
fn best<'a>(
    input: Bytes<'a>,
    start: usize,
    layouts: &'static [Layout],
    budget: &mut Budget,
) -> Option<Model<'a>> {
    let mut best: Option<Model<'a>> = None;
    for layout in layouts {
        for blocks_are_old in [false, true] {
            let mut cursor = input.cursor();
            cursor.seek(start);
            let odd = Notes::default();
            let (fields, tensors) = (Vec::new(), Vec::new());
            let mut model = Model { layout, blocks_are_old, cursor, fields, tensors, odd, is_whole: false };
            model.is_whole = model.read(budget).is_some();
            if model.is_whole {
                return Some(model);
            }
            if best.as_ref().is_none_or(|best| model.tensors.len() > best.tensors.len()) {
                best = Some(model);
            }
        }
    }
    best.filter(|best| !best.tensors.is_empty() || layouts.len() == 1)
}

/// A file as it is read in one layout.
struct Model<'a> {
    layout: &'static Layout,
    /// Whether blocks of numbers have the sizes that they had before version 3 of `ggjt`.
    blocks_are_old: bool,
    cursor: Cursor<'a>,
    fields: Vec<Field>,
    tensors: Vec<Tensor>,
    odd: Notes,
    /// Whether it was read to its end.
    is_whole: bool,
}

impl Model<'_> {
    fn read(&mut self, budget: &mut Budget) -> Option<()> {
        let mut numbers = Vec::new();
        for name in self.layout.numbers {
            let value = self.cursor.u32_le()?;
            numbers.push(value);
            let (path, value) = ((*name).to_owned(), value.to_string());
            self.fields.push(Field { path, value, span: None });
        }
        let (words, score) = match self.layout.words {
            Words::No => (0, 0),
            Words::Counted(index) => (*numbers.get(index)?, 0),
            Words::Scored(index) => (*numbers.get(index)?, 4),
            Words::Repeated => {
                let words = self.cursor.u32_le()?;
                (numbers.first() == Some(&words)).then_some((words, 0))?
            }
            Words::BehindFilters => {
                let sizes = [self.cursor.u32_le()?, self.cursor.u32_le()?].map(u64::from);
                let [rows, columns] = sizes;
                let len = rows.checked_mul(columns)?.checked_mul(4)?;
                let span = Some(self.cursor.take_u64(len)?.span());
                let (name, dtype) = ("filters".to_owned(), "F32".to_owned());
                self.tensors.push(Tensor { name, dtype, shape: sizes.to_vec(), span, strides: None });
                (self.cursor.u32_le()?, 0)
            }
        };
        for _ in 0..words {
            budget.steps(1).ok()?;
            let len = self.cursor.u32_le()?;
            self.cursor.take_u64(u64::from(len).checked_add(score)?)?;
        }
        while !self.cursor.is_at_end() {
            budget.items(1).ok()?;
            let position = self.cursor.position();
            if self.tensor().is_none() {
                self.cursor.seek(position);
                return None;
            }
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
        if self.layout.aligned {
            self.cursor.seek(self.cursor.position().checked_next_multiple_of(32)?);
        }
        let element = element_type(code)?;
        let Some(bytes) = element.bytes(&shape) else {
            let span = Some(Span::new(start, 16));
            let what = format!("shape {shape:?} of {} is no whole number of blocks, or overflows", element.name);
            self.odd.odd(OddityKind::ImpossibleLength, &format!("tensor `{name}`"), span, what);
            return None;
        };
        let bytes = match layouts::old_block(code).filter(|_| self.blocks_are_old) {
            // Elements come in blocks of 32.
            Some(block) => shape.iter().try_fold(1_u64, |count, size| count.checked_mul(*size))?.checked_div(32)?.checked_mul(block)?,
            None => bytes,
        };
        let data = self.cursor.take_u64(bytes)?;
        // The innermost axis is stored first.
        shape.reverse();
        let (dtype, span) = (element.name.to_owned(), Some(data.span()));
        self.tensors.push(Tensor { name, dtype, shape, span, strides: None });
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

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A tensor of one row of 32 elements in a type of that code.
    fn tensor(code: u32, len: usize) -> Vec<u8> {
        [words(&[2, 5, code, 32, 1]), b"w.one".to_vec(), vec![0; len]].concat()
    }

    #[test]
    fn a_layout_is_known_by_its_end() {
        let word = [words(&[5]), b"hello".to_vec()].concat();
        let gpt2 = [b"lmgg".to_vec(), words(&[1, 8, 32, 1, 1, 1, 1]), word.clone(), tensor(0, 128)].concat();
        let neox = [b"lmgg".to_vec(), words(&[1, 8, 32, 1, 1, 4, 1, 0]), word.clone(), tensor(8, 34)].concat();
        let whisper =
            [b"lmgg".to_vec(), words(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 1, 2, 1]), vec![0; 8], words(&[1]), word].concat();
        let whisper = [whisper, tensor(1, 64)].concat();
        let rwkv = [b"fmgg".to_vec(), words(&[101, 1, 32, 1, 0]), tensor(0, 128)].concat();
        let old = [model(b"fmgg", 2), tensor(2, 20)].concat();
        for (bytes, program, count) in
            [(&gpt2, "GPT-2 or StarCoder", 1), (&neox, "GPT-NeoX", 1), (&whisper, "Whisper", 2), (&rwkv, "rwkv.cpp", 1), (&old, "llama.cpp", 2)]
        {
            let content = parse("ggml", bytes);
            let layout = content.fields.iter().find(|field| field.path == "layout").map(|field| field.value.as_str());
            assert_eq!((layout, content.tensors.len()), (Some(program), count));
            assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
            survive("ggml", bytes);
        }
    }

    /// Made by `convert-lora-to-ggml.py` of llama.cpp.
    const ADAPTER: &[u8] = include_bytes!("../tests/data/written/lora.ggla");

    #[test]
    fn adapters_are_read() {
        assert_eq!(claims(ADAPTER), "ggml");
        let content = parse("ggml", ADAPTER);
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
        let more = [ADAPTER, b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R."].concat();
        let content = parse("ggml", &more);
        assert!(has(&content, OddityKind::Malformed) && content.children.len() == 1, "{content:?}");
        survive("ggml", ADAPTER);
    }

    #[test]
    fn others_are_named_and_unread() {
        let content = parse("ggml", b"lmgg\x05\xca\0\0 and so on");
        assert_eq!(gaps(&content), ["the layout of this `ggml` file is that of another program"]);
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
