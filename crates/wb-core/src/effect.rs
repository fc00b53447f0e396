//! [`Effect`]: what a program can do to the world outside it.

use crate::{Indicator, Span, Trigger};

macro_rules! capabilities {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What a callable can do. Knowledge of callables is written in these words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Capability {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Capability {
            /// Every capability, the gravest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in data files and reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The capability of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|capability| capability.name() == name)
            }
        }
    };
}

capabilities! {
    /// Starts a process or hands a line to a shell.
    RunCommand = "run-command",
    /// Runs code given as text, bytes or a code object.
    RunCode = "run-code",
    /// Loads a native library.
    LoadLibrary = "load-library",
    /// Deserialises data with a format that can run code.
    Deserialize = "deserialize",
    /// Opens a network connection, listens, or resolves a name.
    Network = "network",
    /// Deletes files.
    Delete = "delete",
    /// Writes files.
    WriteFile = "write-file",
    /// Reads files.
    ReadFile = "read-file",
    /// Reads or changes the environment of the process.
    Environment = "environment",
    /// Arranges for a callable to run later.
    Defer = "defer",
    /// Turns a name into any object: `getattr`, `importlib.import_module`, `pkgutil.resolve_name`.
    Resolve = "resolve",
    /// Walks from one object to unrelated ones by attributes: `__globals__`, `__subclasses__`.
    AttributeWalk = "attribute-walk",
    /// Imports a module, whose top-level code runs.
    Import = "import",
    /// Calls a callable it is given: `map`, `functools.partial`, `functools.reduce`.
    CallArgument = "call-argument",
    /// Nobody vouches for it.
    Unknown = "unknown",
    /// Does nothing outside the object it builds or returns.
    Inert = "inert",
}

/// What a peeled payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadKind {
    /// A shell command line.
    Shell,
    /// Python source, or Python decompiled from bytecode.
    Python,
    /// A Jinja template.
    Jinja,
    /// A pickle, shown decompiled.
    Pickle,
    /// A URL.
    Url,
    /// Any other text.
    Text,
    /// Bytes that are not text, shown in hexadecimal.
    Binary,
}

impl PayloadKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Python => "python",
            Self::Jinja => "jinja",
            Self::Pickle => "pickle",
            Self::Url => "url",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// Code or data found in an argument, with the encodings taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What it is.
    pub kind: PayloadKind,
    /// The encodings, outermost first: `base64`, `zlib`. Empty when it stood in the open.
    pub layers: Vec<String>,
    /// The text itself, exact.
    pub text: String,
}

/// One thing a program would do, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Index of the op in its program.
    pub op: usize,
    /// The op's own number: opcode index, bytecode offset, source line.
    pub number: u64,
    /// The bytes of the op.
    pub span: Span,
    /// Dotted name of what is finally called, as written: `os.system`, `builtins.exec`.
    pub callable: String,
    /// How that callable was reached when it was not imported by name, such as
    /// `getattr(__import__('os'), 'popen')`.
    pub reached_by: Option<String>,
    /// What it can do; [`Capability::Unknown`] when nobody vouches for it.
    pub capability: Capability,
    /// Whether it is called, or only imported.
    pub called: bool,
    /// The arguments as Python expressions, cut to a readable length.
    pub arguments: Vec<String>,
    /// What the arguments hold once every encoding is taken off; the innermost last.
    pub payloads: Vec<Payload>,
    /// Hosts, URLs, paths, environment variables and commands in arguments and payloads.
    pub indicators: Vec<Indicator>,
    /// What makes it run.
    pub trigger: Trigger,
    /// Effects of the code found in the arguments.
    pub inner: Vec<Effect>,
}

impl Effect {
    /// This effect and all effects inside it, outermost first.
    pub fn flatten(&self) -> Vec<&Effect> {
        let mut all = vec![self];
        for inner in &self.inner {
            all.extend(inner.flatten());
        }
        all
    }
}
