//! Who connects to an SSH server, by what the server says.
//!
//! The messages are those of OpenSSH, in `auth.c` (`auth_log`), `packet.c` (`sshpkt_vfatal`), `sshd-session.c`,
//! `kex.c` and `serverloop.c` of <https://github.com/openssh/openssh-portable>: each names its client as
//! `ADDRESS port NUMBER`. What the server connects to on behalf of a client (`connect_to 192.0.2.7 port 80: failed`)
//! is worded otherwise, and so is not of this.

use crate::draft::Draft;
use crate::tokens::{address, bare};
use wb_core::EventKind;

/// Programs of the server: since 9.8 there is one for each connection.
const SERVERS: &[&str] = &["sshd", "sshd-session", "sshd-auth"];

/// How messages about a client begin, after `error: ` and the like.
const HEADS: &[&str] = &[
    "accepted ",
    "failed ",
    "postponed ",
    "partial ",
    "invalid user ",
    "connection from ",
    "connection closed by ",
    "connection reset by ",
    "received disconnect from ",
    "disconnected from ",
    "disconnecting ",
    "unable to negotiate with ",
    "did not receive identification string from ",
    "maximum authentication attempts exceeded ",
    "timeout before authentication for ",
    "bad protocol version identification ",
    "bad packet length",
    "protocol major versions differ for ",
    "read error from remote host ",
    "corrupted mac on input",
];

/// Where what comes before the message ends.
const PREFIXES: &[&str] =
    &["error: ", "fatal: ", "info: ", "banner exchange: ", "ssh_dispatch_run_fatal: "];

/// Makes the client that a message of an SSH server names the source. Returns whether there is one; such a record is
/// of a connection to the host that logs it.
pub(crate) fn client(draft: &mut Draft, text: &str) -> bool {
    let served = draft.field("service.name").is_some_and(|name| SERVERS.contains(&name));
    let Some((address, port)) = served.then(|| named(text)).flatten() else { return false };
    draft.fields.remove("address");
    let net = draft.net();
    net.source = Some(address);
    net.source_port = port;
    (net.destination, net.destination_port, net.host) = (None, None, None);
    true
}

/// A login stays one. That a client left is no connection that the host makes; that it came is counted nowhere, as
/// most servers do not say so.
pub(crate) const fn kind(read: EventKind) -> EventKind {
    match read {
        EventKind::Connect | EventKind::Block | EventKind::Exchange => EventKind::Note,
        other => other,
    }
}

/// The address and port of the client.
fn named(text: &str) -> Option<(String, Option<u16>)> {
    let mut message = text.trim_start();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        message = rest;
    }
    let begins = |head: &&str| {
        message.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head))
    };
    let head = HEADS.iter().copied().find(begins)?;
    let words: Vec<&str> = message.get(head.len()..)?.split_whitespace().collect();
    let found = |at: usize| address(bare(words.get(at)?));
    let port = |at: usize| {
        let named = words.get(at.saturating_add(1)).is_some_and(|word| *word == "port");
        named.then(|| number(words.get(at.saturating_add(2))?))?
    };
    // Clients choose the name of the user, which comes before the address, and the reason to leave, which comes after.
    let ends = ["from ", "by ", "with "].iter().any(|end| head.ends_with(end));
    if let Some(client) = found(0).filter(|_| ends) {
        return Some((client, port(0)));
    }
    let with_port = (0..words.len()).rev().find(|at| port(*at).is_some() && found(*at).is_some());
    let at = with_port.or_else(|| (0..words.len()).find(|at| found(*at).is_some()))?;
    Some((found(at)?, port(at)))
}

/// The number that `word` begins with.
fn number(word: &str) -> Option<u16> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    word.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_client_of_each_message() {
        for text in [
            "Accepted publickey for ann from 192.0.2.9 port 52942 ssh2: ED25519 SHA256:abc",
            "Failed password for invalid user bob from 192.0.2.9 port 52942 ssh2",
            "Invalid user bob from 192.0.2.9 port 52942",
            "Connection from 192.0.2.9 port 52942 on 198.51.100.21 port 22 rdomain \"\"",
            "Connection closed by 192.0.2.9 port 52942 [preauth]",
            "Connection closed by authenticating user root 192.0.2.9 port 52942 [preauth]",
            "Connection reset by invalid user bob 192.0.2.9 port 52942 [preauth]",
            "Disconnected from user ann 192.0.2.9 port 52942",
            "Received disconnect from 192.0.2.9 port 52942:11: disconnected by user",
            "Unable to negotiate with 192.0.2.9 port 52942: no matching host key type found",
            "error: maximum authentication attempts exceeded for root from 192.0.2.9 port 52942 ssh2",
            "banner exchange: Connection from 192.0.2.9 port 52942: invalid format",
            "Disconnecting authenticating user root 192.0.2.9 port 52942: Too many failures",
            // What clients choose.
            "Invalid user 203.0.113.7 from 192.0.2.9 port 52942",
            "Failed password for invalid user 203.0.113.7 port 1 from 192.0.2.9 port 52942 ssh2",
            "Received disconnect from 192.0.2.9 port 52942:11: from 203.0.113.7 port 1",
        ] {
            assert_eq!(named(text), Some(("192.0.2.9".to_owned(), Some(52942))), "{text}");
        }
        let six = named("Connection closed by 2001:db8::7 port 22222 [preauth]");
        assert_eq!(six, Some(("2001:db8::7".to_owned(), Some(22222))));
    }

    #[test]
    fn what_is_no_client() {
        for text in [
            "error: connect_to 192.0.2.7 port 8080: failed.",
            "Server listening on 0.0.0.0 port 22.",
            "pam_unix(sshd:session): session opened for user ann(uid=1000) by (uid=0)",
            "Accepted key ED25519 SHA256:abc found at /home/ann/.ssh/authorized_keys:1",
            "Connection closed by remote host",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
