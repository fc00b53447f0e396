//! [`Aliases`]: other names of the same thing, read by the build script and when a name is looked up.

/// Aliases as pairs of what is written and what is meant, each list sorted by what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aliases<'a> {
    /// Of modules: one holds for everything below it, and the longest prefix wins.
    pub modules: &'a [(&'a str, &'a str)],
    /// Of single names.
    pub names: &'a [(&'a str, &'a str)],
    /// First segments of all aliases, sorted: most names have none of them.
    pub firsts: &'a [&'a str],
}

impl Aliases<'_> {
    /// Replaces the longest alias at the front of `dotted`, again and again while there is one.
    pub(crate) fn canonical(&self, dotted: &str) -> String {
        let mut name = dotted.to_owned();
        // No chain of aliases in the data is longer than three; a cycle would be a mistake in it.
        for _ in 0..4 {
            match self.replaced(&name) {
                Some(next) if next != name => name = next,
                _ => break,
            }
        }
        name
    }

    fn replaced(&self, name: &str) -> Option<String> {
        self.firsts.binary_search(&name.split('.').next()?).ok()?;
        if let Some(other) = find(self.names, name) {
            return Some(other.to_owned());
        }
        let mut end = name.len();
        while let Some(dot) = name.get(..end)?.rfind('.') {
            let (module, rest) = name.split_at(dot);
            if let Some(other) = find(self.modules, module) {
                return Some(format!("{other}{rest}"));
            }
            end = dot;
        }
        None
    }
}

/// What stands beside `key` in a sorted list of pairs.
pub(crate) fn find<T: Copy>(pairs: &[(&str, T)], key: &str) -> Option<T> {
    let at = pairs.binary_search_by(|(known, _)| (*known).cmp(key)).ok()?;
    pairs.get(at).map(|(_, value)| *value)
}
