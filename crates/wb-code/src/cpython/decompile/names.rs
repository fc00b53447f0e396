//! Operators and variables by name.

use super::ast::R;
use super::machine::Machine;
use super::normal::Ins;
use crate::cpython::Version;
use crate::cpython::lift::{BINARY, COMPARE, arithmetic};

/// The operator of a comparison.
pub(super) fn comparison(ins: &Ins, version: Version) -> Option<&'static str> {
    let count = if version >= Version::three(9) { 6 } else { 10 };
    match (ins.name, ins.arg) {
        ("COMPARE_OP", index) if index < count => COMPARE.get(index).copied(),
        ("IS_OP", 0) => Some("is"),
        ("IS_OP", 1) => Some("is not"),
        ("CONTAINS_OP", 0) => Some("in"),
        ("CONTAINS_OP", 1) => Some("not in"),
        _ => None,
    }
}

/// A binary operator, and whether it is an augmented one.
pub(super) fn operator(ins: &Ins) -> Option<(&'static str, bool)> {
    if ins.name == "BINARY_OP" {
        let operator = BINARY.get(ins.arg).copied().filter(|operator| *operator != "[]")?;
        return Some(operator.strip_suffix('=').map_or((operator, false), |plain| (plain, true)));
    }
    let (kind, name) = ins.name.split_once('_')?;
    Some((arithmetic(name)?, kind == "INPLACE"))
}

/// Words that cannot be names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Whether Python reads the text as a name.
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    begins
        && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
        && !KEYWORDS.contains(&text)
}

impl Machine<'_, '_> {
    /// A name that is written as it is and means the same there.
    pub(super) fn check_name(&self, name: &str) -> R<()> {
        let private = name.starts_with("__") && !name.ends_with("__");
        if !is_name(name) || (private && self.names.in_class) {
            return Err("a name cannot be written in Python");
        }
        Ok(())
    }

    /// The name of an attribute, as it is written inside the class it is private to.
    pub(super) fn attribute_name(&self, index: usize) -> R<String> {
        let name = self.code.names.get(index).ok_or("an attribute has no name")?;
        let class = self.names.class.trim_start_matches('_');
        let private = name
            .strip_prefix('_')
            .and_then(|rest| rest.strip_prefix(class))
            .filter(|rest| rest.starts_with("__") && !rest.ends_with("__") && !class.is_empty());
        if let Some(private) = private.filter(|name| is_name(name)) {
            return Ok(private.to_owned());
        }
        self.check_name(name)?;
        Ok(name.clone())
    }

    /// Notes that a variable is read, stored or deleted by an instruction of that name.
    pub(super) fn uses(&mut self, instruction: &str, name: &str) -> R<()> {
        if name == ".0" && self.code.name.starts_with('<') {
            return Ok(());
        }
        self.check_name(name)?;
        let loads = instruction.starts_with("LOAD_");
        if instruction.ends_with("GLOBAL") {
            if loads {
                self.loaded.insert(name.to_owned());
            }
            if !loads || self.names.outer.contains(name) {
                self.globals.insert(name.to_owned());
            }
            return Ok(());
        }
        self.used_free.insert(name.to_owned());
        if instruction.ends_with("DEREF") {
            if !loads && self.code.free.iter().any(|free| free == name) {
                self.nonlocals.insert(name.to_owned());
            } else if self.code.cells.iter().any(|cell| cell == name) {
                if loads {
                    self.read.insert(name.to_owned());
                } else {
                    self.bound.insert(name.to_owned());
                }
            }
            return Ok(());
        }
        if instruction.ends_with("FAST") || instruction.contains("FAST_") {
            if loads {
                self.read.insert(name.to_owned());
            } else {
                self.bound.insert(name.to_owned());
            }
        }
        Ok(())
    }
}
