//! [`Text`]: an expression as lines, each with the ops it shows.

/// Lines longer than this are broken at their items.
const WIDTH: usize = 96;
/// Expressions nested deeper than this stay on one line.
const DEEPEST: usize = 12;

/// One line of an expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Levels of indentation.
    pub(super) indent: usize,
    /// What stands on it.
    pub(super) text: String,
    /// The ops it shows.
    pub(super) ops: Vec<usize>,
}

/// An expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) lines: Vec<Line>,
    depth: usize,
}

impl Text {
    /// An expression on one line.
    pub(super) fn new(text: String, ops: Vec<usize>) -> Self {
        Self { lines: vec![Line { indent: 0, text, ops }], depth: 0 }
    }

    /// Puts something before the first line.
    pub(super) fn prefixed(mut self, prefix: &str) -> Self {
        if let Some(line) = self.lines.first_mut() {
            line.text.insert_str(0, prefix);
        }
        self
    }

    /// Puts something behind the last line.
    pub(super) fn suffixed(mut self, suffix: &str) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.text.push_str(suffix);
        }
        self
    }

    /// Notes that `op` is shown, too.
    pub(super) fn with_op(mut self, op: usize) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.ops.push(op);
        }
        self
    }

    /// The only line's text.
    pub(super) fn single(&self) -> Option<&str> {
        match self.lines.as_slice() {
            [line] => Some(&line.text),
            _ => None,
        }
    }

    /// `open item, item close` on one line, or on one line each when that is too long.
    pub(super) fn group(open: Self, items: Vec<Self>, close: &str, op: usize) -> Self {
        let depth = items.iter().map(|item| item.depth).max().unwrap_or(0).saturating_add(1);
        let width: usize = items
            .iter()
            .flat_map(|item| &item.lines)
            .map(|line| line.text.len().saturating_add(2))
            .fold(0, usize::saturating_add);
        let opening: usize = open.lines.iter().map(|line| line.text.len()).sum();
        let one_line = open.lines.len() <= 1 && items.iter().all(|item| item.lines.len() <= 1);
        let fits = one_line && (items.is_empty() || opening.saturating_add(width) <= WIDTH);
        let lone = one_line && items.len() == 1;
        let mut out = if fits || lone || depth > DEEPEST {
            Self::on_one_line(open, items, close)
        } else {
            Self::on_many_lines(open, items, close)
        };
        out.depth = depth;
        out.with_op(op)
    }

    fn on_one_line(open: Self, items: Vec<Self>, close: &str) -> Self {
        let mut text = String::new();
        let mut ops = Vec::new();
        let mut take = |part: Self, text: &mut String| {
            for line in part.lines {
                text.push_str(&line.text);
                ops.extend(line.ops);
            }
        };
        take(open, &mut text);
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            take(item, &mut text);
        }
        text.push_str(close);
        Self::new(text, ops)
    }

    fn on_many_lines(open: Self, items: Vec<Self>, close: &str) -> Self {
        let mut lines = open.lines;
        for item in items {
            let item = item.suffixed(",");
            lines.extend(
                item.lines
                    .into_iter()
                    .map(|line| Line { indent: line.indent.saturating_add(1), ..line }),
            );
        }
        // A tuple of one item already has its comma.
        let close = close.strip_prefix(',').unwrap_or(close);
        lines.push(Line { indent: 0, text: close.to_owned(), ops: Vec::new() });
        Self { lines, depth: 0 }
    }

    /// Joins two expressions on one line where the first ends, as in `key: value`.
    pub(super) fn followed_by(mut self, between: &str, mut other: Self) -> Self {
        let depth = self.depth.max(other.depth);
        if let Some(line) = self.lines.last_mut() {
            line.text.push_str(between);
            if !other.lines.is_empty() {
                let first = other.lines.remove(0);
                line.text.push_str(&first.text);
                line.ops.extend(first.ops);
            }
        }
        self.lines.extend(other.lines);
        self.depth = depth;
        self
    }
}
