use crate::testing::{claims, parse, survive};
use wb_core::{ArtifactPath, Bytes};

/// Requirements as `name setting=value ...`.
fn requirements(text: &str) -> Vec<String> {
    let content = parse("requirements", text.as_bytes());
    let shown = content.components.iter().map(|component| {
        let settings = component.settings.iter().map(|field| format!(" {}={}", field.path, field.value));
        format!("{}{}", component.name, settings.collect::<String>())
    });
    shown.collect()
}

#[test]
fn requirements_have_a_version_a_line_and_a_source() {
    let text = "torch==2.1.0\nrequests[security] >= 2.8.1, == 2.8.* ; python_version < '3.8'\n\
        pip @ https://host.example/pip.zip\ngit+https://git.example/x/tool.git@main#egg=tool\n\
        numpy==1.26 \\\n    --hash=sha256:abcd  # pinned\n";
    assert_eq!(claims(text.as_bytes()), "(requirements)");
    assert_eq!(
        requirements(text),
        [
            "torch version===2.1.0 line=1",
            "requests version=>= 2.8.1, == 2.8.* extras=security marker=python_version < '3.8' line=2",
            "pip url=https://host.example/pip.zip line=3",
            "tool url=git+https://git.example/x/tool.git@main#egg=tool line=4",
            "numpy version===1.26 options=--hash=sha256:abcd line=5",
        ]
    );
}

#[test]
fn options_and_comments_are_kept() {
    let text = "# part 1/3: 51\n--extra-index-url https://pypi.mirror.example/simple\n-r base.txt\ntorch\n";
    let content = parse("requirements", text.as_bytes());
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
    let index = "https://pypi.mirror.example/simple";
    assert_eq!(fields, [("extra-index-url", index), ("requirement", "base.txt")]);
    assert_eq!(content.texts[0].value, "part 1/3: 51");
    assert_eq!(content.components[0].setting("index"), Some(index));
}

#[test]
fn bare_names_are_a_list_only_by_their_file_name() {
    let text = b"torch\nnumpy\n# end\n";
    let named = |name: &str| !crate::identify_named(Bytes::new(text), &ArtifactPath::from(name)).is_empty();
    assert_eq!(claims(text), "");
    assert!(named("app/requirements-dev.txt") && !named("app/words.txt"));
}

#[test]
fn what_is_no_list_of_packages() {
    for text in [
        "# Title\n\nA README with a list:\n\n- item\n",
        "2026-04-09 03:13:47 ALLOW 10.0.1.50 -> 203.0.113.80:443\n",
        "key=value\nother=value\n",
        "[INFO] loaded\n",
        "first line\nsecond line\n",
        "{\"a\": 1}\n{\"b\": 2}\n",
        "--- a/file\n+++ b/file\n",
        "import os\nx = 1\n",
        "# only a comment\n",
        "name: model\nversion: 2\n",
        "",
    ] {
        assert!(!claims(text.as_bytes()).contains("requirements"), "{text}");
    }
}

#[test]
fn damage_is_survived() {
    survive("requirements", b"torch==2.1.0 ; python_version<'3'\n--index-url https://a.example\\\n#x\nb[c]>=1\n");
}
