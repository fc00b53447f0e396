"""TensorFlow, TFLite, Core ML, OpenVINO, trees, llamafile: operators that reach the host, offsets that lead outside.

TFLite models are laid out with the packages `flatbuffers` and `tflite`; `real.cbm` is what CatBoost wrote.
"""
import json
import struct
from pathlib import Path

import flatbuffers
import tflite
from recipe import EMPTY, RUN, add, archive, main, message, varint

REAL = Path(__file__).parents[3] / "wb-formats/tests/data"
ELF = (REAL / "real.so").read_bytes()


# TensorFlow (graph.proto, function.proto, meta_graph.proto, saved_model.proto).
def attr(**values):
    out = []
    for name, value in values.items():
        if isinstance(value, bytes):
            inner = value
        elif isinstance(value, str):
            inner = message((2, value))
        else:
            inner = message((6, value))
        out.append((5, message((1, name), (2, inner))))
    return out


def node(name, op, *inputs, **attributes):
    return message((1, name), (2, op), *[(3, one) for one in inputs], *attr(**attributes))


def text(name, value):
    return node(name, "Const", dtype=7, value=message((8, message((1, 7), (2, b""), (8, value)))))


def called(function):
    return message((10, message((1, function))))


def graph(*nodes, functions=()):
    library = message(*[(1, one) for one in functions])
    return message(*[(1, one) for one in nodes], *[(2, library)] * bool(functions), (4, message((1, 1882))))


def function(name, *nodes):
    return message((1, message((1, name))), *[(3, one) for one in nodes])


def saved(inner, *more):
    return message((1, 1), (2, message((1, message((4, "serve"), (5, "2.20.0"))), (2, inner), *more)))


RESTORE = [
    text("checkpoint", "variables/variables"),
    text("slots", ""),
    text("names", "w"),
    node("restore", "RestoreV2", "checkpoint", "names", "slots", dtypes=1),
    node("save", "SaveV2", "checkpoint", "names", "slots"),
    node("noop", "NoOp"),
]
sound = saved(graph(node("x", "Placeholder", dtype=1), node("y", "Identity", "x"), *RESTORE))
READ = [text("path", "/etc/passwd"), node("read", "ReadFile", "path")]
WRITE = [text("path", "/home/user/.bashrc"), text("data", "echo x"), node("write", "WriteFile", "path", "data")]
PB = "saved_model.pb"
add("TFS-001 ReadFile of a fixed path", "config-names-callable", saved(graph(*READ, *RESTORE)), sound, name=PB)
add("TFS-001 WriteFile of a fixed path", "config-names-callable", saved(graph(*WRITE, *RESTORE)), sound, name=PB)
whole = [function("init", *WRITE)]
caller = node("run", "StatefulPartitionedCall", f=called("init"))
add("TFS-002 WriteFile in a function that a signature calls", "config-names-callable", saved(graph(caller, functions=whole)), sound, name=PB)
add("TFS-002 ReadFile in a function that nothing calls", "config-names-callable", saved(graph(functions=[function("aside", *READ)])), sound, name=PB)
for op in ("PyFunc", "PyFuncStateless", "EagerPyFunc"):
    add(f"TFS-007 {op}", "config-names-callable", saved(graph(node("x", "Placeholder", dtype=1), node("run", op, "x", token="pyfunc_0"))), sound, name=PB)
# The last of two fields holds; unknown fields and groups are passed over.
twice = message((1, "run"), (2, "Identity")) + message((2, "WriteFile"), (3, "path"), (3, "data"))
add("TFS-010 operator given twice", "config-names-callable", saved(graph(*WRITE[:2], twice)), sound, name=PB)
unknown = message((99, "x"), (98, 7)) + b"\xb3\x06" + message((1, 1)) + b"\xb4\x06"
add("TFS-010 unknown fields and a group before the graph", "config-names-callable", unknown + saved(graph(*WRITE)), sound, name=PB)
long = bytes([0x12, len(graph(*WRITE)) & 127 | 128, (len(graph(*WRITE)) >> 7) | 128, 0x80, 0x00])
add("TFS-010 number longer than it has to be", "config-names-callable", message((1, 1)) + b"\x12" + varint(len(long) + len(graph(*WRITE))) + long + graph(*WRITE), sound, name=PB)
asset = lambda name: (6, message((1, message((1, "asset:0"))), (2, name)))
add("TFS-011 asset above the folder", "saved-model-asset-path", saved(graph(*RESTORE), asset("../../etc/passwd")), saved(graph(*RESTORE), asset("vocabulary.txt")), name=PB)


# Keras in a SavedModel (saved_metadata.proto, saved_object_graph.proto). Both functions are of Python 3.6.
CODE = dict(
    found="4wEAAAAAAAAAAQAAAAMAAABDAAAAcxYAAAB8AHQAZAGDAWoBZAKDAWcCZAMZAFMAKQRO2gJvc3oGZWNobyB46QAAAAApAtoKX19pbXBvcnRfX9oGc3lzdGVtKQHaAXipAHIGAAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4BAAAAcwAAAAA=",
    innocent="4wEAAAAAAAAAAQAAAAIAAABDAAAAcwwAAAB8AGQBGwBkAhgAUwApA05nAAAAAADgX0DpAQAAAKkAKQHaAXhyAgAAAHICAAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4BAAAAcwAAAAA=",
)


def configuration(kind):
    function = dict(class_name="__lambda__", config=dict(code=CODE[kind], defaults=None, closure=None))
    return json.dumps(dict(name="norm", class_name="Lambda", config=dict(name="norm", function=function)))


def metadata(kind):
    return message((1, message((2, 1), (3, "root.layer-0"), (4, "_tf_keras_layer"), (5, configuration(kind)), (6, message((1, 1), (2, 1))))))


def objects(kind):
    user = message((1, "_tf_keras_layer"), (2, message((1, 1))), (3, configuration(kind)))
    return saved(graph(*RESTORE), (7, message((1, message((4, user))))))


add("KER-018 Lambda layer beside a SavedModel", "keras-lambda-runs-code", metadata("found"), metadata("innocent"), name="keras_metadata.pb", call="os.system")
add("KER-018 Lambda layer in the objects of a SavedModel", "keras-lambda-runs-code", objects("found"), objects("innocent"), name=PB, call="os.system")


# TFLite (schema.fbs).
def vector(b, start, items, prepend):
    start(b, len(items))
    for item in reversed(items):
        prepend(item)
    return b.EndVector()


def lite(custom="TFLite_Detection_PostProcess", shape=(1, 2), buffer=1, code=0, data=bytes(8), outside=None, calls=None):
    b = flatbuffers.Builder(512)
    raw = b.CreateByteVector(data)
    buffers = []
    for one in (None, raw):
        tflite.BufferStart(b)
        if one is not None and outside is None:
            tflite.BufferAddData(b, one)
        if one is not None and outside is not None:
            tflite.BufferAddOffset(b, outside[0])
            tflite.BufferAddSize(b, outside[1])
        buffers.append(tflite.BufferEnd(b))
    name = b.CreateString(custom)
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, 32)
    tflite.OperatorCodeAddBuiltinCode(b, 32)
    tflite.OperatorCodeAddCustomCode(b, name)
    codes = [tflite.OperatorCodeEnd(b)]
    tensors = []
    for tensor, sizes, number in (("x", (1, 2), 0), ("w", shape, buffer)):
        name = b.CreateString(tensor)
        sizes = vector(b, tflite.TensorStartShapeVector, sizes, b.PrependInt32)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, sizes)
        tflite.TensorAddType(b, tflite.TensorType.FLOAT32)
        tflite.TensorAddBuffer(b, number)
        tflite.TensorAddName(b, name)
        tensors.append(tflite.TensorEnd(b))
    ins = vector(b, tflite.OperatorStartInputsVector, [0, 1], b.PrependInt32)
    outs = vector(b, tflite.OperatorStartOutputsVector, [0], b.PrependInt32)
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, code)
    tflite.OperatorAddInputs(b, ins)
    tflite.OperatorAddOutputs(b, outs)
    operators = [tflite.OperatorEnd(b)]
    ins = vector(b, tflite.SubGraphStartInputsVector, [0], b.PrependInt32)
    tables = vector(b, tflite.SubGraphStartTensorsVector, tensors, b.PrependUOffsetTRelative)
    nodes = vector(b, tflite.SubGraphStartOperatorsVector, operators, b.PrependUOffsetTRelative)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tables)
    tflite.SubGraphAddInputs(b, ins)
    tflite.SubGraphAddOutputs(b, ins)
    tflite.SubGraphAddOperators(b, nodes)
    graphs = vector(b, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(b)], b.PrependUOffsetTRelative)
    kept = vector(b, tflite.ModelStartBuffersVector, buffers, b.PrependUOffsetTRelative)
    known = vector(b, tflite.ModelStartOperatorCodesVector, codes, b.PrependUOffsetTRelative)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, known)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, kept)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


good = lite()
add("TFL-001 operator that is not known", "custom-operator", lite("RunsAnything"), good, verdict="unknown", name="model.tflite")
for op in ("FlexReadFile", "FlexWriteFile", "FlexPyFunc", "FlexEagerPyFunc"):
    add(f"TFL-001 {op}", "config-names-callable", lite(op), good, verdict="suspicious" if op == "FlexReadFile" else "malicious", name="model.tflite")
for what, bad in (
    ("buffer that is not there", lite(buffer=99)),
    ("data behind the end", lite(outside=(1 << 20, 1 << 20))),
    ("operator number that is not there", lite(code=99)),
    ("product that overflows", lite(shape=(1 << 30, 1 << 30, 1 << 30))),
    ("shape that does not fit its buffer", lite(shape=(1, 200))),
):
    add(f"TFL-002 {what}", "runtime-odd-structure", bad, good, verdict="suspicious", name="model.tflite")
add("TFL-002 file behind the model", "pickle-runs-command", good + bytes(-len(good) % 16) + RUN, good, name="model.tflite")


# Core ML (Model.proto, NeuralNetwork.proto, LinkedModel.proto).
def core(*more):
    return message((1, 4), (2, message((1, message((1, "x"))))), *more)


def layer(kind, inner):
    return core((500, message((1, message((1, "l"), (2, "x"), (3, "y"), (kind, inner))))))


plain = layer(130, message((10, b"")))
add("EDG-001 custom layer", "custom-operator", layer(500, message((10, "RunsAnything"))), plain, verdict="unknown", name="model.mlmodel")
add("EDG-001 custom model", "custom-operator", core((555, message((1, "RunsAnything")))), plain, verdict="unknown", name="model.mlmodel")
linked = lambda file, path: core((556, message((1, message((1, message((1, file))), (2, message((1, path))))))))
add("EDG-001 linked model above the folder", "core-ml-path", linked("other.mlmodelc", "../../tmp"), plain, name="model.mlmodel")
add("EDG-001 linked model", "core-ml-linked-model", linked("other.mlmodelc", "$BUNDLE_MAIN"), plain, verdict="suspicious", name="model.mlmodel")


# OpenVINO.
def ir(layers, inside=""):
    return f'<?xml version="1.0"?>\n<net name="n" version="11"><layers>{layers}</layers><edges/>{inside}</net>\n'.encode()


INPUT = '<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1,2" element_type="f32"/></layer>'
constant = '<layer id="1" name="w" type="Const" version="opset1"><data element_type="f32" shape="{}" offset="{}" size="{}"/></layer>'
good = ir(INPUT + constant.format("1,2", 0, 8))
add("EDG-003 layer of an extension", "custom-operator", ir(INPUT + '<layer id="1" name="c" type="RunsAnything" version="extension"/>'), good, verdict="unknown", name="model.xml")
add("EDG-003 operation set that is not known", "custom-operator", ir(INPUT + '<layer id="1" name="c" type="RunsAnything" version="own_opset"/>'), good, verdict="unknown", name="model.xml")
add("EDG-003 size that does not fit the shape", "damaged-structure", ir(INPUT + constant.format("1,2", 0, 1 << 40)), good, verdict="unknown", name="model.xml")


# Trees.
def xgboost(left, right, features=(0, 0, 0), count=2):
    tree = dict(
        base_weights=[0.0] * 3, categories=[], categories_nodes=[], categories_segments=[], categories_sizes=[], default_left=[0] * 3, id=0,
        left_children=left, right_children=right, loss_changes=[0.0] * 3, parents=[2147483647, 0, 0], split_conditions=[0.5, 0.1, 0.2],
        split_indices=list(features), split_type=[0] * 3, sum_hessian=[1.0] * 3,
        tree_param=dict(num_deleted="0", num_feature=str(count), num_nodes="3", size_leaf_vector="1"),
    )
    model = dict(gbtree_model_param=dict(num_parallel_tree="1", num_trees="1"), iteration_indptr=[0, 1], tree_info=[0], trees=[tree])
    learner = dict(
        attributes={}, feature_names=[], feature_types=[], gradient_booster=dict(model=model, name="gbtree"),
        learner_model_param=dict(base_score="5E-1", boost_from_average="1", num_class="0", num_feature=str(count), num_target="1"),
        objective=dict(name="reg:squarederror", reg_loss_param=dict(scale_pos_weight="1")),
    )
    return json.dumps(dict(learner=learner, version=[3, 1, 0])).encode()


good = xgboost([1, -1, -1], [2, -1, -1])
for what, bad in (
    ("child that is not there", xgboost([1, -1, -1], [1_000_000, -1, -1])),
    ("tree that goes round", xgboost([1, 0, -1], [2, 0, -1])),
    ("feature that is not there", xgboost([1, -1, -1], [2, -1, -1], (99, 0, 0))),
):
    add(f"GBM-001 {what}", "tree-out-of-bounds", bad, good, verdict="suspicious", name="model.json")
LIGHT = (REAL / "real-lightgbm.txt").read_bytes()
sizes = next(line for line in LIGHT.splitlines() if line.startswith(b"tree_sizes="))
left = next(line for line in LIGHT.splitlines() if line.startswith(b"left_child="))
add("GBM-004 sizes that are wrong", "tree-out-of-bounds", LIGHT.replace(sizes, b"tree_sizes=" + b"9" * (len(sizes) - 11)), LIGHT, verdict="suspicious", name="model.txt")
add("GBM-004 child that is not there", "tree-out-of-bounds", LIGHT.replace(left, b"left_child=" + b"9" * (len(left) - 11), 1), LIGHT, verdict="suspicious", name="model.txt")
CAT = (REAL / "real.cbm").read_bytes()
add("GBM-007 size that lies", "tree-out-of-bounds", b"CBM1" + struct.pack("<I", 1 << 30) + CAT[8:], CAT, verdict="suspicious", name="model.cbm")
add("GBM-007 table outside of the file", "tree-out-of-bounds", CAT[:8] + struct.pack("<I", 1 << 24) + CAT[12:], CAT, verdict="suspicious", name="model.cbm")
PMML = '<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary/>{}</PMML>\n'
good = ('<?xml version="1.0"?>\n' + PMML.format("")).encode()
laughs = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10 if number else "x" * 10}">' for number in range(10))
for what, rule, head, verdict in (
    ("entity of another file", "xml-external-entity", '<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/hostname">]>', "suspicious"),
    ("document type of another host", "external-reference", '<!DOCTYPE PMML SYSTEM "http://192.0.2.9/x.dtd">', "suspicious"),
    ("entities that expand without end", "xml-entity-expansion", f"<!DOCTYPE PMML [{laughs}]>", "suspicious"),
):
    add(f"GBM-010 {what}", rule, f'<?xml version="1.0"?>\n{head}\n{PMML.format("")}'.encode(), good, verdict=verdict, name="model.pmml")


# llamafile: a program in front of an archive. Its neighbour is the archive without the program, which nobody starts.
def llamafile(arguments, program=ELF):
    gguf = b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(8)
    return program + archive(("model.gguf", gguf), (".args", arguments.encode()), shift=len(program))


quiet = llamafile("-m\nmodel.gguf\n...\n", b"")
for what, arguments in (("serves the network", "-m\nmodel.gguf\n--host\n0.0.0.0\n"), ("opens a file of the host", "-m\n/etc/passwd\n"), ("without its sandbox", "--unsecure\n")):
    add(f"MLO-006 llamafile that {what}" if what[0] != "w" else f"MLO-006 llamafile {what}", "llamafile-odd-arguments", llamafile(arguments), quiet, verdict="suspicious", name="model.llamafile", innocent_name="model.zip")
add("MLO-006 llamafile", "native-code", llamafile("-m\nmodel.gguf\n"), quiet, verdict="suspicious", name="model.llamafile", innocent_name="model.zip")

main("Graphs and trees of runtimes: operators that reach the host, offsets that lead outside.")
