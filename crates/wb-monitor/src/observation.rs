//! [`Observation`]: what a sensor saw, on the host's clock.

use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use wb_core::Verdict;

/// What a sensor saw.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What a sensor can see.
#[derive(Clone, Debug)]
pub enum What {
    /// A process was made.
    Fork {
        /// The new process.
        pid: u32,
        /// Its parent.
        parent: u32,
    },
    /// A process runs: it replaced its program, or was there when the monitor started.
    Runs(Running),
    /// A process ended.
    Exit {
        /// The process.
        pid: u32,
    },
    /// A process asked for a connection, or sent a datagram.
    Connect(Connect),
    /// A connection ended that was told when it began.
    Ended {
        /// The process; `None` when the sensor cannot tell.
        pid: Option<u32>,
        /// The service's place in the policy, when the sensor knows it.
        service: Option<usize>,
        /// The destination.
        address: IpAddr,
        /// Its port.
        port: u16,
        /// `tcp` or `udp`.
        transport: &'static str,
        /// Bytes sent.
        bytes: u64,
    },
    /// A name server answered.
    Answer(Answer),
    /// A process opened a file below a folder of models.
    Opened {
        /// The process; `None` when the sensor cannot tell.
        pid: Option<u32>,
        /// The file.
        file: File,
        /// Nobody saw the file being opened before this moment.
        since: Timestamp,
    },
    /// A process is about to run a file below a folder of models as a program.
    Executed {
        /// The process.
        pid: u32,
        /// The file.
        file: File,
    },
    /// A file lies below a folder of models.
    Present {
        /// The file.
        file: File,
    },
    /// A file below a folder of models was written, or moved there.
    Written {
        /// The process; `None` when the sensor cannot tell.
        pid: Option<u32>,
        /// The file.
        file: File,
    },
    /// The scanner finished with a file.
    Scanned {
        /// The file.
        file: FileKey,
        /// What it found.
        scan: Scan,
    },
    /// Bytes sent so far by a service to a destination.
    Sent {
        /// The service's place in the policy.
        service: usize,
        /// The destination.
        address: IpAddr,
        /// Its port.
        port: u16,
        /// Bytes, in all.
        bytes: u64,
    },
    /// Something is wrong with the monitor itself, or was and is over.
    Trouble(Trouble),
}

/// A running process.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Its number.
    pub pid: u32,
    /// Its parent, when known.
    pub parent: Option<u32>,
    /// The program's name.
    pub program: String,
    /// Its arguments, the program's own name first.
    pub arguments: Vec<String>,
    /// Its numeric user.
    pub user: u32,
    /// Its cgroup, when known.
    pub cgroup: Option<String>,
    /// Whether it has just replaced its program, rather than run for a while.
    pub started: bool,
}

/// An attempt to connect.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The process; `None` when the sensor cannot tell.
    pub pid: Option<u32>,
    /// The program's name as the sensor gives it, for processes that are not known.
    pub program: String,
    /// The service's place in the policy, when the sensor sits on the service itself.
    pub service: Option<usize>,
    /// The destination.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The destination's name, when the sensor has it.
    pub host: Option<String>,
    /// The name that the client asked for when it began TLS, when the sensor has it.
    pub sni: Option<String>,
    /// `tcp` or `udp`; what was refused can be `icmp` or `other`.
    pub transport: &'static str,
    /// Whether the sensor refused it.
    pub refused: bool,
    /// Bytes sent, when the sensor reports at the end of the connection.
    pub bytes_out: Option<u64>,
}

/// An answer of a name server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The service that asked.
    pub service: Option<usize>,
    /// The name asked for.
    pub name: String,
    /// The kind of record asked for (1 A, 16 TXT, 28 AAAA).
    pub kind: u16,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// Seconds for which they hold.
    pub seconds: u32,
}

/// Which bytes: the same key means the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// Nanoseconds since 1970 of the last change to its content.
    pub modified: i128,
    /// Its size in bytes.
    pub size: u64,
}

/// A file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Which bytes.
    pub key: FileKey,
    /// Where it was.
    pub path: PathBuf,
}

/// What the scanner found in a file.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Its digest, in hexadecimal.
    pub sha256: String,
    /// What the rules make of it.
    pub verdict: Verdict,
    /// Whether a format of models claims it.
    pub is_model: bool,
    /// Findings: rule and headline.
    pub findings: Vec<(String, String)>,
    /// Hosts, addresses and URLs' hosts that its code names.
    pub destinations: BTreeSet<String>,
}

/// Something wrong with the monitor itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The rule it falls under, such as `events-lost`.
    pub rule: &'static str,
    /// What it concerns: equal subjects are one alert.
    pub subject: String,
    /// What happened, in one sentence; `None` when it is over.
    pub what: Option<String>,
    /// How many events were lost by it.
    pub count: u64,
}
