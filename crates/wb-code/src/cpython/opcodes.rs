//! [`Opcodes`]: names, numbers and inline caches of one version's opcodes.
//!
//! `opcodes.csv` holds the facts of `Lib/opcode.py` and `Include/opcode_ids.h` of every version: a row per
//! name, a column per version, in each cell the number, and after `+` how many inline cache entries (of
//! two bytes) follow the instruction (3.11 on).

use super::Version;
use std::sync::LazyLock;

/// One version's opcodes.
pub(super) struct Opcodes {
    version: Version,
    entries: Vec<Option<Opcode>>,
}

/// An opcode of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opcode {
    /// Its name in `dis`.
    pub name: &'static str,
    /// Inline cache entries of two bytes that follow it.
    pub caches: u8,
}

static TABLES: LazyLock<Vec<Opcodes>> = LazyLock::new(|| parse(include_str!("opcodes.csv")));

impl Opcodes {
    /// The opcodes of `version`; those of the newest version for one that is not known.
    pub(super) fn of(version: Version) -> &'static Self {
        let tables: &'static Vec<Self> = &TABLES;
        tables
            .iter()
            .find(|table| table.version == version)
            .or_else(|| tables.last())
            .expect("the table has a column for each supported version")
    }

    /// The opcode with that number.
    pub(super) fn get(&self, number: u8) -> Option<Opcode> {
        self.entries.get(usize::from(number)).copied().flatten()
    }
}

fn parse(table: &'static str) -> Vec<Opcodes> {
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default().split(',').skip(1);
    let mut tables: Vec<Opcodes> = header
        .filter_map(|column| {
            let (major, minor) = column.split_once('.')?;
            let version = Version { major: major.parse().ok()?, minor: minor.parse().ok()? };
            Some(Opcodes { version, entries: vec![None; 256] })
        })
        .collect();
    for line in lines {
        let mut cells = line.split(',');
        let name = cells.next().unwrap_or_default();
        for (table, cell) in tables.iter_mut().zip(cells) {
            let (number, caches) = cell.split_once('+').unwrap_or((cell, "0"));
            let Ok(number) = number.parse::<usize>() else { continue };
            if let Some(entry) = table.entries.get_mut(number) {
                *entry = Some(Opcode { name, caches: caches.parse().unwrap_or(0) });
            }
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_belong_to_versions() {
        let name = |minor, number| Opcodes::of(Version::three(minor)).get(number).map(|op| op.name);
        assert_eq!(name(8, 131), Some("CALL_FUNCTION"));
        assert_eq!(name(11, 171), Some("CALL"));
        assert_eq!(Opcodes::of(Version::TWO).get(86).map(|op| op.name), Some("YIELD_VALUE"));
        assert_eq!(Opcodes::of(Version::three(12)).get(171).map(|op| op.caches), Some(3));
    }
}
