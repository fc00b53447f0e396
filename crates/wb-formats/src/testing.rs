//! Recipes and shorthands for the tests of this crate.

use crate::{Format, Request, format};
use wb_core::{ArtifactPath, Budget, Bytes, ChildData, Content, Gap, Limits, OddityKind};

/// Parses `bytes` as the format called `name`.
pub(crate) fn parse(name: &str, bytes: &[u8]) -> Content {
    parse_file(name, "dir/file", bytes)
}

/// Parses `bytes` as the format called `name`, from a file called `file`.
pub(crate) fn parse_file(name: &str, file: &str, bytes: &[u8]) -> Content {
    let path = ArtifactPath::from(file);
    (found(name).parse)(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

/// Formats that claim `bytes`, the first one first, weak claims in parentheses.
pub(crate) fn claims(bytes: &[u8]) -> String {
    let claims = crate::identify(Bytes::new(bytes));
    let shown = claims.iter().map(|claim| match claim.strength {
        wb_core::Strength::Strong => claim.format.to_owned(),
        wb_core::Strength::Weak => format!("({})", claim.format),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Oddities as `kind place`, in order.
pub(crate) fn oddities(content: &Content) -> Vec<String> {
    let shown =
        content.oddities.iter().map(|oddity| format!("{} {}", oddity.kind.name(), oddity.place));
    shown.map(|line| line.trim().to_owned()).collect()
}

/// Whether an oddity of that kind was found.
pub(crate) fn has(content: &Content, kind: OddityKind) -> bool {
    content.oddities.iter().any(|oddity| oddity.kind == kind)
}

/// Children as name and bytes; `whole` is what they were found in.
pub(crate) fn children<'a>(whole: &'a [u8], content: &'a Content) -> Vec<(&'a str, &'a [u8])> {
    let bytes = |data: &'a ChildData| match data {
        ChildData::Span(span) => {
            Bytes::new(whole).at_span(*span).expect("a span of the artifact").as_slice()
        }
        ChildData::Owned(data) => data,
    };
    content.children.iter().map(|child| (child.name.as_str(), bytes(&child.data))).collect()
}

/// Why something was not read.
pub(crate) fn gaps(content: &Content) -> Vec<&str> {
    content.gaps.iter().map(|Gap { why, .. }| why.as_str()).collect()
}

/// Damages `whole` in many ways and parses it as `name` on a small budget: nothing may panic, and every
/// span stays inside the input.
pub(crate) fn survive(name: &str, whole: &[u8]) {
    let format = found(name);
    let path = ArtifactPath::from("file");
    let limits =
        Limits { decoded_bytes: 1 << 20, steps: 1 << 20, items: 10_000, ..Limits::default() };
    crate::mutations::of(whole, 400, |bytes| {
        crate::identify(Bytes::new(bytes));
        let input = Bytes::new(bytes);
        let content = (format.parse)(input, &Request { path: &path }, &mut Budget::new(limits));
        for child in &content.children {
            if let ChildData::Span(span) = child.data {
                assert!(input.at_span(span).is_some(), "{} {span:?}", child.name);
            }
        }
        for tensor in &content.tensors {
            assert!(tensor.span.is_none_or(|span| input.at_span(span).is_some()), "{tensor:?}");
        }
    });
}

fn found(name: &str) -> &'static Format {
    format(name).expect("a format of that name")
}

/// A zip archive, member by member.
pub(crate) struct Zip {
    bytes: Vec<u8>,
    central: Vec<u8>,
    count: u16,
    /// Added to every offset in the central directory.
    pub shift: u32,
}

/// What the headers of a member say; each may lie.
#[derive(Clone)]
pub(crate) struct Member<'a> {
    pub name: &'a str,
    pub local_name: &'a str,
    pub data: &'a [u8],
    pub method: u16,
    pub local_method: u16,
    pub flags: u16,
    pub crc: u32,
    pub size: u32,
    pub mode: u32,
    pub listed: bool,
}

impl<'a> Member<'a> {
    /// An honest stored member.
    pub(crate) fn stored(name: &'a str, data: &'a [u8]) -> Self {
        Self {
            name,
            local_name: name,
            data,
            method: 0,
            local_method: 0,
            flags: 0,
            crc: crc(data),
            size: u32::try_from(data.len()).expect("small"),
            mode: 0,
            listed: true,
        }
    }
}

impl Zip {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), central: Vec::new(), count: 0, shift: 0 }
    }

    /// Adds a stored member.
    pub(crate) fn stored(self, name: &str, data: &[u8]) -> Self {
        self.member(&Member::stored(name, data))
    }

    /// Adds a deflated member.
    pub(crate) fn deflated(self, name: &str, data: &[u8]) -> Self {
        let packed = deflate(data);
        let size = u32::try_from(data.len()).expect("small");
        let honest = Member::stored(name, &packed);
        self.member(&Member { method: 8, local_method: 8, crc: crc(data), size, ..honest })
    }

    pub(crate) fn member(mut self, member: &Member<'_>) -> Self {
        let offset = u32::try_from(self.bytes.len()).expect("small") + self.shift;
        let len = u32::try_from(member.data.len()).expect("small");
        let head = |method: u16| {
            let mut head = Vec::new();
            for half in [member.flags, method, 0, 0] {
                head.extend(half.to_le_bytes());
            }
            for word in [member.crc, len, member.size] {
                head.extend(word.to_le_bytes());
            }
            head
        };
        let name_len = |name: &str| u16::try_from(name.len()).expect("short").to_le_bytes();
        self.bytes.extend(b"PK\x03\x04\x14\0");
        self.bytes.extend(head(member.local_method));
        self.bytes.extend(name_len(member.local_name));
        self.bytes.extend([0, 0]);
        self.bytes.extend(member.local_name.as_bytes());
        self.bytes.extend(member.data);
        if member.listed {
            self.central.extend(b"PK\x01\x02\x14\x03\x14\0");
            self.central.extend(head(member.method));
            self.central.extend(name_len(member.name));
            self.central.extend([0; 8]);
            self.central.extend((member.mode << 16).to_le_bytes());
            self.central.extend(offset.to_le_bytes());
            self.central.extend(member.name.as_bytes());
            self.count += 1;
        }
        self
    }

    /// Adds bytes that belong to no member.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// The archive, with a central directory.
    pub(crate) fn finish(self) -> Vec<u8> {
        let count = self.count;
        self.finish_claiming(count, b"")
    }

    /// The archive with an end record that counts `count` members, and a comment.
    pub(crate) fn finish_claiming(mut self, count: u16, comment: &[u8]) -> Vec<u8> {
        let start = u32::try_from(self.bytes.len()).expect("small") + self.shift;
        let len = u32::try_from(self.central.len()).expect("small");
        self.bytes.append(&mut self.central);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(start.to_le_bytes());
        self.bytes.extend(u16::try_from(comment.len()).expect("short").to_le_bytes());
        self.bytes.extend(comment);
        self.bytes
    }

    /// The archive without its central directory.
    pub(crate) fn cut(self) -> Vec<u8> {
        self.bytes
    }
}

pub(crate) fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).expect("written to memory");
    encoder.finish().expect("written to memory")
}

/// What `python3 -c CODE` prints, with hexadecimal decoded; `None` where there is no Python.
pub(crate) fn python(code: &str) -> Option<Vec<u8>> {
    let output = std::process::Command::new("python3").args(["-c", code]).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let digits: Vec<u8> = text.trim().bytes().collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}
