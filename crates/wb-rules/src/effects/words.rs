//! Findings in words: headlines, reasons, techniques.

use super::Story;
use wb_core::{Capability, Effect, IndicatorKind, Location, PayloadKind, Trigger};

/// What happens, in one sentence: "loading this model runs a shell command through `os.system`".
pub(super) fn headline(story: &Story<'_>, location: &Location) -> String {
    let effect = story.main;
    let who = match (effect.trigger, location.component.as_deref().filter(|name| !name.is_empty()))
    {
        (Trigger::Template, Some(key)) => format!("rendering the template `{key}`"),
        (Trigger::Template, None) => "rendering this template".to_owned(),
        (Trigger::Import, _) => "importing this file".to_owned(),
        (Trigger::Run, _) => "running this script".to_owned(),
        (Trigger::Install, _) => "installing this package".to_owned(),
        (_, Some(layer)) => format!("the layer `{layer}`"),
        (Trigger::Load, None) => "loading this model".to_owned(),
        (Trigger::Inference, None) => "using this model".to_owned(),
    };
    let name = &effect.callable;
    if !effect.called {
        let who = if location.component.is_none() { "this model" } else { &*who };
        return format!("{who} imports `{name}`, which {} when it is called", does(effect));
    }
    let deed = story.deed();
    if deed.callable != *name {
        return format!(
            "{who} rebuilds a function that {} through `{}`",
            does(deed),
            deed.callable
        );
    }
    let worst = story.all().into_iter().find(|one| one.capability == story.capability);
    let what = does(worst.unwrap_or(effect));
    match (story.capability, inside(effect)) {
        (Capability::Unknown, _) => format!("{who} calls `{name}`, which nobody vouches for"),
        (Capability::Deserialize, Some(inner)) => {
            format!(
                "{who} {what} through `{name}`, which {} through `{}`",
                does(inner),
                inner.callable
            )
        }
        _ => format!("{who} {what} through `{name}`"),
    }
}

/// The gravest effect inside another, when it reaches out of the model.
fn inside(effect: &Effect) -> Option<&Effect> {
    let inner = effect.flatten().into_iter().skip(1);
    inner.filter(|one| one.capability < Capability::Defer).min_by_key(|one| one.capability)
}

/// What an effect is in words, as a verb with its object.
fn does(effect: &Effect) -> &'static str {
    let shell = effect.payloads.iter().any(|payload| payload.kind == PayloadKind::Shell);
    let hidden = effect.payloads.iter().any(|payload| !payload.layers.is_empty());
    match effect.capability {
        Capability::RunCommand if shell => "runs a shell command",
        Capability::RunCommand => "starts a process",
        Capability::RunCode if hidden => "runs hidden code",
        Capability::RunCode => "runs code",
        Capability::LoadLibrary => "loads a native library",
        Capability::Deserialize => "unpickles further data",
        Capability::Network => "reaches the network",
        Capability::Delete => "deletes files",
        Capability::WriteFile => "writes files",
        Capability::ReadFile => "reads files",
        Capability::Environment => "reads or changes the environment of the process",
        Capability::Defer => "arranges for a later call",
        Capability::Resolve => "turns a name into an object",
        Capability::AttributeWalk => "walks from object to object to what it was not given",
        Capability::Import => "imports a module",
        Capability::CallArgument => "calls what it is given",
        Capability::Unknown => "does what nobody vouches for",
        Capability::Inert => "does nothing outside the model",
    }
}

/// Why it is believed: how the callable was reached, what prepares the call, what the decoded code does.
pub(super) fn reasons<'a>(story: &Story<'a>) -> Vec<(&'a Effect, String)> {
    let main = story.main;
    let mut reasons = Vec::new();
    if let Some(way) = &main.reached_by {
        reasons.push((main, format!("`{}` is reached by `{way}`", main.callable)));
    }
    let canonical = crate::knowledge::table().canonical(&main.callable);
    if canonical != main.callable {
        reasons.push((main, format!("`{}` is another name of `{canonical}`", main.callable)));
    }
    for step in &story.steps {
        reasons.push((*step, format!("`{}` {} first", step.callable, does(step))));
    }
    for inner in main.flatten().into_iter().skip(1).take(16) {
        reasons.push((
            main,
            format!("the code inside calls `{}`, which {}", inner.callable, does(inner)),
        ));
    }
    let mut told = std::collections::BTreeSet::new();
    reasons.retain(|(_, because)| told.insert(because.clone()));
    reasons
}

/// The rule's techniques and those of everything the story does, each once.
pub(super) fn techniques(rule: &[&'static str], story: &Story<'_>) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = rule.to_vec();
    let effects = story.all();
    for effect in &effects {
        all.extend_from_slice(of_capability(effect.capability));
    }
    let payloads = || effects.iter().flat_map(|effect| &effect.payloads);
    if payloads().any(|payload| !payload.layers.is_empty()) {
        all.extend(["T1027", "T1140"]);
    }
    let reaches =
        |kind| effects.iter().flat_map(|effect| &effect.indicators).any(|i| i.kind() == kind);
    if reaches(IndicatorKind::Url) {
        all.push("T1071.001");
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|technique| seen.insert(*technique));
    all
}

/// ATT&CK techniques (and ATLAS where it has one) by what is done.
fn of_capability(capability: Capability) -> &'static [&'static str] {
    match capability {
        Capability::RunCommand => &["T1059.004"],
        Capability::RunCode => &["T1059.006"],
        Capability::LoadLibrary => &["T1129"],
        Capability::Network => &["T1071"],
        Capability::Delete => &["T1070.004"],
        Capability::WriteFile => &["T1565.001"],
        Capability::ReadFile => &["AML.T0037", "T1005"],
        Capability::Environment => &["T1082"],
        Capability::Defer => &["T1546"],
        _ => &[],
    }
}
