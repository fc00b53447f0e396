//! [`Page`]: text laid out for a terminal. Everything printed through it is escaped, wrapped and, if
//! asked for, inked; no other code in [`super`] writes characters of evidence.

use crate::escape;
pub(super) use crate::words::cut as shorten;
use std::fmt::Write as _;

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
    /// Whether colours may be used. Nothing is told by colour alone.
    pub color: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 100, color: false }
    }
}

impl Style {
    /// The width that is laid out for: below 60 columns lines are left to the terminal to break.
    pub(super) fn columns(self) -> usize {
        self.width.clamp(60, 400)
    }
}

/// Colours, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bad,
    Warn,
    Good,
    Strong,
    Faint,
}

impl Ink {
    /// The SGR parameters (ECMA-48, 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bad => "1;31",
            Self::Warn => "33",
            Self::Good => "32",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// A piece of text in one ink.
pub(super) type Piece<'a> = (Ink, &'a str);

/// The longest piece that is printed, in characters; evidence is cut long before, so this only guards.
const LONGEST: usize = 20_000;

/// The most lines of one paragraph: one hostile string must not push everything else off the screen.
const TALLEST: usize = 12;

/// Lines of a report.
pub(super) struct Page {
    style: Style,
    out: String,
}

impl Page {
    pub fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn columns(&self) -> usize {
        self.style.columns()
    }

    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A section's heading, with a rule to the right margin.
    pub fn heading(&mut self, title: &str) {
        self.blank();
        let rule = "─".repeat(self.columns().saturating_sub(width_of(title) + 1));
        self.line(0, &[(Ink::Strong, title), (Ink::Faint, " "), (Ink::Faint, &rule)]);
    }

    /// One line, cut with `…` where it is too long for the page.
    pub fn line(&mut self, indent: usize, pieces: &[Piece<'_>]) {
        self.block(indent, indent, pieces, 1);
    }

    /// A paragraph of at most [`TALLEST`] lines; lines after the first stand at `hanging`.
    pub fn paragraph(&mut self, indent: usize, hanging: usize, pieces: &[Piece<'_>]) {
        self.block(indent, hanging, pieces, TALLEST);
    }

    /// Text wrapped into at most `most` lines, the last of them cut with `…` when there is more.
    pub fn block(&mut self, indent: usize, hanging: usize, pieces: &[Piece<'_>], most: usize) {
        let lines = wrap(pieces, self.columns(), indent, hanging, most);
        for (index, line) in lines.iter().enumerate() {
            let margin = if index == 0 { indent } else { hanging };
            self.write(margin, line);
        }
    }

    /// Says that a list goes on: `count` more of what `noun` names.
    pub fn hidden(&mut self, count: usize, noun: &str) {
        if count > 0 {
            let more = crate::words::counted(count as u64, noun);
            let text = format!("… {more} not shown; `--format json` holds all");
            self.line(2, &[(Ink::Faint, &text)]);
        }
    }

    /// Lines printed so far.
    pub fn lines(&self) -> usize {
        self.out.bytes().filter(|byte| *byte == b'\n').count()
    }

    /// How many lines [`Self::block`] would print.
    pub fn height(
        &self,
        indent: usize,
        hanging: usize,
        pieces: &[Piece<'_>],
        most: usize,
    ) -> usize {
        wrap(pieces, self.columns(), indent, hanging, most).len()
    }

    /// A line as it stands, however long: what a reader copies must not be broken. It is escaped.
    pub fn verbatim(&mut self, indent: usize, gutter: &str, text: &str, ink: Ink) {
        let cut: String = text.chars().take(LONGEST).collect();
        let safe = escape::terminal(&cut);
        let line: Vec<(char, Ink)> = gutter
            .chars()
            .map(|character| (character, Ink::Faint))
            .chain(safe.chars().map(|character| (character, ink)))
            .collect();
        self.write(indent, &line);
    }

    fn write(&mut self, margin: usize, line: &[(char, Ink)]) {
        self.out.extend(std::iter::repeat_n(' ', margin));
        let end =
            line.iter().rposition(|(character, _)| *character != ' ').map_or(0, |last| last + 1);
        let mut current = Ink::Plain;
        for (character, ink) in line.iter().take(end) {
            if self.style.color && *ink != current {
                // Back to plain first, so that inks do not add up. Writing to a string cannot fail.
                let _ = match (current, *ink) {
                    (Ink::Plain, ink) => write!(self.out, "\x1b[{}m", ink.code()),
                    (_, Ink::Plain) => write!(self.out, "\x1b[0m"),
                    (_, ink) => write!(self.out, "\x1b[0;{}m", ink.code()),
                };
                current = *ink;
            }
            self.out.push(*character);
        }
        if current != Ink::Plain {
            self.out.push_str("\x1b[0m");
        }
        self.out.push('\n');
    }
}

/// Wraps pieces at spaces; a word longer than a line is broken.
fn wrap(
    pieces: &[Piece<'_>],
    columns: usize,
    indent: usize,
    hanging: usize,
    most: usize,
) -> Vec<Vec<(char, Ink)>> {
    let text = characters(pieces);
    let mut lines = Vec::new();
    let mut rest = text.as_slice();
    while !rest.is_empty() && lines.len() < most {
        let margin = if lines.is_empty() { indent } else { hanging };
        let room = columns.saturating_sub(margin).max(10);
        let fits = fitting(rest, room);
        if fits == rest.len() {
            lines.push(rest.to_vec());
            return lines;
        }
        if lines.len() + 1 == most {
            let cut = fitting(rest, room.saturating_sub(1));
            let mut line = rest.get(..cut).unwrap_or(rest).to_vec();
            line.push(('…', Ink::Plain));
            lines.push(line);
            return lines;
        }
        // Break before the last space that fits; a break very early would leave a ragged line.
        let space = rest
            .get(..=fits)
            .and_then(|head| head.iter().rposition(|(character, _)| *character == ' '))
            .filter(|at| *at > room / 3);
        let (line, skip) = space.map_or((fits.max(1), fits.max(1)), |at| (at, at + 1));
        lines.push(rest.get(..line).unwrap_or(rest).to_vec());
        rest = rest.get(skip..).unwrap_or(&[]);
        while let Some(((' ', _), tail)) = rest.split_first() {
            rest = tail;
        }
    }
    if lines.is_empty() {
        lines.push(Vec::new());
    }
    lines
}

fn characters(pieces: &[Piece<'_>]) -> Vec<(char, Ink)> {
    let mut text = Vec::new();
    for (ink, piece) in pieces {
        let mut count = 0;
        for character in escape::terminal(&shorten(piece, LONGEST)).chars() {
            text.push((character, *ink));
            count += 1;
            if count > LONGEST * 2 {
                break;
            }
        }
    }
    text
}

/// How many characters fit into `room` columns.
fn fitting(text: &[(char, Ink)], room: usize) -> usize {
    let mut used = 0;
    text.iter()
        .position(|(character, _)| {
            used += columns_of(*character);
            used > room
        })
        .unwrap_or(text.len())
}

/// Columns that escaped text takes.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns of a character: two for East Asian wide ones and emoji (Unicode UAX 11), none for combining
/// marks, else one.
fn columns_of(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay_out(width: usize, most: usize, text: &str) -> String {
        let mut page = Page::new(Style { width, color: false });
        page.block(0, 2, &[(Ink::Plain, text)], most);
        page.finish()
    }

    #[test]
    fn paragraphs_wrap_at_spaces_and_long_words_break() {
        let text = format!("{} {}", "word ".repeat(14).trim_end(), "x".repeat(70));
        assert_eq!(
            lay_out(60, usize::MAX, &text),
            format!(
                "{}\n  {} {}\n  {}\n",
                "word ".repeat(12).trim_end(),
                "word word",
                "x".repeat(48),
                "x".repeat(22)
            )
        );
    }

    #[test]
    fn what_does_not_fit_is_cut_visibly() {
        let line = lay_out(60, 1, &"a".repeat(80));
        assert_eq!(line, format!("{}…\n", "a".repeat(59)));
        assert_eq!(lay_out(60, 1, &"a".repeat(60)), format!("{}\n", "a".repeat(60)));
        assert_eq!(lay_out(60, 1, &"本".repeat(31)), format!("{}…\n", "本".repeat(29)));
    }

    #[test]
    fn ink_is_closed_at_the_end_of_every_line() {
        let mut page = Page::new(Style { width: 60, color: true });
        page.line(2, &[(Ink::Bad, "no"), (Ink::Plain, " but "), (Ink::Good, "yes")]);
        assert_eq!(page.finish(), "  \x1b[1;31mno\x1b[0m but \x1b[32myes\x1b[0m\n");
    }
}
