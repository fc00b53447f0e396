//! Which objects of a configuration Keras itself provides, and which it would import from elsewhere.
//!
//! `keras.saving.deserialize_keras_object` imports whatever `module` a configuration names and takes
//! `class_name` (or, for functions, `config`) from it: CVE-2025-1550. Restricted to Keras, the same lookup
//! still reaches functions that download, load or switch protections off: CVE-2025-8747, CVE-2025-9906.

/// What a configuration names: `module` and the attribute in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
    /// Whether it is said to be a function.
    pub(super) function: bool,
}

impl Reference<'_> {
    /// Whether the name leads to one of the layers, initializers, losses... that Keras provides for
    /// configurations.
    pub(super) fn is_ordinary(&self) -> bool {
        if self.module == "builtins" {
            // Keras writes this module for functions of its own and finds them by name before it looks
            // into the module.
            return self.function && !PYTHON_BUILTINS.contains(&self.name);
        }
        let Some(inner) = below_keras(self.module) else {
            // Type specifications are written with TensorFlow's own module names.
            return self.module.starts_with("tensorflow.python.framework.")
                && self.name.ends_with("Spec");
        };
        let (package, rest) = match (inner, self.name.split_once('.')) {
            ("", Some((package, rest))) => (package, rest),
            ("", None) => return is_class_name(self.name),
            (inner, _) => (inner.split('.').next().unwrap_or(inner), self.name),
        };
        if OBJECT_PACKAGES.contains(&package) {
            return !rest.contains('.') || is_class_name(rest.rsplit('.').next().unwrap_or(rest));
        }
        !self.function && is_class_name(rest)
    }
}

/// Whether the TensorFlow function that a `TFOpLambda` or `SlicingOpLambda` layer names computes on
/// tensors only. These layers look the name up below `tf`.
pub(super) fn is_tensor_function(name: &str) -> bool {
    match name.split_once('.') {
        Some((package, _)) => TENSOR_PACKAGES.contains(&package),
        None => !TENSORFLOW_HOSTS.contains(&name),
    }
}

/// `layers` for `keras.src.layers`; `None` outside Keras.
fn below_keras(module: &str) -> Option<&str> {
    let root = ROOTS.iter().find_map(|root| {
        let rest = module.strip_prefix(root)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
    })?;
    Some(match root.split_once('.') {
        Some(("src" | "api" | "engine", rest)) => rest,
        None if ["src", "api", "engine"].contains(&root) => "",
        _ => root,
    })
}

fn is_class_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Names under which Keras is imported, longest first where one begins another.
const ROOTS: &[&str] = &[
    "keras._tf_keras.keras",
    "tensorflow.python.keras",
    "tensorflow.keras",
    "tensorflow_core.keras",
    "tf.keras",
    "tf_keras",
    "keras",
];

/// Packages of Keras whose classes and functions compute on tensors.
const OBJECT_PACKAGES: &[&str] = &[
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
];

/// Packages of TensorFlow whose functions compute on tensors.
const TENSOR_PACKAGES: &[&str] = &[
    "__operators__",
    "bitwise",
    "dtypes",
    "image",
    "linalg",
    "math",
    "nn",
    "quantization",
    "ragged",
    "random",
    "sets",
    "signal",
    "sparse",
    "strings",
];

/// Functions of TensorFlow that run Python, load libraries or touch files.
const TENSORFLOW_HOSTS: &[&str] = &[
    "py_function",
    "numpy_function",
    "py_func",
    "load_library",
    "load_op_library",
    "function",
    "read_file",
    "write_file",
    "print",
];

/// Functions of Python's `builtins` module; none is the name of a Keras function.
const PYTHON_BUILTINS: &[&str] = &[
    "__build_class__",
    "__import__",
    "__loader__",
    "__spec__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "execfile",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ordinary(module: &str, name: &str, function: bool) -> bool {
        Reference { module, name, function }.is_ordinary()
    }

    #[test]
    fn what_keras_writes_is_ordinary() {
        for (module, name, function) in [
            ("keras", "DTypePolicy", false),
            ("keras", "Sequential", false),
            ("keras.layers", "Dense", false),
            ("keras.src.models.functional", "Functional", false),
            ("keras.src.models", "Functional", false),
            ("keras.src.engine.functional", "Functional", false),
            ("keras.engine.functional", "Functional", false),
            ("tf_keras.src.initializers", "Zeros", false),
            ("keras.initializers", "GlorotUniform", false),
            ("keras.optimizers.schedules", "CosineDecay", false),
            ("keras.losses", "mean_squared_error", true),
            ("builtins", "relu", true),
            ("keras.utils", "FeatureSpace", false),
            ("tensorflow.python.framework.tensor_spec", "TensorSpec", false),
        ] {
            assert!(ordinary(module, name, function), "{module}.{name}");
        }
    }

    #[test]
    fn what_reaches_further_is_not() {
        for (module, name, function) in [
            ("builtins", "exec", true),
            ("builtins", "relu", false),
            ("os", "system", true),
            ("subprocess", "Popen", false),
            ("keras.utils", "get_file", true),
            ("keras.src.utils.file_utils", "get_file", true),
            ("keras", "utils.get_file", true),
            ("keras.config", "enable_unsafe_deserialization", true),
            ("keras.saving", "load_model", true),
            ("keras.models", "load_model", true),
            ("keras.layers", "lambda.os.system", true),
            ("kerasx.layers", "Dense", false),
            ("my_package.losses", "dice", true),
        ] {
            assert!(!ordinary(module, name, function), "{module}.{name}");
        }
    }

    #[test]
    fn tensorflow_functions_are_told_apart() {
        for name in ["math.multiply", "nn.relu", "reshape", "__operators__.add", "concat"] {
            assert!(is_tensor_function(name), "{name}");
        }
        for name in ["io.write_file", "raw_ops.WriteFile", "py_function", "load_library"] {
            assert!(!is_tensor_function(name), "{name}");
        }
    }
}
