use crate::testing::{children, claims, has, oddities, parse, python, survive};
use wb_core::{Content, OddityKind};

fn no_model(pickle: &[u8]) -> bool {
    has(&parse("pickle", pickle), OddityKind::NoModel)
}

fn tensors(content: &Content) -> Vec<String> {
    let shown = content.tensors.iter().map(|t| format!("{} {} {:?}", t.name, t.dtype, t.shape));
    shown.collect()
}

#[test]
fn an_object_that_is_no_model() {
    let found: [&[u8]; 7] = [
        b"cos\nsystem\n(S'id'\ntR.",
        b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.",
        b"(S'id'\nios\nsystem\n.",
        b"\x80\x02csubprocess\ncheck_output\n]X\x02\0\0\0ida\x85R.",
        b"\x80\x02N.",
        b"\x80\x02K\x05.",
        b"\x80\x02X\x02\0\0\0hi.",
    ];
    for pickle in found {
        assert!(no_model(pickle), "{:?}", String::from_utf8_lossy(pickle));
    }
    let not_found: [&[u8]; 6] = [
        b"\x80\x02}X\x01\0\0\0aK\x01s.",
        b"\x80\x02]K\x01a.",
        b"\x80\x02csklearn.linear_model\nRidge\n)\x81}X\x05\0\0\0alphaK\x01sb.",
        b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0aK\x01s.",
        b"\x80\x02ccollections\nCounter\n}X\x01\0\0\0aK\x01s\x85R.",
        b"ccopy_reg\n_reconstructor\n(cmodel\nNet\nc__builtin__\nobject\nNtR(dS'w'\nI1\nsb.",
    ];
    for pickle in not_found {
        assert!(!no_model(pickle), "{:?}", String::from_utf8_lossy(pickle));
    }
}

#[test]
fn two_streams_are_not_one_object() {
    assert!(!no_model(b"\x80\x02N.\x80\x02N."));
}

#[test]
fn bytes_behind_stop_are_texts_and_files() {
    let mut pickle = b"\x80\x02}.".to_vec();
    pickle.extend(b"part 2 of 3: _upd4te");
    let content = parse("pickle", &pickle);
    assert!(has(&content, OddityKind::TrailingBytes));
    let texts: Vec<(&str, &str)> =
        content.texts.iter().map(|text| (text.place.as_str(), text.value.as_str())).collect();
    assert_eq!(texts, [("bytes after STOP", "part 2 of 3: _upd4te")]);
    let mut pickle = b"\x80\x02}.".to_vec();
    pickle.extend(crate::testing::Zip::new().stored("a", b"1").finish());
    let content = parse("pickle", &pickle);
    assert_eq!(claims(children(&pickle, &content)[0].1), "zip");
}

#[test]
fn bytes_that_are_loaded_again_are_children() {
    let pickle = b"\x80\x03cpickle\nloads\nC\x14\x80\x02cos\nsystem\nU\x02id\x85R.\x85R.";
    let content = parse("pickle", pickle);
    assert_eq!(claims(children(pickle, &content)[0].1), "pickle");
    // The same bytes as the elements of an array are numbers.
    let array = b"\x80\x03cnumpy.core.numeric\n_frombuffer\n(C\x14\x80\x02cos\nsystem\nU\x02id\x85R.\
        cnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87RK\x14\x85X\x01\0\0\0CtR.";
    let content = parse("pickle", array);
    assert_eq!(children(array, &content), []);
    assert_eq!(tensors(&content), ["op 10 u1 [20]"]);
}

#[test]
fn numpy_arrays_have_names_in_every_protocol() {
    for protocol in 0..=5 {
        let code = format!(
            "import numpy as np,pickle;m={{'a':{{'w':np.zeros((2,3),'f4')}},'l':[np.ones(4)]}};\
             print(pickle.dumps(m,{protocol}).hex())"
        );
        let Some(pickle) = python(&code) else { return };
        assert_eq!(claims(&pickle), "pickle");
        let content = parse("pickle", &pickle);
        assert_eq!(tensors(&content), ["a.w <f4 [2, 3]", "l[0] <f8 [4]"], "protocol {protocol}");
        assert_eq!(oddities(&content), Vec::<String>::new());
    }
}

#[test]
fn the_state_of_an_object_is_the_object() {
    let code = "import numpy as np,pickle\nclass Net: pass\nn=Net();n.layers=[Net()];\
        n.layers[0].__dict__['weight']=np.zeros((3,));print(pickle.dumps(n,4).hex())";
    let Some(pickle) = python(code) else { return };
    assert_eq!(tensors(&parse("pickle", &pickle)), ["layers[0].weight <f8 [3]"]);
}

#[test]
fn the_parts_of_a_module_are_named_as_in_its_state_dict() {
    let pickle = b"\x80\x02cnet\nNet\n)\x81}X\x08\0\0\0_modules}X\x02\0\0\0fccnet\nFc\n)\x81}\
        X\x0b\0\0\0_parameters}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage\
        ctorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQK\0K\x02\x85K\x01\x85\x89}tRssbssb.";
    assert_eq!(tensors(&parse("pickle", pickle)), ["fc.w float32 [2]"]);
}

#[test]
fn damage_is_survived() {
    survive("pickle", b"\x80\x03cpickle\nloads\nC\x14\x80\x02cos\nsystem\nU\x02id\x85R.\x85R.tail tail");
}
