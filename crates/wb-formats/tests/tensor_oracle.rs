//! safetensors and GGUF files hold what the libraries that wrote them read from them.

use std::path::{Path, PathBuf};
use std::process::Command;
use wb_core::{ArtifactPath, Budget, Bytes, Content};
use wb_formats::{Request, format, identify};

const FILES: &[(&str, &str)] =
    &[("real.safetensors", "safetensors"), ("real.gguf", "gguf"), ("real-big.gguf", "gguf")];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(path: &Path, expected: &str) -> Content {
    let bytes = std::fs::read(path).expect("the file was made");
    let claims = identify(Bytes::new(&bytes));
    assert_eq!(claims.first().map(|claim| claim.format), Some(expected));
    let name = ArtifactPath::from("file");
    let reader = format(expected).expect("listed");
    (reader.parse)(Bytes::new(&bytes), &Request { path: &name }, &mut Budget::default())
}

fn check(folder: &Path) {
    for (name, format) in FILES {
        let content = read(&folder.join(name), format);
        assert_eq!(content.oddities, [], "{name}");
        assert_eq!(content.gaps, [], "{name}");
        let expected = std::fs::read_to_string(folder.join(format!("{name}.txt"))).expect("made");
        let tensors = content.tensors.iter().map(|tensor| {
            let span = tensor.span.expect("inside");
            // The oracle of safetensors finds tensors by their bytes, which are too few for small ones.
            let found = *format == "gguf" || span.len > 8;
            let start = if found { span.start.to_string() } else { "-1".to_owned() };
            format!(
                "tensor {} {} {:?} {start} {}",
                tensor.name, tensor.dtype, tensor.shape, span.len
            )
        });
        let fields =
            content.fields.iter().map(|field| format!("field {} = {}", field.path, field.value));
        let found: Vec<String> = tensors.chain(fields).collect();
        for line in expected.lines() {
            assert!(found.iter().any(|fact| fact == line), "{name}: no `{line}` in {found:#?}");
        }
        let listed = expected.lines().filter(|line| line.starts_with("tensor ")).count();
        assert_eq!(content.tensors.len(), listed, "{name}");
    }
}

#[test]
fn committed_files_are_read_as_their_libraries_read_them() {
    check(&data());
    let templates = read(&data().join("real.gguf"), "gguf").programs;
    let places: Vec<&str> = templates.iter().map(|program| program.place.as_str()).collect();
    assert_eq!(places, ["tokenizer.chat_template.tool_use", "tokenizer.chat_template"]);
}

#[test]
fn files_written_now_are_read_as_their_libraries_read_them() {
    let folder = std::env::temp_dir().join(format!("weighbridge-tensors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let script = data().join("make_tensors.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let made = Command::new(python).arg(script).arg(&folder).output();
    match made {
        Ok(made) if made.status.success() => check(&folder),
        other => {
            let needed = "python3 with gguf and safetensors is needed";
            assert!(std::env::var_os("CI").is_none(), "{needed}: {other:?}");
        }
    }
    std::fs::remove_dir_all(&folder).expect("it was made above");
}
