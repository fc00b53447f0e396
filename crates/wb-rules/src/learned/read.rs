//! [`Book`]: looking names up.

use super::{Entry, Fact, MAGIC, MAX_BLOCK};
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read as _;
use std::sync::OnceLock;
use wb_core::Capability;

/// The most aliases that are followed from one name.
const MAX_ALIASES: usize = 8;

/// The most links of a chain.
const MAX_LINKS: usize = 24;

/// Names and what is known of them.
#[derive(Debug)]
pub struct Book {
    head: String,
    blocks: Vec<Block>,
    bytes: Cow<'static, [u8]>,
}

#[derive(Debug)]
struct Block {
    first: String,
    start: usize,
    end: usize,
    /// Inflated when a name in it is asked for, and kept: a hostile file asks for a million.
    names: OnceLock<Option<Names>>,
}

/// A block, inflated.
#[derive(Debug)]
struct Names {
    bytes: Vec<u8>,
    /// Where each entry starts.
    starts: Vec<usize>,
}

impl Book {
    /// Opens a book; `None` when it is none.
    pub fn open(bytes: Cow<'static, [u8]>) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
        let length = rest.windows(2).position(|pair| pair == b"\n\n")?;
        let head = std::str::from_utf8(rest.get(..length)?).ok()?.to_owned();
        let mut cursor =
            Cursor { bytes: &bytes, at: MAGIC.len().checked_add(length)?.checked_add(2)? };
        let index = cursor.number()?;
        let end = cursor.at.checked_add(index)?;
        let mut start = end;
        let mut blocks = Vec::new();
        while cursor.at < end {
            let first = cursor.text()?.to_owned();
            let stop = start.checked_add(cursor.number()?)?;
            if stop > bytes.len() {
                return None;
            }
            blocks.push(Block { first, start, end: stop, names: OnceLock::new() });
            start = stop;
        }
        Some(Self { head, blocks, bytes })
    }

    /// What was read to write it.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The book as it is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is known under exactly this name.
    pub fn entry(&self, name: &str) -> Option<Entry> {
        let after = self.blocks.partition_point(|block| block.first.as_str() <= name);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let names = block.names.get_or_init(|| self.inflated(block)).as_ref()?;
        let at = names.starts.binary_search_by(|start| names.name(*start).cmp(name)).ok()?;
        let mut cursor = Cursor { bytes: &names.bytes, at: *names.starts.get(at)? };
        cursor.text()?;
        cursor.entry()
    }

    /// What is known under this name or the one it is another name of, and that one.
    pub fn find(&self, name: &str) -> Option<(String, Entry)> {
        let mut name = name.to_owned();
        for _ in 0..MAX_ALIASES {
            match self.entry(&name) {
                Some(Entry::Alias(target)) => name = target,
                Some(entry) => return Some((name, entry)),
                None => name = self.renamed(&name)?,
            }
        }
        None
    }

    /// The name with the longest alias at its front replaced.
    fn renamed(&self, name: &str) -> Option<String> {
        let mut end = name.len();
        while let Some(dot) = name.get(..end)?.rfind('.') {
            let (owner, rest) = name.split_at(dot);
            match self.entry(owner) {
                Some(Entry::Alias(target)) => return Some(format!("{target}{rest}")),
                Some(_) => return None,
                None => {}
            }
            if let Some(Entry::Alias(target)) = self.entry(&format!("{owner}.*")) {
                return Some(format!("{}{rest}", target.strip_suffix(".*")?));
            }
            end = dot;
        }
        None
    }

    /// The way from a name to what finally does it, by dotted names; the last may be none of this book.
    pub fn chain(&self, fact: &Fact) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = fact.through.clone();
        while !next.is_empty() && chain.len() < MAX_LINKS && !chain.contains(&next) {
            chain.push(next.clone());
            next = match self.find(&next) {
                Some((_, Entry::Function(one))) if one.capability == fact.capability => one.through,
                Some((_, Entry::Class(built, _))) if built.capability == fact.capability => {
                    built.through
                }
                Some((_, Entry::Class(_, restored))) if restored.capability == fact.capability => {
                    restored.through
                }
                _ => break,
            };
        }
        chain
    }

    fn inflated(&self, block: &Block) -> Option<Names> {
        let packed = self.bytes.get(block.start..block.end)?;
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_BLOCK).ok()?;
        DeflateDecoder::new(packed).take(most).read_to_end(&mut bytes).ok()?;
        let mut starts = Vec::new();
        let mut cursor = Cursor { bytes: &bytes, at: 0 };
        while cursor.at < bytes.len() {
            starts.push(cursor.at);
            cursor.text()?;
            cursor.entry()?;
        }
        Some(Names { bytes, starts })
    }
}

impl Names {
    fn name(&self, start: usize) -> &str {
        Cursor { bytes: &self.bytes, at: start }.text().unwrap_or_default()
    }
}

/// Reads numbers and texts; `None` where there is none.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at = self.at.checked_add(1)?;
            number |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let end = self.at.checked_add(length)?;
        let text = std::str::from_utf8(self.bytes.get(self.at..end)?).ok()?;
        self.at = end;
        Some(text)
    }

    /// What stands behind a name.
    fn entry(&mut self) -> Option<Entry> {
        match self.number()? {
            0 => Some(Entry::Function(self.fact()?)),
            1 => Some(Entry::Class(self.fact()?, self.fact()?)),
            2 => Some(Entry::Alias(self.text()?.to_owned())),
            _ => None,
        }
    }

    fn fact(&mut self) -> Option<Fact> {
        let capability = *Capability::ALL.get(self.number()?)?;
        let argument = self.number()?.checked_sub(1).and_then(|at| u32::try_from(at).ok());
        let keyword = self.text()?.to_owned();
        let through = self.text()?.to_owned();
        Some(Fact { capability, argument, keyword, through })
    }
}
