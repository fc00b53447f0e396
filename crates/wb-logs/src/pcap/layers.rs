//! From a frame to a [`Segment`]: link layer, IP, TCP or UDP.
//!
//! Written by hand: the library that fits, `etherparse` 0.21, reads behind the end of its input on mutated
//! extension headers of IPv6 (an unchecked index in `Ipv6ExtensionSliceIter`).

use std::net::IpAddr;
use wb_core::Bytes;

/// Extension headers of IPv6 that are followed.
const MOST_EXTENSIONS: usize = 16;

/// A packet of IP.
pub(super) struct Segment<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// 0 where the transport has none.
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) transport: Transport,
    /// What was captured of the payload.
    pub(super) payload: &'a [u8],
    /// Bytes of payload on the wire.
    pub(super) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp {
        sequence: u32,
        syn: bool,
        ack: bool,
        fin: bool,
        rst: bool,
    },
    Udp,
    Icmp,
    /// Another protocol, by its number.
    Other(u8),
}

/// What a frame turned out to be.
pub(super) enum Frame<'a> {
    Segment(Segment<'a>),
    /// A later fragment of a packet: it has no ports.
    Fragment,
    /// No IP: ARP, spanning tree and the like.
    Other,
    /// Its headers are cut or broken.
    Broken,
    /// A link layer that is not read.
    UnknownLink,
}

/// Reads a frame of the link type `link`.
pub(super) fn frame(link: u32, data: &[u8]) -> Frame<'_> {
    let bytes = Bytes::new(data);
    match link {
        1 => ether(bytes, 12),
        // Linux cooked capture, and its second version.
        113 => ether(bytes, 14),
        276 => match be16(bytes, 0) {
            Some(kind) => tagged(bytes, kind, 20),
            None => Frame::Broken,
        },
        // BSD loopback: the address family, in the order of the host that wrote it or of the network.
        0 | 108 => internet(bytes.from(4)),
        // Raw IP, under the numbers of several systems.
        12 | 14 | 101 | 228 | 229 => internet(bytes),
        _ => Frame::UnknownLink,
    }
}

fn be16(bytes: Bytes<'_>, at: usize) -> Option<u16> {
    bytes.array(at).map(u16::from_be_bytes)
}

/// A frame whose EtherType stands at `at`, right before what it carries.
fn ether(bytes: Bytes<'_>, at: usize) -> Frame<'_> {
    match be16(bytes, at) {
        Some(kind) => tagged(bytes, kind, at.saturating_add(2)),
        None => Frame::Broken,
    }
}

/// What an EtherType announces at `at`: up to four tags of virtual LANs, a PPPoE session, then IP.
fn tagged(bytes: Bytes<'_>, mut kind: u16, mut at: usize) -> Frame<'_> {
    for _ in 0..4 {
        match kind {
            0x0800 | 0x86dd => return internet(bytes.from(at)),
            0x8100 | 0x88a8 | 0x9100 => {
                let Some(inner) = be16(bytes, at.saturating_add(2)) else { return Frame::Broken };
                kind = inner;
                at = at.saturating_add(4);
            }
            // RFC 2516: six bytes, then the protocol of PPP.
            0x8864 => {
                return match be16(bytes, at.saturating_add(6)) {
                    Some(0x0021 | 0x0057) => internet(bytes.from(at.saturating_add(8))),
                    Some(_) => Frame::Other,
                    None => Frame::Broken,
                };
            }
            _ => return Frame::Other,
        }
    }
    Frame::Other
}

/// What an IP header says.
struct Header<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// Position among fragments, in units of eight bytes.
    fragment: u16,
    /// What was captured of the payload.
    payload: Bytes<'a>,
    /// Bytes of payload on the wire.
    length: usize,
}

fn internet(bytes: Bytes<'_>) -> Frame<'_> {
    let header = match bytes.byte(0).map(|first| first >> 4) {
        Some(4) => version4(bytes),
        Some(6) => version6(bytes),
        _ => None,
    };
    match header {
        None => Frame::Broken,
        Some(header) if header.fragment > 0 => Frame::Fragment,
        Some(header) => transport(&header).map_or(Frame::Broken, Frame::Segment),
    }
}

/// RFC 791, section 3.1.
fn version4(bytes: Bytes<'_>) -> Option<Header<'_>> {
    let own = usize::from(bytes.byte(0)? & 15).checked_mul(4).filter(|own| *own >= 20)?;
    let total = usize::from(be16(bytes, 2)?);
    // A card that cuts packets itself leaves the length empty.
    let length = if total == 0 { bytes.len().checked_sub(own)? } else { total.checked_sub(own)? };
    Some(Header {
        source: IpAddr::from(bytes.array::<4>(12)?),
        destination: IpAddr::from(bytes.array::<4>(16)?),
        protocol: bytes.byte(9)?,
        fragment: be16(bytes, 6)? & 0x1fff,
        payload: bytes.from(own).head(length),
        length,
    })
}

/// RFC 8200, sections 3 and 4: extension headers up to the one that is none.
fn version6(bytes: Bytes<'_>) -> Option<Header<'_>> {
    let total = usize::from(be16(bytes, 4)?);
    let total = if total == 0 { bytes.len().checked_sub(40)? } else { total };
    let payload = bytes.from(40).head(total);
    let mut protocol = bytes.byte(6)?;
    let mut fragment = 0;
    let mut at = 0_usize;
    for _ in 0..MOST_EXTENSIONS {
        let len = match protocol {
            // Hop-by-hop options, routing, destination options, mobility, HIP, Shim6.
            0 | 43 | 60 | 135 | 139 | 140 => {
                usize::from(payload.byte(at.checked_add(1)?)?).checked_add(1)?.checked_mul(8)?
            }
            44 => {
                fragment = be16(payload, at.checked_add(2)?)? >> 3;
                8
            }
            // The authentication header counts in units of four bytes (RFC 4302).
            51 => usize::from(payload.byte(at.checked_add(1)?)?).checked_add(2)?.checked_mul(4)?,
            _ => break,
        };
        protocol = payload.byte(at)?;
        at = at.checked_add(len)?;
        if fragment > 0 {
            break;
        }
    }
    Some(Header {
        source: IpAddr::from(bytes.array::<16>(8)?),
        destination: IpAddr::from(bytes.array::<16>(24)?),
        protocol,
        fragment,
        payload: payload.from(at),
        length: total.checked_sub(at)?,
    })
}

/// TCP (RFC 9293, section 3.1), UDP (RFC 768), and others without ports.
fn transport<'a>(header: &Header<'a>) -> Option<Segment<'a>> {
    let inner = header.payload;
    let mut segment = Segment {
        source: header.source,
        destination: header.destination,
        source_port: 0,
        destination_port: 0,
        transport: Transport::Other(header.protocol),
        payload: inner.as_slice(),
        length: header.length as u64,
    };
    let own = match header.protocol {
        6 => {
            let flags = inner.byte(13)?;
            let flag = |bit: u8| flags & bit != 0;
            segment.transport = Transport::Tcp {
                sequence: inner.u32_be(4)?,
                fin: flag(1),
                syn: flag(2),
                rst: flag(4),
                ack: flag(16),
            };
            usize::from(inner.byte(12)? >> 4).checked_mul(4).filter(|own| *own >= 20)?
        }
        17 => {
            segment.transport = Transport::Udp;
            8
        }
        1 | 58 => {
            segment.transport = Transport::Icmp;
            return Some(segment);
        }
        _ => return Some(segment),
    };
    segment.source_port = be16(inner, 0)?;
    segment.destination_port = be16(inner, 2)?;
    segment.payload = inner.from(own).as_slice();
    segment.length = header.length.checked_sub(own)? as u64;
    Some(segment)
}
