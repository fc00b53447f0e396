//! [`bytes_of`]: the bytes of an artifact, however deep it is nested.

use crate::source::open;
use std::io;
use std::path::Path;
use wb_core::{ArtifactPath, Budget, Bytes, ChildData};
use wb_formats::Request;

/// The bytes of the artifact that reports call `path`. `root` is what was investigated: the folder, or the
/// one file.
///
/// # Errors
/// What the operating system says; or that no such member is found in its container any more.
pub fn bytes_of(root: &Path, path: &ArtifactPath) -> io::Result<Vec<u8>> {
    let file = if root.is_dir() { root.join(path.root()) } else { root.to_owned() };
    let mut data = open(&file)?.as_slice().to_vec();
    let mut at = ArtifactPath::from(path.root());
    let mut budget = Budget::default();
    while at != *path {
        let rest = path.as_str().get(at.as_str().len() + ArtifactPath::MEMBER.len()..);
        let (name, bytes) = rest
            .and_then(|rest| member(&data, &at, rest, &mut budget))
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such member"))?;
        at = at.member(&name);
        data = bytes;
    }
    Ok(data)
}

/// The member of `data` with whose name `rest` begins, and its bytes. Of several the longest is meant.
fn member(
    data: &[u8],
    path: &ArtifactPath,
    rest: &str,
    budget: &mut Budget,
) -> Option<(String, Vec<u8>)> {
    let bytes = Bytes::new(data);
    let claim = *wb_formats::identify_named(bytes, path).first()?;
    let content = (wb_formats::format(claim.format)?.parse)(bytes, &Request { path }, budget);
    let begins = |name: &str| {
        let behind = rest.strip_prefix(name);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(ArtifactPath::MEMBER))
    };
    let named = content.children.into_iter().filter(|child| begins(&child.name));
    let child = named.max_by_key(|child| child.name.len())?;
    let bytes = match child.data {
        ChildData::Span(span) => bytes.at_span(span)?.as_slice().to_vec(),
        ChildData::Owned(data) => data,
    };
    Some((child.name, bytes))
}
