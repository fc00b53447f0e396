//! Hosts, addresses, URLs, paths, environment variables and e-mail accounts in text.
//!
//! [`extract`] yields [`Indicator`]s; [`urls`] the parsed [`Url`]s; [`requests`] the HTTP [`Request`]s that
//! commands and calls in the text would send.

mod host;
mod request;
mod url;

pub use request::{Request, requests};
pub use url::{Url, urls};

use host::Around;
use std::collections::BTreeSet;
use wb_core::{Indicator, IndicatorKind};

/// Finds the indicators in `text`, in order of appearance, each once.
pub fn extract(text: &str) -> Vec<Indicator> {
    let mut found = Found::default();
    let mut from = 0;
    let mut urls = if memchr::memmem::find(text.as_bytes(), b"://").is_some() {
        urls(text).into_iter()
    } else {
        Vec::new().into_iter()
    };
    loop {
        let url = urls.next();
        let until = url.as_ref().map_or(text.len(), |url| url.span.start);
        Scanner { text, bytes: text.as_bytes(), at: from, until }.run(&mut found);
        let Some(url) = url else { break };
        add_url(&url, text, &mut found);
        from = url.span.end;
    }
    found.indicators
}

#[derive(Default)]
struct Found {
    indicators: Vec<Indicator>,
    seen: BTreeSet<Indicator>,
}

impl Found {
    fn add(&mut self, kind: IndicatorKind, value: &str) {
        let indicator = Indicator::new(kind, value);
        if !indicator.value().is_empty() && !self.seen.contains(&indicator) {
            self.seen.insert(indicator.clone());
            self.indicators.push(indicator);
        }
    }

    fn add_host(&mut self, host: &str) {
        if host.parse::<std::net::IpAddr>().is_ok() {
            self.add(IndicatorKind::Ip, host);
        } else if host::is_host(host) {
            self.add(IndicatorKind::Domain, host);
        }
    }
}

fn add_url(url: &Url, text: &str, found: &mut Found) {
    let written = text.get(url.span.clone()).unwrap_or_default();
    let scheme_end = url.scheme.len().saturating_add(3);
    let end = written
        .char_indices()
        .find(|(at, character)| *at > scheme_end && matches!(character, '$' | '`' | '{'))
        .map_or(written.len(), |(at, _)| at);
    let plain = written.get(..end).unwrap_or_default();
    let host = url.host.trim_start_matches(|first: char| !first.is_ascii_alphanumeric());
    if end > scheme_end.saturating_add(2) && !is_filled_in(&url.host) {
        found.add(IndicatorKind::Url, plain);
    }
    if let Some(user) = &url.user {
        found.add(IndicatorKind::Account, user);
    }
    // In `$(id).x.example` only what follows the substitution is a name.
    let fixed = url.host.rsplit([')', '}']).next().unwrap_or(host).trim_start_matches('.');
    found.add_host(fixed);
    if url.plain_path().len() > 1 {
        found.add(IndicatorKind::Path, url.plain_path());
    }
    // What a shell would put into the URL is text of its own.
    if let Some(rest) = written.get(end..).filter(|rest| rest.len() > 3) {
        Scanner { text: rest, bytes: rest.as_bytes(), at: 0, until: rest.len() }.run(found);
    }
}

/// Whether a host is to be filled in when the code runs: `%s`, but not `%2e`, which is a character.
fn is_filled_in(host: &str) -> bool {
    host.split('%')
        .skip(1)
        .any(|after| !after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()) || after.len() < 2)
}

/// Walks text between URLs.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    until: usize,
}

impl<'a> Scanner<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn before(&self) -> Option<u8> {
        self.byte(self.at.checked_sub(1)?)
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Position after the run of bytes from `at` on that `belongs` accepts.
    fn run_end(&self, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..self.until).unwrap_or_default();
        at.saturating_add(rest.iter().take_while(|byte| belongs(**byte)).count())
    }

    fn run(mut self, found: &mut Found) {
        while self.at < self.until {
            let Some(byte) = self.byte(self.at) else { break };
            self.at = match byte {
                b'$' => self.variable(found),
                b'%' => self.windows_variable(found),
                b'/' | b'~' => self.path(found),
                b'[' | b':' => self.address(found),
                b'.' | b'_' => self.token(found),
                _ if byte.is_ascii_alphanumeric() => self.token(found),
                _ => self.at.saturating_add(1),
            };
        }
    }

    /// `$NAME`, `${NAME}`, `$env:NAME`; upper case only, since lower-case names are a script's own.
    fn variable(&self, found: &mut Found) -> usize {
        let mut start = self.at.saturating_add(1);
        let rest = self.slice(start, self.until);
        if self.byte(start) == Some(b'{') {
            start = start.saturating_add(1);
        } else if rest.len() > 4
            && rest.get(..4).is_some_and(|env| env.eq_ignore_ascii_case("env:"))
        {
            start = start.saturating_add(4);
        }
        let end = self.run_end(start, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = self.slice(start, end);
        if is_variable_name(name) {
            found.add(IndicatorKind::Env, name);
            return end;
        }
        self.at.saturating_add(1)
    }

    /// `%NAME%`.
    fn windows_variable(&self, found: &mut Found) -> usize {
        let start = self.at.saturating_add(1);
        let end = self.run_end(start, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = self.slice(start, end);
        if self.byte(end) == Some(b'%') && is_variable_name(name) && name.len() > 2 {
            found.add(IndicatorKind::Env, name);
            return end.saturating_add(1);
        }
        start
    }

    /// An absolute path, or one in a home directory, at the beginning of a word.
    fn path(&self, found: &mut Found) -> usize {
        let next = self.at.saturating_add(1);
        let boundary = self.before().is_none_or(|before| {
            before.is_ascii_whitespace() || b"\"'`=:(,<>@|;[{".contains(&before)
        });
        let is_path_byte =
            |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~+@%".contains(&byte) || byte >= 0x80;
        let end = self.run_end(self.at, is_path_byte);
        let mut path = self.slice(self.at, end).trim_end_matches(['.', '/', '-', '%', '@']);
        if path.starts_with('~') && !path.starts_with("~/") {
            return next;
        }
        if let Some(connection) = path.strip_prefix("/dev/tcp/").or(path.strip_prefix("/dev/udp/"))
            && let Some(host) = connection.split('/').next()
        {
            found.add_host(host);
            return end.max(next);
        }
        let first = path.trim_start_matches('~').trim_start_matches('/').bytes().next();
        let starts_well = first.is_some_and(|first| {
            first.is_ascii_alphabetic() || b"._".contains(&first) || first >= 0x80
        });
        let closes_tag = self.before() == Some(b'<') && self.byte(end) == Some(b'>');
        if !boundary || !starts_well || path.starts_with("//") || closes_tag || path.len() < 4 {
            return next;
        }
        if path.len() > 4096 {
            path = path.get(..4096).unwrap_or_default();
        }
        if !matches!(path, "/dev/null" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr" | "/dev/zero")
        {
            found.add(IndicatorKind::Path, path);
        }
        end.max(next)
    }

    /// `[2001:db8::1]:443` and `::ffff:192.0.2.1`.
    fn address(&self, found: &mut Found) -> usize {
        let start =
            if self.byte(self.at) == Some(b'[') { self.at.saturating_add(1) } else { self.at };
        let end = self.run_end(start, is_address_byte);
        if let Some(address) = host::ipv6(self.slice(start, end)) {
            found.add(IndicatorKind::Ip, &address.to_string());
            return end;
        }
        self.at.saturating_add(1)
    }

    /// A run of letters, digits, `.`, `-` and `_`: a host, an address, an account, a variable or nothing.
    fn token(&self, found: &mut Found) -> usize {
        let start = self.at;
        if let Some(end) = self.ipv6_token(found) {
            return end;
        }
        let end =
            self.run_end(start, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let token = self.slice(start, end);
        if self.byte(end) == Some(b'@') && end < self.until {
            return self.account(token, end, found);
        }
        if token.contains('.') {
            let trimmed = token.trim_end_matches(['.', '-', '_']).trim_start_matches(['.', '-']);
            let last = token.len().saturating_sub(token.trim_end_matches(['.', '-', '_']).len());
            let around = Around {
                before: self.before(),
                compared: self.compared(start),
                after: if last == 0 { self.byte(end) } else { None },
                word: self.word_before(start),
            };
            self.dotted(trimmed, around, found);
        } else if let Some(name) = self.drive_path(token, end, found) {
            return name;
        }
        if reads_environment(token)
            && let Some(name) = quoted_name(self.slice(end, self.until))
        {
            found.add(IndicatorKind::Env, name);
        }
        end.max(start.saturating_add(1))
    }

    fn dotted(&self, token: &str, around: Around<'_>, found: &mut Found) {
        if let Some(address) = host::ipv4(token, around) {
            let product = around.before == Some(b'/') && !around.word.is_empty();
            if !product {
                found.add(IndicatorKind::Ip, &address.to_string());
            }
        } else if host::is_domain(token, around) {
            found.add(IndicatorKind::Domain, token);
        } else if let Some(name) = token.strip_prefix("process.env.")
            && is_variable_name(name)
        {
            found.add(IndicatorKind::Env, name);
        }
    }

    fn ipv6_token(&self, found: &mut Found) -> Option<usize> {
        let end = self.run_end(self.at, is_address_byte);
        let token = self.slice(self.at, end);
        if token.matches(':').count() < 2 {
            return None;
        }
        let address = host::ipv6(token.trim_end_matches(['.', ':']))?;
        found.add(IndicatorKind::Ip, &address.to_string());
        Some(end)
    }

    /// `user@host`: the account, and its host.
    fn account(&self, user: &str, at_sign: usize, found: &mut Found) -> usize {
        let start = at_sign.saturating_add(1);
        let end = self.run_end(start, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        let host = self.slice(start, end).trim_end_matches(['.', '-']);
        let user = user.trim_start_matches(['.', '-']);
        let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
        let around = Around { word: "host", ..Around::default() };
        if !user.is_empty() && (is_address || host::is_domain(host, around)) {
            found.add(IndicatorKind::Account, &format!("{user}@{host}"));
            found.add_host(host);
            return end;
        }
        start
    }

    /// `C:\Users\x`.
    fn drive_path(&self, token: &str, end: usize, found: &mut Found) -> Option<usize> {
        if token.len() != 1 || !token.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        if self.byte(end) != Some(b':') || self.byte(end.saturating_add(1)) != Some(b'\\') {
            return None;
        }
        let path_end = self.run_end(end.saturating_add(1), |byte| {
            byte.is_ascii_alphanumeric() || b"\\._-~$%".contains(&byte)
        });
        let path = self.slice(self.at, path_end);
        if path.len() > 4 {
            found.add(IndicatorKind::Path, path);
        }
        Some(path_end)
    }

    /// Whether `==`, `>=`, `~=` and the like stand before a token.
    fn compared(&self, start: usize) -> bool {
        let before = self.bytes.get(..start).unwrap_or_default().trim_ascii_end();
        before.last() == Some(&b'=')
            && before
                .get(before.len().saturating_sub(2))
                .is_some_and(|byte| before.len() >= 2 && b"=<>~!".contains(byte))
    }

    /// The word before a token: letters and `_`, with one space, `=`, `:` or quote between.
    fn word_before(&self, start: usize) -> &'a str {
        let before = self.bytes.get(..start).unwrap_or_default();
        let gap =
            before.iter().rev().take(4).take_while(|byte| b" =:\"'\t(/@".contains(byte)).count();
        let end = start.saturating_sub(gap);
        let length = self
            .bytes
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(24)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        self.slice(end.saturating_sub(length), end)
    }
}

fn is_address_byte(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
}

fn is_variable_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && !name.bytes().any(|byte| byte.is_ascii_lowercase())
        && name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a dotted token is followed by the name of an environment variable.
fn reads_environment(token: &str) -> bool {
    let last = token.rsplit('.').next().unwrap_or(token);
    matches!(last, "getenv" | "putenv" | "unsetenv" | "environ" | "environb" | "setenv" | "ENV")
        || token.ends_with("environ.get")
        || token.ends_with("environ.pop")
        || token.ends_with("environ.setdefault")
}

/// The name in `('NAME'` or `["NAME"`.
fn quoted_name(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(['(', '['])?.trim_start().trim_start_matches('b');
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, _) = rest.get(1..)?.split_once(quote)?;
    let plain = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(name)
}

#[cfg(test)]
mod tests;
