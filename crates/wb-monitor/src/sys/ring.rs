//! The ring buffer between programs in the kernel and this process (`Documentation/bpf/ringbuf.rst`).

use super::bpf::Map;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A ring buffer, mapped.
#[derive(Debug)]
pub(crate) struct Ring {
    consumer: NonNull<u8>,
    producer: NonNull<u8>,
    page: usize,
    size: usize,
}

// SAFETY: the pages belong to the ring alone, and reading it needs `&mut self`.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring buffer `map`.
    pub(crate) fn new(map: &Map) -> io::Result<Self> {
        let (page, size) = (super::host::page_size(), map.entries as usize);
        let consumer = map_pages(map, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let offset = i64::try_from(page).map_err(io::Error::other)?;
        let producer =
            map_pages(map, page + 2 * size, libc::PROT_READ, offset).inspect_err(|_| {
                unmap(consumer, page);
            })?;
        Ok(Self { consumer, producer, page, size })
    }

    /// Hands records that are complete to `each`, at most `most` of them. Returns how many there were.
    pub(crate) fn drain(&mut self, most: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        let mut count = 0;
        // SAFETY: both positions lie at the beginning of their pages, which are aligned.
        let (consumer, producer) = unsafe {
            (self.consumer.cast::<AtomicU64>().as_ref(), self.producer.cast::<AtomicU64>().as_ref())
        };
        let mut position = consumer.load(Ordering::Relaxed);
        while count < most && position < producer.load(Ordering::Acquire) {
            let Some(record) = self.record(position) else { break };
            let length = record.len();
            if record.kept {
                each(record.bytes);
                count += 1;
            }
            position += (length as u64 + 8).next_multiple_of(8);
            consumer.store(position, Ordering::Release);
        }
        count
    }

    /// The record at `position`; none while the kernel is still writing it.
    fn record(&self, position: u64) -> Option<Record<'_>> {
        const BUSY: u32 = 1 << 31;
        const DISCARD: u32 = 1 << 30;
        let at = usize::try_from(position & (self.size as u64 - 1)).ok()?;
        // SAFETY: `at` is below the size; the data is mapped twice in a row, so that a record that runs over
        // the end lies there in one piece. Its length is checked against the size before it is used.
        unsafe {
            let header = self.producer.add(self.page).add(at);
            let word = header.cast::<AtomicU32>().as_ref().load(Ordering::Acquire);
            let length = (word & !(BUSY | DISCARD)) as usize;
            if word & BUSY != 0 || length > self.size {
                return None;
            }
            let bytes = std::slice::from_raw_parts(header.add(8).as_ptr(), length);
            Some(Record { bytes, kept: word & DISCARD == 0 })
        }
    }
}

struct Record<'a> {
    bytes: &'a [u8],
    kept: bool,
}

impl Record<'_> {
    fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        unmap(self.consumer, self.page);
        unmap(self.producer, self.page + 2 * self.size);
    }
}

fn map_pages(map: &Map, length: usize, protection: i32, offset: i64) -> io::Result<NonNull<u8>> {
    let fd = map.fd.as_raw_fd();
    // SAFETY: a new mapping at an address of the kernel's choice.
    let place = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, fd, offset)
    };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(place.cast()).ok_or_else(|| io::Error::other("nothing was mapped"))
}

fn unmap(place: NonNull<u8>, length: usize) {
    // SAFETY: mapped by `map_pages` with this length, and not used after this.
    unsafe { libc::munmap(place.as_ptr().cast(), length) };
}
