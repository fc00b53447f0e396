use crate::testing::{claims, oddities, parse, survive};
use wb_core::{Component, Content};

const A: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const B: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn manifest(layer: &str) -> String {
    format!(
        r#"{{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:{A}", "size": 2}},
        "layers": [{layer}]}}"#
    )
}

fn layer(media: &str, digest: &str, more: &str) -> String {
    format!(r#"{{"mediaType": "{media}", "digest": "{digest}", "size": 3{more}}}"#)
}

fn commands(content: &Content) -> Vec<String> {
    let shown = content.programs.iter().map(|program| format!("{}: {:?}", program.place, program.language));
    shown.collect()
}

#[test]
fn the_blobs_of_a_manifest_are_components() {
    let text = manifest(&layer("application/vnd.oci.image.layer.v1.tar+gzip", &format!("sha256:{B}"), ""));
    assert_eq!(claims(text.as_bytes()), "oci (checksums) (json)");
    let content = parse("oci", text.as_bytes());
    assert_eq!(oddities(&content), Vec::<String>::new());
    let told = |one: &Component| format!("{} {} {} {:?}", one.kind, one.class, one.name, one.setting("size"));
    let blobs: Vec<String> = content.components.iter().map(told).collect();
    assert_eq!(blobs[1], format!("blob application/vnd.oci.image.layer.v1.tar+gzip sha256:{B} Some(\"3\")"));
    let files: Vec<&str> = content.digests.iter().filter_map(|digest| digest.file.as_deref()).collect();
    assert_eq!(files, [format!("blobs/sha256/{A}"), format!("blobs/sha256/{B}")]);
}

#[test]
fn blobs_of_ollama_are_named_as_it_names_them() {
    let text = manifest(&layer("application/vnd.ollama.image.model", &format!("sha256:{B}"), ""));
    let content = parse("oci", text.as_bytes());
    assert_eq!(content.digests[1].file.as_deref(), Some(&*format!("blobs/sha256-{B}")));
}

#[test]
fn digests_and_titles_that_are_paths_leave_the_folder() {
    let digest = manifest(&layer("application/vnd.ollama.image.model", "../../../etc/cron.d/x", ""));
    assert_eq!(oddities(&parse("oci", digest.as_bytes())), ["path-traversal layers[0]"]);
    let title = r#", "annotations": {"org.opencontainers.image.title": "../.bashrc"}"#;
    let title = manifest(&layer("application/octet-stream", &format!("sha256:{B}"), title));
    assert_eq!(oddities(&parse("oci", title.as_bytes())), ["path-traversal layers[0]"]);
    let short = manifest(&layer("application/octet-stream", "sha256:abc", ""));
    assert_eq!(oddities(&parse("oci", short.as_bytes())), ["malformed layers[0]"]);
    let named = r#", "annotations": {"org.opencontainers.image.title": "weights/model.safetensors"}"#;
    let named = manifest(&layer("application/octet-stream", &format!("sha256:{B}"), named));
    assert_eq!(oddities(&parse("oci", named.as_bytes())), Vec::<String>::new());
}

#[test]
fn indexes_layouts_and_saved_lists_are_known() {
    let index = format!(r#"{{"schemaVersion": 2, "manifests": [{{"mediaType": "a", "digest": "sha256:{A}", "size": 1}}]}}"#);
    assert!(claims(index.as_bytes()).starts_with("oci "));
    assert_eq!(claims(br#"{"imageLayoutVersion": "1.0.0"}"#), "oci (json)");
    let saved = br#"[{"Config": "a.json", "RepoTags": ["model:1"], "Layers": ["b/layer.tar", "../../x"]}]"#;
    assert_eq!(claims(saved), "oci (json)");
    assert_eq!(oddities(&parse("oci", saved)), ["path-traversal [0].Layers"]);
}

#[test]
fn other_documents_with_a_version_are_none() {
    for text in [r#"{"schemaVersion": 2, "layers": 3}"#, r#"{"schemaVersion": 1, "layers": [], "config": {}}"#, r#"[{"Config": 1}]"#] {
        assert!(!claims(text.as_bytes()).contains("oci"), "{text}");
    }
}

#[test]
fn commands_of_the_history_and_of_the_start_are_shell() {
    let text = format!(
        r##"{{"architecture": "amd64", "os": "linux", "rootfs": {{"type": "layers", "diff_ids": ["sha256:{A}"]}},
        "config": {{"Entrypoint": ["/bin/sh", "-c", "id"], "Cmd": ["serve"], "OnBuild": ["COPY . /x", "RUN echo x"],
                   "Healthcheck": {{"Test": ["CMD-SHELL", "curl -f http://192.0.2.1/"]}}}},
        "history": [
            {{"created_by": "/bin/sh -c #(nop) ADD file:0 in / "}},
            {{"created_by": "/bin/sh -c apt-get update"}},
            {{"created_by": "RUN |1 A=b /bin/sh -c echo x # buildkit"}},
            {{"created_by": "COPY model /model # buildkit"}},
            {{"created_by": "/bin/sh -c #(nop)  CMD [\"bash\"]"}},
            {{"created_by": "/bin/sh -c echo y #(nop) z"}}
        ]}}"##
    );
    assert!(claims(text.as_bytes()).starts_with("oci "));
    let content = parse("oci", text.as_bytes());
    assert_eq!(
        commands(&content),
        [
            "history[1]: Shell", "history[2]: Shell", "history[4]: Shell", "history[5]: Shell",
            "config.Entrypoint: Shell", "config.Healthcheck.Test: Shell", "config.OnBuild[1]: Shell",
        ]
    );
    assert_eq!(content.programs[5].span, content.programs[5].ops[0].span);
}

#[test]
fn damage_is_survived() {
    let text = manifest(&layer("application/vnd.ollama.image.model", "../x", r#", "annotations": {"org.opencontainers.image.title": "a"}"#));
    survive("oci", text.as_bytes());
}
