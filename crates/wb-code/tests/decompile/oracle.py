"""Compiles modules of the standard library, and what was decompiled of them, and compares the two.

`dump` prints the version, then a line per module: its name and its marshalled code in hexadecimal.
`compare` reads a line per module: its name and the decompiled source in hexadecimal. It prints a line per
code object that is not the same: its kind, module, name and, where it is wrong, the first difference; then
how many are exact (the same instructions), equivalent (the same steps in another layout), shown as
instructions, and wrong.
"""

import dis
import importlib.util
import marshal
import os
import sys
import types
import warnings

# Bits of arguments that are no part of a name.
BITS = {"LOAD_GLOBAL": 1, "LOAD_SUPER_ATTR": 3, "COMPARE_OP": 0xff}
if sys.version_info >= (3, 12):
    BITS["LOAD_ATTR"] = 1
PAIRS = {"LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
         "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST", "LOAD_FAST"),
         "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
         "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST")}
# `not` of a comparison may be compiled to the opposite one, and the opposite jump.
ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "BREAK_LOOP", "CONTINUE_LOOP"}
OPPOSITE = {("IS_OP", ("int", 1)): ("IS_OP", ("int", 0)),
            ("CONTAINS_OP", ("int", 1)): ("CONTAINS_OP", ("int", 0)),
            ("COMPARE_OP", ("str", "is not")): ("COMPARE_OP", ("str", "is")),
            ("COMPARE_OP", ("str", "not in")): ("COMPARE_OP", ("str", "in"))}
FACTS = [("STORE_NAME", ("str", "__firstlineno__")), ("STORE_NAME", ("str", "__static_attributes__"))]
MARK = "not decompiled: see the instructions"
SKIP = {"NOP", "EXTENDED_ARG", "CACHE", "JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT", "POP_BLOCK", "NOT_TAKEN"}
QUIET = {"LOAD_CONST", "LOAD_FAST", "STORE_FAST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST", "SWAP",
         "COPY", "PUSH_NULL", "POP_EXCEPT", "RESUME", "LOAD_CLOSURE", "MAKE_CELL", "COPY_FREE_VARS",
         "RERAISE", "DELETE_FAST", "END_FOR", "LOAD_FAST_CHECK", "STORE_FAST_STORE_FAST",
         "STORE_FAST_LOAD_FAST", "LOAD_FAST_LOAD_FAST", "KW_NAMES", "PRECALL", "TEST", "NONE", "POP_ITER"}
# How a variable or a constant is loaded is no part of what is loaded.
LOADS = {"LOAD_FAST_CHECK": "LOAD_FAST", "LOAD_FAST_BORROW": "LOAD_FAST", "LOAD_SMALL_INT": "LOAD_CONST"}


def source(name):
    if os.path.exists(name):
        with open(name, "rb") as file:
            return file.read()
    spec = importlib.util.find_spec(name)
    path = spec.origin if spec else None
    if not path or not path.endswith(".py"):
        return None
    # The standard library may be an archive.
    return spec.loader.get_data(path)


def original(name):
    """The code object of a module, or of a compiled file of this version."""
    if not name.endswith(".pyc"):
        text = source(name)
        return text and compiled(text, name)
    with open(name, "rb") as file:
        data = file.read()
    if data[:4] != importlib.util.MAGIC_NUMBER:
        return None
    return marshal.loads(data[16 if sys.version_info >= (3, 7) else 12:])


def compiled(text, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, name, "exec", dont_inherit=True)


def key(value):
    """A constant with its type, so that 1, 1.0 and True differ."""
    if isinstance(value, types.CodeType):
        return ("code", value.co_name)
    if isinstance(value, tuple):
        return ("tuple", tuple(map(key, value)))
    if isinstance(value, frozenset):
        return ("frozenset", frozenset(map(key, value)))
    if isinstance(value, (float, complex)):
        return (type(value).__name__, repr(value))
    return (type(value).__name__, value)


def parts(one):
    """An instruction as the steps it does: name, argument, place of a target that is not set yet."""
    name = one.opname
    if name == "RETURN_CONST":
        return [("LOAD_CONST", key(one.argval), None), ("RETURN_VALUE", None, None)]
    if name in PAIRS:
        return [(verb, ("str", value), None) for verb, value in zip(PAIRS[name], one.argval)]
    argument = key(one.argval) if one.arg is not None else None
    if sys.version_info >= (3, 11) and name in BITS:
        argument = (one.arg & BITS[name], argument)
    return [(LOADS.get(name, name), argument, None)]


class Code:
    """The instructions of a code object, those that stand for several taken apart."""

    def __init__(self, code):
        jumps = set(dis.hasjrel) | set(dis.hasjabs)
        listed = [one for one in dis.get_instructions(code) if one.opname not in ("CACHE", "EXTENDED_ARG")]
        places = {}
        last = -1
        self.steps = []
        self.list = []
        pending = []
        for one in listed:
            for offset in range(last + 1, one.offset + 1):
                places[offset] = len(self.steps)
            last = one.offset
            for step in parts(one):
                pending.append((len(self.steps), one) if one.opcode in jumps else None)
                self.steps.append(step)
                self.list.append(one)
        for offset in range(last + 1, len(code.co_code) + 40):
            places[offset] = len(self.steps)
        for found in pending:
            if found:
                index, one = found
                self.steps[index] = self.steps[index][0], None, places.get(one.argval)
        for index, step in enumerate(self.steps[:-1]):
            # Facts about the source, not about what the class does.
            if self.steps[index + 1][:2] in FACTS:
                self.steps[index] = step[0], None, None
        if sys.version_info < (3, 9):
            self.old()
        if sys.version_info < (3, 7):
            self.folded()
        self.handlers = [None] * len(self.list)
        if sys.version_info >= (3, 11):
            for entry in dis._parse_exception_table(code):
                for index, one in enumerate(self.list):
                    if entry.start <= one.offset < entry.end:
                        self.handlers[index] = (places[entry.target], entry.depth, entry.lasti)

    def folded(self):
        """Negates constants as the optimiser does, which leaves long lines alone."""
        for index in range(len(self.steps) - 1):
            name, argument, _ = self.steps[index]
            if name == "LOAD_CONST" and self.steps[index + 1][0] == "UNARY_NEGATIVE":
                if argument[0] == "int":
                    self.steps[index] = name, ("int", -argument[1]), None
                    self.steps[index + 1] = "NOP", None, None

    def old(self):
        """Makes jumps of what leaves loops, and ends of handlers that raise again."""
        loops = [(i, step[2]) for i, step in enumerate(self.steps) if step[0] == "SETUP_LOOP"]
        for index, (name, argument, target) in enumerate(self.steps):
            if name == "SETUP_LOOP":
                self.steps[index] = "NOP", None, None
            elif name == "BREAK_LOOP":
                around = [after for begin, after in loops if begin < index < after]
                self.steps[index] = "JUMP_ABSOLUTE", None, around[-1]
            elif name == "CONTINUE_LOOP":
                self.steps[index] = "JUMP_ABSOLUTE", None, target
            elif argument == ("str", "exception match"):
                jump = self.steps[index + 1]
                if jump[2] is not None and self.steps[jump[2]][0] == "END_FINALLY":
                    self.steps[jump[2]] = "RERAISE", None, None

        self.raising()

    def raising(self):
        """What forgets an exception's name and is never come to without one raises it again."""
        def forgets(index):
            names = [step[0] for step in self.steps[index:index + 4]]
            return len(names) == 4 and names[0] == "LOAD_CONST" and names[3] == "END_FINALLY" \
                and names[1].startswith("STORE_") and names[2].startswith("DELETE_")

        reached = set()
        todo = [0]
        while todo:
            index = todo.pop()
            if index in reached or index >= len(self.steps):
                continue
            reached.add(index)
            name, _, target = self.steps[index]
            if target is not None and not (name.startswith("SETUP_") and forgets(target)):
                todo.append(target)
            if name not in ENDS and name != "JUMP_ABSOLUTE" and name != "JUMP_FORWARD":
                todo.append(index + 1)
        for index in range(len(self.steps)):
            if forgets(index) and index not in reached:
                self.steps[index + 3] = "RERAISE", None, None

    def real(self, index):
        for _ in range(1000):
            if index >= len(self.steps):
                return index
            name, _, target = self.steps[index]
            if name not in SKIP:
                return index
            index = index + 1 if target is None else target
        return index




def ways(code, index):
    """What a step does, and where it goes: places, with whether the tested value stays."""
    name, argument, target = code.steps[index]
    opposite = OPPOSITE.get((name, argument))
    if opposite or (name, argument) in OPPOSITE.values() or name == "UNARY_NOT":
        # Tests that a jump follows are one step with it.
        following = code.real(index + 1)
        if following < len(code.steps) and code.steps[following][0].startswith(("POP_JUMP", "JUMP_IF")):
            test, other, out = ways(code, following)
            if name == "UNARY_NOT" and not any(keeps for _, keeps in out):
                return test, other, out[::-1]
            if opposite:
                return opposite[0], opposite[1], out[::-1]
            return name, argument, out
    if target is None:
        return name, argument, [] if name in ENDS else [(code.real(index + 1), False)]
    plain = name.replace("FORWARD_", "").replace("BACKWARD_", "")
    after, jump = code.real(index + 1), code.real(target)
    if plain in ("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"):
        truth = plain == "JUMP_IF_TRUE_OR_POP"
        jump = follow(code, jump, truth)
        out = [jump, (after, False)] if truth else [(after, False), jump]
        return "TEST", None, out
    if plain in ("POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE"):
        out = [(jump, False), (after, False)]
        return "TEST", None, out if plain == "POP_JUMP_IF_TRUE" else out[::-1]
    if plain in ("POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE"):
        out = [(jump, False), (after, False)]
        return "NONE", None, out if plain == "POP_JUMP_IF_NONE" else out[::-1]
    return name, argument, ([] if name in ENDS else [(after, False)]) + [(jump, False)]


def follow(code, index, truth):
    """Where a kept value of known truth goes on to."""
    for _ in range(100):
        if index >= len(code.steps):
            break
        name, _, target = code.steps[index]
        name = name.replace("FORWARD_", "").replace("BACKWARD_", "")
        if name in ("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"):
            if (name == "JUMP_IF_TRUE_OR_POP") != truth:
                return code.real(index + 1), False
            index = code.real(target)
        elif name in ("POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE"):
            taken = (name == "POP_JUMP_IF_TRUE") == truth
            return code.real(target if taken else index + 1), False
        elif name == "UNARY_NOT":
            truth = not truth
            index = code.real(index + 1)
        else:
            break
    return index, True


def difference(one, other):
    """The first step in which the two differ; None when they do the same."""
    seen = {}
    todo = [(one.real(0), other.real(0))]
    while todo:
        pair = todo.pop()
        if pair in seen:
            continue
        seen[pair] = True
        a, b = pair
        if a >= len(one.steps) or b >= len(other.steps):
            return "ends"
        first, second = ways(one, a), ways(other, b)
        kept = [keeps for _, keeps in first[2]], [keeps for _, keeps in second[2]]
        if first[:2] != second[:2] or kept[0] != kept[1]:
            return "%s %s: %s %s" % (one.list[a].offset, first, other.list[b].offset, second)
        todo += [(x, y) for (x, _), (y, _) in zip(first[2], second[2])]
        left, right = one.handlers[a], other.handlers[b]
        if left and right:
            if left[1:] != right[1:]:
                return "depth of handlers at %s" % one.list[a].offset
            todo.append((one.real(left[0]), other.real(right[0])))
        elif (left or right) and first[0] not in QUIET:
            return "handler of %s at %s" % (first[0], one.list[a].offset)
    return None


def facts(code):
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    # Whether names of cells are made; the order of free variables may differ.
    return (code.co_argcount, code.co_kwonlyargcount, getattr(code, "co_posonlyargcount", 0),
            code.co_varnames[:count], code.co_flags & ~0x40, code.co_name, sorted(code.co_freevars),
            sorted(code.co_cellvars))


def documented(code):
    first = code.co_consts[0] if code.co_consts else None
    if sys.version_info >= (3, 13) and not code.co_flags & 0x4000000:
        return None
    return first if isinstance(first, str) and code.co_flags & 2 and code.co_name[0] != "<" else None


def inner(code):
    # What stands twice in one line is one constant.
    found = {}
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            found.setdefault((value.co_name, value.co_code, value.co_names, value.co_varnames), value)
    return list(found.values())


def every(code):
    return 1 + sum(map(every, inner(code)))


def walk(one, other, path, out):
    if MARK in other.co_consts:
        out.append(("shown", path, "", every(one)))
        return
    ours, theirs = inner(one), inner(other)
    a, b = Code(one), Code(other)
    if facts(one) != facts(other) or documented(one) != documented(other):
        out.append(("wrong", path, "facts %s %s" % (facts(one), facts(other)), 1))
    elif a.steps == b.steps and a.handlers == b.handlers:
        out.append(("exact", path, "", 1))
    else:
        what = difference(a, b)
        out.append(("equivalent" if what is None else "wrong", path, what or "", 1))
    names = [code.co_name for code in ours], [code.co_name for code in theirs]
    if names[0] != names[1]:
        ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
        if [code.co_name for code in ours] != [code.co_name for code in theirs]:
            out.append(("wrong", path, "functions %s %s" % names, 1))
            return
    for left, right in zip(ours, theirs):
        walk(left, right, path + "." + left.co_name, out)


def order(code):
    return code.co_name, code.co_firstlineno


def dump(names):
    print("%d.%d" % sys.version_info[:2])
    for name in names:
        try:
            code = original(name)
        except (SyntaxError, ImportError, ValueError, UnicodeDecodeError):
            continue
        if code:
            print(name, marshal.dumps(code).hex())


def compare():
    total = dict.fromkeys(["exact", "equivalent", "shown", "wrong"], 0)
    for line in sys.stdin:
        name, _, text = line.strip().partition(" ")
        text = bytes.fromhex(text)
        code = original(name)
        if text.startswith(b"# The structure was not recovered"):
            found = [("shown", "<module>", "", every(code))]
        else:
            try:
                found = []
                walk(code, compiled(text, name), "", found)
            except (SyntaxError, ValueError, RecursionError) as error:
                found = [("wrong", "<module>", "%s" % error, 1)]
        for kind, path, what, count in found:
            total[kind] += count
            if kind != "exact":
                print(kind, name, path or "<module>", what)
    print("exact %(exact)d equivalent %(equivalent)d shown %(shown)d wrong %(wrong)d" % total)


sys.setrecursionlimit(10000)
if sys.argv[1] == "dump":
    dump(sys.argv[2:])
else:
    compare()
