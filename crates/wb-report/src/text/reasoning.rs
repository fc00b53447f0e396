//! How the case argues: the chain of the attack, judgements, deployments side by side, loads, and how far it
//! reaches.

use super::page::{Ink, Page};
use super::records::Records;
use super::story::status_ink;
use super::{counted, table};
use crate::escape::Defang;
use crate::time;
use crate::words::{self, status_word};
use wb_core::{Attribute, Case, Confidence, DeploymentRow, Ground, Judgement, Reached};

/// Judgements, deployments, loads and things reached that are printed.
const LISTED: usize = 40;

/// Rules whose grounds the sections on identifiers and candidates have told.
const TOLD_ABOVE: [&str; 2] = ["parts-of-one-identifier", "candidate"];

/// Column at which what happened begins.
const WHAT: usize = 23;

/// Every stage of the attack, those included that nothing shows.
pub(super) fn chain(page: &mut Page, case: &Case, defang: &Defang) {
    if case.reasoning.chain.is_empty() {
        return;
    }
    page.heading("ATTACK CHAIN");
    for step in &case.reasoning.chain {
        let stage = format!("{:<WHAT$}", step.stage.name());
        let status = format!("{:<10}", status_word(step.status));
        let clock = step.time.map(|at| format!("{}  ", time::clock(at))).unwrap_or_default();
        let what = defang.text(&step.what);
        page.paragraph(
            2,
            2 + WHAT + 10,
            &[
                (Ink::Strong, &stage),
                (status_ink(step.status), &status),
                (Ink::Plain, &clock),
                (Ink::Plain, &what),
            ],
        );
    }
}

/// What is held to be true, what it rests on, and what would change it.
pub(super) fn judgements(page: &mut Page, case: &Case, defang: &Defang) {
    if case.reasoning.judgements.is_empty() {
        return;
    }
    page.heading("WHY");
    for judgement in case.reasoning.judgements.iter().take(LISTED) {
        print(page, judgement, defang);
    }
    page.hidden(case.reasoning.judgements.len().saturating_sub(LISTED), "judgement");
}

fn print(page: &mut Page, judgement: &Judgement, defang: &Defang) {
    let sure = format!("{:<8}", judgement.confidence.name());
    let status = format!("{:<10}", status_word(judgement.status));
    let statement = defang.text(&judgement.statement);
    page.paragraph(
        2,
        20,
        &[
            (sure_ink(judgement.confidence), &sure),
            (status_ink(judgement.status), &status),
            (Ink::Strong, &statement),
            (Ink::Faint, &format!("  ({})", judgement.rule)),
        ],
    );
    if !TOLD_ABOVE.contains(&judgement.rule) {
        grounds(page, &judgement.grounds, defang);
    }
    let unless = defang.text(&judgement.would_change);
    page.paragraph(20, 28, &[(Ink::Faint, "unless  "), (Ink::Plain, &unless)]);
}

fn grounds(page: &mut Page, grounds: &[Ground], defang: &Defang) {
    for ground in grounds {
        let place = format!("{}, {}: ", ground.artifact, ground.place);
        let why = defang.text(&ground.why);
        let pieces = [(Ink::Faint, "from    "), (Ink::Faint, place.as_str()), (Ink::Plain, &why)];
        page.paragraph(20, 28, &pieces);
    }
}

const fn sure_ink(confidence: Confidence) -> Ink {
    match confidence {
        Confidence::High => Ink::Plain,
        Confidence::Medium | Confidence::Low => Ink::Warn,
    }
}

/// What is on record about each deployment, against the attributes that it should have.
pub(super) fn deployments(page: &mut Page, case: &Case) {
    let rows = &case.reasoning.deployments;
    if rows.is_empty() {
        return;
    }
    page.heading("DEPLOYMENTS");
    let shown: Vec<&DeploymentRow> = shown(rows);
    let columns = case.reasoning.attributes();
    let mut headers = vec!["", "began (UTC)"];
    headers.extend(columns.iter().map(|attribute| short(*attribute)));
    headers.push("what");
    let cells: Vec<Vec<String>> = shown
        .iter()
        .map(|row| {
            let mut cells = vec![
                if row.introduced { "!" } else { "" }.to_owned(),
                row.began.strftime("%Y-%m-%d %H:%M").to_string(),
            ];
            cells.extend(columns.iter().map(|attribute| cell(row, *attribute).to_owned()));
            cells.push(what(row));
            cells
        })
        .collect();
    table::print(page, 2, &headers, &cells, |_, text| match text {
        NONE => Ink::Warn,
        "!" => Ink::Bad,
        _ => Ink::Plain,
    });
    page.hidden(rows.len() - shown.len(), "deployment");
    if let Some(row) = rows.iter().find(|row| row.introduced) {
        let record = words::record(&row.record);
        page.line(2, &[(Ink::Faint, &format!("! brought the compromise in: {record}"))]);
    }
}

/// What was done, with the file it was done with: of several the one with the longest name, which says most.
fn what(row: &DeploymentRow) -> String {
    let names = row.files.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
    let longest = names.max_by_key(|name| name.len());
    longest.map_or_else(|| row.kind.to_owned(), |name| format!("{} {name}", row.kind))
}

/// A cell of an attribute that should be on record and is not.
const NONE: &str = "NONE";

/// The rows to print: the one that brought the compromise in, and those nearest to it.
fn shown(rows: &[DeploymentRow]) -> Vec<&DeploymentRow> {
    let at = rows.iter().position(|row| row.introduced).unwrap_or_default();
    let from = at.saturating_sub(LISTED / 2).min(rows.len().saturating_sub(LISTED));
    rows.iter().skip(from).take(LISTED).collect()
}

fn cell(row: &DeploymentRow, attribute: Attribute) -> &'static str {
    if row.said.contains_key(&attribute) {
        "yes"
    } else if row.lacks.contains(&attribute) {
        NONE
    } else {
        "-"
    }
}

/// An attribute as the head of a narrow column.
const fn short(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Requester => "who",
        Attribute::Approval => "approval",
        Attribute::Run => "run",
        Attribute::Source => "source",
        Attribute::Revision => "revision",
        Attribute::Hash => "hash",
    }
}

/// Loads, and what followed each.
pub(super) fn loads(page: &mut Page, case: &Case) {
    let loads = &case.reasoning.loads;
    if loads.rows.is_empty() {
        return;
    }
    page.heading("LOADS AND CONTACTS");
    let (contacts, follow) = loads.contacts;
    let lift = match loads.lift {
        Some(lift) => format!("; {lift:.1} times as many as by chance"),
        None => "; too little to compare with chance".to_owned(),
    };
    let text = format!(
        "{follow} of {} to the compromise follow a load within {} s{lift}",
        counted(contacts as u64, "contact"),
        loads.window_seconds
    );
    page.paragraph(2, 4, &[(Ink::Plain, &text)]);
    let records = Records::new(loads.rows.iter().map(|row| &row.record), page.columns() / 4);
    let rows: Vec<Vec<String>> = loads
        .rows
        .iter()
        .take(LISTED)
        .map(|row| {
            let contact = match row.contact_after {
                Some(after) => format!("{} later", time::elapsed(after)),
                None => "none before the next load".to_owned(),
            };
            vec![
                time::clock(row.time),
                records.cell(&row.record).trim_end().to_owned(),
                row.file.clone().unwrap_or_default(),
                contact,
            ]
        })
        .collect();
    table::print(page, 2, &["load (UTC)", "record", "file", "next contact"], &rows, |_, _| {
        Ink::Plain
    });
    page.hidden(loads.rows.len().saturating_sub(LISTED), "load");
}

/// What payloads would send against what captures show.
pub(super) fn exchanges(page: &mut Page, case: &Case, defang: &Defang) {
    let all = &case.reasoning.exchanges;
    if all.is_empty() {
        return;
    }
    page.heading("PAYLOAD AND CAPTURE");
    let value = |value: &Option<String>| match value {
        Some(value) => defang.text(value).into_owned(),
        None => "-".to_owned(),
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(LISTED)
        .map(|row| {
            let agrees = words::agrees(row.agrees).to_owned();
            let host = defang.text(&row.host).into_owned();
            vec![agrees, host, row.field.clone(), value(&row.payload), value(&row.capture)]
        })
        .collect();
    let headers = ["", "host", "field", "payload", "capture"];
    table::print(page, 2, &headers, &rows, |_, text| match text {
        words::DIFFERS => Ink::Warn,
        _ => Ink::Plain,
    });
    page.hidden(all.len().saturating_sub(LISTED), "field");
}

/// What else is affected.
pub(super) fn reach(page: &mut Page, case: &Case, defang: &Defang) {
    if case.reasoning.reach.is_empty() {
        return;
    }
    page.heading("BLAST RADIUS");
    for reached in case.reasoning.reach.iter().take(LISTED) {
        thing(page, reached, defang);
    }
    page.hidden(case.reasoning.reach.len().saturating_sub(LISTED), "thing");
}

fn thing(page: &mut Page, reached: &Reached, defang: &Defang) {
    let kind = format!("{:<9}", reached.kind.name());
    let sure = format!("{:<8}", reached.confidence.name());
    let name = defang.text(&reached.name);
    let why = match reached.grounds.first() {
        Some(first) => format!(
            ": {} ({}, {}){}",
            defang.text(&first.why),
            first.artifact,
            first.place,
            match reached.grounds.len() {
                0 | 1 => String::new(),
                more => format!(" and {} more", more - 1),
            }
        ),
        None => String::new(),
    };
    page.paragraph(
        2,
        19,
        &[
            (Ink::Faint, &kind),
            (sure_ink(reached.confidence), &sure),
            (Ink::Strong, &name),
            (Ink::Plain, &why),
        ],
    );
}
