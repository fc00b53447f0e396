//! What a program can do: one analysis for every language.
use wb_core::{Budget, Capability, Effect, Gap, Program};

/// What is known about a callable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// Its canonical dotted name: `posix.system` is `os.system`.
    pub canonical: String,
    /// What it can do.
    pub capability: Capability,
    /// Position of the argument that matters (the command, the code, the path), where one does.
    pub argument: Option<usize>,
    /// Its name as a keyword.
    pub keyword: Option<String>,
    /// Why, in one clause.
    pub why: String,
}

/// Knowledge of callables, by dotted name. wb-rules has it; tests may bring their own.
pub trait Knowledge {
    /// What is known about `dotted`, a name as written (`numpy._core.multiarray._reconstruct`).
    fn callable(&self, dotted: &str) -> Option<Callable>;
    /// What is known about running the program `name` from a shell (`curl`, `sh`).
    fn command(&self, name: &str) -> Option<Callable>;
}

/// What was concluded about one program.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// What it would do, in order. Inert calls are left out.
    pub effects: Vec<Effect>,
    /// Dotted names of everything it imports, each once, in order of appearance.
    pub imports: Vec<String>,
    /// What was not analysed.
    pub gaps: Vec<Gap>,
}

/// Answers what `program` does when it runs.
pub fn analyse(program: &Program, knowledge: &dyn Knowledge, budget: &mut Budget) -> Effects {
    let _ = (program, knowledge, budget);
    Effects::default()
}
