//! Against the Python that is installed, where it is one this crate knows: it must be where `CI` is set.

use super::super::{disassemble, lift, read_marshal};
use wb_core::{Budget, Bytes, Trigger};
use wb_testkit::{Run, oracle};

/// Prints marshal and listing of functions of the standard library, in hexadecimal, and how many there are.
const SCRIPT: &str = r"
import ast, base64, bisect, calendar, contextlib, dis, functools, io, marshal, re, shlex, sys, textwrap
assert (3, 10) <= sys.version_info < (3, 15), sys.version
for module in ast, base64, bisect, calendar, contextlib, functools, shlex, textwrap:
    for name, value in sorted(vars(module).items()):
        code = getattr(value, '__code__', None)
        if code is None: continue
        out = io.StringIO()
        dis.dis(code, file=out)
        listing = re.sub(r' at 0x[0-9a-f]+', '', out.getvalue())
        print(marshal.dumps(code).hex(), listing.encode().hex())
";

#[test]
fn listings_are_those_of_dis() {
    let python = oracle::python();
    let known = "import sys; assert (3, 10) <= sys.version_info < (3, 15)";
    let there = Run::of(&python).args(["-c", known]).succeeds();
    if !oracle::is_there(there, &format!("`{python}` is no Python from 3.10 to 3.14")) {
        return;
    }
    compare(&python);
}

#[test]
fn listings_are_those_of_dis_in_python_3_14() {
    if let Some(python) = oracle::python_3_14() {
        compare(&python);
    }
}

/// Compares our listings of functions with those of that Python.
fn compare(python: &str) {
    let printed = Run::of(python).args(["-c", SCRIPT]).end();
    let decode = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal");
    let mut compared = 0;
    for line in printed.code(0).out.lines() {
        compared += 1;
        let (code, listing) = line.split_once(' ').expect("two columns");
        let code = decode(code);
        let listing = String::from_utf8(decode(listing)).expect("text");
        let read = read_marshal(Bytes::new(&code), None, &mut Budget::default()).expect("code");
        assert_eq!(read.doubts, Vec::<String>::new(), "{}", read.name);
        let program = lift(&read, Trigger::Load, &mut Budget::default());
        assert_eq!(program.unfollowed, 0, "{}", read.name);
        // The order of a frozen set is that of its hashes.
        if !listing.contains("frozenset") {
            assert_eq!(disassemble(&read).trim_end(), listing.trim_end());
        }
    }
    assert!(compared > 100, "{compared} listings were compared");
}
