//! HDF5 files written by h5py hold what h5py says they hold.

use std::path::{Path, PathBuf};
use std::process::Command;
use wb_core::{ArtifactPath, Budget, Bytes, Content, OddityKind};
use wb_formats::{Request, format};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(path: &Path) -> Content {
    let bytes = std::fs::read(path).expect("the file was made");
    let name = ArtifactPath::from("file.h5");
    let hdf5 = format("hdf5").expect("listed");
    (hdf5.parse)(Bytes::new(&bytes), &Request { path: &name }, &mut Budget::default())
}

fn listing(content: &Content) -> String {
    let mut lines = Vec::new();
    for tensor in &content.tensors {
        lines.push(format!("tensor {} {} {:?}\n", tensor.name, tensor.dtype, tensor.shape));
    }
    for field in content.fields.iter().filter(|field| !field.value.starts_with("-> ")) {
        lines.push(format!("attribute {} = {}\n", field.path, field.value));
    }
    for text in &content.texts {
        let (dataset, index) = text.place.rsplit_once('[').expect("place names an element");
        let dataset = dataset.trim_start_matches("dataset `").trim_end_matches('`');
        lines.push(format!("text {dataset} {} {}\n", index.trim_end_matches(']'), text.value));
    }
    lines.sort();
    lines.concat()
}

fn check(folder: &Path) {
    for name in ["old", "new", "ordered"] {
        let content = read(&folder.join(format!("{name}.h5")));
        let expected = std::fs::read_to_string(folder.join(format!("{name}.txt"))).expect("made");
        assert_eq!(listing(&content), expected, "{name}");
        assert_eq!(content.oddities, [], "{name}");
        assert_eq!(content.gaps, [], "{name}");
    }
}

/// What stands inside elements, with its place.
fn inner(content: &Content) -> String {
    let mut lines = Vec::new();
    for tensor in content.tensors.iter().filter(|tensor| tensor.name.ends_with(']')) {
        lines.push(format!("tensor {} {} {:?}\n", tensor.name, tensor.dtype, tensor.shape));
    }
    for text in &content.texts {
        let (_, place) = text.place.split_once('`').expect("a place in words");
        lines.push(format!("text {} {}\n", place.replacen('`', "", 1), text.value));
    }
    lines.sort();
    lines.concat()
}

#[test]
fn what_stands_inside_elements_is_what_h5py_reads_there() {
    let content = read(&data().join("within.h5"));
    let expected = std::fs::read_to_string(data().join("within.txt")).expect("made");
    assert_eq!(inner(&content), expected);
    assert_eq!((content.oddities, content.gaps, content.children), (vec![], vec![], vec![]));
}

#[test]
fn committed_files_are_read_as_h5py_reads_them() {
    check(&data());
}

#[test]
fn what_leads_out_of_the_file_is_told_and_what_stays_inside_is_not() {
    let content = read(&data().join("outside.h5"));
    let told: Vec<(OddityKind, &str)> =
        content.oddities.iter().map(|oddity| (oddity.kind, oddity.place.as_str())).collect();
    let expected = [
        (OddityKind::LeadingBytes, "user block"),
        (OddityKind::TrailingBytes, "end of file"),
        (OddityKind::ExternalReference, "link"),
        (OddityKind::ExternalReference, "mapped"),
        (OddityKind::ExternalReference, "raw"),
    ];
    assert_eq!(told, expected);
    let what: Vec<&str> = content.oddities.iter().map(|oddity| oddity.what.as_str()).collect();
    assert!(what[2].contains("/etc/passwd") && what[3].contains("other.h5"), "{what:?}");
    assert!(what[4].contains("/etc/hostname"), "{what:?}");
}

#[test]
fn larger_files_written_now_are_read_as_h5py_reads_them() {
    let folder = std::env::temp_dir().join(format!("weighbridge-hdf5-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let script = data().join("make_hdf5.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let made = Command::new(python).arg(script).arg(&folder).arg("--large").output();
    match made {
        Ok(made) if made.status.success() => check(&folder),
        other => {
            assert!(std::env::var_os("CI").is_none(), "python3 with h5py is needed: {other:?}");
        }
    }
    std::fs::remove_dir_all(&folder).expect("it was made above");
}
