"""Imports of every kind."""

import collections
import collections.abc
import collections.abc as c
import os.path as path, re as r, xml.etree.ElementTree as tree
import xml.dom.minidom, json as j
from collections import abc, deque as d
from os.path import *


def within(x):
    import a.b as b
    import a.b.c.d as e, a.b.c

    if x:
        import a.b as f
        return f
    from . import g
    from ..h.i import k as l, m
    return b, e, g, l, m, a


class Class:
    import a.b as b
    import __main__ as main
