//! Input that was made to break things.

use super::super::{CodeObject, Value, Version, disassemble, lift, read_marshal, read_value};
use super::fixtures::{COMPREHENSION, MODULE, POPEN};
use super::{decode, recipe};
use std::sync::Arc;
use wb_core::{Budget, Bytes, Limits, OpKind, Trigger};

/// xorshift: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let left = self.0.checked_rem(u64::try_from(bound).expect("small")).expect("not zero");
        usize::try_from(left).expect("below a usize")
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (_, code) in POPEN.into_iter().chain(COMPREHENSION).chain(MODULE) {
        let bytes = decode(code);
        for _ in 0..300 {
            let mut changed = bytes.clone();
            for _ in 0..=numbers.below(6) {
                let at = numbers.below(changed.len());
                changed[at] = u8::try_from(numbers.below(256)).expect("a byte");
            }
            changed.truncate(bytes.len() - numbers.below(3));
            let limits = Limits { steps: 2_000_000, items: 20_000, ..Limits::default() };
            let mut budget = Budget::new(limits);
            if let Ok(code) = read_marshal(Bytes::new(&changed), None, &mut budget) {
                let _ = lift(&code, Trigger::Load, &mut budget);
                let _ = disassemble(&code);
            }
        }
    }
}

#[test]
fn nesting_ends() {
    let deep = b")\x01".repeat(100_000);
    let error = read_value(Bytes::new(&deep), None, &mut Budget::default()).expect_err("too deep");
    assert!(error.0.contains("nest deeper"), "{error:?}");
    // Each tuple holds the one before twice: 2^150 values on 150 shared ones.
    let mut shared = b"[\x97\0\0\0\xa9\x00".to_vec();
    for index in 0..150_u32 {
        shared.extend(b"\xa9\x02");
        for _ in 0..2 {
            shared.push(b'r');
            shared.extend(index.to_le_bytes());
        }
    }
    assert!(read_value(Bytes::new(&shared), None, &mut Budget::default()).is_ok());
    // 60 levels more, on what is already 150 deep.
    let mut deeper = b"[\x98\0\0\0".to_vec();
    deeper.extend(&shared[5..]);
    deeper.extend(b")\x01".repeat(60));
    deeper.extend(b"r\x96\0\0\0");
    assert!(read_value(Bytes::new(&deeper), None, &mut Budget::default()).is_err());
}

#[test]
fn functions_that_share_a_body_do_not_multiply() {
    let lines = "LOAD_CONST 1\nLOAD_CONST 0\nMAKE_FUNCTION 0\nPOP_TOP\n".repeat(8);
    let lines = format!("{lines}LOAD_CONST 0\nRETURN_VALUE");
    let mut code = recipe(Version::three(8), "LOAD_CONST 0\nRETURN_VALUE", &[], &[]);
    for _ in 0..20 {
        let mut outer: CodeObject = recipe(Version::three(8), &lines, &[], &[]);
        outer.consts.push(Value::Code(Arc::new(code)));
        code = outer;
    }
    let program = lift(&code, Trigger::Load, &mut Budget::default());
    let says_so = |kind: &OpKind| matches!(kind, OpKind::Opaque { what, .. } if what.contains("the budget of"));
    assert!(program.ops.last().is_some_and(|op| says_so(&op.kind)));
    let _ = disassemble(&code);
}

#[test]
fn a_large_body_that_is_shared_is_not_read_for_each() {
    let mut body = recipe(Version::three(8), "LOAD_CONST 0\nRETURN_VALUE", &[], &[]);
    body.code.resize(1 << 20, 9);
    let body = Value::Code(Arc::new(body));
    let define = "LOAD_CONST 1\nLOAD_CONST 0\nMAKE_FUNCTION 0\nPOP_TOP\n".repeat(1000);
    let lines = format!("{define}LOAD_CONST 0\nRETURN_VALUE");
    let mut code = recipe(Version::three(8), &lines, &[], &[]);
    code.consts.extend(std::iter::repeat_n(body, 1000));
    let program = lift(&code, Trigger::Load, &mut Budget::default());
    assert!(program.ops.len() < 100, "{}", program.ops.len());
    assert!(disassemble(&code).len() < 64 << 20);
}

#[test]
fn a_stack_that_runs_empty_is_opaque() {
    let code = recipe(Version::three(8), "CALL_FUNCTION 3\nRETURN_VALUE", &[], &[]);
    let program = lift(&code, Trigger::Load, &mut Budget::default());
    assert!(program.ops.iter().any(|op| matches!(op.kind, OpKind::Call { .. })));
    let code = recipe(Version::three(5), "BUILD_TUPLE 65535\nRETURN_VALUE", &[], &[]);
    let _ = lift(&code, Trigger::Load, &mut Budget::default());
}
