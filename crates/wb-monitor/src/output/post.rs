//! [`Post`]: a thread that delivers documents over HTTP, again and again until they are taken. What cannot be
//! delivered yet lies on disk, so that it survives the end of this process. Only addresses that the policy
//! names are ever contacted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Documents on disk at the most.
const SPOOLED: usize = 10_000;

/// How long a receiver may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Waits between attempts: doubled each time, up to a minute.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Where documents go.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    /// The key that signs documents.
    pub(crate) secret: Option<Vec<u8>>,
    /// Where documents lie until they are delivered.
    pub(crate) spool: PathBuf,
    /// How long it may take to answer.
    pub(crate) patience: Duration,
}

/// Delivers documents.
#[derive(Debug)]
pub(crate) struct Post {
    spool: PathBuf,
    next: u64,
    wake: mpsc::SyncSender<()>,
    dropped: Arc<AtomicU64>,
    failing: Arc<Mutex<Option<String>>>,
}

impl Post {
    /// Starts the thread; what an earlier process left on disk is delivered first.
    pub(crate) fn start(receiver: Receiver) -> io::Result<Self> {
        fs::create_dir_all(&receiver.spool)?;
        let (wake, woken) = mpsc::sync_channel(1);
        let failing = Arc::new(Mutex::new(None));
        let spool = receiver.spool.clone();
        let next = waiting(&spool).last().map_or(0, |(number, _)| number + 1);
        let state = Arc::clone(&failing);
        std::thread::Builder::new().name("post".to_owned()).spawn(move || {
            deliver(&receiver, &woken, &state);
        })?;
        Ok(Self { spool, next, wake, dropped: Arc::new(AtomicU64::new(0)), failing })
    }

    /// Hands a document over: it is on disk before this returns.
    pub(crate) fn send(&mut self, document: &str) {
        let full = self.next.is_multiple_of(64) && waiting(&self.spool).len() > SPOOLED;
        let beside = self.spool.join("new");
        let place = self.spool.join(format!("{:020}.json", self.next));
        if full || fs::write(&beside, document).and_then(|()| fs::rename(&beside, place)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.next += 1;
        // A full queue means that the thread is about to look anyway.
        let _ = self.wake.try_send(());
    }

    /// What is wrong at the moment.
    pub(crate) fn state(&self) -> Result<(), String> {
        let failing = self.failing.lock().ok().and_then(|state| state.clone());
        let dropped = self.dropped.load(Ordering::Relaxed);
        match (failing, dropped) {
            (None, 0) => Ok(()),
            (Some(error), 0) => Err(error),
            (error, dropped) => {
                Err(format!("{dropped} documents could not be kept; {}", error.unwrap_or_default()))
            }
        }
    }
}

/// Documents on disk, in order.
fn waiting(spool: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(spool).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let number = path.file_stem()?.to_str()?.parse().ok()?;
            Some((number, path))
        })
        .collect();
    found.sort_unstable();
    found
}

/// The thread: delivers in order, and waits longer each time that fails.
fn deliver(receiver: &Receiver, woken: &mpsc::Receiver<()>, state: &Mutex<Option<String>>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(receiver.patience)).build().into();
    let mut pause = FIRST_WAIT;
    loop {
        let mut failed = None;
        for (number, path) in waiting(&receiver.spool) {
            let Ok(document) = fs::read(&path) else { continue };
            match post(&agent, receiver, number, &document) {
                Ok(()) => drop(fs::remove_file(&path)),
                Err(error) => {
                    failed = Some(format!(
                        "`{}`: {error}; alerts are kept and sent again",
                        receiver.url
                    ));
                    break;
                }
            }
        }
        let again = failed.is_some();
        if let Ok(mut state) = state.lock() {
            *state = failed;
        }
        pause = if again { (pause * 2).min(Duration::from_secs(60)) } else { FIRST_WAIT };
        let ended = if again {
            std::thread::sleep(pause);
            false
        } else {
            matches!(
                woken.recv_timeout(Duration::from_secs(3600)),
                Err(mpsc::RecvTimeoutError::Disconnected)
            )
        };
        if ended {
            return;
        }
    }
}

/// Posts a document. Its number is the same for every attempt, so that receivers can tell repetitions.
fn post(
    agent: &ureq::Agent,
    receiver: &Receiver,
    number: u64,
    document: &[u8],
) -> Result<(), String> {
    let mut request = agent
        .post(&receiver.url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("weighbridge/", env!("CARGO_PKG_VERSION")))
        .header("weighbridge-delivery", number.to_string());
    if let Some(secret) = &receiver.secret {
        request = request
            .header("weighbridge-signature", format!("sha256={}", signature(secret, document)));
    }
    request.send(document).map(drop).map_err(|error| error.to_string())
}

/// HMAC-SHA256 (RFC 2104) of a document, in hexadecimal.
pub(crate) fn signature(secret: &[u8], document: &[u8]) -> String {
    use hmac::{KeyInit as _, Mac as _};
    let mut mac =
        hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).expect("keys may have any length");
    mac.update(document);
    data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// Test case 2 of RFC 4231.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_receiver_that_hangs_holds_nobody_up() {
        let scratch = wb_testkit::Scratch::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let receiver = Receiver {
            url: format!("http://{}/alerts", listener.local_addr().expect("it is bound")),
            secret: None,
            spool: scratch.folder().join("spool"),
            patience: Duration::from_millis(100),
        };
        let mut post = Post::start(receiver.clone()).expect("it starts");
        let start = std::time::Instant::now();
        (0..20).for_each(|number| post.send(&number.to_string()));
        assert!(start.elapsed() < Duration::from_secs(5), "sending waits for nobody");
        until("it is told", || post.state().is_err());
        assert_eq!(waiting(&receiver.spool).len(), 20, "and nothing is lost");
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let start = std::time::Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_receiver_that_is_away_gets_everything_when_it_is_back() {
        let scratch = wb_testkit::Scratch::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let receiver = Receiver {
            url: format!("http://{address}/alerts"),
            secret: Some(b"key".to_vec()),
            spool: scratch.folder().join("spool"),
            patience: PATIENCE,
        };
        let mut post = Post::start(receiver.clone()).expect("it starts");
        post.send("{\"one\":1}");
        post.send("{\"two\":2}");
        until("it is told that nobody is there", || post.state().is_err());
        assert_eq!(waiting(&receiver.spool).len(), 2, "nothing is lost meanwhile");
        let listener = TcpListener::bind(address).expect("the port is free again");
        let mut bodies = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut text = String::new();
            let mut buffer = [0; 4096];
            while !text.contains("}") {
                let length = stream.read(&mut buffer).expect("it can be read");
                text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            assert!(text.contains("weighbridge-signature: sha256="), "{text}");
            bodies.push(text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned());
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                .expect("it can be answered");
        }
        assert_eq!(bodies, ["{\"one\":1}", "{\"two\":2}"], "in order");
        until("all is delivered", || waiting(&receiver.spool).is_empty() && post.state().is_ok());
    }
}
