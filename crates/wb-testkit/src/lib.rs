//! Recipes: readable text that is assembled to evidence; and [`Run`], the harness of tests that run a
//! command, with [`Scratch`] folders and [`oracle`]s. Development only.
//!
//! A [`Recipe`] is a TOML file with one `[[file]]` table per file of a case. The bytes of a file are given
//! by one of the keys of [`Node`]: `text`, `hex`, `base64`, `pickle` (opcodes by name, one per line), `log`
//! (lines and repeated lines, sorted by time), `capture` (conversations as packets), `zip`, `tar`, `gzip`,
//! `safetensors`, `gguf`, `protobuf` and `flatbuffer` (numbered fields), `layout` (numbers and texts in a row), `packed`
//! (a zlib stream in base64, of what it holds), `join` (one piece behind the other). In text, `@sha256(PATH)@` stands for the digest of another file of the recipe and
//! `@sha256:16(PATH)@` for its first 16 digits, `@(NAME|ENCODING)@` for one of the `parts` of the file.

mod binary;
mod encode;
mod flatbuffer;
mod layout;
mod log;
pub mod oracle;
mod pickle;
mod protobuf;
mod run;
mod scratch;
pub mod traffic;
mod tree;

pub use binary::{gguf, safetensors, tar, zip};
pub use encode::{Parts, encode};
pub use flatbuffer::flatbuffer;
pub use layout::layout;
pub use pickle::{assemble as pickle, assemble_with as pickle_with};
pub use protobuf::protobuf;
pub use run::{Ended, Run, flat};
pub use scratch::Scratch;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A case as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its files.
    #[serde(rename = "file")]
    pub files: Vec<Node>,
}

/// One file, or one member of an archive: a name and one way to give its bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Path in the case, or name in the archive.
    #[serde(default)]
    pub path: String,
    /// Text, with digests filled in.
    pub text: Option<String>,
    /// Hexadecimal digits; white space is ignored.
    pub hex: Option<String>,
    /// Base64; white space is ignored.
    pub base64: Option<String>,
    /// Base64 of what zlib makes of long and even bytes; white space is ignored.
    pub zlib: Option<String>,
    /// Pickle opcodes, one per line.
    pub pickle: Option<String>,
    /// Bytes to put behind all others, as text.
    pub then: Option<String>,
    /// Lines of a log.
    pub log: Option<Vec<log::Lines>>,
    /// Conversations, written as packets to a capture file.
    pub capture: Option<String>,
    /// Members of a zip archive.
    pub zip: Option<Vec<Node>>,
    /// Members of a tar archive.
    pub tar: Option<Vec<Node>>,
    /// Pieces, one behind the other.
    pub join: Option<Vec<Node>>,
    /// Data that `pickle` and `text` may hold under encodings, by name.
    #[serde(default)]
    pub parts: BTreeMap<String, Node>,
    /// Encodings that the whole file is under, the first one innermost.
    #[serde(default)]
    pub encoded: Vec<String>,
    /// What is compressed with gzip.
    pub gzip: Option<Box<Node>>,
    /// A message of protocol buffers: see [`protobuf()`].
    pub protobuf: Option<String>,
    /// A FlatBuffer: see [`flatbuffer()`].
    pub flatbuffer: Option<String>,
    /// Numbers and texts in a row: see [`layout()`].
    pub layout: Option<String>,
    /// What a zlib stream in base64 holds; white space is ignored.
    pub packed: Option<String>,
    /// A safetensors file.
    pub safetensors: Option<binary::Safetensors>,
    /// A GGUF file.
    pub gguf: Option<binary::Gguf>,
}

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// What is wrong with the text, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Assembles every file, by path.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn build(&self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let mut built = BTreeMap::new();
        // Files without digests first: they are what digests are of.
        let (waiting, ready): (Vec<&Node>, Vec<&Node>) =
            self.files.iter().partition(|node| node.mentions_digests());
        for node in ready.into_iter().chain(waiting) {
            let bytes = node.build(&built).map_err(|error| format!("{}: {error}", node.path))?;
            built.insert(node.path.clone(), bytes);
        }
        Ok(built)
    }
}

impl Node {
    fn mentions_digests(&self) -> bool {
        let has =
            |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("@sha256"));
        has(&self.text)
            || self.log.iter().flatten().any(|lines| lines.line.contains("@sha256"))
            || self.gzip.as_ref().is_some_and(|inner| inner.mentions_digests())
            || self.zip.iter().flatten().any(Node::mentions_digests)
    }

    /// The bytes; `built` holds the files that digests may be of.
    ///
    /// # Errors
    /// What is wrong with the recipe.
    pub fn build(&self, built: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
        let mut bytes = self.own_bytes(built)?;
        if let Some(more) = &self.then {
            bytes.extend_from_slice(more.as_bytes());
        }
        for encoding in &self.encoded {
            bytes = encode(&bytes, encoding)?;
        }
        Ok(bytes)
    }

    fn parts(&self, built: &BTreeMap<String, Vec<u8>>) -> Result<Parts, String> {
        // Parts may hold the parts that come before them in the alphabet.
        let mut parts = Parts::new();
        for (name, node) in &self.parts {
            let mut bytes = match (&node.text, &node.pickle) {
                (Some(text), _) => fill_parts(text, &parts)?.into_bytes(),
                (_, Some(opcodes)) => pickle::assemble_with(opcodes, &parts)?,
                _ => node.own_bytes(built)?,
            };
            for encoding in &node.encoded {
                bytes = encode(&bytes, encoding)?;
            }
            parts.insert(name.clone(), bytes);
        }
        Ok(parts)
    }

    fn own_bytes(&self, built: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
        let dense = |text: &str| text.split_whitespace().collect::<String>().into_bytes();
        if let Some(text) = &self.text {
            let text = fill_parts(text, &self.parts(built)?)?;
            return fill(&text, built).map(String::into_bytes);
        }
        if let Some(hex) = &self.hex {
            let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(&dense(hex));
            return decoded.map_err(|error| error.to_string());
        }
        if let Some(base64) = &self.base64 {
            return data_encoding::BASE64.decode(&dense(base64)).map_err(|error| error.to_string());
        }
        if let Some(base64) = &self.zlib {
            let packed = data_encoding::BASE64.decode(&dense(base64));
            return binary::inflate(&packed.map_err(|error| error.to_string())?);
        }
        if let Some(opcodes) = &self.pickle {
            return pickle::assemble_with(opcodes, &self.parts(built)?);
        }
        if let Some(lines) = &self.log {
            return fill(&log::write(lines)?, built).map(String::into_bytes);
        }
        if let Some(nodes) = &self.zip {
            return Ok(zip(&members(nodes, built)?));
        }
        if let Some(nodes) = &self.tar {
            return Ok(tar(&members(nodes, built)?));
        }
        if let Some(pieces) = &self.join {
            let pieces: Result<Vec<Vec<u8>>, String> =
                pieces.iter().map(|piece| piece.build(built)).collect();
            return Ok(pieces?.concat());
        }
        if let Some(lines) = &self.capture {
            let traffic = traffic::Traffic::parse(lines)?;
            return Ok(traffic.capture(&traffic::Wire::default()));
        }
        if let Some(inner) = &self.gzip {
            return binary::gzip(&inner.build(built)?);
        }
        if let Some(fields) = &self.protobuf {
            return protobuf(fields);
        }
        if let Some(slots) = &self.flatbuffer {
            return flatbuffer(slots);
        }
        if let Some(values) = &self.layout {
            return layout(values);
        }
        if let Some(packed) = &self.packed {
            return encode::unpack(&dense(packed));
        }
        if let Some(file) = &self.safetensors {
            return Ok(safetensors(file));
        }
        if let Some(file) = &self.gguf {
            return Ok(gguf(file));
        }
        Ok(Vec::new())
    }
}

fn members(
    nodes: &[Node],
    built: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    nodes.iter().map(|member| Ok((member.path.clone(), member.build(built)?))).collect()
}

/// Fills in `@(NAME|ENCODING)@`.
fn fill_parts(text: &str, parts: &Parts) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@(") {
        let (name, tail) = after.split_once(")@").ok_or("`@(` is not closed by `)@`")?;
        out.push_str(before);
        let data = encode::part(name, parts)?;
        out.push_str(&String::from_utf8(data).map_err(|_| format!("`{name}` is no text"))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// Fills in `@sha256(PATH)@` and `@sha256:N(PATH)@`.
fn fill(text: &str, built: &BTreeMap<String, Vec<u8>>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@sha256") {
        let (call, tail) = after.split_once(")@").ok_or("`@sha256(` is not closed by `)@`")?;
        let (digits, path) = call.split_once('(').ok_or("`@sha256` needs a path")?;
        let bytes = built.get(path).ok_or_else(|| format!("no file `{path}` for its digest"))?;
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        let most = digits.trim_start_matches(':').parse().unwrap_or(digest.len());
        out.push_str(before);
        out.push_str(digest.get(..most).unwrap_or(&digest));
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_other_files_are_filled_in() {
        let recipe = Recipe::parse(
            "[[file]]\npath = 'a.log'\ntext = 'a.bin @sha256:8(a.bin)@'\n\
             [[file]]\npath = 'a.bin'\nhex = '00 01'\n",
        );
        let built = recipe.and_then(|recipe| recipe.build()).expect("a sound recipe");
        assert_eq!(built["a.log"], b"a.bin b413f47d");
    }
}
