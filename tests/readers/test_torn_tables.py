"""Text tables that crashes, two writers, and restarts have torn: what is no row is left out and named, and the rest stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import require
from wcdfa.analysis.series import Settings
from wcdfa.monitor.follower import Follower
from wcdfa.readers import read_series, sources

require("pyarrow")
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))
ROWS = [f"{i},{1 + norm!r},{norm!r}" for i, norm in enumerate(NORMS.tolist())]
HEADER = "step,loss,update_norm"
TORN = {
    "half": "150,1.2",
    "joined": "150,1.2150,1.25,0.25",
    "glued": "150,1.25,0.251.5",
    "glued exponents": "150,1.25,2.5e-052.5e-05",
    "long": "150,1,2,3,4",
    "NUL": "150,1.25,\0\0\0",
    "NULs before": "\0" * 4096 + "150,1.25,0.25",
    "NULs": "\0" * 4096,
    "text": "Traceback (most recent call last):",
    "quote": '150,"oops',
    "binary": "\x7f\x01,\x02",
}


def written(path, lines, header=HEADER):
    path.write_bytes("".join(f"{line}\n" for line in [header, *lines]).encode())
    return path


@pytest.mark.parametrize("kind", TORN)
@pytest.mark.parametrize("at", [0, 1, 150, 300])
def test_a_line_that_is_no_row_is_left_out_and_named(tmp_path, kind, at):
    series = read_series(written(tmp_path / "log.csv", [*ROWS[:at], TORN[kind], *ROWS[at:]]))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, np.arange(300))
    assert any(
        f"line {at + 2}" in note or ((kind, at) == ("quote", 300) and "last line has no end" in note) for note in series.notes
    )


@settings(max_examples=40, deadline=None)
@given(
    torn=st.dictionaries(st.integers(0, 299), st.sampled_from(sorted(set(TORN) - {"quote"})), min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t| "),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_many_lines_are_no_rows(tmp_path_factory, torn, delimiter, encoding):
    lines = [HEADER]
    for i, row in enumerate(ROWS):
        lines += [TORN[torn[i]], row] if i in torn else [row]
    path = tmp_path_factory.mktemp("torn") / "log.csv"
    path.write_bytes(("\n".join(lines).replace(",", delimiter) + "\n").encode(encoding))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    first = min(torn) + 2
    said = next(note for note in series.notes if "left out" in note)
    assert said.startswith(f"line {first}" if len(torn) == 1 else f"{len(torn)} lines: {first}")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.74])
def test_rows_that_become_longer_for_good_are_read(tmp_path, share):
    kept = round(300 * (1 - share))
    series = read_series(written(tmp_path / "log.csv", [*ROWS[:kept], *(f"{row},7" for row in ROWS[kept:])]))
    np.testing.assert_array_equal(series.values, NORMS)
    assert f"from line {kept + 2} on, {300 - kept} rows have 4 fields and the header has 3" in series.notes[0]


@pytest.mark.parametrize("at", [1, 20, 299])
@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("step,loss,update_norm,lr", (0, 1, 2, None)),
        ("step,lr,update_norm,loss", (0, None, 2, 1)),
        ("update_norm,step,loss", (2, 0, 1)),
        ("step,update_norm", (0, 2)),
    ],
)
def test_the_columns_change_midway(tmp_path, at, header, order):
    later = [",".join("7.5" if place is None else row.split(",")[place] for place in order) for row in ROWS[at:]]
    path = written(tmp_path / "log.csv", [*ROWS[:at], header, *later])
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, np.arange(300))
    assert any(f"line {at + 2} is another header" in note for note in series.notes)
    (run,) = sources(path)[0].runs()
    if "lr" in header:
        assert (run.columns["lr"].values.tolist(), run.columns["lr"].rows[0]) == ([7.5] * (300 - at), at)


def test_a_log_is_appended_to_by_another_version_and_by_a_crash(tmp_path):
    later = [f"{row},train" for row in ROWS[200:]]
    later[50] = "250,1.2"
    path = written(tmp_path / "log.csv", [*ROWS[:100], HEADER, *ROWS[100:200], f"{HEADER},phase", *later])
    (run,) = sources(path)[0].runs()
    np.testing.assert_array_equal(run.columns["update_norm"].values, np.delete(NORMS, 250))
    assert run.texts["phase"].distinct == ("train",)
    assert run.texts["phase"].codes.tolist() == [-1] * 200 + [0] * 99
    assert run.notes == (
        "the header is repeated once: the log was started again in the same file",
        "line 203 is another header: from there on the columns are step, loss, update_norm, phase",
        "line 254 is no whole row and was left out: line 254: Expected 4 columns, got 2",
    )


def test_texts_lie_beside_the_rows_that_are_left(tmp_path):
    lines = [f"{row},{'train' if i % 2 else 'eval, all'!r}".replace("'", '"') for i, row in enumerate(ROWS)]
    lines.insert(10, "10,1.2")
    lines.insert(100, "# a comment")
    (run,) = sources(written(tmp_path / "log.csv", lines, f"{HEADER},phase"))[0].runs()
    words = run.texts["phase"]
    assert words.distinct == ("eval, all", "train")
    np.testing.assert_array_equal(words.codes, np.arange(300) % 2)


def test_texts_of_a_table_in_another_dialect(tmp_path):
    rows = [row.replace(".", "@").replace(",", ";").replace("@", ",") + (";größe" if i % 3 else ";") for i, row in enumerate(ROWS)]
    path = tmp_path / "log.csv"
    path.write_bytes("\r".join([f"{HEADER};tag".replace(",", ";"), *rows, ""]).encode("utf-16"))
    (run,) = sources(path)[0].runs()
    assert run.texts["tag"].distinct == ("größe",)
    np.testing.assert_array_equal(run.texts["tag"].codes, np.where(np.arange(300) % 3, 0, -1))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="it was changed while it was read"):
        run.texts["tag"]


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("end", ["", "\r"])
def test_no_newline_at_the_end(tmp_path, columns, end):
    lines = [",".join(row.split(",")[-columns:]) for row in (HEADER, *ROWS)]
    (tmp_path / "log.csv").write_bytes(("\n".join(lines) + end).encode())
    series = read_series(tmp_path / "log.csv")
    np.testing.assert_array_equal(series.values, NORMS)
    assert any("the last line has no end: it was read" in note for note in series.notes)


@pytest.mark.parametrize("form", ["{:.4f}", "{!r}", "{:.3e}", "{:.0f}"])
def test_a_last_number_that_may_be_cut(tmp_path, form):
    """No value is wrong by more than the digits that other rows may lack too, wherever the file ends."""
    values = 1e-3 * NORMS[:40] if "e" in form else 1000 * NORMS[:40]
    text = "step,update_norm\n" + "".join(f"{i},{form.format(value)}\n" for i, value in enumerate(values.tolist()))
    (tmp_path / "whole.csv").write_text(text)
    whole = read_series(tmp_path / "whole.csv").values
    least = min(len(line.split(",")[1]) for line in text.split()[8:])
    for cut in range(1, len(text.split()[-1]) + 1):
        (tmp_path / "log.csv").write_text(text[:-cut])
        series = read_series(tmp_path / "log.csv")
        np.testing.assert_allclose(series.values, whole[: len(series.values)], rtol=10.0 ** (4 - least) if form == "{!r}" else 0)
        assert len(series.values) in (39, 40)
        assert "the last line has no end" in series.notes[0]


def test_a_watch_never_takes_half_a_number(tmp_path):
    path = tmp_path / "log.csv"
    whole = "\n".join([HEADER, *ROWS])
    path.write_text(whole)
    follower = Follower(path, Settings(window=50))
    assert follower.look().fresh == 299
    path.write_text(whole + "\n")
    assert follower.look().fresh == 1
    assert len(read_series(path).values) == 300


@pytest.mark.parametrize("rows", [["1,2", "3"], ["1,2", *["3"] * 10], ["x y z"] * 20])
def test_what_is_mostly_no_rows_is_no_table(tmp_path, rows):
    with pytest.raises(ValueError, match=r"log\.csv: (not a table: line 3: Expected 2 columns, got 1|no column of numbers)"):
        read_series(written(tmp_path / "log.csv", rows, "step,norm"))


def test_a_large_torn_table_takes_little_memory_and_time(tmp_path):
    rng = np.random.default_rng(1)
    rows = [f"{i},{value!r}" for i, value in enumerate(rng.random(200_000).tolist())]
    rows[100_000] += ",7"
    series = read_series(written(tmp_path / "log.csv", rows, "step,update_norm"))
    assert len(series.values) == 199_999


@pytest.mark.parametrize("grown", [3, 10, 150])
@pytest.mark.parametrize("added", [",7.5", ",7.5,text", ",", ',"a, b"'])
@pytest.mark.parametrize("torn", ["", "150,1.2", "\0" * 50])
def test_rows_grow_longer_for_good_where_a_column_was_added(tmp_path, grown, added, torn):
    first = 300 - grown
    longer = [row + added for row in ROWS[first:]]
    series = read_series(written(tmp_path / "log.csv", [*ROWS[:first], *longer[:2], *([torn] if torn else []), *longer[2:]]))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, np.arange(300))
    (note,) = (note for note in series.notes if "a column was added" in note)
    assert note.startswith(f"from line {first + 2} on, {grown} rows have ")
    assert any("line" in note and "left out" in note for note in series.notes) == bool(torn)


def test_columns_are_added_twice(tmp_path):
    series = read_series(
        written(tmp_path / "log.csv", [*ROWS[:100], *(f"{r},1" for r in ROWS[100:200]), *(f"{r},1,2" for r in ROWS[200:]), ""])
    )
    np.testing.assert_array_equal(series.values, NORMS)
    assert any("200 rows have 4 to 5 fields and the header has 3" in note for note in series.notes)


def test_a_restart_after_a_column_was_added(tmp_path):
    series = read_series(written(tmp_path / "log.csv", [*ROWS[:100], *(f"{row},1" for row in ROWS[100:200]), HEADER, *ROWS[200:]]))
    np.testing.assert_array_equal(series.values, NORMS)


@pytest.mark.parametrize("after", [1, 50])
def test_longer_rows_before_rows_as_the_header_says_are_left_out(tmp_path, after):
    lines = [*ROWS[:200], *(f"{row},1" for row in ROWS[200:-after]), *ROWS[-after:]]
    series = read_series(written(tmp_path / "log.csv", lines))
    np.testing.assert_array_equal(series.values, [*NORMS[:200], *NORMS[-after:]])
    assert any(f"{100 - after} lines: 202, 203, 204, 205, 206 and" in note for note in series.notes)
