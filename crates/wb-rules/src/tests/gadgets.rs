//! Every gadget of public advisories has a capability, under each of its names.

use crate::knowledge::table;
use std::time::Instant;
use wb_core::Capability::{self, *};

fn check(names: &str, allowed: &[Capability]) {
    for name in names.split_whitespace() {
        let capability = table().known(name).map(|known| known.fact.capability);
        assert!(
            capability.is_some_and(|capability| allowed.contains(&capability)),
            "{name}: {capability:?}"
        );
    }
}

#[test]
fn what_runs_code() {
    check(
        "builtins.exec builtins.eval builtins.compile builtins.execfile __builtin__.exec __builtin__.eval __builtins__.eval
        cProfile.run cProfile.runctx profile.run profile.Profile.run profile.Profile.runctx trace.Trace.run
        trace.Trace.runctx timeit.timeit timeit.repeat bdb.Bdb.run pdb.run pdb.runeval doctest.debug_script
        code.InteractiveInterpreter.runcode code.InteractiveInterpreter.runsource idlelib.calltip.get_entity
        idlelib.calltip.Calltip.fetch_tip idlelib.autocomplete.AutoComplete.get_entity
        idlelib.autocomplete.AutoComplete.fetch_completions idlelib.debugobj.ObjectTreeItem.SetText
        idlelib.pyshell.ModifiedInterpreter.runcode idlelib.pyshell.ModifiedInterpreter.runcommand
        idlelib.run.Executive.runcode lib2to3.pgen2.pgen.ParserGenerator.make_label
        numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef
        numpy.f2py.crackfortran._eval_length torch.jit.unsupported_tensor_ops.execWrapper
        torch.utils.bottleneck.__main__.run_cprofile torch.utils.bottleneck.__main__.run_autograd_prof
        torch._dynamo.guards.GuardBuilder.get torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression
        types.CodeType types.FunctionType marshal.loads cloudpickle.cloudpickle._make_function
        builtins.breakpoint builtins.input yaml.unsafe_load yaml.load jsonpickle.decode
        jinja2.Environment.from_string logging.config.dictConfig joblib.parallel.eval_expr",
        &[RunCode],
    );
}

#[test]
fn what_starts_processes() {
    check(
        "os.system os.popen os.execv os.execl os.spawnl os.posix_spawn os.startfile os.fork posix.system nt.system posix.popen
        posix.execve subprocess.Popen subprocess.run subprocess.call subprocess.check_output subprocess.getoutput
        pty.spawn commands.getoutput multiprocessing.util.spawnv_passfds _posixsubprocess.fork_exec
        asyncio.unix_events._UnixSubprocessTransport._start pydoc.pipepager webbrowser.open venv.create
        ensurepip._run_pip pip.main pip._internal.main uuid._get_command_stdout imaplib.IMAP4_stream
        _osx_support._read_output _osx_support._find_build_tool _aix_support._read_cmd_output
        _bootsubprocess.check_output _pyrepl.pager.pipe_pager _pyrepl.pager.tempfile_pager
        test.support.script_helper.assert_python_ok torch.utils.collect_env.run
        torch.utils.collect_env.run_and_read_all torch._inductor.codecache.compile_file
        mlflow.projects.backend.local._run_entry_point platform.popen platform._syscmd_file mailcap.findmatch
        pipes.Template.copy distutils.spawn.spawn setuptools._distutils.spawn.spawn
        torch.distributed.rpc.api.rpc_sync os.kill",
        &[RunCommand],
    );
}

#[test]
fn what_resolves_imports_or_calls() {
    check(
        "builtins.__import__ builtins.getattr importlib.import_module pkgutil.resolve_name pydoc.locate
        operator.attrgetter operator.methodcaller _operator.attrgetter _operator.methodcaller functools.partial
        functools.reduce _functools.partial runpy.run_path runpy._run_code runpy.run_module zipimport.zipimporter
        cloudpickle.cloudpickle.subimport torch._tensor._rebuild_from_type_v2 copyreg._reconstructor
        copy_reg._reconstructor numpy.core._ufunc_reconstruct numpy._core._ufunc_reconstruct builtins.map",
        &[Resolve, Import, CallArgument, RunCode],
    );
    check(
        "atexit.register signal.signal signal.setitimer threading.Timer weakref.finalize sys.settrace sys.meta_path.insert
        multiprocessing.context.Process threading.Thread",
        &[Defer],
    );
}

#[test]
fn what_unpickles_again() {
    check(
        "pickle.loads _pickle.loads cPickle.loads torch.load torch.serialization.load torch.storage._load_from_bytes
        torch.utils._config_module.ConfigModule.load_config torch.utils.data.datapipes.utils.decoder.basichandlers
        joblib.load joblib.numpy_pickle.load numpy.load numpy.lib.npyio.load pandas.read_pickle
        pandas.io.pickle.read_pickle dill.loads dill._dill.loads cloudpickle.loads
        lib2to3.pgen2.grammar.Grammar.loads keras.models.load_model tf_keras.models.load_model",
        &[Deserialize],
    );
}

#[test]
fn what_loads_libraries() {
    check("ctypes.CDLL ctypes.cdll.LoadLibrary _ctypes.dlopen ctypes.util.find_library cffi.FFI ctypes.memmove
        ctypes.string_at numpy.ctypeslib.load_library torch.ops.load_library", &[LoadLibrary]);
}

#[test]
fn what_reaches_the_network() {
    check(
        "urllib.request.urlopen urllib2.urlopen requests.api.get requests.get aiohttp.ClientSession httplib.HTTPSConnection
        socket.socket socket.create_connection _socket.socket socket.getaddrinfo ssl.get_server_certificate smtplib.SMTP
        ftplib.FTP poplib.POP3 telnetlib.Telnet nntplib.NNTP pandas.io.parsers.readers.read_csv
        pandas.io.html.read_html numpy.loadtxt numpy.lib._datasource.open xml.sax.saxutils.prepare_input_source
        fsspec.core.open sklearn.datasets._base.fetch_file skimage.io.imread xmlrpc.client.ServerProxy
        multiprocessing.connection.Client wsgiref.simple_server.make_server numpy.fromfile torch.hub.load
        keras.utils.get_file keras.src.utils.file_utils.get_file tensorflow.keras.utils.get_file",
        &[Network],
    );
}

#[test]
fn what_touches_files() {
    check(
        "_io.FileIO io.open _io.open builtins.open shutil.rmtree shutil.move distutils.file_util.write_file
        logging.FileHandler os.remove os.unlink posix.unlink os.rename os.mkdir pathlib.Path.write_text os.listdir
        codecs.open tempfile.mkstemp sqlite3.connect pathlib.PosixPath.write_bytes",
        &[ReadFile, WriteFile, Delete],
    );
    check("os.getenv os.environ.get os.putenv socket.gethostname platform.node", &[Environment]);
}

#[test]
fn a_dotted_path_leads_through_the_modules_it_names() {
    for (written, canonical) in [
        ("random._os.system", "os.system"),
        ("pathlib.os.system", "os.system"),
        ("torch.serialization.os.system", "os.system"),
        ("sklearn.utils.subprocess.Popen", "subprocess.Popen"),
        ("numpy.testing._private.utils.runstring", "numpy.testing._private.utils.runstring"),
        ("collections._sys.modules", "sys.modules"),
        ("transformers.utils.importlib.import_module", "importlib.import_module"),
        ("logging.os.path.os.popen", "os.popen"),
        ("joblib.numpy_pickle.pickle.loads", "pickle.loads"),
        ("os.system.__call__", "os.system"),
        ("posix.system", "os.system"),
        ("__builtin__.eval", "builtins.eval"),
        ("eval", "builtins.eval"),
    ] {
        let known = table().known(written).unwrap_or_else(|| panic!("{written}"));
        assert_eq!(known.canonical, canonical, "{written}");
        assert_ne!(known.fact.capability, Inert, "{written}");
    }
}

#[test]
fn an_end_that_looks_like_a_class_does_not_vouch_for_the_way() {
    for name in
        ["myproject.Model", "__main__.Model", "sklearnx.svm.SVC", "models.user_defined.Loader"]
    {
        assert!(table().known(name).is_none(), "{name}");
    }
}

#[test]
fn commands_are_known_by_base_name() {
    let capability = |name| table().known_command(name).map(|known| known.fact.capability);
    assert_eq!(capability("curl"), Some(Network));
    assert_eq!(capability("/usr/bin/wget"), Some(Network));
    assert_eq!(capability("nslookup"), Some(Network));
    assert_eq!(capability("python3.11"), Some(RunCode));
    assert_eq!(capability(r"C:\Windows\System32\cmd.exe"), Some(RunCode));
    assert_eq!(capability("crontab"), Some(RunCommand));
    assert_eq!(capability("hostname"), Some(Environment));
    assert_eq!(capability("cat"), Some(ReadFile));
    assert_eq!(capability("echo"), Some(Inert));
    assert_eq!(capability("base64"), Some(Inert));
    assert_eq!(capability("frobnicate"), None);
}

/// A bound that holds for builds without optimisation; `cargo test --release` prints a few milliseconds.
#[test]
fn the_table_loads_fast() {
    let start = Instant::now();
    let loaded = table().known("os.system").is_some();
    let took = start.elapsed();
    assert!(loaded);
    assert!(took.as_millis() < 3_000, "{took:?}");
    println!("knowledge loaded in {took:?}");
}
