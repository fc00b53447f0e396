use crate::testing::{children, claims, has, oddities, parse, python, survive};
use wb_core::OddityKind;

/// A member of a ustar archive: header, data, padding.
fn member(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend(data);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend([0; 1024]);
    bytes
}

#[test]
fn members_are_children() {
    let bytes = archive(&[member("m/", b'5', "", b""), member("m/a.txt", b'0', "", b"alpha")]);
    assert_eq!(claims(&bytes), "tar");
    let content = parse("tar", &bytes);
    assert_eq!(children(&bytes, &content), [("m/a.txt", &b"alpha"[..])]);
    assert_eq!(oddities(&content), Vec::<String>::new());
}

#[test]
fn long_names_come_from_the_member_before() {
    let long = format!("{}/a.txt", "d".repeat(150));
    let mut announced = long.clone().into_bytes();
    announced.push(0);
    let gnu = archive(&[member("././@LongLink", b'L', "", &announced), member("cut", b'0', "", b"1")]);
    assert_eq!(children(&gnu, &parse("tar", &gnu))[0].0, long);
    let record = format!(" path={long}\n");
    let len = record.len() + 3;
    let pax = archive(&[
        member("PaxHeader", b'x', "", format!("{len}{record}").as_bytes()),
        member("cut", b'0', "", b"1"),
        member("next", b'0', "", b"2"),
    ]);
    let content = parse("tar", &pax);
    assert_eq!(children(&pax, &content), [(long.as_str(), &b"1"[..]), ("next", b"2")]);
    assert_eq!(oddities(&content), Vec::<String>::new());
}

#[test]
fn what_leaves_the_folder_is_told() {
    let bytes = archive(&[
        member("../up", b'0', "", b""),
        member("dir/link", b'2', "../../etc", b""),
        member("hard", b'1', "/etc/passwd", b""),
        member("dev", b'3', "", b""),
        member("dir/fine", b'2', "../other", b""),
        member("dir/hard", b'1', "dir/fine", b""),
    ]);
    let expected =
        ["path-traversal ../up", "escaping-link dir/link", "escaping-link", "external-reference dev"];
    assert_eq!(oddities(&parse("tar", &bytes)), expected);
}

#[test]
fn names_may_stand_twice() {
    let bytes = archive(&[member("a", b'0', "", b"1"), member("a", b'0', "", b"2")]);
    let content = parse("tar", &bytes);
    assert_eq!(children(&bytes, &content), [("a", &b"1"[..]), ("a#2", b"2")]);
    assert!(has(&content, OddityKind::DuplicateName));
}

#[test]
fn data_behind_the_end_is_a_child() {
    let mut bytes = archive(&[member("a", b'0', "", b"1")]);
    bytes.extend(member("stowed", b'0', "", b"2"));
    let content = parse("tar", &bytes);
    assert!(has(&content, OddityKind::TrailingBytes));
    let (name, data) = children(&bytes, &content)[1];
    assert_eq!((name, claims(data).as_str()), ("bytes after the archive", "tar"));
}

#[test]
fn a_wrong_checksum_ends_the_reading_and_is_told() {
    let mut second = member("b", b'0', "", b"2");
    second[0] = b'c';
    let bytes = archive(&[member("a", b'0', "", b"1"), second.clone()]);
    let content = parse("tar", &bytes);
    assert!(has(&content, OddityKind::Malformed) && content.gaps.len() == 1);
    assert_eq!(claims(&second), "");
}

#[test]
fn whiteouts_of_a_layer_name_what_they_hide() {
    let bytes = archive(&[
        member("etc/.wh.passwd", b'0', "", b""),
        member("srv/model/.wh..wh..opq", b'0', "", b""),
        member("a.wh.b", b'0', "", b""),
    ]);
    let content = parse("tar", &bytes);
    let told: Vec<(&str, &str)> = content.components.iter().map(|one| (&*one.name, &*one.class)).collect();
    assert_eq!(told, [("etc/passwd", "file"), ("srv/model", "folder")]);
}

#[test]
fn zeros_are_no_archive() {
    assert_eq!(claims(&[0; 2048]), "");
}

#[test]
fn python_writes_what_is_read() {
    for format in ["USTAR", "GNU", "PAX"] {
        let code = format!(
            "import io,tarfile as t;b=io.BytesIO();f=t.open(fileobj=b,mode='w',format=t.{format}_FORMAT)\n\
             for n in ['a','ü/'+'x'*60]:\n i=t.TarInfo(n);i.size=3;f.addfile(i,io.BytesIO(b'abc'))\n\
             f.close();print(b.getvalue().hex())"
        );
        let Some(bytes) = python(&code) else { return };
        let content = parse("tar", &bytes);
        let long = format!("ü/{}", "x".repeat(60));
        assert_eq!(children(&bytes, &content), [("a", &b"abc"[..]), (long.as_str(), b"abc")]);
        assert_eq!(oddities(&content), Vec::<String>::new());
    }
}

#[test]
fn damage_is_survived() {
    let link = member("dir/link", b'2', "../../etc", b"");
    survive("tar", &archive(&[member("a", b'0', "", b"1"), link, member("b", b'x', "", b"11 path=x\n")]));
}
