//! CPython as oracle: listings against `pickletools`, printed text against `pickle.loads`.

use crate::pickle::{disassemble, is_pickle};
use data_encoding::HEXLOWER;
use std::io::Write as _;
use std::process::{Command, Stdio};
use wb_core::{Budget, Bytes, OddityKind};

/// What `python3` prints for a script and its input; `None` when there is no python3, which is an error
/// on a build machine.
fn python3(script: &str, input: &str) -> Option<String> {
    let child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        assert!(std::env::var_os("CI").is_none(), "python3 is needed on a build machine");
        return None;
    };
    let mut stdin = child.stdin.take().expect("it was piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("python3 runs");
    writer.join().expect("the writer does not panic").expect("python3 reads its input");
    assert!(output.status.success(), "python3 fails");
    Some(String::from_utf8(output.stdout).expect("it prints text"))
}

/// Pickles and their listings, as `oracle.py` makes them.
fn pickles() -> Vec<(Vec<u8>, String)> {
    let Some(made) = python3(include_str!("oracle.py"), "") else { return Vec::new() };
    made.lines()
        .map(|line| {
            let mut parts = line.split(' ').skip(1);
            let mut hex =
                || HEXLOWER.decode(parts.next().expect("a field").as_bytes()).expect("hex");
            let pickle = hex();
            (pickle, String::from_utf8(hex()).expect("a listing is text"))
        })
        .collect()
}

#[test]
fn listings_are_those_of_pickletools() {
    let pickles = pickles();
    for (pickle, listing) in &pickles {
        let ours = disassemble(Bytes::new(pickle), false, &mut Budget::default());
        for (line, theirs) in ours.lines().zip(listing.lines()) {
            assert_eq!(line, theirs);
        }
        assert_eq!(ours.lines().count(), listing.lines().count());
    }
}

#[test]
fn everything_python_pickles_is_a_pickle_and_is_lifted_without_oddities() {
    for (pickle, listing) in &pickles() {
        // A lone number without PROTO could be any few bytes.
        let scalar = listing.lines().count() == 3 && pickle.first() != Some(&0x80);
        assert!(is_pickle(Bytes::new(pickle)) || scalar, "{listing}");
        for lifted in [super::effects(pickle), super::full(pickle)] {
            let kinds: Vec<OddityKind> = lifted.oddities.iter().map(|odd| odd.kind).collect();
            assert_eq!((kinds.as_slice(), lifted.gaps.as_slice()), (&[][..], &[][..]), "{listing}");
            assert_eq!(lifted.streams.len(), 1);
        }
    }
}

#[test]
fn printed_pickles_make_the_same_object() {
    let mut input = String::new();
    for (pickle, _) in &pickles() {
        let lifted = super::full(pickle);
        let printed = crate::print::python(&lifted.programs[0], false);
        input +=
            &format!("{} {}\n", HEXLOWER.encode(pickle), HEXLOWER.encode(printed.text.as_bytes()));
    }
    if let Some(differences) = python3(include_str!("oracle_exec.py"), &input) {
        assert_eq!(differences, "");
    }
}
