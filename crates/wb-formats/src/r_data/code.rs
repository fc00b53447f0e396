//! [`Code`]: expressions of R as far as they are kept, written back as text.

use std::collections::BTreeSet;

/// Parts of one expression that are kept.
pub(super) const MOST: usize = 4_096;
/// Longest text of an expression, in bytes.
const LONGEST: usize = 8 << 10;

/// A value, where it may be part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Code {
    /// `NULL`, or a value that is of no interest here.
    Nothing,
    /// The mark of a value that was not computed yet.
    Unbound,
    /// A name.
    Symbol(String),
    /// A string, or the first of several.
    Text(String),
    /// A number as text.
    Number(String),
    /// A call: the function first, then the arguments with their names.
    Call(Vec<(Option<String>, Code)>),
}

impl Code {
    /// The text as R would write it, calls in prefix form.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        if out.len() > LONGEST {
            return;
        }
        match self {
            Self::Nothing => out.push_str("NULL"),
            Self::Unbound => out.push_str("<unbound>"),
            Self::Symbol(name) | Self::Number(name) => out.push_str(name),
            Self::Text(text) => out.push_str(&format!("{text:?}")),
            Self::Call(parts) => {
                let Some(((_, callee), arguments)) = parts.split_first() else { return };
                callee.write(out);
                out.push('(');
                for (index, (name, argument)) in arguments.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    if let Some(name) = name {
                        out.push_str(name);
                        out.push_str(" = ");
                    }
                    argument.write(out);
                }
                out.push(')');
            }
        }
    }

    /// Names of the functions that are called, `package::name` without its package.
    pub(super) fn called(&self, names: &mut BTreeSet<String>) {
        let Self::Call(parts) = self else { return };
        match parts.first() {
            Some((_, Self::Symbol(name))) if !matches!(name.as_str(), "::" | ":::") => {
                names.insert(name.clone());
            }
            Some((_, Self::Call(inner))) => {
                let qualified = matches!(inner.first(), Some((_, Self::Symbol(name))) if matches!(name.as_str(), "::" | ":::"));
                if let (true, Some((_, Self::Symbol(name) | Self::Text(name)))) = (qualified, inner.get(2)) {
                    names.insert(name.clone());
                }
            }
            _ => {}
        }
        for (_, part) in parts {
            part.called(names);
        }
    }
}
