# Makes pickles of every protocol and writes, as one line each: protocol, pickle in hexadecimal, the
# listing of pickletools in hexadecimal, and what kind of object it is.
import collections, datetime, decimal, fractions, io, pathlib, pickle, pickletools, random, sys, uuid

random.seed(7)
recursive_list = [1]
recursive_list.append(recursive_list)
recursive_dict = {"a": 1}
recursive_dict["self"] = recursive_dict
recursive_tuple = ([],)
recursive_tuple[0].append(recursive_tuple)
shared = ["shared", 1.5]


def data(depth):
    kind = random.randrange(14 if depth else 10)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.choice([0, 1, -1, 255, 256, 65535, 65536, 2**31, -(2**31), 2**63, -(2**63), 2**70, -(2**300), 10**200])
    if kind == 2:
        return random.choice([0.0, -0.0, 1.5, 1e16, 123456789012345680.0, 1e-5, 0.0001, 1e300, -2.5e-300, 1 / 3])
    if kind == 3:
        return random.choice(["", "a", "it's", 'say "x"', "both ' and \"", "tab\tnew\nline\\", "h\u00e9", "\u4e2d\u6587", "\U0001f600", "\x00\x7f\x80\xad", "e\u0301", "\u200b\u2028", "x" * 300, "\\u0041"])
    if kind == 4:
        return random.choice([b"", b"a", b"it's", bytes(range(256)), b"z" * 300])
    if kind == 5:
        return bytearray(b"array \x00'")
    if kind == 6:
        return random.choice([datetime.datetime(2026, 1, 2, 3, 4, 5), datetime.date(1999, 12, 31), datetime.timedelta(days=-1, seconds=5)])
    if kind == 7:
        return random.choice([decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=7), pathlib.PurePosixPath("a/b"), complex(1, -2), range(3, 9, 2), slice(1, None, 2)])
    if kind == 8:
        return shared
    if kind == 9:
        return random.choice([len, print, collections.OrderedDict, datetime.datetime.fromtimestamp])
    if kind == 10:
        return [data(depth - 1) for _ in range(random.randrange(5))]
    if kind == 11:
        return tuple(data(depth - 1) for _ in range(random.randrange(6)))
    if kind == 12:
        return {random.choice(["k", 1, b"b", (1, 2), "x%d" % i]): data(depth - 1) for i in range(random.randrange(5))}
    return random.choice(
        [
            {1, "a"}, set(), frozenset([1, 2.5]), frozenset(),
            collections.OrderedDict([("a", [1]), ("b", 2)]), collections.defaultdict(list, {"k": [1]}),
            collections.deque([1, 2, "c"], 5), collections.Counter("hello"),
        ]
    )


objects = [recursive_list, recursive_dict, recursive_tuple, list(range(2500)), {i: str(i) for i in range(1500)}, [shared, shared], "y" * 70000]
objects += [data(3) for _ in range(70)]
for value in objects:
    for protocol in range(6):
        pickled = pickle.dumps(value, protocol)
        out = io.StringIO()
        pickletools.dis(pickled, out)
        print(protocol, pickled.hex(), out.getvalue().encode().hex())
