//! Rules over events where most records are only counted: what matches is found all the same, at its line.

use wb_core::{Case, Finding};
use wb_engine::{InvestigateOptions, Silent, investigate};
use wb_testkit::Scratch;

fn case(logs: &[(&str, String)]) -> Case {
    let mut folder = Scratch::new();
    for (name, text) in logs {
        folder = folder.with(name, text.as_bytes());
    }
    investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case")
}

fn found<'a>(case: &'a Case, rule: &str) -> Vec<&'a Finding> {
    case.findings.iter().filter(|finding| finding.rule == rule).collect()
}

fn lines(finding: &Finding) -> Vec<u64> {
    // The first repeats the finding's own place.
    finding.evidence.iter().skip(1).filter_map(|evidence| evidence.location.line).collect()
}

/// Zeek's look-ups: ordinary ones, and every hundredth is what `odd` makes of its number.
fn look_ups(odd: impl Fn(u64) -> String) -> String {
    let mut text = "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\n".to_owned();
    for number in 0..6_000_u64 {
        let name = if number % 100 == 99 && number >= 4_000 {
            odd(number)
        } else {
            format!("host{}.example", number % 40)
        };
        let second = 1_793_530_800 + number / 20;
        text.push_str(&format!(
            "{second}.5\tC{number}\t192.0.2.5\t4000\t192.0.2.53\t53\tudp\t{name}\n"
        ));
    }
    text
}

#[test]
fn look_ups_on_the_short_way_are_correlated() {
    let long = |number: u64| format!("{number:048}.t.example");
    let case = case(&[("dns.log", look_ups(long))]);
    let found = found(&case, "dns-long-labels");
    assert_eq!(found.len(), 1, "{:?}", case.findings);
    // Three lines of headers; the tenth long name completes it.
    let lines = lines(found[0]);
    assert_eq!((lines.first(), lines.last()), (Some(&4_103), Some(&5_003)));
    assert_eq!(found[0].location.line, Some(5_003));
    let same = |_| format!("{:048}.t.example", 7);
    let quiet = self::case(&[("dns.log", look_ups(same))]);
    assert!(quiet.findings.is_empty(), "{:?}", quiet.findings);
}

#[test]
fn a_message_among_ordinary_ones_is_found_at_its_line() {
    let mut text = String::new();
    for number in 0..9_000 {
        let (minute, second) = (number / 60 % 60, number % 60);
        let stamp = format!("2026-03-02 {:02}:{minute:02}:{second:02}", number / 3600);
        let message = match number {
            8_000 => "config: model='acme/base', trust_remote_code=True, revision=3f2c9d1, end"
                .to_owned(),
            _ => format!("request {number} served in {} ms", number % 97),
        };
        text.push_str(&format!("{stamp} INFO server: {message}\n"));
    }
    let case = case(&[("server.log", text)]);
    let found = found(&case, "trust-remote-code");
    assert_eq!(found.len(), 1, "{:?}", case.findings);
    assert_eq!(lines(found[0]), [8_001]);
    assert!(found[0].evidence[1].because.contains("trust_remote_code=True"));
}

#[test]
fn logs_are_joined_and_what_is_not_supplied_is_not_said() {
    let load =
        "2026-11-02T22:00:04.000000Z infer-02 model-loader: Loaded model: /models/ranker.pkl\n";
    let connect = concat!(
        "Nov  2 22:00:06 infer-02 sysmon: <Event><System><EventID>3</EventID><TimeCreated ",
        "SystemTime=\"2026-11-02T22:00:06.000000000Z\"/><Computer>infer-02</Computer></System><EventData>",
        "<Data Name=\"Image\">/usr/bin/curl</Data><Data Name=\"Protocol\">tcp</Data><Data Name=\"SourceIp\">192.0.2.6",
        "</Data><Data Name=\"DestinationIp\">198.51.100.7</Data><Data Name=\"DestinationPort\">443</Data></EventData></Event>\n",
    );
    let both = [("deploy.log", load.to_owned()), ("host.log", connect.to_owned())];
    let rule = "command-reaches-out-after-load";
    let joined = case(&both);
    let finding = found(&joined, rule);
    assert_eq!(finding.len(), 1, "{:?}", joined.findings);
    assert_eq!(finding[0].artifact.as_str(), "host.log");
    assert!(finding[0].evidence.iter().any(|evidence| evidence.artifact.as_str() == "deploy.log"));
    for one in &both {
        assert!(found(&case(std::slice::from_ref(one)), rule).is_empty());
    }
}
