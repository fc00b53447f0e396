//! [`pairs`]: `key=value` pairs in a line, with quotes.

use crate::scan::leading;
use memchr::memchr;

/// A pair, as slices of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    /// The whole pair, quotes included.
    pub(crate) whole: &'a str,
}

/// Pairs read per line at the most.
const MOST_PAIRS: usize = 128;

/// The pairs of `text`, in order. Query strings and URLs stay whole values; the value of `COMMAND=`
/// reaches to the end of the line, as `sudo` writes it.
pub(crate) fn pairs(text: &str) -> Vec<Pair<'_>> {
    let mut found = Vec::new();
    let mut from = 0_usize;
    while found.len() < MOST_PAIRS
        && let Some(rest) = text.get(from..)
        && let Some(equals) = memchr(b'=', rest.as_bytes())
    {
        let at = from.saturating_add(equals);
        match pair_at(text, from, at) {
            Some(pair) => {
                let start = crate::scan::offset_in(text, pair.whole);
                from = start.saturating_add(pair.whole.len()).max(at.saturating_add(1));
                found.push(pair);
            }
            None => from = at.saturating_add(1),
        }
    }
    found
}

/// The pair whose `=` is at `at`; its key does not begin before `from`.
fn pair_at(text: &str, from: usize, at: usize) -> Option<Pair<'_>> {
    let before = text.get(from..at)?;
    let start = before
        .bytes()
        .rposition(|byte| !is_key_byte(byte))
        .map_or(from, |position| from.saturating_add(position).saturating_add(1));
    let key = text.get(start..at)?;
    let preceded = start.checked_sub(1).and_then(|index| text.as_bytes().get(index));
    let separated = preceded.is_none_or(|byte| b" \t,;([{|\"'".contains(byte));
    if key.is_empty()
        || key.len() > 64
        || !separated
        || !key.bytes().any(|b| b.is_ascii_alphabetic())
    {
        return None;
    }
    let after = text.get(at.checked_add(1)?..)?;
    let (value, length) =
        if key == "COMMAND" { (after.trim_end(), after.len()) } else { value_of(after)? };
    let end = at.checked_add(1)?.checked_add(length)?;
    Some(Pair { key, value, whole: text.get(start..end)? })
}

/// The value at the start of `after`, and how many bytes it takes with its quotes.
fn value_of(after: &str) -> Option<(&str, usize)> {
    if let Some(quote) = after.bytes().next().filter(|byte| matches!(byte, b'"' | b'\'')) {
        let inner = after.get(1..)?;
        if let Some(length) = closing(inner, quote) {
            return Some((inner.get(..length)?, length.saturating_add(2)));
        }
    }
    // `==` and `=>` are operators, not pairs.
    if after.starts_with(['=', '>', '~']) {
        return None;
    }
    let word = leading(after, |byte| !matches!(byte, b' ' | b'\t' | b'|'));
    let value = word.trim_end_matches([',', ';', ')', ']', '}']);
    Some((value, value.len()))
}

/// Position of the quote that ends a quoted value; a backslash takes the character after it along.
fn closing(inner: &str, quote: u8) -> Option<usize> {
    let mut escaped = false;
    inner.bytes().position(|byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

const fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let seen: Vec<_> = pairs(text).iter().map(|pair| (pair.key, pair.value)).collect();
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn values_with_and_without_quotes() {
        check(
            "a=1 b=\"two words\" c='x' d=",
            &[("a", "1"), ("b", "two words"), ("c", "x"), ("d", "")],
        );
        check("(change=CHG-1, by=ann)", &[("change", "CHG-1"), ("by", "ann")]);
        check("IN= OUT=eth0 SRC=10.0.0.1", &[("IN", ""), ("OUT", "eth0"), ("SRC", "10.0.0.1")]);
        check("msg=\"say \\\"hi\\\"\" x=1", &[("msg", "say \\\"hi\\\""), ("x", "1")]);
        check(
            "u : PWD=/m ; COMMAND=/usr/bin/install -m 644 /t/.p p.pkl a=b",
            &[("PWD", "/m"), ("COMMAND", "/usr/bin/install -m 644 /t/.p p.pkl a=b")],
        );
    }

    #[test]
    fn operators_and_queries_are_no_pairs_of_their_own() {
        check("torch==2.1.0", &[]);
        check("GET /x?a=1&b=2 HTTP/1.1", &[]);
        check("body=host=a&id=b", &[("body", "host=a&id=b")]);
    }
}
