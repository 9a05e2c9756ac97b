"""One array of NumPy: headers with other shapes, types and orders, and numbers without a checksum."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.plan import Plan, change, finish
from tests.fuzz.rows import Row

FLOATS = ("<f8", "<f8", ">f8", "<f4", "<f2")
SHAPES = (
    "()",
    "(0,)",
    "(-1,)",
    "({n}, 1)",
    "(1, {n})",
    "(3000000000000,)",
    "({more},)",
    "({less},)",
    "({n}.0,)",
    "('{n}',)",
    "[{n}]",
    "{n}",
    "(True,)",
)
SHAPES += (
    "(" + "1, " * 70 + "{n})",
    "None",
    "(" * 200 + ")" * 200,
    "(9" + "9" * 5000 + ",)",
    "(0, 99999999999999999999)",
    "{{}}",
    "({n},,)",
)
TYPES = (
    "'<i8'",
    "'|O'",
    "'<c16'",
    "'|b1'",
    "'<M8[s]'",
    "'|S8'",
    "'<U2'",
    "[('a', '<f8')]",
    "'<f16'",
    "'|V8'",
    "5",
    "None",
    "'x'",
    "''",
    "[]",
    "('<f8', (2,))",
)
TYPES += ("[('a', '<f8'), ('a', '<f8')]", "'<f8,<f8'", "b'<f8'", "'<M8[9999999999999s]'", "[('" + "a" * 5000 + "', '<f8')]")


class Array:
    """An array while it is changed."""

    def __init__(self, values: np.ndarray) -> None:
        self.data = values.tobytes()
        self.size, self.width = len(values), values.dtype.itemsize
        self.header = {"descr": repr(values.dtype.str), "fortran_order": "False", "shape": f"({len(values)},)"}
        self.version = (1, 0)

    def parts(self) -> list[tuple[bytes, int]]:
        """The header, and the numbers with their rows."""
        text = "{" + "".join(f"{name!r}: {value}, " for name, value in self.header.items()) + "}"
        size = 2 if self.version == (1, 0) else 4
        text += " " * (-(len(text) + 7 + size + 2) % 64) + "\n"
        head = (
            npy.MAGIC_PREFIX + bytes(self.version) + (len(text) & (256**size - 1)).to_bytes(size, "little") + text.encode("utf-8")
        )
        return [(head, -1), *((self.data[i : i + self.width], i // self.width) for i in range(0, len(self.data), self.width))]


def array_of(rng: np.random.Generator, values: list[float]) -> tuple[Array, list[float]]:
    """The numbers in one of the types of floats, and as they are then."""
    with np.errstate(all="ignore"):
        made = np.array(values, str(rng.choice(FLOATS)))
    return Array(made), made.astype(float).tolist()


def build(folder: Path, plan: Plan) -> Case:
    drawn = log(plan.log, steps=False, gaps=False)
    array, values = array_of(plan.log, [row.value for row in drawn.rows if row.value is not None])
    case = Case(
        folder / f"{drawn.column.replace('/', '_')}.npy", drawn.column.replace("/", "_"), [Row(value, None) for value in values]
    )
    change(case, plan, [partial(kind, case, array) for kind in CHANGES])
    file = File.of_parts(array.parts())
    finish(case, file, plan, ended=True)
    if file.head or file.moved:
        case.free = True
    return case


def other_shape(case: Case, array: Array, rng: np.random.Generator) -> None:
    n = array.size
    array.header["shape"] = SHAPES[rng.integers(len(SHAPES))].format(n=n, more=n + 1 + int(rng.integers(1000)), less=max(0, n - 1))
    case.damage(f"shape {array.header['shape'][:30]}")


def other_type(case: Case, array: Array, rng: np.random.Generator) -> None:
    array.header["descr"] = TYPES[rng.integers(len(TYPES))]
    case.damage(f"dtype {array.header['descr'][:30]}")
    case.free = True


def other_header(case: Case, array: Array, rng: np.random.Generator) -> None:
    kind = int(rng.integers(5))
    if kind == 0:
        array.header["fortran_order"] = str(rng.choice(["True", "1", "None", "'a'"]))
    elif kind == 1:
        array.header.pop(str(rng.choice(list(array.header) or ["descr"])), None)
    elif kind == 2:
        array.header |= {"more": "1"}
    elif kind == 3:
        array.version = (int(rng.integers(1, 5)), int(rng.integers(2)))
    else:
        array.header["shape"] = array.header.get("shape", "()") + " " * 20_000
    case.damage(f"header {array.version} {str(array.header)[:80]}")


def trailing(case: Case, array: Array, rng: np.random.Generator) -> None:
    array.data += rng.bytes(array.width * int(rng.integers(1, 4)))
    case.damage("more numbers than its header says", slack=3)


CHANGES = (other_shape, other_type, other_header, trailing)
