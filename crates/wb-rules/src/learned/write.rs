//! Writing a [`Book`](super::Book).

use super::{Entry, Fact, MAGIC};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::collections::BTreeMap;
use std::io::Write as _;
use wb_core::Capability;

/// A block is full when it has so many bytes.
const BLOCK: usize = 32 << 10;

/// Writes a book: the same head and entries give the same bytes. The lines of `head` say what was read.
pub fn write(head: &str, entries: &BTreeMap<String, Entry>) -> Vec<u8> {
    let mut index = Vec::new();
    let mut blocks = Vec::new();
    let mut block = Block::default();
    for (name, entry) in entries {
        if block.bytes.len() >= BLOCK {
            std::mem::take(&mut block).finish(&mut index, &mut blocks);
        }
        block.add(name, entry);
    }
    block.finish(&mut index, &mut blocks);
    let mut book = MAGIC.as_bytes().to_vec();
    book.extend_from_slice(head.trim_end().as_bytes());
    book.extend_from_slice(b"\n\n");
    number(&mut book, index.len());
    book.extend_from_slice(&index);
    book.extend_from_slice(&blocks);
    book
}

/// Names that stand together.
#[derive(Default)]
struct Block {
    first: String,
    bytes: Vec<u8>,
}

impl Block {
    fn add(&mut self, name: &str, entry: &Entry) {
        if self.bytes.is_empty() {
            self.first = name.to_owned();
        }
        text(&mut self.bytes, name);
        match entry {
            Entry::Function(called) => {
                self.bytes.push(0);
                fact(&mut self.bytes, called);
            }
            Entry::Class(built, restored) => {
                self.bytes.push(1);
                fact(&mut self.bytes, built);
                fact(&mut self.bytes, restored);
            }
            Entry::Alias(target) => {
                self.bytes.push(2);
                text(&mut self.bytes, target);
            }
        }
    }

    fn finish(self, index: &mut Vec<u8>, blocks: &mut Vec<u8>) {
        if self.bytes.is_empty() {
            return;
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(&self.bytes).and_then(|()| encoder.finish());
        let packed = written.expect("writing to memory does not fail");
        text(index, &self.first);
        number(index, packed.len());
        blocks.extend_from_slice(&packed);
    }
}

fn fact(bytes: &mut Vec<u8>, fact: &Fact) {
    let capability = Capability::ALL.iter().position(|one| *one == fact.capability);
    number(bytes, capability.unwrap_or_default());
    let argument = fact.argument.and_then(|at| usize::try_from(at).ok());
    number(bytes, argument.map_or(0, |at| at.saturating_add(1)));
    text(bytes, &fact.keyword);
    text(bytes, &fact.through);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first.
fn number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}
