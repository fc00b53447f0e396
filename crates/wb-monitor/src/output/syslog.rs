//! Syslog (RFC 5424): over UDP (RFC 5426), over TCP with counted octets (RFC 6587), or to a local socket.

use crate::alert::Alert;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
#[cfg(unix)]
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use wb_core::Severity;

/// Messages that wait at the most.
const WAITING: usize = 1000;

/// How long a receiver may take: the watch waits for it.
const PATIENCE: Duration = Duration::from_millis(500);

/// A receiver of syslog.
#[derive(Debug)]
pub(crate) struct Syslog {
    to: String,
    host: String,
    stream: Option<TcpStream>,
    waiting: VecDeque<String>,
    dropped: u64,
    /// Turns to pass before the next attempt.
    pause: u32,
}

impl Syslog {
    pub(crate) fn new(to: String, host: String) -> Self {
        Self { to, host, stream: None, waiting: VecDeque::new(), dropped: 0, pause: 0 }
    }

    /// Takes an alert.
    pub(crate) fn send(&mut self, alert: &Alert) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(message(alert, &self.host));
    }

    /// Sends what waits. After a failure, some turns pass before the next attempt.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        if self.pause > 0 {
            self.pause -= 1;
            return Err(self.state("is not reached"));
        }
        while let Some(message) = self.waiting.front().cloned() {
            if let Err(error) = self.write(&message) {
                self.stream = None;
                self.pause = 10;
                return Err(self.state(&error.to_string()));
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn state(&self, error: &str) -> String {
        format!(
            "`{}`: {error}; {} messages wait, {} were lost",
            self.to,
            self.waiting.len(),
            self.dropped
        )
    }

    fn write(&mut self, message: &str) -> io::Result<()> {
        if let Some(address) = self.to.strip_prefix("udp://") {
            let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
            return UdpSocket::bind(any)?.send_to(message.as_bytes(), address).map(drop);
        }
        let Some(address) = self.to.strip_prefix("tcp://") else { return local(&self.to, message) };
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let mut found = address.to_socket_addrs()?;
                let first =
                    found.next().ok_or_else(|| io::Error::other("the address has no host"))?;
                let stream = TcpStream::connect_timeout(&first, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                none.insert(stream)
            }
        };
        stream.write_all(format!("{} {message}", message.len()).as_bytes())
    }
}

#[cfg(unix)]
fn local(path: &str, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to(message.as_bytes(), path).map(drop)
}

#[cfg(not(unix))]
fn local(_: &str, _: &str) -> io::Result<()> {
    Err(io::Error::other("local sockets are found on Unix only"))
}

/// An alert as a message: facility 13 (log alert), structured data under the documentation's enterprise
/// number (RFC 5612).
fn message(alert: &Alert, host: &str) -> String {
    let severity = match alert.severity {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Info => 6,
    };
    let mut data = String::new();
    let mut add =
        |name: &str, value: &str| data.push_str(&format!(" {name}=\"{}\"", escaped(value)));
    add("id", &alert.id);
    add("state", alert.state.name());
    add("service", &alert.service);
    add("count", &alert.count.to_string());
    add("chain", &alert.chain);
    if let Some(to) = &alert.destination {
        add("destination", &to.to_string());
    }
    if let Some(model) = &alert.model {
        add("model", &model.path);
        add("sha256", model.sha256.as_deref().unwrap_or_default());
    }
    format!(
        "<{}>1 {:.6} {} weighbridge {} {} [weighbridge@32473{data}] \u{feff}{}",
        13 * 8 + severity,
        alert.last,
        printable(host),
        std::process::id(),
        alert.rule,
        alert.headline.replace(|character: char| character.is_control(), " ")
    )
}

/// The value of a parameter (section 6.3.3): three characters are escaped; control characters go.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(if character.is_control() { ' ' } else { character });
    }
    out
}

/// A host's name, or the sign for none.
fn printable(host: &str) -> String {
    let name: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::tests::alert;
    use std::io::Read as _;
    use std::net::TcpListener;

    #[test]
    fn a_message_has_the_shape_of_the_standard() {
        let mut hostile = alert("x", 0);
        hostile.chain = "a\"b]c\\d\ne".to_owned();
        let text = message(&hostile, "n1");
        assert!(text.starts_with("<107>1 2023-11-14T22:13:20.000000Z n1 weighbridge "), "{text}");
        assert!(text.contains(r#"chain="a\"b\]c\\d e""#), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn messages_over_tcp_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let mut syslog = Syslog::new(format!("tcp://{address}"), "n1".to_owned());
        syslog.send(&alert("x", 0));
        syslog.flush().expect("it is sent");
        drop(syslog);
        let mut text = String::new();
        listener.accept().expect("somebody comes").0.read_to_string(&mut text).expect("text");
        let (length, message) = text.split_once(' ').expect("a count");
        assert_eq!(length.parse::<usize>().expect("a number"), message.len());
    }

    #[test]
    fn nobody_there_is_told_and_nothing_waits_for_ever() {
        let mut syslog = Syslog::new("tcp://127.0.0.1:1".to_owned(), String::new());
        syslog.send(&alert("x", 0));
        assert!(syslog.flush().expect_err("nobody listens").contains("1 messages wait"));
    }
}
