//! [`Names`]: what imports are called in the text, and the import lines.

use super::layout::Line;
use super::literal;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{OpKind, Program};

/// The expression for each import, and the lines that make them available.
pub(super) struct Names {
    expressions: BTreeMap<(String, String), String>,
    lines: Vec<Line>,
}

impl Names {
    /// Chooses names for the imports of `program`, each once, in order of appearance.
    pub(super) fn new(program: &Program, readable: bool) -> Self {
        let mut names = Self { expressions: BTreeMap::new(), lines: Vec::new() };
        let mut taken: BTreeSet<String> = ["result".to_owned()].into();
        let mut line_of: BTreeMap<String, usize> = BTreeMap::new();
        for (index, op) in program.ops.iter().enumerate() {
            let OpKind::Import { module, name } = &op.kind else { continue };
            let key = (module.clone(), name.clone());
            if names.expressions.contains_key(&key) {
                continue;
            }
            let (module, name) =
                if readable { (module.as_str(), name.as_str()) } else { python3(module, name) };
            let first = name.split('.').next().unwrap_or(name);
            let rest = name.get(first.len()..).unwrap_or("");
            let expression = if !is_dotted(module) || !(name.is_empty() || is_dotted(name)) {
                hostile(module, name)
            } else if matches!(module, "builtins" | "__builtin__") && !name.is_empty() {
                name.to_owned()
            } else if name.is_empty() {
                names.add(&mut line_of, format!("import {module}"), index);
                module.to_owned()
            } else {
                let base = format!("from {module} import {first}");
                match line_of.get(&base) {
                    Some(_) => format!("{first}{rest}"),
                    None => {
                        let unique = unique(first, &mut taken);
                        if unique == first {
                            names.add(&mut line_of, base, index);
                        } else {
                            names.add(&mut line_of, format!("{base} as {unique}"), index);
                        }
                        format!("{unique}{rest}")
                    }
                }
            };
            names.expressions.insert(key, expression);
        }
        names
    }

    fn add(&mut self, line_of: &mut BTreeMap<String, usize>, text: String, op: usize) {
        if line_of.contains_key(&text) {
            return;
        }
        line_of.insert(text.clone(), self.lines.len());
        self.lines.push(Line { indent: 0, text, ops: vec![op] });
    }

    /// What an import is called.
    pub(super) fn expression(&self, module: &str, name: &str) -> String {
        self.expressions
            .get(&(module.to_owned(), name.to_owned()))
            .cloned()
            .unwrap_or_else(|| hostile(module, name))
    }

    /// The import lines.
    pub(super) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

/// The import of names that no import statement can spell.
fn hostile(module: &str, name: &str) -> String {
    let module = literal::text(module);
    format!("getattr(__import__({module}, fromlist=['']), {})", literal::text(name))
}

fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number: u32 = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}_{number}");
        number = number.saturating_add(1);
    }
    candidate
}

/// The Python 3 name of a Python 2 name, as `fix_imports` of the unpickler maps it
/// (`_compat_pickle.py`).
fn python3<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    match (module, name) {
        ("__builtin__", "xrange") => ("builtins", "range"),
        ("__builtin__", "unicode" | "basestring") => ("builtins", "str"),
        ("__builtin__", "long") => ("builtins", "int"),
        ("__builtin__", "unichr") => ("builtins", "chr"),
        ("__builtin__", "raw_input") => ("builtins", "input"),
        ("__builtin__", "reduce") => ("functools", "reduce"),
        ("__builtin__", "intern") => ("sys", "intern"),
        ("__builtin__" | "exceptions", _) => ("builtins", name),
        ("itertools", "izip") => ("builtins", "zip"),
        ("itertools", "imap") => ("builtins", "map"),
        ("itertools", "ifilter") => ("builtins", "filter"),
        ("UserDict" | "UserList" | "UserString", _) => ("collections", name),
        ("copy_reg", _) => ("copyreg", name),
        ("Queue", _) => ("queue", name),
        ("SocketServer", _) => ("socketserver", name),
        ("ConfigParser", _) => ("configparser", name),
        ("cPickle", _) => ("pickle", name),
        ("commands", _) => ("subprocess", name),
        ("StringIO" | "cStringIO", _) => ("io", name),
        _ => (module, name),
    }
}

/// Whether the text is identifiers joined by dots.
pub(super) fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

/// Whether the text is an identifier and no keyword that would not parse in its place.
pub(super) fn is_identifier(text: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class",
        "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global",
        "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return",
        "try", "while", "with", "yield",
    ];
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !KEYWORDS.contains(&text)
}
