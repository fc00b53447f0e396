//! One line of a requirements file.

/// What a line is.
#[derive(Debug)]
pub(crate) enum Parsed<'a> {
    /// Empty.
    Nothing,
    /// A requirement.
    Requirement(Requirement<'a>),
    /// An option and its value: `--extra-index-url URL`.
    Option(&'static str, &'a str),
    /// Neither.
    Other,
}

/// A requirement, in the parts of PEP 508; what is not there is empty.
#[derive(Debug, Default)]
pub(crate) struct Requirement<'a> {
    /// Name as written; for a bare URL or path, the last part of it.
    pub name: &'a str,
    /// `security` of `requests[security]`.
    pub extras: &'a str,
    /// `==2.1.0` of `torch==2.1.0`.
    pub version: &'a str,
    /// Where it is fetched from, when the line says so.
    pub url: &'a str,
    /// The condition behind `;`.
    pub marker: &'a str,
    /// Options of this requirement, such as `--hash=sha256:...`.
    pub options: &'a str,
}

impl Requirement<'_> {
    /// Whether it could hardly be anything but a requirement: a bare word could.
    pub(crate) const fn tells(&self) -> bool {
        !self.version.is_empty() || !self.url.is_empty() || !self.options.is_empty()
    }
}

/// Options of pip that stand on a line of their own, long and short.
const OPTIONS: &[(&str, &str)] = &[
    ("index-url", "-i"),
    ("extra-index-url", ""),
    ("find-links", "-f"),
    ("requirement", "-r"),
    ("constraint", "-c"),
    ("editable", "-e"),
    ("trusted-host", ""),
    ("no-index", ""),
    ("no-binary", ""),
    ("only-binary", ""),
    ("prefer-binary", ""),
    ("require-hashes", ""),
    ("pre", ""),
    ("use-feature", ""),
    ("use-pep517", ""),
    ("config-settings", ""),
    ("global-option", ""),
    ("install-option", ""),
];

/// What `line` is. The comment has been taken off.
pub(crate) fn parse(line: &str) -> Parsed<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Parsed::Nothing;
    }
    if line.starts_with('-') {
        return option(line).map_or(Parsed::Other, |(name, value)| Parsed::Option(name, value));
    }
    if let Some(url) = located(line) {
        return Parsed::Requirement(url);
    }
    requirement(line).map_or(Parsed::Other, Parsed::Requirement)
}

/// The line up to a comment, and the comment. A `#` inside a word is part of a URL.
pub(crate) fn without_comment(line: &str) -> (&str, Option<&str>) {
    let hash = line.match_indices('#').map(|(at, _)| at).find(|at| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
    });
    match hash.and_then(|at| line.split_at_checked(at)) {
        Some((rest, comment)) => (rest, Some(comment.trim_start_matches('#'))),
        None => (line, None),
    }
}

fn option(line: &str) -> Option<(&'static str, &str)> {
    OPTIONS.iter().find_map(|(long, short)| {
        let rest = line
            .strip_prefix("--")
            .and_then(|rest| rest.strip_prefix(long))
            .or_else(|| if short.is_empty() { None } else { line.strip_prefix(short) })?;
        let ends = rest.is_empty() || rest.starts_with([' ', '\t', '=']) || !line.starts_with("--");
        ends.then(|| (*long, rest.trim_start_matches(['=', ' ', '\t']).trim()))
    })
}

/// A requirement that is nothing but a place: `git+https://...`, `./wheels/x.whl`.
fn located(line: &str) -> Option<Requirement<'_>> {
    let first = line.split_whitespace().next()?;
    let scheme = first.split_once("://").map(|(scheme, _)| scheme);
    let is_url = scheme.is_some_and(|scheme| {
        ["http", "https", "file", "ftp"].contains(&scheme)
            || ["git+", "hg+", "svn+", "bzr+"].iter().any(|prefix| scheme.starts_with(prefix))
    });
    let is_file = first.starts_with("./") || first.starts_with("../") || first.ends_with(".whl");
    if !(is_url || is_file) {
        return None;
    }
    let egg = first.split_once("#egg=").map(|(_, egg)| egg.split('&').next().unwrap_or(egg));
    let path = first.split(['#', '@']).next().unwrap_or(first).trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = egg.unwrap_or(last.strip_suffix(".git").unwrap_or(last));
    let marker = line.split_once(" ;").map_or("", |(_, marker)| marker.trim());
    Some(Requirement { name, url: first, marker, ..Requirement::default() })
}

/// `name[extras] specifiers ; marker --hash=...`, or `name @ url`.
fn requirement(line: &str) -> Option<Requirement<'_>> {
    let (line, options) = match line.find(" --").and_then(|at| line.split_at_checked(at)) {
        Some((line, options)) => (line, options.trim()),
        None => (line, ""),
    };
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let (name, rest) = line.split_at_checked(end.unwrap_or(line.len()))?;
    if !is_name(name) {
        return None;
    }
    let rest = rest.trim_start();
    let (extras, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let rest = rest.trim_start();
    let requirement = Requirement { name, extras: extras.trim(), options, ..Requirement::default() };
    if let Some(url) = rest.strip_prefix('@') {
        let (url, marker) = url.split_once(" ;").unwrap_or((url, ""));
        let url = url.trim();
        let one = !url.is_empty() && !url.contains(char::is_whitespace) && url.contains([':', '/']);
        return one.then_some(Requirement { url, marker: marker.trim(), ..requirement });
    }
    let (version, marker) = rest.split_once(';').unwrap_or((rest, ""));
    let version = version.trim();
    specifiers(version).then_some(Requirement { version, marker: marker.trim(), ..requirement })
}

/// Letters, digits and `._-`, a letter or digit at both ends (PEP 508).
fn is_name(name: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    name.starts_with(ends) && name.ends_with(ends)
}

/// Whether `text` is a list of version specifiers (PEP 440), possibly in parentheses, possibly empty.
fn specifiers(text: &str) -> bool {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    inner.trim().is_empty() || inner.split(',').all(|part| specifier(part.trim()))
}

fn specifier(text: &str) -> bool {
    const OPERATORS: &[&str] = &["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
    let version = OPERATORS.iter().find_map(|operator| text.strip_prefix(operator));
    version.map(str::trim).is_some_and(|version| {
        !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".*+!-_".contains(&byte))
    })
}
