"""Compressed logs and archives: unpacked into a temporary folder, within limits, and nothing stays behind."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import lzma
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.commands import run
from tests.helpers.log_files import NORMS, write_csv, write_jsonl
from wcdfa.analysis.parallel import in_processes, tasks
from wcdfa.analysis.series import Settings
from wcdfa.readers import read_series, sources
from wcdfa.readers.formats import packed
from wcdfa.support import temporary_folders
from wcdfa.support.temporary_folders import TemporaryFolder

ENDINGS = ("gz", "bz2", "xz", "zst")


def zst(data):
    return require("zstandard").ZstdCompressor().compress(data)


PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zst}


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, which is empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def left():
        return [name for name in os.listdir(folder) if name.startswith(".wcdfa-")]

    yield folder
    if left():
        gc.collect()
    assert left() == []


def single(path):
    return next(path.iterdir()) if path.is_dir() else path


def pack(path, to, ending):
    to.parent.mkdir(parents=True, exist_ok=True)
    place = to.with_name(f"{to.name}.{ending}")
    if ending == "zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, to.name)
    else:
        place.write_bytes(PACK[ending](path.read_bytes()))
    return place


@pytest.mark.parametrize("ending", [*ENDINGS, "zip"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "parquet", "events", "wandb", "json"])
def test_a_compressed_log_is_read_as_the_log(tmp_path, log, kind, ending):
    original = single(log(kind))
    place = pack(original, tmp_path / "run" / original.name, ending)
    series, plain = read_series(place), read_series(original)
    np.testing.assert_array_equal(series.values, plain.values)
    np.testing.assert_array_equal(series.steps if series.steps is not None else 0, plain.steps if plain.steps is not None else 0)
    assert (series.path, series.run, series.column, series.notes) == (place, plain.run, plain.column, plain.notes)
    assert [each.path for each in sources(tmp_path / "run")] == [place]


@pytest.mark.parametrize("ending", ENDINGS)
def test_several_parts_one_after_the_other(tmp_path, ending):
    write_jsonl(tmp_path / "whole.jsonl")
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    place = tmp_path / f"run.jsonl.{ending}"
    place.write_bytes(b"".join(PACK[ending](b"".join(part)) for part in (lines[:100], lines[100:250], lines[250:])))
    np.testing.assert_array_equal(read_series(place).values, NORMS)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("left", [0.7, 0.9])
def test_the_part_before_the_end_of_a_torn_file(tmp_path, ending, left):
    columns = {"step": np.arange(30_000), "update_norm": np.random.default_rng(1).uniform(1, 2, 30_000)}
    write_jsonl(tmp_path / "whole.jsonl", columns)
    place = pack(tmp_path / "whole.jsonl", tmp_path / "run.jsonl", ending)
    data = place.read_bytes()
    place.write_bytes(data[: int(left * len(data))])
    series = read_series(place)
    assert 0.3 * 30_000 < len(series.values) < 30_000  # bz2 and xz have large blocks
    np.testing.assert_array_equal(series.values, columns["update_norm"][: len(series.values)])
    assert "it is cut off, or still being written: what was before was read" in series.notes


@pytest.mark.parametrize("ending", ENDINGS)
def test_damage_in_the_middle(tmp_path, ending):
    write_jsonl(tmp_path / "whole.jsonl")
    place = pack(tmp_path / "whole.jsonl", tmp_path / "run.jsonl", ending)
    data = bytearray(place.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    place.write_bytes(data)
    said = ""
    try:
        said = "; ".join(read_series(place).notes)
    except ValueError as error:
        said = str(error).removeprefix(f"{place}: ")
    assert "it is damaged: " in said or "it is cut off" in said or "nothing in it can be unpacked" in said


@pytest.mark.parametrize("names", [["a.csv", "b.csv"], ["seed=0/run.jsonl", "seed=1/run.jsonl", "notes.txt", "model/weights.bin"]])
def test_each_log_in_an_archive_is_a_run_named_by_its_file(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        for name in names:
            place = tmp_path / "log"
            {".csv": write_csv, ".jsonl": write_jsonl}.get(Path(name).suffix, lambda to: to.write_text("hello"))(place)
            archive.write(place, name)
    (source,) = sources(tmp_path / "runs.zip")
    found = list(source.runs())
    assert [run.name for run in found] == [name for name in names if name.endswith((".csv", ".jsonl"))]
    assert {run.path for run in found} == {tmp_path / "runs.zip"}
    np.testing.assert_array_equal(found[-1].columns["update_norm"].values, NORMS)


def test_a_damaged_log_in_an_archive_loses_no_other(tmp_path):
    write_csv(tmp_path / "good.csv")
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        archive.writestr("a.npz", "nonsense")
        archive.write(tmp_path / "good.csv", "b.csv")
    runs = sources(tmp_path / "runs.zip")[0].runs()
    assert next(runs).name == "b.csv"
    with pytest.raises(ValueError, match=r"runs\.zip: a\.npz: "):
        next(runs)


def test_names_in_an_archive_lead_nowhere_else(tmp_path):
    write_csv(tmp_path / "log.csv")
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        for name in ("../../outside.csv", "/absolute.csv", "C:\\drive.csv"):
            archive.writestr(name, (tmp_path / "log.csv").read_text())
    assert len(list(sources(tmp_path / "runs.zip")[0].runs())) == 3
    assert not (tmp_path / "outside.csv").exists()


@pytest.mark.parametrize("ending", [*ENDINGS, "zip"])
def test_a_bomb_is_refused(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(packed, "ALWAYS", 1 << 18)
    (tmp_path / "zeros").write_bytes(bytes(10 << 20))
    place = pack(tmp_path / "zeros", tmp_path / "run.csv", ending)
    with pytest.raises(ValueError, match=r"run\.csv\..*: unpacked, it would take more than \d MB of the disk"):
        read_series(place)


def test_an_archive_in_an_archive_is_refused(tmp_path):
    write_csv(tmp_path / "log.csv")
    place = tmp_path / "run.csv.gz.gz"
    place.write_bytes(gzip.compress(gzip.compress((tmp_path / "log.csv").read_bytes())))
    with pytest.raises(ValueError, match="an archive in an archive has to be unpacked first"):
        read_series(place)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("run.csv.gz", b"step,update_norm\n1,2\n", "not a file of this kind: it begins with b'step,u'"),
        ("run.csv.gz", gzip.compress(b"x" * 1000, mtime=0)[:10], "nothing in it can be unpacked"),
        ("run.csv.zip", b"PK\x03\x04" + bytes(100), "a zip archive that is cut off lacks its table"),
        ("model.gz", gzip.compress(b"\1\2\3" * 100, mtime=0), "it holds 'model', whose format is unknown"),
        ("run.csv.gz", gzip.compress(b"word\nanother\n", mtime=0), r"run\.csv\.gz: (?!/)"),
    ],
)
def test_what_is_no_log_is_said_under_the_name_of_the_archive(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name}: .*{said}|{said}") as error:
        read_series(tmp_path / name)
    assert "wcdfa-" not in str(error.value)


def test_archives_without_a_log_are_passed_over_in_folders(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    write_jsonl(folder / "log")
    for name in ("model.bin.gz", "config.json.gz", "notes.txt.xz"):
        write = lzma.compress if name.endswith("xz") else gzip.compress
        (folder / name).write_bytes(write(b'{"hidden": 8}'))
    with zipfile.ZipFile(folder / "code.zip", "w") as archive:
        archive.writestr("train.py", "print()")
    (folder / "broken.zip").write_bytes(b"PK")
    (folder / "train.log.gz").write_bytes(gzip.compress((folder / "log").read_bytes()))
    assert [each.path.name for each in sources(folder)] == ["log", "train.log.gz"]


def test_in_other_processes(tmp_path, log, monkeypatch, temporary):
    monkeypatch.setenv("TMPDIR", str(temporary))
    for i in range(3):
        pack(log("jsonl"), tmp_path / "runs" / f"{i}.jsonl", "gz")
    found = sources(tmp_path / "runs")
    assert pickle.loads(pickle.dumps(found)) == found
    results = [each for batch in in_processes(tasks(found, Settings(window=100), 2), 2) for each in batch]
    assert sorted(Path(each["path"]).name for each in results) == ["0.jsonl.gz", "1.jsonl.gz", "2.jsonl.gz"]
    assert all("error" not in each for each in results)


def test_the_command(tmp_path, log):
    place = pack(log("jsonl"), tmp_path / "run.jsonl", "gz")
    done = run("analyze", place, "--window", "100", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert f'"path": "{place}"' in done.stdout


def test_a_folder_of_a_process_that_was_killed_is_removed(temporary):
    code = (
        "import os, tempfile; from wcdfa.support.temporary_folders import TemporaryFolder; f = TemporaryFolder(); print(f.path); "
    )
    environment = os.environ | {"TMPDIR": str(temporary)}

    def after(end):
        left = subprocess.run([sys.executable, "-c", code + end], env=environment, capture_output=True, text=True, check=False)
        return Path(left.stdout.strip()).exists()

    assert not after("pass")
    assert after("import sys; sys.stdout.flush(); os.kill(os.getpid(), 9)") or os.name == "nt"
    in_use = TemporaryFolder()
    assert os.listdir(temporary) == [in_use.path.parent.name]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_after_a_fork_leaves_the_folder_to_its_parent():
    folder = TemporaryFolder()
    temporary_folders._remove(str(folder.path.parent), io.BytesIO(), os.getpid() + 1)  # as the child would
    assert folder.path.is_dir()
    shutil.rmtree(folder.path.parent)


@pytest.mark.parametrize("ending", [*ENDINGS, "zip"])
def test_a_compressed_text_by_a_pattern(tmp_path, ending):
    (tmp_path / "text").write_text("".join(f"step {i}: gnorm <{norm!r}>\n" for i, norm in enumerate(NORMS.tolist())))
    place = pack(tmp_path / "text", tmp_path / "out.txt", ending)
    (source,) = sources(place, r"step (?P<step>\d+): gnorm <(?P<value>[^>]+)>")
    (found,) = pickle.loads(pickle.dumps(source)).runs()
    np.testing.assert_array_equal(found.columns["gnorm"].values, NORMS)
    assert found.path == place
