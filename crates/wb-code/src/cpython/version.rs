//! Which of the versions that share a layout wrote some bytecode.
//!
//! The answer is the version that the bytecode fits best: its opcodes exist, its operands are in range, its
//! jumps land on instructions, its line table covers it, and its stack never runs empty.

use super::{CodeObject, Value, Version, instructions, lift};
use wb_core::Budget;

/// How many code objects are asked before the newest version that fits them all is taken.
const MOST_ASKED: usize = 40;
/// How many values are looked through for code objects.
const MOST_VISITED: usize = 100_000;

/// The version among `versions` (the newest first) that the code in `value` fits best. `hint` wins when no
/// other fits better, the newest otherwise.
pub(super) fn decide(
    value: &Value,
    versions: &[Version],
    hint: Option<Version>,
    budget: &mut Budget,
) -> Version {
    let mut candidates = versions.to_vec();
    candidates.sort_by_key(|version| Some(*version) != hint);
    for code in collect(value) {
        if candidates.len() <= 1 {
            break;
        }
        let scores: Vec<u32> =
            candidates.iter().map(|version| misfits(code, *version, budget)).collect();
        let best = scores.iter().min().copied().unwrap_or(0);
        let mut scores = scores.into_iter();
        candidates.retain(|_| scores.next() == Some(best));
    }
    candidates.first().copied().unwrap_or(Version::TWO)
}

/// What does not fit `version` in `code`, one clause each.
pub(super) fn doubts(code: &CodeObject, version: Version) -> Vec<String> {
    let mut doubts = Vec::new();
    let listing = instructions::decode(code, version);
    let mut unknown = 0_u32;
    let mut astray = 0_u32;
    let mut outside = 0_u32;
    let mut caches = 0_u32;
    for one in &listing {
        caches = caches.saturating_add(u32::from(one.name == "CACHE" || one.warm_cache));
        unknown = unknown.saturating_add(u32::from(one.name.is_empty()));
        let lands = |target| {
            listing.binary_search_by_key(&target, |other| other.start).is_ok()
                || listing.binary_search_by_key(&target, |other| other.offset).is_ok()
        };
        astray = astray.saturating_add(u32::from(one.target.is_some_and(|target| !lands(target))));
        outside = outside.saturating_add(u32::from(!operand_fits(code, version, one)));
    }
    let mut doubt = |count: u32, what: &str| {
        if count > 0 {
            doubts.push(format!("{count} {what}"));
        }
    };
    doubt(unknown, &format!("opcodes that {version} does not have"));
    doubt(astray, "jumps that land on no instruction");
    doubt(outside, "operands out of range");
    doubt(caches, "inline caches out of place or in use");
    let resumes = version < Version::three(11) || listing.iter().any(|one| one.name == "RESUME");
    doubt(u32::from(!resumes), "missing RESUME instruction");
    doubt(u32::from(listing.is_empty()), "empty bytecode");
    doubts
}

/// Whether the operand of an instruction names a constant, a name or a variable that is there.
pub(super) fn operand_fits(
    code: &CodeObject,
    version: Version,
    one: &instructions::Instruction,
) -> bool {
    match one.name {
        "LOAD_CONST" | "RETURN_CONST" | "KW_NAMES" => one.arg() < code.consts.len(),
        "LOAD_NAME" | "STORE_NAME" | "DELETE_NAME" | "IMPORT_NAME" | "IMPORT_FROM"
        | "STORE_ATTR" | "DELETE_ATTR" | "LOAD_METHOD" | "STORE_GLOBAL" | "DELETE_GLOBAL" => {
            one.arg() < code.names.len()
        }
        "LOAD_GLOBAL" if version < Version::three(11) => one.arg() < code.names.len(),
        "LOAD_ATTR" if version < Version::three(12) => one.arg() < code.names.len(),
        "LOAD_GLOBAL" | "LOAD_ATTR" => one.arg() >> 1 < code.names.len(),
        "LOAD_FAST" | "STORE_FAST" => one.arg() < code.locals.len(),
        _ => true,
    }
}

/// How badly `code` fits `version`.
fn misfits(code: &CodeObject, version: Version, budget: &mut Budget) -> u32 {
    let listing = instructions::decode(code, version);
    let unknown = listing.iter().filter(|one| one.name.is_empty()).count();
    let doubts = doubts(code, version).len();
    let structural = u32::try_from(unknown.saturating_add(doubts)).unwrap_or(u32::MAX);
    let begins = version < Version::three(11) || begins_well(&listing);
    structural
        .saturating_mul(10)
        .saturating_add(if begins { 0 } else { 10 })
        .saturating_add(if line_table_fits(code, version) { 0 } else { 5 })
        .saturating_add(lift::misfits(code, version, budget))
}

/// From 3.11 on only a few instructions come before the first RESUME.
fn begins_well(listing: &[instructions::Instruction]) -> bool {
    listing
        .iter()
        .find(|one| {
            !matches!(
                one.name,
                "COPY_FREE_VARS" | "MAKE_CELL" | "RETURN_GENERATOR" | "POP_TOP" | "NOP"
            )
        })
        .is_some_and(|one| one.name == "RESUME" && one.arg() & 3 == 0)
}

/// 3.10 covers the whole bytecode with its line table (PEP 626); before, the last line's length is left out.
fn line_table_fits(code: &CodeObject, version: Version) -> bool {
    if version < Version::three(8) || version > Version::three(10) {
        return true;
    }
    let covered: usize = code.line_table.iter().step_by(2).map(|byte| usize::from(*byte)).sum();
    (covered == code.code.len()) == (version == Version::three(10))
}

/// The code objects in `value`, outermost first. Shared values are visited more than once, so the visits are
/// counted.
fn collect(value: &Value) -> Vec<&CodeObject> {
    let mut codes = Vec::new();
    let mut todo = vec![value];
    let mut visits = 0_usize;
    while let Some(value) = todo.pop() {
        visits = visits.saturating_add(1);
        if visits > MOST_VISITED || codes.len() >= MOST_ASKED {
            break;
        }
        match value {
            Value::Code(code) => {
                codes.push(code.as_ref());
                todo.extend(code.consts.iter().rev());
            }
            Value::Tuple(items) | Value::List(items) => todo.extend(items.iter().rev()),
            Value::Dict(pairs) => todo.extend(pairs.iter().rev().map(|(_, value)| value)),
            _ => {}
        }
    }
    codes
}
