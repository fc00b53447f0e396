//! `weighbridge watch`: what serving processes load and connect to, while it happens.

use super::{Ended, Outcome};
use crate::cli::{Watch, WatchAllow, WatchRecords, WatchTier, WatchVerb};
use crate::messages;
use crate::terminal::{Terminal, print};
use std::fs;
use wb_monitor::learn;
use wb_report::escape;

/// Watches, or does what belongs to watching.
pub fn run(arguments: Watch, terminal: Terminal) -> Ended {
    match arguments.verb {
        None => watch(&arguments, terminal),
        Some(WatchVerb::Example) => {
            print(wb_monitor::policy::EXAMPLE)?;
            Ok(Outcome::NothingFound)
        }
        Some(WatchVerb::Learn(arguments)) => learn(&arguments),
        Some(WatchVerb::Check(arguments)) => check(&arguments),
        Some(WatchVerb::Allow(arguments)) => allow(&arguments),
        Some(WatchVerb::Release(arguments)) => release(&arguments.policy),
    }
}

#[cfg(target_os = "linux")]
fn watch(arguments: &Watch, terminal: Terminal) -> Ended {
    use wb_monitor::watch::{Options, Said, Tier};
    let policy = arguments.policy.clone().ok_or("a policy is needed\nhint: `--policy FILE`")?;
    let tier = arguments.tier.map(|tier| match tier {
        WatchTier::T0 => Tier::T0,
        WatchTier::T1 => Tier::T1,
        WatchTier::T2 => Tier::T2,
    });
    let duration = arguments.seconds.map(std::time::Duration::from_secs);
    let mut alerts = 0_u64;
    wb_monitor::watch::run(&Options { policy, tier, duration }, &mut |said| match said {
        Said::Note(note) => messages::note(&note),
        Said::Alert(alert) => {
            alerts += 1;
            // A terminal that has gone away ends neither the watch nor the other outputs.
            drop(print(&rendered(&alert, terminal)));
        }
    })?;
    Ok(if alerts > 0 { Outcome::Findings } else { Outcome::NothingFound })
}

#[cfg(not(target_os = "linux"))]
fn watch(_: &Watch, _: Terminal) -> Ended {
    Err("`watch` runs on Linux only: its sensors are the Linux kernel's\nhint: `watch check`, `watch learn` and \
         `watch allow` run everywhere"
        .into())
}

#[cfg(target_os = "linux")]
fn rendered(alert: &wb_monitor::Alert, terminal: Terminal) -> String {
    let mut text = String::new();
    for (number, line) in wb_monitor::output::terminal::lines(alert).iter().enumerate() {
        let line = escape::terminal(line);
        if number == 0 && terminal.color {
            text.push_str(&format!("{}{line}{}\n", anstyle::Style::new().bold(), anstyle::Reset));
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    text.push('\n');
    text
}

#[cfg(target_os = "linux")]
fn release(policy: &std::path::Path) -> Ended {
    let there = wb_monitor::watch::release(policy)?;
    messages::note(if there {
        "programs were detached or a table of nftables removed: everything passes"
    } else {
        "nothing was attached"
    });
    Ok(Outcome::NothingFound)
}

#[cfg(not(target_os = "linux"))]
fn release(_: &std::path::Path) -> Ended {
    Err("programs are attached on Linux only\nhint: run this where the watch ran".into())
}

fn learn(arguments: &WatchRecords) -> Ended {
    let policy = wb_monitor::policy::read(&arguments.policy)?;
    let learned = learn::learn(&policy, &texts(&arguments.records)?);
    print(&learned.text)?;
    messages::note(&format!(
        "{} connections read, {} entries that the policy lacks",
        learned.connections, learned.entries
    ));
    messages::hint(
        "read each entry before it goes into the policy: what an attacker did is learned as well",
    );
    Ok(if learned.connections == 0 { Outcome::NothingToLookAt } else { Outcome::NothingFound })
}

fn check(arguments: &WatchRecords) -> Ended {
    let policy = wb_monitor::policy::read(&arguments.policy)?;
    let checked = learn::check(&policy, &texts(&arguments.records)?);
    let mut text = format!(
        "{} connections, {} would have been refused\n",
        checked.connections, checked.refused
    );
    for row in &checked.rows {
        let line = format!(
            "  {:>6} x  {}: {}  ({}, first {})",
            row.count, row.service, row.to, row.example, row.first
        );
        text.push_str(&escape::terminal(&line));
        text.push('\n');
    }
    print(&text)?;
    Ok(match (checked.connections, checked.refused) {
        (0, _) if !arguments.records.is_empty() => Outcome::NothingToLookAt,
        (_, 0) => Outcome::NothingFound,
        _ => Outcome::Findings,
    })
}

fn allow(arguments: &WatchAllow) -> Ended {
    let alerts = read(&arguments.alerts)?;
    let text = read(&arguments.policy)?;
    let entry = learn::Permission {
        alert: &arguments.alert,
        reason: &arguments.reason,
        days: arguments.days,
    };
    let changed = learn::allow(&text, &alerts, &entry, jiff::Timestamp::now())?;
    let path = &arguments.policy;
    let beside = path.with_extension("toml.new");
    fs::write(&beside, &changed.text).and_then(|()| fs::rename(&beside, path)).map_err(
        |error| {
            format!(
                "`{}` cannot be written: {error}\nhint: check the rights of its folder",
                path.display()
            )
        },
    )?;
    messages::note(&format!("{} added to `{}`", changed.what, path.display()));
    Ok(Outcome::NothingFound)
}

fn texts(paths: &[std::path::PathBuf]) -> Result<Vec<String>, String> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &std::path::Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| {
        format!(
            "`{}` cannot be read: {error}\nhint: give a file that `watch` wrote",
            path.display()
        )
    })
}
