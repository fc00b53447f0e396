//! The screen: the views, the filters, rows or a sheet, and what keys do. Only visible rows are laid out.

use crate::views::{self, Opens, Tone};
use crate::{Explorer, Prompt, View};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use wb_report::escape;
use wb_report::text::{self, Style as Layout};

/// Lines that are neither rows nor text: views, filters, keys.
pub(crate) const FRAME: u16 = 3;

/// Characters of a row that are looked at; a line of a terminal holds fewer.
const LONGEST: usize = 1_000;

const KEYS: &[(&str, &str)] = &[
    ("1 to 8, Tab", "Views; Shift-Tab goes back"),
    ("arrows, j k", "Up and down; h l move long lines of an opened thing"),
    ("PgUp PgDn g G", "By screens, to the first, to the last"),
    ("Enter", "Opens what is selected"),
    ("Esc", "Back; in a list it takes filters away"),
    ("/", "Rows with all these words; in an opened thing the first line with them"),
    ("n", "The next line with them"),
    ("s", "Timeline: events of the next source"),
    ("v", "Timeline: events that findings of a severity or above rest on"),
    ("t", "Timeline: to a time, as `2026-04-09 03:14`, or around it with `10m` after it"),
    ("x", "Takes filters away"),
    ("y", "Exact values in place of defanged ones, and back"),
    ("q, Ctrl-C", "Leaves"),
];

impl Explorer {
    /// Draws what the reader sees into `area`.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let pen = Pen { area, color: self.color };
        pen.line(buffer, 0, &self.heads(area.width), bold());
        pen.line(buffer, 1, &self.state(), Style::new().add_modifier(Modifier::DIM));
        let height = usize::from(area.height.saturating_sub(FRAME));
        if self.help {
            for (y, (key, what)) in (2..).zip(KEYS.iter().take(height)) {
                pen.line(buffer, y, &format!("  {key:<15}{what}"), Style::new());
            }
        } else if self.reads() {
            self.draw_sheet(pen, buffer, height);
        } else {
            self.draw_rows(pen, buffer, height);
        }
        if area.height >= FRAME {
            pen.line(buffer, area.height - 1, &self.foot(), bold());
        }
    }

    /// The views, the one in brackets being shown; only that one where not all have room.
    fn heads(&self, width: u16) -> String {
        let head = |number: usize, view: View, whole: bool| {
            let title = view.title();
            let title = if whole { title } else { title.get(..4).unwrap_or(title) };
            if view == self.view {
                format!("[{number} {}]", view.title())
            } else {
                format!(" {number} {title} ")
            }
        };
        let all = |whole| -> String {
            (1..).zip(View::ALL).map(|(number, view)| head(number, view, whole)).collect()
        };
        let (long, short) = (all(true), all(false));
        if long.len() <= usize::from(width) { long } else { short }
    }

    /// How many rows are left, and by which filters.
    fn state(&self) -> String {
        let list = self.list(self.view);
        let mut words = Vec::new();
        if self.exact {
            words.push("EXACT VALUES, do not follow".to_owned());
        }
        if let Some(row) = self.opened {
            words.push(format!("{} of {}", row + 1, views::count(&self.case, self.view)));
        } else if self.view != View::Summary {
            let at = (list.selected + 1).min(list.rows.len());
            let all = views::count(&self.case, self.view);
            words.push(format!("{at} of {}", list.rows.len()));
            if all != list.rows.len() {
                words.push(format!("{all} in all"));
            }
        }
        if !list.words.is_empty() {
            words.push(format!("/{}", list.words));
        }
        if self.view == View::Timeline {
            let filter = &self.filter;
            let source = filter.source.and_then(|at| self.facts.sources.get(at));
            words.extend(source.map(|source| format!("source {source}")));
            let severity = filter.severity;
            words.extend(severity.map(|least| format!("severity {} or above", least.name())));
            let around = filter.span.and_then(|span| span.around);
            words.extend(around.map(|around| format!("within {around} s")));
        }
        self.safe(&words.join("  "))
    }

    fn foot(&self) -> String {
        let text = match &self.prompt {
            Some(Prompt::Words(text)) => format!("/{text}_"),
            Some(Prompt::Time(text)) => format!("time: {text}_"),
            None if !self.note.is_empty() => self.note.clone(),
            None if self.reads() => {
                "Esc back  / search  n next  y exact  ? help  q quit".to_owned()
            }
            None if self.view == View::Timeline => {
                "Enter open  / search  s source  v severity  t time  x all  ? help  q quit"
                    .to_owned()
            }
            None => "Enter open  / search  Tab next view  y exact  ? help  q quit".to_owned(),
        };
        escape::terminal(&text).into_owned()
    }

    /// A line of evidence: cut, defanged and escaped.
    fn safe(&self, text: &str) -> String {
        let cut: String = text.chars().take(LONGEST).collect();
        escape::terminal(&self.defang().text(&cut)).into_owned()
    }

    fn draw_rows(&self, pen: Pen, buffer: &mut Buffer, height: usize) {
        let list = self.list(self.view);
        if list.rows.is_empty() {
            let all = views::count(&self.case, self.view);
            let text = if all == 0 {
                "  The case has none."
            } else {
                "  None is left; Esc takes filters away."
            };
            pen.line(buffer, 2, text, Style::new());
        }
        // The selected row stays in the middle, so that what stands round it is seen.
        let first =
            list.selected.saturating_sub(height / 2).min(list.rows.len().saturating_sub(height));
        let visible = list.rows.iter().enumerate().skip(first).take(height);
        for (y, (at, row)) in (2..).zip(visible) {
            let (tone, text) = views::line(&self.case, &self.facts, self.view, *row);
            let selected = at == list.selected;
            let mark = if selected { '>' } else { ' ' };
            let style = if selected {
                pen.tone(tone).add_modifier(Modifier::REVERSED)
            } else {
                pen.tone(tone)
            };
            pen.line(buffer, y, &format!("{mark} {}", self.safe(&text)), style);
        }
    }

    /// The lines of what is opened, with inks as escape sequences; no other escape sequence is in them.
    fn inked(&self) -> Vec<String> {
        let style = Layout { width: usize::from(self.size.0), color: true };
        let row = self.opened.unwrap_or(0);
        let text = match views::opens(&self.case, self.view, row) {
            None => String::new(),
            Some(Opens::Shown(shown)) => text::shown_as(&self.case, shown, &style, self.defang()),
            Some(Opens::Sheet(sheet)) => text::sheet(&self.case, sheet, &style, self.defang()),
        };
        text.lines().map(str::to_owned).collect()
    }

    /// The lines of what is opened.
    pub(crate) fn sheet(&self) -> Vec<String> {
        let plain = |line: String| pieces(&line).into_iter().map(|(_, text)| text).collect();
        self.inked().into_iter().map(plain).collect()
    }

    fn draw_sheet(&self, pen: Pen, buffer: &mut Buffer, height: usize) {
        for (y, line) in (2..).zip(self.inked().iter().skip(self.scroll.0).take(height)) {
            let mut skip = self.scroll.1;
            let mut x = 0;
            for (ink, text) in pieces(line) {
                let rest: String = text.chars().skip(skip).collect();
                skip = skip.saturating_sub(text.chars().count());
                x = pen.piece(buffer, x, y, &rest, pen.ink(ink));
            }
        }
    }
}

const fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// The pieces of a line between its inks.
fn pieces(line: &str) -> Vec<(&str, &str)> {
    let mut ink = "0";
    let mut out = Vec::new();
    for (index, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m') {
            Some((code, text)) if index > 0 => {
                ink = code.strip_prefix("0;").unwrap_or(code);
                text
            }
            _ => part,
        };
        if !text.is_empty() {
            out.push((ink, text));
        }
    }
    out
}

/// Writes into the buffer, and nowhere outside the area.
#[derive(Clone, Copy)]
struct Pen {
    area: Rect,
    color: bool,
}

impl Pen {
    fn line(self, buffer: &mut Buffer, y: u16, text: &str, style: Style) {
        self.piece(buffer, 0, y, text, style);
    }

    /// Writes at a place of the area; returns the column after the text.
    fn piece(self, buffer: &mut Buffer, x: u16, y: u16, text: &str, style: Style) -> u16 {
        if x >= self.area.width || y >= self.area.height {
            return x;
        }
        let room = usize::from(self.area.width - x);
        let (x, y) = (self.area.x + x, self.area.y + y);
        let (end, _) = buffer.set_stringn(x, y, text, room, style);
        end - self.area.x
    }

    fn colored(self, style: Style, color: Color) -> Style {
        if self.color { style.fg(color) } else { style }
    }

    fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Bad => self.colored(bold(), Color::Red),
            Tone::Warn => self.colored(Style::new(), Color::Yellow),
        }
    }

    /// The style of an ink of `wb_report::text`.
    fn ink(self, code: &str) -> Style {
        match code {
            "1;31" => self.colored(bold(), Color::Red),
            "33" => self.colored(Style::new(), Color::Yellow),
            "32" => self.colored(Style::new(), Color::Green),
            "1" => bold(),
            "2" => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new(),
        }
    }
}
