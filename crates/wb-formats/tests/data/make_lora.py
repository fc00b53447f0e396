"""Writes lora.ggla, an adapter of two tensors, with what `convert-lora-to-ggml.py` of llama.cpp writes headers with.

`python3 make_lora.py CONVERTER FOLDER`, with that script as of January 2024, gguf 0.6.0 and numpy. The script reads the
adapter with PyTorch, which has no part in the writing and is left out.
"""

import importlib.util
import sys
import types

import numpy

sys.modules.setdefault("torch", types.ModuleType("torch"))
spec = importlib.util.spec_from_file_location("converter", sys.argv[1])
converter = importlib.util.module_from_spec(spec)
spec.loader.exec_module(converter)

tensors = {
    "blk.0.attn_q.weight.loraA": numpy.arange(16, dtype="float16").reshape(8, 2),
    "blk.0.attn_q.weight.loraB": numpy.arange(16, dtype="float32").reshape(8, 2) / 8,
}
with open(sys.argv[2] + "/lora.ggla", "wb") as out:
    converter.write_file_header(out, {"r": 2, "lora_alpha": 4.0})
    for name, values in tensors.items():
        converter.write_tensor_header(out, name, values.shape, values.dtype)
        values.tofile(out)
