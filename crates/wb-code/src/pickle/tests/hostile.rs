//! Input that is made to be expensive or to break the machine.

use super::{effects, full};
use crate::pickle::{Detail, disassemble, is_pickle, lift};
use wb_core::{Budget, Bytes, Limits, OddityKind, Trigger};

fn small() -> Budget {
    let small = Limits {
        depth: 4,
        decoded_bytes: 1 << 20,
        steps: 200_000,
        items: 20_000,
        ..Limits::default()
    };
    Budget::new(small)
}

/// Everything that reads pickles, on one input.
fn everything(data: &[u8]) {
    let input = Bytes::new(data);
    let _ = is_pickle(input);
    for detail in [Detail::Effects, Detail::Full] {
        let lifted = lift(input, Trigger::Load, detail, &mut small());
        for program in &lifted.programs {
            let _ = crate::print::python(program, true);
        }
    }
    let _ = disassemble(input, true, &mut small());
}

#[test]
fn mutants_never_panic() {
    let seeds: [&[u8]; 6] = [
        b"\x80\x04\x95\x30\0\0\0\0\0\0\0}\x94(\x8c\x01a]\x94(K\x01K\x02e\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R\x94h\x00u.",
        b"(dp0\nS'a'\np1\n(lp2\nI1\naL5L\naF1.5\nascos\nsystem\np3\n(S'id'\ntRp4\ns(ios\nx\nN}b.",
        b"\x80\x02]q\x00(h\x00tq\x01a0h\x01}(U\x01ah\x00u\x86\x87\x81b.",
        b"\x80\x05\x8f(K\x01K\x02\x90(\x91\x97\x98\x96\x01\0\0\0\0\0\0\0a)}\x92\x94Q.",
        b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0shapeK\x02\x85X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0f8\x85Rub12345678abcdefgh.",
        b"\x80\x04N.\x80\x04]\x94h\x00a.junkcos\nsystem\n(S'id'\ntR.",
    ];
    let mut state: u64 = 88_172_645_463_325_252;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("below a usize")
    };
    for seed in seeds {
        everything(seed);
        for _ in 0..1500 {
            let mut data = seed.to_vec();
            for _ in 0..=random(3) {
                let at = random(data.len());
                match random(5) {
                    0 => data[at] = u8::try_from(random(256)).expect("a byte"),
                    1 => data.truncate(at.max(1)),
                    2 => data.insert(at, b"(tleusab0R\x81\x93\x85\x94h]})."[random(19)]),
                    3 => data.extend_from_within(at..),
                    _ => {
                        data.remove(at);
                        if data.is_empty() {
                            data.push(b'.');
                        }
                    }
                }
                data.truncate(400);
            }
            everything(&data);
        }
    }
}

#[test]
fn huge_lengths_allocate_nothing() {
    everything(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x3f.");
    everything(b"\x80\x02\x8b\xff\xff\xff\x7f.");
    everything(b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.");
    everything(b"\x80\x02Nr\xff\xff\xff\xff.");
}

#[test]
fn deep_nesting_and_expansion_take_linear_work() {
    let mut deep = vec![b']'; 100_000];
    deep.extend_from_slice(b"cos\nsystem\n(S'id'\ntR");
    deep.extend(vec![b'a'; 100_000]);
    deep.push(b'.');
    assert_eq!(super::calls(&effects(&deep)), ["os.system('id')"]);
    assert!(full(&deep).oddities.is_empty());
    let filled: Vec<u8> = b"]K\x01a".repeat(50_000);
    let data = [&filled, &b"cos\nsystem\n(S'id'\ntR"[..], &vec![b'a'; 50_000], b"."].concat();
    assert_eq!(super::calls(&effects(&data)), ["os.system('id')"]);
    // Ten references to the level below, forty times.
    let mut laughs = b"\x80\x04K\x01\x94".to_vec();
    for level in 0..40_u8 {
        laughs.push(b'(');
        laughs.extend([b'h', level].repeat(10));
        laughs.extend(b"t\x94");
    }
    laughs.extend(b"cos\nsystem\nh\x28\x85R.");
    let lifted = effects(&laughs);
    assert!(lifted.programs[0].ops.len() < 100, "{}", lifted.programs[0].ops.len());
    assert!(full(&laughs).programs[0].ops.len() < 100);
    // A value is duplicated and collected over and over.
    let doubled = [&b"\x80\x04)"[..], &b"2\x86".repeat(20_000), b"cos\nsystem\n\x85."].concat();
    assert!(effects(&doubled).programs[0].ops.len() < 30_000);
}

#[test]
fn what_the_budget_leaves_out_is_said() {
    let data = [&b"cos\nsystem\n("[..], &b"S'id'\n".repeat(50_000), b"tR."].concat();
    let lifted = lift(Bytes::new(&data), Trigger::Load, Detail::Full, &mut small());
    assert!(!lifted.gaps.is_empty());
    assert!(!lifted.programs[0].ops.is_empty());
}

#[test]
fn a_call_with_much_plain_data_stays_small() {
    let row = b"(K\x01\x8c\x04name]K\x02at";
    let many = [&b"\x80\x04cm\nf\n](".to_vec()[..], &row.repeat(15_000), b"e\x85R."].concat();
    let lifted = effects(&many);
    assert_eq!(super::calls(&lifted).len(), 1);
    let ops = lifted.programs[0].ops.len();
    assert!(ops < 20_000, "{ops}");
    let shallow = full(&many);
    assert!(shallow.programs[0].ops.len() > 60_000);
}

#[test]
fn containers_that_grow_by_sharing_are_told_from_shared_objects() {
    let grown = |data: &[u8]| -> Vec<String> {
        let oddities = effects(data).oddities.into_iter();
        oddities.filter(|odd| odd.kind == OddityKind::Expansion).map(|odd| odd.what).collect()
    };
    let mut laughs = b"\x80\x04)\x94".to_vec();
    for level in 0..9_u8 {
        laughs.extend([&b"("[..], &[b'h', level].repeat(10), b"t\x94"].concat());
    }
    laughs.push(b'.');
    let said =
        "containers stand in containers so often that a walk over them meets 1111111111 items";
    assert_eq!(grown(&laughs), [said]);
    let doubled = [&b"\x80\x04)"[..], &b"2\x86".repeat(40), b"."].concat();
    assert_eq!(grown(&doubled).len(), 1);

    // Rows with the same keys, one shared list in a thousand rows, children that know their parent.
    let rows =
        [&b"\x80\x04](}\x8c\x04name\x94K\x01s"[..], &b"}h\x00K\x01s".repeat(1_000), b"e."].concat();
    assert_eq!(grown(&rows), [""; 0]);
    let shared = [&b"\x80\x04](](K\x01K\x02e\x94"[..], &b"h\x00".repeat(1_000), b"e."].concat();
    assert_eq!(grown(&shared), [""; 0]);
    let family = [&b"\x80\x04]\x94("[..], &b"](h\x00K\x01e".repeat(1_000), b"e."].concat();
    assert_eq!(grown(&family), [""; 0]);
}

#[test]
fn streams_behind_the_last_one_that_is_read_are_told() {
    let lifted = effects(&b"N.".repeat(100_001));
    assert_eq!(lifted.streams.len(), 100_000);
    assert_eq!(lifted.gaps.len(), 1);
    assert!(effects(&b"N.".repeat(100_000)).gaps.is_empty());
}
