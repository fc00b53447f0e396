//! The ClientHello of TLS (RFC 8446, section 4.1.2) and its fingerprints.
//!
//! JA3 is Salesforce's method (BSD-3); JA4 is the TLS client fingerprint of the JA4 suite, the one part of
//! it under BSD-3.

use md5::{Digest as _, Md5};
use sha2::Sha256;
use std::fmt::Write as _;
use wb_core::Bytes;

/// Longest handshake message that is put together, in bytes.
const LONGEST: usize = 16 << 10;

/// What a ClientHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    groups: Vec<u16>,
    point_formats: Vec<u8>,
    signatures: Vec<u16>,
    versions: Vec<u16>,
    pub(super) server_name: Option<String>,
    pub(super) protocols: Vec<String>,
    /// Whether the real name is encrypted (Encrypted Client Hello).
    pub(super) encrypted: bool,
}

/// What the beginning of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// More bytes are needed.
    More,
    /// No TLS.
    Other,
    /// A ClientHello.
    Hello(Box<ClientHello>),
}

/// Reads the first records of a stream.
pub(super) fn beginning(stream: &[u8]) -> Beginning {
    // Record type 22, version 3.x, handshake type 1.
    let fits = |at: usize, wanted: &[u8]| stream.get(at).is_none_or(|byte| wanted.contains(byte));
    if !fits(0, &[0x16]) || !fits(1, &[3]) || !fits(2, &[0, 1, 2, 3, 4]) || !fits(5, &[1]) {
        return Beginning::Other;
    }
    let Some((message, complete)) = handshake(Bytes::new(stream)) else { return Beginning::More };
    match client_hello(Bytes::new(&message)) {
        Some(hello) => Beginning::Hello(Box::new(hello)),
        None if complete || stream.len() > LONGEST => Beginning::Other,
        None => Beginning::More,
    }
}

/// The first handshake message, put together from its records, and whether it is all there.
fn handshake(stream: Bytes<'_>) -> Option<(Vec<u8>, bool)> {
    let mut cursor = stream.cursor();
    let mut message = Vec::new();
    let mut wanted = None;
    while wanted.is_none_or(|wanted| message.len() < wanted) {
        let header = cursor.array::<5>()?;
        let [kind, _, _, high, low] = header;
        if kind != 0x16 {
            return Some((message, true));
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        let part = cursor.rest().head(len);
        message.extend_from_slice(part.as_slice());
        cursor.take(part.len())?;
        if let Some([_, a, b, c]) = Bytes::new(&message).array::<4>(0) {
            let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
            if len > LONGEST {
                return Some((message, true));
            }
            wanted = len.checked_add(4);
        }
        if part.len() < len {
            break;
        }
    }
    let complete = wanted.is_some_and(|wanted| message.len() >= wanted);
    complete.then_some((message, complete))
}

/// Reads a handshake message.
pub(super) fn client_hello(message: Bytes<'_>) -> Option<ClientHello> {
    let mut cursor = message.cursor();
    if cursor.u8()? != 1 {
        return None;
    }
    cursor.take(3)?;
    let mut hello = ClientHello { version: word(&mut cursor)?, ..ClientHello::default() };
    cursor.take(32)?;
    let session = usize::from(cursor.u8()?);
    cursor.take(session)?;
    let ciphers = usize::from(word(&mut cursor)?);
    hello.ciphers = words(cursor.take(ciphers)?);
    let compressions = usize::from(cursor.u8()?);
    cursor.take(compressions)?;
    // Without extensions nothing follows.
    let len = usize::from(word(&mut cursor).unwrap_or(0));
    let mut extensions = cursor.rest().head(len).cursor();
    while let (Some(kind), Some(len)) = (word(&mut extensions), word(&mut extensions)) {
        let Some(data) = extensions.take(usize::from(len)) else { break };
        hello.extensions.push(kind);
        extension(&mut hello, kind, data);
    }
    Some(hello)
}

fn extension(hello: &mut ClientHello, kind: u16, data: Bytes<'_>) {
    match kind {
        0 => hello.server_name = server_name(data),
        10 => hello.groups = words(data.from(2)),
        11 => hello.point_formats = data.from(1).as_slice().to_vec(),
        13 => hello.signatures = words(data.from(2)),
        16 => hello.protocols = protocols(data.from(2)),
        43 => hello.versions = words(data.from(1)),
        0xfe0d => hello.encrypted = true,
        _ => {}
    }
}

/// RFC 6066, section 3: a list of which only host names are defined.
fn server_name(data: Bytes<'_>) -> Option<String> {
    let mut cursor = data.cursor();
    word(&mut cursor)?;
    if cursor.u8()? != 0 {
        return None;
    }
    let len = usize::from(word(&mut cursor)?);
    let name = cursor.take(len)?.as_slice();
    let sound = !name.is_empty() && name.len() <= 255 && name.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(name).trim_end_matches('.').to_ascii_lowercase())
}

/// RFC 7301.
fn protocols(data: Bytes<'_>) -> Vec<String> {
    let mut cursor = data.cursor();
    let mut all = Vec::new();
    while let Some(len) = cursor.u8() {
        let Some(name) = cursor.take(usize::from(len)) else { break };
        all.push(name.as_slice().escape_ascii().to_string());
    }
    all
}

fn word(cursor: &mut wb_core::Cursor<'_>) -> Option<u16> {
    cursor.array().map(u16::from_be_bytes)
}

fn words(data: Bytes<'_>) -> Vec<u16> {
    let mut cursor = data.cursor();
    let mut all = Vec::new();
    while let Some(next) = word(&mut cursor) {
        all.push(next);
    }
    all
}

/// RFC 8701: values that mean nothing, to keep servers tolerant.
fn is_grease(value: &u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn real(values: &[u16]) -> impl Iterator<Item = u16> {
    values.iter().filter(|value| !is_grease(value)).copied()
}

impl ClientHello {
    /// The highest version that the client offers.
    fn highest(&self) -> u16 {
        real(&self.versions).max().unwrap_or(self.version)
    }

    /// JA3: the digest of version, ciphers, extensions, groups and point formats.
    pub(super) fn ja3(&self) -> String {
        let list = |values: &[u16]| {
            real(values).map(|value| value.to_string()).collect::<Vec<_>>().join("-")
        };
        let points: Vec<String> = self.point_formats.iter().map(u8::to_string).collect();
        let text = format!(
            "{},{},{},{},{}",
            self.version,
            list(&self.ciphers),
            list(&self.extensions),
            list(&self.groups),
            points.join("-")
        );
        hex(&Md5::digest(text.as_bytes()))
    }

    /// JA4, as in `t13d1516h2_8daaf6152771_b186095e22b6`.
    pub(super) fn ja4(&self, quic: bool) -> String {
        let version = match self.highest() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            0xfeff => "d1",
            0xfefd => "d2",
            0xfefc => "d3",
            _ => "00",
        };
        let mut ciphers: Vec<u16> = real(&self.ciphers).collect();
        let mut extensions: Vec<u16> = real(&self.extensions).collect();
        let head = format!(
            "{}{version}{}{:02}{:02}{}",
            if quic { 'q' } else { 't' },
            if self.extensions.contains(&0) { 'd' } else { 'i' },
            ciphers.len().min(99),
            extensions.len().min(99),
            protocol_mark(self.protocols.first().map(String::as_str)),
        );
        ciphers.sort_unstable();
        // The name and the protocols are in the first part already.
        extensions.retain(|kind| !matches!(kind, 0 | 16));
        extensions.sort_unstable();
        let mut rest = list(&extensions);
        if !self.signatures.is_empty() {
            rest.push('_');
            rest.push_str(&list(&self.signatures));
        }
        let rest = if extensions.is_empty() { String::new() } else { rest };
        format!("{head}_{}_{}", short(&list(&ciphers)), short(&rest))
    }
}

/// First and last character of the first protocol; of its hexadecimal digits when one is no letter or digit.
fn protocol_mark(protocol: Option<&str>) -> String {
    let Some(name) = protocol.filter(|name| !name.is_empty()) else { return "00".to_owned() };
    let plain = |c: Option<char>| c.filter(char::is_ascii_alphanumeric);
    match (plain(name.chars().next()), plain(name.chars().last())) {
        (Some(first), Some(last)) => format!("{first}{last}"),
        _ => {
            let digits = hex(name.as_bytes());
            let ends = (digits.chars().next(), digits.chars().last());
            format!("{}{}", ends.0.unwrap_or('9'), ends.1.unwrap_or('9'))
        }
    }
}

fn list(values: &[u16]) -> String {
    values.iter().map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",")
}

/// The first twelve digits of the SHA-256; zeros for an empty list.
fn short(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(&Sha256::digest(text.as_bytes())).chars().take(12).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
