//! Logs as busy platforms write them: many hosts, few destinations that matter, ordinary messages.

use std::fmt::Write;

/// Writes one record, or the header before the first.
pub type Generator = fn(&mut Made, &mut String);

/// Every kind of log that is measured.
pub const LOGS: &[(&str, Generator)] = &[
    ("zeek-conn", zeek_conn),
    ("zeek-ssl", zeek_ssl),
    ("zeek-json", zeek_json),
    ("eve", eve),
    ("vpc-flow", vpc_flow),
    ("journald", journald),
    ("docker-json", docker_json),
    ("json-lines", json_lines),
    ("cloudtrail", cloudtrail),
    ("access", access),
    ("netfilter", netfilter),
    ("text", text),
];

/// What was made so far.
pub struct Made {
    random: u64,
    records: u64,
    client: u64,
}

impl Default for Made {
    fn default() -> Self {
        Self { random: 0x2545_f491_4f6c_dd1d, records: 0, client: 0 }
    }
}

impl Made {
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) % below
    }

    /// Seconds and microseconds: a record each 5 ms.
    fn time(&mut self) -> (u64, u64) {
        self.records += 1;
        (1_772_000_000 + self.records / 200, self.records % 200 * 5_000 + self.random(4_000))
    }

    fn civil(&mut self) -> (String, u64) {
        let (seconds, micro) = self.time();
        let of_day = seconds % 86_400;
        let day = 1 + (seconds / 86_400) % 28;
        (
            format!(
                "2026-03-{day:02}T{:02}:{:02}:{:02}",
                of_day / 3600,
                of_day / 60 % 60,
                of_day % 60
            ),
            micro,
        )
    }

    /// One of 1600 clients.
    fn client(&mut self) -> String {
        self.client = self.random(1600);
        format!("10.4.{}.{}", self.client / 200, 1 + self.client % 200)
    }

    /// Each client goes to a dozen of 400 servers, most often to few of them.
    fn server(&mut self) -> String {
        let own = self.random(12) * self.random(12) / 11;
        let server = (self.client * 7 + own * 31) % 400;
        format!("198.51.{}.{}", 100 + server / 250, 1 + server % 250)
    }

    fn id(&mut self) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..17)
            .map(|_| char::from(LETTERS[usize::try_from(self.random(62)).expect("small")]))
            .collect()
    }

    fn name(&mut self) -> String {
        format!("svc-{}.cloud.example", self.random(300))
    }
}

fn zeek_conn(made: &mut Made, out: &mut String) {
    if made.records == 0 {
        out.push_str("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2026-03-01-00-00-00\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n");
    }
    let (seconds, micro) = made.time();
    let (uid, from, to) = (made.id(), made.client(), made.server());
    let (port, sent, received) =
        (32_768 + made.random(28_000), made.random(4_000), made.random(90_000));
    let _ = writeln!(
        out,
        "{seconds}.{micro:06}\tC{uid}\t{from}\t{port}\t{to}\t443\ttcp\tssl\t6.125112\t{sent}\t{received}\tSF\tT\tF\t0\tShADadFf\t19\t{}\t14\t{}\t-",
        sent + 900,
        received + 700
    );
}

fn zeek_ssl(made: &mut Made, out: &mut String) {
    if made.records == 0 {
        out.push_str("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\tcurve\tserver_name\tresumed\tlast_alert\tnext_protocol\testablished\tcert_chain_fps\tsni_matches_cert\tvalidation_status\n");
    }
    let (seconds, micro) = made.time();
    let (uid, from, to, name) = (made.id(), made.client(), made.server(), made.name());
    let port = 32_768 + made.random(28_000);
    let _ = writeln!(
        out,
        "{seconds}.{micro:06}\tC{uid}\t{from}\t{port}\t{to}\t443\tTLSv13\tTLS_AES_128_GCM_SHA256\tx25519\t{name}\tF\t-\th2\tT\t3f2c9d1e4b5a69788796a5b4c3d2e1f03f2c9d1e4b5a69788796a5b4c3d2e1f0\tT\tok"
    );
}

fn zeek_json(made: &mut Made, out: &mut String) {
    let (seconds, micro) = made.time();
    let (uid, from, to) = (made.id(), made.client(), made.server());
    let (port, sent, received) =
        (32_768 + made.random(28_000), made.random(4_000), made.random(90_000));
    let _ = writeln!(
        out,
        "{{\"_path\":\"conn\",\"ts\":{seconds}.{micro:06},\"uid\":\"C{uid}\",\"id.orig_h\":\"{from}\",\"id.orig_p\":{port},\"id.resp_h\":\"{to}\",\"id.resp_p\":443,\"proto\":\"tcp\",\"service\":\"ssl\",\"duration\":6.125112,\"orig_bytes\":{sent},\"resp_bytes\":{received},\"conn_state\":\"SF\",\"local_orig\":true,\"local_resp\":false,\"missed_bytes\":0,\"history\":\"ShADadFf\",\"orig_pkts\":19,\"orig_ip_bytes\":{},\"resp_pkts\":14,\"resp_ip_bytes\":{}}}",
        sent + 900,
        received + 700
    );
}

fn eve(made: &mut Made, out: &mut String) {
    let (civil, micro) = made.civil();
    let (from, to, name) = (made.client(), made.server(), made.name());
    let (flow, port, sent, received) = (
        made.random(1 << 50),
        32_768 + made.random(28_000),
        made.random(4_000),
        made.random(90_000),
    );
    let ends = format!(
        "\"src_ip\":\"{from}\",\"src_port\":{port},\"dest_ip\":\"{to}\",\"dest_port\":443,\"proto\":\"TCP\""
    );
    let head = format!(
        "{{\"timestamp\":\"{civil}.{micro:06}+0000\",\"flow_id\":{flow},\"in_iface\":\"eth0\""
    );
    let _ = match made.random(4) {
        0 => writeln!(
            out,
            "{head},\"event_type\":\"tls\",{ends},\"tls\":{{\"subject\":\"CN={name}\",\"issuerdn\":\"C=US, O=Example Trust, CN=R3\",\"serial\":\"04:5E:32:AA:31:11:2B\",\"fingerprint\":\"27:5f:30:aa:11:22:33:44:55:66:77:88:99:00:aa:bb:cc:dd:ee:ff\",\"sni\":\"{name}\",\"version\":\"TLS 1.3\",\"notbefore\":\"2026-01-01T00:00:00\",\"notafter\":\"2026-09-01T00:00:00\",\"ja4\":\"t13d1516h2_8daaf6152771_b186095e22b6\"}}}}"
        ),
        1 => writeln!(
            out,
            "{head},\"event_type\":\"http\",{ends},\"tx_id\":0,\"http\":{{\"hostname\":\"{name}\",\"url\":\"/v1/models/{}\",\"http_user_agent\":\"python-requests/2.31\",\"http_content_type\":\"application/json\",\"http_method\":\"POST\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"length\":{received}}}}}",
            made.random(50)
        ),
        _ => writeln!(
            out,
            "{head},\"event_type\":\"flow\",{ends},\"app_proto\":\"tls\",\"flow\":{{\"pkts_toserver\":12,\"pkts_toclient\":14,\"bytes_toserver\":{sent},\"bytes_toclient\":{received},\"start\":\"{civil}.{micro:06}+0000\",\"end\":\"{civil}.{micro:06}+0000\",\"age\":6,\"state\":\"closed\",\"reason\":\"timeout\",\"alerted\":false}},\"tcp\":{{\"tcp_flags\":\"1b\",\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\",\"syn\":true,\"fin\":true,\"psh\":true,\"ack\":true,\"state\":\"closed\"}}}}"
        ),
    };
}

fn vpc_flow(made: &mut Made, out: &mut String) {
    if made.records == 0 {
        out.push_str("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n");
    }
    let (seconds, _) = made.time();
    let (from, to) = (made.client(), made.server());
    let (port, sent) = (32_768 + made.random(28_000), made.random(90_000));
    let _ = writeln!(
        out,
        "2 123456789012 eni-0f06a40fc9be596f6 {from} {to} {port} 443 6 14 {sent} {seconds} {} ACCEPT OK",
        seconds + 60
    );
}

fn message(made: &mut Made) -> String {
    match made.random(9) {
        0 => format!("Started session {} of user svc.", made.random(90_000)),
        1 => format!("request {} finished in {} ms", made.id(), made.random(900)),
        2 => format!(
            "GET /v1/models/reviewer/infer 200 {} bytes in {}.{} ms",
            made.random(9_000),
            made.random(90),
            made.random(9)
        ),
        3 => format!("pool: {} workers idle, queue length {}", made.random(32), made.random(9)),
        4 => "metrics pushed".to_owned(),
        5 => format!("gc: freed {} MiB in {} us", made.random(900), made.random(90_000)),
        6 => format!(
            "batch size {} tokens {} latency {} ms",
            made.random(32),
            made.random(8_000),
            made.random(900)
        ),
        7 => format!("health check OK, no changes, uptime {} s", made.random(900_000)),
        _ => format!("cache hit ratio 0.{:02} over {} keys", made.random(100), made.random(90_000)),
    }
}

fn journald(made: &mut Made, out: &mut String) {
    let (seconds, micro) = made.time();
    let (message, cursor) = (message(made), made.id());
    let pid = 400 + made.random(20);
    let _ = writeln!(
        out,
        "{{\"__CURSOR\":\"s=9d2a8b9dcbf04b6ba7b6f7e6a7f05a9c;i=3f2;b=0f6a40fc9be596f6;m=5f3a;t={cursor};x=5e4b\",\"__REALTIME_TIMESTAMP\":\"{seconds}{micro:06}\",\"__MONOTONIC_TIMESTAMP\":\"{}\",\"_BOOT_ID\":\"0f6a40fc9be596f60f6a40fc9be596f6\",\"PRIORITY\":\"6\",\"_UID\":\"998\",\"_GID\":\"998\",\"_SYSTEMD_SLICE\":\"system.slice\",\"_MACHINE_ID\":\"5a9c9d2a8b9dcbf04b6ba7b6f7e6a7f0\",\"_HOSTNAME\":\"infer-03\",\"_TRANSPORT\":\"stdout\",\"SYSLOG_IDENTIFIER\":\"infer\",\"_PID\":\"{pid}\",\"_COMM\":\"python3\",\"_EXE\":\"/usr/bin/python3.12\",\"_CMDLINE\":\"/usr/bin/python3 -m infer --port 8080\",\"_SYSTEMD_CGROUP\":\"/system.slice/infer.service\",\"_SYSTEMD_UNIT\":\"infer.service\",\"MESSAGE\":\"{message}\"}}",
        made.records * 5_000
    );
}

fn docker_json(made: &mut Made, out: &mut String) {
    let (civil, micro) = made.civil();
    let message = message(made);
    let _ = writeln!(
        out,
        "{{\"log\":\"INFO  {message}\\n\",\"stream\":\"stdout\",\"time\":\"{civil}.{micro:06}000Z\"}}"
    );
}

fn json_lines(made: &mut Made, out: &mut String) {
    let (civil, micro) = made.civil();
    let (message, id) = (message(made), made.id());
    let _ = writeln!(
        out,
        "{{\"time\":\"{civil}.{micro:06}Z\",\"level\":\"info\",\"logger\":\"serving.worker\",\"pod\":\"infer-7d9f\",\"request_id\":\"{id}\",\"message\":\"{message}\"}}"
    );
}

fn cloudtrail(made: &mut Made, out: &mut String) {
    let (civil, _) = made.civil();
    let (id, from) = (made.id(), made.client());
    let _ = writeln!(
        out,
        "{{\"eventVersion\":\"1.09\",\"userIdentity\":{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{id}:infer\",\"arn\":\"arn:aws:sts::123456789012:assumed-role/infer/infer\",\"accountId\":\"123456789012\"}},\"eventTime\":\"{civil}Z\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\",\"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"{from}\",\"userAgent\":\"[Boto3/1.34]\",\"requestParameters\":{{\"bucketName\":\"features\",\"key\":\"daily/part-{}.parquet\"}},\"responseElements\":null,\"requestID\":\"{id}\",\"eventID\":\"{id}\",\"readOnly\":true,\"eventType\":\"AwsApiCall\",\"managementEvent\":false}}",
        made.random(900)
    );
}

fn access(made: &mut Made, out: &mut String) {
    let (civil, _) = made.civil();
    let from = made.client();
    let (day, time) = (&civil[8..10], &civil[11..]);
    let _ = writeln!(
        out,
        "{from} - - [{day}/Mar/2026:{time} +0000] \"POST /v1/models/reviewer:predict HTTP/1.1\" 200 {} \"-\" \"python-requests/2.31\"",
        made.random(9_000)
    );
}

fn netfilter(made: &mut Made, out: &mut String) {
    let (civil, _) = made.civil();
    let (from, to) = (made.client(), made.server());
    let (id, port) = (made.random(65_000), 32_768 + made.random(28_000));
    let _ = writeln!(
        out,
        "Mar {:>2} {} gw-1 kernel: [{}.123456] EGRESS-ALLOW IN= OUT=eth0 SRC={from} DST={to} LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID={id} DF PROTO=TCP SPT={port} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0",
        &civil[8..10],
        &civil[11..],
        made.records
    );
}

fn text(made: &mut Made, out: &mut String) {
    let (civil, micro) = made.civil();
    let message = message(made);
    let _ = writeln!(
        out,
        "[{} {}.{:03}] INFO  serving.worker: {message}",
        &civil[..10],
        &civil[11..],
        micro / 1000
    );
}
