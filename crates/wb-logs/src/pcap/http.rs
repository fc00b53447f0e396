//! HTTP/1 (RFC 9112): the heads of requests and responses in a stream, bodies skipped by their length.

use crate::source::METHODS;

/// Longest head that is put together, in bytes.
const LONGEST_HEAD: usize = 16 << 10;

/// Bytes of a body that are kept.
const BODY_KEPT: usize = 1024;

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// As written: a path, a whole URL to a proxy, or host and port of CONNECT.
    pub(super) target: String,
    pub(super) host: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) length: Option<u64>,
    /// The first bytes of the body, when they are text.
    pub(super) body: String,
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) kind: Option<String>,
    pub(super) length: Option<u64>,
}

/// What a side said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Request(Request),
    Response(Response),
}

/// Whether a side begins to speak HTTP/1: `None` while it cannot be told yet.
pub(super) fn speaks(first: &[u8]) -> Option<bool> {
    let words = METHODS.iter().map(|method| method.as_bytes()).chain([&b"HTTP/1."[..]]);
    let mut partial = false;
    for word in words {
        if first.len() < word.len().saturating_add(1) {
            partial |= word.starts_with(first) || first == word;
        } else if first.starts_with(word)
            && (word.starts_with(b"HTTP") || first.get(word.len()) == Some(&b' '))
        {
            return Some(true);
        }
    }
    (!partial).then_some(false)
}

/// Reads one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Reader {
    head: Vec<u8>,
    /// Bytes of a body that are still to come.
    body: u64,
    /// The request whose body is being read.
    waiting: Option<Request>,
    text: Vec<u8>,
}

impl Reader {
    /// Bytes held in memory.
    pub(super) fn held(&self) -> usize {
        self.head.len().saturating_add(self.text.len())
    }

    /// Bytes are missing: what was begun is given up.
    pub(super) fn gap(&mut self, on: &mut dyn FnMut(Head)) {
        self.finish(on);
        self.head.clear();
        self.body = 0;
    }

    /// Hands on a request whose body never came to its end.
    pub(super) fn finish(&mut self, on: &mut dyn FnMut(Head)) {
        if let Some(mut request) = self.waiting.take() {
            request.body = text(&self.text);
            on(Head::Request(request));
        }
        self.text.clear();
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut data: &[u8], on: &mut dyn FnMut(Head)) {
        while !data.is_empty() {
            if self.body > 0 {
                let taken = usize::try_from(self.body).unwrap_or(usize::MAX).min(data.len());
                let (body, rest) = data.split_at(taken);
                let room = BODY_KEPT.saturating_sub(self.text.len());
                self.text.extend_from_slice(body.get(..taken.min(room)).unwrap_or(body));
                self.body = self.body.saturating_sub(taken as u64);
                data = rest;
                if self.body == 0 || self.text.len() >= BODY_KEPT {
                    self.finish(on);
                }
                continue;
            }
            // Between messages only the beginning of one counts: a body of unknown length passes by.
            if self.head.is_empty() && speaks(data) == Some(false) {
                return;
            }
            let before = self.head.len();
            let room = LONGEST_HEAD.saturating_sub(before);
            let taken = data.len().min(room);
            self.head.extend_from_slice(data.get(..taken).unwrap_or(data));
            match end_of_head(&self.head) {
                Some(end) => {
                    let used = end.saturating_sub(before).min(data.len());
                    data = data.get(used..).unwrap_or_default();
                    let head = std::mem::take(&mut self.head);
                    self.message(head.get(..end).unwrap_or(&head), on);
                }
                None if self.head.len() >= LONGEST_HEAD => {
                    // The request line and the first fields are there.
                    let head = std::mem::take(&mut self.head);
                    self.message(&head, on);
                    self.body = 0;
                    self.finish(on);
                    return;
                }
                None => return,
            }
        }
    }

    fn message(&mut self, head: &[u8], on: &mut dyn FnMut(Head)) {
        let Some(head) = parse(head) else { return };
        let length = match &head {
            Head::Request(request) => request.length,
            Head::Response(response) => response.length,
        };
        self.body = length.unwrap_or(0);
        self.text.clear();
        match head {
            Head::Request(request) if self.body > 0 => self.waiting = Some(request),
            head => on(head),
        }
    }
}

/// Where the empty line ends that ends a head.
fn end_of_head(head: &[u8]) -> Option<usize> {
    let crlf = memchr::memmem::find(head, b"\r\n\r\n").map(|at| at.saturating_add(4));
    let lf = memchr::memmem::find(head, b"\n\n").map(|at| at.saturating_add(2));
    [crlf, lf].into_iter().flatten().min()
}

fn parse(head: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let first = lines.next()?;
    let mut words = first.split(' ').filter(|word| !word.is_empty());
    let (one, two) = (words.next()?, words.next()?);
    let field = |wanted: &str| {
        let lines = text.split('\n').skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let found = fields.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let length = field("content-length").and_then(|length| length.parse().ok());
    let kind = field("content-type");
    if one.starts_with("HTTP/1.") {
        return Some(Head::Response(Response { status: two.parse().ok()?, kind, length }));
    }
    Some(Head::Request(Request {
        method: one.to_owned(),
        target: two.to_owned(),
        host: field("host"),
        agent: field("user-agent"),
        kind,
        length,
        body: String::new(),
    }))
}

/// A body as text; empty when it is none.
fn text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default())
                .unwrap_or_default()
        }
        Err(_) => return String::new(),
    };
    let odd = text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'));
    if odd { String::new() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&str]) -> Vec<Head> {
        let mut reader = Reader::default();
        let mut heads = Vec::new();
        for part in parts {
            reader.push(part.as_bytes(), &mut |head| heads.push(head));
        }
        reader.finish(&mut |head| heads.push(head));
        heads
    }

    #[test]
    fn heads_are_read_however_they_are_cut() {
        let text = "POST /v1/c HTTP/1.1\r\nHOST: hub.example\r\nUser-Agent: curl/8\r\nContent-Length: 4\r\n\r\nid=7GET /next HTTP/1.1\r\nHost: b.example\r\n\r\n";
        for at in 0..text.len() {
            let heads = read(&[&text[..at], &text[at..]]);
            let [Head::Request(first), Head::Request(second)] = heads.as_slice() else {
                panic!("{at}: {heads:?}")
            };
            assert_eq!(
                (first.method.as_str(), first.target.as_str(), first.body.as_str()),
                ("POST", "/v1/c", "id=7")
            );
            assert_eq!(
                (first.host.as_deref(), first.agent.as_deref()),
                (Some("hub.example"), Some("curl/8"))
            );
            assert_eq!(second.target, "/next");
        }
    }

    #[test]
    fn other_protocols_are_told_apart() {
        assert_eq!(speaks(b"GE"), None);
        assert_eq!(speaks(b"GET "), Some(true));
        assert_eq!(speaks(b"GETTING"), Some(false));
        assert_eq!(speaks(b"HTTP/1.1 200"), Some(true));
        assert_eq!(speaks(b"SSH-2.0"), Some(false));
    }
}
