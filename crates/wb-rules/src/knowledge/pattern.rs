//! [`Pattern`]: dotted names with places left open.

/// A dotted name in which `*` stands for any characters of one segment, `**` for any number of segments
/// (none included) and `<Class>` for a segment that begins with a capital letter, as classes do.
#[derive(Debug)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    /// What stands before and after the `*`.
    Open(String, String),
    Class,
    AnyDepth,
}

impl Pattern {
    /// The pattern that `text` spells.
    pub(super) fn parse(text: &str) -> Self {
        Self { segments: text.split('.').map(Segment::parse).collect() }
    }

    /// Whether the segments of a name fit.
    pub(super) fn fits(&self, name: &[&str]) -> bool {
        fits(&self.segments, name)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text {
            "**" => Self::AnyDepth,
            "<Class>" => Self::Class,
            _ => match text.split_once('*') {
                Some((before, after)) => Self::Open(before.to_owned(), after.to_owned()),
                None => Self::Literal(text.to_owned()),
            },
        }
    }

    fn fits(&self, segment: &str) -> bool {
        match self {
            Self::Literal(name) => name == segment,
            Self::Open(before, after) => {
                let inner = segment.strip_prefix(before.as_str());
                inner.is_some_and(|inner| inner.ends_with(after.as_str()))
            }
            Self::Class => segment.trim_start_matches('_').starts_with(char::is_uppercase),
            Self::AnyDepth => true,
        }
    }
}

/// Depth of recursion is bounded by the pattern, which is shipped data.
fn fits(pattern: &[Segment], name: &[&str]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((Segment::AnyDepth, rest)), _) => {
            (0..=name.len()).any(|skip| fits(rest, name.get(skip..).unwrap_or(&[])))
        }
        (Some((segment, rest)), Some((first, others))) => segment.fits(first) && fits(rest, others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let name: Vec<&str> = name.split('.').collect();
        Pattern::parse(pattern).fits(&name)
    }

    #[test]
    fn a_class_pattern_fits_classes_at_any_depth_and_no_function() {
        assert!(matches("sklearn.**.<Class>", "sklearn.svm._classes.SVC"));
        assert!(matches("sklearn.**.<Class>", "sklearn.Pipeline"));
        assert!(!matches("sklearn.**.<Class>", "sklearn.datasets._base.fetch_file"));
        assert!(!matches("sklearn.**.<Class>", "sklearnx.svm.SVC"));
    }

    #[test]
    fn a_star_stays_in_its_segment() {
        assert!(matches("torch.*Storage", "torch.FloatStorage"));
        assert!(!matches("torch.*Storage", "torch.cuda.FloatStorage"));
        assert!(matches("**.__pyx_unpickle_*", "sklearn._loss.__pyx_unpickle_Enum"));
    }
}
