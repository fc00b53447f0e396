//! What an artifact holds, how two differ, and timeline entries, for the commands that show them.

use super::page::{Ink, Page, Style};
use super::{bytes, counted, detail, shape, story, table};
use crate::escape::Defang;
use std::collections::BTreeMap;
use wb_core::{
    Artifact, Difference, Dossier, LicenceStanding, Relation, Statistics, TimelineEntry,
    WeightsCompared,
};

/// Settings of a component that are printed beside it.
const SETTINGS: usize = 6;

/// What an artifact holds: layers, tensors and metadata as tables.
pub fn inspect(artifact: &Artifact, dossier: &Dossier, style: &Style) -> String {
    let mut page = Page::new(*style);
    page.paragraph(0, 2, &[(Ink::Strong, artifact.path.as_str())]);
    let digest = artifact.sha256.map(|digest| digest.to_string());
    for (label, text) in [
        ("format", artifact.format.unwrap_or("unknown").to_owned()),
        ("size", bytes(artifact.size)),
        ("sha256", digest.unwrap_or_else(|| "not measured".into())),
    ] {
        page.line(2, &[(Ink::Faint, &format!("{label:<8}")), (Ink::Plain, &text)]);
    }
    licences(&mut page, dossier);
    components(&mut page, dossier);
    tensors(&mut page, dossier);
    fields(&mut page, dossier);
    if !dossier.differences.is_empty() {
        page.heading(&format!("DIFFERENCES ({})", dossier.differences.len()));
        detail::print_differences(&mut page, 2, &detail::difference_rows(&dossier.differences));
    }
    for listing in &dossier.listings {
        let title = format!("CODE: {} {}", listing.language.name(), listing.place);
        page.heading(&crate::escape::terminal(title.trim()));
        for (number, line) in (1_usize..).zip(listing.text.lines()) {
            let marked = listing.marks.contains(&number);
            let gutter = format!("{number:>5} {} ", if marked { ">" } else { "│" });
            page.verbatim(0, &gutter, line, if marked { Ink::Bad } else { Ink::Plain });
        }
    }
    page.finish()
}

/// The terms that it states, with what they restrict.
fn licences(page: &mut Page, dossier: &Dossier) {
    for licence in &dossier.licences {
        let standing = match licence.standing {
            LicenceStanding::Open => String::new(),
            LicenceStanding::Restricted => format!(", restricted: {}", licence.restricts),
            LicenceStanding::Unknown => ", which nobody knows".to_owned(),
        };
        let text = format!("{} ({}){standing}", licence.name(), licence.place);
        page.paragraph(2, 10, &[(Ink::Faint, &format!("{:<8}", "licence")), (Ink::Plain, &text)]);
    }
}

fn components(page: &mut Page, dossier: &Dossier) {
    if dossier.components.is_empty() {
        return;
    }
    page.heading(&format!("COMPONENTS ({})", dossier.components.len()));
    let rows: Vec<Vec<String>> = dossier
        .components
        .iter()
        .map(|component| {
            let settings: Vec<String> = component
                .settings
                .iter()
                .filter(|setting| setting.path != "name")
                .take(SETTINGS)
                .map(|setting| {
                    format!("{}={}", setting.path, super::page::shorten(&setting.value, 40))
                })
                .collect();
            let class = match &component.module {
                Some(module) => format!("{module}.{}", component.class),
                None => component.class.clone(),
            };
            vec![component.kind.to_owned(), component.name.clone(), class, settings.join(" ")]
        })
        .collect();
    table::print(page, 2, &["kind", "name", "class", "settings"], &rows, |_, _| Ink::Plain);
}

fn tensors(page: &mut Page, dossier: &Dossier) {
    if dossier.tensors.is_empty() {
        return;
    }
    page.heading(&format!("TENSORS ({})", dossier.tensors.len()));
    let rows: Vec<Vec<String>> = dossier
        .tensors
        .iter()
        .map(|tensor| {
            let (offset, length) = match tensor.span {
                Some(span) => (span.start.to_string(), bytes(span.len)),
                None => ("-".into(), "-".into()),
            };
            vec![tensor.name.clone(), tensor.dtype.clone(), shape(&tensor.shape), offset, length]
        })
        .collect();
    let headers = ["name", "type", "shape", "offset", "size"];
    table::print(page, 2, &headers, &rows, |_, _| Ink::Plain);
}

/// The figures of the tensors of an artifact as a table; nothing when there are none.
pub fn statistics(
    dossier: &Dossier,
    statistics: &BTreeMap<String, Statistics>,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    let row = |name: &String| {
        let of = statistics.get(name)?;
        let figures = [of.least, of.most, of.mean, of.deviation].map(figure);
        let counts = [of.zeros, of.not_finite].map(|count| count.to_string());
        Some(std::iter::once(name.clone()).chain(figures).chain(counts).collect::<Vec<String>>())
    };
    let rows: Vec<_> = dossier.tensors.iter().filter_map(|tensor| row(&tensor.name)).collect();
    if rows.is_empty() {
        return String::new();
    }
    page.heading(&format!("STATISTICS ({})", rows.len()));
    let headers = ["name", "least", "most", "mean", "deviation", "zeros", "not finite"];
    table::print(&mut page, 2, &headers, &rows, |_, _| Ink::Plain);
    page.finish()
}

/// A number in five digits.
fn figure(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => format!("{number:.4}"),
        _ => format!("{number:.4e}"),
    }
}

fn fields(page: &mut Page, dossier: &Dossier) {
    if dossier.fields.is_empty() {
        return;
    }
    page.heading(&format!("METADATA ({})", dossier.fields.len()));
    let rows: Vec<Vec<String>> =
        dossier.fields.iter().map(|field| vec![field.path.clone(), field.value.clone()]).collect();
    table::print(page, 2, &["field", "value"], &rows, |_, _| Ink::Plain);
}

/// Differences as a table: `+` added, `-` removed, `~` changed.
pub fn differences(differences: &[Difference], style: &Style) -> String {
    let mut page = Page::new(*style);
    if differences.is_empty() {
        page.line(0, &[(Ink::Good, "no difference in layers, tensors, globals or metadata")]);
        return page.finish();
    }
    detail::print_differences(&mut page, 0, &detail::difference_rows(differences));
    page.line(0, &[(Ink::Faint, &counted(differences.len() as u64, "difference"))]);
    page.finish()
}

/// Tensors of one comparison that are printed, and of those left out.
const TENSORS: usize = 40;
/// Tensors that are printed although their numbers are the same.
const SAME: usize = 3;

/// Which two models a comparison is of, as a line.
pub fn between(compared: &WeightsCompared, style: &Style) -> String {
    let mut page = Page::new(*style);
    let text = format!("{}  against {}", compared.model, compared.baseline);
    page.line(0, &[(Ink::Faint, &text)]);
    page.finish()
}

/// What comparing the numbers of two models came to: the conclusion, and a line for each tensor that is not the same.
pub fn weights(compared: &WeightsCompared, style: &Style) -> String {
    let mut page = Page::new(*style);
    page.paragraph(0, 2, &[(Ink::Strong, &compared.conclusion)]);
    let (mut changed, same): (Vec<_>, Vec<_>) =
        compared.tensors.iter().partition(|tensor| tensor.relation == Relation::Changed);
    // The conclusion says all of a single one.
    if changed.len() == 1 {
        changed.clear();
    }
    for (list, sign, ink, most) in
        [(changed, "~", Ink::Warn, TENSORS), (same, "=", Ink::Faint, SAME)]
    {
        for tensor in list.iter().take(most) {
            let text = format!(" {}  {}", tensor.name, tensor.words);
            page.paragraph(2, 4, &[(ink, sign), (Ink::Plain, &text)]);
        }
        page.hidden(list.len().saturating_sub(most), "tensor");
    }
    for (name, why) in compared.left_out.iter().take(TENSORS) {
        let text = format!("{name}  not compared: {why}");
        page.paragraph(2, 4, &[(Ink::Warn, "? "), (Ink::Plain, &text)]);
    }
    page.hidden(compared.left_out.len().saturating_sub(TENSORS), "tensor");
    page.finish()
}

/// Timeline entries, one paragraph each.
pub fn timeline(entries: &[TimelineEntry], style: &Style) -> String {
    let mut page = Page::new(*style);
    story::entries(&mut page, entries, &Defang::default());
    page.finish()
}
