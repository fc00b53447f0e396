use crate::order::Order;
use crate::testing::{children, claims, gaps, oddities, parse, survive};
use wb_core::ChildData;

/// Made by `tests/data/make_shelf.py` with GNU dbm 1.23.
const REAL: &[u8] = include_bytes!("../../tests/data/real.gdbm");

/// A pickle that does something, and one that does not.
const RUN: &[u8] = b"\x80\x02cposix\nsystem\nX\x06\0\0\0echo x\x85R.";
const EMPTY: &[u8] = b"\x80\x02}.";

/// What a machine makes of the structures of C.
#[derive(Clone, Copy)]
struct Machine {
    order: Order,
    magic: u32,
    /// Bytes of an offset, and what it is aligned to.
    offset: usize,
    align: usize,
}

const MACHINES: [Machine; 5] = [
    Machine { order: Order::Little, magic: 0x1357_9acf, offset: 8, align: 8 },
    Machine { order: Order::Little, magic: 0x1357_9acf, offset: 8, align: 4 },
    Machine { order: Order::Big, magic: 0x1357_9ad1, offset: 8, align: 8 },
    Machine { order: Order::Big, magic: 0x1357_9acd, offset: 4, align: 4 },
    Machine { order: Order::Little, magic: 0x1357_9ace, offset: 4, align: 4 },
];

impl Machine {
    fn int(self, number: u32) -> Vec<u8> {
        match self.order {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    fn offset(self, number: u64) -> Vec<u8> {
        match (self.order, self.offset) {
            (Order::Little, 8) => number.to_le_bytes().to_vec(),
            (Order::Little, _) => (number as u32).to_le_bytes().to_vec(),
            (Order::Big, 8) => number.to_be_bytes().to_vec(),
            (Order::Big, _) => (number as u32).to_be_bytes().to_vec(),
        }
    }

    /// A file with blocks of 256 bytes: header, directory of two entries, one bucket, and records in the order given.
    /// A record without a value was deleted.
    fn file(self, records: &[(&[u8], &[u8], bool)]) -> Vec<u8> {
        const BLOCK: usize = 256;
        let piece = self.offset + self.align.max(4);
        let table = piece * 6 + self.align.max(4) + 8;
        let capacity = (BLOCK - table) / (16 + self.offset);
        let mut file = [
            self.int(self.magic),
            self.int(256),
            self.offset(256),
            self.int(2 * self.offset as u32),
            self.int(1),
            self.int(256),
            self.int(capacity as u32),
            self.offset(1024),
        ]
        .concat();
        file.resize(BLOCK, 0);
        file.extend([self.offset(512), self.offset(512)].concat());
        file.resize(2 * BLOCK, 0);
        let mut elements = Vec::new();
        let mut data = Vec::new();
        let (mut kept, mut free) = (0, Vec::new());
        for (key, value, is_deleted) in records {
            let at = 3 * BLOCK as u64 + data.len() as u64;
            if *is_deleted {
                free = [self.int((key.len() + value.len()) as u32), self.offset(at)]
                    .join(&vec![0; piece - 4 - self.offset][..]);
            } else {
                kept += 1;
                elements.extend(self.int(hash(key)));
                let mut small = key[..key.len().min(4)].to_vec();
                small.resize(4, 0);
                elements.extend(small);
                elements.extend(self.offset(at));
                elements.extend([self.int(key.len() as u32), self.int(value.len() as u32)].concat());
            }
            data.extend([*key, *value].concat());
        }
        file.extend(self.int(u32::from(!free.is_empty())));
        file.resize(2 * BLOCK + self.align.max(4), 0);
        file.extend(free);
        file.resize(2 * BLOCK + table - 8, 0);
        file.extend([self.int(0), self.int(kept)].concat());
        elements.resize(capacity * (16 + self.offset), 0xff);
        file.extend(elements);
        file.resize(3 * BLOCK, 0);
        file.extend(data);
        file
    }
}

fn hash(key: &[u8]) -> u32 {
    let mut value = 0x238f_13af_u32.wrapping_mul(key.len() as u32);
    for (index, byte) in key.iter().enumerate() {
        value = value.wrapping_add(u32::from(*byte) << (index * 5 % 24)) & 0x7fff_ffff;
    }
    1_103_515_243_u32.wrapping_mul(value).wrapping_add(12_345) & 0x7fff_ffff
}

#[test]
fn the_values_of_a_shelf_are_read_to_the_last() {
    assert_eq!(claims(REAL), "gdbm");
    let content = parse("gdbm", REAL);
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
    assert_eq!(content.children.len(), 62);
    let big = content.children.iter().find(|child| child.name == "big").expect("the long value");
    let ChildData::Span(span) = big.data else { panic!("a value in one piece") };
    assert!(span.len > 8_000);
    let records = content.fields.iter().find(|field| field.path == "records").expect("a count");
    assert_eq!(records.value, "62");
}

#[test]
fn every_machine_writes_its_own_layout() {
    for machine in MACHINES {
        let bytes = machine.file(&[(b"model", RUN, false), (b"w", EMPTY, false)]);
        assert!(claims(&bytes).starts_with("gdbm"), "{:x} {}", machine.magic, machine.align);
        let content = parse("gdbm", &bytes);
        assert_eq!(children(&bytes, &content), [("model", RUN), ("w", EMPTY)]);
        assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
        survive("gdbm", &bytes);
    }
}

#[test]
fn what_was_deleted_and_runs_is_found() {
    let deleted = |value| MACHINES[0].file(&[(b"model", value, true), (b"w", EMPTY, false)]);
    let bytes = deleted(RUN);
    let content = parse("gdbm", &bytes);
    let names: Vec<&str> = content.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["w", "bytes at offset 773 that no record owns"]);
    assert!(content.oddities.is_empty(), "{:?}", content.oddities);
    let bytes = deleted(EMPTY);
    assert_eq!(children(&bytes, &parse("gdbm", &bytes)), [("w", EMPTY)]);
}

#[test]
fn what_leads_out_of_the_file_is_told() {
    let good = MACHINES[0].file(&[(b"model", RUN, false)]);
    let mut bytes = good.clone();
    bytes[512 + 112 + 8] = 0xff; // The record.
    assert_eq!(oddities(&parse("gdbm", &bytes))[0], "malformed bucket at offset 512");
    let mut bytes = good.clone();
    bytes[9] = 0xff; // The directory.
    assert_eq!(gaps(&parse("gdbm", &bytes)), ["the directory of 16 bytes at offset 65280 is not in the file"]);
    let mut bytes = good.clone();
    bytes[768] = b'x'; // The key.
    assert_eq!(oddities(&parse("gdbm", &bytes)), ["disagreement bucket at offset 512"]);
    let bytes = [&good[..], b"more"].concat();
    assert!(oddities(&parse("gdbm", &bytes)).is_empty());
    let bytes = [&good[..], &[b'x'; 100]].concat();
    assert_eq!(oddities(&parse("gdbm", &bytes)), ["unowned-bytes file"]);
    assert_eq!(claims(&good[..40]), "gdbm");
    assert_eq!(claims(b"\xcf\x9a\x57\x13 and so on, which is no header of any kind"), "");
}

#[test]
fn damaged_files_are_survived() {
    survive("gdbm", REAL);
}
