//! [`ROWS`]: the rules about effects. A row is a rule: where code stands and what it does there.

use super::{Setting, Story, find};
use crate::rules::Rule;
use wb_core::{Capability, Severity};

/// A rule about effects, and which of them are its own.
#[derive(Debug)]
pub(super) struct Row {
    /// The rule.
    pub rule: Rule,
    /// What to do when it finds something.
    pub next: &'static str,
    setting: &'static [Setting],
    capabilities: &'static [Capability],
    called: Called,
}

/// Whether a row is about calls, about what is only imported, or about both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    Yes,
    No,
    Either,
}

impl Row {
    /// The row for a story: the first that fits.
    pub(super) fn of(setting: Setting, story: &Story<'_>) -> Option<&'static Self> {
        ROWS.iter().find(|row| {
            let called = match row.called {
                Called::Yes => story.main.called,
                Called::No => !story.main.called,
                Called::Either => true,
            };
            called && row.setting.contains(&setting) && row.capabilities.contains(&story.capability)
        })
    }
}

macro_rules! rows {
    ($($name:literal $title:literal $severity:ident $techniques:tt
        in $setting:tt $called:ident $capabilities:tt do $next:literal)+) => {
        /// Every rule about effects; the first that fits a story has it.
        pub(super) static ROWS: &[Row] = &[$(Row {
            rule: Rule {
                name: $name,
                title: $title,
                severity: Severity::$severity,
                techniques: &$techniques,
                page: include_str!(concat!("../../pages/", $name, ".md")),
                examine: |subject| find($name, subject),
            },
            next: $next,
            setting: &$setting,
            capabilities: &$capabilities,
            called: Called::$called,
        },)+];
    };
}

use Capability::{
    AttributeWalk, CallArgument, Defer, Delete, Deserialize, Environment, Import, LoadLibrary,
    Network, ReadFile, Resolve, RunCode, RunCommand, Unknown, WriteFile,
};
use Setting::{
    Config, Instructions, KerasConfig, Lambda, ModelCode, Module, Pickle, Script, Template,
};

/// Everything that reaches out of the model or hides what does.
const DEEDS: [Capability; 12] = [
    RunCommand,
    RunCode,
    LoadLibrary,
    Deserialize,
    Network,
    Delete,
    WriteFile,
    ReadFile,
    Environment,
    Defer,
    AttributeWalk,
    Resolve,
];

rows! {
    "pickle-runs-command" "A pickle that starts a process when it is loaded"
        Critical ["AML.T0011.000", "AML.T0050", "T1204.002"]
        in [Pickle] Yes [RunCommand]
        do "stop what loads this file, keep a copy as evidence, and look for the command's traces on every host that loaded it"
    "pickle-runs-code" "A pickle that runs Python code it carries"
        Critical ["AML.T0011.000", "AML.T0050", "T1204.002"]
        in [Pickle] Yes [RunCode]
        do "stop what loads this file, keep a copy as evidence, and read the decoded code for what it did"
    "pickle-loads-library" "A pickle that loads native code"
        Critical ["AML.T0011.000", "T1204.002"]
        in [Pickle] Yes [LoadLibrary]
        do "stop what loads this file, keep it and the library it names, and treat hosts that loaded it as compromised"
    "pickle-nested-pickle" "A pickle that unpickles further data"
        Critical ["AML.T0011.000", "T1027"]
        in [Pickle] Yes [Deserialize]
        do "do not load the file until the inner data is read as well; the decoded layers are shown with this finding"
    "pickle-opens-network" "A pickle that reaches the network when it is loaded"
        High ["AML.T0011.000", "AML.T0025", "T1204.002"]
        in [Pickle] Yes [Network]
        do "block the destination, and look for connections to it from every host that loaded this file"
    "pickle-touches-files" "A pickle that reads, writes or deletes files when it is loaded"
        High ["AML.T0011.000", "T1204.002"]
        in [Pickle] Yes [Delete, WriteFile, ReadFile]
        do "check the named files on every host that loaded this model"
    "pickle-touches-environment" "A pickle that reads or changes the state of the process"
        Medium ["AML.T0011.000"]
        in [Pickle] Yes [Environment]
        do "find out who made this file; rotate secrets kept in environment variables where it was loaded"
    "pickle-defers-call" "A pickle that arranges for something to run later"
        High ["AML.T0011.000", "T1546"]
        in [Pickle] Yes [Defer]
        do "do not load this file; what it arranges for shows no trace while it is loaded"
    "pickle-resolves-names" "A pickle that turns names into any object"
        High ["AML.T0011.000", "T1027"]
        in [Pickle] Yes [Resolve, AttributeWalk, Import, CallArgument]
        do "do not load this file until the name it resolves is known to be harmless"
    "pickle-unknown-callable" "A pickle that calls something nobody vouches for"
        High ["AML.T0011.000"]
        in [Pickle] Yes [Unknown]
        do "ask who made the model what this callable is, and read its source before loading"
    "pickle-imports-dangerous-callable" "A pickle that hands out a dangerous callable without calling it"
        High ["AML.T0011.000"]
        in [Pickle] No [RunCommand, RunCode, LoadLibrary, Deserialize, Network, Delete, WriteFile, ReadFile, Environment, Defer]
        do "find out what in the model would call it; a model has no use for it"
    "pickle-unknown-import" "A pickle that imports something nobody vouches for"
        Low ["AML.T0011.000"]
        in [Pickle] No [Unknown, Import]
        do "make sure the module is the one the authors mean: importing it runs its top-level code"
    "keras-lambda-unresolved-call" "A layer's code that calls a module nobody vouches for"
        Medium ["AML.T0018.001"]
        in [Lambda] Yes [Unknown]
        do "read the module that the layer imports before using the model"
    "keras-lambda-runs-code" "A layer whose code reaches out of the model"
        Critical ["AML.T0018.001", "AML.T0011.000", "T1204.002"]
        in [Lambda] Yes DEEDS
        do "reject this model; if it was used, treat the hosts that ran it as compromised"
    "keras-names-callable" "A Keras configuration that names a callable outside Keras"
        Critical ["AML.T0011.000", "AML.T0018.001", "T1204.002"]
        in [KerasConfig] Either [RunCommand, RunCode, LoadLibrary, Deserialize, Network, Delete, WriteFile, ReadFile, Environment, Defer, Resolve, AttributeWalk, Import, Unknown]
        do "reject this model; loading it calls what the configuration names"
    "config-names-callable" "A configuration that names a dangerous callable"
        Critical ["AML.T0011.000", "T1204.002"]
        in [Config] Either [RunCommand, RunCode, LoadLibrary, Deserialize, Network, Delete, WriteFile, ReadFile, Environment, Defer, Resolve, AttributeWalk, Import, Unknown]
        do "do not instantiate this configuration; replace the named target"
    "template-escapes-sandbox" "A chat template that reaches out of its sandbox"
        Critical ["AML.T0011.000", "AML.T0050", "T1221"]
        in [Template] Either DEEDS
        do "reject this model, or replace its template by one that is known; if it was served, treat the host as compromised"
    "python-runs-at-import" "A Python file that runs hidden or fetched code when it is imported or installed"
        Critical ["AML.T0010.001", "AML.T0011.001", "T1195.002"]
        in [Module] Yes [RunCommand, RunCode, LoadLibrary, Deserialize, Network, Defer, CallArgument, Unknown]
        do "do not import or install it; read the decoded code"
    "script-runs-fetched-code" "A script that runs what it hides or fetches"
        Critical ["AML.T0011.001", "T1059.004", "T1105"]
        in [Script] Yes [RunCommand, RunCode, LoadLibrary, Deserialize, Network]
        do "do not start it; read what it fetches first"
    "instructions-run-fetched-code" "Instructions to run what is fetched or hidden"
        High ["AML.T0011.001", "T1204.004", "T1105"]
        in [Instructions] Yes [RunCommand, RunCode, LoadLibrary, Deserialize, Network]
        do "do not follow them; read what would be fetched first"
    "model-code-reaches-out" "Code inside a model that reaches out of it"
        Critical ["AML.T0018.002", "AML.T0011.000", "T1204.002"]
        in [ModelCode] Yes DEEDS
        do "reject this model; the code runs when it is loaded or used"
}
