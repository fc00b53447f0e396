//! Streams in bytes: one pickle after another, with or without something between them.

use super::effects::FOR_RESULT;
use super::machine::{Halt, Machine, Mode};
use super::memo::Memo;
use super::survey::{Survey, Texts, survey};
use super::value::Slot;
use super::{Detail, Lifted, identify};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Gap, Language, Oddity, OddityKind, OpKind, Program, Span, Trigger};

/// Streams that are lifted from one artifact.
const MOST_STREAMS: usize = 100_000;

/// One lifted stream and where it ended.
pub(super) struct Stream {
    pub(super) lifted: Lifted,
    /// Index behind STOP, or of the opcode that broke the stream.
    pub(super) end: usize,
    /// Whether it ended with STOP.
    complete: bool,
}

/// Lifts every stream in `input`.
pub(super) fn lift_all(
    input: Bytes<'_>,
    trigger: Trigger,
    detail: Detail,
    budget: &mut Budget,
) -> Lifted {
    let mut lifted = Lifted::default();
    let mut texts = Texts::within(budget.limits());
    let mut at = 0;
    if !starts_stream(input) && !identify::is_pickle(input) {
        at = next_stream(input, 0, budget).unwrap_or(0);
        if at > 0 {
            lifted.oddities.push(stray(input, 0, at, OddityKind::LeadingBytes));
        }
    }
    while at < input.len() {
        if lifted.streams.len() >= MOST_STREAMS {
            let why = format!("the pickles behind the first {MOST_STREAMS}");
            lifted.gaps.push(Gap::over(input.from(at).span(), why));
            break;
        }
        let stream = lift_stream(input, at, trigger, detail, &mut texts, budget);
        let (end, complete) = (stream.end, stream.complete);
        let exhausted = !stream.lifted.gaps.is_empty();
        lifted.append(stream.lifted);
        if end >= input.len() || (exhausted && !complete) {
            break;
        }
        let rest = input.from(end);
        if complete && identify::follows(rest) {
            at = end;
            continue;
        }
        let search = if complete { end } else { end.saturating_add(1) };
        let next = next_stream(input, search, budget);
        let stop = next.unwrap_or(input.len());
        if complete {
            lifted.oddities.push(stray(input, end, stop, OddityKind::TrailingBytes));
        } else {
            let span = Span::new(rest.offset(), stop.saturating_sub(end) as u64);
            lifted.gaps.push(Gap::over(span, "the bytes behind the place where the stream breaks"));
        }
        let Some(next) = next else { break };
        lifted.oddities.push(Oddity {
            kind: OddityKind::ExtraStream,
            place: format!("offset {}", input.from(next).offset()),
            span: Some(Span::new(input.from(next).offset(), 0)),
            what: "a pickle stands behind bytes that belong to none".to_owned(),
        });
        at = next;
    }
    lifted.texts = texts.found;
    lifted.drop_imported_names();
    lifted
}

/// Lifts the first `most` streams, which stand one right behind another.
pub(super) fn lift_first(
    input: Bytes<'_>,
    most: usize,
    trigger: Trigger,
    detail: Detail,
    budget: &mut Budget,
) -> Lifted {
    let mut lifted = Lifted::default();
    let mut texts = Texts::within(budget.limits());
    let mut at = 0;
    for _ in 0..most {
        if at >= input.len() {
            break;
        }
        let stream = lift_stream(input, at, trigger, detail, &mut texts, budget);
        at = stream.end;
        lifted.append(stream.lifted);
        if !stream.complete {
            break;
        }
    }
    lifted.texts = texts.found;
    lifted
}

/// Lifts the one stream at index `at`, for a stream that stands inside another.
pub(super) fn lift_nested(
    input: Bytes<'_>,
    at: usize,
    trigger: Trigger,
    detail: Detail,
    budget: &mut Budget,
) -> Stream {
    lift_stream(input, at, trigger, detail, &mut Texts::default(), budget)
}

impl Lifted {
    fn append(&mut self, other: Self) {
        self.programs.extend(other.programs);
        self.streams.extend(other.streams);
        self.oddities.extend(other.oddities);
        self.gaps.extend(other.gaps);
    }

    /// What is imported by name is no text of its own.
    fn drop_imported_names(&mut self) {
        let ops = self.programs.iter().flat_map(|program| &program.ops);
        let names = ops.filter_map(|op| match &op.kind {
            OpKind::Import { module, name } => Some([module.clone(), name.clone()]),
            _ => None,
        });
        let names: BTreeSet<String> = names.flatten().collect();
        self.texts.retain(|text| !names.contains(&text.value));
    }
}

fn lift_stream(
    input: Bytes<'_>,
    at: usize,
    trigger: Trigger,
    detail: Detail,
    texts: &mut Texts,
    budget: &mut Budget,
) -> Stream {
    let survey = survey(input, at, texts, budget);
    let grown = survey.sharing.oddity(input, at, survey.end);
    let mut stream = lift_surveyed(input, at, trigger, detail, survey, budget);
    stream.lifted.oddities.extend(grown);
    stream
}

fn lift_surveyed(
    input: Bytes<'_>,
    at: usize,
    trigger: Trigger,
    detail: Detail,
    survey: Survey,
    budget: &mut Budget,
) -> Stream {
    if !survey.effects && (detail == Detail::Effects || survey.exhausted.is_some()) {
        return data_only(input, at, trigger, survey);
    }
    let full = detail == Detail::Full;
    let known = survey.fault.is_none() && survey.exhausted.is_none();
    let mut wanted = known.then_some(survey.wanted);
    let mut mode = Mode { lazy: !full, full };
    loop {
        let memo = Memo::new(wanted.take());
        let may_restart = mode.lazy || !memo.keeps_everything();
        let mut machine = Machine::new(input, at, trigger, mode, memo, budget);
        let halt = machine.run();
        match halt {
            Halt::Restart if may_restart => mode.lazy = mode.lazy && is_array_restart(&machine),
            halt => return finish(machine, halt, at),
        }
    }
}

/// Whether a machine asked for a restart only because an array stands between its opcodes.
fn is_array_restart(machine: &Machine<'_, '_>) -> bool {
    machine.input.byte(machine.current) == Some(super::opcode::BUILD)
        && !machine.memo.keeps_everything()
}

/// A stream that only makes data.
fn data_only(input: Bytes<'_>, at: usize, trigger: Trigger, survey: Survey) -> Stream {
    let mut lifted = Lifted { oddities: survey.oddities, ..Lifted::default() };
    let span = span_of(input, at, survey.end);
    let complete = survey.fault.is_none() && survey.exhausted.is_none();
    if let Some(fault) = survey.fault {
        lifted.oddities.push(breaks(input, survey.end, survey.count, &fault));
    }
    if let Some(exhausted) = survey.exhausted {
        let rest = input.from(survey.end).span();
        lifted.gaps.push(Gap::over(rest, format!("the budget of {} ran out", exhausted.name())));
    }
    lifted.programs.push(Program::new(Language::Pickle, trigger, span));
    lifted.streams.push(span);
    Stream { lifted, end: survey.end, complete }
}

/// Completes the program of a machine that came to a halt.
fn finish(mut machine: Machine<'_, '_>, halt: Halt, at: usize) -> Stream {
    let halt = match halt {
        Halt::Stop(slot) => return_value(&mut machine, slot).err(),
        halt => Some(halt),
    };
    let (input, end, number) = (machine.input, machine.at, machine.number);
    let mut complete = true;
    match halt {
        None => {}
        Some(Halt::Exhausted(exhausted)) => {
            complete = false;
            let rest = input.from(end).span();
            let why = format!("the budget of {} ran out", exhausted.name());
            machine.notes.gaps.push(Gap::over(rest, why));
        }
        Some(Halt::Broken(why)) => {
            complete = false;
            machine.notes.oddities.push(breaks(input, end, number, &why));
        }
        Some(Halt::Stop(_) | Halt::Restart) => complete = false,
    }
    let span = span_of(input, at, end);
    machine.program.span = span;
    let mut lifted = Lifted {
        programs: vec![machine.program],
        streams: vec![span],
        oddities: machine.notes.oddities,
        gaps: machine.notes.gaps,
        ..Lifted::default()
    };
    for (program, span) in machine.notes.nested {
        lifted.programs.push(program);
        lifted.streams.push(span);
    }
    Stream { lifted, end, complete }
}

/// Appends the Return of a stream that came to its STOP.
fn return_value(machine: &mut Machine<'_, '_>, slot: Slot) -> Result<(), Halt> {
    let allowance = if machine.is_interesting(slot) { 1024 } else { FOR_RESULT };
    let value = machine.value_of(slot, allowance)?;
    let start = machine.input.offset().saturating_add(machine.current as u64);
    let number = machine.number;
    machine.emit(Span::new(start, 1), number, OpKind::Return { value })?;
    Ok(())
}

fn span_of(input: Bytes<'_>, start: usize, end: usize) -> Span {
    Span::new(input.from(start).offset(), end.saturating_sub(start) as u64)
}

fn breaks(input: Bytes<'_>, at: usize, number: u64, why: &str) -> Oddity {
    Oddity {
        kind: OddityKind::BrokenStream,
        place: format!("opcode {number}"),
        span: Some(input.from(at).head(1).span()),
        what: format!("the stream breaks: {why}"),
    }
}

fn stray(input: Bytes<'_>, start: usize, end: usize, kind: OddityKind) -> Oddity {
    let span = span_of(input, start, end);
    let side = if kind == OddityKind::LeadingBytes { "before the first" } else { "after a" };
    Oddity {
        kind,
        place: format!("offset {}", span.start),
        span: Some(span),
        what: format!("{} bytes {side} pickle belong to none", span.len),
    }
}

/// Whether the bytes begin with PROTO, whatever follows.
fn starts_stream(input: Bytes<'_>) -> bool {
    matches!(input.head(2).as_slice(), [0x80, 0..=5])
}

/// The index of a stream in `input` that begins with PROTO, comes to its STOP and imports or calls something;
/// it begins among the first `within` bytes, the very first left out. Bounded in the places that are tried.
pub(super) fn framed_stream(input: Bytes<'_>, within: usize) -> Option<usize> {
    const MOST_TRIES: u32 = 1_000;
    let mut walked: usize = 0;
    let mut tries: u32 = 0;
    let mut at: usize = 1;
    while tries < MOST_TRIES && walked <= input.len().saturating_add(1 << 16) {
        let here = at.saturating_add(input.head(within).from(at).find_byte(0x80)?);
        let candidate = input.from(here);
        if identify::may_begin(candidate) {
            tries = tries.saturating_add(1);
            let (acts, used) = identify::acts(candidate);
            if acts {
                return Some(here);
            }
            walked = walked.saturating_add(used);
        }
        at = here.saturating_add(1);
    }
    None
}

/// The index of the next stream at or after `from` that parses to its STOP and does something.
fn next_stream(input: Bytes<'_>, from: usize, budget: &mut Budget) -> Option<usize> {
    let mut tries: u32 = 0;
    let mut at = from;
    let mut walked: usize = 0;
    let allowed = input.from(from).len().saturating_mul(4).saturating_add(1 << 16);
    while tries < 100_000 && walked < allowed {
        let rest = input.from(at);
        let here = at.saturating_add(memchr::memchr3(0x80, b'c', b'(', rest.as_slice())?);
        let candidate = input.from(here);
        if identify::may_begin(candidate) {
            tries = tries.saturating_add(1);
            let (acts, used) = identify::acts(candidate);
            if acts {
                return Some(here);
            }
            walked = walked.saturating_add(used);
            budget.steps(u64::try_from(used).unwrap_or(u64::MAX)).ok()?;
        }
        at = here.saturating_add(1);
    }
    None
}
