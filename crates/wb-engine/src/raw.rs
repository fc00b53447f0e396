//! [`read_raw`]: files of nothing but numbers. Another file beside them says which tensor lies where: the external data
//! of ONNX, the constants of OpenVINO, the operators of MNN and the layers of NCNN.

use crate::body::Inspected;
use crate::constants::TOPOLOGY;
use crate::discover::Found;
use crate::inspect::{Hashing, Inspector, coverage};
use crate::source::open;
use crate::weights::bytes_of;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use wb_core::{Budget, Bytes, Content, OddityKind, Span, Tensor, Verdict};
use wb_formats::NcnnWeights;

/// The format whose tensors may lie in other files.
const GRAPH: &str = "onnx";
/// The format whose layers say how many numbers each has.
const LAYERS: &str = "ncnn";
/// The format whose operators say where in another file their weights lie.
const OPERATORS: &str = "mnn";

/// Whether an artifact may say what lies in another file.
pub(crate) fn tells_places(format: &str, content: &Content) -> bool {
    let outside = |content: &Content| {
        content.oddities.iter().any(|oddity| oddity.kind == OddityKind::ExternalReference)
    };
    let placed = |content: &Content| {
        content.components.iter().any(|part| part.setting("external").is_some())
    };
    match format {
        TOPOLOGY | LAYERS => true,
        OPERATORS => placed(content),
        _ => format == GRAPH && outside(content),
    }
}

/// Whether a file is one of numbers, or the model of one: no format knows it, or it tells of others.
pub(crate) fn is_concerned(one: &Inspected) -> bool {
    is_unclaimed(one)
        || one.artifact.format.is_some_and(|format| tells_places(format, &one.content))
}

fn is_unclaimed(one: &Inspected) -> bool {
    one.artifact.format.is_none() && one.verdict == Verdict::Unknown && one.artifact.size > 0
}

/// What a model says of a file beside it.
struct Claimed {
    model: String,
    held: Held,
}

/// What lies in a file of numbers.
#[derive(Default)]
struct Held {
    tensors: Vec<Tensor>,
    /// Words between the tensors that belong to the file.
    tags: Vec<Span>,
}

/// Reads each of `files` that no format knows by what the models beside it say of it. `artifacts` are in the order of
/// their paths.
pub(crate) fn read_raw(artifacts: &mut [Inspected], files: &[Found], how: Inspector) {
    let known = |artifacts: &[Inspected], file: &Found| {
        artifacts.binary_search_by(|one| one.artifact.path.cmp(&file.path)).ok()
    };
    let mut raw: BTreeMap<&Path, (usize, Vec<Claimed>)> = BTreeMap::new();
    let mut models = Vec::new();
    for file in files {
        let Some(at) = known(artifacts, file) else { continue };
        match artifacts.get(at) {
            Some(one) if is_unclaimed(one) => drop(raw.insert(&file.on_disk, (at, Vec::new()))),
            Some(one) => models.push((file, one)),
            None => {}
        }
    }
    if raw.is_empty() {
        return;
    }
    for (file, one) in models {
        // The file of numbers says itself how it stores them, and is opened for that.
        let opened = one.artifact.format == Some(LAYERS);
        if opened && !raw.contains_key(&*file.on_disk.with_extension("bin")) {
            continue;
        }
        for (path, held) in places(file, one, how) {
            if let Some((_, claims)) = raw.get_mut(&*path) {
                claims.push(Claimed { model: file.path.file_name().to_owned(), held });
            }
        }
    }
    for (path, (at, claims)) in raw {
        if let (false, Some(one)) = (claims.is_empty(), artifacts.get_mut(at)) {
            read(one, path, claims, how);
        }
    }
}

/// Which tensors the model `file` has in which files.
fn places(file: &Found, one: &Inspected, how: Inspector) -> BTreeMap<PathBuf, Held> {
    let beside = || file.on_disk.with_extension("bin");
    match one.artifact.format {
        Some(OPERATORS) => operators(file, &one.content),
        Some(LAYERS) => {
            // A layer that is not known leaves the file unread.
            layers(&beside(), &one.content).map(|held| (beside(), held)).into_iter().collect()
        }
        Some(TOPOLOGY) => BTreeMap::from([(beside(), constants(&one.content))]),
        _ => external(file, &one.content, how),
    }
}

/// The external data of an ONNX model.
fn external(file: &Found, content: &Content, how: Inspector) -> BTreeMap<PathBuf, Held> {
    let mut places: BTreeMap<PathBuf, Held> = BTreeMap::new();
    let Ok(data) = open(&file.on_disk) else { return places };
    let mut budget = Budget::new(how.limits);
    for place in wb_formats::onnx_outside(Bytes::new(data.as_slice()), &mut budget) {
        let Some(tensor) = content.tensors.get(place.tensor) else { continue };
        let Some(path) = below(&file.on_disk, &place.location) else { continue };
        if let Some(len) = place.length.or_else(|| bytes_of(tensor)) {
            let span = Some(Span::new(place.offset, len));
            places.entry(path).or_default().tensors.push(Tensor { span, ..tensor.clone() });
        }
    }
    places
}

/// The constants of a topology of OpenVINO.
fn constants(content: &Content) -> Held {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let known: BTreeMap<&str, &Tensor> =
        content.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let constants = content.components.iter().filter(|part| part.class == "Const");
    let tensors = constants.filter_map(|part| {
        let (offset, len) = (number(part.setting("offset"))?, number(part.setting("size"))?);
        let tensor = Tensor::clone(known.get(part.name.as_str())?);
        Some(Tensor { span: Some(Span::new(offset, len)), ..tensor })
    });
    Held { tensors: tensors.collect(), tags: Vec::new() }
}

/// The weights of the layers of an NCNN network, whose file at `path` says itself how it stores them.
fn layers(path: &Path, content: &Content) -> Option<Held> {
    let data = open(path).ok()?;
    let bytes = Bytes::new(data.as_slice());
    let NcnnWeights { tensors, tags } = wb_formats::ncnn_weights(&content.components, bytes)?;
    Some(Held { tensors, tags })
}

/// Which weights the operators of `file` have in which files: the one that an operator names, or the one beside.
fn operators(file: &Found, content: &Content) -> BTreeMap<PathBuf, Held> {
    let mut places: BTreeMap<PathBuf, Held> = BTreeMap::new();
    let mut beside = file.on_disk.clone().into_os_string();
    beside.push(".weight");
    for part in &content.components {
        let Some(external) = part.setting("external") else { continue };
        let path = match part.setting("externalPath") {
            Some(location) => below(&file.on_disk, location),
            None => Some(PathBuf::from(&beside)),
        };
        let mut numbers = external.split(',').map(str::parse::<u64>);
        let (Some(path), Some(Ok(mut at))) = (path, numbers.next()) else { continue };
        let held = places.entry(path).or_default();
        for (index, len) in numbers.enumerate() {
            let Ok(len) = len else { break };
            let (name, dtype) = (format!("{}.external[{index}]", part.name), "uint8".to_owned());
            let span = Some(Span::new(at, len));
            held.tensors.push(Tensor { name, dtype, shape: vec![len], span, strides: None });
            at = at.saturating_add(len);
        }
    }
    places
}

/// The file at `location`, as seen from the folder of `model`; `None` when that leads out of the folder.
fn below(model: &Path, location: &str) -> Option<PathBuf> {
    let mut path = model.parent()?.to_owned();
    for part in Path::new(location).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Reads the file of numbers at `path`.
fn read(one: &mut Inspected, path: &Path, claims: Vec<Claimed>, how: Inspector) {
    let Ok(data) = open(path) else { return };
    let bytes = Bytes::new(data.as_slice());
    let mut budget = Budget::new(how.limits);
    let models: Vec<String> = claims.iter().map(|claimed| format!("`{}`", claimed.model)).collect();
    let (mut tensors, mut tags) = (Vec::new(), Vec::new());
    for Claimed { held, .. } in claims {
        tensors.extend(held.tensors);
        tags.extend(held.tags);
    }
    let mut content = wb_formats::raw_tensors(bytes, tensors, &tags);
    let whole = how.hashing == Hashing::All;
    if whole {
        wb_formats::sweep(bytes, &mut content, &mut budget);
    }
    let examined = wb_rules::examine(&one.artifact, &content, &mut budget);
    let mut read = coverage(&one.artifact.path, "numbers", &content.gaps, !whole);
    if content.gaps.is_empty() {
        read.why.push_str(&format!(", whose places {} gives", models.join(", ")));
    }
    one.coverage = read;
    one.verdict = examined.verdict;
    one.findings = examined.findings;
    if one.artifact.sha256.is_none() && how.hashing == Hashing::Reported && !one.findings.is_empty()
    {
        one.artifact.sha256 = Some(crate::sha256(bytes.as_slice()));
    }
    if how.keep_contents {
        one.content = content;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_the_folder_are_none() {
        let model = Path::new("folder/model.onnx");
        assert_eq!(below(model, "./a/w.bin"), Some(PathBuf::from("folder/a/w.bin")));
        assert_eq!(below(model, "../w.bin"), None);
        assert_eq!(below(model, "/w.bin"), None);
    }
}
