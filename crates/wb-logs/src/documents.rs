//! [`Document`]: a JSON document over several lines, whose records are the objects in its lists, or itself.
//!
//! `kubectl get events -o json` and exports of search engines are such documents. Each record is read when
//! its last brace is there, so the document is never held.

use crate::lines::Place;

/// A record is read up to this length.
const LONGEST_RECORD: usize = 1 << 20;

/// The first line of a document is no longer than this: a longer one is a record that was cut.
const LONGEST_OPENING: usize = 160;

/// A document that is being read.
#[derive(Debug, Default)]
pub(crate) struct Document {
    depth: u32,
    quoted: bool,
    escaped: bool,
    /// Depth inside the list whose objects are records.
    list: Option<u32>,
    /// The record that is open, and where it began.
    record: Option<(String, Place)>,
    /// Whether a record has ended.
    found: bool,
    /// All of it so far, for a document that turns out to be one record, such as a ticket.
    whole: Option<(String, Place)>,
}

impl Document {
    /// Begins a document if `text`, the first line of a log, opens a bracket that it does not close.
    pub(crate) fn begin(text: &str) -> Option<Self> {
        let text = text.trim();
        let alone = matches!(text, "{" | "[" | "[{")
            || (text.len() <= LONGEST_OPENING
                && text.starts_with(['{', '['])
                && text.ends_with(['{', '[', ',']));
        let stamped =
            text.strip_prefix('[').is_some_and(|inner| crate::stamp::parse_prefix(inner).is_some());
        (alone && !stamped).then(Self::default)
    }

    /// Whether the document has ended.
    pub(crate) const fn is_over(&self) -> bool {
        self.depth == 0
    }

    /// What is left of a document that never ended: all of it, or the record that is open.
    pub(crate) fn unfinished(self) -> Option<(String, Place)> {
        let there = |(text, _): &(String, Place)| !text.trim().is_empty();
        self.whole.filter(there).or(self.record).filter(there)
    }

    /// Reads a line and returns the records that end in it, each with the place where it began.
    pub(crate) fn line(&mut self, text: &str, place: Place) -> Vec<(String, Place)> {
        let mut ended = Vec::new();
        let began = self.depth == 0;
        let whole = self.whole.get_or_insert_with(|| (String::new(), place));
        let length = whole.0.len().saturating_add(text.len());
        if (began || !whole.0.is_empty()) && !self.found && length < LONGEST_RECORD {
            whole.0.push_str(text);
            whole.0.push(' ');
        } else {
            whole.0.clear();
        }
        for character in text.chars() {
            let opens = !self.quoted && matches!(character, '{' | '[');
            let closes = !self.quoted && matches!(character, '}' | ']');
            if opens {
                self.open(character, place);
            }
            if let Some((record, _)) =
                self.record.as_mut().filter(|(record, _)| record.len() < LONGEST_RECORD)
            {
                record.push(character);
            }
            if closes {
                ended.extend(self.close());
            }
            self.quote(character);
        }
        if let Some((record, _)) = &mut self.record {
            record.push(' ');
        }
        if self.is_over() && !self.found {
            ended.extend(self.whole.take().filter(|(text, _)| text.starts_with('{')));
        }
        ended
    }

    fn open(&mut self, character: char, place: Place) {
        self.depth = self.depth.saturating_add(1);
        if self.record.is_some() {
            return;
        }
        if character == '[' {
            self.list = Some(self.depth);
        } else if self.list.is_some_and(|list| list.saturating_add(1) == self.depth) {
            self.record = Some((String::new(), place));
        }
    }

    fn close(&mut self) -> Option<(String, Place)> {
        self.depth = self.depth.saturating_sub(1);
        let list = self.list?;
        if self.record.is_some() && self.depth == list {
            self.found = true;
            return self.record.take();
        }
        if self.depth < list {
            self.list = None;
        }
        None
    }

    fn quote(&mut self, character: char) {
        if character == '"' && !self.escaped {
            self.quoted = !self.quoted;
        }
        self.escaped = self.quoted && character == '\\' && !self.escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(String, u64)> {
        let mut lines = text.lines();
        let mut document =
            Document::begin(lines.clone().next().expect("a line")).expect("a document");
        let mut found = Vec::new();
        for (number, line) in (1..).zip(lines.by_ref()) {
            let place = Place { number, offset: 0, length: 0, ended: true };
            found.extend(
                document.line(line, place).into_iter().map(|(text, place)| (text, place.number)),
            );
        }
        found
    }

    #[test]
    fn records_are_the_objects_of_a_list() {
        let found = records(
            "{\n \"kind\": \"List\",\n \"items\": [\n {\n \"a\": [1, {\"b\": \"}]\\\"\"}]\n },\n {\"c\": 2}\n ]\n}",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].1, 4);
        assert!(crate::json::parse(&found[0].0).is_some(), "{}", found[0].0);
        assert_eq!(found[1], ("{\"c\": 2}".to_owned(), 7));
    }

    #[test]
    fn an_object_without_records_is_one_itself() {
        let found = records("{\n \"type\": \"alert\",\n \"tags\": [\"a\"]\n}");
        assert_eq!(found, [("{  \"type\": \"alert\",  \"tags\": [\"a\"] } ".to_owned(), 1)]);
        assert!(records("[\n 1,\n 2\n]").is_empty());
    }

    #[test]
    fn what_opens_no_document() {
        for text in ["[2026-03-02 08:05:10] INFO  a,", "{\"a\": 1}", "plain", "[INFO] a"] {
            assert!(Document::begin(text).is_none(), "{text}");
        }
    }
}
