use crate::testing::{claims, parse, survive};
use wb_core::{ArtifactPath, Bytes, Trigger};

#[test]
fn source_with_an_import_or_a_definition_is_python() {
    for text in ["import os\nos.system('id')\n", "def f(x):\n    return x\n", "\"\"\"Doc.\"\"\"\nclass A: pass\n"] {
        assert_eq!(claims(text.as_bytes()), "(python)", "{text}");
        let content = parse("python", text.as_bytes());
        assert_eq!(content.programs[0].trigger, Trigger::Import);
    }
}

#[test]
fn a_script_that_python_starts_is_python_whatever_it_holds() {
    for text in ["#!/usr/bin/env python3\n", "#!/usr/bin/python\nx = 1\n", "#!/usr/bin/env -S uv run --script\nx = 1\n"] {
        assert_eq!(claims(text.as_bytes()), "python (script)", "{text}");
    }
    assert_eq!(claims(b"#!/usr/bin/python\nno python at all\n"), "(script)");
}

#[test]
fn prose_and_lists_are_not() {
    for text in ["one\ntwo\n", "x = 1\n", "import duties rose by a third\n", "class of 2026: everyone\n"] {
        assert_eq!(claims(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn a_file_called_python_is_python_when_it_parses() {
    let claims = |text: &'static str| {
        crate::identify_named(Bytes::new(text.as_bytes()), &ArtifactPath::from("m/__init__.py")).len()
    };
    assert_eq!((claims("x = 1\n"), claims("not python at all\n")), (1, 0));
}

#[test]
fn damage_is_survived() {
    survive("python", b"import os\ndef f(x):\n    return os.system(f'{x}')\nf('id')\n");
}
