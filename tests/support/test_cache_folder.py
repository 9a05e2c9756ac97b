"""Where computed tables are kept, and that a process without such a place goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wcdfa.support import files

HOMELESS = """
import os, pwd
def unknown(*_): raise KeyError("no such user")
pwd.getpwuid = unknown
for name in ("HOME", "WCDFA_CACHE_DIR", "XDG_CACHE_HOME"): os.environ.pop(name, None)
from wcdfa.support.files import cache_folder
print(cache_folder())
import wcdfa
print(len(wcdfa.dfa(wcdfa.synthetic.white_noise(60, seed=0)).scales) > 2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a user has an entry in a list on POSIX alone")
def test_a_user_without_a_home_keeps_tables_in_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HOMELESS], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "True"]
    assert os.listdir(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_said_once(tmp_path, monkeypatch, caplog):
    files._warn_of_no_folder.cache_clear()
    place = tmp_path / "cache"
    place.write_text("")
    monkeypatch.setenv("WCDFA_CACHE_DIR", str(place))
    assert files.cache_folder() is None
    assert files.cache_folder() is None
    (record,) = caplog.records
    assert str(place) in record.getMessage()
    assert "WCDFA_CACHE_DIR" in record.getMessage()
    assert place.read_text() == ""


def test_a_folder_that_is_not_there_yet_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("WCDFA_CACHE_DIR", str(tmp_path / "later"))
    assert files.cache_folder() == tmp_path / "later"
