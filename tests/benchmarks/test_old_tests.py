"""The script that runs the tests of wcdfa 0.1.0: what fails is counted and named, and what is left out has to fail."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.helpers.processes import ROOT

TESTS = """
import pytest
from wcdfa import compute_dfa

class TestWords:
    def test_short(self):
        with pytest.raises(ValueError, match="too short"):
            compute_dfa([1.0])

    def test_other_words(self):
        with pytest.raises(ValueError, match="far too few"):
            compute_dfa([1.0])

def test_author():
    pass

def test_version():
    assert False
"""


def ran(folder):
    script = [sys.executable, str(ROOT / "benchmarks" / "old_tests.py"), str(folder)]
    return subprocess.run(script, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


def test_what_fails_is_named_and_nothing_is_written_into_the_folder(tmp_path):
    (tmp_path / "wcdfa-0.1.0" / "tests").mkdir(parents=True)
    (tmp_path / "wcdfa-0.1.0" / "tests" / "test_all.py").write_text(TESTS)
    done = ran(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "SHORT passed: 1 of 2" in done.stdout
    assert "failed: test_other_words: AssertionError" in done.stdout
    assert "SHORT left out" in done.stdout
    assert "asks for the name of its author - it passes" in done.stdout
    assert "test_regime_critical" in done.stdout
    assert "asks for the version 0.1.0\n" in done.stdout
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_folder_without_tests_is_refused(tmp_path):
    done = ran(tmp_path)
    assert done.returncode == 1
    assert "give the folder of the unpacked sdist" in done.stderr
