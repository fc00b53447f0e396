//! [`Connection`]: two ends, what each sent, and what they said.

use super::application::{Application, Said, Side};
use super::dns::{self, Message};
use super::http::Request;
use super::layers::{Segment, Transport};
use super::report::{self, Moment, Reporter};
use super::stream::Stream;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Questions and requests that wait for their answer, per connection at the most.
const MOST_PENDING: usize = 64;

/// One end of a connection.
pub(super) type End = (IpAddr, u16);

/// How a connection went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Number of the client's first SYN.
    pub(super) begun: Option<u32>,
    /// Whether the server agreed.
    pub(super) agreed: bool,
    /// Whether each side said its last.
    pub(super) ended: [bool; 2],
    /// Whether it was reset, and whether by the server before it agreed.
    pub(super) reset: bool,
    pub(super) refused: bool,
}

/// A connection, or a conversation of datagrams.
pub(super) struct Connection {
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) client: End,
    pub(super) server: End,
    pub(super) transport: Transport,
    pub(super) up: Stream,
    pub(super) down: Stream,
    /// Bytes of whole frames.
    pub(super) wire: u64,
    pub(super) progress: Progress,
    pub(super) host: Option<String>,
    pub(super) protocol: Option<&'static str>,
    application: Application,
    requests: VecDeque<(Request, Moment)>,
    questions: VecDeque<(Message, Moment)>,
}

impl Connection {
    /// Begins with the segment that was seen first.
    pub(super) fn begin(segment: &Segment<'_>, moment: Moment) -> Self {
        let one = (segment.source, segment.source_port);
        let two = (segment.destination, segment.destination_port);
        // Without its beginning, the well-known port is the server's.
        let answered = match segment.transport {
            Transport::Tcp { syn: true, ack, .. } => ack,
            _ => segment.source_port < 1024 && segment.destination_port >= 1024,
        };
        let (client, server) = if answered { (two, one) } else { (one, two) };
        let application = match segment.transport {
            Transport::Tcp { .. } => Application::over_tcp(server.1),
            _ => Application::Done,
        };
        Self {
            first: moment,
            last: moment,
            client,
            server,
            transport: segment.transport,
            up: Stream::default(),
            down: Stream::default(),
            wire: 0,
            progress: Progress::default(),
            host: None,
            protocol: None,
            application,
            requests: VecDeque::new(),
            questions: VecDeque::new(),
        }
    }

    /// Bytes held in memory for reassembly.
    pub(super) fn held(&self) -> usize {
        self.up.held().saturating_add(self.down.held()).saturating_add(self.application.held())
    }

    /// Reads no more of what is said, to free memory.
    pub(super) fn give_up(&mut self) {
        self.application = Application::Done;
        self.up.forget();
        self.down.forget();
    }

    /// Whether a SYN with this number begins another connection between the same ends.
    pub(super) fn is_another(&self, segment: &Segment<'_>) -> bool {
        let Transport::Tcp { syn: true, ack: false, sequence, .. } = segment.transport else {
            return false;
        };
        let same_way = (segment.source, segment.source_port) == self.client;
        !same_way || self.progress.begun.is_none_or(|begun| begun != sequence)
    }

    /// Whether it is over.
    pub(super) fn is_closed(&self) -> bool {
        self.progress.reset || self.progress.ended == [true, true]
    }

    /// Takes a segment of this connection.
    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        wire: u64,
        moment: Moment,
        report: &mut Reporter<'_>,
    ) {
        let side = match (segment.source, segment.source_port) == self.client {
            true => Side::Client,
            false => Side::Server,
        };
        self.last = moment;
        self.wire = self.wire.saturating_add(wire);
        let stream = match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        };
        stream.packets = stream.packets.saturating_add(1);
        match segment.transport {
            Transport::Tcp { sequence, .. } => self.tcp(side, segment, sequence, moment, report),
            transport => {
                stream.bytes = stream.bytes.saturating_add(segment.length);
                if transport == Transport::Udp {
                    self.datagram(segment, moment, report);
                }
            }
        }
    }

    fn tcp(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        sequence: u32,
        moment: Moment,
        report: &mut Reporter<'_>,
    ) {
        let Transport::Tcp { syn, ack, fin, rst, .. } = segment.transport else { return };
        let stream = match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        };
        if syn {
            stream.begin(sequence);
            match side {
                Side::Client => self.progress.begun = Some(sequence),
                Side::Server => self.progress.agreed |= ack,
            }
        }
        let place = match side {
            Side::Client => 0,
            Side::Server => 1,
        };
        if let Some(ended) = self.progress.ended.get_mut(place).filter(|_| fin) {
            *ended = true;
        }
        if rst {
            self.progress.refused |=
                side == Side::Server && !self.progress.agreed && self.progress.begun.is_some();
            self.progress.reset = true;
            return;
        }
        // Data may come with a SYN (RFC 7413): it stands behind it.
        let sequence = if syn { sequence.wrapping_add(1) } else { sequence };
        if segment.length > 0 {
            stream.count(sequence, segment.length);
        }
        if self.application.is_done() || segment.payload.is_empty() {
            return;
        }
        let cut = (segment.payload.len() as u64) < segment.length;
        let mut all = Vec::new();
        let application = &mut self.application;
        stream.push(sequence, segment.payload, cut, &mut |piece| {
            application.take(side, &piece, &mut |said| all.push(said));
        });
        for said in all {
            self.hear(said, moment, report);
        }
        if self.application.is_done() {
            self.up.forget();
            self.down.forget();
        }
    }

    fn datagram(&mut self, segment: &Segment<'_>, moment: Moment, report: &mut Reporter<'_>) {
        // DNS, multicast DNS, LLMNR.
        let ports = [segment.source_port, segment.destination_port];
        if ports.iter().any(|port| matches!(port, 53 | 5353 | 5355))
            && let Some(message) = dns::read(segment.payload)
        {
            self.hear(Said::Dns(message), moment, report);
        }
    }

    fn hear(&mut self, said: Said, moment: Moment, report: &mut Reporter<'_>) {
        match said {
            Said::Role(Side::Client) => {}
            Said::Role(Side::Server) => self.turn(),
            Said::Protocol(name) => self.protocol = Some(name),
            Said::Hello(hello) => {
                self.protocol = Some("tls");
                self.host = hello.server_name.clone().or(self.host.take());
                report.hello(self, &hello, false, moment);
            }
            Said::Request(request) => {
                if self.host.is_none() {
                    self.host = report::target(&request).0.map(str::to_owned);
                }
                if self.requests.len() >= MOST_PENDING
                    && let Some((request, moment)) = self.requests.pop_front()
                {
                    report.request(self, &request, None, moment);
                }
                self.requests.push_back((request, moment));
            }
            // Provisional answers come before the one that counts.
            Said::Response(response) if response.status < 200 && response.status != 101 => {}
            Said::Response(response) => {
                if let Some((request, moment)) = self.requests.pop_front() {
                    report.request(self, &request, Some(&response), moment);
                    if request.method == "CONNECT" && (200..300).contains(&response.status) {
                        self.application.begin_again();
                    }
                }
            }
            Said::Dns(message) => self.dns(message, moment, report),
        }
    }

    fn dns(&mut self, message: Message, moment: Moment, report: &mut Reporter<'_>) {
        self.protocol = Some("dns");
        if !message.is_answer {
            if self.questions.len() >= MOST_PENDING
                && let Some((question, moment)) = self.questions.pop_front()
            {
                report.dns(self, &question, None, moment);
            }
            self.questions.push_back((message, moment));
            return;
        }
        let asked = self
            .questions
            .iter()
            .position(|(question, _)| question.id == message.id && question.name == message.name);
        match asked.and_then(|at| self.questions.remove(at)) {
            Some((question, moment)) => report.dns(self, &question, Some(&message), moment),
            None => report.dns(self, &message, Some(&message), moment),
        }
    }

    /// The other side turned out to be the client; only where the beginning was not seen.
    fn turn(&mut self) {
        if self.progress.begun.is_none() && !self.progress.agreed {
            std::mem::swap(&mut self.client, &mut self.server);
            std::mem::swap(&mut self.up, &mut self.down);
            self.progress.ended.swap(0, 1);
        }
    }

    /// Tells what is left to tell.
    pub(super) fn finish(mut self, report: &mut Reporter<'_>) {
        let mut all = Vec::new();
        self.application.finish(&mut |said| all.push(said));
        let last = self.last;
        for said in all {
            self.hear(said, last, report);
        }
        while let Some((request, moment)) = self.requests.pop_front() {
            report.request(&self, &request, None, moment);
        }
        while let Some((question, moment)) = self.questions.pop_front() {
            report.dns(&self, &question, None, moment);
        }
        report.connection(&self);
    }
}
