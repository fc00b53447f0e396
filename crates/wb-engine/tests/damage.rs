//! Damaged files of every format: each seed of the fuzz targets, cut at every percent of its length and with
//! bytes overwritten. Nothing may panic, and what was cut off may not make a malicious file clean without
//! coverage that says what was not read.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use wb_core::{ArtifactPath, Limits, ReadState, Verdict};
use wb_engine::{Hashing, Inspection, Inspector, LogText, inspect};
use wb_formats::Family;

/// Shorter pieces cannot be recognised, in bytes.
const SHORTEST: usize = 32;

/// Bytes changed in each file, one at a time.
const CHANGED: u32 = 10_000;

/// Memory that all of it may take at once, in KiB.
const MEMORY: u64 = 256 << 10;

fn seeds() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/formats");
    let entries = std::fs::read_dir(folder).expect("the seeds are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn look(name: &str, data: &[u8]) -> Inspection {
    let limits =
        Limits { depth: 6, decoded_bytes: 4 << 20, steps: 2_000_000, items: 100_000, texts: 0 };
    let how = Inspector { limits, hashing: Hashing::Off, keep_contents: false };
    inspect(&ArtifactPath::from(name), data, LogText::Decoded(Arc::from(data)), how)
}

fn verdict(inspection: &Inspection) -> Verdict {
    inspection.artifacts.iter().map(|inspected| inspected.verdict).max().unwrap_or_default()
}

fn whole(inspection: &Inspection) -> bool {
    inspection.artifacts.iter().all(|inspected| inspected.coverage.state == ReadState::Read)
}

/// Whether every part of the file stands by itself, so that the first half of it is a whole file too.
fn is_lines(inspection: &Inspection) -> bool {
    let family = inspection.artifacts.first().and_then(|inspected| inspected.family);
    matches!(family, None | Some(Family::Manifest | Family::Dependencies | Family::Source))
}

#[test]
fn what_is_cut_off_is_never_clean_without_a_word() {
    let known = known();
    let mut quiet = Vec::new();
    for seed in seeds() {
        let data = std::fs::read(&seed).expect("a readable seed");
        let name = seed.file_name().expect("a name").to_string_lossy().into_owned();
        let before = look(&name, &data);
        if verdict(&before) != Verdict::Malicious || is_lines(&before) {
            continue;
        }
        // A few letters are text, whatever they were the beginning of.
        let lengths = (1..100).map(|percent| data.len() * percent / 100);
        for length in lengths.filter(|length| *length >= SHORTEST) {
            let cut = look(&name, &data[..length]);
            let is_known = |one: &Whole| {
                one.file == name && (one.lengths[0]..=one.lengths[1]).contains(&length)
            };
            if verdict(&cut) == Verdict::Clean && whole(&cut) && !known.whole.iter().any(is_known) {
                quiet.push(format!("{name} cut to {length} bytes"));
            }
        }
    }
    assert!(quiet.is_empty(), "clean, and nothing says what was not read: {quiet:#?}");
}

/// A range of bytes of a seed in which a change makes it harmless, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Harmless {
    file: String,
    /// First and last byte.
    bytes: [usize; 2],
    /// For those who read the list.
    #[serde(rename = "why")]
    _why: String,
}

/// Lengths at which the beginning of a seed is a whole file, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    file: String,
    /// The shortest and the longest.
    lengths: [usize; 2],
    /// For those who read the list.
    #[serde(rename = "why")]
    _why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    whole: Vec<Whole>,
    harmless: Vec<Harmless>,
}

fn known() -> Known {
    toml::from_str(include_str!("damage.toml")).expect("a readable list")
}

/// Changes one byte after the other, and gives the places where that makes a malicious file clean without a word.
fn places_that_silence(name: &str, data: &[u8]) -> BTreeSet<usize> {
    let malicious = verdict(&look(name, data)) == Verdict::Malicious;
    let mut damaged = data.to_vec();
    let mut quiet = BTreeSet::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..CHANGED {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = (state >> 8) as usize % data.len();
        damaged[at] ^= (state & 0xff) as u8 | 1;
        let after = look(name, &damaged);
        if malicious && verdict(&after) == Verdict::Clean && whole(&after) {
            quiet.insert(at);
        }
        damaged[at] = data[at];
    }
    quiet
}

#[test]
fn a_changed_byte_is_survived_and_silences_nothing() {
    let known = known();
    let is_known = |name: &str, at: usize| {
        known
            .harmless
            .iter()
            .any(|range| range.file == name && (range.bytes[0]..=range.bytes[1]).contains(&at))
    };
    let (seeds, next) = (seeds(), AtomicUsize::new(0));
    let silenced = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let data = std::fs::read(seed).expect("a readable seed");
            let name = seed.file_name().expect("a name").to_string_lossy().into_owned();
            let mut quiet = places_that_silence(&name, &data);
            quiet.retain(|at| !is_known(&name, *at));
            if !quiet.is_empty() {
                let mut silenced = silenced.lock().expect("nobody panics with it");
                silenced.push(format!("{name} changed at {quiet:?}"));
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let silenced = silenced.into_inner().expect("nobody panics with it");
    assert!(silenced.is_empty(), "clean without a word: {silenced:#?}");
    let most = peak_memory();
    assert!(most.is_none_or(|most| most <= MEMORY), "the memory reached {most:?} KiB");
}

/// The most memory that this process has had, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
