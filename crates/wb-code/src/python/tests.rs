use super::*;

/// The ops of a source, one line each: what it makes and what of.
fn ops(source: &str) -> Vec<String> {
    let program = lift(source, Trigger::Import, &mut Budget::default()).expect("it parses");
    program.ops.iter().map(|op| show(&op.kind)).collect()
}

fn show(kind: &OpKind) -> String {
    match kind {
        OpKind::Constant(constant) => format!("{constant:?}"),
        OpKind::Import { module, name } => format!("import {module} {name}").trim_end().to_owned(),
        OpKind::GetAttribute { of, name } => format!("{}.{name}", of.0),
        OpKind::GetItem { of, key } => format!("{}[{}]", of.0, key.0),
        OpKind::Call { callee, arguments, keywords, .. } => format!(
            "{}({})",
            callee.0,
            arguments
                .iter()
                .map(|id| id.0.to_string())
                .chain(keywords.iter().map(|(name, id)| format!("{name}={}", id.0)))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        OpKind::Store { name, value } => format!("{name} = {}", value.0),
        OpKind::Load { name } => name.clone(),
        OpKind::Define { name, body } => {
            let body: Vec<String> = body.ops.iter().map(|op| show(&op.kind)).collect();
            format!("def {name}: {}", body.join("; "))
        }
        OpKind::Return { value } => format!("return {}", value.0),
        OpKind::Opaque { what, uses } => {
            let uses: Vec<String> = uses.iter().map(|id| id.0.to_string()).collect();
            format!("<{what}> {}", uses.join(" ")).trim_end().to_owned()
        }
        OpKind::Collect { kind, items, .. } => format!("{kind:?} of {}", items.len()),
        other => format!("{other:?}"),
    }
}

#[test]
fn imports_and_calls() {
    assert_eq!(
        ops("import os.path as p, a.b\nfrom .x import y as z"),
        ["import os.path", "p = 0", "import a.b", "import a", "a = 3", "import .x y", "z = 5"]
    );
    assert_eq!(ops("a.b(1, k=2)"), ["a", "0.b", "Int(1)", "Int(2)", "1(2, k=3)"]);
}

#[test]
fn torchscript_has_torch_without_an_import() {
    let method = |kind: &str| {
        format!(
            "class M(Module):\n  def forward(self: {kind}, x: Tensor) -> Tensor:\n    return x\n"
        )
    };
    let given = ["import torch", "torch = 0", "import torch.ops", "ops = 2"];
    assert_eq!(ops(&method("__torch__.net.M"))[..4], given);
    assert_ne!(ops(&method("net.M"))[..4], given);
}

#[test]
fn functions_run_their_decorators_and_defaults_at_once() {
    assert_eq!(
        ops("@d\ndef f(a=g()):\n  return a"),
        ["d", "g", "1()", "def f: parameter a; a = 0; a; return 2", "0(3)", "f = 3"]
    );
    assert_eq!(ops("class A(B):\n  x = 1"), ["B", "Int(1)", "A.x = 1", "<class A> 0", "A = 3"]);
}

#[test]
fn every_block_is_walked() {
    let all = ops(
        "if a:\n  b1()\nelif c:\n  b2()\nelse:\n  b3()\nfor i in x:\n  b4()\nelse:\n  b5()\n\
         while y:\n  b6()\nwith z as w:\n  b7()\ntry:\n  b8()\nexcept E:\n  b9()\nfinally:\n  b10()\n\
         match m:\n  case 1:\n    b11()\nasync def q():\n  await b12()\nassert b13(), b14()\n\
         raise b15() from b16()\n[b17() for _ in b18()]\nx = b19() if b20() else b21()\nf'{b22()}'",
    )
    .join("\n");
    for index in 1..=22 {
        assert!(all.contains(&format!("b{index}")), "b{index}\n{all}");
    }
}

#[test]
fn numbers_are_lines() {
    let program = lift("a\n\nb", Trigger::Load, &mut Budget::default()).expect("it parses");
    let lines: Vec<u64> = program.ops.iter().map(|op| op.number).collect();
    assert_eq!(lines, [1, 3]);
    assert_eq!(program.ops[1].span, Span::new(3, 1));
}

#[test]
fn python_two_is_understood_and_prose_is_not_python() {
    assert_eq!(ops("exec 'x'"), ["exec", "Text(\"x\")", "0(1)"]);
    assert_eq!(ops("try:\n  a\nexcept E, e:\n  print 'x'").len(), 5);
    for prose in ["The quick brown fox", "curl -s https://h.example | sh", "{% if x %}", "", "1 +"]
    {
        assert!(lift(prose, Trigger::Load, &mut Budget::default()).is_none(), "{prose}");
    }
}

#[test]
fn hostile_nesting_is_refused_or_cut() {
    for source in [
        "(".repeat(100_000),
        format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("x = {}1", "1+".repeat(100_000)),
        format!("x{}", ".a".repeat(100_000)),
        format!("x{}", "()".repeat(100_000)),
        format!("x = {}1", "lambda: ".repeat(50_000)),
        format!("x = {}1", "not ".repeat(50_000)),
        format!("x = {}1", "-".repeat(50_000)),
        format!("x = {}1", "1 if 1 else ".repeat(50_000)),
        (0..2_000).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect(),
    ] {
        assert!(lift(&source, Trigger::Load, &mut Budget::default()).is_none());
    }
    for source in [
        format!("x = {}1", "chr(1)+".repeat(3_900)),
        format!("x{}", ".a".repeat(290)),
        format!("{}1{}", "[".repeat(190), "]".repeat(190)),
        format!("x = {}1", "lambda: ".repeat(190)),
        format!("x = {}1", "-".repeat(3_900)),
    ] {
        assert!(lift(&source, Trigger::Load, &mut Budget::default()).is_some());
    }
}
