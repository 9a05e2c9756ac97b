"""Rows of JSON that are hostile: names nested deep and long, thousands of names, lines and entries without an end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers.pipes import make_special
from wcdfa.readers import limits, read_series
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.rows import Rows, numbers

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(100))


def nested(depth, length, inside):
    for i in reversed(range(depth)):
        inside = {f"{i:0{length}}": inside}
    return inside


def written(path, rows):
    """The rows as lines, or as the history of a Trainer."""
    rows = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    text = "\n".join(rows) + "\n" if path.suffix == ".jsonl" else f'{{"log_history": [{", ".join(rows)}]}}'
    path.write_text(text)
    return path


FILES = pytest.mark.parametrize("name", ["log.jsonl", "trainer_state.json"])


@FILES
@pytest.mark.parametrize(("depth", "length"), [(300, 10_000), (2, 1_000_000), (600, 4)])
def test_long_nested_names_are_joined_in_time(tmp_path, name, depth, length):
    rows = [{"step": i, "update_norm": norm} for i, norm in enumerate(NORMS.tolist())]
    rows[50] |= nested(depth, length, {"a": 1.0, "b": 2.0})
    np.testing.assert_array_equal(read_series(written(tmp_path / name, rows)).values, NORMS)


@FILES
def test_names_that_take_far_more_memory_than_the_file_are_refused(tmp_path, name):
    many = {f"{i:x}": 1 for i in range(20_000)}
    path = written(tmp_path / name, [{"update_norm": 1.0}, nested(1, 50_000, many)])
    with pytest.raises(ValueError, match=rf"{name}: .* columns with their names would take .* MB of memory"):
        read_series(path)


def test_numbers_at_each_level_are_refused_before_their_names_fill_the_memory(tmp_path):
    row: dict[str, object] = {"update_norm": 1.0}
    for i in range(400):
        row = {f"{i:010000}": row, "number": i}
    with pytest.raises(ValueError, match="columns with their names would take"):
        read_series(written(tmp_path / "log.jsonl", [row]))


@FILES
def test_ten_thousand_names(tmp_path, name):
    rows = [
        {"step": i, "update_norm": norm, **{f"n{i % 10}/{j}": j for j in range(1_000)}} for i, norm in enumerate(NORMS.tolist())
    ]
    np.testing.assert_array_equal(read_series(written(tmp_path / name, rows)).values, NORMS)


@pytest.mark.parametrize("unit", ["[],", "0,", "x", '{"a":{}},', " "])
def test_a_line_without_an_end_is_left_out(tmp_path, unit):
    written(tmp_path / "log.jsonl", ['{"update_norm": 1.0}', "[" + unit * (7_000_000 // len(unit)), '{"update_norm": 1.0}'])
    series = read_series(tmp_path / "log.jsonl")
    assert series.values.tolist() == [1.0, 1.0]
    assert series.notes[0] == "line 2 is no row and was left out"
    written(tmp_path / "log.jsonl", ["[" + unit * (7_000_000 // len(unit)), '{"update_norm": 1.0'])
    with pytest.raises(ValueError, match=r"log\.jsonl: line 1 is (longer than 5 MB: a line is one row|not JSON)"):
        read_series(tmp_path / "log.jsonl")


def test_an_entry_without_an_end_is_cut_off(tmp_path):
    written(tmp_path / "trainer_state.json", ['{"update_norm": 1.0}', "[" + "[]," * 1_500_000])
    assert "cut off or damaged" in read_series(tmp_path / "trainer_state.json").notes[0]


def test_a_pipe_in_a_folder_of_checkpoints_is_named(tmp_path):
    (tmp_path / "checkpoint-1").mkdir()
    make_special(tmp_path / "checkpoint-1" / "trainer_state.json")
    with pytest.raises(ValueError, match=r"trainer_state\.json: it is a pipe and not a file"):
        read_series(tmp_path)


def test_nested_names_in_their_order():
    row = {"a": {"b": {"c": 1, "d": 2.5}, "e": "3"}, "f": {"g": {}}, "h": {"i": "NaN"}}
    found = dict(numbers(row))
    assert list(found)[:3] == ["a/b/c", "a/b/d", "a/e"]
    assert np.isnan(found["h/i"])
    assert list(numbers(7)) == [("value", 7)]
    rows = Rows()
    rows.add(row)
    assert list(rows.columns()) == list(found)


def test_numbers_at_each_level_of_a_deep_dict():
    row: dict[str, object] = {"n": 0}
    for i in range(1, 800):
        row = {"n": i, "b": row}
    assert [(name.count("/"), number) for name, number in numbers(row)] == [(i, 799 - i) for i in range(800)]
    assert {name.removesuffix("n").replace("b/", "") for name, _ in numbers(row)} == {""}


def test_the_clock_is_looked_at_after_each_nested_part(monkeypatch):
    rows = Rows()
    rows.add({"a": {"b": 1}})
    now = limits.SECONDS + limits.time.monotonic()
    monkeypatch.setattr(limits.time, "monotonic", lambda: now + 1)
    with pytest.raises(LogError, match="takes longer than 20 seconds"):
        rows.add({"a": {"b": 2}})
