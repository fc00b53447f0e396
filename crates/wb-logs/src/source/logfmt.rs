//! `key=value` lines: `time=... level=info msg="..." key=value`.

use super::Reading;
use crate::draft::Draft;
use crate::labels::{Slot, slot};
use crate::line::Line;
use crate::pairs::pairs;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line that begins with a pair, has at least two, and has a time in a pair or before them.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let body = line.body();
    let word = crate::scan::leading(body, |byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte));
    if word.is_empty() || body.as_bytes().get(word.len()) != Some(&b'=') {
        return None;
    }
    let pairs = pairs(body);
    let timed = line.head.is_some() || pairs.iter().any(|pair| slot(pair.key) == Some(Slot::Time));
    if pairs.len() < 2 || !timed {
        return None;
    }
    let mut draft = Draft::new("logfmt", body);
    draft.stamp = line.head.map(|head| head.stamp);
    draft.level = line.head.and_then(|head| head.level).map(str::to_owned);
    draft.textual = true;
    draft.structured = true;
    Reading::record(draft)
}
