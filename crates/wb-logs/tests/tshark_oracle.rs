//! What tshark sees in the same captures: names, hosts, fingerprints, counts of conversations and of bytes.

mod common;

use common::events;
use std::collections::BTreeSet;
use wb_core::Event;
use wb_testkit::traffic::{FileKind, Link, Traffic, Wire};
use wb_testkit::{Run, Scratch, oracle};

const RECIPE: &str = "
    2026-05-05T22:00:00Z dns 10.0.0.5:5301 > 10.0.0.53:53 query=hub.example answer=203.0.113.9
    2026-05-05T22:00:00Z dns 10.0.0.5:5303 > 10.0.0.53:53 query=no.example rcode=3
    2026-05-05T22:00:01Z dns [2001:db8::5]:5302 > [2001:db8::53]:53 query=t.example type=TXT answer=part-one over=tcp
    2026-05-05T22:00:02Z tls 10.0.0.5:40001 > 203.0.113.9:443 sni=hub.example alpn=h2,http/1.1 grease=1 up=5100 down=9000
    2026-05-05T22:00:02Z tls 10.0.0.5:40011 > 203.0.113.10:443 sni=old.example old=1 up=10
    2026-05-05T22:00:02Z tls [2001:db8::5]:40012 > [2001:db8::9]:8443 alpn=http/1.1
    2026-05-05T22:00:03Z http 10.0.0.5:40002 > 203.0.113.9:80 host=cdn.example path=/v1/c?x=1 body=id=7 status=404 requests=2
    2026-05-05T22:00:03Z http 10.0.0.5:40022 > 203.0.113.9:8080 host=other.example agent=python-requests/2.32
    2026-05-05T22:00:04Z tcp [2001:db8::5]:40003 > [2001:db8::9]:9000 state=refused times=3
    2026-05-05T22:00:06Z udp 10.0.0.5:50123 > 192.0.2.1:123 up=48 down=48 times=4 every=2
";

/// JA4 from what tshark dissects, written after the description of the method and in another language.
const JA4: &str = r#"
import hashlib, sys
def short(text): return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
grease = {"%02x%02x" % (b, b) for b in range(0x0a, 0x100, 0x10)}
for line in sys.stdin:
    ciphers, kinds, algorithms, alpn, versions, version, name = line.rstrip("\n").split("\t")
    def values(text, width=4):
        found = [format(int(v, 0), "04x") for v in text.split(",") if v]
        return [v for v in found if v not in grease]
    ciphers, kinds, algorithms = values(ciphers), values(kinds), values(algorithms)
    newest = max(values(versions) or values(version))
    number = {"0304": "13", "0303": "12", "0302": "11", "0301": "10"}[newest]
    first = alpn.split(",")[0]
    mark = first[0] + first[-1] if first else "00"
    head = "t%s%s%02d%02d%s" % (number, "d" if name else "i", len(ciphers), len(kinds), mark)
    rest = sorted(k for k in kinds if k not in ("0000", "0010"))
    text = ",".join(rest) + ("_" + ",".join(algorithms) if algorithms else "")
    print("%s_%s_%s" % (head, short(",".join(sorted(ciphers))), short(text)))
"#;

fn captures() -> Vec<(FileKind, Link, Vec<u8>)> {
    let traffic = Traffic::parse(RECIPE).expect("a recipe");
    let kinds = [(FileKind::Pcap, Link::Ethernet, 1400), (FileKind::PcapNg, Link::Cooked2, 200)];
    let write = |(file, link, segment)| {
        (file, link, traffic.capture(&Wire { file, link, segment, ..Wire::default() }))
    };
    kinds.into_iter().map(write).collect()
}

/// The lines that tshark prints of `fields` where `filter` holds.
fn dissected(capture: &[u8], filter: &str, fields: &[&str]) -> Option<Vec<String>> {
    let scratch = Scratch::new().with("a.pcap", capture);
    let mut arguments = vec!["-n", "-Y", filter, "-T", "fields"];
    for field in fields {
        arguments.extend(["-e", *field]);
    }
    let printed = oracle::tshark(scratch.path("a.pcap").as_ref(), &arguments)?;
    Some(printed.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn of<'a>(events: &'a [Event], source: &'a str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.source == source)
}

fn host(event: &Event) -> String {
    event.net.as_ref().and_then(|net| net.host.clone()).unwrap_or_default()
}

#[test]
fn names_requests_and_fingerprints_agree() {
    for (file, link, capture) in captures() {
        let (seen, _) = events("a.pcap", &capture);
        let fields = ["frame.number", "tls.handshake.extensions_server_name", "tls.handshake.ja3"];
        let Some(hellos) = dissected(&capture, "tls.handshake.type == 1", &fields) else { return };
        let ours = of(&seen, "pcap-tls").map(|event| {
            let ja3 = event.field("tls.client.ja3").unwrap_or_default();
            format!("{}\t{ja3}", host(event))
        });
        let theirs: Vec<String> = hellos
            .iter()
            .filter_map(|line| line.split_once('\t').map(|(_, rest)| rest.to_owned()))
            .collect();
        assert_eq!(sorted(ours.collect()), sorted(theirs), "{file:?} {link:?}");

        let fields = [
            "tls.handshake.ciphersuite",
            "tls.handshake.extension.type",
            "tls.handshake.sig_hash_alg",
            "tls.handshake.extensions_alpn_str",
            "tls.handshake.extensions.supported_version",
            "tls.handshake.version",
            "tls.handshake.extensions_server_name",
        ];
        let parts =
            dissected(&capture, "tls.handshake.type == 1", &fields).expect("it was there above");
        let computed =
            Run::of(oracle::python()).args(["-c", JA4]).input(parts.join("\n") + "\n").end();
        let theirs = computed.code(0).out.lines().map(str::to_owned).collect();
        let ours = of(&seen, "pcap-tls")
            .filter_map(|event| event.field("tls.client.ja4").map(str::to_owned));
        assert_eq!(sorted(ours.collect()), sorted(theirs), "{file:?} {link:?}");

        let fields = ["http.request.method", "http.host", "http.request.uri", "http.user_agent"];
        let theirs = dissected(&capture, "http.request", &fields).expect("it was there above");
        let ours = of(&seen, "pcap-http").map(|event| {
            let net = event.net.as_ref().expect("a request");
            let method = net.method.as_deref().unwrap_or_default();
            let path = net.path.as_deref().unwrap_or_default();
            format!(
                "{method}\t{}\t{path}\t{}",
                host(event),
                event.field("user_agent.original").unwrap_or_default()
            )
        });
        // The port 8080 is not in the recipe's `Host`, so hosts agree as written.
        assert_eq!(sorted(ours.collect()), sorted(theirs), "{file:?} {link:?}");

        let fields = ["dns.qry.name", "dns.flags.rcode", "dns.a", "dns.txt"];
        let theirs =
            dissected(&capture, "dns.flags.response == 1", &fields).expect("it was there above");
        let ours = of(&seen, "pcap-dns").map(|event| {
            let answers = event.net.as_ref().map(|net| net.answers.join(",")).unwrap_or_default();
            let code = if event.field("dns.response_code") == Some("NXDOMAIN") { 3 } else { 0 };
            let text = event.field("dns.question.type") == Some("TXT");
            let (address, text) =
                if text { (String::new(), answers) } else { (answers, String::new()) };
            format!("{}\t{code}\t{address}\t{text}", host(event))
        });
        assert_eq!(sorted(ours.collect()), sorted(theirs), "{file:?} {link:?}");
    }
}

#[test]
fn conversations_packets_and_bytes_agree() {
    for (file, link, capture) in captures() {
        let (seen, summary) = events("a.pcap", &capture);
        for (filter, transport) in [("tcp", "tcp.stream"), ("udp", "udp.stream")] {
            let Some(streams) = dissected(&capture, filter, &[transport, "frame.len"]) else {
                return;
            };
            let ids: BTreeSet<&str> =
                streams.iter().filter_map(|line| line.split('\t').next()).collect();
            let bytes: u64 = streams
                .iter()
                .filter_map(|line| line.split('\t').nth(1)?.parse::<u64>().ok())
                .sum();
            let ours: Vec<&Event> = of(&seen, "pcap")
                .filter(|event| {
                    event.net.as_ref().and_then(|net| net.transport.as_deref()) == Some(filter)
                })
                .collect();
            let sum = |name: &str| -> u64 {
                ours.iter().filter_map(|event| event.field(name)?.parse::<u64>().ok()).sum()
            };
            assert_eq!(ours.len(), ids.len(), "{file:?} {link:?} {filter}");
            assert_eq!(sum("network.packets"), streams.len() as u64, "{file:?} {link:?} {filter}");
            assert_eq!(sum("network.bytes"), bytes, "{file:?} {link:?} {filter}");
        }
        let frames = dissected(&capture, "frame", &["frame.number"]).expect("it was there above");
        assert_eq!(summary.lines, frames.len() as u64);
    }
}
