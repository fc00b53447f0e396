//! Hostile text made harmless: one function per medium ([`terminal`], [`markup`], [`json`], [`csv`],
//! [`markdown`]), and [`Defang`], which keeps hostile destinations from being followed by accident.
//!
//! Everything that comes from evidence (paths, log lines, names, payloads, settings) may hold escape
//! sequences, bidirectional overrides or invisible characters. Escaping shows them as `\x1b` or
//! `\u{202e}`, so that a reader sees what is there and a terminal or browser does not obey it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use wb_core::{Case, Finding, IndicatorKind};

/// One line for a terminal: control, bidirectional and invisible characters become visible escapes.
pub fn terminal(text: &str) -> Cow<'_, str> {
    visible(text, |_| false)
}

/// Several lines for a terminal: as [`terminal`], but line feeds and tabs stay.
pub fn terminal_text(text: &str) -> Cow<'_, str> {
    visible(text, |character| matches!(character, '\n' | '\t'))
}

/// Text for HTML, before the template escapes `<`, `&` and quotes: as [`terminal`], but line feeds and
/// tabs stay, since the page shows them as what they are.
pub fn markup(text: &str) -> Cow<'_, str> {
    visible(text, |character| matches!(character, '\n' | '\t'))
}

/// A printed JSON document with the characters that a terminal would obey written as `\uXXXX`; those
/// stand only inside strings, so the document keeps its meaning to the last character.
pub fn json(document: String) -> String {
    if !document.chars().any(|character| character != '\n' && is_hostile(character)) {
        return document;
    }
    let mut out = String::with_capacity(document.len());
    for character in document.chars() {
        if character == '\n' || !is_hostile(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// A cell of a CSV file (RFC 4180): quoted where it must be; as [`terminal`] otherwise. A spreadsheet would
/// compute a cell that begins like a formula (CWE-1236), so an apostrophe goes before it: a value that begins
/// with `'=`, `'+`, `'-` or `'@` is the value after the apostrophe.
pub fn csv(text: &str) -> String {
    let text = terminal(text);
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '|', '%']);
    let guard = if formula { "'" } else { "" };
    if text.contains([',', '"', '\n', ';', '\'']) || formula || text.trim().len() != text.len() {
        return format!("\"{guard}{}\"", text.replace('"', "\"\""));
    }
    text.into_owned()
}

/// A line of text in Markdown (CommonMark, with the tables and links of GitHub): nothing in it is markup, a
/// link or a mention.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in terminal(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // `www.` and an address are links in GitHub's dialect, `@name` and `#1` mentions; a backslash or
            // an entity before the sign ends that.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '$'
            | '+' | '=' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out.replace("www.", "www\\.").replace("- ", "\\- ")
}

/// Text between back quotes in Markdown, on one line: as long a fence as it needs.
pub fn markdown_code(text: &str) -> String {
    let text = terminal(text);
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() {
        " "
    } else {
        ""
    };
    // A table cell ends at a bar even inside code.
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Whether a character acts instead of being seen: control, bidirectional, zero-width and tag characters.
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn visible(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|character| is_hostile(character) && !keep(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !is_hostile(character) || keep(character) => out.push(character),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if u32::from(character) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            _ => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    Cow::Owned(out)
}

/// The hosts and addresses that prose must not make clickable: those the findings and the flows of a
/// compromise name. `evil.example` becomes `evil[.]example`, `https://` before it `hxxps://`.
#[derive(Clone, Debug, Default)]
pub struct Defang {
    /// Longest first, so that a host is not cut by a shorter one inside it.
    hosts: Vec<String>,
}

impl Defang {
    /// The hosts of a case.
    pub fn of_case(case: &Case) -> Self {
        let mut hosts = hosts_of(&case.findings);
        hosts.extend(case.answers.network.iter().map(|network| network.host.clone()));
        for flow in case.flows.iter().filter(|flow| flow.of_compromise) {
            hosts.insert(flow.destination.clone());
            hosts.extend(flow.host.clone());
        }
        Self::new(hosts)
    }

    /// The hosts of findings alone.
    pub fn of_findings(findings: &[Finding]) -> Self {
        Self::new(hosts_of(findings))
    }

    /// The hosts of a saved case.
    pub fn of_saved(case: &crate::saved::Case) -> Self {
        let suspicious = case
            .findings
            .iter()
            .filter(|finding| matches!(finding.verdict.as_str(), "malicious" | "suspicious"))
            .flat_map(|finding| finding.indicators.iter().cloned());
        let flows = case.flows.iter().filter(|flow| flow.of_compromise);
        let flows = flows.flat_map(|flow| flow.host.iter().chain([&flow.destination]).cloned());
        // Values come without their kind: a host has a dot or colons, and neither a slash nor a blank.
        let is_host = |value: &String| !value.contains(['/', ' ', '(', '@', '{']);
        Self::new(suspicious.chain(flows).filter(is_host).collect())
    }

    fn new(hosts: BTreeSet<String>) -> Self {
        let mut hosts: Vec<String> =
            hosts.into_iter().filter(|host| host.contains(['.', ':'])).collect();
        hosts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        Self { hosts }
    }

    /// The text with every hostile host and its scheme defanged.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((at, host)) = self.first(rest) {
            let (before, after) = rest.split_at(at);
            match before.strip_suffix("://") {
                Some(head) if head.ends_with("http") || head.ends_with("https") => {
                    let scheme = head.rfind("http").unwrap_or(head.len());
                    out.push_str(head.get(..scheme).unwrap_or(head));
                    out.push_str(&head.get(scheme..).unwrap_or_default().replace("tt", "xx"));
                    out.push_str("://");
                }
                _ => out.push_str(before),
            }
            let (host, after) = after.split_at(host.len());
            out.push_str(&host.replace('.', "[.]").replace(':', "[:]"));
            rest = after;
        }
        if out.is_empty() {
            return Cow::Borrowed(text);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// The first hostile host in `text`; of two that begin together, the longer.
    fn first(&self, text: &str) -> Option<(usize, &str)> {
        self.hosts
            .iter()
            .filter_map(|host| Some((text.find(host.as_str())?, host.as_str())))
            .min_by_key(|(at, _)| *at)
    }
}

fn hosts_of(findings: &[Finding]) -> BTreeSet<String> {
    findings
        .iter()
        .filter(|finding| finding.verdict >= wb_core::Verdict::Suspicious)
        .flat_map(|finding| &finding.indicators)
        .filter(|indicator| matches!(indicator.kind(), IndicatorKind::Domain | IndicatorKind::Ip))
        .map(|indicator| indicator.value().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}cod\u{200b}\r\nß 日本";
        assert_eq!(terminal(hostile), "a\\x1b[31m\\x9b2J\\u{202e}cod\\u{200b}\\r\\nß 日本");
        assert_eq!(markup("a\tb\n\u{7}"), "a\tb\n\\x07");
        assert!(matches!(terminal("plain `text` ✓"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_cell_is_computed_and_every_cell_stays_one() {
        assert_eq!(csv("hub.example"), "hub.example");
        assert_eq!(csv("=cmd|' /C calc'!A1"), "\"'=cmd|' /C calc'!A1\"");
        assert_eq!(csv(" +1"), "\"' +1\"");
        assert_eq!(csv("a \"b\", c\r\n"), "\"a \"\"b\"\", c\\r\\n\"");
    }

    #[test]
    fn nothing_is_markup_in_markdown() {
        assert_eq!(
            markdown("<b> [a](http://b) @me #1"),
            "&lt;b&gt; \\[a\\]\\(http&#58;//b\\) &#64;me &#35;1"
        );
        assert_eq!(markdown_code("a`b``c"), "```a`b``c```");
        assert_eq!(markdown_code("`"), "`` ` ``");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let document = "[\n  \"a\u{9b}\u{202e}\u{e0041}é\"\n]\n";
        let escaped = json(document.to_owned());
        assert_eq!(escaped, "[\n  \"a\\u009b\\u202e\\udb40\\udc41é\"\n]\n");
        let one: serde_json::Value = serde_json::from_str(document).expect("valid JSON");
        let other: serde_json::Value = serde_json::from_str(&escaped).expect("valid JSON");
        assert_eq!(one, other);
    }

    #[test]
    fn hostile_hosts_are_defanged_and_others_are_not() {
        let hosts = ["hub.example", "203.0.113.9", "a.hub.example", "localhost"];
        let defang = Defang::new(hosts.map(str::to_owned).into());
        assert_eq!(
            defang.text(
                "curl https://a.hub.example/x http://203.0.113.9:80 from api.internal.example"
            ),
            "curl hxxps://a[.]hub[.]example/x hxxp://203[.]0[.]113[.]9:80 from api.internal.example"
        );
        assert_eq!(defang.text("nothing here, localhost"), "nothing here, localhost");
    }
}
