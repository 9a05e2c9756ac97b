"""Standard input and pipes: read once, by what comes out of them, and never waited for without an end."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.commands import PROGRAM, environment, run
from tests.helpers.log_files import NORMS
from tests.helpers.pipes import make_special
from wcdfa.readers import read_series, sources, streams
from wcdfa.readers.places import require_followed


@contextmanager
def written(place, data, *, pause=0.0):
    """A pipe to which a thread writes in two parts."""
    make_special(place)

    def write():
        with suppress(BrokenPipeError), place.open("wb", buffering=0) as file:
            for part in (data[: len(data) // 2], data[len(data) // 2 :]):
                file.write(part)
                time.sleep(pause)

    thread = threading.Thread(target=write)
    thread.start()
    yield place
    thread.join(10)
    assert not thread.is_alive()


def content(log, kind):
    place = log(kind)
    return (next(place.iterdir()) if place.is_dir() else place).read_bytes()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "parquet", "json", "events"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_read_by_its_content(tmp_path, log, kind, packed):
    data = content(log, kind)
    with written(tmp_path / "pipe", gzip.compress(data) if packed else data) as place:
        series = read_series(place)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.path == place


@pytest.mark.parametrize("name", ["run.csv", "run.csv.gz"])
def test_the_name_of_a_pipe_counts_too(tmp_path, log, name):
    data = content(log, "csv")
    with written(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data, pause=0.1) as place:
        (source,) = sources(place)
    assert "csv" in source.reader.description or name.endswith("gz")
    again = pickle.loads(pickle.dumps(source))  # for another process
    for each in (source, again):
        (found,) = each.runs()
        np.testing.assert_array_equal(found.columns["update_norm"].values, NORMS)


def test_the_copy_goes_with_what_was_read(tmp_path, log, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with written(tmp_path / "pipe", content(log, "npz")) as place:
        (source,) = sources(place)
        (found,) = source.runs()
        del source
        assert len(os.listdir(tmp_path / "temporary")) == 1
        np.testing.assert_array_equal(found.columns["update_norm"].values, NORMS)
        del found
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "nothing came out of it"), (b"\1\2\3" * 99, "unknown format"), (b"a,b\nx,y\n", "")]
)
def test_what_is_no_log(tmp_path, monkeypatch, data, said):
    monkeypatch.setattr(streams, "PATIENCE", 0.3)
    with written(tmp_path / "pipe", data) as place, pytest.raises(ValueError, match=rf"^{place}: .*{said}") as error:
        read_series(place)
    assert ".wcdfa" not in str(error.value)


def test_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("wcdfa.readers.elsewhere.MOST", 1 << 16)
    with written(tmp_path / "pipe", b"1,2\n" * 100_000) as place, pytest.raises(ValueError, match="would take more than 0 MB"):
        read_series(place)


def test_a_program_that_does_not_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE", 0.2)
    make_special(tmp_path / "pipe")
    with open(os.open(tmp_path / "pipe", os.O_RDWR), "wb", buffering=0) as writer:
        writer.write(b"step,norm\n")
        with pytest.raises(ValueError, match=r"nothing more came out of it for .* seconds, and its end did not come"):
            sources(tmp_path / "pipe")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes among its files")
def test_standard_input(tmp_path, log):
    given = gzip.compress(content(log, "jsonl"))
    command = [*PROGRAM, "analyze", "-", "--window", "100", "--json"]
    done = subprocess.run(
        command, input=given, capture_output=True, cwd=tmp_path, env=environment(tmp_path), check=False, timeout=120
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b'"path": "-"' in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="bash passes other names here")
def test_process_substitution(tmp_path, log):
    command = f"{sys.executable} -c 'import sys; from wcdfa.readers import read_series; print(len(read_series(sys.argv[1]).values))' <(cat {log('csv')})"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("300\n", "")


def test_watch_cannot_follow_it(tmp_path):
    done = run("watch", "-", cwd=tmp_path)
    assert done.returncode == 1
    assert "watch follows files of this machine, as they grow; standard input cannot be followed: use analyze" in " ".join(
        done.stderr.split()
    )
    with pytest.raises(ValueError, match=r"s3://bucket/run\.csv cannot be followed"):
        require_followed(Path("s3://bucket/run.csv"))
