//! [`Layers`]: which settings each Keras class has, and which components are its own.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use wb_core::Component;

/// The table, derived from the sources of Keras by `data/derive_keras_layers.py`.
pub(crate) const LAYERS: &str = include_str!("../data/keras_layers.toml");

/// Functions that Keras knows by a bare name, derived by `data/derive_keras_functions.py`.
pub(crate) const FUNCTIONS: &str = include_str!("../data/keras_functions.txt");

/// Settings by class, united over the versions of Keras 2 and 3.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Layers {
    #[serde(borrow)]
    base: HashSet<&'static str>,
    #[serde(borrow)]
    classes: HashMap<&'static str, HashSet<&'static str>>,
}

impl Layers {
    /// The table, parsed when the first Keras model is met.
    pub(crate) fn get() -> &'static Self {
        static LAYERS_PARSED: OnceLock<Layers> = OnceLock::new();
        LAYERS_PARSED.get_or_init(|| {
            toml::from_str(LAYERS).expect("the shipped table parses: a test reads it")
        })
    }

    /// Whether Keras has a layer or model of this class.
    pub(crate) fn has_class(&self, class: &str) -> bool {
        self.classes.contains_key(class)
    }

    /// Whether `class` has the setting `key`; `None` for classes that are not of Keras.
    pub(crate) fn has_setting(&self, class: &str, key: &str) -> Option<bool> {
        let own = self.classes.get(class)?;
        Some(own.contains(key) || self.base.contains(key))
    }
}

/// Whether Keras finds a function of its own under the bare name `name`, such as `gelu`.
pub(crate) fn is_keras_function(name: &str) -> bool {
    !name.starts_with('#') && FUNCTIONS.lines().any(|line| line == name)
}

/// Whether `component` is a layer or model.
pub(crate) fn is_layer(component: &Component) -> bool {
    matches!(component.kind, "layer" | "model") && !component.class.is_empty()
}

/// Whether the class of `component` is taken from Keras: from one of its modules, or from none that is
/// named, as Keras 2 wrote it.
pub(crate) fn is_from_keras(component: &Component) -> bool {
    const ROOTS: [&str; 4] = ["keras", "tf_keras", "tensorflow", "tensorflow_core"];
    let Some(module) = &component.module else { return true };
    ROOTS.contains(&module.split('.').next().unwrap_or_default())
}
