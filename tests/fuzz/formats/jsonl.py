"""JSON lines: values of other types, nested and huge ones, keys twice, two objects in a line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.plan import Plan, change, finish
from tests.fuzz.rows import Row

ODD = (
    *(
        "null",
        "true",
        '"text"',
        '"NaN"',
        '"1.5"',
        '"-Infinity"',
        "[]",
        "[1.5]",
        "{}",
        '{"a": 1}',
        '{"": {"": 3}}',
        '""',
        "-0",
        "1E+3",
    ),
    *(
        "9" * 400,
        "-" + "9" * 400,
        "9" * 5000,
        "1e999",
        "0.1" + "0" * 3000,
        "NaN",
        "-Infinity",
        "[" * 200 + "]" * 200,
        "[" * 100_000,
    ),
    *(
        '{"a":' * 60 + "1" + "}" * 60,
        '{"a":' * 5000 + "1" + "}" * 5000,
        '"\\ud800"',
        '"\\u0000"',
        "1.",
        "01",
        "+1",
        "nan",
        "'1'",
        "1_0",
        '"9"',
    ),
)
"""Values as JSON text, right and wrong."""


def text_of(row: Row, column: str, rng: np.random.Generator) -> dict[str, str]:
    """The fields of a row, each as JSON text."""
    fields = {} if row.step is None else {"step": str(row.step)}
    fields |= {} if row.value is None else {column: json.dumps(row.value)}
    return fields | {name: json.dumps(value) for name, value in row.beside.items()}


def joined(fields: dict[str, str] | str) -> str:
    """An object of such fields."""
    return (
        fields
        if isinstance(fields, str)
        else "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}"
    )


class Lines:
    """The rows while they are changed: fields, or text as it stands; and the row that each belongs to, or the number of rows if none."""

    def __init__(self, case: Case, rng: np.random.Generator) -> None:
        self.case = case
        self.lines: list[tuple[dict[str, str] | str, int]] = [
            (text_of(row, case.column, rng), i) for i, row in enumerate(case.rows)
        ]
        self.without_step = set[int]()

    def loses_a_value(self) -> bool:
        """Whether a value has no step, after all changes."""
        left = (
            line.get(self.case.column, "null") for line, row in self.lines if row in self.without_step and isinstance(line, dict)
        )
        return any(is_json(text) and type(json.loads(text, parse_int=float)) is float for text in left)

    def some(self, rng: np.random.Generator) -> tuple[int, dict[str, str], int] | None:
        """A place, its fields and its row."""
        at = int(rng.integers(len(self.lines)))
        line, row = self.lines[at]
        return None if isinstance(line, str) else (at, dict(line), row)


def build(folder: Path, plan: Plan) -> Case:
    drawn = log(plan.log, long=True)
    case = Case(folder / str(plan.log.choice(["log.jsonl", "log.ndjson"])), drawn.column, drawn.rows)
    lines = Lines(case, plan.log)
    end = str(plan.log.choice(["\n", "\n", "\r\n"]))
    head = b"\xef\xbb\xbf" if plan.log.random() < 0.1 else b""
    change(case, plan, [partial(kind, lines) for kind in (*CHANGES, blank, two_in_a_line, bare)])
    case.lost |= lines.loses_a_value()
    parts = [((joined(line) + end).encode("utf-8", "surrogatepass"), row) for line, row in lines.lines]
    finish(case, File.of_parts([(head, -1), *parts]), plan)
    case.lost |= not all(map(is_json, case.path.read_bytes().decode("utf-8-sig", "replace").split("\n")))
    return case


def other_value(lines: Lines, rng: np.random.Generator) -> None:
    """A value of another type in some rows."""
    odd = ODD[rng.integers(len(ODD))]
    for _ in range(int(rng.choice([1, 1, 3]))):
        if (found := lines.some(rng)) is not None:
            at, fields, row = found
            name = str(rng.choice([*fields, lines.case.column]))
            lines.lines[at] = (fields | {name: odd}, row)
            harmless = name not in ("step", lines.case.column) and is_json(odd) and not odd.startswith("{")
            what = f"{name!r} of row {row} is {odd[:30]}"
            if harmless:
                lines.case.done.append(what)
                lines.case.beside = False
            else:
                lines.case.damage(what, wild=[row])


def is_json(text: str) -> bool:
    """Whether a line is JSON, or blank."""
    try:
        json.loads(text.strip() or "{}", parse_int=float)  # integers of any length
    except (ValueError, RecursionError):
        return False
    return True


def other_name(lines: Lines, rng: np.random.Generator) -> None:
    """Odd keys beside the others."""
    names = ("", "\x00", "a/b", "🔥" * 50, "k" * 3000, "\u202e", "epoch", "Step ", "iter")
    name = str(rng.choice(names))
    if (found := lines.some(rng)) is not None:
        at, fields, row = found
        lines.lines[at] = ({name: "3", **fields}, row)
        lines.case.damage(f"a key {name[:10]!r} in row {row}")


def key_twice(lines: Lines, rng: np.random.Generator) -> None:
    """A key twice in an object: the later counts, or the line is refused."""
    if (found := lines.some(rng)) is not None:
        at, fields, row = found
        name = str(rng.choice(list(fields) or ["x"]))
        text = joined(fields)
        lines.lines[at] = (f"{{{json.dumps(name)}: 12.5, {text[1:]}", row)
        lines.case.damage(f"{name!r} twice in row {row}", wild=[row])


def no_object(lines: Lines, rng: np.random.Generator) -> None:
    """A row that is something else than an object."""
    odd = str(
        rng.choice(["[]", "[1, 2]", "null", '"text"', "{", "}", "nothing", "{}", "{'a': 1}", "/* */", "[{}]", '{"a" 1}', "\x00"])
    )
    at = int(rng.integers(len(lines.lines)))
    row = lines.lines[at][1]
    lines.lines[at] = (odd, row)
    lines.case.damage(f"row {row} is {odd!r}", wild=[row])


def blank(lines: Lines, rng: np.random.Generator) -> None:
    lines.lines.insert(int(rng.integers(len(lines.lines) + 1)), (str(rng.choice(["", "  ", "\t"])), len(lines.case.rows)))
    lines.case.done.append("a blank line")


def bare(lines: Lines, rng: np.random.Generator) -> None:
    """A number that stands alone."""
    lines.lines.insert(int(rng.integers(len(lines.lines) + 1)), ("3.5", len(lines.case.rows)))
    lines.case.damage("a bare number", wild=[len(lines.case.rows)])


def two_in_a_line(lines: Lines, rng: np.random.Generator) -> None:
    if len(lines.lines) > 1:
        at = int(rng.integers(len(lines.lines) - 1))
        (one, row), (two, other) = lines.lines[at : at + 2]
        lines.lines[at : at + 2] = [(joined(one) + joined(two), row)]
        lines.case.damage(f"rows {row} and {other} are in one line", wild=[row, other])


def without_step(lines: Lines, rng: np.random.Generator) -> None:
    """A row has no step, often the first or the last: its value is left out, and that must be said."""
    at = int(rng.choice([0, len(lines.lines) - 1, rng.integers(len(lines.lines))]))
    line, row = lines.lines[at]
    if isinstance(line, dict) and "step" in line:
        lines.lines[at] = ({name: value for name, value in line.items() if name != "step"}, row)
        lines.case.damage(f"no step in row {row}", wild=[row])
        lines.without_step.add(row)


CHANGES = (other_value, other_value, other_value, other_name, key_twice, no_object, without_step)
