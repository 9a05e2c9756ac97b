"""Names that would do harm: in runs, series and files, through the readers and on the terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.conftest import require
from tests.helpers import log_files
from tests.helpers.log_files import NORMS
from tests.helpers.processes import ROOT
from wcdfa.readers import sources
from wcdfa.readers.series import read_series, series_of

HOSTILE = {
    "shortcode": ":red_circle: :x:",
    "script": "<script>alert(1)</script>",
    "path": "../../x",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "newline": "one\ntwo\r\nthree",
    "markup": "[red]x[/red]",
    "closing": "\\[/red]",
    "override": "safe\u202etxt.exe",
    "long": "k" * 10_000,
    "emoji": "🔥 norm",
    "empty": "",
    "surrogate": "\ud83d",
    "mathtext": r"$\frac$ $x",
    "nul": "a\x00b",
    "separators": "a\u2028b\x85c",
}
FILES = {
    name: text
    for name, text in HOSTILE.items()
    if "/" not in text and text and len(text) < 200 and name not in ("nul", "surrogate")
}
LONG = 900  # steps


def write_run(path, column="update_norm", values=None):
    values = np.exp(0.1 * np.random.default_rng(0).standard_normal(LONG)) if values is None else values
    path.write_text("".join(json.dumps({"step": i, column: v, "other": 1.0}) + "\n" for i, v in enumerate(values.tolist())))
    return path


def fit_for_a_terminal(text):
    """Whether a terminal finds nothing to obey in it, and the eye all that there is."""
    return all(each.isprintable() for each in text)


@pytest.mark.parametrize("column", HOSTILE.values(), ids=HOSTILE)
def test_series_of_any_name(tmp_path, column):
    series = read_series(write_run(tmp_path / "a.jsonl", column), re.sub(r"[\[*?]", "?", column))
    assert series.column == column
    assert fit_for_a_terminal(series.name)
    assert len(series.name) < 400
    with pytest.raises(ValueError, match="which column") as refused:
        read_series(tmp_path / "a.jsonl")
    assert fit_for_a_terminal(str(refused.value))
    with pytest.raises(ValueError, match="no column of numbers named") as refused:
        read_series(tmp_path / "a.jsonl", f"{column}?")
    assert fit_for_a_terminal(str(refused.value))


@pytest.mark.parametrize("column", [text for name, text in HOSTILE.items() if name != "surrogate"])
def test_columns_of_tables_of_any_name(tmp_path, column):
    frame = pd.DataFrame({"step": np.arange(300), column: NORMS, "text": ["x"] * 300})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", **{column: NORMS, "step": np.arange(300)}) if "\x00" not in column else None
    for path in tmp_path.iterdir():
        (source,) = sources(path)
        (run,) = source.runs()
        if path.suffix == ".csv" and column in (
            "",
            "one\ntwo\r\nthree",
        ):  # pandas writes an empty name as Unnamed, and Arrow ends a line there
            continue
        series = next(series_of(run, [re.sub(r"[\[*?]", "?", column)]))
        assert series.column == column
        np.testing.assert_array_equal(series.values, NORMS)
        assert fit_for_a_terminal(series.name)


@pytest.mark.parametrize("name", FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    "ending", [".csv", ".tsv", ".jsonl", ".npy", ".npz", ".parquet", ".wandb", ".db", ".json", ".tfevents.1", ".wrong"]
)
def test_files_of_any_name(tmp_path, name, ending):
    """What is wrong with them is said without their names doing anything."""
    path = tmp_path / f"{name}{ending}"
    for content in (b"", b"x\n\x1b[31m\ny", b'{"log_history": [{"\\u001b": "x"}]}', b"a,b\n\x1b[31m,2,3\n", b"PK\x03\x04\x1b[31m"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r".") as refused:
            read_series(path)
        assert fit_for_a_terminal(str(refused.value))
    folder = tmp_path / f"{name}.d"
    folder.mkdir()
    (folder / f"{name}.txt").touch()
    with pytest.raises(ValueError, match="no log in this folder") as refused:
        read_series(folder)
    assert fit_for_a_terminal(str(refused.value))


def test_tables_of_any_name_in_a_store(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "a.db") as store:
        for number, name in enumerate(HOSTILE.values()):
            if "\x00" not in name and "\ud83d" not in name:
                quoted = name.replace('"', '""')
                store.execute(f'CREATE TABLE "{quoted}{number}" (x)')
    store.close()
    with pytest.raises(ValueError, match="not a store of MLflow or trackio") as refused:
        read_series(tmp_path / "a.db")
    assert fit_for_a_terminal(str(refused.value))


@pytest.mark.parametrize("tracker", ["wandb", "mlflow", "trackio"])
def test_runs_of_any_name(log, tracker):
    (source,) = sources(log(tracker))
    *_, run = source.runs()
    assert run.name.rpartition(" ")[0] == log_files.HOSTILE
    for series in series_of(run, ["*"]):
        assert fit_for_a_terminal(series.name)


def test_tags_of_any_name_in_tensorboard(tmp_path, torch):
    require("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    tags = [text for name, text in HOSTILE.items() if name not in ("surrogate", "empty")]
    with SummaryWriter(tmp_path / "run") as writer:
        for tag in tags:
            for step in range(3):
                writer.add_scalar(tag, step, step)
    (source,) = sources(tmp_path / "run")
    (run,) = source.runs()
    assert sorted(run.columns) == sorted(tags)
    assert all(fit_for_a_terminal(series.name) for series in series_of(run, ["*"]))


COMMANDS = """
import contextlib, io, json, os, sys
from wcdfa.cli.app import main

done = []
for folder, arguments in json.load(sys.stdin):
    os.chdir(folder)
    sys.argv = ["wcdfa", "analyze", *arguments]
    output, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(said):
        try:
            code = main()
        except SystemExit as end:
            code = end.code
    done.append([code or 0, output.getvalue(), said.getvalue()])
print(json.dumps(done))
"""


def commands(calls, cwd):
    """Exit status, output and errors of each call of ``wcdfa analyze``, a folder and arguments: all in one process."""
    code, output, said = run("-c", COMMANDS, cwd=cwd, input=json.dumps(calls).encode())
    assert code == 0, said
    return json.loads(output)


def command(*arguments, cwd):
    return run("-c", "from wcdfa.cli.app import main; main()", "analyze", *map(os.fspath, arguments), cwd=cwd)


def run(*arguments, cwd, input=None):
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        input=input,
        env={
            "PATH": "",
            "WCDFA_CACHE_DIR": os.environ["WCDFA_CACHE_DIR"],
            "COLUMNS": "100",
            "MPLCONFIGDIR": str(cwd),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": str(ROOT),
        },
    )
    output, said = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in said, said
    return done.returncode, output, said


def harmless(text):
    """Whether a whole output holds no control characters but ends of lines."""
    return all(each.isprintable() for line in text.split("\n") for each in line)


ALONE = ["escape", "closing", "markup", "mathtext", "emoji", "newline", "override"]


@pytest.fixture(scope="module")
def on_the_terminal(tmp_path_factory):
    """What is printed of one series of each of these names, which is also that of its file and of its picture."""
    top = tmp_path_factory.mktemp("terminal")
    calls = []
    for kind in ALONE:
        (top / kind).mkdir()
        path = write_run(top / kind / f"{HOSTILE[kind].replace('/', '')}.jsonl", HOSTILE[kind])
        calls.append([str(top / kind), [f"./{path.name}", "--column", re.sub(r"[\[*?]", "?", HOSTILE[kind])]])
    return dict(zip(ALONE, commands(calls, top), strict=True))


@pytest.mark.parametrize("kind", ALONE)
def test_one_series_on_the_terminal(on_the_terminal, kind):
    code, output, said = on_the_terminal[kind]
    assert code == 0, said
    assert "Traceback" not in said
    assert "picture: " in output
    assert harmless(output + said)


def test_many_series_on_the_terminal_and_in_json(tmp_path):
    (tmp_path / "runs").mkdir()
    for seed, text in enumerate(FILES.values(), start=1):  # equal values would be one run
        values = np.exp(0.1 * np.random.default_rng(seed).standard_normal(LONG))
        write_run(tmp_path / "runs" / f"{text}.jsonl", values=values)
    rows = [json.dumps({"step": i, **{name: v for name in HOSTILE.values()}}) for i, v in enumerate(NORMS.tolist())]
    (tmp_path / "runs" / "series.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "runs" / "\x1b[31mbad[red].csv").write_text("\x1b[31m\nx\n")
    code, output, said = command("runs", "--column", "*", "--jobs", "1", "--window", "128", cwd=tmp_path)
    assert code == 1  # of bad.csv
    assert harmless(output + said)
    assert all(text in output + said for text in ("<script>", r"\x1b[31m", "[red]", r"\u202e", ":red_circle:"))
    code, output, said = command("runs", "--column", "*", "--jobs", "1", "--window", "128", "--json", cwd=tmp_path)
    found = [json.loads(line) for line in output.splitlines()]
    assert {each["series"] for each in found if each["path"].endswith("series.jsonl")} == {*HOSTILE.values(), "step"}
    assert {each["path"] for each in found} >= {f"runs/{text}.jsonl" for text in FILES.values()}
    assert harmless(output + said)
