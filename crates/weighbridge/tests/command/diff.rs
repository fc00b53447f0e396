//! Models beside each other: what is said of their numbers, held against NumPy and the library of GGUF.

use crate::weighbridge;
use serde_json::Value;
use wb_testkit::{Run, Scratch, oracle, zip};

/// A safetensors file of 32-bit floating-point numbers.
fn safetensors(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, shape, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let end = data.len();
        entries.push(format!(
            r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        ));
    }
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

/// Numbers that differ from each other.
fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at % 97) as f32 / 8.0 - 6.0).collect()
}

const SHAPE: &[usize] = &[12, 16];

/// Three layers; one number of the second is another one when `edited`.
fn model(edit: impl Fn(usize) -> f32) -> Vec<u8> {
    let edited = ramp(192).iter().zip(0..).map(|(value, at)| value + edit(at)).collect();
    safetensors(&[
        ("h.0.weight", SHAPE, ramp(192)),
        ("h.1.weight", SHAPE, edited),
        ("h.2.weight", SHAPE, ramp(192)),
    ])
}

#[test]
fn a_targeted_edit_is_told_in_words() {
    let models = Scratch::new()
        .with("base.safetensors", model(|_| 0.0))
        .with("edited.safetensors", model(|at| (1 + at / 16) as f32 * (at % 16 + 1) as f32));
    let (base, edited) = (models.path("base.safetensors"), models.path("edited.safetensors"));
    let ended = weighbridge(&["diff", &edited, &base]).end();
    let out = &ended.code(1).quiet().out;
    let expected = "\
the bytes differ; layers, tensor names and shapes, imported names and metadata do not

1 of 3 tensors differs: `h.1.weight`: all 192 numbers, change of rank 1, 1,770 % of its norm, largest
";
    let begins = |text: &str| text.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(begins(out), begins(expected));
    ended.prints("1 of 3 tensors differs: `h.1.weight`: all 192 numbers, change of rank 1, ");
    ended.prints("A targeted edit of one layer.");
    // The same numbers in another file say nothing.
    let same = models.path("base.safetensors");
    weighbridge(&["diff", &base, &same]).end().code(0).never_says("tensors");
}

#[test]
fn a_pickle_and_its_copy_hold_the_same_numbers() {
    let opcodes = "PROTO 2\nEMPTY_DICT\nBINUNICODE model.w\nGLOBAL torch._utils _rebuild_tensor_v2\nMARK\nMARK\n\
        BINUNICODE storage\nGLOBAL torch FloatStorage\nBINUNICODE 0\nBINUNICODE cpu\nBININT1 192\nTUPLE\nBINPERSID\n\
        BININT1 0\nBININT1 12\nBININT1 16\nTUPLE2\nBININT1 16\nBININT1 1\nTUPLE2\nNEWFALSE\n\
        GLOBAL collections OrderedDict\nEMPTY_TUPLE\nREDUCE\nTUPLE\nREDUCE\nSETITEM\nSTOP";
    let torch = |values: &[f32]| {
        let pickle = wb_testkit::pickle(opcodes).expect("known opcodes");
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        zip(&[("m/data.pkl".to_owned(), pickle), ("m/data/0".to_owned(), data)])
    };
    let mut other = ramp(192);
    other[5] += 1.0;
    let models = Scratch::new()
        .with("copy.safetensors", safetensors(&[("w", SHAPE, ramp(192))]))
        .with("same.pt", torch(&ramp(192)))
        .with("other.pt", torch(&other));
    let copy = models.path("copy.safetensors");
    weighbridge(&["diff", &models.path("same.pt"), &copy])
        .end()
        .code(1)
        .prints("The one tensor holds the same numbers.");
    weighbridge(&["diff", &models.path("other.pt"), &copy])
        .end()
        .code(1)
        .prints("1 of 1 tensor differs: `model.w`: 1 of 192 numbers, in 1 row and 1 column, ");
}

/// The index of a TensorFlow checkpoint of one file with the two numbers `w` in it (`table_format.txt` of LevelDB,
/// `tensor_bundle.proto`).
fn checkpoint_index() -> Vec<u8> {
    let block = |entries: &[(&str, &[u8])]| {
        let mut bytes = Vec::new();
        for (key, value) in entries {
            bytes.extend([0, key.len() as u8, value.len() as u8]);
            bytes.extend(key.as_bytes());
            bytes.extend(*value);
        }
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        bytes
    };
    // Two 32-bit numbers in eight bytes at offset 4.
    let entry: &[u8] = &[8, 1, 18, 4, 18, 2, 8, 2, 24, 0, 32, 4, 40, 8];
    let data = block(&[("", &[8, 1, 26, 2, 8, 1]), ("w/.ATTRIBUTES/VARIABLE_VALUE", entry)]);
    let (others, index) = (block(&[]), block(&[("z", &[0, data.len() as u8])]));
    let (second, third) = (data.len() + 5, data.len() + others.len() + 10);
    let lengths = [second, others.len(), third, index.len()];
    let mut footer: Vec<u8> = lengths.iter().map(|length| *length as u8).collect();
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    [data, vec![0; 5], others, vec![0; 5], index, vec![0; 5], footer].concat()
}

#[test]
fn the_numbers_of_a_checkpoint_lie_beside_its_index() {
    let numbers: Vec<u8> = [9.0_f32, 0.5, -2.0].iter().flat_map(|it| it.to_le_bytes()).collect();
    let models = Scratch::new()
        .with("whole/model.index", checkpoint_index())
        .with("whole/model.data-00000-of-00001", numbers)
        .with("alone/model.index", checkpoint_index())
        .with("same.safetensors", safetensors(&[("w", &[2], vec![0.5, -2.0])]))
        .with("other.safetensors", safetensors(&[("w", &[2], vec![0.5, 2.0])]));
    let diff =
        |new: &str, old: &str| weighbridge(&["diff", &models.path(new), &models.path(old)]).end();
    diff("whole/model.index", "same.safetensors").prints("The one tensor holds the same numbers.");
    diff("whole/model.index", "other.safetensors").prints("1 of 2 numbers, ");
    diff("alone/model.index", "same.safetensors")
        .prints("No numbers were compared.")
        .prints("a file of the checkpoint that is not there");
}

#[test]
fn a_model_in_several_files_is_one() {
    let part = |name: &'static str| safetensors(&[(name, SHAPE, ramp(192))]);
    let models = Scratch::new()
        .with("new/model-00001-of-00002.safetensors", part("h.0.weight"))
        .with("new/model-00002-of-00002.safetensors", part("h.1.weight"))
        .with("new/notes.txt", "new")
        .with(
            "old/model.safetensors",
            safetensors(&[("h.0.weight", SHAPE, ramp(192)), ("h.1.weight", SHAPE, ramp(192))]),
        )
        .with("old/notes.txt", "old");
    let (new, old) = (models.path("new"), models.path("old"));
    weighbridge(&["diff", &new, &old])
        .end()
        .code(1)
        .prints("~ changed file notes.txt")
        .prints("+ added file model-00001-of-00002.safetensors")
        .prints("All 2 tensors hold the same numbers.");
    weighbridge(&["diff", &new, &new]).end().code(0).prints("the same, byte for byte");
}

#[test]
fn an_investigation_tells_of_numbers_alone() {
    let models = Scratch::new()
        .with("base.safetensors", model(|_| 0.0))
        .with("edited.safetensors", model(|at| if at == 7 { 0.5 } else { 0.0 }));
    let told = "its numbers against `base.safetensors`: 1 of 3 tensors differs: `h.1.weight`: 1 of 192 numbers";
    let roles = ["--role", "base.safetensors=baseline", "--role", "edited.safetensors=candidate"];
    let folder = models.path("");
    weighbridge(&[&["investigate", &folder], &roles[..]].concat()).end().prints(told);
    let (base, edited) = (models.path("base.safetensors"), models.path("edited.safetensors"));
    weighbridge(&["gate", &edited, "--baseline", &base])
        .end()
        .prints("1 of 3 tensors differs: `h.1.weight`")
        .prints("it has the structure of the baseline");
}

#[test]
fn statistics_are_given_when_asked_for() {
    let values = vec![0.0, 1.0, -3.0, f32::NAN, 2.0, 0.0];
    let models = Scratch::new().with("m.safetensors", safetensors(&[("w", &[2, 3], values)]));
    let model = models.path("m.safetensors");
    weighbridge(&["inspect", &model]).end().code(0).never_says("STATISTICS");
    weighbridge(&["inspect", &model, "--statistics"])
        .end()
        .code(0)
        .prints("STATISTICS (1)")
        .prints("w -3.0000 2.0000 0 1.6733 2 1");
    let ended = weighbridge(&["inspect", &model, "--statistics", "--format", "json"]).end();
    let parsed: Value = serde_json::from_str(&ended.code(0).out).expect("valid JSON");
    let statistics = &parsed[0]["tensors"][0]["statistics"];
    assert_eq!((&statistics["finite"], &statistics["not_finite"]), (&5.into(), &1.into()));
}

#[test]
fn numbers_are_compared_as_numpy_and_gguf_compare_them() {
    let python = oracle::python();
    let there = Run::of(&python).args(["-c", "import numpy, gguf, h5py"]).succeeds();
    if !oracle::is_there(there, &format!("`{python}` has no `numpy`, `gguf` and `h5py`")) {
        return;
    }
    let folder = Scratch::new();
    Run::of(&python).args(["-c", include_str!("diff.py"), &folder.path("")]).end().code(0);
    let expected = std::fs::read_to_string(folder.path("expected.json")).expect("it was made");
    let expected: Value = serde_json::from_str(&expected).expect("valid JSON");
    let schema = weighbridge(&["schema", "diff"]).end();
    let pairs = expected.as_array().expect("a list");
    assert!(pairs.len() > 20, "{}", pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let path = |key: &str| folder.path(pair[key].as_str().expect("a name"));
        let ended = weighbridge(&["diff", &path("new"), &path("old"), "--format", "json"]).end();
        let found: Value = serde_json::from_str(&ended.out).expect("valid JSON");
        let weights = &found["weights"][0];
        assert_eq!(weights["compared"], pair["compared"], "{pair} {weights}");
        let why = pair["why"].as_str().expect("a text");
        assert!(weights["conclusion"].as_str().is_some_and(|it| it.contains(why)), "{weights}");
        let mut named = std::collections::BTreeMap::new();
        for tensor in weights["tensors"].as_array().expect("a list") {
            named.insert(tensor["baseline_name"].as_str().expect("a name"), tensor);
        }
        for (name, facts) in pair["tensors"].as_object().expect("an object") {
            let tensor = named.get(name.as_str()).unwrap_or_else(|| panic!("{name}: {weights}"));
            for (key, value) in facts.as_object().expect("an object") {
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()) + 1e-12;
                let same = match (tensor[key].as_f64(), value.as_f64()) {
                    (Some(a), Some(b)) => close(a, b),
                    _ => tensor[key] == *value,
                };
                assert!(same, "{} {name}: {key} is {value} in {tensor}", pair["new"]);
            }
        }
        assert_eq!(named.len(), pair["tensors"].as_object().map_or(0, |it| it.len()), "{weights}");
        if at % 25 == 0 {
            oracle::validate(&schema.out, &ended.out, None);
        }
    }
}
