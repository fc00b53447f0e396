"""`match` in every form of PEP 634."""


def literals(x):
    match x:
        case 1:
            a()
        case -2 | 3.5 | "text" | b"bytes" | 1 + 2j:
            b()
        case None:
            c()
        case True | False:
            d()
    e()


def names(x):
    match x:
        case color.RED:
            return 1
        case color.dark.BLUE | color.GREEN:
            return 2
        case other:
            return other


def sequences(x):
    match x:
        case []:
            a()
        case [one]:
            b(one)
        case [first, *_]:
            c(first)
        case [*_, last] if last:
            d(last)
        case (1, [inner, *rest], _):
            e(inner, rest)
        case [*everything]:
            f(everything)


def mappings(x):
    match x:
        case {"kind": "a", "value": [v, w]}:
            a(v, w)
        case {color.RED: red, **rest}:
            b(red, rest)
        case {"only": _}:
            c()
        case {}:
            d()


def classes(x):
    match x:
        case Point():
            a()
        case Point(0, y) | Point(y, 0):
            b(y)
        case Line(start=Point(x=a0), end=e):
            c(a0, e)
        case str(text) | bytes(text) as whole:
            d(text, whole)


def guards(x, y):
    match x, y:
        case (a, b) if a > b and b:
            return a
        case (a, b) if not a:
            return b
        case _ if y:
            return y
    return None


def nested(items):
    for item in items:
        match item:
            case {"run": command}:
                match command:
                    case [program, *arguments]:
                        yield program, arguments
                    case str():
                        continue
            case None:
                break
            case _:
                with item as opened:
                    yield opened
    else:
        yield None
