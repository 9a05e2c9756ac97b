"""Lines of one shape are read as each line alone is."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from wcdfa.readers.formats.text_logs import read_text
from wcdfa.readers.formats.text_patterns import pairs
from wcdfa.readers.formats.text_shapes import Shapes, shape_of

NUMBERS = (
    "0",
    "7",
    "12",
    "-3",
    "+4.5",
    "0.25",
    "3.",
    "1e-3",
    "-2.5E+04",
    "1,234",
    "12,34",
    "1,234.5",
    ".5",
    "nan",
    "inf",
    "-inf",
    "00:10",
    "9ms",
    "1.2.3",
)
BETWEEN = (" ", "  ", "   ", ", ", ",", " | ", "; ", "\t", "%|##| ", " - ", "-", " (", ") ")
NAMES = (
    "loss",
    "step",
    "lr",
    "grad norm",
    "Epoch",
    "train loss",
    "at step",
    "layer2.norm",
    "a/b",
    "INFO",
    "run.py",
    "x y z loss",
    "rank0",
    "time",
)
JOINING = (": ", "=", ":", " : ", " ", "   ", "': '", ": [", "-", "")


def written(seed: int) -> str:
    """A line of names, numbers and what else stands between them."""
    draw = random.Random(seed)
    words = []
    for _ in range(draw.randint(1, 5)):
        words += [draw.choice(NAMES), draw.choice(JOINING), draw.choice(NUMBERS), draw.choice(BETWEEN)]
    return "".join(words)


def like(line: str, draw: random.Random) -> str:
    """The line with other digits, more of them or fewer, and other spaces."""
    found = "".join(
        draw.choice(("", each, each * 2)) + str(draw.randint(0, 9))
        if each.isdigit()
        else draw.choice((each, "  ", " "))
        if each == " "
        else each
        for each in line
    )
    return found.replace(": ", draw.choice((": ", ": -", ": +"))).replace(".", draw.choice((".", "", "e")))


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_a_line_of_a_known_shape_is_read_as_alone(first: int) -> None:
    fitting = 0
    for seed in range(first, first + 100):
        line, draw = written(seed), random.Random(seed)
        shape = shape_of(line)
        if shape is None:  # commas stand in it
            continue
        for other in (line, *(like(line, draw) for _ in range(30))):
            if found := shape.pattern.fullmatch(other):
                fitting += 1
                told = {name: values[0] for name, values in shape.columns([found.groups()]).items()}
                assert repr(told) == repr(dict(pairs(other))), (line, other)
    assert fitting > 200


def test_rows_of_several_shapes_stay_in_order(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    with log.open("w") as file:
        for step in range(3000):
            file.write(f"step {step}: loss {1 / (step + 1):.{step % 7 + 1}f}, time {step}ms\n")
            if step % 3 == 0:
                file.write(f"step {step}: val loss -{step}.5\n")
            if step % 50 == 0:
                file.write(f"saved to run-{step}/checkpoint.pt, loss nan\nepoch {step // 50}\n")
    columns = next(iter(read_text(log))).columns
    np.testing.assert_array_equal(columns["loss"].steps, np.arange(3000))
    assert columns["loss"].values[:3].tolist() == [1.0, 0.5, 0.333]
    np.testing.assert_array_equal(columns["val loss"].values, -np.arange(0, 3000, 3) - 0.5)
    np.testing.assert_array_equal(columns["val loss"].steps, np.arange(0, 3000, 3))


def test_lines_without_end_of_shapes_are_read() -> None:
    shapes = Shapes()
    held = [shapes.of(f"{'x' * place}: step {place}") for place in range(500)]
    assert 50 < sum(each is not None for each in held) < 200
    assert shapes.of("x" * 5000) is None
