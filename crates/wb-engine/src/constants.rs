//! [`check_constants`]: constants of an OpenVINO topology lie in the `.bin` file beside it, at offsets that the topology
//! gives. One that lies behind the end of that file is read from memory that is not the model's.

use crate::body::Inspected;
use crate::discover::Found;
use crate::siblings::tell;
use wb_core::{Content, Oddity, OddityKind};

/// The format of topologies.
pub(crate) const TOPOLOGY: &str = "openvino";

/// Whether a file is named like a topology.
pub(crate) fn is_topology(file: &Found) -> bool {
    file.path.file_name().to_ascii_lowercase().ends_with(".xml")
}

/// Looks whether the constants of each topology lie in its file of weights. `artifacts` are in the order of their paths.
pub(crate) fn check_constants(artifacts: &mut [Inspected], files: &[Found]) {
    for file in files.iter().filter(|file| is_topology(file)) {
        let known = artifacts.binary_search_by(|one| one.artifact.path.cmp(&file.path));
        let Some(one) = known.ok().and_then(|at| artifacts.get_mut(at)) else { continue };
        if one.artifact.format == Some(TOPOLOGY)
            && let Some(oddity) = outside(file, &one.content)
        {
            tell(one, oddity);
        }
    }
}

/// A constant of the topology `file`, which holds `content`, that ends behind the weights beside it.
fn outside(file: &Found, content: &Content) -> Option<Oddity> {
    let weights = std::fs::symlink_metadata(file.on_disk.with_extension("bin")).ok()?;
    let size = weights.is_file().then_some(weights.len())?;
    constant_outside(content, size)
}

/// The first constant that ends behind `size` bytes of weights. When the file is as long as all constants together, it
/// was not cut short: the number lies.
fn constant_outside(content: &Content, size: u64) -> Option<Oddity> {
    let constants = content.components.iter().filter(|part| part.class == "Const");
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let placed = constants.filter_map(|part| {
        Some((part, number(part.setting("offset"))?, number(part.setting("size"))?))
    });
    let total = placed.clone().fold(0_u64, |total, (_, _, len)| total.saturating_add(len));
    let (part, offset, len) =
        placed.clone().find(|(_, offset, len)| offset.saturating_add(*len) > size)?;
    let kind = if size >= total { OddityKind::ImpossibleLength } else { OddityKind::Truncated };
    let what =
        format!("{len} bytes at offset {offset} end behind the file of weights, which has {size}");
    Some(Oddity { kind, place: part.place.clone(), span: part.span, what })
}
