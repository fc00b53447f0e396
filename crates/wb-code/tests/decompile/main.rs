//! What is decompiled, compiled again, is what was compiled before: asked of the installed Python with
//! modules of its standard library.

use std::fmt::Write as _;
use wb_code::cpython::{Version, decompile, read_marshal};
use wb_core::{Budget, Bytes};
use wb_testkit::{Run, oracle};

const SCRIPT: &str = include_str!("oracle.py");

/// Modules with code of every kind, a few hundred functions and more.
const MODULES: &[&str] = &[
    "argparse",
    "ast",
    "asyncio.base_events",
    "asyncio.streams",
    "base64",
    "bisect",
    "calendar",
    "cmd",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "difflib",
    "email.message",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "glob",
    "heapq",
    "inspect",
    "json.decoder",
    "json.encoder",
    "logging",
    "os",
    "pathlib",
    "pprint",
    "queue",
    "random",
    "re",
    "shlex",
    "shutil",
    "socketserver",
    "statistics",
    "string",
    "subprocess",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "urllib.parse",
    "uuid",
    "weakref",
    "zipfile",
];

/// Imports of every kind.
const IMPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decompile/imports.py");

/// Forms of `match`, which Python has from 3.10 on.
const MATCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decompile/match.py");

/// Type parameters, which Python has from 3.12 on.
const GENERICS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decompile/generics.py");

/// Forms that 3.14 compiles in its own way.
const NEWEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decompile/newest.py");

/// Modules for a Python that takes its time.
const FEW: &[&str] =
    &["argparse", "asyncio.streams", "calendar", "csv", "dataclasses", "subprocess"];

/// Figures at the end of what the script prints.
fn figure(out: &str, name: &str) -> usize {
    let last = out.lines().last().unwrap_or_default();
    let mut words = last.split(' ');
    words.by_ref().find(|word| *word == name);
    words.next().and_then(|count| count.parse().ok()).unwrap_or(usize::MAX)
}

/// How many code objects are what they were, do the same, are shown as instructions, do something else.
struct Figures {
    exact: usize,
    equivalent: usize,
    shown: usize,
    wrong: usize,
    out: String,
}

/// Compiles modules with this Python, decompiles them, and compiles that again.
fn round_trip(python: &str, modules: &[&str]) -> Figures {
    let arguments: Vec<&str> =
        ["-c", SCRIPT, "dump"].into_iter().chain(modules.iter().copied()).collect();
    let dumped = Run::of(python).args(arguments).end();
    let mut lines = dumped.code(0).out.lines();
    let version = lines.next().and_then(|version| version.strip_prefix("3.")).expect("a version");
    let version = Version::three(version.parse().expect("a number"));
    let mut input = String::new();
    let mut reasons = String::new();
    for line in lines {
        let (name, code) = line.split_once(' ').expect("two columns");
        let code = data_encoding::HEXLOWER.decode(code.as_bytes()).expect("hexadecimal");
        let read = read_marshal(Bytes::new(&code), Some(version), &mut Budget::default());
        let decompiled = decompile(&read.expect("a code object"), &mut Budget::default());
        for (function, why) in &decompiled.not_recovered {
            writeln!(reasons, "{name} {function}: {why}").expect("text");
        }
        if let Ok(folder) = std::env::var("WEIGHBRIDGE_DECOMPILED") {
            let name = name.replace('/', "_");
            std::fs::write(format!("{folder}/{name}.py"), &decompiled.text).expect("written");
        }
        let text = data_encoding::HEXLOWER.encode(decompiled.text.as_bytes());
        writeln!(input, "{name} {text}").expect("text");
    }
    let compared = Run::of(python).args(["-c", SCRIPT, "compare"]).input(input).end();
    let out = &compared.code(0).out;
    println!("{reasons}{out}");
    let [exact, equivalent, shown, wrong] =
        ["exact", "equivalent", "shown", "wrong"].map(|name| figure(out, name));
    Figures { exact, equivalent, shown, wrong, out: out.clone() }
}

#[test]
fn what_is_decompiled_compiles_to_what_it_was() {
    let python = oracle::python();
    let there = Run::of(&python).args(["-c", "import sys; assert sys.version_info >= (3, 6)"]);
    if !oracle::is_there(there.succeeds(), &format!("`{python}` is no Python 3.6 or newer")) {
        return;
    }
    let named = std::env::var("WEIGHBRIDGE_MODULES").unwrap_or_default();
    let mut modules: Vec<&str> = named.split_whitespace().collect();
    if modules.is_empty() {
        modules = MODULES.to_vec();
        for (minor, forms) in [(6, IMPORTS), (10, MATCH), (12, GENERICS)] {
            let newer = format!("import sys; assert sys.version_info >= (3, {minor})");
            modules.extend(Run::of(&python).args(["-c", &newer]).succeeds().then_some(forms));
        }
    }
    let found = round_trip(&python, &modules);
    assert_eq!(found.wrong, 0, "{}", found.out);
    let all = found.exact + found.equivalent + found.shown;
    assert!(all > 400 || !named.is_empty(), "{}", found.out);
    let exact = found.exact;
    assert!(exact * 100 >= all * 90 || !named.is_empty(), "{exact} of {all} are exact");
}

#[test]
fn what_is_decompiled_compiles_to_what_it_was_by_python_3_14() {
    let Some(python) = oracle::python_3_14() else { return };
    let forms = round_trip(&python, &[IMPORTS, MATCH, GENERICS, NEWEST]);
    assert_eq!((forms.shown, forms.wrong), (0, 0), "{}", forms.out);
    let found = round_trip(&python, FEW);
    assert_eq!(found.wrong, 0, "{}", found.out);
    let (exact, all) = (found.exact, found.exact + found.equivalent + found.shown);
    assert!(all > 400 && exact * 100 >= all * 90, "{exact} of {all} are exact");
}
