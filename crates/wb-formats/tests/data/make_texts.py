"""Writes texts as tools write them: `make_texts.py FOLDER`. Versions stand in `written.toml`.

Needs, of PyPI: huggingface_hub, jinja2, transformers, tokenizers, mlflow-skinny, pandas, PyYAML, tomli_w, uv, pip-tools,
nbconvert, ipython, nbformat, pillow and fonttools; of Debian: coreutils, perl, b3sum, sharutils, openssl and xxd; of npm:
@huggingface/ollama-utils, whose folder `node_modules` is named by NODE_PATH.
"""
import base64
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from xml.etree import ElementTree

folder = Path(sys.argv[1]).resolve()
TEMPLATE = "{% for m in messages %}[{{ m.role }}] {{ m.content }} ;{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
CONFIG = {"name": "tiny", "layers": [{"kind": "dense", "units": 2}], "rate": 0.5, "seed": None, "frozen": True, "ü": "ß"}


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def digests():
    Path("weights.bin").write_bytes(b"0.1 0.2 0.3\n")
    Path("a b\\c.bin").write_bytes(b"0.4\n")
    names = ["weights.bin", "a b\\c.bin"]
    for tool in ("md5sum", "sha1sum", "sha256sum", "sha512sum"):
        (folder / f"{tool}.txt").write_text(run(tool, *names))
    (folder / "sha256sum-tag.txt").write_text(run("sha256sum", "--tag", *names))
    (folder / "shasum.txt").write_text(run("shasum", "-b", "-a", "512", *names))
    (folder / "openssl.txt").write_text(run("openssl", "dgst", "-sha256", *names))
    (folder / "B3SUMS").write_text(run("b3sum", *names))
    for name in names:
        print(name, *(hashlib.new(kind, Path(name).read_bytes()).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")))


def packed():
    data = pickle.dumps({"w": [0.5, 1.5]}, protocol=4)
    Path("model.pkl").write_bytes(data)
    (folder / "base64.b64").write_text(run("base64", "model.pkl"))
    (folder / "openssl.b64").write_text(run("openssl", "base64", "-in", "model.pkl"))
    (folder / "xxd.hex").write_text(run("xxd", "-p", "model.pkl"))
    assert base64.b64decode((folder / "base64.b64").read_text()) == data


def documents():
    import tomli_w
    import yaml

    with open(folder / "json-dump.json", "w") as file:
        json.dump(CONFIG, file, indent=2)
    (folder / "yaml-dump.yaml").write_text(yaml.dump(CONFIG))
    (folder / "tomli-w.toml").write_text(tomli_w.dumps({key: value for key, value in CONFIG.items() if value is not None}))
    root = ElementTree.Element("model", name="tiny")
    ElementTree.SubElement(root, "layer", kind="dense").text = "0.5 < 1 & ü"
    ElementTree.ElementTree(root).write(folder / "elementtree.xml", encoding="utf-8", xml_declaration=True)


def requirements():
    Path("asked.in").write_text("tomli-w==1.2.0\nidna>=3,<4\n")
    run(sys.executable, "-m", "pip", "install", "-q", "--target", "installed", "-r", "asked.in")
    (folder / "pip-freeze.requirements.txt").write_text(run(sys.executable, "-m", "pip", "freeze", "--path", "installed"))
    hidden = ("--no-emit-find-links", "--no-emit-index-url", "--no-emit-trusted-host")
    run(sys.executable, "-m", "piptools", "compile", "-q", "--generate-hashes", *hidden, "-o", "requirements.txt", "asked.in")
    shutil.move("requirements.txt", folder / "pip-compile.requirements.txt")
    (folder / "uv-compile.requirements.txt").write_text(run("uv", "pip", "compile", "-q", "--no-cache", "asked.in"))
    run("uv", "init", "-q", "--bare", "--name", "tiny", "--description", "A tiny model", "--python", "3.11", "project")
    shutil.copy("project/pyproject.toml", folder / "uv-init.toml")


def of_mlflow():
    import mlflow
    from mlflow.models import docker_utils

    class Tiny(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input: list[str]):
            return model_input

    out = folder / "mlflow"
    out.mkdir(exist_ok=True)
    mlflow.pyfunc.save_model("saved", python_model=Tiny(), pip_requirements=["cloudpickle==3.1.3", "numpy>=2"])
    for name in ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"):
        shutil.copy(Path("saved", name), out / name)
    os.mkdir("image")
    steps = "COPY model_dir/saved /opt/ml/model"
    entry = "from mlflow.models import container as C; C._serve('local')"
    docker_utils.generate_dockerfile("image", "python:3.11.7-slim", steps, entry, "local")
    shutil.copy("image/Dockerfile", out / "Dockerfile")


def of_hugging_face():
    from huggingface_hub import ModelCard, ModelCardData
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    out = folder / "hugging-face"
    out.mkdir(exist_ok=True)
    data = ModelCardData(language="en", license="mit", library_name="transformers", tags=["tiny"])
    card = ModelCard.from_template(data, model_id="tiny", model_description="A tiny model.", get_started_code="```sh\npip install transformers\n```")
    card.save(out / "README.md")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    tokenizer.train_from_iterator(["a word of some length"], trainers.BpeTrainer(vocab_size=24, show_progress=False))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained("tokenizer")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(Path("tokenizer", name), out / name)
    LlamaConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=24).save_pretrained(out)
    print(fast.apply_chat_template([{"role": "user", "content": "hello"}], tokenize=False))


def of_ollama_utils():
    Path("convert.cjs").write_text(
        'const { convertGGUFTemplateToOllama } = require("@huggingface/ollama-utils");\n'
        "console.log(JSON.stringify(convertGGUFTemplateToOllama({ chat_template: process.argv[2] })));\n"
    )
    template = json.loads(run("node", "convert.cjs", TEMPLATE))["ollama"]["template"]
    (folder / "ollama-utils.tmpl").write_text(template)


def code():
    import nbformat
    from nbconvert import PythonExporter

    cells = [nbformat.v4.new_markdown_cell("# A"), nbformat.v4.new_code_cell("import os\n!echo hello\nos.system('echo hello')")]
    source, _ = PythonExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    (folder / "nbconvert.py").write_text(source)
    place = Path("/tmp/tiny")
    place.mkdir(exist_ok=True)
    (place / "numbers.txt").write_text("0.1 0.2\n")
    command = ("shar", "-T", "--no-timestamp", "--no-i18n", "--submitter=a@b.example", "numbers.txt")
    (folder / "shar.sh").write_text(run(*command, cwd=place))
    shutil.rmtree(place)


def media():
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from PIL import Image, PngImagePlugin

    out = folder / "media"
    out.mkdir(exist_ok=True)
    picture = Image.new("RGB", (4, 4), (10, 20, 30))
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", json.dumps({"nodes": []}))
    picture.save(out / "pillow.png", pnginfo=text)
    for kind in ("gif", "jpg", "webp", "ico", "pdf"):
        picture.save(out / f"pillow.{kind}")
    with wave.open(str(out / "python.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\1" * 8)
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef"])
    font.setupCharacterMap({})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0)})
    font.setupHorizontalHeader()
    font.setupNameTable({"familyName": "Tiny", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(out / "fonttools.ttf")


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    for step in (digests, packed, documents, requirements, of_mlflow, of_hugging_face, of_ollama_utils, code, media):
        step()
    os.chdir(folder)
