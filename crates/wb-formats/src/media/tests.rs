use crate::testing::{Zip, children, claims, gaps, has, parse, survive};
use wb_core::OddityKind;

const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0crc.\0\0\0\0IENDcrc.";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04JF\xff\xda\0\x02data\xff\0more\xff\xd0\xff\xd9";
const WAVE: &[u8] = b"RIFF\x0c\0\0\0WAVEdata\0\0\0\0";

#[test]
fn pictures_and_sounds_are_followed_to_their_end() {
    for bytes in [PNG, GIF, JPEG, WAVE] {
        assert_eq!(claims(bytes), "media");
        let content = parse("media", bytes);
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }
}

#[test]
fn files_behind_the_end_are_found() {
    for bytes in [PNG, GIF, JPEG, WAVE] {
        for between in [&b""[..], b"some words"] {
            let whole = [bytes, between, PICKLE].concat();
            let content = parse("media", &whole);
            assert!(has(&content, OddityKind::TrailingBytes), "{content:?}");
            assert_eq!(children(&whole, &content).last().unwrap().1, PICKLE);
        }
    }
    let zip = Zip::new().stored("a", b"b").finish();
    assert_eq!(claims(&[PNG, &zip].concat()), "zip media");
}

#[test]
fn zeros_behind_the_end_are_padding() {
    assert!(parse("media", &[PNG, &[0; 16]].concat()).oddities.is_empty());
}

#[test]
fn what_breaks_off_is_a_gap() {
    for bytes in [PNG, GIF, JPEG] {
        assert!(has(&parse("media", &bytes[..bytes.len() - 1]), OddityKind::Truncated));
    }
}

#[test]
fn documents_that_act_are_gaps() {
    let pdf = |body: &str| format!("%PDF-1.7\n{body}\nstartxref\n9\n%%EOF\n");
    let plain = pdf("1 0 obj << /Type /Catalog >> endobj");
    assert_eq!(claims(plain.as_bytes()), "media");
    assert!(parse("media", plain.as_bytes()).gaps.is_empty());
    let acting = parse("media", pdf("<< /S /JavaScript /JS (app.alert\\(1\\)) >>").as_bytes());
    assert_eq!(gaps(&acting), ["the document has `/JavaScript`, which is not read"]);
}

#[test]
fn two_letters_are_no_picture() {
    for bytes in [&b"\xff\xd8\xff\xe0"[..], b"GIF89a", b"RIFF....", b"\0\0\x01\0\x01\0", b"%PDF-1.7 words"] {
        assert_eq!(claims(bytes), "");
    }
}

#[test]
fn damage_is_survived() {
    for bytes in [PNG, GIF, JPEG, WAVE] {
        survive("media", &[bytes, PICKLE].concat());
    }
}
