//! [`survey`]: a first walk over a stream that builds nothing. Most data needs no more.

use super::embedded::is_embedded;
use super::materialise::is_data;
use super::memo::Keys;
use super::opcode::{self as op, Step};
use super::sharing::Sharing;
use super::structure::Structure;
use super::text;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use wb_core::{Budget, Bytes, Exhausted, Limits, Oddity, Text};

/// How many notable texts (names, addresses, paths, sentences) are kept for each ordinary one.
const RARER: usize = 3;
/// The longest text kept, in bytes.
const LONGEST: usize = 2048;
/// The shortest text kept.
const SHORTEST: usize = 4;

/// Opcodes skipped before the budget is asked again.
const MOST_SKIPPED: u64 = 4096;

/// What a walk over a stream saw.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Index behind STOP, or of the opcode that could not be read.
    pub(super) end: usize,
    /// Why there is no STOP.
    pub(super) fault: Option<String>,
    /// The budget ran out at `end`.
    pub(super) exhausted: Option<Exhausted>,
    /// Whether an opcode does more than make data.
    pub(super) effects: bool,
    /// Opcodes seen.
    pub(super) count: u64,
    /// The memo keys that are read.
    pub(super) wanted: Keys,
    /// How often what is no text is referred to.
    pub(super) sharing: Sharing,
    /// What no pickler writes.
    pub(super) oddities: Vec<Oddity>,
}

/// Texts of all streams of an artifact, each once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) found: Vec<Text>,
    seen: HashSet<u64, BuildHasherDefault<AsIs>>,
    /// How many more are kept that look like a name, an address, a path or a sentence.
    notable: usize,
    /// How many others are kept.
    ordinary: usize,
}

/// A hasher for numbers that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fingerprint(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Texts {
    /// None yet, and room for as many as `limits` allow.
    pub(super) fn within(limits: Limits) -> Self {
        Self { notable: limits.texts, ordinary: limits.texts / RARER, ..Self::default() }
    }

    /// Keeps the text that `step` pushes.
    #[inline]
    fn add(&mut self, step: &Step<'_>, input: Bytes<'_>) {
        let len = step.data.len();
        let full = self.notable == 0 && self.ordinary == 0;
        if full || !(SHORTEST..=LONGEST).contains(&len) {
            return;
        }
        let notable = len >= 6 && is_notable(step.data);
        let room = if notable { self.notable } else { self.ordinary };
        if room == 0 {
            return;
        }
        if !self.seen.insert(fingerprint(step.data)) {
            return;
        }
        let Some(value) = text::text_of(step) else { return };
        if value.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
            return;
        }
        if notable {
            self.notable = self.notable.saturating_sub(1);
        } else {
            self.ordinary = self.ordinary.saturating_sub(1);
        }
        let span = Some(step.span(input));
        self.found.push(Text {
            place: "pickled string".to_owned(),
            value: value.into_owned(),
            span,
        });
    }
}

/// Whether the text has a letter that names, addresses, paths and sentences have and words have not.
fn is_notable(data: &[u8]) -> bool {
    let mut digits: u32 = 0;
    for byte in data {
        match byte {
            b'/' | b':' | b'.' | b'@' | b'{' | b'=' | b'\\' => return true,
            b'0'..=b'9' => digits = digits.saturating_add(1),
            _ => {}
        }
    }
    digits >= 6
}

/// FNV-1a: two different texts of one artifact practically never share it, and it is the same in
/// every run.
fn fingerprint(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Walks the stream at index `begin` up to its STOP.
pub(super) fn survey(
    input: Bytes<'_>,
    begin: usize,
    texts: &mut Texts,
    budget: &mut Budget,
) -> Survey {
    let mut survey = Survey::default();
    let mut structure = Structure::default();
    let mut at = begin;
    let mut paid = 0;
    loop {
        let skipped = skip_data(input.as_slice(), at, structure.undisturbed_until());
        at = skipped.at;
        survey.count = survey.count.saturating_add(skipped.count);
        structure.passed(skipped.count);
        survey.sharing.memoized(skipped.memoized);
        let step = match op::step(input, at) {
            Ok(step) => step,
            Err(fault) => {
                survey.fault = Some(fault.describe());
                break;
            }
        };
        if survey.count.saturating_sub(paid) >= 1024 {
            if let Err(exhausted) = budget.steps(survey.count.saturating_sub(paid)) {
                survey.exhausted = Some(exhausted);
                break;
            }
            paid = survey.count;
        }
        if let Err(refusal) = structure.observe(&step, begin, input, &mut survey.oddities) {
            survey.fault = Some(refusal);
            break;
        }
        survey.count = survey.count.saturating_add(1);
        let read = step.end.saturating_sub(begin);
        if let Some(fault) = look(&step, read, &mut survey, texts, input) {
            survey.fault = Some(fault);
            break;
        }
        at = step.end;
        if step.code == op::STOP {
            break;
        }
    }
    survey.end = at;
    survey
}

/// Where a run of opcodes ends that only make data of a fixed size, how many there are, and how many of them
/// are MEMOIZE.
struct Skipped {
    at: usize,
    count: u64,
    memoized: u64,
}

/// Goes past opcodes that only make or move data of a fixed size, as long as they end by `until`. Nearly
/// all opcodes of large data are of this kind.
#[inline]
fn skip_data(data: &[u8], begin: usize, until: usize) -> Skipped {
    let until = until.min(data.len());
    let mut at = begin;
    let (mut count, mut memoized): (u64, u64) = (0, 0);
    while let Some(code) = data.get(at) {
        let len = fixed_length(*code);
        let next = at.saturating_add(len);
        if len == 0 || next > until || count >= MOST_SKIPPED {
            break;
        }
        at = next;
        count = count.saturating_add(1);
        memoized = memoized.saturating_add(u64::from(*code == op::MEMOIZE));
    }
    Skipped { at, count, memoized }
}

/// The length of an opcode with its argument when it only makes or moves data and needs no check; 0 for
/// all others.
const fn fixed_length(code: u8) -> usize {
    match code {
        op::NONE
        | op::NEWTRUE
        | op::NEWFALSE
        | op::EMPTY_LIST
        | op::EMPTY_DICT
        | op::EMPTY_TUPLE
        | op::EMPTY_SET
        | op::MARK
        | op::APPEND
        | op::APPENDS
        | op::SETITEM
        | op::SETITEMS
        | op::ADDITEMS
        | op::LIST
        | op::DICT
        | op::TUPLE
        | op::FROZENSET
        | op::TUPLE1
        | op::TUPLE2
        | op::TUPLE3
        | op::MEMOIZE => 1,
        op::BININT1 | op::BINPUT => 2,
        op::BININT2 => 3,
        op::BININT | op::LONG_BINPUT => 5,
        op::BINFLOAT => 9,
        _ => 0,
    }
}

/// Notes what one opcode means for the survey, `read` bytes into its stream. Returns why the unpickler refuses
/// it.
#[inline]
fn look(
    step: &Step<'_>,
    read: usize,
    survey: &mut Survey,
    texts: &mut Texts,
    input: Bytes<'_>,
) -> Option<String> {
    match step.code {
        op::BINUNICODE
        | op::SHORT_BINUNICODE
        | op::BINUNICODE8
        | op::UNICODE
        | op::STRING
        | op::BINSTRING
        | op::SHORT_BINSTRING => {
            survey.sharing.text(input.from(step.end).as_slice(), read);
            return readable(step, survey, texts, input);
        }
        op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => {
            return readable(step, survey, texts, input);
        }
        op::INT | op::LONG | op::FLOAT if !text::is_valid_constant(step) => {
            return Some("a number is not valid".to_owned());
        }
        op::BINGET | op::LONG_BINGET => {
            survey.wanted.add(step.number, read);
            survey.sharing.refer(step.number);
        }
        op::GET => {
            survey.wanted.add(text::memo_key(step.data).unwrap_or(-1), read);
            survey.sharing.refer_to_any();
        }
        op::MEMOIZE => survey.sharing.memoized(1),
        op::DUP => survey.sharing.refer_to_any(),
        op::STOP => {}
        _ => survey.effects |= !is_data(step),
    }
    None
}

/// Notes what a text or bytes mean for the survey.
#[inline]
fn readable(
    step: &Step<'_>,
    survey: &mut Survey,
    texts: &mut Texts,
    input: Bytes<'_>,
) -> Option<String> {
    if !text::is_valid_constant(step) {
        return Some("a text is not valid".to_owned());
    }
    texts.add(step, input);
    survey.effects |= is_embedded(step);
    None
}
