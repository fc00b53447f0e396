//! A case as one self-contained page: no network, nothing beside it, readable without its script.
//!
//! Evidence is hostile: every string goes through `Writer` (visible control characters, bounded
//! length) and maud's escaping; the page's security policy allows its own style and script by digest and
//! nothing else, so that even markup that slipped through could not run or load anything.

mod artifacts;
mod chart;
mod evidence;
mod findings;
mod head;
mod network;
mod reasoning;
mod timeline;

use crate::Tool;
use crate::escape::{self, Defang};
use crate::words::{self, Tone};
use data_encoding::BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Case, RecordRef, Severity, Verdict};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page of a case.
pub fn case(case: &Case, tool: &Tool) -> String {
    let writer = Writer::new(case);
    let (tone, headline) = words::headline(case);
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "weighbridge: " (headline) }
                style { (PreEscaped(STYLE)) }
            }
            body class=(tone_class(tone)) {
                (head::verdict(case, &writer))
                (head::navigation(case))
                main.page {
                    (head::moments(case, &writer))
                    (reasoning::chain(case, &writer))
                    (head::answers(case, &writer))
                    (head::recommendations(case, &writer))
                    (timeline::section(case, &writer))
                    (findings::section(case, &writer))
                    (reasoning::deployments(case, &writer))
                    (evidence::flows(case, &writer))
                    (evidence::integrity(case, &writer))
                    (evidence::identifiers(case, &writer))
                    (evidence::candidates(case, &writer))
                    (reasoning::judgements(case, &writer))
                    (evidence::doubts(case, &writer))
                    (reasoning::reach(case, &writer))
                    (artifacts::section(case, &writer))
                    (evidence::indicators(case, &writer))
                    (evidence::appendix(case, &writer))
                    footer {
                        "weighbridge " (writer.exact(&tool.version)) ", rulebook "
                        code { (writer.exact(&tool.rulebook)) }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// A source expression of the Content Security Policy: the digest of an inline element's text.
fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text)))
}

/// The longest string that is written, and the longest sentence, in characters.
const LONGEST: usize = 20_000;
const PROSE: usize = 800;

/// Makes text from evidence fit to be put into markup.
struct Writer {
    defang: Defang,
    /// Where each artifact's page is: its position.
    artifacts: BTreeMap<ArtifactPath, usize>,
}

impl Writer {
    fn new(case: &Case) -> Self {
        let artifacts = case.artifacts.iter().enumerate();
        Self {
            defang: Defang::of_case(case),
            artifacts: artifacts.map(|(index, item)| (item.path.clone(), index)).collect(),
        }
    }

    /// Text as it stands, with control characters made visible.
    fn exact(&self, text: &str) -> String {
        match text.char_indices().nth(LONGEST) {
            None => escape::markup(text).into_owned(),
            Some((end, _)) => format!("{}…", escape::markup(text.get(..end).unwrap_or(text))),
        }
    }

    /// Prose: as [`Self::exact`], with hostile destinations defanged and backticks as code.
    fn prose(&self, text: &str) -> Markup {
        let text = self.exact(&self.defang.text(&words::cut(text, PROSE)));
        // A backtick without its partner is a backtick.
        let paired = text.matches('`').count().is_multiple_of(2);
        html! {
            @if paired {
                @for (index, part) in text.split('`').enumerate() {
                    @if index % 2 == 1 { code { (part) } } @else { (part) }
                }
            } @else { (text) }
        }
    }

    /// An artifact's path, leading to its page.
    fn path(&self, path: &ArtifactPath) -> Markup {
        let text = self.exact(path.as_str());
        html! {
            @match self.artifacts.get(path) {
                Some(index) => a href=(format!("#a{index}")) { (text) },
                None => (text),
            }
        }
    }

    /// A record as `path:line`, leading to its artifact's page.
    fn record(&self, record: &RecordRef) -> Markup {
        html! { (self.path(&record.artifact)) ":" (record.line) }
    }
}

const fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Good => "good",
    }
}

const fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Malicious => "bad",
        Verdict::Suspicious | Verdict::Unknown => "warn",
        Verdict::Clean => "good",
    }
}

const fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "bad",
        Severity::Medium => "warn",
        Severity::Low | Severity::Info => "plain",
    }
}

/// A word in a tinted box.
fn chip(class: &str, word: &str) -> Markup {
    html! { span class=(format!("chip {class}")) { (word.to_uppercase()) } }
}

/// A section with a heading and how many things are in it.
fn headed(id: &str, title: &str, note: &str, body: Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (title) @if !note.is_empty() { small { (note) } } }
            (body)
        }
    }
}

/// Code with line numbers; `marks` (counted from 1) are highlighted. At most `most` lines are drawn,
/// those round the marks first.
fn code(writer: &Writer, text: &str, marks: &[usize], most: usize) -> Markup {
    let lines: Vec<&str> = text.lines().collect();
    let start = match marks.iter().filter(|mark| **mark > 0 && **mark <= lines.len()).min() {
        Some(mark) if lines.len() > most => mark.saturating_sub(10).min(lines.len() - most),
        _ => 0,
    };
    let shown = lines.iter().enumerate().skip(start).take(most);
    let hidden = lines.len().saturating_sub(most);
    html! {
        pre {
            @for (index, line) in shown {
                span.l.hit[marks.contains(&(index + 1))] data-n=(index + 1) {
                    (writer.exact(line)) "\n"
                }
            }
        }
        @if hidden > 0 { p.note { (hidden) " lines are not shown; " code { "weighbridge decompile" } " prints all." } }
    }
}
