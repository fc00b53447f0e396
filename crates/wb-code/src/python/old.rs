//! Statements of Python 2 as calls of Python 3: `print x`, `exec code`, `except E, e`.

/// The source with these statements rewritten, line for line; `None` when there are none.
pub(super) fn modernised(source: &str) -> Option<String> {
    let mut changed = false;
    let mut newer = String::with_capacity(source.len().saturating_add(64));
    for line in source.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let ending = line.get(content.len()..).unwrap_or_default();
        let mut first = true;
        for part in content.split(';') {
            if !std::mem::take(&mut first) {
                newer.push(';');
            }
            match statement(part) {
                Some(rewritten) => {
                    changed = true;
                    newer.push_str(&rewritten);
                }
                None => newer.push_str(part),
            }
        }
        newer.push_str(ending);
    }
    changed.then_some(newer)
}

fn statement(part: &str) -> Option<String> {
    let body = part.trim_start();
    let indent = part.get(..part.len().saturating_sub(body.len()))?;
    for word in ["print", "exec"] {
        if let Some(rest) = body.strip_prefix(word)
            && rest.starts_with([' ', '\t', '"', '\''])
            && !rest.trim_start().starts_with(['(', '='])
        {
            let rest = rest.trim().trim_start_matches(">>").trim_end_matches(',');
            let arguments = rest.replacen(" in ", ", ", usize::from(word == "exec"));
            return Some(format!("{indent}{word}({arguments})"));
        }
    }
    let clause = body.strip_prefix("except ")?;
    let (class, name) = clause.trim_end().strip_suffix(':')?.split_once(',')?;
    (!class.contains('(')).then(|| format!("{indent}except {} as {}:", class.trim(), name.trim()))
}
