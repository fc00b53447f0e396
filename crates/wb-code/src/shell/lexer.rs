//! Splitting a shell command line into [`Command`]s, [`Word`]s and [`Redirect`]s (POSIX.1-2024, XCU 2.2 to
//! 2.10, with the forms of bash that payloads use). Tolerant: an unclosed quote ends with the text.

/// One simple command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// `NAME=value` words before the program.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
    /// Whether its input is the output of the command before it.
    pub piped: bool,
    /// Byte offset of its first word.
    pub start: usize,
    /// Byte offset past its last word.
    pub end: usize,
}

/// A redirection.
#[derive(Clone, Debug)]
pub(crate) struct Redirect {
    /// The operator: `<`, `>`, `>>`, `<<`, `<<<`, `<>`, or `<(` for a process substitution.
    pub operator: &'static str,
    /// The file, the text itself for `<<` and `<<<`, the command for `<(`.
    pub target: Word,
}

/// A word: pieces that are joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct Word {
    /// The pieces in order.
    pub pieces: Vec<Piece>,
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset past the last byte.
    pub end: usize,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text, quotes removed.
    Text(String),
    /// `$NAME` or `${NAME...}`.
    Variable(String),
    /// The command line inside `$( )` or backticks.
    Substitution(String),
}

impl Word {
    /// The word as text, with variables and substitutions as they are written.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Variable(name) => {
                    text.push('$');
                    text.push_str(name);
                }
                Piece::Substitution(source) => {
                    text.push_str("$(");
                    text.push_str(source);
                    text.push(')');
                }
            }
        }
        text
    }

    /// The word when it is plain text.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// The simple commands of `text`, in order. Substitutions stay in their words as text.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, heredocs: Vec::new() };
    let mut done: Vec<Command> = Vec::new();
    let mut current = Command::default();
    while let Some(byte) = lexer.peek(0) {
        match byte {
            b' ' | b'\t' | b'\r' => lexer.skip(1),
            b'#' => lexer.skip_comment(),
            b'\\' if lexer.peek(1) == Some(b'\n') => lexer.skip(2),
            b'\n' => {
                lexer.skip(1);
                finish(&mut current, &mut done);
                lexer.read_heredocs(&mut done);
            }
            b';' | b'(' | b')' => {
                lexer.skip(1);
                finish(&mut current, &mut done);
            }
            b'&' if lexer.peek(1) == Some(b'>') => lexer.redirect(&mut current),
            b'&' => {
                lexer.skip(if lexer.peek(1) == Some(b'&') { 2 } else { 1 });
                finish(&mut current, &mut done);
            }
            b'|' => {
                let or = lexer.peek(1) == Some(b'|');
                lexer.skip(if or || lexer.peek(1) == Some(b'&') { 2 } else { 1 });
                finish(&mut current, &mut done);
                current.piped = !or;
            }
            b'<' | b'>' => lexer.redirect(&mut current),
            b'0'..=b'9' if lexer.is_numbered_redirect() => lexer.redirect(&mut current),
            _ => {
                let word = lexer.word();
                add_word(&mut current, word);
            }
        }
    }
    finish(&mut current, &mut done);
    done
}

/// Words that only structure commands; what follows them is a command of its own.
const KEYWORDS: [&str; 13] =
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "time"];

fn add_word(command: &mut Command, word: Word) {
    if command.words.is_empty() {
        if word.plain().is_some_and(|text| KEYWORDS.contains(&text)) {
            return;
        }
        if let Some((name, value)) = assignment(&word) {
            if command.assignments.is_empty() {
                command.start = word.start;
            }
            command.end = word.end;
            command.assignments.push((name, value));
            return;
        }
        if command.assignments.is_empty() && command.redirects.is_empty() {
            command.start = word.start;
        }
    }
    command.end = word.end;
    command.words.push(word);
}

fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Piece::Text(first)) = word.pieces.first() else { return None };
    let (name, rest) = first.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let mut characters = name.chars();
    if !characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        || !characters.all(|other| other.is_ascii_alphanumeric() || other == '_')
    {
        return None;
    }
    let mut value = word.clone();
    if let Some(first) = value.pieces.first_mut() {
        *first = Piece::Text(rest.to_owned());
    }
    if rest.is_empty() && value.pieces.len() > 1 {
        value.pieces.remove(0);
    }
    Some((name.to_owned(), value))
}

fn finish(current: &mut Command, done: &mut Vec<Command>) {
    let command = std::mem::take(current);
    let empty =
        command.words.is_empty() && command.assignments.is_empty() && command.redirects.is_empty();
    if !empty {
        done.push(command);
    }
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Delimiters of here-documents that begin after this line.
    heredocs: Vec<String>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at.saturating_add(ahead)).copied()
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
    }

    fn slice(&self, start: usize, end: usize) -> String {
        String::from_utf8_lossy(self.bytes.get(start..end).unwrap_or_default()).into_owned()
    }

    fn skip_comment(&mut self) {
        while self.peek(0).is_some_and(|byte| byte != b'\n') {
            self.skip(1);
        }
    }

    fn is_numbered_redirect(&self) -> bool {
        let digits = self
            .bytes
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        digits <= 2 && matches!(self.peek(digits), Some(b'<' | b'>'))
    }

    /// Reads `2>&1`, `>file`, `<<EOF`, `<<<word`, `3<>file`, `&>file`.
    fn redirect(&mut self, command: &mut Command) {
        let start = self.at;
        while matches!(self.peek(0), Some(b'0'..=b'9' | b'&')) {
            self.skip(1);
        }
        let operator = match (self.peek(0), self.peek(1), self.peek(2)) {
            (Some(b'<'), Some(b'<'), Some(b'<')) => "<<<",
            (Some(b'<'), Some(b'<'), _) => "<<",
            (Some(b'<'), Some(b'>'), _) => "<>",
            (Some(b'>'), Some(b'>'), _) => ">>",
            (Some(b'<'), _, _) => "<",
            _ => ">",
        };
        self.skip(operator.len());
        if operator == "<<" && self.peek(0) == Some(b'-') {
            self.skip(1);
        }
        if matches!(self.peek(0), Some(b'&' | b'|')) {
            self.skip(1);
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.skip(1);
        }
        // Process substitution, `bash <(command)` and `bash < <(command)`, is a file with what the command writes.
        let again = operator == "<" && self.peek(0) == Some(b'<') && self.peek(1) == Some(b'(');
        self.skip(usize::from(again));
        let of_command = operator == "<" && self.peek(0) == Some(b'(');
        if !of_command && operator != "<<<" && self.peek(0) == Some(b'(') {
            // `>(command)`: the command is listed by itself.
            return;
        }
        let (operator, target) =
            if of_command { ("<(", self.process_substitution()) } else { (operator, self.word()) };
        command.end = target.end;
        if command.words.is_empty() && command.assignments.is_empty() {
            command.start = start;
        }
        if operator == "<<" {
            self.heredocs.push(target.text());
        }
        command.redirects.push(Redirect { operator, target });
    }

    /// Reads `(command)` of a process substitution.
    fn process_substitution(&mut self) -> Word {
        let start = self.at;
        self.skip(1);
        let inside = self.at;
        let end = self.matching_parenthesis();
        let pieces = vec![Piece::Substitution(self.slice(inside, end))];
        Word { pieces, start, end: self.at }
    }

    /// Reads the bodies of here-documents and puts each in the place of its delimiter.
    fn read_heredocs(&mut self, done: &mut [Command]) {
        for delimiter in std::mem::take(&mut self.heredocs) {
            let start = self.at;
            let mut end = self.bytes.len();
            while self.at < self.bytes.len() {
                let line_start = self.at;
                self.skip_comment();
                let line = self.slice(line_start, self.at);
                self.skip(1);
                if line.trim() == delimiter {
                    end = line_start;
                    break;
                }
            }
            let body = self.slice(start, end);
            let slot =
                done.iter_mut().rev().flat_map(|command| command.redirects.iter_mut()).find(
                    |redirect| redirect.operator == "<<" && redirect.target.text() == delimiter,
                );
            if let Some(redirect) = slot {
                redirect.target =
                    Word { pieces: vec![Piece::Text(body)], start, end: end.max(start) };
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut pieces = Pieces::default();
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => {
                    break;
                }
                b'\\' => {
                    if let Some(next) = self.peek(1).filter(|next| *next != b'\n') {
                        pieces.push(next);
                    }
                    self.skip(2);
                }
                b'\'' => self.single_quoted(&mut pieces),
                b'"' => self.double_quoted(&mut pieces),
                b'$' if self.peek(1) == Some(b'\'') => {
                    self.skip(1);
                    self.ansi_quoted(&mut pieces);
                }
                b'$' | b'`' => self.expansion(&mut pieces),
                _ => {
                    pieces.push(byte);
                    self.skip(1);
                }
            }
        }
        if self.at == start {
            self.skip(1);
        }
        Word { pieces: pieces.finish(), start, end: self.at }
    }

    fn single_quoted(&mut self, pieces: &mut Pieces) {
        self.skip(1);
        pieces.quoted = true;
        while let Some(byte) = self.peek(0) {
            self.skip(1);
            if byte == b'\'' {
                return;
            }
            pieces.push(byte);
        }
    }

    /// `$'...'` with its backslash escapes.
    fn ansi_quoted(&mut self, pieces: &mut Pieces) {
        self.skip(1);
        pieces.quoted = true;
        while let Some(byte) = self.peek(0) {
            self.skip(1);
            match byte {
                b'\'' => return,
                b'\\' => {
                    let escape = self.peek(0).unwrap_or(b'\\');
                    self.skip(1);
                    match escape {
                        b'n' => pieces.push(b'\n'),
                        b't' => pieces.push(b'\t'),
                        b'x' => {
                            let digits = self.slice(self.at, self.at.saturating_add(2));
                            if let Ok(value) = u8::from_str_radix(&digits, 16) {
                                pieces.push(value);
                                self.skip(2);
                            }
                        }
                        b'0'..=b'3' => {
                            let digits =
                                self.slice(self.at.saturating_sub(1), self.at.saturating_add(2));
                            if let Ok(value) = u8::from_str_radix(&digits, 8) {
                                pieces.push(value);
                                self.skip(2);
                            }
                        }
                        other => pieces.push(other),
                    }
                }
                _ => pieces.push(byte),
            }
        }
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) {
        self.skip(1);
        pieces.quoted = true;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.skip(1);
                    return;
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(next @ (b'"' | b'\\' | b'$' | b'`')) => pieces.push(next),
                        Some(b'\n') | None => {}
                        Some(next) => {
                            pieces.push(b'\\');
                            pieces.push(next);
                        }
                    }
                    self.skip(2);
                }
                b'$' | b'`' => self.expansion(pieces),
                _ => {
                    pieces.push(byte);
                    self.skip(1);
                }
            }
        }
    }

    /// Reads `$NAME`, `${...}`, `$(...)`, `$((...))` or a backtick substitution; a lone `$` is text.
    fn expansion(&mut self, pieces: &mut Pieces) {
        if self.peek(0) == Some(b'`') {
            self.skip(1);
            let start = self.at;
            while self.peek(0).is_some_and(|byte| byte != b'`') {
                self.skip(if self.peek(0) == Some(b'\\') { 2 } else { 1 });
            }
            let source = self.slice(start, self.at);
            self.skip(1);
            pieces.special(Piece::Substitution(source));
            return;
        }
        match self.peek(1) {
            Some(b'(') => {
                self.skip(2);
                let start = self.at;
                let end = self.matching_parenthesis();
                pieces.special(Piece::Substitution(self.slice(start, end)));
            }
            Some(b'{') => {
                self.skip(2);
                let start = self.at;
                while self.peek(0).is_some_and(|byte| byte != b'}') {
                    self.skip(1);
                }
                let inside = self.slice(start, self.at);
                self.skip(1);
                pieces.special(variable(&inside));
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.skip(1);
                let start = self.at;
                while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                {
                    self.skip(1);
                }
                pieces.special(Piece::Variable(self.slice(start, self.at)));
            }
            Some(byte @ (b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-')) => {
                self.skip(2);
                pieces.special(Piece::Variable(char::from(byte).to_string()));
            }
            _ => {
                pieces.push(b'$');
                self.skip(1);
            }
        }
    }

    /// Moves past the `)` that closes an open `$(` and returns where it stands.
    fn matching_parenthesis(&mut self) -> usize {
        let mut depth: usize = 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.skip(1),
                b'\'' => self.single_quoted(&mut Pieces::default()),
                b'(' => depth = depth.saturating_add(1),
                b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let end = self.at;
                        self.skip(1);
                        return end;
                    }
                }
                _ => {}
            }
            if byte != b'\'' {
                self.skip(1);
            }
        }
        self.at
    }
}

/// `${NAME}`, `${NAME:-default}`, `${#NAME}`, `${!NAME}`: the name; anything else is kept as it is.
fn variable(inside: &str) -> Piece {
    let name: String = inside
        .trim_start_matches(['#', '!'])
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect();
    Piece::Variable(if name.is_empty() { inside.to_owned() } else { name })
}

/// Builds the pieces of a word.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: Vec<u8>,
    quoted: bool,
}

impl Pieces {
    fn push(&mut self, byte: u8) {
        self.text.push(byte);
    }

    fn special(&mut self, piece: Piece) {
        self.flush();
        self.done.push(piece);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.done.push(Piece::Text(String::from_utf8_lossy(&text).into_owned()));
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        if self.done.is_empty() && self.quoted {
            self.done.push(Piece::Text(String::new()));
        }
        self.done
    }
}
