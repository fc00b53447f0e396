//! [`Stream`]: one direction of a TCP connection, put in order.

/// Segments that wait for one before them, at the most.
const MOST_WAITING: usize = 16;

/// Bytes that wait, at the most.
const MOST_HELD: usize = 64 << 10;

/// Bytes missing between two segments that still count as sent.
const MOST_MISSED: u32 = 1 << 20;

/// One direction of a connection: counts what is new, and hands on what is in order.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The number of the next byte that is expected; `None` before the first packet.
    next: Option<u32>,
    /// The number behind the highest byte that was seen.
    highest: Option<u32>,
    /// Segments that came too early: number of the first byte, and the bytes.
    waiting: Vec<(u32, Vec<u8>)>,
    /// New bytes of payload, as the headers say.
    pub(super) bytes: u64,
    /// Packets.
    pub(super) packets: u64,
}

/// What [`Stream::push`] hands on.
pub(super) enum Piece<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// Bytes are missing here.
    Gap,
}

impl Stream {
    /// A connection begins with `sequence`.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.next = Some(sequence.wrapping_add(1));
        self.highest = self.next;
    }

    /// Bytes held in memory.
    pub(super) fn held(&self) -> usize {
        self.waiting.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Drops what waits.
    pub(super) fn forget(&mut self) {
        self.waiting = Vec::new();
    }

    /// Counts a segment whose payload had `length` bytes on the wire.
    pub(super) fn count(&mut self, sequence: u32, length: u64) {
        let length32 = u32::try_from(length).unwrap_or(u32::MAX);
        let end = sequence.wrapping_add(length32);
        // Bytes that the capture missed were sent all the same, unless the number is wild.
        let new = match self.highest {
            None => length32,
            Some(highest) => match ahead(end, highest) {
                distance if distance <= length32.saturating_add(MOST_MISSED) => distance,
                _ => length32,
            },
        };
        if new > 0 {
            self.bytes = self.bytes.saturating_add(u64::from(new));
            self.highest = Some(end);
        }
        self.highest = self.highest.or(Some(end));
    }

    /// Takes the captured bytes of a segment and hands on whatever is in order now.
    pub(super) fn push(
        &mut self,
        sequence: u32,
        payload: &[u8],
        cut: bool,
        on: &mut dyn FnMut(Piece<'_>),
    ) {
        if payload.is_empty() {
            return;
        }
        let next = *self.next.get_or_insert(sequence);
        let early = ahead(sequence, next);
        if early > 0 {
            self.wait(sequence, payload, on);
        } else {
            self.deliver(sequence, payload, on);
        }
        self.drain(on);
        if cut {
            // What the capture left out never comes.
            self.next = None;
            self.waiting.clear();
            on(Piece::Gap);
        }
    }

    /// Hands on the part of a segment that is new.
    fn deliver(&mut self, sequence: u32, payload: &[u8], on: &mut dyn FnMut(Piece<'_>)) {
        let next = self.next.unwrap_or(sequence);
        let old = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        let Some(new) = payload.get(old..).filter(|new| !new.is_empty()) else { return };
        self.next = Some(next.wrapping_add(u32::try_from(new.len()).unwrap_or(0)));
        on(Piece::Data(new));
    }

    fn wait(&mut self, sequence: u32, payload: &[u8], on: &mut dyn FnMut(Piece<'_>)) {
        if self
            .waiting
            .iter()
            .any(|(known, bytes)| *known == sequence && bytes.len() >= payload.len())
        {
            return;
        }
        self.waiting.push((sequence, payload.to_vec()));
        if self.waiting.len() > MOST_WAITING || self.held() > MOST_HELD {
            // The bytes in between were lost on the way to the capture.
            on(Piece::Gap);
            let next = self.next.unwrap_or(0);
            let first = self.waiting.iter().min_by_key(|(sequence, _)| ahead(*sequence, next));
            self.next = first.map(|(sequence, _)| *sequence);
        }
    }

    fn drain(&mut self, on: &mut dyn FnMut(Piece<'_>)) {
        while let Some(next) = self.next {
            let Some(at) =
                self.waiting.iter().position(|(sequence, _)| ahead(*sequence, next) == 0)
            else {
                return;
            };
            let (sequence, payload) = self.waiting.swap_remove(at);
            self.deliver(sequence, &payload, on);
        }
    }
}

/// How far `number` is ahead of `next`; 0 when it is not. Numbers wrap (RFC 9293, section 3.4).
fn ahead(number: u32, next: u32) -> u32 {
    let distance = number.wrapping_sub(next);
    if distance < 1 << 31 { distance } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(segments: &[(u32, &str)]) -> String {
        let mut stream = Stream::default();
        stream.begin(u32::MAX - 2);
        let mut out = String::new();
        for (offset, text) in segments {
            let sequence = (u32::MAX - 1).wrapping_add(*offset);
            stream.count(sequence, text.len() as u64);
            stream.push(sequence, text.as_bytes(), false, &mut |piece| match piece {
                Piece::Data(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
                Piece::Gap => out.push('|'),
            });
        }
        format!("{out} {}", stream.bytes)
    }

    #[test]
    fn segments_are_put_in_order_once_and_numbers_wrap() {
        assert_eq!(run(&[(0, "abc"), (3, "def")]), "abcdef 6");
        assert_eq!(run(&[(3, "def"), (0, "abc")]), "abcdef 6");
        assert_eq!(run(&[(0, "abc"), (0, "abc"), (1, "bcd")]), "abcd 4");
        assert_eq!(run(&[(6, "g"), (3, "def"), (3, "def"), (0, "abc")]), "abcdefg 7");
    }

    #[test]
    fn what_never_comes_is_a_gap() {
        let late: Vec<(u32, &str)> = (0..17).map(|index| (3 + index, "x")).collect();
        assert_eq!(run(&[&[(0, "a")][..], &late].concat()), format!("a|{} 20", "x".repeat(17)));
    }
}
