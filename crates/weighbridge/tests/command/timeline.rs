//! `timeline`: what a reader sees first, and files that pandas and DuckDB read back.

use crate::{case, weighbridge};
use serde_json::Value;
use std::collections::BTreeMap;
use wb_testkit::traffic::{Traffic, Wire};
use wb_testkit::{Run, Scratch, oracle};

/// Lines that a small terminal shows at once.
const SCREEN: usize = 30;

/// Reads the three files back with other programs; prints rows, times, a sum, and texts of each.
const READ_BACK: &str = r#"
import sys, json
import duckdb, pandas
folder = sys.argv[1]
db = duckdb.connect()
db.execute("set TimeZone='UTC'")
def told(source):
    row = db.execute('''select count(*), count("@timestamp"), min("@timestamp")::varchar, max("@timestamp")::varchar,
        sum("log.line"), sum("source.bytes"), count(distinct "event.dataset") from ''' + source).fetchone()
    return [v[:19] if isinstance(v, str) else int(v) for v in row]
timed = "(select * replace (\"@timestamp\"::timestamptz as \"@timestamp\") from %s)"
print(json.dumps(told(f"'{folder}/e.parquet'")))
print(json.dumps(told(timed % f"read_json('{folder}/e.jsonl', format='newline_delimited')")))
print(json.dumps(told(timed % f"read_csv('{folder}/e.csv', header=true)")))
frame = pandas.read_csv(f"{folder}/e.csv")
print(json.dumps(sorted(frame["message"].fillna("").tolist())))
lines = [json.loads(line) for line in open(f"{folder}/e.jsonl")]
print(json.dumps(sorted(line["message"] for line in lines)))
print(json.dumps(sorted(r[0] for r in db.execute(f"select message from '{folder}/e.parquet'").fetchall())))
sketch = [json.loads(line) for line in open(f"{folder}/e.sketch")]
assert all({"message", "datetime", "timestamp_desc"} <= set(line) and not any("." in key for key in line) for line in sketch)
print(len(sketch))
"#;

#[test]
fn the_first_screen_of_each_case_tells_when_it_began() {
    for (name, began, shown) in [
        (
            "quiet-update",
            Some("2026-04-27 16:20:37"),
            &["INTRODUCED", "LOADED", "FIRST OUTBOUND", "DETECTION"][..],
        ),
        ("night-shift", Some(""), &["INTRODUCED", "FIRST OUTBOUND"]),
        ("staged-template", None, &[]),
        ("false-alarm", None, &[]),
    ] {
        let ended = weighbridge(&["timeline", &case(name)]).end();
        let screen: Vec<&str> = ended.code(0).out.lines().take(SCREEN).collect();
        let screen = screen.join("\n");
        assert!(screen.starts_with("TIMELINE "), "{screen}");
        assert!(screen.contains("activity  "), "{screen}");
        match began {
            Some(time) => {
                assert!(screen.contains(&format!("IT BEGAN {time}")), "{name}:\n{screen}")
            }
            None => assert!(
                !ended.out.contains("IT BEGAN") && screen.contains("no moment is marked"),
                "{name}:\n{screen}"
            ),
        }
        for moment in shown {
            assert!(screen.contains(moment), "{name}: {moment}\n{screen}");
            let marked =
                ended.out.lines().any(|line| line.starts_with("20") && line.contains(moment));
            assert!(marked, "{name}: {moment} is marked at no event\n{ended}");
        }
        for line in ended.out.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

#[test]
fn every_first_screen_tells_when_the_story_began() {
    let stories = std::fs::read_dir(case("")).expect("the cases").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name()?.to_str()?.strip_suffix(".story.toml")?.to_owned();
        let text = std::fs::read_to_string(&path).expect("a story");
        Some((name, text.parse::<toml::Table>().expect("a story")))
    });
    let mut told = 0;
    for (name, story) in stories {
        let introduced = story.get("moments").and_then(|moments| moments.get("introduced"));
        let ended = weighbridge(&["timeline", &case(&name)]).end();
        let screen: Vec<&str> = ended.code(0).out.lines().take(SCREEN).collect();
        let screen = screen.join("\n");
        match introduced.and_then(toml::Value::as_str) {
            Some(moment) => {
                let clock = moment[..19].replace('T', " ");
                assert!(screen.contains(&format!("IT BEGAN {clock}")), "{name}:\n{screen}");
                told += 1;
            }
            None => assert!(!screen.contains("IT BEGAN"), "{name}:\n{screen}"),
        }
    }
    assert!(told > 10, "{told} stories have a beginning");
}

#[test]
fn moments_are_those_of_the_investigation() {
    for name in ["quiet-update", "night-shift", "staged-template"] {
        let json = weighbridge(&["investigate", &case(name), "--format", "json"]).end();
        let investigated: Value = serde_json::from_str(&json.out).expect("valid JSON");
        let timeline = weighbridge(&["timeline", &case(name)]).end();
        for entry in investigated["timeline"].as_array().expect("a list") {
            let (Some(key), Some(time)) = (entry["key"].as_str(), entry["time"].as_str()) else {
                continue;
            };
            let clock = time.replace('T', " ");
            let line = format!("{}  {}", &clock[..19], key.replace('_', " ").to_uppercase());
            timeline.prints(&line);
        }
    }
}

#[test]
fn filters_by_host_and_around_a_time() {
    let folder = case("quiet-update");
    let lines = |arguments: &[&str]| {
        let ended = weighbridge(&[&["timeline", &folder], arguments].concat()).end();
        ended.code(0).out.lines().filter(|line| line.starts_with("20")).count()
    };
    let all = lines(&[]);
    assert!((1..all).contains(&lines(&["--host", "model-pulse.example"])));
    assert_eq!(lines(&["--host", "PULSE.EXAMPLE"]), 0);
    assert_eq!(
        lines(&["--around", "2026-04-27 16:20:34", "--within", "3s"]),
        lines(&["--from", "2026-04-27T16:20:31Z", "--to", "2026-04-27T16:20:37Z"])
    );
    assert!(lines(&["--around", "2026-04-27T16:20:34Z"]) < all);
    let ended = weighbridge(&["timeline", &folder, "--host", "model-pulse.example"]).end();
    ended.prints("left out by the filters");
    weighbridge(&["timeline", &folder, "--within", "3 weeks", "--around", "2026-04-27"])
        .end()
        .code(2)
        .complains("a duration is a number and a unit");
    weighbridge(&["timeline", &folder, "--around", "tomorrow"])
        .end()
        .code(2)
        .complains("a time is written like");
    weighbridge(&["timeline", &folder, "--format", "parquet"])
        .end()
        .code(2)
        .complains("hint: name a file with `--output FILE`");
}

/// Logs with everything that could break a row: formulas, quotes, commas, control characters, no time.
fn hard() -> Scratch {
    let text = "2026-05-05T22:00:00Z WARN =HYPERLINK(\"http://hub.example\",\"x\") said\n\
        2026-05-05T22:00:01Z INFO one, two \"three\"\n\
        a line without a time\n\
        2026-05-05T22:00:02.250Z ERROR +1 \u{1b}[31mred\u{1b}[0m \u{202e}reversed\n\
        2026-05-05T22:00:03Z INFO grüße 日本\n\
        2026-05-05T22:00:04Z INFO -2+3 and @SUM(A1)\n";
    let traffic = "2026-05-05T22:00:00Z dns 10.0.0.5:5301 > 10.0.0.53:53 query=hub.example answer=203.0.113.9\n\
        2026-05-05T22:01:00Z tls 10.0.0.5:40001 > 203.0.113.9:443 sni=hub.example alpn=h2 up=51 down=900 every=60 times=30";
    let traffic = Traffic::parse(traffic).expect("a recipe").capture(&Wire::default());
    Scratch::new().with("in/app.log", text).with("in/net.pcap", traffic)
}

#[test]
fn other_programs_read_the_files_back() {
    let scratch = hard();
    for (format, name) in [
        ("parquet", "e.parquet"),
        ("jsonl", "e.jsonl"),
        ("csv", "e.csv"),
        ("timesketch", "e.sketch"),
    ] {
        let arguments =
            ["timeline", &scratch.path("in"), "--format", format, "--output", &scratch.path(name)];
        weighbridge(&arguments).end().code(0).complains("the events are in");
    }
    let csv = std::fs::read_to_string(scratch.path("e.csv")).expect("it was written");
    assert!(!csv.contains(['\u{1b}', '\u{202e}']) && csv.contains("\"'=HYPERLINK"), "{csv}");
    let python = oracle::python();
    let there = Run::of(&python).args(["-c", "import duckdb, pandas"]).succeeds();
    if !oracle::is_there(there, &format!("`{python}` has no `duckdb` and `pandas`")) {
        return;
    }
    let folder = scratch.folder().to_string_lossy().into_owned();
    let ended = Run::of(&python).args(["-c", READ_BACK, &folder]).end();
    let lines: Vec<Value> =
        ended.code(0).out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [parquet, jsonl, csv, csv_texts, jsonl_texts, parquet_texts, sketched] = lines.as_slice()
    else {
        panic!("{ended}")
    };
    assert_eq!((parquet, parquet), (jsonl, csv));
    assert_eq!(parquet[0].as_i64().zip(parquet[1].as_i64()), Some((68, 67)), "{parquet}");
    assert_eq!(parquet[2], "2026-05-05 22:00:00");
    assert_eq!(sketched.as_i64(), parquet[1].as_i64());
    assert_eq!(jsonl_texts, parquet_texts);
    // Cells differ from the texts only by what makes them harmless.
    let plain = |texts: &Value| -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for text in texts.as_array().expect("a list") {
            let text = text.as_str().expect("text");
            let text = text.strip_prefix('\'').unwrap_or(text);
            let text = text.replace('\u{1b}', "\\x1b").replace('\u{202e}', "\\u{202e}");
            *counts.entry(text).or_default() += 1;
        }
        counts
    };
    assert_eq!(plain(csv_texts), plain(parquet_texts));
}

#[test]
fn lines_in_a_pipe_are_in_order_and_a_reader_may_go_away() {
    let scratch = hard();
    let ended = weighbridge(&["timeline", &scratch.path("in"), "--format", "jsonl"]).end();
    let times: Vec<String> = ended
        .code(0)
        .out
        .lines()
        .filter_map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["@timestamp"].as_str().map(|time| time.trim_end_matches('Z').to_owned())
        })
        .collect();
    assert!(times.len() > 60 && times.is_sorted(), "{times:?}");
    let events: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let hello =
        events.iter().find(|event| event["event.dataset"] == "pcap-tls").expect("a handshake");
    assert_eq!(hello["destination.domain"], "hub.example");
    assert!(hello["fields"]["tls.client.ja4"].as_str().is_some_and(|ja4| ja4.starts_with("t13d")));
}
