//! [`Application`]: what is spoken over a connection, from its first bytes.

use super::dns::{self, Message};
use super::http::{self, Head, Request, Response};
use super::stream::Piece;
use super::tls::{self, Beginning, ClientHello};

/// First bytes of a side that are kept until it is known what it speaks.
const LONGEST_BEGINNING: usize = 20 << 10;

/// Longest DNS message over TCP.
const LONGEST_MESSAGE: usize = 16 << 10;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Something that was said.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Hello(Box<ClientHello>),
    Request(Request),
    Response(Response),
    Dns(Message),
    /// The protocol is known, and nothing more is read of it.
    Protocol(&'static str),
    /// The side that spoke is the server, or the client.
    Role(Side),
}

/// What is spoken over a connection.
#[derive(Debug)]
pub(super) enum Application {
    /// Not known yet: the first bytes of both sides.
    Unknown { client: Vec<u8>, server: Vec<u8> },
    /// HTTP/1.
    Http { client: Box<http::Reader>, server: Box<http::Reader> },
    /// DNS over TCP: what is left of a message.
    Dns { client: Vec<u8>, server: Vec<u8> },
    /// Nothing more is read.
    Done,
}

impl Application {
    pub(super) fn over_tcp(port: u16) -> Self {
        match port {
            53 => Self::Dns { client: Vec::new(), server: Vec::new() },
            _ => Self::Unknown { client: Vec::new(), server: Vec::new() },
        }
    }

    /// Whether more bytes can tell more.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Bytes held in memory.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Unknown { client, server } | Self::Dns { client, server } => {
                client.len().saturating_add(server.len())
            }
            Self::Http { client, server } => client.held().saturating_add(server.held()),
            Self::Done => 0,
        }
    }

    /// Takes the next piece of a side.
    pub(super) fn take(&mut self, side: Side, piece: &Piece<'_>, on: &mut dyn FnMut(Said)) {
        let data = match piece {
            Piece::Data(data) => *data,
            Piece::Gap => return self.gap(side, on),
        };
        match self {
            Self::Unknown { client, server } => {
                let own = match side {
                    Side::Client => client,
                    Side::Server => server,
                };
                let room = LONGEST_BEGINNING.saturating_sub(own.len());
                own.extend_from_slice(data.get(..data.len().min(room)).unwrap_or(data));
                self.decide(side, on);
            }
            Self::Http { client, server } => {
                let own = match side {
                    Side::Client => client,
                    Side::Server => server,
                };
                own.push(data, &mut |head| on(said(head)));
            }
            Self::Dns { client, server } => {
                let own = match side {
                    Side::Client => client,
                    Side::Server => server,
                };
                own.extend_from_slice(data);
                if !messages(own, on) {
                    *self = Self::Done;
                }
            }
            Self::Done => {}
        }
    }

    /// Bytes of a side are missing.
    fn gap(&mut self, side: Side, on: &mut dyn FnMut(Said)) {
        match (self, side) {
            (Self::Http { client, .. }, Side::Client) => client.gap(&mut |head| on(said(head))),
            (Self::Http { server, .. }, Side::Server) => server.gap(&mut |head| on(said(head))),
            (unsure, _) => *unsure = Self::Done,
        }
    }

    /// The connection ends.
    pub(super) fn finish(&mut self, on: &mut dyn FnMut(Said)) {
        if let Self::Http { client, server } = self {
            client.finish(&mut |head| on(said(head)));
            server.finish(&mut |head| on(said(head)));
        }
        *self = Self::Done;
    }

    /// Looks at the first bytes of `side`.
    fn decide(&mut self, side: Side, on: &mut dyn FnMut(Said)) {
        let Self::Unknown { client, server } = self else { return };
        let first = match side {
            Side::Client => &*client,
            Side::Server => &*server,
        };
        let hello = tls::beginning(first);
        let web = http::speaks(first);
        if let Beginning::Hello(hello) = hello {
            on(Said::Role(match side {
                Side::Client => Side::Client,
                Side::Server => Side::Server,
            }));
            on(Said::Hello(hello));
            *self = Self::Done;
        } else if web == Some(true) {
            let answers = first.starts_with(b"HTTP");
            on(Said::Role(match (side, answers) {
                (Side::Client, false) | (Side::Server, true) => Side::Client,
                _ => Side::Server,
            }));
            on(Said::Protocol("http"));
            let (first, second) = (std::mem::take(client), std::mem::take(server));
            *self = Self::Http { client: Box::default(), server: Box::default() };
            self.take(Side::Client, &Piece::Data(&first), on);
            self.take(Side::Server, &Piece::Data(&second), on);
        } else if first.starts_with(b"SSH-") {
            on(Said::Protocol("ssh"));
            *self = Self::Done;
        } else if hello == Beginning::Other && web == Some(false) {
            // A server may greet before the client says what it wants.
            let more = side == Side::Server && client.is_empty() && server.len() < 512;
            let greeted = side == Side::Client && first.len() < 4;
            if !more && !greeted {
                *self = Self::Done;
            }
        }
    }

    /// A tunnel was opened: what comes now is another conversation.
    pub(super) fn begin_again(&mut self) {
        *self = Self::Unknown { client: Vec::new(), server: Vec::new() };
    }
}

fn said(head: Head) -> Said {
    match head {
        Head::Request(request) => Said::Request(request),
        Head::Response(response) => Said::Response(response),
    }
}

/// Takes whole messages off the front, each behind its length (RFC 7766); false when it is no DNS.
fn messages(held: &mut Vec<u8>, on: &mut dyn FnMut(Said)) -> bool {
    while let Some(&[high, low]) = held.first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len > LONGEST_MESSAGE {
            return false;
        }
        let end = len.saturating_add(2);
        let Some(message) = held.get(2..end) else { return true };
        match dns::read(message) {
            Some(message) => on(Said::Dns(message)),
            None => return false,
        }
        held.drain(..end);
    }
    true
}
