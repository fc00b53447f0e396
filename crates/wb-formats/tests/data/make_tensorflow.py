"""Writes what TensorFlow saves: `make_tensorflow.py FOLDER`. Written with the versions named in `written.toml`."""
import shutil
import sys
import tempfile
from pathlib import Path

import tensorflow as tf

folder = Path(sys.argv[1])
tf.random.set_seed(7)


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.random.normal([3, 2]), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "x")])
    def __call__(self, x):
        return tf.nn.relu(tf.matmul(x, self.kernel))


net = Net()
with tempfile.TemporaryDirectory() as scratch:
    tf.saved_model.save(net, scratch)
    for source, target in (
        ("saved_model.pb", "tensorflow-saved-model.pb"),
        ("fingerprint.pb", "tensorflow-fingerprint.pb"),
        ("variables/variables.index", "tensorflow-variables.index"),
        ("variables/variables.data-00000-of-00001", "tensorflow-variables.data-00000-of-00001"),
    ):
        shutil.copyfile(Path(scratch, source), folder / target)
    frozen = net.__call__.get_concrete_function()
    (folder / "tensorflow-frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
    (folder / "tensorflow.tflite").write_bytes(converter.convert())

graph = tf.Graph()
with graph.as_default():
    weight = tf.compat.v1.get_variable("weight", [2, 2])
    tf.identity(weight, "y")
    tf.compat.v1.train.export_meta_graph(str(folder / "tensorflow.meta"), graph=graph)

model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2, name="dense")])
model.save(folder / "tensorflow.keras")
model.save(folder / "tensorflow-keras.h5")
(folder / "tensorflow-config.json").write_text(model.to_json() + "\n")
print(tf.__version__, tf.keras.__version__)
