//! Whether source is nested so little that a tree of it can be built and taken apart on a normal stack.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Brackets in brackets: CPython's own limit (`MAXSTACK` in `tokenizer.h`).
const MAX_BRACKETS: usize = 200;

/// Blocks in blocks: CPython's own limit (`MAXINDENT`).
const MAX_INDENTS: u32 = 100;

/// Operators that follow one another on one level, as in `a + b + c`.
const MAX_OPERATORS: u32 = 4000;

/// Calls, subscripts and attributes that follow one another, as in `a.b().c[0]`.
const MAX_POSTFIX: u32 = 300;

/// Whether a tree of `source` is of bounded depth.
pub(super) fn is_bounded(source: &str) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    // Operators and postfixes on each level of brackets, and their sum over all levels.
    let mut levels: Vec<Level> = vec![Level::default()];
    let mut total: u32 = 0;
    let mut indents: u32 = 0;
    loop {
        let kind = lexer.next_token();
        let Some(level) = levels.last_mut() else { return true };
        match kind {
            TokenKind::EndOfFile => return true,
            TokenKind::Indent => indents = indents.saturating_add(1),
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline | TokenKind::Comma | TokenKind::Semi => {
                total = total.saturating_sub(level.operators);
                *level = Level::default();
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                level.postfix = level.postfix.saturating_add(1);
                levels.push(Level::default());
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                total = total.saturating_sub(level.operators);
                if levels.len() > 1 {
                    levels.pop();
                }
            }
            TokenKind::Dot => level.postfix = level.postfix.saturating_add(1),
            TokenKind::Lambda
            | TokenKind::If
            | TokenKind::Else
            | TokenKind::Not
            | TokenKind::Await => {
                level.operators = level.operators.saturating_add(20);
                total = total.saturating_add(20);
            }
            kind if kind.is_operator() || kind.is_keyword() => {
                level.operators = level.operators.saturating_add(1);
                level.postfix = 0;
                total = total.saturating_add(1);
            }
            _ => {}
        }
        let postfix = levels.last().map_or(0, |level| level.postfix);
        if levels.len() > MAX_BRACKETS
            || indents > MAX_INDENTS
            || total > MAX_OPERATORS
            || postfix > MAX_POSTFIX
        {
            return false;
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Level {
    operators: u32,
    postfix: u32,
}
