//! TorchServe archives (`.mar`): a zip whose manifest names the weights and the handler, Python that answers requests.
//!
//! Source: `model-archiver/model_archiver` and `ts/model_loader.py` of `pytorch/serve`.

use crate::spanned_json::{Json, Reader as JsonReader};
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request, names, target};
use wb_core::{Budget, Bytes, Content, Field, Oddity, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TorchServe archive",
    endings: &[".mar"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// The member that names the others.
const MANIFEST: &str = "MAR-INF/MANIFEST.json";

/// Handlers of TorchServe itself (`ts/torch_handler`).
const BUILT_IN: [&str; 7] = [
    "base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier", "text_handler",
    "vision_handler",
];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let there = zip::is_zip(input) && zip::any_name(input, |name| name == MANIFEST.as_bytes());
    there.then_some(Strength::Strong)
}

/// Members are read as what they are: weights, Python, and archives of more of both.
fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let entries = zip::open(input, &mut content, budget);
    for entry in &entries {
        if entry.name == MANIFEST {
            manifest(input, entry, &entries, &mut content, budget);
        }
        zip::child(input, entry, &mut content, budget);
    }
    names::tell_apart(&mut content.children);
    content
}

/// Reads what the manifest names, and holds it against the members.
fn manifest(input: Bytes<'_>, entry: &Entry, entries: &[Entry], content: &mut Content, budget: &mut Budget) {
    let Some(member) = zip::data(input, entry, content, budget) else { return };
    // What does not read as JSON is told of the member.
    let Ok(json) = JsonReader::new(member.bytes()).value(budget) else { return };
    let Some(model) = json.get("model") else { return };
    let found = Found { entries, span: entry.data };
    for (key, value) in model.entries() {
        let (path, value) = (format!("model.{key}"), value.display());
        content.fields.push(Field { path, value, span: Some(entry.data) });
    }
    for key in ["serializedFile", "modelFile"] {
        if let Some(file) = model.text_at(key).filter(|file| !file.is_empty()) {
            found.file(key, file, content);
        }
    }
    if let Some(handler) = model.get("handler").and_then(Json::text) {
        found.handler(handler, content, budget);
    }
}

struct Found<'a> {
    entries: &'a [Entry],
    /// The bytes of the manifest.
    span: Span,
}

impl Found<'_> {
    fn has(&self, file: &str) -> bool {
        self.entries.iter().any(|entry| entry.name.rsplit('/').next() == Some(file) || entry.name == file)
    }

    /// A file that has to lie in the archive.
    fn file(&self, key: &str, file: &str, content: &mut Content) {
        let (kind, what) = if file.contains("://") {
            (OddityKind::ExternalReference, format!("`{file}` is an address"))
        } else if let Some(why) = names::escapes(file) {
            (OddityKind::PathTraversal, format!("`{file}` lies outside the archive: {why}"))
        } else if !self.has(file) {
            (OddityKind::ExternalReference, format!("`{file}` is not in the archive"))
        } else {
            return;
        };
        let place = format!("model.{key}");
        content.oddities.push(Oddity { kind, place, span: Some(self.span), what });
    }

    /// The handler: a file, or a module and a function of it. TorchServe imports the module by its name, which is that
    /// of any module of Python when none of the archive is called so.
    fn handler(&self, handler: &str, content: &mut Content, budget: &mut Budget) {
        const KEY: &str = "handler";
        let scheme = handler.contains("://");
        let (module, function) = match handler.rsplit_once(':') {
            Some((module, function)) if !scheme => (module, Some(function)),
            _ => (handler, None),
        };
        let name = module.strip_suffix(".py").unwrap_or(module);
        let file = format!("{name}.py");
        if BUILT_IN.contains(&name) || (!scheme && names::escapes(module).is_none() && self.has(&file)) {
            return;
        }
        let plain = !scheme && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
        match function.filter(|_| plain) {
            Some(function) if budget.items(2).is_ok() => content.programs.push(target::call_of(name, function, "model.handler", self.span)),
            _ => self.file(KEY, if scheme { handler } else { &file }, content),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Zip, claims, oddities, parse, survive};
    use wb_core::OpKind;

    fn archive(handler: &str) -> Vec<u8> {
        let manifest = format!(
            r#"{{"createdOn": "01/06/2026 10:00:00", "runtime": "python", "archiverVersion": "0.12.0",
            "model": {{"modelName": "small", "serializedFile": "model.pt", "handler": "{handler}", "modelVersion": "1.0"}}}}"#
        );
        Zip::new()
            .stored("model.pt", b"\x80\x02N.")
            .stored("answer.py", b"def handle(data, context):\n    return data\n")
            .deflated("MAR-INF/MANIFEST.json", manifest.as_bytes())
            .finish()
    }

    #[test]
    fn handlers_in_the_archive_and_of_the_server_are_ordinary() {
        for handler in ["answer.py", "answer", "answer:handle", "answer.py:handle", "image_classifier"] {
            let bytes = archive(handler);
            assert_eq!(claims(&bytes), "torchserve (zip)");
            let content = parse("torchserve", &bytes);
            assert_eq!((oddities(&content), content.programs.len()), (Vec::new(), 0), "{handler}");
            assert_eq!(content.children.len(), 3);
        }
    }

    #[test]
    fn handlers_that_are_elsewhere_are_told() {
        for (handler, odd) in [
            ("missing.py", "external-reference model.handler"),
            ("https://192.0.2.1/handler.py", "external-reference model.handler"),
            ("../../srv/handler.py", "path-traversal model.handler"),
            ("/srv/handler.py", "path-traversal model.handler"),
        ] {
            assert_eq!(oddities(&parse("torchserve", &archive(handler))), [odd], "{handler}");
        }
    }

    #[test]
    fn a_function_of_another_module_is_a_call() {
        let content = parse("torchserve", &archive("os:system"));
        let import = OpKind::Import { module: "os".to_owned(), name: "system".to_owned() };
        assert_eq!(content.programs[0].ops[0].kind, import);
        assert!(content.oddities.is_empty());
    }

    /// Made by `tests/data/make_mar.py`.
    #[test]
    fn an_archive_of_the_archiver_is_read_as_it_was_written() {
        let real = include_bytes!("../tests/data/real.mar");
        let content = parse("torchserve", real);
        assert_eq!((claims(real).as_str(), oddities(&content), content.gaps.len()), ("torchserve (zip)", Vec::new(), 0));
        let handler = content.fields.iter().find(|field| field.path == "model.handler").map(|field| &*field.value);
        assert_eq!((handler, content.children.len(), content.programs.len()), (Some("answer.py"), 3, 0));
    }

    #[test]
    fn damage_is_survived() {
        survive("torchserve", &archive("os:system"));
    }
}
