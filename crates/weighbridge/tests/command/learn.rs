//! `learn`, and the verbs that use what was learned.

use crate::{assembled, weighbridge};
use wb_testkit::Scratch;

const SOURCE: &str = "
import os

class Ranker:
    def __init__(self, path):
        self.table = open(path).read()

class Trap:
    def __setstate__(self, state):
        os.system(state['line'])

def quiet(name):
    return name.strip()

def launch(machine):
    return machine.launch()
";

/// A pickle that restores an instance of a class of the house.
fn restored(class: &str) -> Vec<u8> {
    assembled(&format!(
        "PROTO 2\nGLOBAL house {class}\nEMPTY_TUPLE\nNEWOBJ\nEMPTY_DICT\nBINUNICODE line\nBINUNICODE id\nSETITEM\nBUILD\nSTOP"
    ))
}

#[test]
fn what_was_learned_is_used() {
    let folder = Scratch::new()
        .with("house.py", SOURCE)
        .with("ranker.pkl", restored("Ranker"))
        .with("trap.pkl", restored("Trap"));
    let book = folder.path("house.book");
    weighbridge(&["learn", &folder.path("house.py"), "-o", &book]).end().code(0);
    let scan = |file: &str| {
        weighbridge(&["scan", "--verbose", "--knowledge", &book, &folder.path(file)]).end()
    };
    // Restoring reads no file; only building does.
    scan("ranker.pkl").code(0).prints("CLEAN");
    scan("trap.pkl").code(1).prints("starts a process through `house.Trap`");
    weighbridge(&["scan", &folder.path("ranker.pkl")]).end().code(0).prints("nobody vouches for");
    let explain = |name: &str| weighbridge(&["explain", "--knowledge", &book, name]).end();
    explain("house.Trap").code(0).prints("`os.system`");
    explain("house.quiet").code(0).prints("does nothing outside");
    explain("house.launch").code(2);
}

#[test]
fn what_is_no_knowledge_is_refused() {
    let folder = Scratch::new().with("house.txt", "nothing").with("model.pkl", crate::harmless());
    let text = folder.path("house.txt");
    let model = folder.path("model.pkl");
    weighbridge(&["scan", "--knowledge", &text, &model])
        .end()
        .code(2)
        .complains("holds no knowledge of callables");
    weighbridge(&["learn", &text, "-o", &folder.path("a.book")]).end().code(3);
}
