//! What an artifact holds, how two differ, and timeline entries, for the commands that show them.

use super::page::{Ink, Page, Style};
use super::{bytes, counted, detail, shape, story, table};
use crate::escape::Defang;
use wb_core::{Artifact, Difference, Dossier, Relation, TimelineEntry, WeightsCompared};

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
    for tensor in compared.tensors.iter().take(TENSORS) {
        let (sign, ink) = match tensor.relation {
            Relation::Changed => ("~", Ink::Warn),
            _ => ("=", Ink::Plain),
        };
        let text = format!("{}  {}", tensor.name, tensor.words);
        page.paragraph(2, 4, &[(ink, sign), (Ink::Plain, " "), (Ink::Plain, &text)]);
    }
    page.hidden(compared.tensors.len().saturating_sub(TENSORS), "tensor");
    for (name, why) in compared.left_out.iter().take(TENSORS) {
        let text = format!("{name}  not compared: {why}");
        page.paragraph(2, 4, &[(Ink::Faint, "?"), (Ink::Plain, " "), (Ink::Plain, &text)]);
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
