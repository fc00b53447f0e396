//! Years and zones that a log's times lack: from its own clock, from the log that it was rotated with, and from
//! connections that another log has too.

use super::collect::Allowance;
use super::{LogInput, read_log, stopped};
use crate::body::LogRead;
use jiff::Timestamp;
use wb_core::ArtifactPath;
use wb_logs::flows::{FlowTable, Skew};
use wb_logs::{ClockHints, LocalZone};
use wb_sigma::RuleSet;

/// A log and its connections.
pub(super) type Read = (LogRead, FlowTable);

/// Reads logs again whose times lack something that other evidence gives.
#[derive(Clone, Copy)]
pub(super) struct Again {
    /// When the logs with explicit years were written.
    pub(super) near: Option<Timestamp>,
    pub(super) allowance: Allowance,
    pub(super) rules: &'static RuleSet,
}

impl Again {
    /// Reads a log again if its times lack a year, and again if its clock tells the zone that they lack.
    pub(super) fn by_itself(self, (mut log, mut connections): Read) -> Read {
        if log.summary.lacks_year {
            let written = log.text.modified();
            let hints = ClockHints { near: self.near.or(written), written, zone: None };
            (log, connections) = self.read(log, hints);
        }
        let open = &mut || log.text.open();
        let change = wb_logs::clock_change(&log.artifact.path, open, &log.hints, &log.summary);
        match change {
            Ok(Some(change)) => {
                if let Some(zone) = change.zone {
                    (log, connections) = self.in_zone(log, zone);
                }
                log.summary.problems.push(change.note);
            }
            Ok(None) => {}
            Err(error) => log.summary = stopped(log.summary, &error),
        }
        (log, connections)
    }

    /// Reads logs in the zone of one that they were rotated with.
    pub(super) fn by_siblings(self, logs: &mut Vec<Read>) {
        let known: Vec<(String, ArtifactPath, LocalZone)> = logs
            .iter()
            .filter_map(|(log, _)| {
                let path = &log.artifact.path;
                Some((rotated(path), path.clone(), log.hints.zone.clone()?))
            })
            .collect();
        if known.is_empty() {
            return;
        }
        let settle = |(log, connections): Read| {
            let set = rotated(&log.artifact.path);
            let sibling = known.iter().find(|(of, ..)| is_without_zone(&log) && *of == set);
            let Some((_, sibling, zone)) = sibling else { return (log, connections) };
            let Some(zone) = zone.of_other(&log.summary) else { return (log, connections) };
            let (mut log, connections) = self.in_zone(log, zone);
            log.summary.problems.push(format!(
                "its times name no zone and are read in that of `{sibling}`, which it was rotated with"
            ));
            (log, connections)
        };
        *logs = std::mem::take(logs).into_iter().map(settle).collect();
    }

    /// Puts the connections of all logs together with those that already are. Where those of a log whose times name no zone are in a log that
    /// knows its own, hours earlier or later, it is read again in the zone that this tells.
    pub(super) fn by_shared(
        self,
        logs: Vec<Read>,
        mut flows: FlowTable,
    ) -> (Vec<LogRead>, FlowTable) {
        let mut read = Vec::with_capacity(logs.len());
        let mut without = Vec::new();
        for (log, connections) in logs {
            if is_without_zone(&log) && !connections.is_empty() {
                without.push((log, connections));
                continue;
            }
            flows.merge(connections);
            read.push(log);
        }
        let settle = |(log, connections): Read| {
            let Some(skew) = shared(&log.artifact.path, &connections, &flows) else {
                return (log, connections);
            };
            let Some(zone) = LocalZone::ahead_by(skew.seconds) else { return (log, connections) };
            let note = format!(
                "its times name no zone; {} connections are in `{}` too, {} there: they are read as {zone}",
                skew.shared,
                skew.other,
                if skew.seconds < 0 { "later" } else { "earlier" },
            );
            let (mut log, connections) = self.in_zone(log, zone);
            log.summary.problems.push(note);
            (log, connections)
        };
        let settled: Vec<Read> = without.into_iter().map(settle).collect();
        for (log, connections) in settled {
            flows.merge(connections);
            read.push(log);
        }
        read.sort_by(|a, b| a.artifact.path.cmp(&b.artifact.path));
        (read, flows)
    }

    fn in_zone(self, log: LogRead, zone: LocalZone) -> Read {
        let hints = ClockHints { zone: Some(zone), ..log.hints };
        self.read(log, hints)
    }

    fn read(self, log: LogRead, hints: ClockHints) -> Read {
        let input = LogInput { artifact: log.artifact, text: log.text };
        read_log(input, Some(hints), self.allowance, self.rules)
    }
}

/// Puts the connections of a log that is not read again with the others, so that they are held once.
pub(super) fn merge_settled((log, connections): Read, flows: &mut FlowTable) -> Read {
    if log.summary.lacks_year || log.summary.names_no_zone() {
        return (log, connections);
    }
    flows.merge(connections);
    (log, FlowTable::default())
}

/// Whether nothing says in which zone the times of a log are that names none.
fn is_without_zone(log: &LogRead) -> bool {
    log.hints.zone.is_none() && log.summary.names_no_zone()
}

/// How far a log is ahead of another, by the connections that both have.
fn shared(path: &ArtifactPath, connections: &FlowTable, flows: &FlowTable) -> Option<Skew> {
    let mut both = flows.clone();
    both.merge(connections.clone());
    let about = both.skews().into_iter().filter_map(|skew| {
        if skew.log == *path {
            return Some(skew);
        }
        let Skew { log, other, seconds, shared } = skew;
        let turned = Skew { log: other, other: log, seconds: seconds.saturating_neg(), shared };
        (turned.log == *path).then_some(turned)
    });
    about.max_by_key(|skew| skew.shared)
}

/// The name of the set that a log was rotated in: its path without the compression, and without the number or day
/// at the end, as in `app.log.2.gz`, `app.log-20260301` and `app-2026-03-01.log`.
fn rotated(path: &ArtifactPath) -> String {
    const DAY: usize = 8;
    let (folder, name) = path.root().rsplit_once('/').unwrap_or(("", path.root()));
    let bare = wb_formats::decompressed_name(name);
    let name = without_numbers(if bare == "content" { name } else { bare });
    // Before the ending a number may be that of a worker; a day is none.
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let undated = without_numbers(stem);
    let numbers = stem.get(undated.len()..).unwrap_or_default();
    let is_day = numbers.bytes().filter(u8::is_ascii_digit).count() == DAY;
    format!("{folder}/{}.{ending}", if is_day { undated } else { stem })
}

/// `name` without the numbers at its end.
fn without_numbers(name: &str) -> &str {
    let mut rest = name;
    while let Some((before, end)) = rest.rsplit_once(['.', '-', '_'])
        && !end.is_empty()
        && end.bytes().all(|byte| byte.is_ascii_digit())
    {
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_one_set_have_one_name() {
        let name = |path: &str| rotated(&ArtifactPath::from(path));
        let sets =
            ["app.log", "app.log.1", "app.log.2.gz", "app.log-20260301", "app.log-20260301.xz"];
        for path in sets {
            assert_eq!(name(path), "/app.log", "{path}");
        }
        assert_eq!(name("a/app-2026-03-01.log"), "a/app.log");
        assert_eq!(name("a/app-20260301.log.gz!/app-20260301.log"), "a/app.log");
        // Neither another folder nor another worker.
        assert_ne!(name("a/app.log.1"), name("b/app.log"));
        assert_ne!(name("worker-1.log"), name("worker-2.log"));
    }
}
