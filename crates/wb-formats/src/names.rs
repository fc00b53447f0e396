//! Names of members: what leaves the folder an archive is extracted to, and telling namesakes apart.

use std::collections::BTreeMap;
use wb_core::{Child, Content, Oddity, OddityKind, Span};

/// Why extracting a member of that name would write outside the folder; `None` when it would not.
pub(crate) fn escapes(name: &str) -> Option<&'static str> {
    let drive =
        matches!(name.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    if name.starts_with(['/', '\\']) || drive {
        return Some("the path is absolute");
    }
    if name.contains('\0') {
        return Some("the name holds a NUL, at which some readers cut it");
    }
    let decoded =
        name.replace("%2f", "/").replace("%2F", "/").replace("%2e", ".").replace("%2E", ".");
    decoded.split(['/', '\\']).any(|part| part == "..").then_some("the path climbs with `..`")
}

/// Records a link out of the archive. The target is taken from where the link stands.
pub(crate) fn link_escapes(name: &str, target: &str, span: Span, content: &mut Content) {
    let absolute = escapes(target).is_some_and(|why| !why.contains("climbs"));
    let depth = name.split('/').filter(|part| !part.is_empty() && *part != ".").count();
    if absolute || climbs_above(target, depth.saturating_sub(1)) {
        content.oddities.push(Oddity {
            kind: OddityKind::EscapingLink,
            place: name.to_owned(),
            span: Some(span),
            what: format!("the link `{name}` leads to `{target}`"),
        });
    }
}

/// Records a member that would run with its owner's rights: the set-user-id and set-group-id bits of a Unix mode.
pub(crate) fn runs_as_owner(name: &str, mode: u64, span: Span, content: &mut Content) {
    if mode & 0o6_000 != 0 {
        content.oddities.push(Oddity {
            kind: OddityKind::RunsAsOwner,
            place: name.to_owned(),
            span: Some(span),
            what: format!("`{name}` has the mode {:04o}", mode & 0o7_777),
        });
    }
}

fn climbs_above(target: &str, depth: usize) -> bool {
    let mut depth = Some(depth);
    for part in target.split('/') {
        depth = match part {
            "" | "." => depth,
            ".." => depth.and_then(|depth| depth.checked_sub(1)),
            _ => depth.map(|depth| depth.saturating_add(1)),
        };
    }
    depth.is_none()
}

/// Gives namesakes a number, so that each child has a path of its own: the second `a` becomes `a#2`.
pub(crate) fn tell_apart(children: &mut [Child]) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for child in children {
        let count = seen.entry(child.name.clone()).or_default();
        *count = count.saturating_add(1);
        if *count > 1 {
            child.name = format!("{}#{count}", child.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder() {
        for name in ["../a", "a/../../b", "/etc/x", "C:\\x", "a\\..\\b", "..%2fa", "a\0.txt"] {
            assert!(escapes(name).is_some(), "{name:?}");
        }
        for name in ["a/b", "a..b/c", "...", "./a", "a:b", "archive/data.pkl", "50%2.txt"] {
            assert_eq!(escapes(name), None, "{name:?}");
        }
    }

    #[test]
    fn links_that_leave_the_folder() {
        let escaping = |name, target| {
            let mut content = Content::default();
            link_escapes(name, target, Span::default(), &mut content);
            !content.oddities.is_empty()
        };
        assert!(escaping("a/b", "../../etc/passwd"));
        assert!(escaping("b", "/etc/passwd"));
        assert!(escaping("a/b", "x/../../../y"));
        assert!(!escaping("a/b", "../c"));
        assert!(!escaping("lib.so", "lib.so.1"));
    }
}
