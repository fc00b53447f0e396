//! Sensors and blocking without programs in the kernel: what connection tracking, fanotify and nftables give.

use crate::field::{ATTACKER, Field, SERVER, STORE, Watch, wait};
use crate::{amounts, connections, field, listeners, policy, records, trouble};
use serde_json::Value;
use std::fs;

const WEIGHBRIDGE: &str = env!("CARGO_BIN_EXE_weighbridge");

/// Has connections tracked in the namespace of the server; says why not, loudly.
fn tracks(field: &Field) -> bool {
    let rules = "table inet test { chain output { type filter hook output priority 0; ct state new accept; }; }";
    match field.run_inside(&format!("nft '{rules}'")) {
        Ok(_) => true,
        Err(why) => {
            eprintln!("SKIPPED: connection tracking is NOT tested here: {why}");
            false
        }
    }
}

#[test]
fn connections_are_seen_once_when_they_begin_also_without_a_socket_in_the_tables() {
    let Some(mut field) = field("track") else { return };
    if !tracks(&field) {
        return;
    }
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "");
    let mut watch = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    assert!(watch.said().contains("connections that are tracked"), "{}", watch.said());
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/60")), Ok("60".to_owned()));
    field.ask(&format!("/flood/{ATTACKER}/0.1")).expect("the server answers");
    field.knock();
    wait("short ones are seen", || connections(&field, STORE).len() >= 60);
    wait("and a datagram", || !connections(&field, ATTACKER).is_empty());
    std::thread::sleep(std::time::Duration::from_millis(2500));
    watch.stop();
    assert_eq!(connections(&field, STORE).len(), 60, "each once");
    let datagrams = connections(&field, ATTACKER);
    assert_eq!(datagrams.len(), 1, "one socket, one destination: {datagrams:?}");
    assert!(datagrams.iter().all(|record| record["network.transport"] == "udp"));
    assert!(connections(&field, SERVER).is_empty(), "what others begin is not told");
    let own = |record: &Value| record["service.name"] == "inference";
    for record in records(&field, "records.jsonl").iter().filter(|record| own(record)) {
        let chain = record["weighbridge.chain"].as_str().unwrap_or("python3");
        assert!(chain.starts_with("python3"), "nobody else is named: {record}");
    }
}

#[test]
fn where_nothing_is_tracked_the_watch_says_so() {
    let Some(mut field) = field("plain") else { return };
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "");
    let mut watch = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    let said = watch.said();
    assert!(said.contains("nothing is tracked in this network namespace"), "{said}");
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/20")), Ok("20".to_owned()));
    wait("ends of sockets tell them", || connections(&field, STORE).len() == 20);
    watch.stop();
}

/// Whether `nft` can be used in the namespace of the server; says why not, loudly.
fn blocks(field: &Field) -> bool {
    let asked = field.run_inside("nft list ruleset");
    asked.inspect_err(|why| eprintln!("SKIPPED: nftables is NOT tested here: {why}")).is_ok()
}

/// The tables of weighbridge in the namespace of the server.
fn tables(field: &Field) -> usize {
    let listed = field.run_inside("nft list tables").expect("it was asked before");
    listed.lines().filter(|line| line.contains("inet weighbridge_")).count()
}

fn refused(field: &Field) -> usize {
    let blocked = |record: &&Value| record["verdict"] == "blocked";
    connections(field, ATTACKER).iter().filter(blocked).count()
}

#[test]
fn nftables_refuses_what_is_not_allowed_and_a_killed_watch_falls_open() {
    let Some(mut field) = field("open") else { return };
    if !blocks(&field) {
        return;
    }
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "enforce", "");
    let mut watch = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    assert!(watch.said().contains("is refused by table `inet weighbridge_"), "{}", watch.said());
    trouble(&field, 20, 100);
    wait("all are told", || refused(&field) >= 20);
    assert_eq!((field.counted("attacker"), refused(&field)), (0, 20), "none gets out");
    assert!(connections(&field, STORE).iter().all(|record| record["verdict"] != "blocked"));
    let by_whom = connections(&field, ATTACKER);
    assert!(by_whom.iter().all(|record| record["service.name"] == "inference"), "{by_whom:?}");
    field.run_inside("nft flush ruleset").expect("root may");
    wait("a table that is gone is written again", || tables(&field) == 1);
    wait("and told", || watch.said().contains("sensor-detached"));
    field.heal();
    field.poison(5);
    field.ask("/").expect("the server answers");
    assert_eq!(field.counted("attacker"), 0, "and it refuses again");
    watch.kill();
    assert_eq!(tables(&field), 1);
    std::thread::sleep(std::time::Duration::from_millis(5500));
    field.poison(7);
    field.ask("/").expect("the server answers");
    wait("everything passes five seconds later", || field.counted("attacker") == 7);
    let mut again = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    assert!(!again.is_over(), "{}", again.said());
    again.stop();
    assert_eq!(tables(&field), 0, "a clean end leaves nothing");
}

#[test]
fn nftables_goes_on_refusing_after_a_kill_when_the_policy_fails_closed() {
    let Some(mut field) = field("shut") else { return };
    if !blocks(&field) {
        return;
    }
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "enforce", "fail = \"closed\"");
    let mut watch = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    assert!(!watch.is_over(), "{}", watch.said());
    watch.kill();
    std::thread::sleep(std::time::Duration::from_millis(5500));
    field.poison(5);
    field.ask("/").expect("the server answers");
    assert_eq!(field.counted("attacker"), 0, "nor after kill -9");
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/10")), Ok("10".to_owned()), "it serves on");
    let mut again = Watch::start_inside(&field, &policy, &["--tier", "t1"]);
    assert!(again.said().contains("5 packets were refused by the table"), "{}", again.said());
    again.stop();
    assert_eq!(tables(&field), 1, "a clean end neither");
    let release = format!("{} watch release --policy {}", WEIGHBRIDGE, policy.display());
    field.run_inside(&release).expect("it is released");
    assert_eq!(tables(&field), 0);
    field.poison(6);
    field.ask("/").expect("the server answers");
    wait("everything passes", || field.counted("attacker") == 6);
}

#[test]
fn nftables_tells_a_service_by_its_user() {
    let Some(mut field) = field("user") else { return };
    if !blocks(&field) {
        return;
    }
    listeners(&mut field);
    field.start_server();
    let path = policy(&field, "enforce", "blocking = \"nftables\"");
    let text = fs::read_to_string(&path).expect("it is there");
    let cgroup = text.lines().find(|line| line.starts_with("cgroup")).expect("it names one");
    fs::write(&path, text.replace(cgroup, "user = 4242")).expect("it can be written");
    let mut watch = Watch::start_inside(&field, &path, &[]);
    assert!(!watch.is_over(), "{}", watch.said());
    let connect = |user: u32, address: &str, port: u16| {
        let script = format!("exec 3<>/dev/tcp/{address}/{port}");
        field.run_inside(&format!("setpriv --reuid {user} bash -c '{script}'")).is_ok()
    };
    assert!(connect(4242, STORE, 80), "allowed");
    assert!(!connect(4242, ATTACKER, 8080), "not allowed");
    assert!(connect(4243, ATTACKER, 8080), "another user");
    wait("it is told", || refused(&field) == 1);
    watch.stop();
}

#[test]
fn without_nft_or_in_another_namespace_enforcing_is_refused() {
    let Some(mut field) = field("none") else { return };
    field.start_server();
    let policy = policy(&field, "enforce", "");
    let run = wb_testkit::Run::of(WEIGHBRIDGE);
    let outside = run.args(["watch", "--tier", "t1", "--policy", &policy.to_string_lossy()]).end();
    assert_eq!(outside.code, Some(2), "{}", outside.err);
    let why = &outside.err;
    let elsewhere =
        why.contains("in another network namespace") || why.contains("the command `nft`");
    assert!(elsewhere && why.contains("hint: use tier t2"), "{why}");
}

#[test]
fn a_policy_that_changes_changes_the_table() {
    let Some(mut field) = field("swap") else { return };
    if !blocks(&field) {
        return;
    }
    listeners(&mut field);
    field.start_server();
    let path = policy(&field, "enforce", "");
    let text = fs::read_to_string(&path).expect("it is there");
    let mut watch = Watch::start_inside(&field, &path, &["--tier", "t1"]);
    assert!(!watch.is_over(), "{}", watch.said());
    let write = |text: &str| fs::write(&path, text).expect("it can be written");
    write(&text.replace(&format!("cidr = \"{STORE}\""), "cidr = \"198.51.100.1\""));
    wait("the store is no longer allowed", || {
        field.ask(&format!("/ordinary/{STORE}/1")) == Ok("0".to_owned())
    });
    write(&text.replace("mode = \"enforce\"", "mode = \"alert\""));
    wait("nothing is refused", || tables(&field) == 0);
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/1")), Ok("1".to_owned()));
    write(&text);
    wait("the table is there again", || tables(&field) == 1);
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/1")), Ok("1".to_owned()));
    field.poison(3);
    field.ask("/").expect("the server answers");
    wait("and refuses", || refused(&field) == 3);
    assert_eq!(field.counted("attacker"), 0);
    watch.stop();
}

#[test]
fn lesser_tiers_state_what_they_saw_and_name_nobody_wrongly() {
    for tier in ["t1", "t0"] {
        let Some(mut field) = field(tier) else { return };
        let (payloads, ordinary) = amounts();
        listeners(&mut field);
        field.start_server();
        let policy = policy(&field, "alert", "");
        let mut watch = Watch::start_inside(&field, &policy, &["--tier", tier]);
        let said = watch.said();
        assert!(said.contains("cannot"), "{tier} says what it cannot see: {said}");
        trouble(&field, payloads, ordinary);
        wait("all came through", || field.counted("attacker") == u64::from(payloads));
        std::thread::sleep(std::time::Duration::from_millis(2500));
        watch.stop();
        let (bad, good) = (connections(&field, ATTACKER), connections(&field, STORE));
        let attributed = |record: &&Value| record["process.pid"].is_u64();
        eprintln!(
            "{tier}: {} of {payloads} payload connections seen, {} attributed; {} of {ordinary} ordinary ones",
            bad.len(),
            bad.iter().filter(attributed).count(),
            good.len()
        );
        assert!(bad.len() <= payloads as usize && good.len() <= ordinary as usize, "each once");
        assert!(!good.is_empty(), "{tier} sees the ends of sockets");
        for record in bad.iter().filter(attributed) {
            let chain = record["weighbridge.chain"].as_str().unwrap_or_default();
            assert!(chain.contains("python3"), "{record}");
        }
    }
}
