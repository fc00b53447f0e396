//! What pickles call without naming it at the call.

use super::tests::{lines, of};
use crate::pickle;
use wb_core::{Budget, Bytes, Trigger};

#[track_caller]
fn check(pickled: &[u8], expected: &[&str]) {
    let input = Bytes::new(pickled);
    let mut budget = Budget::default();
    let lifted = pickle::lift(input, Trigger::Load, pickle::Detail::Full, &mut budget);
    let [program] = lifted.programs.as_slice() else { panic!("one program") };
    assert_eq!(lines(&of(program).effects), expected);
}

#[test]
fn items_of_namespaces_lead_to_callables() {
    let id = "run-command os.system by builtins.dict.get(builtins.vars(builtins.__import__('os')), 'system') [shell: id]";
    check(
        b"cbuiltins\ndict.get\n(cbuiltins\nvars\n(cbuiltins\n__import__\n(Vos\ntRtRVsystem\ntR(Vid\ntR.",
        &[id],
    );
    // A mapping of plain values is no namespace.
    check(b"cbuiltins\ndict.get\n((Va\nI1\ndVa\ntR.", &[]);
}

#[test]
fn what_a_call_returned_is_not_called_by_picklers() {
    check(b"ccollections\nOrderedDict\n)R(Vid\ntR.", &["unknown collections.OrderedDict(...)"]);
    check(b"ccollections\nOrderedDict\n)R.", &[]);
}

#[test]
fn states_that_call() {
    // The state of a `partial`: callable, arguments, keywords, attributes.
    check(
        b"cfunctools\npartial\n(cos\nuname\ntR(cos\nsystem\n(Vid\nt(dNtb.",
        &["run-command os.system (not called) by functools.partial(os.uname) [shell: id]"],
    );
    check(b"cfunctools\npartial\n(cos\nuname\ntR(cos\nuname\n(Vid\nt(dNtb.", &[]);
    // Called, it is told with its arguments.
    check(
        b"cfunctools\npartial\n(cos\nuname\ntR(cos\nsystem\n(Vid\nt(dNtb)R.",
        &[
            "run-command os.system (not called) by functools.partial(os.uname) [shell: id]",
            "run-command os.system by functools.partial(os.uname) [shell: id]",
        ],
    );
    check(
        b"cargparse\nNamespace\n)\x81(V__setstate__\ncos\nsystem\ndbVid\nb.",
        &["unknown argparse.Namespace", "run-command os.system [shell: id]"],
    );
}
