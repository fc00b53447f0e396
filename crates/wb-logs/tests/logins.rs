//! Connections to an SSH server are none that its host makes.

mod common;

use common::events;
use wb_core::EventKind as K;
use wb_logs::flows::FlowTable;

/// A syslog line of `program`.
fn line(program: &str, message: &str) -> String {
    format!("Jun 14 01:00:00 gpu1 {program}[11]: {message}\n")
}

/// Source and destination of each flow in the log.
fn flows(text: &str) -> Vec<(String, String)> {
    let mut table = FlowTable::default();
    events("auth.log", text.as_bytes()).0.iter().for_each(|event| table.add(event));
    let flows = table.finish().into_iter();
    flows.map(|flow| (flow.source, flow.destination)).collect()
}

#[test]
fn a_client_of_the_server_is_the_source() {
    for (message, kind) in [
        (
            "Accepted publickey for ann from 192.0.2.9 port 52942 ssh2: ED25519 SHA256:abc",
            K::Access,
        ),
        ("Failed password for invalid user bob from 192.0.2.9 port 52942 ssh2", K::Access),
        ("Connection closed by 192.0.2.9 port 52942 [preauth]", K::Note),
        ("Connection reset by authenticating user root 192.0.2.9 port 52942 [preauth]", K::Note),
        ("Connection from 192.0.2.9 port 52942 on 198.51.100.2 port 22", K::Note),
        ("Disconnected from user ann 192.0.2.9 port 52942", K::Note),
        ("Received disconnect from 192.0.2.9 port 52942:11: disconnected by user", K::Note),
    ] {
        for program in ["sshd", "sshd-session"] {
            let text = line(program, message);
            let (events, _) = events("auth.log", text.as_bytes());
            let net = events[0].net.as_ref().expect("a client");
            assert_eq!(events[0].kind, kind, "{message}");
            assert_eq!((net.source.as_deref(), net.source_port), (Some("192.0.2.9"), Some(52942)));
            assert_eq!((&net.destination, net.destination_port), (&None, None), "{message}");
            assert_eq!(events[0].host.as_deref(), Some("gpu1"), "{message}");
            assert_eq!(flows(&text), [], "{message}");
        }
    }
}

#[test]
fn a_client_on_the_host_makes_connections() {
    let out = [("gpu1".to_owned(), "192.0.2.9".to_owned())];
    assert_eq!(flows(&line("agent", "Connection closed by 192.0.2.9 port 443")), out);
    assert_eq!(flows(&line("ssh", "Connection closed by 192.0.2.9 port 22")), out);
    assert_eq!(flows(&line("ssh", "Connection closed by remote host")), []);
}
