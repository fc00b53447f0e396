//! Other programs that check what weighbridge prints: Python with `jsonschema`, Python 3.14, and a browser. Each is
//! needed when `CI` is set; elsewhere a test without its oracle says so and passes.

use crate::Run;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const VALIDATE: &str = "
import json, sys
from jsonschema.validators import validator_for
schema, document = json.load(sys.stdin)
validator = validator_for(schema)
validator.check_schema(schema)
for error in sorted(validator(schema).iter_errors(document), key=str)[:5]:
    print('/'.join(map(str, error.absolute_path)), error.message[:300])
";

/// Checks `document` against the JSON Schema `schema`: no error when `expected` is `None`, else one that
/// says so. The Python package `jsonschema` shares no code with the schema's author, and costs no build
/// time; the Rust crate would bring forty others into the lock file.
///
/// # Panics
/// When the document does not do as expected.
#[track_caller]
pub fn validate(schema: &str, document: &str, expected: Option<&str>) {
    let python = python();
    let there = Run::of(&python).args(["-c", "import jsonschema"]).succeeds();
    if !is_there(
        there,
        &format!("`{python}` has no `jsonschema`; WEIGHBRIDGE_PYTHON names another"),
    ) {
        return;
    }
    let input = format!("[{schema},{document}]");
    let ended = Run::of(&python).args(["-c", VALIDATE]).input(input).end();
    ended.code(0);
    match expected {
        None => assert_eq!(ended.out, "", "the document does not follow its schema"),
        Some(text) => assert!(ended.out.contains(text), "expected `{text}` in: {}", ended.out),
    }
}

/// Runs `script` in a Python that has `modules` and with `input`: it ends with exit code 0 and
/// prints nothing but complaints.
///
/// # Panics
/// When it complains.
#[track_caller]
pub fn accepts(modules: &[&str], script: &str, input: &str) {
    let python = python();
    let import = format!("import {}", modules.join(", "));
    let there = Run::of(&python).args(["-c", &import]).succeeds();
    let missing =
        format!("`{python}` lacks one of {}; WEIGHBRIDGE_PYTHON names another", modules.join(", "));
    if is_there(there, &missing) {
        let ended = Run::of(&python).args(["-c", script]).input(input).end();
        ended.code(0);
        assert_eq!(ended.out, "", "the document is not accepted");
    }
}

/// The Python that serves as oracle: `WEIGHBRIDGE_PYTHON`, or `python3`.
pub fn python() -> String {
    std::env::var("WEIGHBRIDGE_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// The command that is Python 3.14 as WebAssembly; `None` where it is not installed, which counts as a failure
/// when `CI` is set.
#[track_caller]
pub fn python_3_14() -> Option<String> {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/pyodide/python.mjs");
    let version = "import sys; assert sys.version_info[:2] == (3, 14)";
    let there = Run::of(python).args(["-c", version]).succeeds();
    let missing = "Python 3.14 is missing: `npm ci --prefix crates/wb-testkit/pyodide` installs it";
    is_there(there, missing).then(|| python.to_owned())
}

/// What tshark, Wireshark's command, prints of a capture file with these arguments; `None` where it is not
/// installed, which counts as a failure when `CI` is set.
#[track_caller]
pub fn tshark(capture: &Path, arguments: &[&str]) -> Option<String> {
    let there = Run::of("tshark").args(["--version"]).succeeds();
    if !is_there(there, "`tshark` is missing: Debian has it as a package") {
        return None;
    }
    let run = Run::of("tshark").args([OsStr::new("-r"), capture.as_os_str()]).args(arguments);
    Some(run.end().code(0).out.clone())
}

/// Opens every `NAME.html` in `pages` from disk in headless Chromium and uses it as a reader would.
/// `script` is the folder of `click-through.mjs`. `CHROMIUM` names the browser and
/// `WEIGHBRIDGE_PLAYWRIGHT` the folder whose `node_modules` has `playwright-core`; without them they are
/// looked for in `/usr/bin/chromium` and in `script`.
///
/// # Panics
/// When a page does not work.
#[track_caller]
pub fn click_through(script: &Path, pages: &Path) {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let named = std::env::var_os("WEIGHBRIDGE_PLAYWRIGHT").map(PathBuf::from);
    let playwright = named.unwrap_or_else(|| script.to_owned());
    let there =
        Path::new(&chromium).exists() && playwright.join("node_modules/playwright-core").is_dir();
    let missing = format!(
        "`{chromium}` or `playwright-core` is missing: run `npm ci` in `{}`, or name their places in \
         CHROMIUM and WEIGHBRIDGE_PLAYWRIGHT",
        script.display()
    );
    if is_there(there, &missing) {
        let script = script.join("click-through.mjs");
        let arguments = [script.as_os_str(), pages.as_os_str()];
        let run = Run::of("node").args(arguments).env("CHROMIUM", chromium);
        run.env("WEIGHBRIDGE_PLAYWRIGHT", playwright).end().code(0);
    }
}

/// Whether an oracle can be asked. Where everything has been installed it must be.
///
/// # Panics
/// When it is not there and `CI` is set.
#[track_caller]
pub fn is_there(there: bool, missing: &str) -> bool {
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("not checked: {missing}");
    }
    there
}
