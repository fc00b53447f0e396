//! Programs that their makers have installed by a script from the network.

use super::Story;
use wb_core::{Constant, OpKind};

/// Addresses of such scripts, or their beginnings, without `https://`; a line each.
pub(crate) const INSTALLERS: &str = include_str!("../../data/installers.txt");

/// Whether every address that the command of `story` takes its code from is one of them.
pub(super) fn are_all_known(story: &Story<'_>) -> bool {
    const FOLLOWED: usize = 256;
    let (mut waiting, mut known) = (vec![story.main.op], 0_usize);
    for _ in 0..FOLLOWED {
        let Some(at) = waiting.pop() else { return known > 0 };
        match story.program.ops.get(at).map(|op| &op.kind) {
            Some(OpKind::Call { arguments, keywords, .. }) => {
                let keywords = keywords.iter().map(|(_, value)| value);
                waiting.extend(arguments.iter().chain(keywords).map(|value| value.index()));
            }
            Some(OpKind::Collect { items, .. }) => {
                waiting.extend(items.iter().map(|value| value.index()))
            }
            Some(OpKind::Constant(Constant::Text(word))) if word.contains("://") => {
                if !is_known(word) {
                    return false;
                }
                known = known.saturating_add(1);
            }
            _ => {}
        }
    }
    false
}

fn is_known(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    // The host may not go on, as in `bun.sh.example`.
    let goes_on = |behind: &str, known: &str| {
        known.ends_with('/') || behind.is_empty() || behind.starts_with(['/', '?', '#'])
    };
    let known = INSTALLERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    known
        .into_iter()
        .any(|known| rest.strip_prefix(known).is_some_and(|behind| goes_on(behind, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_whole_and_addresses_secure() {
        for url in [
            "https://sh.rustup.rs",
            "https://astral.sh/uv/install.sh",
            "https://ollama.com/install.sh",
        ] {
            assert!(is_known(url), "{url}");
        }
        for url in
            ["http://sh.rustup.rs", "https://bun.sh.example/install", "https://ollama.com/other.sh"]
        {
            assert!(!is_known(url), "{url}");
        }
    }
}
