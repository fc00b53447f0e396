//! The chain of the attack, each stage filled by its best evidence or said to be missing.

use super::{Known, finding_ground, names_uri};
use crate::assemble::destinations::mentions;
use crate::assemble::moments::Moment;
use crate::assemble::roles::base_name;
use std::collections::BTreeSet;
use wb_core::{
    Budget, CallStyle, Confidence, Event, EventKind, Finding, Ground, IndicatorKind, Judgement,
    KeyMoment, OpKind, PayloadKind, Program, Stage, Status, Step, Trigger,
};

/// Every stage, in order. `ran` says whether the payload did.
pub fn of(known: &Known<'_>, ran: &Judgement) -> Vec<Step> {
    Stage::ALL
        .into_iter()
        .map(|stage| {
            let step = match stage {
                Stage::Source => source(known),
                Stage::Introduction => moment(known, stage, KeyMoment::Introduced),
                Stage::Load => moment(known, stage, KeyMoment::Loaded),
                Stage::Execution => Some(execution(known, ran)),
                Stage::Discovery => discovery(known),
                Stage::CommandAndControl => moment(known, stage, KeyMoment::FirstOutbound),
                Stage::Exfiltration => exfiltration(known),
                Stage::Detection => moment(known, stage, KeyMoment::Detection),
                Stage::Containment => moment(known, stage, KeyMoment::FirstBlock),
            };
            step.unwrap_or_else(|| missing(stage))
        })
        .collect()
}

fn missing(stage: Stage) -> Step {
    let what = match stage {
        Stage::Source => "no record says where the model came from",
        Stage::Introduction => "no record shows how it came into service",
        Stage::Load => "no record shows that it was loaded",
        Stage::Execution => "nothing shows that the payload ran",
        Stage::Discovery => "no payload was found that looks about on the host",
        Stage::CommandAndControl => "no connection to a destination of the payload is on record",
        Stage::Exfiltration => "no record shows that data left",
        Stage::Detection => "no alert is on record",
        Stage::Containment => "no record shows that an attempt was stopped",
    };
    Step { stage, status: Status::Missing, time: None, what: what.to_owned(), grounds: Vec::new() }
}

fn moment(known: &Known<'_>, stage: Stage, key: KeyMoment) -> Option<Step> {
    let Moment { time, status, summary, .. } = known.moments.get(&key)?;
    Some(Step {
        stage,
        status: *status,
        time: Some(time.timestamp),
        what: summary.clone(),
        grounds: known.ground(key).into_iter().collect(),
    })
}

fn source(known: &Known<'_>) -> Option<Step> {
    let at = known.deployments.iter().position(|row| row.introduced)?;
    let after = known.answers.source_after.as_deref()?;
    let mut up_to = known.deployments.get(..=at)?.iter().rev();
    let (row, said) = up_to.find_map(|row| {
        let said = row.said.get(&wb_core::Attribute::Source)?;
        names_uri(said, after).then_some((row, said))
    })?;
    let what = match &known.answers.source_before {
        Some(before) if before != after => format!("it came from {after}; before it was {before}"),
        _ => format!("it came from {after}"),
    };
    let grounds = vec![Ground::at(&said.record, format!("names {after}"))];
    Some(Step {
        stage: Stage::Source,
        status: Status::Observed,
        time: Some(row.began),
        what,
        grounds,
    })
}

/// What the judgement says about whether the payload ran. What something else may have done leaves the link
/// empty.
fn execution(known: &Known<'_>, ran: &Judgement) -> Step {
    let seen = ran.status != Status::Missing && ran.confidence > Confidence::Low;
    let first = known.moments.get(&KeyMoment::FirstOutbound).map(|moment| moment.time.timestamp);
    let time = started(known).map_or(first, |(time, _)| time);
    Step {
        stage: Stage::Execution,
        status: if seen { ran.status } else { Status::Missing },
        time: time.filter(|_| seen),
        what: ran.statement.clone(),
        grounds: ran.grounds.clone(),
    }
}

/// The first record of a process that talks to a destination of the compromise, or whose command line is
/// the payload's.
pub(super) fn started(known: &Known<'_>) -> Option<(Option<jiff::Timestamp>, Ground)> {
    let commands: BTreeSet<&str> = known
        .of_running()
        .flat_map(|finding| &finding.indicators)
        .filter(|indicator| indicator.kind() == IndicatorKind::Command)
        .map(wb_core::Indicator::value)
        .filter(|command| command.len() > 8)
        .collect();
    let executed = known.body.events().filter(|event| event.kind == EventKind::Exec);
    let executed = executed.filter(|event| !is_response(event));
    let of_payload = executed.filter(|event| {
        let line = event.field("process.command_line").unwrap_or(&event.message);
        known.destinations.covers_event(event) || commands.iter().any(|word| line.contains(word))
    });
    let first = of_payload.min_by_key(|event| (event.timestamp(), event.record.clone()))?;
    let summary = crate::assemble::timeline::summary(first);
    Some((first.timestamp(), Ground::at(&first.record, summary)))
}

/// Programs that stop or look for traffic. What they are given is what somebody stops or looks for.
const RESPONDING: [&str; 16] = [
    "nft",
    "iptables",
    "ip6tables",
    "iptables-restore",
    "ipset",
    "ufw",
    "firewall-cmd",
    "pfctl",
    "tcpdump",
    "tshark",
    "grep",
    "zgrep",
    "journalctl",
    "ausearch",
    "weighbridge",
    "kubectl",
];

/// Whether a process was started by somebody who answers to the incident: by hand on a terminal, or a program
/// of that trade. No payload has a terminal.
fn is_response(event: &Event) -> bool {
    let line = event.field("process.command_line").unwrap_or_default();
    let program = event.field("process.name").or_else(|| line.split_whitespace().next());
    let program = base_name(program.unwrap_or_default());
    event.field("TTY").is_some_and(|tty| tty.starts_with("pts/") || tty.starts_with("tty"))
        || RESPONDING.contains(&program)
}

/// Programs that tell a payload about the host it runs on: ATT&CK T1082, T1033, T1016, T1057, T1049.
const LOOKS_ABOUT: [&str; 21] = [
    "hostname",
    "hostnamectl",
    "uname",
    "whoami",
    "id",
    "env",
    "printenv",
    "ifconfig",
    "ip",
    "ps",
    "netstat",
    "ss",
    "lsb_release",
    "lscpu",
    "nvidia-smi",
    "systeminfo",
    "ipconfig",
    "who",
    "w",
    "getent",
    "lsof",
];

/// What Python offers to the same end.
const ASKS: [&str; 9] = [
    "socket.gethostname",
    "socket.getfqdn",
    "platform.node",
    "platform.uname",
    "platform.platform",
    "os.uname",
    "getpass.getuser",
    "os.environ",
    "os.getlogin",
];

/// What the payload would learn about the host. That it does follows from its running.
fn discovery(known: &Known<'_>) -> Option<Step> {
    let mut names = BTreeSet::new();
    let mut grounds = Vec::new();
    for finding in known.of_running() {
        let found = looks_about(finding);
        if !found.is_empty() {
            grounds.push(finding_ground(finding));
            names.extend(found);
        }
    }
    let names: Vec<String> = names.into_iter().take(6).map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| Step {
        stage: Stage::Discovery,
        status: Status::Inferred,
        time: None,
        what: format!("the payload asks the host with {}", names.join(", ")),
        grounds: grounds.into_iter().take(3).collect(),
    })
}

fn looks_about(finding: &Finding) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for payload in &finding.payloads {
        match payload.kind {
            PayloadKind::Shell => {
                let mut budget = Budget::default();
                let program = wb_code::shell::lift(&payload.text, Trigger::Load, &mut budget);
                let commands = commands(&program);
                found.extend(commands.filter(|it| LOOKS_ABOUT.contains(&it.as_str())));
            }
            PayloadKind::Python | PayloadKind::Pickle | PayloadKind::Jinja => {
                let asked = ASKS.iter().filter(|name| mentions(&payload.text, name));
                found.extend(asked.map(|name| (*name).to_owned()));
            }
            _ => {}
        }
    }
    found
}

/// The names of the programs that a command line starts.
fn commands(program: &Program) -> impl Iterator<Item = String> {
    program.ops.iter().filter_map(|op| match &op.kind {
        OpKind::Call { callee, style: CallStyle::Command, .. } => {
            match program.op(*callee).map(|op| &op.kind) {
                Some(OpKind::Load { name }) => Some(base_name(name).to_owned()),
                _ => None,
            }
        }
        _ => None,
    })
}

/// Data left where bytes went out and nothing stopped them.
fn exfiltration(known: &Known<'_>) -> Option<Step> {
    let passed = known.contacts().filter(|detail| detail.flow.count > detail.flow.blocked);
    let sent = passed.filter(|detail| detail.flow.bytes_out > 0);
    let first = sent.min_by_key(|detail| detail.flow.first)?;
    let (time, record) = first
        .first_allowed
        .clone()
        .unwrap_or_else(|| (first.flow.first, first.flow.first_record.clone()));
    let to = first.flow.host.as_deref().unwrap_or(&first.flow.destination);
    let why = format!("{} sent {} bytes to {to}", first.flow.source, first.flow.bytes_out);
    Some(Step {
        stage: Stage::Exfiltration,
        status: Status::Observed,
        time: Some(time),
        what: why.clone(),
        grounds: vec![Ground::at(&record, why)],
    })
}
