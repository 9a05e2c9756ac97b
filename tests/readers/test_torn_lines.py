"""JSON lines in which a process was killed while it wrote: the whole rows are read, and a note names the lines of the others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from wcdfa.readers import read_series
from wcdfa.readers.formats.torn import TRIES, objects_in

VALUES = np.exp(0.1 * np.random.default_rng(0).standard_normal(1000)).tolist()
ROWS = [json.dumps({"step": i, "update_norm": value, "nested": {"step": 7, "a": 1.5}}) for i, value in enumerate(VALUES)]
NUL = "\0" * 64


def series(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return read_series(path)


@pytest.mark.parametrize("at", [1, 999])
@pytest.mark.parametrize("kept", range(1, len(ROWS[1]), 13))
def test_half_a_row_before_a_whole_one(tmp_path, at, kept):
    read = series(tmp_path / "a.jsonl", [*ROWS[:at], ROWS[at][:kept] + ROWS[at], *ROWS[at + 1 :]])
    np.testing.assert_array_equal(read.values, VALUES)
    assert read.notes == (f"in line {at + 1:,} rows, or parts of rows, are joined: 1 whole row was taken",)


@pytest.mark.parametrize("kept", range(1, len(ROWS[1]), 13))
def test_half_a_row_in_a_line_of_its_own(tmp_path, kept):
    """Also where the end of what is left is itself an object."""
    read = series(tmp_path / "a.jsonl", [*ROWS[:500], ROWS[500][:kept], *ROWS[501:]])
    np.testing.assert_array_equal(read.values, VALUES[:500] + VALUES[501:])
    assert read.notes[0] == "line 501 is no row and was left out"


@pytest.mark.parametrize("between", ["", " ", NUL, "\r", "\t"])
@pytest.mark.parametrize("count", [2, 3, 40])
def test_rows_in_one_line(tmp_path, between, count):
    read = series(tmp_path / "a.jsonl", [*ROWS[:100], between.join(ROWS[100 : 100 + count]), *ROWS[100 + count :]])
    np.testing.assert_array_equal(read.values, VALUES)
    assert read.notes == (f"in line 101 rows, or parts of rows, are joined: {count} whole rows were taken",)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        (NUL, "line 501 is no row and was left out"),
        (NUL + ROWS[500], "in line 501 rows, or parts of rows, are joined: 1 whole row was taken"),
        ("Traceback (most recent call last):", "line 501 is no row and was left out"),
        ('"text"', "line 501 is no row and was left out"),
        ("[1, 2]", "line 501 is no row and was left out"),
    ],
)
def test_lines_of_something_else(tmp_path, line, note):
    read = series(tmp_path / "a.jsonl", [*ROWS[:500], line, *ROWS[500 + line.endswith("}") :]])
    np.testing.assert_array_equal(read.values, VALUES)
    assert read.notes == (note,)


def test_many_such_lines_are_counted_and_the_first_are_named(tmp_path):
    lines = [line for i, row in enumerate(ROWS) for line in ([row, NUL] if i % 10 == 9 else [row])]
    assert series(tmp_path / "a.jsonl", lines).notes == ("100 lines (11, 22, 33, 44, …) are no rows and were left out",)


@pytest.mark.parametrize("rows", [0, 400, 999])
def test_a_file_of_which_most_is_something_else_is_refused(tmp_path, rows):
    with pytest.raises(
        ValueError, match=rf"a\.jsonl: line 1 is not JSON: .*; it begins with .no row.*; {rows + 1:,} lines? .* {rows} are"
    ):
        series(tmp_path / "a.jsonl", ["no row at all"] * (rows + 1) + ROWS[:rows])


def test_a_long_file_of_something_else_is_given_up_early(tmp_path):
    with pytest.raises(ValueError, match="1,001 lines are no row, and 0 are"):
        series(tmp_path / "a.jsonl", ["x"] * 100_000)


def test_a_line_is_searched_for_only_a_few_rows():
    half = '{"a": 1, "b'
    assert list(objects_in(half * (TRIES - 1) + '{"a": 2}', "a")) == [{"a": 2}]
    assert list(objects_in(half * 10_000 + '{"a": 2}', "a")) == []
    assert list(objects_in('{"a": 1, "nested": {"b": 2}', "a")) == []
