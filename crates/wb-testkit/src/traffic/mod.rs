//! [`Traffic`]: conversations as readable lines, and what records of them would be: packets, Zeek logs,
//! Suricata's EVE. One recipe makes all three, so that a test can ask whether they tell the same.
//!
//! ```text
//! 2026-05-05T22:00:00Z dns 10.0.0.5:5353 > 10.0.0.53:53 query=hub.example answer=203.0.113.9
//! 2026-05-05T22:00:01Z tls 10.0.0.5:40001 > 203.0.113.9:443 sni=hub.example alpn=h2 up=51 down=900
//! 2026-05-05T22:00:02Z http 10.0.0.5:40002 > 203.0.113.9:80 host=hub.example path=/v1/c body=id=7
//! 2026-05-05T22:00:03Z tcp [2001:db8::5]:40003 > [2001:db8::9]:9000 state=refused
//! 2026-05-05T22:00:04Z udp 10.0.0.5:123 > 192.0.2.1:123 up=48 down=48 times=5 every=64
//! ```

mod eve;
mod hello;
mod packets;
mod zeek;

pub use hello::{Hello, client_hello};
pub use packets::{FileKind, Link, Wire};

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Conversations in order of time.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// The conversations.
    pub conversations: Vec<Conversation>,
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A question to a name server and its answer.
    Dns,
    /// A request and a response of HTTP/1.1.
    Http,
    /// A TLS handshake's beginning, and opaque data.
    Tls,
    /// Bytes over TCP.
    Tcp,
    /// Bytes over UDP.
    Udp,
}

/// One line of a recipe.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// When its first packet was sent.
    pub time: Timestamp,
    /// What it is.
    pub protocol: Protocol,
    /// Who began.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// The rest of the line.
    pub keys: BTreeMap<String, String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Traffic {
    /// Reads a recipe; empty lines and lines that begin with `#` are left out.
    ///
    /// # Errors
    /// The line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut conversations = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let first = Conversation::parse(line).map_err(|error| format!("`{line}`: {error}"))?;
            let times: u16 = first.number("times").unwrap_or(1) as u16;
            let every = first.number("every").unwrap_or(1);
            for index in 0..times {
                let mut next = first.clone();
                next.time += SignedDuration::from_secs((every * u64::from(index)) as i64);
                next.source.set_port(first.source.port() + index);
                conversations.push(next);
            }
        }
        conversations.sort_by_key(|conversation| conversation.time);
        Ok(Self { conversations })
    }

    /// The packets of all conversations as a capture file.
    pub fn capture(&self, wire: &Wire) -> Vec<u8> {
        packets::write(self, wire)
    }

    /// Zeek's logs, tab-separated, by the name of the log.
    pub fn zeek(&self) -> BTreeMap<&'static str, String> {
        zeek::write(self)
    }

    /// Suricata's EVE, one object per line.
    pub fn eve(&self) -> String {
        eve::write(self)
    }
}

impl Conversation {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let mut word = |what: &str| words.next().ok_or(format!("{what} is missing"));
        let time = word("the time")?.parse().map_err(|error: jiff::Error| error.to_string())?;
        let protocol = match word("the protocol")? {
            "dns" => Protocol::Dns,
            "http" => Protocol::Http,
            "tls" => Protocol::Tls,
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            other => return Err(format!("`{other}` is no protocol")),
        };
        let end = |text: &str| text.parse().map_err(|_| format!("`{text}` is no address and port"));
        let source = end(word("the source")?)?;
        word("`>`")?;
        let destination = end(word("the destination")?)?;
        let keys = words
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(Self { time, protocol, source, destination, keys: keys.collect() })
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }

    /// Whether it runs over TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        match self.protocol {
            Protocol::Dns => self.get("over") == Some("tcp"),
            Protocol::Udp => false,
            _ => true,
        }
    }

    /// How it went: `open` unless the recipe says `refused` or `silent`.
    pub(crate) fn state(&self) -> &str {
        self.get("state").unwrap_or("open")
    }

    /// What is said, in order.
    pub(crate) fn messages(&self) -> Vec<(Side, Vec<u8>)> {
        if self.state() != "open" {
            return Vec::new();
        }
        let filler = |key: &str| vec![0x17_u8; self.number(key).unwrap_or(0) as usize];
        let mut messages = match self.protocol {
            Protocol::Dns => self.dns(),
            Protocol::Http => self.http(),
            Protocol::Tls => vec![(Side::Client, hello::record(&self.hello()))],
            Protocol::Tcp | Protocol::Udp => Vec::new(),
        };
        if !matches!(self.protocol, Protocol::Dns | Protocol::Http) {
            messages.push((Side::Client, filler("up")));
            messages.push((Side::Server, filler("down")));
        }
        messages.retain(|(_, bytes)| !bytes.is_empty());
        messages
    }

    /// Bytes of payload that a side sends.
    pub(crate) fn payload(&self, side: Side) -> u64 {
        self.messages()
            .iter()
            .filter(|(who, _)| *who == side)
            .map(|(_, bytes)| bytes.len() as u64)
            .sum()
    }

    pub(crate) fn hello(&self) -> Vec<u8> {
        client_hello(&Hello {
            server_name: self.get("sni"),
            protocols: self.get("alpn").map(|list| list.split(',').collect()).unwrap_or_default(),
            grease: self.get("grease").is_some(),
            old: self.get("old").is_some(),
        })
    }

    fn http(&self) -> Vec<(Side, Vec<u8>)> {
        let body = self.get("body").unwrap_or_default();
        let default = if body.is_empty() { "GET" } else { "POST" };
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\n",
            self.get("method").unwrap_or(default),
            self.get("path").unwrap_or("/"),
            self.get("host").unwrap_or("hub.example"),
            self.get("agent").unwrap_or("curl/8.5.0"),
        );
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let down = self.number("down").unwrap_or(2) as usize;
        let status = self.get("status").unwrap_or("200");
        let mut response =
            format!("HTTP/1.1 {status} X\r\nContent-Length: {down}\r\n\r\n").into_bytes();
        response.resize(response.len() + down, b'x');
        let request = format!("{request}\r\n{body}").into_bytes();
        let both = [(Side::Client, request), (Side::Server, response)];
        let requests = self.number("requests").unwrap_or(1) as usize;
        std::iter::repeat_n(both, requests).flatten().collect()
    }

    /// The address a name resolves to in this recipe: several are separated by commas.
    pub(crate) fn answers(&self) -> Vec<&str> {
        self.get("answer").map(|list| list.split(',').collect()).unwrap_or_default()
    }

    fn dns(&self) -> Vec<(Side, Vec<u8>)> {
        let id = (self.source.port() ^ 0x1234).to_be_bytes();
        let name: Vec<u8> = self
            .get("query")
            .unwrap_or("hub.example")
            .split('.')
            .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
            .chain([0])
            .collect();
        let wanted: u16 = match self.get("type").unwrap_or("A") {
            "AAAA" => 28,
            "TXT" => 16,
            "CNAME" => 5,
            _ => 1,
        };
        let question = [&name[..], &wanted.to_be_bytes(), &[0, 1]].concat();
        let header = |flags: [u8; 2], answers: usize| {
            [&id[..], &flags, &[0, 1], &(answers as u16).to_be_bytes(), &[0, 0, 0, 0]].concat()
        };
        let query = [header([1, 0], 0), question.clone()].concat();
        let mut records = Vec::new();
        for answer in self.answers() {
            let (kind, data): (u16, Vec<u8>) = match answer.parse() {
                Ok(std::net::IpAddr::V4(address)) => (1, address.octets().to_vec()),
                Ok(std::net::IpAddr::V6(address)) => (28, address.octets().to_vec()),
                Err(_) => (16, [&[answer.len() as u8], answer.as_bytes()].concat()),
            };
            // The name as a pointer to the question.
            records.extend([0xc0, 12]);
            records.extend(kind.to_be_bytes());
            records.extend([0, 1, 0, 0, 0, 60]);
            records.extend((data.len() as u16).to_be_bytes());
            records.extend(data);
        }
        let code = self.number("rcode").unwrap_or(0) as u8;
        let answer =
            [header([0x81, 0x80 | code], self.answers().len()), question, records].concat();
        let framed = |message: Vec<u8>| match self.is_tcp() {
            true => [&(message.len() as u16).to_be_bytes()[..], &message].concat(),
            false => message,
        };
        let mut messages = vec![(Side::Client, framed(query))];
        if self.get("silent").is_none() {
            messages.push((Side::Server, framed(answer)));
        }
        messages
    }
}
