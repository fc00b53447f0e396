//! URLs in text: [`urls`] yields each as a [`Url`].

use std::ops::Range;

/// A URL in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The scheme, in lower case.
    pub scheme: String,
    /// The user in front of `@`, without the password.
    pub user: Option<String>,
    /// Host name or address, in lower case, without brackets.
    pub host: String,
    /// The port, when written.
    pub port: Option<u16>,
    /// Path with query, as written, `/` when there is none. A command substitution in it stays as it is.
    pub path: String,
    /// The bytes of the URL in the text.
    pub span: Range<usize>,
}

impl Url {
    /// The port that is used: the written one, or that of the scheme.
    pub fn effective_port(&self) -> Option<u16> {
        self.port.or(match self.scheme.as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            "ftp" => Some(21),
            "ssh" | "sftp" => Some(22),
            _ => None,
        })
    }

    /// The path without query and fragment, and without what a shell or formatter would fill in.
    pub fn plain_path(&self) -> &str {
        let end = self.path.find(['?', '#', '$', '`', '{']).unwrap_or(self.path.len());
        self.path.get(..end).unwrap_or_default()
    }
}

/// The URLs in `text`, in order.
pub fn urls(text: &str) -> Vec<Url> {
    let mut found: Vec<Url> = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")) {
        let colon = from.saturating_add(at);
        from = colon.saturating_add(3);
        if let Some(url) = url_at(text, colon) {
            from = url.span.end.max(from);
            found.push(url);
        }
    }
    found
}

fn url_at(text: &str, colon: usize) -> Option<Url> {
    let before = text.get(..colon)?;
    let scheme_len = before
        .bytes()
        .rev()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
        .count();
    let mut start = colon.saturating_sub(scheme_len);
    let written = text.get(start..colon)?;
    // A quote or an assignment may stand directly before it, as in `b'http://`: take the letters only.
    let scheme = written.trim_start_matches(|first: char| !first.is_ascii_alphabetic());
    start = colon.saturating_sub(scheme.len());
    if scheme.len() < 2 {
        return None;
    }
    let rest = text.get(colon.saturating_add(3)..)?;
    let rest = rest.get(..end_of_url(rest)).unwrap_or_default();
    let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..authority_len)?;
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (user.split(':').next().map(str::to_owned), host),
        None => (None, authority),
    };
    let (host, port) = split_port(host_port);
    if host.is_empty() && scheme != "file" {
        return None;
    }
    let path = rest.get(authority_len..).filter(|path| !path.is_empty()).unwrap_or("/");
    let end = colon.saturating_add(3).saturating_add(rest.len());
    Some(Url {
        scheme: scheme.to_ascii_lowercase(),
        user: user.filter(|user| !user.is_empty()),
        host: host.to_ascii_lowercase(),
        port,
        path: path.to_owned(),
        span: start..end,
    })
}

/// Splits `host:port` and `[address]:port`.
pub(super) fn split_port(host_port: &str) -> (&str, Option<u16>) {
    if let Some(inside) = host_port.strip_prefix('[')
        && let Some((address, after)) = inside.split_once(']')
    {
        return (address, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match host_port.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
        _ => (host_port, None),
    }
}

/// Length of the URL at the beginning of `rest` (the part after `://`). Brackets belong to it when they
/// are opened in it; `$(...)` and `{...}` are kept whole, with the spaces inside.
fn end_of_url(rest: &str) -> usize {
    let mut open: Vec<char> = Vec::new();
    let mut end = rest.len();
    let mut before = ' ';
    for (at, character) in rest.char_indices() {
        let inside = open.iter().any(|bracket| *bracket != '[');
        let stop = match character {
            '"' | '\'' | '`' | '<' | '>' | '\\' | '^' | '|' | ';' | ' ' => !inside,
            '(' | '{' => {
                if before == '$' || character == '{' {
                    open.push(if character == '(' { ')' } else { '}' });
                    false
                } else {
                    true
                }
            }
            '[' => {
                open.push('[');
                false
            }
            ']' => open.pop_if(|bracket| *bracket == '[').is_none(),
            ')' | '}' => open.pop_if(|bracket| *bracket == character).is_none(),
            _ => character.is_control() || character.is_whitespace(),
        };
        if stop {
            end = at;
            break;
        }
        before = character;
    }
    let url = rest.get(..end).unwrap_or_default();
    url.trim_end_matches(['.', ',', ':', '!', '?', '$', '*']).len()
}
