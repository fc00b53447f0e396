//! The fuzz targets: that they compile, and a short run of each.

use std::path::Path;
use std::process::Command;

/// The fuzz targets.
const TARGETS: [&str; 3] = ["code", "formats", "logs"];

/// Seconds each target runs beyond its seeds.
const SECONDS: u32 = 20;

/// What makes the compiler count which code an input reaches; the same flags as `cargo fuzz` passes, on a
/// stable compiler and without a sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// The target triple has to be given, or build scripts would be built with the flags too.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Checks that every target still compiles against the crates, without the flags and so within the time
/// that lints take: what they call may change long before anybody fuzzes.
pub fn check(root: &Path) -> Result<(), String> {
    let mut clippy = Command::new("cargo");
    clippy.args([
        "clippy",
        "--quiet",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
        "target",
    ]);
    clippy.args(["--", "-D", "warnings"]);
    run(clippy.current_dir(root), "checking the fuzz targets")
}

/// Builds every target and runs it on its seeds and for some seconds on what grows from them.
pub fn smoke(root: &Path) -> Result<(), String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--quiet", "--target", TRIPLE]);
    build.args(["--manifest-path", "fuzz/Cargo.toml", "--target-dir", "fuzz/target"]);
    run(build.current_dir(root).env("RUSTFLAGS", FLAGS), "building the fuzz targets")?;
    for target in TARGETS {
        let grown = root.join("fuzz/target/corpus").join(target);
        std::fs::create_dir_all(&grown).map_err(|error| format!("{}: {error}", grown.display()))?;
        let binary = root.join("fuzz/target").join(TRIPLE).join("release").join(target);
        let mut fuzz = Command::new(binary);
        fuzz.arg(grown).arg(root.join("fuzz/seeds").join(target));
        fuzz.arg(format!("-max_total_time={SECONDS}"));
        fuzz.args(["-rss_limit_mb=1024", "-timeout=10", "-max_len=65536", "-print_final_stats=1"]);
        run(fuzz.current_dir(root.join("fuzz/target")), &format!("fuzzing `{target}`"))?;
    }
    Ok(())
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    println!("{what}");
    let status = command.status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed")) }
}
