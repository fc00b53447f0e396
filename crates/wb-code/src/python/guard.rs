//! `if __name__ == "__main__":`, what stands under which runs when a file is started and not when it is imported.

use ruff_python_ast::{self as ast, Expr};

/// The name of a module, which Python sets before it runs the module.
const NAME: &str = "__name__";

/// `__name__ == "__main__"`, in either order.
pub(super) fn is_guard(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else { return false };
    let is_name = |side: &Expr| matches!(side, Expr::Name(name) if name.id.as_str() == NAME);
    let is_main = |side: &Expr| matches!(side, Expr::StringLiteral(text) if text.value.to_str() == "__main__");
    match (&*compare.ops, &*compare.left, &*compare.comparators) {
        ([ast::CmpOp::Eq], left, [right]) => {
            (is_name(left) && is_main(right)) || (is_main(left) && is_name(right))
        }
        _ => false,
    }
}

/// Whether `source` may give the module another name, so that a guard lets an import through: by an assignment, or by
/// the name as a text (`globals()["__name__"] = "__main__"`).
pub(super) fn may_rename(source: &str) -> bool {
    source.match_indices(NAME).any(|(at, _)| {
        let before = source.get(..at).unwrap_or_default();
        let behind = source
            .get(at.saturating_add(NAME.len())..)
            .unwrap_or_default()
            .trim_start_matches([' ', '\t']);
        let sets = (behind.starts_with('=') && !behind.starts_with("=="))
            || behind.starts_with(":=")
            || (behind.starts_with(':') && behind.lines().next().unwrap_or_default().contains('='));
        let quoted = before.ends_with(['"', '\'']) && is_set_as_text(before, behind);
        let bound = before.trim_end().ends_with(" as") || before.trim_end().ends_with("for");
        // The name of a function or class is set everywhere; that of a module is given a text.
        match before.ends_with('.') {
            true => sets && behind.trim_start_matches(['=', ' ', '\t']).starts_with(['"', '\'']),
            false => sets || quoted || bound,
        }
    })
}

/// Whether the name stands as a key that is given a value, or as what `setattr` and its kin are given.
fn is_set_as_text(before: &str, behind: &str) -> bool {
    const SETTERS: [&str; 5] = ["setattr(", "__setitem__(", "update(", "setdefault(", "__dict__"];
    let line = before.lines().next_back().unwrap_or_default();
    let after = behind.trim_start_matches(['"', '\'', ' ', '\t']);
    let item = after.strip_prefix(']').map(|rest| rest.trim_start_matches([' ', '\t']));
    let assigned = item.is_some_and(|rest| rest.starts_with('=') && !rest.starts_with("=="));
    assigned || SETTERS.iter().any(|setter| line.contains(setter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_name_themselves_are_known() {
        for source in [
            "__name__ = '__main__'",
            "__name__: str = '__main__'",
            "if (__name__ := '__main__'): pass",
            "import x as __name__",
            "for __name__ in names: pass",
            "globals()['__name__'] = '__main__'",
            "sys.modules[__name__].__name__ = '__main__'",
            "globals().update(__name__='__main__')",
            "globals().update({'__name__': '__main__'})",
            "setattr(sys.modules[name], '__name__', '__main__')",
        ] {
            assert!(may_rename(source), "{source}");
        }
        for source in [
            "if __name__ == '__main__':\n    main()",
            "log = logging.getLogger(__name__)",
            "wrapper.__name__ = function.__name__",
            "table = {__name__: 1}",
            "name = getattr(function, '__name__', None)",
            "exec(code, {'__name__': '__main__'})",
            "if module['__name__'] == '__main__': pass",
        ] {
            assert!(!may_rename(source), "{source}");
        }
    }
}
