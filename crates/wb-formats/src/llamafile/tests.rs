use crate::testing::{Zip, children, claims, oddities, parse, survive};

fn llamafile(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut program = b"MZqFpD='\n".to_vec();
    program.resize(0x80, 0);
    program[0x3c] = 0x80;
    program.extend(b"PE\0\0");
    program.resize(0x100, b' ');
    let mut zip = Zip::new().raw(&program);
    for (name, data) in members {
        zip = zip.stored(name, data);
    }
    zip.finish()
}

#[test]
fn program_weights_and_arguments_are_read() {
    let bytes = llamafile(&[("model.gguf", b"GGUF"), (".args", b"--host\n0.0.0.0\n")]);
    assert!(claims(&bytes).starts_with("llamafile "), "{}", claims(&bytes));
    let content = parse("llamafile", &bytes);
    let names: Vec<&str> = children(&bytes, &content).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["bytes before the archive", "model.gguf", ".args"]);
    let arguments: Vec<String> =
        content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect();
    assert_eq!(arguments, [".args[0]=--host", ".args[1]=0.0.0.0"]);
    assert_eq!(oddities(&content), [""; 0]);
}

#[test]
fn the_directory_that_weights_were_added_behind_is_not_odd() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/written/tiny.llamafile.xz");
    let packed = std::fs::read(file).expect("the file is there");
    let content = parse("xz", &packed);
    let mut bytes = children(&packed, &content)[0].1.to_vec();
    assert_eq!(oddities(&parse("llamafile", &bytes)), [""; 0]);
    let at = memchr::memmem::find(&bytes, b"tiny.gguf").expect("a member") - 64;
    bytes[at] = b'x';
    assert_eq!(oddities(&parse("llamafile", &bytes)), ["unowned-bytes"]);
}

#[test]
fn an_archive_behind_a_program_is_no_llamafile_without_weights() {
    let bytes = llamafile(&[("setup.txt", b"x")]);
    assert!(!claims(&bytes).contains("llamafile"));
    assert!(!claims(&Zip::new().stored("model.gguf", b"GGUF").finish()).contains("llamafile"));
}

#[test]
fn damage_is_survived() {
    survive("llamafile", &llamafile(&[("model.gguf", b"GGUF"), (".args", b"-m\nx\n")]));
}
