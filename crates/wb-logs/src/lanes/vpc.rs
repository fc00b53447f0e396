//! Rows of VPC flow logs, by the columns of their header.

use super::Light;
use crate::labels::transport;
use crate::stamp::epoch;
use crate::tokens::address;
use std::borrow::Cow;
use wb_core::EventKind;

/// Where the columns are that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    roles: Vec<Role>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Source,
    Destination,
    SourcePacket,
    DestinationPacket,
    Port,
    Protocol,
    Bytes,
    Start,
    Action,
    Interface,
    Other,
}

impl Columns {
    /// The columns called `names`.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let role = |name| match name {
            "srcaddr" => Role::Source,
            "dstaddr" => Role::Destination,
            "pkt-srcaddr" => Role::SourcePacket,
            "pkt-dstaddr" => Role::DestinationPacket,
            "dstport" => Role::Port,
            "protocol" => Role::Protocol,
            "bytes" => Role::Bytes,
            "start" => Role::Start,
            "action" => Role::Action,
            "interface-id" => Role::Interface,
            _ => Role::Other,
        };
        Self { roles: names.map(role).collect() }
    }

    /// Reads a row.
    pub(crate) fn row<'a>(&self, text: &'a str) -> Option<Light<'a>> {
        let mut values = text.split_ascii_whitespace();
        let mut stamp = None;
        let (mut source, mut destination, mut packet) = (None, None, (None, None));
        let (mut port, mut protocol, mut bytes, mut action) = (None, "", None, "");
        for (role, value) in self.roles.iter().zip(values.by_ref()) {
            match role {
                Role::Other => {}
                _ if value == "-" => {}
                Role::Source => source = Some(value),
                Role::Destination => destination = Some(value),
                Role::SourcePacket => packet.0 = Some(value),
                Role::DestinationPacket => packet.1 = Some(value),
                Role::Port => port = value.parse().ok(),
                Role::Protocol => protocol = value,
                Role::Bytes => bytes = value.parse().ok(),
                Role::Start => stamp = epoch(value),
                Role::Action => action = value,
                Role::Interface => {}
            }
        }
        let blocked = match action {
            "ACCEPT" => false,
            "REJECT" => true,
            _ => return None,
        };
        if values.next().is_some() {
            return None;
        }
        let kind = if blocked { EventKind::Block } else { EventKind::Connect };
        let mut light = Light::new("vpc-flow", kind, stamp?.0);
        light.source = canonical(packet.0.or(source)?)?;
        light.destination = canonical(packet.1.or(destination)?)?;
        light.port = port;
        light.transport = Cow::Borrowed(transport(protocol));
        light.bytes_out = bytes;
        light.blocked = blocked;
        Some(light)
    }
}

/// An address as [`address`] writes it: IPv4 in dots is so already.
pub(super) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(_) => Some(Cow::Borrowed(text)),
        Err(_) => address(text).map(Cow::Owned),
    }
}
