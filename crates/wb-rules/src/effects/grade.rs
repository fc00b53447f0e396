//! How bad a [`Story`] is. Severities and verdicts are argued on the rules' pages.

use super::{Setting, Story, fed, gravest, installers, served, story};
use crate::knowledge;
use wb_core::{
    CallStyle, Capability, Confidence, Effect, IndicatorKind, OpKind, PayloadKind, Severity,
    Trigger, Verdict,
};

/// What a finding makes of the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grade {
    pub severity: Severity,
    pub verdict: Verdict,
    pub confidence: Confidence,
}

impl Grade {
    const fn new(severity: Severity, verdict: Verdict) -> Self {
        Self { severity, verdict, confidence: Confidence::High }
    }

    const fn unsure(self) -> Self {
        Self { confidence: Confidence::Medium, ..self }
    }
}

const CRITICAL: Grade = Grade::new(Severity::Critical, Verdict::Malicious);
const HARMFUL: Grade = Grade::new(Severity::High, Verdict::Malicious);
const SUSPICIOUS: Grade = Grade::new(Severity::High, Verdict::Suspicious);
const DOUBTFUL: Grade = Grade::new(Severity::Medium, Verdict::Suspicious);
const UNVOUCHED: Grade = Grade::new(Severity::Medium, Verdict::Unknown);
const MINOR: Grade = Grade::new(Severity::Low, Verdict::Unknown);
const RECORD: Grade = Grade::new(Severity::Info, Verdict::Clean);

/// The grade, or `None` when such a thing is ordinary in its setting.
pub(super) fn grade(setting: Setting, story: &Story<'_>) -> Option<Grade> {
    match setting {
        Setting::Module => module(story),
        Setting::Script => script(story),
        Setting::Instructions => instructions(story),
        Setting::Pickle if !story.main.called => imported(story),
        Setting::Pickle => pickle(story),
        Setting::Template | Setting::Lambda | Setting::ModelCode => inside(setting, story),
        Setting::Config | Setting::KerasConfig => configured(setting, story),
    }
}

/// What every kind of model code may not do, wherever it stands.
fn deed(story: &Story<'_>) -> Option<Grade> {
    match story.capability {
        Capability::RunCommand | Capability::LoadLibrary => Some(CRITICAL),
        Capability::RunCode if !builds_function(&story.main.callable) => Some(CRITICAL),
        Capability::RunCode => Some(built_function(story)),
        Capability::Deserialize => Some(nested(story)),
        Capability::Network | Capability::Delete | Capability::WriteFile => Some(HARMFUL),
        Capability::ReadFile if reads_outside(story) => Some(HARMFUL),
        Capability::ReadFile => Some(SUSPICIOUS),
        _ => None,
    }
}

fn pickle(story: &Story<'_>) -> Option<Grade> {
    deed(story).or_else(|| match story.capability {
        Capability::Environment => Some(DOUBTFUL),
        // The rule `pickle-attribute-set-on-import` has these.
        Capability::AttributeWalk if writes_attributes(story) => None,
        Capability::Defer | Capability::AttributeWalk => Some(SUSPICIOUS.unsure()),
        Capability::Resolve => resolved(story),
        Capability::Import => Some(DOUBTFUL.unsure()),
        // The rule `pickle-extension-code` has these.
        Capability::Unknown if story.main.callable.starts_with("extension.") => None,
        Capability::Unknown => Some(unknown(story)),
        _ => None,
    })
}

fn writes_attributes(story: &Story<'_>) -> bool {
    let op = story.program.ops.get(story.main.op).map(|op| &op.kind);
    matches!(op, Some(OpKind::Build { .. } | OpKind::SetAttribute { .. } | OpKind::SetItem { .. }))
}

/// A dangerous callable that the pickle only names: whoever uses the model may call it. With its arguments
/// bound (`functools.partial(os.system, "id")`) nothing but the call is missing.
fn imported(story: &Story<'_>) -> Option<Grade> {
    let main = story.main;
    let partial = main.reached_by.as_ref().is_some_and(|way| way.contains("partial("));
    let bound = partial || !main.arguments.is_empty() || !main.payloads.is_empty();
    match story.capability {
        Capability::RunCommand | Capability::RunCode | Capability::LoadLibrary if bound => {
            deed(story)
        }
        Capability::RunCode if builds_function(&story.main.callable) => None,
        Capability::RunCommand | Capability::RunCode | Capability::LoadLibrary => Some(SUSPICIOUS),
        Capability::Network | Capability::Delete => Some(DOUBTFUL),
        Capability::Deserialize
        | Capability::WriteFile
        | Capability::ReadFile
        | Capability::Environment
        | Capability::Defer
        | Capability::Import
        | Capability::Unknown => Some(MINOR.unsure()),
        _ => None,
    }
}

/// Layers, TorchScript and templates may compute what they like, and call what this file does not define.
fn inside(setting: Setting, story: &Story<'_>) -> Option<Grade> {
    if !story.main.called && setting != Setting::Template {
        return None;
    }
    deed(story).or(match story.capability {
        Capability::AttributeWalk if setting == Setting::Template => Some(CRITICAL),
        Capability::AttributeWalk => Some(SUSPICIOUS),
        Capability::Environment => Some(DOUBTFUL),
        Capability::Defer => Some(DOUBTFUL.unsure()),
        Capability::Unknown if setting == Setting::Lambda && story.imported => Some(UNVOUCHED),
        _ => None,
    })
}

/// A configuration has no reason to name anything outside its framework.
fn configured(setting: Setting, story: &Story<'_>) -> Option<Grade> {
    if is_everyday(story) && !(setting == Setting::KerasConfig && is_of_keras(story)) {
        return Some(if reaches_named(story) { DOUBTFUL.unsure() } else { MINOR.unsure() });
    }
    let grave = match story.capability {
        Capability::Network | Capability::Delete | Capability::WriteFile => {
            starts_at_load(story) || (setting == Setting::KerasConfig && is_of_keras(story))
        }
        Capability::ReadFile => starts_at_load(story) && reads_outside(story),
        _ => false,
    };
    if grave {
        return Some(CRITICAL);
    }
    deed(story).or(match story.capability {
        Capability::Environment => reads_secret(story).then_some(SUSPICIOUS),
        Capability::Defer | Capability::AttributeWalk => Some(SUSPICIOUS),
        // Named only, as pickles name classes: importing its module is all that happens.
        Capability::Import if !story.main.called => Some(MINOR.unsure()),
        Capability::Resolve | Capability::Import => Some(SUSPICIOUS),
        Capability::Unknown => Some(MINOR.unsure()),
        _ => None,
    })
}

/// Loggers, data sets and checkpoints of ML packages write and fetch files for a living, and configurations of
/// training runs name them. Operations of TensorFlow graphs are calls of the graph, not of a person.
fn is_everyday(story: &Story<'_>) -> bool {
    let root = story.main.callable.split('.').next().unwrap_or_default();
    let touches = matches!(
        story.capability,
        Capability::Network | Capability::WriteFile | Capability::ReadFile
    );
    touches && root != "tensorflow" && !knowledge::is_standard_library(root)
}

/// Operations of a TensorFlow graph that loading the model starts: its main operation and its initialisers.
fn starts_at_load(story: &Story<'_>) -> bool {
    story.main.trigger == Trigger::Load && story.main.callable.starts_with("tensorflow.")
}

/// Layers of Keras touch no network and no file: what does in its packages is `keras.utils.get_file` and its
/// kin, which no layer is made of (CVE-2025-8747).
fn is_of_keras(story: &Story<'_>) -> bool {
    let root = story.main.callable.split('.').next().unwrap_or_default();
    matches!(root, "keras" | "tf_keras")
}

/// Whether the file or the host is named in the configuration.
fn reaches_named(story: &Story<'_>) -> bool {
    let all = story.all();
    let mut indicators = all.iter().flat_map(|effect| &effect.indicators);
    reads_outside(story) || indicators.any(|indicator| indicator.kind() == IndicatorKind::Url)
}

/// Folders and ranks are taken from the environment everywhere; a secret has no place in a configuration.
fn reads_secret(story: &Story<'_>) -> bool {
    const WORDS: [&str; 7] = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "COOKIE", "AUTH"];
    let all = story.all();
    let mut indicators = all.iter().flat_map(|effect| &effect.indicators);
    indicators.any(|indicator| {
        let name = indicator.value().to_ascii_uppercase();
        indicator.kind() == IndicatorKind::Env && WORDS.iter().any(|word| name.contains(word))
    })
}

/// Source starts programs and reads files. What is hidden, or fetched and run, has no innocent reading; a command
/// line that runs because a file is imported, or because a server calls what it serves, has few.
fn module(story: &Story<'_>) -> Option<Grade> {
    let all = story.all();
    let runs =
        all.iter().any(|effect| effect.called && effect.capability <= Capability::LoadLibrary);
    if !runs {
        return None;
    }
    let hidden =
        all.iter().flat_map(|effect| &effect.payloads).any(|payload| !payload.layers.is_empty());
    let own_file = all.iter().any(|effect| effect.capability == Capability::ReadFile)
        && story.payloads().is_empty();
    let commands = story.capability == Capability::RunCommand;
    let imported = story.main.trigger == Trigger::Import;
    match (hidden, fetches(story), own_file) {
        (true, _, _) => Some(CRITICAL),
        (_, true, _) => Some(SUSPICIOUS),
        (_, _, true) => None,
        _ if commands && served::is_served(story.program) => Some(SUSPICIOUS),
        _ if commands && imported && through_shell(story.main) => Some(SUSPICIOUS.unsure()),
        _ if story.main.trigger == Trigger::Run => None,
        _ => Some(Grade::new(Severity::Low, Verdict::Clean).unsure()),
    }
}

/// Whether a command line goes to a shell: build scripts start a tool with its arguments.
fn through_shell(effect: &Effect) -> bool {
    let last = effect.callable.rsplit('.').next().unwrap_or_default();
    matches!(last, "system" | "popen" | "getoutput" | "getstatusoutput")
        || effect.arguments.iter().any(|argument| argument == "shell=True")
}

/// Whether code is fetched and run. A program that is started may run `ssh` and `git`; what is imported or
/// installed reaches the network for nobody who asked.
fn fetches(story: &Story<'_>) -> bool {
    let reaches = |effect: &&Effect| effect.capability == Capability::Network;
    let at_once = matches!(story.main.trigger, Trigger::Import | Trigger::Install);
    if at_once || story.capability != Capability::RunCommand {
        return story.all().iter().any(reaches);
    }
    let inner: Vec<&Effect> = story.main.flatten().into_iter().skip(1).collect();
    let runs = inner.iter().any(|effect| effect.capability <= Capability::RunCode);
    runs && inner.iter().any(reaches)
}

/// Every line of a script starts a program: only what is hidden, or fetched and run, is worth a finding.
fn script(story: &Story<'_>) -> Option<Grade> {
    let all = story.all();
    let hidden =
        all.iter().flat_map(|effect| &effect.payloads).any(|payload| !payload.layers.is_empty());
    let runs_fetched = match story::is_source(story.program, Setting::Script) {
        true => fetches(story),
        false => fed::from_network(story),
    };
    let fetches = runs_fetched || fetches_inside(story);
    let runs = all.iter().any(|effect| effect.capability <= Capability::LoadLibrary);
    match (runs, hidden, fetches) {
        (true, true, _) => Some(CRITICAL),
        (true, _, true) => Some(SUSPICIOUS),
        _ => None,
    }
}

/// Whether the code that an interpreter is given fetches something and runs code: `python -c 'exec(urlopen(X).read())'`.
fn fetches_inside(story: &Story<'_>) -> bool {
    let inner: Vec<&Effect> = story.main.flatten().into_iter().skip(1).collect();
    let does = |capability| inner.iter().any(|effect| effect.capability == capability);
    does(Capability::Network) && does(Capability::RunCode)
}

/// A person stands between the words and the command, and many good programs are installed so.
fn instructions(story: &Story<'_>) -> Option<Grade> {
    match script(story)? {
        CRITICAL => Some(SUSPICIOUS),
        _ if hands_over_names(story) => None,
        _ if installers::are_all_known(story) => Some(RECORD),
        _ => Some(DOUBTFUL),
    }
}

/// `git rev-list | xargs check`: what is fetched names things for a program that is here.
fn hands_over_names(story: &Story<'_>) -> bool {
    const SHELLS: [&str; 5] = ["sh", "bash", "zsh", "dash", "ksh"];
    let runs_shell = |word: &String| SHELLS.contains(&word.rsplit('/').next().unwrap_or(word));
    story.main.callable.ends_with("xargs") && !story.main.arguments.iter().any(runs_shell)
}

/// `exec` runs code now; these make a function of it, which cloudpickle and dill do for honest reasons.
pub(super) fn builds_function(callable: &str) -> bool {
    const BUILDERS: [&str; 9] = [
        "CodeType",
        "FunctionType",
        "LambdaType",
        "_make_function",
        "_fill_function",
        "_make_skel_func",
        "_create_function",
        "_create_code",
        "code",
    ];
    let last = callable.rsplit('.').next().unwrap_or(callable);
    BUILDERS.contains(&last)
}

fn built_function(story: &Story<'_>) -> Grade {
    let inner = story.main.inner.iter().map(gravest).min().unwrap_or(Capability::Inert);
    let read = !story.main.inner.is_empty() || !story.main.payloads.is_empty();
    match inner {
        grave if grave < Capability::Defer => CRITICAL,
        _ if read => DOUBTFUL,
        _ => SUSPICIOUS,
    }
}

/// Data unpickled a second time is as bad as what it holds, and bad when that cannot be seen.
fn nested(story: &Story<'_>) -> Grade {
    let main = story.main;
    let inner = main.inner.iter().map(gravest).min().unwrap_or(Capability::Inert);
    let read = main.payloads.iter().any(|payload| payload.kind == PayloadKind::Pickle);
    // Tensors inside plain pickles: torch writes them so.
    let tensors = main.callable.ends_with("_load_from_bytes");
    let remote = main.indicators.iter().any(|indicator| indicator.kind() == IndicatorKind::Url);
    match inner {
        grave if grave < Capability::Defer => CRITICAL,
        Capability::Inert if read && tensors => RECORD,
        Capability::Unknown if tensors => UNVOUCHED,
        _ if tensors => UNVOUCHED.unsure(),
        _ if remote => CRITICAL,
        _ if read => DOUBTFUL,
        _ => SUSPICIOUS,
    }
}

/// A file named by an absolute path, a home folder or a way upwards is outside the model.
fn reads_outside(story: &Story<'_>) -> bool {
    let all = story.all();
    all.iter().flat_map(|effect| &effect.indicators).any(|indicator| {
        let value = indicator.value();
        indicator.kind() == IndicatorKind::Path
            && (value.starts_with(['/', '~', '\\'])
                || value.contains("..")
                || value.get(1..3) == Some(":\\"))
    })
}

/// `getattr(Detect, "forward")` is how bound methods are pickled; a dunder or a resolver of any name is not.
fn resolved(story: &Story<'_>) -> Option<Grade> {
    let last = story.main.callable.rsplit('.').next().unwrap_or_default();
    let attribute = matches!(last, "getattr" | "attrgetter" | "methodcaller" | "_get_attr");
    let dunder = story.main.arguments.iter().any(|argument| argument.contains("__"));
    match (attribute, dunder) {
        (true, false) => None,
        (true, true) => Some(SUSPICIOUS.unsure()),
        (false, _) => Some(SUSPICIOUS),
    }
}

/// Building an object of an unknown class is common in private models; calling an unknown function is not.
fn unknown(story: &Story<'_>) -> Grade {
    let effect = story.main;
    let name = effect.callable.trim_start_matches("builtins.");
    let root = name.split('.').next().unwrap_or(name);
    if knowledge::is_standard_library(root) && root != "__main__" {
        return SUSPICIOUS.unsure();
    }
    if builds_object(story, effect) || knowledge::table().knows_package(root) {
        return UNVOUCHED;
    }
    DOUBTFUL.unsure()
}

fn builds_object(story: &Story<'_>, effect: &Effect) -> bool {
    let op = story.program.ops.get(effect.op).map(|op| &op.kind);
    let style = matches!(
        op,
        Some(
            OpKind::Call { style: CallStyle::New | CallStyle::Instance, .. } | OpKind::Build { .. }
        )
    );
    let last = effect.callable.rsplit('.').next().unwrap_or_default();
    style || last.trim_start_matches('_').starts_with(char::is_uppercase)
}
