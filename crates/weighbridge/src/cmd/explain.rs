//! `weighbridge explain`: what is known about a rule, a format, a log source or a callable.

use super::{Ended, Outcome};
use crate::cli::Explain;
use crate::page::reflow;
use crate::terminal::{Terminal, print};
use wb_report::{sarif::RuleInfo, text};
use wb_sigma::RuleSet;

/// Explains a name, or lists what can be explained.
pub fn run(arguments: &Explain, terminal: Terminal) -> Ended {
    let Some(name) = &arguments.name else {
        print(&overview(terminal.width))?;
        return Ok(Outcome::NothingFound);
    };
    match page(name) {
        Some(page) => print(&reflow(&page, terminal.width))?,
        None => {
            return Err(format!(
                "nothing is known about `{name}`\nhint: `weighbridge explain` without a name lists rules, \
                 formats and log sources; a callable is given as `module.name`"
            )
            .into());
        }
    }
    Ok(Outcome::NothingFound)
}

fn page(name: &str) -> Option<String> {
    if let Some(format) = wb_formats::format(name) {
        return Some(format.page.to_owned());
    }
    if let Some(source) = wb_logs::sources().iter().find(|source| source.name == name) {
        return Some(source.page.to_owned());
    }
    if let Some(one) = wb_monitor::DETECTIONS.iter().find(|one| one.name == name) {
        return Some(detection(one));
    }
    let rules = RuleSet::shipped().rules().iter();
    let mut named = rules.filter(|rule| [rule.name, rule.id, rule.title].contains(&name));
    if let Some(page) = named.find_map(|rule| rule.page) {
        return Some(page.to_owned());
    }
    if let Some(rule) = wb_engine::judgement_rules().into_iter().find(|rule| rule.name == name) {
        return Some(rule.page);
    }
    let explanation = wb_rules::explain(name)?;
    // Pages of rules begin with their own heading.
    if explanation.text.starts_with('#') {
        return Some(explanation.text);
    }
    Some(format!(
        "# {}\n\n{}\n\n{}\n",
        explanation.name,
        explanation.title,
        explanation.text.trim()
    ))
}

/// The page of something that `watch` looks for.
fn detection(one: &wb_monitor::Detection) -> String {
    let techniques = match one.techniques {
        [] => String::new(),
        list => format!("Techniques: {}.\n\n", list.join(", ")),
    };
    format!(
        "# {}\n\n{}. An alert of `weighbridge watch`.\n\n{techniques}What to do: {}.\n",
        one.name, one.title, one.next
    )
}

fn overview(width: usize) -> String {
    let mut out = String::new();
    let rules = wb_rules::rules().iter().map(|rule| [rule.name, rule.title]);
    let formats = wb_formats::formats().iter().map(|format| [format.name, format.title]);
    let sources = wb_logs::sources().iter().map(|source| [source.name, source.title]);
    section(&mut out, "rule", rules, width);
    let over_events = RuleSet::shipped().rules().iter().filter(|rule| rule.page.is_some());
    let over_events = over_events.map(|rule| [rule.name, rule.title]);
    section(&mut out, "rule over the events of logs", over_events, width);
    let judgements = wb_engine::judgement_rules();
    let judgements = judgements.iter().map(|rule| [rule.name, rule.title]);
    section(&mut out, "judgement of a case", judgements, width);
    let alerts = wb_monitor::DETECTIONS.iter().map(|one| [one.name, one.title]);
    section(&mut out, "alert of `watch`", alerts, width);
    section(&mut out, "format", formats, width);
    section(&mut out, "log source", sources, width);
    out
}

fn section<'a>(
    out: &mut String,
    title: &str,
    entries: impl Iterator<Item = [&'a str; 2]>,
    width: usize,
) {
    let rows: Vec<Vec<String>> =
        entries.map(|entry| entry.iter().map(|cell| (*cell).to_owned()).collect()).collect();
    out.push_str(&text::table(&[title, "what it is"], &rows, width));
    out.push('\n');
}

/// The rules as reports name them: those over files, and `over_events`.
pub fn rule_infos(over_events: &RuleSet) -> Vec<RuleInfo> {
    let over_files = wb_rules::rules().iter().map(|rule| RuleInfo {
        name: rule.name.to_owned(),
        title: rule.title.to_owned(),
        help: rule.page.to_owned(),
    });
    let told = over_events.rules().iter().filter(|rule| !rule.silent);
    let over_events = told.map(|rule| RuleInfo {
        name: rule.name.to_owned(),
        title: rule.title.to_owned(),
        help: rule.page.unwrap_or(rule.description).to_owned(),
    });
    over_files.chain(over_events).collect()
}
