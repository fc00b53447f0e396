//! Sensors and blocking without programs in the kernel: what connection tracking, fanotify and nftables give.

use crate::field::{ATTACKER, Field, SERVER, STORE, Watch, wait};
use crate::{connections, field, listeners, policy, records};
use serde_json::Value;

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
