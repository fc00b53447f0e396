//! A Jinja template in a file of its own, such as the `chat_template.jinja` that language models ship.

use crate::plain_text;
use crate::{Family, Reader, Request, template};
use wb_core::{Budget, Bytes, Content, Gap, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Jinja template",
    endings: &[".jinja", ".jinja2", ".j2"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// Longer text is no template, in bytes.
const LONGEST: usize = 4 << 20;

/// What opens and what closes a statement, an expression and a comment.
const TAGS: [(&str, &str); 3] = [("{%", "%}"), ("{{", "}}"), ("{#", "#}")];

/// The text begins with a tag that is closed. No JSON does.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let head = input.head(256);
    let first = head.as_slice().trim_ascii_start();
    if !TAGS.iter().any(|(open, _)| first.starts_with(open.as_bytes())) {
        return None;
    }
    let text = plain_text::text(input, LONGEST)?;
    let (_, close) = TAGS.iter().find(|(open, _)| text.trim_start().starts_with(open))?;
    text.contains(close).then_some(Strength::Weak)
}

/// A file that is called a template is one when it holds any tag.
fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, |text| {
        TAGS.iter().any(|(open, _)| text.contains(open))
    })
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    match plain_text::text(input, LONGEST) {
        Some(text) => {
            let mark = (input.len() as u64).saturating_sub(text.len() as u64);
            let start = input.offset().saturating_add(mark);
            let placed = |span: Span| Span::new(span.start.saturating_add(start), span.len);
            template::read(text, "", "chat_template", placed, &mut content, budget);
        }
        None => content.gaps.push(Gap::over(input.span(), "not read as text")),
    }
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, parse, survive};
    use wb_core::{ArtifactPath, Bytes, Trigger};

    #[test]
    fn a_template_is_known_by_its_first_tag() {
        for text in ["{% for m in messages %}{{ m }}{% endfor %}", "\n{{- bos_token }}", "{# x #}"] {
            assert_eq!(claims(text.as_bytes()), "(jinja)", "{text}");
            let content = parse("jinja", text.as_bytes());
            assert_eq!(content.programs[0].trigger, Trigger::Template);
        }
        for text in ["{}", "{\"a\": \"{{ b }}\"}", "{{ open", "Dear {{ name }}, hello"] {
            assert_ne!(claims(text.as_bytes()), "(jinja)", "{text}");
        }
    }

    #[test]
    fn a_file_called_a_template_holds_a_tag() {
        let claims = |text: &'static str| {
            let path = ArtifactPath::from("m/additional_chat_templates/tool_use.jinja");
            crate::identify_named(Bytes::new(text.as_bytes()), &path).len()
        };
        assert_eq!((claims("Dear {{ name }}"), claims("Dear reader")), (1, 0));
    }

    #[test]
    fn damage_is_survived() {
        survive("jinja", b"{% macro a(b) %}{{ b|attr('x') ~ 'y' }}{% endmacro %}{{ a(1)[0] }}");
    }
}
