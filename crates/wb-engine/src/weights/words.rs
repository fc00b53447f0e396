//! What comparing numbers came to, in words: [`tensor`] by tensor, and in one [`conclusion`].

use super::names::layer;
use std::collections::BTreeSet;
use wb_core::{Relation, TensorCompared, WeightsCompared};

/// Tensors that are told by name in a conclusion.
const NAMED: usize = 3;

/// How a tensor differs that was read in the order in which GGUF keeps the rows of heads, as a clause.
pub(super) fn by_heads(it: &TensorCompared) -> String {
    match it.relation {
        Relation::Turned => told(it, "the same numbers in GGUF's order".to_owned()),
        _ => format!("{}, in GGUF's order", tensor(it)),
    }
}

/// How a tensor differs, as a clause.
pub(super) fn tensor(it: &TensorCompared) -> String {
    let words = match it.relation {
        Relation::SameNumbers => "the same numbers in other bytes".to_owned(),
        Relation::Turned if it.elements > 0 => {
            "the same numbers with rows and columns exchanged".to_owned()
        }
        Relation::Turned => "the same numbers in another order".to_owned(),
        Relation::OtherType => "the same numbers as near as its type can be".to_owned(),
        Relation::Changed => changed(it),
    };
    told(it, words)
}

/// What is said, with the types and the name of the other where these differ.
fn told(it: &TensorCompared, mut words: String) -> String {
    let [own, other] = it.types;
    if own != other {
        words.push_str(&format!(", {own} instead of {other}"));
    }
    if let (Relation::OtherType, Some(relative)) = (it.relation, it.relative.filter(|it| *it > 0.0))
    {
        words.push_str(&format!(", off by {} of its norm", share(relative)));
    }
    if it.name != it.baseline_name {
        words.push_str(&format!(" (there `{}`)", it.baseline_name));
    }
    words
}

fn changed(it: &TensorCompared) -> String {
    let mut parts = Vec::new();
    match it.added_rows {
        0 => {}
        more @ 1.. => {
            parts.push(format!("{} added at the end", counted(more.unsigned_abs(), "row")))
        }
        less => parts.push(format!("{} fewer at the end", counted(less.unsigned_abs(), "row"))),
    }
    if it.changed == 0 {
        parts.push("the others hold the same numbers".to_owned());
        return parts.join(", ");
    }
    parts.push(if it.changed == it.elements {
        format!("all {} numbers", grouped(it.elements))
    } else {
        format!("{} of {} numbers", grouped(it.changed), grouped(it.elements))
    });
    parts.extend(where_changed(it));
    if let Some(rank) = it.rank {
        parts.push(format!("change of rank {rank}"));
    }
    if it.not_finite > 0 {
        parts.push(format!(
            "{} of them infinite or no number in one of the two",
            grouped(it.not_finite)
        ));
    }
    match it.relative {
        Some(relative) => parts.push(format!("{} of its norm", share(relative))),
        None => parts.push("which were all zero".to_owned()),
    }
    if it.largest > 0.0 {
        parts.push(format!("largest change {}", short(it.largest)));
    }
    parts.join(", ")
}

/// In which rows and columns the change is, when these are few.
fn where_changed(it: &TensorCompared) -> Option<String> {
    let [rows, of] = it.rows;
    if of < 2 || it.not_finite == it.changed {
        return None;
    }
    let few_columns =
        it.columns.filter(|columns| columns.saturating_mul(10) <= it.elements / of.max(1));
    let few_rows = rows.saturating_mul(10) <= of;
    match (few_rows, few_columns) {
        (true, Some(columns)) => {
            Some(format!("in {} and {}", counted(rows, "row"), counted(columns, "column")))
        }
        (true, None) => Some(format!("in {} of {} rows", grouped(rows), grouped(of))),
        (false, Some(columns)) => Some(format!("in {}", counted(columns, "column"))),
        (false, None) => None,
    }
}

/// What all of it comes to. `names` are the tensors of both.
pub(super) fn conclusion(compared: &WeightsCompared, names: &[&str]) -> String {
    let changed: Vec<&TensorCompared> =
        compared.tensors.iter().filter(|it| it.relation == Relation::Changed).collect();
    let mut sentences = match changed.as_slice() {
        [] if compared.compared == 0 => vec![nothing(names)],
        [] => vec![same(compared)],
        [one] => vec![format!(
            "1 of {} differs: `{}`: {}",
            counted(compared.compared, "tensor"),
            one.name,
            one.words
        )],
        several => vec![differ(compared.compared, several)],
    };
    sentences.extend(kind(&changed, names));
    if let Some((_, why)) = compared.left_out.first() {
        let count = counted(compared.left_out.len() as u64, "tensor");
        let verb = if compared.left_out.len() == 1 { "was" } else { "were" };
        sentences.push(format!("{count} {verb} not compared: {why}"));
    }
    sentences.iter().map(|sentence| format!("{sentence}.")).collect::<Vec<_>>().join(" ")
}

fn nothing(names: &[&str]) -> String {
    let any = if names.is_empty() {
        "No tensor of one is in the other"
    } else {
        "No numbers were compared"
    };
    any.to_owned()
}

fn same(compared: &WeightsCompared) -> String {
    let all = if compared.left_out.is_empty() { "" } else { " that was compared" };
    let mut text = match compared.compared {
        1 => format!("The one tensor{all} holds the same numbers"),
        count => {
            let all = all.replace("was", "were");
            format!("All {} tensors{all} hold the same numbers", grouped(count))
        }
    };
    let types: BTreeSet<[&str; 2]> =
        compared.tensors.iter().map(|it| it.types).filter(|[own, other]| own != other).collect();
    for [own, other] in types.iter().take(NAMED) {
        text.push_str(&format!(", {own} instead of {other}"));
    }
    let off = compared.tensors.iter().filter_map(|it| it.relative).fold(0.0, f64::max);
    if off > 0.0 {
        text.push_str(&format!(", off by {} of the norm at the most", share(off)));
    }
    if compared.tensors.iter().any(|it| it.relation == Relation::Turned) {
        text.push_str(", some in another order");
    }
    text
}

fn differ(compared: u64, changed: &[&TensorCompared]) -> String {
    let named: Vec<String> =
        changed.iter().take(NAMED).map(|it| format!("`{}`", it.name)).collect();
    let more = match changed.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = grouped(changed.len() as u64);
    format!("{count} of {} differ: {}{more}", counted(compared, "tensor"), named.join(", "))
}

/// What kind of change leaves this, where that can be said.
fn kind(changed: &[&TensorCompared], names: &[&str]) -> Option<String> {
    let first = changed.first()?;
    let all: BTreeSet<&str> = names.iter().map(|name| layer(name)).collect();
    let touched: BTreeSet<&str> = changed.iter().map(|it| layer(&it.name)).collect();
    let ranks: Option<Vec<u32>> = changed
        .iter()
        .filter(|it| it.shape.len() > 1)
        .map(|it| it.rank)
        .collect::<Option<Vec<u32>>>()
        .filter(|ranks| !ranks.is_empty());
    let few = changed.iter().all(|it| it.changed.saturating_mul(100) <= it.elements);
    if touched.len() == 1 && all.len() > 1 {
        if changed.len() == 1 && is_of_rows(first) {
            return Some("An edit of rows of one table".to_owned());
        }
        return Some("A targeted edit of one layer".to_owned());
    }
    let places =
        format!("{} of {} layers", grouped(touched.len() as u64), grouped(all.len() as u64));
    if let Some(highest) = ranks.and_then(|ranks| ranks.into_iter().max()) {
        return Some(format!(
            "Changes of rank {highest} at the most in {places}, as an adapter (LoRA) leaves that was merged"
        ));
    }
    if few {
        return Some(format!("Few numbers each in {places}, which training does not leave"));
    }
    match touched.len().saturating_mul(3) {
        touched if touched <= all.len() => Some(format!("An edit of {places}")),
        _ if all.len() > 1 => Some(format!("Changes all over the model, in {places}")),
        _ => None,
    }
}

/// Whether a change is of few rows, and of most of each.
fn is_of_rows(it: &TensorCompared) -> bool {
    let [rows, of] = it.rows;
    let whole = it.changed.saturating_mul(2) >= rows.saturating_mul(it.elements / of.max(1));
    it.added_rows != 0 || (of > 1 && whole && rows.saturating_mul(10) <= of)
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// A share in percent, to two digits that say something.
fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 1.0 => format!("{percent:.1} %"),
        percent if percent >= 0.01 => format!("{percent:.2} %"),
        percent => format!("{percent:.1e} %"),
    }
}

fn short(value: f64) -> String {
    if (1e-3..1e6).contains(&value) {
        let text = format!("{value:.4}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{value:.1e}")
}
