//! Packet captures made from recipes: every way to write them tells the same, damage is named, and nothing
//! hostile does harm.

mod common;

use common::events;
use wb_core::{Bytes, Event, EventKind};
use wb_logs::recognise;
use wb_testkit::traffic::{FileKind, Link, Traffic, Wire};

const RECIPE: &str = "
    2026-05-05T22:00:00Z dns 10.0.0.5:5301 > 10.0.0.53:53 query=Hub.example answer=203.0.113.9,203.0.113.10
    2026-05-05T22:00:01Z dns [2001:db8::5]:5302 > [2001:db8::53]:53 query=hub.example type=AAAA answer=2001:db8::9 over=tcp
    2026-05-05T22:00:02Z tls 10.0.0.5:40001 > 203.0.113.9:443 sni=hub.example alpn=h2,http/1.1 grease=1 up=5100 down=90000
    2026-05-05T22:00:03Z http 10.0.0.5:40002 > 203.0.113.9:8080 host=hub.example:8080 path=/v1/c?x=1 body=id=7&h=infer-1 status=404 requests=2
    2026-05-05T22:00:04Z tcp [2001:db8::5]:40003 > [2001:db8::9]:9000 state=refused
    2026-05-05T22:00:05Z tcp 10.0.0.5:40004 > 203.0.113.9:9001 state=silent
    2026-05-05T22:00:06Z udp 10.0.0.5:123 > 192.0.2.1:123 up=48 down=48
    2026-05-05T22:00:07Z tcp 10.0.0.5:40005 > 203.0.113.9:9002 up=3000 down=10
";

fn traffic() -> Traffic {
    Traffic::parse(RECIPE).expect("a recipe")
}

fn told(capture: &[u8]) -> Vec<Event> {
    events("a.pcap", capture).0
}

fn of<'a>(events: &'a [Event], source: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| event.source == source).collect()
}

#[test]
fn a_capture_tells_who_spoke_with_whom_and_what_was_said() {
    let (events, summary) = events("a.pcap", &traffic().capture(&Wire::default()));
    assert_eq!(summary.problems, Vec::<String>::new());
    assert_eq!(summary.lines, summary.understood);
    let messages: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    for wanted in [
        "10.0.0.5:5301 > 10.0.0.53:53 udp A hub.example = 203.0.113.9,203.0.113.10",
        "[2001:db8::5]:5302 > [2001:db8::53]:53 tcp AAAA hub.example = 2001:db8::9",
        "10.0.0.5:40002 > 203.0.113.9:8080 tcp POST hub.example/v1/c?x=1 404, curl/8.5.0, body id=7&h=infer-1",
        "[2001:db8::5]:40003 > [2001:db8::9]:9000 tcp refused, 2 packets, 0 bytes out, 0 back",
        "10.0.0.5:40004 > 203.0.113.9:9001 tcp unanswered, 1 packets, 0 bytes out, 0 back",
        "10.0.0.5:123 > 192.0.2.1:123 udp answered, 2 packets, 48 bytes out, 48 back",
        "10.0.0.5:40005 > 203.0.113.9:9002 tcp closed, 10 packets, 3000 bytes out, 10 back",
    ] {
        assert!(messages.contains(&wanted), "`{wanted}` is not in {messages:#?}");
    }
    let hello = of(&events, "pcap-tls")[0];
    assert_eq!(hello.net.as_ref().and_then(|net| net.host.as_deref()), Some("hub.example"));
    assert_eq!(hello.field("tls.client.alpn"), Some("h2,http/1.1"));
    assert!(
        hello.field("tls.client.ja4").is_some_and(|ja4| ja4.starts_with("t13d0910h2_")),
        "{hello:?}"
    );
    assert_eq!(
        hello.timestamp().map(|time| time.to_string()).as_deref(),
        Some("2026-05-05T22:00:02.003Z")
    );
    let requests = of(&events, "pcap-http");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].field("http.request.body.id"), Some("7"));
    let whole = of(&events, "pcap");
    assert_eq!(whole.len(), 8);
    let secure =
        whole.iter().find(|event| event.message.contains(" tls ")).expect("one speaks TLS");
    let net = secure.net.as_ref().expect("it is a connection");
    assert_eq!((net.bytes_in, net.host.as_deref()), (Some(90_000), Some("hub.example")));
    assert_eq!(secure.kind, EventKind::Connect);
}

#[test]
fn however_it_was_written_it_tells_the_same() {
    let plain: Vec<String> =
        told(&traffic().capture(&Wire::default())).into_iter().map(|event| event.message).collect();
    for file in [FileKind::Pcap, FileKind::PcapNano, FileKind::PcapNg] {
        for link in [Link::Ethernet, Link::Vlan, Link::Cooked, Link::Cooked2, Link::Raw] {
            let capture = traffic().capture(&Wire { file, link, ..Wire::default() });
            assert_eq!(recognise(Bytes::new(&capture)), Some("pcap"));
            let (events, summary) = events("a.pcap", &capture);
            assert_eq!(summary.problems, Vec::<String>::new());
            let messages: Vec<String> = events.into_iter().map(|event| event.message).collect();
            assert_eq!(messages, plain, "{file:?} {link:?}");
        }
    }
    let words = |wire: Wire| -> Vec<String> {
        let events = told(&traffic().capture(&wire));
        let said = events.into_iter().filter(|event| event.source != "pcap");
        said.map(|event| event.message).collect()
    };
    for segment in [1, 7, 100] {
        for reversed in [false, segment > 7] {
            let wire = Wire { segment, reversed, ..Wire::default() };
            assert_eq!(words(wire), words(Wire::default()), "{wire:?}");
        }
    }
}

#[test]
fn what_a_capture_lacks_is_said() {
    let capture = traffic().capture(&Wire { snap: 96, ..Wire::default() });
    let (seen, summary) = events("a.pcap", &capture);
    assert!(
        summary.problems[0].contains("kept only in part (snap length)"),
        "{:?}",
        summary.problems
    );
    let bulk = seen.iter().find(|event| event.message.contains(":9002")).expect("it is there");
    assert!(bulk.message.contains("3000 bytes out, 10 back"), "{}", bulk.message);

    let capture = traffic().capture(&Wire::default());
    let (_, summary) = events("a.pcap", &capture[..capture.len() - 3]);
    assert_eq!(summary.problems[0], "the file is cut within its last record");

    for file in [FileKind::Pcap, FileKind::PcapNg] {
        let mut capture = traffic().capture(&Wire { file, ..Wire::default() });
        let (whole, _) = events("a.pcap", &capture);
        let hello = of(&whole, "pcap-tls")[0].record.offset;
        let at = usize::try_from(hello).expect("a small file");
        capture[at..at + 16].fill(0xff);
        let (seen, summary) = events("a.pcap", &capture);
        assert!(
            summary.problems.iter().any(|problem| problem.contains("are damaged and were skipped")),
            "{file:?}: {:?}",
            summary.problems
        );
        assert!(
            seen.len() + 2 >= whole.len() && seen.len() < whole.len() + 2,
            "{} of {}",
            seen.len(),
            whole.len()
        );
    }
}

#[test]
fn damage_longer_than_what_is_searched_at_once_is_passed() {
    for file in [FileKind::Pcap, FileKind::PcapNg] {
        let capture = traffic().capture(&Wire { file, ..Wire::default() });
        let (whole, _) = events("a.pcap", &capture);
        let hello = usize::try_from(of(&whole, "pcap-tls")[0].record.offset).expect("a small file");
        let mut damaged = capture[..hello].to_vec();
        damaged.resize(damaged.len() + (3 << 20), 0xff);
        damaged.extend(&capture[hello..]);
        let (seen, summary) = events("a.pcap", &damaged);
        assert_eq!(seen.len(), whole.len(), "{file:?}");
        assert!(
            summary.problems[0].starts_with("3145728 bytes are damaged"),
            "{:?}",
            summary.problems
        );
    }
}

#[test]
fn a_capture_cut_anywhere_is_read_as_far_as_it_goes() {
    for file in [FileKind::Pcap, FileKind::PcapNg] {
        let capture = traffic().capture(&Wire { file, ..Wire::default() });
        let whole = told(&capture).len();
        for end in
            (0..200).chain((200..4000).step_by(29)).chain((4000..capture.len()).step_by(9_973))
        {
            let (seen, _) = events("a.pcap", &capture[..end]);
            assert!(seen.len() <= whole + 2, "{end}");
        }
    }
}

#[test]
fn mutations_never_panic_and_never_multiply() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).expect("64 bit")
    };
    for file in [FileKind::Pcap, FileKind::PcapNano, FileKind::PcapNg] {
        // Small segments put many headers in the way of the mutations.
        let capture = traffic().capture(&Wire { file, segment: 600, ..Wire::default() });
        let capture = &capture[..capture.len().min(24_000)];
        for _ in 0..25 {
            let mut broken = capture.to_vec();
            for _ in 0..40 {
                let at = random() % broken.len();
                match random() % 4 {
                    0 => broken[at] = u8::try_from(random() % 256).expect("a byte"),
                    1 => broken[at] = [0, 0xff, 0x7f, 0x80][random() % 4],
                    2 => {
                        broken.remove(at);
                    }
                    _ => broken.insert(at, 0),
                }
            }
            let (seen, summary) = events("a.pcap", &broken);
            assert!(seen.len() < 400 && summary.lines < 2_000);
        }
    }
}
