//! [`Setting`]: where code stands, which decides what is ordinary there.

use super::Story;
use crate::rules::Subject;
use wb_code::python;
use wb_core::{Effect, Language, Location, Program, Trigger};

/// The kinds of places in which code is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The opcodes of a pickle: they run when it is loaded.
    Pickle,
    /// Code inside a layer of a Keras model.
    Lambda,
    /// A Keras configuration that names classes and functions.
    KerasConfig,
    /// Any other configuration that names what is to be called.
    Config,
    /// A chat template or prompt template.
    Template,
    /// A script or a cell of a notebook: it runs when somebody starts it.
    Script,
    /// Commands that a text tells somebody to run.
    Instructions,
    /// A Python file or compiled module, which runs when it is imported or installed.
    Module,
    /// Any other code that a model carries, such as TorchScript.
    ModelCode,
}

/// Formats whose shell commands stand in text for people: cards, descriptions, comments.
const TELLING: [&str; 8] =
    ["markdown", "gguf", "safetensors", "onnx", "core-ml", "tflite", "xgboost", "catboost"];

impl Setting {
    /// Where `program` stands in an artifact of `format`.
    pub(crate) fn of(program: &Program, format: &str) -> Self {
        let keras = format.contains("keras") || format.contains("hdf5") || format.contains("h5");
        match (program.language, program.trigger) {
            (Language::Pickle, _) => Self::Pickle,
            (Language::Jinja, _) => Self::Template,
            (Language::Shell, _) if TELLING.contains(&format) => Self::Instructions,
            (Language::Shell, _) | (_, Trigger::Run) => Self::Script,
            (Language::Config, _) if keras => Self::KerasConfig,
            (Language::Config, _) => Self::Config,
            (Language::Python, _) if python::is_of_archive(program) => Self::ModelCode,
            (_, Trigger::Import | Trigger::Install) => Self::Module,
            _ if keras || program.component.is_some() => Self::Lambda,
            _ => Self::ModelCode,
        }
    }

    /// The place of a story: that of its main effect.
    pub(super) fn location(self, subject: &Subject<'_>, story: &Story<'_>) -> Location {
        self.location_of(subject, story.program, story.main)
    }

    /// The place of one effect, in the terms of what it stands in.
    pub(super) fn location_of(
        self,
        subject: &Subject<'_>,
        program: &Program,
        effect: &Effect,
    ) -> Location {
        let named = |unit: &str| match program.place.as_str() {
            "" => format!("{unit} {}", effect.number),
            place => format!("{place} {unit} {}", effect.number),
        };
        let component = program.component.clone();
        match self {
            Self::Pickle => Location { component, ..Location::at(named("op"), Some(effect.span)) },
            Self::Module | Self::Script | Self::Instructions => Location {
                component,
                line: Some(effect.number),
                ..Location::at(named("line"), Some(effect.span))
            },
            Self::Template => {
                let key = component.unwrap_or_else(|| program.place.clone());
                let place =
                    if program.place.is_empty() { key.clone() } else { program.place.clone() };
                let component = (!key.is_empty()).then_some(key);
                Location { component, ..Location::at(place, Some(effect.span)) }
            }
            Self::Lambda | Self::KerasConfig | Self::Config | Self::ModelCode => {
                let owner = subject.content.components.iter().find(|candidate| {
                    program.component.as_ref().is_some_and(|name| *name == candidate.name)
                });
                // Decoded code that could not be placed has empty spans.
                let placed = effect.span.len > 0;
                let span = if placed { effect.span } else { program.span };
                let place = match (&*program.place, owner) {
                    ("", Some(owner)) => owner.place.clone(),
                    ("", None) => component.clone().unwrap_or_default(),
                    (place, _) => place.to_owned(),
                };
                Location { component, ..Location::at(place, Some(span)) }
            }
        }
    }
}
