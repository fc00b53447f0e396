# Reads lines "pickle in hexadecimal, text in hexadecimal" and checks that the text, executed, leaves in
# `result` what pickle.loads makes of the pickle. Prints one line for each that differs.
import collections, pickle, sys


def same(a, b, seen):
    """Equality that ends on objects that hold themselves, and tells types and order apart."""
    if (id(a), id(b)) in seen:
        return True
    seen.add((id(a), id(b)))
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(same(x, y, seen) for x, y in zip(a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y, seen) for x, y in zip(a.items(), b.items()))
    if type(a).__module__ == "numpy":
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if hasattr(a, "__dict__") and type(a).__module__ == "types":
        return same(a.__dict__, b.__dict__, seen)
    return a == b or repr(a) == repr(b)


sys.setrecursionlimit(100000)
for line in sys.stdin:
    pickled, text = (bytes.fromhex(part) for part in line.split())
    expected = pickle.loads(pickled)
    names = {}
    try:
        exec(text.decode(), names)
        if not same(names["result"], expected, set()):
            print("differs:", text.decode()[:400], repr(expected)[:200])
    except Exception as error:
        print("fails:", repr(error), text.decode()[:400])
