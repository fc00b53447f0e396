//! Markdown beside models: model cards and instructions. The commands that they tell somebody to run are lifted; the
//! rest is text.
//!
//! Specification: CommonMark 0.31.2.

use crate::plain_text::{self, lines};
use crate::{Family, Reader, Request, prose};
use wb_core::{Budget, Bytes, Content, Strength, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "Markdown: model cards and instructions",
    endings: &[".md", ".markdown"],
    family: Family::Media,
    refines: &[],
    identify: |_| None,
    parse,
    named: Some(named),
};

/// Texts longer than this were not written by hand, in bytes.
const LONGEST: usize = 8 << 20;
/// The beginning whose lines are kept to be correlated, in bytes.
const KEPT: u64 = 256 << 10;

fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, |_| true)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, LONGEST, &mut content) else { return content };
    if let Some(head) = front_matter(text) {
        let span = plain_text::span_of(input, text, head);
        let bytes = input.at_span(span).unwrap_or(input);
        crate::yaml::head(bytes, head, &mut content, budget);
    }
    let kept = lines(input, text).take_while(|line| line.span().end() <= KEPT);
    // A key goes over several lines.
    let mut in_key = false;
    for line in kept.filter(|line| !line.text.trim().is_empty()) {
        match content.texts.last_mut().filter(|_| in_key) {
            Some(key) => {
                key.value.push('\n');
                key.value.push_str(line.text);
            }
            None => {
                let (place, value) = (format!("line {}", line.number), line.text.to_owned());
                content.texts.push(Text { place, value, span: None });
            }
        }
        in_key = !line.text.contains("-----END ") && (in_key || line.text.contains("-----BEGIN "));
    }
    prose::read(lines(input, text), "", &mut content, budget);
    content
}

/// What model cards say in YAML between two lines of dashes: licence, language, base model (Hugging Face Hub, "Model
/// cards"). Its lines are text as well, so that nothing is lost where it is none.
fn front_matter(text: &str) -> Option<&str> {
    const LONGEST: usize = 64 << 10;
    let body = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let end = body.find("\n---")?;
    body.get(..end).filter(|head| head.len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use crate::testing::{parse, survive};

    #[test]
    fn the_head_of_a_model_card_becomes_fields() {
        let card = "---\nlicense: cc-by-nc-4.0\ntags:\n- ü\nbase_model: example/base\n---\n# A model\n";
        let content = parse("markdown", card.as_bytes());
        let fields: Vec<String> = content.fields.iter().map(|one| format!("{}={}", one.path, one.value)).collect();
        assert_eq!(fields, ["license=cc-by-nc-4.0", "tags[0]=ü", "base_model=example/base"]);
        let span = content.fields[0].span.expect("a place");
        assert_eq!(&card.as_bytes()[13..25], b"cc-by-nc-4.0");
        assert_eq!((span.start, span.len), (13, 12));
    }

    #[test]
    fn a_line_of_dashes_is_no_head() {
        for text in ["# A model\n---\nlicense: mit\n---\n", "---\nlicense: mit\n", "--- \nlicense: mit\n---\n"] {
            assert!(parse("markdown", text.as_bytes()).fields.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn damage_is_survived() {
        survive("markdown", b"---\nlicense: [a, &b c]\nx: *b\n---\n# A\n```sh\nid\n```\n");
    }
}
