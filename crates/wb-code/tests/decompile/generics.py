"""Type parameters and `type` statements, and their neighbours."""


def function[T: int, *U, **V](a: T, b: int = 3) -> T:
    return a


class Class[T](dict, metaclass=type):
    x: T

    def method(self):
        return self


type Plain = int
type Generic[T] = list[T]


def nothing[T]():
    pass


def outer(y):
    def inner[T](y: y) -> T:
        return y, T

    type Local = y
    return inner, Local


class Constrained[T: (int, str)]:
    def method[U](self, a: T, b: U = 4, *, c: Plain = 5) -> U:
        return self.a

    type Inner = int | Plain
    type Other[Q] = Constrained[Q, "T"]

    class Nested[R](Class):
        pass


@print
def decorated[T](a, *b, c=4, **d) -> T:
    return lambda: T


@print(3)
class Documented[T]:
    """Documented."""

    def method(self):
        return T


async def later[T](x: T):
    await x


def plain(a, b=1, *, c=2):
    T = a
    a, b = b, a
    return lambda: T


type = plain
type(1)
