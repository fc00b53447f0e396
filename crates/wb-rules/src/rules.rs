//! [`Rule`] and the list of all rules.

use crate::effects::{self, Told};
use crate::oddities;
use std::sync::OnceLock;
use wb_code::capability::Effects;
use wb_core::{Artifact, Content, Finding, Location, Severity, Span};

/// A rule: what it is called, what it looks for, how it decides.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name, by what is there: `pickle-runs-command`.
    pub name: &'static str,
    /// One line for lists.
    pub title: &'static str,
    /// The gravest severity it gives.
    pub severity: Severity,
    /// ATLAS and ATT&CK technique ids.
    pub techniques: &'static [&'static str],
    /// The page: what it finds, why it is bad, an example that is found and its innocent neighbour.
    pub page: &'static str,
    /// Looks at one artifact.
    pub examine: fn(&Subject<'_>) -> Vec<Finding>,
}

/// What a rule looks at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The artifact.
    pub artifact: &'a Artifact,
    /// What it holds.
    pub content: &'a Content,
    /// What each of `content.programs` would do, in the same order.
    pub effects: &'a [Effects],
    /// The same, as the rules about effects tell it.
    pub(crate) told: Vec<Told<'a>>,
}

impl<'a> Subject<'a> {
    /// An artifact with what it holds and what each of its programs would do.
    pub(crate) fn new(
        artifact: &'a Artifact,
        content: &'a Content,
        effects: &'a [Effects],
    ) -> Self {
        let told = effects::told(artifact.format.unwrap_or_default(), content, effects);
        Self { artifact, content, effects, told }
    }

    /// The format it was read as, or nothing.
    pub(crate) fn format(&self) -> &'static str {
        self.artifact.format.unwrap_or_default()
    }
}

/// What a module under `rules/` says of itself; the list adds name and page.
struct Draft {
    title: &'static str,
    severity: Severity,
    techniques: &'static [&'static str],
    examine: fn(&Subject<'_>) -> Vec<Finding>,
}

/// Writes the `mod` lines and the list. The page is `pages/NAME.md`.
macro_rules! rules {
    ($($module:ident = $name:literal,)+) => {
        $(mod $module;)+

        static OWN: &[Rule] = &[$(Rule {
            name: $name,
            title: $module::RULE.title,
            severity: $module::RULE.severity,
            techniques: $module::RULE.techniques,
            page: include_str!(concat!("../pages/", $name, ".md")),
            examine: $module::RULE.examine,
        },)+];
    };
}

rules![
    config_names_remote_code = "config-names-remote-code",
    custom_operator = "custom-operator",
    graph_switches_on_input = "graph-switches-on-input",
    java_gadget = "java-gadget-class",
    keras_lambda_unresolved = "keras-lambda-unresolved",
    keras_unknown_class = "keras-unknown-class",
    keras_unknown_setting = "keras-unknown-setting",
    llamafile_arguments = "llamafile-odd-arguments",
    loader_known_weakness = "loader-known-weakness",
    lua_bytecode = "lua-bytecode",
    native_code = "native-code",
    notebook_script_reaches_out = "notebook-script-reaches-out",
    pickle_attribute_set_on_import = "pickle-attribute-set-on-import",
    pickle_extension_code = "pickle-extension-code",
    pickle_imports_by_name = "pickle-imports-by-name",
    pickle_persistent_id = "pickle-persistent-id",
    prompt_misleads = "prompt-misleads",
    r_code = "r-data-runs-code",
    requirement_odd_index = "requirement-odd-index",
    requirement_typosquat = "requirement-typosquat",
    secret_in_file = "secret-in-file",
    template_loops_long = "template-loops-long",
    template_switches_on_content = "template-switches-on-content",
    tokenizer_adds_text = "tokenizer-adds-text",
    torch_item_set_on_tensor = "torch-item-set-on-tensor",
];

/// Every rule, by name.
pub fn rules() -> &'static [Rule] {
    static ALL: OnceLock<Vec<Rule>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<Rule> = OWN.to_vec();
        all.extend(effects::rules());
        all.extend(oddities::rules());
        all.sort_by_key(|rule| rule.name);
        all
    })
}

/// Data files that rules of their own read, by name.
pub(crate) fn sources() -> [(&'static str, &'static str); 13] {
    [
        ("installers.txt", effects::INSTALLERS),
        ("script_hosts.txt", notebook_script_reaches_out::HOSTS),
        ("java_gadgets.txt", java_gadget::GADGETS),
        ("diffusers_pipelines.txt", config_names_remote_code::PIPELINES),
        ("r_functions.toml", r_code::FUNCTIONS),
        ("known_operators.toml", custom_operator::KNOWN),
        ("tensorflow_operators.txt", custom_operator::REGISTRY),
        ("lua_functions.txt", lua_bytecode::FUNCTIONS),
        ("native_functions.toml", native_code::FUNCTIONS),
        ("loader_weaknesses.toml", loader_known_weakness::TABLE),
        ("keras_functions.txt", crate::keras::FUNCTIONS),
        ("keras_layers.toml", crate::keras::LAYERS),
        ("popular_packages.txt", crate::near_names::POPULAR),
    ]
}

/// The place of op `number` in the program at `place`.
fn op_location(place: &str, number: u64, span: Span) -> Location {
    let op = format!("op {number}");
    let place = if place.is_empty() { op } else { format!("{place} {op}") };
    Location::at(place, Some(span))
}
