//! Files to [`Content`]. One module and one page per format; formats never judge.

use wb_core::{ArtifactPath, Budget, Bytes, Claim, Content, Strength};

/// A format: what it is called, how it is known, how it is read.
#[derive(Debug)]
pub struct Format {
    /// The name in reports, such as `pickle`.
    pub name: &'static str,
    /// One line for `--help` and `explain`.
    pub title: &'static str,
    /// File name endings that usually go with it; evidence of a lie when they belong to another format.
    pub endings: &'static [&'static str],
    /// What kind of thing it is.
    pub family: Family,
    /// The page: what it is, where the specification is, what can hide in it.
    pub page: &'static str,
    /// Whether these bytes are of this format. Looks at as little as it can.
    pub identify: fn(Bytes<'_>) -> Option<Strength>,
    /// Reads the bytes. Total: what cannot be read becomes oddities and gaps.
    pub parse: fn(Bytes<'_>, &Request<'_>, &mut Budget) -> Content,
}

/// What kind of thing a format is, for roles and coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A model or part of one.
    Model,
    /// A container of other files.
    Archive,
    /// Recorded digests or other facts about files.
    Manifest,
    /// A list of packages.
    Dependencies,
    /// Source code or a configuration.
    Source,
}

/// What a parser may know besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The artifact, for names in places; never evidence of what the bytes are.
    pub path: &'a ArtifactPath,
}

/// Every format.
pub fn formats() -> &'static [Format] {
    &[]
}

/// Every format's word on `input`: strong claims first, each group in the order of [`formats`].
pub fn identify(input: Bytes<'_>) -> Vec<Claim> {
    let mut claims: Vec<Claim> = formats()
        .iter()
        .filter_map(|format| {
            (format.identify)(input).map(|strength| Claim { format: format.name, strength })
        })
        .collect();
    claims.sort_by_key(|claim| std::cmp::Reverse(claim.strength));
    let _ = Strength::Strong;
    claims
}

/// The format of that name.
pub fn format(name: &str) -> Option<&'static Format> {
    formats().iter().find(|format| format.name == name)
}
