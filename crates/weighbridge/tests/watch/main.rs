//! `weighbridge watch` on a host of its own: network namespaces with an inference server that loads a pickle,
//! a store, a name server, and a listener that stands for an attacker. Needs root, control groups of version 2
//! and a kernel that takes programs; where that is missing the tests say so and pass.

#![cfg(target_os = "linux")]

mod field;
mod flood;
mod lesser;

use field::{ATTACKER, Field, RESOLVER, STORE, Watch, wait};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use wb_testkit::Run;

/// Payload connections among ordinary ones. `WEIGHBRIDGE_WATCH_FULL` asks for all of them.
fn amounts() -> (u32, u32) {
    if std::env::var_os("WEIGHBRIDGE_WATCH_FULL").is_some() { (1000, 10_000) } else { (60, 600) }
}

/// The field, or why there is none, loudly.
fn field(name: &str) -> Option<Field> {
    match Field::new(name) {
        Ok(field) => Some(field),
        Err(why) => {
            eprintln!("SKIPPED: `watch` is NOT tested here on a live host: {why}");
            None
        }
    }
}

fn policy(field: &Field, mode: &str, more: &str) -> PathBuf {
    let scratch = field.scratch.folder().display();
    let cgroup = field.cgroup.file_name().expect("it has a name").to_string_lossy().into_owned();
    let text = format!(
        "mode = \"{mode}\"\nmodels = [\"{scratch}/models\"]\n{more}\n[[service]]\nname = \"inference\"\ncgroup = \"/{cgroup}\"\n\
         [[service.allow]]\ncidr = \"{STORE}\"\nport = 80\n[[service.allow]]\ncidr = \"{RESOLVER}\"\nport = 53\n\
         [outputs]\njsonl = \"{scratch}/alerts.jsonl\"\nrecords = \"{scratch}/records.jsonl\"\nincidents = \"{scratch}/incidents\"\n"
    );
    let path = field.path("policy.toml");
    fs::write(&path, text).expect("it can be written");
    path
}

fn records(field: &Field, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(field.path(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("whole lines of JSON")).collect()
}

/// Records of connections to an address.
fn connections(field: &Field, address: &str) -> Vec<Value> {
    let mut found = records(field, "records.jsonl");
    found.retain(|record| {
        record["weighbridge.watch"] == "connect" && record["destination.ip"] == address
    });
    found
}

fn listeners(field: &mut Field) {
    let (store, attacker) = (field.path("store"), field.path("attacker"));
    field.start_outside(&format!("listen {STORE} 80 {}", store.display()));
    field.start_outside(&format!("listen {ATTACKER} 8080 {}", attacker.display()));
    wait("both listen", || store.exists() && attacker.exists());
}

/// Ordinary connections while a poisoned model is loaded.
fn trouble(field: &Field, payloads: u32, ordinary: u32) {
    let half = ordinary / 2;
    assert_eq!(field.ask(&format!("/ordinary/{STORE}/{half}")), Ok(half.to_string()));
    field.poison(payloads);
    std::thread::scope(|scope| {
        let poisoned = scope.spawn(|| field.ask("/").expect("the server answers"));
        assert_eq!(
            field.ask(&format!("/ordinary/{STORE}/{half}")),
            Ok(half.to_string()),
            "ordinary ones are untouched"
        );
        poisoned.join().expect("it was asked");
    });
}

#[test]
fn every_connection_is_attributed_to_its_process_and_its_model() {
    let Some(mut field) = field("see") else { return };
    let (payloads, ordinary) = amounts();
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "");
    let mut watch = Watch::start(&field, &policy);
    assert!(!watch.is_over(), "{}", watch.said());
    trouble(&field, payloads, ordinary);
    wait("all came through", || field.counted("attacker") == u64::from(payloads));
    wait("all are told", || connections(&field, ATTACKER).len() == payloads as usize);
    wait("ordinary ones too", || connections(&field, STORE).len() == ordinary as usize);
    watch.stop();
    let seen = connections(&field, ATTACKER);
    for record in &seen {
        let chain = record["weighbridge.chain"].as_str().unwrap_or_default();
        assert!(chain.contains("python3 (loaded production_model.pkl, sha256 "), "{record}");
        assert!(
            record["process.pid"].is_u64() && record["weighbridge.policy"] == "outside",
            "{record}"
        );
    }
    let pids: std::collections::BTreeSet<_> =
        seen.iter().map(|record| record["process.pid"].as_u64()).collect();
    assert_eq!(pids.len(), payloads as usize, "each by a process of its own");
    assert!(
        connections(&field, STORE).iter().all(|record| record["weighbridge.policy"] == "allowed")
    );
    let alerts = records(&field, "alerts.jsonl");
    let rules: Vec<&str> = alerts.iter().filter_map(|alert| alert["rule.name"].as_str()).collect();
    for rule in [
        "model-file-written",
        "malicious-model",
        "changed-model-loaded",
        "serving-process-runs-command",
    ] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
}

#[test]
fn nothing_gets_out_and_the_story_is_told_from_the_folder() {
    let Some(mut field) = field("block") else { return };
    let (payloads, ordinary) = amounts();
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "enforce", "fail = \"closed\"");
    let mut watch = Watch::start(&field, &policy);
    assert!(!watch.is_over(), "{}", watch.said());
    trouble(&field, payloads, ordinary);
    wait("all are told", || connections(&field, ATTACKER).len() == payloads as usize);
    assert_eq!(field.counted("attacker"), 0, "nothing gets out");
    assert!(connections(&field, ATTACKER).iter().all(|record| record["verdict"] == "blocked"));
    watch.kill();
    assert_eq!(
        field.ask(&format!("/ordinary/{STORE}/10")),
        Ok("10".to_owned()),
        "the server serves on"
    );
    field.poison(payloads + 1);
    field.ask("/").expect("the server answers");
    assert_eq!(field.counted("attacker"), 0, "nor after kill -9");
    let mut again = Watch::start(&field, &policy);
    assert!(again.said().contains("events from the time without a watch"), "{}", again.said());
    wait("what happened meanwhile is told", || {
        connections(&field, ATTACKER).len() == 2 * payloads as usize + 1
    });
    again.stop();
    let released = weighbridge(&["watch", "release", "--policy", &policy.to_string_lossy()]);
    assert!(released.err.contains("programs were detached"), "{}", released.err);
    let again = weighbridge(&["watch", "release", "--policy", &policy.to_string_lossy()]);
    assert!(again.err.contains("nothing was attached"), "{}", again.err);
    story(&field);
}

/// `investigate` tells from the incident's folder what happened.
fn story(field: &Field) {
    let folders = fs::read_dir(field.path("incidents")).expect("it was written");
    let mut folders: Vec<PathBuf> =
        folders.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    folders.sort();
    let folder = folders.first().expect("an incident").to_string_lossy().into_owned();
    let told = weighbridge(&["investigate", &folder]);
    for part in ["COMPROMISED", "production_model.pkl", ATTACKER] {
        assert!(told.out.contains(part), "{part}:\n{}", told.out);
    }
    if let Some(copy) = std::env::var_os("WEIGHBRIDGE_WATCH_KEEP") {
        drop(std::process::Command::new("cp").args(["-r", &folder]).arg(copy).status());
    }
}

fn weighbridge(arguments: &[&str]) -> wb_testkit::Ended {
    Run::of(env!("CARGO_BIN_EXE_weighbridge")).args(arguments).end()
}

#[test]
fn a_broken_policy_keeps_the_last_good_one() {
    let Some(mut field) = field("policy") else { return };
    field.start_server();
    let policy = policy(&field, "alert", "");
    let good = fs::read_to_string(&policy).expect("it is there");
    let mut watch = Watch::start(&field, &policy);
    fs::write(&policy, "mode = \"enfroce\"\n").expect("it can be written");
    wait("it is told", || watch.said().contains("policy-broken"));
    assert!(watch.said().contains("enfroce"), "{}", watch.said());
    fs::write(&policy, good).expect("it can be written");
    wait("and that it is over", || watch.said().contains("resolved"));
    assert!(!watch.is_over());
    assert!(field.ask("/").is_ok());
}

#[test]
fn a_flood_of_events_loses_nothing_silently_and_the_server_serves_on() {
    let Some(mut field) = field("flood") else { return };
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "");
    let mut watch = Watch::start(&field, &policy);
    let made: u64 =
        field.ask("/flood/127.0.0.9/1").expect("the server answers").parse().expect("a number");
    assert!(field.ask("/").is_ok(), "the server serves on");
    let told = |field: &Field| {
        let text = fs::read_to_string(field.path("records.jsonl")).unwrap_or_default();
        let connects = text.matches("\"weighbridge.watch\":\"connect\"").count() as u64;
        let lost = |text: &str| {
            let number = text.split(" were lost").next()?.rsplit(['"', ' ']).nth(1)?;
            number.parse::<u64>().ok()
        };
        let losses = text.lines().filter(|line| line.contains(" were lost"));
        let losses = losses.filter(|line| line.contains("\"weighbridge.watch\":\"sensor\""));
        (connects, losses.filter_map(lost).sum::<u64>())
    };
    let counted = |field: &Field| {
        let (connects, lost) = told(field);
        connects + lost
    };
    wait("every event is told, or told as lost", || counted(&field) >= made || watch.is_over());
    watch.stop();
    assert!(counted(&field) >= made, "{:?} of {made}", told(&field));
    println!("{made} datagrams in a second: {:?} told and lost", told(&field));
}

#[test]
fn names_are_allowed_as_the_name_server_answers_them() {
    let Some(mut field) = field("names") else { return };
    listeners(&mut field);
    field.start_outside(&format!("resolve {RESOLVER} {STORE}"));
    field.start_server();
    let path = policy(&field, "enforce", "");
    let by_name = fs::read_to_string(&path)
        .expect("it is there")
        .replace(&format!("cidr = \"{STORE}\""), "host = \"hub.example\"");
    fs::write(&path, by_name).expect("it can be written");
    let mut watch = Watch::start(&field, &path);
    assert!(!watch.is_over(), "{}", watch.said());
    assert_eq!(
        field.ask(&format!("/ordinary/{STORE}/1")),
        Ok("0".to_owned()),
        "nobody has asked for it yet"
    );
    wait("another name opens nothing", || {
        field.ask(&format!("/named/{RESOLVER}/other.example")) == Ok("False".to_owned())
    });
    wait("the name opens it", || {
        field.ask(&format!("/named/{RESOLVER}/hub.example")) == Ok("True".to_owned())
    });
}

#[test]
fn a_malicious_model_is_held_until_its_verdict_and_never_loaded() {
    let Some(mut field) = field("hold") else { return };
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "hold-loads = true");
    let mut watch = Watch::start(&field, &policy);
    assert!(!watch.is_over(), "{}", watch.said());
    field.poison(3);
    assert!(field.ask("/").is_err(), "opening it is refused");
    wait("it is told", || watch.said().contains("malicious-model"));
    assert_eq!(field.counted("attacker"), 0, "it was never loaded");
    field.heal();
    wait("a clean one is loaded", || field.ask("/").is_ok_and(|reply| reply.contains("weights")));
}
