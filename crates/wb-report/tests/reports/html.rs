//! The HTML page: what it holds, that it is inert, and (with a browser) that it works.

use crate::cases;
use std::path::Path;
use wb_report::escape::is_hostile;
use wb_report::html;
use wb_testkit::oracle;

#[test]
fn the_page_answers_and_leads_to_the_evidence() {
    let page = html::case(&cases::compromise(), &cases::tool());
    for expected in [
        "<h1>COMPROMISED<small>confidence high</small></h1>",
        "posted the host&#39;s environment to metrics-relay[.]example",
        "17 d 9 h 51 min 49 s elapsed, 18 calendar days",
        "href=\"#e2\"",
        "id=\"F1\"",
        "relay{f2c9}",
        "nft add rule inet filter output ip daddr 203.0.113.44 drop",
    ] {
        let expected = expected.replace("&#39;", "'");
        assert!(page.contains(&expected), "`{expected}` is not in the page");
    }
}

#[test]
fn a_clean_page_is_calm() {
    let page = html::case(&cases::clean(), &cases::tool());
    assert!(page.contains("<body class=\"good\">"));
    assert!(page.contains("nothing wrong found in what was supplied"));
    for alarming in ["COMPROMISED", "MISSING", "What to do"] {
        assert!(!page.contains(alarming), "`{alarming}` is in a clean page");
    }
    assert!(html::case(&cases::empty(), &cases::tool()).contains("NOTHING TO LOOK AT"));
}

#[test]
fn hostile_text_becomes_no_markup() {
    let page = html::case(&cases::hostile(), &cases::tool());
    let stray = page.chars().find(|at| !matches!(at, '\n' | '\t') && is_hostile(*at));
    assert_eq!(stray, None);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    for markup in ["<img", "onerror=window.owned=1>", "<!--", "-->", "]]>"] {
        assert!(!page.contains(markup), "`{markup}` is in the page");
    }
}

#[test]
fn the_page_refers_to_nothing_outside_itself() {
    let page = html::case(&cases::compromise(), &cases::tool());
    for attribute in
        [" src=", "href=\"http", "href=\"//", "url(", "@import", " style=", "<link", "<iframe"]
    {
        assert!(!page.contains(attribute), "`{attribute}` is in the page");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
}

#[test]
fn a_large_case_stays_usable() {
    let page = html::case(&cases::large(20_000), &cases::tool());
    assert!(page.len() < 6_000_000, "{} bytes", page.len());
    assert!(page.contains("events are not shown"));
    assert_eq!(page, html::case(&cases::large(20_000), &cases::tool()));
}

#[test]
fn a_browser_can_use_the_page() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).expect("a writable folder");
    for (name, case) in [
        ("compromise", cases::compromise()),
        ("clean", cases::clean()),
        ("hostile", cases::hostile()),
        ("large", cases::large(20_000)),
    ] {
        let page = html::case(&case, &cases::tool());
        std::fs::write(folder.join(format!("{name}.html")), page).expect("a writable folder");
    }
    oracle::click_through(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"), &folder);
}
