//! What the machine understands: the differentials between loaders and scanners that hide calls.

use super::{effects, imports, ops};
use crate::pickle::is_pickle;
use wb_core::{Bytes, CallStyle, Collection, Constant, OddityKind, OpKind};

/// What is called, with its arguments, as `f(a, b)`; one entry per call.
fn calls(data: &[u8]) -> Vec<String> {
    super::calls(&effects(data))
}

#[test]
fn the_ways_to_call_are_lifted() {
    let expected = ["os.system('echo x')"];
    assert_eq!(calls(b"cos\nsystem\n(S'echo x'\ntR."), expected);
    assert_eq!(calls(b"(S'echo x'\nios\nsystem\n."), expected);
    assert_eq!(calls(b"(cos\nsystem\nS'echo x'\no."), expected);
    assert_eq!(calls(b"\x80\x02cos\nsystem\nU\x06echo x\x85R."), expected);
    assert_eq!(calls(b"\x80\x02cos\nsystem\nU\x06echo x\x85\x81."), expected);
    assert_eq!(calls(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06echo x\x85R."), expected);
    assert_eq!(
        calls(b"\x80\x04cos\nsystem\n)}\x8c\x01a\x8c\x06echo xs\x92."),
        ["os.system(a='echo x')"]
    );
    assert_eq!(calls(b"\x80\x04cos\nsystem\n)}\x92."), ["os.system()"]);
}

#[test]
fn a_call_is_lifted_with_its_place() {
    let lifted = effects(b"\x80\x02cos\nsystem\nU\x06echo x\x85R.");
    let [import, constant, call, back] = lifted.programs[0].ops.as_slice() else { panic!() };
    assert_eq!((import.number, import.span.start, import.span.len), (1, 2, 11));
    assert_eq!((constant.number, constant.span.start, constant.span.len), (2, 13, 8));
    assert_eq!((call.number, call.span.start, call.span.len), (4, 22, 1));
    assert_eq!((back.number, back.span.start), (5, 23));
    assert!(matches!(call.kind, OpKind::Call { style: CallStyle::Call, .. }));
    assert_eq!(lifted.streams[0].len, 24);
}

#[test]
fn names_are_found_through_memo_and_decoys() {
    let get = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x8c\x05decoy\x940" as &[u8];
    assert_eq!(imports(&[get, b"h\x00h\x01\x93."].concat()), ["os.system"]);
    // MEMOIZE stores at the number of entries, whatever PUT stored before.
    assert_eq!(
        imports(b"\x80\x04\x8c\x02osq\x09\x8c\x06system\x9400h\x09h\x01\x93."),
        ["os.system"]
    );
    // A slot that is written twice holds the later value.
    assert_eq!(
        imports(b"\x80\x04\x8c\x04mathq\x00\x8c\x02osq\x00\x8c\x06system(NN1h\x00h\x0000\x93."),
        ["os.system"],
    );
    assert_eq!(imports(b"\x80\x04\x8c\x02os2\x94\x8c\x06systemq\x050h\x05\x93."), ["os.system"]);
    // Blanks and signs in PUT and GET, huge keys.
    assert_eq!(
        imports(b"Vos\np 3\n0Vsystem\nr\xff\xff\xff\xff0g+3\nj\xff\xff\xff\xff\x93."),
        ["os.system"]
    );
}

#[test]
fn escapes_in_names_are_read() {
    assert_eq!(imports(b"V\\u006fs\nV\\U00000073ystem\n\x93."), ["os.system"]);
    assert_eq!(imports(b"S'\\x6fs'\nS\"s\\171stem\"\n\x93."), ["os.system"]);
    assert_eq!(imports(b"V\\\\u006fs\nVx\n\x93."), ["\\\\u006fs.x"]);
    assert_eq!(imports(b"cos\r\nsystem\r\n."), ["os.system"]);
    assert_eq!(imports(b"\x80\x04crandom\n_os.system\n."), ["random._os.system"]);
}

#[test]
fn computed_names_are_evaluated_when_the_functions_are_pure() {
    let joined =
        b"\x80\x04cbuiltins\nstr.join\n(\x8c\x00](\x8c\x01o\x8c\x01setR\x8c\x06system\x93.";
    assert_eq!(imports(joined), ["builtins.str.join", "os.system"]);
    let rotated = b"\x80\x04c_codecs\ndecode\n\x8c\x02bf\x8c\x05rot13\x86R\x8c\x06system\x93.";
    assert_eq!(imports(rotated), ["_codecs.decode", "os.system"]);
    let bound = b"\x80\x04cbuiltins\ngetattr\nC\x02os\x8c\x06decode\x86R)R\x8c\x06system\x93.";
    assert_eq!(imports(bound), ["builtins.getattr", "os.system"]);
    // What cannot be evaluated is an import of a computed name.
    let unknown = b"\x80\x04cx\nname\n)R\x8c\x06system\x93.";
    assert_eq!(imports(unknown), ["x.name", "importlib.import_module", "builtins.getattr"]);
}

#[test]
fn results_that_are_thrown_away_ran() {
    assert_eq!(calls(b"cos\nsystem\n(S'echo x'\ntR0N."), ["os.system('echo x')"]);
    assert_eq!(calls(b"(cos\nsystem\n(S'echo x'\ntR1N."), ["os.system('echo x')"]);
    let lifted = effects(b"\x80\x02(cos\nsystem\nU\x06echo x\x85R1]K\x01a.");
    let last = &lifted.programs[0].ops;
    let Some(OpKind::Return { value }) = last.last().map(|op| &op.kind) else { panic!() };
    assert!(matches!(
        lifted.programs[0].op(*value).map(|op| &op.kind),
        Some(OpKind::Collect { kind: Collection::List, items, total: 1 }) if items.len() == 1
    ));
}

#[test]
fn what_ran_before_a_stream_breaks_is_kept() {
    let call = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06echo x\x85R" as &[u8];
    let tails: [&[u8]; 12] = [
        b"\xff.",
        b"h\x63.",
        b"",
        b"\x8c\x20cut",
        b"\x8c\x02\xff\xfe.",
        b"p-1\n.",
        b"\x80\x09.",
        b"\x82\x00.",
        b"t.",
        b"I1x\n.",
        b"Sx\n.",
        b"\x8b\xff\xff\xff\xff.",
    ];
    for tail in tails {
        let data = [call, tail].concat();
        assert!(is_pickle(Bytes::new(&data)), "{tail:?}");
        let lifted = effects(&data);
        assert_eq!(super::calls(&lifted), ["os.system('echo x')"], "{tail:?}");
        assert!(lifted.oddities.iter().any(|o| o.kind == OddityKind::BrokenStream), "{tail:?}");
    }
    let whole = effects(&[call, b"."].concat());
    assert!(whole.oddities.is_empty(), "{:?}", whole.oddities);
}

#[test]
fn operands_of_the_wrong_type_do_not_stop_the_machine() {
    let data = b"\x80\x04C\x02osK\x05\x93cos\nsystem\n\x8c\x01x\x85R.";
    assert_eq!(calls(data), ["os.system('x')"]);
    assert!(effects(data).oddities.iter().any(|oddity| oddity.kind == OddityKind::UnusualOpcode));
}

#[test]
fn extensions_persistent_ids_and_buffers_are_lifted() {
    let ops = ops(&effects(b"\x80\x05\x82\x07\x83\x01\x01Pevil\nN\x85Q\x97\x98."));
    assert!(ops.contains(&OpKind::Extension { code: 7 }));
    assert!(ops.contains(&OpKind::Extension { code: 257 }));
    assert_eq!(ops.iter().filter(|op| matches!(op, OpKind::Persistent { .. })).count(), 2);
    assert!(ops.iter().any(|op| matches!(op, OpKind::Opaque { .. })));
}

#[test]
fn state_set_on_an_import_is_lifted() {
    let ops = ops(&effects(b"\x80\x02cnumpy\nprod\nN}U\x01aU\x02oss\x86b."));
    assert!(ops.iter().any(|op| matches!(op, OpKind::Build { .. })));
    assert!(ops.contains(&OpKind::Constant(Constant::Text("os".into()))));
    let ops = super::ops(&effects(b"cos\nenviron\nS'A'\nS'B'\ns."));
    assert!(ops.iter().any(|op| matches!(op, OpKind::SetItem { .. })));
}

#[test]
fn keys_of_interesting_values_are_kept_and_plain_data_is_not() {
    let mut data = b"\x80\x04}\x94(\x8c\x05stats}\x94(\x8c\x04mean]\x94(K\x01K\x02K\x03eu".to_vec();
    data.extend(
        b"\x8c\x05model}\x94(\x8c\x0eencoder.weight\x8c\x01m\x8c\x01f\x93)R\x8c\x05epochK\x07uu.",
    );
    let lifted = effects(&data);
    let program = &lifted.programs[0];
    assert_eq!(super::paths(program), ["model/encoder.weight"]);
    let plain = effects(b"\x80\x04}\x94(\x8c\x05stats}\x94(\x8c\x04mean]\x94(K\x01K\x02K\x03euu.");
    assert_eq!(plain.programs[0].ops.len(), 0);
    assert_eq!(
        plain.texts.iter().map(|text| text.value.as_str()).collect::<Vec<_>>(),
        ["stats", "mean"]
    );
}

#[test]
fn containers_that_hold_themselves_end() {
    // L = [print()]; L.append(L)
    let lifted = effects(b"\x80\x04]\x94(cbuiltins\nprint\n)Rh\x00e.");
    assert!(lifted.oddities.is_empty(), "{:?}", lifted.oddities);
    assert_eq!(super::calls(&lifted).len(), 2);
    let full = super::full(b"(]q\x00(h\x00tq\x01a0h\x01.");
    assert!(full.oddities.is_empty(), "{:?}", full.oddities);
}

#[test]
fn streams_after_one_another_and_after_junk_are_lifted() {
    let call = b"cos\nsystem\n(S'echo x'\ntR." as &[u8];
    let expected = ["os.system('echo x')"];
    for junk in [&b"\xff"[..], &[0; 65536], b"some text, and more\n", b"\x80\x80\x05\0"] {
        let lifted = effects(&[b"\x80\x04N.", junk, call].concat());
        assert_eq!(super::calls(&lifted), expected);
        let kinds: Vec<OddityKind> = lifted.oddities.iter().map(|oddity| oddity.kind).collect();
        assert_eq!(kinds, [OddityKind::TrailingBytes, OddityKind::ExtraStream]);
        assert_eq!(lifted.oddities[0].span.map(|span| span.len), Some(junk.len() as u64));
        assert_eq!(lifted.streams[1].start, 4 + junk.len() as u64);
    }
    for second in [call, b"\x80\x02cos\nsystem\n(U\x06echo xtR."] {
        let lifted = effects(&[b"\x80\x04N.", second].concat());
        assert_eq!(super::calls(&lifted), expected);
        assert_eq!((lifted.streams.len(), lifted.oddities.len()), (2, 0));
    }
    let lifted = effects(&[b"\xef\xbb\xbf", call].concat());
    assert_eq!(super::calls(&lifted), expected);
    assert_eq!(lifted.oddities[0].kind, OddityKind::LeadingBytes);
    let lifted = effects(b"\x80\x04N.\nbye, and call us (we are there).\n");
    assert_eq!((lifted.streams.len(), lifted.oddities.len()), (1, 1));
}

#[test]
fn frames_and_protocols_that_lie_are_odd() {
    let odd = |data: &[u8]| effects(data).oddities.iter().map(|o| o.kind).collect::<Vec<_>>();
    assert_eq!(odd(b"\x80\x04\x95\x02\0\0\0\0\0\0\0N."), []);
    assert_eq!(odd(b"\x80\x04\x95\x01\0\0\0\0\0\0\0K\x01."), [OddityKind::UnusualOpcode]);
    assert_eq!(
        odd(b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0N."),
        [OddityKind::UnusualOpcode]
    );
    assert_eq!(odd(b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."), [OddityKind::UnusualOpcode]);
    assert_eq!(odd(b"\x80\x02N\x80\x02."), [OddityKind::UnusualOpcode]);
}

/// A `NumpyArrayWrapper` as joblib writes it, up to its BUILD.
fn wrapper(dtype: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut data = b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(".to_vec();
    data.extend(b"X\x05\0\0\0shapeK\x02K\x03\x86X\x05\0\0\0dtypecnumpy\ndtype\n");
    data.extend([dtype, b"\x85R", rest, b"ub"].concat());
    data
}

#[test]
fn arrays_between_opcodes_are_skipped() {
    let call = b"cos\nsystem\nX\x02\0\0\0id\x85R\x86.";
    let raw = [0xff_u8; 48];
    let aligned = b"X\x1b\0\0\0numpy_array_alignment_bytesK\x10";
    let plain = [&wrapper(b"X\x02\0\0\0f8", b"")[..], &raw, call].concat();
    let padded =
        [&wrapper(b"X\x02\0\0\0f8", aligned)[..], b"\x03\xff\xff\xff", &raw, call].concat();
    let words = [&wrapper(b"X\x02\0\0\0U2", b"")[..], &raw, call].concat();
    for data in [plain, padded, words] {
        assert!(is_pickle(Bytes::new(&data)));
        let lifted = effects(&data);
        assert_eq!(calls(&data).last().map(String::as_str), Some("os.system('id')"));
        assert!(lifted.oddities.is_empty() && lifted.gaps.is_empty(), "{lifted:?}");
    }
    // Arrays of objects are pickles of their own.
    let inner = b"\x80\x03cos\nsystem\nX\x02\0\0\0ls\x85R.";
    let lifted = effects(&[&wrapper(b"X\x02\0\0\0O8", b"")[..], inner, b"N\x86."].concat());
    assert_eq!(super::calls(&lifted).last().map(String::as_str), Some("os.system('ls')"));
    assert_eq!((lifted.programs.len(), lifted.oddities.len()), (2, 0));
    // An array that is cut off is a gap.
    let cut = effects(&[&wrapper(b"X\x02\0\0\0f8", b"")[..], &[0; 7]].concat());
    assert_eq!(cut.gaps.len(), 1);
}

#[test]
fn pickles_held_as_data_are_kept_although_nothing_uses_them() {
    let inner = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
    let holds = |data: &[u8]| {
        let ops = ops(&effects(data));
        ops.iter().any(|op| matches!(op, OpKind::Constant(Constant::Bytes(_) | Constant::Text(_))))
    };
    let length = u8::try_from(inner.len()).expect("short");
    assert!(holds(&[&b"\x80\x04}\x8c\x01aC"[..], &[length], inner, b"s."].concat()));
    let text = data_encoding::BASE64.encode(inner);
    let length = u8::try_from(text.len()).expect("short");
    assert!(holds(&[&b"\x80\x04]\x8c"[..], &[length], text.as_bytes(), b"a."].concat()));
    assert!(!holds(b"\x80\x04}\x8c\x01aC\x10just some words.s."));
    assert!(!holds(b"\x80\x04]\x8c\x1cgASomeLongIdentifierOfThings_a."));
}
