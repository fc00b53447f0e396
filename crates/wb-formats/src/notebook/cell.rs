//! What a cell of code is made of: Python, commands for the shell, and what a magic of IPython does with it.
//!
//! Specification: "Built-in magic commands" and `IPython/core/inputtransformer2.py` in `ipython/ipython`.

/// A cell, taken apart. Line numbers of `shell` and `python` are those of the cell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// Commands for a shell.
    pub(super) shell: String,
    /// Python, with `pass` where a command stood.
    pub(super) python: String,
    /// A page that is shown: its media type, and itself.
    pub(super) page: Option<(&'static str, String)>,
    /// A file that is written: its name, and what is in it.
    pub(super) file: Option<(String, String)>,
    /// Prose.
    pub(super) text: Option<String>,
    /// The magic whose cell is in another language.
    pub(super) unread: Option<String>,
}

impl Cell {
    /// Takes `source` apart.
    pub(super) fn of(source: &str) -> Self {
        let first = source.lines().next().unwrap_or_default();
        let Some(magic) = first.strip_prefix("%%") else { return Self::lines(source) };
        let (name, arguments) = magic.split_once(char::is_whitespace).unwrap_or((magic, ""));
        let arguments = arguments.trim();
        let body = || source.split_once('\n').map_or("", |(_, body)| body).to_owned();
        let mut cell = Self::default();
        match (name.trim_end(), arguments.split_whitespace().next()) {
            ("bash" | "sh" | "system" | "sx" | "!", _) | ("script", Some("bash" | "sh")) => {
                // The line of the magic stays as an empty one.
                cell.shell = format!("\n{}", body());
            }
            ("javascript" | "js", _) => cell.page = Some(("application/javascript", body())),
            ("html" | "HTML", _) => cell.page = Some(("text/html", body())),
            ("svg" | "SVG", _) => cell.page = Some(("image/svg+xml", body())),
            ("writefile" | "file", _) => {
                let name = arguments.split_whitespace().rfind(|word| !word.starts_with('-'));
                cell.file = Some((name.unwrap_or_default().trim_matches(['"', '\'']).to_owned(), body()));
            }
            ("latex" | "markdown", _) => cell.text = Some(body()),
            ("capture" | "time" | "timeit" | "prun" | "python" | "python3" | "pypy" | "px" | "memit" | "mprun", _) => {
                return Self::lines(source);
            }
            (other, _) => cell.unread = Some(format!("%%{other}")),
        }
        cell
    }

    /// Lines of Python, of commands, and of magics.
    fn lines(source: &str) -> Self {
        let mut cell = Self::default();
        // What parses has no commands: a line of a long string may look like one.
        let plain = source.lines().all(|line| command(line).is_none());
        if plain || wb_code::python::parse(source).is_some() {
            source.clone_into(&mut cell.python);
            return cell;
        }
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            let mut whole = line.to_owned();
            let mut more = 0_usize;
            let Some((before, kind)) = command(line) else {
                cell.push(line, "", more);
                continue;
            };
            while whole.ends_with('\\') {
                let Some(next) = lines.next() else { break };
                whole.truncate(whole.len().saturating_sub(1));
                whole.push_str(next);
                more = more.saturating_add(1);
            }
            let rest = whole.get(before.len()..).unwrap_or_default();
            let python = if before.trim_end().ends_with('=') { "None" } else { "pass" };
            cell.push(&format!("{before}{python}"), &kind.shell(rest), more);
        }
        cell
    }

    /// Adds a line to both, and so many empty ones for those that it was continued on.
    fn push(&mut self, python: &str, shell: &str, more: usize) {
        let ends = "\n".repeat(more.saturating_add(1));
        self.python.push_str(python);
        self.python.push_str(&ends);
        self.shell.push_str(shell);
        self.shell.push_str(&ends);
    }
}

/// What a line is that is no Python.
enum Kind {
    /// `!command`.
    Shell,
    /// `%magic`.
    Magic,
    /// `?name`, or `name?`.
    Help,
}

impl Kind {
    /// The command for a shell that `rest` of a line is; empty where it is none.
    fn shell(&self, rest: &str) -> String {
        let magic = match self {
            Self::Shell => return rest.trim_start_matches('!').to_owned(),
            Self::Help => return String::new(),
            Self::Magic => rest.trim_start_matches('%'),
        };
        let (name, arguments) = magic.split_once(' ').unwrap_or((magic, ""));
        match name {
            "sx" | "system" => arguments.to_owned(),
            "pip" | "conda" | "mamba" | "uv" => magic.to_owned(),
            _ => String::new(),
        }
    }
}

/// What stands in `line` before a command, a magic or a question: blanks, or the name that its result is given.
fn command(line: &str) -> Option<(&str, Kind)> {
    let indent = line.len().saturating_sub(line.trim_start().len());
    let (blanks, bare) = line.split_at_checked(indent)?;
    match bare.chars().next()? {
        '!' => return Some((blanks, Kind::Shell)),
        '%' => return Some((blanks, Kind::Magic)),
        '?' => return Some((blanks, Kind::Help)),
        _ => {}
    }
    if bare.trim_end().ends_with('?') && !bare.contains(['#', '"', '\'']) {
        return Some((blanks, Kind::Help));
    }
    let (name, value) = bare.split_once('=')?;
    let named = !name.trim().is_empty()
        && name.chars().all(|one| one.is_alphanumeric() || matches!(one, '_' | '.' | ',' | ' '));
    let kind = match value.trim_start().chars().next()? {
        '!' => Kind::Shell,
        '%' => Kind::Magic,
        _ => return None,
    };
    let start = line.len().saturating_sub(value.trim_start().len());
    named.then_some((line.get(..start)?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> (String, String) {
        let cell = Cell::of(source);
        (cell.python, cell.shell)
    }

    fn pair(python: &str, shell: &str) -> (String, String) {
        (python.to_owned(), shell.to_owned())
    }

    #[test]
    fn commands_leave_python_that_parses() {
        assert_eq!(lines("if gpu:\n  !pip install x"), pair("if gpu:\n  pass\n", "\npip install x\n"));
        assert_eq!(lines("!pip install \\\n  x\ny = 1"), pair("pass\n\ny = 1\n", "pip install   x\n\n\n"));
        assert_eq!(lines("names = !ls -a"), pair("names = None\n", "ls -a\n"));
        assert_eq!(lines("%matplotlib inline\n%pip install x"), pair("pass\npass\n", "\npip install x\n"));
        assert_eq!(lines("print?\n?print"), pair("pass\npass\n", "\n\n"));
        assert_eq!(lines("%%capture out\nx = a % b"), pair("pass\nx = a % b\n", "\n\n"));
        assert_eq!(lines("a = b != c\nd = 'e?'"), pair("a = b != c\nd = 'e?'", ""));
        assert_eq!(lines("s = '''\n!ls\n'''"), pair("s = '''\n!ls\n'''", ""));
    }

    #[test]
    fn magics_of_cells_say_what_the_cell_is() {
        assert_eq!(Cell::of("%%bash -e\nls").shell, "\nls");
        assert_eq!(Cell::of("%%js\nf()").page, Some(("application/javascript", "f()".to_owned())));
        assert_eq!(Cell::of("%%writefile -a x.py\nid").file, Some(("x.py".to_owned(), "id".to_owned())));
        assert_eq!(Cell::of("%%markdown\n# x").text.as_deref(), Some("# x"));
        assert_eq!(Cell::of("%%R\nplot(x)").unread.as_deref(), Some("%%R"));
    }
}
