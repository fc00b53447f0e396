//! Splitting a template into [`Segment`]s and their content into [`Token`]s, as Jinja's lexer does with its
//! default delimiters. Tolerant: an unclosed tag ends with the template.

/// A part of a template that is not plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'t> {
    /// Whether it is `{% %}` rather than `{{ }}`.
    pub is_tag: bool,
    /// What stands between the delimiters, without the whitespace marks.
    pub content: &'t str,
    /// Byte offset of the content in the template.
    pub start: usize,
}

/// The tags and expressions of `template`, in order. Comments and `raw` blocks are left out.
pub(super) fn segments(template: &str) -> Vec<Segment<'_>> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(open) = template.get(at..).and_then(|rest| rest.find('{')) {
        let open = at.saturating_add(open);
        let inside = open.saturating_add(2);
        match template.as_bytes().get(open.saturating_add(1)) {
            Some(b'#') => {
                let rest = template.get(inside..).unwrap_or_default();
                at = rest
                    .find("#}")
                    .map_or(template.len(), |end| inside.saturating_add(end).saturating_add(2));
            }
            Some(kind @ (b'{' | b'%')) => {
                let is_tag = *kind == b'%';
                let end = end_of_segment(template, inside, is_tag);
                let content = template.get(inside..end).unwrap_or_default();
                let segment = trimmed(content, inside, is_tag);
                at = end.saturating_add(2);
                if is_tag && segment.content.trim() == "raw" {
                    at = after_raw(template, at);
                    continue;
                }
                found.push(segment);
            }
            _ => at = open.saturating_add(1),
        }
    }
    found
}

/// Takes the whitespace marks `-` and `+` off.
fn trimmed(content: &str, start: usize, is_tag: bool) -> Segment<'_> {
    let inner = content.strip_prefix(['-', '+']).unwrap_or(content);
    let start = start.saturating_add(content.len().saturating_sub(inner.len()));
    let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
    Segment { is_tag, content: inner, start }
}

/// Where the closing delimiter of a segment stands: not inside a string, nor inside braces.
fn end_of_segment(template: &str, start: usize, is_tag: bool) -> usize {
    let bytes = template.as_bytes();
    let mut quote: Option<u8> = None;
    let mut braces: u32 = 0;
    let mut at = start;
    while let Some(byte) = bytes.get(at).copied() {
        let next = bytes.get(at.saturating_add(1)).copied();
        match (quote, byte) {
            (Some(_), b'\\') => at = at.saturating_add(1),
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'%') if is_tag && next == Some(b'}') => return at,
            (None, b'}') if !is_tag && braces == 0 && next == Some(b'}') => return at,
            (None, b'{') => braces = braces.saturating_add(1),
            (None, b'}') => braces = braces.saturating_sub(1),
            _ => {}
        }
        at = at.saturating_add(1);
    }
    // A quote that nothing closes is no quote: the delimiter alone counts then.
    let close = if is_tag { "%}" } else { "}}" };
    let rest = template.get(start..).unwrap_or_default();
    match rest.find(close) {
        Some(end) => start.saturating_add(end),
        None => template.len(),
    }
}

fn after_raw(template: &str, from: usize) -> usize {
    let rest = template.get(from..).unwrap_or_default();
    let Some(end) = rest.find("endraw") else { return template.len() };
    let close = rest.get(end..).and_then(|rest| rest.find("%}")).unwrap_or(0);
    from.saturating_add(end).saturating_add(close).saturating_add(2)
}

/// A token of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Byte offset in the template.
    pub start: usize,
    /// Length in bytes.
    pub len: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name or keyword.
    Name(String),
    /// A string, escapes resolved.
    Text(String),
    /// An integer.
    Int(i64),
    /// A number with a point or exponent.
    Float(f64),
    /// An operator or bracket.
    Sign(&'static str),
}

const SIGNS: [&str; 27] = [
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "|", "(", ")", "[", "]", "{",
    "}", "=", "<", ">", ".", ",", ":", ";", "!",
];

/// The tokens of a segment. Characters that begin no token are left out.
pub(super) fn tokens(segment: &Segment<'_>) -> Vec<Token> {
    let text = segment.content;
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at).copied() {
        let rest = text.get(at..).unwrap_or_default();
        let (kind, len) = match byte {
            b'"' | b'\'' => string(rest),
            b'0'..=b'9' => number(rest),
            _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                let end = rest
                    .find(|one: char| !one.is_alphanumeric() && one != '_')
                    .unwrap_or(rest.len());
                (Some(TokenKind::Name(rest.get(..end).unwrap_or_default().to_owned())), end)
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Some(TokenKind::Sign(sign)), sign.len()),
                None => (None, 1),
            },
        };
        let len = len.max(rest.chars().next().map_or(1, char::len_utf8));
        if let Some(kind) = kind {
            found.push(Token { kind, start: segment.start.saturating_add(at), len });
        }
        at = at.saturating_add(len);
        while !text.is_char_boundary(at) {
            at = at.saturating_add(1);
        }
    }
    found
}

fn string(rest: &str) -> (Option<TokenKind>, usize) {
    let mut characters = rest.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    let mut escaped = false;
    for (at, one) in characters {
        if escaped {
            escaped = false;
        } else if one == '\\' {
            escaped = true;
        } else if Some(one) == quote {
            let inside = rest.get(1..at).unwrap_or_default();
            let value = if inside.contains('\\') {
                let decoded = crate::peel::codec::escapes(inside.as_bytes());
                String::from_utf8_lossy(&decoded).into_owned()
            } else {
                inside.to_owned()
            };
            return (Some(TokenKind::Text(value)), at.saturating_add(1));
        }
    }
    (None, 1)
}

fn number(rest: &str) -> (Option<TokenKind>, usize) {
    let digits = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        let count = tail.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
        from.saturating_add(count)
    };
    let mut end = digits(0);
    let whole = end;
    if rest.get(end..).is_some_and(|tail| tail.starts_with('.')) {
        let fraction = digits(end.saturating_add(1));
        if fraction > end.saturating_add(1) {
            end = fraction;
        }
    }
    let text = rest.get(..end).unwrap_or_default().replace('_', "");
    let kind = if end == whole {
        text.parse().map_or(TokenKind::Float(f64::INFINITY), TokenKind::Int)
    } else {
        TokenKind::Float(text.parse().unwrap_or(f64::NAN))
    };
    (Some(kind), end)
}
