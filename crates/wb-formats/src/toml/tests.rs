use crate::testing::{claims, gaps, parse, survive};
use wb_core::{Bytes, Content};

/// Requirements as `name version url`, then the indexes.
fn asked(content: &Content) -> Vec<String> {
    let setting = |one: &wb_core::Component, name| one.setting(name).unwrap_or_default().to_owned();
    let requirements = content.components.iter().filter(|one| one.kind == "requirement");
    let mut out: Vec<String> = requirements
        .map(|one| format!("{} {} {}", one.name, setting(one, "version"), setting(one, "url")).trim().to_owned())
        .collect();
    let indexes = content.fields.iter().filter(|field| field.path.ends_with("index-url"));
    out.extend(indexes.map(|field| field.value.clone()));
    out
}

#[test]
fn manifests_ask_for_packages() {
    let text = "[build-system]\nrequires = [\"setuptools>=61\"]\n[project]\nname = \"model\"\n\
        dependencies = [\"numpy>=1.26\", \"tool @ https://host.example/tool.whl\"]\n\
        [project.optional-dependencies]\ndev = [\"pytest\"]\n[dependency-groups]\nlint = [\"ruff==0.5\"]\n\
        [[tool.uv.index]]\nurl = \"http://192.0.2.1/simple\"\n";
    assert_eq!(claims(text.as_bytes()), "(toml)");
    let content = parse("toml", text.as_bytes());
    assert_eq!(
        asked(&content),
        [
            "numpy >=1.26",
            "tool  https://host.example/tool.whl",
            "setuptools >=61",
            "pytest",
            "ruff ==0.5",
            "http://192.0.2.1/simple",
        ]
    );
    let span = content.components[0].span.expect("a span");
    assert_eq!(Bytes::new(text.as_bytes()).at_span(span).expect("inside").as_slice(), b"\"numpy>=1.26\"");
}

#[test]
fn poetry_and_pipenv_have_tables_of_their_own() {
    let poetry = "[tool.poetry]\nname = \"m\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\ntorch = \"^2.1\"\n\
        own = { git = \"https://git.example/own.git\" }\n";
    let content = parse("toml", poetry.as_bytes());
    assert_eq!(asked(&content), ["own  git+https://git.example/own.git", "torch ^2.1"]);
    let pipfile = "[[source]]\nurl = \"https://pypi.org/simple\"\n[packages]\nrequests = \"*\"\n";
    let content = parse("toml", pipfile.as_bytes());
    assert_eq!(asked(&content), ["requests *", "https://pypi.org/simple"]);
}

#[test]
fn what_is_no_manifest_is_taken_by_its_name_alone() {
    let text = "[section]\nkey = 1\n";
    assert_eq!(claims(text.as_bytes()), "");
    let format = crate::format("toml").expect("known");
    let named = format.named.expect("asks for the name");
    assert!(named("config.toml", Bytes::new(text.as_bytes())).is_some());
    assert!(named("config.toml", Bytes::new(b"key = ")).is_none());
}

#[test]
fn broken_and_deep_documents_are_gaps() {
    assert!(!gaps(&parse("toml", b"[project]\nname = ")).is_empty());
    let deep = format!("[project]\na = {}1{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(!gaps(&parse("toml", deep.as_bytes())).is_empty());
    survive("toml", b"[project]\nname = \"m\"\ndependencies = [\"a\"]\n");
}
