"""Text tables in the dialects and encodings that people have: each gives the numbers that were written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import require
from wcdfa.readers import read_series, sources
from wcdfa.readers.formats.dialects import DELIMITERS, dialect_of, looks_like_table

require("pyarrow")
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(60))


def table(delimiter=",", decimal=".", header=("step", "loss", "update_norm"), end="\n", norms=NORMS, before=""):
    rows = [(str(i), repr(1 + norm), repr(norm)) for i, norm in enumerate(norms.tolist())]
    lines = [delimiter.join(header), *(delimiter.join(field.replace(".", decimal) for field in row) for row in rows)]
    return before + "".join(line + end for line in lines)


def check(path, norms=NORMS):
    series = read_series(path)
    np.testing.assert_array_equal(series.values, norms)
    np.testing.assert_array_equal(series.steps, np.arange(len(norms)))
    return series


@settings(max_examples=40, deadline=None)
@given(
    delimiter=st.sampled_from(DELIMITERS),
    decimal=st.sampled_from(".,"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]),
    seed=st.integers(0, 9),
)
def test_any_dialect(tmp_path_factory, delimiter, decimal, end, encoding, seed):
    norms = np.exp(np.random.default_rng(seed).standard_normal(30) * 10 ** (seed % 3))
    header = ("step", "größe" if encoding == "latin-1" else "loss", "update_norm")
    path = tmp_path_factory.mktemp("dialect") / "log.csv"
    text = table(delimiter, "." if delimiter == "," else decimal, header, end, norms)
    path.write_bytes(text.encode(encoding))
    assert check(path, norms).notes == ()
    (run,) = sources(path)[0].runs()
    assert list(run.columns) == list(header)


@pytest.mark.parametrize("width", [1, 3, 8])
def test_columns_that_runs_of_spaces_align(tmp_path, width):
    lines = [f"{i:>{width}}  {norm:<22}  {1 + norm!r:>25} " for i, norm in enumerate(NORMS.tolist())]
    (tmp_path / "log.csv").write_text("\n".join(["  step update_norm   loss", *lines]) + "\n")
    check(tmp_path / "log.csv")


@pytest.mark.parametrize(
    "before", ["# step loss update_norm\n", "#step\tloss\tupdate_norm\n", "# made by hand\n#\n# step loss update_norm\n"]
)
def test_the_header_is_a_comment(tmp_path, before):
    delimiter = "\t" if "\t" in before else " "
    rows = table(delimiter).split("\n", 1)[1]
    (tmp_path / "log.tsv").write_text(before + rows)
    check(tmp_path / "log.tsv")


def test_savetxt_of_numpy(tmp_path):
    rows = np.stack([np.arange(60), 1 + NORMS, NORMS], axis=1)
    for name, options in (("a.txt", {}), ("b.dat", {"delimiter": ","}), ("c.out", {"delimiter": "\t", "fmt": "%.18g"})):
        np.savetxt(tmp_path / name, rows, header=options.get("delimiter", " ").join(["step", "loss", "update_norm"]), **options)
        check(tmp_path / name)
    assert len(sources(tmp_path)) == 3


@pytest.mark.parametrize(
    "before",
    [
        '#{"t_start": 1615664131.8, "env_id": "X"}\n',
        "# a, b, c\n\n",
        "Experiment 12\nDate: 2026-01-01\n\n",
        "\n\n",
        "a run of today, it was slow\n",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_lines_above_the_header(tmp_path, before, delimiter):
    (tmp_path / "log.csv").write_text(table(delimiter, before=before))
    series = check(tmp_path / "log.csv")
    assert bool(series.notes) == before[0].isalpha()


@pytest.mark.parametrize("at", [0, 1, 20, 59])
@pytest.mark.parametrize("comment", ["# epoch 2 begins", "#", "# 1,2,3", '# "quoted'])
def test_comments_between_the_rows(tmp_path, at, comment):
    lines = table().splitlines()
    lines.insert(at + 1, comment)
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    check(tmp_path / "log.csv")


def test_names_of_columns_in_quotes_hold_delimiters(tmp_path):
    for delimiter in ",;|\t":
        header = ("step", f'"lr=0.1{delimiter} seed=2"', "update_norm")
        (tmp_path / "log.csv").write_text(table(delimiter, header=header))
        check(tmp_path / "log.csv")
        (run,) = sources(tmp_path / "log.csv")[0].runs()
        assert list(run.columns)[1] == f"lr=0.1{delimiter} seed=2"


def test_a_table_as_r_writes_it(tmp_path):
    rows = table(" ").splitlines()
    (tmp_path / "log.txt").write_text("\n".join([rows[0], *(f'"{i + 1}" {row}' for i, row in enumerate(rows[1:]))]) + "\n")
    check(tmp_path / "log.txt")


def test_rows_that_end_with_a_delimiter(tmp_path):
    rows = table().splitlines()
    (tmp_path / "log.csv").write_text("\n".join([rows[0], *(f"{row}," for row in rows[1:])]) + "\n")
    check(tmp_path / "log.csv")


def test_whole_numbers_above_fractions_are_names(tmp_path):
    lines = ["42,43,44", *(",".join([repr(norm)] * 3) for norm in NORMS.tolist())]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    series = read_series(tmp_path / "log.csv", "43")
    np.testing.assert_array_equal(series.values, NORMS)
    assert any("the first line, 42, 43, 44, is taken for the names" in note for note in series.notes)


@pytest.mark.parametrize("columns", [3, 400])
def test_a_large_table_in_another_encoding(tmp_path, columns):
    pandas = require("pandas")
    values = np.random.default_rng(1).random((60_000 // columns, columns))
    values[:, 0] = np.arange(len(values))
    frame = pandas.DataFrame(values, columns=["step", "update_norm", *(f"größe {i}" for i in range(columns - 2))])
    frame.to_csv(tmp_path / "log.csv", index=False, encoding="latin-1", sep=";", decimal=",")
    series = check(tmp_path / "log.csv", values[:, 1])
    assert series.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        "epoch 1 loss 0.5\nepoch 2 loss 0.25\nepoch 3 loss 0.12\n",
        "[1/10] loss=0.5, norm=0.1\n[2/10] loss=0.4, norm=0.1\n[3/10] loss=0.3, norm=0.1\n",
        '{"loss": 0.5, "norm": 1}\n{"loss": 0.4, "norm": 1}\n{"loss": 0.3, "norm": 1}\n',
        "2026-01-01 00:00:00,123 INFO step 1\n2026-01-01 00:00:01,123 INFO step 2\n2026-01-01 00:00:02,123 INFO step 3\n",
        "torch==2.13\nnumpy==2.1\npandas\n",
        "This is a text.\nIt has lines, some of them long.\nAnd it ends, here.\n",
        "import numpy as np\nx = 1\ny = 2\n",
        "1\n2\n",
        "",
        "\n\n\n",
        "a,b,c\n",
    ],
)
def test_what_is_surely_no_table(text):
    assert not looks_like_table(text.encode())


def test_noise_is_no_table():
    rng = np.random.default_rng(0)
    for size in (0, 1, 10, 1000, 65536):
        assert not looks_like_table(rng.bytes(size))


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_table_is_recognised_under_any_name(tmp_path, delimiter, encoding):
    (tmp_path / "stdout").write_bytes(table(delimiter).encode(encoding))
    assert looks_like_table(table(delimiter).encode(encoding))
    check(tmp_path / "stdout")


def test_a_comma_is_known_without_a_library(monkeypatch):
    monkeypatch.setattr("wcdfa.readers.formats.dialects.clevercsv", None)
    text = table(header=("step", "train loss", "update_norm"))
    assert dialect_of(text.encode()) == dialect_of(b"a,b\n1,2\n") == dialect_of(b"norm\n0.5\n")
