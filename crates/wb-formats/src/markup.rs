//! Scripts in HTML and SVG: elements, handlers of events and addresses that are scripts.
//!
//! Specification: HTML Living Standard, 4.12.1 (`script`), 8.1.8.1 (event handlers). Read by the tokens that a browser
//! would see.

use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use html5gum::{HtmlString, Tokenizer};
use wb_code::javascript::{Reach, reach};

/// A script of a page.
#[derive(Debug)]
pub(crate) struct Script {
    /// `script`, or the attribute that holds it: `onerror`, `href`.
    pub how: String,
    /// What it reaches.
    pub reach: Reach,
}

impl Script {
    /// A script that is written out.
    pub(crate) fn inline(how: &str, text: &str) -> Self {
        Self { how: how.to_owned(), reach: reach(text) }
    }
}

/// How many scripts of one page are kept.
const KEPT: usize = 256;

/// The scripts of `page` and of the pages that its frames hold.
pub(crate) fn scripts(page: &str) -> Vec<Script> {
    let mut found = Vec::new();
    collect(page, 2, &mut found);
    found
}

fn collect(page: &str, depth: u32, found: &mut Vec<Script>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    // Whether the text that follows is that of a script.
    let mut inside = false;
    for Ok(token) in Tokenizer::new_with_emitter(page, emitter) {
        if found.len() >= KEPT {
            return;
        }
        match token {
            Token::StartTag(tag) => {
                inside = is(&tag.name, "script");
                element(&tag, depth, found);
            }
            Token::EndTag(_) => inside = false,
            Token::String(text) if inside => {
                found.push(Script::inline("script", &String::from_utf8_lossy(&text.value)));
            }
            _ => {}
        }
    }
}

fn element(tag: &StartTag<()>, depth: u32, found: &mut Vec<Script>) {
    for (name, value) in &tag.attributes {
        let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(&value.value));
        let address = value.trim_start();
        // Browsers leave out line ends and tabs in a scheme.
        let head: String =
            address.chars().filter(|one| !matches!(one, '\n' | '\r' | '\t')).take(11).collect();
        if name.starts_with("on") {
            found.push(Script::inline(&name, &value));
        } else if head.eq_ignore_ascii_case("javascript:") {
            let code = address.split_once(':').map_or("", |(_, code)| code);
            found.push(Script::inline(&name, code));
        } else if is(&tag.name, "script") && matches!(&*name, "src" | "href" | "xlink:href") {
            let reach = Reach { addresses: vec![address.to_owned()], ..Reach::default() };
            found.push(Script { how: name.into_owned(), reach });
        } else if is(&tag.name, "iframe") && name == "srcdoc" {
            collect(&value, depth, found);
        }
    }
}

fn is(name: &HtmlString, element: &str) -> bool {
    name.as_slice() == element.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(page: &str) -> Vec<(String, Vec<String>)> {
        scripts(page).into_iter().map(|script| (script.how, script.reach.addresses)).collect()
    }

    #[test]
    fn scripts_wherever_they_stand_are_told() {
        let asks = |how: &str| vec![(how.to_owned(), vec!["http://192.0.2.9/x".to_owned()])];
        for (page, how) in [
            ("<SCRIPT>fetch('http://192.0.2.9/x')</SCRIPT>", "script"),
            ("<script src='http://192.0.2.9/x'></script>", "src"),
            ("<svg><script xlink:href=http://192.0.2.9/x></script></svg>", "xlink:href"),
            ("<img src=x onerror=\"fetch(&#39;http://192.0.2.9/x&#39;)\">", "onerror"),
            ("<a href=\" java\nscript:fetch('http://192.0.2.9/x')\">", "href"),
            ("<iframe srcdoc=\"&lt;script src='http://192.0.2.9/x'>\"></iframe>", "src"),
        ] {
            assert_eq!(told(page), asks(how), "{page}");
        }
    }

    #[test]
    fn pages_without_scripts_have_none() {
        assert_eq!(told("<a href='http://192.0.2.9/x'>x</a><!-- <script>f()</script> -->"), []);
        assert_eq!(told("<textarea><script src='http://192.0.2.9/x'></textarea>"), []);
        assert_eq!(told("<table style='border: 0'><td>&lt;script></td></table>"), []);
    }
}
