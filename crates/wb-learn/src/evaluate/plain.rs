//! Methods that built-in types and arrays have, by name alone.
//!
//! What is called on a value of which nothing is known belongs to the class of the value, which is judged
//! where the value is made. Whoever calls one of these means a text, a collection or an array; whoever calls
//! anything else may reach more than is known.

/// In order, to be searched.
const METHODS: [&str; 136] = [
    "__add__",
    "__contains__",
    "__dict__",
    "__eq__",
    "__getitem__",
    "__hash__",
    "__iter__",
    "__len__",
    "__ne__",
    "__repr__",
    "__setitem__",
    "__str__",
    "add",
    "all",
    "any",
    "append",
    "appendleft",
    "argmax",
    "argmin",
    "argsort",
    "as_integer_ratio",
    "astype",
    "bit_length",
    "byteswap",
    "capitalize",
    "casefold",
    "center",
    "clear",
    "clip",
    "conj",
    "conjugate",
    "copy",
    "count",
    "cpu",
    "cumprod",
    "cumsum",
    "decode",
    "detach",
    "diagonal",
    "difference",
    "difference_update",
    "dim",
    "discard",
    "dot",
    "elements",
    "encode",
    "endswith",
    "expandtabs",
    "extend",
    "extendleft",
    "fill",
    "find",
    "flatten",
    "format",
    "from_bytes",
    "fromkeys",
    "get",
    "hex",
    "index",
    "insert",
    "intersection",
    "intersection_update",
    "is_integer",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isdisjoint",
    "isidentifier",
    "islower",
    "isnumeric",
    "isspace",
    "issubset",
    "issuperset",
    "istitle",
    "isupper",
    "item",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "max",
    "mean",
    "min",
    "most_common",
    "nonzero",
    "numel",
    "numpy",
    "partition",
    "pop",
    "popitem",
    "popleft",
    "prod",
    "ravel",
    "release",
    "remove",
    "removeprefix",
    "removesuffix",
    "repeat",
    "replace",
    "reshape",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "round",
    "rpartition",
    "rsplit",
    "rstrip",
    "searchsorted",
    "setdefault",
    "size",
    "sort",
    "split",
    "splitlines",
    "squeeze",
    "startswith",
    "std",
    "strip",
    "sum",
    "swapcase",
    "symmetric_difference",
    "take",
    "title",
    "tobytes",
    "tolist",
    "translate",
    "transpose",
    "union",
    "unsqueeze",
    "update",
    "upper",
    "values",
];

/// Whether it is the name of such a method.
pub(super) fn is_method(name: &str) -> bool {
    METHODS.binary_search(&name).is_ok()
}

/// Whether it is a method of a logger or of a compiled regular expression; what those do is known.
pub(super) fn is_method_of(owner: &str, name: &str) -> bool {
    match owner {
        "logging.getLogger" => {
            matches!(name, "debug" | "info" | "warning" | "warn" | "error" | "exception" | "log")
        }
        "re.compile" => matches!(
            name,
            "match" | "search" | "fullmatch" | "findall" | "finditer" | "sub" | "subn"
        ),
        _ => false,
    }
}

/// Whether a method hands out what a collection holds.
pub(super) fn takes_out(name: &str) -> bool {
    matches!(
        name,
        "get" | "items" | "values" | "pop" | "popitem" | "popleft" | "setdefault" | "copy"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(METHODS.is_sorted());
        assert!(is_method("append") && !is_method("system"));
    }
}
