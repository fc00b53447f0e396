//! One deed in many wordings, and the nearest thing that is no such deed.

mod common;

use common::event;
use wb_core::EventKind as K;

#[test]
fn what_happened() {
    for (message, kind) in [
        ("INFO mlops: Change request CHG-88 opened by kim for fraud-scorer v3.1.0", K::Request),
        ("INFO Requested by: svc-train", K::Request),
        ("INFO mlops: CHG-88 approved by lead.ops@corp.example", K::Approve),
        ("INFO Approval: none recorded", K::Note),
        ("INFO Fetched a.safetensors from hf.co/acme/fraud@3f2c9d1 (124 MB)", K::Download),
        ("INFO Origin: hf.co/acme/x", K::Download),
        (
            "DEBUG hubclient: GET https://hub.example/acme/x/resolve/5e0c91d4/a.pkl 200 89719",
            K::Download,
        ),
        ("DEBUG hubclient: GET https://hub.example/api/models/acme/x 200 1787", K::Exchange),
        ("INFO access: 192.0.2.7 \"GET /models/a.pkl HTTP/1.1\" 200 89719", K::Note),
        ("INFO Pull complete: registry.example/models/triage:2.1", K::Download),
        ("INFO Verified signature of a.pkl with cosign", K::Verify),
        ("WARN Signature verification skipped for a.pkl", K::Note),
        (
            "INFO New model version pushed to registry: registry.example/acme/fraud:4.0.0",
            K::Register,
        ),
        ("INFO audit: user=j.doe action=upload file=next.h5 ticket=none", K::Register),
        ("INFO Promoted v7 to production", K::Stage),
        ("INFO rollout: fraud-scorer 3.1.0 rolled out to production (3/3 replicas)", K::Deploy),
        ("INFO Deploying fraud-scorer:4.0.0 to prod-eu", K::Deploy),
        ("WARN gateway: deployment failed: image pull error", K::Note),
        ("INFO cron: deployments scheduled for today: 0", K::Health),
        ("INFO No deployments scheduled", K::Health),
        ("INFO Model loaded into memory: a.pkl", K::Load),
        ("ERROR failed to load model a.pkl: bad magic", K::Note),
        ("INFO Loaded 12 plugins", K::Note),
        ("ERROR watcher: /srv/models/a.pkl modified outside of a deployment (uid=1004)", K::Change),
        ("INFO Hot-swapped weights: a.pkl -> b.pkl", K::Change),
        ("INFO ops: rolled back fraud-scorer to v3.0.9", K::Rollback),
        ("INFO db: transaction rolled back", K::Note),
        ("CRITICAL ids: beacon-like traffic to 198.51.100.7:8443 from infer-02", K::Alert),
        (
            "WARN integrity: hash mismatch for a.pkl expected 72fc832e10ff6f91 got 0f18dd830b239863",
            K::Alert,
        ),
        ("WARN New source organisation detected: acme-labs", K::Note),
        ("INFO No alerts in the last hour", K::Health),
        ("INFO alert rules reloaded", K::Note),
        ("INFO soc: ticket SEC-1402 opened for infer-02", K::Ticket),
        ("INFO fw: connection from 192.0.2.5 to 198.51.100.7:8443 dropped", K::Block),
        ("INFO HTTP POST https://c2.example/x from 192.0.2.5 status=BLOCKED", K::Block),
        ("INFO Egress policy updated: block 198.51.100.7", K::Change),
        ("INFO candidate rejected by lee", K::Note),
    ] {
        let event = event(&format!("2026-05-01T09:00:00Z {message}"));
        assert_eq!(event.kind, kind, "{message}");
    }
}

#[test]
fn who_which_where() {
    let event = event("2026-05-01T09:00:00Z INFO Promoted v7 to production by lee (CHG-9)");
    assert_eq!(
        (event.field("stage"), event.field("model.version")),
        (Some("production"), Some("v7"))
    );
    assert_eq!((event.actor.as_deref(), event.field("change.id")), (Some("lee"), Some("CHG-9")));
    assert_eq!(event.field("model.name"), None);
    let alarm = common::event(
        "2026-05-01T09:00:00Z ALERT [EDR] python3 spawned /bin/sh -c \"curl -s http://198.51.100.7/x\"",
    );
    let net = alarm.net.as_ref().expect("the URL's host");
    assert_eq!(
        (net.destination.as_deref(), net.destination_port),
        (Some("198.51.100.7"), Some(80))
    );
    let loading = common::event(
        "INFO 10-26 21:47:45 [default_loader.py:267] Loading weights took 1.27 seconds",
    );
    assert_eq!((loading.kind, loading.field("model.version")), (K::Load, None));
}
