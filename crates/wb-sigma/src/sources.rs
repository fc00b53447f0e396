//! [`Offer`]: which log sources of rules an event belongs to, by the table that ships.

use rsigma_parser::LogSource;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use wb_core::EventKind;

/// The table of sources, as it ships.
pub(crate) const TABLE: &str = include_str!("../data/sources.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    row: Vec<Row>,
}

/// Names that events have which fit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Row {
    source: Vec<String>,
    kind: Vec<String>,
    command: Option<bool>,
    product: Vec<String>,
    category: Vec<String>,
    service: Vec<String>,
}

impl Row {
    fn fits(&self, source: &str, kind: EventKind, command: bool) -> bool {
        let is = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => source.starts_with(start),
            None => pattern == source,
        };
        self.command.is_none_or(|wanted| wanted == command)
            && (self.kind.is_empty() || self.kind.iter().any(|name| name == kind.name()))
            && (self.source.is_empty() || self.source.iter().any(is))
    }
}

/// The names of log sources that an event has.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    products: BTreeSet<&'static str>,
    categories: BTreeSet<&'static str>,
    services: BTreeSet<&'static str>,
}

impl Offer {
    /// The names of events of `source` and `kind`, with a command line or without.
    pub(crate) fn of(source: &'static str, kind: EventKind, command: bool) -> Self {
        static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
        let rows = ROWS.get_or_init(|| {
            toml::from_str::<Table>(TABLE).expect("a test reads the table that ships").row
        });
        let mut offer = Self { services: BTreeSet::from([source]), ..Self::default() };
        for row in rows.iter().filter(|row| row.fits(source, kind, command)) {
            offer.products.extend(row.product.iter().map(String::as_str));
            offer.categories.extend(row.category.iter().map(String::as_str));
            offer.services.extend(row.service.iter().map(String::as_str));
        }
        offer
    }

    /// Whether a rule about `wanted` concerns events with these names.
    pub(crate) fn fits(&self, wanted: &LogSource) -> bool {
        let has = |names: &BTreeSet<&str>, name: &Option<String>| {
            name.as_ref().is_none_or(|name| names.contains(name.to_ascii_lowercase().as_str()))
        };
        has(&self.products, &wanted.product)
            && has(&self.categories, &wanted.category)
            && has(&self.services, &wanted.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(product: &str, category: &str, service: &str) -> LogSource {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        LogSource {
            product: some(product),
            category: some(category),
            service: some(service),
            ..LogSource::default()
        }
    }

    #[test]
    fn every_name_in_the_table_is_one_of_a_source_or_a_kind() {
        let table: Table = toml::from_str(TABLE).expect("the table");
        let known: Vec<&str> = wb_logs::sources().iter().map(|source| source.name).collect();
        for row in &table.row {
            for source in &row.source {
                let fits = known.iter().any(|name| match source.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => name == source,
                });
                assert!(fits, "{source}");
            }
            for kind in &row.kind {
                assert!(EventKind::ALL.iter().any(|known| known.name() == kind), "{kind}");
            }
        }
    }

    #[test]
    fn a_process_is_one_of_linux_and_none_of_windows() {
        let offer = Offer::of("auditd", EventKind::Exec, true);
        assert!(offer.fits(&wanted("linux", "process_creation", "")));
        assert!(offer.fits(&wanted("linux", "", "auditd")));
        assert!(!offer.fits(&wanted("windows", "process_creation", "")));
        assert!(!offer.fits(&wanted("linux", "network_connection", "")));
    }

    #[test]
    fn a_change_is_a_process_only_with_its_command() {
        let process = wanted("linux", "process_creation", "");
        assert!(Offer::of("sysmon", EventKind::Change, true).fits(&process));
        assert!(!Offer::of("sysmon", EventKind::Change, false).fits(&process));
    }

    #[test]
    fn the_own_name_of_a_source_is_a_service() {
        assert!(Offer::of("mlflow", EventKind::Stage, false).fits(&wanted("", "", "mlflow")));
        assert!(!Offer::of("mlflow", EventKind::Stage, false).fits(&wanted("", "", "zeek-conn")));
    }
}
