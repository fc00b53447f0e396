//! TorchScript, as an archive keeps it under `code/`: a subset of Python that imports nothing. The names of its own
//! types begin with `__torch__`; `torch` and `ops` are there without an import.
//!
//! Source: `torch/csrc/jit/serialization/python_print.cpp` and `import_source.cpp`.

use super::Lifter;
use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use wb_core::{OpKind, Program};

/// The root of every name that an archive defines.
const ROOT: &str = "__torch__";

/// What stands in every file: a name, and the module that it stands for.
const GIVEN: [(&str, &str); 2] = [("torch", "torch"), ("ops", "torch.ops")];

/// Whether a function takes an object of a type of the archive as its first parameter: a printer of TorchScript writes
/// every method so.
pub(super) fn is_torchscript(suite: &[Stmt]) -> bool {
    suite.iter().any(|stmt| match stmt {
        Stmt::ClassDef(class) => class
            .body
            .iter()
            .any(|stmt| matches!(stmt, Stmt::FunctionDef(method) if takes_own(method))),
        Stmt::FunctionDef(function) => takes_own(function),
        _ => false,
    })
}

fn takes_own(function: &StmtFunctionDef) -> bool {
    let first =
        function.parameters.args.first().and_then(|first| first.parameter.annotation.as_deref());
    let mut annotation = first;
    while let Some(Expr::Attribute(attribute)) = annotation {
        annotation = Some(&attribute.value);
    }
    matches!(annotation, Some(Expr::Name(name)) if name.id.as_str() == ROOT)
}

/// Whether a program was lifted from the code of a TorchScript archive, which calls nothing but operators: every type
/// of its own is written with the name of the archive's root.
pub fn is_of_archive(program: &Program) -> bool {
    program.ops.iter().any(|op| matches!(&op.kind, OpKind::Load { name } if name == ROOT))
}

impl Lifter<'_, '_> {
    /// Imports what TorchScript has without an import.
    pub(super) fn torchscript(&mut self) {
        for (name, module) in GIVEN {
            let value =
                self.push(OpKind::Import { module: module.to_owned(), name: String::new() });
            self.store(name, value);
        }
    }
}
