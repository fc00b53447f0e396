//! Listings in the words of the `dis` module of each version: [`disassemble`].

use super::instructions::{self, Instruction};
use super::lift::{BINARY, COMPARE};
use super::{CodeObject, Version, lines, repr};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How many nested code objects are listed.
const MAX_NESTED: usize = 10_000;
/// How long a listing may get, in bytes, before the rest is left out.
const MAX_LISTING: usize = 32 << 20;

/// The listing of `dis.dis`, nested code objects after it. It has the form of the `dis` of the code's own
/// version: offsets and `>>` until 3.12, labels from 3.13 on. Code objects are named without address.
pub fn disassemble(code: &CodeObject) -> String {
    let mut text = String::new();

    let mut todo = vec![code];
    let mut listed = 0_usize;
    while let Some(code) = todo.pop() {
        if text.len() > MAX_LISTING {
            let left = todo.len().saturating_add(1);
            let _ = writeln!(text, "\n{left} more code objects are not listed");
            break;
        }
        if listed > 0 {
            let _ = writeln!(text, "\nDisassembly of {}:", repr::code(code));
        }
        list(code, &mut text);
        listed = listed.saturating_add(1);
        let nested: Vec<&CodeObject> = code.nested().collect();
        if listed.saturating_add(todo.len()) < MAX_NESTED {
            todo.extend(nested.into_iter().rev());
        }
    }
    text
}

/// The listing of one code object, without those among its constants.
pub(super) fn one(code: &CodeObject) -> String {
    let mut text = String::new();
    list(code, &mut text);
    text
}

/// What one listing needs to know besides the instruction.
struct Listing<'c> {
    code: &'c CodeObject,
    starts: BTreeMap<usize, Option<i64>>,
    /// Numbers of the labels, from 1, by the offset they stand at.
    labels: BTreeMap<usize, usize>,
    line_width: usize,
    offset_width: usize,
}

fn list(code: &CodeObject, text: &mut String) {
    let instructions = instructions::decode(code, code.version);
    let entries = instructions::exception_table(code);
    let starts: BTreeMap<usize, Option<i64>> = lines::line_starts(code).into_iter().collect();
    let mut targets: BTreeSet<usize> = instructions.iter().filter_map(|one| one.target).collect();
    targets.extend(entries.iter().map(|entry| entry.target));
    let modern = code.version >= Version::three(13);
    if modern {
        targets.extend(entries.iter().flat_map(|entry| [entry.start, entry.end]));
    }
    let highest = starts.values().flatten().max().copied().unwrap_or(0);
    let digits = highest.to_string().len();
    let lineless = starts.values().any(Option::is_none);
    let last = code.code.len().saturating_sub(2);
    let listing = Listing {
        code,
        starts,
        labels: targets.into_iter().zip(1..).collect(),
        line_width: digits.max(if lineless { 4 } else { 3 }),
        offset_width: if last >= 10_000 { last.to_string().len() } else { 4 },
    };
    for one in &instructions {
        if text.len() > MAX_LISTING {
            break;
        }
        for extended in extended_arguments(code, one) {
            line(&listing, &extended, text);
        }
        line(&listing, one, text);
    }
    if entries.is_empty() {
        return;
    }
    text.push_str("ExceptionTable:\n");
    for entry in entries {
        let place = |offset: usize| match listing.labels.get(&offset).filter(|_| modern) {
            Some(label) => format!("L{label}"),
            None => offset.to_string(),
        };
        let end = if modern { entry.end } else { entry.end.saturating_sub(2) };
        let lasti = if entry.pushes_offset { " lasti" } else { "" };
        let (start, end, target) = (place(entry.start), place(end), place(entry.target));
        let _ = writeln!(text, "  {start} to {end} -> {target} [{}]{lasti}", entry.depth);
    }
}

/// The EXTENDED_ARG instructions before `one`, which `dis` lists on their own.
fn extended_arguments(code: &CodeObject, one: &Instruction) -> Vec<Instruction> {
    let width = if code.version >= Version::three(6) { 2 } else { 3 };
    let mut found = Vec::new();
    let (mut offset, mut carried) = (one.start, 0_u32);
    while offset < one.offset {
        let low = code.code.get(offset.saturating_add(1)).copied().unwrap_or(0);
        let high = code.code.get(offset.saturating_add(2)).copied().unwrap_or(0);
        let own =
            if width == 2 { u32::from(low) } else { u32::from(u16::from_le_bytes([low, high])) };
        let argument = carried | own;
        carried = argument.wrapping_shl(if width == 2 { 8 } else { 16 });
        found.push(Instruction {
            start: offset,
            offset,
            end: offset.saturating_add(width),
            name: "EXTENDED_ARG",
            argument: Some(argument),
            target: None,
            ..*one
        });
        offset = offset.saturating_add(width);
    }
    found
}

fn line(listing: &Listing<'_>, one: &Instruction, text: &mut String) {
    let modern = listing.code.version >= Version::three(13);
    let begins = listing.starts.get(&one.offset);
    if begins.is_some() && one.offset > 0 {
        text.push('\n');
    }
    let number = match begins {
        Some(Some(line)) => line.to_string(),
        Some(None) => "--".to_owned(),
        None => String::new(),
    };
    let mut out = format!("{number:>width$} ", width = listing.line_width);
    let label = listing.labels.get(&one.offset);
    if modern {
        let width = listing.labels.len().to_string().len().saturating_add(4);
        let label = label.map_or_else(String::new, |label| format!("L{label}:"));
        let _ = write!(out, "{label:>width$}     ");
    } else {
        let mark = if label.is_some() { ">>" } else { "  " };
        let _ = write!(out, "    {mark} {:>width$} ", one.offset, width = listing.offset_width);
    }
    let name = if one.name.is_empty() { format!("<{}>", one.number) } else { one.name.to_owned() };
    let _ = write!(out, "{name:<20}");
    if let Some(argument) = one.argument {
        let excess = if modern { name.len().saturating_sub(20) } else { 0 };
        let _ = write!(out, " {argument:>width$}", width = 5_usize.saturating_sub(excess));
        let shown = explain(listing, one);
        if !shown.is_empty() {
            let _ = write!(out, " ({shown})");
        }
    }
    text.push_str(out.trim_end());
    text.push('\n');
}

/// The methods that LOAD_SPECIAL names by index.
const SPECIAL: [&str; 4] = ["__enter__", "__exit__", "__aenter__", "__aexit__"];

/// What the argument stands for.
fn explain(listing: &Listing<'_>, one: &Instruction) -> String {
    let code = listing.code;
    let version = code.version;
    if let Some(target) = one.target {
        let absolute = one.name.contains("JUMP") && one.name != "JUMP_FORWARD";
        return match listing.labels.get(&target) {
            Some(label) if version >= Version::three(13) => format!("to L{label}"),
            _ if version < Version::three(10) && absolute => String::new(),
            _ => format!("to {target}"),
        };
    }
    let index = one.arg();
    let name = |index: usize| code.names.get(index).cloned().unwrap_or_default();
    let local = |index: usize| code.locals.get(index).cloned().unwrap_or_default();
    let bit = |since: u8| version >= Version::three(since);
    match one.name {
        "KW_NAMES" if version < Version::three(12) => String::new(),
        "LOAD_CONST" | "RETURN_CONST" | "KW_NAMES" => {
            code.consts.get(index).map(repr::value).unwrap_or_default()
        }
        "LOAD_GLOBAL" if bit(13) => suffixed(&name(index >> 1), index & 1 == 1, "NULL"),
        "LOAD_GLOBAL" if bit(11) => prefixed("NULL", index & 1 == 1, &name(index >> 1)),
        "LOAD_ATTR" if bit(13) => suffixed(&name(index >> 1), index & 1 == 1, "NULL|self"),
        "LOAD_ATTR" if bit(12) => prefixed("NULL|self", index & 1 == 1, &name(index >> 1)),
        "LOAD_SUPER_ATTR" if bit(13) => suffixed(&name(index >> 2), index & 1 == 1, "NULL|self"),
        "LOAD_SUPER_ATTR" => prefixed("NULL|self", index & 1 == 1, &name(index >> 2)),
        "LOAD_FAST_LOAD_FAST"
        | "LOAD_FAST_BORROW_LOAD_FAST_BORROW"
        | "STORE_FAST_LOAD_FAST"
        | "STORE_FAST_STORE_FAST" => format!("{}, {}", local(index >> 4), local(index & 15)),
        "COMPARE_OP" => {
            let shift = if bit(13) {
                5
            } else if bit(12) {
                4
            } else {
                0
            };
            let shown = COMPARE.get(index.checked_shr(shift).unwrap_or(0)).copied().unwrap_or("");
            if bit(13) && index & 16 != 0 { format!("bool({shown})") } else { shown.to_owned() }
        }
        "BINARY_OP" => BINARY.get(index).copied().unwrap_or("").to_owned(),
        "FORMAT_VALUE" => format_flags(index),
        "CONVERT_VALUE" => conversion(index).to_owned(),
        "MAKE_FUNCTION" if bit(6) && !bit(13) => function_flags(index),
        "SET_FUNCTION_ATTRIBUTE" => function_flags(index),
        "CALL_FUNCTION" | "CALL_FUNCTION_VAR" | "CALL_FUNCTION_VAR_KW" if !bit(6) => {
            old_call(index)
        }
        "CALL_FUNCTION_KW" if !bit(6) => old_call(index),
        "CALL_INTRINSIC_1" => INTRINSIC.get(index).copied().unwrap_or("").to_owned(),
        "CALL_INTRINSIC_2" => INTRINSIC_OF_TWO.get(index).copied().unwrap_or("").to_owned(),
        "LOAD_COMMON_CONSTANT" => COMMON.get(index).copied().unwrap_or("").to_owned(),
        "LOAD_SPECIAL" => SPECIAL.get(index).copied().unwrap_or_default().to_owned(),
        "IS_OP" if bit(14) => if index == 1 { "is not" } else { "is" }.to_owned(),
        "CONTAINS_OP" if bit(14) => if index == 1 { "not in" } else { "in" }.to_owned(),
        _ => named(code, one, index),
    }
}

/// Arguments that are plainly an index of a name.
fn named(code: &CodeObject, one: &Instruction, index: usize) -> String {
    match one.name {
        "LOAD_FAST"
        | "STORE_FAST"
        | "DELETE_FAST"
        | "LOAD_FAST_CHECK"
        | "LOAD_FAST_AND_CLEAR"
        | "LOAD_FAST_BORROW" => code.locals.get(index).cloned().unwrap_or_default(),
        "LOAD_DEREF"
        | "STORE_DEREF"
        | "DELETE_DEREF"
        | "LOAD_CLOSURE"
        | "LOAD_CLASSDEREF"
        | "MAKE_CELL"
        | "LOAD_FROM_DICT_OR_DEREF" => code.cell_name(index).unwrap_or_default().to_owned(),
        "LOAD_NAME"
        | "STORE_NAME"
        | "DELETE_NAME"
        | "LOAD_GLOBAL"
        | "STORE_GLOBAL"
        | "DELETE_GLOBAL"
        | "LOAD_ATTR"
        | "STORE_ATTR"
        | "DELETE_ATTR"
        | "LOAD_METHOD"
        | "IMPORT_NAME"
        | "IMPORT_FROM"
        | "STORE_ANNOTATION"
        | "LOAD_FROM_DICT_OR_GLOBALS" => code.names.get(index).cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn prefixed(prefix: &str, with: bool, name: &str) -> String {
    if with { format!("{prefix} + {name}") } else { name.to_owned() }
}

fn suffixed(name: &str, with: bool, suffix: &str) -> String {
    if with { format!("{name} + {suffix}") } else { name.to_owned() }
}

const fn conversion(index: usize) -> &'static str {
    match index & 3 {
        1 => "str",
        2 => "repr",
        3 => "ascii",
        _ => "",
    }
}

fn format_flags(index: usize) -> String {
    match (conversion(index), index & 4 != 0) {
        ("", true) => "with format".to_owned(),
        (conversion, true) => format!("{conversion}, with format"),
        (conversion, false) => conversion.to_owned(),
    }
}

fn function_flags(index: usize) -> String {
    let names = ["defaults", "kwdefaults", "annotations", "closure", "annotate"];
    let set = names.iter().zip([1, 2, 4, 8, 16]).filter(|(_, bit)| index & bit != 0);
    set.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn old_call(index: usize) -> String {
    format!("{} positional, {} keyword pair", index & 0xff, index >> 8 & 0xff)
}

/// `_common_constants` of `Lib/opcode.py`, as `dis` prints them (3.14).
const COMMON: [&str; 5] = [
    "AssertionError",
    "NotImplementedError",
    "tuple",
    "<built-in function all>",
    "<built-in function any>",
];

/// `_intrinsic_1_descs` of `Lib/opcode.py`.
const INTRINSIC: [&str; 12] = [
    "INTRINSIC_1_INVALID",
    "INTRINSIC_PRINT",
    "INTRINSIC_IMPORT_STAR",
    "INTRINSIC_STOPITERATION_ERROR",
    "INTRINSIC_ASYNC_GEN_WRAP",
    "INTRINSIC_UNARY_POSITIVE",
    "INTRINSIC_LIST_TO_TUPLE",
    "INTRINSIC_TYPEVAR",
    "INTRINSIC_PARAMSPEC",
    "INTRINSIC_TYPEVARTUPLE",
    "INTRINSIC_SUBSCRIPT_GENERIC",
    "INTRINSIC_TYPEALIAS",
];

/// `_intrinsic_2_descs` of `Lib/opcode.py`.
const INTRINSIC_OF_TWO: [&str; 6] = [
    "INTRINSIC_2_INVALID",
    "INTRINSIC_PREP_RERAISE_STAR",
    "INTRINSIC_TYPEVAR_WITH_BOUND",
    "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS",
    "INTRINSIC_SET_FUNCTION_TYPE_PARAMS",
    "INTRINSIC_SET_TYPEPARAM_DEFAULT",
];
