//! `open` at a terminal, and where there is none.

use crate::{case, weighbridge};
use wb_testkit::Run;

#[test]
fn without_a_terminal_it_names_the_verb_for_pipes() {
    let ended = weighbridge(&["open", &case("quiet-update")]).end();
    ended.code(2).complains("hint: `weighbridge show F1 CASE`");
}

/// Starts the command in a terminal of 80 columns and 24 lines, presses keys, and prints what a person
/// would have to know: the exit code, whether the terminal's modes are as before, and what was drawn.
const AT_A_TERMINAL: &str = r#"
import fcntl, os, pty, select, struct, sys, termios, time

master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    os.execv(sys.argv[1], sys.argv[1:-1])

# A slave that stays open keeps the modes readable after the command has ended.
def read(seconds, until):
    drawn, end = b"", time.time() + seconds
    while time.time() < end and not (until and until in drawn):
        if select.select([master], [], [], 0.3)[0]:
            drawn += os.read(master, 65536)
        elif drawn and not until:
            break
    return drawn

drawn = read(60, b"COMPROMISED")
# A frame writes only what differs from the frame before: its end is silence, not a word.
for key in sys.argv[-1].split(","):
    os.write(master, key.encode().decode("unicode_escape").encode())
    drawn += read(20, b"\x1b[?1049l" if key == "q" else None)
_, status = os.waitpid(child, 0)
# What was written last may come in a piece of its own.
while select.select([master], [], [], 0)[0]:
    drawn += os.read(master, 65536)
print("exit", os.waitstatus_to_exitcode(status))
print("restored", termios.tcgetattr(slave)[:6] == before[:6])
print("screens", drawn.count(b"\x1b[?1049h"), drawn.count(b"\x1b[?1049l"))
print("cursor back", drawn.rfind(b"\x1b[?25h") > drawn.rfind(b"\x1b[?25l"))
print("colour", b"\x1b[38;5;" in drawn or b"\x1b[31m" in drawn)
"#;

#[test]
fn keys_walk_the_case_and_q_gives_the_terminal_back() {
    if !Run::of("python3").args(["-c", "import pty, os; os.waitstatus_to_exitcode"]).succeeds() {
        eprintln!("not checked: no `python3` with `pty`");
        return;
    }
    let command = env!("CARGO_BIN_EXE_weighbridge");
    let folder = case("quiet-update");
    let arguments = ["-c", AT_A_TERMINAL, command, "open", &folder, r"3,\r,2,q"];
    let run = || Run::of("python3").args(arguments).env("TERM", "xterm-256color");
    let ended = run().end();
    ended.code(0).prints("exit 0\nrestored True\nscreens 1 1\ncursor back True\ncolour True\n");
    run().env("NO_COLOR", "1").end().code(0).prints("exit 0\n").prints("colour False");
}
