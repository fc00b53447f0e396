"""Writes safetensors and GGUF files with the real libraries: `make_tensors.py FOLDER`.

Beside each stands what the library reads from it, one sorted line per fact: `tensor NAME DTYPE SHAPE START LEN`,
where START and LEN are the bytes in the file, and `field KEY = VALUE`.
"""

import os
import sys

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file


def write(path, lines):
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in sorted(lines))


def safetensors(folder):
    path = os.path.join(folder, "real.safetensors")
    names = {"f4": "F32", "f8": "F64", "f2": "F16", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16"}
    names |= {"i4": "I32", "u4": "U32", "i8": "I64", "u8": "U64", "?": "BOOL"}
    tensors = {f"t.{n}": (np.arange(6).reshape(2, 3) + k).astype(n) for k, n in enumerate(names)}
    tensors["empty"] = np.zeros((0, 4), "f4")
    tensors["scalar"] = np.array(5, "i8")
    save_file(tensors, path, metadata={"format": "np", "note": "h\u00e9llo \"x\""})
    whole = open(path, "rb").read()
    lines = ['field format = np', 'field note = h\u00e9llo "x"']
    for name, value in load_file(path).items():
        dtype = names[name.removeprefix("t.")] if name.startswith("t.") else {"empty": "F32"}.get(name, "I64")
        raw = value.tobytes()
        # Every tensor has bytes of its own, so that the bytes tell where it is.
        start = whole.index(raw, 8) if len(raw) > 8 else -1
        lines.append(f"tensor {name} {dtype} {list(value.shape)} {start} {len(raw)}")
    write(path + ".txt", lines)


def model(folder, name, order):
    path = os.path.join(folder, name)
    writer = gguf.GGUFWriter(path, "llama", endianess=order)
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_float32("llama.rope.freq_base", 10000.0)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    writer.add_token_list([f"<{i}>" for i in range(40)])
    writer.add_chat_template([
        {"name": "default", "template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"},
        {"name": "tool_use", "template": "{{ tools }}"},
    ])
    writer.add_tensor("a", np.arange(12, dtype="f4").reshape(3, 4))
    writer.add_tensor("b", np.arange(8, dtype="f2"))
    quantized = gguf.quants.quantize(np.ones((2, 64), "f4"), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("c", quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path)
    lines = []
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and field.types[0] == gguf.GGUFValueType.STRING:
            lines.append(f"field {key} = {field.contents()}")
    for tensor in reader.tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        lines.append(
            f"tensor {tensor.name} {tensor.tensor_type.name} {shape} {tensor.data_offset} {tensor.n_bytes}"
        )
    write(path + ".txt", lines)


if __name__ == "__main__":
    safetensors(sys.argv[1])
    model(sys.argv[1], "real.gguf", gguf.GGUFEndian.LITTLE)
    model(sys.argv[1], "real-big.gguf", gguf.GGUFEndian.BIG)
