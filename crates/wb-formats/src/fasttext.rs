//! Models of fastText: the arguments of the training, a dictionary of words and labels, and two matrices, whole or
//! quantized.
//!
//! Specification: `loadModel` in `src/fasttext.cc` of `facebookresearch/fastText`, with `load` of `args.cc`,
//! `dictionary.cc`, `densematrix.cc`, `quantmatrix.cc` and `productquantizer.cc`.

use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Cursor, Field, OddityKind, Strength, Tensor, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "fastText model",
    endings: &[".ftz", ".bin"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// `FASTTEXT_FILEFORMAT_MAGIC_INT32`, and the versions that there are.
const MAGIC: u32 = 793_712_314;
const VERSIONS: std::ops::RangeInclusive<u32> = 11..=12;
/// The numbers of the arguments, in order.
const ARGUMENTS: [&str; 12] = [
    "dim",
    "ws",
    "epoch",
    "minCount",
    "neg",
    "wordNgrams",
    "loss",
    "model",
    "bucket",
    "minn",
    "maxn",
    "lrUpdateRate",
];
/// Centroids of a quantizer (`ksub_`).
const CENTROIDS: u64 = 256;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    (input.u32_le(0)? == MAGIC && VERSIONS.contains(&input.u32_le(4)?)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut model = Model { cursor: input.cursor(), content: &mut content, notes: &mut notes };
    let read = model.read(budget);
    let rest = model.cursor.rest();
    match read {
        Ok(()) if rest.is_empty() => {}
        Ok(()) => {
            let what = format!("{} bytes follow the last matrix", rest.len());
            notes.odd(OddityKind::TrailingBytes, "file", Some(rest.span()), what);
        }
        Err(part) => {
            let what = format!("the file ends in its {part}, or a length there is not true");
            notes.odd(OddityKind::Truncated, part, Some(rest.span()), what.as_str());
            notes.gap(Some(rest.span()), what);
        }
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// A file as it is read.
struct Model<'a, 'c> {
    cursor: Cursor<'a>,
    content: &'c mut Content,
    notes: &'c mut Notes,
}

impl Model<'_, '_> {
    /// # Errors
    /// The part that could not be read.
    fn read(&mut self, budget: &mut Budget) -> Result<(), &'static str> {
        self.arguments().ok_or("arguments")?;
        self.dictionary(budget).ok_or("dictionary")?;
        let is_quantized = self.flag("the input is quantized").ok_or("input matrix")?;
        self.matrix("input", is_quantized).ok_or("input matrix")?;
        let output_is = self.flag("the output is quantized").ok_or("output matrix")?;
        self.matrix("output", is_quantized && output_is).ok_or("output matrix")
    }

    fn arguments(&mut self) -> Option<()> {
        self.cursor.take(4)?;
        for name in ["version"].iter().chain(&ARGUMENTS) {
            let value = self.cursor.i32_le()?;
            self.field(name, value);
        }
        let threshold = f64::from_le_bytes(self.cursor.array()?);
        self.field("t", threshold);
        Some(())
    }

    /// Words and labels with their counts, and the buckets that are left after pruning.
    fn dictionary(&mut self, budget: &mut Budget) -> Option<()> {
        let size = self.cursor.i32_le()?;
        let (words, labels) = (self.cursor.i32_le()?, self.cursor.i32_le()?);
        let (tokens, pruned) = (self.cursor.array()?, self.cursor.array()?);
        let (tokens, pruned) = (i64::from_le_bytes(tokens), i64::from_le_bytes(pruned));
        self.field("words", words);
        self.field("labels", labels);
        self.field("tokens", tokens);
        if words.checked_add(labels) != Some(size) {
            let what = format!("{size} entries are said to be {words} words and {labels} labels");
            self.notes.odd(OddityKind::Disagreement, "dictionary", None, what);
        }
        let mut found = 0_i32;
        for _ in 0..u32::try_from(size).ok()? {
            budget.steps(1).ok()?;
            let word = self.cursor.take_until(0)?;
            let kind = self.cursor.take(9)?.byte(8)?;
            if kind != 0 {
                found = found.saturating_add(1);
                if self.content.texts.len() < budget.limits().texts {
                    let value = String::from_utf8_lossy(word.as_slice()).into_owned();
                    let place = "label".to_owned();
                    self.content.texts.push(Text { place, value, span: Some(word.span()) });
                }
            }
        }
        if found != labels {
            let what = format!("{labels} labels are announced, {found} are there");
            self.notes.odd(OddityKind::Disagreement, "dictionary", None, what);
        }
        // Below zero: nothing was pruned.
        let pairs = u64::try_from(pruned).unwrap_or(0);
        self.cursor.take_u64(pairs.checked_mul(8)?).map(|_| ())
    }

    fn matrix(&mut self, name: &str, is_quantized: bool) -> Option<()> {
        if is_quantized {
            return self.quantized(name);
        }
        let (rows, columns) = (self.size()?, self.size()?);
        self.tensor(name, "F32", &[rows, columns], 4)
    }

    /// Codes of rows, and the centroids that they mean; the same for the lengths of the rows where those are kept apart.
    fn quantized(&mut self, name: &str) -> Option<()> {
        let has_norms = self.flag(&format!("{name}: lengths are kept apart"))?;
        let (rows, _columns) = (self.size()?, self.size()?);
        let codes = u64::from(self.cursor.u32_le()?);
        self.tensor(&format!("{name}.codes"), "U8", &[codes], 1)?;
        self.centroids(&format!("{name}.centroids"))?;
        if has_norms {
            self.tensor(&format!("{name}.norm_codes"), "U8", &[rows], 1)?;
            self.centroids(&format!("{name}.norm_centroids"))?;
        }
        Some(())
    }

    fn centroids(&mut self, name: &str) -> Option<()> {
        let columns = u64::from(self.cursor.u32_le()?);
        // How the columns are divided: their number of parts, the size of one, and of the last one.
        self.cursor.take(12)?;
        self.tensor(name, "F32", &[CENTROIDS, columns], 4)
    }

    fn tensor(&mut self, name: &str, dtype: &str, shape: &[u64], element: u64) -> Option<()> {
        let len = shape.iter().try_fold(element, |len, size| len.checked_mul(*size))?;
        let span = Some(self.cursor.take_u64(len)?.span());
        let (name, dtype, shape) = (name.to_owned(), dtype.to_owned(), shape.to_vec());
        self.content.tensors.push(Tensor { name, dtype, shape, span, strides: None });
        Some(())
    }

    fn size(&mut self) -> Option<u64> {
        // The library takes them as signed.
        self.cursor.u64_le().filter(|size| i64::try_from(*size).is_ok())
    }

    fn flag(&mut self, path: &str) -> Option<bool> {
        let byte = self.cursor.u8()?;
        self.field(path, byte != 0);
        Some(byte != 0)
    }

    fn field(&mut self, path: &str, value: impl ToString) {
        let (path, value) = (path.to_owned(), value.to_string());
        self.content.fields.push(Field { path, value, span: None });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, oddities, parse, survive};
    use wb_core::Content;

    /// Made by `tests/data/make_fasttext.py` with fasttext-wheel 0.9.2.
    const WHOLE: &[u8] = include_bytes!("../tests/data/written/fasttext.bin");
    const QUANTIZED: &[u8] = include_bytes!("../tests/data/written/fasttext.ftz");

    fn tensors(content: &Content) -> Vec<(&str, &[u64])> {
        content.tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape)).collect()
    }

    #[test]
    fn models_are_read_whole_and_quantized() {
        assert_eq!((claims(WHOLE), claims(QUANTIZED)), ("fasttext".to_owned(), "fasttext".to_owned()));
        let content = parse("fasttext", WHOLE);
        assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
        assert_eq!(tensors(&content), [("input", &[306, 4][..]), ("output", &[2, 4])]);
        let labels: Vec<&str> = content.texts.iter().map(|text| text.value.as_str()).collect();
        assert_eq!(labels, ["__label__good", "__label__bad"]);
        let content = parse("fasttext", QUANTIZED);
        assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
        let names: Vec<&str> = tensors(&content).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["input.codes", "input.centroids", "input.norm_codes", "input.norm_centroids", "output"]);
    }

    #[test]
    fn what_is_cut_off_or_added_is_told() {
        let cut = parse("fasttext", &WHOLE[..WHOLE.len() - 1]);
        assert_eq!(oddities(&cut), ["truncated output matrix"]);
        assert_eq!(gaps(&parse("fasttext", &WHOLE[..90])), ["the file ends in its dictionary, or a length there is not true"]);
        let more = [WHOLE, b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R."].concat();
        let content = parse("fasttext", &more);
        assert_eq!((oddities(&content), content.children.len()), (vec!["trailing-bytes file".to_owned()], 1));
        let mut labels = WHOLE.to_vec();
        labels[72] ^= 1;
        assert!(oddities(&parse("fasttext", &labels)).contains(&"disagreement dictionary".to_owned()));
    }

    #[test]
    fn damaged_models_are_survived() {
        survive("fasttext", WHOLE);
        survive("fasttext", QUANTIZED);
    }
}
