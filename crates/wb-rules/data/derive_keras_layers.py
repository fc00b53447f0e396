#!/usr/bin/env python3
"""Derives keras_layers.toml: which settings each Keras layer class has.

usage: derive_keras_layers.py WHEEL... > keras_layers.toml

Reads the wheels of `keras` and `tf-keras` as archives of source text, with the `ast` module; nothing in them is
imported. For every class under a package of layers or models the settings are the parameters of its constructors,
the keys of the dictionaries that `get_config` builds, the keys that `from_config` and `__init__` take from
`kwargs` or `config`, and those of its base classes. Versions are united: a setting that any of them has is
known. To repeat:

    pip download --no-deps -d wheels keras==2.2.4 keras==2.3.1 ... && derive_keras_layers.py wheels/*.whl
"""
import ast
import re
import sys
import zipfile

# What every layer or model may carry, whatever its class: keys of the base classes of all versions, of
# serialisation, and those that callers of Keras 1 and 2 gave by keyword.
BASE = """
    name trainable dtype batch_input_shape batch_shape input_shape input_dtype input_dim input_length batch_size
    dynamic autocast dtype_policy activity_regularizer weights seed quantization_config quantization_mode
    build_config compile_config build_input_shape registered_name module class_name config inbound_nodes
    shared_object_id sparse ragged optional mask_value masking supports_masking stateful keras_version backend
    layers input_layers output_layers units input_spec implementation type_spec tensor lora_rank lora_alpha
    gptq_unpacked_column_size synchronized groups
    output_dim init border_mode nb_filter nb_row nb_col subsample dim_ordering bias inner_init forget_bias_init
    inner_activation dropout_W dropout_U W_regularizer b_regularizer U_regularizer W_constraint b_constraint
    U_constraint p sigma mode gamma_init beta_init consume_less filter_length subsample_length pool_length stride
    length concat_axis dot_axes arguments output_mask atrous_rate nb_feature kernel_dim1 kernel_dim2 kernel_dim3
    n trainable_weights
""".split()


def keys_of(function):
    """Strings that a method uses as keys of a configuration."""
    keys = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            keys.update(k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            keys.add(node.slice.value)
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ("pop", "get", "setdefault") and node.args and isinstance(node.args[0], ast.Constant):
                keys.add(node.args[0].value)
            if name in ("update", "dict"):
                keys.update(k.arg for k in node.keywords if k.arg)
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            keys.add(node.left.value)
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            # `for key in ["units", ...]` and `allowed_kwargs = {"input_shape", ...}`.
            keys.update(e.value for e in node.elts if isinstance(e, ast.Constant))
    return {k for k in keys if isinstance(k, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", k)}


def exported_names(node):
    """Names under which Keras exports a class, which are those it writes: `@keras_export("keras.layers.X")`."""
    for decorator in node.decorator_list:
        for constant in ast.walk(decorator):
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                last = constant.value.rsplit(".", 1)[-1]
                if last[:1].isupper():
                    yield last


def read(wheel, classes):
    archive = zipfile.ZipFile(wheel)
    for path in archive.namelist():
        if not path.endswith(".py") or "test" in path.rsplit("/", 1)[-1]:
            continue
        if not re.search(r"layers|models|engine|legacy|integration|feature_column|premade|rnn|torch_utils|jax_layer|export|ops/", path):
            continue
        try:
            tree = ast.parse(archive.read(path))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                known = classes.setdefault(node.name, {"keys": set(), "bases": set()})
                known["bases"].update(b.attr if isinstance(b, ast.Attribute) else getattr(b, "id", "") for b in node.bases)
                for exported in exported_names(node):
                    if exported != node.name:
                        classes.setdefault(exported, {"keys": set(), "bases": set()})["bases"].add(node.name)
                for item in node.body:
                    if not isinstance(item, ast.FunctionDef):
                        continue
                    if item.name in ("__init__", "_init_graph_network"):
                        arguments = item.args
                        named = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
                        known["keys"].update(a.arg for a in named if a.arg != "self")
                    if item.name in ("__init__", "get_config", "from_config", "get_base_config"):
                        known["keys"].update(keys_of(item))
        for node in tree.body:
            # `Deconvolution2D = Conv2DTranspose`: another name of a class.
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in classes:
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id[:1].isupper():
                        classes.setdefault(target.id, {"keys": set(), "bases": set()})["bases"].add(node.value.id)


def closure(name, classes, seen):
    if name in seen or name not in classes:
        return set()
    seen.add(name)
    keys = set(classes[name]["keys"])
    for base in classes[name]["bases"]:
        keys |= closure(base, classes, seen)
    return keys


def is_layer(name, classes, seen=()):
    if name in ("Layer", "Model", "Operation", "Network", "Container", "Wrapper"):
        return True
    return name not in seen and any(is_layer(b, classes, (*seen, name)) for b in classes.get(name, {"bases": ()})["bases"])


def main(wheels):
    classes = {}
    for wheel in sorted(wheels):
        read(wheel, classes)
    base = sorted(set(BASE))
    names = [re.match(r"(.*?-[0-9.]+)-", w.rsplit("/", 1)[-1]).group(1).lower() for w in sorted(wheels)]
    print("# Settings of Keras layer and model classes, written by derive_keras_layers.py from the sources of:")
    print("# " + ", ".join(sorted(names)))
    print(f"\nbase = {base}".replace("'", '"'))
    print("\n[classes]")
    for name in sorted(classes):
        if is_layer(name, classes) and not name.startswith("_"):
            keys = sorted(closure(name, classes, set()) - set(base) - {"self", "args", "kwargs"})
            print(f"{name} = {keys}".replace("'", '"'))


main(sys.argv[1:])
