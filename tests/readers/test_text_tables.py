"""Text tables that look like others: quotes that swallow rows, names with commas, names of pandas, thousands of columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from wcdfa.readers import read_series, series_of, sources

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))
NEVER = "is never closed: all quotes are read as plain characters"


def written(path, rows, header="step,update_norm,note"):
    path.write_text("".join(f"{row}\n" for row in [header, *rows]))
    return path


def rows_with(changed):
    """Rows of 300 steps, of which some have another note."""
    return [f"{step},{norm!r},{changed.get(step, '')}" for step, norm in enumerate(NORMS.tolist())]


@pytest.mark.parametrize("step", [0, 1, 150, 298])
@pytest.mark.parametrize("note", ['"oops', '"', '"a ""b', '"quoted"" text'])
def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path, step, note):
    series = read_series(written(tmp_path / "log.csv", rows_with({step: note})))
    np.testing.assert_array_equal(series.values, NORMS)
    assert f"the quote in line {step + 2} {NEVER}" in series.notes


def test_a_quote_is_never_closed_and_others_hold_commas(tmp_path):
    series = read_series(written(tmp_path / "log.csv", rows_with({7: '"a, b"', 99: '"oops'})))
    np.testing.assert_array_equal(series.values, NORMS)
    assert f"the quote in line 101 {NEVER}" in series.notes


def test_two_quotes_with_rows_between_are_named(tmp_path):
    series = read_series(written(tmp_path / "log.csv", rows_with({20: '"', 40: '"'})))
    assert len(series.values) == 280
    assert any("the quoted text from line 22 to line 42 holds what look like rows" in note for note in series.notes)


@pytest.mark.parametrize("header", ['"step","lr,"update_norm"', '"step","lr ,"update_norm"', '"step,"lr","update_norm"'])
def test_a_header_that_lost_a_quote_keeps_its_names(tmp_path, header):
    path = tmp_path / "run.csv"
    path.write_text(header + "\n" + "".join(f'"{i}","0.1","{i / 8}"\n' for i in range(1, 101)))
    series = read_series(path)
    assert series.column == "update_norm"
    np.testing.assert_array_equal(series.values, np.arange(1, 101) / 8)
    assert "a quote in line 1, the header, is not closed: its names are read without quotes" in series.notes


def test_a_delimiter_in_a_quoted_name_is_no_lost_quote(tmp_path):
    """As R writes a table: the rows have one field more than the header."""
    path = tmp_path / "run.csv"
    path.write_text('"lr, of all","update_norm"\n' + "".join(f'"{i}",0.1,{i / 8}\n' for i in range(1, 101)))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, np.arange(1, 101) / 8)
    assert not any("quote" in note for note in series.notes)


@pytest.mark.parametrize("note", ['"two\nlines"', '"a ""quoted"" word\n\nand, more\n"', '5" nail', '"a, b"', '""'])
def test_quotes_in_text_are_nothing_to_note(tmp_path, note):
    series = read_series(written(tmp_path / "log.csv", rows_with(dict.fromkeys((0, 150, 299), note))))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, np.arange(300))
    assert series.notes == ()


def test_a_quoted_text_that_is_still_being_written(tmp_path):
    path = written(tmp_path / "log.csv", rows_with({299: '"first line'}))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS[:-1])
    assert "the last line has no end and was left out" in series.notes[0]


@pytest.mark.parametrize("form", ["pandas", "quoted"])
def test_names_with_commas(tmp_path, form):
    frame = pd.DataFrame({"step": np.arange(300), "update_norm": NORMS, "lr=0.1,bs=32": NORMS + 1, "lr=0.2,bs=32": NORMS + 2})
    frame.to_csv(tmp_path / "log.csv", index=False, quoting=0 if form == "pandas" else 1)
    np.testing.assert_array_equal(read_series(tmp_path / "log.csv").values, NORMS)
    np.testing.assert_array_equal(read_series(tmp_path / "log.csv", "lr=0.2,bs=32").values, NORMS + 2)


@pytest.mark.parametrize("twice", ["loss", "lr", "grad_norm", "anything, else"])
def test_two_columns_of_one_name_matter_only_if_they_are_wanted(tmp_path, twice):
    table = np.stack([np.arange(300), NORMS, NORMS + 1, NORMS + 2], axis=1)
    pd.DataFrame(table, columns=["step", "update_norm", twice, twice]).to_csv(tmp_path / "log.csv", index=False)
    series = read_series(tmp_path / "log.csv")
    np.testing.assert_array_equal(series.values, NORMS)
    assert (series.lr, series.loss, series.gradients) == (None, None, None)
    assert any("the learning rate is not used: several columns are named lr" in note for note in series.notes) == (twice == "lr")
    with pytest.raises(ValueError, match=f"several columns are named {twice}: they cannot be told apart"):
        read_series(tmp_path / "log.csv", twice)


def test_two_columns_of_one_name_that_are_the_same(tmp_path):
    pd.DataFrame(np.stack([NORMS, NORMS, NORMS + 1], axis=1), columns=["norm", "norm", "lr"]).to_csv(
        tmp_path / "log.csv", index=False
    )
    np.testing.assert_array_equal(read_series(tmp_path / "log.csv").values, NORMS)


def test_two_columns_of_steps_that_differ(tmp_path):
    pd.DataFrame({"a": np.arange(300), "b": 2 * np.arange(300), "norm": NORMS}).to_csv(
        tmp_path / "log.csv", index=False, header=["step", "step", "norm"]
    )
    with pytest.raises(ValueError, match="several columns are named step"):
        read_series(tmp_path / "log.csv")


def test_the_names_of_pandas_are_no_norms(tmp_path):
    pd.DataFrame(NORMS).to_csv(tmp_path / "one.csv", index=False)
    series = read_series(tmp_path / "one.csv")
    np.testing.assert_array_equal(series.values, NORMS)
    assert "the first line, 0, is taken for the names of the columns, as pandas writes them" in series.notes
    pd.DataFrame({0: np.arange(300), 1: NORMS}).to_csv(tmp_path / "two.csv", index=False)
    np.testing.assert_array_equal(read_series(tmp_path / "two.csv", "1").values, NORMS)


@pytest.mark.parametrize("text", ["0.5\n0.25\n", "0\n1\n2\n3\n", "1\n0.5\n", "0.0\n0.5\n"])
def test_numbers_in_the_first_line_are_numbers(tmp_path, text):
    (tmp_path / "log.csv").write_text(text)
    assert read_series(tmp_path / "log.csv").values.tolist() == [float(line) for line in text.split()]


@pytest.mark.parametrize(("columns", "rows"), [(10_000, 12), (4, 20_000), (500, 200)])
def test_any_shape_is_read_exactly(tmp_path, columns, rows):
    table = np.exp(np.random.default_rng(1).uniform(-690, 690, (rows, columns)))  # 1e-300 to 1e300
    table[:, 0] = np.arange(rows)
    table[rows // 2 :, 2] = np.nan  # empty fields
    names = ["step", "wcdfa/update_norm", "loss", *(f"wcdfa/update_norm/{i}" for i in range(columns - 3))]
    pd.DataFrame(table, columns=names).to_csv(tmp_path / "log.csv", index=False)
    (run,) = sources(tmp_path / "log.csv")[0].runs()
    assert list(run.columns) == names
    np.testing.assert_array_equal(run.columns["loss"].values, table[: rows // 2, 2])
    (series,) = series_of(run)
    np.testing.assert_array_equal(series.values, table[:, 1])
    np.testing.assert_array_equal(list(series.direction.groups.values()), table.T[3:])


def test_each_of_many_columns_is_a_series(tmp_path):
    table = np.random.default_rng(2).random((3, 3_000))
    names = [f"layer{i}/norm" for i in range(3_000)]
    pd.DataFrame(table, columns=names).to_csv(tmp_path / "log.csv", index=False)
    (run,) = sources(tmp_path / "log.csv")[0].runs()
    np.testing.assert_array_equal([series.values for series in series_of(run, ["layer*"])], table.T)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step,norm\n" + "0" * (17 << 20) + "\n", "not a table: line 2 is longer than 16 MB"),
        ("n" * (17 << 20) + "\n1\n", "not a table: line 1 is longer than 16 MB"),
        ("," * 100_000 + "\n", "a table of 100,001 columns would take 600 MB of memory"),
        ("step,norm\n1,2\n3\n", "not a table: .*Expected 2 columns, got 1"),
        ("step,norm\n1,2\n3,4,5\n", "not a table: .*Expected 2 columns, got 3"),
        ("step,norm\n1,2\n" + "\0" * 100 + "\n", "not a table: .*Expected 2 columns, got 1"),
        ("7" * (17 << 20), "no column of numbers"),
    ],
    ids=range(7),
)
def test_what_is_no_table_is_refused(tmp_path, text, message):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"log\.csv: {message}"):
        read_series(tmp_path / "log.csv")


def test_long_texts_beside_the_numbers(tmp_path):
    rows = "".join(f"{i},{norm},{'x' * 200_000}\n" for i, norm in enumerate(NORMS[:40]))
    (tmp_path / "run.csv").write_text("step,update_norm,text\n" + rows)
    for _ in range(20):  # the first attempt fails, and its thread must not go on reading in the file
        np.testing.assert_array_equal(read_series(tmp_path / "run.csv").values, NORMS[:40])


@pytest.mark.parametrize("at", [0, 1, 2, 500])
@pytest.mark.parametrize("name", ["update_norm", "size"])
def test_the_header_is_repeated_anywhere(tmp_path, at, name):
    rows = [f"{i / 7},text" for i in range(600)]
    lines = [f"{name},note", *rows[:at], f"{name},note", *rows[at:]]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    series = read_series(tmp_path / "log.csv")
    assert series.values.tolist() == [i / 7 for i in range(600)]
    assert "the header is repeated once: the log was started again in the same file" in series.notes


@pytest.mark.parametrize("at", [2, 500])
def test_a_word_among_the_numbers_of_the_only_column(tmp_path, at):
    lines = [str(i / 7) for i in range(600)]
    lines[at] = "none"
    (tmp_path / "log.csv").write_text("\n".join(["size", *lines]) + "\n")
    series = read_series(tmp_path / "log.csv")
    assert np.isnan(series.values[at])
    assert "1 value of size is no number and left out: the first is 'none'" in series.notes
