//! Vectors of public attacks that only a folder shows, as recipes in `folders/*.toml`: each is found by the right
//! rule; its nearest innocent neighbour finds nothing.
#![cfg(unix)]

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use wb_core::{Finding, Severity, Verdict};
use wb_engine::{Hashing, ScanOptions, Scanned, Silent, scan};
use wb_testkit::{Node, Scratch};

/// One file of vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    vector: Vec<Vector>,
}

/// One attack and its innocent neighbour.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// The family of public attacks it belongs to, and a name for this member.
    id: String,
    rule: String,
    severity: String,
    /// The worst verdict on a file.
    verdict: String,
    found: Folder,
    innocent: Folder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    #[serde(default)]
    file: Vec<Node>,
    /// Names of links, and what each leads to.
    #[serde(default)]
    links: Vec<(String, String)>,
}

impl Folder {
    fn build(&self) -> Scratch {
        let scratch = self.file.iter().fold(Scratch::new(), |scratch, node| {
            let bytes = node
                .build(&BTreeMap::new())
                .unwrap_or_else(|error| panic!("{}: {error}", node.path));
            scratch.with(&node.path, bytes)
        });
        for (name, target) in &self.links {
            link(&scratch, name, target);
        }
        scratch
    }
}

fn link(scratch: &Scratch, name: &str, target: &str) {
    std::os::unix::fs::symlink(target, scratch.path(name)).expect("a link can be made");
}

fn scanned(folder: &Path, hashing: Hashing) -> Scanned {
    let options = ScanOptions { hashing, ..ScanOptions::default() };
    scan(&[folder.to_owned()], options, &Silent).expect("the folder is there")
}

fn findings(scanned: &Scanned) -> Vec<&Finding> {
    scanned.artifacts.iter().flat_map(|one| &one.findings).collect()
}

fn worst(scanned: &Scanned) -> Verdict {
    scanned.artifacts.iter().map(|one| one.verdict).max().unwrap_or_default()
}

/// Whether no artifact is better than what lies in it.
fn holds_together(scanned: &Scanned) -> bool {
    scanned.artifacts.iter().all(|one| {
        let inside = format!("{}!/", one.artifact.path);
        let parts =
            scanned.artifacts.iter().filter(|it| it.artifact.path.as_str().starts_with(&inside));
        parts.map(|part| part.verdict).all(|verdict| verdict <= one.verdict)
    })
}

fn told(scanned: &Scanned) -> String {
    let told = findings(scanned).into_iter().map(|finding| {
        format!(
            "\n      {} {} {}: {}",
            finding.artifact,
            finding.rule,
            finding.severity.name(),
            finding.headline
        )
    });
    format!("{}{}", worst(scanned).name(), told.collect::<String>())
}

#[test]
fn attacks_on_folders_are_found_and_their_neighbours_are_not() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/folders");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let text =
            std::fs::read_to_string(entry.expect("an entry").path()).expect("a readable file");
        let vectors: Vectors = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        for vector in vectors.vector {
            for hashing in [Hashing::Reported, Hashing::All] {
                let found = scanned(vector.found.build().folder(), hashing);
                let fits = |finding: &&Finding| {
                    finding.rule == vector.rule && finding.severity.name() == vector.severity
                };
                if findings(&found).iter().filter(|finding| fits(finding)).count() != 1
                    || worst(&found).name() != vector.verdict
                    || !holds_together(&found)
                {
                    wrong.push(format!("{}: {}", vector.id, told(&found)));
                }
                let innocent = scanned(vector.innocent.build().folder(), hashing);
                let loud = findings(&innocent).into_iter().any(|one| one.severity > Severity::Info);
                if loud || worst(&innocent) != Verdict::Clean {
                    wrong.push(format!("{}: the neighbour: {}", vector.id, told(&innocent)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shards_that_were_not_fetched_are_told() {
    let index = r#"{"weight_map": {"a": "m-1-of-2.safetensors", "b": "m-2-of-2.safetensors"}}"#;
    let shard = [&8_u64.to_le_bytes()[..], b"{}      "].concat();
    let half = Scratch::new()
        .with("m.safetensors.index.json", index)
        .with("m-1-of-2.safetensors", shard.clone());
    let why = |scratch: &Scratch| {
        let scanned = scanned(scratch.folder(), Hashing::Reported);
        let mut all = scanned.artifacts.into_iter();
        let index = all.find(|one| one.artifact.path.as_str().ends_with("index.json"));
        index.expect("the index").coverage.why
    };
    assert!(why(&half).ends_with("; 1 of 2 shards are not here: `m-2-of-2.safetensors`"));
    let whole = half.with("m-2-of-2.safetensors", shard);
    assert!(!why(&whole).contains("not here"));
}

#[test]
fn snapshots_of_hugging_face_are_links_to_its_blobs() {
    let digest = "ab".repeat(32);
    let scratch = Scratch::new()
        .with(&format!("hub/models--a--b/blobs/{digest}"), "{\"a\": 1}\n")
        .with("hub/models--a--b/blobs/notes", "not a blob")
        .with("hub/models--a--b/snapshots/1234/README.md", "# A model\n");
    let snapshot = "hub/models--a--b/snapshots/1234";
    link(&scratch, &format!("{snapshot}/config.json"), &format!("../../blobs/{digest}"));
    for root in ["hub", "hub/models--a--b", "hub/models--a--b/snapshots", snapshot] {
        let scanned = scanned(Path::new(&scratch.path(root)), Hashing::Reported);
        assert_eq!((findings(&scanned).len(), scanned.skipped.len()), (0, 0), "{root}");
        let read =
            scanned.artifacts.iter().any(|one| one.artifact.path.as_str().ends_with("config.json"));
        assert!(read, "{root}: what the link leads to is read");
    }
    link(&scratch, &format!("{snapshot}/vocab.txt"), "../../blobs/notes");
    let scanned = scanned(Path::new(&scratch.path(snapshot)), Hashing::Reported);
    let rules: Vec<&str> = findings(&scanned).iter().map(|finding| finding.rule).collect();
    assert_eq!(
        (rules, scanned.skipped.len()),
        (vec!["link-leaves-folder"], 1),
        "named by no digest"
    );
}

/// What is no file, or no file of its size, neither stops a scan nor passes for read.
#[test]
fn what_only_looks_like_a_file_is_told_and_never_waited_for() {
    let scratch = Scratch::new().with("config.json", "{\"a\": 1}\n").with("sparse.bin", "");
    let sparse = std::fs::File::options().write(true).open(scratch.path("sparse.bin"));
    sparse.and_then(|file| file.set_len(1 << 40)).expect("a file with a hole");
    let pipe = scratch.path("pipe.pkl");
    let pipes = wb_testkit::Run::of("mkfifo").args([&pipe]).succeeds();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.path("socket.pkl"));
    link(&scratch, "round", "round");
    link(&scratch, "memory.pkl", "/proc/self/mem");
    link(&scratch, "zero.pkl", "/dev/zero");
    let deep = "d".repeat(200);
    let long: String = (0..10).map(|_| format!("{deep}/")).collect();
    std::fs::create_dir_all(scratch.path(&long)).expect("a long path");
    let scanned = scanned(scratch.folder(), Hashing::Off);
    let skipped: Vec<&str> = scanned.skipped.iter().map(|one| one.artifact.file_name()).collect();
    for name in ["round", "memory.pkl", "zero.pkl", "socket.pkl"] {
        assert!(skipped.contains(&name), "{name} in {skipped:?}");
    }
    assert_eq!(pipes, skipped.contains(&"pipe.pkl"));
    let sparse =
        scanned.artifacts.iter().find(|one| one.artifact.path.as_str().ends_with("sparse.bin"));
    assert_eq!(sparse.map(|one| one.verdict), Some(Verdict::Unknown));
}

#[test]
fn pointers_of_git_lfs_record_the_digest_of_what_they_stand_for() {
    let hex = "ab".repeat(32);
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{hex}\nsize 12\n");
    let scratch =
        Scratch::new().with("vocabulary", &*pointer).with("notes", &*pointer.replace("oid", "id"));
    let options = ScanOptions { keep_contents: true, ..ScanOptions::default() };
    let scanned = scan(&[scratch.folder().to_owned()], options, &Silent).expect("it is there");
    let digests: Vec<_> =
        scanned.artifacts.iter().map(|one| one.content.digests.as_slice()).collect();
    let [[], [digest]] = digests.as_slice() else { panic!("{digests:?}") };
    assert_eq!((digest.digest.hex.as_str(), digest.line, &digest.file), (hex.as_str(), 2, &None));
    let span = digest.span.expect("a place");
    assert_eq!(pointer.get(span.start as usize..span.end() as usize), Some(&*hex));
    assert!(scanned.artifacts[1].coverage.why.contains("pointer of Git LFS"));
}
