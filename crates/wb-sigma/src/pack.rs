//! The rules that ship, each with its page.

use crate::load::Text;

/// A rule that ships.
struct Shipped {
    name: &'static str,
    text: &'static str,
    page: &'static str,
}

/// Writes the list. A rule is `rules/NAME.yml`, and its page `pages/NAME.md`.
macro_rules! pack {
    ($($name:literal,)+) => {
        static PACK: &[Shipped] = &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../rules/", $name, ".yml")),
            page: include_str!(concat!("../pages/", $name, ".md")),
        },)+];
    };
}

pack![
    "code-put-into-model-repository",
    "command-reaches-out-after-load",
    "cron-table-replaced-by-serving-account",
    "decoded-text-run-by-shell",
    "dns-long-labels",
    "exec-into-inference-pod",
    "fetched-code-piped-to-shell",
    "inference-spawns-shell",
    "listens-with-tool",
    "metadata-credentials-on-network",
    "metadata-service-by-tool",
    "model-changed-without-deployment",
    "model-code-loaded",
    "model-from-new-organization",
    "persistence-by-serving-account",
    "pip-install-at-run-time",
    "preload-in-serving",
    "preload-in-unit",
    "reverse-shell",
    "secrets-read-by-command",
    "server-writes-model",
    "stage-moved-by-new-account",
    "trust-remote-code",
    "unpinned-revision",
    "weights-fetched-by-tool",
    "weights-from-raw-url",
];

/// The rules that ship, as texts.
pub(crate) fn texts() -> Vec<Text> {
    let text =
        |rule: &Shipped| Text { name: format!("{}.yml", rule.name), text: rule.text.to_owned() };
    PACK.iter().map(text).collect()
}

/// The page of the rule called `name`.
pub(crate) fn page(name: Option<&str>) -> Option<&'static str> {
    let rule = PACK.iter().find(|rule| Some(rule.name) == name)?;
    Some(rule.page)
}

/// Everything that decides what the rules that ship find, by name.
pub(crate) fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = [("fields.toml", crate::fields::TABLE), ("sources.toml", crate::sources::TABLE)];
    PACK.iter().map(|rule| (rule.name, rule.text)).chain(tables)
}
