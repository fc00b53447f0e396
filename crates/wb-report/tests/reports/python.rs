//! JSON Schema validation by an independent implementation: the Python package `jsonschema`. It is an
//! oracle that shares no code with the schema's author, and costs no build time; the Rust crate would
//! bring forty others into the lock file.

use std::io::Write as _;
use std::process::{Command, Stdio};

const VALIDATE: &str = "
import json, sys
from jsonschema.validators import validator_for
schema, document = json.load(sys.stdin)
validator = validator_for(schema)
validator.check_schema(schema)
for error in sorted(validator(schema).iter_errors(document), key=str)[:5]:
    print('/'.join(map(str, error.absolute_path)), error.message[:300])
";

/// The interpreter: `WEIGHBRIDGE_PYTHON`, or `python3`, if it has `jsonschema`.
fn interpreter() -> Option<String> {
    let name = std::env::var("WEIGHBRIDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&name)
        .args(["-c", "import jsonschema"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has {
        assert!(
            std::env::var_os("CI").is_none(),
            "`{name}` has no `jsonschema`; install it, or name an interpreter in WEIGHBRIDGE_PYTHON"
        );
        eprintln!("not validated: `{name}` has no `jsonschema`");
    }
    has.then_some(name)
}

/// Checks `document` against `schema`: no error when `expected` is `None`, else one that says so.
pub fn validate(schema: &str, document: &str, expected: Option<&str>) {
    let Some(interpreter) = interpreter() else { return };
    let mut child = Command::new(interpreter)
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let input = format!("[{schema},{document}]");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the interpreter reads");
    let output = child.wait_with_output().expect("the interpreter ends");
    let errors = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    match expected {
        None => assert_eq!(errors, "", "the document does not follow its schema"),
        Some(text) => assert!(errors.contains(text), "expected `{text}` in: {errors}"),
    }
}
