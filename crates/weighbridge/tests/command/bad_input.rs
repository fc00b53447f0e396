//! Input that is broken, hostile or not there: a clear message with a hint, no hang and no panic, and
//! whatever else lies in the folder is still read.

use crate::{harmless, malicious, weighbridge};
use std::fs;
use wb_testkit::{Ended, Run, Scratch};

/// Scans and investigates `scratch`, in which `bad.pkl` must be found whatever else is there.
#[track_caller]
fn both(scratch: &Scratch) -> [Ended; 2] {
    ["scan", "investigate"].map(|verb| {
        let ended = weighbridge(&[verb, &scratch.path("")]).end();
        ended.code(1).prints("os.system");
        ended
    })
}

/// A folder with a malicious model.
fn folder() -> Scratch {
    Scratch::new().with("bad.pkl", malicious())
}

#[test]
fn a_path_that_is_not_there() {
    let scratch = Scratch::new();
    let absent = scratch.path("absent");
    for arguments in [
        ["scan", &absent].as_slice(),
        &["investigate", &absent],
        &["inspect", &absent],
        &["decompile", &absent],
        &["decompile", "--exact", &absent],
        &["disassemble", &absent],
        &["timeline", &absent],
        &["show", "F1", &absent],
        &["diff", &absent, &absent],
    ] {
        let ended = weighbridge(arguments).end();
        ended.code(2).complains("absent` does not exist").complains("hint: ");
    }
}

#[test]
fn an_empty_file() {
    for ended in both(&folder().with("empty.pkl", "").with("empty.log", "")) {
        ended.prints("empty.pkl: the file is empty, but it is named like `pickle`");
    }
    let alone = Scratch::new().with("empty.pkl", "").with("__init__.py", "");
    weighbridge(&["scan", &alone.path("")]).end().code(0).complains("hint: ");
    weighbridge(&["scan", &alone.path(""), "--fail-on", "unknown"]).end().code(1);
    weighbridge(&["scan", &alone.path("__init__.py"), "--fail-on", "unknown"])
        .end()
        .code(0)
        .quiet();
}

#[test]
fn a_model_that_was_cut_short() {
    let whole = malicious();
    let tensors = b"\x10\x27\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"".to_vec();
    let scratch = folder()
        .with("cut.pkl", &whole[..whole.len() - 4])
        .with("cut.safetensors", tensors)
        .with("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    for ended in both(&scratch) {
        ended.prints("cut.safetensors: ").prints("model.safetensors: a pointer of Git LFS");
    }
    // Cut or not, what it imports is a reason not to call it clean.
    weighbridge(&["scan", &scratch.path("cut.pkl"), "--fail-on", "unknown"]).end().code(1);
    weighbridge(&["decompile", &scratch.path("cut.safetensors")]).end().code(3).complains("hint: ");
}

#[test]
fn a_name_that_lies() {
    let scratch = Scratch::new().with("weights.safetensors", malicious());
    let ended = weighbridge(&["scan", &scratch.path("")]).end();
    ended.code(1).prints("named like `safetensors`, but the bytes are `pickle`");
    weighbridge(&["decompile", &scratch.path("weights.safetensors")])
        .end()
        .code(0)
        .prints("system('echo hello')");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = folder().with("closed.pkl", harmless());
    let closed = scratch.path("closed.pkl");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("it is the test's own");
    if !as_nobody(&["--version"]).succeeds() {
        eprintln!("not checked: this user may read every file, and cannot become another");
        return;
    }
    let folder = scratch.path("");
    for verb in ["scan", "investigate"] {
        let ended = as_nobody(&[verb, &folder]).end();
        ended.code(1).prints("os.system").prints("closed.pkl: cannot be read: Permission denied");
    }
    as_nobody(&["scan", &closed]).end().code(2).prints("closed.pkl: cannot be read");
    as_nobody(&["disassemble", &closed]).end().code(2).complains("hint: check its permissions");
}

/// A run by a user who may not read every file.
#[cfg(unix)]
fn as_nobody(arguments: &[&str]) -> Run {
    // The superuser reads files whatever their permissions say.
    if !Run::of("test").args(["-r", "/etc/shadow"]).succeeds() {
        return weighbridge(arguments);
    }
    let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let run = Run::of("setpriv").args(become_nobody);
    run.args([env!("CARGO_BIN_EXE_weighbridge")]).args(arguments)
}

#[cfg(unix)]
#[test]
fn links_that_go_round_or_out() {
    use std::os::unix::fs::symlink;
    let outside = Scratch::new().with("secret.pkl", malicious());
    let scratch = Scratch::new().with("models/good.pkl", harmless());
    let link = |target: &str, name: &str| symlink(target, scratch.path(name)).expect("a link");
    link("..", "models/up");
    link("good.pkl", "models/again.pkl");
    weighbridge(&["scan", &scratch.path("")]).end().code(0).quiet().prints("2 artifacts: 2 clean");
    weighbridge(&["investigate", &scratch.path("")]).end().code(0).quiet();
    link(&outside.path("secret.pkl"), "models/out.pkl");
    link("nowhere", "models/dangling.pkl");
    for verb in ["scan", "investigate"] {
        // What was not looked at is no reason to call the folder clean.
        let ended = weighbridge(&[verb, &scratch.path("")]).end();
        ended.code(2).prints("outside the folder: not followed").prints("link that leads nowhere");
        ended.never_says("os.system");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_to() {
    let scratch = folder();
    let pipe = scratch.path("model.pkl");
    if !Run::of("mkfifo").args([&pipe]).succeeds() {
        eprintln!("not checked: no `mkfifo`");
        return;
    }
    for ended in both(&scratch) {
        ended.prints("model.pkl: neither a file nor a folder");
    }
    for verb in ["scan", "inspect", "decompile", "disassemble", "timeline", "investigate"] {
        let ended = weighbridge(&[verb, &pipe]).end();
        assert!(matches!(ended.code, Some(2 | 3)), "{ended}");
        assert!(ended.to_string().contains("pipe"), "{ended}");
    }
}

#[test]
fn a_log_that_is_no_text_all_the_way() {
    let mut log =
        b"2026-01-01T00:00:00Z INFO started \xff\xfe\xc3( by \x1b[31mnobody\x1b[0m\n".to_vec();
    for second in 1..40 {
        log.extend(format!("2026-01-01T00:00:{second:02}Z INFO request {second}\n").bytes());
    }
    let scratch = folder().with("server.log", log);
    for ended in both(&scratch) {
        assert!(!ended.out.contains('\u{1b}'), "{ended}");
    }
    let ended = weighbridge(&["timeline", &scratch.path("server.log")]).end();
    ended.code(0).prints("request 39");
    assert!(!ended.out.contains('\u{1b}'), "{ended}");
}

#[test]
fn a_line_of_ten_megabytes() {
    let mut log = "2026-01-01T00:00:00Z INFO started\n".repeat(20).into_bytes();
    log.extend(b"2026-01-01T00:00:01Z INFO ");
    log.extend(std::iter::repeat_n(b'x', 10 << 20));
    log.extend(b"\n2026-01-01T00:00:02Z INFO stopped at last\n");
    let scratch = folder().with("server.log", log);
    for ended in both(&scratch) {
        assert!(ended.out.len() < 100_000, "{} bytes", ended.out.len());
    }
    let ended = weighbridge(&["timeline", &scratch.path("server.log")]).end();
    ended.code(0).prints("stopped at last");
    assert!(ended.out.len() < 100_000, "{} bytes", ended.out.len());
}

#[test]
fn lengths_of_exabytes() {
    let mut gguf = b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    gguf.extend((1_u64 << 60).to_le_bytes());
    gguf.extend(b"general.name");
    let mut safetensors = (1_u64 << 60).to_le_bytes().to_vec();
    safetensors.extend(b"{}");
    let pickle = [b"\x80\x04\x8e".as_slice(), &(1_u64 << 60).to_le_bytes(), b"abc."].concat();
    let scratch = folder()
        .with("long.gguf", gguf)
        .with("long.safetensors", safetensors)
        .with("long.pkl", pickle);
    for ended in both(&scratch) {
        ended.prints("long.gguf").prints("long.safetensors");
    }
}

#[test]
fn nesting_without_end() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let mut zip = malicious();
    for _ in 0..60 {
        zip = wb_testkit::zip(&[("inner.zip".to_owned(), zip)]);
    }
    let tuples = [b"\x80\x04N".to_vec(), vec![0x85; 200_000], b".".to_vec()].concat();
    let header = format!("{{\"__metadata__\":{deep}}}");
    let safetensors = [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes()].concat();
    let scratch = folder()
        .with("deep.json", deep)
        .with("deep.zip", zip)
        .with("deep.pkl", tuples)
        .with("deep.safetensors", safetensors);
    for ended in both(&scratch) {
        ended.prints("depth");
    }
    for verb in ["decompile", "disassemble", "inspect"] {
        for file in ["deep.json", "deep.zip", "deep.pkl", "deep.safetensors"] {
            let ended = weighbridge(&[verb, &scratch.path(file)]).end();
            assert!(matches!(ended.code, Some(0 | 3)), "{}", &ended.err);
        }
    }
}
