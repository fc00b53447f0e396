use crate::testing::{claims, parse, survive};
use wb_core::{Content, Trigger};

/// `import os; os.system('id')`, compiled by 3.11.
const RUNS: &str = "pw0NCgAAAAAA8VNlGgAAAOMAAAAAAAAAAAAAAAADAAAAAAAAAPMuAAAAlwBkAGQBbABaAAIAZQBqAQAAAAAAAAAAZAKmAQAAqwEAAAAAAAAAAAEAZAFTACkD6QAAAABO2gJpZCkC2gJvc9oGc3lzdGVtqQDzAAAAAPoEbS5wefoIPG1vZHVsZT5yCQAAAAEAAABzIQAAAPADAQEB2AAJgAmACYAJ2AAJgAKECYgkgQ+ED4APgA+AD3IHAAAA";
/// `import os` and a function `convert` that removes a file, compiled by 3.11.
const DEFINES: &str = "pw0NCgAAAAAA8VNlMQAAAOMAAAAAAAAAAAAAAAACAAAAAAAAAPMUAAAAlwBkAGQBbABaAGQChABaAWQBUwApA+kAAAAATmMBAAAAAAAAAAAAAAADAAAAAwAAAPMuAAAAlwB0AQAAAAAAAAAAAABqAQAAAAAAAAAAfACmAQAAqwEAAAAAAAAAAAEAZABTACkBTikC2gJvc9oGcmVtb3ZlKQHaBHBhdGhzAQAAACD6BG0ucHnaB2NvbnZlcnRyCAAAAAIAAABzEwAAAIAA3QQGhEmIZIFPhE+AT4BPgE/zAAAAACkCcgQAAAByCAAAAKkAcgkAAAByBwAAAPoIPG1vZHVsZT5yCwAAAAEAAABzJwAAAPADAQEB2AAJgAmACYAJ8AIBARTwAAEBFPAAAQEU8AABARTwAAEBFHIJAAAA";

fn decode(base64: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(base64.as_bytes()).expect("fixtures are base64")
}

fn source(content: &Content) -> &str {
    content.programs[0].source.as_deref().expect("bytecode has a source")
}

#[test]
fn bytecode_is_known_by_its_header_and_shown_as_source() {
    let data = decode(RUNS);
    assert_eq!(claims(&data), "pyc");
    let content = parse("pyc", &data);
    assert_eq!(source(&content), "import os\nos.system('id')\n");
    assert_eq!(content.programs[0].trigger, Trigger::Import);
    let version = content.fields.iter().find(|field| field.path == "version");
    assert_eq!(version.map(|field| field.value.as_str()), Some("3.11"));
    let defines = parse("pyc", &decode(DEFINES));
    assert_eq!(source(&defines), "import os\n\ndef convert(path):\n    os.remove(path)\n");
}

#[test]
fn other_files_that_begin_alike_are_not() {
    let mut data = decode(RUNS);
    data[0] = 0x01;
    data[1] = 0x01;
    assert_eq!(claims(&data), "", "no version has that number");
    let mut data = decode(RUNS);
    data[16] = b'i';
    assert_eq!(claims(&data), "", "no code object follows");
}

#[test]
fn what_follows_the_code_and_damage_are_told() {
    let mut data = decode(RUNS);
    data.extend(b"more");
    let content = parse("pyc", &data);
    assert_eq!(content.oddities.len(), 1);
    let content = parse("pyc", &data[..40]);
    assert!(content.programs.is_empty() && content.gaps.len() == 1);
    survive("pyc", &decode(DEFINES));
}
