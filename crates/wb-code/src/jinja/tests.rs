use super::*;
use wb_core::{CallStyle, Collection};

/// An expression as it would be written, from the last op of the template.
fn last(template: &str) -> String {
    let program = lift(template, &mut Budget::default());
    let id = ValueId(u32::try_from(program.ops.len().saturating_sub(1)).expect("few"));
    show(&program, id)
}

fn show(program: &Program, id: ValueId) -> String {
    let all =
        |ids: &[ValueId]| ids.iter().map(|id| show(program, *id)).collect::<Vec<_>>().join(", ");
    match program.op(id).map(|op| &op.kind) {
        Some(OpKind::Constant(Constant::Text(text))) => format!("'{text}'"),
        Some(OpKind::Constant(Constant::Int(value))) => value.to_string(),
        Some(OpKind::Constant(constant)) => format!("{constant:?}"),
        Some(OpKind::Load { name }) => name.clone(),
        Some(OpKind::GetAttribute { of, name }) => format!("{}.{name}", show(program, *of)),
        Some(OpKind::GetItem { of, key }) => {
            format!("{}[{}]", show(program, *of), show(program, *key))
        }
        Some(OpKind::Call { callee, arguments, keywords, style: CallStyle::Call }) => {
            let mut parts: Vec<String> = arguments.iter().map(|id| show(program, *id)).collect();
            parts
                .extend(keywords.iter().map(|(name, id)| format!("{name}={}", show(program, *id))));
            format!("{}({})", show(program, *callee), parts.join(", "))
        }
        Some(OpKind::Collect { kind: Collection::Joined, items, .. }) => {
            items.iter().map(|id| show(program, *id)).collect::<Vec<_>>().join(" ~ ")
        }
        Some(OpKind::Collect { items, .. }) => format!("({})", all(items)),
        Some(OpKind::Opaque { what, uses }) => format!("<{what} {}>", all(uses)),
        Some(OpKind::Store { name, value }) => format!("{name} = {}", show(program, *value)),
        Some(OpKind::Define { name, .. }) => format!("macro {name}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn expressions() {
    for (template, expected) in [
        (
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
            "cycler.__init__.__globals__.os.popen('id').read()",
        ),
        ("{{- messages[0]['role'] -}}", "messages[0]['role']"),
        ("{{ x|attr('__class__')|attr(y) }}", "attr(x.__class__, y)"),
        ("{{ m|map(attribute='a.b')|list }}", "list(m.a.b)"),
        ("{{ m|map('attr', '__class__') }}", "m.__class__"),
        ("{{ ('__cla' ~ 'ss__')|upper }}", "upper('__cla' ~ 'ss__')"),
        ("{{ a + b * c }}", "<+ a, <* b, c>>"),
        ("{{ a if b == 1 else c }}", "<either a, c>"),
        ("{{ x is not defined and y }}", "<either <is defined x>, y>"),
        ("{{ '}}' ~ {'a': {'b': 1}}['a'] }}", "'}}' ~ ('a', ('b', 1))['a']"),
        ("{{ f(1, *x, k='v')[1:] }}", "f(1, x, k='v')[(1, None, None)]"),
        ("{{ 'a' 'b' }}", "'ab'"),
        ("{{ x.0 }}", "x[0]"),
        ("{{ -1 }}", "-1"),
        ("{{ '\\x5f\\x5fclass' }}", "'__class'"),
        ("{{ not x in y }}", "<not <compare x, y>>"),
    ] {
        assert_eq!(last(template), expected, "{template}");
    }
}

#[test]
fn tags_known_and_unknown() {
    for (template, expected) in [
        ("{% set x = 1 %}", "x = 1"),
        ("{% for k, v in d.items() if v %}", "v"),
        ("{% generation %}{{ m.content }}{% endgeneration %}", "m.content"),
        ("{% trans count=n %}a{% endtrans %}{{ z }}", "z"),
        ("{% raw %}{{ evil.__class__ }}{% endraw %}{{ b }}", "b"),
        ("{# {{ evil }} #}{{ c }}", "c"),
        ("{% if x %}{% elif y.z %}", "y.z"),
        ("{% nonsense ]] ~~ %}{{ d }}", "d"),
        ("{% macro m(a, b=1) %}{{ a }}{% endmacro %}", "m = macro m"),
        ("text {{ open.__class__", "open.__class__"),
        ("{{ 'unclosed }} {{ e }}", "e"),
    ] {
        assert_eq!(last(template), expected, "{template}");
    }
}

#[test]
fn places() {
    let program = lift("line\n{{ a.b }}", &mut Budget::default());
    let op = program.ops.last().expect("an op");
    assert_eq!((op.number, op.span), (2, Span::new(8, 3)));
}

#[test]
fn hostile_templates_end() {
    for template in [
        "{{ ".to_owned() + &"(".repeat(100_000),
        "{{ ".to_owned() + &"[".repeat(100_000),
        "{{ x".to_owned() + &".a".repeat(100_000),
        "{{ x".to_owned() + &"|f(".repeat(50_000),
        "{{ ".to_owned() + &"not ".repeat(100_000),
        "{{ ".to_owned() + &"- ".repeat(100_000),
        "{{ x is ".to_owned() + &"y is ".repeat(50_000),
        "{% macro a() %}".repeat(5_000),
        "{{".repeat(50_000),
        "{{ 'ü' é ~ \u{1f600} }}".to_owned(),
        "{{ x if ".to_owned() + &"y if ".repeat(50_000),
        "{{ a[".to_owned() + &"::::".repeat(10_000),
    ] {
        lift(&template, &mut Budget::default());
    }
}
