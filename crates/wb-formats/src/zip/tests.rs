use crate::testing::{Member, Zip, children, claims, gaps, has, oddities, parse, survive};
use wb_core::OddityKind;

fn names(bytes: &[u8]) -> Vec<String> {
    parse("zip", bytes).children.into_iter().map(|child| child.name).collect()
}

#[test]
fn an_ordinary_archive_has_members_and_nothing_odd() {
    let archive = Zip::new().stored("a.txt", b"alpha").deflated("b/c.txt", &[b'x'; 4000]).finish();
    assert_eq!(claims(&archive), "zip");
    let content = parse("zip", &archive);
    assert_eq!(children(&archive, &content), [("a.txt", &b"alpha"[..]), ("b/c.txt", &[b'x'; 4000][..])]);
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
}

#[test]
fn an_empty_archive_and_one_with_a_comment() {
    let empty = Zip::new().finish();
    assert_eq!(claims(&empty), "zip");
    let commented = Zip::new().stored("a", b"1").finish_claiming(1, b"built by hand");
    let content = parse("zip", &commented);
    assert_eq!(content.texts[0].value, "built by hand");
    assert_eq!(oddities(&content), Vec::<String>::new());
}

#[test]
fn lies_in_headers_are_told_and_hide_nothing() {
    let honest = Member::stored("data.pkl", b"payload");
    let cases = [
        (Member { local_name: "other.txt", ..honest.clone() }, "disagreement data.pkl"),
        (Member { flags: 1, ..honest.clone() }, "encrypted data.pkl"),
        (Member { crc: 7, ..honest.clone() }, "checksum-mismatch data.pkl"),
        (Member { method: 99, ..honest.clone() }, "disagreement data.pkl"),
        (Member { method: 8, ..honest.clone() }, "disagreement data.pkl"),
    ];
    for (member, expected) in cases {
        let archive = Zip::new().member(&member).finish();
        let content = parse("zip", &archive);
        assert!(oddities(&content).contains(&expected.to_owned()), "{:?}", oddities(&content));
        assert!(children(&archive, &content).contains(&("data.pkl", b"payload")), "{expected}");
    }
}

#[test]
fn a_member_may_be_listed_twice_or_not_at_all() {
    let hidden = Member { listed: false, ..Member::stored("hidden.pkl", b"secret") };
    let archive =
        Zip::new().stored("a", b"first").stored("a", b"second").member(&hidden).stored("z", b"").finish();
    let content = parse("zip", &archive);
    assert_eq!(oddities(&content), ["disagreement hidden.pkl", "duplicate-name a"]);
    assert_eq!(
        children(&archive, &content),
        [("a", &b"first"[..]), ("a#2", b"second"), ("z", b""), ("hidden.pkl", b"secret")]
    );
}

#[test]
fn the_end_record_may_count_wrongly() {
    let archive = Zip::new().stored("a", b"1").stored("b", b"2").finish_claiming(1, b"");
    assert_eq!(names(&archive), ["a", "b"]);
    assert_eq!(oddities(&parse("zip", &archive)), ["disagreement end of central directory"]);
}

#[test]
fn names_that_climb_are_told_in_either_header() {
    let honest = Member::stored("data.pkl", b"payload");
    let archive = Zip::new().member(&Member { local_name: "../../x", ..honest }).finish();
    assert!(has(&parse("zip", &archive), OddityKind::PathTraversal));
    let archive = Zip::new().stored("../../x", b"payload").finish();
    let content = parse("zip", &archive);
    let told = content.oddities.iter().filter(|oddity| oddity.kind == OddityKind::PathTraversal);
    assert_eq!(told.count(), 1);
}

#[test]
fn without_a_central_directory_the_local_headers_are_read() {
    let archive = Zip::new().stored("a", b"one").deflated("b", b"two two two two").cut();
    let content = parse("zip", &archive);
    assert_eq!(children(&archive, &content), [("a", &b"one"[..]), ("b", b"two two two two")]);
    assert!(has(&content, OddityKind::Truncated));
}

#[test]
fn an_archive_that_was_cut_short_is_truncated_and_nothing_worse() {
    let archive = Zip::new().stored("a", b"one").stored("b", &[b'2'; 400]).finish();
    for end in [archive.len() - 30, archive.len() - 100, 200] {
        let cut = &archive[..end];
        let content = parse("zip", cut);
        assert_eq!(oddities(&content), ["truncated"], "{end}");
        assert_eq!(children(cut, &content)[0], ("a", &b"one"[..]));
    }
    assert_eq!(gaps(&parse("zip", &archive[..200])), ["member `b` is cut short"]);
}

#[test]
fn bytes_around_the_archive_are_children() {
    let mut archive = b"#!/bin/sh\necho\n".to_vec();
    archive.extend(Zip::new().stored("a", b"1").finish());
    let content = parse("zip", &archive);
    assert_eq!(claims(&archive), "zip");
    assert_eq!(oddities(&content), ["leading-bytes"]);
    assert_eq!(children(&archive, &content)[0], ("bytes before the archive", &b"#!/bin/sh\necho\n"[..]));
    let mut archive = Zip::new().stored("a", b"1").finish();
    archive.extend(b"tail");
    let content = parse("zip", &archive);
    assert_eq!(oddities(&content), ["trailing-bytes"]);
    assert_eq!(children(&archive, &content)[0], ("bytes after the archive", &b"tail"[..]));
}

#[test]
fn two_archives_in_a_row_are_both_found() {
    let mut archive = Zip::new().stored("first", b"1").finish();
    archive.extend(Zip::new().stored("second", b"2").finish());
    let content = parse("zip", &archive);
    let children = children(&archive, &content);
    assert_eq!((children[0].0, children[1]), ("bytes before the archive", ("second", &b"2"[..])));
    assert_eq!(claims(children[0].1), "zip");
}

#[test]
fn bytes_between_members_are_unowned_unless_zero() {
    let padded = Zip::new().stored("a", b"1").raw(&[0; 64]).stored("b", b"2").finish();
    assert_eq!(oddities(&parse("zip", &padded)), Vec::<String>::new());
    let filled = Zip::new().stored("a", b"1").raw(b"stowed away").stored("b", b"2").finish();
    assert_eq!(oddities(&parse("zip", &filled)), ["unowned-bytes"]);
}

#[test]
fn a_data_descriptor_is_owned() {
    let described = Member { flags: 8, ..Member::stored("a", b"data") };
    let mut descriptor = b"PK\x07\x08".to_vec();
    descriptor.extend(described.crc.to_le_bytes());
    descriptor.extend(4_u32.to_le_bytes());
    descriptor.extend(4_u32.to_le_bytes());
    let archive = Zip::new().member(&described).raw(&descriptor).stored("b", b"2").finish();
    assert_eq!(oddities(&parse("zip", &archive)), Vec::<String>::new());
}

#[test]
fn names_and_links_that_leave_the_folder() {
    let link = |target: &'static [u8]| Member { mode: 0o120_777, ..Member::stored("dir/link", target) };
    let archive = Zip::new().stored("../../etc/cron", b"").member(&link(b"../../x")).finish();
    assert_eq!(
        oddities(&parse("zip", &archive)),
        ["path-traversal ../../etc/cron", "escaping-link dir/link"]
    );
    let archive = Zip::new().stored("dir/x", b"").member(&link(b"x")).finish();
    assert_eq!(oddities(&parse("zip", &archive)), Vec::<String>::new());
}

#[test]
fn members_that_share_bytes_overlap() {
    let inner = Zip::new().stored("inner", b"kernel").cut();
    // The outer member's data is the inner one, header and all, and both are listed.
    let mut archive = Zip::new().stored("outer", &inner);
    archive = archive.member(&Member { listed: false, ..Member::stored("x", b"") });
    let whole = {
        let at = u32::try_from(30 + "outer".len()).expect("small");
        let mut zip = Zip::new();
        zip.shift = at;
        let listed = zip.member(&Member::stored("inner", b"kernel")).finish();
        let central = listed.windows(4).position(|four| four == b"PK\x01\x02").expect("there");
        listed[central..listed.len() - 22].to_vec()
    };
    let bytes = archive.finish();
    let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").expect("there");
    let mut both = bytes[..central].to_vec();
    let directory = [&bytes[central..bytes.len() - 22], &whole].concat();
    let start = u32::try_from(both.len()).expect("small");
    both.extend(&directory);
    both.extend(b"PK\x05\x06\0\0\0\0\x02\0\x02\0");
    both.extend(u32::try_from(directory.len()).expect("small").to_le_bytes());
    both.extend(start.to_le_bytes());
    both.extend([0, 0]);
    assert!(has(&parse("zip", &both), OddityKind::Overlap));
}

#[test]
fn far_too_much_data_ends_in_an_oddity() {
    let zeros = vec![0; 17 << 20];
    let archive = Zip::new().deflated("zeros", &zeros).finish();
    assert!(has(&parse("zip", &archive), OddityKind::Expansion));
    let archive = Zip::new().deflated("zeros", &zeros[..1 << 20]).finish();
    assert!(!has(&parse("zip", &archive), OddityKind::Expansion));
}

#[test]
fn text_that_mentions_the_signature_is_no_archive() {
    assert_eq!(claims(b"the header PK\x05\x06 ends an archive"), "");
    assert_eq!(claims(b"PK is a signature"), "");
}

#[test]
fn python_writes_what_is_read() {
    let code = "import io,zipfile as z;b=io.BytesIO();f=z.ZipFile(b,'w');\
        [f.writestr(z.ZipInfo(n),n*200,compress_type=m) for n,m in (('s',0),('d',8),('b',12),('l',14))];\
        f.close();print(b.getvalue().hex())";
    let Some(archive) = crate::testing::python(code) else { return };
    let content = parse("zip", &archive);
    for (name, data) in children(&archive, &content) {
        assert_eq!(data, name.repeat(200).as_bytes());
    }
    assert_eq!((content.children.len(), oddities(&content), gaps(&content)), (4, vec![], vec![]));
}

#[test]
fn damage_is_survived() {
    let hidden = Member { listed: false, ..Member::stored("hidden", b"secret") };
    let archive = Zip::new().stored("a", b"alpha").deflated("b", &[7; 900]).member(&hidden).finish();
    survive("zip", &archive);
}
