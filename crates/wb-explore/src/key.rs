//! [`Key`], and what each does.

use crate::filter::{self, Span};
use crate::{Explorer, Prompt, View};

/// The most characters of a prompt.
const TYPED: usize = 200;

/// A key, as a terminal reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first.
    Home,
    /// To the last.
    End,
    /// To the next view.
    Tab,
    /// To the view before.
    BackTab,
    /// Opens, or ends a prompt.
    Enter,
    /// Back.
    Escape,
    /// Takes a character back.
    Backspace,
    /// Ctrl-C.
    Interrupt,
}

impl Explorer {
    /// Does what a key says.
    pub fn press(&mut self, key: Key) {
        self.note.clear();
        if key == Key::Interrupt {
            self.ended = true;
        } else if let Some(prompt) = self.prompt.take() {
            self.typed(prompt, key);
        } else if self.help {
            // Any key but that to leave goes back to the case.
            self.help = false;
            self.ended = key == Key::Char('q');
        } else {
            self.command(key);
        }
    }

    fn command(&mut self, key: Key) {
        match key {
            Key::Char('q') => self.ended = true,
            Key::Char('?') => self.help = true,
            Key::Char('y') => self.exact = !self.exact,
            Key::Char('/') => self.prompt = Some(Prompt::Words(String::new())),
            Key::Tab => self.go(self.view.after(1)),
            Key::BackTab => self.go(self.view.after(View::ALL.len() - 1)),
            Key::Char(digit @ '1'..='8') => {
                let at = digit.to_digit(10).map_or(0, |digit| digit as usize);
                self.go(View::ALL.into_iter().nth(at.saturating_sub(1)).unwrap_or(self.view));
            }
            Key::Escape => self.back(),
            Key::Enter => self.open(),
            Key::Char('n') if self.reads() => self.next_line(),
            Key::Char('x') => self.unfilter(),
            Key::Char('s' | 'v' | 't') if self.view == View::Timeline => self.narrow(key),
            Key::Char('t' | 's' | 'v') => {
                "events are filtered in the timeline: press 2".clone_into(&mut self.note);
            }
            _ => self.walk(key),
        }
    }

    /// Whether lines are shown, not rows.
    pub(crate) fn reads(&self) -> bool {
        self.opened.is_some() || self.view == View::Summary
    }

    fn go(&mut self, view: View) {
        self.view = view;
        self.opened = None;
        self.scroll = (0, 0);
    }

    fn open(&mut self) {
        let list = self.list(self.view);
        if self.opened.is_none() && self.view != View::Summary {
            self.opened = list.rows.get(list.selected).copied();
            self.scroll = (0, 0);
        }
    }

    fn back(&mut self) {
        if self.opened.take().is_some() {
            self.scroll = (0, 0);
        } else {
            self.unfilter();
        }
    }

    fn unfilter(&mut self) {
        self.lists.entry(self.view).or_default().words.clear();
        if self.view == View::Timeline {
            self.filter = filter::Filter::default();
        }
        self.refresh(self.view);
    }

    /// Filters of the timeline that are chosen by pressing a key again.
    fn narrow(&mut self, key: Key) {
        self.opened = None;
        match key {
            Key::Char('s') => self.filter.source = self.facts.source_after(self.filter.source),
            Key::Char('v') => self.filter.severity = filter::severity_after(self.filter.severity),
            _ => self.prompt = Some(Prompt::Time(String::new())),
        }
        self.refresh(View::Timeline);
    }

    fn walk(&mut self, key: Key) {
        let page = self.height().max(1);
        let reads = self.reads();
        let last = if reads { self.sheet().len() } else { self.list(self.view).rows.len() };
        let at = if reads { self.scroll.0 } else { self.list(self.view).selected };
        let at = match key {
            Key::Down | Key::Char('j') => at.saturating_add(1),
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::PageDown | Key::Char(' ') => at.saturating_add(page),
            Key::PageUp => at.saturating_sub(page),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            Key::Right | Key::Char('l') if reads => return self.scroll.1 += 8,
            Key::Left | Key::Char('h') if reads => {
                return self.scroll.1 = self.scroll.1.saturating_sub(8);
            }
            Key::Char('n') => {
                "`n` finds the next place in an opened thing".clone_into(&mut self.note);
                return;
            }
            _ => return,
        };
        if reads {
            self.scroll.0 = at.min(last.saturating_sub(page));
        } else {
            self.lists.entry(self.view).or_default().selected = at.min(last.saturating_sub(1));
        }
    }

    fn typed(&mut self, prompt: Prompt, key: Key) {
        let (mut text, again): (_, fn(String) -> Prompt) = match prompt {
            Prompt::Words(text) => (text, Prompt::Words),
            Prompt::Time(text) => (text, Prompt::Time),
        };
        match key {
            Key::Escape => return,
            Key::Enter => {
                return match again(text) {
                    Prompt::Words(words) => self.look_for(words),
                    Prompt::Time(time) => self.around(&time),
                };
            }
            Key::Backspace => {
                text.pop();
            }
            Key::Char(character) if text.chars().count() < TYPED => text.push(character),
            _ => {}
        }
        self.prompt = Some(again(text));
    }

    /// In a list the rows with the words stay; in what is opened the first line with them is shown.
    fn look_for(&mut self, words: String) {
        let list = self.lists.entry(self.view).or_default();
        list.words = words;
        if self.reads() {
            self.scroll.0 = 0;
            self.next_line();
        } else {
            self.refresh(self.view);
        }
    }

    fn next_line(&mut self) {
        let words = self.list(self.view).words.clone();
        let from = self.scroll.0;
        let lines = self.sheet();
        let found = |line: &String| filter::has_words(line, &words);
        let after = lines.iter().skip(from + 1).position(found).map(|at| at + from + 1);
        match after.or_else(|| lines.iter().position(found)) {
            Some(line) => self.scroll.0 = line,
            None => self.note = "no line has these words".to_owned(),
        }
    }

    fn around(&mut self, text: &str) {
        match Span::parse(text, self.facts.day()) {
            Ok(span) => {
                self.filter.span = Some(span);
                self.refresh(View::Timeline);
                let nearest = self.facts.nearest(span.time, &self.list(View::Timeline).rows);
                self.lists.entry(View::Timeline).or_default().selected = nearest;
            }
            Err(wrong) => self.note = wrong,
        }
    }
}
