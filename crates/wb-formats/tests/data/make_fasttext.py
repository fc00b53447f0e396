"""Writes fasttext.bin, a classifier of two labels, and fasttext.ftz, the same quantized. fasttext-wheel 0.9.2."""

import pathlib
import sys
import tempfile

import fasttext

folder = sys.argv[1]
text = pathlib.Path(tempfile.mkdtemp()) / "train.txt"
lines = [f"__label__{kind} it is {word} weather" for kind, word in [("good", "fine"), ("bad", "wet")]]
text.write_text("\n".join(lines * 10) + "\n")
model = fasttext.train_supervised(str(text), dim=4, bucket=300, minn=2, maxn=3, thread=1, epoch=1, verbose=0)
model.save_model(f"{folder}/fasttext.bin")
model.quantize(input=str(text), qnorm=True, dsub=2, verbose=0)
model.save_model(f"{folder}/fasttext.ftz")
