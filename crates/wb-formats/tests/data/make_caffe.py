"""Writes weights and a network as Caffe's own messages hold them: `make_caffe.py FOLDER`.

`caffe_pb2.py` is what the Protocol Buffers compiler made of `caffe.proto`, as MMdnn 0.3.1 ships it; it needs protobuf 3.20.
"""
import importlib.util
import sys
from pathlib import Path

from google.protobuf import text_format

spec = importlib.util.spec_from_file_location("caffe_pb2", sys.argv[2])
caffe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(caffe)

net = caffe.NetParameter(name="net")
data = net.layer.add(name="data", type="Input", top=["data"])
data.input_param.shape.add(dim=[1, 3])
dense = net.layer.add(name="dense", type="InnerProduct", bottom=["data"], top=["dense"])
dense.inner_product_param.num_output = 2
Path(sys.argv[1], "caffe.prototxt").write_text(text_format.MessageToString(net))
blob = dense.blobs.add(data=[0.5] * 6)
blob.shape.dim.extend([2, 3])
Path(sys.argv[1], "caffe.caffemodel").write_bytes(net.SerializeToString())
