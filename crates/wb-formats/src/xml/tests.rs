use crate::testing::{claims, gaps, has, oddities, parse, survive};
use wb_core::OddityKind;

#[test]
fn elements_and_attributes_are_fields() {
    let text = b"<?xml version=\"1.0\"?><a x=\"1 &lt; 2\"><b:c>text</b:c><d/></a>";
    assert_eq!(claims(text), "(xml)");
    let content = parse("xml", text);
    let fields: Vec<String> =
        content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect();
    assert_eq!(fields, ["a@x=1 < 2", "a.c=text"]);
    assert_eq!(oddities(&content), [""; 0]);
}

#[test]
fn text_is_one_with_its_references() {
    let text = b"<?xml version=\"1.0\"?><a> 0.5 &lt; 1 &amp; &#x69;<!-- no --><![CDATA[d &amp; ]]>&own;<b>c</b> d</a>";
    let content = parse("xml", text);
    let fields: Vec<String> =
        content.fields.iter().map(|field| format!("{}={}", field.path, field.value)).collect();
    assert_eq!(fields, ["a=0.5 < 1 & id &amp; &own;", "a.b=c", "a=d"]);
    let content = parse("xml", b"<?xml version=\"1.0\"?><a>left<");
    assert_eq!(content.fields[0].value, "left");
}

#[test]
fn entities_of_other_files_are_told() {
    let text = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><a>&x;</a>";
    let content = parse("xml", text);
    assert_eq!(oddities(&content), ["external-reference entity x"]);
    assert!(content.oddities[0].what.contains("file:///etc/hostname"));
    let plist = b"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\"><plist/>";
    assert_eq!(oddities(&parse("xml", plist)), [""; 0]);
    let public = b"<!DOCTYPE a PUBLIC \"-//X//Y\" \"http://192.0.2.1/x.dtd\" [<!ENTITY % p SYSTEM 'http://192.0.2.1/p'>]><a/>";
    assert_eq!(
        oddities(&parse("xml", public)),
        ["external-reference document type", "external-reference entity p"]
    );
}

#[test]
fn entities_that_explode_are_told() {
    let mut text = String::from("<!DOCTYPE a [<!ENTITY l0 \"ha\">");
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        text.push_str(&format!("<!ENTITY l{level} \"{inner}\">"));
    }
    text.push_str("]><a>&l9;</a>");
    assert_eq!(oddities(&parse("xml", text.as_bytes())), ["expansion entity l9"]);
    let small = b"<!DOCTYPE a [<!ENTITY name \"weighbridge\">]><a>&name;</a>";
    assert_eq!(oddities(&parse("xml", small)), [""; 0]);
}

#[test]
fn what_is_no_xml_is_not_claimed() {
    for text in ["<!doctype html><p>x", "<a/>", "<?php echo 1;", ""] {
        assert_eq!(claims(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn a_document_that_breaks_off_says_so() {
    let content = parse("xml", b"<?xml version=\"1.0\"?><a><b>");
    assert!(has(&content, OddityKind::Truncated));
    assert_eq!(gaps(&content), ["2 elements are not closed"]);
}

#[test]
fn damage_is_survived() {
    survive("xml", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"y\">]><a x=\"1\"><b>&x;</b></a>");
}
