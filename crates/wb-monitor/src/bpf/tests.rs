//! The programs under the running kernel, on a cgroup of the test's own.

use super::*;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

/// A cgroup of the test's own.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Option<Self> {
        let root = crate::cgroup::root()?;
        let folder = root.join(format!("weighbridge-test-{name}-{}", std::process::id()));
        fs::create_dir(&folder).ok().map(|()| Self(folder))
    }

    /// Runs a shell command in the cgroup.
    fn run(&self, command: &str) -> std::process::ExitStatus {
        let whole = format!("echo $$ > {}/cgroup.procs && {command}", self.0.display());
        Command::new("sh").args(["-c", &whole]).status().expect("a shell is there")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.0));
    }
}

fn programs(
    cgroup: Option<&Cgroup>,
    enforcement: Enforcement,
    allowed: &[Allowed],
) -> Option<Programs> {
    let cgroup = cgroup?;
    match Programs::attach(&[Some(Place {
        folder: cgroup.0.clone(),
        everybody: false,
        enforcement,
        allowed: allowed.to_vec(),
    })]) {
        Ok(programs) => Some(programs),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            eprintln!("SKIPPED: this kernel lets nobody load programs here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn collect(programs: &mut Programs, enough: impl Fn(&[Kernel]) -> bool) -> Vec<Kernel> {
    let (mut records, start) = (Vec::new(), Instant::now());
    while !enough(&records) && start.elapsed() < Duration::from_secs(5) {
        programs.drain(usize::MAX, &mut |record| records.push(record));
        std::thread::sleep(Duration::from_millis(5));
    }
    records
}

#[test]
fn connections_and_their_processes_are_seen() {
    let cgroup = Cgroup::new("see");
    let Some(mut programs) = programs(cgroup.as_ref(), Enforcement::default(), &[]) else { return };
    let cgroup = cgroup.expect("it was made");
    assert_eq!(programs.limits, Vec::<String>::new());
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    let script = format!("import socket; socket.create_connection(('127.0.0.1', {port})).close()");
    assert!(cgroup.run(&format!("python3 -c \"{script}\"; true")).success());
    let records = collect(&mut programs, |records| {
        records.iter().any(|record| matches!(record, Kernel::Connect { .. }))
    });
    let connect = records.iter().find_map(|record| match record {
        Kernel::Connect { who, port: to, passed, allowed, udp, .. } if *to == port => {
            Some((who.clone(), *passed, *allowed, *udp))
        }
        _ => None,
    });
    let (who, passed, allowed, udp) = connect.expect("the connection was seen");
    assert_eq!((passed, allowed, udp), (true, false, false));
    let exec = records.iter().find_map(|record| match record {
        Kernel::Exec { who: found, arguments } if found.pid == who.pid => {
            arguments.first().filter(|name| name.contains("python")).map(|_| arguments.clone())
        }
        _ => None,
    });
    let arguments = exec.expect("the process was seen");
    assert_eq!(arguments.last().map(String::as_str), Some(script.as_str()));
    let forked = records
        .iter()
        .any(|record| matches!(record, Kernel::Fork { who: found } if found.pid == who.pid));
    assert!(forked, "{records:?}");
    assert!(programs.sent(0).iter().any(|(_, to, bytes)| *to == port && *bytes > 0));
}

#[test]
fn what_is_not_allowed_does_not_get_out() {
    let cgroup = Cgroup::new("block");
    let enforcement = Enforcement { enforce: true, fail_closed: true };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    let allowed = Allowed { network: IpAddr::from([127, 0, 0, 0]), prefix: 8, port, until: 0 };
    let Some(programs) = programs(cgroup.as_ref(), enforcement, &[allowed]) else { return };
    let cgroup = cgroup.expect("it was made");
    let connect = |to: u16, host: &str| {
        let script = format!("import socket; socket.create_connection(('{host}', {to}), 2)");
        cgroup.run(&format!("python3 -c \"{script}\" 2>/dev/null")).success()
    };
    assert!(connect(port, "127.0.0.1"), "what is allowed passes");
    assert!(connect(port, "::ffff:127.0.0.1"), "in the clothes of IPv6 too");
    let other = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let other_port = other.local_addr().expect("it is bound").port();
    assert!(!connect(other_port, "127.0.0.1"), "another port does not");
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    let udp_port = receiver.local_addr().expect("it is bound").port();
    let script = format!(
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp_port}))"
    );
    assert!(!cgroup.run(&format!("python3 -c \"{script}\" 2>/dev/null")).success(), "nor UDP");
    programs.replace(0, &[]).expect("the list can be changed");
    assert!(!connect(port, "127.0.0.1"), "nor what is no longer allowed");
    let expired = Allowed { until: 1, ..allowed };
    programs.allow(0, expired).expect("the list can be changed");
    assert!(!connect(port, "127.0.0.1"), "nor what was allowed until earlier");
    programs.heartbeat(&[Enforcement::default()]).expect("the policy can be changed");
    assert!(connect(port, "127.0.0.1"), "who only observes refuses nothing");
    assert_eq!(programs.detached(), Vec::new());
}
