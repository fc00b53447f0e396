//! Requirements in manifests: what `pyproject.toml`, a `Pipfile` and an environment of conda ask for, in the same
//! components as a list for pip.

use super::requirement::{self, Parsed};
use super::{component, indexes};
use crate::spanned_json::{Json, Node};
use wb_core::{Content, Field, Span};

/// Names that stand for the interpreter among the dependencies of Poetry.
const INTERPRETER: &str = "python";

/// Adds what a project of Python asks for: PEP 621, PEP 735, the build system, Poetry, uv, Pipenv.
pub(crate) fn project(json: &Json, content: &mut Content) {
    let mut list = List { content };
    let at = |path: &[&str]| path.iter().try_fold(json, |json, key| json.get(key));
    for path in [
        ["project", "dependencies"],
        ["build-system", "requires"],
    ] {
        list.each(&path.join("."), at(&path));
    }
    for path in [
        &["project", "optional-dependencies"][..],
        &["dependency-groups"],
    ] {
        for (name, group) in at(path).map(Json::entries).unwrap_or_default() {
            list.each(&format!("{}.{name}", path.join(".")), Some(group));
        }
    }
    list.tables("packages", at(&["packages"]));
    list.tables("dev-packages", at(&["dev-packages"]));
    list.tables("tool.poetry.dependencies", at(&["tool", "poetry", "dependencies"]));
    for (name, group) in at(&["tool", "poetry", "group"]).map(Json::entries).unwrap_or_default() {
        list.tables(&format!("tool.poetry.group.{name}.dependencies"), group.get("dependencies"));
    }
    for path in [&["source"][..], &["tool", "poetry", "source"], &["tool", "uv", "index"]] {
        for source in at(path).map(Json::items).unwrap_or_default() {
            list.index(source.get("url"));
        }
    }
    indexes(list.content);
}

/// Adds what an environment of conda asks pip for: `dependencies`, there the list under `pip`.
pub(crate) fn environment(json: &Json, content: &mut Content) {
    let dependencies = json.get("dependencies").map(Json::items).unwrap_or_default();
    let mut list = List { content };
    for (index, item) in dependencies.iter().enumerate() {
        list.each(&format!("dependencies[{index}].pip"), item.get("pip"));
    }
    indexes(list.content);
}

/// Adds what a service of BentoML asks pip for: `packages`, and where they are looked for.
pub(crate) fn bento(python: &Json, content: &mut Content) {
    let mut list = List { content };
    list.each("python.packages", python.get("packages"));
    list.index(python.get("index_url"));
    for url in ["extra_index_url", "find_links"].iter().flat_map(|key| python.get(key).map(Json::items).unwrap_or_default()) {
        list.index(Some(url));
    }
    indexes(list.content);
}

/// Adds what a command line of a shell installs with pip, options among it. `span` and `line` are where it stands.
pub(crate) fn command(text: &str, span: Span, line: u64, content: &mut Content) {
    for command in text.split(['\n', ';', '|', '&']) {
        let mut words = command.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\''])).peekable();
        let is_pip = |word: &str| matches!(word.rsplit('/').next(), Some("pip" | "pip2" | "pip3"));
        if !words.by_ref().any(is_pip) || words.next() != Some("install") {
            continue;
        }
        while let Some(word) = words.next() {
            // Options whose value is a word of its own.
            let apart = matches!(word, "-i" | "-f" | "-e" | "-r" | "-c")
                || ["index-url", "extra-index-url", "find-links", "trusted-host", "editable"]
                    .iter()
                    .any(|name| word.strip_prefix("--") == Some(name));
            let whole = match words.peek().filter(|_| apart) {
                Some(value) => format!("{word} {value}"),
                None => word.to_owned(),
            };
            if apart {
                words.next();
            }
            match requirement::parse(&whole) {
                Parsed::Requirement(asked) => {
                    let place = format!("line {line}");
                    content.components.push(component(&asked, span, place, Some(line)));
                }
                Parsed::Option(name, value) => {
                    let (path, value) = (name.to_owned(), value.to_owned());
                    content.fields.push(Field { path, value, span: Some(span) });
                }
                Parsed::Other | Parsed::Nothing => {}
            }
        }
    }
}

struct List<'c> {
    content: &'c mut Content,
}

impl List<'_> {
    /// A list of requirements as pip writes them, options among them.
    fn each(&mut self, place: &str, list: Option<&Json>) {
        for (index, item) in list.map(Json::items).unwrap_or_default().iter().enumerate() {
            let Some(text) = item.text() else { continue };
            match requirement::parse(text) {
                Parsed::Requirement(asked) => {
                    let place = format!("{place}[{index}]");
                    self.content.components.push(component(&asked, item.span, place, None));
                }
                Parsed::Option(name, value) => self.option(name, value, item),
                Parsed::Other | Parsed::Nothing => {}
            }
        }
    }

    /// A table of names, each with a version or a table that says where the package is.
    fn tables(&mut self, place: &str, table: Option<&Json>) {
        for (name, value) in table.map(Json::entries).unwrap_or_default() {
            if name == INTERPRETER {
                continue;
            }
            let git = value.text_at("git").map(|git| format!("git+{git}"));
            let url = git.or_else(|| value.text_at("url").map(str::to_owned)).unwrap_or_default();
            let version = match &value.node {
                Node::Text(version) => version,
                _ => value.text_at("version").unwrap_or_default(),
            };
            let asked = requirement::Requirement { name, version, url: &url, ..Default::default() };
            let place = format!("{place}.{name}");
            self.content.components.push(component(&asked, value.span, place, None));
        }
    }

    fn index(&mut self, url: Option<&Json>) {
        if let Some((json, url)) = url.and_then(|json| Some((json, json.text()?))) {
            self.option("extra-index-url", url, json);
        }
    }

    fn option(&mut self, name: &str, value: &str, json: &Json) {
        let (path, value) = (name.to_owned(), value.to_owned());
        self.content.fields.push(Field { path, value, span: Some(json.span) });
    }
}
