//! What descriptions of BentoML ask for: packages, commands that are run as the image is built, and files of the service.
//!
//! Sources: BentoML, "Bento build options" (`bentofile.yaml`), and `bento.yaml` as `bentoml build` writes it: since its
//! second version with the commands of the image in it.

use super::outside;
use crate::requirements::manifest;
use crate::spanned_json::Json;
use wb_core::{Budget, Content, Trigger};

/// Commands of one image that are lifted.
const MOST: usize = 1_000;

/// Adds what the description `json` asks for; documents that are none are left alone.
pub(super) fn read(json: &Json, content: &mut Content, budget: &mut Budget) {
    if json.get("service").is_none() {
        return;
    }
    if let Some(python) = json.get("python") {
        manifest::bento(python, content);
        file(python.get("requirements_txt"), "python.requirements_txt", content);
        for wheel in python.get("wheels").map(Json::items).unwrap_or_default() {
            file(Some(wheel), "python.wheels", content);
        }
        pip(python.get("pip_args"), "pip install", content);
    }
    for key in ["setup_script", "dockerfile_template"] {
        let script = json.get("docker").and_then(|docker| docker.get(key));
        file(script, &format!("docker.{key}"), content);
    }
    let environment = json.get("conda").and_then(|conda| conda.get("environment_yml"));
    file(environment, "conda.environment_yml", content);
    if let Some(image) = json.get("image") {
        commands(image, content, budget);
        let lines = image.get("python_requirements").and_then(Json::text).unwrap_or_default();
        for line in lines.lines() {
            pip_line(image, line, content);
        }
        file(image.get("lock_python_packages"), "image.lock_python_packages", content);
    }
}

/// Commands of the image: those before the packages are installed, and those after it.
fn commands(image: &Json, content: &mut Content, budget: &mut Budget) {
    for key in ["commands", "post_commands", "scripts"] {
        let commands = image.get(key).map(Json::items).unwrap_or_default();
        for (index, command) in commands.iter().take(MOST).enumerate() {
            let Some(text) = command.text() else { continue };
            let mut program = wb_code::shell::lift(text, Trigger::Run, budget);
            program.stand_at(command.span);
            program.place = format!("image.{key}[{index}]");
            content.programs.push(program);
        }
    }
}

/// Options that are given to pip, in one string.
fn pip(options: Option<&Json>, command: &str, content: &mut Content) {
    if let Some((json, text)) = options.and_then(|json| Some((json, json.text()?))) {
        manifest::command(&format!("{command} {text}"), json.span, 0, content);
    }
}

/// A line of the requirements that stand in the description of an image.
fn pip_line(image: &Json, line: &str, content: &mut Content) {
    let span = image.get("python_requirements").map_or(image.span, |json| json.span);
    let line = line.split('#').next().unwrap_or_default().trim();
    if !line.is_empty() {
        manifest::command(&format!("pip install {line}"), span, 0, content);
    }
}

/// A file that has to lie in the folder that is built.
fn file(file: Option<&Json>, place: &str, content: &mut Content) {
    if let Some((json, text)) = file.and_then(|json| Some((json, json.text()?))) {
        outside(text, place, json, content);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{oddities, parse};

    #[test]
    fn packages_of_a_service_are_requirements() {
        let text = b"service: \"service:svc\"\npython:\n  packages:\n  - scikit-learn==1.5.0\n  - torch\n  index_url: https://192.0.2.1/simple\n";
        let content = parse("yaml", text);
        let names: Vec<&str> = content.components.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["service", "scikit-learn", "torch"]);
        assert!(parse("yaml", b"python:\n  packages: [torch]\n").components.is_empty());
    }

    #[test]
    fn what_an_image_runs_and_installs_is_read() {
        let text = b"service: service:S\nbentoml_version: 1.4.40\nimage:\n  commands:\n  - echo before\n  python_requirements: 'numpy==2.4.6\n\n    --extra-index-url https://packages.example/simple\n\n    '\n  post_commands:\n  - ./setup.sh && echo after\n";
        let content = parse("yaml", text);
        let places: Vec<&str> = content.programs.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["image.commands[0]", "image.post_commands[0]"]);
        assert!(content.components.iter().any(|one| one.name == "numpy"));
        let index = content.fields.iter().find(|field| field.path == "extra-index-url");
        assert_eq!(
            index.map(|field| field.value.as_str()),
            Some("https://packages.example/simple")
        );
        assert!(parse("yaml", b"image:\n  commands: [echo x]\n").programs.is_empty());
    }

    #[test]
    fn files_of_a_service_outside_its_folder_are_told() {
        let service = |script: &str| format!("service: s:S\ndocker:\n  setup_script: {script}\n");
        let told = |script: &str| oddities(&parse("yaml", service(script).as_bytes()));
        assert_eq!(told("../../setup.sh"), ["external-reference docker.setup_script"]);
        assert_eq!(told("./setup.sh"), Vec::<String>::new());
    }

    #[test]
    fn what_is_imported_is_named() {
        let named = |text: &str| {
            let content = parse("yaml", text.as_bytes());
            let parts = content.components.iter().filter(|one| one.kind == "remote-code");
            parts
                .map(|one| format!("{} {:?} {}", one.name, one.module, one.class))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            named("service: src/app.py:Svc\nbentoml_version: 1.4.40\n"),
            ["service Some(\"src.app\") Svc"]
        );
        assert_eq!(named("service: web:8080\nports: [1]\n"), Vec::<String>::new());
        let model = "module: evil.loader\napi_version: v1\nsignatures: {}\ncontext: {bentoml_version: 1.4.40}\n";
        assert_eq!(named(model), ["module Some(\"evil.loader\") load_model"]);
        assert_eq!(named("module: a.b\napi_version: v1\n"), Vec::<String>::new());
    }
}
