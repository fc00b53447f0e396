//! Streams of other sensors (Zeek, Suricata, Hubble, Tetragon, Falco, the journal), read by the parsers of
//! `wb-logs` as they grow: for places where this monitor may load nothing of its own.

use super::now;
use crate::observation::{Answer, Connect, Observation, What};
use crate::policy::Follow;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use wb_core::{ArtifactPath, Event, EventKind, Net, NetVerdict};
use wb_logs::ClockHints;

/// Events that wait to be judged at the most; then their reader waits, and loses nothing.
const WAITING: usize = 4096;

/// How often a file is looked at for more.
const PAUSE: Duration = Duration::from_millis(200);

/// The streams.
#[derive(Debug)]
pub(crate) struct Follower {
    events: mpsc::Receiver<Observation>,
    wake: UnixStream,
}

impl Follower {
    /// Follows every file from where it ends now, one thread each. `service` tells the place of a service in the
    /// policy.
    pub(crate) fn start(
        follow: &[Follow],
        service: &dyn Fn(&str) -> Option<usize>,
    ) -> io::Result<Self> {
        let (sender, events) = mpsc::sync_channel(WAITING);
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let hellos = Arc::new(Mutex::new(Hellos::default()));
        for one in follow {
            let (sender, waker, one) = (sender.clone(), waker.try_clone()?, one.clone());
            let hellos = Arc::clone(&hellos);
            let service = service(&one.service);
            std::thread::Builder::new().name("follow".to_owned()).spawn(move || {
                let mut text = BufReader::new(Tail::new(one.file.clone()));
                let artifact = ArtifactPath::from(one.file.to_string_lossy().as_ref());
                let mut sink = |event: Event| {
                    let Some(seen) = observation(&event, &one, service, &hellos) else { return };
                    drop(sender.send(seen));
                    drop(io::Write::write(&mut &waker, &[1]));
                };
                drop(wb_logs::read(
                    &artifact,
                    &mut text,
                    &ClockHints { near: Some(now()), ..ClockHints::default() },
                    &mut sink,
                ));
            })?;
        }
        Ok(Self { events, wake })
    }

    /// To wait for events.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// What has come.
    pub(crate) fn read(&mut self) -> Vec<Observation> {
        let mut drained = [0; 4096];
        while self.wake.read(&mut drained).is_ok_and(|length| length > 0) {}
        self.events.try_iter().take(WAITING).collect()
    }
}

/// Names in TLS, by the connections that asked for them: sensors tell the end of a connection in a record of its own,
/// which does not have the name.
#[derive(Debug, Default)]
struct Hellos {
    names: HashMap<Ends, String>,
    order: VecDeque<Ends>,
}

/// Both ends of a connection.
type Ends = (String, u16, String, u16);

/// Connections whose names in TLS are kept.
const HELLOS: usize = 16 << 10;

impl Hellos {
    /// The name in TLS that the connection of an event asked for.
    fn of(&mut self, event: &Event, net: &Net) -> Option<String> {
        let ends = || {
            let (source, destination) = (net.source.clone()?, net.destination.clone()?);
            Some((source, net.source_port?, destination, net.destination_port?))
        };
        let Some(name) = hello(event, net) else { return self.names.get(&ends()?).cloned() };
        if let Some(ends) = ends()
            && self.names.insert(ends.clone(), name.clone()).is_none()
        {
            self.order.push_back(ends);
            if self.order.len() > HELLOS
                && let Some(oldest) = self.order.pop_front()
            {
                self.names.remove(&oldest);
            }
        }
        Some(name)
    }
}

/// The name that an event says a client asked for when it began TLS.
fn hello(event: &Event, net: &Net) -> Option<String> {
    let is_tls = matches!(net.protocol.as_deref(), Some("tls" | "quic"))
        || event.source == "suricata-eve"
            && matches!(event.field("event.action"), Some("tls" | "quic"));
    let host = net.host.clone().filter(|_| is_tls && event.kind == EventKind::Exchange);
    event.field("tls.client.server_name").map(str::to_owned).or(host)
}

/// What an event says of a service's traffic. Without a process of its own it stays unattributed.
fn observation(
    event: &Event,
    follow: &Follow,
    service: Option<usize>,
    hellos: &Mutex<Hellos>,
) -> Option<Observation> {
    let net = event.net.as_ref()?;
    if follow.source.as_ref().is_some_and(|source| net.source.as_deref() != Some(source)) {
        return None;
    }
    let time = event.timestamp().unwrap_or_else(now);
    if event.kind == EventKind::Dns {
        let answer = Answer {
            service,
            name: net.host.clone()?,
            kind: 1,
            addresses: net.answers.iter().filter_map(|answer| answer.parse().ok()).collect(),
            seconds: 60,
        };
        return Some(Observation { time, what: What::Answer(answer) });
    }
    if !matches!(event.kind, EventKind::Connect | EventKind::Block | EventKind::Exchange) {
        return None;
    }
    let program =
        event.field("process.executable").or(event.field("process.name")).unwrap_or_default();
    let sni = hellos.lock().map(|mut hellos| hellos.of(event, net)).unwrap_or_default();
    let what = What::Connect(Connect {
        pid: None,
        program: program.rsplit('/').next().unwrap_or_default().to_owned(),
        service,
        address: net.destination.as_deref()?.parse().ok()?,
        port: net.destination_port?,
        host: net.host.clone(),
        sni,
        transport: if net.transport.as_deref() == Some("udp") { "udp" } else { "tcp" },
        refused: event.kind == EventKind::Block || net.verdict == Some(NetVerdict::Blocked),
        bytes_out: net.bytes_out,
    });
    Some(Observation { time, what })
}

/// A file that grows. Reading waits for more, and goes on with the next file of the same name when the old one
/// was moved away, as rotation does.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// Where in the file reading goes on.
    at: u64,
    /// The head of a file that was there already is read too: it may say what its columns are.
    head: Vec<u8>,
}

/// Bytes of a file's head in which its header is looked for.
const HEAD: usize = 16 << 10;

impl Tail {
    fn new(path: PathBuf) -> Self {
        let mut tail = Self { path, file: None, at: 0, head: Vec::new() };
        if let Ok(text) = fs::read(&tail.path) {
            let head = text.get(..text.len().min(HEAD)).unwrap_or_default();
            let lines = head.split_inclusive(|byte| *byte == b'\n');
            tail.head =
                lines.take_while(|line| line.starts_with(b"#")).flatten().copied().collect();
            tail.at = text.len() as u64;
            tail.file = File::open(&tail.path).ok();
        }
        tail
    }

    /// Opens the file when there is another one of that name, or when it was cut.
    fn reopen(&mut self) {
        let Ok(found) = fs::metadata(&self.path) else { return };
        let own = self.file.as_ref().and_then(|file| file.metadata().ok());
        if own.is_none_or(|own| own.ino() != found.ino() || found.len() < self.at) {
            (self.file, self.at) = (File::open(&self.path).ok(), 0);
        }
    }
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;
        if !self.head.is_empty() {
            let length = buffer.len().min(self.head.len());
            buffer[..length].copy_from_slice(&self.head[..length]);
            self.head.drain(..length);
            return Ok(length);
        }
        loop {
            if let Some(file) = &self.file {
                let length = file.read_at(buffer, self.at)?;
                self.at += length as u64;
                if length > 0 {
                    return Ok(length);
                }
            }
            std::thread::sleep(PAUSE);
            self.reopen();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_stream_of_another_sensor_is_followed_over_rotation() {
        let scratch = wb_testkit::Scratch::new();
        let path = scratch.folder().join("eve.json");
        let line = |address: &str| {
            format!(
                r#"{{"timestamp":"2026-07-10T23:50:05.533101+0000","flow_id":1,"event_type":"tls","src_ip":"192.0.2.5","src_port":4000,"dest_ip":"{address}","dest_port":443,"proto":"TCP","tls":{{"sni":"hub.example"}}}}
"#
            )
        };
        fs::write(&path, line("198.51.100.1")).expect("it can be written");
        let follow = Follow {
            file: path.clone(),
            service: "inference".to_owned(),
            source: Some("192.0.2.5".to_owned()),
        };
        let mut follower = Follower::start(&[follow], &|_| Some(0)).expect("it starts");
        std::thread::sleep(Duration::from_millis(300));
        let mut file = File::options().append(true).open(&path).expect("it is there");
        file.write_all(line("198.51.100.2").as_bytes()).expect("it can be written");
        let mut found = Vec::new();
        let mut until = |count: usize| {
            for _ in 0..200 {
                found.extend(follower.read());
                if found.len() >= count {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            found
                .iter()
                .map(|seen: &Observation| match &seen.what {
                    What::Connect(connect) => (connect.address.to_string(), connect.host.clone()),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        let host = Some("hub.example".to_owned());
        assert_eq!(
            until(1),
            [("198.51.100.2".to_owned(), host.clone())],
            "what was there before is past"
        );
        fs::rename(&path, scratch.folder().join("eve.json.1")).expect("it is there");
        fs::write(&path, line("198.51.100.3")).expect("it can be written");
        assert_eq!(until(2).last(), Some(&("198.51.100.3".to_owned(), host)));
    }

    /// Connections and their names in TLS, as a followed file tells them.
    fn told(name: &str, head: &str, lines: &str) -> Vec<(u16, Option<String>)> {
        let scratch = wb_testkit::Scratch::new();
        let path = scratch.folder().join(name);
        fs::write(&path, head).expect("it can be written");
        let follow = Follow { file: path.clone(), service: "inference".to_owned(), source: None };
        let mut follower = Follower::start(&[follow], &|_| Some(0)).expect("it starts");
        std::thread::sleep(Duration::from_millis(300));
        let mut file = File::options().append(true).open(&path).expect("it is there");
        file.write_all(lines.as_bytes()).expect("it can be written");
        let mut found = Vec::new();
        for _ in 0..200 {
            found.extend(follower.read().into_iter().filter_map(|seen| match seen.what {
                What::Connect(connect) => Some((connect.port, connect.sni)),
                _ => None,
            }));
            if found.len() >= lines.lines().count() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        found
    }

    #[test]
    fn names_in_tls_are_told_apart_from_other_names_and_kept_for_the_end_of_the_connection() {
        let line = |port: u16, to: u16, rest: &str| {
            format!(
                r#"{{"timestamp":"2026-07-10T23:50:05.533101+0000","flow_id":1,"src_ip":"192.0.2.5","src_port":{port},"dest_ip":"198.51.100.2","dest_port":{to},"proto":"TCP",{rest}}}"#
            ) + "\n"
        };
        let lines = [
            line(4000, 443, r#""event_type":"tls","tls":{"sni":"hub.example"}"#),
            line(4000, 443, r#""event_type":"flow","flow":{"bytes_toserver":9}"#),
            line(4001, 444, r#""event_type":"flow","flow":{"bytes_toserver":9}"#),
            line(4002, 80, r#""event_type":"http","http":{"hostname":"hub.example","url":"/"}"#),
        ];
        let hub = Some("hub.example".to_owned());
        assert_eq!(
            told("eve.json", "", &lines.concat()),
            [(443, hub.clone()), (443, hub.clone()), (444, None), (80, None)]
        );
        let head = "#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t\
                    version\tserver_name\n";
        let row = "1783727405.5\tC1\t192.0.2.5\t4000\t198.51.100.2\t443\tTLSv13\thub.example\n";
        assert_eq!(told("ssl.log", head, row), [(443, hub)]);
    }
}
