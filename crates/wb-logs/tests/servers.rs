//! What model servers and their platforms write, and the fields of it that matter.

mod common;

use common::{event, events};
use wb_core::{Event, EventKind as K};

/// A line, what it reports, and some of its fields.
type Case = (&'static str, K, &'static [(&'static str, &'static str)]);

const LINES: &[Case] = &[
    (
        "INFO 02-07 19:23:56 gpu_model_runner.py:867] Starting to load model ibm-granite/granite-3.0-3b-a800m-instruct...",
        K::Load,
        &[("model.name", "ibm-granite/granite-3.0-3b-a800m-instruct")],
    ),
    (
        "(EngineCore_0 pid=3856547) INFO 10-26 21:47:45 [default_loader.py:267] Loading weights took 1.27 seconds",
        K::Load,
        &[],
    ),
    (
        "2023-06-19T21:23:01.118777Z  INFO text_generation_launcher: Args { model_id: \"h2oai/h2ogpt-oasst1-falcon-40b\", revision: None, sharded: None, trust_remote_code: true, max_concurrent_requests: 128 }",
        K::Load,
        &[
            ("model.name", "h2oai/h2ogpt-oasst1-falcon-40b"),
            ("model.revision", "None"),
            ("trust_remote_code", "true"),
        ],
    ),
    (
        "2025-08-27 10:42:57.024 1 kserve INFO [storage.py:download():110] Successfully copied s3://my-bucket/models/whatever to /mnt/models",
        K::Download,
        &[("source.uri", "s3://my-bucket/models/whatever")],
    ),
    (
        "2023-11-11T19:44:51,593 [INFO ] main org.pytorch.serve.wlm.ModelManager - Model sdxl loaded.",
        K::Load,
        &[("model.name", "sdxl")],
    ),
    (
        "I0120 10:28:48.767944 1 model_lifecycle.cc:473] \"loading: add_one:1\"",
        K::Load,
        &[("model.name", "add_one"), ("model.version", "1")],
    ),
    (
        "I0120 10:28:49.767944 1 model_lifecycle.cc:838] \"successfully loaded 'linear'\"",
        K::Load,
        &[("model.name", "linear")],
    ),
    (
        "2022-03-08 05:31:44.467081: I tensorflow_serving/core/loader_harness.cc:74] Loading servable version {name: tfmodel version: 1}",
        K::Load,
        &[("model.name", "tfmodel"), ("model.version", "1")],
    ),
    (
        "INFO 2024-01-26 14:32:16,123 controller 1234 deployment_state.py:1571 - Adding 1 replica to deployment 'CodeReview'.",
        K::Deploy,
        &[("model.name", "CodeReview")],
    ),
    (
        "time=2025-06-05T12:36:11.709Z level=INFO source=server.go:431 msg=\"starting llama server\" cmd=\"/usr/bin/ollama runner --model /root/.ollama/models/blobs/sha256-e8ad13eff07a78d89926e9e8b882317d082ef5bf9768ad7b50fcdbbcd63748de --ctx-size 8192\"",
        K::Load,
        &[("hash.sha256", "e8ad13eff07a78d89926e9e8b882317d082ef5bf9768ad7b50fcdbbcd63748de")],
    ),
    (
        "2026-05-02T14:00:03Z Successfully registered model 'code-review-bert'.",
        K::Register,
        &[("model.name", "code-review-bert")],
    ),
    (
        "2026-05-02T14:00:04Z Created version '2' of model 'code-review-bert'.",
        K::Register,
        &[("model.name", "code-review-bert"), ("model.version", "2")],
    ),
    (
        "time=\"2024-01-26T14:32:10Z\" level=info msg=\"Initiated automated sync to '3f2c9d1'\" application=argocd/code-review",
        K::Deploy,
        &[("service.name", "argocd/code-review"), ("model.revision", "3f2c9d1")],
    ),
    (
        "2024-01-26T14:32:10.1234567Z ##[group]Run huggingface-cli download trustworthy-ai-lab/code-review-bert-v2",
        K::Note,
        &[("step", "Run huggingface-cli download trustworthy-ai-lab/code-review-bert-v2")],
    ),
];

#[test]
fn lines_of_servers_name_models() {
    for (line, kind, fields) in LINES {
        let event = event(line);
        assert_eq!(event.kind, *kind, "{line}\n{:?}", event.fields);
        for (name, value) in *fields {
            assert_eq!(event.field(name), Some(*value), "{line}\n{:?}", event.fields);
        }
    }
}

/// The page of a source.
fn page(name: &str) -> &'static str {
    wb_logs::sources().iter().find(|source| source.name == name).expect("listed").page
}

/// The text of the example of a source.
fn text(name: &str) -> &'static str {
    let (_, rest) = page(name).split_once(&format!("```log {name}\n")).expect("an example");
    rest.split("```").next().expect("a split has a part")
}

/// The events of the example of a source.
fn example(name: &str) -> Vec<Event> {
    events("x.log", text(name).as_bytes()).0
}

#[test]
fn records_of_agents_and_clouds_have_their_ends() {
    for name in [
        "cef",
        "leef",
        "sysmon",
        "ss",
        "lsof",
        "gcp-flow",
        "azure-flow",
        "laurel",
        "tracee",
        "osquery",
    ] {
        let reached = example(name).into_iter().any(|event| {
            event.net.is_some_and(|net| {
                net.destination.as_deref() == Some("198.51.100.7")
                    && net.destination_port == Some(443)
            })
        });
        assert!(reached, "{name}");
    }
    for name in ["sysmon", "laurel", "osquery", "shell-history", "auditd"] {
        let ran = example(name).into_iter().find(|event| event.kind == K::Exec);
        let ran = ran.unwrap_or_else(|| panic!("{name}: {:?}", example(name)));
        assert!(
            ran.field("process.command_line").is_some_and(|line| line.contains("curl")),
            "{name}"
        );
    }
}

#[test]
fn what_records_of_agents_and_clouds_report() {
    let group = example("auditd");
    let arguments =
        group.iter().find(|event| event.field("auditd.type") == Some("EXECVE")).expect("EXECVE");
    assert_eq!(arguments.field("process.parent.pid"), Some("26843"));
    let reached = group.iter().find(|event| event.kind == K::Connect).expect("SOCKADDR");
    assert_eq!(reached.field("process.executable"), Some("/usr/bin/curl"));
    let kinds: Vec<K> = example("azure-flow").iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [K::Connect, K::Connect, K::Block, K::Connect]);
    assert_eq!(example("gcp-audit")[0].kind, K::Deploy);
    assert_eq!(example("gcp-audit")[0].actor.as_deref(), Some("ann@corp.example"));
    assert_eq!(example("azure-audit")[0].kind, K::Register);
    assert_eq!(example("s3-access")[0].kind, K::Register);
    assert_eq!(example("s3-access")[0].actor.as_deref(), Some("ann"));
    assert_eq!(
        example("mlflow").iter().map(|event| event.kind).collect::<Vec<_>>(),
        [K::Register, K::Stage]
    );
    let exported = example("journald-export");
    assert_eq!(
        exported.iter().map(|event| (event.kind, event.record.line)).collect::<Vec<_>>(),
        [(K::Load, 1), (K::Restart, 9)]
    );
    let (_, summary) = events("trail.json", text("cloudtrail").as_bytes());
    assert_eq!(
        summary.digests[0].digest.hex,
        "72fc832e10ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777"
    );
    assert_eq!(summary.digests[0].file.as_deref(), Some("prod/reviewer.pkl"));
}

#[test]
fn a_line_cut_anywhere_is_kept() {
    for source in wb_logs::sources() {
        let mut inside = false;
        for line in source.page.lines() {
            if line.starts_with("```") {
                inside = !inside && line.starts_with("```log");
                continue;
            }
            let ends =
                (1..line.len()).step_by(7).filter(|end| inside && line.is_char_boundary(*end));
            for part in ends.map(|end| &line[..end]) {
                let (seen, summary) = events("cut.log", part.as_bytes());
                assert_eq!(summary.lines, 1);
                for event in &seen {
                    assert!(
                        !event.message.is_empty() || event.source == "cri",
                        "{part}: {event:?}"
                    );
                    let kept = event.source != "unknown-text"
                        || event.message.trim_end() == part.trim_end();
                    assert!(kept, "{part}: {event:?}");
                }
                let header = summary.understood == 1;
                assert!(!seen.is_empty() || header || part.trim().is_empty(), "{part}");
            }
        }
    }
}
