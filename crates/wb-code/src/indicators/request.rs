//! HTTP requests that commands and calls in text would send: [`requests`] yields [`Request`]s.

use super::host::listed;
use super::url::{Url, split_port, urls};
use crate::shell::lexer::{self, Command};

/// An HTTP request that a payload would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The scheme, in lower case.
    pub scheme: String,
    /// Host name or address.
    pub host: String,
    /// The port that is used.
    pub port: Option<u16>,
    /// The path, without the query.
    pub path: String,
    /// Names of the fields that the body and the query send, in order.
    pub body_keys: Vec<String>,
}

/// The requests that the commands and calls in `text` would send, in order, each once.
pub fn requests(text: &str) -> Vec<Request> {
    let mut found: Vec<Request> = Vec::new();
    let mut add = |request: Request| {
        if !found.contains(&request) {
            found.push(request);
        }
    };
    let mut commanded = false;
    for request in commands(text, 3) {
        commanded = true;
        add(request);
    }
    if !commanded {
        let all = urls(text);
        for (at, url) in all.iter().enumerate() {
            if matches!(url.scheme.as_str(), "http" | "https") {
                let end = all.get(at.saturating_add(1)).map_or(text.len(), |next| next.span.start);
                add(from_code(text, url, end));
            }
        }
    }
    found
}

/// Requests of `curl`, `wget` and the like in a command line and in the substitutions of its words.
fn commands(text: &str, depth: u32) -> Vec<Request> {
    let mut found = Vec::new();
    for command in lexer::commands(text) {
        for word in &command.words {
            for piece in &word.pieces {
                let inner = match piece {
                    lexer::Piece::Substitution(source) => Some(source.as_str()),
                    // `sh -c 'curl ...'`: the text of a word may be a command line.
                    lexer::Piece::Text(text) if text.contains(' ') => Some(text.as_str()),
                    _ => None,
                };
                if let (Some(inner), Some(depth)) = (inner, depth.checked_sub(1)) {
                    found.extend(commands(inner, depth));
                }
            }
        }
        found.extend(from_command(&command));
    }
    found
}

/// Reads the words of one command.
fn from_command(command: &Command) -> Vec<Request> {
    let words: Vec<String> = command.words.iter().map(lexer::Word::text).collect();
    let tool = words.iter().position(|word| {
        matches!(
            word.rsplit('/').next().unwrap_or(word),
            "curl" | "wget" | "http" | "https" | "xh" | "fetch" | "lwp-request"
        )
    });
    let Some(tool) = tool else { return Vec::new() };
    let name = words.get(tool).map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let options = match name {
        "curl" => curl(words.get(tool.saturating_add(1)..).unwrap_or_default()),
        "wget" => wget(words.get(tool.saturating_add(1)..).unwrap_or_default()),
        _ => httpie(words.get(tool.saturating_add(1)..).unwrap_or_default()),
    };
    let method = options.method.unwrap_or_else(|| {
        let sends = !options.body_keys.is_empty() || options.body;
        if sends { "POST".to_owned() } else { "GET".to_owned() }
    });
    options
        .targets
        .iter()
        .filter_map(|target| {
            let url = target_url(target)?;
            let mut request = from_url(&url, method.clone());
            request.body_keys.extend(options.body_keys.iter().cloned());
            Some(request)
        })
        .collect()
}

#[derive(Default)]
struct Options {
    method: Option<String>,
    /// Whether a body is sent, with or without names in it.
    body: bool,
    body_keys: Vec<String>,
    targets: Vec<String>,
}

impl Options {
    fn add_body(&mut self, data: &str) {
        self.body = true;
        for key in keys(data) {
            if !self.body_keys.contains(&key) {
                self.body_keys.push(key);
            }
        }
    }
}

/// Flags of curl(1) that take a value and have no bearing on the request line.
const CURL_VALUES: &str = "\
    -o --output -H --header -A --user-agent -e --referer -u --user -x --proxy -m --max-time \
    --connect-timeout --retry -b --cookie -c --cookie-jar -E --cert --key --cacert --resolve -w \
    --write-out --interface -K --config --retry-delay -r --range --limit-rate -C -D --dump- \
    header";

fn curl(words: &[String]) -> Options {
    let mut options = Options::default();
    let mut get = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, mut value) = split_flag(word);
        let mut take = || value.take().or_else(|| words.next().cloned()).unwrap_or_default();
        match flag.as_str() {
            "-X" | "--request" => options.method = Some(take().to_ascii_uppercase()),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii"
            | "--data-urlencode" | "-F" | "--form" | "--form-string" | "--json" => {
                let data = take();
                options.add_body(&data);
            }
            "-T" | "--upload-file" => {
                take();
                options.method.get_or_insert_with(|| "PUT".to_owned());
            }
            "-I" | "--head" => options.method = Some("HEAD".to_owned()),
            "-G" | "--get" => get = true,
            "--url" => {
                let target = take();
                options.targets.push(target);
            }
            flag if listed(CURL_VALUES, flag) => {
                take();
            }
            flag if flag.starts_with('-') => {}
            _ => options.targets.push(word.clone()),
        }
    }
    if get {
        options.method.get_or_insert_with(|| "GET".to_owned());
    }
    options
}

fn wget(words: &[String]) -> Options {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        match flag {
            "--method" => {
                let method = value.or_else(|| words.next().cloned());
                options.method = method.map(|method| method.to_ascii_uppercase());
            }
            "--post-data" | "--body-data" => {
                let data = value.or_else(|| words.next().cloned()).unwrap_or_default();
                options.add_body(&data);
            }
            "--post-file" | "--body-file" => options.body = true,
            "-O" | "-o" | "-P" | "-U" | "-t" | "-T" | "-a" | "-i" => {
                words.next();
            }
            // `-qO-` and `-O-` carry their value; everything else has none or is `--name=value`.
            flag if flag.starts_with('-') => {
                let takes = !flag.starts_with("--") && flag.ends_with('O');
                if takes {
                    words.next();
                }
            }
            _ => options.targets.push(word.clone()),
        }
    }
    options
}

/// `http POST host/path name=value` (HTTPie, xh).
fn httpie(words: &[String]) -> Options {
    let mut options = Options::default();
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        let is_method = word.len() <= 7 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_method && options.targets.is_empty() {
            options.method = Some(word.clone());
        } else if options.targets.is_empty() {
            options.targets.push(word.clone());
        } else {
            options.add_body(word);
        }
    }
    options
}

/// Separates a flag from a value that is attached to it: `-XPOST`, `-sd x` (flag `-d`), `--data=x`.
fn split_flag(word: &str) -> (String, Option<String>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        };
    }
    let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
        return (word.to_owned(), None);
    };
    for (at, letter) in letters.char_indices() {
        if "XdFoHAeuxmbcEwKrCDT".contains(letter) {
            let rest = letters.get(at.saturating_add(letter.len_utf8())..).unwrap_or_default();
            let value = (!rest.is_empty()).then(|| rest.to_owned());
            return (format!("-{letter}"), value);
        }
        if "GI".contains(letter) {
            return (format!("-{letter}"), None);
        }
    }
    (word.to_owned(), None)
}

/// A target as written after a tool: a URL, or a host with or without a path, which means `http`.
fn target_url(target: &str) -> Option<Url> {
    if target.contains("://") {
        return urls(target).into_iter().next();
    }
    let first = target.chars().next()?;
    let host_end = target.find(['/', '?']).unwrap_or(target.len());
    let (host, _) = split_port(target.get(..host_end)?);
    let plausible = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok()
        || super::host::is_host(host);
    if !plausible || matches!(first, '-' | '/' | '.') {
        return None;
    }
    urls(&format!("http://{target}")).into_iter().next()
}

fn from_url(url: &Url, method: String) -> Request {
    let query = url.path.split_once('?').map_or("", |(_, query)| query);
    Request {
        method,
        scheme: url.scheme.clone(),
        host: url.host.clone(),
        port: url.effective_port(),
        path: url.path.split(['?', '#']).next().unwrap_or("/").to_owned(),
        body_keys: keys(query),
    }
}

/// A request of a call in code, judged by the words of the same statement.
fn from_code(text: &str, url: &Url, next_url: usize) -> Request {
    let before = text.get(..url.span.start).unwrap_or_default();
    let statement_start =
        before.rfind(['\n', ';']).map_or(0, |position| position.saturating_add(1));
    let before = before.get(statement_start..).unwrap_or_default();
    let after = text.get(url.span.end..next_url).unwrap_or_default();
    let after = after.get(..end_of_call(after)).unwrap_or_default();
    let mut request = from_url(url, code_method(before, after));
    for marker in ["data=", "json=", "params=", "body=", "body:"] {
        if let Some(at) = after.find(marker) {
            let data = after.get(at.saturating_add(marker.len())..).unwrap_or_default();
            for key in keys(data) {
                if !request.body_keys.contains(&key) {
                    request.body_keys.push(key);
                }
            }
        }
    }
    request
}

/// Where the call that the text stands in ends: at its closing parenthesis, or two lines on.
fn end_of_call(after: &str) -> usize {
    let mut depth: i32 = 0;
    for (at, character) in after.char_indices().take(2000) {
        match character {
            '(' | '{' | '[' => depth = depth.saturating_add(1),
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // One more level may close: `urlopen(Request(url, data=...))`.
        if depth < -1 || (depth < 0 && character == '\n') {
            return at;
        }
    }
    after.char_indices().nth(2000).map_or(after.len(), |(at, _)| at)
}

fn code_method(before: &str, after: &str) -> String {
    for (call, method) in [
        (".post(", "POST"),
        (".put(", "PUT"),
        (".patch(", "PATCH"),
        (".delete(", "DELETE"),
        (".head(", "HEAD"),
        (".get(", "GET"),
    ] {
        if before.to_ascii_lowercase().contains(call) {
            return method.to_owned();
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD"] {
        for quote in ['"', '\''] {
            let quoted = format!("{quote}{method}{quote}");
            if before.contains(&quoted) || after.contains(&quoted) {
                return method.to_owned();
            }
        }
    }
    let sends = after.contains("data=") || after.contains("json=") || after.contains("body=");
    // `urlopen(url, data)`: a second positional argument is the body.
    let second =
        before.contains("urlopen(")
            && after.trim_start_matches(['"', '\'']).trim_start().strip_prefix(',').is_some_and(
                |rest| !rest.split([',', ')']).next().unwrap_or_default().contains('='),
            );
    if sends || second { "POST".to_owned() } else { "GET".to_owned() }
}

/// Names of fields in `a=1&b=2`, in one `a=1`, or in a JSON object or Python mapping.
fn keys(data: &str) -> Vec<String> {
    let data = data.trim().trim_start_matches(['b', '\'', '"']);
    if let Some(inside) = data.strip_prefix('{') {
        return mapping_keys(inside);
    }
    if data.starts_with('@') {
        return Vec::new();
    }
    data.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| is_key(name))
        .collect()
}

/// Names directly in a mapping: quoted strings followed by `:` outside of inner brackets.
fn mapping_keys(inside: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth: u32 = 0;
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '{' | '[' | '(' => depth = depth.saturating_add(1),
            '}' | ']' | ')' => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => break,
            },
            quote @ ('"' | '\'') => {
                let start = at.saturating_add(1);
                let end = characters.find(|(_, other)| *other == quote);
                let Some((end, _)) = end else { break };
                let name = inside.get(start..end).unwrap_or_default();
                let rest = inside.get(end.saturating_add(1)..).unwrap_or_default();
                if depth == 0 && rest.trim_start().starts_with(':') && is_key(name) {
                    found.push(name.to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

fn is_key(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
        })
}
