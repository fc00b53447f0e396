//! [`bytes_of`]: the bytes of an artifact, however deep it is nested.

use crate::source::open;
use std::io;
use std::path::Path;
use wb_core::{ArtifactPath, Budget, Bytes, ChildData, Span};
use wb_formats::Request;

/// The bytes of the artifact that reports call `path`. `root` is what was investigated: the folder, or the
/// one file.
///
/// # Errors
/// What the operating system says; or that no such member is found in its container any more.
pub fn bytes_of(root: &Path, path: &ArtifactPath) -> io::Result<Vec<u8>> {
    let file = if root.is_dir() { root.join(path.root()) } else { root.to_owned() };
    let data = open(&file)?;
    let mut budget = Budget::default();
    let bytes = Bytes::new(data.as_slice());
    match located(bytes, path, &mut budget) {
        Some(Place::Span(span)) => {
            Ok(bytes.at_span(span).map(|bytes| bytes.as_slice().to_vec()).unwrap_or_default())
        }
        Some(Place::Decoded(data)) => Ok(data),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "no such member")),
    }
}

/// Where the bytes of an artifact are.
pub(crate) enum Place {
    /// In the file, as they are.
    Span(Span),
    /// Decoded from it.
    Decoded(Vec<u8>),
}

/// Where in the file `data` the artifact that reports call `path` is.
pub(crate) fn located(data: Bytes<'_>, path: &ArtifactPath, budget: &mut Budget) -> Option<Place> {
    let mut at = ArtifactPath::from(path.root());
    let mut place = Place::Span(data.span());
    while at != *path {
        let rest = path.as_str().get(at.as_str().len() + ArtifactPath::MEMBER.len()..)?;
        let (name, inside) = match &place {
            Place::Span(span) => {
                let outer = data.at_span(*span)?;
                let (name, inside) = member(Bytes::new(outer.as_slice()), &at, rest, budget)?;
                let inside = match inside {
                    Place::Span(inner) => {
                        Place::Span(Span::new(span.start.checked_add(inner.start)?, inner.len))
                    }
                    decoded @ Place::Decoded(_) => decoded,
                };
                (name, inside)
            }
            Place::Decoded(outer) => {
                let outer = Bytes::new(outer);
                let (name, inside) = member(outer, &at, rest, budget)?;
                let inside = match inside {
                    Place::Span(inner) => outer.at_span(inner)?.as_slice().to_vec(),
                    Place::Decoded(data) => data,
                };
                (name, Place::Decoded(inside))
            }
        };
        at = at.member(&name);
        place = inside;
    }
    Some(place)
}

/// The member of `bytes` with whose name `rest` begins, and its place in them. Of several the longest is meant.
fn member(
    bytes: Bytes<'_>,
    path: &ArtifactPath,
    rest: &str,
    budget: &mut Budget,
) -> Option<(String, Place)> {
    let claim = *wb_formats::identify_named(bytes, path).first()?;
    let content = (wb_formats::format(claim.format)?.parse)(bytes, &Request { path }, budget);
    let begins = |name: &str| {
        let behind = rest.strip_prefix(name);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(ArtifactPath::MEMBER))
    };
    let named = content.children.into_iter().filter(|child| begins(&child.name));
    let child = named.max_by_key(|child| child.name.len())?;
    let place = match child.data {
        ChildData::Span(span) => Place::Span(span),
        ChildData::Owned(data) => Place::Decoded(data),
    };
    Some((child.name, place))
}
