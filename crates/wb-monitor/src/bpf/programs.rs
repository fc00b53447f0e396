//! The programs, as assembled text. Each is a few dozen instructions and is read from top to bottom.

use super::assemble::Reg::{Fp, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9};
use super::assemble::Size::{Byte, Double, Half, Word};
use super::assemble::{Alu, Assembler, Helper, Label, When};
use super::event::{self, at};
use super::types::Offsets;
use crate::sys::bpf::{Hook, Map};
use std::os::fd::AsRawFd as _;

/// Maps that all programs share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a> {
    /// Events on their way to user space.
    pub(crate) ring: &'a Map,
    /// Counters of events that did not fit: see [`LOST_CONNECTIONS`] and [`LOST_OTHERS`].
    pub(crate) lost: &'a Map,
}

/// The counter of connections that did not fit.
pub(crate) const LOST_CONNECTIONS: i32 = 0;
/// The counter of all other events that did not fit.
pub(crate) const LOST_OTHERS: i32 = 1;

/// Maps of one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceMaps<'a> {
    /// One entry: see [`super::control`].
    pub(crate) control: &'a Map,
    /// Allowed IPv4 networks: see [`super::allow`].
    pub(crate) allow4: &'a Map,
    /// Allowed IPv6 networks.
    pub(crate) allow6: &'a Map,
    /// Bytes sent by destination.
    pub(crate) peers: &'a Map,
}

/// Where a destination's key lies on the stack: length of prefix, port, two zeros, address.
const KEY: i16 = -64;
/// The destination's key in the map of peers: address (16 bytes), port, two zeros.
const PEER: i16 = -96;
/// New entry of a peer: bytes and packets.
const COUNTS: i16 = -112;
/// The zero that is the key of maps with one entry.
const ZERO: i16 = -8;

/// Judges an address given to connect or sendmsg, records the attempt, and lets it through or not.
pub(crate) fn address(
    hook: Hook,
    service: i32,
    shared: Shared<'_>,
    maps: ServiceMaps<'_>,
) -> Vec<u64> {
    let mut asm = Assembler::default();
    let v6 = matches!(hook, Hook::Connect6 | Hook::Sendmsg6);
    let [decided, lost, out] = [asm.label(), asm.label(), asm.label()];
    // R6 the context, R7 whether it may pass, R8 whether it is allowed, R9 the control entry.
    asm.copy(R6, R1).set(R7, 1).set(R8, 0).store_value(Word, Fp, ZERO, 0);
    lookup(&mut asm, maps.control, ZERO);
    asm.copy(R9, R0);
    keys(&mut asm, v6);
    judge(&mut asm, v6, maps);
    // Enforce when the policy says so and somebody is there, or the policy holds without anybody.
    asm.jump(When::NotEqual, R8, 0, decided).jump(When::Equal, R9, 0, decided);
    asm.load(Word, R1, R9, super::control::ENFORCE).jump(When::Equal, R1, 0, decided);
    let block = asm.label();
    asm.load(Word, R1, R9, super::control::FAIL_CLOSED).jump(When::NotEqual, R1, 0, block);
    asm.call(Helper::BootTime).load(Double, R1, R9, super::control::ALIVE_UNTIL);
    asm.jump_reg(When::Greater, R0, R1, decided);
    asm.place(block).set(R7, 0).place(decided);
    peer(&mut asm, maps.peers);
    reserve(&mut asm, shared.ring, event::HEAD, lost);
    asm.copy(R9, R0);
    head(&mut asm, event::CONNECT, service);
    asm.load(Word, R1, R6, 24).store(Half, R9, at::PORT, R1);
    asm.store_value(Half, R9, at::FAMILY, if v6 { 10 } else { 2 });
    asm.store(Word, R9, at::PASSED, R7).store(Word, R9, at::ALLOWED, R8);
    asm.load(Word, R1, R6, 36).store(Word, R9, at::PROTOCOL, R1);
    asm.store_value(Word, R9, at::HOOK, hook as i32);
    for word in 0..4 {
        asm.load(Word, R1, Fp, PEER + word * 4).store(Word, R9, at::ADDRESS + word * 4, R1);
    }
    submit(&mut asm);
    asm.go(out).place(lost);
    count_lost(&mut asm, shared.lost, LOST_CONNECTIONS);
    asm.place(out).copy(R0, R7).exit();
    asm.finish()
}

/// Writes both keys of the destination: addresses in the peers' key are IPv6, mapped if need be.
fn keys(asm: &mut Assembler, v6: bool) {
    for word in 0..5 {
        asm.store_value(Word, Fp, PEER + word * 4, 0);
    }
    asm.load(Word, R2, R6, 24).store(Half, Fp, PEER + 16, R2);
    asm.store_value(Word, Fp, KEY + 4, 0).store(Half, Fp, KEY + 4, R2);
    if v6 {
        for word in 0..4 {
            asm.load(Word, R1, R6, 8 + word * 4);
            asm.store(Word, Fp, PEER + word * 4, R1).store(Word, Fp, KEY + 8 + word * 4, R1);
        }
        asm.store_value(Word, Fp, KEY, 32 + 128);
    } else {
        asm.store_value(Word, Fp, PEER + 8, 0xffff_0000_u32.cast_signed());
        asm.load(Word, R1, R6, 4).store(Word, Fp, PEER + 12, R1).store(Word, Fp, KEY + 8, R1);
        asm.store_value(Word, Fp, KEY, 32 + 32);
    }
}

/// Sets R8 when the destination is allowed: with its port, or with any port.
fn judge(asm: &mut Assembler, v6: bool, maps: ServiceMaps<'_>) {
    let done = asm.label();
    if v6 {
        // An IPv4 address in the clothes of IPv6 is judged as the IPv4 address it is.
        let native = asm.label();
        asm.load(Double, R1, Fp, PEER).jump(When::NotEqual, R1, 0, native);
        asm.load(Word, R1, Fp, PEER + 8).set_wide(R2, 0xffff_0000);
        asm.jump_reg(When::NotEqual, R1, R2, native);
        asm.load(Word, R1, Fp, PEER + 12).store(Word, Fp, KEY + 8, R1);
        asm.store_value(Word, Fp, KEY, 32 + 32);
        twice(asm, maps.allow4, done);
        asm.go(done).place(native);
        twice(asm, maps.allow6, done);
    } else {
        twice(asm, maps.allow4, done);
    }
    asm.place(done);
}

/// Looks the key up with its port and then without.
fn twice(asm: &mut Assembler, allow: &Map, done: Label) {
    once(asm, allow, done);
    asm.store_value(Word, Fp, KEY + 4, 0);
    once(asm, allow, done);
}

/// Looks the key up; an entry that has not expired sets R8 and ends the search.
fn once(asm: &mut Assembler, allow: &Map, done: Label) {
    let [missing, valid] = [asm.label(), asm.label()];
    lookup(asm, allow, KEY);
    asm.jump(When::Equal, R0, 0, missing);
    asm.load(Double, R8, R0, 0).jump(When::Equal, R8, 0, valid);
    asm.call(Helper::BootTime).jump_reg(When::Greater, R8, R0, valid);
    asm.place(missing).set(R8, 0);
    let end = asm.label();
    asm.go(end).place(valid).set(R8, 1).go(done).place(end);
}

/// Begins to count bytes sent to the destination.
fn peer(asm: &mut Assembler, peers: &Map) {
    asm.store_value(Double, Fp, COUNTS, 0).store_value(Double, Fp, COUNTS + 8, 0);
    asm.map(R1, peers.fd.as_raw_fd()).address(R2, Fp, PEER.into());
    // Only when it is not there yet (BPF_NOEXIST).
    asm.address(R3, Fp, COUNTS.into()).set(R4, 1).call(Helper::MapUpdate);
}

/// Records that a process replaced its program, with its arguments.
pub(crate) fn exec(shared: Shared<'_>, offsets: Option<Offsets>) -> Vec<u64> {
    let mut asm = Assembler::default();
    let [lost, out] = [asm.label(), asm.label()];
    reserve(&mut asm, shared.ring, event::HEAD + event::ARGUMENTS, lost);
    asm.copy(R9, R0);
    head(&mut asm, event::EXEC, 0);
    asm.store_value(Word, R9, at::LENGTH, 0);
    let plain = asm.label();
    if let Some(offsets) = offsets {
        asm.call(Helper::CurrentTask).copy(R8, R0);
        read_kernel(&mut asm, -16, 8, R8, offsets.task_parent);
        asm.load(Double, R7, Fp, -16);
        read_kernel(&mut asm, -16, 4, R7, offsets.task_tgid);
        asm.load(Word, R1, Fp, -16).store(Word, R9, at::PARENT, R1);
        read_kernel(&mut asm, -16, 8, R8, offsets.task_mm);
        asm.load(Double, R8, Fp, -16);
        read_kernel(&mut asm, -16, 8, R8, offsets.mm_arg_start);
        read_kernel(&mut asm, -24, 8, R8, offsets.mm_arg_end);
        asm.load(Double, R6, Fp, -16).load(Double, R7, Fp, -24);
        asm.alu_reg(Alu::Sub, R7, R6);
        let fits = asm.label();
        asm.jump(When::Less, R7, event::ARGUMENTS, fits).set(R7, event::ARGUMENTS);
        asm.place(fits).jump(When::Equal, R7, 0, plain);
        asm.address(R1, R9, event::HEAD).copy(R2, R7).copy(R3, R6).call(Helper::ReadUser);
        asm.jump(When::NotEqual, R0, 0, plain).store(Word, R9, at::LENGTH, R7);
    }
    asm.place(plain);
    submit(&mut asm);
    asm.go(out).place(lost);
    count_lost(&mut asm, shared.lost, LOST_OTHERS);
    asm.place(out).set(R0, 0).exit();
    asm.finish()
}

/// Records that a process was made: the child and its parent. Threads are passed over.
pub(crate) fn fork(shared: Shared<'_>, offsets: Offsets) -> Vec<u64> {
    let mut asm = Assembler::default();
    let [lost, out] = [asm.label(), asm.label()];
    asm.load(Double, R8, R1, 8);
    read_kernel(&mut asm, -16, 4, R8, offsets.task_tgid);
    read_kernel(&mut asm, -24, 4, R8, offsets.task_pid);
    asm.load(Word, R7, Fp, -16).load(Word, R1, Fp, -24);
    asm.jump_reg(When::NotEqual, R1, R7, out);
    reserve(&mut asm, shared.ring, event::HEAD, lost);
    asm.copy(R9, R0);
    head(&mut asm, event::FORK, 0);
    asm.load(Word, R1, R9, at::TGID).store(Word, R9, at::PARENT, R1);
    asm.store(Word, R9, at::TGID, R7);
    submit(&mut asm);
    asm.go(out).place(lost);
    count_lost(&mut asm, shared.lost, LOST_OTHERS);
    asm.place(out).set(R0, 0).exit();
    asm.finish()
}

/// Records that a process ended. Threads that are not its first are passed over.
pub(crate) fn exit(shared: Shared<'_>) -> Vec<u64> {
    let mut asm = Assembler::default();
    let [lost, out] = [asm.label(), asm.label()];
    asm.call(Helper::CurrentPidTgid).copy(R7, R0).alu(Alu::ShiftRight, R7, 32);
    asm.alu(Alu::ShiftLeft, R0, 32).alu(Alu::ShiftRight, R0, 32);
    asm.jump_reg(When::NotEqual, R0, R7, out);
    reserve(&mut asm, shared.ring, event::HEAD, lost);
    asm.copy(R9, R0);
    head(&mut asm, event::EXIT, 0);
    submit(&mut asm);
    asm.go(out).place(lost);
    count_lost(&mut asm, shared.lost, LOST_OTHERS);
    asm.place(out).set(R0, 0).exit();
    asm.finish()
}

/// Copies answers of name servers to user space: UDP from port 53, over IPv4 without options or IPv6 without
/// extension headers. Packets are never held back.
pub(crate) fn answers(service: i32, shared: Shared<'_>) -> Vec<u64> {
    let mut asm = Assembler::default();
    let [lost, out] = [asm.label(), asm.label()];
    asm.copy(R6, R1);
    transport(&mut asm, 0, 17, out);
    asm.jump(When::NotEqual, R1, 53, out);
    // What follows the header of UDP, as much of it as fits.
    asm.alu(Alu::Add, R7, 8).load(Word, R8, R6, 0);
    asm.jump_reg(When::Greater, R7, R8, out).alu_reg(Alu::Sub, R8, R7);
    let fits = asm.label();
    asm.jump(When::Less, R8, event::PACKET, fits).set(R8, event::PACKET).place(fits);
    asm.jump(When::Less, R8, 12, out);
    reserve(&mut asm, shared.ring, event::HEAD + event::PACKET, lost);
    asm.copy(R9, R0);
    asm.store_value(Word, R9, at::KIND, event::ANSWER).store_value(Word, R9, at::SERVICE, service);
    asm.call(Helper::BootTime).store(Double, R9, at::TIME, R0);
    asm.store_value(Word, R9, at::LENGTH, 0);
    asm.copy(R1, R6).copy(R2, R7).address(R3, R9, event::HEAD).copy(R4, R8);
    asm.call(Helper::SkbLoadBytes);
    let plain = asm.label();
    asm.jump(When::NotEqual, R0, 0, plain).store(Word, R9, at::LENGTH, R8).place(plain);
    submit(&mut asm);
    asm.go(out).place(lost);
    count_lost(&mut asm, shared.lost, LOST_OTHERS);
    asm.place(out).set(R0, 1).exit();
    asm.finish()
}

/// Adds the bytes of packets to the destinations that somebody connected to.
pub(crate) fn bytes_sent(maps: ServiceMaps<'_>) -> Vec<u64> {
    let mut asm = Assembler::default();
    let [v6, ready, out] = [asm.label(), asm.label(), asm.label()];
    asm.copy(R6, R1);
    for word in 0..5 {
        asm.store_value(Word, Fp, PEER + word * 4, 0);
    }
    transport(&mut asm, 2, 0, out);
    // The port again, in the network's order, beside the address.
    asm.load(Half, R1, Fp, -16).store(Half, Fp, PEER + 16, R1);
    asm.load(Word, R1, R6, 16).jump(When::Equal, R1, 0xdd86, v6);
    asm.store_value(Word, Fp, PEER + 8, 0xffff_0000_u32.cast_signed());
    load_packet(&mut asm, None, 16, PEER + 12, 4, out);
    asm.go(ready).place(v6);
    load_packet(&mut asm, None, 24, PEER, 16, out);
    asm.place(ready);
    lookup(&mut asm, maps.peers, PEER);
    asm.jump(When::Equal, R0, 0, out).load(Word, R1, R6, 0).add_atomic(R0, 0, R1);
    asm.set(R1, 1).add_atomic(R0, 8, R1);
    asm.place(out).set(R0, 1).exit();
    asm.finish()
}

/// Finds the header above IP: its offset in R7 and, in R1, the port that lies `port` bytes into it. Leaves to
/// `out` when it is neither TCP nor UDP, or not `only`.
fn transport(asm: &mut Assembler, port: i32, only: i32, out: Label) {
    let [v6, found, known] = [asm.label(), asm.label(), asm.label()];
    asm.load(Word, R1, R6, 16).jump(When::Equal, R1, 0xdd86, v6);
    asm.jump(When::NotEqual, R1, 0x0008, out);
    load_packet(asm, None, 0, -16, 1, out);
    asm.load(Byte, R7, Fp, -16).alu(Alu::And, R7, 15).alu(Alu::ShiftLeft, R7, 2);
    load_packet(asm, None, 9, -16, 1, out);
    asm.load(Byte, R8, Fp, -16).go(found).place(v6).set(R7, 40);
    load_packet(asm, None, 6, -16, 1, out);
    asm.load(Byte, R8, Fp, -16).place(found);
    if only == 0 {
        asm.jump(When::Equal, R8, 6, known).jump(When::Equal, R8, 17, known).go(out);
    } else {
        asm.jump(When::NotEqual, R8, only, out);
    }
    asm.place(known);
    load_packet(asm, Some(port), 0, -16, 2, out);
    asm.load(Half, R1, Fp, -16).swap_half(R1);
}

/// Loads bytes of the packet to the stack: at a fixed place, or `after` bytes behind R7.
fn load_packet(
    asm: &mut Assembler,
    after: Option<i32>,
    place: i32,
    stack: i16,
    length: i32,
    out: Label,
) {
    asm.copy(R1, R6);
    match after {
        Some(after) => asm.address(R2, R7, after),
        None => asm.set(R2, place),
    };
    asm.address(R3, Fp, stack.into()).set(R4, length).call(Helper::SkbLoadBytes);
    asm.jump(When::NotEqual, R0, 0, out);
}

/// R0 = the entry of `map` whose key is on the stack.
fn lookup(asm: &mut Assembler, map: &Map, key: i16) {
    asm.map(R1, map.fd.as_raw_fd()).address(R2, Fp, key.into()).call(Helper::MapLookup);
}

/// R0 = room for a record of `size` bytes; leaves to `lost` when there is none.
fn reserve(asm: &mut Assembler, ring: &Map, size: i32, lost: Label) {
    asm.map(R1, ring.fd.as_raw_fd()).set(R2, size).set(R3, 0).call(Helper::RingReserve);
    asm.jump(When::Equal, R0, 0, lost);
}

/// Hands the record at R9 over.
fn submit(asm: &mut Assembler) {
    asm.copy(R1, R9).set(R2, 0).call(Helper::RingSubmit);
}

/// Writes who and when into the record at R9.
fn head(asm: &mut Assembler, kind: i32, service: i32) {
    asm.store_value(Word, R9, at::KIND, kind).store_value(Word, R9, at::SERVICE, service);
    asm.store_value(Word, R9, at::PARENT, 0);
    asm.call(Helper::CurrentPidTgid).store(Word, R9, at::TID, R0);
    asm.alu(Alu::ShiftRight, R0, 32).store(Word, R9, at::TGID, R0);
    asm.call(Helper::BootTime).store(Double, R9, at::TIME, R0);
    asm.call(Helper::CurrentCgroup).store(Double, R9, at::CGROUP, R0);
    asm.call(Helper::CurrentUidGid).store(Word, R9, at::USER, R0);
    asm.address(R1, R9, at::COMM.into()).set(R2, 16).call(Helper::CurrentComm);
}

/// Copies `size` bytes at `base + offset` of the kernel to the stack; zeros when it cannot be read.
fn read_kernel(
    asm: &mut Assembler,
    stack: i16,
    size: i32,
    base: super::assemble::Reg,
    offset: i32,
) {
    asm.store_value(Double, Fp, stack, 0);
    asm.address(R3, base, offset).address(R1, Fp, stack.into()).set(R2, size);
    asm.call(Helper::ReadKernel);
}

/// Counts a record that found no room.
fn count_lost(asm: &mut Assembler, lost: &Map, counter: i32) {
    let end = asm.label();
    asm.store_value(Word, Fp, ZERO, counter);
    lookup(asm, lost, ZERO);
    asm.jump(When::Equal, R0, 0, end).set(R5, 1).add_atomic(R0, 0, R5).place(end);
}
