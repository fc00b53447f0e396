//! [`Links`]: the symbolic links of an archive, followed through each other. Each may stay inside by its
//! letters, and all together may lead out (CVE-2025-4517).

use crate::names::{climbs_above, is_absolute, link_escapes};
use std::collections::BTreeMap;
use wb_core::{Budget, Content, Exhausted, Gap, Oddity, OddityKind, Span};

/// Links that are followed.
const MOST: usize = 100_000;
/// Links on one way, as Linux counts them before it gives up (`path_resolution(7)`).
const ON_ONE_WAY: usize = 40;

/// Links seen so far.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Target and header of each, by its name without `.` and empty parts.
    targets: BTreeMap<String, (String, Span)>,
}

impl Links {
    /// Adds the symbolic link `name`; one that leads out by its letters is told at once.
    pub(crate) fn add(&mut self, name: &str, target: &str, span: Span, content: &mut Content) {
        link_escapes(name, target, span, content);
        if self.targets.len() < MOST {
            self.targets.insert(plain(name), (target.to_owned(), span));
        }
    }

    /// Adds the hard link `name` to the member `target`; a hard link to a symbolic link is one as well, and
    /// is followed from another folder.
    pub(crate) fn add_hard(&mut self, name: &str, target: &str, span: Span, content: &mut Content) {
        // A hard link's target is a path in the archive, not one seen from the member.
        link_escapes("", target.trim_start_matches("./"), span, content);
        if let Some((linked, _)) = self.targets.get(&plain(target)) {
            let linked = linked.clone();
            self.add(name, &linked, span, content);
        }
    }

    /// Tells the links that lead out through others.
    pub(crate) fn tell(&self, content: &mut Content, budget: &mut Budget) {
        for (name, (target, span)) in &self.targets {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let depth = name.split('/').count().saturating_sub(1);
            if is_absolute(target) || climbs_above(target, depth) {
                continue;
            }
            match self.leads_out(folder, target, budget) {
                Ok(false) => {}
                Ok(true) => content.oddities.push(Oddity {
                    kind: OddityKind::EscapingLink,
                    place: name.clone(),
                    span: Some(*span),
                    what: format!("the link `{name}` leads out of the folder through other links"),
                }),
                Err(limit) => {
                    let why = format!("the budget of {} ran out at the links", limit.name());
                    content.gaps.push(Gap::over(*span, why));
                    return;
                }
            }
        }
    }

    /// Whether `target`, seen from `folder`, is above where the archive is extracted.
    fn leads_out(&self, folder: &str, target: &str, budget: &mut Budget) -> Result<bool, Exhausted> {
        let mut here: Vec<&str> = Vec::new();
        let mut ahead: Vec<&str> = parts(target).chain(parts(folder)).collect();
        let mut followed: usize = 0;
        while let Some(part) = ahead.pop() {
            if part == ".." {
                if here.pop().is_none() {
                    return Ok(true);
                }
                continue;
            }
            here.push(part);
            let path = here.join("/");
            budget.steps(path.len() as u64)?;
            let Some((next, _)) = self.targets.get(&path) else { continue };
            followed = followed.saturating_add(1);
            // A link that leads out by itself was told, and a loop leads nowhere.
            if followed > ON_ONE_WAY || is_absolute(next) {
                return Ok(false);
            }
            here.pop();
            ahead.extend(parts(next));
        }
        Ok(false)
    }
}

/// The parts of a path, the last one first.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit('/').filter(|part| !part.is_empty() && *part != ".")
}

/// A name without `.` and empty parts.
fn plain(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(links: &[(&str, &str)]) -> Vec<String> {
        let (mut all, mut content) = (Links::default(), Content::default());
        for (name, target) in links {
            all.add(name, target, Span::default(), &mut content);
        }
        all.tell(&mut content, &mut Budget::default());
        content.oddities.into_iter().map(|oddity| oddity.place).collect()
    }

    #[test]
    fn links_that_only_together_lead_out() {
        assert_eq!(told(&[("x/y/z", "../.."), ("b", "x/y/z/..")]), ["b"]);
        assert_eq!(told(&[("x/y/z", "../.."), ("b", "x/y/z/a")]), [""; 0]);
        assert_eq!(told(&[("./a", "b"), ("b", "a")]), [""; 0], "a loop");
    }

    #[test]
    fn hard_links_take_symbolic_links_elsewhere() {
        let (mut all, mut content) = (Links::default(), Content::default());
        all.add("x/y/z", "../..", Span::default(), &mut content);
        all.add_hard("x/w", "x/y/z", Span::default(), &mut content);
        assert_eq!(content.oddities.len(), 1);
        all.add_hard("x/y/v", "./x/y/z", Span::default(), &mut content);
        assert_eq!(content.oddities.len(), 1, "as deep as the first");
    }

    #[test]
    fn many_links_cost_no_more_than_the_budget() {
        let (mut all, mut content) = (Links::default(), Content::default());
        for number in 0..2_000 {
            all.add(&format!("a{number}"), &format!("a{}/b", number + 1), Span::default(), &mut content);
        }
        let limits = wb_core::Limits { steps: 1_000, ..wb_core::Limits::default() };
        all.tell(&mut content, &mut Budget::new(limits));
        assert_eq!((content.oddities.len(), content.gaps.len()), (0, 1));
    }
}
