//! How fast packet captures are read, in megabytes a second on one core: `cargo bench -p wb-logs --bench capture`.

use std::time::Instant;
use wb_core::ArtifactPath;
use wb_logs::flows::FlowTable;
use wb_testkit::traffic::{Traffic, Wire};

fn main() {
    let bulk = "tls 10.0.0.5:1024 > 203.0.113.9:443 sni=hub.example alpn=h2 up=2000 down=400000 times=200 every=1";
    let small =
        "dns 10.0.0.5:1024 > 10.0.0.53:53 query=hub.example answer=203.0.113.9 times=40000 every=0";
    let web = "http 10.0.0.5:1024 > 203.0.113.9:80 host=hub.example path=/v1/c body=id=7 down=4000 times=9000 every=0";
    println!("{:<22} {:>8} {:>10} {:>8}", "capture", "MB", "packets/s", "MB/s");
    for (name, line) in [("TLS, large answers", bulk), ("DNS", small), ("HTTP, small answers", web)]
    {
        let traffic = Traffic::parse(&format!("2026-05-05T22:00:00Z {line}")).expect("a recipe");
        let capture = traffic.capture(&Wire::default());
        let mut best = f64::MAX;
        let mut packets = 0;
        for _ in 0..5 {
            let began = Instant::now();
            let mut table = FlowTable::default();
            let path = ArtifactPath::from("a.pcap");
            let mut sink = |event| table.add(&event);
            let summary =
                wb_logs::read(&path, &mut &capture[..], &wb_logs::ClockHints::default(), &mut sink);
            packets = summary.expect("reading from memory").lines;
            best = best.min(began.elapsed().as_secs_f64());
        }
        let megabytes = capture.len() as f64 / 1e6;
        println!(
            "{name:<22} {megabytes:>8.1} {:>10.0} {:>8.0}",
            packets as f64 / best,
            megabytes / best
        );
    }
}
