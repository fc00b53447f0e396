//! More events than anybody can read: what is not told is told as lost, to the last one, and the server serves on.

use crate::field::{Field, STORE, Watch, wait};
use crate::{field, listeners, policy};
use std::fs;
use std::time::{Duration, Instant};

/// Where the flood goes: nobody is there.
const NOWHERE: &str = "127.0.0.9";

/// Processes that send at once.
const PROCESSES: u64 = 4;

/// Datagrams that the kernel counts as sent in the namespace of the server.
fn sent(field: &Field) -> u64 {
    let text = field.run_inside("cat /proc/net/snmp").expect("it is there");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let mut both = names.split(' ').zip(values.split(' '));
    let found = both.find(|(name, _)| *name == "OutDatagrams").expect("it is counted");
    found.1.parse().expect("a number")
}

/// Connections that were recorded, and connections that were told as lost.
fn told(field: &Field) -> (u64, u64) {
    let text = fs::read_to_string(field.path("records.jsonl")).unwrap_or_default();
    let (mut recorded, mut lost) = (0, 0);
    for line in text.lines() {
        if line.contains("\"weighbridge.watch\":\"connect\"") {
            recorded += 1;
        } else if line.contains("\"weighbridge.watch\":\"sensor\"") {
            let message = line.split("\"message\":\"").nth(1).unwrap_or_default();
            let count = message.split(" connections were lost").next();
            lost += count.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
        assert!(!line.contains("records were lost"), "the disk is not full: {line}");
    }
    (recorded, lost)
}

#[test]
fn every_event_of_a_flood_is_recorded_or_counted_as_lost_and_the_server_serves_on() {
    let Some(mut field) = field("more") else { return };
    let seconds = if std::env::var_os("WEIGHBRIDGE_WATCH_FULL").is_some() { 10 } else { 2 };
    listeners(&mut field);
    field.start_server();
    let policy = policy(&field, "alert", "");
    let mut watch = Watch::start(&field, &policy);
    assert!(!watch.is_over(), "{}", watch.said());
    let before = sent(&field);
    let flood = format!("/floods/{NOWHERE}/{seconds}/{PROCESSES}");
    let (start, mut served) = (Instant::now(), 0);
    let made: u64 = std::thread::scope(|scope| {
        let made = scope.spawn(|| field.ask(&flood).expect("the server answers"));
        while start.elapsed() < Duration::from_secs(seconds) {
            assert!(field.ask("/").is_ok(), "the server serves on");
            assert_eq!(field.ask(&format!("/ordinary/{STORE}/5")), Ok("5".to_owned()));
            served += 1;
        }
        made.join().expect("it was asked").parse().expect("a number")
    });
    // What the kernel counted itself, and what the server did beside it.
    let all = sent(&field) - before + 5 * served;
    assert!(served > 0 && all >= made, "{all} counted, {made} made");
    let sum = |(recorded, lost): (u64, u64)| recorded + lost;
    wait("everything is told", || sum(told(&field)) >= all || watch.is_over());
    watch.stop();
    let (recorded, lost) = told(&field);
    assert_eq!(recorded + lost, all, "{recorded} recorded and {lost} lost");
    println!("{} events a second, {recorded} recorded, {lost} told as lost", all / seconds);
}
