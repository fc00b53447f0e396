//! What sensors of the network and of hosts write: the ends, the verdict and the process of each record.

mod common;

use common::events;
use wb_core::{Event, EventKind as K, NetVerdict};

/// What of a record matters: source, kind, `SOURCE > DESTINATION:PORT HOST` with `-` for what it does not say,
/// whether it was stopped, and fields.
type Told = (&'static str, K, &'static str, bool, &'static [(&'static str, &'static str)]);

/// The last record of each.
const RECORDS: &[(&str, Told)] = &[
    (
        "#path\tconn\n#fields\t_node_name\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tja3\n\
         n1\t1713527989.516034\tCDwi\t192.0.2.227\t39278\t198.51.100.201\t22\ttcp\tssh\t6.12\t1250\t-\n",
        ("zeek-conn", K::Connect, "192.0.2.227 > 198.51.100.201:22 -", false, &[]),
    ),
    (
        r#"{"_path":"ssl","ts":"2018-03-24T17:15:20.615923Z","id.orig_h":"192.0.2.1","id.resp_h":"203.0.113.5","id.resp_p":443,"server_name":"a.example"}"#,
        ("zeek-ssl", K::Exchange, "192.0.2.1 > 203.0.113.5:443 a.example", false, &[]),
    ),
    (
        r#"{"_path":"conn","ts":1517336154.078555,"id":{"orig_h":"192.0.2.1","resp_h":"203.0.113.5","resp_p":443}}"#,
        ("zeek-conn", K::Connect, "192.0.2.1 > 203.0.113.5:443 -", false, &[]),
    ),
    (
        r#"{"@stream":"conn","ts":1517336154.078555,"id_orig_h":"192.0.2.1","id_resp_h":"203.0.113.5","id_resp_p":443}"#,
        ("zeek-conn", K::Connect, "192.0.2.1 > 203.0.113.5:443 -", false, &[]),
    ),
    (
        r#" {"timestamp":"2022-07-10T23:50:05.533101+0000","flow_id":1258832998001901,"event_type":"alert","src_ip":"192.0.2.1","dest_ip":"203.0.113.5","dest_port":80,"alert":{"action":"allowed","signature_id":2024468,"signature":"ET POLICY"}}"#,
        (
            "suricata-eve",
            K::Alert,
            "192.0.2.1 > 203.0.113.5:80 -",
            false,
            &[("rule.name", "ET POLICY")],
        ),
    ),
    (
        "2 424805057484 eni-0f06a40fc9be596f6 192.0.2.156 203.0.113.96 40123 443 6 2 152 1599665193 1599665488 REJECT OK",
        ("vpc-flow", K::Block, "192.0.2.156 > 203.0.113.96:443 -", true, &[]),
    ),
    (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status pkt-srcaddr pkt-dstaddr\n\
         5 1234567890 eni-12 192.0.2.9 192.0.2.1 50188 443 6 1 44 1739865042 1739865042 ACCEPT OK 192.0.2.9 203.0.113.4\n",
        ("vpc-flow", K::Connect, "192.0.2.9 > 203.0.113.4:443 -", false, &[]),
    ),
    (
        r#"{"jsonPayload":{"connection":{"src_ip":"192.0.2.1","src_port":"4000","dest_ip":"203.0.113.5","dest_port":"443","protocol":"6"},"bytes_sent":"120","start_time":"2024-01-26T14:32:16Z","reporter":"SRC"},"logName":"projects/p/logs/compute.googleapis.com%2Fvpc_flows","timestamp":"2024-01-26T14:32:16Z"}"#,
        ("gcp-flow", K::Connect, "192.0.2.1 > 203.0.113.5:443 -", false, &[]),
    ),
    (
        r#"{"time":"2022-09-14T09:00:52Z","category":"NetworkSecurityGroupFlowEvent","properties":{"Version":2,"flows":[{"rule":"r","flows":[{"mac":"x","flowTuples":["1663146003,192.0.2.1,203.0.113.180,23956,443,T,O,D,B,,,,"]}]}]}}"#,
        ("azure-flow", K::Block, "192.0.2.1 > 203.0.113.180:443 -", true, &[]),
    ),
    (
        "Jun  8 14:34:33 host kernel: [50028442.088484] [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.1 DST=203.0.113.5 LEN=40 TTL=245 PROTO=TCP SPT=8080 DPT=8123 SYN URGP=0",
        ("netfilter", K::Block, "192.0.2.1 > 203.0.113.5:8123 -", true, &[]),
    ),
    (
        "Jun  8 14:34:33 host kernel: DA->FEDERATEUR ACCEPT IN= OUT=eth0 SRC=192.0.2.1 DST=203.0.113.5 LEN=40 PROTO=TCP SPT=8080 DPT=8123 SYN",
        ("netfilter", K::Connect, "192.0.2.1 > 203.0.113.5:8123 -", false, &[]),
    ),
    (
        r#"{"flow":{"time":"2026-07-31T10:41:02.2Z","verdict":"DROPPED","drop_reason_desc":"POLICY_DENY","IP":{"source":"192.0.2.235","destination":"203.0.113.5"},"l4":{"TCP":{"source_port":4000,"destination_port":80,"flags":{"SYN":true}}},"source":{"pod_name":"ranker-0"},"destination":{"identity":2,"labels":["reserved:world"]},"traffic_direction":"EGRESS","destination_names":["a.example"]}}"#,
        ("hubble", K::Block, "192.0.2.235 > 203.0.113.5:80 a.example", true, &[]),
    ),
    (
        r#"{":authority":"www.example.com","bytes_sent":121258,"downstream_remote_address":"192.0.2.12:59292","requested_server_name":null,"response_code":200,"response_flags":"-","start_time":"2024-01-26T14:32:16.000Z","upstream_host":"203.0.113.5:443"}"#,
        ("envoy-json", K::Exchange, "192.0.2.12 > 203.0.113.5:443 www.example.com", false, &[]),
    ),
    (
        "1564655684.277   3387 192.0.2.1 TCP_TUNNEL/200 19131 CONNECT hub.example:443 - HIER_DIRECT/hub.example -",
        ("squid", K::Exchange, "192.0.2.1 > -:443 hub.example", false, &[]),
    ),
    (
        "Jun  8 14:34:33 fw filterlog: 53,,,1000000301,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,192.0.2.2,203.0.113.15,53742,22,420,PA,1,2,3,,",
        ("filterlog", K::Block, "192.0.2.2 > 203.0.113.15:22 -", true, &[]),
    ),
    (
        "Jun  8 14:34:33 fw %FTD-2-106001: Inbound TCP connection denied from 203.0.113.1/901 to 192.0.2.2/111 flags SYN on interface LAN",
        ("cisco-asa", K::Block, "203.0.113.1 > 192.0.2.2:111 -", true, &[("event.code", "106001")]),
    ),
    (
        "2026-06-08 11:29:42.550475 IP 192.0.2.4.43436 > 203.0.113.3.22: Flags [S], seq 2398030442, win 64240, length 0",
        ("packet-text", K::Connect, "192.0.2.4 > 203.0.113.3:22 -", false, &[]),
    ),
    (
        "type=SYSCALL msg=audit(1684331128.039:3211): arch=c000003e syscall=42 success=yes exit=0 ppid=26843 pid=27280 comm=\"wget\" exe=\"/usr/bin/wget\"\n\
         type=SOCKADDR msg=audit(1684331128.039:3211): saddr=020001BBCB0071050000000000000000\n",
        (
            "auditd",
            K::Connect,
            "- > 203.0.113.5:443 -",
            false,
            &[("process.executable", "/usr/bin/wget")],
        ),
    ),
    (
        "type=AUOMS_EXECVE audit(1652292621.986:84138): argc=2 pid=71 ppid=2 comm=\"wget\" exe=\"/usr/bin/wget\" cmdline=\"wget http://a.example/x\"",
        (
            "auditd",
            K::Exec,
            "- > -:- -",
            false,
            &[("process.command_line", "wget http://a.example/x")],
        ),
    ),
    (
        r#"{"ID":"1688048710.843:30826","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","pid":1,"ppid":2,"comm":"wget","exe":"/usr/bin/wget"},"EXECVE":{"argc":2,"ARGV":["wget","http://a.example"]}}"#,
        (
            "laurel",
            K::Exec,
            "- > -:- -",
            false,
            &[("process.command_line", "wget http://a.example")],
        ),
    ),
    (
        r#"{"hostname":"b784533bd11d","output":"o","output_fields":{"container.id":"9cea","proc.cmdline":"sh -lc id","proc.pname":"containerd-shim","user.name":"root"},"priority":"Notice","rule":"Terminal shell in container","tags":["T1059"],"time":"2026-07-10T21:00:06.192756203Z"}"#,
        ("falco", K::Alert, "- > -:- -", false, &[("process.command_line", "sh -lc id")]),
    ),
    (
        r#"{"process_kprobe":{"process":{"exec_id":"a","pid":52699,"binary":"/usr/bin/curl"},"function_name":"tcp_connect","args":[{"sock_arg":{"saddr":"192.0.2.1","daddr":"203.0.113.5","sport":4000,"dport":443}}],"action":"KPROBE_ACTION_SIGKILL"},"time":"2024-01-26T14:32:17Z"}"#,
        (
            "tetragon",
            K::Block,
            "192.0.2.1 > 203.0.113.5:443 -",
            true,
            &[("process.executable", "/usr/bin/curl")],
        ),
    ),
    (
        r#"{"timestamp":1706279536000000000,"processName":"curl","processId":4,"eventName":"net_tcp_connect","args":[{"name":"dst","value":"203.0.113.5"},{"name":"dst_port","value":443},{"name":"dst_dns","value":["a.example"]}]}"#,
        ("tracee", K::Connect, "- > 203.0.113.5:443 a.example", false, &[("process.name", "curl")]),
    ),
    (
        r#"{"name":"socket_events","hostIdentifier":"h","calendarTime":"Fri Feb 16 03:13:47 2024 UTC","unixTime":1708053227,"action":"added","columns":{"path":"/usr/bin/curl","pid":"4","remote_address":"203.0.113.5","remote_port":"443"}}"#,
        (
            "osquery",
            K::Connect,
            "- > 203.0.113.5:443 -",
            false,
            &[("process.executable", "/usr/bin/curl")],
        ),
    ),
    (
        r#"Jun  8 14:34:33 host sysmon: <Event><System><EventID>3</EventID><TimeCreated SystemTime="2024-01-26T14:32:16.000Z"/></System><EventData><Data Name="Image">/usr/bin/bash</Data><Data Name="DestinationIp">203.0.113.6</Data><Data Name="DestinationPort">443</Data></EventData></Event>"#,
        (
            "sysmon",
            K::Connect,
            "- > 203.0.113.6:443 -",
            false,
            &[("process.executable", "/usr/bin/bash")],
        ),
    ),
    (
        "#1706279536\ncurl http://a.example/x | sh\n",
        (
            "shell-history",
            K::Exec,
            "- > -:- -",
            false,
            &[("process.command_line", "curl http://a.example/x | sh")],
        ),
    ),
];

/// The ends of a record in one line.
fn ends(event: &Event) -> String {
    let net = event.net.clone().unwrap_or_default();
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let port = or(net.destination_port.map(|port| port.to_string()));
    format!("{} > {}:{port} {}", or(net.source), or(net.destination), or(net.host))
}

#[test]
fn records_tell_who_reached_whom() {
    for (text, (source, kind, who, stopped, fields)) in RECORDS {
        let (events, summary) = events("sensor.log", text.as_bytes());
        let event = events.last().unwrap_or_else(|| panic!("no record of {text}"));
        assert_eq!((event.source, event.kind), (*source, *kind), "{text}");
        assert_eq!(ends(event), *who, "{text}");
        let verdict = event.net.as_ref().and_then(|net| net.verdict);
        assert_eq!(verdict == Some(NetVerdict::Blocked), *stopped, "{text}");
        assert!(event.time.is_some(), "{text}");
        assert_eq!(summary.understood, summary.lines, "{text}");
        for (name, value) in *fields {
            assert_eq!(event.field(name), Some(*value), "{name} of {text}");
        }
    }
}

#[test]
fn a_record_that_is_cut_is_kept_as_text() {
    for (text, (source, ..)) in RECORDS {
        let (head, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        for length in (1..last.len()).filter(|length| last.is_char_boundary(*length)) {
            let cut = format!("{head}\n{}", &last[..length]);
            let (events, summary) = events("sensor.log", cut.as_bytes());
            let end = summary.lines;
            let kept = events.iter().any(|event| event.record.line == end);
            let blank = last[..length].trim().is_empty() || last[..length].starts_with('#');
            assert!(kept || blank, "{source} loses {:?}", &last[..length]);
        }
    }
}
