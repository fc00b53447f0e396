//! [`Packets`]: the records of a capture file, one after the other, with damage skipped and noted.
//!
//! The classic format is draft-ietf-opsawg-pcap, the newer one draft-ietf-opsawg-pcapng. Their records are
//! read here, and not by a library, because what is between whole records is evidence too: a file that is
//! cut or damaged is read on from the next record that holds together.

use jiff::Timestamp;
use std::io::{self, BufRead};
use wb_core::Bytes;

/// Longest record that is believed, in bytes.
const LONGEST_RECORD: usize = 16 << 20;

/// How far the next whole record is looked for behind damage at once, in bytes.
const SEARCHED: usize = 1 << 20;

/// How far behind a place it is looked whether a record there holds together, in bytes.
const BEHIND: usize = 256 << 10;

/// Interfaces of a section that are remembered.
const MOST_INTERFACES: usize = 4096;

/// A packet as it was captured.
pub(super) struct Packet<'a> {
    /// Position in the file, counted from 1.
    pub(super) number: u64,
    /// Offset of its record in the file.
    pub(super) offset: u64,
    /// When, unless the record has no time or an impossible one.
    pub(super) time: Option<Timestamp>,
    /// What the frame begins with: a number of the LINKTYPE registry.
    pub(super) link: u32,
    /// The captured bytes.
    pub(super) data: &'a [u8],
    /// Bytes the frame had on the wire.
    pub(super) original: u64,
}

/// What was odd about the file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileNotes {
    /// Offset of the first damage, and how many stretches were skipped.
    pub(super) damaged: Option<(u64, u64)>,
    /// Bytes that were skipped as damaged.
    pub(super) skipped: u64,
    /// Whether the last record is not all there.
    pub(super) cut: bool,
}

/// Whether `head` begins like a capture file.
pub(crate) fn is_capture(head: &[u8]) -> bool {
    let bytes = Bytes::new(head);
    match Kind::of(bytes) {
        Some(Kind::Classic(order, _)) => {
            // Version 2.x, and a link type that has been given out.
            order.u16(bytes, 4) == Some(2)
                && order.u32(bytes, 20).is_some_and(|link| link & 0xffff < 512)
        }
        Some(Kind::Next) => section_order(bytes, 8).is_some(),
        None => false,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: Bytes<'_>, at: usize) -> Option<u32> {
        let raw = bytes.array(at)?;
        Some(match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        })
    }

    fn u16(self, bytes: Bytes<'_>, at: usize) -> Option<u16> {
        let raw = bytes.array(at)?;
        Some(match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Byte order, and whether fractions are nanoseconds.
    Classic(Order, bool),
    Next,
}

impl Kind {
    fn of(bytes: Bytes<'_>) -> Option<Self> {
        Some(match bytes.array::<4>(0)? {
            [0xd4, 0xc3, 0xb2, 0xa1] => Self::Classic(Order::Little, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => Self::Classic(Order::Big, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => Self::Classic(Order::Little, true),
            [0xa1, 0xb2, 0x3c, 0x4d] => Self::Classic(Order::Big, true),
            [0x0a, 0x0d, 0x0d, 0x0a] => Self::Next,
            _ => return None,
        })
    }
}

/// The byte order that a section header states at `at`.
fn section_order(bytes: Bytes<'_>, at: usize) -> Option<Order> {
    match bytes.array::<4>(at)? {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        _ => None,
    }
}

/// An interface of a section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u32,
    snap: u32,
    /// Units per second.
    units: u64,
    /// Seconds to add.
    offset: i64,
}

/// The records of a capture file.
pub(super) struct Packets<'r> {
    window: Window<'r>,
    kind: Kind,
    order: Order,
    link: u32,
    interfaces: Vec<Interface>,
    number: u64,
    /// The last believable time, to tell records from damage.
    last: Option<u32>,
    pub(super) notes: FileNotes,
}

/// What stands at the front of the window.
enum Front {
    /// A packet: bytes before its data, data, bytes of the whole record, bytes on the wire, time, link.
    Packet {
        head: usize,
        len: usize,
        whole: usize,
        original: u64,
        time: Option<Timestamp>,
        link: u32,
    },
    /// A block without a packet.
    Other {
        whole: usize,
    },
    /// It is not all there.
    Cut,
    /// It is no record.
    Damage,
    End,
}

impl<'r> Packets<'r> {
    /// Begins to read; `None` when the input is no capture file.
    pub(super) fn open(input: &'r mut dyn BufRead) -> io::Result<Option<Self>> {
        let mut window = Window::new(input);
        window.need(24)?;
        if !is_capture(window.bytes().as_slice()) {
            return Ok(None);
        }
        let Some(kind) = Kind::of(window.bytes()) else { return Ok(None) };
        let mut packets = Self {
            window,
            kind,
            order: Order::Little,
            link: 0,
            interfaces: Vec::new(),
            number: 0,
            last: None,
            notes: FileNotes::default(),
        };
        if let Kind::Classic(order, _) = kind {
            packets.order = order;
            // The upper bits say how long a frame check sequence is.
            packets.link = order.u32(packets.window.bytes(), 20).unwrap_or(0) & 0xffff;
            packets.window.consume(24);
        }
        Ok(Some(packets))
    }

    /// The next packet.
    pub(super) fn next(&mut self) -> io::Result<Option<Packet<'_>>> {
        loop {
            let front = match self.kind {
                Kind::Classic(order, nanoseconds) => self.classic(order, nanoseconds)?,
                Kind::Next => self.block()?,
            };
            match front {
                Front::End => return Ok(None),
                Front::Cut => {
                    self.notes.cut = true;
                    return Ok(None);
                }
                Front::Damage => {
                    if !self.skip_damage()? {
                        return Ok(None);
                    }
                }
                Front::Other { whole } => self.window.consume(whole),
                Front::Packet { head, len, whole, original, time, link } => {
                    self.number = self.number.saturating_add(1);
                    let offset = self.window.offset;
                    let number = self.number;
                    let data = self.window.take(whole, head, len);
                    return Ok(Some(Packet { number, offset, time, link, data, original }));
                }
            }
        }
    }

    fn classic(&mut self, order: Order, nanoseconds: bool) -> io::Result<Front> {
        if !self.window.need(16)? {
            return Ok(if self.window.bytes().is_empty() { Front::End } else { Front::Cut });
        }
        let Some(header) = ClassicHeader::read(self.window.bytes(), order) else {
            return Ok(Front::Damage);
        };
        if !header.is_plausible(nanoseconds, self.last) {
            return Ok(Front::Damage);
        }
        let whole = header.len.saturating_add(16);
        let there = self.window.need(whole)?;
        if !there && self.number > 0 && header.len > 262_144 {
            return Ok(Front::Damage);
        }
        self.last = Some(header.seconds);
        let len = header.len.min(self.window.bytes().len().saturating_sub(16));
        if !there {
            self.notes.cut = true;
        }
        let scale: u32 = if nanoseconds { 1 } else { 1000 };
        let fraction = i32::try_from(header.fraction.saturating_mul(scale)).unwrap_or(0);
        let time = Timestamp::new(i64::from(header.seconds), fraction).ok();
        let whole = len.saturating_add(16);
        Ok(Front::Packet { head: 16, len, whole, original: header.original, time, link: self.link })
    }

    fn block(&mut self) -> io::Result<Front> {
        if !self.window.need(12)? {
            return Ok(if self.window.bytes().is_empty() { Front::End } else { Front::Cut });
        }
        let bytes = self.window.bytes();
        let section = bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
        if section {
            match section_order(bytes, 8) {
                Some(order) => self.order = order,
                None => return Ok(Front::Damage),
            }
            self.interfaces.clear();
        }
        let order = self.order;
        let (Some(kind), Some(len)) = (order.u32(bytes, 0), order.u32(bytes, 4)) else {
            return Ok(Front::Damage);
        };
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        if whole < 12 || !whole.is_multiple_of(4) || whole > LONGEST_RECORD {
            return Ok(Front::Damage);
        }
        if !self.window.need(whole)? {
            return Ok(Front::Cut);
        }
        let bytes = self.window.bytes().head(whole);
        if order.u32(bytes, whole.saturating_sub(4)) != Some(len) {
            return Ok(Front::Damage);
        }
        match kind {
            1 => {
                if let Some(interface) = interface(bytes, order)
                    && self.interfaces.len() < MOST_INTERFACES
                {
                    self.interfaces.push(interface);
                }
                Ok(Front::Other { whole })
            }
            6 | 2 => Ok(self.enhanced(bytes, kind, whole).unwrap_or(Front::Damage)),
            3 => Ok(self.simple(bytes, whole).unwrap_or(Front::Damage)),
            _ => Ok(Front::Other { whole }),
        }
    }

    /// An enhanced packet block, or the packet block it replaced.
    fn enhanced(&self, bytes: Bytes<'_>, kind: u32, whole: usize) -> Option<Front> {
        let order = self.order;
        let id = match kind {
            6 => order.u32(bytes, 8)?,
            _ => u32::from(order.u16(bytes, 8)?),
        };
        let high = u64::from(order.u32(bytes, 12)?);
        let low = u64::from(order.u32(bytes, 16)?);
        let len = usize::try_from(order.u32(bytes, 20)?).ok()?;
        let original = u64::from(order.u32(bytes, 24)?);
        if len > whole.saturating_sub(32) {
            return None;
        }
        let interface = self.interfaces.get(usize::try_from(id).ok()?)?;
        let ticks = high.checked_shl(32)?.checked_add(low)?;
        let time = interface.time(ticks);
        Some(Front::Packet { head: 28, len, whole, original, time, link: interface.link })
    }

    /// A simple packet block: the first interface, and no time.
    fn simple(&self, bytes: Bytes<'_>, whole: usize) -> Option<Front> {
        let original = self.order.u32(bytes, 8)?;
        let interface = self.interfaces.first()?;
        let snap = if interface.snap == 0 { u32::MAX } else { interface.snap };
        let len = usize::try_from(original.min(snap)).ok()?.min(whole.saturating_sub(16));
        Some(Front::Packet {
            head: 12,
            len,
            whole,
            original: u64::from(original),
            time: None,
            link: interface.link,
        })
    }

    /// Moves to the next record that holds together; false when there is none.
    fn skip_damage(&mut self) -> io::Result<bool> {
        let (first, count) = self.notes.damaged.unwrap_or((self.window.offset, 0));
        self.notes.damaged = Some((first, count.saturating_add(1)));
        let step = if self.kind == Kind::Next { 4 } else { 1 };
        let mut at = step;
        loop {
            // A record that begins in the stretch may end behind it.
            let more = self.window.need(SEARCHED.saturating_add(BEHIND))?;
            let bytes = self.window.bytes();
            let end = if more { SEARCHED } else { bytes.len() };
            while at < end && !self.holds(bytes.from(at)) {
                at = at.saturating_add(step);
            }
            let skipped = at.min(bytes.len());
            self.notes.skipped = self.notes.skipped.saturating_add(skipped as u64);
            self.window.consume(skipped);
            if at < end || !more {
                return Ok(at < end);
            }
            at = 0;
        }
    }

    /// Whether two records, or one and the end, stand at the beginning of `bytes`.
    fn holds(&self, bytes: Bytes<'_>) -> bool {
        match self.kind {
            Kind::Classic(order, nanoseconds) => {
                let plausible = |bytes: Bytes<'_>| {
                    ClassicHeader::read(bytes, order).filter(|header| {
                        header.len > 0
                            && header.len <= 65_600
                            && header.is_plausible(nanoseconds, self.last)
                    })
                };
                let Some(first) = plausible(bytes) else { return false };
                let rest = bytes.from(first.len.saturating_add(16));
                rest.is_empty() || plausible(rest).is_some()
            }
            Kind::Next => {
                let order = self.order;
                let (Some(kind), Some(len)) = (order.u32(bytes, 0), order.u32(bytes, 4)) else {
                    return false;
                };
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                let known = matches!(kind, 1..=6 | 0x0a0d_0d0a);
                known
                    && (12..=LONGEST_RECORD).contains(&len)
                    && len.is_multiple_of(4)
                    && order.u32(bytes, len.saturating_sub(4)) == u32::try_from(len).ok()
            }
        }
    }
}

/// The header of a record of the classic format.
struct ClassicHeader {
    seconds: u32,
    fraction: u32,
    len: usize,
    original: u64,
}

impl ClassicHeader {
    fn read(bytes: Bytes<'_>, order: Order) -> Option<Self> {
        Some(Self {
            seconds: order.u32(bytes, 0)?,
            fraction: order.u32(bytes, 4)?,
            len: usize::try_from(order.u32(bytes, 8)?).ok()?,
            original: u64::from(order.u32(bytes, 12)?),
        })
    }

    /// Whether a record can begin like this. Behind damage it must be near the one before.
    fn is_plausible(&self, nanoseconds: bool, last: Option<u32>) -> bool {
        const YEAR: u32 = 366 * 86_400;
        let most = if nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let near = last.is_none_or(|last| last.abs_diff(self.seconds) < YEAR);
        self.fraction < most
            && self.len <= LONGEST_RECORD
            && self.len as u64 <= self.original
            && near
    }
}

impl Interface {
    fn time(&self, ticks: u64) -> Option<Timestamp> {
        let seconds =
            i64::try_from(ticks.checked_div(self.units)?).ok()?.checked_add(self.offset)?;
        let rest = u128::from(ticks.checked_rem(self.units)?);
        let nanoseconds = rest.checked_mul(1_000_000_000)?.checked_div(u128::from(self.units))?;
        Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
    }
}

/// An interface description block.
fn interface(bytes: Bytes<'_>, order: Order) -> Option<Interface> {
    let mut found = Interface {
        link: u32::from(order.u16(bytes, 8)?),
        snap: order.u32(bytes, 12)?,
        units: 1_000_000,
        offset: 0,
    };
    let mut at = 16_usize;
    while let (Some(code), Some(len)) =
        (order.u16(bytes, at), order.u16(bytes, at.saturating_add(2)))
    {
        let len = usize::from(len);
        let value = bytes.slice(at.saturating_add(4), len);
        match (code, value) {
            (0, _) | (_, None) => break,
            (9, Some(value)) => found.units = units(value.byte(0)?),
            (14, Some(value)) => {
                let raw: [u8; 8] = value.array(0)?;
                found.offset = match order {
                    Order::Little => i64::from_le_bytes(raw),
                    Order::Big => i64::from_be_bytes(raw),
                };
            }
            _ => {}
        }
        at = at.saturating_add(4).saturating_add(len.next_multiple_of(4));
    }
    Some(found)
}

/// Units per second: a power of ten, or of two when the highest bit is set.
fn units(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(1_000_000).max(1)
}

/// The bytes of the input that are held.
struct Window<'r> {
    input: &'r mut dyn BufRead,
    held: Vec<u8>,
    start: usize,
    /// Offset of `start` in the input.
    offset: u64,
}

impl<'r> Window<'r> {
    fn new(input: &'r mut dyn BufRead) -> Self {
        Self { input, held: Vec::new(), start: 0, offset: 0 }
    }

    fn bytes(&self) -> Bytes<'_> {
        Bytes::at(self.held.get(self.start..).unwrap_or_default(), self.offset)
    }

    /// Reads until `len` bytes are held; false when the input ends before.
    fn need(&mut self, len: usize) -> io::Result<bool> {
        while self.bytes().len() < len {
            if self.start > (1 << 20) || self.start == self.held.len() {
                self.held.drain(..self.start);
                self.start = 0;
            }
            let read = match self.input.fill_buf() {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if read.is_empty() {
                return Ok(false);
            }
            let part = read.get(..read.len().min(1 << 18)).unwrap_or(read);
            self.held.extend_from_slice(part);
            let used = part.len();
            self.input.consume(used);
        }
        Ok(true)
    }

    fn consume(&mut self, len: usize) {
        let len = len.min(self.bytes().len());
        self.start = self.start.saturating_add(len);
        self.offset = self.offset.saturating_add(len as u64);
    }

    /// Consumes `whole` bytes and gives `len` of them from `head` on.
    fn take(&mut self, whole: usize, head: usize, len: usize) -> &[u8] {
        let from = self.start.saturating_add(head);
        self.consume(whole);
        self.held.get(from..from.saturating_add(len)).unwrap_or_default()
    }
}
