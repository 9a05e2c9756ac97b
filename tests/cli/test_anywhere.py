"""The command line where streams, folders or the package itself are not as usual."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import PROGRAM, environment, run
from wcdfa.cli import app as application
from wcdfa.cli.app import main
from wcdfa.plotting import files as pictures

PACKAGE = Path(wcdfa.__file__).parent


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("a", "b")):
        norms = np.exp(0.1 * wcdfa.synthetic.arfima(1000, d=0.4 * seed, seed=seed))
        rows = "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1))
        (tmp_path / f"{name}.csv").write_text("step,update_norm\n" + rows)
    return tmp_path


def status(arguments, cwd, *, stdout, stderr=None):
    """The exit status of a command that is given these streams."""
    told = patch.object(sys, "argv", ["wcdfa", *arguments]), patch.dict(os.environ, environment(cwd), clear=True)
    streams = patch.object(sys, "stdout", stdout), patch.object(sys, "stderr", io.StringIO() if stderr is None else stderr)
    with chdir(cwd), told[0], told[1], streams[0], streams[1], pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


COMMANDS = [
    ["--help"],
    ["--version"],
    ["analyze", "--help"],
    ["analyze", "a.csv", "--optimizer", "adamw"],
    ["analyze", "a.csv", "b.csv"],
    ["analyze", "a.csv", "b.csv", "--group-by", "csv"],
    ["compare", "a.csv", "b.csv"],
    ["report", "a.csv"],
    ["watch", "a.csv", "--idle", "0.1", "--every", "0.05"],
    ["analyze", "nichts_ü_漢.csv"],
]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_every_command_prints_in_any_encoding(folder, encoding):
    for arguments in COMMANDS if encoding == "ascii" else [*COMMANDS[:4], COMMANDS[-1]]:
        plain, usual, error = (
            io.TextIOWrapper(io.BytesIO(), encoding=name, write_through=True) for name in (encoding, "utf-8", encoding)
        )
        assert status(arguments, folder, stdout=plain, stderr=error) == status(arguments, folder, stdout=usual), arguments
        said, meant = (stream.buffer.getvalue().decode(stream.encoding) for stream in (plain, usual))
        assert ("alpha" in said) == ("α" in meant or "alpha" in meant), arguments
        assert "‖" not in said
        assert ("|dW|" in said) == ("‖ΔW‖" in meant), arguments
        assert "\\u" not in said, arguments
    assert "nichts_" in error.buffer.getvalue().decode(encoding)


def test_tables_keep_their_shape_in_ascii(folder):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    assert status(["analyze", "a.csv"], folder, stdout=stdout) == 0
    table = [line for line in stdout.buffer.getvalue().decode().splitlines() if line.startswith(("|", "+"))]
    assert len(table) > 4
    assert len({len(line) for line in table}) == 1


def test_the_demo_prints_in_ascii(tmp_path):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    assert status(["demo", "--quick"], tmp_path, stdout=stdout) in (0, None)
    assert "alpha of |dW|, 2,000 steps" in stdout.buffer.getvalue().decode()


class Tee:
    """As scripts put in place of a stream: it writes and flushes, and no more."""

    def __init__(self):
        self.said = ""

    def write(self, text):
        self.said += text

    def flush(self):
        pass


class AsciiTee(Tee):
    def write(self, text):
        super().write(text.encode("ascii").decode())


def test_a_tee_will_do_for_both_streams(folder):
    out, error = AsciiTee(), Tee()
    assert status(["analyze", "a.csv"], folder, stdout=out, stderr=error) == 0
    assert "alpha of the run" in out.said
    assert status(["analyze", "missing.csv"], folder, stdout=out, stderr=error) == 1
    assert "missing.csv" in error.said


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed()], ids=["none", "closed"])
def test_no_streams_will_do(folder, stream):
    arguments = ["analyze", "a.csv", "b.csv", "--table", "t.parquet"]
    assert status(arguments, folder, stdout=stream, stderr=closed()) == 0
    assert (folder / "t.parquet").exists()


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


class Left(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(("stream", "code", "said"), [(Full(), 1, "No space left"), (Left(), 141, "")])
@pytest.mark.parametrize("arguments", [["analyze", "a.csv"], ["analyze", "a.csv", "--json"], ["--help"]])
def test_output_that_cannot_be_written_ends_the_command(folder, stream, code, said, arguments):
    error = io.StringIO()
    assert status(arguments, folder, stdout=stream, stderr=error) == code
    assert said in error.getvalue()
    assert "Traceback" not in error.getvalue()


class FullAtTheEnd(io.StringIO):
    """A buffer that does not get to the disk."""

    def flush(self):
        raise OSError(28, "No space left on device")


def test_output_that_is_lost_at_the_end_is_a_failure(folder):
    error = io.StringIO()
    with patch.object(application, "app", lambda: print("found")):
        assert status([], folder, stdout=FullAtTheEnd(), stderr=error) == 1
    assert "No space left" in error.getvalue()


def test_the_picture_that_nobody_named_may_fail(folder, monkeypatch):
    def read_only(path):
        raise OSError(30, "Read-only file system", str(path) + ".tmp")

    monkeypatch.setattr(pictures, "replacing", read_only)
    done = run("analyze", "a.csv", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "α of the run" in done.stdout
    said = " ".join(done.stdout.split())
    assert "note: the picture cannot be written to" in said
    assert "Read-only file system; choose another folder, or name a file with --output" in said
    named = run("analyze", "a.csv", "--output", "a.png", cwd=folder)
    assert named.returncode == 1
    assert "α of the run" in named.stdout
    assert "Read-only file system" in named.stderr
    assert ".tmp" not in named.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["analyze", "a.csv", "--output", "b.csv/a.png"], "picture"),
        (["report", "a.csv", "--output", "b.csv/a.html"], "report"),
        (["demo", "--quick", "--report", "b.csv/a.html"], "report"),
        (["demo", "--quick", "--output", "b.csv/a.png"], "picture"),
        (["analyze", "a.csv", "b.csv", "--table", "b.csv/t.parquet"], "table"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_named_before_anything_is_computed(folder, arguments, what):
    done = run(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the {what} cannot be written to" in done.stderr
    assert "choose another folder" in done.stderr


def test_python_m_wcdfa_is_wcdfa_and_works_from_a_zip(folder, tmp_path):
    archive = tmp_path / "wcdfa.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for place, names, found in os.walk(PACKAGE, followlinks=True):
            names[:] = [name for name in names if name != "__pycache__"]
            for name in found:
                path = Path(place, name)
                made.write(path, Path("wcdfa", path.relative_to(PACKAGE)))
    (tmp_path / "cache").mkdir()
    told = {**environment(folder), "PYTHONPATH": str(archive), "WCDFA_CACHE_DIR": str(tmp_path / "cache")}
    for arguments in (["analyze", "a.csv", "--optimizer", "adamw"], ["report", "a.csv"]):
        command = [sys.executable, "-W", "error", "-m", "wcdfa", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=told, check=False, timeout=240)
        assert done.returncode == 0, done.stderr
        assert "calibrating" not in done.stderr  # what ships with the package is read
    assert (folder / "a-wcdfa.html").exists()
    assert list((tmp_path / "cache").glob("calibration-*")) == []


LOST = [
    ["analyze", "a.csv"],
    ["analyze", "a.csv", "--json"],
    ["analyze", "a.csv", "--json", "--output", "a.png"],
    ["analyze", "a.csv", "b.csv"],
    ["analyze", "a.csv", "b.csv", "--json", "--table", "t.parquet"],
    ["compare", "a.csv", "b.csv"],
    ["compare", "a.csv", "b.csv", "--json"],
    ["watch", "a.csv", "--idle", "0.1", "--every", "0.05"],
]


@pytest.mark.parametrize("arguments", LOST, ids=" ".join)
@pytest.mark.parametrize("stream", [None, closed()], ids=["none", "closed"])
def test_a_result_that_nobody_can_read_is_a_failure(folder, stream, arguments):
    error = io.StringIO()
    assert status(arguments, folder, stdout=stream, stderr=error) == 1
    assert "standard output is closed, so the result cannot be printed" in " ".join(error.getvalue().split())


@pytest.mark.parametrize(
    "arguments", [["analyze", "a.csv", "--output", "a.png"], ["report", "a.csv", "--output", "a.html"]], ids=" ".join
)
def test_a_file_is_a_result_without_standard_output(folder, arguments):
    assert status(arguments, folder, stdout=None) == 0
    assert (folder / arguments[-1]).exists()


@pytest.mark.skipif(os.name != "posix", reason="the shell of POSIX closes the stream")
def test_a_shell_that_closes_standard_output_is_told(folder):
    command = ["/bin/sh", "-c", '"$@" >&-', "sh", *PROGRAM, "analyze", "a.csv", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment(folder), timeout=240)
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr
    assert "Traceback" not in done.stderr
