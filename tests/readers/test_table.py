"""The table of formats: one module in the folder is all that a new kind of log needs."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.processes import ROOT
from wcdfa.readers import formats, sources
from wcdfa.readers.series import read_series

HEAVY = ("pyarrow", "tensorboard", "google", "wandb", "mlflow", "trackio", "tensorstore", "torch", "safetensors")
MODULE = '''
"""Throw-away logs: a number on each line."""

from pathlib import Path

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Column, Run


def read_notes(path):
    import {library}

    yield Run(path, "", {{"update_norm": Column(np.array([float(line) for line in path.read_text().split()]))}})


READER = FileReader("notes of a lab", (".notes",), read_notes, extra="lab")
'''


@pytest.fixture
def dropped(tmp_path, monkeypatch):
    """``dropped("json")``: a module of a format that needs this library, dropped into the folder of formats."""

    def drop(library):
        (tmp_path / "formats").mkdir()
        (tmp_path / "formats" / "notes.py").write_text(MODULE.format(library=library))
        monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path / "formats")])
        formats.readers.cache_clear()

    yield drop
    formats.readers.cache_clear()
    sys.modules.pop("wcdfa.readers.formats.notes", None)
    vars(formats).pop("notes", None)


def test_a_module_in_the_folder_is_a_format(tmp_path, dropped):
    dropped("json")
    path = tmp_path / "runs" / "a.notes"
    path.parent.mkdir()
    path.write_text("0.5\n0.25\n")
    (source,) = sources(tmp_path / "runs")
    assert (source.path, source.reader.description) == (path, "notes of a lab")
    np.testing.assert_array_equal(read_series(path).values, [0.5, 0.25])
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(ValueError, match=r"unknown format '.xlsx'; known are .*\.notes"):
        sources(tmp_path / "a.xlsx")
    assert "notes of a lab" in formats.described()
    assert pickle.loads(pickle.dumps(source)) == source  # it is sent to other processes


def test_what_a_format_lacks_is_said_with_the_extra_that_installs_it(tmp_path, dropped):
    dropped("no_such_library")
    path = tmp_path / "a.notes"
    path.touch()
    needed = "a.notes: reading it needs no_such_library, which is not installed: pip install 'wcdfa[lab]'"
    with pytest.raises(ValueError, match=re.escape(needed)):
        read_series(path)


def test_without_the_module_there_is_no_such_format(tmp_path):
    (tmp_path / "a.notes").touch()
    with pytest.raises(ValueError, match=r"unknown format '.notes'"):
        sources(tmp_path / "a.notes")
    assert "notes of a lab" not in formats.described()


def test_no_two_formats_have_one_ending():
    endings = [ending for reader in formats.readers() for ending in reader.endings]
    assert len(endings) == len(set(endings))
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


@pytest.mark.parametrize("reader", formats.readers(), ids=lambda reader: reader.description)
def test_every_reader_can_be_sent_to_another_process(reader):
    assert pickle.loads(pickle.dumps(reader)) == reader


def test_the_table_imports_no_library(tmp_path):
    program = (
        "import sys; from wcdfa.readers import formats, sources; formats.described(); sources(sys.argv[1]);"
        f"print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    (tmp_path / "a.csv").write_text("update_norm\n1\n")
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
