"""Forms that Python 3.14 compiles in its own way, and their neighbours."""

CONSTANT: int = 1
BARE: "str"
if CONSTANT:
    CHOSEN: int = 2
for ITEM in []:
    LOOPED: dict[str, int]
try:
    TRIED: int = 3
except ValueError:
    CAUGHT: int


def plain(a, b: int, *c: "text", d: str = "x", **e: list[int]) -> float:
    local: int = 1
    return local


def managers(a, b, c):
    with a as x, b:
        return x
    for y in b:
        with c:
            if y:
                continue
            if a:
                break
            y()
    with a:
        pass


async def later(a):
    async with a as b:
        async for x in b:
            return x
    return [x async for x in b]


def generators(a, b):
    if all(x for x in a) and not any(x > 1 for x in a if x):
        return tuple(x for x in (a if b else tuple(y for y in b)))
    while any(x is b for x in a):
        a = all([x for x in a])
    return any(a) or not all(all(x for x in y) for y in a)


def dropped(a):
    any(x for x in a)
    with a:
        return tuple(b for b in a)


def stars(a, b, **c):
    return a(*b), a(*b, **c), a(*(1, 2)), a(1, **c), a(*(), **c), {**b, "c": 1}, {**{"c": 1}}


def subscripts(a, b):
    a[b] += a[1:2]
    a[1:] *= a[:]
    a[b:a] = a[b:a:2]
    a[b:a] -= 1
    del a[1:2], a[b:]


def chosen(a, b, c, d):
    return a or b and c or d, a and (b is None or c) and (d is None or c), (a and b) or (c and d)


def clauses(a):
    try:
        a()
    except OSError as error:
        if error.a and a:
            pass
        elif error.b:
            pass
        else:
            raise
    assert a, "message"
    assert a.b
    assert not a


class Annotated(dict[str, int], metaclass=type):
    """With annotations."""

    first: int
    second: CONSTANT = 2

    def method(self, a: CONSTANT, b: "second") -> "Annotated":
        self.attribute: int = a

    if CONSTANT:
        third: int = 3
        fourth: str
    third: str
    __private: int = 4

    class Inner:
        x: Annotated


class Plain:
    first = 1

    def method(self):
        return __class__


def within(a):
    class Local:
        x: a
        y: Local = a

    def inner(b: a) -> lambda: a:
        return b

    return Local, inner


def __annotate__(format, /):
    return {}


def defaults[T: int = int, *U = 3, **V = [int]](a: T, b: int = 3) -> T:
    return a


class Defaults[T: (int, str) = str]:
    pass


def templates(x, y):
    a = t""
    b = t"abc", t"{x}", t"{x+1}{ y !r}" t"z", t"{x=}", t"{x:>{y}}" t"{y:.2f}"
    c = t"{x['a']} {{q}}", t"{x!s:{y!r}a{y}}", t"{f"{x}"}", t"{(x, )}{[x for x in y]}"
    return f"{a}{b!r}", t"{ {1}}", t"{await_(x)}'{"x"}"
