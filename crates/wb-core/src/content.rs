//! [`Content`]: what any container holds, in one shape for every format. Formats never judge: nothing
//! here has a severity.

use crate::{Digest, Gap, Program, Span};

/// Everything a format found in an artifact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Files held inside, to be identified and parsed in their turn.
    pub children: Vec<Child>,
    /// What would run, lifted.
    pub programs: Vec<Program>,
    /// Tensors, in file order.
    pub tensors: Vec<Tensor>,
    /// Layers, nodes, requirements: the parts that have a class and settings.
    pub components: Vec<Component>,
    /// Metadata: settings and headers as path and value.
    pub fields: Vec<Field>,
    /// Other strings worth correlating, which are neither metadata nor arguments of code.
    pub texts: Vec<Text>,
    /// Digests of other files, as recorded here.
    pub digests: Vec<RecordedDigest>,
    /// What a well-formed file of this format would not have.
    pub oddities: Vec<Oddity>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// A file held inside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Member name as written in the container. It may be hostile; it is never used as a path on disk.
    pub name: String,
    /// Its bytes.
    pub data: ChildData,
}

/// Where the bytes of a [`Child`] are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildData {
    /// As they are in the container.
    Span(Span),
    /// Decoded from the container.
    Owned(Vec<u8>),
}

/// A tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name; unique in a well-formed file.
    pub name: String,
    /// Element type as the format names it, such as `F32` or `<f4`.
    pub dtype: String,
    /// Sizes of the axes, in elements, outermost first.
    pub shape: Vec<u64>,
    /// Where its bytes are, when they lie in one piece in the artifact.
    pub span: Option<Span>,
    /// How its elements lie in those bytes, when they do not lie row by row from the first byte on.
    pub strides: Option<Strides>,
}

/// A view of numbers that do not lie row by row: element `(i, j, ...)` is the one numbered
/// `first + i * steps[0] + j * steps[1] + ...` of the bytes. As read from the file: it may lead out of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strides {
    /// Where the first element is, in elements.
    pub first: u64,
    /// How far it is to the next element along each axis, in elements; 0 along an axis that repeats.
    pub steps: Vec<u64>,
}

impl Strides {
    /// The steps of elements that lie column by column: the first axis runs fastest, as Fortran has it. `None` when
    /// that is row by row too, or overflows.
    pub fn by_column(shape: &[u64]) -> Option<Self> {
        if shape.iter().filter(|size| **size != 1).count() < 2 {
            return None;
        }
        let mut next = Some(1_u64);
        let steps: Option<Vec<u64>> = shape
            .iter()
            .map(|size| {
                let step = next?;
                next = step.checked_mul(*size);
                Some(step)
            })
            .collect();
        steps.map(|steps| Self { first: 0, steps })
    }
}

/// A part of a model or list that has a class and settings: a layer, a graph node, a requirement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Component {
    /// What it is in its format's words: `layer`, `initializer`, `node`, `requirement`, `object`.
    pub kind: &'static str,
    /// Its name in the model, such as `dense_4`.
    pub name: String,
    /// The class or operator that is instantiated, such as `Lambda`.
    pub class: String,
    /// The module the class is taken from, where the format says so.
    pub module: Option<String>,
    /// Where it stands, as a path in the format's own terms, such as `config.layers[4]`.
    pub place: String,
    /// Its bytes, where they can be named.
    pub span: Option<Span>,
    /// Its settings: flattened path and value. Keys directly in the configuration have no dot.
    pub settings: Vec<Field>,
}

impl Component {
    /// The value of the setting called `path`.
    pub fn setting(&self, path: &str) -> Option<&str> {
        self.settings.iter().find(|field| field.path == path).map(|field| field.value.as_str())
    }
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it stands: key, or keys joined by `.` with `[n]` for positions.
    pub path: String,
    /// The value as text: strings as they are, everything else as JSON writes it.
    pub value: String,
    /// Its bytes, where they can be named.
    pub span: Option<Span>,
}

/// A string with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where it stands, in words: `comment`, `bytes after STOP`.
    pub place: String,
    /// The string.
    pub value: String,
    /// Its bytes, where they can be named.
    pub span: Option<Span>,
}

/// A digest of another file as recorded in a manifest or log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDigest {
    /// The file it is said to be of, as written: a name or path. `None` when the record names no file.
    pub file: Option<String>,
    /// The digest.
    pub digest: Digest,
    /// Line in the recording artifact, counted from 1.
    pub line: u64,
    /// The bytes of the digest.
    pub span: Option<Span>,
}

/// Something that a well-formed file would not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// Which oddity.
    pub kind: OddityKind,
    /// Where, in the format's own terms.
    pub place: String,
    /// The bytes it lies in, when they can be named.
    pub span: Option<Span>,
    /// What is odd, in one clause with the values: "local header says `a`, central directory says `b`".
    pub what: String,
}

macro_rules! oddities {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Every oddity a format can report. A rule decides what each is worth.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OddityKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl OddityKind {
            /// Every oddity.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in reports, such as `trailing-bytes`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

oddities! {
    /// Bytes after the end of the format's own data.
    TrailingBytes = "trailing-bytes",
    /// Bytes before the beginning of the format's own data.
    LeadingBytes = "leading-bytes",
    /// Bytes inside the file that no part of the format owns.
    UnownedBytes = "unowned-bytes",
    /// The file ends before its own structure does.
    Truncated = "truncated",
    /// A structure that does not parse.
    Malformed = "malformed",
    /// A length or count that cannot be true.
    ImpossibleLength = "impossible-length",
    /// Two entries with one name.
    DuplicateName = "duplicate-name",
    /// Ranges that should be apart overlap.
    Overlap = "overlap",
    /// Two descriptions of one thing differ (local and central zip header, shape and byte count).
    Disagreement = "disagreement",
    /// A checksum does not match.
    ChecksumMismatch = "checksum-mismatch",
    /// A member name that would leave the folder it is extracted to.
    PathTraversal = "path-traversal",
    /// A link out of the container.
    EscapingLink = "escaping-link",
    /// A member that would run with its owner's rights once it is extracted.
    RunsAsOwner = "runs-as-owner",
    /// A reference to a file outside the model.
    ExternalReference = "external-reference",
    /// A member is encrypted or said to be.
    Encrypted = "encrypted",
    /// Far more data than its compressed size suggests.
    Expansion = "expansion",
    /// More than one stream where the format has one.
    ExtraStream = "extra-stream",
    /// A pickle stream that cannot be loaded to its end.
    BrokenStream = "broken-stream",
    /// A pickle opcode used in a way no pickler writes.
    UnusualOpcode = "unusual-opcode",
    /// A pickle whose object is no model: neither weights nor an estimator nor a container of them.
    NoModel = "no-model",
    /// The name says another format than the content.
    MisleadingName = "misleading-name",
    /// Two formats claim the file.
    Polyglot = "polyglot",
    /// An executable, script or library inside a model.
    EmbeddedExecutable = "embedded-executable",
    /// A key that appears twice in one object.
    DuplicateKey = "duplicate-key",
    /// Code whose version or structure could not be recovered.
    OpaqueCode = "opaque-code",
    /// A file in the low bits of a tensor's numbers.
    HiddenInNumbers = "hidden-in-numbers",
    /// A tensor that differs from the one of its name in other weights of the same model.
    SiblingDiffers = "sibling-differs",
    /// A file inside a tensor, behind its beginning.
    FileInTensor = "file-in-tensor",
    /// A tensor none of whose elements is a number that a model computes with.
    NotNumbers = "not-numbers",
}
