//! Operations of TensorFlow that reach the host: files, Python, libraries.

/// One such operation.
pub(super) struct HostOperation {
    /// Its name in `tf.raw_ops`.
    pub name: &'static str,
    /// The input that names the file, for those that are ordinary with a file of the model's own.
    pub path: Path,
}

/// Where the path stands that makes the operation worth lifting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// It is lifted whatever its inputs are.
    Any,
    /// It is lifted when this input, or one of the following, is a constant path out of the model.
    Input,
    /// It is lifted when this attribute is a constant path out of the model.
    Attribute(&'static str),
    /// It reads the files whose names wait in a queue, and is lifted when one of them is such a constant.
    Queue,
}

/// What is known of the operation `name`.
pub(super) fn host_operation(name: &str) -> Option<&'static HostOperation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// Whether `path` leads out of the folder of the model: absolute, climbing, or a URL.
pub(super) fn leaves_model(path: &str) -> bool {
    let itself = ["local://", "bytes://"].iter().any(|scheme| path.starts_with(scheme));
    !itself
        && (path.contains("://") || path.starts_with('~') || crate::names::escapes(path).is_some())
}

const fn any(name: &'static str) -> HostOperation {
    HostOperation { name, path: Path::Any }
}

const fn input(name: &'static str) -> HostOperation {
    HostOperation { name, path: Path::Input }
}

const fn attribute(name: &'static str, key: &'static str) -> HostOperation {
    HostOperation { name, path: Path::Attribute(key) }
}

const fn queue(name: &'static str) -> HostOperation {
    HostOperation { name, path: Path::Queue }
}

/// The rest of the operations that take a path (`SaveV2`, `RestoreV2`, `MergeV2Checkpoints`) stand in every
/// saved model, and `Assert` and `Print` in most.
const OPERATIONS: &[HostOperation] = &[
    any("ReadFile"),
    any("WriteFile"),
    any("PyFunc"),
    any("PyFuncStateless"),
    any("EagerPyFunc"),
    any("LoadLibrary"),
    any("LoadOpLibrary"),
    any("ShellExecute"),
    input("MatchingFiles"),
    input("MatchingFilesDataset"),
    input("ExperimentalMatchingFilesDataset"),
    input("TextLineDataset"),
    input("TFRecordDataset"),
    input("TFRecordDatasetV2"),
    input("FixedLengthRecordDataset"),
    input("FixedLengthRecordDatasetV2"),
    input("ExperimentalCSVDataset"),
    input("CSVDataset"),
    input("CSVDatasetV2"),
    input("LMDBDataset"),
    input("ExperimentalLMDBDataset"),
    input("SqlDataset"),
    input("ExperimentalSqlDataset"),
    input("LoadDataset"),
    input("InitializeTableFromTextFile"),
    input("InitializeTableFromTextFileV2"),
    input("LoadAndRemapMatrix"),
    input("GenerateVocabRemapping"),
    input("SaveDataset"),
    input("SaveDatasetV2"),
    input("CacheDataset"),
    input("CacheDatasetV2"),
    input("SnapshotDataset"),
    input("SnapshotDatasetV2"),
    input("SnapshotDatasetReader"),
    input("SnapshotNestedDatasetReader"),
    input("ListSnapshotChunksDataset"),
    input("CreateSummaryFileWriter"),
    input("CreateSummaryDbWriter"),
    queue("ReaderRead"),
    queue("ReaderReadV2"),
    queue("ReaderReadUpTo"),
    queue("ReaderReadUpToV2"),
    // A file that describes messages, unless it is `local://` or `bytes://` and the description itself.
    attribute("DecodeProtoV2", "descriptor_source"),
    attribute("EncodeProto", "descriptor_source"),
    input("DatasetToTFRecord"),
    input("ExperimentalDatasetToTFRecord"),
    attribute("ImmutableConst", "memory_region_name"),
    // `output_stream` is `stderr` or `file://` and a path to which the text is appended.
    attribute("PrintV2", "output_stream"),
    attribute("DebugIdentity", "debug_urls"),
    attribute("DebugIdentityV2", "debug_urls"),
    attribute("DebugIdentityV3", "debug_urls"),
    attribute("DebugNanCount", "debug_urls"),
    attribute("DebugNumericSummary", "debug_urls"),
];
