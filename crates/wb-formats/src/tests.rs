use crate::testing::{Zip, claims};
use crate::{Family, family, format, formats};

#[test]
fn every_format_has_a_name_a_title_and_a_page_of_its_own() {
    for (index, known) in formats().iter().enumerate() {
        assert!(
            formats().iter().skip(index + 1).all(|other| other.name != known.name),
            "{}",
            known.name
        );
        assert!(known.page.starts_with("# ") && known.page.lines().count() >= 20, "{}", known.name);
        assert!(!known.title.is_empty());
        assert!(known.refines.iter().all(|name| format(name).is_some()), "{}", known.name);
    }
    assert_eq!((family("pickle"), family("nothing")), (Some(Family::Model), None));
}

#[test]
fn a_kind_of_archive_is_no_second_claim() {
    let torch = Zip::new().stored("m/data.pkl", b"\x80\x02N.").stored("m/version", b"3").finish();
    assert_eq!(claims(&torch), "torch (zip)");
}

#[test]
fn text_without_a_mark_is_not_claimed() {
    for text in [
        "",
        "\n",
        "plain words in a line",
        "# Heading\n\nSome *markdown* with `code`.\n",
        "[2026-04-09 03:14:00] [WARN] beacon to 203.0.113.80\n",
        "Apr  9 03:14:00 gpu-01 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.0.0.1\n",
        "version account-id interface-id srcaddr dstaddr\n2 1 eni-1 10.0.0.1 10.0.0.2\n",
        "#separator \\x09\n#fields\tts\tuid\n1.0\tC1\n",
        "{\"a\": 1}\n{\"b\": 2}\n",
        "a: 1\nb:\n  - c\n",
        "from here on the text goes to import something: nothing\n",
    ] {
        assert_eq!(claims(text.as_bytes()), "", "{text:?}");
    }
}
