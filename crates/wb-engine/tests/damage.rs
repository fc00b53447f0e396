//! Damaged files of every format: each seed of the fuzz targets, cut at every percent of its length and with
//! bytes overwritten. Nothing may panic, and what was cut off may not make a malicious file clean without
//! coverage that says what was not read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use wb_core::{ArtifactPath, Limits, ReadState, Verdict};
use wb_engine::{Hashing, Inspection, Inspector, LogText, inspect};
use wb_formats::Family;

/// Shorter pieces cannot be recognised, in bytes.
const SHORTEST: usize = 32;

/// Bytes overwritten in one file, all told.
const OVERWRITTEN: u64 = 60;

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
    for seed in seeds() {
        let data = std::fs::read(&seed).expect("a readable seed");
        let name = seed.file_name().expect("a name").to_string_lossy().into_owned();
        let before = look(&name, &data);
        // A few letters are text, whatever they were the beginning of.
        let lengths = (1..100).map(|percent| data.len() * percent / 100);
        for length in lengths.filter(|length| *length >= SHORTEST) {
            let cut = look(&name, &data[..length]);
            let quiet = verdict(&cut) == Verdict::Clean && whole(&cut);
            let bad = verdict(&before) == Verdict::Malicious && quiet && !is_lines(&before);
            assert!(
                !bad,
                "{name} cut to {length} bytes is clean, and nothing says what was not read"
            );
        }
    }
}

#[test]
fn overwritten_bytes_are_survived() {
    for seed in seeds() {
        let data = std::fs::read(&seed).expect("a readable seed");
        let name = seed.file_name().expect("a name").to_string_lossy().into_owned();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..OVERWRITTEN {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut damaged = data.clone();
            let at = (state >> 8) as usize % damaged.len().max(1);
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= (state & 0xff) as u8 | 1;
            }
            look(&name, &damaged);
        }
    }
}
