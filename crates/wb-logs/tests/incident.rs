//! Logs like those of an incident, as recipes: what an investigation must get out of them.

mod common;

use common::{event, events};
use wb_core::{BeaconState, Event, EventKind as K, NetVerdict, TimeBasis};
use wb_logs::flows::FlowTable;

const FULL: &str = "72fc832e10ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777";

fn kinds(events: &[Event]) -> Vec<K> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_bracketed_deployment_log_tells_two_deployments_and_an_alarm() {
    let (events, summary) = events(
        "deploy.log",
        b"[2026-02-02 08:05:10] INFO  Registry: pulling triage-base v1.0.0\n\
          [2026-02-02 08:05:11] INFO  Source: huggingface.co/acme-ml/triage-base\n\
          [2026-02-02 08:05:13] INFO  Loaded model: first.pkl (sha256: 72fc832e10ff6f91...)\n\
          [2026-02-02 08:05:14] INFO  Model deployed to production inference server\n\
          [2026-03-20 17:41:02] INFO  Model update requested by rel-eng@corp.example\n\
          [2026-03-20 17:41:04] INFO  Source: huggingface.co/acme-labs/triage-base-v2\n\
          [2026-03-20 17:41:06] WARN  New source organisation detected: acme-labs\n\
          [2026-03-20 17:41:07] INFO  Loaded model: second.pkl\n\
          [2026-03-20 17:41:08] INFO  Model deployed to production inference server\n\
          [2026-04-09 03:14:00] ALERT SOC automated alert: unusual outbound HTTPS traffic detected\n\
          [2026-04-09 03:14:01] ALERT Destination: hub.example:443\n\
          [2026-04-09 03:14:33] INFO  Incident INC-77 created - investigation required\n",
    );
    assert_eq!(
        kinds(&events),
        [
            K::Download,
            K::Download,
            K::Load,
            K::Deploy,
            K::Request,
            K::Download,
            K::Note,
            K::Load,
            K::Deploy,
            K::Alert,
            K::Alert,
            K::Ticket,
        ]
    );
    assert_eq!(events[0].field("model.name"), Some("triage-base"));
    assert_eq!(events[0].field("model.version"), Some("v1.0.0"));
    assert_eq!(events[1].field("source.uri"), Some("huggingface.co/acme-ml/triage-base"));
    assert_eq!(events[4].actor.as_deref(), Some("rel-eng@corp.example"));
    assert_eq!(events[6].field("source.organization"), Some("acme-labs"));
    assert_eq!(events[7].field("file.name"), Some("second.pkl"));
    let net = events[10].net.as_ref().expect("a destination");
    assert_eq!((net.host.as_deref(), net.destination_port), (Some("hub.example"), Some(443)));
    assert_eq!(events[11].field("incident.id"), Some("INC-77"));
    assert!(
        events.iter().all(|event| event.time.map(|time| time.basis) == Some(TimeBasis::AssumedUtc))
    );
    assert_eq!((summary.lines, summary.understood, summary.lacks_year), (12, 12, false));
    let digest = &summary.digests[0];
    assert_eq!(
        (digest.file.as_deref(), digest.digest.hex.as_str(), digest.line),
        (Some("first.pkl"), "72fc832e10ff6f91", 3)
    );
    let span = digest.span.expect("found in the line");
    assert_eq!(span.len, 16);
}

#[test]
fn a_change_without_a_change_id_has_none() {
    let release = event(
        "2026-03-10 09:12:44 UTC [INFO ] deploy-svc: release reviewer 2.4.1 requested by ci-bot (change CHG-4471 approved)",
    );
    assert_eq!((release.kind, release.field("change.id")), (K::Request, Some("CHG-4471")));
    assert_eq!(release.field("event.actions"), Some("request,approve"));
    assert_eq!(release.actor.as_deref(), Some("ci-bot"));
    let change = event(
        "2026-03-13 22:47:06 UTC [WARN ] ml-infer-01: model file mtime changed, worker reload triggered (no change id)",
    );
    assert_eq!((change.kind, change.field("change.id")), (K::Change, None));
    assert_eq!(change.field("change.absent"), Some("no change id"));
    assert_eq!(
        (change.host.as_deref(), change.level.as_deref()),
        (Some("ml-infer-01"), Some("warn"))
    );
    let none =
        event("2026-03-14 00:00:00 UTC [INFO ] deploy-svc: scheduled deployments today: none");
    assert_eq!(none.kind, K::Health);
    let upload = event(
        "2026-03-14 03:40:00 UTC [INFO ] deploy-svc: candidate c.h5 uploaded for emergency replacement by j.ortega",
    );
    assert_eq!((upload.kind, upload.actor.as_deref()), (K::Register, Some("j.ortega")));
    assert_eq!(upload.field("file.name"), Some("c.h5"));
    assert_eq!(upload.net, None);
    let complete = event(
        "2026-03-10 09:13:15 UTC [INFO ] deploy-svc: rollout complete on ml-infer-01, ml-infer-02",
    );
    assert_eq!(
        (complete.kind, complete.field("host.names")),
        (K::Deploy, Some("ml-infer-01, ml-infer-02"))
    );
}

#[test]
fn the_journal_tells_who_replaced_the_file() {
    let entry = |who: &str, message: &str| {
        event(&format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1793666067000000\",\"_HOSTNAME\":\"infer-02\",\"SYSLOG_IDENTIFIER\":\"{who}\",\"PRIORITY\":\"6\",\"MESSAGE\":\"{message}\"}}"
        ))
    };
    let deploy = entry(
        "deployer",
        &format!("deploy triage 5.0.2 change=REQ-77 file=live.pkl sha256:{FULL}"),
    );
    assert_eq!((deploy.kind, deploy.field("change.id")), (K::Deploy, Some("REQ-77")));
    assert_eq!(
        (deploy.field("file.name"), deploy.field("hash.sha256")),
        (Some("live.pkl"), Some(FULL))
    );
    assert_eq!(
        (deploy.field("model.name"), deploy.field("model.version")),
        (Some("triage"), Some("5.0.2"))
    );
    let replaced = entry(
        "sudo",
        "svc-backup : TTY=pts/0 ; PWD=/models ; USER=root ; COMMAND=/usr/bin/install -m 644 /tmp/.p live.pkl",
    );
    assert_eq!((replaced.kind, replaced.actor.as_deref()), (K::Change, Some("svc-backup")));
    assert_eq!(
        (replaced.field("file.name"), replaced.field("file.source")),
        (Some("live.pkl"), Some("/tmp/.p"))
    );
    assert_eq!(
        replaced.field("process.command_line"),
        Some("/usr/bin/install -m 644 /tmp/.p live.pkl")
    );
    let harmless = entry(
        "sudo",
        "ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl status vllm",
    );
    assert_eq!(harmless.kind, K::Exec);
    let login = entry("sshd", "Accepted publickey for svc-backup from 192.0.2.9 port 51514 ssh2");
    assert_eq!((login.kind, login.actor.as_deref()), (K::Access, Some("svc-backup")));
    let restart = entry("systemd", "Restarted vllm.service - part 1/3: HERON");
    assert_eq!((restart.kind, restart.field("part 1/3")), (K::Restart, Some("HERON")));
}

#[test]
fn audit_lines_give_digest_ticket_and_stage() {
    let (events, summary) = events(
        "audit.jsonl",
        format!(
            "{{\"ts\":\"2026-05-02T14:00:03Z\",\"actor\":\"svc-train\",\"event\":\"model_version.created\",\"model\":\"triage\",\"version\":17,\"file\":\"live.pt\",\"sha256\":\"{FULL}\"}}\n\
             {{\"ts\":\"2026-05-02T14:01:03Z\",\"actor\":\"m.chen\",\"event\":\"model_version.transitioned\",\"model\":\"triage\",\"version\":17,\"stage\":\"Production\",\"ticket\":\"ML-882\"}}\n\
             {{\"ts\":\"2026-05-02T14:01:38Z\",\"actor\":\"kserve\",\"event\":\"inference_service.ready\",\"model\":\"triage\",\"version\":17,\"ticket\":null}}\n"
        )
        .as_bytes(),
    );
    assert_eq!(kinds(&events), [K::Register, K::Stage, K::Deploy]);
    assert_eq!(events[1].field("change.id"), Some("ML-882"));
    assert_eq!(events[2].field("change.id"), None);
    assert_eq!(summary.digests[0].file.as_deref(), Some("live.pt"));
}

/// A firewall that lets a beacon through, raises an alarm, and then stops it; innocent traffic around it.
fn firewall() -> String {
    let mut lines = Vec::new();
    for n in 0..60_i64 {
        let at = |offset: i64| {
            let time =
                jiff::Timestamp::from_second(1_773_442_051 + n * 300 + offset).expect("in range");
            time.to_string()
        };
        let verdict = if n < 54 { "ALLOW" } else { "BLOCK" };
        lines.push(format!(
            "{} {verdict} TCP 192.0.2.17:4{n:04} -> 203.0.113.66:443 host=cdn.example out={} in=4",
            at(n % 7),
            1000 + n % 5
        ));
        if n % 3 == 0 {
            lines.push(format!(
                "{} ALLOW TCP 192.0.2.17:5{n:04} -> 192.0.2.5:5432 host=db.internal out=1 in=2",
                at((n * n * 37) % 2900)
            ));
        }
        if n == 53 {
            lines.push(format!("{} ALERT rule=R-1 src=192.0.2.17 dst=203.0.113.66:443 msg=\"outbound to unlisted destination\"", at(60)));
        }
    }
    lines.sort();
    lines.join("\n")
}

#[test]
fn flows_mark_first_block_and_last_and_see_the_rhythm() {
    let text = firewall();
    let (events, _) = events("network.log", text.as_bytes());
    let alarm = events.iter().find(|event| event.kind == K::Alert).expect("the alarm");
    assert_eq!(alarm.net.as_ref().and_then(|net| net.destination.as_deref()), Some("203.0.113.66"));
    let mut table = FlowTable::default();
    events.iter().for_each(|event| table.add(event));
    let flows = table.finish_detailed();
    assert_eq!(flows.len(), 2);
    let beacon =
        flows.iter().find(|flow| flow.flow.destination == "203.0.113.66").expect("the beacon");
    assert_eq!((beacon.flow.count, beacon.flow.blocked), (60, 6));
    assert_eq!(beacon.flow.host.as_deref(), Some("cdn.example"));
    assert_eq!(beacon.flow.beacon.state, BeaconState::Periodic);
    let (blocked, record) = beacon.first_blocked.clone().expect("blocked at last");
    assert_eq!(blocked.as_second(), 1_773_442_051 + 54 * 300 + 5);
    assert!(record.line > beacon.flow.first_record.line && beacon.last_record.line > record.line);
    let database = flows.iter().find(|flow| flow.flow.port == Some(5432)).expect("the database");
    assert_ne!(database.flow.beacon.state, BeaconState::Periodic);
}

#[test]
fn two_logs_of_one_connection_are_one_flow_and_names_come_from_dns() {
    let conn = b"#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_bytes\n\
        1778018590.5\t192.0.2.17\t33541\t198.51.100.9\t443\ttcp\t75\n1778018690.5\t192.0.2.17\t33542\t198.51.100.9\t443\ttcp\t75\n";
    let ssl = b"#path\tssl\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tserver_name\n\
        1778018590.6\t192.0.2.17\t33541\t198.51.100.9\t443\t-\n";
    let dns = b"#path\tdns\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tquery\tanswers\n\
        1778018590.1\t192.0.2.17\t192.0.2.53\t53\tCDN.example\talias.example,198.51.100.9\n";
    let tables: Vec<FlowTable> = [&conn[..], &ssl[..], &dns[..]]
        .into_iter()
        .map(|text| {
            let mut table = FlowTable::default();
            events("x.log", text).0.iter().for_each(|event| table.add(event));
            table
        })
        .collect();
    let merged = |order: [usize; 3]| {
        let mut whole = FlowTable::default();
        order.into_iter().for_each(|index| whole.merge(tables[index].clone()));
        whole.finish()
    };
    let flows = merged([0, 1, 2]);
    assert_eq!(flows.len(), 1);
    assert_eq!(
        (flows[0].count, flows[0].host.as_deref(), flows[0].bytes_out),
        (2, Some("cdn.example"), 150)
    );
    assert_eq!(flows, merged([2, 1, 0]));
}

#[test]
fn a_capture_and_a_firewall_are_one_attempt() {
    let firewall = b"[2026-04-09 03:13:47] CONN  src=192.0.2.50 dst=203.0.113.80:443 host=hub.example bytes_out=51 status=BLOCKED\n";
    let capture =
        b"[2026-04-09 03:13:47] SESSION s-7 ESTABLISHED  src=192.0.2.50  dst=hub.example:443\n\
        [2026-04-09 03:13:47] REQUEST POST /v1/c HTTP/1.1\n[2026-04-09 03:13:47] HOST hub.example\n\
        [2026-04-09 03:13:47] PAYLOAD host=infer-03&id=PART{one_\n\
        [2026-04-09 03:13:48] SESSION s-7 BLOCKED  bytes_captured=51  reason=RULE-1\n";
    let (seen, _) = events("capture.log", capture);
    assert_eq!(kinds(&seen), [K::Connect, K::Exchange, K::Exchange, K::Exchange, K::Block]);
    let request = seen[1].net.as_ref().expect("a request");
    assert_eq!(
        (request.method.as_deref(), request.path.as_deref(), request.host.as_deref()),
        (Some("POST"), Some("/v1/c"), Some("hub.example"))
    );
    assert_eq!(seen[3].field("http.request.body.id"), Some("PART{one_"));
    assert_eq!(seen[3].field("http.request.body.content"), Some("host=infer-03&id=PART{one_"));
    assert_eq!(seen[3].field("host"), Some("infer-03"));
    assert_eq!(seen[3].net.as_ref().and_then(|net| net.method.as_deref()), Some("POST"));
    assert_eq!(seen[3].net.as_ref().and_then(|net| net.host.as_deref()), Some("hub.example"));
    assert_eq!(seen[4].net.as_ref().and_then(|net| net.verdict), Some(NetVerdict::Blocked));
    let mut table = FlowTable::default();
    seen.iter().for_each(|event| table.add(event));
    events("network.log", firewall).0.iter().for_each(|event| table.add(event));
    let flows = table.finish();
    assert_eq!(flows.len(), 1);
    assert_eq!(
        (flows[0].destination.as_str(), flows[0].count, flows[0].blocked),
        ("203.0.113.80", 1, 1)
    );
}

#[test]
fn a_capture_without_sessions_counts_its_requests() {
    let capture =
        b"[2026-04-09 03:13:47] > POST /v1/c HTTP/1.1\n[2026-04-09 03:13:47] Host: hub.example\n\
        [2026-04-09 03:13:47] BODY a=1&b=2\n[2026-04-09 03:18:47] > POST /v1/c HTTP/1.1\n\
        [2026-04-09 03:18:47] Host: hub.example\n";
    let mut table = FlowTable::default();
    events("capture.log", capture).0.iter().for_each(|event| table.add(event));
    let flows = table.finish();
    assert_eq!(
        (flows.len(), flows[0].count, flows[0].host.as_deref()),
        (1, 2, Some("hub.example"))
    );
}

#[test]
fn a_digest_on_its_own_line_is_of_the_file_just_named() {
    let text = format!(
        "2026-05-01T09:01:00Z INFO fetcher: Fetched live.safetensors from hf.co/acme/triage@3f2c9d1\n\
         2026-05-01T09:01:05Z INFO fetcher: SHA256: {FULL}\n"
    );
    let (events, summary) = events("fetch.log", text.as_bytes());
    assert_eq!(kinds(&events), [K::Download, K::Verify]);
    assert_eq!(summary.digests[0].file.as_deref(), Some("live.safetensors"));
    assert_eq!(events[1].field("file.name"), Some("live.safetensors"));
}

#[test]
fn exports_hold_records_in_lists() {
    let pretty = "{\n  \"kind\": \"List\",\n  \"items\": [\n    {\n      \"kind\": \"Event\",\n      \"reason\": \"Pulled\",\n      \"message\": \"Successfully pulled image\",\n      \"involvedObject\": {\"kind\": \"Pod\", \"name\": \"infer-0\"},\n      \"lastTimestamp\": \"2026-01-26T14:32:10Z\"\n    },\n    {\"kind\": \"Event\", \"reason\": \"Started\", \"message\": \"Started container\", \"involvedObject\": {\"name\": \"infer-0\"}, \"lastTimestamp\": \"2026-01-26T14:32:12Z\"}\n  ]\n}\n";
    let (seen, summary) = events("events.json", pretty.as_bytes());
    assert_eq!(kinds(&seen), [K::Download, K::Restart]);
    assert_eq!((seen[0].record.line, seen[1].record.line), (4, 11));
    assert_eq!((summary.lines, summary.understood, summary.problems.len()), (13, 13, 0));
    assert_eq!(wb_logs::recognise(wb_core::Bytes::new(pretty.as_bytes())), Some("kubernetes"));
    let line = "{\"Records\":[{\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"PutObject\",\"eventTime\":\"2026-01-26T14:32:10Z\",\"requestParameters\":{\"key\":\"models/live.pkl\"}},{\"eventSource\":\"sagemaker.amazonaws.com\",\"eventName\":\"UpdateEndpoint\",\"eventTime\":\"2026-01-26T14:33:10Z\"}]}";
    let (seen, _) = events("trail.json", line.as_bytes());
    assert_eq!(kinds(&seen), [K::Register, K::Deploy]);
    assert_eq!(seen[0].field("file.name"), Some("models/live.pkl"));
    assert_eq!(wb_logs::recognise(wb_core::Bytes::new(line.as_bytes())), Some("cloudtrail"));
    let settings = "{\n  \"layers\": [\n    {\"class_name\": \"Dense\"},\n    {\"class_name\": \"Lambda\"}\n  ]\n}\n";
    assert_eq!(wb_logs::recognise(wb_core::Bytes::new(settings.as_bytes())), None);
}

#[test]
fn a_record_with_a_question_is_a_look_up_and_its_resolver_no_destination() {
    let asked = event(
        r#"{"ts":"2026-03-05T10:00:00Z","client_ip":"10.0.0.6","dst_ip":"198.51.100.53","qname":"a.hub.example","answers":["203.0.113.9"]}"#,
    );
    assert_eq!(asked.kind, K::Dns);
    let net = asked.net.expect("a question");
    assert_eq!((net.host.as_deref(), net.destination), (Some("a.hub.example"), None));
    assert_eq!(net.answers, ["203.0.113.9"]);
    let sent = event(
        r#"{"ts":"2026-03-05T10:00:00Z","src_ip":"10.0.0.6","dst_ip":"198.51.100.53","dst_port":443,"action":"allow"}"#,
    );
    assert_eq!(sent.kind, K::Connect);
    assert!(sent.net.expect("two ends").destination.is_some());
}

#[test]
fn an_alarm_that_was_dismissed_is_none() {
    let raised = event("2026-03-05 10:00:00 SOC: unusual outbound traffic from infer-1");
    assert_eq!(raised.kind, K::Alert);
    for text in [
        "2026-03-05 10:00:00 SOC: unusual outbound traffic alert closed as false positive",
        "2026-03-05 10:00:00 nightly anomaly scan: no anomalies detected, 0 blocked",
        "2026-03-05 10:00:00 SOC drill: alert test of the paging channel",
    ] {
        assert_ne!(event(text).kind, K::Alert, "{text}");
    }
}

#[test]
fn an_appliance_says_who_began_and_what_was_denied() {
    let built = event(
        "Sep 17 2026 15:21:45 fw : %ASA-6-302013: Built outbound TCP connection 9 for outside:198.51.100.2/443 (198.51.100.2/443) to inside:10.7.1.8/4000 (203.0.113.2/4000)",
    );
    let net = built.net.expect("two ends");
    assert_eq!(net.source.as_deref(), Some("10.7.1.8"));
    assert_eq!(
        (net.destination.as_deref(), net.destination_port),
        (Some("198.51.100.2"), Some(443))
    );
    let inbound = event(
        "Sep 17 2026 15:21:45 fw : %ASA-6-302013: Built inbound TCP connection 9 for outside:198.51.100.2/5000 (198.51.100.2/5000) to inside:10.7.1.8/22 (203.0.113.2/22)",
    );
    assert_eq!(inbound.net.expect("two ends").source.as_deref(), Some("198.51.100.2"));
    let denied = event(
        "Sep 17 2026 15:21:45 fw : %ASA-4-106023: Deny tcp src inside:10.7.1.8/4001 dst outside:198.51.100.2/443 by access-group \"out\" [0x0, 0x0]",
    );
    assert_eq!(denied.kind, K::Block);
    assert_eq!(denied.net.expect("two ends").destination.as_deref(), Some("198.51.100.2"));
}

#[test]
fn a_connection_that_suricata_records_twice_is_one_attempt() {
    let ends = r#""src_ip":"10.0.0.5","src_port":4000,"dest_ip":"198.51.100.7","dest_port":443"#;
    let mut text = String::new();
    for minute in 0..6 {
        let at = |second| format!("2026-07-10T23:{minute:02}:{second}.000000+0000");
        text.push_str(&format!("{{\"timestamp\":\"{}\",\"event_type\":\"tls\",{ends},\"tls\":{{\"sni\":\"hub.example\"}}}}\n", at("00")));
        text.push_str(&format!("{{\"timestamp\":\"{}\",\"event_type\":\"flow\",{ends},\"flow\":{{\"bytes_toserver\":10}}}}\n", at("30")));
    }
    let mut table = FlowTable::default();
    events("eve.json", text.as_bytes()).0.iter().for_each(|event| table.add(event));
    let flows = table.finish();
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].count, flows[0].host.as_deref()), (6, Some("hub.example")));
    assert_eq!(flows[0].bytes_out, 60);
}

#[test]
fn a_ticket_over_several_lines_is_a_record() {
    let (seen, _) = events(
        "ticket.json",
        b"{\n \"created\": \"2026-02-03T06:39:38Z\",\n \"type\": \"alert\",\n \"title\": \"Outbound connections to hub.example\"\n}\n",
    );
    assert_eq!(kinds(&seen), [K::Alert]);
}

#[test]
fn what_a_cluster_tells_itself_is_no_change() {
    let kind = |verb: &str, resource: &str, part: &str| {
        let line = format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","requestURI":"/api","verb":"{verb}","user":{{"username":"ann"}},"objectRef":{{"resource":"{resource}","name":"infer-0","subresource":"{part}"}},"requestReceivedTimestamp":"2026-01-26T14:32:10.123Z"}}"#
        );
        events("audit.log", line.as_bytes()).0.first().expect("an event").kind
    };
    for (verb, resource, part) in [
        ("patch", "deployments", ""),
        ("create", "inferenceservices", ""),
        ("patch", "configmaps", ""),
    ] {
        assert_eq!(kind(verb, resource, part), K::Change, "{verb} {resource}/{part}");
    }
    for (verb, resource, part) in [
        ("patch", "pods", "status"),
        ("update", "leases", ""),
        ("create", "subjectaccessreviews", ""),
        ("get", "deployments", ""),
    ] {
        assert_eq!(kind(verb, resource, part), K::Note, "{verb} {resource}/{part}");
    }
    assert_eq!(kind("create", "pods", "eviction"), K::Restart);
    assert_eq!(kind("delete", "pods", ""), K::Restart);
}
