//! `weighbridge open`: a case walked in the terminal.

use super::{Ended, Outcome, saved};
use crate::cli::Open;
use crate::terminal::Terminal;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io::{self, IsTerminal as _};
use wb_explore::{Explorer, Key};

/// Shows the case until the reader leaves.
pub fn run(arguments: &Open, terminal: Terminal) -> Ended {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err("`open` needs a terminal, and standard input or output is none\n\
            hint: `weighbridge show F1 CASE` prints one thing of a case, `weighbridge investigate DIR` all of it"
            .into());
    }
    let case = saved::case(&arguments.case)?;
    let mut explorer = Explorer::new(case, terminal.color);
    // The screen is given back on every way out, a panic included: `try_init` sets a hook for it.
    let mut screen = ratatui::try_init()?;
    let ended = walk(&mut explorer, &mut screen);
    let restored = ratatui::try_restore();
    ended?;
    restored?;
    Ok(Outcome::NothingFound)
}

fn walk(explorer: &mut Explorer, screen: &mut DefaultTerminal) -> io::Result<()> {
    while !explorer.has_ended() {
        let size = screen.size()?;
        explorer.resize(size.width, size.height);
        screen.draw(|frame| explorer.draw(frame.area(), frame.buffer_mut()))?;
        if let Event::Key(pressed) = event::read()?
            && pressed.kind != KeyEventKind::Release
            && let Some(key) = key(pressed)
        {
            explorer.press(key);
        }
    }
    Ok(())
}

fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.modifiers.contains(KeyModifiers::CONTROL) {
        return (pressed.code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    Some(match pressed.code {
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}
